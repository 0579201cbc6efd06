"""From values to statistics: centre inside strata, residualise on covariates, sum by cluster."""

from __future__ import annotations

from math import lcm

import numpy as np

from clustertrials.randomisation.allocations import Allocations
from clustertrials.randomisation.tails import Statistic, input_rounding, linear, ratio, welch
from clustertrials.trial import middle


def centred(values: np.ndarray, strata: np.ndarray, weights: np.ndarray | None = None, factor: int = 1) -> np.ndarray:
    """Values minus the weighted mean of their stratum, times `factor`.

    Parameters
    ----------
    values : ndarray of float, shape (n,)
        What is centred.
    strata : ndarray of int, shape (n,)
        Stratum codes.
    weights : ndarray of float, shape (n,), optional
        Weights of the means; alike if not given.
    factor : int
        A common multiple of the stratum sizes keeps whole numbers whole.

    Returns
    -------
    ndarray of float, shape (n,)

    Raises
    ------
    ValueError
        Never for arrays of equal length.

    Notes
    -----
    ``factor * value - (factor * sum of the stratum) / (size of the stratum)``.

    References
    ----------
    Frisch & Waugh (1933), Econometrica 1:387.

    Examples
    --------
    >>> centred(np.array([1.0, 2.0, 4.0]), np.zeros(3, int), factor=3)
    array([-4., -1.,  5.])
    """
    weights = np.ones(len(values)) if weights is None else weights
    sums = np.bincount(strata, weights * values)
    return factor * values - (factor * sums / np.bincount(strata, weights))[strata]


def permutation_deviation(score: np.ndarray, arm: np.ndarray, strata: np.ndarray, *, rounding: float = 0.0) -> float:
    """Exact standard deviation of the treated sum of `score` over all allocations.

    Parameters
    ----------
    score : ndarray of float, shape (clusters,)
        Scores.
    arm : ndarray of bool, shape (clusters,)
        Observed allocation.
    strata : ndarray of int, shape (clusters,)
        Stratum codes.
    rounding : float
        Rounding that sums of the scores carry from the input.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        If nothing varies inside any stratum that has clusters of both arms.

    Notes
    -----
    Sampling without replacement: ``sum over strata of n1 n0 / (n (n - 1)) * sum of squared deviations``.

    References
    ----------
    Strasser & Weber (1999), Mathematical Methods of Statistics 8:220.

    Examples
    --------
    >>> arm = np.array([True, True, False, False])
    >>> round(permutation_deviation(np.array([1.0, 2.0, 3.0, 4.0]), arm, np.zeros(4, int)) ** 2, 6)
    1.666667
    """
    size = np.bincount(strata)
    chosen = np.bincount(strata, arm)
    squares = np.bincount(strata, centred(score, strata) ** 2)
    deviation = float(np.sqrt((chosen * (size - chosen) * squares / (size * np.maximum(size - 1, 1))).sum()))
    if deviation <= max(1e-12 * np.abs(score).max(), rounding):
        raise ValueError("values: nothing varies inside a stratum that has clusters of both arms")
    return deviation


def difference(
    allocations: Allocations, values: np.ndarray, weights: np.ndarray | None, rounding: float = 0.0
) -> Statistic:
    """Difference of means, weighted or not, given the strata.

    Parameters
    ----------
    allocations : Allocations
        Full set or sample.
    values : ndarray of float, shape (clusters,)
        Cluster values.
    weights : ndarray of float, shape (clusters,), or None
        Weights, or None for clusters alike.
    rounding : float
        Rounding that sums of the values carry from the input (`clustertrials.randomisation.tails.input_rounding`).

    Returns
    -------
    Statistic

    Raises
    ------
    ValueError
        Never for checked input.

    Notes
    -----
    Unweighted whole numbers are multiplied by the least common multiple of the stratum sizes, so that all sums are
    whole and ties are exact.

    References
    ----------
    Small, Ten Have & Rosenbaum (2008), Journal of the American Statistical Association 103:271.

    Examples
    --------
    >>> from clustertrials.randomisation.allocations import allocation_set
    >>> arm = np.array([True, True, False, False])
    >>> full = allocation_set(arm, np.zeros(4, int), halves=True, rng=None, n_draws=99)
    >>> found = difference(full, np.array([5.0, 4.0, 2.0, 1.0]), None)
    >>> float(found.centre), found.count(0.0, 3.0, 1)
    (3.0, 1)
    """
    arm, strata = allocations.treated.astype(float), allocations.strata
    if weights is not None:
        scores = [weights * centred(row, strata, weights) for row in (values, arm)]
        blur = rounding * weights.max()
        return ratio(allocations, *scores, weights, np.empty((0, len(arm))), rounding=blur)
    factor = lcm(*np.bincount(strata).tolist())
    whole = factor * np.abs(values).sum() < 2.0**53 and np.array_equal(values, np.rint(values))
    factor = factor if whole else 1
    score, contrast = (centred(row, strata, factor=factor) for row in (values, arm))
    scale = contrast[allocations.treated].sum()
    return linear(allocations, score, contrast, scale, rounding=rounding, whole=whole)


