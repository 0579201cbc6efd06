"""Turns a table with one column for each wave into one with a row for each wave."""

from __future__ import annotations

import re

from holf.confidential.read.formats import NO_ROW, Cells, Unreadable
from holf.confidential.read.mapping import TableMapping, wave_column
from holf.record.schema import Schema


def lengthen(cells: Cells, how: TableMapping, schema: Schema, table: str) -> Cells:
    """Give every wave of the mapping's wide columns its own row.

    A person with no value at any wave gets no row, as in a table that has one row a wave from the start.

    Raises
    ------
    Unreadable
        If nobody has a value, or a column that the mapping names is missing.
    """
    wide, place = how.wide, {name.strip().casefold(): number for number, name in enumerate(cells.header)}
    for ours, waves in wide.items():
        if not {theirs.casefold() for theirs in waves.values()} <= place.keys():
            raise Unreadable(
                f"a column that the mapping file names for {ours} is missing", "Correct it under columns there."
            )
    names = {ours: {wave: place[theirs.casefold()] for wave, theirs in waves.items()} for ours, waves in wide.items()}
    spread = {number for waves in names.values() for number in waves.values()}
    fixed = [number for number in range(len(cells.header)) if number not in spread]
    waves = list(dict.fromkeys(wave for one in names.values() for wave in one))
    wave_name = wave_column(schema, table)
    known = schema.fields(table)[wave_name]["constraints"]["enum"]
    lines: list[list[str | None]] = []
    rows: list[int] = []
    for row, line in zip(cells.rows, zip(*cells.columns)):
        if not any(line[number] for number in spread):
            continue
        for wave in waves:
            values = [line[one[wave]] if wave in one else None for one in names.values()]
            lines.append([*(line[number] for number in fixed), _own_name(wave, how, known, wave_name), *values])
            rows.append(row)
    if not lines:
        raise Unreadable(*NO_ROW)
    labels: dict[str, dict[str, str]] = {ours: {} for ours in wide}
    for ours, theirs in wide.items():
        for value, label in (pair for name in theirs.values() for pair in cells.labels.get(name, {}).items()):
            labels[ours][value] = f"{labels[ours].get(value, '')} {label}"
    header = (*(cells.header[number] for number in fixed), wave_name, *names)
    columns = tuple(map(list, zip(*lines)))
    return Cells(header, columns, tuple(rows), cells.decimal, cells.notes, cells.labels | labels)


def _own_name(wave: str, how: TableMapping, known: list[str], wave_name: str) -> str:
    """The wave as the schema or the codes name it: by name, or else by its number."""
    if wave in known or wave in how.codes.get(wave_name, {}):
        return wave
    same = [one for one in known if re.sub(r"\D", "", one) == re.sub(r"\D", "", wave) != ""]
    return same[0] if len(same) == 1 else wave
