"""The picture of the landing page: the offices, what each arm had of its own, what both had, and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from textwrap import fill

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch, Rectangle

from holf.display.figure import AN_INCH, INK, PHONE, QUIET, SMALL, Picture, arm_style, canvas, finish
from holf.display.office_map import draw_norway
from holf.display.published_overview import ARROWS
from holf.display.table import Cell, Table
from holf.paths import data_path
from holf.record.facts import FactError, Ledger
from holf.record.plan import Plan
from holf.record.reading import read_yaml
from holf.record.reporting import Reporting
from holf.record.source import RECORD

# CSS pixels: height of a line of small letters, and the mean width of a letter.
_LINE, _LETTER = 15.0, 6.2


@dataclass(frozen=True)
class Line:
    """Something that the picture says, and the row of the ledger that it rests on."""

    says: str
    fact: str


@dataclass(frozen=True)
class Result:
    """What was found in one area under one comparison: `sign` of `holf.record.reporting.SIGNS`."""

    area: str
    question: str
    sign: str
    line: Line


@dataclass(frozen=True)
class Landing:
    """Words of the picture in one language, with the numbers of the ledger in them.

    Attributes
    ----------
    offices : Line
    arms : dict of str to tuple of Line
        For each arm its title, and what it had of its own.
    both : tuple of Line
    results : tuple of Result
    titles : dict of str to str
        The other words: each arm's name before what it had, both, found, note, ends (of the text alternative), and
        table (before its caption).
    columns : tuple of str
        Headings of the table.
    """

    offices: Line
    arms: dict[str, tuple[Line, ...]]
    both: tuple[Line, ...]
    results: tuple[Result, ...]
    titles: dict[str, str]
    columns: tuple[str, str]


def load_landing(ledger: Ledger, reporting: Reporting) -> dict[str, Landing]:
    """Read `data/landing.yml`: the picture's words by language.

    Raises
    ------
    FactError
        If a line rests on a row that is not published.
    """
    stated = read_yaml(data_path("landing.yml"))
    source = stated.pop("source")
    shown = {key: fact.shown for key, fact in ledger.items()}

    def line(entry: Mapping) -> Line:
        if ledger[entry["fact"]].kind != "published":
            raise FactError(
                f"landing.yml: {entry['fact']} is {ledger[entry['fact']].kind}; the picture shows what is published"
            )
        return Line(entry["says"].format_map(shown), entry["fact"])

    def landing(words: Mapping) -> Landing:
        results = tuple(
            Result(words["areas"][word.outcome], words["questions"][word.question], word.sign,
                   line({"says": words["signs"][word.sign], "fact": word.facts[0]}))
            for word in reporting.overview
            if word.source == source
        )  # fmt: skip
        arms = {
            arm: (line(entry["title"]), *(line(one) for one in entry["had"])) for arm, entry in words["arms"].items()
        }
        both = tuple(line(one) for one in words["both"]["had"])
        titles = {key: words[key].format_map(shown) for key in ("found", "note", "ends", "table")}
        titles |= {arm: entry["own"] for arm, entry in words["arms"].items()} | {"both": words["both"]["title"]}
        return Landing(line(words["offices"]), arms, both, results, titles, tuple(words["columns"]))

    return {language: landing(words) for language, words in stated.items()}


def landing_table(words: Landing) -> Table:
    """Everything that the picture says, one line a row."""
    rows = [(said.rstrip(":"), Cell(line.says, "", line.fact)) for said, line in _lines(words)]
    return Table(words.offices.says, words.columns, tuple(rows), source=RECORD, folded=True)


def _lines(words: Landing) -> Iterator[tuple[str, Line]]:
    yield words.offices.says.rpartition(", ")[0], words.offices
    for arm, (title, *had) in words.arms.items():
        yield title.says.rpartition(": ")[2], title
        for one in had:
            yield words.titles[arm], one
    for one in words.both:
        yield words.titles["both"], one
    for one in words.results:
        yield f"{one.area}. {one.question}", one.line


def landing_picture(words: Landing, offices: pd.DataFrame, plan: Plan) -> Picture:
    """Draw the picture; no office carries a mark of an arm, since no source read says which it was in.

    Parameters
    ----------
    words : Landing
    offices : DataFrame
        `data/offices.csv`.
    plan : Plan
        For the marks of the arms.
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
            place = words.offices.says.replace(", ", ",\n"), 0.47 * across, 0.66 * up
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

    return finish(draw, landing_alt(words), landing_table(words), ends=words.titles["ends"])


