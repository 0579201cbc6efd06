"""Power, smallest detectable difference and equivalence power of a planned trial, by formula.

The test is that of the estimator ``"cr2"``, with the standard error and the degrees of freedom that it will have at
clusters of the stated sizes. `clustertrials.simulate_power` has the power of the mixed model, by simulation.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb, exp, inf, isfinite, lgamma, log, sqrt

import numpy as np
from scipy import stats
from scipy.integrate import quad
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import gamma, ncf

from clustertrials.checks import check_between, check_margin, check_numbers, is_pair

# Allocations that are averaged over: all of them if they are so few, else so many draws, and fewer among many clusters,
# whose allocations differ less.
_ALLOCATIONS, _CLUSTERS_DRAWN = 2_000, 60_000


class UnreliablePlanError(ValueError):
    """Cluster sizes so unequal that the planned test would reject too often without a difference."""


def power(
    *,
    clusters: tuple[int, int],
    mean_size: float,
    difference: float | None = None,
    shares: tuple[float, float] | None = None,
    rates: tuple[float, float] | None = None,
    icc: float | None = None,
    between_cv: float | None = None,
    size_cv: float = 0.0,
    level: float = 0.95,
    sd: float | None = None,
    covariate_r2: float = 0.0,
) -> float:
    """Probability that the two-sided test at 1 - `level` finds a true difference.

    Parameters
    ----------
    clusters : tuple of int
        Number of clusters in the treated and in the other arm, at least two each.
    mean_size : float
        Mean number of units in a cluster; for rates the mean exposure of a cluster, such as person-years.
    difference : float, optional
        For means: true difference between the arms, in units of the outcome; its sign does not matter. Give this,
        `shares` or `rates`.
    shares : tuple of float, optional
        For a 0/1 outcome: its share in the treated and in the other arm, between 0 and 1.
    rates : tuple of float, optional
        For counts of events: rate a unit of exposure in the treated and in the other arm.
    icc : float, optional
        Intraclass correlation inside arms, for means and shares: between 0 and 1.
    between_cv : float, optional
        For rates: standard deviation of the clusters' true rates over their mean, inside arms.
    size_cv : float
        Coefficient of variation of the cluster sizes, standard deviation with divisor K over the mean.
    level : float
        Confidence level, between 0.5 and 0.9999; the test rejects at 1 - `level`.
    sd : float, optional
        For means: total standard deviation of the outcome of one unit, in units of the outcome; 1 if not given, for
        differences in standard deviations. Shares and rates have their own.
    covariate_r2 : float
        Share of the variance of a cluster mean that the covariates explain (r squared in the Notes).

    Returns
    -------
    float
        Share of trials in which the test of ``"cr2"`` rejects.

    Raises
    ------
    ValueError
        If not exactly one of `difference`, `shares` and `rates` is given, or a number is out of its range; or if sizes
        are so unequal, for so few clusters, that the test would reject more than twice as often as it should without a
        difference: its power then says nothing.

    Notes
    -----
    Variances of the two arms are averaged, which is exact for equal arms. A share p has variance p (1 - p), of which
    `icc` lies between clusters. A rate r has variance ``between_cv^2 r^2`` between clusters and ``r / mean_size``
    inside, as Hayes and Bennett plan; they take normal quantiles and add one cluster, where here the t distribution has
    the degrees of freedom of the analysis.

    With d normal around the difference, standard deviation `error`, and v s^2 chi-squared on v = `spread` degrees of
    freedom, the test rejects where |d| exceeds the t quantile on `df` degrees of freedom times `reported` s: the
    squared ratio is compared with a noncentral F on 1 and v. All four are those of `planned_test`. Simulated analyses
    of 5 v 5 to 15 v 14 clusters, CVs of size up to 0.88, ICCs of 0 to 0.2 had this power within a point at .80.

    A covariate multiplies the variance by ``1 - r^2`` and takes no degree of freedom. For a baseline value of the
    outcome ``r = a r_c + (1 - a) r_s``, ``a = m icc / (1 + (m - 1) icc)`` with the mean size m, where r_c and r_s are
    its correlations with the outcome between clusters and inside them.

    Pustejovsky JE, Tipton E (2018), Journal of Business & Economic Statistics 36:672-683 (degrees of freedom).
    Teerenstra et al. (2012), Statistics in Medicine 31:2169 (analysis of covariance). Hayes RJ, Bennett S (1999),
    International Journal of Epidemiology 28:319-326 (rates).

    Examples
    --------
    >>> round(power(difference=0.3, clusters=(15, 14), mean_size=30.5, icc=0.05, size_cv=0.45), 2)
    0.73
    >>> round(power(shares=(0.25, 0.35), clusters=(24, 24), mean_size=30, icc=0.03), 2)
    0.85
    """
    difference, design = planned_outcome(mean_size, difference, shares, rates, icc, between_cv, sd)
    test = planned_test(clusters=clusters, size_cv=size_cv, covariate_r2=covariate_r2, **design)
    check_between("level", level, 0.5, 0.9999)
    most = 2.0 * (1.0 - level)
    # Also where the moments overflow.
    if not _power_at(0.0, test, level) <= most:
        raise UnreliablePlanError(
            f"size_cv={size_cv:g} is too large for {clusters[0]} and {clusters[1]} clusters: the analysis would reject "
            f"more than {most:.0%} of the trials without a difference; plan with `simulate_power`, or more clusters"
        )
    return _power_at(abs(difference) / test.error, test, level)


def planned_outcome(
    mean_size: float,
    difference: float | None = None,
    shares: tuple[float, float] | None = None,
    rates: tuple[float, float] | None = None,
    icc: float | None = None,
    between_cv: float | None = None,
    sd: float | None = None,
) -> tuple[float, dict[str, float]]:
    """The true difference, and `mean_size`, `icc` and `sd` of the outcome; a rate counts as one unit of its cluster.

    Arguments and errors are those of `clustertrials.power`.
    """
    if sum(one is not None for one in (difference, shares, rates)) != 1:
        raise ValueError("give exactly one of difference, shares and rates")
    if difference is None and sd is not None:
        raise ValueError("sd is for a difference of means; shares and rates have their own")
    if rates is not None:
        if icc is not None or between_cv is None:
            raise ValueError("rates need between_cv, and no icc")
        check_numbers(between_cv=between_cv, mean_size=mean_size)
        if not (isfinite(between_cv) and between_cv >= 0):
            raise ValueError("between_cv must be a finite number of at least 0")
        if not (isfinite(mean_size) and mean_size > 0):
            raise ValueError("mean_size must be a finite number above 0")
        one, other = _between("rates", rates, most=inf)
        between = between_cv**2 * (one**2 + other**2) / 2
        total = between + (one + other) / 2 / mean_size
        return one - other, {"mean_size": 1.0, "icc": between / total, "sd": sqrt(total)}
    if icc is None or between_cv is not None:
        raise ValueError("means and shares need icc, and no between_cv")
    if shares is not None:
        one, other = _between("shares", shares, most=1.0)
        difference, sd = one - other, sqrt((one * (1 - one) + other * (1 - other)) / 2)
    check_numbers(difference=difference)
    if not isfinite(difference):
        raise ValueError("difference must be a finite number")
    return difference, {"mean_size": mean_size, "icc": icc, "sd": 1.0 if sd is None else sd}


def _between(name: str, values: tuple[float, float], *, most: float) -> tuple[float, float]:
    if not is_pair(values) or not all(0 < value < most for value in values):
        raise ValueError(f"{name} must be two numbers above 0{'' if most > 1 else ' and below 1'}")
    return values


def minimum_detectable_difference(*, power: float = 0.8, level: float = 0.95, **design) -> float:
    """Smallest true difference that the trial finds with the given probability: the inverse of `clustertrials.power`.

    Parameters
    ----------
    power : float
        Probability of a significant result, above the type I error of the test and below 1.
    level : float
        As for `clustertrials.power`.
    **design
        `clusters`, `mean_size`, `icc`, and where wanted `size_cv`, `sd`, `covariate_r2`, as for
        `clustertrials.power`. A 0/1 outcome of share p has ``sd=(p * (1 - p)) ** 0.5``.

    Returns
    -------
    float
        Difference in units of the outcome, in standard deviations if `sd` is 1.

    Examples
    --------
    >>> round(minimum_detectable_difference(clusters=(15, 14), mean_size=30.5, icc=0.05), 3)
    0.308
    """
    test = planned_test(**design)
    check_between("level", level, 0.5, 0.9999)
    check_between("power", power, 1.0 - level, 1.0)
    if (least := _power_at(0.0, test, level)) >= power:
        raise ValueError(f"power must lie above {least:.3f}: so often the analysis rejects without a difference")
    upper = 1.0
    while _power_at(upper, test, level) < power:
        upper *= 2.0
    return test.error * brentq(lambda ratio: _power_at(ratio, test, level) - power, 0.0, upper, xtol=1e-13)


def _power_at(ratio: float, test: PlannedTest, level: float) -> float:
    """Share of tests that reject when the true difference is `ratio` standard errors."""
    bound = (stats.t.ppf((1.0 + level) / 2.0, test.df) * test.reported / test.error) ** 2
    # Measured in scipy 1.17: nct.cdf is NaN in its lower tail, ncf.sf(x, 1, df, 0) is cdf - 1 with the wrong
    # sign, and ncf.cdf is NaN for a noncentrality of 1e100; up to 1e12 it is right, and the power is 1 by then.
    return float(1.0 - ncf.cdf(bound, 1, test.spread, min(ratio, 1e6) ** 2))


@dataclass(frozen=True)
class PlannedTest:
    """The t test that is expected of a planned analysis."""

    error: float  # standard deviation of the estimate, in units of the outcome
    # root mean square of the standard errors that the analysis reports; it differs from `error` where cluster sizes
    # differ
    reported: float
    df: float  # degrees of freedom of the quantile that the analysis compares with
    spread: float  # degrees of freedom of the chi-squared distribution that the squared reported errors nearly follow


def planned_test(
    *,
    clusters: tuple[int, int],
    mean_size: float,
    icc: float,
    size_cv: float = 0.0,
    sd: float = 1.0,
    covariate_r2: float = 0.0,
) -> PlannedTest:
    """Error and degrees of freedom that are expected of the planned analysis; arguments as for `clustertrials.power`.

    With p_k the share of cluster k in the rows of its arm and m_k the variance of its mean, the squared error is ``sum
    p_k^2 m_k``, the squared reported one ``sum p_k^2 / (1 - p_k) (mean_k - mean of the arm)^2``, a quadratic form whose
    first two moments give `reported` and `spread`. All are means over the allocations of the sizes of
    `representative_sizes`. `df` is Satterthwaite's under independent rows, as the analysis has it, at most clusters -
    2; where rows are alike, the reported error is a little too small and varies more than `df` says. Covariates take no
    degree of freedom. Bell RM, McCaffrey DF (2002), Survey Methodology 28:169-181.
    """
    check_numbers(mean_size=mean_size, icc=icc, size_cv=size_cv, sd=sd, covariate_r2=covariate_r2)
    if not is_pair(clusters) or any(k != int(k) or k < 2 for k in clusters):
        raise ValueError("clusters must be a pair of whole numbers, at least two clusters in each arm")
    if not (isfinite(mean_size) and mean_size >= 1.0):
        raise ValueError("mean_size must be a finite number of at least 1")
    if not 0.0 <= icc <= 1.0:
        raise ValueError("icc must lie between 0 and 1; plan with 0 where the estimate is negative")
    if not (isfinite(sd) and sd > 0.0):
        raise ValueError("sd must be a finite number above 0")
    if not 0.0 <= covariate_r2 < 1.0:
        raise ValueError("covariate_r2 must be at least 0 and below 1")
    found = moments((int(clusters[0]), int(clusters[1])), size_cv)
    between, within, scale = icc, (1.0 - icc) / mean_size, sd * sqrt(1.0 - covariate_r2)
    reported = between * found.reported + within * found.within
    parts = between**2, 2.0 * between * within, within**2
    variance = sum(part * one for part, one in zip(parts, found.spread))
    return PlannedTest(
        scale * sqrt(between * found.between + within * found.within),
        scale * sqrt(reported),
        found.df,
        2.0 * reported**2 / variance,
    )


@lru_cache(maxsize=256)
def representative_sizes(clusters: int, size_cv: float) -> np.ndarray:
    """Cluster sizes of mean 1 and coefficient of variation `size_cv`, which represent those of a trial to come.

    Quantiles of the gamma distribution at (k - 1/2) / K whose shape gives exactly this spread; not whole numbers.
    """
    if not (isfinite(size_cv) and size_cv >= 0.0):
        raise ValueError("size_cv must be a finite number of at least 0")
    if size_cv == 0.0:
        return np.ones(clusters)
    places = (np.arange(clusters) + 0.5) / clusters

    def sizes(log_shape: float) -> np.ndarray:
        found = gamma.ppf(places, np.exp(log_shape))
        return found / found.mean()

    # A shape of exp(-4) leaves nearly all units in one cluster of sixty.
    def excess(log_shape: float) -> float:
        return float(sizes(log_shape).std()) - size_cv

    if size_cv < 1e-6 or excess(-4.0) < 0.0:
        raise ValueError(f"size_cv must be 0, or above 1e-06 and below what {clusters} clusters can have")
    return sizes(brentq(excess, -4.0, 30.0, xtol=1e-13))


@dataclass(frozen=True)
class Moments:
    """Mean moments of ``"cr2"`` over allocations, where the mean cluster has one unit.

    With u the variance between clusters and e that of one unit inside, over the mean size, the squared error is ``u
    between + e within``, the squared reported one on the mean ``u reported + e within``, and its variance ``u^2
    spread[0] + 2 u e spread[1] + e^2 spread[2]``. `df` is Satterthwaite's, at most clusters - 2.
    """

    between: float
    within: float
    reported: float
    spread: tuple[float, float, float]
    df: float


@lru_cache(maxsize=256)
def moments(clusters: tuple[int, int], size_cv: float) -> Moments:
    """Average over allocations the moments of ``"cr2"``, for a number of clusters in each arm."""
    sizes = representative_sizes(sum(clusters), size_cv)
    treated = _allocations(*clusters, size_cv)
    between = within = reported = alike = 0.0
    spread = np.zeros((3, len(treated)))
    for members in (treated, ~treated):
        units = (sizes * members).sum(axis=1)
        p = sizes * members / units[:, None]
        weight, per_unit = p**2 / (1.0 - p), p / (1.0 - p) / units[:, None]
        square = (p**2).sum(axis=1)
        first, second, third = weight.sum(axis=1), (weight * p).sum(axis=1), (weight * p**2).sum(axis=1)
        between = between + square
        within = within + 1.0 / units
        reported = reported + first * (1.0 + square) - 2.0 * second
        # Covariance of the deviations of two clusters' means from their arm's: of what clusters have in common
        # [k = j] - p_k - p_j + square, of what units add [k = j] / n_k - 1 / units.
        shared = (weight**2 * (1.0 + 2.0 * (square[:, None] - 2.0 * p))).sum(axis=1)
        shared = shared + first**2 * square**2 + 2.0 * first * third + 2.0 * second**2 - 4.0 * square * first * second
        both = (weight * per_unit * (1.0 + square[:, None] - 2.0 * p) - weight**2 / units[:, None]).sum(axis=1)
        both = both - (first**2 * square - 2.0 * first * second) / units
        own = (per_unit**2 - 2.0 * weight * per_unit / units[:, None]).sum(axis=1) + (first / units) ** 2
        spread += 2.0 * np.array([shared, both, own])
        alike = alike + own
    df = np.minimum(within**2 / alike, sum(clusters) - 2)
    return Moments(
        float(between.mean()), float(within.mean()), float(reported.mean()), tuple(spread.mean(axis=1).tolist()),
        float(df.mean()),
    )  # fmt: skip


def _allocations(one: int, other: int, size_cv: float) -> np.ndarray:
    """Allocations to average over, shape (allocations, clusters): one where all are alike."""
    clusters = one + other
    start = np.arange(clusters) < one
    if size_cv == 0.0:
        return start[None]
    if comb(clusters, one) <= _ALLOCATIONS:
        chosen = np.array(list(combinations(range(clusters), one)))
        return (chosen[:, :, None] == np.arange(clusters)).any(axis=1)
    draws = max(20, min(_ALLOCATIONS, _CLUSTERS_DRAWN // clusters))
    # The same draws at each call: a plan has one answer.
    return np.random.default_rng(0).permuted(np.tile(start, (draws, 1)), axis=1)


@dataclass(frozen=True)
class Limits:
    """Estimates that would lead to a conclusion, if their standard error came out as planned."""

    found_beyond: float  # an estimate farther from zero than this differs from zero by the two-sided test
    # an estimate nearer to zero excludes every difference of `margin` or more; where it is negative, no estimate does
    excluded_within: float


def equivalence_power(*, margin: float, difference: float = 0.0, level: float = 0.95, **design) -> float:
    """Probability that two one-sided tests exclude every difference of `margin` or more.

    Parameters
    ----------
    margin : float
        Smallest difference that would matter, in units of the outcome, above 0.
    difference : float
        True difference between the arms; its sign does not matter.
    level : float
        One minus the error rate of each test, between 0.5 and 0.9999, as for `clustertrials.equivalence`: at 0.95
        the tests exclude what lies outside the 90 % interval.
    **design
        As for `clustertrials.minimum_detectable_difference`.

    Returns
    -------
    float
        Between 0 and 1; at a true difference of `margin` the rate at which the tests err, near 1 - `level` or below.

    Notes
    -----
    With d and s as for `power`, the tests exclude exactly if ``|d| + t s reported < margin``, t the quantile of `level`
    on `df` degrees of freedom. The probability is

        ∫ [Phi((margin - difference - r s) / error) - Phi((-margin - difference + r s) / error)] f(s) ds

    with r = t reported, over s from 0 to margin / r, f the density of s: Owen's Q in another form, integrated
    numerically.

    Schuirmann DJ (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657-680 (the tests).
    Phillips KF (1990), Journal of Pharmacokinetics and Biopharmaceutics 18:137-144 (their power).

    Examples
    --------
    >>> round(equivalence_power(margin=0.3, clusters=(15, 14), mean_size=30.5, icc=0.05), 2)
    0.74
    """
    test = planned_test(**design)
    check_margin(margin)
    check_between("level", level, 0.5, 0.9999)
    if not isfinite(difference):
        raise ValueError("difference must be a finite number")
    df, se = test.spread, test.error
    quantile = stats.t.ppf(level, test.df) * test.reported / se
    low, high = (-margin - abs(difference)) / se, (margin - abs(difference)) / se
    scale = log(2.0) + df / 2.0 * log(df / 2.0) - lgamma(df / 2.0)

    def excluded(s: float) -> float:
        density = exp(scale + (df - 1) * log(s) - df * s * s / 2.0)
        return (ndtr(high - quantile * s) - ndtr(low + quantile * s)) * density

    # Outside these limits lie 2e-16 of the density; a wide margin would hide its peak from the integrator.
    first, last = sqrt(stats.chi2.ppf(1e-16, df) / df), sqrt(stats.chi2.isf(1e-16, df) / df)
    last = min(margin / (quantile * se), last)
    return float(quad(excluded, first, last, epsabs=1e-12, epsrel=1e-12, limit=200)[0]) if last > first else 0.0


def limits(*, margin: float, level: float = 0.95, **design) -> Limits:
    """Return which estimates would find a difference, and which would exclude one of `margin` or more.

    The `design` is that of `equivalence_power`. With v the degrees of freedom that the analysis is expected to have,
    ``found_beyond = t_v((1 + level) / 2) se`` and ``excluded_within = margin - t_v(level) se``. Estimates between the
    two leave both questions open; where the first is the smaller, estimates between them are found and yet too small to
    matter.
    """
    test = planned_test(**design)
    check_margin(margin)
    check_between("level", level, 0.5, 0.9999)
    found_beyond, margin_kept = (float(stats.t.ppf(q, test.df)) * test.reported for q in ((1.0 + level) / 2.0, level))
    return Limits(found_beyond, margin - margin_kept)
