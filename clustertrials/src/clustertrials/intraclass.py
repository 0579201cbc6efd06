"""Intraclass correlation by analysis of variance or REML, and the design effect that follows from it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, stats

from clustertrials.checks import check_level, numeric, require_columns, require_nested
from clustertrials.mixed import Batch, best_ratio, reduce_to_sums
from clustertrials.results import Icc
from clustertrials.trial import INPUT_ROUNDING, middle

# Variance ratios between which the limits of a likelihood are sought, times the mean cluster size: from no visible
# correlation to clusters whose rows are all but equal. Four a decade; the likelihood is smooth on that scale.
_RATIOS = np.append(0, np.logspace(-4, 8, 49))


def icc(
    frame: pd.DataFrame,
    outcome: str,
    *,
    cluster: str,
    arm: str | None = None,
    level: float = 0.95,
    method: str = "anova",
) -> Icc:
    """Estimate the intraclass correlation of an outcome, by one-way analysis of variance or by REML.

    Parameters
    ----------
    frame, outcome, cluster, level
        As for `clustertrials.estimate_effect`.
    arm : str, optional
        Column with the arm, of any number of values. If given, clusters are compared inside their arm, so that an
        effect of the arm does not count as correlation.
    method : {"anova", "reml"}
        ``"anova"`` can be negative; ``"reml"`` is that of a random intercept, from 0 up, with the interval of its
        profile likelihood.

    Raises
    ------
    ValueError
        If a column is not numeric or constant, the arm varies inside a cluster, no arm has two clusters, or every
        cluster has one row; by ``"reml"`` also if the outcome does not vary inside clusters.

    Notes
    -----
    With N rows in K clusters of A arms, mean squares B between clusters inside arms (K - A degrees of freedom) and
    W inside clusters (N - K), and n0 = (N - sum_a sum_{k in a} n_k^2 / N_a) / (K - A), the estimate is
    (B - W) / (B + (n0 - 1) W). The interval puts (F/Fq - 1) / (F/Fq + n0 - 1) for F = B / W and its quantiles Fq;
    exact for equal sizes, an approximation otherwise.

    By REML, with theta = between / within variance, the estimate is theta / (1 + theta). The interval holds the theta
    whose restricted deviance, all else profiled out, lies within the `level` quantile of chi-squared (1) of the least
    one. It is conservative near the boundary 0.

    Donner A (1986), International Statistical Review 54:67-82. Searle SR (1971), Linear Models, section 9.9.
    Patterson HD, Thompson R (1971), Biometrika 58:545-554. Self SG, Liang K-Y (1987), JASA 82:605-610 (boundary).

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, 2, 2, 3, 6, 7], "clinic": ["a", "a", "b", "b", "c", "c"]})
    >>> round(icc(frame, "y", cluster="clinic").estimate, 3)
    0.931
    """
    check_level(level)
    if method not in ("anova", "reml"):
        raise ValueError('method must be "anova" or "reml"')
    used = [outcome, cluster] + ([] if arm is None else [arm])
    require_columns(frame, used)
    if arm is not None:
        require_nested(frame, arm=arm, cluster=cluster)
    values = numeric(frame, outcome)
    complete = ~np.isnan(values) & frame[used[1:]].notna().all(axis=1).to_numpy()
    codes = pd.factorize(frame.loc[complete, cluster])[0]
    first = np.unique(codes, return_index=True)[1]
    arms = np.zeros(len(first), dtype=int) if arm is None else pd.factorize(frame.loc[complete, arm])[0][first]
    found = anova_icc(values[complete], codes, arms, level=level, outcome=outcome)
    if method == "anova":
        return found
    try:
        best, low, high = (theta / (1 + theta) for theta in _reml_ratios(values[complete], codes, arms, level))
    except ValueError as problem:
        raise ValueError(f"column {outcome!r}: {problem}") from problem
    return replace(found, estimate=best, ci_low=low, ci_high=high, method="reml")


def anova_icc(values: np.ndarray, codes: np.ndarray, arms: np.ndarray, *, level: float, outcome: str) -> Icc:
    """`icc` by analysis of variance, from arrays.

    `values` and `codes` of the clusters have shape (rows,), `arms` codes of shape (clusters,).
    """
    sizes = np.bincount(codes)
    df_between, df_within = len(sizes) - len(np.unique(arms)), len(values) - len(sizes)
    if df_between < 1:
        raise ValueError(f"column {outcome!r}: at least one arm needs two clusters with a value")
    if df_within < 1:
        raise ValueError(f"column {outcome!r}: every cluster has one row, so no correlation inside can be seen")
    centred = values - middle(values)
    centred -= centred.mean()
    means = np.bincount(codes, centred) / sizes
    rows_of_arm = np.bincount(arms, sizes)
    arm_means = np.bincount(arms, sizes * means) / rows_of_arm
    between = float(sizes @ (means - arm_means[arms]) ** 2) / df_between
    within = float(((centred - means[codes]) ** 2).sum()) / df_within
    if between + within <= INPUT_ROUNDING**2 * float(values @ values):
        raise ValueError(f"column {outcome!r} is constant, so its intraclass correlation does not exist")
    size = (len(values) - float((sizes**2 / rows_of_arm[arms]).sum())) / df_between
    upper, lower = stats.f.ppf([(1 + level) / 2, (1 - level) / 2], df_between, df_within)
    return Icc(
        estimate=_correlation(between, within, size),
        ci_low=_correlation(between / upper, within, size),
        ci_high=_correlation(between / lower, within, size),
        n_units=len(values),
        n_clusters=len(sizes),
        mean_size=size,
        level=level,
    )


def _correlation(between: float, within: float, size: float) -> float:
    return float((between - within) / (between + (size - 1) * within))


def _reml_ratios(values: np.ndarray, codes: np.ndarray, arms: np.ndarray, level: float) -> tuple[float, float, float]:
    """Ratio of the variances between and inside clusters with the highest restricted likelihood, and its interval."""
    order = np.argsort(codes, kind="stable")
    starts = np.append(0, np.bincount(codes).cumsum()[:-1])
    design = (arms[codes[order], None] == np.unique(arms)).astype(float)
    centred = values[order] - middle(values)
    centred -= centred.mean()
    batch = reduce_to_sums(centred[None], (design / np.sqrt(design.sum(axis=0)))[None], starts)[1]
    best = float(best_ratio(batch)[0])
    return best, _limit(batch, best, level, -1), _limit(batch, best, level, 1)


def _limit(batch: Batch, best: float, level: float, side: int) -> float:
    """Nearest ratio on one `side` of the best at which the likelihood rejects; 0 if none does below."""
    bound = batch.deviance(np.array([best]))[0] + stats.chi2.ppf(level, 1)

    def excess(theta: float) -> float:
        return float(batch.deviance(np.array([theta]))[0] - bound)

    grid, inside = _RATIOS / batch.sizes.mean(), best
    for theta in grid[grid < best][::-1] if side < 0 else grid[grid > best]:
        if excess(theta) >= 0:
            return float(optimize.brentq(excess, inside, theta, xtol=1e-18, rtol=1e-13))
        inside = theta
    if side > 0:
        raise ValueError("the likelihood has no upper limit: the outcome hardly varies inside clusters")
    return 0.0


def design_effect(sizes: ArrayLike, icc: float) -> float:
    """Factor by which clustering multiplies the variance of an arm's mean.

    Parameters
    ----------
    sizes : array_like, shape (clusters,)
        Rows in each cluster, each above 0.
    icc : float
        Intraclass correlation, from -1 to 1.

    Raises
    ------
    ValueError
        If a size is not positive, the correlation is outside [-1, 1], or too negative for such clusters.

    Notes
    -----
    1 + ((1 + cv^2) m - 1) icc, where m is the mean size and cv the standard deviation of the sizes, with divisor K,
    over the mean. It holds for the mean over rows, each row weighted alike.

    Eldridge SM, Ashby D, Kerry S (2006), International Journal of Epidemiology 35:1292-1300.

    Examples
    --------
    >>> design_effect([10, 10, 10], 0.05)
    1.45
    """
    sizes = np.asarray(sizes, dtype=float)
    if sizes.ndim != 1 or len(sizes) == 0 or not np.all(np.isfinite(sizes) & (sizes > 0)):
        raise ValueError("sizes must be a list of positive numbers, one a cluster")
    mean = float(sizes.mean())
    return variance_inflation(mean, float(sizes.std() / mean), icc)


def variance_inflation(mean: float, cv: float, icc: float) -> float:
    """`design_effect` from a mean cluster size and its coefficient of variation, standard deviation over mean.

    Examples
    --------
    >>> round(variance_inflation(29.7, 0.25, 0.03), 3)
    1.917
    """
    if not -1 <= icc <= 1:
        raise ValueError("icc must lie between -1 and 1")
    effect = 1 + ((1 + cv**2) * mean - 1) * icc
    if effect <= 0:
        raise ValueError("icc is more negative than clusters of these sizes allow")
    return effect
