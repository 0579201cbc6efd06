"""The trial's setting as figures: when it was, where its offices are, and how small a difference it could have seen."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.dates import DateFormatter, YearLocator, date2num

from holf import text
from holf.facts import Ledger
from holf.picture import INK, QUIET, SMALL, Picture, canvas, finish, name_rows
from holf.table import RECORD, Cell, Table


def timeline(ledger: Ledger) -> Picture:
    """Published dates of the trial: periods as bars, events as points."""
    periods = [("Start to finish (text)", "F023", "F025"), ("Start to completion (fields)", "F024", "F027")]
    events = [
        ("Registration submitted", "F033"),
        ("Registration posted", "F035"),
        ("Record last updated", "F036"),
        ("Blog post", "F147"),
    ]
    rows = [(label, ledger[start].value, ledger[end].value, (start, end)) for label, start, end in periods]
    rows += [(label, ledger[fact].value, ledger[fact].value, (fact,)) for label, fact in events]
    with canvas(3.0) as (figure, (axes,)):
        for place, (_, start, end, _) in enumerate(rows):
            first, last = date2num(np.datetime64(start)), date2num(np.datetime64(end))
            if first == last:
                axes.plot([first], [place], "D", color=INK, markersize=6)
            else:
                axes.barh(place, last - first, left=first, height=0.3, color="#c9d6df", edgecolor=INK)
            words, style = start if first == last else f"{start} to {end}", {"fontsize": SMALL, "color": QUIET}
            place_of = {"ha": "center"} if first == last else {"ha": "left"}
            axes.annotate(words, (first, place - 0.2), va="bottom", **place_of, **style)
        name_rows(axes, [row[0] for row in rows])
        axes.xaxis_date()
        axes.xaxis.set_major_locator(YearLocator(2))
        axes.xaxis.set_major_formatter(DateFormatter("%Y"))
        # Dates stand above their marks, and at the right end need room for half of their words.
        left, right = axes.get_xlim()
        axes.set_xlim(right=right + 0.1 * (right - left))
        sns.despine(ax=axes)
    dates = [(label, Cell(a, "published", facts[0]), Cell(b, "published", facts[-1])) for label, a, b, facts in rows]
    table = Table("Dates of the trial", ("What", "From", "To"), tuple(dates), folded=True, source=RECORD)
    said = "; ".join(f"{label} {start}" + (f" to {end}" if end != start else "") for label, start, end, _ in rows)
    return finish(figure, f"Timeline. {said}.", table, source=RECORD)


def office_map(offices: pd.DataFrame) -> Picture:
    """Where the offices are, all in one colour: which office was in which arm is not published.

    Parameters
    ----------
    offices : DataFrame
        `data/offices.csv`, with corrected_name, lat_approx, lon_approx, registry_place.
    """
    with canvas(3.7) as (figure, (axes,)):
        sns.scatterplot(offices, x="lon_approx", y="lat_approx", color=INK, s=24, ax=axes, legend=False, zorder=3)
        _name_places(axes, offices)
        # One degree of longitude is about half a degree of latitude here.
        axes.set(
            xlabel="Longitude, degrees east",
            ylabel="Latitude, degrees north",
            xlim=(-0.6, 21.4),
            ylim=(58.2, 69.3),
            aspect=2.0,
            xticks=range(4, 20, 4),
        )
        sns.despine(ax=axes)
    table = Table(
        f"The {len(offices)} offices",
        ("Office", "Place in the registry", "Region"),
        tuple((o.corrected_name, o.registry_place, o.region_ssb_landsdel) for o in offices.itertuples()),
        folded=True,
        source=RECORD,
    )
    regions = ", ".join(f"{name} {count}" for name, count in offices["region_ssb_landsdel"].value_counts().items())
    return finish(
        figure,
        f"Map of the {len(offices)} offices in one colour, since their arms are not published. "
        f"Offices by region: {regions}. Positions are approximate.",
        table,
        source=RECORD,
    )


def _name_places(axes, offices: pd.DataFrame) -> None:
    """Names in columns at the sides, lines to the places: ten offices stand within a few kilometres."""
    offices = offices.assign(crowded=offices["region_ssb_landsdel"] == "Oslo og Akershus")
    west = (offices["lon_approx"] < 7) | offices["crowded"]
    # The sea leaves room in the north-west, and the border in the south-east.
    offices["x"] = np.where(west, np.where(offices["crowded"], 8.5, 4.7), np.maximum(13, offices["lon_approx"] + 1))
    for names, align in ((offices[west], "right"), (offices[~west], "left")):
        line = {"arrowstyle": "-", "color": "#b0b0b0", "lw": 0.7, "shrinkA": 1}
        line["relpos"] = (1 if align == "right" else 0, 0.5)
        lowest = 58.4
        for row in names.sort_values(["crowded", "lat_approx", "lon_approx"]).itertuples():
            name, height = row.corrected_name.removeprefix("NAV "), max(lowest, row.lat_approx)
            axes.annotate(
                name,
                (row.lon_approx, row.lat_approx),
                xytext=(row.x, height),
                ha=align,
                va="center",
                fontsize=SMALL,
                arrowprops=line,
            )
            lowest = height + 0.47


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
