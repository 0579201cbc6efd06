"""How many clusters, or how many units in each, a trial needs: the inverse of `clustertrials.power`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil, isfinite

from clustertrials.checks import check_between, check_numbers
from clustertrials.results import Printed
from clustertrials.sample_size import UnreliablePlanError, planned_outcome
from clustertrials.sample_size import power as power_of
from clustertrials.trial import SMALLEST_ARM

# More clusters in one arm, or units in a cluster, than any trial has.
MOST_CLUSTERS, MOST_UNITS = 10_000, 10**9


@dataclass(frozen=True)
class SampleSize(Printed):
    """The smallest trial that has the wanted power.

    `clusters` are those of the treated and of the other arm, `total` the units in all of them; for rates, sizes and
    total are exposure, `sd` is that of a cluster's rate, and `icc` the share of its variance that lies between
    clusters. `power` is at least the wanted one.
    """

    clusters: tuple[int, int]
    mean_size: float
    size_cv: float
    total: float
    power: float
    difference: float
    sd: float
    icc: float

    def _lines(self) -> dict[str, str]:
        one, other = self.clusters
        unequal = f" on average (CV of sizes {self.size_cv:.3g})" if self.size_cv else ""
        return {
            "trial": f"{one:,} treated and {other:,} other clusters of {self.mean_size:,.6g}{unequal}, "
            f"{self.total:,.6g} in all",
            "power": f"{self.power:.3f} for a difference of {self.difference:.4g}, sd {self.sd:.4g}, "
            f"ICC {self.icc:.4g}",
        }


def clusters_needed(
    *, mean_size: float, treated_per_other: float = 1.0, power: float = 0.8, level: float = 0.95, **planned
) -> SampleSize:
    """Find the smallest number of clusters that has the wanted power.

    Parameters
    ----------
    mean_size : float
        Mean number of units in a cluster; for rates the mean exposure of a cluster, such as person-years.
    treated_per_other : float
        Treated clusters for each other one.
    power : float
        Wanted probability of a significant result.
    level : float
        As for `clustertrials.power`.
    **planned
        `difference`, `shares` or `rates`; `icc`, for rates `between_cv`; and where wanted `size_cv`, `sd` and
        `covariate_r2`, as for `clustertrials.power`.

    Returns
    -------
    SampleSize
        At least four clusters an arm, for no estimator here takes fewer.

    Raises
    ------
    ValueError
        As for `clustertrials.power`; also if there is nothing to find, or if more than 10,000 clusters an arm were
        needed.

    Examples
    --------
    >>> print(clusters_needed(shares=(0.4, 0.5), mean_size=30, icc=0.05))
    trial  33 treated and 33 other clusters of 30, 1,980 in all
    power  0.807 for a difference of -0.1, sd 0.495, ICC 0.05
    """
    check_between("power", power, 1.0 - level, 1.0)
    check_numbers(treated_per_other=treated_per_other)
    if not (isfinite(treated_per_other) and treated_per_other > 0):
        raise ValueError("treated_per_other must be a finite number above 0")

    def trial(other: int) -> SampleSize:
        treated = max(SMALLEST_ARM, ceil(round(other * treated_per_other, 9)))
        return _planned((treated, other), mean_size, level, planned)

    found = _smallest(trial, power, SMALLEST_ARM, MOST_CLUSTERS)
    if found is None:
        raise ValueError(f"more than {MOST_CLUSTERS:,} clusters an arm were needed for a power of {power:g}")
    return found


def units_needed(*, clusters: tuple[int, int], power: float = 0.8, level: float = 0.95, **planned) -> SampleSize:
    """Find the smallest number of units a cluster that has the wanted power with a given number of clusters.

    Parameters
    ----------
    clusters : tuple of int
        Number of clusters in the treated and in the other arm.
    power, level, **planned
        As for `clustertrials.clusters_needed`.

    Returns
    -------
    SampleSize
        With a whole number of units, or of units of exposure, a cluster on average.

    Raises
    ------
    ValueError
        As for `clustertrials.clusters_needed`; also if no number of units suffices, because what clusters have in
        common does not shrink with their size: the message says at which power more units stop to help.

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
    check_between("power", power, 1.0 - level, 1.0)

    def trial(size: int) -> SampleSize:
        return _planned(clusters, size, level, planned)

    found = _smallest(trial, power, 2, MOST_UNITS)
    if found is None:
        raise ValueError(
            f"no number of units suffices: with {clusters[0]} and {clusters[1]} clusters the power stays below "
            f"{ceil(1000 * trial(MOST_UNITS).power) / 1000:g}; take more clusters"
        )
    return found


def _planned(clusters: tuple[int, int], mean_size: float, level: float, planned: dict) -> SampleSize:
    """The record of a trial with its power; ValueError if there is nothing to find."""
    power = power_of(clusters=clusters, mean_size=mean_size, level=level, **planned)
    size_cv = planned.get("size_cv", 0.0)
    outcome = {name: value for name, value in planned.items() if name not in ("size_cv", "covariate_r2")}
    difference, design = planned_outcome(mean_size, **outcome)
    if difference == 0:
        raise ValueError("a difference of 0 cannot be found by a trial of any size")
    total = mean_size * sum(clusters)
    return SampleSize(clusters, mean_size, size_cv, total, power, difference, design["sd"], design["icc"])


def _smallest(trial: Callable[[int], SampleSize], power: float, least: int, most: int) -> SampleSize | None:
    """The trial of the smallest number that has the power, which grows with it; None if that of `most` has not."""

    def enough(number: int) -> bool:
        try:
            return trial(number).power >= power
        except UnreliablePlanError:
            return False

    low, high = least - 1, least
    while not enough(high):
        if high >= most:
            return None
        low, high = high, min(2 * high, most)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return trial(high)
