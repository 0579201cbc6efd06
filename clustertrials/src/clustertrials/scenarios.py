"""Known truths: cluster-randomised trials drawn from planted effects, sizes and correlations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import gamma

from clustertrials.estimators import estimate_effect
from clustertrials.randomisation.allocations import check_generator
from clustertrials.results import Effect


@dataclass(frozen=True)
class Scenario:
    """A truth from which trials are drawn; the offices' sizes are fixed, who is treated is drawn anew each time.

    Attributes
    ----------
    name : str
        Name, part of the seed.
    sizes : tuple of int
        Families in each office.
    treated : int
        Offices drawn into the treated arm.
    icc : float
        Intraclass correlation of outcome and baseline inside arms.
    correlation : float
        Correlation of a family's outcome with its own baseline, apart from the effect.
    effect : float
        True effect averaged over offices, in `sd` units of a continuous outcome, or a difference of shares.
    slope : float
        Informative size: an office's effect is ``effect + slope * (size / mean size - 1)``. Continuous outcomes only.
    share : float or None
        Share with a 1 where the outcome is binary; None for a normal outcome of variance 1.
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
            raise ValueError(f"scenario {self.name!r}: icc and correlation lie in [0, 1), and both arms have offices")
        if self.share is not None and (self.slope != 0 or self.icc == 0 or not 0 <= self.effect <= 1 - self.share):
            raise ValueError(f"scenario {self.name!r}: a binary outcome needs icc > 0, no slope, and room for effect")

    @property
    def office_effect(self) -> float:
        """True average over offices."""
        return float(self.effect)

    @property
    def family_effect(self) -> float:
        """True average over families: larger offices count for more, which adds slope times the squared CV."""
        sizes = np.array(self.sizes)
        return float(self.effect + self.slope * (sizes / sizes.mean() - 1) @ sizes / sizes.sum())

    def trial(self, rng: np.random.Generator) -> Callable[[str], Effect]:
        """Draw one trial and return the function that answers by estimator, adjusted for baseline."""
        frame = draw(self, rng)
        described = {"arm": "arm", "cluster": "office", "treated": 1, "covariates": ("baseline",)}
        return lambda estimator: estimate_effect(frame, "outcome", estimator=estimator, **described)


def draw(scenario: Scenario, rng: np.random.Generator) -> pd.DataFrame:
    """Draw one trial.

    Parameters
    ----------
    scenario : Scenario
    rng : numpy.random.Generator

    Returns
    -------
    pandas.DataFrame
        One row a family: office (0, 1, …), arm (1 treated), baseline and outcome.

    Notes
    -----
    Continuous: sqrt(icc) u + sqrt(1 - icc) e, with u and e standard normal; outcome and baseline share both with the
    stated correlation. Binary: offices' shares are Beta with the stated mean and icc, so that the correlation of two
    families' 0/1 values is icc itself; an outcome repeats the baseline with probability `correlation` and is else
    drawn anew. A zero turns into a one with probability effect / (1 - share), which adds `effect` on average.

    Examples
    --------
    >>> frame = draw(Scenario("s", (3, 4, 5, 6), treated=2, icc=0.1, correlation=0.5), np.random.default_rng(1))
    >>> len(frame), int(frame.groupby("office")["arm"].first().sum())
    (18, 2)
    """
    return pd.DataFrame(draw_columns(scenario, rng))


def draw_columns(scenario: Scenario, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Draw one trial as arrays, which costs a sixth of the frame that `draw` makes of them.

    Parameters
    ----------
    scenario : Scenario
    rng : numpy.random.Generator

    Returns
    -------
    dict of ndarray, shape (families,)
        The columns of `draw`, rows sorted by office.

    Examples
    --------
    >>> columns = draw_columns(Scenario("s", (3, 4), treated=1, icc=0.1, correlation=0.5), np.random.default_rng(1))
    >>> [*columns], columns["office"].tolist()
    (['office', 'arm', 'baseline', 'outcome'], [0, 0, 0, 1, 1, 1, 1])
    """
    check_generator(rng)
    count = len(scenario.sizes)
    office = np.repeat(np.arange(count), scenario.sizes)
    arm = (rng.permutation(count) < scenario.treated)[office].astype(int)
    values = _continuous if scenario.share is None else _binary
    baseline, outcome = values(scenario, office, arm, rng)
    return {"office": office, "arm": arm, "baseline": baseline, "outcome": outcome}


def unequal_sizes(count: int, total: int, cv: float) -> tuple[int, ...]:
    """Sizes of clusters with a given total and spread.

    Parameters
    ----------
    count, total : int
        Number of clusters and of the units in them together.
    cv : float
        Coefficient of variation of the sizes, 0 or more.

    Returns
    -------
    tuple of int
        Quantiles of a gamma distribution, from small to large, at least one unit each; largest remainders make up
        the total, and the floor takes a little of a large spread away.

    Raises
    ------
    ValueError
        If there are fewer units than clusters.

    Examples
    --------
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


def _continuous(scenario: Scenario, office, arm, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    between, within = scenario.icc**0.5, (1 - scenario.icc) ** 0.5
    baseline, fresh = (
        between * rng.standard_normal(len(scenario.sizes))[office] + within * rng.standard_normal(len(office))
        for _ in range(2)
    )
    sizes = np.array(scenario.sizes)
    effect = scenario.effect + scenario.slope * (sizes / sizes.mean() - 1)
    r = scenario.correlation
    return baseline, r * baseline + (1 - r**2) ** 0.5 * fresh + effect[office] * arm


def _binary(scenario: Scenario, office, arm, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    total = 1 / scenario.icc - 1
    shares = rng.beta(scenario.share * total, (1 - scenario.share) * total, len(scenario.sizes))[office]
    baseline, fresh = (rng.random(len(office)) < shares for _ in range(2))
    outcome = np.where(rng.random(len(office)) < scenario.correlation, baseline, fresh)
    raised = (arm == 1) & (rng.random(len(office)) < scenario.effect / (1 - scenario.share))
    return baseline.astype(float), (outcome | raised).astype(float)
