"""Three arms or more: each against the control, with p-values and intervals that hold for all of them at once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import combinations
from math import factorial, prod

import numpy as np
import pandas as pd

from clustertrials.checks import check_level, require_columns, require_nested
from clustertrials.cluster_means import first_stage, residuals, sums_of
from clustertrials.estimators import estimate_effect
from clustertrials.results import Effect, shown_total
from clustertrials.trial import read_trial

# Allocations that are listed, and draws where there are more; three arms of five clusters have 756,756.
MOST_LISTED, DRAWS = 1_000_000, 99_999
_BLOCK = 50_000
_COLUMNS = ("treated", "other", "estimate", "ci_low", "ci_high", "p_value", "se", "df", "n_units", "n_clusters")


@dataclass(frozen=True)
class ArmComparison:
    """Each arm of a trial against its control.

    `effects` has one an arm, treated minus control, from the rows of the two alone. Their intervals hold all together
    with probability `level`; each has the higher level that this takes. Their p-values are of one comparison alone:
    `p_values_adjusted` are family-wise, so that with those at or below 1 - `level` called significant, the chance of
    any false one is at most 1 - `level`. `n_allocations` counts those of all arms, where the p-values come from
    randomisation, and `exact` says whether all of them were counted.
    """

    effects: tuple[Effect, ...]
    p_values_adjusted: tuple[float, ...]
    level: float
    n_allocations: int | None = None
    exact: bool = False

    def to_frame(self) -> pd.DataFrame:
        """One row an arm at full precision: effect, simultaneous interval, own and family-wise p-value."""
        frame = pd.DataFrame([{name: getattr(one, name) for name in _COLUMNS} for one in self.effects])
        frame.insert(frame.columns.get_loc("p_value") + 1, "p_value_adjusted", self.p_values_adjusted)
        return frame

    def __str__(self) -> str:
        first = self.effects[0]
        columns = ["treated", "estimate", "ci_low", "ci_high", "p_value", "p_value_adjusted"]
        how = "Holm"
        if self.n_allocations is not None:
            counted = "all" if self.exact else "a sample of"
            how = f"closed test of the largest difference, {counted} {shown_total(self.n_allocations)} allocations"
        return "\n".join(
            [
                f"{first.outcome}: each arm minus {first.other}, {first.estimator}, {first.estimand}",
                self.to_frame()[columns].to_string(index=False, float_format="%.4g"),
                f"intervals: {100 * self.level:g} % for all together (Bonferroni, each {100 * first.level:.4g} %)",
                f"p_value_adjusted: family-wise ({how})",
            ]
        )

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False)


def compare_arms(
    frame: pd.DataFrame,
    outcome: str,
    *,
    arm: str,
    cluster: str,
    control: Hashable,
    estimator: str = "cr2",
    covariates: Sequence[str] = (),
    strata: str | None = None,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> ArmComparison:
    """Compare each arm of a trial of three arms or more with the control, and allow for the number of comparisons.

    Parameters
    ----------
    frame, outcome, cluster, estimator, covariates, strata
        As for `clustertrials.estimate_effect`.
    arm : str
        Column with the arm: three values or more, constant inside clusters.
    control : hashable
        The value of `arm` that all others are compared with.
    level : float
        Confidence level of all intervals together.
    rng : numpy.random.Generator, optional
        For ``"randomisation"`` alone, where more than a million allocations are sampled instead of listed.

    Returns
    -------
    ArmComparison
        Arms in sorted order, or in that of their categories.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`, for each arm with the control; also if there are fewer than three arms,
        or none is the control.

    Notes
    -----
    Each effect is that of `clustertrials.estimate_effect` on the rows of one arm and the control. With m comparisons
    its interval has level 1 - (1 - `level`) / m (Bonferroni). The p-values are Holm's, which keep the family-wise error
    for any dependence of the comparisons.

    ``"randomisation"`` takes a closed test instead: an arm's p-value is the largest among all sets of comparisons that
    contain it. That of a set is the share of the allocations of its arms and the control, inside strata, whose largest
    absolute difference of cluster means, in permutation standard deviations, reaches the observed one, with the other
    arms left as they are. Each is exact if no arm of the set changes any outcome, so that the family-wise error holds
    whichever arms work. Intervals are of one comparison at a higher level, and infinite where few allocations exist.

    Holm S (1979), Scandinavian Journal of Statistics 6:65-70. Marcus R, Peritz E, Gabriel KR (1976), Biometrika
    63:655-660 (closed tests).

    Examples
    --------
    >>> frame = pd.DataFrame({"clinic": np.repeat(range(12), 5), "score": np.arange(60) % 7})
    >>> frame["arm"] = np.array(["usual", "visits", "calls"])[frame["clinic"] % 3]
    >>> frame["score"] += 4 * (frame["arm"] == "visits")
    >>> found = compare_arms(frame, "score", arm="arm", cluster="clinic", control="usual", estimator="randomisation")
    >>> found.to_frame()[["treated", "estimate", "p_value", "p_value_adjusted"]].round(3).values.tolist()
    [['calls', -0.15, 0.857, 0.857], ['visits', 3.4, 0.029, 0.029]]
    """
    check_level(level)
    require_columns(frame, [arm, cluster])
    require_nested(frame, arm=arm, cluster=cluster)
    arms = pd.factorize(frame[arm], sort=True)[1]
    others = [one for one in arms if one != control]
    if len(others) == len(arms) or len(others) < 2:
        raise ValueError(f"column {arm!r} must have three arms or more, one of them the control {control!r}")
    roles = {"cluster": cluster, "covariates": covariates, "strata": strata}
    own = 1 - (1 - level) / len(others)
    effects = tuple(
        estimate_effect(
            frame[frame[arm].isin([one, control])],
            outcome,
            arm=arm,
            treated=one,
            estimator=estimator,
            level=own,
            rng=rng,
            **roles,
        )
        for one in others
    )
    alone = np.array([effect.p_value for effect in effects])
    if estimator != "randomisation":
        return ArmComparison(effects, tuple(holm(alone).tolist()), level)
    adjusted = alone.copy()
    for count in range(2, len(others) + 1):
        for places in combinations(range(len(others)), count):
            members = [control, *(others[place] for place in places)]
            values, labels, blocks = _cluster_values(frame[frame[arm].isin(members)], outcome, arm, members, roles)
            joint, total, exact = joint_p_value(values, labels, blocks, rng)
            adjusted[list(places)] = np.maximum(adjusted[list(places)], joint)
    return ArmComparison(effects, tuple(adjusted.tolist()), level, total, exact)


def holm(p_values: np.ndarray) -> np.ndarray:
    """Holm's family-wise p-values.

    >>> holm(np.array([0.01, 0.04, 0.03])).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    order = np.argsort(p_values, kind="stable")
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(1, np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1)))
    return adjusted


def _cluster_values(
    frame: pd.DataFrame, outcome: str, arm: str, members: list, roles: dict
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Adjusted mean, arm (0 for the control) and stratum of each cluster, from the rows of some arms."""
    merged = frame.assign(**{arm: frame[arm] != members[0]})
    trial = read_trial(merged, outcome, arm=arm, treated=True, **roles).without_strata()
    values, covariates = first_stage(sums_of(trial))
    if covariates.shape[1]:
        values = residuals(values, covariates)
    labels = pd.Index(members).get_indexer(frame[arm].iloc[trial.rows[trial.starts]])
    return values, labels, np.zeros(len(values), int) if trial.strata is None else trial.strata


def joint_p_value(
    values: np.ndarray, arms: np.ndarray, strata: np.ndarray, rng: np.random.Generator | None
) -> tuple[float, int, bool]:
    """P-value of the largest absolute difference from arm 0, number of allocations, and whether all were counted.

    Differences inside strata are weighted by K_j K_0 / (K_j + K_0), for K_j and K_0 clusters, as least squares does.
    """
    counts = np.zeros((strata.max() + 1, arms.max() + 1), int)
    np.add.at(counts, (strata, arms), 1)
    total = prod(factorial(sum(row)) // prod(map(factorial, row)) for row in counts.tolist())
    if total > MOST_LISTED and rng is None:
        raise ValueError(f"the {shown_total(total)} allocations are too many to list: give rng= for a sample of them")
    listed = _every(counts, strata) if total <= MOST_LISTED else _sample(arms, strata, rng)
    weights = counts[:, 1:] * counts[:, :1] / np.maximum(counts[:, 1:] + counts[:, :1], 1)
    weights = weights / weights.sum(axis=0)
    factors = np.zeros((arms.max(), *counts.shape))  # of a cluster's value in a difference, by its stratum and arm
    for place, weight in enumerate(weights.T):
        factors[place, :, 0] = -weight / np.maximum(counts[:, 0], 1)
        factors[place, :, place + 1] = weight / np.maximum(counts[:, place + 1], 1)

    def differences(labels: np.ndarray) -> np.ndarray:
        return np.array([(factor[strata, labels] * values).sum(axis=-1) for factor in factors])

    found = np.concatenate([differences(block) for block in np.array_split(listed, len(listed) // _BLOCK + 1)], axis=1)
    deviations = found.std(axis=1)
    observed = (np.abs(differences(arms)) / deviations).max()
    reached = (np.abs(found) / deviations[:, None]).max(axis=0) >= observed * (1 - 1e-10)
    return float(reached.mean()), total, total <= MOST_LISTED


def _every(counts: np.ndarray, strata: np.ndarray) -> np.ndarray:
    """All allocations with so many clusters of each arm in each stratum, one a row."""
    found, left = np.empty((1, 0), np.int8), counts[None]
    for stratum in strata:
        parts = []
        for arm in range(counts.shape[1]):
            free = left[:, stratum, arm] > 0
            fewer = left[free].copy()
            fewer[:, stratum, arm] -= 1
            parts.append((np.pad(found[free], ((0, 0), (0, 1)), constant_values=arm), fewer))
        found, left = (np.concatenate(part) for part in zip(*parts))
    return found


def _sample(arms: np.ndarray, strata: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The observed allocation, and random ones after it, which keep the arms of each stratum."""
    found = np.tile(arms.astype(np.int8), (DRAWS + 1, 1))
    for stratum in range(strata.max() + 1):
        members = np.flatnonzero(strata == stratum)
        found[1:, members] = rng.permuted(found[1:, members], axis=1)
    return found
