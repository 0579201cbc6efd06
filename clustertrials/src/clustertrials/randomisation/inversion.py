"""P-value and interval of a randomisation statistic, from its counts."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import sqrt

import numpy as np

from clustertrials.randomisation.allocations import Allocations
from clustertrials.randomisation.statistics import Statistic
from clustertrials.results import Printed, shown_total


@dataclass(frozen=True)
class RandomisationResult(Printed):
    """Answer of a randomisation test; arrays with one entry an outcome where several outcomes were given.

    The statistic is the difference in units of the outcome, or Welch's t; `p_value` is the share of allocations at
    least as extreme, the observed one included, `p_value_se` its Monte Carlo error, None if exact. `n_counted` of the
    `n_allocations` were counted; `method` says so in a sentence.

    `ci_low` to `ci_high` is the central interval of a constant difference: it excludes a difference exactly where one
    of the two one-sided tests of that difference, each at half of 1 - `level`, rejects it. The limits themselves are
    not rejected; they are infinite where too few allocations exist to reject anything at this level, None where no
    interval was asked for, and for Welch's t. It can disagree with a two-sided p-value at the margin if the
    distribution is skewed.

    For several outcomes, `p_value_adjusted` holds family-wise p-values by step-down max-T; the simultaneous intervals
    exclude 0 exactly where the single-step two-sided max-T test rejects.
    """

    statistic: float | np.ndarray
    p_value: float | np.ndarray
    ci_low: float | np.ndarray | None
    ci_high: float | np.ndarray | None
    n_allocations: int
    exact: bool
    n_counted: int
    p_value_se: float | np.ndarray | None
    alternative: str
    level: float
    method: str
    p_value_adjusted: np.ndarray | None = None
    simultaneous_low: np.ndarray | None = None
    simultaneous_high: np.ndarray | None = None


def extreme_count(statistic: Statistic, size: int, alternative: str) -> int:
    """Number of allocations at least as extreme as the observed one, which is always among them.

    Two-sided compares absolute values; an observed value of zero counts every allocation, not some of them twice.
    Edgington & Onghena (2007), Randomization Tests, 4th ed., chapter 3.
    """
    bound = statistic.observed
    if alternative == "greater":
        return statistic.count(bound, 1)
    if alternative == "less":
        return statistic.count(bound, -1)
    if alternative == "two-sided":
        return min(size, statistic.count(abs(bound), 1) + statistic.count(-abs(bound), -1))
    raise ValueError('alternative must be "two-sided", "greater" or "less"')


def tail_allowance(size: int, level: float, tails: int) -> int:
    """Largest number of allocations whose share does not exceed (1 - `level`) / `tails`."""
    if not 0.5 <= level < 1.0:
        raise ValueError("level must be at least 0.5 and below 1")
    # As a decimal fraction: in binary, 0.95 would lose an allocation wherever 5 % of the set is a whole number.
    return int(size * (1 - Fraction(str(float(level)))) / tails)


def randomisation_result(
    allocations: Allocations, statistic: Statistic, alternative: str, level: float, interval: bool
) -> RandomisationResult:
    """P-value and, if asked for, interval of one statistic.

    The p-value is a count over a size; in a sample of n draws that is (b + 1) / (n + 1), with standard error ``sqrt(p
    (1 - p) / (n + 1))``. Phipson & Smyth (2010), Statistical Applications in Genetics and Molecular Biology 9:39.
    """
    size = allocations.size
    p_value = extreme_count(statistic, size, alternative) / size
    allowed, limit = tail_allowance(size, level, tails=2), statistic.confidence_limit if interval else None
    low, high = (limit(allowed, side) if limit else None for side in (-1, 1))
    return RandomisationResult(
        statistic=statistic.observed,
        p_value=p_value,
        ci_low=low,
        ci_high=high,
        n_allocations=allocations.total,
        exact=allocations.exact,
        n_counted=size,
        p_value_se=None if allocations.exact else sqrt(p_value * (1.0 - p_value) / size),
        alternative=alternative,
        level=level,
        method=_method(allocations),
    )


def _method(allocations: Allocations) -> str:
    """A sentence on what was counted."""
    n_strata = int(allocations.strata.max()) + 1
    among = f"{int(allocations.treated.sum())} treated among {len(allocations.treated)} clusters"
    among += "" if n_strata == 1 else f" inside {n_strata} strata"
    if allocations.exact:
        return f"exact: all {allocations.total:,} allocations of {among}"
    return f"Monte Carlo: {allocations.size - 1:,} of the {shown_total(allocations.total)} allocations of {among}"
