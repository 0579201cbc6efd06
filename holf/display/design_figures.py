"""Figures of the design: when the trial was, and how small a difference it could see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.dates import date2num
from matplotlib.figure import Figure

from holf.display import text
from holf.display.figure import INK, QUIET, SMALL, Picture, canvas, finish, name_rows
from holf.display.table import Cell, Table
from holf.display.widths import PHONE
from holf.paths import data_path
from holf.record.facts import FactError, Ledger
from holf.record.reading import name_of, read_yaml, reading
from holf.record.source import RECORD


@dataclass(frozen=True)
class Moment:
    """Something with a date: its name, first and last day, both as the record gives them, and their ledger rows."""

    what: str
    start: str
    end: str
    facts: tuple[str, ...]

    @property
    def dates(self) -> str:
        """The first day, and the last where it is another."""
        return self.start if self.end == self.start else f"{self.start} to {self.end}"


def load_moments(ledger: Ledger, path: Path | None = None) -> list[Moment]:
    """Read the dates of `data/timeline.yml` (or of another file of its form).

    Raises
    ------
    FactError
        If a date that is given there does not stand in its ledger row.
    """
    path, found = path or data_path("timeline.yml"), []
    with reading(name_of(path)):
        for entry in read_yaml(path)["dates"]:
            first, last = ledger[entry["facts"][0]], ledger[entry["facts"][-1]]
            start = entry.get("from", first.value)
            row = f"{first.fact} {first.value} {first.source}"
            if "from" in entry and not (entry["said"] in row and start[:4] in entry["said"]):
                raise FactError(f"{name_of(path)}, {entry['what']}: {start} does not stand in {first.id}")
            end = entry.get("to", start if "from" in entry else last.value)
            found.append(Moment(entry["what"], start, end, tuple(entry["facts"])))
    return found


def timeline(ledger: Ledger) -> Picture:
    """Published dates of the trial: periods as bars, events as points, a year or month as the bar that it is."""
    moments = load_moments(ledger)

    def draw(width: int) -> Figure:
        with canvas(width, (0.46 if width == PHONE else 0.34) * len(moments), rest=0.3) as (figure, (axes,)):
            for place, moment in enumerate(moments):
                _draw_moment(axes, place, moment, above=width == PHONE)
            name_rows(axes, [moment.what for moment in moments], wrap=16 if width == PHONE else 40)
            years = range(min(int(one.start[:4]) for one in moments), max(int(one.end[:4]) for one in moments) + 2)
            axes.set_xticks([date2num(np.datetime64(f"{year}-01-01")) for year in years], years, fontsize=SMALL)
            axes.grid(axis="x", color="#e3e3e3", linewidth=0.8)
            sns.despine(ax=axes)
        return figure

    columns = {
        "What": lambda one: one.what,
        "From": lambda one: Cell(one.start, "published", one.facts[0]),
        "To": lambda one: Cell(one.end, "published", one.facts[-1]),
    }
    table = Table.of("Dates of the trial", moments, columns, folded=True, source=RECORD)
    said = "; ".join(f"{one.what} {one.dates}" for one in moments)
    return finish(draw, f"Timeline. {said}.", table)


def _draw_moment(axes: Axes, place: int, moment: Moment, *, above: bool) -> None:
    """One row: its mark, and its words above it or at its side."""
    # The last day of what the record gives as a year or a month.
    last = np.datetime64(np.datetime64(moment.end) + 1, "D") - 1
    start, end = date2num(np.datetime64(moment.start, "D")), date2num(last)
    if end - start > 20:
        axes.barh(place, end - start, left=start, height=0.3, color="#c9d6df", edgecolor=INK)
    else:
        axes.plot([start], [place], "D", color=INK, markersize=6)
    # So that no words leave the frame at its sides.
    early, late = moment.start < "2019", moment.start > "2021"
    if above:
        align, stand, shift = "left" if early else "right" if late else "center", "bottom", (0, 0)
        spot = {"left": start, "right": end, "center": (start + end) / 2}[align], place - 0.22
    else:
        align, stand, shift = ("right", "center", (-8, 0)) if late else ("left", "center", (8, 0))
        spot = (start if late else end), place
    style = {"ha": align, "va": stand, "fontsize": SMALL, "color": QUIET, "textcoords": "offset points"}
    axes.annotate(moment.dates, spot, shift, **style)


def detectable(grid: Sequence[float], values: Sequence[float], *, power: float, caption: str) -> Picture:
    """Smallest detectable difference in standard deviations against the intraclass correlation."""

    def draw(width: int) -> Figure:
        with canvas(width, 2.8) as (figure, (axes,)):
            sns.lineplot(x=list(grid), y=list(values), color=INK, marker="D", ax=axes)
            for x, y in zip(grid, values):
                axes.annotate(text.decimal(y, 2), (x, y), xytext=(0, 7), textcoords="offset points", ha="center")
            axes.set(xlabel="Intraclass correlation (assumed)", ylabel="Smallest detectable\ndifference, SD")
            axes.set(xlim=(-0.005, max(grid) + 0.008), ylim=(0, max(values) * 1.25))
            sns.despine(ax=axes)
        return figure

    columns = {
        "Intraclass correlation": lambda pair: Cell(text.decimal(pair[0], 2), "assumed"),
        "Smallest detectable difference, SD": lambda pair: Cell(text.decimal(pair[1], 3), "assumed"),
    }
    shown = text.level(power, "percent")
    table = Table.of(f"{caption}, power {shown}", zip(grid, values), columns, folded=True, source=RECORD)
    ends = [(text.decimal(x, 2), text.decimal(y, 2)) for x, y in ((grid[0], values[0]), (grid[-1], values[-1]))]
    alt = (
        f"Smallest difference found with a power of {shown}: from {ends[0][1]} standard deviations at an intraclass "
        f"correlation of {ends[0][0]} to {ends[1][1]} at {ends[1][0]}."
    )
    return finish(draw, alt, table)
