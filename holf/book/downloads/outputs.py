"""What the cells of a notebook show, as files: the values in their outputs, checked against the text of figures."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from nbformat import NotebookNode
from PIL import Image

from holf.book.marks import FIGURE_LINES
from holf.display.text import digits
from holf.display.values import KEY, TableValues, slug
from holf.record.source import RECORD, TABLE_CLASSES, kind_of

# How the names of the files begin, by the class of their table.
PREFIXES = {kind: "" if kind == RECORD else f"{words.replace(' ', '-')}-" for kind, words in TABLE_CLASSES.items()}
_LONGEST_NAME = 60
_NUMBER = re.compile(r"(?<![\w.])[+\u2212-]?\d[\d,]*(?:\.\d+)?")
# An alternative that only names its figure tells a listener nothing; a long one cannot be skimmed, and the table can.
_FEWEST_NUMBERS, _MOST_LETTERS = 2, 650
# What `alt_faults` finds, and what an author does about it.
EMPTY = "it has no text alternative: write what it shows into `alt`"
TOO_LONG = f"its text alternative is too long to listen to: write at most {_MOST_LETTERS} letters"
TOO_FEW = f"its text alternative has too few numbers: write at least {_FEWEST_NUMBERS} of its table into `alt`"
STRANGE = "its text alternative has numbers that are not drawn: run the chapter again, or correct its `alt`"


class OutputError(ValueError):
    """An output is not what this book shows; the message names the page."""


@dataclass(frozen=True)
class Download:
    """What a reader can take from one place of a page: a file with the values of a table, or behind a figure.

    `text` is the table as plain text, or the text alternative of the figure, which is checked against the values.
    """

    page: str
    stem: str
    values: TableValues
    text: str
    is_figure: bool = False

    @property
    def file(self) -> tuple[str, str]:
        """Name and content of the file with its numbers."""
        return f"{self.stem}.csv", self.values.csv()


def stem_of(values: TableValues, taken: Iterable[str]) -> str:
    """Name for the files of a table, different from those that are `taken`.

    Examples
    --------
    >>> stem_of(TableValues("Means, by arm", "simulated: null world", ()), ["simulated-means_by_arm"])
    'simulated-means_by_arm-2'
    """
    words = slug(values.caption)
    if len(words) > _LONGEST_NAME:
        words = words[:_LONGEST_NAME].rpartition("_")[0]
    first = PREFIXES[kind_of(values.source)] + words
    number, taken = 1, set(taken)
    while (name := first if number == 1 else f"{first}-{number}") in taken:
        number += 1
    return name


def downloads_of(notebook: NotebookNode, page: str) -> list[list[Download]]:
    """Downloads of each cell of a page that has outputs and is shown; an empty list where it shows no table.

    Raises
    ------
    OutputError
        If a table has no values beside it, a figure has no table, or the figure or its text alternative has other
        numbers than its table.
    """
    taken: set[str] = set()
    cells = [cell for cell in notebook.cells if cell.get("outputs") and not _is_hidden(cell)]
    return [_of_cell(cell, page, taken) for cell in cells]


def _is_hidden(cell: NotebookNode) -> bool:
    return bool({"remove-cell", "remove-output"} & set(cell.metadata.get("tags", ())))


def _of_cell(cell: NotebookNode, page: str, taken: set[str]) -> list[Download]:
    found, drawings = [], []
    for output in cell.outputs:
        data, content = output.get("data", {}), output.get("metadata", {}).get(KEY)
        if "image/png" in data:
            # The two drawings of a figure say and show the same.
            if drawings and data["text/plain"] != drawings[0]["text/plain"]:
                break
            drawings.append(data)
        elif content:
            values = TableValues.from_json(content)
            faults = [fault for drawing in drawings for fault in figure_faults(drawing, values)]
            if faults:
                raise OutputError(f"{page}: the figure of table {values.caption!r}: {faults[0]}")
            stem = stem_of(values, taken)
            taken.add(stem)
            found.append(Download(page, stem, values, (drawings or [data])[0]["text/plain"], bool(drawings)))
            drawings = []
        elif 'class="holf-table"' in data.get("text/html", ""):
            raise OutputError(f"{page}: a table has no values for its file: run the chapter again")
    if drawings:
        raise OutputError(
            f"{page}: the figure {drawings[0]['text/plain'][:40]!r} has no table of what it draws; "
            f"in its cell, write:\n{FIGURE_LINES}"
        )
    return found


def figure_faults(figure: NotebookNode, values: TableValues) -> list[str]:
    """Why an output with a figure, its PNG file and its text alternative, is none of a table with these values."""
    seal = Image.open(io.BytesIO(b64decode(figure["image/png"]))).info.get("Source", "")
    drawn = [] if seal == f"sha256 {values.digest()}" else ["it was drawn from other numbers: run the chapter again"]
    return drawn + alt_faults(figure["text/plain"], values)


def alt_faults(alt: str, values: TableValues) -> list[str]:
    """Why a text alternative is not that of a figure of these values; empty if it is.

    Every number in it has to be in the table, perhaps there with more digits; it has to have some if the table has, and
    to be short enough to listen to.
    """
    if not alt.strip():
        return [EMPTY]
    if len(alt) > _MOST_LETTERS:
        return [TOO_LONG]
    said = [digits(found) for found in _NUMBER.findall(alt)]
    # A figure whose numbers are all withheld has none to say.
    drawn = [one for column in values.columns if column.part in ("number", "low") for one in column.entries if one]
    if len(said) < min(_FEWEST_NUMBERS, len(drawn)):
        return [TOO_FEW]
    known = _numbers_of(values)
    strange = [one for one in said if one not in known and not _is_rounded(one, known)]
    return [STRANGE] if strange else []


def _numbers_of(values: TableValues) -> set[str]:
    """Numbers of a table's cells, headings, caption and source, how many rows it has, and how often each entry occurs.

    An alternative begins with the source, and a release has digits in its name.
    """
    shown = [column for column in values.columns if column.heading]
    texts = [values.source, values.caption, *(column.heading for column in shown)]
    texts += [entry for column in shown for entry in column.entries]
    counts = {str(times) for column in shown for times in Counter(column.entries).values()}
    rows = {str(len(column.entries)) for column in shown}
    return {digits(found) for text in texts for found in _NUMBER.findall(text)} | counts | rows


def _is_rounded(said: str, known: set[str]) -> bool:
    places = len(said.partition(".")[2])
    # Half a unit of the last digit, and a little for halves that binary fractions cannot hold.
    return any(abs(float(one) - float(said)) <= 0.5 * 10**-places + 1e-9 for one in known)
