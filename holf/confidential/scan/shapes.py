"""Rules on the shape of what is shown: rows of units, telling columns, extremes, long arrays, drawings, chart data."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

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
_SEPARATORS = tuple(map(re.compile, (",", ";", "\t", "&", r"\|", r"\s{2,}")))
_WITHIN = re.compile(r"(?<![\w.#-])[-+\u2212]?\d[\d.,]*(?![\w-])")
_UNIT = re.compile(r"[\n;{}]|(?<=\))")
_OBJECT = re.compile(r"\{\s*[\"']?(\w+)[\"']?\s*:[^{}]{1,400}\}")
_QUANTILES = frozenset(("min", "25%", "50%", "75%", "max"))
_STATISTICS = _QUANTILES | {"", "mean", "std", "count", "median", "sum", "n", "sd", "var", "nunique"}
_EXTREME_LINE = re.compile(r"^[\s|]*(min|25%|50%|75%|max)[\s,;|:]+[-+\u2212]?\d", re.MULTILINE)
_FRAME = re.compile(
    r"\bdtype: ?(u?int|float|object|str|categor|bool|datetime|timedelta)|\[\d+ rows x \d+ columns\]"
    r"|\b\d+ rows × \d+ columns|\bshape: \(\d[\d_,]*, \d+\)|# A tibble: \d"
)
# The two heads of a frame with a named index: names of columns behind a gap, then the name of the index alone.
_INDEXED = re.compile(r"^ {3,}\S.*\n\w+ {2,}\n\S+ {2,}\S", re.MULTILINE)
_NUMBERED = re.compile(r"^0 {2,}\S.*\n1 {2,}\S.*\n2 {2,}\S", re.MULTILINE)
_ONE = r"[\"']?(?:[-+\u2212]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|nan|NaN|NA|null|None)[\"']?"
_RUN = re.compile(rf"(?<![\w.]){_ONE}(?:[\s,;|()\[\]]+{_ONE}){{{_MOST_NUMBERS},}}(?![\w.])")
_PLACED = re.compile(r"\b(left|top|bottom|right|translate\w*)\s*[:(]\s*-?[\d.]+")
_POINT = re.compile(r"[MLHVCSQTAmlhvcsqta]")
_SHAPES = ("path", "polyline", "polygon", "line", "circle", "ellipse", "rect", "use", "text")
_COORDINATES = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
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


def _tables(item: Item) -> Iterator[tuple[Tag, list[list[str]]]]:
    """Each table of a page with the texts of its cells."""
    for table in item.value.find_all("table") if item.kind == "markup" else ():
        yield (
            table,
            [[cell.get_text(" ", strip=True) for cell in row.find_all(["td", "th"])] for row in table.find_all("tr")],
        )


def _text_rows(text: str) -> Iterator[list[str]]:
    """Lines of a text as fields, once for each sign that may separate them."""
    lines = text.splitlines()
    for sign in ",;\t|":
        if sign in text:
            try:
                yield from ([field.strip() for field in row] for row in csv.reader(lines, delimiter=sign))
            except csv.Error:
                yield from ([field.strip() for field in line.split(sign)] for line in lines)
    yield from (re.split(r"\s{2,}", line.strip()) for line in lines)


def _rows(item: Item) -> Iterator[list[str]]:
    """Rows of an item, in whatever form: table, text with columns, object or list."""
    for _, rows in _tables(item):
        yield from rows
    if item.kind in _LISTED:
        yield from _text_rows(item.text)
    for value in _values_in(item.value) if item.kind == "json" else ():
        if isinstance(value, dict):
            yield from ([key, str(entry)] for key, entry in value.items())
        yield [str(entry) for entry in _parts_of(value)]


def _longest_block(lines: Sequence[str], separator: re.Pattern) -> int:
    """Most neighbouring lines that fall into the same number of fields, one of them a number."""
    longest, current, width = 0, 0, 0
    for line in lines:
        fields = [field.strip(" \t\"'\\") for field in separator.split(line.strip())]
        regular = len(fields) > 1 and any(map(_is_number, fields))
        current = current + 1 if regular and len(fields) == width else int(regular)
        width, longest = len(fields), max(longest, current)
    return longest


def _most(entries: Iterable[str]) -> int:
    return max(Counter(entries).values(), default=0)


def _most_repeats(text: str) -> int:
    """How often one line, statement, call or object stands in a text with another number in it each time."""
    units = {unit.strip() for unit in _UNIT.split(text)}
    patterns = (_WITHIN.sub("#", unit) for unit in units if _WITHIN.search(unit))
    return max(_most(patterns), _most(_OBJECT.findall(text)))


def _are_records(parts: list) -> bool:
    """More than 28 objects with the same keys, or lists of the same length."""
    if len(parts) <= _MOST_NUMBERS:
        return False
    first = parts[0]
    if isinstance(first, dict):
        return all(isinstance(part, dict) and part.keys() == first.keys() for part in parts)
    same = all(isinstance(part, list) and len(part) == len(first) for part in parts if isinstance(first, list))
    return isinstance(first, list) and len(first) > 1 and same


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
    if item.kind not in _LISTED | {"attributes"}:
        return False
    lines = [line for line in item.text.splitlines() if line.strip()]
    blocks = (_longest_block(lines, separator) for separator in _SEPARATORS)
    return any(count > _MOST_NUMBERS for count in (_most_repeats(item.text), *blocks))


def holds_offices(item: Item, known: Known) -> bool:
    """A table with numbers by office, in any form: group disclosure, and it tells the arms apart."""
    offices, found = set(known.offices), set()
    for row in _rows(item) if offices else ():
        named = offices.intersection(row)
        if named and any(map(_is_number, row)):
            found |= named
    return len(found) >= _FEWEST_OFFICES


def holds_columns(item: Item, known: Known) -> bool:
    """A column of keys, free text, birth dates, countries of birth or contacts."""
    telling = _TELLING | set(known.keys)
    if any(telling.intersection(*rows[:1]) for _, rows in _tables(item) if rows):
        return True
    if item.kind == "json":
        return any(isinstance(value, dict) and telling & value.keys() for value in _values_in(item.value))
    before: list[str] = []
    for row in _text_rows(item.text) if item.kind in _LISTED else ():
        if len(before) > 1 and len(row) == len(before) and telling.intersection(before):
            return True
        before = row
    return False


def holds_extremes(item: Item, known: Known) -> bool:
    """Minimum and maximum side by side, as ``describe()`` prints them: each is one person's value."""
    for _, rows in _tables(item):
        labels = {cell.lower() for row in rows for cell in row}
        if {"min", "max"} <= labels or len(_QUANTILES & labels) > 2:
            return True
    if item.kind == "json":
        objects = (value for value in _values_in(item.value) if isinstance(value, dict))
        beside = {"mean", "std", "count", "25%", "50%", "75%"}
        return any({"min", "max"} <= one.keys() and _is_number(one["min"]) and beside & one.keys() for one in objects)
    if item.kind not in _LISTED:
        return False
    if len(set(_EXTREME_LINE.findall(item.text))) > 1:
        return True
    heads = (set(re.split(r"[\s,;|]+", line.strip())) for line in item.text.splitlines() if "max" in line)
    return any({"min", "max"} <= head and len(head - _STATISTICS) < 3 for head in heads)


