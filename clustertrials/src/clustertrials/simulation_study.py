"""Simulation studies: trials drawn from a known truth, and how often each estimator finds it.

Each replicate has its own child of one seed sequence, so its numbers depend neither on how many replicates are run nor
on their order, and a few of them can be run again to check a file of results.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

import numpy as np
import pandas as pd
from scipy import stats
from scipy.stats import gamma

from clustertrials.checks import check_generator, list_of_names
from clustertrials.estimators import CLUSTER, METHODS, estimate_effect
from clustertrials.results import Effect, TrialWarning

# What is kept of one answer; all NaN where the estimator refused.
_ESTIMATE, _SE, _COVERS_INDIVIDUAL, _COVERS_CLUSTER, _REJECTS = range(5)


@dataclass(frozen=True)
class Scenario:
    """A known truth from which trials are drawn; cluster sizes are fixed, who is treated is drawn anew each time.

    `name` is part of the seed. The outcome is normal with variance 1, and `effect`, averaged over clusters, in standard
    deviations; or binary, with `share` the share of ones and `effect` a difference of shares. `icc` is that of outcome
    and baseline inside arms, `correlation` that of a unit's outcome with its own baseline, apart from the effect. With
    a `slope`, size is informative: the effect of a cluster is ``effect + slope * (size / mean size - 1)``.

    Examples
    --------
    >>> truth = Scenario("schools", sizes=(9,) * 12, treated=6, icc=0.1, correlation=0.5, effect=0.3)
    >>> truth.individual_effect, truth.cluster_effect
    (0.3, 0.3)
    """

    name: str
    sizes: tuple[int, ...]
    treated: int
    icc: float
    correlation: float
    effect: float = 0.0
    slope: float = 0.0
    share: float | None = None

    def __post_init__(self):
        if not (0 <= self.icc < 1 and 0 <= self.correlation < 1 and 0 < self.treated < len(self.sizes)):
            raise ValueError(f"scenario {self.name!r}: icc and correlation lie in [0, 1), and both arms have clusters")
        if self.share is not None and (self.slope != 0 or self.icc == 0 or not 0 <= self.effect <= 1 - self.share):
            raise ValueError(f"scenario {self.name!r}: a binary outcome needs icc > 0, no slope, and room for effect")

    @property
    def cluster_effect(self) -> float:
        """True average over clusters."""
        return float(self.effect)

    @property
    def individual_effect(self) -> float:
        """True average over units: larger clusters count for more, which adds slope times the squared CV."""
        sizes = np.array(self.sizes)
        return float(self.effect + self.slope * (sizes / sizes.mean() - 1) @ sizes / sizes.sum())

    def trial(self, rng: np.random.Generator) -> Callable[[str], Effect]:
        """Draw one trial and return the function that answers by estimator, adjusted for baseline."""
        frame = draw(self, rng)
        described = {"arm": "arm", "cluster": "cluster", "treated": 1, "covariates": ("baseline",)}
        return lambda estimator: estimate_effect(frame, "outcome", estimator=estimator, **described)


def draw(scenario: Scenario, rng: np.random.Generator) -> pd.DataFrame:
    """Draw one trial, one row a unit: cluster (0, 1, …), arm (1 treated), baseline and outcome.

    Notes
    -----
    Continuous: sqrt(icc) u + sqrt(1 - icc) e, with u and e standard normal; outcome and baseline share both with the
    stated correlation. Binary: the clusters' shares are Beta with the stated mean and icc, so that the correlation of
    two units' 0/1 values is icc itself; an outcome repeats the baseline with probability `correlation` and is else
    drawn anew. A zero turns into a one with probability effect / (1 - share), which adds `effect` on average.

    Examples
    --------
    >>> frame = draw(Scenario("s", (3, 4, 5, 6), treated=2, icc=0.1, correlation=0.5), np.random.default_rng(1))
    >>> len(frame), int(frame.groupby("cluster")["arm"].first().sum())
    (18, 2)
    """
    return pd.DataFrame(draw_columns(scenario, rng))


def draw_columns(scenario: Scenario, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The columns of `draw` as arrays, rows sorted by cluster, in a sixth of the time."""
    check_generator(rng)
    count = len(scenario.sizes)
    cluster = np.repeat(np.arange(count), scenario.sizes)
    arm = (rng.permutation(count) < scenario.treated)[cluster].astype(int)
    values = _continuous if scenario.share is None else _binary
    baseline, outcome = values(scenario, cluster, arm, rng)
    return {"cluster": cluster, "arm": arm, "baseline": baseline, "outcome": outcome}