def _write(page: Axes, words: str, x: float, y: float, room: float, *, size: float = SMALL, **style) -> float:
    """Write words from a point down, in lines of at most `room` pixels; the height at which they end."""
    letters = int(room / (_LETTER * size / SMALL))
    shown = "\n".join(fill(part, letters) for part in words.split("\n"))
    page.text(x, y, shown, fontsize=size, va="top", linespacing=1.15, **style)
    return y + _LINE * size / SMALL * (shown.count("\n") + 1)


def _box(page: Axes, x: float, y: float, width: float, height: float, **style) -> None:
    shape = "round,pad=0,rounding_size=6"
    page.add_patch(FancyBboxPatch((x, y), width, height, boxstyle=shape, facecolor="white", lw=1.4, **style))


def _draw_arms(page: Axes, words: Landing, plan: Plan, left: float, top: float, room: float) -> float:
    """One box an arm, side by side: its mark, its title, and what it had of its own."""
    width, bottoms = (room - 11) / len(words.arms), []
    for place, (arm, (title, *had)) in enumerate(words.arms.items()):
        x = left + 1 + place * (width + 9)
        colour, marker = arm_style(plan, arm)
        page.plot([x + 16], [top + 18], marker, color=colour, markersize=9)
        y = _write(page, title.says.replace(": ", ":\n"), x + 30, top + 9, width - 34, size=9.5, weight="bold")
        y = _write(page, words.titles[arm], x + 10, y + 6, width - 16, color=QUIET, style="italic")
        for one in had:
            y = _write(page, f"· {one.says}", x + 10, y, width - 14.0)
        bottoms.append(y + 6)
    for place, arm in enumerate(words.arms):
        _box(
            page,
            left + 1 + place * (width + 9),
            top,
            width,
            max(bottoms) - top,
            edgecolor=arm_style(plan, arm)[0],
            zorder=0,
        )
    return max(bottoms)


def _draw_both(page: Axes, words: Landing, left: float, top: float, room: float) -> float:
    """One box as wide as those of the arms."""
    y = _write(page, words.titles["both"], left + 10, top + 8, room - 20, size=9.5, weight="bold")
    for one in words.both:
        y = _write(page, f"· {one.says}", left + 10, y, room - 20)
    _box(page, left + 1, top, room - 2, y + 6 - top, edgecolor=INK, zorder=0)
    return y + 6


def _draw_results(page: Axes, words: Landing, top: float, room: float, columns: int) -> float:
    """One card an area: what was found between the arms, and before and after; below them what it does not mean."""
    y = _write(page, words.titles["found"], 1, top, room, size=9.5, weight="bold") + 4
    areas = list(dict.fromkeys(one.area for one in words.results))
    width, height, row = (room - 2 - 8 * (columns - 1)) / columns, 98, 37
    for place, area in enumerate(areas):
        x, card = 1 + place % columns * (width + 8), y + place // columns * (height + 8)
        _write(page, area, x + 8, card + 5, width - 10, weight="bold")
        for number, one in enumerate(one for one in words.results if one.area == area):
            arrow, shade = ARROWS[one.sign]
            above = card + 24 + row * number
            page.add_patch(Rectangle((x, above), width, row - 1, facecolor=shade, lw=0, zorder=0))
            page.text(x + 16, above + row / 2, arrow, fontsize=12, ha="center", va="center")
            _write(page, f"{one.question}:\n{one.line.says}", x + 30, above + 4, width - 24)
        page.add_patch(Rectangle((x, card), width, height, fill=False, edgecolor="#cfcfcf", lw=0.8))
    bottom = y + -(-len(areas) // columns) * (height + 8)
    return _write(page, words.titles["note"], 1, bottom + 2, room, color=QUIET)


def landing_alt(words: Landing) -> str:
    """Offices, arms, what both had, and what was found, in the order of the picture."""
    parts = [words.offices.says]
    parts += [f"{title.says}: {', '.join(one.says for one in had)}" for title, *had in words.arms.values()]
    parts.append(f"{words.titles['both']} {', '.join(one.says for one in words.both)}")
    for question in dict.fromkeys(one.question for one in words.results):
        mine = [one for one in words.results if one.question == question]
        said = {one.line.says: [other.area for other in mine if other.line.says == one.line.says] for one in mine}
        parts.append(f"{question}: " + "; ".join(f"{what}: {', '.join(areas)}" for what, areas in said.items()))
    return ". ".join(parts) + "."
