"""Marginal odds ratio of a 0/1 outcome, to stand beside the risk difference."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special

from clustertrials.checks import check_level
from clustertrials.estimands import jackknife
from clustertrials.means import LOGIT, fit_mean
from clustertrials.results import Inference, Printed
from clustertrials.trial import Trial, read_trial


@dataclass(frozen=True)
class OddsRatio(Printed):
    """Marginal odds ratio of a 0/1 outcome, treated against other, averaged over units.

    Attributes
    ----------
    estimate, ci_low, ci_high : float
        Odds ratio and interval at `level`.
    se_log, df, p_value : float
        Jackknife standard error of its logarithm, degrees of freedom, two-sided p-value of an odds ratio of 1.
    risk_treated, risk_other : float
        Risks if all rows were in one arm or the other, by the fitted model.
    n_units, n_clusters, n_dropped : int
        Rows used, clusters they lie in, rows left out because a value was missing.
    level : float
    source : str
        Where the data came from; empty for a frame of the caller's own.
    """

    estimate: float
    ci_low: float
    ci_high: float
    se_log: float
    df: float
    p_value: float
    risk_treated: float
    risk_other: float
    n_units: int
    n_clusters: int
    n_dropped: int
    level: float
    source: str = ""


def marginal_odds_ratio(
    frame: pd.DataFrame,
    outcome: str,
    *,
    arm: str,
    cluster: str,
    treated: Hashable,
    covariates: Sequence[str] = (),
    level: float = 0.95,
) -> OddsRatio:
    """Estimate the marginal odds ratio of a 0/1 outcome, to report beside the risk difference.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, covariates, level
        As for `clustertrials.estimate_effect`; the outcome must be 0 or 1.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`; also if the outcome is not 0/1, if the odds ratio is not finite because,
        with some cluster left out, all or none in an arm have the outcome, or if covariates predict it perfectly.

    Notes
    -----
    Logistic regression on arm and covariates, cluster ignored; each row's risk predicted under either arm and
    averaged; odds ratio of the averages. Without covariates that is the odds ratio of the arms' raw risks.
    Standard error of the logarithm by the jackknife over clusters, arm by arm, one fit a cluster on distinct rows.

    References
    ----------
    Zhang Z (2008), Statistics in Medicine 27:4714-4725.

    Examples
    --------
    >>> frame = pd.DataFrame({"clinic": np.repeat(range(8), 4), "cured": [0, 0, 0, 1, 0, 1, 1, 1] * 4})
    >>> frame["arm"] = frame["clinic"] % 2
    >>> ratio = marginal_odds_ratio(frame.drop(index=0), "cured", arm="arm", cluster="clinic", treated=1)
    >>> round(ratio.estimate, 6), round(ratio.risk_treated, 6), round(ratio.risk_other, 6)
    (8.25, 0.75, 0.266667)
    """
    check_level(level)
    trial = read_trial(frame, outcome, arm=arm, cluster=cluster, treated=treated, covariates=covariates)
    trial = replace(trial, y=trial.y + trial.origin, origin=0.0)
    if not np.isin(trial.y, (0, 1)).all():
        raise ValueError(f"column {outcome!r} is not 0/1, so it has no odds")
    _require_both_values(trial)
    # Rows that are alike are counted once; where cluster k is left out, its rows are taken off the counts.
    design = np.column_stack([np.ones(len(trial.y)), trial.treated, trial.covariates])
    distinct, place = np.unique(design, axis=0, return_inverse=True)
    place = place.reshape(-1)
    counts, events = (np.bincount(place, of_row) for of_row in (np.ones(len(trial.y)), trial.y))
    everyone = _logistic(distinct, counts, events, np.zeros(design.shape[1]), outcome)
    risks = [_risks(distinct, counts, everyone)]
    for rows in np.split(np.arange(len(trial.y)), trial.starts[1:]):
        own = np.bincount(place[rows], minlength=len(counts))
        rest = counts - own, events - np.bincount(place[rows], trial.y[rows], len(counts))
        risks.append(_risks(distinct, rest[0], _logistic(distinct, *rest, everyone, outcome)))
    logs = special.logit(np.array(risks)) @ [1, -1]
    se, df = float(jackknife(logs[1:], trial.treated_clusters) ** 0.5), trial.max_df
    fit = Inference(float(logs[0]), se, df)
    low, high = np.exp(fit.interval(level))
    return OddsRatio(
        estimate=float(np.exp(logs[0])),
        ci_low=float(low),
        ci_high=float(high),
        se_log=se,
        df=df,
        p_value=float(fit.p_value),
        risk_treated=float(risks[0][0]),
        risk_other=float(risks[0][1]),
        n_units=len(trial.y),
        n_clusters=len(trial.starts),
        n_dropped=trial.n_dropped,
        level=level,
    )


def _require_both_values(trial: Trial) -> None:
    events = np.add.reduceat(trial.y, trial.starts)
    for members in (trial.treated_clusters, ~trial.treated_clusters):
        for counts in (events[members], (trial.sizes - events)[members]):
            if (counts > 0).sum() < 2:
                raise ValueError(
                    f"column {trial.outcome!r}: in an arm, 0 or 1 occurs in fewer than two clusters, "
                    "so the odds ratio or its interval is not finite"
                )


def _risks(design: np.ndarray, counts: np.ndarray, coefficients: np.ndarray) -> list[float]:
    """Average risk with everyone treated, and with nobody; the second column of the design is the arm."""
    other = design @ coefficients - design[:, 1] * coefficients[1]
    return [float(np.average(special.expit(other + effect), weights=counts)) for effect in (coefficients[1], 0.0)]


def _logistic(
    design: np.ndarray, counts: np.ndarray, events: np.ndarray, start: np.ndarray, outcome: str
) -> np.ndarray:
    try:
        return fit_mean(design, counts, events, LOGIT, start)
    except ValueError as problem:
        raise ValueError(f"column {outcome!r}: {problem}") from problem
