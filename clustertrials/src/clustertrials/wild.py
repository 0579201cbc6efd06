"""The wild cluster bootstrap of the arm's coefficient, with every pattern of signs where these are few."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd

from clustertrials.checks import check_draws, check_generator, check_level
from clustertrials.estimators import ARM_COLUMN, INDIVIDUAL, effect_record
from clustertrials.results import Effect, Inference
from clustertrials.trial import Trial, read_trial

# Clusters whose patterns of signs are all listed: 4,096 of them.
MOST_CLUSTERS = 12
# Below, no p-value of a sample reaches 0.01.
FEWEST_DRAWS = 99
# A limit is searched so far, in standard errors, and to such a part of one.
_FARTHEST, _CLOSE = 1e6, 1e-9


def wild_bootstrap(
    frame: pd.DataFrame,
    outcome: str,
    *,
    arm: str,
    cluster: str,
    treated: Hashable,
    covariates: Sequence[str] = (),
    level: float = 0.95,
    rng: np.random.Generator | None = None,
    n_draws: int = 9_999,
) -> Effect:
    """Estimate the effect by least squares, with p-value and interval from the wild cluster bootstrap.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, covariates, level
        As for `clustertrials.estimate_effect`.
    rng : numpy.random.Generator, optional
        Needed, and used, only with more than 12 clusters.
    n_draws : int
        Patterns of signs that are drawn in that case.

    Returns
    -------
    Effect
        `df` is NaN; `n_allocations` is the number of patterns of signs, and `exact` says whether all were counted.
        `se` is CR1's, and only describes.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`; also if there are more than 12 clusters and `rng` is None, or if
        `n_draws` is no whole number of at least 99.

    Notes
    -----
    Not for clusters drawn inside strata or pairs: residuals of a pair mirror each other, and signs that are drawn
    cluster by cluster rejected 15 to 19 % of trials of four or five pairs without an effect.

    The null hypothesis is imposed: residuals of the fit without the arm keep or change their sign, cluster by cluster
    (Rademacher), and the p-value is the share of the patterns whose absolute t statistic, with CR1 errors, is at least
    the observed one. The interval holds the differences that this test does not reject. The pattern that changes
    nothing is one of all, and one beside those drawn. Measured error rates at 5 %, ICC 0.08: 5.1 to 8.1 in 4 v 4 and
    5 v 5 clusters and 5.1 to 5.9 in 6 v 6; CR2 has 4.3 to 5.8 in the same trials.

    Cameron AC, Gelbach JB, Miller DL (2008), Review of Economics and Statistics 90:414-427. MacKinnon JG, Nielsen MØ,
    Webb MD (2023), Journal of Econometrics 232:272-299.

    Examples
    --------
    >>> frame = pd.DataFrame({"score": np.arange(32) % 7, "school": np.repeat(range(8), 4)})
    >>> frame["arm"] = np.where(frame["school"] % 2, "new", "usual")
    >>> found = wild_bootstrap(frame, "score", arm="arm", cluster="school", treated="new")
    >>> round(found.estimate, 3), found.n_allocations, found.p_value
    (-0.375, 256, 0.6484375)
    """
    check_level(level)
    if rng is not None:
        check_generator(rng)
    check_draws(n_draws, FEWEST_DRAWS)
    trial = read_trial(frame, outcome, arm=arm, cluster=cluster, treated=treated, covariates=covariates)
    count, rows = len(trial.starts), len(trial.y)
    if count > MOST_CLUSTERS and rng is None:
        raise ValueError(f"the patterns of signs of {count} clusters are too many to list: give rng= for a sample")
    if count <= MOST_CLUSTERS:
        signs = np.array(list(product([1.0, -1.0], repeat=count)))
    else:
        signs = np.vstack([np.ones(count), rng.choice([1.0, -1.0], size=(n_draws, count))])
    estimate, se, p_value_of = _bootstrap(trial, signs)
    small = count / (count - 1) * (rows - 1) / (rows - len(trial.r_inverse))
    fit = Inference(estimate, se * small**0.5, float(trial.max_df))
    effect = effect_record(trial, fit, "wild_bootstrap", INDIVIDUAL, level)
    low, high = (estimate - _farthest(p_value_of, side * se, 1 - level) for side in (1, -1))
    return replace(
        effect, df=np.nan, p_value=p_value_of(estimate), ci_low=low, ci_high=high, n_allocations=2**count,
        exact=count <= MOST_CLUSTERS,
    )  # fmt: skip


def _bootstrap(trial: Trial, signs: np.ndarray):
    """Estimate, its CR0 error, and the p-value of the true difference that lies so far below the estimate.

    With Q the orthonormal design and b = w'y, w = Q r, residuals under a difference that lies d below b are ``e + d w /
    w'w``. Signs v give the estimate ``sum v_k w_k'u_k`` away from it, and the part ``v_k w_k'u_k - (Q_k'w_k)'(sum v_j
    Q_j'u_j)`` of each cluster in its error: sums over clusters suffice, and no sample is drawn row by row. The first
    pattern changes nothing.
    """
    on_arm = trial.q @ trial.r_inverse[ARM_COLUMN]
    residuals = trial.y - trial.q @ (trial.q.T @ trial.y)
    shift = on_arm / (on_arm @ on_arm)

    def by_cluster(rows: np.ndarray) -> np.ndarray:
        return np.add.reduceat(rows, trial.starts, axis=0)

    spread = by_cluster(trial.q * on_arm[:, None])
    own, moved = by_cluster(on_arm * residuals), by_cluster(on_arm * shift)
    own_q, moved_q = (by_cluster(trial.q * column[:, None]) for column in (residuals, shift))

    def p_value(distance: float) -> float:
        score = signs * (own + distance * moved)
        parts = score - (signs @ (own_q + distance * moved_q)) @ spread.T
        t = np.abs(score.sum(axis=1)) / np.sqrt((parts**2).sum(axis=1))
        return float(np.mean(t >= t[0] * (1 - 1e-10)))

    return float(on_arm @ trial.y), float((own @ own) ** 0.5), p_value


def _farthest(p_value, se: float, rejects: float) -> float:
    """The farthest distance in the direction of `se` that is not rejected; infinite if none is."""
    inner, outer = 0.0, 2 * se
    while p_value(outer) > rejects:
        inner, outer = outer, 2 * outer
        if abs(outer) > _FARTHEST * abs(se):
            return float(np.copysign(np.inf, se))
    while abs(outer - inner) > _CLOSE * abs(se):
        middle = (inner + outer) / 2
        inner, outer = (middle, outer) if p_value(middle) > rejects else (inner, middle)
    return inner
