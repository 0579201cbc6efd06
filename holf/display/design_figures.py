"""The trial's setting as figures: when it was, where its offices are, and how small a difference it could have seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.dates import date2num

from holf.display import text
from holf.display.figure import INK, QUIET, SMALL, Picture, canvas, finish, name_rows
from holf.display.table import Cell, Table
from holf.paths import data_path, read_yaml
from holf.record.facts import FactError, Ledger
from holf.record.source import RECORD

_LINE = {"arrowstyle": "-", "color": "#b0b0b0", "lw": 0.7, "shrinkA": 1}


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
    with canvas(4.6) as (figure, (axes,)):
        for place, moment in enumerate(moments):
            _draw_moment(axes, place, moment)
        name_rows(axes, [moment.what for moment in moments])
        years = range(min(int(one.start[:4]) for one in moments), max(int(one.end[:4]) for one in moments) + 2)
        axes.set_xticks([date2num(np.datetime64(f"{year}-01-01")) for year in years], years, fontsize=SMALL)
        sns.despine(ax=axes)
    dates = tuple(
        (one.what, Cell(one.start, "published", one.facts[0]), Cell(one.end, "published", one.facts[-1]))
        for one in moments
    )
    table = Table("Dates of the trial", ("What", "From", "To"), dates, folded=True, source=RECORD)
    said = "; ".join(f"{one.what} {one.start}" + (f" to {one.end}" if one.end != one.start else "") for one in moments)
    return finish(figure, f"Timeline. {said}.", table, source=RECORD)


def _draw_moment(axes: Axes, place: int, moment: Moment) -> None:
    """One row: its mark, and its words above it."""
    # The last day of what the record gives as a year or a month.
    last = np.datetime64(np.datetime64(moment.end) + 1, "D") - 1
    start, end = date2num(np.datetime64(moment.start, "D")), date2num(last)
    words = moment.start if moment.end == moment.start else f"{moment.start} to {moment.end}"
    if end - start > 20:
        axes.barh(place, end - start, left=start, height=0.3, color="#c9d6df", edgecolor=INK)
    else:
        axes.plot([start], [place], "D", color=INK, markersize=6)
    # So that no words leave the frame at its sides.
    align, x = ("left", start) if moment.start < "2019" else ("center", (start + end) / 2)
    align, x = ("right", end) if moment.start > "2021" else (align, x)
    axes.annotate(words, (x, place - 0.22), ha=align, va="bottom", fontsize=SMALL, color=QUIET)


def follow_up(ledger: Ledger) -> Picture:
    """When who was to be measured, in months, and how far registers were followed in what is reported."""
    entries = read_yaml(data_path("timeline.yml"))["months"]
    rows = [(entry["what"], key, ledger.number(key)) for entry in entries for key in entry["facts"]]
    names = [entry["what"] for entry in entries]
    with canvas(2.6) as (figure, (axes,)):
        for name, _, months in rows:
            axes.plot([months], [names.index(name)], "D", color=INK, markersize=7)
            place = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center", "fontsize": SMALL}
            axes.annotate(text.count(months), (months, names.index(name)), **place)
        name_rows(axes, names)
        axes.set(xlim=(0, 52), ylim=(len(names) - 0.6, -0.8), xticks=range(0, 49, 12))
        axes.set_xlabel("Months after baseline\n(NAV's summary: after the start)")
        sns.despine(ax=axes)
    shown = tuple((name, Cell(text.count(months), "published", key)) for name, key, months in rows)
    table = Table("Follow-up in months", ("What", "Months"), shown, folded=True, source=RECORD)
    said = "; ".join(f"{name}: {months}" for name, _, months in rows)
    return finish(
        figure,
        f"Follow-up in months after baseline, and for NAV's summary after the start. {said}.",
        table,
        source=RECORD,
    )


def office_map(offices: pd.DataFrame) -> Picture:
    """Where the offices are, all in one colour: which office was in which arm is in no source read.

    The region with the most offices is drawn again, larger, below the others.

    Parameters
    ----------
    offices : DataFrame
        `data/offices.csv`, with corrected_name, lat_approx, lon_approx, registry_place, region_ssb_landsdel.
    """
    crowded = offices["region_ssb_landsdel"] == offices["region_ssb_landsdel"].mode()[0]
    near, far = offices[crowded], offices[~crowded]
    with canvas(5.6, 2, height_ratios=(3, 1)) as (figure, (axes, close)):
        for place, shown in ((axes, offices), (close, near)):
            sns.scatterplot(shown, x="lon_approx", y="lat_approx", color=INK, s=24, ax=place, legend=False, zorder=3)
            # One degree of longitude is about half a degree of latitude here.
            place.set(aspect=2.0, xlabel="", ylabel="")
            sns.despine(ax=place)
        west = far["lon_approx"] < 7
        _name_places(axes, far[west], 4.4, 0.47, "right")
        _name_places(axes, far[~west], 17.4, 0.47, "left")
        region = near["region_ssb_landsdel"].iloc[0]
        axes.set(xlim=(-1.8, 24), ylim=(58.2, 69.3), xticks=range(4, 20, 4), ylabel="Latitude, degrees north")
        middle = near["lon_approx"].median()
        _name_places(close, near[near["lon_approx"] <= middle], 10.34, 0.042, "right")
        _name_places(close, near[near["lon_approx"] > middle], 11.12, 0.042, "left")
        close.set(xlim=(9.65, 11.75), ylim=(59.8, 60.1), xticks=[10, 10.5, 11, 11.5], xlabel="Longitude, degrees east")
        close.set_title(f"{region}, larger")
    table = Table(
        f"Map: the {len(offices)} offices",
        ("Office", "Place in the registry", "Region"),
        tuple((o.corrected_name, o.registry_place, o.region_ssb_landsdel) for o in offices.itertuples()),
        folded=True,
        source=RECORD,
    )
    regions = ", ".join(f"{name} {count}" for name, count in offices["region_ssb_landsdel"].value_counts().items())
    return finish(
        figure,
        f"Map of the {len(offices)} offices in one colour, since their arms are in no source read. "
        f"Offices by region: {regions}. Positions are approximate.",
        table,
        source=RECORD,
    )


def _name_places(axes: Axes, offices: pd.DataFrame, x: float, step: float, align: str) -> None:
    """Names in a column at one side, at least `step` apart, with lines to the places."""
    line = _LINE | {"relpos": (align == "right", 0.5)}
    lowest = -np.inf
    for row in offices.sort_values(["lat_approx", "lon_approx"]).itertuples():
        name, height = row.corrected_name.removeprefix("NAV "), max(lowest, row.lat_approx)
        style = {"ha": align, "va": "center", "fontsize": SMALL, "arrowprops": line}
        axes.annotate(name, (row.lon_approx, row.lat_approx), xytext=(x, height), **style)
        lowest = height + step


def detectable(grid: Sequence[float], values: Sequence[float], *, power: float, caption: str) -> Picture:
    """Smallest detectable difference in standard deviations against the intraclass correlation."""
    with canvas(2.8) as (figure, (axes,)):
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
    table = Table(
        f"{caption}, power {text.level(power, 'percent')}",
        ("Intraclass correlation", "Smallest detectable difference, SD"),
        tuple((Cell(text.decimal(x, 2), "assumed"), Cell(text.decimal(y, 3), "assumed")) for x, y in zip(grid, values)),
        folded=True,
        source=RECORD,
    )
    return finish(
        figure,
        f"Smallest difference found with a power of {text.level(power, 'percent')}: from "
        f"{text.decimal(values[0], 2)} standard deviations at an intraclass correlation of "
        f"{text.decimal(grid[0], 2)} to {text.decimal(values[-1], 2)} at {text.decimal(grid[-1], 2)}.",
        table,
        source=RECORD,
    )
