"""Missing outcomes: how many by arm, bounds on the effect, and the tipping point of a verdict."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from clustertrials.checks import check_level, numeric, require_columns, require_two_arms
from clustertrials.estimands import jackknife
from clustertrials.estimators import ARM_COLUMN, estimate_effect
from clustertrials.trial import SMALLEST_ARM, Trial, read_trial


@dataclass(frozen=True)
class ArmLoss:
    """Units of one arm, ``"treated"`` or ``"other"``, without an outcome.

    `cluster_mean` and `cluster_sd` are those of the clusters' own shares, every cluster alike: how much clusters differ
    is shown without showing one.
    """

    arm: str
    n_units: int
    n_missing: int
    n_clusters: int
    share: float
    cluster_mean: float
    cluster_sd: float
    source: str = ""


def attrition_by_arm(
    frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable
) -> tuple[ArmLoss, ArmLoss]:
    """Count the units without an outcome in each arm, and how much clusters differ in it.

    Whether the arms differ is an effect like any other: give `clustertrials.estimate_effect` a 0/1 column.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated
        As for `clustertrials.estimate_effect`, one row for each unit whether or not it was measured.

    Returns
    -------
    tuple of ArmLoss
        Treated, then other.

    Raises
    ------
    ValueError
        If a column is not numeric, a row lacks its arm or cluster, an arm varies inside a cluster, there are not two
        arms, or an arm has fewer than 4 clusters.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, None, 2, 3] * 4, "clinic": np.repeat(range(8), 2)})
    >>> frame["arm"] = frame["clinic"] % 2
    >>> [(loss.arm, loss.share) for loss in attrition_by_arm(frame, "y", arm="arm", cluster="clinic", treated=1)]
    [('treated', 0.0), ('other', 0.5)]
    """
    values, is_treated, codes = read_units(frame, outcome, arm=arm, cluster=cluster, treated=treated)
    lost = np.isnan(values).astype(float)

    def loss(name: str, members: np.ndarray) -> ArmLoss:
        mine, shares = lost[members], pd.Series(lost[members]).groupby(codes[members]).mean()
        numbers = float(mine.mean()), float(shares.mean()), float(shares.std(ddof=1))
        return ArmLoss(name, len(mine), int(mine.sum()), len(shares), *numbers)

    return loss("treated", is_treated), loss("other", ~is_treated)


def read_units(
    frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return outcome (NaN where missing), whether treated, and cluster code of every unit, measured or not."""
    require_columns(frame, [outcome, arm, cluster])
    is_treated = require_two_arms(frame, arm=arm, cluster=cluster, treated=treated)
    codes = pd.factorize(frame[cluster])[0]
    if min(len(np.unique(codes[is_treated])), len(np.unique(codes[~is_treated]))) < SMALLEST_ARM:
        raise ValueError(f"column {arm!r}: an arm has fewer than {SMALLEST_ARM} clusters")
    return numeric(frame, outcome), is_treated, codes


@dataclass(frozen=True)
class Bounds:
    """Lowest and highest effect that the missing outcomes allow, treated minus other, individual average.

    The interval is from the lower limit of the lower bound to the upper limit of the upper one, and covers the whole
    range at `level` or more. `method` is ``"manski"`` or ``"lee"``, which trims `share_trimmed` of the measured units
    of the arm `trimmed`, ``"treated"`` or ``"other"``; that is empty where nothing is trimmed. All units are counted,
    measured or not.
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

    Horowitz JL, Manski CF (2000), Journal of the American Statistical Association 95:77-84.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1, None, 0, 1, 0, 1, 1, None] * 2, "clinic": np.repeat(range(8), 2)})
    >>> frame["arm"] = frame["clinic"] % 2
    >>> found = manski_bounds(frame, "y", arm="arm", cluster="clinic", treated=1, lowest=0, highest=1)
    >>> round(found.lower, 6), round(found.upper, 6)
    (-0.25, 0.25)
    """
    roles = {"arm": arm, "cluster": cluster, "treated": treated}
    values, is_treated, _ = read_units(frame, outcome, **roles)
    if not -np.inf < lowest < highest < np.inf:
        raise ValueError("lowest and highest must be finite, the first below the second")
    if (values < lowest).any() or (values > highest).any():
        raise ValueError(f"column {outcome!r} has a value outside lowest to highest")
    missing = np.isnan(values)
    fillings = (np.where(is_treated, one, other) for one, other in ((lowest, highest), (highest, lowest)))
    low, high = (
        estimate_effect(frame.assign(**{outcome: np.where(missing, filling, values)}), outcome, level=level, **roles)
        for filling in fillings
    )
    ends = low.estimate, high.estimate, low.ci_low, high.ci_high
    return Bounds(*ends, low.df, level, *_counts(values, is_treated, low.n_clusters), "manski")


