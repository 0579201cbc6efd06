"""Disclosure control: a number and the rows behind it go in, the number or the rule that withholds it comes out."""
