"""A table: HTML for the page, text for a terminal and for the check of outputs, and its values for the files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from html import escape
from typing import Any

from holf.display.text import Value
from holf.display.values import KEY, TableValues, values_of
from holf.record.source import CLASSES, RECORD, class_of, kind_of, mark_of


@dataclass(frozen=True)
class Cell:
    """One cell: its text, a number or words; `kind` adds the badge of a class, `fact` links it to its ledger row.

    `place` is where a published number without such a row stands: document and page.
    """

    text: str
    kind: str = ""
    fact: str = ""
    place: str = ""

    def __str__(self) -> str:
        notes = " ".join(note for note in (self.kind, self.fact, self.place) if note)
        return f"{self.text} [{notes}]" if notes else self.text


def badge(kind: str) -> str:
    """HTML badge of a class of number: its shape and its word."""
    return f'<span class="holf-badge holf-{kind}"><span aria-hidden="true">{CLASSES[kind].shape}</span> {kind}</span>'


@dataclass(frozen=True)
class Table:
    """A captioned table whose first column heads its rows.

    A row has as many entries as there are headings; a number in it is a `holf.display.text.Value`, and any other text
    stays words in the file. `source` says where the numbers came from: `RECORD` for published, derived and assumed
    ones, or words that begin with ``simulated: ``, ``another trial: `` or ``real data: ``, which put a mark into the
    caption. A `folded` table is shown closed, behind its caption, as the twin of a figure. `note` stands under it.
    """

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str | Cell, ...], ...]
    source: str = field(kw_only=True)
    folded: bool = field(default=False, kw_only=True)
    note: str = field(default="", kw_only=True)

    def __post_init__(self):
        """Refuse a source of no class, a row of another length, and a published cell that says not where it stands."""
        if self.source != RECORD and not class_of(self.source):
            raise ValueError(
                f"table {self.caption!r}: source must be RECORD or begin with simulated, another trial or real data"
            )
        for row in self.rows:
            if len(row) != len(self.columns):
                raise ValueError(
                    f"table {self.caption!r}: a row has {len(row)} entries for {len(self.columns)} columns"
                )
        for cell in (cell for row in self.cells for cell in row):
            if cell.kind == "published" and not (cell.fact or cell.place):
                raise ValueError(
                    f"table {self.caption!r}: {cell.text!r} is published, but links to no row of the ledger; write "
                    f'Cell({cell.text!r}, "published", "F...") with the row\'s id of data/facts.csv'
                )

    @classmethod
    def of(
        cls, caption: str, items: Iterable[Any], columns: Mapping[str, Callable[[Any], str | Cell]], **options: Any
    ) -> Table:
        """A table with a row for each item: `columns` maps each heading to what gives the item's cell."""
        rows = tuple(tuple(cell(item) for cell in columns.values()) for item in items)
        return cls(caption, tuple(columns), rows, **options)

    @property
    def cells(self) -> list[list[Cell]]:
        """The rows, each entry of them as a cell."""
        return [[entry if isinstance(entry, Cell) else Cell(entry) for entry in row] for row in self.rows]

    @property
    def _common_kind(self) -> str:
        """Class that every number of a table of the record has, said once in the caption; empty where they differ.

        The caption of any other table says the class of its source, and no second one.
        """
        # A row that lacks the class of its neighbours would seem to have it.
        marked = {tuple(bool(cell.kind) for cell in row) for row in self.cells}
        kinds = {cell.kind for row in self.cells for cell in row} - {""}
        return kinds.pop() if self.source == RECORD and len(kinds) == len(marked) == 1 else ""

    @property
    def _common_units(self) -> list[str]:
        """Unit that all numbers of each column have, so that the heading says it once; empty where they differ."""
        return list(map(_common_unit, zip(*self.cells))) if self.rows else [""] * len(self.columns)

    @property
    def values(self) -> TableValues:
        """What the table holds, for its file."""
        return values_of(self)

    def _title(self) -> str:
        mark, name = mark_of(self.source)
        return f"{mark} ({name}). {self.caption}" if mark else self.caption

    def _headings(self) -> list[str]:
        return [f"{name} ({unit})" if unit else name for name, unit in zip(self.columns, self._common_units)]

    def _shown(self) -> list[list[Cell]]:
        """Rows without the units and the class that headings and caption say."""
        units, kind = self._common_units, self._common_kind
        return [[_bare(cell, unit, kind) for cell, unit in zip(row, units)] for row in self.cells]

    def __repr__(self) -> str:
        title = [self._title(), *([f"[{self._common_kind}]"] if self._common_kind else [])]
        lines = [" ".join(title), " | ".join(self._headings())]
        return "\n".join([*lines, *(" | ".join(map(str, row)) for row in self._shown()), *filter(None, [self.note])])

    def _repr_mimebundle_(self, include=None, exclude=None) -> tuple[dict, dict]:
        # Data and metadata of an output; IPython asks the methods below for HTML and text. As data, the values would be
        # a form that Sphinx cannot show, and warns of.
        return {}, {KEY: self.values.to_json()}

    def _repr_html_(self) -> str:
        head = "".join(f'<th scope="col">{escape(name)}</th>' for name in self._headings())
        # A line a row: a changed number is then a changed line in the notebook, which a reviewer can read.
        body = "".join(f"<tr>{_row(row)}</tr>\n" for row in self._shown())
        title, spoken = escape(self.caption), escape(self._title())
        kind, (mark, name) = kind_of(self.source), mark_of(self.source)
        if mark:
            shape = f'<span aria-hidden="true">{CLASSES[kind].shape}</span>'
            title = f'<strong class="holf-mark">{mark}</strong> {shape} ({escape(name)}). {title}'
        if self._common_kind:
            title = f"{title} {badge(self._common_kind)}"
        foot = (
            f'<tfoot><tr><td colspan="{len(self.columns)}">{escape(self.note)}</td></tr></tfoot>' if self.note else ""
        )
        table = (
            f'<table class="holf-table" data-holf="{kind}"><caption><div class="holf-caption">{title}</div></caption>'
            f"\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>{foot}</table>"
        )
        # A wide table scrolls inside its own frame, which the keyboard can reach. As regions, up to twenty on a page
        # would hide the landmarks.
        frame = f'<div class="holf-scroll" tabindex="0" role="group" aria-label="{spoken}">{table}</div>'
        if not self.folded:
            return frame
        return f'<details class="holf-twin"><summary>Show table: {spoken}</summary>{frame}</details>'


