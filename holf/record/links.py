"""The places of the book that a link can lead to, read from its sources: pages, headings and labels."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping
from pathlib import Path

from myst_parser.mdit_to_docutils.base import default_slugify

_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^(#{1,3}) (.+)$", re.MULTILINE)
_LABEL = re.compile(r"^\(([\w-]+)\)=$", re.MULTILINE)
_LABELLED = re.compile(r"^\(([\w-]+)\)=\n+#{1,3} (.+)$", re.MULTILINE)
_TARGET = re.compile(r"\]\(((?:[\w-]+\.(?:md|ipynb))?(?:#[\w-]+)?)\)")


def _prose(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".ipynb":
        return text
    try:
        # As JSON: nbformat would check each notebook against its schema, at every build.
        cells = json.loads(text)["cells"]
    except (ValueError, KeyError):
        raise ValueError(f"chapters/{path.name} is not a notebook, or has conflict markers of Git") from None
    return "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown")


def _slugs(text: str) -> dict[str, str]:
    """Headings of a page by the anchor that Sphinx gives them; repeated headings get a number."""
    found: dict[str, str] = {}
    for _, title in _HEADING.findall(text):
        slug, again = default_slugify(title.strip()), 1
        while (name := slug if again == 1 else f"{slug}-{again - 1}") in found:
            again += 1
        found[name] = title.strip()
    return found


def link_targets(text: str) -> list[str]:
    """Targets of the links of a Markdown text that lead inside the book.

    Examples
    --------
    >>> link_targets("See [design](design.ipynb#when), [F067](ledger.md#f067) and [item](#consort-2).")
    ['design.ipynb#when', 'ledger.md#f067', '#consort-2']
    """
    return [target for target in _TARGET.findall(text) if target]


def read_anchors(folder: Path, fresh: Mapping[str, str]) -> set[str]:
    """Read every place of the pages (`.md` and `.ipynb`) in a folder.

    A place reads ``page.md``, ``page.md#heading``, ``page.md#label`` or, for a label, ``#label``. `fresh` has pages
    that are about to be written, by file name: their text counts, and not that of the file.
    """
    places = set()
    for name, text in _sources(folder, fresh).items():
        labels = _LABEL.findall(text)
        places |= {name, *(f"{name}#{place}" for place in (*_slugs(text), *labels)), *(f"#{one}" for one in labels)}
    return places


def _sources(folder: Path, fresh: Mapping[str, str]) -> dict[str, str]:
    files = [path for path in sorted(folder.iterdir()) if path.suffix in (".md", ".ipynb") and path.name not in fresh]
    found = {path.name: _prose(path) for path in files} | dict(fresh)
    return {name: _FENCE.sub("", text) for name, text in found.items()}


def read_titles(folder: Path, fresh: Mapping[str, str]) -> dict[str, str]:
    """Link text for each place that has a heading: ``"Design: When"`` for ``"design.ipynb#when"``.

    `folder` and `fresh` are as for `read_anchors`.
    """
    titles: dict[str, str] = {}
    for name, text in _sources(folder, fresh).items():
        slugs = _slugs(text)
        page = next(iter(slugs.values()), name).partition(":")[0]
        titles[name] = page
        titles |= {
            f"{name}#{place}": f"{page}: {words}" for place, words in (slugs | dict(_LABELLED.findall(text))).items()
        }
    return titles


def without_links(text: str, gone: Collection[str]) -> str:
    """Turn links of a Markdown text to pages that a book does not have (names without ending) into their words.

    Examples
    --------
    >>> without_links("See [recovery](chapters/recovery.ipynb#what) and [flow](sample_flow.ipynb).", {"recovery"})
    'See recovery and [flow](sample_flow.ipynb).'
    """
    if not gone:
        return text
    pages = "|".join(sorted(map(re.escape, gone)))
    return re.sub(rf"\[([^\]]+)\]\((?:chapters/)?(?:{pages})\.(?:ipynb|md)[^)]*\)", r"\1", text)


def lacking(text: str, pages: Collection[str]) -> set[str]:
    """Names of the pages to which a text links, and which are not among `pages` (with their endings)."""
    linked = {target.partition("#")[0] for target in link_targets(text)} - {""}
    return {Path(name).stem for name in linked if name not in pages}
