"""Who may take part, and participant flow: what is published or derived, what is unknown, and what a study counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from holf.paths import data_path
from holf.record.facts import Ledger
from holf.record.reading import build, name_of, read_yaml, reading
from holf.record.source import RECORD

if TYPE_CHECKING:
    import pandas as pd


# The kind of a box that was counted in study tables, real or simulated.
COUNTED = "counted"
# What stands where a count would, and no source that this book could read has one.
UNKNOWN = "in no source read"


class FlowError(ValueError):
    """The flow does not balance, or a box refers to something that is not there."""


@dataclass(frozen=True)
class FlowBox:
    """One box of the diagram, as `data/flow.yml` lists it; the comments there say what each key means.

    `fact` is empty where no source read has a count, `parent` where the box comes from none. A study counts the rows of
    `table` in which the columns of `where` have these values. `arm_facts` are the ledger rows of its counts by arm,
    which `published_flow` adds.
    """

    id: str
    label: str
    unit: str
    table: str
    where: dict[str, int] = field(default_factory=dict)
    fact: str = ""
    parent: str = ""
    is_loss: bool = False
    unit_changes: str = ""
    randomised: bool = False
    note: str = ""
    published_unit: str = ""
    published_label: str = ""
    caveat: str = ""
    arm_facts: dict[str, str] = field(default_factory=dict)

    def holds(self, frame: pd.DataFrame) -> pd.Series:
        """Whether each row of the box's table belongs to the box."""
        # Imported here: the build asks the boxes for their units alone.
        import pandas as pd

        belongs = pd.Series(True, index=frame.index)
        for column, value in self.where.items():
            belongs &= (frame[column] == value).fillna(False).astype(bool)
        return belongs


@dataclass(frozen=True)
class FlowCount:
    """A box with its count: in all (None where unknown) and by arm (empty where unknown)."""

    box: FlowBox
    kind: str
    total: int | None
    by_arm: dict[str, int]

    @property
    def shown(self) -> str:
        """The count with its unit; for a published one, what its source says of the unit."""
        if self.total is None:
            return UNKNOWN
        published = self.box.published_unit or self.box.unit
        return f"{self.total:,} {self.box.unit if self.kind == COUNTED else published}"

    @property
    def label(self) -> str:
        """What the count is of."""
        return self.box.label if self.kind == COUNTED else self.box.published_label or self.box.label

    @property
    def leave(self) -> bool:
        """Whether these people are known to have left the trial."""
        return self.box.is_loss and self.label == self.box.label

    @property
    def stage(self) -> str:
        """The label, with a note where the unit changes."""
        return f"{self.label} (unit changes {self.box.unit_changes})" if self.box.unit_changes else self.label


@dataclass(frozen=True)
class Flow:
    """A flow whose counts balance; `source` is `RECORD` for the published one.

    `slack` is by how much what enters and what leaves a box may differ: 0, but without limit for counts that the
    disclosure rules rounded.
    """

    counts: tuple[FlowCount, ...]
    slack: float = 0
    source: str = RECORD

    def __getitem__(self, box_id: str) -> FlowCount:
        for count in self.counts:
            if count.box.id == box_id:
                return count
        raise FlowError(f"data/flow.yml, box {box_id}: there is no such box")

    def __post_init__(self):
        """Refuse a box from nowhere, and branches that do not add up, in all or by arm, where all are known."""
        known = {count.box.id for count in self.counts}
        for parent in self.counts:
            where = f"data/flow.yml, box {parent.box.id}"
            if parent.box.parent and parent.box.parent not in known:
                raise FlowError(f"{where}: comes from {parent.box.parent}, which is not there")
            branches = [one for one in self.counts if one.box.parent == parent.box.id and not one.box.unit_changes]
            sides = {"in all": (parent.total, [branch.total for branch in branches])}
            sides |= {arm: (count, [branch.by_arm.get(arm) for branch in branches])
                      for arm, count in parent.by_arm.items()}  # fmt: skip
            for side, (entering, leaving) in sides.items():
                is_known = leaving and not any(count is None or math.isnan(count) for count in (entering, *leaving))
                if is_known and abs(entering - sum(leaving)) > self.slack:
                    raise FlowError(f"{where} ({side}): {entering} enter and {sum(leaving)} leave")


# Keys of the file whose fields have another name.
_FIELDS = {"from": "parent", "loss": "is_loss"}


def load_flow(path: Path | None = None) -> tuple[FlowBox, ...]:
    """Read the boxes of `data/flow.yml` (or of another file of its form), in order."""
    path, boxes = path or data_path("flow.yml"), []
    with reading(name_of(path)):
        for entry in read_yaml(path):
            where = f"{name_of(path)}, box {entry.get('id') or '(no id)'}"
            with reading(where):
                entry |= entry.pop("count")
                boxes.append(build(FlowBox, where, {_FIELDS.get(key, key): value for key, value in entry.items()}))
    return tuple(boxes)


def published_flow(ledger: Ledger, boxes: tuple[FlowBox, ...], *, arms: dict[str, str]) -> Flow:
    """The flow as far as the record goes: boxes of kind published, derived or unknown.

    `arms` gives for each arm the ledger row with its number of offices; no other box is published by arm. A FlowError
    says which counts do not balance.
    """
    offices = {arm: ledger.number(fact) for arm, fact in arms.items()}
    counts = []
    for box in boxes:
        with reading(f"data/flow.yml, box {box.id}"):
            label = ledger.fill(box.published_label)
            kind, total = (ledger[box.fact].kind, ledger.number(box.fact)) if box.fact else ("unknown", None)
        box = replace(box, published_label=label, arm_facts=arms if box.randomised else {})
        counts.append(FlowCount(box, kind, total, offices if box.randomised else {}))
    return Flow(tuple(counts))


def count_flow(boxes: tuple[FlowBox, ...], frames: dict[str, pd.DataFrame], *, arms: list[str]) -> Flow:
    """Count every box in study tables, each with the column ``arm`` of its office.

    The source of the flow is empty: the study stamps it. A FlowError says which counts do not balance.
    """
    counts = []
    for box in boxes:
        frame = frames[box.table][box.holds(frames[box.table])]
        by_arm = {arm: int((frame["arm"] == arm).sum()) for arm in arms}
        counts.append(FlowCount(box, COUNTED, len(frame), by_arm))
    return Flow(tuple(counts), source="")
