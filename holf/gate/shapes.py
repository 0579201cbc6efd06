"""Shapes that give single units away: rows, long arrays of numbers, drawings with many marks, tables of extremes."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from bs4 import Tag

from holf.gate.kinds import bytes_kind
from holf.gate.known import Known
from holf.gate.markup import parse, rows_of
from holf.gate.piece import Piece
from holf.gate.repeats import is_number, longest_block, most_objects, most_repeats

# A published table may be long; a list with one entry a cluster, or a row a family, may not be published at all.
MOST_NUMBERS, MOST_ROWS = 28, 200
# Kinds in which columns of text are columns; words of a search index and cells of a table are judged elsewhere.
LISTED = frozenset({"text", "output", "script", "comment"})
_ONE = r"[\"']?(?:[-+\u2212]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|nan|NaN|NA|null|None)[\"']?"
_RUN = re.compile(rf"(?<![\w.]){_ONE}(?:[\s,;|()\[\]]+{_ONE}){{{MOST_NUMBERS},}}(?![\w.])")
_PLACED = re.compile(r"\b(left|top|bottom|right|translate\w*)\s*[:(]\s*-?[\d.]+")
_POINT = re.compile(r"[MLHVCSQTAmlhvcsqta]")
_PDF_POINT = re.compile(r"\d\s+[mlcvy]\s|\d\s+re\s")
_COORDINATES = re.compile(r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?")
_GLYPH = re.compile(r"#?(glyph|DejaVu|BitstreamVera|STIX|Cmr|Cmmi|MJX|.*-[0-9a-f]{2,4}$)", re.IGNORECASE)
_QUANTILES = frozenset(("min", "25%", "50%", "75%", "max"))
_STATISTICS = _QUANTILES | {"", "mean", "std", "count", "median", "sum", "n", "sd", "var", "nunique"}
_EXTREME_LINE = re.compile(r"^[\s|]*(min|25%|50%|75%|max)[\s,;|:]+[-+\u2212]?\d", re.MULTILINE)


def values_in(value: object) -> Iterator[object]:
    """`value` and everything inside it, where it is a list or an object of JSON."""
    stack = [value]
    while stack:
        value = stack.pop()
        yield value
        if isinstance(value, dict):
            stack.extend(value.values())
        elif isinstance(value, list):
            stack.extend(value)


def _numeric(value: object) -> bool:
    return type(value) in (int, float) or (isinstance(value, str) and is_number(value))


def _parts(value: object) -> list:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _are_rows(parts: list) -> bool:
    if len(parts) <= MOST_NUMBERS:
        return False
    first = parts[0]
    if isinstance(first, dict):
        return all(isinstance(part, dict) and part.keys() == first.keys() for part in parts)
    return (
        isinstance(first, list)
        and len(first) > 1
        and all(isinstance(part, list) and len(part) == len(first) for part in parts)
    )


_SPLITS = (
    (re.compile(r","), MOST_NUMBERS),
    (re.compile(r";"), MOST_NUMBERS),
    (re.compile(r"\t"), MOST_NUMBERS),
    (re.compile(r"&"), MOST_NUMBERS),
    (re.compile(r"\s{2,}"), MOST_NUMBERS),
    (re.compile(r"\|"), MOST_ROWS),
)


def holds_rows(piece: Piece, known: Known) -> bool:
    """A table with more rows than a reader reads, or more than 28 rows of data in any form.

    Tables of this book (`holf.table`) are made of typed answers and may have up to 200 rows, also as a file that holds
    just what a page of the tree shows; of other tables, those rows count that hold two numbers or more.
    """
    if piece.data and hashlib.sha256(piece.data).hexdigest() in known.shown:
        return False
    if piece.kind == "markup":
        for table in parse(piece.text).find_all("table"):
            rows = rows_of(table)
            numeric = sum(sum(map(is_number, row)) >= 2 for row in rows)
            if len(rows) > MOST_ROWS or (numeric > MOST_NUMBERS and not table.get("data-holf")):
                return True
    if piece.kind in ("json", "index"):
        return any(_are_rows(_parts(value)) for value in values_in(piece.value))
    if piece.kind in LISTED | {"attributes"}:
        if max(most_objects(piece.text), most_repeats(piece.text)) > MOST_NUMBERS:
            return True
        lines = [line for line in piece.text.splitlines() if line.strip()]
        return any(longest_block(lines, split) > most for split, most in _SPLITS)
    return False


def _points(path: str) -> int:
    """Points of a path: one a command, more where a command is followed by several pairs."""
    return max(len(_POINT.findall(path)), len(_COORDINATES.findall(path)) // 2)


def _is_glyph(tag: Tag) -> bool:
    if _GLYPH.match(tag.get("id", "")) or _GLYPH.match(tag.get("xlink:href", tag.get("href", ""))):
        return True
    return bool(tag.find_parent("glyph") or tag.name == "glyph")


def _draws_units(piece: Piece) -> bool:
    """A drawing with a line of more than 28 points, or more than 28 marks of one kind; also one made of plain boxes."""
    if sum(bool(_PLACED.search(tag["style"])) for tag in parse(piece.text).find_all(style=True)) > MOST_NUMBERS:
        return True
    for drawing in parse(piece.text).find_all("svg"):
        shapes = [tag for tag in drawing.find_all(["path", "polyline", "polygon", "line"]) if not _is_glyph(tag)]
        if any(_points(tag.get("d", "") or tag.get("points", "")) > MOST_NUMBERS for tag in shapes):
            return True
        # Letters are placed by x alone; marks by x and y.
        used = [tag for tag in drawing.find_all("use") if tag.get("x") and tag.get("y") and not _is_glyph(tag)]
        kinds = [drawing.find_all(name) for name in ("circle", "rect", "ellipse", "line")]
        if any(len(marks) > MOST_NUMBERS for marks in [used, shapes, *kinds]):
            return True
    return False


def holds_numbers(piece: Piece) -> bool:
    """More than 28 numbers in a row: in text, in JSON, packed in base64, or as the points of a drawing."""
    if piece.kind == "floats":
        return True
    if piece.kind == "markup":
        return _draws_units(piece)
    if piece.kind == "pdf-content":
        paths = re.split(r"\b[SsfFBbn]\*?\s", piece.text)
        marks = len(re.findall(r"/\S+\s+Do\b", piece.text))
        return marks > MOST_NUMBERS or any(len(_PDF_POINT.findall(path)) > MOST_NUMBERS for path in paths)
    if piece.kind == "json":
        series = (_parts(value) for value in values_in(piece.value))
        return any(len(parts) > MOST_NUMBERS and all(map(_numeric, parts)) for parts in series)
    return piece.kind in LISTED | {"attributes", "style", "png-text"} and bool(_RUN.search(piece.text))


def holds_extremes(piece: Piece) -> bool:
    """Minimum and maximum side by side, as ``describe()`` prints them: each is one person's value."""
    if piece.kind == "markup":
        for table in parse(piece.text).find_all("table"):
            labels = {cell.lower() for row in rows_of(table) for cell in row}
            if {"min", "max"} <= labels or len(_QUANTILES & labels) > 2:
                return True
    if piece.kind == "json":
        return any(
            isinstance(value, dict)
            and {"min", "max"} <= value.keys()
            and not isinstance(value["min"], str)
            and len({"mean", "std", "count", "25%", "50%", "75%"} & value.keys()) > 0
            for value in values_in(piece.value)
        )
    if piece.kind in LISTED:
        if len(set(_EXTREME_LINE.findall(piece.text))) > 1:
            return True
        heads = (re.split(r"[\s,;|]+", line.strip()) for line in piece.text.splitlines() if "max" in line)
        return any({"min", "max"} <= set(head) and len(set(head) - _STATISTICS) < 3 for head in heads)
    return False


