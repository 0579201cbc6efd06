"""Statistics of an allocation: the difference, Welch's t and the adjusted coefficient, counted over all allocations.

A p-value counts the allocations that are at least as far as the observed one. If every treated cluster's values are
lowered by a shift, the count changes at steps, one an allocation, and the limits of an interval are such steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from math import inf, lcm

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from clustertrials.randomisation.allocations import Allocations, SplitSums, blocks, split_sums
from clustertrials.trial import middle

# Relative to the sum of absolute values. Without it 72 of 200 trials lost the observed allocation itself to the
# order of summation; from 1e-14 to 1e-8 the count for binary outcomes equals that by integers, 1e-6 does not.
TOLERANCE = 1e-10
# Width, in standard errors, to which a limit is bracketed before its step is looked for.
_BRACKET = 1e-12


@dataclass(frozen=True)
class Statistic:
    """One statistic of an allocation set."""

    observed: float
    count: Callable[[float, int], int]  # ``count(bound, sign)``: allocations with sign * T >= sign * bound, with ties
    # ``confidence_limit(allowed, side)``: the farthest shift, to the right (side 1) or left (-1), at which more than
    # `allowed` allocations have a statistic of at most (left: at least) the observed one; infinite if that holds for
    # every shift. None for a statistic without an interval.
    confidence_limit: Callable[[int, int], float] | None
    tolerance: float  # values of the statistic that differ by less are ties


def input_rounding(values: np.ndarray) -> float:
    """Bound on the rounding that a sum of these numbers carries from the input: 0 for whole numbers."""
    size = np.abs(values).sum()
    whole = size < 2.0**53 and np.array_equal(values, np.rint(values))
    return 0.0 if whole else float(2.0 * np.finfo(float).eps * size)


def centred(values: np.ndarray, strata: np.ndarray, weights: np.ndarray | None = None, factor: int = 1) -> np.ndarray:
    """Values minus the weighted mean of their stratum, times `factor`.

    A `factor` that is a common multiple of the stratum sizes keeps whole numbers whole.
    """
    weights = np.ones(len(values)) if weights is None else weights
    sums = np.bincount(strata, weights * values)
    return factor * values - (factor * sums / np.bincount(strata, weights))[strata]


def permutation_deviation(score: np.ndarray, arm: np.ndarray, strata: np.ndarray, *, rounding: float = 0.0) -> float:
    """Exact standard deviation of the treated sum of `score` over all allocations; ValueError if nothing varies.

    Squared: ``sum over strata of n1 n0 / (n (n - 1)) * sum of squared deviations``, sampling without replacement.
    Strasser & Weber (1999), Mathematical Methods of Statistics 8:220.
    """
    size = np.bincount(strata)
    chosen = np.bincount(strata, arm)
    squares = np.bincount(strata, centred(score, strata) ** 2)
    deviation = float(np.sqrt((chosen * (size - chosen) * squares / (size * np.maximum(size - 1, 1))).sum()))
    if deviation <= max(1e-12 * np.abs(score).max(), rounding):
        raise ValueError("values: nothing varies inside a stratum that has clusters of both arms")
    return deviation


def difference(allocations: Allocations, values: np.ndarray, rounding: float = 0.0) -> Statistic:
    """Difference of unweighted means of cluster values, given the strata; its denominator is that of every allocation.

    `rounding` is that which sums of the values carry from the input (`input_rounding`). Whole numbers are multiplied by
    the least common multiple of the stratum sizes, so that all sums are whole and ties are exact.

    With S and A the treated sums of the centred values and of the centred observed allocation, T = S / A_o. T >= t
    exactly if left sum >= t A_o - right sum, so one sorted half and a binary search for each row of the other count all
    allocations. An allocation ties with the observed one, which has S_o and A_o, at the shift ``(S_o - S) / (A_o -
    A)``; A is largest for the observed one, so the count falls with every step.

    Streitberg & Röhmel (1986), Statistical Software Newsletter 12:10 (shift algorithm, the same counts).
    """
    arm, strata = allocations.treated.astype(float), allocations.strata
    factor = lcm(*np.bincount(strata).tolist())
    whole = factor * np.abs(values).sum() < 2.0**53 and np.array_equal(values, np.rint(values))
    score, arm = (centred(row, strata, factor=factor if whole else 1) for row in (values, arm))
    tables = split_sums(allocations, np.vstack([score, arm]))
    own, scale = score[allocations.treated].sum(), arm[allocations.treated].sum()
    centre = own / scale

    def slack(shift: float) -> float:
        size = TOLERANCE * np.abs(score - shift * arm).sum() + rounding
        # Unequal sums of whole numbers differ by 1 or more.
        return min(size, 0.25) if whole and shift == 0.0 else size

    def count(shift: float, bound: float, sign: int) -> int:
        needed = sign * bound * scale - slack(shift)
        return sum(
            _pairs_at_least(sign * (a[0] - shift * a[1]), sign * (b[0] - shift * b[1]), needed) for a, b in tables.pairs
        )

    # Permutation standard deviation with the effect taken out, or with it where only rounding is left.
    left = np.linalg.norm(score - centre * arm)
    spread = float((left if left > slack(0.0) else np.linalg.norm(score)) / (2.0 * scale))
    blur = 2.0 * slack(0.0) / np.ptp(arm)  # how far the tolerance for ties moves a step

    def limit(allowed: int, side: int) -> float:
        near = _crossing(
            centre, spread, lambda shift: count(shift, centre - shift, -side), allocations.size, allowed, side
        )
        return near if np.isinf(near) else _nearest_step(tables, own, scale, near - side * blur, slack(0.0))

    return Statistic(float(centre), partial(count, 0.0), limit, slack(0.0) / scale)


def weighted_difference(
    allocations: Allocations, values: np.ndarray, weights: np.ndarray, rounding: float = 0.0
) -> Statistic:
    """Difference of weighted means of cluster values, given the strata; `rounding` as for `difference`.

    Small, Ten Have & Rosenbaum (2008), Journal of the American Statistical Association 103:271.
    """
    arm, strata = allocations.treated.astype(float), allocations.strata
    scores = [weights * centred(row, strata, weights) for row in (values, arm)]
    return _ratio(allocations, *scores, weights, np.empty((0, len(arm))), rounding * weights.max())


def coefficient(
    allocations: Allocations, outcome: np.ndarray, covariates: np.ndarray, cluster: np.ndarray
) -> Statistic:
    """Least-squares coefficient of the arm given covariates and strata, from the rows of the units.

    `outcome`, `covariates` and the `cluster` codes have one row a unit. Outcome and arm are residualised on strata and
    covariates once; the denominator of any other allocation needs the cluster sums of an orthonormal basis of the
    covariates. Frisch & Waugh (1933), Econometrica 1:387.
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
    return _ratio(allocations, *sums, weights, bases, rounding)