def welch_difference(allocations: Allocations, values: np.ndarray) -> Statistic:
    """Welch's t of the values centred inside strata.

    Parameters
    ----------
    allocations : Allocations
        Full set or sample.
    values : ndarray of float, shape (clusters,)
        Cluster values.

    Returns
    -------
    Statistic

    Raises
    ------
    ValueError
        If an arm has one cluster or neither arm varies.

    Notes
    -----
    See `clustertrials.randomisation.tails.welch`.

    References
    ----------
    Janssen (1997), Statistics & Probability Letters 36:9.

    Examples
    --------
    >>> from clustertrials.randomisation.allocations import allocation_set
    >>> arm = np.array([True, True, False, False])
    >>> full = allocation_set(arm, np.zeros(4, int), halves=True, rng=None, n_draws=99)
    >>> found = welch_difference(full, np.array([5.0, 4.0, 2.0, 1.0]))
    >>> float(found.centre), round(found.observed(0.0), 4)
    (3.0, 4.2426)
    """
    score = centred(values, allocations.strata)
    contrast = centred(allocations.treated.astype(float), allocations.strata)
    centre = score[allocations.treated].sum() / contrast[allocations.treated].sum()
    return welch(allocations, score, contrast, centre)


def coefficient(
    allocations: Allocations, outcome: np.ndarray, covariates: np.ndarray, cluster: np.ndarray
) -> Statistic:
    """Least-squares coefficient of the arm given covariates and strata, from the rows of the units.

    Parameters
    ----------
    allocations : Allocations
        Full set or sample, of the clusters.
    outcome : ndarray of float, shape (units,)
        Outcome of each unit.
    covariates : ndarray of float, shape (units, covariates)
        Covariates of each unit.
    cluster : ndarray of int, shape (units,)
        Cluster codes of the units.

    Returns
    -------
    Statistic

    Raises
    ------
    ValueError
        If a covariate is constant inside strata or a combination of those before it, or if the covariates leave
        nothing of the outcome or of the arm.

    Notes
    -----
    Outcome and arm are residualised on strata and covariates once; the denominator of any other allocation needs
    the cluster sums of an orthonormal basis of the covariates (Frisch-Waugh).

    References
    ----------
    Frisch & Waugh (1933), Econometrica 1:387.

    Examples
    --------
    >>> from clustertrials.randomisation.allocations import allocation_set
    >>> arm = np.array([True, True, False, False])
    >>> full = allocation_set(arm, np.zeros(4, int), halves=True, rng=None, n_draws=99)
    >>> y, x = np.array([5.0, 6, 4, 4, 2, 3, 1, 1]), np.array([[0.0], [1], [0], [0], [0], [1], [0], [0]])
    >>> round(float(coefficient(full, y, x, np.repeat(range(4), 2)).centre), 6)
    3.0
    """
    strata = allocations.strata[cluster]
    arm = allocations.treated[cluster].astype(float)
    rounding, outcome = input_rounding(outcome), outcome - middle(outcome)
    inside = np.column_stack([centred(column, strata) for column in covariates.T])
    basis, triangle = np.linalg.qr(inside)
    lengths = np.linalg.norm(covariates, axis=0)
    for position in np.flatnonzero(np.abs(np.diag(triangle)) <= 1e-9 * lengths):
        raise ValueError(f"covariates: column {position} is a combination of the strata and the columns before it")
    sums = []
    for row in (outcome, arm):
        residual = centred(row, strata)
        residual -= basis @ (basis.T @ residual)
        if row is outcome and np.abs(residual).max() <= max(1e-12 * np.abs(row).max(), rounding / len(row)):
            raise ValueError("outcome: the strata and covariates leave nothing that varies")
        sums.append(np.bincount(cluster, residual))
    weights = np.bincount(cluster).astype(float)
    bases = np.array([np.bincount(cluster, q) for q in basis.T])
    return ratio(allocations, *sums, weights, bases, rounding=rounding)
