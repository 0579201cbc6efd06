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


def _shares() -> pd.DataFrame:
    """Share of the intervals that hold the truth, over the designs of the grid: a row an effect and estimator."""
    note_file(FILE)
    grid = pd.read_csv(project_root() / FILE)
    grid = grid[(grid[["treated", "other"]].min(axis=1) >= FEWEST) & (grid["estimator"] != "naive")]
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
    asked = found[found["name"].isin(recommended) & (found["effect"] == "difference")]
    low, high = (text.level(one, "percent") for one in (asked["lowest"].min(), asked["highest"].max()))
    worst = found.loc[found["lowest"].idxmin()]
    return Sentence(
        f"In every design, intervals of the recommended estimators for a difference hold the truth in {low} to {high}; "
        f"{worst['estimator']} falls lowest, to {text.level(worst['lowest'], 'percent')}.",
        SOURCE,
    )


def coverage_table() -> Table:
    """Lowest and highest share of the 95 % intervals that hold the truth, over the designs of the grid."""
    rows = [
        (
            one.estimator,
            one.effect,
            *(text.level(share, "percent") for share in (one.lowest, one.average, one.highest, one.error)),
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
