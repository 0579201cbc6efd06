"""Individual against cluster average of one effect: their difference, with a jackknife interval."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from clustertrials.checks import check_level
from clustertrials.cluster_means import first_stage, second_stage, sums_of
from clustertrials.results import Inference, Printed
from clustertrials.robust import OWN_FIT, gram
from clustertrials.trial import Trial, read_trial


@dataclass(frozen=True)
class EstimandGap(Printed):
    """Individual-average effect minus cluster-average effect, with its jackknife error, and the two effects."""

    estimate: float
    se: float
    df: float
    p_value: float
    ci_low: float
    ci_high: float
    individual_average: float
    cluster_average: float
    n_units: int
    n_clusters: int
    n_dropped: int
    level: float
    source: str = ""


def estimand_gap(
    frame: pd.DataFrame,
    outcome: str,
    *,
    arm: str,
    cluster: str,
    treated: Hashable,
    covariates: Sequence[str] = (),
    level: float = 0.95,
) -> EstimandGap:
    """Compare the effect averaged over units with the effect averaged over clusters.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, covariates, level
        As for `clustertrials.estimate_effect`.

    Returns
    -------
    EstimandGap
        A gap away from 0 means that the effect depends on cluster size.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`; also if a coefficient rests on one cluster alone, or if clusters are of
        one size, so that the two averages cannot differ.

    Notes
    -----
    The first is the arm's coefficient in least squares over rows, the second that of ``"cluster_means"``. Standard
    error by the jackknife, one cluster out at a time, arm by arm: sum_a (K_a - 1) / K_a sum_k (d_k - d_a)^2, with t on
    clusters - 2 degrees of freedom (one less for each covariate that is constant inside clusters).

    Kahan BC et al. (2023), International Journal of Epidemiology 52:107-118. Efron B, Stein C (1981), Annals of
    Statistics 9:586-596.

    Examples
    --------
    >>> frame = pd.DataFrame({"clinic": np.repeat(range(8), [1, 2, 3, 4, 5, 6, 7, 8])})
    >>> frame["arm"] = frame["clinic"] % 2
    >>> frame["y"] = frame["clinic"] * frame["arm"] + frame["clinic"] % 3
    >>> gap = estimand_gap(frame, "y", arm="arm", cluster="clinic", treated=1)
    >>> round(gap.individual_average, 3), round(gap.cluster_average, 3), round(gap.estimate, 3)
    (5.412, 4.25, 1.162)
    """
    check_level(level)
    trial = read_trial(frame, outcome, arm=arm, cluster=cluster, treated=treated, covariates=covariates)
    individual, cluster_level = _individual_effects(trial), _cluster_effects(trial)
    gaps = individual - cluster_level
    if np.ptp(gaps) <= 1e-10 * trial.y.std():
        raise ValueError(f"column {outcome!r}: individual and cluster average cannot differ in clusters of equal size")
    se, df = float(jackknife(gaps[1:], trial.treated_clusters) ** 0.5), trial.max_df
    fit = Inference(float(gaps[0]), se, df)
    low, high = fit.interval(level)
    return EstimandGap(
        **asdict(fit),
        p_value=float(fit.p_value),
        ci_low=float(low),
        ci_high=float(high),
        individual_average=float(individual[0]),
        cluster_average=float(cluster_level[0]),
        n_units=len(trial.y),
        n_clusters=len(trial.starts),
        n_dropped=trial.n_dropped,
        level=level,
    )


def jackknife(values: np.ndarray, groups: np.ndarray) -> np.ndarray:
    """Variance of a statistic, or covariances of several, from values with each cluster left out, arm by arm.

    `groups` are the arms of the clusters, or other labels that sort: sum_a (K_a - 1) / K_a sum_k (d_k - d_a)^2.

    Efron B, Stein C (1981), Annals of Statistics 9:586-596.
    """
    members = (groups == label for label in np.unique(groups)[::-1])
    return sum((group.sum() - 1) * np.cov(values[group].T, ddof=0) for group in members)


def _individual_effects(trial: Trial) -> np.ndarray:
    """Least-squares effect on all rows, then with each cluster left out."""
    centred = trial.y - trial.y.mean()
    remaining = np.eye(trial.q.shape[1]) - gram(trial.q, trial.starts)
    if np.linalg.eigvalsh(remaining).min() < OWN_FIT:
        raise ValueError(f"column {trial.outcome!r}: a coefficient rests on one cluster that cannot be left out")
    parts = np.add.reduceat(trial.q * centred[:, None], trial.starts, axis=0)
    total = parts.sum(axis=0)
    without = np.linalg.solve(remaining, (total - parts)[:, :, None])[:, :, 0]
    return np.vstack([total, without]) @ trial.r_inverse[1]


def _cluster_effects(trial: Trial) -> np.ndarray:
    """Effect by cluster means on all clusters, then with each left out."""
    sums, treated, places = sums_of(trial), trial.treated_clusters, np.arange(len(trial.starts))
    every = [np.ones(len(places), bool), *(places != k for k in places)]
    return np.array([second_stage(*first_stage(sums, kept), treated[kept]).estimate for kept in every])