def holds_frame(item: Item, known: Known) -> bool:
    """A frame or series as pandas (or polars, or R) prints it."""
    if item.kind == "markup":
        return bool(item.value.select("table.dataframe"))
    if item.kind in _LISTED and (_NUMBERED.search(item.text) or _INDEXED.search(item.text)):
        return True
    return item.kind in _LISTED | {"cells"} and bool(_FRAME.search(item.text))


def _points(path: str) -> int:
    """Points of a path: one a command, more where a command is followed by several pairs."""
    return max(len(_POINT.findall(path)), len(_COORDINATES.findall(path)) // 2)


def _draws_units(page: Tag) -> bool:
    """A drawing of more than 28 shapes, or with a line of more than 28 points; also one made of plain boxes."""
    counts = [sum(bool(_PLACED.search(tag["style"])) for tag in page.find_all(style=True))]
    for drawing in page.find_all("svg"):
        shapes = drawing.find_all(_SHAPES)
        counts += [len(shapes), *(_points(shape.get("d", "") or shape.get("points", "")) for shape in shapes)]
    return max(counts) > _MOST_NUMBERS


def holds_numbers(item: Item, known: Known) -> bool:
    """More than 28 numbers in a row: in text, in JSON, or as the points of a drawing."""
    if item.kind == "markup":
        return _draws_units(item.value)
    if item.kind == "json":
        series = map(_parts_of, _values_in(item.value))
        return any(len(parts) > _MOST_NUMBERS and all(map(_is_number, parts)) for parts in series)
    return item.kind in _LISTED | {"attributes", "style"} and bool(_RUN.search(item.text))


def holds_encoded(item: Item, known: Known) -> bool:
    """A very long run of letters and digits, or a file inside a file: it may hide anything, and is not opened."""
    return item.kind in PLAIN and bool(_ENCODED.search(item.text))


def _is_counted_off(data: object) -> bool:
    """Whether a chart's data are a generated sequence of numbers, so that it draws a formula and no data."""
    if not isinstance(data, dict) or data.keys() != {"sequence"} or not isinstance(data["sequence"], dict):
        return False
    steps = {key: value for key, value in data["sequence"].items() if key != "as"}
    return steps.keys() <= {"start", "stop", "step"} and all(map(_is_number, steps.values()))


def holds_chart_data(item: Item, known: Known) -> bool:
    """The data of an interactive chart or control: Vega and Altair, Plotly, Bokeh, widgets; a formula is no data."""
    objects = [value for value in _values_in(item.value) if isinstance(value, dict)] if item.kind == "json" else ()
    for value in objects:
        if _CHART_KEYS & value.keys():
            return True
        if "vega" in str(value.get("$schema", "")):
            inner = (one for one in _values_in(value) if isinstance(one, dict) and "data" in one)
            if not all(_is_counted_off(one["data"]) for one in inner):
                return True
    return item.kind in _LISTED | {"attributes"} and bool(_CHART_WORDS.search(item.text))
