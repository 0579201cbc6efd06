"""A mapping file to begin with, from the names and labels in a folder of tables, for a person to finish."""

from __future__ import annotations

import difflib
import json
import re
import warnings
from collections.abc import Iterator
from pathlib import Path

from holf.confidential.read.checks import says_missing
from holf.confidential.read.formats import EXCEL, FORMATS, Cells, Unreadable, ending_of, read_cells, sheets_of
from holf.confidential.read.mapping import TableMapping, header_names, wave_column
from holf.confidential.read.reader import list_data, read_file
from holf.record.schema import Schema

# How alike two names must be, from 0 to 1, for a guess.
_ALIKE = 0.75
_YES_NO = {"ja": "1", "yes": "1", "nei": "0", "no": "0"}
_HEAD = """\
# A mapping file to begin with, guessed from names and labels alone; no table was checked. Read every line, replace
# every "?", and delete what is wrong. It holds names from your tables: keep it where they are.
"""


def suggest(folder: Path, schema: Schema) -> str:
    """Guess which file, sheet and column is which, and which label is which code.

    Returned is YAML for `holf.confidential.read.mapping`. It may hold names out of the tables, but no cell of theirs.
    """
    known = {name for table in schema.tables for name in header_names(schema, table, TableMapping())}
    lines, guesses, taken = [_HEAD], [], set()
    with warnings.catch_warnings():
        # Warnings of the readers quote values.
        warnings.simplefilter("ignore")
        for place, read in _sources(folder, known):
            if isinstance(read, Unreadable):
                lines.append(f"# {_quoted(place[0])}: {read.rule}. {read.fix}\n")
                continue
            for table in schema.tables:
                columns = _columns(read, schema, table)
                named = table.casefold() in (Path(place[0]).stem.casefold(), (place[1] or "").casefold())
                guesses.append(((named, len(columns) / len(schema.fields(table))), table, place, read, columns))
    found = {}
    for (named, share), table, place, read, columns in sorted(guesses, key=lambda one: one[0], reverse=True):
        if table not in found and place not in taken and (named or share >= 0.5):
            taken.add(place)
            found[table] = _entry(table, place, read, columns, schema)
    lines += [found.get(table, f"# {table}: no file looks like it.\n") for table in schema.tables]
    return "\n".join(lines)


def _sources(folder: Path, known: set[str]) -> Iterator[tuple[tuple[str, str | None], Cells | Unreadable]]:
    """Every file and sheet that may be a table: name of file and sheet, and what it holds or why it cannot be read."""
    for name, path in list_data(folder)[0].items():
        if ending_of(name) not in FORMATS:
            continue
        try:
            content = read_file(path)
            sheets = sheets_of(content) if ending_of(name) == EXCEL else [None]
        except Unreadable as refused:
            yield (name, None), refused
            continue
        for sheet in sheets:
            try:
                yield (name, sheet), read_cells(name, content, TableMapping(sheet=sheet), known)
            except Unreadable as refused:
                yield (name, sheet), refused


def _columns(read: Cells, schema: Schema, table: str) -> dict[str, str]:
    """Their column by ours, as far as a name or a label is like one of ours; certain ones first."""
    names = header_names(schema, table, TableMapping())
    wave = wave_column(schema, table)
    columns = {names[theirs.casefold()]: theirs for theirs in read.header if theirs.casefold() in names}
    left = [theirs for theirs in read.header if theirs.casefold() not in names]
    if wave and wave not in columns:
        left = _patterns(left)
    for ours, field in schema.fields(table).items():
        own = [ours, *field.get("holf:aliases", ())]
        for theirs in left if ours not in columns else ():
            said = [re.sub(r"\{.*\}", "", theirs), read.titles.get(theirs, "")]
            if max(_alike(one, other) for one in own for other in said) >= _ALIKE:
                columns[ours] = theirs
                left.remove(theirs)
                break
    return columns


def _patterns(names: list[str]) -> list[str]:
    """Names with names that differ in their last number alone taken together: income_m{0,12}."""
    found: dict[str, list[str]] = {}
    for name in names:
        match = re.fullmatch(r"([^{}]*?)(\d+)", name)
        found.setdefault(match[1] if match else name, []).append(match[2] if match else "")
    return [f"{stem}{{{','.join(ends)}}}" if len(ends) > 1 else stem + ends[0] for stem, ends in found.items()]


def _alike(one: str, other: str) -> float:
    plain = [re.sub(r"_m$|[\W_]", "", name.casefold()) for name in (one, other)]
    return difflib.SequenceMatcher(None, *plain).ratio()


def _entry(table: str, place: tuple[str, str | None], read: Cells, columns: dict[str, str], schema: Schema) -> str:
    """The part of the mapping file on one table."""
    lines = [f"{table}:", f"  file: {_quoted(place[0])}"]
    lines += [f"  sheet: {_quoted(place[1])}"] if place[1] else []
    names = header_names(schema, table, TableMapping())
    guessed = {ours: theirs for ours, theirs in columns.items() if theirs.casefold() not in names}
    lines += ["  columns:"] * bool(guessed) + [f"    {ours}: {_quoted(theirs)}" for ours, theirs in guessed.items()]
    wide = TableMapping(columns=columns).wide
    spread = {ours: list(wide[ours].values()) if ours in wide else [theirs] for ours, theirs in columns.items()}
    codes = {}
    for ours, theirs in spread.items():
        labels = {value: label for name in theirs for value, label in read.labels.get(name, {}).items()}
        codes[ours] = _codes(labels, schema.fields(table)[ours])
    lines += ["  codes:"] * any(codes.values())
    for ours, said in codes.items():
        lines += [f"    {ours}:"] * bool(said) + [f"      {one}" for one in said]
    implied = {wave_column(schema, table)} if wide else set()
    if lost := [ours for ours in schema.fields(table) if ours not in columns.keys() | implied]:
        lines.append(f"  # Not found: {', '.join(lost)}. Name each under columns, or add it to the file, empty.")
    placed = {name for theirs in spread.values() for name in theirs}
    if strange := [_quoted(name) for name in read.header if name not in placed]:
        lines.append(f"  # Yours without a place: {', '.join(strange)}. Name each under columns, or take it out.")
    return "\n".join(lines) + "\n"


def _codes(labels: dict[str, str], field: dict) -> list[str]:
    """Lines of codes, from the labels of a column's values."""
    allowed = [str(value) for value in field.get("constraints", {}).get("enum", ())]
    lines = []
    for value, label in labels.items():
        words = label.casefold()
        like = [one for one in allowed if one.casefold() == words or (len(one) > 1 and one.casefold() in words)]
        ours = "" if says_missing(label) else _YES_NO.get(words, like[0] if len(like) == 1 else "?")
        if ours == "" or (allowed and (ours != value)):
            lines.append(f"{_quoted(value)}: {_quoted(ours)}  # {_quoted(label)}")
    return lines


def _quoted(text: str) -> str:
    """A text as YAML in one line; JSON is YAML."""
    return json.dumps(text, ensure_ascii=False)
