"""The check that what readers download is what they see: files against pages, figures against their data and words."""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path
from urllib.parse import unquote

from bs4 import BeautifulSoup, Tag

from holf.book.downloads.descriptions import load_descriptions
from holf.display.printed_values import read_value
from holf.display.shown_tables import drawings_of, parsed, seal_of, shown_on
from holf.display.table import Cell, Table
from holf.display.table_files import Download, digest_of
from holf.display.text import MINUS
from holf.record.plan import load_plan

FOLDER = "downloads"
_NUMBER = re.compile(r"(?<![\w.])[+\u2212-]?\d[\d,]*(?:\.\d+)?")
_NAMED = re.compile(rf"<(?:img|source) [^>]*\bsrc(?:set)?=\"([^\"]+)\"|<a [^>]*\bhref=\"([^\"]*\b{FOLDER}/[^\"#]+)\"")
# An alternative that only names its figure tells a listener nothing; a long one cannot be skimmed, and the table can.
_FEWEST_NUMBERS, _MOST_LETTERS = 2, 650


def _texts(table: Table) -> list[str]:
    cells = [entry.text if isinstance(entry, Cell) else entry for row in table.rows for entry in row]
    # An alternative begins with the mark, and a release has digits in its name.
    return [table.source, table.caption, *table.columns, *cells]


def _as_number(printed: str) -> str:
    return printed.replace(",", "").replace(MINUS, "-").lstrip("+")


def _known(table: Table) -> tuple[set[str], list[float]]:
    """Numbers of a table, as printed and as values: of its cells and heads, and how often each of its words occurs."""
    printed = {_as_number(found) for text in _texts(table) for found in _NUMBER.findall(text)}
    columns = list(zip(*table.rows))
    counts = {str(times) for column in columns for times in Counter(map(str, column)).values()}
    printed |= counts | {str(len(table.rows))}
    return printed, [float(one) for one in printed if re.fullmatch(r"-?\d+(\.\d+)?", one)]


def alt_faults(alt: str, table: Table) -> list[str]:
    """Why a text alternative is not that of a figure of these numbers; empty if it is.

    Every number in it has to be in the table, perhaps there with more digits; it has to have some if the table has, and
    to be short enough to listen to.

    Parameters
    ----------
    alt : str
    table : Table
        The twin of the figure.

    Examples
    --------
    >>> table = Table("Means", ("Arm", "Mean"), (("a", "19.26"), ("b", "20.11")), source="record")
    >>> alt_faults("a: 19.3; b: 20.1.", table), alt_faults("a: 19.4; b: 20.1.", table)
    ([], ['its text alternative has numbers that are not drawn'])
    """
    if len(alt) > _MOST_LETTERS:
        return ["its text alternative is too long to listen to"]
    printed, values = _known(table)
    said = [_as_number(found) for found in _NUMBER.findall(alt)]
    # A figure whose numbers are all withheld has none to say.
    drawn = [value for value in map(read_value, _texts(table)) if value and value.parts.keys() - {"withheld"}]
    if len(said) < min(_FEWEST_NUMBERS, len(drawn)):
        return ["its text alternative has no numbers"]
    strange = [one for one in said if one not in printed and not _is_rounded(one, values)]
    return ["its text alternative has numbers that are not drawn"] if strange else []


def _is_rounded(said: str, values: list[float]) -> bool:
    if not re.fullmatch(r"-?\d+(\.\d+)?", said):
        return False
    places = len(said.partition(".")[2])
    # Half a unit of the last digit, and a little for halves that binary fractions cannot hold.
    return any(abs(value - float(said)) <= 0.5 * 10**-places + 1e-9 for value in values)


def _pages(site: Path) -> Iterator[Path]:
    for page in sorted(site.rglob("*.html")):
        if page.is_file() and "_static" not in page.parts and b'class="holf-table"' in page.read_bytes():
            yield page


def shown_digests(tree: Path) -> frozenset[str]:
    """SHA-256 of every file that the pages of a tree give for download, as those pages have them.

    A file with another content is none of this book's, wherever it lies and whatever it calls itself.

    Parameters
    ----------
    tree : Path
    """
    descriptions, found = load_descriptions(load_plan()), set()
    for page in _pages(tree):
        try:
            for table, image in shown_on(parsed(page)):
                made = Download("", "x", table, image.get("alt", "") if image else "").files(descriptions)
                found |= {hashlib.sha256(content.encode()).hexdigest() for content in made.values()}
        # A page that this book did not write vouches for no file.
        except ValueError:
            continue
    return frozenset(found)


def download_faults(site: Path, *, same: Collection[str] = frozenset()) -> list[str]:
    """Where the downloads of a built site are not what its pages show; empty if all is well.

    Parameters
    ----------
    site : Path
    same : collection of str
        Files, by path in the site, that are as they were when the site passed this check. A page is passed over if it,
        its files and its pictures are among them.

    Returns
    -------
    list of str
        One line a fault, with page or file; numbers are not named.
    """
    descriptions, linked, faults = load_descriptions(load_plan()), set(), []
    for page in _pages(site):
        name = page.relative_to(site).as_posix()
        named = _named(page, site)
        if named | {name} <= set(same):
            linked |= {(site / file).resolve() for file in named}
            continue
        soup = parsed(page)
        shown, links = list(shown_on(soup)), _links(soup, page.parent)
        if len(shown) != len(links):
            faults.append(f"{name}: {len(shown)} tables, but downloads for {len(links)}")
            continue
        for (table, image), files in zip(shown, links):
            linked |= set(files)
            said = _faults_of(table, image, page, files, descriptions)
            faults += [f"{name}: {table.caption!r}: {fault}" for fault in said]
    stray = [path for path in sorted((site / FOLDER).rglob("*")) if path.is_file() and path.resolve() not in linked]
    return faults + [f"{path.relative_to(site).as_posix()}: no page shows what it holds" for path in stray]


def _named(page: Path, site: Path) -> set[str]:
    """Pictures and downloads that a page names, by path in the site."""
    found = _NAMED.finditer(page.read_text(encoding="utf-8", errors="replace"))
    names = [match[1] or match[2] for match in found]
    return {Path(os.path.relpath(page.parent / unquote(name), site)).as_posix() for name in names}


def _links(soup: BeautifulSoup, folder: Path) -> list[list[Path]]:
    """Files of each table that a page offers, in the order of the page."""
    lines = soup.find_all("p", class_="holf-downloads")
    return [[(folder / unquote(link["href"])).resolve() for link in line.find_all("a")] for line in lines]


def _faults_of(table: Table, image: Tag | None, page: Path, files: list[Path], descriptions) -> list[str]:
    alt = image.get("alt", "") if image else ""
    made = Download("", files[0].stem if files else "x", table, alt).files(descriptions)
    faults = []
    for path, (name, content) in zip(files, made.items()):
        if path.name != name or not path.is_file():
            faults.append(f"{name} is not there")
        elif path.read_bytes() != content.encode():
            faults.append(f"{name} is not what the page shows")
    if len(files) != len(made):
        faults.append(f"{len(files)} files instead of {len(made)}")
    if image is not None:
        faults += alt_faults(alt, table)
        seals = {seal_of((page.parent / name).read_bytes()) for name in drawings_of(image)}
        if seals != {digest_of(table)}:
            faults.append("the figure was drawn from other numbers")
    return faults
