"""A figure as readers see it: PNG at double density, its text alternative, and the table of what is drawn."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from textwrap import fill

import matplotlib
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from holf.display.table import Table
from holf.record.plan import Plan
from holf.record.source import MARK, REAL_MARK, kind_of, mark_of

# Okabe-Ito colours: told apart by people with any common colour blindness. Marker shapes repeat the message.
# One of each an arm, in the order of the plan.
_ARM_COLOURS, _ARM_MARKERS = ("#0072B2", "#D55E00", "#4D4D4D", "#009E73", "#CC79A7"), "os^Dv"
INK, QUIET, ALARM = "#1a1a1a", "#6b6b6b", "#a4133c"
# Every figure is drawn for the column of a phone, 350 of its 390 CSS pixels, which is also the column of a printed
# journal: one drawing is legible everywhere. On wider pages it is shown a quarter larger, there at double density.
CSS_PIXELS, _AN_INCH = 350, 96
WIDTH, DENSITY = CSS_PIXELS / _AN_INCH, 240
# Smallest letters, in points: 11 CSS pixels at the drawn width.
SMALL = 8.25

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
    """A drawn figure.

    Attributes
    ----------
    figure : matplotlib.figure.Figure
    alt : str
        Text alternative with the numbers that matter; for simulated answers it begins with SIMULATED.
    table : Table
        What is drawn, as numbers: the folded twin of the figure.
    """

    figure: Figure
    alt: str
    table: Table

    @property
    def kind(self) -> str:
        """``SIMULATED``, ``REAL DATA`` or ``RECORD``, also written into the file."""
        return next((mark for mark in (MARK, REAL_MARK) if self.alt.startswith(mark)), "RECORD")

    @property
    def letters(self) -> float:
        """Size of the smallest letters, in CSS pixels where the figure is shown as wide as it was drawn."""
        for axes in self.figure.axes:
            # Matplotlib writes at the ticks no sooner than it is asked.
            for axis in (axes.xaxis, axes.yaxis):
                axis.get_ticklabels()
        drawn = [words for words in self.figure.findobj(Text) if words.get_visible() and words.get_text().strip()]
        return min(words.get_fontsize() for words in drawn) * _AN_INCH / 72

    def __repr__(self) -> str:
        return self.alt

    def _repr_png_(self) -> bytes:
        stream = io.BytesIO()
        # Every picture says in the file what it is, so that a foreign one is found out (holf.book.marks). The software
        # tag would name the version of the drawing library, and change the file with it. The digest of what was drawn
        # ties a figure that travels alone to its numbers; the size of its letters, to how wide it has to be shown.
        said = {
            "Software": None,
            "Comment": self.kind,
            "Source": f"sha256 {self.table.values.digest()}",
            "Letters": f"{self.letters:.1f} of {CSS_PIXELS} px",
        }
        self.figure.savefig(stream, format="png", dpi=DENSITY, metadata=said)
        return with_palette(stream.getvalue())


def with_palette(data: bytes) -> bytes:
    """The same PNG in at most 256 colours, a third of the bytes, with its words.

    Of Pillow's ways to choose colours, this one keeps up to 256 exactly and moved no channel of the book's figures by
    more than 6 of 255; the octree turned white to grey. Transparency, which no figure has, is put on white.

    Parameters
    ----------
    data : bytes
        A PNG file.
    """
    with Image.open(io.BytesIO(data)) as picture:
        words = PngInfo()
        for key, value in picture.text.items():
            words.add_text(key, value)
        plain = Image.new("RGB", picture.size, "white")
        plain.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    stream = io.BytesIO()
    small = plain.quantize(256, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    small.save(stream, format="png", optimize=True, pnginfo=words)
    return stream.getvalue()


def arm_style(plan: Plan, arm: str) -> tuple[str, str]:
    """Colour and marker of an arm."""
    place = list(plan.arms).index(arm)
    return _ARM_COLOURS[place], _ARM_MARKERS[place]


@contextmanager
def canvas(height: float, panels: int = 1, **layout) -> Iterator[tuple[Figure, list]]:
    """Give a figure with `panels` axes below each other, drawn in the book's style, without touching global state.

    Parameters
    ----------
    height : float
        Height in inches.
    panels : int
        Number of axes.
    **layout
        Passed to `Figure.subplots`.
    """
    with sns.axes_style("ticks"), matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH, height), layout="constrained")
        axes = figure.subplots(panels, 1, squeeze=False, **layout)[:, 0]
        yield figure, list(axes)


def name_rows(axes: Axes, names: Sequence[str], *, wrap: int = 16) -> None:
    """Name the rows of a panel from the top down, in lines of at most `wrap` letters that leave room for the drawing.

    Parameters
    ----------
    axes : Axes
        Row i is drawn at height i.
    names : sequence of str
        Where a name has line breaks, those are kept.
    wrap : int
    """
    lines = ["\n".join(fill(line, wrap, break_long_words=False) for line in name.split("\n")) for name in names]
    axes.set_yticks(range(len(lines)), lines, fontsize=SMALL, linespacing=1.0)
    axes.set_ylim(len(lines) - 0.5, -0.5)


def finish(figure: Figure, alt: str, table: Table, *, source: str) -> Picture:
    """Close a figure: say in it where its numbers come from, and bind it to its text and its table.

    Parameters
    ----------
    figure : Figure
    alt : str
        Text alternative, without the mark.
    table : Table
        The drawn numbers.
    source : str
        Where they came from, or `RECORD`; one that begins with ``simulated`` burns the mark into every panel.

    Raises
    ------
    ValueError
        If letters are too small for a phone.
    """
    if source.startswith("simulated"):
        for axes in figure.axes:
            axes.text(
                0.5,
                0.5,
                MARK,
                transform=axes.transAxes,
                ha="center",
                va="center",
                fontsize=24,
                color=ALARM,
                alpha=0.16,
                rotation=12,
                weight="bold",
                zorder=0.5,
                gid="holf-mark",
            )
        figure.suptitle(
            f"{MARK}: a demonstration, not a finding", color=ALARM, fontsize=9, weight="bold", gid="holf-mark"
        )
        alt = f"{MARK}, not a finding. {alt}"
    elif kind_of(source) == "real":
        mark, name = mark_of(source)
        title = fill(f"{mark}, {name}", 40)
        figure.suptitle(title, color=INK, fontsize=9, weight="bold", gid="holf-mark")
        alt = f"{mark} ({name}). {alt}"
    picture = Picture(figure, f"{alt} Its table has all numbers.", table)
    if picture.letters < SMALL * _AN_INCH / 72:
        raise ValueError(f"{table.caption}: letters of {picture.letters:.1f} CSS pixels are too small for a phone")
    return picture
