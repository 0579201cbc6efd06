"""Which numbers of the book changed between two states of it: old value, new value, unit and place."""

from __future__ import annotations

import csv
import io
import json
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from holf.display.table import Table
from holf.display.text import MINUS, MISSING, typed
from holf.display.values import KEY, Column, TableValues
from holf.paths import project_root
from holf.record.source import MARK, RECORD, kind_of, mark_of

_WANTED = re.compile(r"chapters/[\w-]+\.ipynb|data/(facts\.csv|assumptions\.yml)")
RECORD_TITLE = "Published, derived and assumed"
# Page, caption without its digits, class, and place among equals: what a table keeps while its numbers change.
Key = tuple[str, str, str, int]


@dataclass(frozen=True)
class Change:
    """One number that is not what it was, and where it stands.

    `old` and `new` have its unit and the digits that are printed, and an em dash where there was or is none; `mark` is
    the class of the numbers in capitals, empty for the record.
    """

    page: str
    table: str
    row: str
    column: str
    old: str
    new: str
    mark: str


def read_state(where: str) -> dict[str, str]:
    """Files that hold numbers, by path: of a folder with the project, or of a revision of its git repository."""
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


def tables_of(state: Mapping[str, str]) -> dict[Key, TableValues]:
    """Every table of a state, as `read_state` gives it.

    A table of real data raises ValueError: whether two such states may stand side by side is judged by
    ``holf release --previous``, and by nothing else.
    """
    found: dict[Key, TableValues] = {}
    for path, content in state.items():
        for table in _tables_in(path, content):
            if kind_of(table.source) == "real":
                raise ValueError(f"{path}: numbers of real data are compared by `holf release --previous` only")
            head = (Path(path).stem, re.sub(r"[\d.,%]+", "#", table.caption), kind_of(table.source))
            place = sum(key[:3] == head for key in found)
            found[(*head, place)] = table
    return found


def _tables_in(path: str, content: str) -> Iterator[TableValues]:
    if path.endswith(".csv"):
        rows = tuple((row["id"], row["fact"], typed(row["value"])) for row in csv.DictReader(io.StringIO(content)))
        yield Table("Ledger of published facts", ("Row", "Fact", "Value"), rows, source=RECORD).values
    elif path.endswith(".yml"):
        entries = yaml.safe_load(content) or {}
        rows = tuple(
            (name, typed(str(one["value"])))
            for name, one in entries.items()
            if isinstance(one, dict) and "value" in one
        )
        yield Table("Assumptions", ("Assumption", "Value"), rows, source=RECORD).values
    else:
        outputs = (output for cell in json.loads(content)["cells"] for output in cell.get("outputs", ()))
        contents = (output.get("metadata", {}).get(KEY) for output in outputs)
        yield from (TableValues.from_json(content) for content in contents if content)


def _rows(table: TableValues) -> dict[tuple[str, int], dict[str, str]]:
    """What is shown, by row and column; a row is known by its words, which outlast its numbers."""
    columns = [column for column in table.columns if column.part not in ("class", "source", "fact", "unit")]
    out: dict[tuple[str, int], dict[str, str]] = {}
    for row in table.rows:
        words = [row[one.name] for one in columns[1:] if one.part == "words" and not re.search(r"\d", row[one.name])]
        label = ", ".join([row[columns[0].name], *filter(None, words)])
        place = sum(key[0] == label for key in out)
        out[label, place] = {_title(one): _shown(row, one) for one in columns if row[one.name]}
    return out


def _title(column: Column) -> str:
    return column.heading if column.part in ("number", "words") else f"{column.heading}, {column.part}"


def _shown(row: Mapping[str, str], column: Column) -> str:
    """An entry with the unit of a number or of a limit."""
    unit = row.get(f"{column.name.removesuffix(f'_{column.part}')}_unit", "") if column.unit else ""
    return f"{row[column.name]} {unit}".rstrip().replace("-", MINUS)


def changes(old: Mapping[str, str], new: Mapping[str, str]) -> list[Change]:
    """Every number that differs between two states (`read_state`), in the order of the new one."""
    before, after = tables_of(old), tables_of(new)
    out: list[Change] = []
    for key in dict.fromkeys([*after, *before]):
        if key in before and key in after:
            out += _cells_changed(key[0], before[key], after[key])
        else:
            table = after.get(key) or before[key]
            there = f"table of {len(table.rows)} rows"
            values = (MISSING, there) if key in after else (there, MISSING)
            out.append(Change(key[0], table.caption, "", "", *values, mark_of(table.source)[0]))
    return out


def _cells_changed(page: str, before: TableValues, after: TableValues) -> Iterator[Change]:
    mark, states = mark_of(after.source)[0], [_rows(before), _rows(after)]
    for row in dict.fromkeys([*states[1], *states[0]]):
        entries = [state.get(row, {}) for state in states]
        for column in dict.fromkeys([*entries[1], *entries[0]]):
            old, new = (one.get(column, MISSING) for one in entries)
            if old != new:
                yield Change(page, after.caption, row[0], column, old, new, mark)


def as_markdown(found: list[Change], old: str, new: str) -> str:
    """A change log between two named states: the record first, and what is simulated apart and folded."""
    lines = [f"# Numbers that changed: {old} to {new}", ""]
    for mark in dict.fromkeys(["", *(one.mark for one in found)]):
        mine = [one for one in found if one.mark == mark]
        title = f"{mark}, not results of the trial" if mark else RECORD_TITLE
        lines += [f"## {title}", ""]
        if not mine:
            lines += ["Nothing changed.", ""]
            continue
        rows = [_line(*(getattr(one, name) for name in _COLUMNS)) for one in mine]
        table = [_line("Page", "Table", "Row", "What", "Before", "After"), "|" + " --- |" * 6, *rows]
        if mark == MARK:
            table = [f"<details><summary>{len(mine)} numbers</summary>", "", *table, "", "</details>"]
        lines += [*table, ""]
    return "\n".join(lines).rstrip() + "\n"


_COLUMNS = ("page", "table", "row", "column", "old", "new")


def _line(*entries: str) -> str:
    return "| " + " | ".join(entry.replace("|", "\\|").replace("\n", " ") for entry in entries) + " |"
