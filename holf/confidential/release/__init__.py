"""Releases: everything that the chapters ask of real data, answered once, made safe, and kept in one file."""
