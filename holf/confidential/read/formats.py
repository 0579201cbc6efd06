"""What a file holds, as text: delimited text, Excel, Parquet, SPSS, Stata and SAS, all in one form.

Whatever could be meant in two ways is refused.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
import zipfile
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

from holf.confidential.read.mapping import TableMapping

# Above this, a float no longer tells whole numbers apart.
_EXACT = 2**53
# A study of nine tables has less than a million cells.
_MOST_CELLS = 20_000_000
_MOST_BYTES = 2**30
# How far below the top of a file the header may stand.
_TITLE_ROWS = 20
_ENCODING = "Save it as UTF-8, or state it in the mapping file, as in `encoding: latin-1`."
NO_ROW = ("there is a header but no row", "Leave the file out if you do not have this table.")


class Unreadable(Exception):
    """A file cannot be read as a table; rule and fix are safe, and `rows` holds row numbers only."""

    def __init__(self, rule: str, fix: str, rows: tuple[int, ...] | None = None):
        super().__init__(rule)
        self.rule, self.fix, self.rows = rule, fix, rows


@dataclass(frozen=True)
class Cells:
    """A table as text.

    A cell of `columns` is None where the format itself says that a value is missing. `decimal` is the decimal mark,
    `rows` are the numbers of the rows in the file, from 1 below the header, and `notes` say what was passed over.
    `labels` has by column the label of a value, by the value as text; `titles` has the label of each column.
    """

    header: tuple[str, ...]
    columns: tuple[list[str | None], ...]
    rows: tuple[int, ...]
    decimal: str = "."
    notes: tuple[str, ...] = ()
    labels: dict[str, dict[str, str]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        return f"Cells({len(self.header)} columns)"


def read_delimited(content: bytes, how: TableMapping, names: Collection[str] = ()) -> Cells:
    """Read the bytes of a CSV file.

    What the mapping does not state is found out: UTF-8, else Latin-1 as Windows has it; the one of ``,``, ``;`` and the
    tab that stands in the header line; a decimal comma with ``;``. `names` are column names to know the header by.

    Raises
    ------
    Unreadable
        If the file is empty, has no rows, or can be read in no way or in more than one.
    """
    text = _decode(content, how.encoding)
    separator = how.separator or _separator(text, names)
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error:
        raise Unreadable("the quoting is broken", 'Close every quotation mark; write " inside quotes as "".') from None
    cells = _from_rows(rows, names)
    return replace(cells, decimal=how.decimal_mark(separator))


def _from_rows(rows: list[Sequence[str | None]], names: Collection[str]) -> Cells:
    """A table from its rows, without those above the header (title, ``sep=;``), empty ones, and empty last columns."""
    filled = [(place, row) for place, row in enumerate(rows) if any(row)]
    if not filled:
        raise Unreadable("the file is empty", "Write a header line and one line a row.")
    known = [sum(str(cell).strip().casefold() in names for cell in row) for _, row in filled[:_TITLE_ROWS]]
    # A title or a row of values holds at most one word that is a column name.
    start = next((place for place, count in enumerate(known) if count > 1), 0)
    (top, header), below = filled[start], filled[start + 1 :]
    width = max((place for place, cell in enumerate(header, start=1) if cell), default=0)
    if not any(any(row[width:]) for _, row in below):
        header, below = header[:width], [(place, row[:width]) for place, row in below]
    if not all(header):
        raise Unreadable("the header has an empty name", "Name every column, and end no line with a separator.")
    _require_names_once(header)
    if not below:
        raise Unreadable(*NO_ROW)
    if uneven := tuple(place - top for place, row in below if len(row) != len(header)):
        fix = "Quote cells that hold the separator, end no line with one, and take out a title above the header."
        raise Unreadable("a row has more or fewer cells than the header", fix, uneven)
    notes = ["rows above the header"] * (start > 0)
    notes += ["empty rows"] * (below[-1][0] - top > len(below) or any(row for row in rows[below[-1][0] + 1 :]))
    columns = tuple(map(list, zip(*(row for _, row in below))))
    return Cells(tuple(header), columns, tuple(place - top for place, _ in below), notes=tuple(notes))


def _require_names_once(header: Sequence[str]) -> None:
    if max(Counter(name.casefold() for name in header).values()) > 1:
        raise Unreadable("a column name stands in the header twice", "Keep one of the columns.")


def _decode(content: bytes, encoding: str | None) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("the file is written in UTF-16", "Save it as UTF-8.")
    if b"\0" in content:
        raise Unreadable("the file holds NUL bytes", "Export it anew as text; it may be damaged, or of another format.")
    ways = {"utf-8": ("utf-8-sig",), None: ("utf-8-sig", "cp1252")}.get(encoding, (encoding,))
    for way in ways:
        # Where two programs wrote one file, no id, code or column name has the letters that come out.
        with suppress(UnicodeDecodeError):
            return content.decode(way)
    raise Unreadable(f"the file is not written in {encoding or 'UTF-8 or Latin-1'}", _ENCODING)


def _separator(text: str, names: Collection[str]) -> str:
    """The separator in the header line: the first line with two known column names, or else the first line."""
    lines = [line for line in text.splitlines()[: 2 * _TITLE_ROWS] if line.strip()]
    marks = (",", ";", "\t")
    headers = [line for line in lines if len(set(names) & set(re.split(r'[,;\t"]+', line.casefold()))) > 1]
    found = [mark for mark in marks if mark in (headers or lines or [""])[0]]
    if len(found) > 1:
        fix = 'State it in the mapping file, as in `separator: ";"`, or use one mark alone in the header line.'
        raise Unreadable("the header line holds more than one of comma, semicolon and tab", fix)
    return found[0] if found else ","


def read_cells(name: str, content: bytes, how: TableMapping, names: Collection[str] = (), *, table: str = "") -> Cells:
    """Read the bytes of a file in the format that its ending names.

    Values of other programs come as they would stand in a CSV file: numbers in their shortest exact form, dates as
    YYYY-MM-DD, true and false as 1 and 0. Value labels are not applied; values that SPSS or Stata declares missing are
    missing. Of an Excel file the sheet `table` is read where none is stated.

    Raises
    ------
    Unreadable
        If the file is not of its format, has two columns of one name or no rows, or its reader is not installed.
    """
    if not content:
        raise Unreadable("the file is empty", "Export it anew.")
    ending = ending_of(name)
    if ending in TEXT:
        return read_delimited(content, how, names)
    if ending not in FORMATS:
        raise Unreadable("the file has an unknown ending", f"Known endings: {' '.join(FORMATS)}.")
    decimal = how.decimal_mark()
    with _silent(ending):
        if ending == EXCEL:
            return replace(_from_rows(_read_sheet(content, how.sheet, table, decimal), names), decimal=decimal)
        header, columns, labels, titles = _READERS[ending](content)
    if not columns or not columns[0]:
        raise Unreadable(*NO_ROW)
    _require_names_once(header)
    texts = tuple([_text(value, decimal) for value in column] for column in columns)
    rows = tuple(range(1, len(texts[0]) + 1))
    return Cells(tuple(header), texts, rows, decimal, labels=labels, titles=titles)


@contextmanager
def _silent(ending: str) -> Iterator[None]:
    """Drop what readers say: they raise errors of many types, some of which quote cells."""
    try:
        yield
    except Unreadable:
        raise
    except ImportError:
        raise Unreadable("the reader is not installed", "Install the project with its extra: data.") from None
    except Exception:
        raise Unreadable(f"the file is not a whole {ending} file", "Export it anew.") from None


def sheets_of(content: bytes) -> list[str]:
    """Names of the sheets of an Excel file; Unreadable if it is none."""
    with _silent(EXCEL):
        return [sheet.title for sheet in _open_excel(content).worksheets]


def _open_excel(content: bytes, *, formulas: bool = False):
    import openpyxl

    if sum(part.file_size for part in zipfile.ZipFile(io.BytesIO(content)).infolist()) > _MOST_BYTES:
        raise _too_many()
    return openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=not formulas)


def _read_sheet(content: bytes, wanted: str | None, table: str, decimal: str) -> list[list[str | None]]:
    """Rows of one sheet of an Excel file, all of one length."""
    names = sheets_of(content)
    matching = [name for name in names if name.casefold() == (wanted or table).casefold()]
    chosen = matching if wanted or matching else names
    if len(chosen) != 1:
        rule = "the sheet named in the mapping file is missing" if wanted else "the file has more than one sheet"
        raise Unreadable(rule, "Name it in the mapping file, as in `sheet: NAME`.")
    # Once for the results of formulas, once to see where formulas are.
    values, formulas = (_rows(_open_excel(content, formulas=one)[chosen[0]]) for one in (False, True))
    pairs = [(value, formula) for rows in zip(values, formulas) for value, formula in zip(*rows)]
    results = [value is not None for value, formula in pairs if value != formula]
    if results and not any(results):
        raise Unreadable("the formulas have no results", "Open the file in Excel and save it, or paste the values.")
    width = max(map(len, values), default=0)
    return [[_text(value, decimal) for value in row] + [None] * (width - len(row)) for row in values]


def _rows(sheet) -> list[tuple]:
    # The size that a file claims for a sheet can be that of the largest sheet there is.
    sheet.reset_dimensions()
    rows, cells = [], 0
    for row in sheet.iter_rows(values_only=True):
        cells += len(row)
        if cells > _MOST_CELLS:
            raise _too_many()
        rows.append(row)
    return rows


def _too_many() -> Unreadable:
    return Unreadable(
        f"the file has more than {_MOST_CELLS // 10**6} million cells", "Leave out rows and columns of no table."
    )


_Table = tuple[list[str], list[list], dict[str, dict[str, str]], dict[str, str]]


def _read_parquet(content: bytes) -> _Table:
    from pyarrow import parquet

    file = parquet.ParquetFile(io.BytesIO(content))
    if file.metadata.num_rows * file.metadata.num_columns > _MOST_CELLS:
        raise _too_many()
    table = file.read()
    return table.column_names, [column.to_pylist() for column in table.columns], {}, {}


def _read_statistics(reader: str) -> Callable[[bytes], _Table]:
    def read(content: bytes) -> _Table:
        import pyreadstat

        call = getattr(pyreadstat, reader)
        _, told = call(io.BytesIO(content), metadataonly=True)
        # The reader takes memory for as many rows as the header claims: 7 GB for a damaged file of 600 bytes.
        if (told.number_rows or 0) * told.number_columns > _MOST_CELLS:
            raise _too_many()
        cells, told = call(io.BytesIO(content), output_format="dict")
        columns = [column.tolist() if hasattr(column, "tolist") else list(column) for column in cells.values()]
        labels = {
            str(name): {_text(value) or "": str(label) for value, label in pairs.items()}
            for name, pairs in told.variable_value_labels.items()
        }
        titles = {str(name): label for name, label in told.column_names_to_labels.items() if label}
        return [str(name) for name in cells], columns, labels, titles

    return read


_READERS: dict[str, Callable[[bytes], _Table]] = {
    ".parquet": _read_parquet,
    ".sav": _read_statistics("read_sav"),
    ".zsav": _read_statistics("read_sav"),
    ".dta": _read_statistics("read_dta"),
    ".sas7bdat": _read_statistics("read_sas7bdat"),
    ".xpt": _read_statistics("read_xport"),
}
TEXT, EXCEL = (".csv", ".tsv", ".tab", ".txt"), ".xlsx"
FORMATS = (*TEXT, EXCEL, *_READERS)


def _text(value: object, decimal: str = ".") -> str | None:
    """One value as it would stand in a CSV file; None where it is missing.

    Examples
    --------
    >>> _text(3.0), _text(3.72, ","), _text(1.234), _text(True), _text(float("nan")), _text(datetime.date(2017, 3, 1))
    ('3', '3,72', '1.2340', '1', None, '2017-03-01')
    """
    if value is None or value != value:
        return None
    if isinstance(value, bool | int):
        return str(int(value))
    if isinstance(value, float):
        if value.is_integer() and abs(value) < _EXACT:
            return str(int(value))
        text = repr(value)
        # A fourth decimal says that these are not thousands.
        return (text + "0" * bool(re.search(r"\.\d{3}$", text))).replace(".", decimal)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)


def ending_of(name: str) -> str:
    """The ending of a file's name, in small letters."""
    return Path(name).suffix.lower()
