"""Disclosure control for any study: what lies behind a number goes in, the number or a named refusal comes out."""
