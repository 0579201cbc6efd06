"""A Monte Carlo sample of the allocations, for designs with too many to count, drawn and summed in blocks.

All at once, the random numbers of 1,000 clusters and 100,000 draws take 0.8 GB, and their ranks twice that.
"""

from __future__ import annotations

import numpy as np

_CELLS = 2_000_000  # random numbers that are in memory at once


def draw(treated: np.ndarray, strata: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draw allocations that keep the number of treated clusters in each stratum.

    Parameters
    ----------
    treated : ndarray of bool, shape (clusters,)
        The observed allocation.
    strata : ndarray of int, shape (clusters,)
        Stratum codes.
    n_draws : int
        Size of the sample.
    rng : numpy.random.Generator

    Returns
    -------
    ndarray of bool, shape (n_draws + 1, clusters)
        The observed allocation, then the drawn ones.

    Notes
    -----
    In each stratum the clusters with the smallest of independent uniform numbers are treated. The numbers are taken
    from `rng` in the same order whatever the size of a block.

    Examples
    --------
    >>> arm = np.array([True, True, False, False])
    >>> draw(arm, np.zeros(4, int), 3, np.random.default_rng(1)).sum(axis=1).tolist()
    [2, 2, 2, 2]
    """
    drawn = np.zeros((n_draws + 1, len(treated)), dtype=bool)
    drawn[0] = treated
    for code in range(strata.max() + 1):
        members = np.flatnonzero(strata == code)
        chosen = int(treated[members].sum())
        height = max(1, _CELLS // max(1, len(members)))
        for first in range(1, n_draws + 1, height):
            block = drawn[first : first + height]
            numbers = rng.random((len(block), len(members)))
            if chosen:
                lowest = np.argpartition(numbers, chosen - 1, axis=1)[:, :chosen]
                np.put_along_axis(block, members[lowest], True, axis=1)
    return drawn


def sums(rows: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Sum numbers over the treated clusters of each drawn allocation.

    Parameters
    ----------
    rows : ndarray of float, shape (sums, clusters)
        What is summed.
    drawn : ndarray of bool, shape (draws, clusters)
        Allocations.

    Returns
    -------
    ndarray of float, shape (sums, draws)

    Examples
    --------
    >>> sums(np.array([[1.0, 2.0, 4.0]]), np.array([[True, False, True]])).tolist()
    [[5.0]]
    """
    height = max(1, _CELLS // drawn.shape[1])
    parts = [rows @ drawn[first : first + height].astype(float).T for first in range(0, len(drawn), height)]
    return np.concatenate(parts, axis=1)
