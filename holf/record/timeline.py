"""When things were: the dates of `data/timeline.yml`, each of which stands in its row of the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from holf.paths import data_path
from holf.record.facts import FactError, Ledger
from holf.record.reading import name_of, read_yaml, reading


@dataclass(frozen=True)
class Moment:
    """Something with a date: its name, first and last day, both as the record gives them, and their ledger rows."""

    what: str
    start: str
    end: str
    facts: tuple[str, ...]

    @property
    def dates(self) -> str:
        """The first day, and the last where it is another."""
        return self.start if self.end == self.start else f"{self.start} to {self.end}"


def load_moments(ledger: Ledger, path: Path | None = None) -> list[Moment]:
    """Read the dates of `data/timeline.yml` (or of another file of its form).

    Raises
    ------
    FactError
        If a date that is given there does not stand in its ledger row.
    """
    path, found = path or data_path("timeline.yml"), []
    with reading(name_of(path)):
        for entry in read_yaml(path)["dates"]:
            first, last = ledger[entry["facts"][0]], ledger[entry["facts"][-1]]
            start = entry.get("from", first.value)
            row = f"{first.fact} {first.value} {first.source}"
            if "from" in entry and not (entry["said"] in row and start[:4] in entry["said"]):
                raise FactError(f"{name_of(path)}, {entry['what']}: {start} does not stand in {first.id}")
            end = entry.get("to", start if "from" in entry else last.value)
            found.append(Moment(entry["what"], start, end, tuple(entry["facts"])))
    return found
