"""A figure as readers see it: drawn for a phone and for a desktop, its text alternative, and its table."""

from __future__ import annotations

import io
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from math import ceil
from textwrap import fill

import matplotlib
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from holf.display.table import Table
from holf.display.widths import COLUMN, PHONE
from holf.record.plan import Plan
from holf.record.source import MARK, REAL_MARK, kind_of, mark_of

# Okabe-Ito colours: told apart by people with any common colour blindness. Marker shapes repeat the message.
# One of each an arm, in the order of the plan, or another series of a figure.
COLOURS, MARKERS = ("#0072B2", "#D55E00", "#4D4D4D", "#009E73", "#CC79A7", "#56B4E9"), "os^DvP"
INK, QUIET, ALARM = "#1a1a1a", "#6b6b6b", "#a4133c"
# CSS pixels.
AN_INCH = 96
# Pixels of the file: two a CSS pixel.
DENSITY = 2 * AN_INCH
# Smallest letters, in points: 11 CSS pixels at the drawn width.
SMALL = 8.25

# What every text alternative ends with.
ENDS = "Its table has all numbers."

_STYLE = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "figure.dpi": DENSITY,
    "savefig.dpi": DENSITY,
    "axes.edgecolor": QUIET,
    "text.color": INK,
    "axes.labelcolor": INK,
    "font.family": "DejaVu Sans",
}


@dataclass(frozen=True)
class Picture:
    """A figure, drawn at two widths (`PHONE` and `COLUMN`, in CSS pixels), with its text alternative and its numbers.

    The text alternative of simulated answers begins with SIMULATED; the table is the folded twin of the figure.
    """

    drawings: dict[int, Figure]
    alt: str
    table: Table

    @property
    def kind(self) -> str:
        """``SIMULATED``, ``REAL DATA`` or ``RECORD``, also written into the files."""
        return next((mark for mark in (MARK, REAL_MARK) if self.alt.startswith(mark)), "RECORD")

    def letters(self, width: int) -> float:
        """Size of the smallest letters of a drawing, in CSS pixels where it is shown as wide as it was drawn."""
        figure = self.drawings[width]
        for axes in figure.axes:
            # Matplotlib writes at the ticks no sooner than it is asked.
            for axis in (axes.xaxis, axes.yaxis):
                axis.get_ticklabels()
        drawn = [words for words in figure.findobj(Text) if words.get_visible() and words.get_text().strip()]
        return min(words.get_fontsize() for words in drawn) * AN_INCH / 72

    def __repr__(self) -> str:
        return self.alt

    def png(self, width: int = COLUMN) -> bytes:
        """PNG of one of the drawings, at double density.

        The file says what it is, the digest of its numbers, and for which width it was drawn (`holf.book.marks`).
        """
        stream = io.BytesIO()
        said = {
            # Else the version of the drawing library, which would change the file.
            "Software": None,
            "Comment": self.kind,
            "Source": f"sha256 {self.table.values.digest()}",
            "Letters": f"{self.letters(width):.1f} of {width} px",
        }
        self.drawings[width].savefig(stream, format="png", dpi=DENSITY, metadata=said)
        return with_palette(stream.getvalue())

    def _ipython_display_(self) -> None:
        """Show both drawings in a notebook, the wide one first; a page of the book shows one of them."""
        from IPython.display import display

        for width in (COLUMN, PHONE):
            display({"image/png": b64encode(self.png(width)).decode(), "text/plain": self.alt}, raw=True)


