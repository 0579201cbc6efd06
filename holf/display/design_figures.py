"""Figures of the design: when the trial was, how long people were followed, how small a difference it could see."""

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
from holf.display.figure import INK, PHONE, QUIET, SMALL, Picture, canvas, finish, name_rows
from holf.display.table import Cell, Table
from holf.paths import data_path
from holf.record.facts import FactError, Ledger
from holf.record.reading import read_yaml, reading
from holf.record.source import RECORD


@dataclass(frozen=True)
class Moment:
    """Something with a date: its name, first and last day, both as the record gives them, and their ledger rows."""

    what: str
    start: str
    end: str
    facts: tuple[str, ...]


def load_moments(ledger: Ledger, path: Path | None = None) -> list[Moment]:
    """Read the dates of `data/timeline.yml` (or of another file of its form).

    Raises
    ------
    FactError
        If a date that is given there does not stand in its ledger row.
    """
    path, found = path or data_path("timeline.yml"), []
    with reading(path.name):
        for entry in read_yaml(path)["dates"]:
            first, last = ledger[entry["facts"][0]], ledger[entry["facts"][-1]]
            start = entry.get("from", first.value)
            if "from" in entry and not (
                entry["said"] in f"{first.fact} {first.value} {first.source}" and start[:4] in entry["said"]
            ):
                raise FactError(f"{path.name}, {entry['what']}: {start} does not stand in {first.id}")
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

    dates = tuple(
        (one.what, Cell(one.start, "published", one.facts[0]), Cell(one.end, "published", one.facts[-1]))
        for one in moments
    )
    table = Table("Dates of the trial", ("What", "From", "To"), dates, folded=True, source=RECORD)
    said = "; ".join(f"{one.what} {one.start}" + (f" to {one.end}" if one.end != one.start else "") for one in moments)
    return finish(draw, f"Timeline. {said}.", table, source=RECORD)


def _draw_moment(axes: Axes, place: int, moment: Moment, *, above: bool) -> None:
    """One row: its mark, and its words above it or at its side."""
    # The last day of what the record gives as a year or a month.
    last = np.datetime64(np.datetime64(moment.end) + 1, "D") - 1
    start, end = date2num(np.datetime64(moment.start, "D")), date2num(last)
    words = moment.start if moment.end == moment.start else f"{moment.start} to {moment.end}"
    if end - start > 20:
        axes.barh(place, end - start, left=start, height=0.3, color="#c9d6df", edgecolor=INK)
    else:
        axes.plot([start], [place], "D", color=INK, markersize=6)
    style = {"fontsize": SMALL, "color": QUIET, "textcoords": "offset points"}
    if above:
        # So that no words leave the frame at its sides.
        align, x = ("left", start) if moment.start < "2019" else ("center", (start + end) / 2)
        align, x = ("right", end) if moment.start > "2021" else (align, x)
        axes.annotate(words, (x, place - 0.22), (0, 0), ha=align, va="bottom", **style)
    elif moment.start > "2021":
        axes.annotate(words, (start, place), (-8, 0), ha="right", va="center", **style)
    else:
        axes.annotate(words, (end, place), (8, 0), ha="left", va="center", **style)


def follow_up(ledger: Ledger) -> Picture:
    """When who was to be measured, in months, and how far registers were followed in what is reported."""
    entries = read_yaml(data_path("timeline.yml"))["months"]
    rows = [(entry["what"], key, ledger.number(key)) for entry in entries for key in entry["facts"]]
    names = [entry["what"] for entry in entries]

    def draw(width: int) -> Figure:
        with canvas(width, 2.6) as (figure, (axes,)):
            for name, _, months in rows:
                axes.plot([months], [names.index(name)], "D", color=INK, markersize=7)
                place = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center", "fontsize": SMALL}
                axes.annotate(text.count(months), (months, names.index(name)), **place)
            name_rows(axes, names, wrap=16 if width == PHONE else 40)
            axes.set(xlim=(0, 52), ylim=(len(names) - 0.6, -0.8), xticks=range(0, 49, 12))
            axes.grid(axis="x", color="#e3e3e3", linewidth=0.8)
            apart = "\n" if width == PHONE else " "
            axes.set_xlabel(f"Months after baseline{apart}(NAV's summary: after the start)")
            sns.despine(ax=axes)
        return figure

    shown = tuple((name, Cell(text.count(months), "published", key)) for name, key, months in rows)
    table = Table("Follow-up in months", ("What", "Months"), shown, folded=True, source=RECORD)
    said = "; ".join(f"{name}: {months}" for name, _, months in rows)
    return finish(
        draw,
        f"Follow-up in months after baseline, and for NAV's summary after the start. {said}.",
        table,
        source=RECORD,
    )


def detectable(grid: Sequence[float], values: Sequence[float], *, power: float, caption: str) -> Picture:
    """Smallest detectable difference in standard deviations against the intraclass correlation."""

    def draw(width: int) -> Figure:
        with canvas(width, 2.8) as (figure, (axes,)):
            sns.lineplot(x=list(grid), y=list(values), color=INK, marker="D", ax=axes)
            for x, y in zip(grid, values):
                axes.annotate(text.decimal(y, 2), (x, y), xytext=(0, 7), textcoords="offset points", ha="center")
            axes.set(
                xlabel="Intraclass correlation (assumed)",
                ylabel="Smallest detectable\ndifference, SD",
                ylim=(0, max(values) * 1.25),
                xlim=(-0.005, max(grid) + 0.008),
            )
            sns.despine(ax=axes)
        return figure

    table = Table(
        f"{caption}, power {text.level(power, 'percent')}",
        ("Intraclass correlation", "Smallest detectable difference, SD"),
        tuple((Cell(text.decimal(x, 2), "assumed"), Cell(text.decimal(y, 3), "assumed")) for x, y in zip(grid, values)),
        folded=True,
        source=RECORD,
    )
    return finish(
        draw,
        f"Smallest difference found with a power of {text.level(power, 'percent')}: from "
        f"{text.decimal(values[0], 2)} standard deviations at an intraclass correlation of "
        f"{text.decimal(grid[0], 2)} to {text.decimal(values[-1], 2)} at {text.decimal(grid[-1], 2)}.",
        table,
        source=RECORD,
    )