def unequal_sizes(count: int, total: int, cv: float) -> tuple[int, ...]:
    """Return cluster sizes with a given number, total and coefficient of variation.

    Quantiles of a gamma distribution, ascending, at least one unit each; largest remainders make up the total. The
    minimum of one reduces a large spread a little.

    >>> unequal_sizes(4, 40, 0.0), unequal_sizes(4, 40, 0.5)
    ((10, 10, 10, 10), (5, 8, 11, 16))
    """
    if not 0 < count <= total:
        raise ValueError(f"{total} units cannot fill {count} clusters")
    weights = gamma.ppf((np.arange(count) + 0.5) / count, 1 / cv**2) if cv > 0 else np.ones(count)
    wanted = 1 + (total - count) * weights / weights.sum()
    sizes = np.floor(wanted).astype(int)
    # Stable: among equal remainders the smaller cluster goes first, on every machine.
    sizes[np.argsort(sizes - wanted, kind="stable")[: total - sizes.sum()]] += 1
    return tuple(sizes.tolist())


def _continuous(scenario: Scenario, cluster, arm, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    between, within = scenario.icc**0.5, (1 - scenario.icc) ** 0.5
    baseline, fresh = (
        between * rng.standard_normal(len(scenario.sizes))[cluster] + within * rng.standard_normal(len(cluster))
        for _ in range(2)
    )
    sizes = np.array(scenario.sizes)
    effect = scenario.effect + scenario.slope * (sizes / sizes.mean() - 1)
    r = scenario.correlation
    return baseline, r * baseline + (1 - r**2) ** 0.5 * fresh + effect[cluster] * arm


def _binary(scenario: Scenario, cluster, arm, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    total = 1 / scenario.icc - 1
    shares = rng.beta(scenario.share * total, (1 - scenario.share) * total, len(scenario.sizes))[cluster]
    baseline, fresh = (rng.random(len(cluster)) < shares for _ in range(2))
    outcome = np.where(rng.random(len(cluster)) < scenario.correlation, baseline, fresh)
    raised = (arm == 1) & (rng.random(len(cluster)) < scenario.effect / (1 - scenario.share))
    return baseline.astype(float), (outcome | raised).astype(float)


class Truth(Protocol):
    """A known truth: a name that is part of the seed, the true averages over units and clusters, and its trials."""

    name: str
    individual_effect: float
    cluster_effect: float

    def trial(self, rng: np.random.Generator) -> Callable[[str], Effect]:
        """Draw one trial; the returned function gives an estimator's answer or raises ValueError."""


@dataclass(frozen=True)
class Recovery:
    """Performance of one estimator in one scenario.

    The estimator refused `failed` of the trials drawn; the rest of the record is about the others: mean and standard
    deviation of the estimates, mean of their standard errors, 95 % intervals that hold the true individual average and
    the true cluster average, and tests with p at or below 5 %.
    """

    scenario: str
    estimator: str
    estimand: str
    individual_effect: float
    cluster_effect: float
    replicates: int
    failed: int
    mean_estimate: float
    sd_estimate: float
    mean_se: float
    covers_individual: int
    covers_cluster: int
    rejections: int

    @property
    def answered(self) -> int:
        """Trials on which the estimator answered."""
        return self.replicates - self.failed

    @property
    def truth(self) -> float:
        """The average that the estimator targets; a precision-weighted one is compared with the individual average."""
        return self.cluster_effect if self.estimand == CLUSTER else self.individual_effect

    @property
    def bias(self) -> float:
        """Mean estimate minus truth."""
        return self.mean_estimate - self.truth

    @property
    def bias_se(self) -> float:
        """Monte Carlo standard error of the bias."""
        return self.sd_estimate / self.answered**0.5

    @property
    def covered(self) -> int:
        """Intervals that hold the truth."""
        return self.covers_cluster if self.estimand == CLUSTER else self.covers_individual

    def share(self, count: int, level: float) -> tuple[float, float, float]:
        """Share of `count` among the answers, and its exact (Clopper-Pearson) Monte Carlo interval."""
        interval = stats.binomtest(count, self.answered).proportion_ci(level, method="exact")
        return count / self.answered, float(interval.low), float(interval.high)


def measure(truth: Truth, estimators: Sequence[str], *, seed: int, first: int, last: int) -> np.ndarray:
    """Draw the replicates `first` to `last` - 1 and ask every estimator.

    Returns an array of shape (replicates, estimators, 5): estimate, standard error, whether the interval holds the
    individual and the cluster average, whether the test rejects; NaN throughout where the estimator raised ValueError.
    Each replicate has its own child of the seed, so that its draw depends on its number alone.
    """
    answers = np.full((last - first, len(estimators), 5), np.nan)
    for row, number in enumerate(range(first, last)):
        # The same sequence as child `number` of spawn(), without making those before it.
        child = np.random.SeedSequence((seed, crc32(truth.name.encode())), spawn_key=(number,))
        ask = truth.trial(np.random.default_rng(child))
        for column, estimator in enumerate(estimators):
            try:
                with warnings.catch_warnings():
                    # What goes wrong is what the study measures.
                    warnings.simplefilter("ignore", TrialWarning)
                    effect = ask(estimator)
            except ValueError:
                continue
            covers = [
                effect.ci_low <= true <= effect.ci_high for true in (truth.individual_effect, truth.cluster_effect)
            ]
            answers[row, column] = [effect.estimate, effect.se, *covers, effect.p_value <= 0.05]
    return answers


def tally(truth: Truth, estimators: Sequence[str], answers: np.ndarray) -> tuple[Recovery, ...]:
    """Sum up the answers of `measure`, one record an estimator; a refusal counts as failed and nowhere else."""
    records = []
    for column, estimator in enumerate(estimators):
        mine = answers[:, column]
        failed = np.isnan(mine[:, _ESTIMATE])
        kept = mine[~failed]
        spread = float(kept[:, _ESTIMATE].std(ddof=1)) if len(kept) > 1 else float("nan")
        means = kept.mean(axis=0) if len(kept) else np.full(5, np.nan)
        counts = [int(kept[:, what].sum()) for what in (_COVERS_INDIVIDUAL, _COVERS_CLUSTER, _REJECTS)]
        records.append(
            Recovery(
                truth.name,
                estimator,
                METHODS[estimator].estimand if estimator in METHODS else "",
                truth.individual_effect,
                truth.cluster_effect,
                len(mine),
                int(failed.sum()),
                float(means[_ESTIMATE]),
                spread,
                float(means[_SE]),
                *counts,
            )
        )
    return tuple(records)


def simulate_estimators(truth: Truth, estimators: Sequence[str], *, replicates: int, seed: int) -> tuple[Recovery, ...]:
    """Draw trials from a known truth and report how each estimator performs.

    Parameters
    ----------
    truth : Scenario
        Or anything else with a name, two true averages and a method `trial`, as `Truth`.
    estimators : sequence of str
        Names as in `clustertrials.estimate_effect`.
    replicates : int
        Trials drawn.
    seed : int

    Returns
    -------
    tuple of Recovery
        One an estimator, in their order.

    References
    ----------
    Morris TP, White IR, Crowther MJ (2019), Statistics in Medicine 38:2074-2102.

    Examples
    --------
    >>> truth = Scenario("schools", sizes=(9,) * 12, treated=6, icc=0.1, correlation=0.5)
    >>> found, = simulate_estimators(truth, ["cluster_means"], replicates=4, seed=1)
    >>> found.answered, found.truth
    (4, 0.0)
    """
    estimators = list_of_names("estimators", estimators, "estimators' names")
    return tally(truth, estimators, measure(truth, estimators, seed=seed, first=0, last=replicates))
