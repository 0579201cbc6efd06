"""By how much clusters of unequal size inflate a variance: the design effect."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike


def design_effect(sizes: ArrayLike, icc: float) -> float:
    """Factor by which clustering multiplies the variance of an arm's mean.

    Parameters
    ----------
    sizes : array_like, shape (clusters,)
        Rows in each cluster, each above 0.
    icc : float
        Intraclass correlation, from -1 to 1.

    Returns
    -------
    float
        1 + ((1 + cv^2) m - 1) icc.

    Raises
    ------
    ValueError
        If a size is not positive, the correlation is outside [-1, 1], or the two cannot go together.

    Notes
    -----
    m is the mean size and cv the standard deviation over the mean, with divisor K, because the sizes are the whole
    set of clusters and not a sample of it. It holds for the mean over rows, each row weighted alike.

    References
    ----------
    Eldridge SM, Ashby D, Kerry S (2006), International Journal of Epidemiology 35:1292-1300.

    Examples
    --------
    >>> design_effect([10, 10, 10], 0.05)
    1.45
    """
    sizes = np.asarray(sizes, dtype=float)
    if sizes.ndim != 1 or len(sizes) == 0 or not np.all(np.isfinite(sizes) & (sizes > 0)):
        raise ValueError("sizes must be a list of positive numbers, one a cluster")
    mean = float(sizes.mean())
    return variance_inflation(mean, float(sizes.std() / mean), icc)


def variance_inflation(mean: float, cv: float, icc: float) -> float:
    """Design effect from a mean cluster size and its coefficient of variation.

    Parameters
    ----------
    mean, cv : float
        Mean number of rows a cluster, and the standard deviation (divisor K) over that mean.
    icc : float
        Intraclass correlation, from -1 to 1.

    Returns
    -------
    float
        1 + ((1 + cv^2) mean - 1) icc, as `design_effect`.

    Raises
    ------
    ValueError
        If the correlation is outside [-1, 1], or more negative than such clusters allow.

    Examples
    --------
    >>> round(variance_inflation(29.7, 0.25, 0.03), 3)
    1.917
    """
    if not -1 <= icc <= 1:
        raise ValueError("icc must lie between -1 and 1")
    effect = 1 + ((1 + cv**2) * mean - 1) * icc
    if effect <= 0:
        raise ValueError("icc is more negative than clusters of these sizes allow")
    return effect
