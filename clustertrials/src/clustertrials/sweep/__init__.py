"""Sweeps: thousands of simulated trials over a grid of assumptions, in one process, on all cores, or on a cluster.

`plan` reads the grid, `trials` does a piece of it, `engine` says where, `store` keeps the results, `run` does the whole
and `summary` sums it up.
"""
