"""Power and smallest detectable difference of a two-arm cluster-randomised trial, by formula.

The test is the two-sided t test with clusters - 2 degrees of freedom; the variance of the difference carries the
design effect for unequal cluster sizes. `holf.simulate_power` answers the same question by simulation.
"""

from __future__ import annotations

from math import isfinite, sqrt

from scipy.optimize import brentq
from scipy.stats import f as central_f
from scipy.stats import ncf


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
        Intraclass correlation, between 0 and 1.
    size_cv : float
        Coefficient of variation of the cluster sizes, standard deviation with divisor K over the mean; up
        to 1 for ``"mixed"``.
    level : float
        Confidence level, between 0.5 and 0.9999; the test rejects at 1 - `level`.
    sd : float
        Total standard deviation of the outcome of one unit, in units of the outcome.
    covariate_r2 : float
        Share of the variance of a cluster mean that the covariates explain (r squared in the Notes).
    estimator : {"cr2", "mixed"}
        The planned analysis: every unit alike (the family average) or clusters weighted by their precision
        (random intercept). They differ only where `size_cv` is above 0.

    Returns
    -------
    float
        Power, between 1 - `level` and 1.

    Raises
    ------
    ValueError
        If an argument lies outside the range given above.

    Notes
    -----
    The difference has variance ``sd^2 (1 - r^2) (1/k_1 + 1/k_0) D / m``. With every unit weighted alike
    ``D = 1 + ((1 + cv^2) m - 1) icc``; with clusters weighted by their precision
    ``D = (1 + (m - 1) icc) / (1 - cv^2 a (1 - a))``, ``a = m icc / (1 + (m - 1) icc)``, a second-order
    approximation. The squared difference over its variance follows a noncentral F with 1 and ``k_1 + k_0 - 2``
    degrees of freedom. For a baseline value of the outcome as covariate ``r = a r_c + (1 - a) r_s``, where r_c
    and r_s are its correlations with the outcome between clusters and inside them.

    References
    ----------
    Eldridge, Ashby & Kerry (2006), International Journal of Epidemiology 35:1292 (every unit alike).
    van Breukelen, Candel & Berger (2007), Statistics in Medicine 26:2589 (weighted by precision).
    Teerenstra et al. (2012), Statistics in Medicine 31:2169 (analysis of covariance).

    Examples
    --------
    >>> round(power(difference=0.3, clusters=(15, 14), mean_size=30.5, icc=0.05, size_cv=0.45), 2)
    0.73
    """
    if not isfinite(difference):
        raise ValueError("difference must be a finite number")
    se = planned_error(
        clusters=clusters, mean_size=mean_size, icc=icc, size_cv=size_cv, sd=sd, covariate_r2=covariate_r2,
        estimator=estimator,
    )  # fmt: skip
    check_between("level", level, 0.5, 0.9999)
    return _power_at(abs(difference) / se, sum(clusters) - 2, level)


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
        Intraclass correlation, between 0 and 1.
    size_cv : float
        Coefficient of variation of the cluster sizes, standard deviation with divisor K over the mean; up
        to 1 for ``"mixed"``.
    power : float
        Probability of a significant result, above 1 - `level` and below 1.
    level : float
        Confidence level, between 0.5 and 0.9999; the test rejects at 1 - `level`.
    sd : float
        Total standard deviation of the outcome of one unit; for a share p it is sqrt(p (1 - p)).
    covariate_r2 : float
        Share of the variance of a cluster mean that the covariates explain (see `holf.power`).
    estimator : {"cr2", "mixed"}
        The planned analysis (see `holf.power`).

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
    The inverse of `holf.power` in its difference, which has the formula.

    References
    ----------
    Eldridge, Ashby & Kerry (2006), International Journal of Epidemiology 35:1292.

    Examples
    --------
    >>> round(minimum_detectable_difference(clusters=(15, 14), mean_size=30.5, icc=0.05), 3)
    0.308
    """
    se = planned_error(
        clusters=clusters, mean_size=mean_size, icc=icc, size_cv=size_cv, sd=sd, covariate_r2=covariate_r2,
        estimator=estimator,
    )  # fmt: skip
    check_between("level", level, 0.5, 0.9999)
    check_between("power", power, 1.0 - level, 1.0)
    df = sum(clusters) - 2
    upper = 1.0
    while _power_at(upper, df, level) < power:
        upper *= 2.0
    return se * brentq(lambda ratio: _power_at(ratio, df, level) - power, 0.0, upper, xtol=1e-13)


