"""Missing outcomes: how many there are, how to weigh for them, and how far they could carry the answer."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats
from scipy.optimize import linprog
from statsmodels.genmod.families import Binomial
from statsmodels.genmod.generalized_linear_model import GLM

from holf.clusters import anova_icc, check_level
from holf.estimands import jackknife_error
from holf.estimators import EFFECT, FAMILY, estimate_effect
from holf.results import Effect
from holf.robust import cluster_robust, fit_ols
from holf.trial import RANK_TOLERANCE, SMALLEST_ARM, numeric, read_trial, require_columns, require_nested

# A row that the model gives less than this chance of being measured has nobody like it among the measured.
SMALLEST_CHANCE = 1e-6
# The linear programme meets its constraints to 1e-7 a row, so a smaller sum over rows may be rounding.
SLACK = 1e-6


@dataclass(frozen=True)
class ArmLoss:
    """Units of one arm without an outcome; how offices differ is told without naming or showing one.

    Attributes
    ----------
    arm : str
        ``"treated"`` or ``"other"``.
    n_units, n_missing, n_clusters : int
        Units, those of them without an outcome, and clusters.
    share : float
        Share of the units without an outcome.
    cluster_mean, cluster_sd : float
        Mean and standard deviation over clusters of the cluster's share, every cluster alike.
    source : str
    """

    arm: str
    n_units: int
    n_missing: int
    n_clusters: int
    share: float
    cluster_mean: float
    cluster_sd: float
    source: str = ""


@dataclass(frozen=True)
class Weights:
    """Inverse probability weights and what they cost.

    Attributes
    ----------
    values : numpy.ndarray, shape (rows,)
        One weight a row in the frame's order, 0 where nothing was measured; personal data, and not printed.
    n_units, n_observed : int
        Rows, and rows measured.
    effective_size : float
        Number of equally weighted rows with the same precision, (sum w)^2 / sum w^2.
    largest : float
        Largest weight; far above 1, few rows speak for many.
    source : str
    """

    values: np.ndarray = field(repr=False, compare=False)
    n_units: int
    n_observed: int
    effective_size: float
    largest: float
    source: str = ""


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


@dataclass(frozen=True)
class TippingPoint:
    """How far the missing units of one arm would have to differ from what is expected of them to turn the verdict.

    Attributes
    ----------
    below, above : float or None
        Nearest shift below and above 0 at which a limit of the interval is 0; None where no shift does that.
    estimate, slope : float
        Effect at shift 0, which is that of the measured units alone, and its change for each unit of shift.
    variances : tuple of float
        Variance of the estimate, covariance of the two, variance of the slope.
    df, level : float
        Degrees of freedom and confidence level.
    shifted : str
        ``"treated"`` or ``"other"``.
    observed_mean, sd : float
        Mean of that arm's measured units, and standard deviation inside arms, to judge a shift by.
    n_missing, n_units, n_clusters, n_dropped : int
        Units shifted, all units, clusters, rows left out for want of an arm, a cluster or a covariate.
    source : str
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

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval of the measured units alone lies on one side of 0."""
        _, low, high = self.at(0.0)
        return low > 0 or high < 0


def attrition_by_arm(frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable,
                     ) -> tuple[ArmLoss, ArmLoss]:
    """Count the units without an outcome in each arm, and say how much clusters differ in it.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated
        As for `holf.estimate_effect`, one row for each unit whether or not it was measured.

    Returns
    -------
    tuple of ArmLoss
        Treated, then other.

    Raises
    ------
    ValueError
        If a column is missing or not numeric, an arm or cluster is missing in a row, an arm varies inside a cluster,
        there are not two arms, or an arm has fewer than 4 clusters.

    Notes
    -----
    Whether the arms differ in it is an effect like any other: give `holf.estimate_effect` a 0/1 column.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, None, 2, 3] * 4, "office": np.repeat(range(8), 2)})
    >>> frame["arm"] = frame["office"] % 2
    >>> [(loss.arm, loss.share) for loss in attrition_by_arm(frame, "y", arm="arm", cluster="office", treated=1)]
    [('treated', 0.0), ('other', 0.5)]
    """
    missing, is_treated, codes = _units(frame, outcome, arm=arm, cluster=cluster, treated=treated)
    lost = np.isnan(missing).astype(float)
    losses = []
    for name, members in (("treated", is_treated), ("other", ~is_treated)):
        shares = pd.Series(lost[members]).groupby(codes[members]).mean()
        losses.append(ArmLoss(name, int(members.sum()), int(lost[members].sum()), len(shares),
                              float(lost[members].mean()), float(shares.mean()), float(shares.std(ddof=1))))
    return losses[0], losses[1]


def inverse_probability_weights(frame: pd.DataFrame, *, observed: str, predictors: Sequence[str]) -> Weights:
    """Weigh measured rows so that they stand for all rows with the same predictors.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row for each unit whether or not it was measured.
    observed : str
        Column that is 1 where the outcome was measured and 0 where not.
    predictors : sequence of str
        Numeric columns without missing values, the arm (as 0/1) among them as a rule.

    Returns
    -------
    Weights
        All 1 where every row was measured.

    Raises
    ------
    ValueError
        If a column is missing or not numeric, `observed` is not 0/1 or nowhere 1, a predictor has a missing value,
        is constant or collinear; if the predictors separate measured from missing rows, wholly or in part; if some
        row has practically no chance of being measured.

    Notes
    -----
    Weight = share measured / P(measured | predictors), the latter by logistic regression. Separation is looked for
    before, by a linear programme: is there a combination of predictors that no measured row has below zero and no
    missing row above, without being zero throughout? The weights are right if the predictors account for
    everything that missing and outcome have in common.

    References
    ----------
    Seaman SR, White IR (2013), Statistical Methods in Medical Research 22:278-295. Konis K (2007), Linear
    programming algorithms for detecting separated data in binary logistic regression models, DPhil thesis, Oxford.

    Examples
    --------
    >>> frame = pd.DataFrame({"seen": [1, 1, 1, 0, 1, 0], "x": [0, 0, 0, 0, 1, 1]})
    >>> inverse_probability_weights(frame, observed="seen", predictors=["x"]).values.round(3).tolist()
    [0.889, 0.889, 0.889, 0.0, 1.333, 0.0]
    """
    design = _predictors(frame, observed, predictors)
    seen = numeric(frame, observed)
    if not np.isin(seen, (0, 1)).all() or not seen.any():
        raise ValueError(f"column {observed!r} must be 1 for a row that was measured and 0 for one that was not")
    values = seen
    if not seen.all():
        if _is_separated(design, seen == 1):
            raise ValueError(f"column {observed!r}: the predictors tell some measured from missing rows perfectly, so "
                             "no probability can be estimated; leave one out or join categories")
        chance = GLM(seen, design, family=Binomial()).fit().fittedvalues
        if chance.min() < SMALLEST_CHANCE:
            raise ValueError(f"column {observed!r}: a row has no chance of being measured, so no weight makes up for it")
        values = seen * seen.mean() / chance
    return Weights(values, len(seen), int(seen.sum()), float(values.sum() ** 2 / (values @ values)),
                   float(values.max()))


def weighted_effect(frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable,
                    weights: ArrayLike, covariates: Sequence[str] = (), level: float = 0.95) -> Effect:
    """Estimate the effect by weighted least squares, with CR2 errors and Satterthwaite's t.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, covariates, level
        As for `holf.estimate_effect`.
    weights : array_like, shape (rows,)
        One weight a row in the frame's order; rows of weight 0 are left out.

    Returns
    -------
    Effect
        Estimator ``"ipw"``, family average; the arms' raw means are not weighted.

    Raises
    ------
    ValueError
        As for `holf.estimate_effect`; also if the weights do not fit the frame, or one is negative or not finite.

    Notes
    -----
    Least squares on rows multiplied by the square roots of their weights. CR2 takes errors with variance 1 / weight
    as its working model; it stays consistent if that is wrong. Weights count as known, which for estimated ones is
    on average on the safe side. At most clusters - 2 degrees of freedom.

    References
    ----------
    Pustejovsky JE, Tipton E (2018), Journal of Business & Economic Statistics 36:672-683. Robins JM, Rotnitzky A,
    Zhao LP (1995), Journal of the American Statistical Association 90:106-121.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": range(16), "office": np.repeat(range(8), 2)})
    >>> frame["arm"] = frame["office"] % 2
    >>> found = weighted_effect(frame, "y", arm="arm", cluster="office", treated=1, weights=[1.0, 3.0] * 8)
    >>> round(found.estimate, 6), found.estimator
    (2.0, 'ipw')
    """
    check_level(level)
    read_trial(frame, outcome, arm=arm, cluster=cluster, treated=treated, covariates=covariates)
    given = np.asarray(weights, dtype=float)
    if given.shape != (len(frame),) or not (np.isfinite(given) & (given >= 0)).all():
        raise ValueError("weights must be one finite number a row of the frame, none below 0")
    used = frame[[outcome, arm, cluster, *covariates]].notna().all(axis=1).to_numpy() & (given > 0)
    # Sorted here as read_trial sorts, so that the weights keep to their rows.
    order = np.flatnonzero(used)[np.argsort(pd.factorize(frame.loc[used, cluster])[0], kind="stable")]
    trial = read_trial(frame.iloc[order], outcome, arm=arm, cluster=cluster, treated=treated, covariates=covariates)
    root = np.sqrt(given[order])
    design = np.column_stack([np.ones(len(root)), trial.treated, trial.covariates])
    basis, upper = np.linalg.qr(design * root[:, None])
    fit = fit_ols((trial.y - trial.y.mean()) * root, basis, np.linalg.inv(upper), trial.starts)
    found = cluster_robust(fit, np.eye(design.shape[1])[EFFECT], "CR2")
    if not found.se > 1e-12 * trial.y.std():
        raise ValueError(f"column {outcome!r}: ipw finds no variation to judge the effect by")
    df = min(found.df, trial.spare)
    icc = float("nan")
    if len(trial.y) > len(trial.starts):
        icc = anova_icc(trial.y, trial.codes, trial.treated_clusters.astype(int), level=level, outcome=outcome).estimate
    half = float(stats.t.ppf((1 + level) / 2, df)) * found.se
    return Effect(
        estimate=found.estimate, se=found.se, df=df, statistic=found.estimate / found.se,
        p_value=float(2 * stats.t.sf(abs(found.estimate / found.se), df)),
        ci_low=found.estimate - half, ci_high=found.estimate + half, n_units=len(order), n_clusters=len(trial.starts),
        n_dropped=len(frame) - len(order), icc=icc, estimator="ipw", estimand=FAMILY, level=level,
        mean_treated=float(trial.y[trial.treated].mean()), mean_other=float(trial.y[~trial.treated].mean()))


def manski_bounds(frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable, lowest: float,
                  highest: float, level: float = 0.95) -> Bounds:
    """Bound the effect without any assumption on the missing outcomes but their range.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, level
        As for `holf.estimate_effect`, one row for each unit whether or not it was measured.
    lowest, highest : float
        Ends of the outcome's scale, 0 and 1 for a 0/1 outcome.

    Returns
    -------
    Bounds
        With no outcome missing, both bounds are the effect itself.

    Raises
    ------
    ValueError
        As for `holf.estimate_effect`; also if an arm or cluster is missing in a row, or an outcome lies outside
        `lowest` to `highest`.

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
    >>> frame = pd.DataFrame({"y": [1, None, 0, 1] * 4, "office": np.repeat(range(8), 2)})
    >>> frame["arm"] = frame["office"] % 2
    >>> found = manski_bounds(frame, "y", arm="arm", cluster="office", treated=1, lowest=0, highest=1)
    >>> round(found.lower, 6), round(found.upper, 6)
    (-0.5, 0.0)
    """
    values, is_treated, _ = _units(frame, outcome, arm=arm, cluster=cluster, treated=treated)
    if not -np.inf < lowest < highest < np.inf:
        raise ValueError("lowest and highest must be finite, the first below the second")
    if (values < lowest).any() or (values > highest).any():
        raise ValueError(f"column {outcome!r} has a value outside lowest to highest")
    missing = np.isnan(values)
    low, high = (
        estimate_effect(frame.assign(**{outcome: np.where(missing, np.where(is_treated, one, other), values)}), outcome,
                        arm=arm, cluster=cluster, treated=treated, level=level)
        for one, other in ((lowest, highest), (highest, lowest)))
    return Bounds(low.estimate, high.estimate, low.ci_low, high.ci_high, min(low.df, high.df), level, len(values),
                  low.n_clusters, int(missing[is_treated].sum()), int(missing[~is_treated].sum()), "manski")


def lee_bounds(frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable, level: float = 0.95,
               ) -> Bounds:
    """Bound the effect on the units that would be measured in either arm, if the arm moved measurement one way only.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, level
        As for `holf.estimate_effect`, one row for each unit whether or not it was measured.

    Returns
    -------
    Bounds
        Degrees of freedom clusters - 2.

    Raises
    ------
    ValueError
        As for `holf.estimate_effect`; also if an arm or cluster is missing in a row.

    Notes
    -----
    Monotone selection: the arm with the larger share measured has them all, and others beside. Of its measured
    units a share 1 - (smaller share) / (larger share) is trimmed: the highest for one bound, the lowest for the
    other; one unit is trimmed in part, so that ties and fractions need no rule. Each bound's standard error is the
    jackknife of `holf.estimands.jackknife_error` over clusters. Where the two shares are nearly the same, the arm
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
    values, is_treated, codes = _units(frame, outcome, arm=arm, cluster=cluster, treated=treated)
    lower, upper, trimmed = _lee(values, is_treated)
    left_out = np.array([_lee(values[codes != k], is_treated[codes != k])[:2] for k in range(codes.max() + 1)])
    arm_of_cluster = is_treated[np.unique(codes, return_index=True)[1]]
    errors = [jackknife_error(one, arm_of_cluster) for one in left_out.T]
    df = len(arm_of_cluster) - 2
    if not min(errors) > 1e-12 * np.nanstd(values):
        raise ValueError(f"column {outcome!r}: lee finds no variation to judge the bounds by")
    quantile = float(stats.t.ppf((1 + level) / 2, df))
    missing = np.isnan(values)
    return Bounds(lower, upper, lower - quantile * errors[0], upper + quantile * errors[1], df, level, len(values),
                  len(arm_of_cluster), int(missing[is_treated].sum()), int(missing[~is_treated].sum()), "lee",
                  "treated" if trimmed > 0 else "other" if trimmed < 0 else "", abs(trimmed))


