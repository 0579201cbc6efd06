"""What a planned analysis will report before there are data: its error, and the degrees of freedom of its test.

Both depend on how units fall into clusters and clusters into arms. Sizes of the stated mean and spread stand for those
to come, and what follows from them is averaged over the allocations that can be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from math import comb, isfinite, sqrt

import numpy as np
from scipy.optimize import brentq
from scipy.stats import gamma

# Allocations that are averaged over: all of them if they are so few, else so many draws, and fewer among many clusters,
# whose allocations differ less.
_ALLOCATIONS, _CLUSTERS_DRAWN = 2_000, 60_000
# An icc nearer to 1 leaves a random intercept nothing inside clusters, and the analysis then has no answer.
_MOST_ICC = 1.0 - 1e-9


@dataclass(frozen=True)
class PlannedTest:
    """The t test that a planned analysis leads one to expect.

    Attributes
    ----------
    error : float
        Standard deviation of the estimate, in units of the outcome.
    reported : float
        Root mean square of the standard errors that the analysis reports; it differs from `error` where cluster
        sizes differ.
    df : float
        Degrees of freedom of the quantile that the analysis compares with.
    spread : float
        Degrees of freedom of the chi-squared distribution that the squared reported errors follow, nearly.
    """

    error: float
    reported: float
    df: float
    spread: float


@dataclass(frozen=True)
class Moments:
    """What allocations make of the analysis ``"cr2"``, on the mean, where the mean cluster has one unit.

    With u the variance between clusters and e that of one unit inside, over the mean size, the squared error is ``u
    between + e within``, the squared reported one on the mean ``u reported + e within``, and its variance ``u^2
    spread[0] + 2 u e spread[1] + e^2 spread[2]``.

    Attributes
    ----------
    between, within, reported : float
    spread : tuple of float
    df : float
        Satterthwaite's degrees of freedom, at most clusters - 2.
    """

    between: float
    within: float
    reported: float
    spread: tuple[float, float, float]
    df: float


def planned_test(
    *,
    clusters: tuple[int, int],
    mean_size: float,
    icc: float,
    size_cv: float = 0.0,
    sd: float = 1.0,
    covariate_r2: float = 0.0,
    estimator: str = "cr2",
) -> PlannedTest:
    """Error and degrees of freedom that a design leads one to expect of its analysis.

    Parameters
    ----------
    clusters : tuple of int
        Number of clusters in the treated and in the other arm, at least two each.
    mean_size, icc, size_cv, sd, covariate_r2, estimator
        As for `clustertrials.power`.

    Returns
    -------
    PlannedTest
        In units of the outcome, in standard deviations if `sd` is 1.

    Raises
    ------
    ValueError
        If an argument lies outside its range.

    Notes
    -----
    All are means over the allocations of the sizes of `representative_sizes`.

    ``"cr2"``: with p_k the share of cluster k in the rows of its arm and m_k the variance of its mean, the squared
    error is ``sum p_k^2 m_k``, the squared reported one ``sum p_k^2 / (1 - p_k) (mean_k - mean of the arm)^2``, a
    quadratic form whose first two moments give `reported` and `spread`. `df` is Satterthwaite's under rows that are
    independent, as the analysis has it; where rows are alike, the reported error is a little too small and varies more
    than `df` says. ``"mixed"``: generalised least squares, and Kenward and Roger's error and degrees of freedom, at the
    planned variances. Both take at most clusters - 2 degrees of freedom, and none for covariates.

    References
    ----------
    Bell RM, McCaffrey DF (2002), Survey Methodology 28:169-181. Kenward MG, Roger JH (1997), Biometrics 53:983-997.

    Examples
    --------
    >>> found = planned_test(clusters=(15, 15), mean_size=30, icc=0.05)
    >>> round(found.error, 3), round(found.reported, 3), round(found.df, 6), round(found.spread, 6)
    (0.104, 0.104, 28.0, 28.0)
    >>> unequal = planned_test(clusters=(5, 5), mean_size=31, icc=0.05, size_cv=0.88)
    >>> round(unequal.error, 3), round(unequal.reported, 3), round(unequal.df, 1), round(unequal.spread, 1)
    (0.216, 0.202, 4.1, 3.4)
    """
    if len(clusters) != 2 or any(k != int(k) or k < 2 for k in clusters):
        raise ValueError("clusters must be a pair of whole numbers, at least two clusters in each arm")
    if not (isfinite(mean_size) and mean_size >= 1.0):
        raise ValueError("mean_size must be a finite number of at least 1")
    if not 0.0 <= icc <= 1.0:
        raise ValueError("icc must lie between 0 and 1; plan with 0 where the estimate is negative")
    if not (isfinite(sd) and sd > 0.0):
        raise ValueError("sd must be a finite number above 0")
    if not 0.0 <= covariate_r2 < 1.0:
        raise ValueError("covariate_r2 must be at least 0 and below 1")
    if estimator not in ("cr2", "mixed"):
        raise ValueError('estimator must be "cr2" or "mixed"')
    pair = int(clusters[0]), int(clusters[1])
    if estimator == "cr2":
        found = _cr2(moments(pair, size_cv), icc, (1.0 - icc) / mean_size)
    else:
        found = _mixed(mean_size * _sizes(sum(pair), size_cv), _allocations(*pair, size_cv), icc)
    scale = sd * sqrt(1.0 - covariate_r2)
    return PlannedTest(scale * found.error, scale * found.reported, float(found.df), float(found.spread))


def representative_sizes(clusters: int, size_cv: float) -> np.ndarray:
    """Cluster sizes of mean 1 and a stated spread, which stand for those of a trial to come.

    Parameters
    ----------
    clusters : int
        Number of clusters.
    size_cv : float
        Coefficient of variation, standard deviation with divisor K over the mean, below sqrt(K - 1), which is that of
        clusters of which one holds all units.

    Returns
    -------
    numpy.ndarray, shape (clusters,)
        Quantiles of the gamma distribution at (k - 1/2) / K whose shape gives exactly this spread; not whole numbers.

    Raises
    ------
    ValueError
        If no such sizes exist.

    Examples
    --------
    >>> representative_sizes(4, 0.5).round(3).tolist()
    [0.4, 0.741, 1.109, 1.749]
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


