"""Sweeps: thousands of simulated trials over a grid of assumptions, in one process, on all cores, or on a cluster.

`plan` reads the grid, `trials` draws and analyses trials, `engine` is where that runs, `store` keeps the results, `run`
does the whole sweep, and `summary` summarises it.
"""