def tipping_point(frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable,
                  covariates: Sequence[str] = (), shifted: str = "treated", level: float = 0.95) -> TippingPoint:
    """Find how far the missing units of one arm would have to be shifted for the interval to reach or leave zero.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, covariates, level
        As for `holf.estimate_effect`, one row for each unit whether or not it was measured.
    shifted : {"treated", "other"}
        Arm whose missing units are shifted.

    Returns
    -------
    TippingPoint
        Without missing units in that arm both tipping points are None.

    Raises
    ------
    ValueError
        As for `holf.estimate_effect`; also if `shifted` is neither arm, or a coefficient rests on one cluster.

    Notes
    -----
    Without covariates, every missing outcome is taken as the observed mean of its arm, in the shifted arm plus the
    shift. With covariates, as what the regression of the measured units on arm and covariates predicts of it, plus
    the shift. At shift 0 the effect is then that of the measured units alone, and it is a straight line in the
    shift: estimate + shift * slope, where the slope is the coefficient of the arm for the 0/1 variable "missing in
    the shifted arm" (without covariates, the share missing there, negative for the other arm). Filling in means
    would make ordinary errors too small, so both numbers are found again without each cluster in turn, filling in
    included, and their jackknife variances V make the interval. Its limits are 0 where
    (estimate + shift slope)^2 = t^2 (V11 + 2 shift V12 + shift^2 V22), solved for the shift.

    References
    ----------
    White IR, Carpenter J, Horton NJ (2018), Statistica Sinica 28:1985-2003. Efron B, Stein C (1981), Annals of
    Statistics 9:586-596.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, None, 2, 4, 3, 2, 5, 4] * 2, "office": np.repeat(range(8), 2)})
    >>> frame["arm"] = frame["office"] % 2
    >>> found = tipping_point(frame, "y", arm="arm", cluster="office", treated=1, shifted="other")
    >>> round(found.estimate, 6), round(found.slope, 6), round(found.below, 3), found.above
    (1.75, -0.25, -5.376, None)
    """
    check_level(level)
    if shifted not in ("treated", "other"):
        raise ValueError('shifted must be "treated" or "other"')
    measured = read_trial(frame, outcome, arm=arm, cluster=cluster, treated=treated, covariates=covariates)
    kept = frame.dropna(subset=[arm, cluster, *covariates])
    values, is_treated, codes = _units(kept, outcome, arm=arm, cluster=cluster, treated=treated)
    columns = np.column_stack([np.ones(len(kept)), is_treated, *(numeric(kept, name) for name in covariates)])
    members = is_treated if shifted == "treated" else ~is_treated
    moved = np.isnan(values) & members
    parts = [_line(values, columns, moved, codes != left_out) for left_out in range(-1, codes.max() + 1)]
    arm_of_cluster = is_treated[np.unique(codes, return_index=True)[1]]
    spread = sum((group.sum() - 1) * np.cov(np.array(parts[1:])[group].T, ddof=0)
                 for group in (arm_of_cluster, ~arm_of_cluster))
    if not spread[0, 0] > 1e-24 * measured.y.var():
        raise ValueError(f"column {outcome!r}: no variation between clusters to judge the effect by")
    estimate, slope = parts[0]
    below, above = _roots(estimate, slope, spread, stats.t.ppf((1 + level) / 2, measured.spare))
    inside = measured.y - np.where(measured.treated, *(measured.y[side].mean()
                                                       for side in (measured.treated, ~measured.treated)))
    return TippingPoint(
        below=below, above=above, estimate=estimate, slope=slope, df=measured.spare, level=level, shifted=shifted,
        variances=(float(spread[0, 0]), float(spread[0, 1]), float(spread[1, 1])),
        observed_mean=float(np.nanmean(values[members])), sd=float((inside @ inside / (len(inside) - 2)) ** 0.5),
        n_missing=int(moved.sum()), n_units=len(kept), n_clusters=len(arm_of_cluster),
        n_dropped=len(frame) - len(kept))


