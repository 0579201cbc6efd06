"""Family-wise randomisation inference for several outcomes from their exact joint distribution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clustertrials.randomisation.allocations import Allocations, blocks, split_sums
from clustertrials.randomisation.statistics import Largest


@dataclass(frozen=True)
class Joint:
    """Joint distribution of standardised statistics.

    Attributes
    ----------
    adjusted : ndarray of float, shape (outcomes,)
        Step-down adjusted p-values.
    critical : float
        Critical value of the largest absolute standardised statistic: values above it are rejected.
    """

    adjusted: np.ndarray
    critical: float


def joint_distribution(
    allocations: Allocations,
    scores: np.ndarray,
    deviations: np.ndarray,
    weights: np.ndarray | None,
    rejected: int,
    alternative: str,
    tolerances: np.ndarray,
) -> Joint:
    """Step-down adjusted p-values and the critical value of the largest statistic.

    Parameters
    ----------
    allocations : Allocations
        Full set or sample.
    scores : ndarray of float, shape (outcomes, clusters)
        Centred cluster values of each outcome, times the weights if there are any.
    deviations : ndarray of float, shape (outcomes,)
        Scale by which outcomes are made comparable.
    weights : ndarray of float, shape (clusters,), or None
        Cluster weights common to the outcomes.
    rejected : int
        Largest number of allocations that the critical value may leave above it.
    alternative : {"two-sided", "greater", "less"}
        Direction of the p-values; the critical value is two-sided.
    tolerances : ndarray of float, shape (outcomes,)
        Sums of scores that differ by less are ties.

    Returns
    -------
    Joint

    Raises
    ------
    ValueError
        Never for checked input.

    Notes
    -----
    Outcomes are ordered by their observed statistics. The p-value of the i-th is the share of allocations whose
    largest statistic among the i-th and all smaller ones reaches the observed i-th, and never below that of the
    one before it. This controls the family-wise error for any pattern of true and false nulls.

    References
    ----------
    Westfall & Young (1993), Resampling-Based Multiple Testing, algorithm 4.1.

    Examples
    --------
    >>> from clustertrials.randomisation.allocations import allocation_set
    >>> arm = np.array([True, True, False, False])
    >>> full = allocation_set(arm, np.zeros(4, int), linear=True, rng=None, n_draws=99)
    >>> scores = np.array([[2.0, 1.0, -1.0, -2.0], [1.0, -1.0, 1.0, -1.0]])
    >>> joint = joint_distribution(full, scores, np.ones(2), None, 0, "greater", np.full(2, 1e-9))
    >>> joint.adjusted.round(4).tolist(), float(joint.critical)
    ([0.1667, 0.8333], 3.0)
    """
    rows = scores / deviations[:, None]
    if alternative == "less":
        rows = -rows
    observed = rows[:, allocations.treated].sum(axis=1)
    strength = np.abs(observed) if alternative == "two-sided" else observed
    order = np.argsort(strength, kind="stable")
    slack = tolerances / deviations
    tables = split_sums(allocations, rows[order], weights)
    unit = denominator(allocations, weights)
    counts = np.zeros(len(rows), dtype=np.int64)
    largest = Largest(rejected + 1)
    for a, b in blocks(tables):
        scale = 1.0 if weights is None else (a[-2] + b[-2] - tables.cross * a[-1] * b[-1]) / unit
        signed = absolute = None
        for i, outcome in enumerate(order):
            value = a[i] + b[i] if weights is None else (a[i] + b[i]) / scale
            if alternative != "two-sided":
                signed = value.copy() if signed is None else np.maximum(signed, value, out=signed)
            np.abs(value, out=value)
            absolute = value if absolute is None else np.maximum(absolute, value, out=absolute)
            reached = absolute if alternative == "two-sided" else signed
            counts[i] += np.count_nonzero(reached >= strength[outcome] - slack[outcome])
        largest.add(absolute.ravel())
    adjusted = np.empty(len(rows))
    adjusted[order] = np.maximum.accumulate(counts[::-1])[::-1] / allocations.size
    return Joint(adjusted, largest.smallest())


def denominator(allocations: Allocations, weights: np.ndarray | None) -> float:
    """Denominator of the observed difference: the sum over strata of W1 W0 / W.

    Parameters
    ----------
    allocations : Allocations
        Full set or sample.
    weights : ndarray of float, shape (clusters,), or None
        Cluster weights, 1 each if None.

    Returns
    -------
    float

    Raises
    ------
    ValueError
        Never for checked input.

    Notes
    -----
    W1, W0 and W are the weights of the treated, the other and all clusters of a stratum.

    References
    ----------
    Small, Ten Have & Rosenbaum (2008), Journal of the American Statistical Association 103:271.

    Examples
    --------
    >>> from clustertrials.randomisation.allocations import allocation_set
    >>> arm = np.array([True, True, False, False])
    >>> full = allocation_set(arm, np.zeros(4, int), linear=True, rng=None, n_draws=99)
    >>> denominator(full, None), denominator(full, np.array([1.0, 2.0, 3.0, 4.0]))
    (1.0, 2.1)
    """
    weights = np.ones(len(allocations.treated)) if weights is None else weights
    chosen = np.bincount(allocations.strata, weights * allocations.treated)
    return float((chosen - chosen**2 / np.bincount(allocations.strata, weights)).sum())
