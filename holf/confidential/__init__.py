"""Real tables in, safe answers out.

`read` accepts a folder of tables as a whole or refuses it, `rules` decides what may be shown, `release` records all
answers in one file, and `scan` checks a site before it is published. Front: `opening.open_study`, for every kind of
source.
"""
