"""Inverse probability weights: measured rows are weighted so that they represent those that were not measured."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.optimize import linprog

from clustertrials.checks import check_level, list_of_names, numeric, require_columns
from clustertrials.estimators import ARM_COLUMN, INDIVIDUAL, effect_record
from clustertrials.means import LOGIT, fit_mean
from clustertrials.results import Effect
from clustertrials.robust import cluster_robust, fit_ols
from clustertrials.trial import RANK_TOLERANCE, read_trial

# A row that the model gives less than this chance of being measured has nobody like it among the measured.
SMALLEST_CHANCE = 1e-6
# The linear programme meets its constraints to 1e-7 a row, so a smaller sum over rows may be rounding.
SLACK = 1e-6


@dataclass(frozen=True)
class Weights:
    """Inverse probability weights and what they cost.

    `values` holds one weight a row in the frame's order, 0 where nothing was measured: personal data, and not printed.
    `effective_size` is the number of equally weighted rows with the same precision, (sum w)^2 / sum w^2. Where the
    `largest` weight is far above 1, few rows represent many.
    """

    values: np.ndarray = field(repr=False, compare=False)
    n_units: int
    n_observed: int
    effective_size: float
    largest: float
    source: str = ""


def inverse_probability_weights(frame: pd.DataFrame, *, observed: str, predictors: Sequence[str]) -> Weights:
    """Weight measured rows so that they represent all rows with the same predictors.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row for each unit whether or not it was measured.
    observed : str
        Column that is 1 where the outcome was measured and 0 where not.
    predictors : sequence of str
        Numeric columns without missing values, as a rule with the arm (as 0/1) among them.

    Returns
    -------
    Weights
        All 1 where every row was measured.

    Raises
    ------
    ValueError
        If a column is not fit for its role, or if the predictors separate some measured from missing rows, or leave a
        row practically no chance of being measured.

    Notes
    -----
    Weight = share measured / P(measured | predictors), the latter by logistic regression. The weights are right if the
    predictors account for everything that missingness and outcome have in common. Separation is detected by a linear
    programme: a combination of predictors that no measured row has below zero and no missing row above, without being
    zero throughout.

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
            raise ValueError(
                f"column {observed!r}: the predictors separate some measured from missing rows "
                "perfectly, so no probability can be estimated; leave one out or join categories"
            )
        chance = LOGIT.mean(design @ fit_mean(design, np.ones(len(seen)), seen, LOGIT, np.zeros(design.shape[1])))
        if chance.min() < SMALLEST_CHANCE:
            raise ValueError(
                f"column {observed!r}: a row has practically no chance of being measured, so no "
                "weight can make up for it"
            )
        values = seen * seen.mean() / chance
    return Weights(
        values, len(seen), int(seen.sum()), float(values.sum() ** 2 / (values @ values)), float(values.max())
    )


def weighted_effect(
    frame: pd.DataFrame,
    outcome: str,
    *,
    arm: str,
    cluster: str,
    treated: Hashable,
    weights: ArrayLike,
    covariates: Sequence[str] = (),
    strata: str | None = None,
    level: float = 0.95,
) -> Effect:
    """Estimate the effect by weighted least squares, with CR2 errors and Satterthwaite's t.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, covariates, strata, level
        As for `clustertrials.estimate_effect`.
    weights : array_like, shape (rows,)
        One weight a row in the frame's order; rows of weight 0 are left out.

    Returns
    -------
    Effect
        Estimator ``"ipw"``, individual average; the arms' raw means are not weighted.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`; also if the weights do not fit the frame, or one is negative or not
        finite.

    Notes
    -----
    Least squares on rows multiplied by the square roots of their weights, with CR2 of these rows: the working model is
    independent errors with variance 1 / weight. Weights count as known, which for estimated ones is conservative on
    average. At most clusters - 2 degrees of freedom.

    Pustejovsky JE, Tipton E (2018), Journal of Business & Economic Statistics 36:672-683. Robins JM, Rotnitzky A,
    Zhao LP (1995), Journal of the American Statistical Association 90:106-121.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": range(16), "clinic": np.repeat(range(8), 2)})
    >>> frame["arm"] = frame["clinic"] % 2
    >>> found = weighted_effect(frame, "y", arm="arm", cluster="clinic", treated=1, weights=[1.0, 3.0] * 8)
    >>> round(found.estimate, 6), found.estimator
    (2.0, 'ipw')
    """
    check_level(level)
    roles = {"arm": arm, "cluster": cluster, "treated": treated, "covariates": covariates, "strata": strata}
    given = np.asarray(weights, dtype=float)
    if given.shape != (len(frame),) or not (np.isfinite(given) & (given >= 0)).all():
        raise ValueError("weights must be one finite number a row of the frame, none below 0")
    counts = given > 0
    trial = read_trial(frame[counts], outcome, **roles)
    root = np.sqrt(given[counts][trial.rows])
    design = np.column_stack([np.ones(len(root)), trial.treated, trial.covariates])
    basis, upper = np.linalg.qr(design * root[:, None])
    parts = fit_ols((trial.y - trial.y.mean()) * root, basis, np.linalg.inv(upper), trial.starts)
    fit = cluster_robust(parts, np.eye(design.shape[1])[ARM_COLUMN], "CR2")
    effect = effect_record(trial, replace(fit, df=min(fit.df, trial.max_df)), "ipw", INDIVIDUAL, level)
    return replace(effect, n_dropped=trial.n_dropped + int((~counts).sum()))


def _predictors(frame: pd.DataFrame, observed: str, predictors: Sequence[str]) -> np.ndarray:
    """Intercept and standardised predictors."""
    predictors = list_of_names("predictors", predictors)
    if not predictors:
        raise ValueError("predictors must name at least one column")
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
