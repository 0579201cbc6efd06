"""Rules on the shape of what is shown: rows of units, long arrays, printed frames, chart data, telling columns."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence

from bs4 import Tag

from holf.confidential.scan.files import PLAIN, Item
from holf.confidential.scan.known import Known

# A published table may be long; a list with one entry a cluster, or a row a family, may not be published at all.
_MOST_NUMBERS, _MOST_ROWS = 28, 200
# Kinds in which columns of text are columns.
_LISTED = frozenset({"text", "output", "script", "comment"})
# Data columns, in the spelling of data: a heading for readers is a word with a capital.
_TELLING = frozenset(
    "date_of_birth birth_date birthdate dob fodselsdato fødselsdato fnr personnummer country_of_birth birth_country "
    "fodeland fødeland landbakgrunn free_text freetext open_answer fritekst kommentar comment comments remarks "
    "address adresse postcode postnummer phone telefon email epost".split()
)
# Two rows can be an example in prose; three are a table by office.
_FEWEST_OFFICES = 3
_NUMBER = re.compile(r"[-+\u2212]?\d[\d\s.,\u202f]*(\s*%|\s*NOK)?")
# What stands between the fields of a line.
_SEPARATORS = tuple(map(re.compile, (",", ";", "\t", r"\|", r"\s{2,}")))
_FRAME = re.compile(
    r"\bdtype: ?(u?int|float|object|str|categor|bool|datetime|timedelta)|\[\d+ rows x \d+ columns\]"
    r"|\b\d+ rows × \d+ columns|\bshape: \(\d[\d_,]*, \d+\)|# A tibble: \d"
)
# The first three rows of a frame, the two heads of one with a named index, and what `describe` prints of one.
_PRINTED = re.compile(
    r"^0 {2,}\S.*\n1 {2,}\S.*\n2 {2,}\S|^ {3,}\S.*\n\w+ {2,}\n\S+ {2,}\S|^min {2,}\S.*\n25% {2,}\S", re.MULTILINE
)
_ONE = r"[\"']?(?:[-+\u2212]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|nan|NaN|NA|null|None)[\"']?"
_RUN = re.compile(rf"(?<![\w.]){_ONE}(?:[\s,;|()\[\]]+{_ONE}){{{_MOST_NUMBERS},}}(?![\w.])")
# Twenty-nine numbers in single precision fill 116 bytes. A name or a digest is shorter than their base64.
_ENCODED = re.compile(r"[A-Za-z0-9+/]{150,}|data:[\w.+/-]*;base64,")
_CHART_KEYS = frozenset(("bdata", "docs_json", "datasets", "render_items"))
_CHART_WORDS = re.compile(
    r"vnd\.(plotly|vega|vegalite|bokehjs_exec|holoviews|jupyter\.widget-(state|view))|\bvegaEmbed\("
    r"|\bPlotly\.(newPlot|react)\(|\bBokeh\.embed"
)


def _is_number(value: object) -> bool:
    """Say whether a value is a number, or a text that shows one, perhaps grouped and with a unit."""
    return type(value) in (int, float) or (isinstance(value, str) and bool(_NUMBER.fullmatch(value.strip())))


def _values_in(value: object) -> Iterator[object]:
    """`value` and everything inside it, where it is a list or an object of JSON."""
    stack = [value]
    while stack:
        value = stack.pop()
        yield value
        stack.extend(_parts_of(value))


def _parts_of(value: object) -> list:
    """What stands directly in a list or an object of JSON."""
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _objects_in(item: Item) -> Iterator[dict]:
    return (value for value in _values_in(item.value) if isinstance(value, dict)) if item.kind == "json" else iter(())


def _tables(item: Item) -> Iterator[tuple[Tag, list[list[str]]]]:
    """Each table of a page with the texts of its cells."""
    for table in item.value.find_all("table") if item.kind == "markup" else ():
        rows = table.find_all("tr")
        yield table, [[cell.get_text(" ", strip=True) for cell in row.find_all(["td", "th"])] for row in rows]


def _text_rows(text: str) -> Iterator[list[str]]:
    """Lines of a text as fields, once for each sign that may separate them."""
    lines = [line.strip() for line in text.splitlines()]
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


def _are_records(parts: list) -> bool:
    """More than 28 objects with the same keys, or lists of the same length."""
    if len(parts) <= _MOST_NUMBERS:
        return False
    if all(isinstance(part, dict) for part in parts):
        return all(part.keys() == parts[0].keys() for part in parts)
    return all(isinstance(part, list) and len(part) == len(parts[0]) > 1 for part in parts)


def holds_rows(item: Item, known: Known) -> bool:
    """A table with more rows than a reader reads, or more than 28 rows of data in any form.

    Tables of this book (`holf.display.table`) are made of typed answers and may have up to 200 rows; of others, those
    rows count that hold two numbers or more.
    """
    for table, rows in _tables(item):
        numeric = sum(sum(map(_is_number, row)) >= 2 for row in rows)
        if len(rows) > _MOST_ROWS or (numeric > _MOST_NUMBERS and not table.get("data-holf")):
            return True
    if item.kind == "json":
        return any(_are_records(_parts_of(value)) for value in _values_in(item.value))
    return item.kind in _LISTED and _longest_block(_text_rows(item.text)) > _MOST_NUMBERS


def holds_offices(item: Item, known: Known) -> bool:
    """A table with numbers by office, in any form: group disclosure, and it tells the arms apart."""
    offices, found = set(known.offices), set()
    rows = [row for _, table in _tables(item) for row in table] if offices else []
    if offices and item.kind in _LISTED:
        rows += _text_rows(item.text)
    for value in _values_in(item.value) if offices and item.kind == "json" else ():
        rows += [[key, str(entry)] for key, entry in value.items()] if isinstance(value, dict) else []
        rows.append([str(entry) for entry in _parts_of(value)])
    for row in rows:
        named = offices.intersection(row)
        if named and any(map(_is_number, row)):
            found |= named
    return len(found) >= _FEWEST_OFFICES


def holds_columns(item: Item, known: Known) -> bool:
    """A column of keys, free text, birth dates, countries of birth or contacts."""
    telling = _TELLING | set(known.keys)
    if any(telling.intersection(*rows[:1]) for _, rows in _tables(item) if rows):
        return True
    if any(telling & value.keys() for value in _objects_in(item)):
        return True
    rows = list(_text_rows(item.text)) if item.kind in _LISTED else []
    return any(len(head) == len(row) > 1 and telling.intersection(head) for head, row in itertools.pairwise(rows))


def holds_frame(item: Item, known: Known) -> bool:
    """A frame or series as pandas (or polars, or R) prints it; also a minimum beside quartiles, one person's value."""
    if item.kind == "markup":
        return bool(item.value.select("table.dataframe"))
    if item.kind in _LISTED and _PRINTED.search(item.text):
        return True
    return item.kind in _LISTED | {"cells"} and bool(_FRAME.search(item.text))


