"""What a trial of some design could have seen and ruled out: formulas only, nothing here knows a study's data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from clustertrials.sample_size import equivalence_power, limits, minimum_detectable_difference, power
from holf.record.facts import Assumption
from holf.record.plan import Outcome


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

    `n_clusters` and `n_units` are those of both arms together; the clusters are split as evenly as their number allows.
    `margin` is the worthwhile difference, in units of the outcome, `level` the confidence, as a share, `size_cv` the
    coefficient of variation of the cluster sizes, and `target` the chance to find the detectable difference.
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