def lee_bounds(
    frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable, level: float = 0.95
) -> Bounds:
    """Bound the effect on units that would be measured in either arm, if the arm changed measurement one way only.

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
    Of the measured units of the arm with the larger share measured, a share 1 - (smaller share) / (larger share) is
    trimmed: the highest for one bound, the lowest for the other; one unit is trimmed in part. Standard errors are those
    of the jackknife over clusters. Where the two shares are nearly the same, the arm that is trimmed changes from one
    left-out cluster to the next and the interval is rough.

    Lee DS (2009), Review of Economic Studies 76:1071-1102.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, None, 2, 4] * 4, "clinic": np.repeat(range(8), 2)})
    >>> frame["arm"], frame.loc[0, "y"] = frame["clinic"] % 2, 3.0
    >>> found = lee_bounds(frame, "y", arm="arm", cluster="clinic", treated=1)
    >>> found.lower, found.upper, found.trimmed, found.share_trimmed
    (0.5, 2.5, 'treated', 0.5)
    """
    check_level(level)
    roles = {"arm": arm, "cluster": cluster, "treated": treated}
    read_trial(frame, outcome, **roles)
    values, is_treated, codes = read_units(frame, outcome, **roles)
    lower, upper, trimmed = _lee(values, is_treated)
    left_out = np.array([_lee(values[codes != k], is_treated[codes != k])[:2] for k in range(codes.max() + 1)])
    arm_of_cluster = is_treated[np.unique(codes, return_index=True)[1]]
    errors = np.sqrt(np.diag(jackknife(left_out, arm_of_cluster)))
    df = len(arm_of_cluster) - 2
    if not min(errors) > 1e-12 * np.nanstd(values):
        raise ValueError(f"column {outcome!r}: lee finds no variation to judge the bounds by")
    quantile = float(stats.t.ppf((1 + level) / 2, df))
    ends = lower, upper, float(lower - quantile * errors[0]), float(upper + quantile * errors[1])
    counts = _counts(values, is_treated, len(arm_of_cluster))
    trimmed_arm = "treated" if trimmed > 0 else "other" if trimmed < 0 else ""
    return Bounds(*ends, df, level, *counts, "lee", trimmed_arm, abs(trimmed))


def _counts(values: np.ndarray, is_treated: np.ndarray, n_clusters: int) -> tuple[int, int, int, int]:
    """Units, clusters, and the units of each arm that are missing, as `Bounds` has them."""
    missing = np.isnan(values)
    return len(values), n_clusters, int(missing[is_treated].sum()), int(missing[~is_treated].sum())


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


@dataclass(frozen=True)
class TippingPoint:
    """How far the missing units of one arm would have to differ from their expected values to change the verdict.

    `below` and `above` are the nearest shifts on either side of 0 at which a limit of the interval is 0; None where no
    shift does that. `estimate` is the effect at shift 0, which is that of the measured units alone, `slope` its change
    for each unit of shift, `variances` the variance of the first, their covariance, and the variance of the second.
    To judge a shift by: the mean of the `shifted` arm's measured units, and the standard deviation inside arms.
    `n_dropped` rows lack the arm, the cluster or a covariate.
    """

    below: float | None
    above: float | None
    estimate: float
    slope: float
    variances: tuple[float, float, float]
    df: float
    level: float
    shifted: str
    observed_mean: float
    sd: float
    n_missing: int
    n_units: int
    n_clusters: int
    n_dropped: int
    source: str = ""

    def at(self, shift: float) -> tuple[float, float, float]:
        """Effect at a shift, and the limits of its interval."""
        own, shared, slope = self.variances
        half = stats.t.ppf((1 + self.level) / 2, self.df) * (own + 2 * shift * shared + shift**2 * slope) ** 0.5
        middle = self.estimate + shift * self.slope
        return middle, float(middle - half), float(middle + half)