def holds_numbers(item: Item, known: Known) -> bool:
    """More than 28 numbers in a row, in text or in JSON."""
    if item.kind == "json":
        series = map(_parts_of, _values_in(item.value))
        return any(len(parts) > _MOST_NUMBERS and all(map(_is_number, parts)) for parts in series)
    return item.kind in _LISTED | {"attributes", "style"} and bool(_RUN.search(item.text))


def holds_encoded(item: Item, known: Known) -> bool:
    """A very long run of letters and digits, or a file inside a file: it may hide anything, and is not opened."""
    return item.kind in PLAIN and bool(_ENCODED.search(item.text))


def holds_chart_data(item: Item, known: Known) -> bool:
    """The data of an interactive chart or control: Vega and Altair, Plotly, Bokeh, widgets; a formula is no data."""
    for value in _objects_in(item):
        if _CHART_KEYS & value.keys():
            return True
        if "vega" in str(value.get("$schema", "")):
            inner = [one["data"] for one in _values_in(value) if isinstance(one, dict) and "data" in one]
            if not all(_is_counted_off(data) for data in inner):
                return True
    return item.kind in _LISTED | {"attributes"} and bool(_CHART_WORDS.search(item.text))


def _is_counted_off(data: object) -> bool:
    """Whether a chart's data are a generated sequence of numbers, so that it draws a formula and no data."""
    steps = data["sequence"] if isinstance(data, dict) and data.keys() == {"sequence"} else None
    return isinstance(steps, dict) and all(key == "as" or _is_number(step) for key, step in steps.items())
