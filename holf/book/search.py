"""The search: simulated outputs are in no index; a number leads to its rows of the ledger, a term to the glossary."""

from __future__ import annotations

import re
from html import escape

from docutils import nodes
from sphinx.application import Sphinx

from holf.book.banners import simulated_outputs
from holf.book.downloads.pages import LINE, LIST
from holf.pages.glossary import load_glossary
from holf.record.facts import load_ledger


def _downloads(tree: nodes.Node) -> list[nodes.Node]:
    """Links to files, which repeat the captions of simulated tables."""
    return [
        node
        for node in tree.findall(lambda node: isinstance(node, (nodes.raw, nodes.container)))
        if LIST in node.get("classes", ()) or (isinstance(node, nodes.raw) and LINE in node.astext())
    ]


def spare_index(app: Sphinx) -> None:
    """Leave simulated outputs out of the search index: among results, a number does not say what it is."""
    index_page = app.builder.index_page

    def index(pagename: str, doctree: nodes.document, title: str) -> None:
        shown = doctree.deepcopy()
        for node in [*simulated_outputs(shown), *_downloads(shown)]:
            node.parent.remove(node)
        index_page(pagename, shown, title)

    app.builder.index_page = index


def rows_of_numbers() -> dict[str, list[list[str]]]:
    """Page, anchor and title, as HTML, of the ledger rows of each number, by its digits."""
    found: dict[str, list[list[str]]] = {}
    for fact in load_ledger().values():
        digits = re.sub(r"[\s,]", "", fact.shown)
        if re.fullmatch(r"\d{2,}", digits):
            title = escape(f"{fact.id}. {fact.fact}: {fact.said}")
            found.setdefault(digits, []).append(["chapters/ledger", f"#{fact.id.lower()}", title])
    return found


def rows_of_terms() -> dict[str, list[list[str]]]:
    """The same of the terms of the glossary, by their names in both languages and what these have in brackets."""
    found: dict[str, list[list[str]]] = {}
    for term in load_glossary(load_ledger()):
        for name in dict.fromkeys([*_names(term.en), *_names(term.nb)]):
            found.setdefault(name, []).append(["chapters/glossary", f"#{term.anchor}", escape(f"{term.en}, {term.nb}")])
    return found


def _names(term: str) -> list[str]:
    return [part.strip().lower() for part in re.split(r"[(),]", term) if part.strip()]


def give_rows(app: Sphinx, pagename: str, _template: str, context: dict, _doctree: nodes.document | None) -> None:
    """Give the search page the rows and terms that `assets/search.js` lists first."""
    if pagename == "search":
        there = app.env.found_docs
        context["rows"] = (rows_of_terms() if "chapters/glossary" in there else {}) | (
            rows_of_numbers() if "chapters/ledger" in there else {}
        )
