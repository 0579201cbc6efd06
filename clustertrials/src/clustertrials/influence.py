"""Influence of single clusters on an effect, and who was recruited after clusters had been randomised."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import comb, prod

import numpy as np
import pandas as pd

from clustertrials.checks import list_of_names, numeric, require_columns, require_two_arms, strata_of
from clustertrials.estimators import estimate_effect
from clustertrials.randomisation import randomisation_test
from clustertrials.results import Effect, Printed

# Values that differ by less than this, relative to the largest, are equal but for rounding.
ALIKE = 1e-12
# What the first of the recruitment diagnostics compares: no characteristic, but how many there are.
UNITS = "units a cluster"


@dataclass(frozen=True)
class Influence(Printed):
    """Changes of an effect when one cluster at a time is left out; no cluster is named or shown.

    `largest_shift` is the largest absolute change of the estimate, in standard errors; the next two count the clusters
    without which the estimate changes its sign, or its significance.
    """

    estimate: float
    se: float
    largest_shift: float
    n_sign_changes: int
    n_significance_changes: int
    n_clusters: int
    estimator: str
    level: float
    source: str = ""


@dataclass(frozen=True)
class RecruitmentDiagnostic(Printed):
    """One characteristic of the recruited units, or `UNITS`, compared between the arms.

    Means are those of the cluster means (of the clusters' sizes); `p_value` is the two-sided randomisation p-value of
    "the arm changed nothing about who was recruited". Units without a value, and clusters without a unit that has one,
    are not counted.
    """

    characteristic: str
    mean_treated: float
    mean_other: float
    difference: float
    p_value: float
    n_allocations: int
    exact: bool
    n_units: int
    n_clusters: int
    source: str = ""


def leave_one_out(
    frame: pd.DataFrame,
    outcome: str,
    *,
    arm: str,
    cluster: str,
    treated: Hashable,
    estimator: str = "cr2",
    covariates: Sequence[str] = (),
    strata: str | None = None,
    level: float = 0.95,
) -> Influence:
    """Measure how much an effect depends on any single cluster.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, estimator, covariates, strata, level
        As for `clustertrials.estimate_effect`.

    Returns
    -------
    Influence
        With largest_shift = max_k |d_(k) - d| / se, where d_(k) is the estimate without cluster k.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`, on all clusters or without one of them: an arm needs 5 clusters.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": np.arange(20) % 7, "clinic": np.repeat(range(10), 2)})
    >>> frame["arm"] = frame["clinic"] % 2
    >>> found = leave_one_out(frame, "y", arm="arm", cluster="clinic", treated=1)
    >>> round(found.estimate, 6), round(found.largest_shift, 3), found.n_sign_changes, found.n_significance_changes
    (-0.1, 0.57, 3, 0)
    """
    asked = {
        "arm": arm,
        "cluster": cluster,
        "treated": treated,
        "estimator": estimator,
        "covariates": covariates,
        "strata": strata,
        "level": level,
    }
    effect = estimate_effect(frame, outcome, **asked)
    without = _left_out(frame, outcome, asked)
    estimates = np.array([one.estimate for one in without])
    return Influence(
        estimate=effect.estimate,
        se=effect.se,
        estimator=effect.estimator,
        level=effect.level,
        n_clusters=len(estimates),
        largest_shift=float(np.abs(estimates - effect.estimate).max() / effect.se),
        n_sign_changes=int((np.sign(estimates) != np.sign(effect.estimate)).sum()),
        n_significance_changes=sum(one.is_significant != effect.is_significant for one in without),
    )


def _left_out(frame: pd.DataFrame, outcome: str, asked: dict) -> list[Effect]:
    """Effects without each cluster in turn.

    Private, because with the effect on all clusters they reveal the mean of a single cluster.
    """
    used = frame.dropna(subset=[outcome, asked["arm"], asked["cluster"], *asked["covariates"]])
    found = []
    for label in used[asked["cluster"]].unique():
        try:
            found.append(estimate_effect(used[used[asked["cluster"]] != label], outcome, **asked))
        except ValueError as problem:
            raise ValueError(f"with one {asked['cluster']!r} left out: {problem}") from problem
    return found


def recruitment_diagnostics(
    frame: pd.DataFrame,
    characteristics: Sequence[str],
    *,
    arm: str,
    cluster: str,
    treated: Hashable,
    strata: str | None = None,
    rng: np.random.Generator | None = None,
) -> tuple[RecruitmentDiagnostic, ...]:
    """Compare who was recruited in the two arms, where that happened after clusters had been randomised.

    A diagnostic of recruitment, not a test of the randomisation: a small p-value means that the arm, known to those who
    asked or were asked, may have changed who takes part.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row for each unit recruited.
    characteristics : sequence of str
        Numeric columns known at recruitment; a missing value leaves out the unit for that characteristic.
    arm, cluster, treated, strata, rng
        As for `clustertrials.estimate_effect` with ``"randomisation"``.

    Returns
    -------
    tuple of RecruitmentDiagnostic
        Units a cluster, then each characteristic.

    Raises
    ------
    ValueError
        As for `clustertrials.attrition_by_arm`, or if an arm has no unit with a value.

    Notes
    -----
    Difference of unweighted cluster means with `clustertrials.randomisation_test`. A cluster that recruited nobody has
    no row and is not counted.

    Bolzern J et al. (2018), Journal of Clinical Epidemiology 99:106-112.

    Examples
    --------
    >>> frame = pd.DataFrame({"age": [30, 40, 20, 30, 50, 60, 40], "clinic": list("aabbccd")})
    >>> frame["arm"] = frame["clinic"].isin(["a", "b"])
    >>> for row in recruitment_diagnostics(frame, ["age"], arm="arm", cluster="clinic", treated=True):
    ...     print(row.characteristic, row.difference, round(row.p_value, 3), row.n_allocations)
    units a cluster 0.5 1.0 6
    age -17.5 0.333 6
    """
    characteristics = list_of_names("characteristics", characteristics)
    require_columns(frame, [arm, cluster, *characteristics])
    is_treated = require_two_arms(frame, arm=arm, cluster=cluster, treated=treated)
    groups = frame[cluster].to_numpy()
    arms = pd.Series(is_treated, index=frame.index).groupby(groups).first()
    sizes = pd.Series(1.0, index=frame.index).groupby(groups).sum()
    blocks = pd.Series(0, index=arms.index)
    if strata is not None:
        blocks = pd.Series(strata_of(frame, cluster=cluster, strata=strata), index=frame[cluster].unique())
    found = [_compare(UNITS, sizes, arms, blocks, len(frame), rng)]
    for name in characteristics:
        values = pd.Series(numeric(frame, name), index=frame.index)
        means = values.groupby(groups).mean().dropna()
        found.append(_compare(name, means, arms, blocks, int(values.notna().sum()), rng))
    return tuple(found)


def _compare(
    name: str, values: pd.Series, arms: pd.Series, blocks: pd.Series, n_units: int, rng: np.random.Generator | None
) -> RecruitmentDiagnostic:
    is_treated, strata = arms[values.index].to_numpy(), pd.factorize(blocks[values.index])[0]
    if is_treated.all() or not is_treated.any():
        raise ValueError(f"column {name!r}: an arm has nobody with a value")
    means = values.to_numpy()
    one, other = float(means[is_treated].mean()), float(means[~is_treated].mean())
    if np.ptp(means) <= ALIKE * np.abs(means).max():
        total = prod(comb(int(n), int(k)) for n, k in zip(np.bincount(strata), np.bincount(strata, is_treated)))
        found = 0.0, 1.0, total, True
    else:
        test = randomisation_test(means, is_treated, strata=strata, interval=False, rng=rng)
        found = float(test.statistic), float(test.p_value), test.n_allocations, test.exact
    return RecruitmentDiagnostic(name, one, other, *found, n_units, len(means))
