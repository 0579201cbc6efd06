"""How many clusters, or how many units in each, a trial needs: the inverse of `clustertrials.power`."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, isfinite, sqrt

from clustertrials.checks import check_between
from clustertrials.results import Printed
from clustertrials.sample_size import power as power_of
from clustertrials.trial import SMALLEST_ARM

# More clusters in one arm, or units in a cluster, than any trial has.
MOST_CLUSTERS, MOST_UNITS = 10_000, 10**9
# Events of a Poisson process have no smallest unit: a mean size of so many makes the unit of exposure small.
FINE = 1_000.0


@dataclass(frozen=True)
class SampleSize(Printed):
    """The smallest trial that has the wanted power.

    Attributes
    ----------
    clusters : tuple of int
        Clusters in the treated and in the other arm.
    mean_size : float
        Mean number of units in a cluster; for rates mean exposure of a cluster.
    total : float
        Units, or exposure, in all clusters together.
    power : float
        Power of this trial, at least the wanted one.
    difference, sd, icc : float
        Difference, standard deviation and intraclass correlation that were planned with; for rates `sd` is that of a
        cluster's rate, and `icc` the share of its variance that lies between clusters.
    """

    clusters: tuple[int, int]
    mean_size: float
    total: float
    power: float
    difference: float
    sd: float
    icc: float

    def _lines(self) -> dict[str, str]:
        one, other = self.clusters
        return {
            "trial": f"{one:,} treated and {other:,} other clusters of {self.mean_size:,.6g}, {self.total:,.6g} in all",
            "power": f"{self.power:.3f} for a difference of {self.difference:.4g}, sd {self.sd:.4g}, "
            f"ICC {self.icc:.4g}",
        }


@dataclass(frozen=True)
class _Target:
    """The difference to be found, and the variance between clusters and of one unit inside."""

    difference: float
    between: float
    within: float
    is_rate: bool

    def power(self, clusters: tuple[int, int], mean_size: float, **analysis: float | str) -> float:
        """Power at clusters of a mean size."""
        within, size = (self.within * FINE / mean_size, FINE) if self.is_rate else (self.within, mean_size)
        total = self.between + within
        return power_of(
            difference=self.difference,
            clusters=clusters,
            mean_size=size,
            icc=self.between / total,
            sd=sqrt(total),
            **analysis,
        )

    def answer(self, clusters: tuple[int, int], mean_size: float, power: float) -> SampleSize:
        """The record of a trial."""
        total = self.between + self.within / (mean_size if self.is_rate else 1.0)
        units = mean_size * sum(clusters)
        return SampleSize(clusters, mean_size, units, power, self.difference, sqrt(total), self.between / total)


def clusters_needed(
    *,
    mean_size: float,
    difference: float | None = None,
    shares: tuple[float, float] | None = None,
    rates: tuple[float, float] | None = None,
    icc: float | None = None,
    between_cv: float | None = None,
    size_cv: float = 0.0,
    treated_per_other: float = 1.0,
    power: float = 0.8,
    level: float = 0.95,
    sd: float = 1.0,
    covariate_r2: float = 0.0,
    estimator: str = "cr2",
) -> SampleSize:
    """Find the smallest number of clusters that has the wanted power.

    Parameters
    ----------
    mean_size : float
        Mean number of units in a cluster; for rates the mean exposure of a cluster, such as person-years.
    difference : float, optional
        For means: true difference between the arms, in units of the outcome. Give this, `shares` or `rates`.
    shares : tuple of float, optional
        For a 0/1 outcome: its share in the treated and in the other arm, between 0 and 1.
    rates : tuple of float, optional
        For counts of events: rate a unit of exposure in the treated and in the other arm.
    icc : float, optional
        Intraclass correlation inside arms, for means and shares.
    between_cv : float, optional
        For rates: standard deviation of the clusters' true rates over their mean, inside arms.
    size_cv, level, covariate_r2, estimator
        As for `clustertrials.power`.
    treated_per_other : float
        Treated clusters for each other one.
    power : float
        Wanted probability of a significant result.
    sd : float
        For means: total standard deviation of one unit's outcome. Shares and rates have their own.

    Returns
    -------
    SampleSize
        At least four clusters an arm, for no estimator here takes fewer.

    Raises
    ------
    ValueError
        If not exactly one of `difference`, `shares` and `rates` is given, if there is nothing to find, if more than
        10,000 clusters an arm were needed, or if a number is out of its range.

    Notes
    -----
    The power is that of `clustertrials.power`. Variances of the two arms are averaged, which is exact for equal arms.
    A share p has variance p (1 - p), of which `icc` lies between clusters. A rate r has variance ``between_cv^2 r^2``
    between clusters and ``r / mean_size`` inside, as Hayes and Bennett plan; their formula takes normal quantiles and
    adds one cluster, where here the t distribution has the degrees of freedom of the analysis.

    References
    ----------
    Hayes RJ, Bennett S (1999), International Journal of Epidemiology 28:319-326.

    Examples
    --------
    >>> print(clusters_needed(shares=(0.4, 0.5), mean_size=30, icc=0.05))
    trial  33 treated and 33 other clusters of 30, 1,980 in all
    power  0.807 for a difference of -0.1, sd 0.495, ICC 0.05
    """
    target = _target(difference, shares, rates, icc, between_cv, sd)
    check_between("power", power, 1.0 - level, 1.0)
    if not (isfinite(treated_per_other) and treated_per_other > 0):
        raise ValueError("treated_per_other must be a finite number above 0")
    analysis = {"size_cv": size_cv, "level": level, "covariate_r2": covariate_r2, "estimator": estimator}

    def arms(other: int) -> tuple[int, int]:
        return max(SMALLEST_ARM, ceil(round(other * treated_per_other, 9))), other

    def enough(other: int) -> bool:
        return target.power(arms(other), mean_size, **analysis) >= power

    found = _smallest(enough, SMALLEST_ARM, MOST_CLUSTERS)
    if found is None:
        raise ValueError(f"more than {MOST_CLUSTERS:,} clusters an arm were needed for a power of {power:g}")
    return target.answer(arms(found), mean_size, target.power(arms(found), mean_size, **analysis))


def units_needed(
    *,
    clusters: tuple[int, int],
    difference: float | None = None,
    shares: tuple[float, float] | None = None,
    rates: tuple[float, float] | None = None,
    icc: float | None = None,
    between_cv: float | None = None,
    size_cv: float = 0.0,
    power: float = 0.8,
    level: float = 0.95,
    sd: float = 1.0,
    covariate_r2: float = 0.0,
    estimator: str = "cr2",
) -> SampleSize:
    """Find the smallest number of units a cluster that has the wanted power with a given number of clusters.

    Parameters
    ----------
    clusters : tuple of int
        Number of clusters in the treated and in the other arm.
    difference, shares, rates, icc, between_cv, size_cv, power, level, sd, covariate_r2, estimator
        As for `clusters_needed`.

    Returns
    -------
    SampleSize
        With a whole number of units, or of units of exposure, a cluster on average.

    Raises
    ------
    ValueError
        As for `clusters_needed`; also if no number of units suffices, because what clusters have in common does not
        shrink with their size: the message says at which power more units stop to help.

    Examples
    --------
    >>> print(units_needed(clusters=(15, 14), difference=0.35, icc=0.05))
    trial  15 treated and 14 other clusters of 18, 522 in all
    power  0.808 for a difference of 0.35, sd 1, ICC 0.05
    >>> units_needed(clusters=(5, 5), difference=0.3, icc=0.05)
    Traceback (most recent call last):
    ...
    ValueError: no number of units suffices: with 5 and 5 clusters the power stays below 0.463; take more clusters
    """
    target = _target(difference, shares, rates, icc, between_cv, sd)
    check_between("power", power, 1.0 - level, 1.0)
    analysis = {"size_cv": size_cv, "level": level, "covariate_r2": covariate_r2, "estimator": estimator}

    def enough(size: int) -> bool:
        return target.power(clusters, size, **analysis) >= power

    found = _smallest(enough, 2, MOST_UNITS)
    if found is None:
        highest = target.power(clusters, MOST_UNITS, **analysis)
        raise ValueError(
            f"no number of units suffices: with {clusters[0]} and {clusters[1]} clusters the power stays below "
            f"{ceil(1000 * highest) / 1000:g}; take more clusters"
        )
    return target.answer(clusters, found, target.power(clusters, found, **analysis))


def _smallest(enough, least: int, most: int) -> int | None:
    """Smallest whole number that is enough, for something that grows with it; None if `most` is not."""
    if enough(least):
        return least
    low, high = least, 2 * least
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return high


def _target(difference, shares, rates, icc, between_cv, sd) -> _Target:
    if sum(one is not None for one in (difference, shares, rates)) != 1:
        raise ValueError("give exactly one of difference, shares and rates")
    if rates is not None:
        if icc is not None or between_cv is None:
            raise ValueError("rates need between_cv, and no icc")
        one, other = _pair("rates", rates, most=float("inf"))
        if not (isfinite(between_cv) and between_cv >= 0):
            raise ValueError("between_cv must be a finite number of at least 0")
        target = _Target(one - other, between_cv**2 * (one**2 + other**2) / 2, (one + other) / 2, True)
    else:
        if icc is None or between_cv is not None:
            raise ValueError("means and shares need icc, and no between_cv")
        if shares is not None:
            one, other = _pair("shares", shares, most=1.0)
            difference, variance = one - other, (one * (1 - one) + other * (1 - other)) / 2
        else:
            variance = sd**2
        target = _Target(difference, icc * variance, (1 - icc) * variance, False)
    if not isfinite(target.difference) or target.difference == 0:
        raise ValueError("a difference of 0 cannot be found by a trial of any size")
    return target


def _pair(name: str, values: tuple[float, float], *, most: float) -> tuple[float, float]:
    if len(values) != 2 or not all(0 < value < most for value in values):
        raise ValueError(f"{name} must be two numbers above 0{'' if most > 1 else ' and below 1'}")
    return values
