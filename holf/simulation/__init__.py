"""The three simulated worlds whose truth is known: people, what is measured of them, and the files that hold them.

Front: `worlds.simulate`, `worlds.write_study` and `worlds.refresh_studies`.
"""
