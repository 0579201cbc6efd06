"""The places of the book that a link can lead to, read from its sources: pages, headings and labels."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import nbformat
from myst_parser.mdit_to_docutils.base import default_slugify

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,3}) (.+)$", re.MULTILINE)
_LABEL = re.compile(r"^\(([\w-]+)\)=$", re.MULTILINE)
_TARGET = re.compile(r"\]\(((?:[\w-]+\.(?:md|ipynb))?(?:#[\w-]+)?)\)")


@dataclass(frozen=True)
class Anchors:
    """Places by page. A place reads ``page.md``, ``page.md#heading``, ``page.md#label`` or, for a label, ``#label``."""

    pages: Mapping[str, frozenset[str]]
    labels: frozenset[str]

    def __contains__(self, place: str) -> bool:
        page, _, anchor = place.partition("#")
        if not page:
            return anchor in self.labels
        return page in self.pages and (not anchor or anchor in self.pages[page])


def _prose(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    cells = nbformat.reads(text, as_version=4).cells
    return "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def _slugs(text: str) -> set[str]:
    """The anchors that Sphinx gives to the headings of a page; a repeated one is counted on."""
    found: list[str] = []
    for _, title in _HEADING.findall(text):
        slug, again = default_slugify(title.strip()), 1
        while (name := slug if again == 1 else f"{slug}-{again - 1}") in found:
            again += 1
        found.append(name)
    return set(found)


def link_targets(text: str) -> list[str]:
    """Where the links of a Markdown text lead inside the book.

    Examples
    --------
    >>> link_targets("See [design](design.ipynb#when), [F067](ledger.md#f067) and [item](#consort-2).")
    ['design.ipynb#when', 'ledger.md#f067', '#consort-2']
    """
    return [target for target in _TARGET.findall(text) if target]


def read_anchors(folder: Path, fresh: Mapping[str, str]) -> Anchors:
    """Read every place of the pages in a folder.

    Parameters
    ----------
    folder : Path
        Where the pages are, as `.md` and `.ipynb`.
    fresh : mapping of str to str
        Pages that are about to be written, by file name: their text counts, and not that of the file.

    Returns
    -------
    Anchors
    """
    files = [path for path in sorted(folder.iterdir()) if path.suffix in (".md", ".ipynb") and path.name not in fresh]
    sources = {path.name: _prose(path) for path in files} | dict(fresh)
    sources = {name: _FENCE.sub("", text) for name, text in sources.items()}
    labels = {name: set(_LABEL.findall(text)) for name, text in sources.items()}
    return Anchors(
        {name: frozenset(_slugs(text) | labels[name]) for name, text in sources.items()},
        frozenset().union(*labels.values()),
    )
