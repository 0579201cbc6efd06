"""What a published table of means, numbers and p-values implies, and whether its numbers fit together."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from math import ceil, floor, inf, isfinite, sqrt

from scipy import stats

from clustertrials.checks import check_level
from clustertrials.intraclass import variance_inflation
from clustertrials.results import Effect


@dataclass(frozen=True)
class ImpliedSd:
    """Standard deviation of the units' changes that a p-value implies.

    `sd_low` to `sd_high` is what the rounding of means and p-value allows. The interval of the mean change takes every
    unit as independent. Where only a bound of p is known, `sd`, `se` and the interval are the widest possible.
    """

    change: float
    sd: float
    se: float
    sd_low: float
    sd_high: float
    ci_low: float
    ci_high: float
    level: float
    n: int
    is_bound: bool


@dataclass(frozen=True)
class Consistency:
    """A p-value computed again.

    `p_value` follows from the numbers as printed, `low` and `high` are the least and greatest from all numbers that
    round to them; it is consistent if one of these rounds to the printed one, or lies below it if that is a bound.
    """

    p_value: float
    low: float
    high: float
    printed: float
    is_consistent: bool


def half_unit(decimals: int | None) -> float:
    """Half a unit of the last decimal, the most that rounding moves a printed number; 0 for an exact one."""
    return 0.0 if decimals is None else 0.5 * 10.0**-decimals


def implied_sd_of_change(
    mean_before: float,
    mean_after: float,
    n: int,
    p: float,
    *,
    is_bound: bool = False,
    decimals: int | None = None,
    p_decimals: int | None = None,
    level: float = 0.95,
) -> ImpliedSd:
    """Find the standard deviation of a change from its two means and the p-value of a paired t test.

    Parameters
    ----------
    mean_before, mean_after, n : float, float, int
        Means of the same `n` units at both times.
    p, is_bound : float, bool
        Two-sided p-value, and whether it is only a bound, as in "p < 0.001".
    decimals, p_decimals : int, optional
        Decimals to which means and p-value are printed, exact if not given.
    level : float
        Level of the interval.

    Returns
    -------
    ImpliedSd
        With sd = |change| sqrt(n) / t, t the upper p / 2 quantile of t on n - 1 degrees of freedom.

    Raises
    ------
    ValueError
        If the means are equal or a number is out of range.

    References
    ----------
    Higgins JPT, Li T, Deeks JJ (2023), Cochrane Handbook for Systematic Reviews of Interventions, section 6.5.2.

    Examples
    --------
    >>> found = implied_sd_of_change(5.0, 5.5, 100, 0.05)
    >>> round(found.sd, 4), round(found.ci_low, 4), round(found.ci_high, 4)
    (2.5199, 0.0, 1.0)
    """
    check_level(level)
    change, slack, p_slack = mean_after - mean_before, 2 * half_unit(decimals), half_unit(p_decimals)
    if not isfinite(change) or change == 0 or n < 2 or n % 1:
        raise ValueError("the means must be finite and differ, and n be a whole number of at least 2")
    if not (0 < p < 1 and (is_bound or p + p_slack < 1)):
        raise ValueError("p must lie between 0 and 1, rounding included; give a printed 0 as its bound")

    def spread(size: float, p_value: float) -> float:
        return float(size * sqrt(n) / stats.t.isf(p_value / 2, n - 1))

    size, sd = abs(change), spread(abs(change), p)
    least = 0.0 if is_bound else spread(max(size - slack, 0), max(p - p_slack, 0))
    most = spread(size + slack, p if is_bound else p + p_slack)
    half = float(stats.t.ppf((1 + level) / 2, n - 1)) * sd / sqrt(n)
    return ImpliedSd(change, sd, sd / sqrt(n), least, most, change - half, change + half, level, int(n), is_bound)


def between_arms(
    mean1: float,
    sd1: float,
    n1: int,
    mean2: float,
    sd2: float,
    n2: int,
    *,
    icc: float,
    clusters1: int,
    clusters2: int,
    cv: float = 0.0,
    level: float = 0.95,
) -> Effect:
    """Compare two arms of a cluster-randomised trial from their means, spreads and numbers.

    Parameters
    ----------
    mean1, sd1, n1, clusters1, mean2, sd2, n2, clusters2
        Mean (or mean change), standard deviation, units and clusters of the treated and of the other arm.
    icc, cv : float
        Intraclass correlation, an assumption wherever it is not published, and coefficient of variation of the sizes.
    level : float
        Confidence level.

    Returns
    -------
    Effect
        Estimator ``"summary"``, individual average, clusters - 2 degrees of freedom, with the `icc` given.

    Raises
    ------
    ValueError
        If a number is out of range, or the correlation is more negative than such clusters allow.

    Notes
    -----
    se^2 = sum over arms of sd^2 D / n with the design effect D = 1 + ((1 + cv^2) n / clusters - 1) icc.

    Eldridge SM, Ashby D, Kerry S (2006), International Journal of Epidemiology 35:1292-1300.

    Examples
    --------
    >>> found = between_arms(5.4, 2.0, 100, 5.0, 2.0, 100, icc=0.05, clusters1=10, clusters2=10)
    >>> round(found.estimate, 6), round(found.se, 6), found.df
    (0.4, 0.340588, 18.0)
    """
    check_level(level)
    variance = 0.0
    if not (isfinite(cv) and cv >= 0):
        raise ValueError("cv must be 0 or more")
    for mean, sd, n, clusters in ((mean1, sd1, n1, clusters1), (mean2, sd2, n2, clusters2)):
        if not (isfinite(mean + sd + n) and sd > 0 and n >= clusters >= 2):
            raise ValueError("each arm needs a finite mean, a positive sd, two clusters, and no fewer units")
        variance += sd**2 * variance_inflation(n / clusters, cv, icc) / n
    estimate, se, df = mean1 - mean2, sqrt(variance), clusters1 + clusters2 - 2
    return Effect.from_t(
        estimate,
        se,
        df,
        level=level,
        n_units=n1 + n2,
        n_clusters=df + 2,
        n_dropped=0,
        icc=icc,
        estimator="summary",
        estimand="individual average",
        mean_treated=mean1,
        mean_other=mean2,
    )


def grim(mean: float, n: int, *, decimals: int, items: int = 1) -> bool:
    """Check whether `n` whole numbers can have a mean that is printed like this.

    Parameters
    ----------
    mean, n, decimals : float, int, int
        Mean of `n` units as printed, and its decimals, trailing zeros counted; 45.3 % is 0.453 with 3 decimals.
    items : int
        Whole-number items that each unit's score averages.

    Returns
    -------
    bool
        False if no sum of whole numbers gives this mean, whichever way a 5 is rounded. Always True from n times items =
        10^decimals on.

    Raises
    ------
    ValueError
        If the mean has more decimals than that, or a number is out of range.

    References
    ----------
    Brown NJL, Heathers JAJ (2017), Social Psychological and Personality Science 8:363-369.

    Examples
    --------
    >>> grim(3.45, 20, decimals=2), grim(3.46, 20, decimals=2), grim(3.46, 20, decimals=2, items=5)
    (True, False, True)
    """
    if not (isfinite(mean) and min(n, items) >= 1 and n % 1 == items % 1 == 0 and decimals >= 0):
        raise ValueError("mean must be finite, n and items whole numbers of at least 1, decimals 0 or more")
    # Decimal fractions, because binary ones do not represent printed numbers and ties exactly.
    printed, half = Fraction(str(float(mean))), Fraction(1, 2 * 10**decimals)
    if (printed * 10**decimals).denominator != 1:
        raise ValueError(f"mean has more than {decimals} decimals")
    count = int(n * items)
    return ceil((printed - half) * count) <= floor((printed + half) * count)


@dataclass(frozen=True)
class SdLimits:
    """Smallest and largest standard deviation of a change, and the one for two waves that are not correlated."""

    low: float
    unrelated: float
    high: float


def share_sd(share: float, n: int) -> float:
    """Standard deviation of a 0/1 variable with a given mean: sd^2 = share (1 - share) n / (n - 1)."""
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

    Raises
    ------
    ValueError
        If a mean lies outside 0 to 1 or there are fewer than two units.

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
        From |sd_after - sd_before| to sd_before + sd_after.

    Raises
    ------
    ValueError
        If one is negative or not finite.

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
    """Compute the p-values that a paired t test can have, and compare them with the printed one.

    Parameters
    ----------
    before, after, n, decimals
        As for `share_change_limits`.
    limits : SdLimits
        Of the change's standard deviation, from `share_change_limits` or `change_limits`.
    printed, p_decimals, is_bound : float, int, bool
        The printed two-sided p-value, its decimals, and whether it is only a bound, as in "p < 0.001".

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
    slack, size = 2 * half_unit(decimals), abs(after - before)

    def p_of(difference: float, sd: float) -> float:
        t = difference * sqrt(n) / sd if sd > 0 else inf if difference > 0 else 0.0
        return float(2 * stats.t.sf(t, n - 1))

    low, high = p_of(size + slack, limits.low), p_of(max(size - slack, 0.0), limits.high)
    p_slack = 0.0 if is_bound else half_unit(p_decimals)
    fits = low <= printed + p_slack and (is_bound or printed - p_slack <= high)
    return Consistency(p_of(size, limits.unrelated), low, high, printed, fits)
