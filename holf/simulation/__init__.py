"""The three simulated worlds whose truth is known: people, what is measured of them, and the files that hold them.

Front: `worlds.simulate`, `worlds.write_study` and `refresh.refresh_studies`.
"""
