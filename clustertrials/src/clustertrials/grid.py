"""Simulation studies of trials and estimators of one's own, over a grid of factors."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np
import pandas as pd

from clustertrials.results import Effect
from clustertrials.simulation_study import Recovery, simulate_estimators

COLUMNS = (
    *("estimator", "truth", "trials", "refused", "mean_estimate", "bias", "bias_se", "sd_estimate", "mean_se"),
    *("rejected_is", "rejected", "rejected_se", "covered", "covered_se"),
)
_KINDS = (int, float, str, tuple, type(None), np.generic)


def simulate_grid(
    generator: Callable[..., pd.DataFrame],
    estimators: Mapping[str, Callable[[pd.DataFrame], Effect]],
    factors: Mapping[str, Sequence],
    *,
    truth: float | Callable[..., float],
    replicates: int,
    seed: int,
    mapper: Callable = map,
) -> pd.DataFrame:
    """Draw trials from a generator of your own over a grid of factors, and report how estimators of your own perform.

    Parameters
    ----------
    generator : callable
        ``generator(rng, **cell)`` draws the data of one trial, `cell` being one value of each factor.
    estimators : mapping of str to callable
        By the name that the table shows: ``estimator(data)`` returns an `Effect`, or any object with `estimate`, `se`,
        `p_value`, `ci_low` and `ci_high`. It gets a copy of the data, and refuses a trial by ValueError or by a NaN.
    factors : mapping of str to sequence
        Values of each factor, numbers, texts or tuples; all combinations are drawn.
    truth : float or callable
        True effect in every cell, or ``truth(**cell)``.
    replicates : int
        Trials a cell.
    seed : int
        A trial depends on it, on the values of its cell and on its number alone.
    mapper : callable
        Applies a function to the cells, as `map` does; that of a ``ProcessPoolExecutor`` uses several cores, if all
        callables are functions of a module.

    Returns
    -------
    pandas.DataFrame
        One row a cell and estimator, as ``clustertrials sweep --summary`` has it for trials of this package. A test
        rejects at a p-value of 0.05 or less. Errors are Monte Carlo errors; a refused trial is counted and is in
        nothing else.

    Raises
    ------
    ValueError
        If a factor has the name of a column of the table or of `rng`, or values of another kind.

    Examples
    --------
    >>> from clustertrials import estimate_effect
    >>> def pairs(rng, clusters, effect):
    ...     frame = pd.DataFrame({"cluster": np.repeat(range(clusters), 2), "arm": np.repeat(range(clusters), 2) % 2})
    ...     return frame.assign(y=effect * frame["arm"] + rng.exponential(size=len(frame)))
    >>> def mine(frame):
    ...     return estimate_effect(frame, "y", arm="arm", cluster="cluster", treated=1, estimator="cr3")
    >>> found = simulate_grid(
    ...     pairs, {"mine": mine}, {"clusters": [8, 20], "effect": [0.5]}, truth=lambda clusters, effect: effect,
    ...     replicates=20, seed=1,
    ... )
    >>> found[["clusters", "estimator", "truth", "trials", "refused"]].values.tolist()
    [[8, 'mine', 0.5, 20, 0], [20, 'mine', 0.5, 20, 0]]
    """
    for factor, values in factors.items():
        if factor in ("rng", *COLUMNS):
            raise ValueError(f"factor {factor!r} has the name of a column of the table, or of the generator's `rng`")
        # Of these the text tells the value, from which the seed of a trial follows.
        listed = isinstance(values, Sequence | np.ndarray | pd.Index) and not isinstance(values, str)
        if not (listed and all(isinstance(one, _KINDS) for one in values)):
            raise ValueError(f"factor {factor!r} must have a sequence of numbers, texts or tuples")
    cells = [dict(zip(factors, values)) for values in product(*factors.values())]
    own = [_Own(generator, dict(estimators), cell, truth(**cell) if callable(truth) else truth) for cell in cells]
    found = mapper(partial(_recoveries, replicates=replicates, seed=seed), own)
    return pd.DataFrame([cell | row_of(one) for cell, recoveries in zip(cells, found) for one in recoveries])


@dataclass(frozen=True)
class _Own:
    """A `Truth` that is drawn and asked by callables."""

    generator: Callable[..., pd.DataFrame]
    estimators: Mapping[str, Callable[[pd.DataFrame], Effect]]
    cell: Mapping[str, object]
    individual_effect: float

    @property
    def name(self) -> str:
        return ", ".join(sorted(f"{factor}={_plain(value)!r}" for factor, value in self.cell.items()))

    @property
    def cluster_effect(self) -> float:
        return self.individual_effect

    def trial(self, rng: np.random.Generator) -> Callable[[str], Effect]:
        data = self.generator(rng, **self.cell)
        return lambda name: _answered(self.estimators[name](data.copy()))


def _plain(value: object) -> object:
    """A NumPy number as one of Python's, which prints alike in every version."""
    return value.item() if isinstance(value, np.generic) else value


def _answered(found: Effect) -> Effect:
    numbers = found.estimate, found.se, found.p_value, found.ci_low, found.ci_high
    if np.isnan(numbers).any():
        raise ValueError("an answer with a NaN is none")
    return found


def _recoveries(truth: _Own, replicates: int, seed: int) -> tuple[Recovery, ...]:
    return simulate_estimators(truth, list(truth.estimators), replicates=replicates, seed=seed)


def row_of(one: Recovery) -> dict[str, float | str]:
    """The row of an estimator in the table of a simulation study; errors are Monte Carlo errors."""
    count = one.answered or np.nan
    rejected, covered = one.rejections / count, one.covered / count
    values = (
        *(one.estimator, one.truth, one.replicates, one.failed, one.mean_estimate, one.bias),
        *(one.sd_estimate / count**0.5, one.sd_estimate, one.mean_se, "power" if one.truth else "type-I error"),
        *(rejected, (rejected * (1 - rejected) / count) ** 0.5, covered, (covered * (1 - covered) / count) ** 0.5),
    )
    return dict(zip(COLUMNS, values, strict=True))
