"""Files of a folder: which one is which table, and what each holds, as text.

Comma or semicolon separated text is read strictly: whatever could be meant in two ways is refused.
"""

from __future__ import annotations

import csv
import datetime
import io
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from holf.confidential.read.mapping import TableMapping
from holf.confidential.read.report import Finding
from holf.record.schema import Schema

# Above this, a float no longer tells whole numbers apart.
_EXACT = 2**53
# The most that zlib, as in a .zsav file, can make of one byte; other files have at least a byte a cell.
_DEFLATED = 1032
FORMATS = (".csv", ".parquet", ".sav", ".zsav", ".dta")
# In a file that is not UTF-8, these bytes are what UTF-8 writes for accented letters: two programs wrote the file.
_UTF8_LETTER = re.compile(rb"[\xc3-\xc5][\x80-\xbf]")


class Unreadable(Exception):
    """A file cannot be read as a table; rule and fix are safe, and `rows` holds row numbers only."""

    def __init__(self, rule: str, fix: str, rows: tuple[int, ...] | None = None):
        super().__init__(rule)
        self.rule, self.fix, self.rows = rule, fix, rows


@dataclass(frozen=True)
class Cells:
    """A table as text.

    Attributes
    ----------
    header : tuple of str
        Column names as the file has them.
    columns : tuple of list
        Cells of each column; None where the format itself says that a value is missing.
    decimal : str
        Decimal mark.
    """

    header: tuple[str, ...]
    columns: tuple[list[str | None], ...]
    decimal: str = "."

    def __repr__(self) -> str:
        return f"Cells({len(self.header)} columns)"


def read_delimited(content: bytes, how: TableMapping) -> Cells:
    """Read the bytes of a CSV file.

    Parameters
    ----------
    content : bytes
    how : TableMapping
        Encoding, separator and decimal mark, where the holders state them. Otherwise: UTF-8, else Latin-1 as Windows
        has it; the one of ``,`` and ``;`` that stands in the header line; a decimal comma with ``;``.

    Raises
    ------
    Unreadable
        If the file is empty, has no rows, or can be read in no way or in more than one.

    Examples
    --------
    >>> cells = read_delimited("id;score\\na;1,5\\n".encode(), TableMapping())
    >>> cells.header, cells.columns, cells.decimal
    (('id', 'score'), (['a'], ['1,5']), ',')
    """
    text = _decode(content, how.encoding)
    separator = how.separator or _separator(text)
    try:
        header, *rows = [
            row for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True) if row
        ]
    except ValueError:
        raise Unreadable("the file is empty", "Write a header line and one line a row.") from None
    except csv.Error:
        raise Unreadable("the quoting is broken", 'Close every quotation mark; write " inside quotes as "".') from None
    if "" in header:
        raise Unreadable("the header has an empty name", "Name every column, and end no line with a separator.")
    if max(Counter(name.casefold() for name in header).values()) > 1:
        raise Unreadable("a column name stands in the header twice", "Keep one of the columns.")
    if not rows:
        raise Unreadable("there is a header but no row", "Leave the file out if you do not have this table.")
    if uneven := tuple(i for i, row in enumerate(rows, start=1) if len(row) != len(header)):
        fix = "Quote cells that hold the separator, and end no line with one."
        raise Unreadable("a row has more or fewer cells than the header", fix, uneven)
    return Cells(tuple(header), tuple(map(list, zip(*rows))), how.decimal or ("," if separator == ";" else "."))


def _decode(content: bytes, encoding: str | None) -> str:
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Unreadable("the file is written in UTF-16", "Save it as UTF-8.")
    if b"\0" in content:
        raise Unreadable("the file holds NUL bytes", "Export it anew as text; it may be damaged, or of another format.")
    ways = {"utf-8": ("utf-8-sig",), None: ("utf-8-sig", "cp1252")}.get(encoding, (encoding,))
    for way in ways:
        try:
            text = content.decode(way)
        except UnicodeDecodeError:
            continue
        if way == "cp1252" and encoding is None and _UTF8_LETTER.search(content):
            raise Unreadable(
                "the file mixes UTF-8 and Latin-1", "Save it as UTF-8, or state encoding in the mapping file."
            )
        return text
    known = encoding or "UTF-8 or Latin-1"
    raise Unreadable(f"the file is not written in {known}", "Save it as UTF-8, or state encoding in the mapping file.")


def _separator(text: str) -> str:
    header = text.lstrip("\r\n").partition("\n")[0]
    found = [mark for mark in (",", ";") if mark in header]
    if len(found) > 1:
        fix = "Name columns without , and ; or state separator in the mapping file."
        raise Unreadable("the header line holds both , and ;", fix)
    return found[0] if found else ","


