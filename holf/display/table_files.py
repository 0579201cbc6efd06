"""One table or figure as files: its numbers, a dictionary of their columns, and the text that stands for it."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from holf.display.printed_values import PARTS, Value, read_value
from holf.display.table import Cell, Table
from holf.display.text import MISSING
from holf.record.source import kind_of, mark_of

# Class of a whole table, as each row of its file says it, and how the names of its files begin.
CLASSES = {"simulated": "simulated", "elsewhere": "another trial", "real": "real data", "record": "record"}
_PREFIXES = {"simulated": "simulated-", "elsewhere": "another-trial-", "real": "real-data-", "record": ""}
_LONGEST = 60


@dataclass(frozen=True)
class Column:
    """One column of a file.

    Attributes
    ----------
    name : str
        Letters, digits and underscores.
    heading : str
        Heading of the column that the page shows; empty for what the file adds.
    part : str
        Which part of the shown cells it holds.
    unit : str
        Every unit that its rows have; empty where there is none.
    entries : tuple of str
        One a row.
    """

    name: str
    heading: str
    part: str
    unit: str
    entries: tuple[str, ...]


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


def _texts(entries: Sequence[str | Cell]) -> list[Cell]:
    return [entry if isinstance(entry, Cell) else Cell(entry) for entry in entries]


def _numbers(name: str, heading: str, values: Sequence[Value]) -> Iterator[Column]:
    # A column of its own even where one unit serves all rows: a file that travels alone has to say it.
    units = {value.unit for value in values} - {""}
    for part in PARTS:
        if any(part in value.parts for value in values):
            entries = tuple(value.parts.get(part, "") for value in values)
            measured = ", ".join(sorted(units)) if part in ("", "low", "high") else ""
            yield Column(f"{name}_{part}" if part else name, heading, part or "number", measured, entries)
    if units:
        yield Column(f"{name}_unit", heading, "unit", "", tuple(value.unit for value in values))


def _of_heading(name: str, heading: str, cells: Sequence[Cell]) -> Iterator[Column]:
    values = [read_value(cell.text) for cell in cells]
    words = tuple("" if cell.text == MISSING else cell.text for cell in cells)
    if any(value and value.parts.keys() - {"withheld"} for value in values):
        yield from _numbers(name, heading, [value or Value({}) for value in values])
        if None in values:
            said = tuple(word if value is None else "" for word, value in zip(words, values))
            yield Column(f"{name}_words", heading, "words", "", said)
    else:
        yield Column(name, heading, "words" if any(words) else "nothing yet", "", words)
    for part, entries in (("class", [cell.kind for cell in cells]), ("fact", [cell.fact for cell in cells])):
        if any(entries):
            yield Column(f"{name}_{part}", heading, part, "", tuple(entries))


def columns_of(table: Table) -> list[Column]:
    """Columns of a table's file: its class and source in every row, then what each column of the page shows.

    Parameters
    ----------
    table : Table
    """
    kind, (_, named) = kind_of(table.source), mark_of(table.source)
    worlds = named.split(", ")
    texts = [[cell.text for cell in _texts(row)] for row in table.rows]
    sources = tuple(next((text for text in row if named and text in worlds), named or "public record") for row in texts)
    columns = [
        Column("data_class", "", "class", "", (CLASSES[kind],) * len(table.rows)),
        Column("data_source", "", "source", "", sources),
    ]
    for place, heading in enumerate(table.columns):
        columns += _of_heading(slug(heading), heading, _texts([row[place] for row in table.rows]))
    return _unique(columns)


def _unique(columns: Iterable[Column]) -> list[Column]:
    seen: dict[str, int] = {}
    out = []
    for column in columns:
        seen[column.name] = times = seen.get(column.name, 0) + 1
        name = f"{column.name}_{times}" if times > 1 else column.name
        out.append(Column(name, column.heading, column.part, column.unit, column.entries))
    return out


def _written(rows: Iterable[Iterable[str]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()


def csv_of(table: Table) -> str:
    """The numbers of a table as CSV: one head, no comments, digits as printed, empty where nothing is.

    Parameters
    ----------
    table : Table

    Examples
    --------
    >>> print(csv_of(Table("c", ("What", "Mean"), (("a", "1,200"),), source="simulated: null world")))
    data_class,data_source,what,mean
    simulated,null world,a,1200
    <BLANKLINE>
    """
    columns = columns_of(table)
    return _written([[column.name for column in columns], *zip(*(column.entries for column in columns))])


def digest_of(table: Table) -> str:
    """SHA-256 of a table's CSV: what its figure carries, so that the two can be held against each other."""
    return hashlib.sha256(csv_of(table).encode()).hexdigest()


@dataclass(frozen=True)
class Download:
    """What a reader can take from one place of a page.

    Attributes
    ----------
    page : str
        Name of the chapter.
    stem : str
        What the names of the files begin with; says what is not of the record.
    table : Table
        The numbers: the table itself, or the twin of a figure.
    alt : str
        Text alternative of a figure; empty for a table.
    seal : str
        What the file of the figure says that its data are; empty for a table.
    """

    page: str
    stem: str
    table: Table
    alt: str = ""
    seal: str = ""

    def files(self, descriptions) -> dict[str, str]:
        """Content of each file by its name.

        Parameters
        ----------
        descriptions : holf.book.downloads.descriptions.Descriptions
            What the columns mean.
        """
        head = ("column", "heading", "holds", "unit", "description")
        lines = [
            (one.name, one.heading, one.part, one.unit, descriptions.of(one.heading, one.part, one.name))
            for one in columns_of(self.table)
        ]
        said = self.alt or repr(self.table)
        return {
            f"{self.stem}.csv": csv_of(self.table),
            f"{self.stem}-columns.csv": _written([head, *lines]),
            f"{self.stem}.txt": f"{said}\n",
        }


def stem_of(table: Table, taken: Iterable[str]) -> str:
    """Name for the files of a table, different from those that are `taken`.

    Examples
    --------
    >>> stem_of(Table("Means, by arm", ("x",), (), source="simulated: null world"), ["simulated-means_by_arm"])
    'simulated-means_by_arm-2'
    """
    words = slug(table.caption)
    if len(words) > _LONGEST:
        words = words[:_LONGEST].rpartition("_")[0]
    first = _PREFIXES[kind_of(table.source)] + words
    number, taken = 1, set(taken)
    while (name := first if number == 1 else f"{first}-{number}") in taken:
        number += 1
    return name