def tipping_point(
    frame: pd.DataFrame,
    outcome: str,
    *,
    arm: str,
    cluster: str,
    treated: Hashable,
    covariates: Sequence[str] = (),
    shifted: str = "treated",
    level: float = 0.95,
) -> TippingPoint:
    """Find how far the missing units of one arm would have to be shifted for the interval to reach or leave zero.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, covariates, level
        As for `clustertrials.estimate_effect`, one row for each unit whether or not it was measured.
    shifted : {"treated", "other"}
        Arm whose missing units are shifted.

    Returns
    -------
    TippingPoint
        Without missing units in that arm both tipping points are None.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`; also if `shifted` is neither arm, or a coefficient rests on one cluster.

    Notes
    -----
    Every missing outcome is replaced by its prediction from the regression of the measured units on arm and covariates
    (without covariates, the observed mean of its arm), plus the shift in the shifted arm. The effect is then estimate +
    shift * slope, where the slope is the coefficient of the arm for the 0/1 variable "missing in the shifted arm". Both
    numbers are found again without each cluster in turn, imputation included, and their jackknife variances V make the
    interval. Its limits are 0 where (estimate + shift slope)^2 = t^2 (V11 + 2 shift V12 + shift^2 V22), solved for the
    shift.

    White IR, Carpenter J, Horton NJ (2018), Statistica Sinica 28:1985-2003. Efron B, Stein C (1981), Annals of
    Statistics 9:586-596.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, None, 2, 4, 3, 2, 5, 4] * 2, "clinic": np.repeat(range(8), 2)})
    >>> frame["arm"] = frame["clinic"] % 2
    >>> found = tipping_point(frame, "y", arm="arm", cluster="clinic", treated=1, shifted="other")
    >>> round(found.estimate, 6), round(found.slope, 6), round(found.below, 3), round(found.above, 3)
    (1.75, -0.25, -5.997, 2.761)
    """
    check_level(level)
    if shifted not in ("treated", "other"):
        raise ValueError('shifted must be "treated" or "other"')
    measured = read_trial(frame, outcome, arm=arm, cluster=cluster, treated=treated, covariates=covariates)
    kept = frame.dropna(subset=[arm, cluster, *covariates])
    values, is_treated, codes = read_units(kept, outcome, arm=arm, cluster=cluster, treated=treated)
    columns = np.column_stack([np.ones(len(kept)), is_treated, *(numeric(kept, name) for name in covariates)])
    members = is_treated == (shifted == "treated")
    moved = members & np.isnan(values)
    lines = np.array(
        [_line(values, columns, moved, codes != left_out, outcome) for left_out in range(-1, codes.max() + 1)]
    )
    arm_of_cluster = is_treated[np.unique(codes, return_index=True)[1]]
    spread = jackknife(lines[1:], arm_of_cluster)
    if not spread[0, 0] > 1e-24 * measured.y.var():
        raise ValueError(f"column {outcome!r}: clusters do not vary, so there is nothing to judge the effect by")
    estimate, slope = lines[0].tolist()
    below, above = _roots(estimate, slope, spread, stats.t.ppf((1 + level) / 2, measured.max_df))
    return TippingPoint(
        below=below,
        above=above,
        estimate=estimate,
        slope=slope,
        df=measured.max_df,
        level=level,
        shifted=shifted,
        variances=(float(spread[0, 0]), float(spread[0, 1]), float(spread[1, 1])),
        observed_mean=float(np.nanmean(values[members])),
        sd=_spread_inside(measured),
        n_missing=int(moved.sum()),
        n_units=len(kept),
        n_clusters=len(arm_of_cluster),
        n_dropped=len(frame) - len(kept),
    )


def _spread_inside(trial: Trial) -> float:
    """Standard deviation inside arms."""
    arms = (trial.y[trial.treated], trial.y[~trial.treated])
    return float((sum(len(y) * y.var() for y in arms) / (len(trial.y) - 2)) ** 0.5)


def _line(
    values: np.ndarray, columns: np.ndarray, moved: np.ndarray, rows: np.ndarray, outcome: str
) -> tuple[float, float]:
    """Effect of the arm on some rows at shift 0, and its slope in the shift."""
    seen = rows & ~np.isnan(values)
    scaled = columns / np.abs(columns).max(axis=0)
    effect = np.linalg.lstsq(scaled[seen], values[seen] - np.nanmean(values), rcond=None)
    slope = np.linalg.lstsq(scaled[rows], moved[rows].astype(float), rcond=None)
    if effect[2] < columns.shape[1]:
        raise ValueError(f"column {outcome!r}: a coefficient rests on one cluster, which cannot be left out")
    return float(effect[0][ARM_COLUMN]), float(slope[0][ARM_COLUMN])


def _roots(estimate: float, slope: float, spread: np.ndarray, quantile: float) -> tuple[float | None, float | None]:
    """Shifts next to 0 on either side at which a limit of the interval is 0."""
    line = np.array([slope**2, 2 * slope * estimate, estimate**2])
    band = quantile**2 * np.array([spread[1, 1], 2 * spread[0, 1], spread[0, 0]])
    roots = np.roots(line - band)
    real = roots[np.isreal(roots)].real
    below, above = real[real < 0], real[real > 0]
    return (float(below.max()) if len(below) else None), (float(above.min()) if len(above) else None)
