"""Truth recovery: trials are drawn from a known truth, each estimator answers, and its answers are held against it.

A replicate draws from its own child of one seed sequence, so its numbers depend neither on how many replicates are run
nor on their order, and a few of them can be run again to check a file of results.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol
from zlib import crc32

import numpy as np
from scipy import stats

from clustertrials.estimators import METHODS, OFFICE
from clustertrials.results import Effect

# What is kept of one answer; all NaN where the estimator refused.
_ESTIMATE, _SE, _COVERS_FAMILY, _COVERS_OFFICE, _REJECTS = range(5)


class Truth(Protocol):
    """Anything with a name, two true averages, and trials that answer."""

    @property
    def name(self) -> str:
        """Name, part of the seed."""

    @property
    def family_effect(self) -> float:
        """True average over families."""

    @property
    def office_effect(self) -> float:
        """True average over offices."""

    def trial(self, rng: np.random.Generator) -> Callable[[str], Effect]:
        """Draw one trial; the returned function gives an estimator's answer or raises ValueError."""


@dataclass(frozen=True)
class Recovery:
    """How one estimator did on one truth.

    Attributes
    ----------
    scenario, estimator, estimand : str
    family_effect, office_effect : float
        The two true averages.
    replicates, failed : int
        Trials drawn, and those on which the estimator refused; the rest of the record is about the others.
    mean_estimate, sd_estimate, mean_se : float
        Mean and standard deviation of the estimates, and mean of their standard errors.
    covers_family, covers_office : int
        Intervals (95 %) that hold the family average, and the office average.
    rejections : int
        Tests with p at or below 5 %.
    """

    scenario: str
    estimator: str
    estimand: str
    family_effect: float
    office_effect: float
    replicates: int
    failed: int
    mean_estimate: float
    sd_estimate: float
    mean_se: float
    covers_family: int
    covers_office: int
    rejections: int

    @property
    def answered(self) -> int:
        """Trials on which the estimator answered."""
        return self.replicates - self.failed

    @property
    def truth(self) -> float:
        """The average that the estimator targets; a precision-weighted one is held against the family average."""
        return self.office_effect if self.estimand == OFFICE else self.family_effect

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
        return self.covers_office if self.estimand == OFFICE else self.covers_family

    def share(self, count: int, level: float) -> tuple[float, float, float]:
        """Share of `count` among the answers, and its exact (Clopper-Pearson) Monte Carlo interval."""
        interval = stats.binomtest(count, self.answered).proportion_ci(level, method="exact")
        return count / self.answered, float(interval.low), float(interval.high)


def measure(
    truth: Truth, estimators: Sequence[str], *, seed: int, first: int, last: int, level: float = 0.95
) -> np.ndarray:
    """Draw the replicates `first` to `last` - 1 and ask every estimator.

    Parameters
    ----------
    truth : Truth
    estimators : sequence of str
        Names as in `clustertrials.estimate_effect`.
    seed : int
        Seed of all replicates; each has a child of its own, so that its draw depends on its number alone.
    first, last : int
        The replicates to draw, from 0.
    level : float
        Confidence level of the intervals, and 1 - level of the tests.

    Returns
    -------
    ndarray of float, shape (replicates, estimators, 5)
        Estimate, standard error, whether the interval holds the family and the office average, whether the test
        rejects; NaN throughout where the estimator raised ValueError.

    Examples
    --------
    >>> from clustertrials.scenarios import Scenario
    >>> truth = Scenario("s", (9,) * 12, treated=6, icc=0.1, correlation=0.5)
    >>> bool((measure(truth, ["naive"], seed=1, first=0, last=3)[2] == measure(
    ...     truth, ["naive"], seed=1, first=2, last=3)[0]).all())
    True
    """
    answers = np.full((last - first, len(estimators), 5), np.nan)
    for row, number in enumerate(range(first, last)):
        # The same sequence as child `number` of spawn(), without making those before it.
        child = np.random.SeedSequence((seed, crc32(truth.name.encode())), spawn_key=(number,))
        ask = truth.trial(np.random.default_rng(child))
        for column, estimator in enumerate(estimators):
            try:
                effect = ask(estimator)
            except ValueError:
                continue
            covers = [effect.ci_low <= true <= effect.ci_high for true in (truth.family_effect, truth.office_effect)]
            answers[row, column] = [effect.estimate, effect.se, *covers, effect.p_value <= 1 - level]
    return answers


def tally(truth: Truth, estimators: Sequence[str], answers: np.ndarray) -> tuple[Recovery, ...]:
    """Sum up the answers of `measure`, one record an estimator.

    Parameters
    ----------
    truth : Truth
    estimators : sequence of str
    answers : ndarray of float, shape (replicates, estimators, 5)

    Returns
    -------
    tuple of Recovery
        A replicate whose estimator refused to answer counts as failed and nowhere else.

    Examples
    --------
    >>> from clustertrials.scenarios import Scenario
    >>> truth = Scenario("s", (9,) * 12, treated=6, icc=0.1, correlation=0.5)
    >>> [one.estimator for one in tally(truth, ["cr2"], measure(truth, ["cr2"], seed=1, first=0, last=2))]
    ['cr2']
    """
    records = []
    for column, estimator in enumerate(estimators):
        mine = answers[:, column]
        failed = np.isnan(mine[:, _ESTIMATE])
        kept = mine[~failed]
        spread = float(kept[:, _ESTIMATE].std(ddof=1)) if len(kept) > 1 else float("nan")
        means = kept.mean(axis=0) if len(kept) else np.full(5, np.nan)
        counts = [int(kept[:, what].sum()) for what in (_COVERS_FAMILY, _COVERS_OFFICE, _REJECTS)]
        records.append(
            Recovery(
                truth.name,
                estimator,
                METHODS[estimator].estimand,
                truth.family_effect,
                truth.office_effect,
                len(mine),
                int(failed.sum()),
                float(means[_ESTIMATE]),
                spread,
                float(means[_SE]),
                *counts,
            )
        )
    return tuple(records)


def run(truth: Truth, estimators: Sequence[str], *, replicates: int, seed: int) -> tuple[Recovery, ...]:
    """Draw, ask and sum up.

    Parameters
    ----------
    truth : Truth
        A `Scenario`, or anything else that draws trials from a known truth.
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
    Morris TP, White IR, Crowther MJ (2019), Statistics in Medicine 38:2074-2102, for what is reported.

    Examples
    --------
    >>> from clustertrials.scenarios import Scenario
    >>> truth = Scenario("s", (9,) * 12, treated=6, icc=0.1, correlation=0.5)
    >>> found, = run(truth, ["cluster_means"], replicates=4, seed=1)
    >>> found.answered, found.truth
    (4, 0.0)
    """
    return tally(truth, estimators, measure(truth, estimators, seed=seed, first=0, last=replicates))