def invented_arms(source: str) -> str:
    """What stands under a table that counts simulated people by arm: only their sums are published."""
    return "No source read gives numbers by arm; these are invented." if kind_of(source) == "simulated" else ""


def _row(row: list[Cell]) -> str:
    first, *rest = map(_html, row)
    return f'<th scope="row">{first}</th>' + "".join(f"<td>{entry}</td>" for entry in rest)


def _html(cell: Cell) -> str:
    shown = escape(cell.text)
    if cell.fact:
        shown = f'<a href="ledger.html#{cell.fact.lower()}">{shown}</a>'
    shown = f"{shown} {badge(cell.kind)}" if cell.kind else shown
    return f"{shown} ({escape(cell.place)})" if cell.place else shown


def _bare(cell: Cell, unit: str, kind: str) -> Cell:
    text = cell.text.bare if unit and isinstance(cell.text, Value) else cell.text
    return replace(cell, text=text, kind="" if kind else cell.kind)


def _common_unit(column: tuple[Cell, ...]) -> str:
    """The one unit of a column in which most entries are numbers and none has another unit or is without."""
    values = [cell.text for cell in column if isinstance(cell.text, Value)]
    numbers = [value for value in values if "withheld" not in value.numbers]
    units = {number.unit for number in numbers}
    return units.pop() if len(units) == 1 and 2 * len(numbers) > len(column) else ""