def _ratio(
    allocations: Allocations,
    score: np.ndarray,
    arm: np.ndarray,
    weights: np.ndarray,
    basis: np.ndarray,
    rounding: float,
) -> Statistic:
    """Least-squares coefficient of the arm, given strata and covariates, with units weighted alike.

    `score` and `arm` are weighted cluster sums of the outcome and of the observed arm, both residualised on strata and
    covariates; `basis`, shape (covariates, clusters), holds cluster sums of the covariates, orthonormal and orthogonal
    to the strata.

    ``T = S / D``, ``D = sum over strata of W1 W0 / W - sum_j (sum basis_j)^2``, sums over the treated clusters
    (Frisch-Waugh). Without covariates the only cross term of two halves is a product of two weight sums, so rows
    of equal weight share one bound; with covariates every allocation is visited. With A the treated sum of `arm`, an
    allocation ties with the observed one, whose T is t, at the shift ``(t D - S) / (D - A)``. Without covariates D is
    above A for every other allocation, so the count falls with every step. With covariates it need not be, and the
    differences that are not rejected can have gaps: the limits are then the outermost of them.
    """
    tables = split_sums(allocations, np.vstack([score, arm, basis]), weights)
    visit = _visited if len(basis) else _grouped
    observed_arm = float(arm[allocations.treated].sum())
    if observed_arm <= 1e-9 * weights[allocations.treated].sum():
        raise ValueError("covariates: together with the strata they determine the arm of every cluster")
    centre = score[allocations.treated].sum() / observed_arm

    slack = TOLERANCE * np.abs(score).sum() + rounding

    def count(bound: float, sign: int) -> int:
        return visit(tables, bound, sign, slack)

    limit = _limit_of_visits(tables, centre, slack, 1e-9 * weights.sum())
    return Statistic(float(centre), count, limit, slack / observed_arm)


