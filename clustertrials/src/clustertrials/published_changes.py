"""What two means of the same units allow: the possible spread of their change, and the possible p-values of it."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, isfinite, sqrt

from scipy import stats

from clustertrials.published_summaries import Consistency


@dataclass(frozen=True)
class SdLimits:
    """Smallest and largest standard deviation of a change, and the one for two waves that are not correlated.

    Attributes
    ----------
    low, unrelated, high : float
        In units of the variable.
    """

    low: float
    unrelated: float
    high: float


def share_sd(share: float, n: int) -> float:
    """Standard deviation of a 0/1 variable, which follows from its mean.

    Parameters
    ----------
    share, n : float, int
        Mean between 0 and 1, and units.

    Returns
    -------
    float
        With divisor n - 1.

    Raises
    ------
    ValueError
        If the mean lies outside 0 to 1 or there are fewer than two units.

    Notes
    -----
    sd^2 = share (1 - share) n / (n - 1).

    Examples
    --------
    >>> round(share_sd(0.5, 101), 4)
    0.5025
    """
    if not (0 <= share <= 1 and n >= 2):
        raise ValueError("share must lie between 0 and 1, and n be at least 2")
    return sqrt(share * (1 - share) * n / (n - 1))


def share_change_limits(before: float, after: float, n: int, *, decimals: int | None = None) -> SdLimits:
    """Bound the standard deviation of the change of a 0/1 variable by its two means.

    Parameters
    ----------
    before, after, n : float, float, int
        Means of the same `n` units at both times, between 0 and 1.
    decimals : int, optional
        Decimals to which the means are printed, exact if not given; rounding widens the limits.

    Returns
    -------
    SdLimits

    Raises
    ------
    ValueError
        As `share_sd`.

    Notes
    -----
    A unit changes by -1, 0 or 1. With d = after - before and s = before + after, the share of units that change lies
    between |d|, where all change the same way, and min(s, 2 - s); sd^2 = (that share - d^2) n / (n - 1).

    Examples
    --------
    >>> limits = share_change_limits(0.4, 0.6, 101)
    >>> round(limits.low, 3), round(limits.unrelated, 3), round(limits.high, 3)
    (0.402, 0.696, 0.985)
    """
    unrelated = sqrt(share_sd(before, n) ** 2 + share_sd(after, n) ** 2)
    slack, size, total, divisor = 2 * half_unit(decimals), abs(after - before), before + after, (n - 1) / n
    least, most = max(size - slack, 0.0), min(size + slack, 1.0)
    # x - x^2 is concave, so its smallest value over the rounding of |d| lies at an end.
    low = min(least - least**2, most - most**2) / divisor
    nearest = min(max(1.0, total - slack), total + slack)
    high = (min(nearest, 2 - nearest) - least**2) / divisor
    return SdLimits(sqrt(low), unrelated, sqrt(high))


def change_limits(sd_before: float, sd_after: float, *, decimals: int | None = None) -> SdLimits:
    """Bound the standard deviation of a change by those of its two waves: any correlation from -1 to 1.

    Parameters
    ----------
    sd_before, sd_after : float
        Standard deviations of the same units at both times.
    decimals : int, optional
        Decimals to which both are printed, exact if not given.

    Returns
    -------
    SdLimits

    Raises
    ------
    ValueError
        If one is negative or not finite.

    Notes
    -----
    |sd_after - sd_before| to sd_before + sd_after.

    Examples
    --------
    >>> change_limits(3.0, 4.0)
    SdLimits(low=1.0, unrelated=5.0, high=7.0)
    """
    if not (isfinite(sd_before + sd_after) and min(sd_before, sd_after) >= 0):
        raise ValueError("standard deviations must be finite and not negative")
    slack = 2 * half_unit(decimals)
    low, unrelated = max(abs(sd_after - sd_before) - slack, 0.0), sqrt(sd_before**2 + sd_after**2)
    return SdLimits(low, unrelated, sd_before + sd_after + slack)


def recomputed_p_of_change(
    before: float,
    after: float,
    n: int,
    limits: SdLimits,
    *,
    printed: float,
    p_decimals: int,
    is_bound: bool = False,
    decimals: int | None = None,
) -> Consistency:
    """Work out which p-values a paired t test can have, and compare them with the printed one.

    Parameters
    ----------
    before, after, n : float, float, int
        Means of the same `n` units at both times.
    limits : SdLimits
        Of the change's standard deviation, from `share_change_limits` or `change_limits`.
    printed, p_decimals, is_bound : float, int, bool
        The printed two-sided p-value, its decimals, and whether it is only a bound, as in "p < 0.001".
    decimals : int, optional
        Decimals of the means, exact if not given.

    Returns
    -------
    Consistency
        `p_value` for two waves that are not correlated, `low` and `high` for the limits.

    Raises
    ------
    ValueError
        If there are fewer than two units.

    Notes
    -----
    t = |after - before| sqrt(n) / sd on n - 1 degrees of freedom, every unit independent. A test that respected
    clusters, or a mean adjusted for a covariate, may have another p-value and is not wrong for it.

    References
    ----------
    Nuijten MB et al. (2016), Behavior Research Methods 48:1205-1226.

    Examples
    --------
    >>> limits = share_change_limits(0.50, 0.56, 100)
    >>> found = recomputed_p_of_change(0.50, 0.56, 100, limits, printed=0.03, p_decimals=2)
    >>> round(found.low, 3), round(found.p_value, 3), round(found.high, 3), found.is_consistent
    (0.014, 0.399, 0.539, True)
    """
    if n < 2:
        raise ValueError("n must be at least 2")
    slack, p_slack, size = 2 * half_unit(decimals), half_unit(p_decimals), abs(after - before)

    def p_of(difference: float, sd: float) -> float:
        t = difference * sqrt(n) / sd if sd > 0 else inf if difference > 0 else 0.0
        return float(2 * stats.t.sf(t, n - 1))

    low, high = p_of(size + slack, limits.low), p_of(max(size - slack, 0.0), limits.high)
    fits = low <= printed if is_bound else low <= printed + p_slack and printed - p_slack <= high
    return Consistency(p_of(size, limits.unrelated), low, high, printed, fits)


def half_unit(decimals: int | None) -> float:
    """Half a unit of the last decimal, the most that rounding moves a printed number; 0 for an exact one.

    Parameters
    ----------
    decimals : int or None
        Decimals printed; None for a number that is exact.

    Returns
    -------
    float

    Examples
    --------
    >>> half_unit(2), half_unit(None)
    (0.005, 0.0)
    """
    return 0.0 if decimals is None else 0.5 * 10.0**-decimals
