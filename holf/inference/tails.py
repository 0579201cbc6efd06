"""Count the allocations whose statistic reaches a bound, for the four statistics of the randomisation test.

Each statistic answers one question: if every treated cluster's values were lowered by `shift`, for how many
allocations would the statistic be at least (or at most) `bound`? P-values are its answer at shift 0; intervals
come from moving the shift.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from holf.inference.allocations import Allocations, Halves, blocks, half_tables

# Relative to the sum of absolute values. Without it 72 of 200 trials lost the observed allocation itself to the
# order of summation; from 1e-14 to 1e-8 the count for binary outcomes equals that by integers, 1e-6 does not.
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Statistic:
    """One statistic of an allocation set.

    Attributes
    ----------
    centre : float
        Observed treated minus other difference: the shift at which no difference is left.
    spread : float
        A rough standard error of the difference, the unit of steps in `shift`.
    observed : callable
        Observed value of the statistic at a shift.
    count : callable
        ``count(shift, bound, sign)``: number of allocations with sign * T >= sign * bound, ties included.
    """

    centre: float
    spread: float
    observed: Callable[[float], float]
    count: Callable[[float, float, int], int]


def linear(allocations: Allocations, score: np.ndarray, arm: np.ndarray, scale: float) -> Statistic:
    """Statistic whose denominator is the same for every allocation, e.g. a difference of unweighted means.

    Parameters
    ----------
    allocations : Allocations
        Full set or sample.
    score : ndarray of float, shape (clusters,)
        Values centred inside strata, times a factor that makes whole numbers stay whole.
    arm : ndarray of float, shape (clusters,)
        The observed allocation, centred and scaled alike.
    scale : float
        The denominator: T is the treated sum of `score` over it.

    Returns
    -------
    Statistic

    Raises
    ------
    ValueError
        Never for centred finite values.

    Notes
    -----
    T >= t exactly if left sum >= t * scale - right sum, so one sorted half and a binary search per row of the
    other count all allocations.

    References
    ----------
    Streitberg & Röhmel (1986), Statistical Software Newsletter 12:10 (shift algorithm, the same counts).

    Examples
    --------
    >>> from holf.inference.allocations import allocation_set
    >>> arm = np.array([True, True, False, False])
    >>> full = allocation_set(arm, np.zeros(4, int), halves=True, rng=None, n_draws=99)
    >>> score, contrast = np.array([2.0, 1.0, -1.0, -2.0]), np.array([0.5, 0.5, -0.5, -0.5])
    >>> found = linear(full, score, contrast, 1.0)
    >>> float(found.centre), found.count(0.0, 3.0, 1), found.count(0.0, 0.0, 1)
    (3.0, 1, 4)
    """
    tables = half_tables(allocations, np.vstack([score, arm]))

    def count(shift: float, bound: float, sign: int) -> int:
        needed = sign * bound * scale - TOLERANCE * np.abs(score - shift * arm).sum()
        return sum(
            _pairs_at_least(sign * (a[0] - shift * a[1]), sign * (b[0] - shift * b[1]), needed)
            for a, b in tables.pairs
        )

    centre = score[allocations.treated].sum() / scale
    return Statistic(centre, _spread(score, arm, centre, scale), lambda shift: centre - shift, count)


def ratio(
    allocations: Allocations, score: np.ndarray, arm: np.ndarray, weights: np.ndarray, basis: np.ndarray
) -> Statistic:
    """Least-squares coefficient of the arm, given strata and covariates, with units weighted alike.

    Parameters
    ----------
    allocations : Allocations
        Full set or sample.
    score, arm : ndarray of float, shape (clusters,)
        Weighted cluster sums of the outcome and of the observed arm, both residualised on strata and covariates.
    weights : ndarray of float, shape (clusters,)
        Weight (number of units) of each cluster.
    basis : ndarray of float, shape (covariates, clusters)
        Cluster sums of the covariates, orthonormal and orthogonal to the strata; no rows without covariates.

    Returns
    -------
    Statistic

    Raises
    ------
    ValueError
        If the covariates determine the observed arm.

    Notes
    -----
    ``T = sum(score) / (sum over strata of W1 W0 / W - sum_j (sum basis_j)^2)``, sums over the treated clusters
    (Frisch-Waugh). Without covariates the only cross term of two halves is a product of two weight sums, so rows
    of equal weight share one bound; with covariates every allocation is visited.

    References
    ----------
    Frisch & Waugh (1933), Econometrica 1:387.

    Examples
    --------
    >>> from holf.inference.allocations import allocation_set
    >>> arm = np.array([True, True, False, False])
    >>> full = allocation_set(arm, np.zeros(4, int), halves=True, rng=None, n_draws=99)
    >>> score, contrast = np.array([2.0, 1.0, -1.0, -2.0]), np.array([0.5, 0.5, -0.5, -0.5])
    >>> found = ratio(full, score, contrast, np.ones(4), np.empty((0, 4)))
    >>> float(found.centre), found.count(0.0, 3.0, 1)
    (3.0, 1)
    """
    tables = half_tables(allocations, np.vstack([score, arm, basis]), weights)
    visit = _visited if len(basis) else _grouped
    observed_arm = float(arm[allocations.treated].sum())
    if observed_arm <= 1e-9 * weights[allocations.treated].sum():
        raise ValueError("covariates: together with the strata they determine the arm of every cluster")

    def count(shift: float, bound: float, sign: int) -> int:
        slack = TOLERANCE * np.abs(score - shift * arm).sum()
        return visit(tables, shift, bound, sign, slack)

    centre = score[allocations.treated].sum() / observed_arm
    return Statistic(centre, _spread(score, arm, centre, observed_arm), lambda shift: centre - shift, count)


def welch(allocations: Allocations, values: np.ndarray, arm: np.ndarray, centre: float) -> Statistic:
    """Welch's t, which stays valid for the null of equal means when the arms vary differently.

    Parameters
    ----------
    allocations : Allocations
        Full set or sample.
    values, arm : ndarray of float, shape (clusters,)
        Cluster values and observed arm, centred inside strata.
    centre : float
        Observed difference of the means.

    Returns
    -------
    Statistic

    Raises
    ------
    ValueError
        If an arm has fewer than two clusters or neither arm varies.

    Notes
    -----
    From S = sum of values and Q = sum of squares over the n1 treated clusters: ``t = S (1/n1 + 1/n0) / sqrt(V)``,
    ``V = (Q - S^2/n1) / (n1 (n1 - 1)) + (Q_all - Q - S^2/n0) / (n0 (n0 - 1))``. Counted as
    ``t |t| V >= bound |bound| V``, so that an allocation without variation inside its arms is infinitely far.

    References
    ----------
    Janssen (1997), Statistics & Probability Letters 36:9.

    Examples
    --------
    >>> from holf.inference.allocations import allocation_set
    >>> arm = np.array([True, True, False, False])
    >>> full = allocation_set(arm, np.zeros(4, int), halves=True, rng=None, n_draws=99)
    >>> score, contrast = np.array([2.0, 1.0, -1.0, -2.0]), np.array([0.5, 0.5, -0.5, -0.5])
    >>> found = welch(full, score, contrast, 3.0)
    >>> round(found.observed(0.0), 4), found.count(0.0, found.observed(0.0), 1)
    (4.2426, 1)
    """
    n1 = int(allocations.treated.sum())
    n0 = len(values) - n1
    if min(n1, n0) < 2:
        raise ValueError("treated: Welch's t needs two clusters in each arm")

    gain = (1.0 / n1 + 1.0 / n0) ** 2
    per_sum = 1.0 / (n1**2 * (n1 - 1)) + 1.0 / (n0**2 * (n0 - 1))
    per_square = 1.0 / (n1 * (n1 - 1)) - 1.0 / (n0 * (n0 - 1))

    def observed(shift: float) -> float:
        now = values - shift * arm
        total, square = now[allocations.treated].sum(), (now[allocations.treated] ** 2).sum()
        variance = per_square * square - per_sum * total**2 + (now**2).sum() / (n0 * (n0 - 1))
        if variance <= 1e-12 * gain * (now**2).sum():
            raise ValueError("values: Welch's t needs some variation inside an arm")
        return float(total * np.sqrt(gain / variance))

    def count(shift: float, bound: float, sign: int) -> int:
        now = values - shift * arm
        square = sign * bound * abs(bound)
        constant = TOLERANCE * gain * (now**2).sum() - square * (now**2).sum() / (n0 * (n0 - 1))
        found = 0
        for a, b in blocks(half_tables(allocations, np.vstack([now, -square * per_square * now**2]))):
            total = a[0] + b[0]
            excess = np.abs(total)
            excess *= sign * gain
            excess += (square * per_sum) * total
            excess *= total
            excess += a[1] + constant
            excess += b[1]
            found += int(np.count_nonzero(excess >= 0.0))
        return found

    spread = abs(centre / observed(0.0)) if centre else np.ptp(values)
    return Statistic(centre, spread, observed, count)


def _spread(score: np.ndarray, arm: np.ndarray, centre: float, scale: float) -> float:
    """Permutation standard deviation with the effect taken out, or with it where nothing is left."""
    residual = score - centre * arm
    size = np.sqrt((residual**2).sum()) or np.sqrt((score**2).sum())
    return float(size / (2.0 * scale))


def _pairs_at_least(left: np.ndarray, right: np.ndarray, bound: float) -> int:
    """Number of pairs of one element each whose sum is at least `bound`."""
    few, many = sorted((left, right), key=len)
    few, many = np.sort(few), np.sort(many)
    return few.size * many.size - int(np.searchsorted(many, bound - few[::-1]).sum())


def _grouped(tables: Halves, shift: float, bound: float, sign: int, slack: float) -> int:
    """Count without covariates: rows of the smaller table that share a cut weight share their bounds."""
    found = 0
    for pair in tables.pairs:
        few, many = sorted(pair, key=lambda table: table.shape[1])
        numerators = [sign * (t[0] - shift * t[1] - bound * t[-2]) for t in (few, many)]
        order = np.lexsort((numerators[0], few[-1]))
        starts = np.flatnonzero(np.diff(few[-1][order], prepend=-1.0))
        slope = sign * bound * tables.cross * many[-1]
        for group in np.split(order, starts[1:]):
            reach = -slack - numerators[1] - slope * few[-1, group[0]]
            found += group.size * reach.size - int(np.searchsorted(numerators[0][group], reach).sum())
    return found


def _visited(tables: Halves, shift: float, bound: float, sign: int, slack: float) -> int:
    """Count with covariates: every allocation is visited."""
    found = 0
    for a, b in blocks(tables):
        squares = tables.cross * a[-1] * b[-1]
        for j in range(2, len(a) - 2):
            squares += (a[j] + b[j]) ** 2
        numerators = [sign * (t[0] - shift * t[1] - bound * t[-2]) for t in (a, b)]
        found += int(np.count_nonzero(numerators[0] + numerators[1] + sign * bound * squares >= -slack))
    return found
