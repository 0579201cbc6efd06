"""How often each estimator's interval held the truth, over a grid of trial designs: the library's own benchmark."""

from __future__ import annotations

from collections.abc import Collection

import pandas as pd

from clustertrials.results import LABELS
from holf.display import text
from holf.display.sentences import Sentence
from holf.display.table import Table
from holf.paths import note_file, project_root

SOURCE = "simulated: trials of known truth, drawn by the benchmark of the library"
FILE = "clustertrials/benchmarks/coverage.csv"
# Clusters in the smaller arm from which on a row counts: below, no method holds everywhere.
FEWEST = 8


def _shares(*, few: bool = False) -> pd.DataFrame:
    """Share of the intervals that hold the truth, over the designs of the grid: a row an effect and estimator.

    Designs with `FEWEST` clusters in the smaller arm or more, or those with fewer.
    """
    note_file(FILE)
    grid = pd.read_csv(project_root() / FILE)
    smaller = grid[["treated", "other"]].min(axis=1)
    grid = grid[(smaller < FEWEST if few else smaller >= FEWEST) & (grid["estimator"] != "naive")]
    found = grid.groupby(["effect", "estimator"], sort=False, as_index=False).agg(
        lowest=("coverage", "min"),
        average=("coverage", "mean"),
        highest=("coverage", "max"),
        error=("monte_carlo_error", "max"),
        designs=("coverage", "size"),
    )
    names = found["estimator"].map(lambda name: LABELS.get(name, name).format(cluster="cluster", clusters="clusters"))
    return found.assign(name=found["estimator"], estimator=names)


def coverage_sentence(recommended: Collection[str]) -> Sentence:
    """Say between what the shares of recommended estimators lie, and which estimator has the lowest in any design."""
    found = _shares()
    asked, few = (
        one[one["name"].isin(recommended) & (one["effect"] == "difference")] for one in (found, _shares(few=True))
    )
    low, high, lowest = map(_percent, (asked["lowest"].min(), asked["highest"].max(), few["lowest"].min()))
    worst = found.loc[found["lowest"].idxmin()]
    return Sentence(
        f"With {FEWEST} clusters an arm or more, intervals of the recommended estimators for a difference hold the "
        f"truth in {low} to {high} of the trials of every design, and with fewer in {lowest} or more. "
        f"{worst['estimator']} falls lowest, to {_percent(worst['lowest'])}.",
        SOURCE,
    )


def _percent(share: float) -> str:
    return text.level(share, "percent")


def coverage_table() -> Table:
    """Lowest and highest share of the 95 % intervals that hold the truth, over the designs of the grid."""
    rows = [
        (
            one.estimator,
            one.effect,
            *(_percent(share) for share in (one.lowest, one.average, one.highest, one.error)),
            text.count(one.designs),
        )
        for one in _shares().itertuples()
    ]
    heads = ("Estimator", "Effect", "Lowest", "Average", "Highest", "Monte Carlo error", "Designs")
    caption = f"95 % intervals that hold the truth, {FEWEST} clusters an arm and more"
    note = (
        "A method whose lowest share lies far below 95 % fails in some of these designs; one whose highest lies far "
        "above is too careful there. The rest to 100 % is the type I error of a test of the true effect."
    )
    return Table(caption, heads, tuple(rows), source=SOURCE, folded=True, note=note)
