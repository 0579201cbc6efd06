"""Pages at old addresses: each leads to where its content went, without a script."""

from __future__ import annotations

from collections.abc import Iterator

from sphinx.application import Sphinx

from holf.paths import project_root
from holf.record.reading import read_yaml


def load_redirects() -> dict[str, str]:
    """Old pages with the page, and perhaps the anchor, that has their content now; empty in a book without any."""
    path = project_root() / "data" / "redirects.yml"
    return read_yaml(path) if path.exists() else {}


def redirects(app: Sphinx) -> Iterator[tuple[str, dict, str]]:
    """The pages to write, for Sphinx: name, context and template. A book on real data lacks some of their targets."""
    for old, new in load_redirects().items():
        page, mark, anchor = new.partition("#")
        if page in app.env.found_docs and old not in app.env.found_docs:
            address = app.builder.get_relative_uri(old, page) + mark + anchor
            yield (
                old,
                {"title": "Moved", "address": address, "moved_to": app.env.titles[page].astext()},
                "redirect.html",
            )
