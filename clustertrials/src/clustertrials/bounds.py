"""Bounds on an effect with outcomes missing: by their range alone, and if the arm moved measurement one way."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from clustertrials.estimands import jackknife_error
from clustertrials.estimators import estimate_effect
from clustertrials.intraclass import check_level
from clustertrials.missing import read_units
from clustertrials.trial import read_trial


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest effect that the missing outcomes allow, treated minus other, family average.

    Attributes
    ----------
    lower, upper : float
        The bounds, in units of the outcome.
    ci_low, ci_high : float
        Lower limit of the lower and upper limit of the upper bound: covers the whole range at `level` or more.
    df, level : float
        Degrees of freedom and confidence level.
    n_units, n_clusters, n_missing_treated, n_missing_other : int
        All units, clusters, and units of each arm without an outcome.
    method : str
        ``"manski"`` or ``"lee"``.
    trimmed : str
        Arm that Lee's method trims, ``"treated"`` or ``"other"``; empty where nothing is trimmed.
    share_trimmed : float
        Share of that arm's measured units.
    source : str
    """

    lower: float
    upper: float
    ci_low: float
    ci_high: float
    df: float
    level: float
    n_units: int
    n_clusters: int
    n_missing_treated: int
    n_missing_other: int
    method: str
    trimmed: str = ""
    share_trimmed: float = 0.0
    source: str = ""


def manski_bounds(
    frame: pd.DataFrame,
    outcome: str,
    *,
    arm: str,
    cluster: str,
    treated: Hashable,
    lowest: float,
    highest: float,
    level: float = 0.95,
) -> Bounds:
    """Bound the effect without any assumption on the missing outcomes but their range.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, level
        As for `clustertrials.estimate_effect`, one row for each unit whether or not it was measured.
    lowest, highest : float
        Ends of the outcome's scale, 0 and 1 for a 0/1 outcome.

    Returns
    -------
    Bounds
        With no outcome missing, both bounds are the effect itself.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`; also if an arm or cluster is missing in a row, or an outcome lies
        outside `lowest` to `highest`.

    Notes
    -----
    Lower bound: every missing unit of the treated arm has the lowest value, of the other arm the highest; upper
    bound: the reverse. Each is the estimator ``"cr2"`` on the data so completed. The width is
    (highest - lowest) (share missing treated + share missing other).

    References
    ----------
    Horowitz JL, Manski CF (2000), Journal of the American Statistical Association 95:77-84.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1, None, 0, 1, 0, 1, 1, None] * 2, "office": np.repeat(range(8), 2)})
    >>> frame["arm"] = frame["office"] % 2
    >>> found = manski_bounds(frame, "y", arm="arm", cluster="office", treated=1, lowest=0, highest=1)
    >>> round(found.lower, 6), round(found.upper, 6)
    (-0.25, 0.25)
    """
    values, is_treated, _ = read_units(frame, outcome, arm=arm, cluster=cluster, treated=treated)
    if not -np.inf < lowest < highest < np.inf:
        raise ValueError("lowest and highest must be finite, the first below the second")
    if (values < lowest).any() or (values > highest).any():
        raise ValueError(f"column {outcome!r} has a value outside lowest to highest")
    missing = np.isnan(values)
    fillings = (np.where(is_treated, one, other) for one, other in ((lowest, highest), (highest, lowest)))
    low, high = (
        estimate_effect(
            frame.assign(**{outcome: np.where(missing, filling, values)}),
            outcome,
            arm=arm,
            cluster=cluster,
            treated=treated,
            level=level,
        )
        for filling in fillings
    )
    return Bounds(
        lower=low.estimate,
        upper=high.estimate,
        ci_low=low.ci_low,
        ci_high=high.ci_high,
        df=low.df,
        level=level,
        n_units=len(values),
        n_clusters=low.n_clusters,
        n_missing_treated=int(missing[is_treated].sum()),
        n_missing_other=int(missing[~is_treated].sum()),
        method="manski",
    )


