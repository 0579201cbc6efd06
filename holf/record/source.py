"""Classes of numbers, where numbers come from, and the mark that they carry wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

MARK, REAL_MARK = "SIMULATED", "REAL DATA"
RECORD, REAL = "record", "real data"


@dataclass(frozen=True)
class NumberClass:
    """A class of numbers: its name, and the shape shown beside it, so that colour is never the only sign.

    `in_ledger` says whether rows of `data/facts.csv` may have it. For a class that all numbers of a source share,
    `source` begins the names of such sources, as in ``"simulated: null world"``, and `mark` what shows their numbers.
    """

    name: str
    shape: str
    in_ledger: bool = False
    source: str = ""
    mark: str = ""


CLASSES = {
    one.name: one
    for one in (
        NumberClass("published", "●", in_ledger=True),
        NumberClass("derived", "◆", in_ledger=True),
        NumberClass("assumed", "▲"),
        NumberClass("simulated", "✖", source="simulated", mark=MARK),
        # Published data of another trial, analysed here to test the methods: neither simulated nor about this trial.
        NumberClass("elsewhere", "■", source="another trial", mark="ANOTHER TRIAL"),
        # Real data of this trial, answered under disclosure control; built only by their holders, or from a release.
        NumberClass("real", "★", source=REAL, mark=REAL_MARK),
        NumberClass("unknown", "○"),
    )
}
# What the files of a table call its class, by its name; tables of the record have none of their own.
TABLE_CLASSES = {one.name: one.source for one in CLASSES.values() if one.source} | {RECORD: RECORD}


def class_of(source: str) -> NumberClass | None:
    """The class that all numbers of a source have; None for the record, whose numbers differ."""
    return next((one for one in CLASSES.values() if one.source and source.startswith(f"{one.source}: ")), None)


def joint_source(sources: Iterable[str]) -> str:
    """One source for several, such as ``"simulated: null world, harm world"``.

    Raises
    ------
    ValueError
        If they are not all of one class: simulated, real and other trials' numbers never share a figure or a table.
    """
    names = list(dict.fromkeys(sources))
    classes = [class_of(name) for name in names]
    if len({one and one.name for one in classes}) > 1:
        raise ValueError("simulated and other answers must not be shown together")
    first = f"{classes[0].source}: " if names and classes[0] else ""
    return first + ", ".join(name.removeprefix(first) for name in names)


def kind_of(source: str) -> str:
    """Name of the class of a source's numbers, as the HTML has it; ``"record"`` for the record."""
    return one.name if (one := class_of(source)) else RECORD


def mark_of(source: str) -> tuple[str, str]:
    """The mark that numbers of a source carry, and the data that it names; both empty for the record."""
    return (one.mark, source.removeprefix(f"{one.source}: ")) if (one := class_of(source)) else ("", "")


def data_name(source: str) -> str:
    """Name of the data of a source in columns and panels: the world, or "real data"."""
    return REAL if kind_of(source) == "real" else mark_of(source)[1] or source
