"""Which numbers of the book changed between two states of it: old value, new value, unit and place."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path

import yaml

from holf.display.printed_values import read_value
from holf.display.shown_tables import read_table, tables_in
from holf.display.table import Cell, Table
from holf.display.text import MINUS, MISSING
from holf.paths import project_root
from holf.record.source import MARK, RECORD, kind_of, mark_of

_WANTED = re.compile(r"chapters/[\w-]+\.ipynb|data/(facts\.csv|assumptions\.yml)")
RECORD_TITLE = "Published, derived and assumed"
# Page, caption without its digits, class, and place among equals: what a table keeps while its numbers change.
Key = tuple[str, str, str, int]


@dataclass(frozen=True)
class Change:
    """One number that is not what it was.

    Attributes
    ----------
    page, table, row, column : str
        Where it stands.
    old, new : str
        As printed; an em dash where there was or is none.
    moved : str
        New minus old, where both are numbers of one unit.
    mark : str
        Class of the numbers in capitals; empty for the record.
    """

    page: str
    table: str
    row: str
    column: str
    old: str
    new: str
    moved: str
    mark: str


def read_state(where: str) -> dict[str, str]:
    """Files of one state of the book that hold numbers, by path.

    Parameters
    ----------
    where : str
        A folder with the project, or a revision of its git repository.

    Raises
    ------
    ValueError
        If it is neither.
    """
    if Path(where).is_dir():
        folder = Path(where)
        paths = (path.relative_to(folder).as_posix() for path in sorted(folder.glob("*/*")))
        return {path: (folder / path).read_text(encoding="utf-8") for path in paths if _WANTED.fullmatch(path)}
    listed = _git("ls-tree", "-r", "--name-only", f"{where}^{{commit}}", where=where).splitlines()
    return {path: _git("show", f"{where}:{path}", where=where) for path in listed if _WANTED.fullmatch(path)}


def _git(*arguments: str, where: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=project_root(), capture_output=True, text=True, encoding="utf-8")
    if done.returncode:
        raise ValueError(f"{where!r} is no folder, and no revision of this repository")
    return done.stdout


def tables_of(state: Mapping[str, str]) -> dict[Key, Table]:
    """Every table of a state, also those of any version that this one can read.

    Parameters
    ----------
    state : mapping of str to str
        From `read_state`.

    Raises
    ------
    ValueError
        If a table holds answers of real data: whether two such states may stand side by side is judged by
        ``holf release --previous``, and by nothing else.
    """
    found: dict[Key, Table] = {}
    for path, content in state.items():
        for table in _tables_in(path, content):
            if kind_of(table.source) == "real":
                raise ValueError(f"{path}: numbers of real data are compared by `holf release --previous` only")
            head = (Path(path).stem, re.sub(r"[\d.,%]+", "#", table.caption), kind_of(table.source))
            place = sum(key[:3] == head for key in found)
            found[(*head, place)] = table
    return found


def _tables_in(path: str, content: str) -> Iterator[Table]:
    if path.endswith(".csv"):
        rows = tuple((row["id"], row["fact"], row["value"]) for row in csv.DictReader(io.StringIO(content)))
        yield Table("Ledger of published facts", ("Row", "Fact", "Value"), rows, source=RECORD)
    elif path.endswith(".yml"):
        entries = yaml.safe_load(content) or {}
        rows = tuple(
            (name, str(one["value"])) for name, one in entries.items() if isinstance(one, dict) and "value" in one
        )
        yield Table("Assumptions", ("Assumption", "Value"), rows, source=RECORD)
    else:
        for cell in json.loads(content)["cells"]:
            for output in cell.get("outputs", ()):
                html = "".join(output.get("data", {}).get("text/html", ""))
                yield from map(read_table, tables_in(html))


def _rows(table: Table) -> dict[tuple[str, int], dict[str, str]]:
    """Cells by row and heading; a row is known by its words, which outlast its numbers."""
    out: dict[tuple[str, int], dict[str, str]] = {}
    for row in table.rows:
        texts = [entry.text if isinstance(entry, Cell) else entry for entry in row]
        first, *rest = texts
        label = ", ".join([first, *(text for text in rest if read_value(text) is None and not re.search(r"\d", text))])
        place = sum(key[0] == label for key in out)
        out[label, place] = dict(zip(table.columns, texts))
    return out


def moved_by(old: str, new: str) -> str:
    """New minus old with its sign, in the digits of both; empty if one is no number, or their units differ.

    Examples
    --------
    >>> moved_by("+61 NOK", "+1,058 NOK"), moved_by("3.2%", "3.1%"), moved_by("a", "3")
    ('+997', '\N{MINUS SIGN}0.1', '')
    """
    before, after = read_value(old), read_value(new)
    if before is None or after is None or before.unit != after.unit:
        return ""
    try:
        moved = Decimal(after.parts[""]) - Decimal(before.parts[""])
    except (KeyError, InvalidOperation):
        return ""
    return f"{moved:+,f}".replace("-", MINUS)


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """Every number that differs between two states, in the order of the new one.

    Parameters
    ----------
    old, new : mapping of str to str
        From `read_state`.
    """
    before, after = tables_of(old), tables_of(new)
    out: list[Change] = []
    for key in dict.fromkeys([*after, *before]):
        if key in before and key in after:
            out += _cells_changed(key[0], before[key], after[key])
        else:
            table = after.get(key) or before[key]
            there = f"table of {len(table.rows)} rows"
            values = (MISSING, there) if key in after else (there, MISSING)
            out.append(Change(key[0], table.caption, "", "", *values, "", mark_of(table.source)[0]))
    return out


def _cells_changed(page: str, before: Table, after: Table) -> Iterator[Change]:
    mark, states = mark_of(after.source)[0], [_rows(before), _rows(after)]
    for row in dict.fromkeys([*states[1], *states[0]]):
        cells = [state.get(row, {}) for state in states]
        for column in dict.fromkeys([*cells[1], *cells[0]]):
            values = [state.get(column, MISSING) for state in cells]
            if values[0] != values[1]:
                yield Change(page, after.caption, row[0], column, *values, moved_by(*values), mark)


def as_markdown(found: list[Change], old: str, new: str) -> str:
    """A change log that people read: the record first, and what is simulated apart and folded.

    Parameters
    ----------
    found : list of Change
    old, new : str
        What the two states are called.
    """
    lines = [f"# Numbers that changed: {old} to {new}", ""]
    for mark in dict.fromkeys(["", *(one.mark for one in found)]):
        mine = [one for one in found if one.mark == mark]
        title = f"{mark}, not results of the trial" if mark else RECORD_TITLE
        lines += [f"## {title}", ""]
        if not mine:
            lines += ["Nothing changed.", ""]
            continue
        rows = [_line(*(getattr(one, name) for name in _COLUMNS)) for one in mine]
        table = [_line("Page", "Table", "Row", "What", "Before", "After", "Moved by"), "|" + " --- |" * 7, *rows]
        if mark == MARK:
            table = [f"<details><summary>{len(mine)} numbers</summary>", "", *table, "", "</details>"]
        lines += [*table, ""]
    return "\n".join(lines).rstrip() + "\n"


_COLUMNS = ("page", "table", "row", "column", "old", "new", "moved")


def _line(*entries: str) -> str:
    return "| " + " | ".join(entry.replace("|", "\\|").replace("\n", " ") for entry in entries) + " |"
