"""Who may take part, and participant flow: what is published or derived, what is unknown, and what a study counts."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

from holf.paths import data_path
from holf.record.facts import Ledger
from holf.record.reading import check_keys, read_yaml, reading
from holf.record.source import RECORD

if TYPE_CHECKING:
    import pandas as pd


# The kind of a box that was counted in study tables, real or simulated.
COUNTED = "counted"
# What stands where a count would, and no source that this book could read has one.
UNKNOWN = "in no source read"
READINGS = {
    "any support": "(a or b) and c: either kind of support, and always the children",
    "as punctuated": "a or (b and c): main-income families without regard to children",
}
DEFAULT_READING = "any support"


def meets_inclusion(
    months_main: int,
    months_beside: int,
    children_u16: int,
    *,
    reading: str = DEFAULT_READING,
    months: int = 6,
    most_children: int = 4,
    fewest_children: int = 1,
) -> bool:
    """Say whether a family meets the registered inclusion criteria.

    Parameters
    ----------
    months_main : int
        Months, of the latest 12, in which social assistance was a main source of income (criterion a, F073).
    months_beside : int
        Months, of the latest 12, with social assistance in addition to other welfare support (criterion b, F074).
    children_u16 : int
        Children under 16 (criterion c, F075).
    reading : {"any support", "as punctuated"}
        How "a, or b, and c" binds. The first is this book's default, an assumption.
    months : int
        Months that criteria a and b ask for.
    most_children, fewest_children : int
        Bounds of criterion c. The registry says "up to four"; at least one is this book's assumption.

    Raises
    ------
    ValueError
        If the reading is unknown or a count is out of range.

    Examples
    --------
    >>> meets_inclusion(8, 0, 0, reading="any support"), meets_inclusion(8, 0, 0, reading="as punctuated")
    (False, True)
    """
    if reading not in READINGS:
        raise ValueError(f"no reading {reading!r}; known: {', '.join(READINGS)}")
    if not (0 <= months_main <= 12 and 0 <= months_beside <= 12 and children_u16 >= 0):
        raise ValueError("months must lie between 0 and 12, and children must not be negative")
    a, b = months_main >= months, months_beside >= months
    c = fewest_children <= children_u16 <= most_children
    return (a or b) and c if reading == "any support" else a or (b and c)


class FlowError(ValueError):
    """The flow does not balance, or a box refers to something that is not there."""


@dataclass(frozen=True)
class FlowBox:
    """One box of the diagram, as `data/flow.yml` lists it.

    Attributes
    ----------
    id, label, unit : str
    published_unit : str
        What stands for the unit beside the published count; differs where the source names none.
    fact : str
        Ledger row with the published or derived count; empty where no source read has a count.
    parent : str
        Box from which this one comes; empty where none is.
    is_loss : bool
        True for those who leave on the way.
    unit_changes : str
        Says how the unit differs from the parent's; empty where it is the same.
    randomised : bool
        True for the clusters that were randomised, whose count is published by arm.
    note : str
        What the order of the boxes does not say.
    published_label : str
        What the record's count is, where it is no loss as counted in a study; empty where both are the same.
    table, where : str, dict
        How a study counts the box: rows of `table` in which the columns have these values.
    """

    id: str
    label: str
    unit: str
    published_unit: str
    fact: str
    parent: str
    is_loss: bool
    unit_changes: str
    table: str
    where: dict[str, int] = field(default_factory=dict)
    randomised: bool = False
    note: str = ""
    published_label: str = ""

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
        return f"{self.total:,} {self.box.unit if self.kind == COUNTED else self.box.published_unit}"

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
        """The label, with a note where people leave or the unit changes."""
        notes = ["leave"] if self.leave else []
        notes += [f"unit changes {self.box.unit_changes}"] if self.box.unit_changes else []
        return f"{self.label} ({'; '.join(notes)})" if notes else self.label


@dataclass(frozen=True)
class Flow:
    """A flow whose counts balance; `source` is `RECORD` for the published one.

    `slack` is by how much what enters and what leaves a box may differ: 0 but for counts that were rounded each on its
    own, by the disclosure rules.
    """

    counts: tuple[FlowCount, ...]
    slack: int = 0
    source: str = RECORD

    def __getitem__(self, box_id: str) -> FlowCount:
        for count in self.counts:
            if count.box.id == box_id:
                return count
        raise FlowError(f"data/flow.yml has no box {box_id}")

    def __post_init__(self):
        known = {count.box.id: count for count in self.counts}
        for count in self.counts:
            if count.box.parent and count.box.parent not in known:
                raise FlowError(f"box {count.box.id} comes from {count.box.parent}, which is not in the flow")
        for parent in self.counts:
            branches = [
                count for count in self.counts if count.box.parent == parent.box.id and not count.box.unit_changes
            ]
            if branches:
                _check_balance(parent, branches, self.slack)


def _check_balance(parent: FlowCount, branches: list[FlowCount], slack: int) -> None:
    """Check that the branches of a box add up to it, in all and by arm, wherever all counts are known and shown."""
    sides = [("in all", parent.total, [branch.total for branch in branches])]
    sides += [(arm, parent.by_arm[arm], [branch.by_arm.get(arm) for branch in branches]) for arm in parent.by_arm]
    for side, entering, leaving in sides:
        known = not any(count is None or math.isnan(count) for count in (entering, *leaving))
        if known and abs(entering - sum(leaving)) > slack:
            raise FlowError(f"box {parent.box.id} ({side}): {entering} enter and {sum(leaving)} leave")


def load_flow(path: Path | None = None) -> tuple[FlowBox, ...]:
    """Read the boxes of `data/flow.yml` (or of another file of its form), in order."""
    path, boxes = path or data_path("flow.yml"), []
    with reading(path.name):
        for entry in read_yaml(path):
            where = f"{path.name}, box {entry.get('id') or '(no id)'}"
            check_keys(where, entry, ("id", "label", "unit", "count"), _OPTIONAL)
            with reading(where):
                boxes.append(_box(entry))
    return tuple(boxes)


_OPTIONAL = (*("fact", "from", "loss", "unit_changes", "randomised", "note"), *("published_unit", "published_label"))


def _box(entry: dict) -> FlowBox:
    return FlowBox(
        id=entry["id"],
        label=entry["label"],
        unit=entry["unit"],
        published_unit=entry.get("published_unit", entry["unit"]),
        fact=entry.get("fact", ""),
        parent=entry.get("from", ""),
        is_loss=entry.get("loss", False),
        unit_changes=entry.get("unit_changes", ""),
        table=entry["count"]["table"],
        where=entry["count"].get("where", {}),
        randomised=entry.get("randomised", False),
        note=entry.get("note", ""),
        published_label=entry.get("published_label", ""),
    )


def published_flow(ledger: Ledger, boxes: tuple[FlowBox, ...], *, arms: dict[str, str]) -> Flow:
    """The flow as far as the record goes.

    Parameters
    ----------
    ledger : Ledger
    boxes : tuple of FlowBox
    arms : dict
        Arm to the ledger row with its number of offices; no other box is published by arm.

    Returns
    -------
    Flow
        Boxes of kind published, derived or unknown.

    Raises
    ------
    FlowError
        If the published and derived counts do not balance.
    """
    offices = {arm: ledger.number(fact) for arm, fact in arms.items()}
    shown = {key: fact.shown for key, fact in ledger.items()}
    boxes = tuple(replace(box, published_label=box.published_label.format_map(shown)) for box in boxes)
    return Flow(
        tuple(
            FlowCount(
                box,
                ledger[box.fact].kind if box.fact else "unknown",
                ledger.number(box.fact) if box.fact else None,
                offices if box.randomised else {},
            )
            for box in boxes
        )
    )


def count_flow(boxes: tuple[FlowBox, ...], frames: dict[str, pd.DataFrame], *, arms: list[str]) -> Flow:
    """Count every box in study tables.

    Parameters
    ----------
    boxes : tuple of FlowBox
    frames : dict of str to DataFrame
        The tables that the boxes name, each with the column ``arm`` of its office.
    arms : list of str

    Returns
    -------
    Flow
        Its source is empty: the study stamps it.

    Raises
    ------
    FlowError
        If the counts do not balance.
    """
    counts = []
    for box in boxes:
        frame = frames[box.table][box.holds(frames[box.table])]
        by_arm = {arm: int((frame["arm"] == arm).sum()) for arm in arms}
        counts.append(FlowCount(box, COUNTED, len(frame), by_arm))
    return Flow(tuple(counts), source="")
