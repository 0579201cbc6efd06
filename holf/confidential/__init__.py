"""Real tables in, safe answers out.

`read` takes a folder of tables whole or refuses it, `rules` decide what may be shown, `release` records all answers in
one file, and `scan` looks through a tree before it is published. Front: `opening.open_study`, for every kind of
source.
"""
