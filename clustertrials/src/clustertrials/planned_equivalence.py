"""What a cluster-randomised trial could say of a difference before it has data: rule it out, or leave it open.

The companion of `clustertrials.power`. Power asks how often the trial finds a difference that is there; this asks how
often it excludes one that is not, and which estimates would do either.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, isfinite, lgamma, log, sqrt

from scipy import stats
from scipy.integrate import quad
from scipy.special import ndtr

from clustertrials.planned import planned_test
from clustertrials.sample_size import check_between


@dataclass(frozen=True)
class Limits:
    """Which estimates would say what, if their standard error came out as planned.

    Attributes
    ----------
    found_beyond : float
        An estimate farther from zero than this differs from zero by the two-sided test.
    excluded_within : float
        An estimate nearer to zero than this excludes every difference of `margin` or more; where it is negative, no
        estimate does.
    se : float
        Standard error that the analysis is expected to report.
    margin, level : float
        As asked.
    """

    found_beyond: float
    excluded_within: float
    se: float
    margin: float
    level: float


def equivalence_power(
    *,
    margin: float,
    clusters: tuple[int, int],
    mean_size: float,
    icc: float,
    difference: float = 0.0,
    size_cv: float = 0.0,
    level: float = 0.95,
    sd: float = 1.0,
    covariate_r2: float = 0.0,
    estimator: str = "cr2",
) -> float:
    """Probability that two one-sided tests exclude every difference of `margin` or more.

    Parameters
    ----------
    margin : float
        Smallest difference that would matter, in units of the outcome, above 0.
    clusters : tuple of int
        Number of clusters in the treated and in the other arm, at least two each.
    mean_size : float
        Mean number of units in a cluster.
    icc : float
        Intraclass correlation, between 0 and 1.
    difference : float
        True difference between the arms; its sign does not matter.
    size_cv, sd, covariate_r2, estimator
        As for `clustertrials.power`.
    level : float
        One minus the error rate of each test, between 0.5 and 0.9999, as for `clustertrials.equivalence_tests`: at 0.95
        the tests exclude what lies outside the 90 % interval.

    Returns
    -------
    float
        Between 0 and 1; at a true difference of `margin` the rate at which the tests err, near 1 - `level` or below.

    Raises
    ------
    ValueError
        If an argument lies outside the range given above.

    Notes
    -----
    `clustertrials.planned.planned_test` gives the numbers of the analysis; its degrees of freedom are Satterthwaite's
    for ``"cr2"`` and Kenward and Roger's for ``"mixed"``. The tests exclude exactly if the estimate d and its reported
    standard error s `reported` have ``|d| + t s reported < margin``, t the quantile of `level` on `df` degrees of
    freedom. With d normal around the true difference, standard deviation `error`, and v s^2 chi-squared on v =
    `spread` degrees of freedom, independent of it, the probability is

        ∫ [Phi((margin - difference - r s) / error) - Phi((-margin - difference + r s) / error)] f(s) ds

    with r = t reported, over s from 0 to margin / r, f the density of s. It is Owen's Q in another form, and integrated
    numerically.

    References
    ----------
    Schuirmann DJ (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657-680 (the tests).
    Phillips KF (1990), Journal of Pharmacokinetics and Biopharmaceutics 18:137-144 (their power).

    Examples
    --------
    >>> round(equivalence_power(margin=0.3, clusters=(15, 14), mean_size=30.5, icc=0.05), 2)
    0.74
    """
    test = planned_test(
        clusters=clusters, mean_size=mean_size, icc=icc, size_cv=size_cv, sd=sd, covariate_r2=covariate_r2,
        estimator=estimator,
    )  # fmt: skip
    _check_margin(margin)
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


def limits(
    *,
    margin: float,
    clusters: tuple[int, int],
    mean_size: float,
    icc: float,
    size_cv: float = 0.0,
    level: float = 0.95,
    sd: float = 1.0,
    covariate_r2: float = 0.0,
    estimator: str = "cr2",
) -> Limits:
    """Which estimates would find a difference, and which would exclude one of `margin` or more.

    Parameters
    ----------
    margin, clusters, mean_size, icc, size_cv, level, sd, covariate_r2, estimator
        As for `equivalence_power`.

    Returns
    -------
    Limits

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Notes
    -----
    With v the degrees of freedom that the analysis is expected to have, ``found_beyond = t_v((1 + level) / 2) se`` and
    ``excluded_within = margin - t_v(level) se``. Estimates between the two leave both questions open; where the
    first is the smaller, estimates between them are found and yet too small to matter.

    References
    ----------
    Schuirmann DJ (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657-680.

    Examples
    --------
    >>> found = limits(margin=0.3, clusters=(15, 14), mean_size=30.5, icc=0.05)
    >>> round(found.found_beyond, 3), round(found.excluded_within, 3)
    (0.217, 0.12)
    """
    test = planned_test(
        clusters=clusters, mean_size=mean_size, icc=icc, size_cv=size_cv, sd=sd, covariate_r2=covariate_r2,
        estimator=estimator,
    )  # fmt: skip
    _check_margin(margin)
    check_between("level", level, 0.5, 0.9999)
    student = stats.t(test.df)
    return Limits(
        found_beyond=float(student.ppf((1.0 + level) / 2.0)) * test.reported,
        excluded_within=margin - float(student.ppf(level)) * test.reported,
        se=test.reported, margin=margin, level=level,
    )  # fmt: skip


def _check_margin(margin: float) -> None:
    if not (isfinite(margin) and margin > 0):
        raise ValueError("margin must be a positive number, in units of the outcome")