def with_palette(data: bytes) -> bytes:
    """The same PNG in at most 64 colours, a quarter of the bytes, with its words.

    Of Pillow's ways to choose colours, this one keeps up to 64 exactly and moved no channel of the book's figures by
    more than 16 of 255; the octree turned white to grey.
    """
    with Image.open(io.BytesIO(data)) as picture:
        words, plain = PngInfo(), picture.convert("RGB")
        for key, value in picture.text.items():
            words.add_text(key, value)
    stream = io.BytesIO()
    small = plain.quantize(64, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(stream, format="png", optimize=True, pnginfo=words)
    return stream.getvalue()


def arm_style(plan: Plan, arm: str) -> tuple[str, str]:
    """Colour and marker of an arm."""
    place = list(plan.arms).index(arm)
    return COLOURS[place], MARKERS[place]


@contextmanager
def canvas(
    width: int, height: float, panels: int = 1, *, rest: float = 0.0, places: str = "", **layout
) -> Iterator[tuple[Figure, list]]:
    """Give a figure in the book's style, and its panels, without touching global state.

    Parameters
    ----------
    width : int
        `PHONE` or `COLUMN`, in CSS pixels.
    height : float
        Height of each panel with what belongs to it, in inches.
    panels : int
        Number of axes: below each other on a phone, up to three beside each other on a desktop.
    rest : float
        Height of what is written once, such as a title, in inches.
    places : str
        Other places of the panels, as of `Figure.subplot_mosaic`: ``"ab;ac"``; then `height` is that of the figure.
    **layout
        Passed to `Figure.subplots` or `Figure.subplot_mosaic`.
    """
    rows = panels if width == PHONE else ceil(panels / 3)
    columns = ceil(panels / rows)
    with sns.axes_style("ticks"), matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(width / AN_INCH, rest + height * (1 if places else rows)), layout="constrained")
        if places:
            yield figure, list(figure.subplot_mosaic(places, **layout).values())
        else:
            axes = list(figure.subplots(rows, columns, squeeze=False, **layout).ravel())
            for spare in axes[panels:]:
                spare.remove()
            yield figure, axes[:panels]


def name_rows(axes: Axes, names: Sequence[str], *, wrap: int = 16) -> None:
    """Name the rows of a panel from the top down, in lines of at most `wrap` letters; line breaks of a name stay."""
    lines = ["\n".join(fill(line, wrap, break_long_words=False) for line in name.split("\n")) for name in names]
    axes.set_yticks(range(len(lines)), lines, fontsize=SMALL, linespacing=1.0)
    axes.set_ylim(len(lines) - 0.5, -0.5)


def name_rows_once(panels: Sequence[Axes]) -> None:
    """Take the names from panels whose left neighbour has the same."""
    names = [[label.get_text() for label in axes.get_yticklabels()] for axes in panels]
    for place, (left, axes) in enumerate(pairwise(panels), start=1):
        beside = left.get_subplotspec().rowspan == axes.get_subplotspec().rowspan
        if beside and names[place] == names[place - 1]:
            axes.tick_params(left=False, labelleft=False)


def finish(draw: Callable[[int], Figure], alt: str, table: Table, *, ends: str = ENDS) -> Picture:
    """Draw a figure at both widths, say in it where its numbers come from, and bind it to its text and its table.

    Parameters
    ----------
    draw : callable
        Gives the drawing for a width in CSS pixels.
    alt : str
        Text alternative, without the mark.
    table : Table
        The drawn numbers; where they are simulated, the mark is burnt into every panel.
    ends : str
        Last sentence of the text alternative, which leads to the table.

    Raises
    ------
    ValueError
        If letters are too small.
    """
    drawings = {width: draw(width) for width in (PHONE, COLUMN)}
    kind, (mark, name) = kind_of(table.source), mark_of(table.source)
    if mark:
        alt = f"{MARK}, not a finding. {alt}" if kind == "simulated" else f"{mark} ({name}). {alt}"
    picture = Picture(drawings, f"{alt} {ends}", table)
    for width, figure in drawings.items():
        _stamp(figure, kind, f"{mark}, {name}")
        if picture.letters(width) < SMALL * AN_INCH / 72:
            raise ValueError(f"{table.caption}: letters of {picture.letters(width):.1f} CSS pixels are too small")
    return picture


def _stamp(figure: Figure, kind: str, named: str) -> None:
    """Write over a drawing whose data it shows, if not the record's; the mark of simulated data into every panel."""
    if kind == "simulated":
        middle = {"ha": "center", "va": "center", "rotation": 12, "zorder": 0.5}
        style = {"color": ALARM, "alpha": 0.22, "weight": "bold", "gid": "holf-mark"}
        for axes in figure.axes:
            # As wide as its panel at most: beside it stand the names of rows.
            inches = figure.get_figwidth() / axes.get_subplotspec().get_gridspec().ncols - 0.85
            axes.text(0.5, 0.5, MARK, transform=axes.transAxes, fontsize=min(24, 10 * inches), **middle, **style)
    if kind in ("simulated", "real", "elsewhere"):
        simulated = kind == "simulated"
        title = f"{MARK}: a demonstration, not a finding" if simulated else fill(named, 40)
        figure.suptitle(title, color=ALARM if simulated else INK, fontsize=9, weight="bold", gid="holf-mark")
