"""Randomisation inference for a two-arm cluster-randomised trial, exact wherever the allocations can be counted.

The p-value needs no model: it is the share of the allocations that could have been drawn whose difference is at
least as large as the observed one, if the arm changed no unit's outcome. It is valid for the allocation set that
was really used: give `strata` if clusters were randomised inside strata.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from clustertrials.randomisation.allocations import Allocations, allocation_set
from clustertrials.randomisation.inversion import RandomisationResult, randomisation_result, tail_allowance
from clustertrials.randomisation.max_t import denominator, joint_distribution
from clustertrials.randomisation.statistics import (
    OTHERS,
    Statistic,
    centred,
    coefficient,
    difference,
    input_rounding,
    permutation_deviation,
    weighted_difference,
)
from clustertrials.trial import middle


def randomisation_test(
    values: np.ndarray,
    treated: np.ndarray,
    *,
    weights: np.ndarray | None = None,
    strata: np.ndarray | None = None,
    alternative: str = "two-sided",
    statistic: str = "difference",
    level: float = 0.95,
    interval: bool = True,
    rng: np.random.Generator | None = None,
    n_draws: int = 99_999,
) -> RandomisationResult:
    """Test that the arm changed no cluster's value, against the allocations that could have been drawn.

    Parameters
    ----------
    values : array of float, shape (clusters,) or (clusters, outcomes)
        One number a cluster, e.g. its mean or its mean residual after adjustment.
    treated : array of bool or 0/1, shape (clusters,)
        The observed allocation.
    weights : array of float, shape (clusters,), optional
        Positive weights, e.g. numbers of units; the statistic is then a difference of weighted means.
    strata : array, shape (clusters,), optional
        Labels of the strata inside which clusters were randomised.
    alternative : {"two-sided", "greater", "less"}
        Direction of the p-value: treated minus other.
    statistic : {"difference", "welch"}
        Difference of means, or Welch's t (unweighted, one outcome).
    level : float
        Confidence level of the intervals, which are two-sided for every `alternative`.
    interval : bool
        Whether to invert the test; for 29 clusters, weights then take ten seconds an outcome. Not for Welch's t.
    rng : numpy.random.Generator, optional
        Needed, and used, only where the allocations are too many to count.
    n_draws : int
        Size of the Monte Carlo sample in that case.

    Raises
    ------
    ValueError
        If lengths differ, a number is missing or infinite, a weight is not positive, nothing varies inside a
        stratum of both arms, or the allocations are out of reach and `rng` is None.

    Notes
    -----
    With weights w and strata s the difference is the least-squares coefficient of the arm given the strata, ``sum_s
    (W_s1 W_s0 / W_s) (mean_s1 - mean_s0) / sum_s (W_s1 W_s0 / W_s)``, without strata simply the difference of the two
    means. Whole numbers are compared exactly; other values are ties where they differ by less than 1e-10 of the sum of
    absolute values, or than the rounding of the input. With covariates, the differences that no test
    rejects can have gaps: the limits are then the outermost of them. Several outcomes are made comparable by their
    permutation standard deviations; their simultaneous intervals invert each outcome's exact test at the tail counts
    beyond the exact critical value of max|T|, taken under no effect. Measured joint coverage at level 0.90 (1,500
    trials of 6 v 6, four outcomes): 0.90 for effects of two standard errors, 0.89 for five.

    Edgington & Onghena (2007), Randomization Tests, 4th ed. Westfall & Young (1993), Resampling-Based Multiple
    Testing. Small, Ten Have & Rosenbaum (2008), JASA 103:271 (cluster trials).

    Examples
    --------
    >>> result = randomisation_test([5.0, 6.0, 7.0, 1.0, 2.0, 3.0], [1, 1, 1, 0, 0, 0])
    >>> result.statistic, result.p_value, result.n_allocations
    (4.0, 0.1, 20)
    """
    table = _finite("values", values).reshape(len(values), -1).T
    rounding = [input_rounding(row) for row in table]
    table = np.array([row - middle(row) for row in table])
    arm = _arm(treated, len(values))
    codes = _codes("strata", np.zeros(len(arm)) if strata is None else strata, len(arm))
    several = np.ndim(values) == 2
    if statistic not in ("difference", *OTHERS):
        raise ValueError(f"statistic must be one of difference, {', '.join(OTHERS)}")
    if statistic in OTHERS and (several or weights is not None):
        raise ValueError(f"statistic: {statistic} takes one outcome and no weights")
    weights = None if weights is None else _weights(weights, len(arm))
    linear = statistic not in OTHERS and weights is None and not several
    allocations = allocation_set(arm, codes, linear=linear, rng=rng, n_draws=n_draws)
    for row, blur in zip(table, rounding):
        permutation_deviation(centred(row, codes), arm, codes, rounding=blur)
    if statistic in OTHERS:
        return randomisation_result(allocations, OTHERS[statistic](allocations, table[0]), alternative, level, interval)
    statistics = [
        difference(allocations, row, blur) if weights is None else weighted_difference(allocations, row, weights, blur)
        for row, blur in zip(table, rounding)
    ]
    answers = [randomisation_result(allocations, one, alternative, level, interval) for one in statistics]
    return _joined(allocations, table, weights, statistics, answers) if several else answers[0]


def adjusted_randomisation_test(
    outcome: np.ndarray,
    covariates: np.ndarray,
    *,
    cluster: np.ndarray,
    treated: np.ndarray,
    strata: np.ndarray | None = None,
    alternative: str = "two-sided",
    level: float = 0.95,
    interval: bool = True,
    rng: np.random.Generator | None = None,
    n_draws: int = 99_999,
) -> RandomisationResult:
    """Randomisation test of the least-squares coefficient of the arm with covariates, every unit weighted alike.

    Parameters
    ----------
    outcome, cluster, treated, strata : array, shape (units,)
        Outcome of each unit, label of its cluster, its arm and, if there are strata, its stratum, both the same inside
        a cluster; fixed effects of the strata are taken out.
    covariates : array of float, shape (units,) or (units, covariates)
        Baseline covariates of each unit, which must not depend on the arm.
    alternative, level, interval, rng, n_draws
        As for `randomisation_test`; the interval takes some ten seconds for 29 clusters.

    Raises
    ------
    ValueError
        If lengths differ, a number is missing or infinite, arm or stratum change inside a cluster, a covariate is
        redundant, or the allocations are out of reach and `rng` is None.

    Notes
    -----
    The coefficient is recomputed for every allocation, so the test is exact whether or not the regression is right.

    Rosenbaum (2002), Statistical Science 17:286 (covariance adjustment in randomisation inference).

    Examples
    --------
    >>> x = [0.0, 1.0, 0.0, 2.0, 1.0, 3.0, 0.0, 1.0]
    >>> y = [3.0, 4.5, 2.5, 5.0, 1.0, 3.5, 0.5, 1.0]
    >>> result = adjusted_randomisation_test(y, x, cluster=list("aabbccdd"), treated=[1, 1, 1, 1, 0, 0, 0, 0])
    >>> result.n_allocations, round(result.p_value, 3)
    (6, 0.333)
    """
    outcome = _finite("outcome", outcome)
    covariates = _finite("covariates", covariates).reshape(len(outcome), -1)
    codes = _codes("cluster", cluster, len(outcome))
    first = np.unique(codes, return_index=True)[1]
    arm = _arm(treated, len(outcome))
    blocks = _codes("strata", np.zeros(len(outcome)) if strata is None else strata, len(outcome))
    for name, column in (("treated", arm), ("strata", blocks)):
        if np.any(column != column[first][codes]):
            raise ValueError(f"{name}: not the same for all units of a cluster")
    allocations = allocation_set(arm[first], blocks[first], linear=False, rng=rng, n_draws=n_draws)
    statistic = coefficient(allocations, outcome, covariates, codes)
    return randomisation_result(allocations, statistic, alternative, level, interval)


def _joined(
    allocations: Allocations,
    table: np.ndarray,
    weights: np.ndarray | None,
    statistics: list[Statistic],
    answers: list[RandomisationResult],
) -> RandomisationResult:
    """Join the answers of several outcomes and add what holds for all of them together."""
    first = answers[0]
    scores = np.array([centred(row, allocations.strata, weights) for row in table])
    scores = scores if weights is None else weights * scores
    deviations = np.array([permutation_deviation(s, allocations.treated, allocations.strata) for s in scores])
    rejected = tail_allowance(allocations.size, first.level, tails=1)
    unit = denominator(allocations, weights)
    tolerances = np.array([one.tolerance * unit for one in statistics])
    adjusted, critical = joint_distribution(
        allocations, scores, deviations, weights, rejected, first.alternative, tolerances
    )
    names = ("statistic", "p_value", "ci_low", "ci_high", "p_value_se")
    joined = {n: np.array([getattr(a, n) for a in answers]) for n in names if getattr(first, n) is not None}
    if first.ci_low is not None:
        bounds = (critical * deviations + 2.0 * tolerances) / unit
        joined["simultaneous_low"], joined["simultaneous_high"] = (
            np.array([_simultaneous(one, b, side) for one, b in zip(statistics, bounds)]) for side in (-1, 1)
        )
    return replace(first, **joined, p_value_adjusted=adjusted)


def _simultaneous(statistic: Statistic, bound: float, side: int) -> float:
    """Limit whose test rejects no difference exactly if the statistic lies beyond the joint critical value."""
    return statistic.confidence_limit(statistic.count(-side * bound, -side), side)


def _finite(name: str, numbers: np.ndarray) -> np.ndarray:
    """Numbers as floats, none of them missing or infinite."""
    numbers = np.asarray(numbers, dtype=float)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name}: a number is missing or infinite")
    return numbers


def _arm(treated: np.ndarray, length: int) -> np.ndarray:
    """The observed allocation as booleans."""
    arm = _finite("treated", treated)
    if arm.shape != (length,) or not np.isin(arm, (0.0, 1.0)).all():
        raise ValueError("treated: must hold one true/false or 0/1 for each value")
    return arm.astype(bool)


def _codes(name: str, labels: np.ndarray, length: int) -> np.ndarray:
    """Labels as codes 0, 1, …."""
    codes = pd.factorize(np.asarray(labels))[0]
    if codes.shape != (length,) or (codes < 0).any():
        raise ValueError(f"{name}: must hold one label for each value, none missing")
    return codes


def _weights(weights: np.ndarray, length: int) -> np.ndarray:
    """Positive weights."""
    weights = _finite("weights", weights)
    if weights.shape != (length,) or (weights <= 0.0).any():
        raise ValueError("weights: must hold one positive number for each cluster")
    return weights