def _units(frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable,
           ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcome (NaN where missing), arm and cluster number of every unit, measured or not."""
    require_columns(frame, [outcome, arm, cluster])
    for name in (arm, cluster):
        if frame[name].isna().any():
            raise ValueError(f"column {name!r} has a missing value; every unit needs one, measured or not")
    require_nested(frame, arm=arm, cluster=cluster)
    is_treated = (frame[arm] == treated).to_numpy(dtype=bool)
    if frame[arm].nunique() != 2 or not is_treated.any():
        raise ValueError(f"column {arm!r} must have two arms, one of them the treated value {treated!r}")
    codes = pd.factorize(frame[cluster])[0]
    if min(len(np.unique(codes[is_treated])), len(np.unique(codes[~is_treated]))) < SMALLEST_ARM:
        raise ValueError(f"column {arm!r}: an arm has fewer than {SMALLEST_ARM} clusters")
    return numeric(frame, outcome), is_treated, codes


def _predictors(frame: pd.DataFrame, observed: str, predictors: Sequence[str]) -> np.ndarray:
    """Intercept and standardised predictors."""
    if isinstance(predictors, str) or len(predictors) == 0:
        raise ValueError("predictors must be a sequence of one or more column names")
    require_columns(frame, [observed, *predictors])
    design = np.column_stack([np.ones(len(frame)), *(numeric(frame, name) for name in predictors)])
    for name, has_gap in zip(predictors, np.isnan(design[:, 1:]).any(axis=0)):
        if has_gap:
            raise ValueError(f"predictor {name!r} has a missing value; every row needs one, measured or not")
    own = np.abs(np.diag(np.linalg.qr(design)[1]))
    for name, left, size in zip(predictors, own[1:], np.linalg.norm(design, axis=0)[1:]):
        if left <= RANK_TOLERANCE * size:
            raise ValueError(f"predictor {name!r} is constant or a linear combination of earlier ones")
    design[:, 1:] = (design[:, 1:] - design[:, 1:].mean(axis=0)) / design[:, 1:].std(axis=0)
    return design


def _is_separated(design: np.ndarray, seen: np.ndarray) -> bool:
    signed = np.where(seen, 1.0, -1.0)[:, None] * design
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1))
    return -found.fun > SLACK * len(signed)


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


def _line(values: np.ndarray, columns: np.ndarray, moved: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """Effect of the arm on some rows at shift 0, and its slope in the shift."""
    seen = rows & ~np.isnan(values)
    scaled = columns / np.abs(columns).max(axis=0)
    found = [np.linalg.lstsq(scaled[used], target[used], rcond=None) for used, target in
             ((seen, values - np.nanmean(values)), (rows, moved.astype(float)))]
    if min(rank for _, _, rank, _ in found) < columns.shape[1]:
        raise ValueError("a coefficient rests on one cluster alone, which cannot be left out")
    return float(found[0][0][EFFECT]), float(found[1][0][EFFECT])


def _roots(estimate: float, slope: float, spread: np.ndarray, quantile: float) -> tuple[float | None, float | None]:
    """Shifts next to 0 on either side at which a limit of the interval is 0."""
    line = np.array([slope**2, 2 * slope * estimate, estimate**2])
    band = quantile**2 * np.array([spread[1, 1], 2 * spread[0, 1], spread[0, 0]])
    roots = np.roots(line - band)
    real = roots[np.isreal(roots)].real
    below, above = real[real < 0], real[real > 0]
    return (float(below.max()) if len(below) else None), (float(above.min()) if len(above) else None)
