"""Sweeps: thousands of simulated trials over a grid of assumptions, in one process, on all cores, or on a cluster."""
