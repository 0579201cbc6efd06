"""Rules on numbers in a row: in text and scripts, as points of a drawing, as data of a chart, or encoded."""

from __future__ import annotations

import re

from bs4 import Tag

from holf.gate.files import PLAIN, Item
from holf.gate.known import Known
from holf.gate.tabular import LISTED, MOST_NUMBERS, is_number, parts_of, values_in

_ONE = r"[\"']?(?:[-+\u2212]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|nan|NaN|NA|null|None)[\"']?"
_RUN = re.compile(rf"(?<![\w.]){_ONE}(?:[\s,;|()\[\]]+{_ONE}){{{MOST_NUMBERS},}}(?![\w.])")
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


def _points(path: str) -> int:
    """Points of a path: one a command, more where a command is followed by several pairs."""
    return max(len(_POINT.findall(path)), len(_COORDINATES.findall(path)) // 2)


def _draws_units(page: Tag) -> bool:
    """A drawing of more than 28 shapes, or with a line of more than 28 points; also one made of plain boxes."""
    boxes = sum(bool(_PLACED.search(tag["style"])) for tag in page.find_all(style=True))
    drawings = [drawing.find_all(_SHAPES) for drawing in page.find_all("svg")]
    return any(count > MOST_NUMBERS for count in (boxes, *map(len, drawings))) or any(
        _points(shape.get("d", "") or shape.get("points", "")) > MOST_NUMBERS for shapes in drawings for shape in shapes
    )


def holds_numbers(item: Item, known: Known) -> bool:
    """More than 28 numbers in a row: in text, in JSON, or as the points of a drawing."""
    if item.kind == "markup":
        return _draws_units(item.value)
    if item.kind == "json":
        series = map(parts_of, values_in(item.value))
        return any(len(parts) > MOST_NUMBERS and all(map(is_number, parts)) for parts in series)
    return item.kind in LISTED | {"attributes", "style"} and bool(_RUN.search(item.text))


def holds_encoded(item: Item, known: Known) -> bool:
    """Letters and digits without an end, or a file inside a file: they may hold anything, and are not opened."""
    return item.kind in PLAIN and bool(_ENCODED.search(item.text))


def _is_counted_off(data: object) -> bool:
    """Whether a chart's data are a plain sequence of numbers, made when it is drawn: it then draws a formula."""
    if not isinstance(data, dict) or data.keys() != {"sequence"} or not isinstance(data["sequence"], dict):
        return False
    steps = {key: value for key, value in data["sequence"].items() if key != "as"}
    return steps.keys() <= {"start", "stop", "step"} and all(map(is_number, steps.values()))


def holds_chart_data(item: Item, known: Known) -> bool:
    """The data of an interactive chart or control: Vega and Altair, Plotly, Bokeh, widgets; a formula is no data."""
    objects = [value for value in values_in(item.value) if isinstance(value, dict)] if item.kind == "json" else ()
    for value in objects:
        if _CHART_KEYS & value.keys():
            return True
        if "vega" in str(value.get("$schema", "")):
            inner = (one for one in values_in(value) if isinstance(one, dict) and "data" in one)
            if not all(_is_counted_off(one["data"]) for one in inner):
                return True
    return item.kind in LISTED | {"attributes"} and bool(_CHART_WORDS.search(item.text))