def _power_at(ratio: float, df: int, level: float) -> float:
    """Power of the two-sided t test when the true difference is `ratio` standard errors."""
    # Measured in scipy 1.17: nct.cdf is NaN in its lower tail, ncf.sf(x, 1, df, 0) is cdf - 1 with the wrong
    # sign, and ncf.cdf is NaN for a noncentrality of 1e100; up to 1e12 it is right, and the power is 1 by then.
    return float(1.0 - ncf.cdf(central_f.ppf(level, 1, df), 1, df, min(ratio, 1e6) ** 2))


def planned_error(
    *,
    clusters: tuple[int, int],
    mean_size: float,
    icc: float,
    size_cv: float = 0.0,
    sd: float = 1.0,
    covariate_r2: float = 0.0,
    estimator: str = "cr2",
) -> float:
    """Standard error of the difference between the arms that a design leads one to expect.

    Parameters
    ----------
    clusters : tuple of int
        Number of clusters in the treated and in the other arm, at least two each.
    mean_size, icc, size_cv, sd, covariate_r2, estimator
        As for `holf.power`.

    Returns
    -------
    float
        In units of the outcome, in standard deviations if `sd` is 1.

    Raises
    ------
    ValueError
        If the design has none: an argument lies outside its range.

    Notes
    -----
    The square root of the variance in the Notes of `holf.power`, which has the references.

    Examples
    --------
    >>> round(planned_error(clusters=(15, 14), mean_size=30.5, icc=0.05), 3)
    0.106
    """
    if len(clusters) != 2 or any(k != int(k) or k < 2 for k in clusters):
        raise ValueError("clusters must be a pair of whole numbers, at least two clusters in each arm")
    if not (isfinite(mean_size) and mean_size >= 1.0):
        raise ValueError("mean_size must be a finite number of at least 1")
    if not 0.0 <= icc <= 1.0:
        raise ValueError("icc must lie between 0 and 1; plan with 0 where the estimate is negative")
    if not (isfinite(size_cv) and size_cv >= 0.0):
        raise ValueError("size_cv must be a finite number of at least 0")
    if not (isfinite(sd) and sd > 0.0):
        raise ValueError("sd must be a finite number above 0")
    if not 0.0 <= covariate_r2 < 1.0:
        raise ValueError("covariate_r2 must be at least 0 and below 1")
    inflation = _inflation(mean_size, size_cv, icc, estimator)
    return sd * sqrt((1.0 - covariate_r2) * (1.0 / clusters[0] + 1.0 / clusters[1]) * inflation / mean_size)


def _inflation(mean_size: float, size_cv: float, icc: float, estimator: str) -> float:
    """Design effect for unequal cluster sizes under the planned analysis."""
    if estimator == "cr2":
        return 1.0 + ((1.0 + size_cv**2) * mean_size - 1.0) * icc
    if estimator == "mixed":
        if size_cv > 1.0:
            raise ValueError('size_cv must not exceed 1 for estimator "mixed": its approximation fails beyond')
        equal = 1.0 + (mean_size - 1.0) * icc
        reliability = mean_size * icc / equal
        return equal / (1.0 - size_cv**2 * reliability * (1.0 - reliability))
    raise ValueError('estimator must be "cr2" or "mixed"')


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
