"""What the picture of the landing page says: its words by language, its table, and its text alternative."""

from __future__ import annotations

import re

from holf.display.table import Cell, Table
from holf.paths import data_path
from holf.record.facts import FactError, Ledger
from holf.record.reading import read_yaml, reading
from holf.record.reporting import Reporting
from holf.record.source import RECORD


def load_landing(ledger: Ledger, reporting: Reporting) -> dict[str, dict]:
    """Read `data/landing.yml`: by language the words of the file, and as ``results`` what was found in each area.

    Raises
    ------
    FactError
        If a line rests on a row that is not published.
    """
    file, stated = "data/landing.yml", read_yaml(data_path("landing.yml"))
    source = stated.pop("source")
    found = [word for word in reporting.overview if word.source == source]
    for row in (*re.findall(r"\bF\d{3}\b", str(stated)), *(word.facts[0] for word in found)):
        with reading(file):
            kind = ledger[row].kind
        if kind != "published":
            raise FactError(f"{file}: {row} is {kind}; the picture shows published facts")
    stated = _filled(stated, ledger)
    for words in stated.values():
        words["results"] = [
            {
                "area": words["areas"][word.outcome],
                "question": words["questions"][word.question],
                "sign": word.sign,
                "says": words["signs"][word.sign],
                "fact": word.facts[0],
            }
            for word in found
        ]
    return stated


def _filled(words: dict | list | str, ledger: Ledger) -> dict | list | str:
    """Words in which the names of rows, as in ``{F067} families``, are their values."""
    if isinstance(words, dict):
        return {key: _filled(value, ledger) for key, value in words.items()}
    return [_filled(one, ledger) for one in words] if isinstance(words, list) else ledger.fill(words)


def landing_table(words: dict) -> Table:
    """Everything that the picture says, one line a row."""
    lines = [(words["offices"]["says"].rpartition(", ")[0], words["offices"])]
    for arm in words["arms"].values():
        lines.append((arm["title"]["says"].rpartition(": ")[2], arm["title"]))
        lines += [(arm["own"], line) for line in arm["had"]]
    lines += [(words["both"]["title"], line) for line in words["both"]["had"]]
    lines += [(f"{line['area']}. {line['question']}", line) for line in words["results"]]
    lines.append((words["found"], words["note"]))
    rows = tuple((said.rstrip(":"), Cell(line["says"], "", line["fact"])) for said, line in lines)
    return Table(words["offices"]["says"], tuple(words["columns"]), rows, source=RECORD, folded=True)


def landing_alt(words: dict) -> str:
    """Offices, arms, what was found, and what that does not show; the table has what each arm had."""
    parts = [words["offices"]["says"], *(arm["title"]["says"] for arm in words["arms"].values()), words["found"]]
    found: dict[str, dict[str, list[str]]] = {}
    for one in words["results"]:
        found.setdefault(one["question"], {}).setdefault(one["says"], []).append(one["area"])
    for question, said in found.items():
        # What holds in all areas names none.
        of = {what: f" ({', '.join(areas)})" if len(said) > 1 else "" for what, areas in said.items()}
        parts.append(f"{question}: " + "; ".join(f"{what}{areas}" for what, areas in of.items()))
    return f"{'. '.join(parts)}. {words['note']['says']}"
