"""What a table holds, column by column: what a notebook keeps beside the HTML, and what the files are written from."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass

from holf.display.text import MISSING, PARTS, Value
from holf.record.source import TABLE_CLASSES, kind_of, mark_of

# Part of the metadata of a notebook's output that holds these values; no page shows it.
KEY = "holf_table"
ASSUMED = "assumed"


@dataclass(frozen=True)
class Column:
    """One column of a file: name (letters, digits, underscores), and an entry a row, in the digits that are printed.

    `heading` is that of the column that the page shows, empty for what the file adds; `part` says which part of the
    shown cells it holds, and `unit` every unit that its rows have.
    """

    name: str
    heading: str
    part: str
    unit: str
    entries: tuple[str, ...]


@dataclass(frozen=True)
class TableValues:
    """The values of a table: class and source of every row, then what each column of the page shows."""

    caption: str
    source: str
    columns: tuple[Column, ...]

    def to_json(self) -> dict:
        """The values as JSON, for the output of a notebook."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: dict) -> TableValues:
        """The values that `to_json` gave."""
        columns = (Column(**{**column, "entries": tuple(column["entries"])}) for column in content["columns"])
        return cls(content["caption"], content["source"], tuple(columns))

    @property
    def rows(self) -> list[dict[str, str]]:
        """Entries of each row by the names of the columns."""
        names = [column.name for column in self.columns]
        return [dict(zip(names, row)) for row in zip(*(column.entries for column in self.columns))]

    def csv(self) -> str:
        """The values as CSV: one head, no comments, digits as printed, empty where nothing is."""
        names = [column.name for column in self.columns]
        return csv_text([names, *zip(*(column.entries for column in self.columns))])

    def digest(self) -> str:
        """SHA-256 of the CSV: what a figure carries, so that the two can be held against each other."""
        return hashlib.sha256(self.csv().encode()).hexdigest()


def csv_text(rows: Iterable[Iterable[str]]) -> str:
    """Rows as the text of a CSV file."""
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def slug(words: str) -> str:
    """Words as a name that programs take: small letters, digits and underscores, no digit first.

    Examples
    --------
    >>> slug("95 % interval"), slug("Before & after"), slug("p, max-T")
    ('interval_95', 'before_after', 'p_max_t')
    """
    name = "_".join(re.findall(r"[^\W_]+", words.lower()))
    number, _, rest = name.partition("_")
    return f"{rest}_{number}" if number.isdigit() and rest else f"n_{name}" if name[:1].isdigit() else name or "column"


def values_of(table) -> TableValues:
    """The values of a `holf.display.table.Table`: its class and source in every row, then each column that it shows."""
    named, kind = mark_of(table.source)[1], TABLE_CLASSES[kind_of(table.source)]
    worlds, classes, sources = named.split(", "), [], []
    for row in table.cells:
        # A row in which all that has a class is assumed.
        is_assumed = not named and {cell.kind for cell in row} - {""} == {ASSUMED}
        world = next((cell.text for cell in row if cell.text in worlds), named)
        classes.append(ASSUMED if is_assumed else kind)
        sources.append(world or ("assumption of this book" if is_assumed else "public record"))
    columns = [Column("data_class", "", "class", "", tuple(classes))]
    columns.append(Column("data_source", "", "source", "", tuple(sources)))
    for place, heading in enumerate(table.columns):
        columns += _of_heading(slug(heading), heading, [row[place] for row in table.cells])
    return TableValues(table.caption, table.source, _with_unique_names(columns))


def _of_heading(name: str, heading: str, cells: Sequence) -> Iterator[Column]:
    values = [cell.text if isinstance(cell.text, Value) else None for cell in cells]
    words = tuple("" if cell.text == MISSING else str(cell.text) for cell in cells)
    if any(value and value.numbers.keys() - {"withheld"} for value in values):
        yield from _of_numbers(name, heading, values)
        rest = tuple("" if value else word for value, word in zip(values, words))
        if any(rest):
            yield Column(f"{name}_words", heading, "words", "", rest)
    else:
        yield Column(name, heading, "words" if any(words) else "nothing yet", "", words)
    for part, entries in (("class", [cell.kind for cell in cells]), ("fact", [cell.fact for cell in cells])):
        if any(entries):
            yield Column(f"{name}_{part}", heading, part, "", tuple(entries))


def _of_numbers(name: str, heading: str, values: Sequence[Value | None]) -> Iterator[Column]:
    units = {value.unit for value in values if value} - {""}
    for part in PARTS:
        entries = tuple(value.numbers.get(part, "") if value else "" for value in values)
        if any(entries):
            measured = ", ".join(sorted(units)) if part in ("number", "low", "high") else ""
            yield Column(name if part == "number" else f"{name}_{part}", heading, part, measured, entries)
    # A column of its own even where one unit serves all rows: a file that travels alone has to say it.
    if units:
        yield Column(f"{name}_unit", heading, "unit", "", tuple(value.unit if value else "" for value in values))


def _with_unique_names(columns: Iterable[Column]) -> tuple[Column, ...]:
    seen: dict[str, int] = {}
    out = []
    for column in columns:
        seen[column.name] = times = seen.get(column.name, 0) + 1
        name = f"{column.name}_{times}" if times > 1 else column.name
        out.append(Column(name, column.heading, column.part, column.unit, column.entries))
    return tuple(out)
