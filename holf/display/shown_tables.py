"""Tables and figures read back from what readers see: outputs of a notebook, or a page of the built site."""

from __future__ import annotations

import io
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path

from bs4 import BeautifulSoup, SoupStrainer, Tag
from nbformat import NotebookNode
from PIL import Image

from holf.display.table import Cell, Table
from holf.display.table_files import Download, stem_of
from holf.record.source import RECORD, kind_of, source_of

TABLE = "holf-table"


class ShownError(ValueError):
    """An output is not what this book shows; the message names page and table."""


def tables_in(html: str) -> list[Tag]:
    """This book's tables in an output."""
    # By name and class, here and below: to compile selectors takes longer than to find these.
    return BeautifulSoup(html, "html.parser").find_all("table", class_=TABLE)


def _cell(tag: Tag) -> str | Cell:
    if tag.find(True) is None:
        return tag.get_text()
    badge, link = tag.find(class_="holf-badge"), tag.find("a", href=re.compile(r"ledger\.html#"))
    if badge is None and link is None:
        return tag.get_text()
    words = tag.get_text()
    kind = ""
    if badge is not None:
        kind = next((name.removeprefix("holf-") for name in badge["class"] if name != "holf-badge"), "")
        words = words.removesuffix(f" {badge.get_text()}")
    return Cell(words, kind, link["href"].rpartition("#")[2].upper() if link is not None else "")


def read_table(tag: Tag) -> Table:
    """The table that an HTML table shows.

    Parameters
    ----------
    tag : bs4.Tag
        As `holf.display.table.Table` wrote it, also after Sphinx put it on a page.

    Raises
    ------
    ShownError
        If it is no table of this book.
    """
    kind, title = tag.get("data-holf", ""), tag.caption.get_text() if tag.caption else ""
    source = RECORD
    if kind != "record":
        rest = title.partition(" (")[2]
        named, _, title = rest.partition("). ")
        source = source_of(kind, named)
    if kind_of(source) != kind:
        raise ShownError(f"table {title[:40]!r}: its class is not one of this book's")
    head, body = tag.find("thead"), tag.find("tbody")
    if head is None or body is None:
        raise ShownError(f"table {title[:40]!r}: it has no head or no body")
    rows = tuple(tuple(_cell(cell) for cell in row.find_all(["th", "td"])) for row in body.find_all("tr"))
    heads = tuple(cell.get_text() for cell in head.find_all("th"))
    return Table(title, heads, rows, source=source, folded=tag.find_parent("details", class_="holf-twin") is not None)


def downloads_of(notebook: NotebookNode, page: str) -> list[list[Download]]:
    """What each cell of a notebook shows, as downloads; an empty list for cells that show no table.

    Parameters
    ----------
    notebook : NotebookNode
        With its outputs of record.
    page : str
        Name of the chapter.

    Returns
    -------
    list of list of Download
        One list a code cell that has outputs and is shown.

    Raises
    ------
    ShownError
        If a table's HTML and text differ, so that one of them was changed, or a figure has no table.
    """
    taken: set[str] = set()
    cells = [cell for cell in notebook.cells if cell.get("outputs") and not _is_hidden(cell)]
    return [_of_cell(cell, page, taken) for cell in cells]


def _is_hidden(cell: NotebookNode) -> bool:
    return bool({"remove-cell", "remove-output"} & set(cell.metadata.get("tags", ())))


def _of_cell(cell: NotebookNode, page: str, taken: set[str]) -> list[Download]:
    found, alt, seal = [], "", ""
    for output in cell.outputs:
        data = output.get("data", {})
        if "image/png" in data:
            other = data.get("text/plain", ""), seal_of(b64decode(data["image/png"]))
            # The two drawings of a figure say and show the same.
            if alt and (alt, seal) != other:
                raise ShownError(f"{page}: the figure {alt[:40]!r} has no table of what it draws")
            alt, seal = other
        for tag in tables_in(data.get("text/html", "")):
            table = read_table(tag)
            if data["text/html"] != table._repr_html_() or data.get("text/plain") != repr(table):
                raise ShownError(f"{page}: table {table.caption!r} was changed by hand: run the chapter again")
            stem = stem_of(table, taken)
            taken.add(stem)
            found.append(Download(page, stem, table, alt, seal))
            alt = seal = ""
    if alt:
        raise ShownError(f"{page}: the figure {alt[:40]!r} has no table of what it draws")
    return found


def seal_of(png: bytes) -> str:
    """SHA-256 of the data that a figure was drawn from, as its file says it; empty if it says nothing."""
    return Image.open(io.BytesIO(png)).info.get("Source", "").removeprefix("sha256 ")


def drawings_of(image: Tag) -> list[str]:
    """Addresses of an image's drawings: its own, and those for other widths beside it in a `picture`."""
    others = image.parent.find_all("source") if image.parent and image.parent.name == "picture" else []
    return [image["src"], *(other["srcset"] for other in others)]


def parsed(page: Path) -> BeautifulSoup:
    """What the cells of a built page show, and the lines of downloads below; nothing else of the page."""
    wanted = SoupStrainer(["div", "p"], class_=re.compile(r"\b(cell_output|holf-downloads)\b"))
    return BeautifulSoup(page.read_text(encoding="utf-8", errors="replace"), "html.parser", parse_only=wanted)


def shown_on(page: BeautifulSoup) -> Iterator[tuple[Table, Tag | None]]:
    """Every table that the cells of a built page show, with the image that it is the twin of.

    Parameters
    ----------
    page : bs4.BeautifulSoup
        From `parsed`.

    Raises
    ------
    ShownError
        If a table is none of this book.
    """
    for output in page.find_all(class_="cell_output"):
        image = None
        for tag in output.find_all(["img", "table"]):
            if tag.name == "img":
                image = tag
            elif TABLE in tag.get("class", ()):
                yield read_table(tag), image
                image = None
