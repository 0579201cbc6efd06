"""A table and a figure of an author's own, with the mark of where their numbers come from."""

from __future__ import annotations

import numbers
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from holf.display import text
from holf.display.figure import Picture, canvas, finish
from holf.display.table import Cell, Table
from holf.record.source import RECORD

# Height of the one panel, in inches.
_HEIGHT = 3.0


def table(frame: pd.DataFrame, *, caption: str, source: str, kind: str = "", places: int = 2) -> Table:
    """Show a data frame as a table of the book.

    Parameters
    ----------
    frame : DataFrame
        Its first column heads the rows. The index is not shown.
    caption : str
    source : str
        Where the numbers come from: `Study.source` of what was asked, or ``"record"`` for numbers of the record and of
        the assumptions, which need a `kind`.
    kind : str
        For a table of the record, the class of its numbers: ``"derived"`` or ``"assumed"``. A published number links
        to its row of the ledger (`holf.display.table.Cell`).
    places : int
        Decimals of numbers that are not whole.

    Raises
    ------
    ValueError
        If the source is unknown, or a table of the record has no class.

    Examples
    --------
    >>> table(pd.DataFrame({"Arm": ["a"], "Mean": [0.5]}), caption="Means", source="simulated: null world")
    SIMULATED (null world). Means
    Arm | Mean
    a | 0.50
    """
    if source == RECORD and kind not in ("derived", "assumed"):
        raise ValueError(f"table {caption!r}: numbers of the record need kind='derived' or kind='assumed'")
    rows = tuple(tuple(_cell(value, kind, places) for value in row) for row in frame.itertuples(index=False))
    return Table(caption, tuple(map(str, frame.columns)), rows, source=source)


def figure(
    draw: Callable[[Axes], object], frame: pd.DataFrame, *, caption: str, alt: str, source: str, kind: str = ""
) -> Picture:
    """Draw a figure of the book, for phone and desktop; ``display(picture, picture.table)`` shows it with its numbers.

    Parameters
    ----------
    draw : callable
        Draws into the Matplotlib axes that it is given, once for each width: ``lambda axes: axes.plot(x, y)``.
    frame : DataFrame
        The drawn numbers, for the table below the figure.
    caption, source, kind
        As of `table`.
    alt : str
        What the figure shows, in one or two sentences, for those who do not see it.

    Raises
    ------
    ValueError
        As `table`; if there is no text alternative, or letters are too small.
    """
    if not alt.strip():
        raise ValueError(f"figure {caption!r}: alt must say what the figure shows")
    numbers_drawn = table(frame, caption=caption, source=source, kind=kind)

    def at_width(width: int) -> Figure:
        with canvas(width, _HEIGHT) as (drawing, (axes,)):
            draw(axes)
        return drawing

    return finish(at_width, alt, replace(numbers_drawn, folded=True))


def _cell(value: object, kind: str, places: int) -> str | Cell:
    if not isinstance(value, numbers.Real) or isinstance(value, bool):
        return text.MISSING if pd.isna(value) else str(value)
    whole = isinstance(value, numbers.Integral)
    shown = text.count(int(value)) if whole else text.decimal(float(value), places)
    return Cell(shown, kind) if kind else shown
