"""Power and smallest detectable difference of a two-arm cluster-randomised trial, by formula.

The test is that of the named analysis, with the error and the degrees of freedom that it will have at clusters of
the stated sizes (`clustertrials.planned`). `clustertrials.simulate_power` answers the same question by simulation.
"""

from __future__ import annotations

from math import isfinite

from scipy.optimize import brentq
from scipy.stats import ncf
from scipy.stats import t as student

from clustertrials.planned import PlannedTest, planned_test


def power(
    *,
    difference: float,
    clusters: tuple[int, int],
    mean_size: float,
    icc: float,
    size_cv: float = 0.0,
    level: float = 0.95,
    sd: float = 1.0,
    covariate_r2: float = 0.0,
    estimator: str = "cr2",
) -> float:
    """Probability that the two-sided test at 1 - `level` finds a true difference.

    Parameters
    ----------
    difference : float
        True difference between the arms, in units of the outcome; its sign does not matter.
    clusters : tuple of int
        Number of clusters in the treated and in the other arm, at least two each.
    mean_size : float
        Mean number of units in a cluster.
    icc : float
        Intraclass correlation, between 0 and 1; below 1 for ``"mixed"``.
    size_cv : float
        Coefficient of variation of the cluster sizes, standard deviation with divisor K over the mean.
    level : float
        Confidence level, between 0.5 and 0.9999; the test rejects at 1 - `level`.
    sd : float
        Total standard deviation of the outcome of one unit, in units of the outcome.
    covariate_r2 : float
        Share of the variance of a cluster mean that the covariates explain (r squared in the Notes).
    estimator : {"cr2", "mixed"}
        The planned analysis: every unit alike (the family average), or clusters weighted by their precision
        (random intercept), by the names of `clustertrials.estimate_effect`.

    Returns
    -------
    float
        Share of trials in which the test rejects. Its degrees of freedom are those that the analysis will have:
        Satterthwaite's for ``"cr2"``, Kenward and Roger's for ``"mixed"``, at most clusters - 2 (`planned_test` gives
        them). It is near what the analysis has where power is near 0.8; for the rate of false alarms, with few clusters
        or very unequal sizes, use `clustertrials.simulate_power`.

    Raises
    ------
    ValueError
        If an argument lies outside the range given above.

    Notes
    -----
    With d normal around the difference, standard deviation `error`, and v s^2 chi-squared on v = `spread` degrees of
    freedom, the test rejects where |d| exceeds the t quantile on `df` degrees of freedom times `reported` s: the
    squared ratio is compared with a noncentral F on 1 and v. All four are those of `planned_test`; where clusters
    are of one size, `error` and `reported` are alike, and so are `df` and `spread`. Measured against simulation of
    the analysis at a power of .80, 5 v 5 to 15 v 14 clusters with CVs of size up to 0.88: within a point for
    ``"cr2"`` at an `icc` of 0 to 0.2; for ``"mixed"`` within two points from an `icc` of 0.05 up. Below, where its
    variance between clusters is often estimated as 0, Kenward and Roger's test is conservative and has 6 points
    less with ten clusters at an `icc` of 0.01: ask `clustertrials.simulate_power`.

    A covariate divides the variance by ``1 / (1 - r^2)`` and takes no degree of freedom. For a baseline value of the
    outcome ``r = a r_c + (1 - a) r_s``, ``a = m icc / (1 + (m - 1) icc)`` with the mean size m, where r_c and r_s are
    its correlations with the outcome between clusters and inside them.

    References
    ----------
    Pustejovsky JE, Tipton E (2018), Journal of Business & Economic Statistics 36:672-683 (degrees of freedom).
    Kenward MG, Roger JH (1997), Biometrics 53:983-997. Teerenstra et al. (2012), Statistics in Medicine 31:2169
    (analysis of covariance).

    Examples
    --------
    >>> round(power(difference=0.3, clusters=(15, 14), mean_size=30.5, icc=0.05, size_cv=0.45), 2)
    0.73
    """
    if not isfinite(difference):
        raise ValueError("difference must be a finite number")
    test = planned_test(
        clusters=clusters, mean_size=mean_size, icc=icc, size_cv=size_cv, sd=sd, covariate_r2=covariate_r2,
        estimator=estimator,
    )  # fmt: skip
    check_between("level", level, 0.5, 0.9999)
    return _power_at(abs(difference) / test.error, test, level)


