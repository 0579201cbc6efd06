"""What a trial of some design could have seen, as a table; all answers rest on assumptions, so all are assumed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from holf.display import text
from holf.display.table import Cell, Table
from holf.record.source import RECORD
from holf.study.detectable import Design, Scale, answer


def _cells(design: Design) -> tuple[Cell, ...]:
    found = answer(design)
    shown = text.amount(found.detectable, design.scale.show), text.chance(found.power), text.chance(found.excluded)
    return tuple(Cell(one, "assumed") for one in shown)


_ANSWERS = ("Detectable difference", "Chance to find the worthwhile one", "Chance to rule it out, if there is none")


def _named(scale: Scale) -> str:
    return f"{scale.label}, {text.amount(scale.margin, scale.show)}"


def size_table(start: Design, scales: Iterable[Scale], clusters: str, units: str) -> Table:
    """The trial as reported, and with twice the clusters or units, each outcome under its own correlation.

    `clusters` and `units` are what the trial calls them, in the plural.
    """
    said, rows = {1: "as reported", 2: "twice as many"}, []
    for scale in scales:
        for more_units, more_clusters in ((1, 1), (2, 1), (1, 2), (2, 2)):
            design = replace(
                start, scale=scale, margin=scale.margin, icc=scale.icc,
                n_clusters=more_clusters * start.n_clusters, n_units=more_units * start.n_units,
            )  # fmt: skip
            rows.append((_named(scale), said[more_clusters], said[more_units], *_cells(design)))
    columns = ("Outcome, and worthwhile difference", clusters.capitalize(), units.capitalize(), *_ANSWERS)
    return Table(f"What more {clusters} or {units} would have changed", columns, tuple(rows), source=RECORD)
