"""Marginal odds ratio of a 0/1 outcome, to stand beside the risk difference."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import special, stats

from clustertrials.checks import check_level
from clustertrials.estimands import jackknife_error
from clustertrials.trial import SMALLEST_ARM, Trial, read_trial

NEWTON_STEPS = 50


@dataclass(frozen=True)
class OddsRatio:
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
    Standard error of the logarithm by the jackknife over clusters, arm by arm. Its fits run together on distinct rows;
    with a continuous covariate, time grows as rows times clusters.

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
    trial = read_trial(
        frame, outcome, arm=arm, cluster=cluster, treated=treated, covariates=covariates, smallest_arm=SMALLEST_ARM
    )
    trial = replace(trial, y=trial.y + trial.origin, origin=0.0)
    if not np.isin(trial.y, (0, 1)).all():
        raise ValueError(f"column {outcome!r} is not 0/1, so it has no odds")
    _require_both_values(trial)
    design = np.column_stack([np.ones(len(trial.y)), trial.treated, trial.covariates])
    rows = _rows(trial.y, design)
    everyone = _logistic(rows, np.zeros((1, design.shape[1])), None, outcome)
    clusters = _Clusters(trial.y, design, trial.starts, trial.codes)
    left_out = _logistic(rows, np.repeat(everyone, len(trial.starts), axis=0), clusters, outcome)
    risks = _risks(rows, everyone, None)
    logs = special.logit(np.vstack([risks, _risks(rows, left_out, clusters)])) @ [1, -1]
    se, df = jackknife_error(logs[1:], trial.treated_clusters), trial.max_df
    margin = se * stats.t.ppf((1 + level) / 2, df)
    low, middle, high = np.exp([logs[0] - margin, logs[0], logs[0] + margin])
    return OddsRatio(
        estimate=float(middle),
        ci_low=float(low),
        ci_high=float(high),
        se_log=se,
        df=df,
        p_value=float(2 * stats.t.sf(abs(logs[0]) / se, df)),
        risk_treated=float(risks[0, 0]),
        risk_other=float(risks[0, 1]),
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


@dataclass(frozen=True)
class _Rows:
    """Distinct rows of the design, how often each occurs, and how often with a 1; and the products of their columns."""

    design: np.ndarray
    counts: np.ndarray
    events: np.ndarray
    products: np.ndarray


@dataclass(frozen=True)
class _Clusters:
    """The rows sorted by cluster, where fit k leaves out cluster k."""

    y: np.ndarray
    design: np.ndarray
    starts: np.ndarray
    codes: np.ndarray

    def sums(self, values: np.ndarray) -> np.ndarray:
        """Values added up inside clusters."""
        return np.add.reduceat(values, self.starts, axis=0)


def _rows(y: np.ndarray, design: np.ndarray) -> _Rows:
    distinct, place = np.unique(design, axis=0, return_inverse=True)
    place = place.reshape(-1)
    products = (distinct[:, :, None] * distinct[:, None, :]).reshape(len(distinct), -1)
    return _Rows(distinct, np.bincount(place).astype(float), np.bincount(place, y), products)


def _blocks(rows: _Rows, n_fits: int) -> list[slice]:
    """Parts of the fits whose risks of all distinct rows stay in the cache."""
    size = max(1, 200_000 // len(rows.counts))
    return [slice(first, first + size) for first in range(0, n_fits, size)]


def _risks(rows: _Rows, coefficients: np.ndarray, left: _Clusters | None) -> np.ndarray:
    """Average risks under treatment and under the other arm, shape (fits, 2)."""
    found = []
    for arm in (1.0, 0.0):
        # The design's second column is the arm.
        as_if = np.where(np.arange(rows.design.shape[1]) == 1, arm, rows.design)
        sums = np.concatenate(
            [rows.counts @ special.expit(as_if @ coefficients[part].T) for part in _blocks(rows, len(coefficients))]
        )
        size = rows.counts.sum()
        if left is not None:
            own = np.where(np.arange(left.design.shape[1]) == 1, arm, left.design)
            sums = sums - left.sums(special.expit((own * coefficients[left.codes]).sum(axis=1)))
            size = size - np.bincount(left.codes)
        found.append(sums / size)
    return np.column_stack(found)


def _logistic(rows: _Rows, start: np.ndarray, left: _Clusters | None, outcome: str) -> np.ndarray:
    """Coefficients of one fit a row of `start`, shape (fits, p); fit k leaves out cluster k where `left` is given."""
    coefficients, width = start, start.shape[1]
    for _ in range(NEWTON_STEPS):
        scores, information = [], []
        for part in _blocks(rows, len(coefficients)):
            risk = special.expit(rows.design @ coefficients[part].T)
            scores.append((rows.events[:, None] - rows.counts[:, None] * risk).T @ rows.design)
            information.append((rows.counts[:, None] * risk * (1 - risk)).T @ rows.products)
        score, normal = np.concatenate(scores), np.concatenate(information).reshape(-1, width, width)
        if left is not None:
            risk = special.expit((left.design * coefficients[left.codes]).sum(axis=1))
            score = score - left.sums(left.design * (left.y - risk)[:, None])
            weighted = left.design * (risk * (1 - risk))[:, None]
            normal = normal - left.sums(weighted[:, :, None] * left.design[:, None, :])
        if np.linalg.cond(normal).max() > 1e12:
            break
        step = np.linalg.solve(normal, score[:, :, None])[:, :, 0]
        coefficients = coefficients + step
        if np.abs(step).max() < 1e-10:
            return coefficients
    raise ValueError(f"column {outcome!r}: the covariates predict 0 and 1 perfectly, so no odds ratio exists")