def welch(allocations: Allocations, values: np.ndarray) -> Statistic:
    """Welch's t of the values centred inside strata; valid for equal means also when the arms vary differently.

    From S = sum of values and Q = sum of squares over the n1 treated clusters: ``t = S (1/n1 + 1/n0) / sqrt(V)``,
    ``V = (Q - S^2/n1) / (n1 (n1 - 1)) + (Q_all - Q - S^2/n0) / (n0 (n0 - 1))``. Counted as
    ``t |t| V >= bound |bound| V``, so that an allocation without variation inside its arms is infinitely far.
    It has no interval: a search for its limits would count all allocations again at each shift.

    Janssen (1997), Statistics & Probability Letters 36:9.
    """
    values = centred(values, allocations.strata)
    n1 = int(allocations.treated.sum())
    n0 = len(values) - n1
    if min(n1, n0) < 2:
        raise ValueError("treated: Welch's t needs two clusters in each arm")
    gain, squares = (1.0 / n1 + 1.0 / n0) ** 2, (values**2).sum()
    per_sum = 1.0 / (n1**2 * (n1 - 1)) + 1.0 / (n0**2 * (n0 - 1))
    per_square = 1.0 / (n1 * (n1 - 1)) - 1.0 / (n0 * (n0 - 1))
    total, square = values[allocations.treated].sum(), (values[allocations.treated] ** 2).sum()
    variance = per_square * square - per_sum * total**2 + squares / (n0 * (n0 - 1))
    if variance <= 1e-12 * gain * squares:
        raise ValueError("values: Welch's t needs some variation inside an arm")

    def count(bound: float, sign: int) -> int:
        square = sign * bound * abs(bound)
        constant = TOLERANCE * gain * squares - square * squares / (n0 * (n0 - 1))
        found = 0
        for a, b in blocks(split_sums(allocations, np.vstack([values, -square * per_square * values**2]))):
            total = a[0] + b[0]
            excess = np.abs(total)
            excess *= sign * gain
            excess += (square * per_sum) * total
            excess *= total
            excess += a[1] + constant
            excess += b[1]
            found += int(np.count_nonzero(excess >= 0.0))
        return found

    return Statistic(float(total * np.sqrt(gain / variance)), count, None, TOLERANCE)


# Statistics of one outcome without weights that `randomisation_test` takes beside the difference, by name.
OTHERS = {"welch": welch}


def _pairs_at_least(left: np.ndarray, right: np.ndarray, bound: float) -> int:
    """Number of pairs of one element each whose sum is at least `bound`."""
    few, many = sorted((left, right), key=len)
    few, many = np.sort(few), np.sort(many)
    return few.size * many.size - int(np.searchsorted(many, bound - few[::-1]).sum())


def _grouped(tables: SplitSums, bound: float, sign: int, slack: float) -> int:
    """Count without covariates: rows of the smaller table that share a weight share their bounds."""
    found = 0
    for pair in tables.pairs:
        few, many = sorted(pair, key=lambda table: table.shape[1])
        numerators = [sign * (t[0] - bound * t[-2]) for t in (few, many)]
        order = np.lexsort((numerators[0], few[-1]))
        starts = np.flatnonzero(np.diff(few[-1][order], prepend=-1.0))
        slope = sign * bound * tables.cross * many[-1]
        for group in np.split(order, starts[1:]):
            reach = -slack - numerators[1] - slope * few[-1, group[0]]
            found += group.size * reach.size - int(np.searchsorted(numerators[0][group], reach).sum())
    return found


def _visited(tables: SplitSums, bound: float, sign: int, slack: float) -> int:
    """Count with covariates: every allocation is visited."""
    found = 0
    for a, b in blocks(tables):
        excess = a[0] + b[0] - bound * _denominators(tables, a, b)
        found += int(np.count_nonzero(sign * excess >= -slack))
    return found


