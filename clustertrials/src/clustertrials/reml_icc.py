"""Intraclass correlation of a random-intercept model: REML, with the interval of its profile likelihood."""

from __future__ import annotations

import numpy as np
from scipy import optimize, stats

from clustertrials.mixed import RATIOS, Profile, best_ratio, reduce_to_profile
from clustertrials.results import Icc
from clustertrials.trial import middle


def reml_icc(values: np.ndarray, codes: np.ndarray, arms: np.ndarray, *, level: float, mean_size: float) -> Icc:
    """Estimate the intraclass correlation inside arms by REML.

    Parameters
    ----------
    values, codes : numpy.ndarray, shape (rows,)
        Outcome without missing values, in its own units, and the number of the row's cluster from 0.
    arms : numpy.ndarray, shape (clusters,)
        Number of each cluster's arm from 0; each arm has a mean of its own.
    level : float
        Confidence level, between 0 and 1.
    mean_size : float
        Average cluster size, handed on to the answer.

    Returns
    -------
    Icc
        Never negative: at 0 the likelihood is highest at that boundary.

    Raises
    ------
    ValueError
        If every cluster has one row, or rows do not vary inside clusters, so that the likelihood has no maximum.

    Notes
    -----
    With theta = between / within variance the correlation is theta / (1 + theta). The interval holds the theta whose
    restricted deviance, all else profiled out, lies within the `level` quantile of chi-squared (1) of the least one;
    where that is so down to 0, the lower limit is 0. It is conservative near the boundary.

    References
    ----------
    Patterson HD, Thompson R (1971), Biometrika 58:545-554. Self SG, Liang K-Y (1987), JASA 82:605-610 (boundary).

    Examples
    --------
    >>> y, office = np.array([1.0, 2, 2, 3, 6, 7]), np.array([0, 0, 1, 1, 2, 2])
    >>> found = reml_icc(y, office, np.zeros(3, int), level=0.95, mean_size=2.0)
    >>> round(found.estimate, 6), round(found.ci_low, 3), round(found.ci_high, 3)
    (0.931034, 0.334, 0.997)
    """
    order = np.argsort(codes, kind="stable")
    sizes = np.bincount(codes)
    starts = np.append(0, sizes.cumsum()[:-1])
    labels = np.unique(arms)
    design = (arms[codes[order], None] == labels).astype(float)
    centred = values[order] - middle(values)
    centred -= centred.mean()
    profile = reduce_to_profile(centred, design / np.sqrt(design.sum(axis=0)), starts)
    best = best_ratio(profile)
    bound = profile.deviance(best) + stats.chi2.ppf(level, 1)
    low, high = (_limit(profile, best, bound, side) for side in (-1, 1))
    return Icc(
        estimate=best / (1 + best),
        ci_low=low / (1 + low),
        ci_high=high / (1 + high),
        n_units=len(values),
        n_clusters=len(sizes),
        mean_size=mean_size,
        level=level,
        method="reml",
    )


def _limit(profile: Profile, best: float, bound: float, side: int) -> float:
    """Nearest ratio on one `side` of the best at which the deviance reaches `bound`; 0 if none does below."""
    grid = RATIOS / profile.sizes.mean()
    inside = best
    for theta in grid[grid < best][::-1] if side < 0 else grid[grid > best]:
        if profile.deviance(theta) >= bound:
            return float(optimize.brentq(lambda t: profile.deviance(t) - bound, inside, theta, xtol=1e-18, rtol=1e-13))
        inside = theta
    if side > 0:
        raise ValueError("the likelihood has no upper limit: the outcome hardly varies inside clusters")
    return 0.0
