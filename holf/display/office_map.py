"""Where the offices are: Norway with its coast, all offices in one colour, and crowded parts drawn larger."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from holf.display import text
from holf.display.figure import INK, QUIET, SMALL, Picture, canvas, finish
from holf.display.table import Table
from holf.display.widths import PHONE
from holf.paths import data_path
from holf.record.source import RECORD

# Offices in the colour of no arm.
LAND, SHORE, OFFICE = "#e4e9e4", "#9aa79a", INK
# West, east, south and north ends of what is drawn, in degrees.
NORWAY = (4.0, 31.5, 57.8, 71.4)
_SOUTH, _OSLO = (4.6, 12.9, 58.65, 61.3), (10.3, 11.2, 59.78, 60.02)
_LINE = {"arrowstyle": "-", "color": QUIET, "lw": 0.7, "shrinkA": 1}
# A label's side of its office: how it is aligned, and how far off, in points.
_SIDES = (
    ("left", "center", 5, 0),
    ("right", "center", -5, 0),
    ("center", "bottom", 0, 4),
    ("center", "top", 0, -4),
    ("left", "bottom", 4, 2),
    ("right", "bottom", -4, 2),
    ("left", "top", 4, -2),
    ("right", "top", -4, -2),
)


def load_coast() -> list[np.ndarray]:
    """Outlines of the mainland and of islands, each of shape (points, 2), as degrees east and north."""
    shapes = json.loads(data_path("geography/norway.geojson").read_text(encoding="utf-8"))["features"]
    return [np.array(part[0]) for shape in shapes for part in shape["geometry"]["coordinates"]]


def draw_norway(axes: Axes, offices: pd.DataFrame, view: Sequence[float] = NORWAY, *, size: float = 18) -> None:
    """Draw land and offices in a frame without degrees."""
    axes.add_collection(PolyCollection(load_coast(), facecolor=LAND, edgecolor=SHORE, linewidth=0.5))
    sns.scatterplot(offices, x="lon_approx", y="lat_approx", color=OFFICE, s=size, ax=axes, legend=False, zorder=3)
    axes.set(xlabel="", ylabel="", xticks=[], yticks=[])
    fit_view(axes, view)


def fit_view(axes: Axes, view: Sequence[float]) -> None:
    """Show a view true to its form, with as much around it as the panel has room for."""
    west, east, south, north = view
    # A degree of longitude is shorter than one of latitude.
    across, up = (east - west) * np.cos(np.radians((south + north) / 2)), north - south
    box = axes.get_window_extent()
    wider, higher = (box.width / box.height) / (across / up), (across / up) / (box.width / box.height)
    half_width, half_height = (east - west) / 2 * max(1, wider), (north - south) / 2 * max(1, higher)
    axes.set(xlim=((west + east) / 2 - half_width, (west + east) / 2 + half_width))
    axes.set(ylim=((south + north) / 2 - half_height, (south + north) / 2 + half_height))


def office_map(offices: pd.DataFrame) -> Picture:
    """Where the offices are, all in one colour: which office was in which arm is in no source read."""
    inner, outer = (_inside(offices, view) for view in (_OSLO, _SOUTH))

    def draw(width: int) -> Figure:
        places, height = ("a;b;c", 8.4) if width == PHONE else ("ab;ac", 4.8)
        ratios = {"height_ratios": (5, 3, 2.4)} if width == PHONE else {"width_ratios": (7, 8), "height_ratios": (5, 4)}
        with canvas(width, height, places=places, **ratios) as (figure, (norway, south, oslo)):
            views = {norway: NORWAY, south: _SOUTH, oslo: _OSLO}
            for axes, view in views.items():
                draw_norway(axes, offices, view)
            norway.set_title("Norway")
            south.set_title("The south, larger")
            oslo.set_title("Oslo and around it, larger")
            # The frames get their sizes now, and labels their places in them.
            figure.draw_without_rendering()
            for axes, view in views.items():
                fit_view(axes, view)
            for axes, part in ((norway, south), (south, oslo)):
                _frame(axes, part)
            _name(norway, offices[~outer])
            _name(south, offices[outer & ~inner])
            _name_at_sides(oslo, offices[inner])
        return figure

    columns = {
        "Office": lambda one: one.corrected_name,
        "Place in the registry": lambda one: one.registry_place,
        "Region": lambda one: one.region_ssb_landsdel,
    }
    caption = f"Map: the {len(offices)} offices"
    table = Table.of(caption, offices.itertuples(), columns, folded=True, source=RECORD)
    regions = offices["region_ssb_landsdel"].value_counts()
    said = ", ".join(f"{name} {text.count(count)}" for name, count in regions.items())
    alt = (
        f"Map of the {len(offices)} offices in one colour, since their arms are in no source read. "
        f"Offices by region: {said}. Positions are approximate."
    )
    return finish(draw, alt, table)


def _inside(offices: pd.DataFrame, view: Sequence[float]) -> pd.Series:
    west, east, south, north = view
    return offices["lon_approx"].between(west, east) & offices["lat_approx"].between(south, north)


def _frame(axes: Axes, larger: Axes) -> None:
    """Draw in one panel the frame of another that shows a part of it larger."""
    (west, east), (south, north) = larger.get_xlim(), larger.get_ylim()
    frame = Rectangle((west, south), east - west, north - south, fill=False, edgecolor=QUIET, linewidth=0.9, zorder=2)
    axes.add_patch(frame)


def _name(axes: Axes, offices: pd.DataFrame) -> None:
    """Write each name at the first side of its office where it is clear of others and of the frame, near if it can."""
    renderer = axes.figure._get_renderer()
    frame = axes.get_window_extent(renderer).padded(-8, 0)
    points = axes.transData.transform(offices[["lon_approx", "lat_approx"]].to_numpy())
    taken = [Bbox.from_bounds(x - 6, y - 6, 12, 12) for x, y in points]
    for row, own in zip(offices.itertuples(), list(taken)):
        for far, (align, stand, across, up) in product((1, 3, 5), _SIDES):
            style = {"ha": align, "va": stand, "fontsize": SMALL, "textcoords": "offset points"}
            line = _LINE if far > 1 else None
            place = (far * across, far * up)
            label = axes.annotate(_short(row), (row.lon_approx, row.lat_approx), place, arrowprops=line, **style)
            label.update_positions(renderer)
            box = Text.get_window_extent(label, renderer)
            others = (other for other in taken if other is not own)
            if frame.count_contains(box.corners()) == 4 and not any(map(box.fully_overlaps, others)):
                taken.append(box)
                break
            label.remove()
        else:
            raise ValueError(f"the map has no room for the name of {row.corrected_name}")


def _name_at_sides(axes: Axes, offices: pd.DataFrame) -> None:
    """Write names in a column at either side, from south to north, with lines to the offices."""
    west = offices["lon_approx"] < offices["lon_approx"].median()
    for x, align, part in ((0.02, "left", west), (0.98, "right", ~west)):
        mine = offices[part].sort_values(["lat_approx", "lon_approx"])
        style = {"ha": align, "va": "center", "fontsize": SMALL, "textcoords": "axes fraction"}
        style["arrowprops"] = _LINE | {"relpos": (align == "left", 0.5)}
        for row, height in zip(mine.itertuples(), np.linspace(0.1, 0.9, len(mine))):
            axes.annotate(_short(row), (row.lon_approx, row.lat_approx), (x, height), **style)


def _short(office) -> str:
    return office.corrected_name.removeprefix("NAV ")
