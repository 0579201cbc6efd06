"""The rules of the gate, as a table: what each one finds, and what to do about it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from holf.confidential import national_numbers
from holf.confidential.scan import identifiers
from holf.confidential.scan.files import Item
from holf.confidential.scan.known import Known

# Kinds of item that are running text, and those in which columns of text are columns.
_PLAIN = frozenset(("text", "style", "attributes", "links", "cells", "output", "terms"))
_LISTED = frozenset(("text", "output"))
# A published table may be long; a list with one entry a cluster, or a row a family, may not be published at all.
_MOST_NUMBERS, _MOST_ROWS = 28, 200
# Two rows can be an example in prose; three are a table by office.
_FEWEST_OFFICES = 3
_NUMBER = re.compile(r"[-+\u2212]?\d[\d\s.,\u202f]*(\s*%|\s*NOK)?")
# What stands between the fields of a line.
_SEPARATORS = tuple(map(re.compile, (",", ";", "\t", r"\|", r"\s{2,}")))
# How pandas, polars and R print a frame: its type or size, its first rows, two heads, or what `describe` says of it.
_FRAME = re.compile(
    r"\bdtype: ?(u?int|float|object|str|categor|bool|datetime|timedelta)|\[\d+ rows x \d+ columns\]"
    r"|\b\d+ rows × \d+ columns|\bshape: \(\d[\d_,]*, \d+\)|# A tibble: \d"
    r"|^0 {2,}\S.*\n1 {2,}\S.*\n2 {2,}\S|^ {3,}\S.*\n\w+ {2,}\n\S+ {2,}\S|^min {2,}\S.*\n25% {2,}\S",
    re.MULTILINE,
)
_ONE = r"[\"']?(?:[-+\u2212]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|nan|NaN|NA|null|None)[\"']?"
_RUN = re.compile(rf"(?<![\w.]){_ONE}(?:[\s,;|()\[\]]+{_ONE}){{{_MOST_NUMBERS},}}(?![\w.])")
# Twenty-nine numbers in single precision fill 116 bytes. A name or a digest is shorter than their base64.
_ENCODED = re.compile(r"[A-Za-z0-9+/]{150,}|data:[\w.+/-]*;base64,")
_ROOTS = (
    "home|Users|root|tmp|var|opt|usr|mnt|media|srv|secure|workspace|private|etc|Volumes|scratch|cluster|tsd|runner"
    "|builds|nix|run|lib|proc|dev|work|data"
)
_START = r"(?:^|(?<=[\s\"'`(=:,\[{<>|]))"
# Below a folder that machines have and sites do not; or three names deep, which in running text is no link either.
_ABSOLUTE = re.compile(rf"{_START}/(?:(?:{_ROOTS})/[\w.-]+|[\w.-]+/[\w.-]+/[\w.-]+)", re.MULTILINE)
_MACHINE = re.compile(rf"{_START}/(?:home|Users|root|tmp|secure|mnt|private|Volumes|tsd)/[\w.-]+", re.MULTILINE)
_FOREIGN = re.compile(
    rf"\b(?:file|smb|afp|nfs|sftp|ssh|vscode):/{{1,3}}[\w.~%-]|{_START}[A-Za-z]:[\\/](?!/)[\w.$ -]+"
    rf"|{_START}\\\\[\w.-]+\\[\w$.-]+|{_START}~[\w-]*/[\w.-]+",
    re.MULTILINE,
)
_SIMULATED = re.compile(r"(?<![^\W_])SYN[\W_]?[A-Z]+\d+[a-z]?(?![^\W_])", re.IGNORECASE)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TRACE = re.compile(
    r"Traceback\s+\(most recent call last\)|^\s*-{2,}> ?\d+ |\bFile \"[^\"\n]+\", line \d+"
    r"|\bCell In\s?\[\d+\], line \d+",
    re.MULTILINE,
)
_RAISED = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Warning): \S", re.MULTILINE)


@dataclass(frozen=True)
class Rule:
    """One rule: its name in findings, what it finds in words that quote nothing, what to do about it,
    and a function that says whether an item breaks it.
    """

    id: str
    says: str
    fix: str
    finds: Callable[[Item, Known], bool]


def _is(kind: str) -> Callable[[Item, Known], bool]:
    return lambda item, known: item.kind == kind


def _is_number(value: object) -> bool:
    """Say whether a value is a number, or a text that shows one, perhaps grouped and with a unit."""
    return type(value) in (int, float) or (isinstance(value, str) and bool(_NUMBER.fullmatch(value.strip())))


def _values_in(item: Item) -> Iterator[object]:
    """Everything inside a JSON value, and the value itself."""
    stack = [item.value] if item.kind == "json" else []
    while stack:
        value = stack.pop()
        yield value
        stack.extend(_parts_of(value))


def _parts_of(value: object) -> list:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _table_rows(table) -> list[list[str]]:
    rows = table.find_all("tr")
    return [[cell.get_text(" ", strip=True) for cell in row.find_all(["td", "th"])] for row in rows]


def _text_rows(item: Item) -> Iterator[list[str]]:
    """Lines of a text as fields, once for each sign that may separate them."""
    lines = [line.strip() for line in item.text.splitlines()] if item.kind in _LISTED else []
    for separator in _SEPARATORS:
        yield from ([field.strip(" \t\"'\\") for field in separator.split(line)] for line in lines)


def _longest_block(rows: Iterator[Sequence[str]]) -> int:
    """Most neighbouring rows that have the same number of fields, one of them a number."""
    longest, current, width = 0, 0, 0
    for fields in filter(any, rows):
        regular = len(fields) > 1 and any(map(_is_number, fields))
        current = current + 1 if regular and len(fields) == width else int(regular)
        width, longest = len(fields), max(longest, current)
    return longest


def _are_many(parts: list) -> bool:
    """More than 28 numbers, objects with the same keys, or lists of the same length."""
    if len(parts) <= _MOST_NUMBERS:
        return False
    if all(isinstance(part, dict) for part in parts):
        return all(part.keys() == parts[0].keys() for part in parts)
    return all(map(_is_number, parts)) or all(
        isinstance(part, list) and len(part) == len(parts[0]) > 1 for part in parts
    )


def _holds_rows(item: Item, known: Known) -> bool:
    """Tables of this book are made of typed answers and may have 200 rows; of others, rows of two numbers count."""
    for table in item.value.find_all("table") if item.kind == "markup" else ():
        rows = _table_rows(table)
        numeric = sum(sum(map(_is_number, row)) >= 2 for row in rows)
        if len(rows) > _MOST_ROWS or (numeric > _MOST_NUMBERS and not table.get("data-holf")):
            return True
    if item.kind in _LISTED | {"attributes", "style"} and _RUN.search(item.text):
        return True
    many = any(_are_many(_parts_of(value)) for value in _values_in(item))
    return many or _longest_block(_text_rows(item)) > _MOST_NUMBERS


def _holds_offices(item: Item, known: Known) -> bool:
    """A table with numbers by office, in any form: group disclosure, and it tells the arms apart."""
    if not known.offices:
        return False
    rows = list(_text_rows(item))
    for table in item.value.find_all("table") if item.kind == "markup" else ():
        rows += _table_rows(table)
    for value in _values_in(item):
        rows += [[key, str(entry)] for key, entry in value.items()] if isinstance(value, dict) else []
        rows.append([str(entry) for entry in _parts_of(value)])
    named = [set(known.offices).intersection(row) for row in rows if any(map(_is_number, row))]
    return len(set().union(*named)) >= _FEWEST_OFFICES


def _holds_frame(item: Item, known: Known) -> bool:
    """Also a minimum beside quartiles, which is one person's value."""
    if item.kind == "markup":
        return bool(item.value.select("table.dataframe"))
    return item.kind in _LISTED | {"cells"} and bool(_FRAME.search(item.text))