def minimum_detectable_difference(
    *,
    clusters: tuple[int, int],
    mean_size: float,
    icc: float,
    size_cv: float = 0.0,
    power: float = 0.8,
    level: float = 0.95,
    sd: float = 1.0,
    covariate_r2: float = 0.0,
    estimator: str = "cr2",
) -> float:
    """Smallest true difference that the trial finds with the asked probability.

    Parameters
    ----------
    clusters : tuple of int
        Number of clusters in the treated and in the other arm, at least two each.
    mean_size : float
        Mean number of units in a cluster.
    icc : float
        Intraclass correlation, between 0 and 1; below 1 for ``"mixed"``.
    size_cv : float
        Coefficient of variation of the cluster sizes, standard deviation with divisor K over the mean.
    power : float
        Probability of a significant result, above the rate at which the test errs and below 1.
    level : float
        Confidence level, between 0.5 and 0.9999; the test rejects at 1 - `level`.
    sd : float
        Total standard deviation of the outcome of one unit; for a share p it is sqrt(p (1 - p)).
    covariate_r2 : float
        Share of the variance of a cluster mean that the covariates explain (see `clustertrials.power`).
    estimator : {"cr2", "mixed"}
        The planned analysis (see `clustertrials.power`).

    Returns
    -------
    float
        Difference in units of the outcome, in standard deviations if `sd` is 1.

    Raises
    ------
    ValueError
        If an argument lies outside the range given above.

    Notes
    -----
    The inverse of `clustertrials.power` in its difference, which has the formula.

    References
    ----------
    Pustejovsky JE, Tipton E (2018), Journal of Business & Economic Statistics 36:672-683.

    Examples
    --------
    >>> round(minimum_detectable_difference(clusters=(15, 14), mean_size=30.5, icc=0.05), 3)
    0.308
    """
    test = planned_test(
        clusters=clusters, mean_size=mean_size, icc=icc, size_cv=size_cv, sd=sd, covariate_r2=covariate_r2,
        estimator=estimator,
    )  # fmt: skip
    check_between("level", level, 0.5, 0.9999)
    check_between("power", power, 1.0 - level, 1.0)
    if (least := _power_at(0.0, test, level)) >= power:
        raise ValueError(f"power must lie above {least:.3f}: so often the analysis rejects without a difference")
    upper = 1.0
    while _power_at(upper, test, level) < power:
        upper *= 2.0
    return test.error * brentq(lambda ratio: _power_at(ratio, test, level) - power, 0.0, upper, xtol=1e-13)


def _power_at(ratio: float, test: PlannedTest, level: float) -> float:
    """Share of tests that reject when the true difference is `ratio` errors."""
    bound = (student.ppf((1.0 + level) / 2.0, test.df) * test.reported / test.error) ** 2
    # Measured in scipy 1.17: nct.cdf is NaN in its lower tail, ncf.sf(x, 1, df, 0) is cdf - 1 with the wrong
    # sign, and ncf.cdf is NaN for a noncentrality of 1e100; up to 1e12 it is right, and the power is 1 by then.
    return float(1.0 - ncf.cdf(bound, 1, test.spread, min(ratio, 1e6) ** 2))


def check_between(name: str, value: float, low: float, high: float) -> None:
    """Refuse a value that does not lie strictly between two limits.

    Parameters
    ----------
    name : str
        How the message calls it.
    value, low, high : float

    Raises
    ------
    ValueError
        If it does not.

    Examples
    --------
    >>> check_between("level", 1.0, 0.5, 1.0)
    Traceback (most recent call last):
    ValueError: level must lie above 0.5 and below 1
    """
    if not low < value < high:
        raise ValueError(f"{name} must lie above {low:g} and below {high:g}")