_FRAME = re.compile(
    r"\bdtype: ?(u?int|float|object|str|categor|bool|datetime|timedelta)|\[\d+ rows x \d+ columns\]"
    r"|\b\d+ rows × \d+ columns|\bshape: \(\d[\d_,]*, \d+\)|# A tibble: \d"
)
# The two heads of a frame with a named index: names of columns behind a gap, then the name of the index alone.
_INDEXED = re.compile(r"^ {3,}\S.*\n\w+ {2,}\n\S+ {2,}\S", re.MULTILINE)
_NUMBERED = re.compile(r"^0 {2,}\S.*\n1 {2,}\S.*\n2 {2,}\S", re.MULTILINE)


def holds_frame(piece: Piece) -> bool:
    """A frame or series as pandas (or polars, or R) prints it."""
    if piece.kind == "markup" and parse(piece.text).select("table.dataframe"):
        return True
    if piece.kind in LISTED and (_NUMBERED.search(piece.text) or _INDEXED.search(piece.text)):
        return True
    return piece.kind in LISTED | {"cells"} and bool(_FRAME.search(piece.text))


_CHART_KEYS = frozenset(("bdata", "docs_json", "datasets", "render_items"))
_CHART_WORDS = re.compile(
    r"vnd\.(plotly|vega|vegalite|bokehjs_exec|holoviews)|\bvegaEmbed\(|\bPlotly\.(newPlot|react)\(|\bBokeh\.embed"
)


def _is_counted_off(data: object) -> bool:
    """Whether a chart's data are a plain sequence of numbers, made when it is drawn: it then draws a formula."""
    if not isinstance(data, dict) or data.keys() != {"sequence"} or not isinstance(data["sequence"], dict):
        return False
    steps = {key: value for key, value in data["sequence"].items() if key != "as"}
    return steps.keys() <= {"start", "stop", "step"} and all(map(_numeric, steps.values()))


def holds_chart_data(piece: Piece) -> bool:
    """The data of an interactive chart: Vega and Altair, Plotly, Bokeh; not a chart that has none, only formulas."""
    if piece.kind == "json":
        for value in values_in(piece.value):
            if isinstance(value, dict):
                if _CHART_KEYS & value.keys():
                    return True
                if "vega" in str(value.get("$schema", "")):
                    inner = (one for one in values_in(value) if isinstance(one, dict))
                    if not all(_is_counted_off(one["data"]) for one in inner if "data" in one):
                        return True
    return piece.kind in LISTED | {"mime"} and bool(_CHART_WORDS.search(piece.text))


def is_data_file(piece: Piece) -> bool:
    """A file of rows or pickled objects, whatever its name."""
    return (
        piece.kind == "data"
        or (piece.kind == "zip" and bytes_kind(b"", piece.name) == "data")
        or (piece.kind == "name" and piece.text.split("/")[-1] in ("xl/workbook.xml", "workbook.xml"))
    )
