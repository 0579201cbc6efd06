"""Comma or semicolon separated text, read strictly: whatever could be meant in two ways is refused."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from dataclasses import dataclass

from holf.confidential.read.mapping import TableMapping

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