def _holds_encoded(item: Item, known: Known) -> bool:
    """It may hide anything, and is not opened."""
    return item.kind in _PLAIN and bool(_ENCODED.search(item.text))


def _holds_national_number(item: Item, known: Known) -> bool:
    """Words of the search index are passed over: each stands on a page, where it is judged with what is around it.

    In the index a decimal has lost its "0.", and one in some hundred of eleven digits looks like a person's number.
    """
    return item.kind != "terms" and national_numbers.holds_national_number(item.normalised)


def holds_id(item: Item, known: Known) -> bool:
    """An identifier of the study, real or simulated: pages hold none of either."""
    return bool(_SIMULATED.search(item.normalised)) or known.id_index.occurs_in(item.normalised)


def holds_canary(item: Item, known: Known) -> bool:
    """One of the canaries: planted values that must not appear."""
    return identifiers.holds_canary(item.normalised, known.canaries)


def _holds_path(item: Item, known: Known) -> bool:
    """A path of a machine; not a link inside the site."""
    own = _MACHINE if item.kind == "links" else _ABSOLUTE
    return item.kind in _PLAIN and bool(own.search(item.text) or _FOREIGN.search(item.text))


def _holds_traceback(item: Item, known: Known) -> bool:
    """The trail of an exception in any text, its last line in a listing, or a run's standard error."""
    if item.kind == "markup":
        return bool(item.value.select(".output.stderr"))
    text = _ANSI.sub("", item.text) if item.kind in _PLAIN else ""
    return bool(_TRACE.search(text) or (item.kind == "output" and _RAISED.search(text)))


_AT_SOURCE = "take it out at its source, and build again"
ALL = (
    Rule("kinds", "a kind of file that a site does not hold", "delete it, or build again", _is("refused")),
    Rule("unreadable", "a link, or a file that is not what its name says or holds more", "leave it out",
         _is("unreadable")),
    Rule("rows", "more rows than a table for readers has, or more than 28 numbers in a row",
         "publish aggregates, drawn as PNG or in a table", _holds_rows),
    Rule("frames", "a frame as a statistics program prints it", "show a typed answer", _holds_frame),
    Rule("encoded", "a file inside a file, or 150 letters and digits without a break", "make it a file of its own",
         _holds_encoded),
    Rule("ids", "an identifier of the study", _AT_SOURCE, holds_id),
    Rule("national-ids", "a national identity number", _AT_SOURCE, _holds_national_number),
    Rule("offices", "numbers by office", "show the distribution over the offices of an arm, or nothing",
         _holds_offices),
    Rule("canaries", "a value that must not come out", "find out which other rule should have seen it", holds_canary),
    Rule("paths", "a path of a machine", "name files relative to the project", _holds_path),
    Rule("tracebacks", "an error, the trail of one, or what a run wrote on its standard error",
         "mend the cell, and build again", _holds_traceback),
)  # fmt: skip