def _denominators(tables: SplitSums, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """D of `_ratio` for the allocations of a block; rows 0 and 1 of its tables are score and arm."""
    found = tables.squares(a, b)
    for j in range(2, len(a) - 2):
        found -= (a[j] + b[j]) ** 2
    return found


def _nearest_step(tables: SplitSums, own: float, scale: float, shift: float, slack: float) -> float:
    """The step of one allocation, which is the shift at which it ties with the observed one.

    The values are lowered by `shift`. Of the other allocations, the one is taken whose sum is then nearest to the
    observed sum.
    """
    found = []
    for pair in tables.pairs:
        few, many = sorted(pair, key=lambda table: table.shape[1])
        if few.shape[1] == 1:  # a sample can hold the observed allocation more than once
            many = many[:, scale - few[1] - many[1] > 1e-9 * scale]
        if not many.size:
            continue
        lowered = many[0] - shift * many[1]
        order = np.argsort(lowered)
        places = np.searchsorted(lowered[order], own - shift * scale - (few[0] - shift * few[1]))
        # The nearest on either side, and one more: the observed allocation ties at every shift, and rounding decides
        # on which side it stands.
        for beside in (-2, -1, 0, 1):
            sums = few + many[:, order[np.clip(places + beside, 0, len(order) - 1)]]
            numerator, slope = own - sums[0], scale - sums[1]
            gap = np.where(slope > 1e-9 * scale, np.abs(numerator - shift * slope), inf)
            best = gap.argmin()
            found.append((gap[best], numerator[best], slope[best]))
    _, numerator, slope = min(found)
    # Ties at no difference are found by the same rule that counts them.
    return 0.0 if abs(numerator) <= slack else float(numerator / slope)


def _crossing(centre: float, spread: float, held: Callable, size: int, allowed: int, side: int) -> float:
    """About where the count `held` passes what is allowed, on one side; infinite where it never does."""
    if allowed < 1:
        return side * inf
    target = ndtri((allowed + 0.5) / size)

    @cache
    def excess(shift: float) -> float:
        return float(ndtri(min(held(shift), size - 0.5) / size) - target)

    inside = centre
    while excess(inside) <= 0.0:
        inside -= side * spread
    distance = 2.0 * spread
    while excess(centre + side * distance) > 0.0:
        distance *= 2.0
        if distance > 1e9 * spread:
            return side * inf
    return float(brentq(excess, inside, centre + side * distance, xtol=_BRACKET * spread))


def _limit_of_visits(tables: SplitSums, centre: float, slack: float, smallest: float) -> Callable[[int, int], float]:
    """Limits with weights or covariates: the steps of all allocations in order, from one visit to each."""

    def limit(allowed: int, side: int) -> float:
        if allowed < 1:
            return side * inf
        always, leaving, entering = 0, Largest(allowed + 1), [np.empty(0)]
        for a, b in blocks(tables):
            size = _denominators(tables, a, b)
            slope = (size - a[1] - b[1]).ravel()
            numerator = (centre * size - a[0] - b[0]).ravel()
            flat = np.abs(slope) <= smallest
            always += int((side * numerator[flat] >= -slack).sum())
            step = np.where(np.abs(numerator) <= slack, 0.0, numerator / np.where(flat, 1.0, slope))
            leaving.add(side * step[~flat & (slope > 0.0)])
            entering.append(side * step[~flat & (slope < 0.0)])
            if always + sum(map(len, entering)) > allowed:
                return side * inf
        entering = np.sort(np.concatenate(entering))
        outwards = leaving.values()
        behind = np.searchsorted(entering, outwards, side="right")
        held = always + behind + np.arange(1, len(outwards) + 1)
        return float(side * outwards[np.argmax(held > allowed)])

    return limit


class Largest:
    """Keeps the largest values of a stream in bounded memory."""

    def __init__(self, keep: int):
        self._keep, self._floor = keep, -inf
        self._parts: list[np.ndarray] = []
        self._held = 0

    def add(self, values: np.ndarray) -> None:
        """Take those values that may still be among the largest."""
        above = values[values >= self._floor]
        self._parts.append(above)
        self._held += len(above)
        if self._held >= 2 * self._keep:
            self._trim()

    def smallest(self) -> float:
        """The smallest of the values kept."""
        return float(self._trim().min())

    def values(self) -> np.ndarray:
        """What was kept, the largest first."""
        return np.sort(self._trim())[::-1]

    def _trim(self) -> np.ndarray:
        values = np.concatenate(self._parts)
        if len(values) > self._keep:
            values = np.partition(values, len(values) - self._keep)[-self._keep :]
            self._floor = values[0]
        self._parts, self._held = [values], len(values)
        return values
