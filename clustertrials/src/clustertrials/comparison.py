"""Several estimators of one effect side by side, as a table and as a figure."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from textwrap import fill as wrapped
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from clustertrials.checks import list_of_names
from clustertrials.estimators import estimate_effect
from clustertrials.results import LABELS, Effect

if TYPE_CHECKING:
    from matplotlib.axes import Axes

ESTIMATORS = ("cr2", "cluster_means", "randomisation", "mixed", "gee_kc")
COLUMNS = ("estimate", "ci_low", "ci_high", "p_value", "se", "df", "estimand", "n_units", "n_clusters")


@dataclass(frozen=True)
class Comparison:
    """One effect by several estimators, each adjusted and then unadjusted where there are covariates.

    `refused` maps the estimators that have no answer to the reason.
    """

    effects: tuple[Effect, ...]
    refused: Mapping[str, str]

    def to_frame(self) -> pd.DataFrame:
        """One row an estimate at full precision: estimator, whether it is adjusted, and what it found."""
        rows = [
            {"estimator": one.estimator, "adjusted": bool(one.covariates)}
            | {name: getattr(one, name) for name in COLUMNS}
            for one in self.effects
        ]
        return pd.DataFrame(rows)

    def plot(self, ax: Axes | None = None) -> Axes:
        """Draw all estimates with their intervals, on `ax` or a new figure; needs matplotlib.

        Filled points are adjusted for covariates, hollow ones are not.
        """
        import matplotlib.pyplot as plt

        if ax is None:
            _, ax = plt.subplots(figsize=(7, 1 + 0.4 * len(self.effects)), layout="constrained")
        first = self.effects[0]
        ax.axvline(0, color="0.6", linewidth=1)
        for place, one in enumerate(self.effects):
            ax.plot([one.ci_low, one.ci_high], [place, place], color="black", linewidth=1)
            fill = "black" if one.covariates else "white"
            ax.plot(one.estimate, place, marker="o", color="black", markerfacecolor=fill)
        names = [LABELS[one.estimator].format(cluster="cluster", clusters="clusters") for one in self.effects]
        if any(one.covariates for one in self.effects):
            names = [
                f"{name}, {'adjusted' if one.covariates else 'unadjusted'}" for name, one in zip(names, self.effects)
            ]
        ax.set_yticks(np.arange(len(names)), [wrapped(name, 16, break_long_words=False) for name in names])
        ax.invert_yaxis()
        ax.set_xlabel(f"{first.outcome}: {first.treated} minus {first.other},\n{100 * first.level:g} % intervals")
        return ax

    def __str__(self) -> str:
        table = self.to_frame()[["estimator", "adjusted", "estimate", "ci_low", "ci_high", "p_value", "df"]]
        first = self.effects[0]
        inside = f", inside strata of {first.strata}" if first.strata else ""
        lines = [f"{first.outcome}: {first.treated} minus {first.other}{inside}"]
        lines.append(table.to_string(index=False, float_format="%.4g"))
        return "\n".join([*lines, *(f"{name}: {reason}" for name, reason in self.refused.items())])

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False)


def compare(
    frame: pd.DataFrame,
    outcome: str,
    *,
    arm: str,
    cluster: str,
    treated: Hashable,
    estimators: Sequence[str] = ESTIMATORS,
    covariates: Sequence[str] = (),
    strata: str | None = None,
    level: float = 0.95,
    rng: np.random.Generator | None = None,
) -> Comparison:
    """Estimate one effect by several estimators.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, covariates, strata, level
        As for `clustertrials.estimate_effect`; with covariates, each estimator is shown adjusted and unadjusted.
    estimators : sequence of str
        Names for `clustertrials.estimate_effect`.
    rng : numpy.random.Generator, optional
        For ``"randomisation"`` where the allocations are too many to count.

    Returns
    -------
    Comparison
        With `to_frame` and `plot`.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`, if no estimator has an answer. Where only some have none, `refused` says
        why.

    Examples
    --------
    >>> frame = pd.DataFrame({"score": np.arange(32) % 7, "school": np.repeat(range(8), 4)})
    >>> frame["arm"] = np.where(frame["school"] % 2, "new", "usual")
    >>> found = compare(frame, "score", arm="arm", cluster="school", treated="new", estimators=["cr2", "mixed"])
    >>> found.to_frame()[["estimator", "estimate"]].round(4).values.tolist()
    [['cr2', -0.375], ['mixed', -0.375]]
    """
    roles = {"arm": arm, "cluster": cluster, "treated": treated, "strata": strata, "level": level}
    names, covariates = list_of_names("estimators", estimators, "names"), list_of_names("covariates", covariates)
    effects, refused = [], {}
    for name in names:
        for adjusted in [covariates, []] if covariates else [[]]:
            draws = rng if name == "randomisation" else None
            try:
                effects.append(estimate_effect(frame, outcome, estimator=name, covariates=adjusted, rng=draws, **roles))
            except ValueError as problem:
                refused[name] = str(problem)
    if not effects:
        raise ValueError(next(iter(refused.values()), "estimators must name at least one"))
    return Comparison(tuple(effects), refused)