def find_files(
    folder: Path, schema: Schema, mappings: dict[str, TableMapping], *, beside: Path | None = None
) -> tuple[dict[str, Path], list[Finding]]:
    """Find the file of each table; `beside` (the mapping file) may lie in the folder too. Hidden files are passed over.

    Returns
    -------
    files : dict of str to Path
    findings : list of Finding
        Tables with two files, mapped files that are not there, and files that are no table.
    """
    here = {path.name: path for path in sorted(folder.iterdir()) if not path.name.startswith(".")}
    if beside is not None and beside.resolve().parent == folder.resolve():
        here.pop(beside.name, None)
    files, findings = {}, []
    for table in schema.tables:
        stated = mappings[table].file
        names = (
            [stated]
            if stated
            else [n for n in here if Path(n).stem.casefold() == table.casefold() and _ending(n) in FORMATS]
        )
        paths = [here.pop(name) for name in names if name in here]
        if stated and not paths:
            fix = "Correct file in the mapping file."
            findings.append(Finding(stated, table, "", "the file named in the mapping file is missing", fix))
        if len(paths) > 1:
            fix = "Keep one of them."
            findings.append(Finding(paths[0].name, table, "", "the table has more than one file", fix))
        elif paths:
            files[table] = paths[0]
    if here:
        fix = f"Take them away, or name them in the mapping file; known endings: {' '.join(FORMATS)}."
        names = tuple((0, name) for name in here)
        findings.append(Finding("data folder", "", "", f"unknown files: {len(here)}", fix, names, whole=True))
    return files, findings


def read_cells(name: str, content: bytes, how: TableMapping) -> Cells:
    """Read the bytes of a file in the format that its ending names.

    Values of other programs come as they would stand in a CSV file: numbers in their shortest exact form, dates as
    YYYY-MM-DD, true and false as 1 and 0. SPSS value labels are not applied; values that SPSS or Stata declares missing
    are missing.

    Raises
    ------
    Unreadable
        If the file is not of its format, has two columns of one name or no rows, or its reader is not installed.
    """
    if not content:
        raise Unreadable("the file is empty", "Export it anew.")
    ending = _ending(name)
    if ending == ".csv":
        return read_delimited(content, how)
    readers: dict[str, Callable[[bytes], tuple[list[str], list[list]]]] = {
        ".parquet": _read_parquet,
        ".sav": _read_statistics,
        ".zsav": _read_statistics,
        ".dta": lambda content: _read_statistics(content, stata=True),
    }
    if ending not in readers:
        raise Unreadable("the file has an unknown ending", f"Known endings: {' '.join(FORMATS)}.")
    try:
        header, columns = readers[ending](content)
    except ImportError:
        raise Unreadable("the reader is not installed", "Install the project with its extra: data.") from None
    except Exception:
        # The readers raise many types, some of which quote cells; what they say is dropped.
        raise Unreadable(f"the file is not a whole {ending} file", "Export it anew.") from None
    if len({column.casefold() for column in header}) < len(header):
        raise Unreadable("a column name stands in the header twice", "Keep one of the columns.")
    if not columns or not columns[0]:
        raise Unreadable("there is a header but no row", "Leave the file out if you do not have this table.")
    return Cells(tuple(header), tuple([_text(value) for value in column] for column in columns))


def _read_parquet(content: bytes) -> tuple[list[str], list[list]]:
    from pyarrow import parquet

    table = parquet.ParquetFile(io.BytesIO(content)).read()
    return table.column_names, [column.to_pylist() for column in table.columns]


def _read_statistics(content: bytes, *, stata: bool = False) -> tuple[list[str], list[list]]:
    import pyreadstat

    read = pyreadstat.read_dta if stata else pyreadstat.read_sav
    _, told = read(io.BytesIO(content), metadataonly=True)
    # The reader takes memory for as many rows as the header claims: 7 GB for a damaged file of 600 bytes.
    if (told.number_rows or 0) * told.number_columns > len(content) * (_DEFLATED if content[:4] == b"$FL3" else 1):
        raise ValueError("more cells than bytes")
    cells, _ = read(io.BytesIO(content), output_format="dict")
    columns = [column.tolist() if hasattr(column, "tolist") else list(column) for column in cells.values()]
    return [str(name) for name in cells], columns


def _text(value: object) -> str | None:
    """One value as it would stand in a CSV file; None where it is missing.

    Examples
    --------
    >>> _text(3.0), _text(3.72), _text(True), _text(float("nan")), _text(datetime.datetime(2017, 3, 1))
    ('3', '3.72', '1', None, '2017-03-01')
    """
    if value is None or value != value:
        return None
    if isinstance(value, bool | int):
        return str(int(value))
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() and abs(value) < _EXACT else repr(value)
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return str(value)


def _ending(name: str) -> str:
    return Path(name).suffix.lower()
