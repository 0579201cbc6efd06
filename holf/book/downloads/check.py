"""The check of the downloads of a built site: each file is the one that its page names, and says its class."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

from holf.book.downloads.outputs import PREFIXES
from holf.book.marks import pages_of
from holf.display.values import ASSUMED
from holf.record.source import RECORD, TABLE_CLASSES

FOLDER = "downloads"
# As `holf.display.table` and `holf.book.downloads.pages` write them: a table with its class, a line with its links.
_TABLE = re.compile(r'<table class="holf-table" data-holf="(\w+)"')
_LINE = re.compile(r'<p class="holf-downloads">.*?</p>', re.DOTALL)
_LINK = re.compile(r'<a href="([^"]+)" download data-sha256="([0-9a-f]{64})"')
# File of the site, and its SHA-256 as the page gives it.
Link = tuple[Path, str]


def _pages(site: Path) -> Iterator[tuple[Path, list[str], list[list[Link]]]]:
    """Every page with the classes of its tables, and with the links below each of them."""
    for page in filter(Path.is_file, pages_of(site)):
        html = page.read_text(encoding="utf-8", errors="replace")
        lines = [_LINK.findall(line) for line in _LINE.findall(html)]
        links = [[((page.parent / unquote(href)).resolve(), digest) for href, digest in line] for line in lines]
        yield page, _TABLE.findall(html), links


def shown_digests(tree: Path) -> frozenset[str]:
    """SHA-256 of every file that the pages of a tree give for download, each below the table that it was made of.

    A file with another content is none of this book's, wherever it lies and whatever it calls itself.
    """
    pages = (links for _, tables, links in _pages(tree) if len(tables) == len(links))
    return frozenset(digest for links in pages for line in links for _, digest in line)


def download_faults(site: Path) -> list[str]:
    """Where the downloads of a built site are not what its pages say: a line a fault, without a number of theirs."""
    linked, faults = set(), []
    for page, tables, links in _pages(site):
        name = page.relative_to(site).as_posix()
        if len(tables) != len(links):
            faults.append(f"{name}: {len(tables)} tables, but downloads for {len(links)}")
            continue
        for kind, line in zip(tables, links):
            if len(line) != 1:
                faults.append(f"{name}: {len(line)} files below a table instead of one")
            linked |= {file for file, _ in line}
            faults += [f"{name}: {fault}" for file, digest in line for fault in _faults_of(file, digest, kind)]
    stray = [path for path in sorted((site / FOLDER).rglob("*")) if path.is_file() and path.resolve() not in linked]
    return faults + [f"{path.relative_to(site).as_posix()}: no page shows what it holds" for path in stray]


def _faults_of(file: Path, digest: str, kind: str) -> list[str]:
    """Why a file is not what a table of this class links to."""
    if not file.is_file():
        return [f"{file.name} is not there"]
    content = file.read_bytes()
    if hashlib.sha256(content).hexdigest() != digest:
        return [f"{file.name} is not what the page shows"]
    named = next((one for one, prefix in PREFIXES.items() if prefix and file.name.startswith(prefix)), "record")
    if named != kind:
        return [f"{file.name} does not say in its name that its numbers are {TABLE_CLASSES.get(kind, kind)}"]
    return [] if _says_class(content.decode(), kind) else [f"{file.name} does not say its class inside"]


def _says_class(content: str, kind: str) -> bool:
    rows = csv.DictReader(io.StringIO(content))
    allowed = {TABLE_CLASSES[kind], ASSUMED} if kind == RECORD else {TABLE_CLASSES[kind]}
    return all(row.get("data_class") in allowed for row in rows)
