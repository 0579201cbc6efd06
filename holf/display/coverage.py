"""How often each estimator's interval held the truth, over a grid of trial designs: the library's own benchmark."""

from __future__ import annotations

import pandas as pd

from clustertrials.results import LABELS
from holf.display import text
from holf.display.table import Table
from holf.paths import note_file, project_root

SOURCE = "simulated: trials of known truth, drawn by the benchmark of the library"
FILE = "clustertrials/benchmarks/coverage.csv"
# Clusters in the smaller arm from which on a row counts: below, no method holds everywhere.
FEWEST = 8


def coverage_table() -> Table:
    """Lowest and highest share of the 95 % intervals that hold the truth, over the designs of the grid."""
    note_file(FILE)
    grid = pd.read_csv(project_root() / FILE)
    grid = grid[(grid[["treated", "other"]].min(axis=1) >= FEWEST) & (grid["estimator"] != "naive")]
    rows = []
    for (effect, name), mine in grid.groupby(["effect", "estimator"], sort=False):
        label = LABELS.get(name, name).format(cluster="cluster", clusters="clusters")
        rows.append(
            (
                label,
                effect,
                *(text.level(one, "percent") for one in mine["coverage"].agg(["min", "mean", "max"])),
                text.level(mine["monte_carlo_error"].max(), "percent"),
                text.count(len(mine)),
            )
        )
    heads = ("Estimator", "Effect", "Lowest", "Average", "Highest", "Monte Carlo error", "Designs")
    caption = f"95 % intervals that hold the truth, {FEWEST} clusters an arm and more"
    return Table(caption, heads, tuple(rows), source=SOURCE)
