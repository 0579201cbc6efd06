"""What a trial of some design could have seen and ruled out: the answers of the interactive page, and its static grid.

Formulas only: nothing here knows a study's data. All answers rest on assumptions, so all are classed as assumed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import sqrt

from clustertrials.sample_size import equivalence_power, limits, minimum_detectable_difference, power
from holf.display import text
from holf.display.table import Cell, Table
from holf.record.facts import Assumption
from holf.record.plan import Outcome
from holf.record.source import RECORD


@dataclass(frozen=True)
class Scale:
    """An outcome as the formulas need it.

    `show` is the style of its numbers (`holf.display.text`), `sd` the assumed standard deviation of one unit, `icc` the
    assumed correlation, and `margin` the smallest difference that the plan calls worth having.
    """

    label: str
    show: str
    sd: float
    icc: float
    margin: float


@dataclass(frozen=True)
class Design:
    """Conditions under which a trial is asked what it could see.

    Attributes
    ----------
    scale : Scale
    n_clusters, n_units : int
        Clusters and units of both arms together; the clusters are split as evenly as their number allows.
    icc : float
    margin : float
        Worthwhile difference, in units of the outcome.
    level : float
        Confidence, as a share.
    size_cv : float
        Coefficient of variation of the cluster sizes.
    target : float
        Chance with which the detectable difference is found.
    """

    scale: Scale
    n_clusters: int
    n_units: int
    icc: float
    margin: float
    level: float
    size_cv: float
    target: float

    @property
    def clusters(self) -> tuple[int, int]:
        """Clusters of each arm; the treated one has the odd one."""
        return (self.n_clusters + 1) // 2, self.n_clusters // 2


@dataclass(frozen=True)
class Answer:
    """What a design could say; differences in units of the outcome.

    `detectable` is the difference found with the target's chance, `power` the chance to find the worthwhile one,
    `excluded` the chance to rule it out where the arms do not differ; the rest is as in
    `clustertrials.sample_size.Limits`.
    """

    detectable: float
    power: float
    excluded: float
    found_beyond: float
    excluded_within: float


def scale_of(outcome: Outcome, assumed: Mapping[str, Assumption]) -> Scale:
    """An outcome's scale: standard deviation and correlation from the assumptions, margin from the plan.

    A binary outcome's standard deviation follows from its baseline share; any other has an assumption of its own.
    """
    names = outcome.simulated
    if outcome.assumed_sd:
        sd = assumed[outcome.assumed_sd].value
    else:
        share = assumed[names["baseline"]].value
        sd = sqrt(share * (1.0 - share))
    return Scale(outcome.label, outcome.show, sd, assumed[names["icc"]].value, outcome.margin)


def answer(design: Design) -> Answer:
    """Ask the formulas what a design could say."""
    mean_size = design.n_units / design.n_clusters
    asked = {"clusters": design.clusters, "mean_size": mean_size, "icc": design.icc, "size_cv": design.size_cv}
    asked |= {"level": design.level, "sd": design.scale.sd}
    said = limits(margin=design.margin, **asked)
    return Answer(
        minimum_detectable_difference(power=design.target, **asked),
        power(difference=design.margin, **asked),
        equivalence_power(margin=design.margin, **asked),
        said.found_beyond,
        said.excluded_within,
    )


def _cells(design: Design) -> tuple[Cell, ...]:
    found = answer(design)
    shown = text.amount(found.detectable, design.scale.show), text.chance(found.power), text.chance(found.excluded)
    return tuple(Cell(one, "assumed") for one in shown)


_ANSWERS = ("Detectable difference", "Chance to find the worthwhile one", "Chance to rule it out, if there is none")


def _named(scale: Scale) -> str:
    return f"{scale.label}, {text.amount(scale.margin, scale.show)}"


def correlation_table(start: Design, scales: Iterable[Scale], grid: Sequence[float]) -> Table:
    """A trial of this size, under each assumed correlation of `grid`, with each scale's own margin."""
    rows = tuple(
        (_named(scale), Cell(text.decimal(icc, 2), "assumed"),
         *_cells(replace(start, scale=scale, margin=scale.margin, icc=icc)))
        for scale in scales for icc in grid
    )  # fmt: skip
    columns = ("Outcome, and worthwhile difference", "ICC", *_ANSWERS)
    return Table("A trial of this size, by assumed intraclass correlation (ICC)", columns, rows, source=RECORD)


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
