"""Opening pages and drawings: their words, tables, attributes, comments, scripts and listings, each for itself."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache

from bs4 import BeautifulSoup, Comment, NavigableString, Tag
from bs4.element import PreformattedString

from holf.gate.piece import Piece

# Attributes that point somewhere, and attributes that draw: the first are links, the second are judged as shapes.
_LINKS = frozenset(("href", "src", "action", "srcset", "xlink:href", "poster", "data", "formaction"))
_DRAWN = frozenset("d points transform viewbox style class x y dx dy x1 x2 y1 y2 cx cy r rx ry width height".split())
# Elements inside a line of words: an error that is coloured word by word is still one sentence.
_INLINE = frozenset("a abbr b bdi code em font i mark s samp small span strong sub sup tspan u wbr".split())


@lru_cache(maxsize=8)
def parse(text: str) -> BeautifulSoup:
    """Parse HTML or SVG, leniently."""
    with warnings.catch_warnings():
        # It warns of XML and of text that looks like a file name; here both are only opened, never written.
        warnings.simplefilter("ignore", UserWarning)
        return BeautifulSoup(text, "html.parser")


def _values(soup: BeautifulSoup, wanted: bool) -> str:
    """Values of the attributes that are links (or of those that are neither links nor drawing), one a line."""
    out = []
    for tag in soup.find_all(True):
        for name, value in tag.attrs.items():
            if (name in _LINKS) == wanted and name not in _DRAWN:
                out.append(" ".join(value) if isinstance(value, list) else str(value))
    return "\n".join(out)


def rows_of(table: Tag) -> list[list[str]]:
    """Texts of the cells of an HTML table, row by row.

    Examples
    --------
    >>> rows_of(parse("<table><tr><th>a</th><td>1</td></tr></table>").table)
    [['a', '1']]
    """
    return [[cell.get_text(" ", strip=True) for cell in row.find_all(["td", "th"])] for row in table.find_all("tr")]


def _words(strings: Iterable[NavigableString], glue: str = "") -> str:
    """Strings of a page as they are read: joined with `glue` inside a block, a line for each block."""
    out, before = [], None
    for string in strings:
        block = next((parent for parent in string.parents if parent.name not in _INLINE), None)
        if block is not before:
            out.append("\n")
        out += [str(string), glue]
        before = block
    return "".join(out).strip()


def open_markup(piece: Piece, room: int) -> Iterator[Piece]:
    """Words, tables, attributes, links, comments, scripts, styles and listings of a page or drawing."""
    soup = parse(piece.text)
    words, cells = [], []
    for string in soup.find_all(string=True):
        above = {parent.name for parent in string.parents}
        if isinstance(string, PreformattedString):
            yield piece.inside("a comment", kind="comment" if isinstance(string, Comment) else "text", text=str(string))
        elif "script" in above:
            yield piece.inside("a script", data=str(string).encode(), name="inline.js")
        elif "style" in above:
            yield piece.inside("a style", kind="style", text=str(string))
        else:
            (cells if "table" in above else words).append(string)
    for number, block in enumerate(soup.find_all("pre"), start=1):
        if not block.find_parent("pre"):
            yield piece.inside(f"listing {number}", kind="output", text=block.get_text())
    yield piece.inside("", kind="text", text=_words(words))
    # Again with each element for itself: numbers in neighbouring boxes grow together when they are joined.
    yield piece.inside("", kind="text", text=_words(words, " "))
    yield piece.inside("a table", kind="cells", text=_words(cells))
    yield piece.inside("attributes", kind="attributes", text=_values(soup, False))
    yield piece.inside("links", kind="links", text=_values(soup, True))
