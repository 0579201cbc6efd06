"""Slots for the numbers of the article's Table 1: typed in from the paper, or empty."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from pathlib import Path

from holf.paths import data_path
from holf.record.facts import FactError

STATISTICS = ("mean", "sd", "n", "p_value_change")
# Units in which a mean has a highest value.
_MOST = {"percent": 100, "share": 1}
_NUMBER = re.compile(r"<? ?(-?\d+(\.\d+)?|\.\d+)")


@dataclass(frozen=True)
class Slot:
    """One place for a number of the article's Table 1; `value` is None until someone types it in from the paper.

    `printed` is the text as typed: it alone knows trailing zeros, and whether a p-value is only a bound. `kind` is the
    class of the number, empty while the slot is.
    """

    outcome: str
    arm: str
    wave: str
    statistic: str
    value: float | None
    unit: str
    source: str
    printed: str = ""
    kind: str = ""
    file: str = ""

    @property
    def where(self) -> str:
        """File and row, for messages."""
        return f"{self.file}, {self.outcome} {self.arm} {self.wave} {self.statistic}"

    @property
    def is_bound(self) -> bool:
        """True for a p-value of which only an upper bound is printed, as in ``<0.001``."""
        return self.printed.startswith("<")

    @property
    def decimals(self) -> int:
        """Decimals as printed, trailing zeros counted."""
        return len(self.printed.partition(".")[2])


def _slot_fault(slot: Slot) -> str:
    """The rule that a filled slot breaks, or an empty string."""
    value, most = slot.value, _MOST.get(slot.unit)
    if value is None:
        return "column value must be a number with a point for decimals and no other separator"
    outside = slot.statistic == "mean" and most is not None and not 0 <= value <= most
    rules = {
        "only a p-value may be a bound": slot.is_bound and slot.statistic != "p_value_change",
        "a p-value lies between 0 and 1": slot.statistic == "p_value_change" and not 0 <= value <= 1,
        "a p printed as 0 is a bound; type it as one, as in <0.001": slot.statistic == "p_value_change" and value == 0,
        "n is a whole number of at least 1": slot.statistic == "n" and (value < 1 or not slot.printed.isdigit()),
        "a standard deviation is not negative": slot.statistic == "sd" and value < 0,
        f"a mean in {slot.unit} lies between 0 and {most}": outside,
    }
    return next((f"column value: {rule}" for rule, broken in rules.items() if broken), "")


def _slot(row: dict[str, str], file: str, kind: str) -> Slot:
    printed = row["value"].strip()
    key = (row["outcome"], row["arm"], row["wave"], row["statistic"])
    value = float(printed.lstrip("< ")) if _NUMBER.fullmatch(printed) else None
    slot = Slot(*key, value, row["unit"], row["source"], printed, row["class"] if printed else "", file)
    if None in row:
        fault = "the row has too many columns; a number has no comma, and a note with one stands in quotes"
    elif slot.statistic not in STATISTICS:
        fault = f"column statistic must be one of {', '.join(STATISTICS)}"
    elif printed and not (slot.kind == kind and slot.source and row["page"]):
        fault = f"a value needs class {kind}, a source and a page"
    else:
        fault = _slot_fault(slot) if printed else ""
    if fault:
        raise FactError(f"{slot.where}: {fault}")
    return slot


def load_published_results(path: Path | None = None, *, kind: str = "published") -> tuple[Slot, ...]:
    """Read the slots for the article's Table 1.

    Parameters
    ----------
    path : Path, optional
        A CSV file in the form of `data/published_results.csv`; that file itself by default. Column ``value`` holds the
        number exactly as printed, trailing zeros included, with a point for decimals and no thousands separator; a
        p-value of which only a bound is printed begins with ``<``, as in ``<0.001``. Column ``unit`` says what the
        values are: ``percent`` or ``share`` of a 0/1 variable, ``whole points`` or ``whole points, mean of K items``
        for scores in whole numbers, or any other words. A row with statistic ``sd`` may be added to each mean.
    kind : str
        Class that every filled slot must carry; a made-up table says ``simulated``.

    Returns
    -------
    tuple of Slot
        Each in the unit that it names; `value` is None where none has been typed in.

    Raises
    ------
    FactError
        If a filled slot has another class, no source or no page; if its value is not a number, or is one that its
        statistic or unit cannot have; if a slot stands there twice.

    Examples
    --------
    >>> sorted({slot.statistic for slot in load_published_results()})
    ['mean', 'n', 'p_value_change']
    """
    path = path or data_path("published_results.csv")
    slots = {}
    with open(path, encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            slot = _slot(row, path.name, kind)
            if slot.where in slots:
                raise FactError(f"{slot.where}: the slot stands there twice")
            slots[slot.where] = slot
    return tuple(slots.values())