def lee_bounds(
    frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable, level: float = 0.95
) -> Bounds:
    """Bound the effect on those who would be measured in either arm, if the arm moved measurement one way only.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, level
        As for `clustertrials.estimate_effect`, one row for each unit whether or not it was measured.

    Returns
    -------
    Bounds
        Degrees of freedom clusters - 2.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`; also if an arm or cluster is missing in a row.

    Notes
    -----
    Monotone selection: the arm with the larger share measured has them all, and others beside. Of its measured
    units a share 1 - (smaller share) / (larger share) is trimmed: the highest for one bound, the lowest for the
    other; one unit is trimmed in part, so that ties and fractions need no rule. Each bound's standard error is the
    jackknife of `estimands.jackknife_error` over clusters. Where the two shares are nearly the same, the arm
    that is trimmed changes from one left-out cluster to the next and the interval is rough.

    References
    ----------
    Lee DS (2009), Review of Economic Studies 76:1071-1102.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, None, 2, 4] * 4, "office": np.repeat(range(8), 2)})
    >>> frame["arm"], frame.loc[0, "y"] = frame["office"] % 2, 3.0
    >>> found = lee_bounds(frame, "y", arm="arm", cluster="office", treated=1)
    >>> found.lower, found.upper, found.trimmed, found.share_trimmed
    (0.5, 2.5, 'treated', 0.5)
    """
    check_level(level)
    read_trial(frame, outcome, arm=arm, cluster=cluster, treated=treated)
    values, is_treated, codes = read_units(frame, outcome, arm=arm, cluster=cluster, treated=treated)
    lower, upper, trimmed = _lee(values, is_treated)
    left_out = np.array([_lee(values[codes != k], is_treated[codes != k])[:2] for k in range(codes.max() + 1)])
    arm_of_cluster = is_treated[np.unique(codes, return_index=True)[1]]
    errors = [jackknife_error(one, arm_of_cluster) for one in left_out.T]
    df = len(arm_of_cluster) - 2
    if not min(errors) > 1e-12 * np.nanstd(values):
        raise ValueError(f"column {outcome!r}: lee finds no variation to judge the bounds by")
    quantile = float(stats.t.ppf((1 + level) / 2, df))
    missing = np.isnan(values)
    return Bounds(
        lower=lower,
        upper=upper,
        ci_low=lower - quantile * errors[0],
        ci_high=upper + quantile * errors[1],
        df=df,
        level=level,
        n_units=len(values),
        n_clusters=len(arm_of_cluster),
        n_missing_treated=int(missing[is_treated].sum()),
        n_missing_other=int(missing[~is_treated].sum()),
        method="lee",
        share_trimmed=abs(trimmed),
        trimmed=["", "treated", "other"][int(np.sign(trimmed))],
    )


def _lee(values: np.ndarray, is_treated: np.ndarray) -> tuple[float, float, float]:
    """Both bounds, and the share trimmed: above 0 in the treated arm, below 0 in the other."""
    seen = ~np.isnan(values)
    one, other = np.sort(values[seen & is_treated]), np.sort(values[seen & ~is_treated])
    kept = (len(other) / (~is_treated).sum()) / (len(one) / is_treated.sum())
    if kept <= 1:
        low, high = _trimmed_means(one, kept)
        return low - float(other.mean()), high - float(other.mean()), float(1 - kept)
    low, high = _trimmed_means(other, 1 / kept)
    return float(one.mean()) - high, float(one.mean()) - low, float(1 / kept - 1)


def _trimmed_means(ascending: np.ndarray, kept: float) -> tuple[float, float]:
    """Mean of the lowest and of the highest share `kept`, the unit at the edge counted in part."""
    mass = kept * len(ascending)
    weights = np.clip(mass - np.arange(len(ascending)), 0, 1)
    return float(weights @ ascending / mass), float(weights[::-1] @ ascending / mass)
