"""Draws the picture of the landing page: the offices, what each arm and both had, and what was found."""

from __future__ import annotations

from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from holf.display.figure import AN_INCH, INK, QUIET, SMALL, Picture, arm_style, canvas, finish
from holf.display.landing import landing_alt, landing_table
from holf.display.office_map import draw_norway
from holf.display.published_overview import ARROWS
from holf.display.widths import PHONE
from holf.record.plan import Plan

# CSS pixels: height of a line of small letters, and the mean width of a letter.
_LINE, _LETTER = 15.0, 6.2
# Grounds of what was found between the arms, and over time.
_COMPARED, _OVER_TIME = "#c6dcec", "#ffffff"


def landing_picture(words: dict, offices: pd.DataFrame, plan: Plan) -> Picture:
    """Draw the picture; no office carries a mark of an arm, since no source read says which it was in.

    `words` are those of one language, `offices` is `data/offices.csv`, and the plan gives the marks of the arms.
    """

    def draw(width: int) -> Figure:
        with canvas(width, 1.0) as (figure, (page,)):
            figure.set_layout_engine("none")
            page.set_position((0, 0, 1, 1))
            page.axis("off")
            if width == PHONE:
                across, up, left, top = width, 300, 0, 312
            else:
                across, up, left, top = 268, 300, 276, 1
            place = words["offices"]["says"].replace(", ", ",\n"), 0.47 * across, 0.66 * up
            _write(page, *place, across, size=11, weight="bold")
            bottom = _draw_arms(page, words, plan, left, top, width - left)
            bottom = _draw_both(page, words, left, bottom + 10, width - left)
            height = _draw_results(page, words, max(bottom, up) + 20, width, 2 if width == PHONE else 4)
            # In CSS pixels from the upper left corner.
            page.set(xlim=(0, width), ylim=(height, 0))
            figure.set_size_inches(width / AN_INCH, height / AN_INCH)
            country = figure.add_axes((0, 1 - up / height, across / width, up / height))
            draw_norway(country, offices, size=12)
            country.axis("off")
        return figure

    return finish(draw, landing_alt(words), landing_table(words), ends=words["ends"])


def _write(page: Axes, words: str, x: float, y: float, room: float, *, size: float = SMALL, **style) -> float:
    """Write words from a point down, in lines of at most `room` pixels; the height at which they end."""
    letters = int(room / (_LETTER * size / SMALL))
    shown = "\n".join(fill(part, letters) for part in words.split("\n"))
    page.text(x, y, shown, fontsize=size, va="top", linespacing=1.15, **style)
    return y + _LINE * size / SMALL * (shown.count("\n") + 1)


def _box(page: Axes, x: float, y: float, width: float, height: float, **style) -> None:
    shape = "round,pad=0,rounding_size=6"
    page.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=shape, facecolor="white", lw=1.4, **style))


def _draw_arms(page: Axes, words: dict, plan: Plan, left: float, top: float, room: float) -> float:
    """One box an arm, side by side: its mark, its title, and what it had of its own."""
    width, bottom, style = (room - 11) / len(words["arms"]), 0.0, {arm: arm_style(plan, arm) for arm in words["arms"]}
    places = {arm: left + 1 + place * (width + 9) for place, arm in enumerate(words["arms"])}
    for arm, x in places.items():
        said, (colour, marker) = words["arms"][arm], style[arm]
        page.plot([x + 16], [top + 18], marker, color=colour, markersize=9)
        title = said["title"]["says"].replace(": ", ":\n")
        y = _write(page, title, x + 30, top + 9, width - 34, size=9.5, weight="bold")
        y = _write(page, said["own"], x + 10, y + 6, width - 16, color=QUIET, style="italic")
        for one in said["had"]:
            y = _write(page, f"· {one['says']}", x + 10, y, width - 14.0)
        bottom = max(bottom, y + 6)
    for arm, x in places.items():
        _box(page, x, top, width, bottom - top, edgecolor=style[arm][0], zorder=0)
    return bottom


def _draw_both(page: Axes, words: dict, left: float, top: float, room: float) -> float:
    """One box as wide as those of the arms."""
    y = _write(page, words["both"]["title"], left + 10, top + 8, room - 20, size=9.5, weight="bold")
    for one in words["both"]["had"]:
        y = _write(page, f"· {one['says']}", left + 10, y, room - 20)
    _box(page, left + 1, top, room - 2, y + 6 - top, edgecolor=INK, zorder=0)
    return y + 6


def _draw_results(page: Axes, words: dict, top: float, room: float, columns: int) -> float:
    """One card an area: what was found between the arms, and before and after; below them what it does not mean."""
    y = _write(page, words["found"], 1, top, room, size=9.5, weight="bold") + 4
    areas = list(dict.fromkeys(one["area"] for one in words["results"]))
    width, height, row = (room - 2 - 8 * (columns - 1)) / columns, 98, 37
    for place, area in enumerate(areas):
        x, card = 1 + place % columns * (width + 8), y + place // columns * (height + 8)
        _write(page, area, x + 8, card + 5, width - 10, weight="bold")
        for number, one in enumerate(one for one in words["results"] if one["area"] == area):
            arrow = ARROWS[one["sign"]][0]
            # The comparison stands out: a change over time is no effect of either way of working.
            shade, weight = (_COMPARED, "bold") if not number else (_OVER_TIME, "normal")
            above = card + 24 + row * number
            page.add_patch(Rectangle((x, above), width, row - 1, facecolor=shade, lw=0, zorder=0))
            page.text(x + 16, above + row / 2, arrow, fontsize=12, ha="center", va="center")
            _write(page, f"{one['question']}:\n{one['says']}", x + 30, above + 4, width - 24, weight=weight)
        page.add_patch(Rectangle((x, card), width, height, fill=False, edgecolor="#cfcfcf", lw=0.8))
    bottom = y + -(-len(areas) // columns) * (height + 8)
    return _write(page, words["note"]["says"], 1, bottom + 2, room)