def moments(clusters: tuple[int, int], size_cv: float) -> Moments:
    """Average over allocations what the error of ``"cr2"`` and its degrees of freedom need.

    Parameters
    ----------
    clusters : tuple of int
        Number of clusters in each arm.
    size_cv : float
        As for `representative_sizes`.

    Returns
    -------
    Moments

    Raises
    ------
    ValueError
        As for `representative_sizes`.

    Examples
    --------
    >>> found = moments((8, 8), 0.0)
    >>> found.between, found.within, found.reported, round(found.df, 6)
    (0.25, 0.25, 0.25, 14.0)
    """
    return _moments(clusters, float(size_cv))


@lru_cache(maxsize=256)
def _moments(clusters: tuple[int, int], size_cv: float) -> Moments:
    sizes = _sizes(sum(clusters), size_cv)
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


def _cr2(found: Moments, between: float, within: float) -> PlannedTest:
    """The test under a variance between clusters, and one of a unit inside over the mean size."""
    error = between * found.between + within * found.within
    reported = between * found.reported + within * found.within
    parts = between**2, 2.0 * between * within, within**2
    variance = sum(part * one for part, one in zip(parts, found.spread))
    return PlannedTest(sqrt(error), sqrt(reported), found.df, 2.0 * reported**2 / variance)


def _mixed(sizes: np.ndarray, treated: np.ndarray, icc: float) -> PlannedTest:
    """`clustertrials.mixed.kenward_roger` at known variances, where arms are all there is in the design."""
    if icc > _MOST_ICC or sizes.mean() <= 1.0:
        raise ValueError('icc must lie below 1, and mean_size above 1, for estimator "mixed"')
    within = 1.0 - icc
    shrink = 1.0 / (1.0 + sizes * icc / within)
    arms = np.stack([treated, ~treated]).astype(float)
    inverse = 1.0 / (arms @ (sizes * shrink))
    outer = [arms @ (sizes**power * shrink**2) for power in (1, 2)]
    inner = [arms @ (sizes**power * shrink**3) for power in (1, 2, 3)]
    traces = [(sizes - 1.0 + shrink**2).sum(), (sizes * shrink**2).sum(), (sizes**2 * shrink**2).sum()]
    information = np.array([[
        traces[i + j] - 2.0 * (inner[i + j] * inverse).sum(axis=0) + (outer[i] * outer[j] * inverse**2).sum(axis=0)
        for j in range(2)] for i in range(2)]).transpose(2, 0, 1)  # fmt: skip
    covariance = 2.0 * np.linalg.inv(information)
    core = sum(covariance[:, i, j] * (inner[i + j] - outer[i] * inverse * outer[j])
               for i in range(2) for j in range(2))  # fmt: skip
    plain = inverse.sum(axis=0)
    reported = plain + 2.0 * (inverse**2 * core).sum(axis=0)
    slopes = np.array([(inverse**2 * part).sum(axis=0) for part in outer]) / plain
    df = np.minimum(2.0 / np.einsum("ib,bij,jb->b", slopes, covariance, slopes), len(sizes) - 2)
    return PlannedTest(
        sqrt(within * plain.mean()), sqrt(within * reported.mean()), float(df.mean()), float(df.mean())
    )  # fmt: skip


@lru_cache(maxsize=256)
def _sizes(clusters: int, size_cv: float) -> np.ndarray:
    return representative_sizes(clusters, size_cv)


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
