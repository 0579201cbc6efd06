"""Tipping point: how far missing units would have to differ from what is expected of them to turn a verdict."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from clustertrials.estimators import EFFECT
from clustertrials.intraclass import check_level
from clustertrials.missing import read_units
from clustertrials.trial import Trial, numeric, read_trial


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
    spread = _jackknife(lines[1:], arm_of_cluster)
    if not spread[0, 0] > 1e-24 * measured.y.var():
        raise ValueError(f"column {outcome!r}: clusters do not vary, so there is nothing to judge the effect by")
    estimate, slope = lines[0].tolist()
    below, above = _roots(estimate, slope, spread, stats.t.ppf((1 + level) / 2, measured.spare))
    return TippingPoint(
        below=below,
        above=above,
        estimate=estimate,
        slope=slope,
        df=measured.spare,
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


def _jackknife(lines: np.ndarray, treated: np.ndarray) -> np.ndarray:
    """Covariances from leave-one-cluster-out values, as `clustertrials.estimands.jackknife_error` has variances."""
    return sum((arm.sum() - 1) * np.cov(lines[arm].T, ddof=0) for arm in (treated, ~treated))


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
    return float(effect[0][EFFECT]), float(slope[0][EFFECT])


def _roots(estimate: float, slope: float, spread: np.ndarray, quantile: float) -> tuple[float | None, float | None]:
    """Shifts next to 0 on either side at which a limit of the interval is 0."""
    line = np.array([slope**2, 2 * slope * estimate, estimate**2])
    band = quantile**2 * np.array([spread[1, 1], 2 * spread[0, 1], spread[0, 0]])
    roots = np.roots(line - band)
    real = roots[np.isreal(roots)].real
    below, above = real[real < 0], real[real > 0]
    return (float(below.max()) if len(below) else None), (float(above.min()) if len(above) else None)
