"""What a linked number rests on, shown where it stands: class, source, quote and contradictions of its row.

Each link to a row of the ledger or of the assumptions gets the row's words, when its page is written. Style sheets show
them at the link while it is pointed at or has the keyboard's focus, and screen readers speak them as its description;
nothing needs a script. The words stand in attributes and in a hidden list at the end, so that the text of a page, which
other checks read, is as it was.
"""

from __future__ import annotations

import hashlib
import re
from html import escape

from docutils import nodes
from sphinx.application import Sphinx

from holf.facts import Assumption, Fact, load_assumptions, load_ledger
from holf.glossary import load_glossary
from holf.paths import project_root
from holf.table import SHAPES

_LINK = re.compile(r'<a\b(?=[^>]*\bhref="(?:[^"#]*/)?(ledger|assumptions|glossary)\.html#([a-z0-9-]+)")([^>]*)>')


def fact_words(fact: Fact) -> str:
    """What a reader should know of a published or derived number, in three or four lines.

    Examples
    --------
    >>> from holf.facts import load_ledger
    >>> print(fact_words(load_ledger()["F044"]))
    ● published: Offices randomised, 29 offices
    Source: registry
    “involving 29 labor and welfare offices, 58 family coordinators”
    """
    lines = [f"{SHAPES[fact.kind]} {fact.kind}: {fact.fact}, {fact.said}", f"Source: {fact.source}"]
    if fact.quote:
        lines.append(f"“{fact.quote}”")
    if fact.status == "contradicted":
        lines.append(f"Contradicted in the record ({fact.severity}). {fact.note}".rstrip())
    elif fact.note:
        lines.append(f"Note: {fact.note}")
    return "\n".join(lines)


def assumption_words(entry: Assumption) -> str:
    """What a reader should know of an assumed number: that it is one, and why."""
    return f"{SHAPES['assumed']} assumed: {entry.unit}\n{entry.reason}"


def row_words(lang: str = "en") -> dict[tuple[str, str], str]:
    """Words for every row and term that a page can link to, by page and anchor; only terms have words in bokmål."""
    words = {("ledger", key.lower()): fact_words(fact) for key, fact in load_ledger().items()}
    words |= {
        ("assumptions", name.replace("_", "-")): assumption_words(entry) for name, entry in load_assumptions().items()
    }
    # Another trial's project may have no glossary.
    if (project_root() / "data" / "glossary.yml").exists():
        words |= {("glossary", term.anchor): term.said(lang) for term in load_glossary(load_ledger())}
    return words


def explain_links(body: str, words: dict[tuple[str, str], str], lang: str = "en") -> str:
    """Give each link to a row or a term its words.

    Parameters
    ----------
    body : str
        HTML of a page's content.
    words : dict of (str, str) to str
        Words by page and anchor, such as ``("ledger", "f044")``.
    lang : str
        Language of the terms' words. Rows speak English whatever the page's language.

    Returns
    -------
    str
        The same HTML; links have the attributes ``data-said`` and ``aria-describedby``, and a hidden list at the end
        holds each row's words once.
    """
    used: dict[str, str] = {}

    def explained(found: re.Match) -> str:
        said = words.get((found[1], found[2]))
        if said is None:
            return found[0]
        used[f"said-{found[1]}-{found[2]}"] = said
        return f'<a{found[3]} data-said="{_quoted(said)}" aria-describedby="said-{found[1]}-{found[2]}">'

    body = _LINK.sub(explained, body)
    if not used:
        return body
    rows = "".join(
        f'<span id="{name}" lang="{lang if name.startswith("said-glossary") else "en"}">{escape(said)}</span>\n'
        for name, said in sorted(used.items())
    )
    return f'{body}\n<div class="holf-said" hidden>\n{rows}</div>\n'


def _quoted(said: str) -> str:
    return escape(said).replace("\n", "&#10;")


def explain_page(app: Sphinx, pagename: str, _template: str, context: dict, _doctree: nodes.document | None) -> None:
    """Explain the numbers of a page that is about to be written, and declare its language."""
    lang = app.env.metadata.get(pagename, {}).get("lang", "en")
    if "body" in context:
        context["body"] = explain_links(context["body"], row_words(lang), lang)
    context["language"] = lang


def reread_if_rows_changed(app: Sphinx, env, _added, _changed, _removed) -> list[str]:
    """Name all pages if a row changed: its words stand on pages that did not change themselves."""
    files = (project_root() / "data" / name for name in ("facts.csv", "assumptions.yml", "glossary.yml"))
    rows = b"\0".join(path.read_bytes() for path in files if path.exists())
    former, env.holf_rows = getattr(env, "holf_rows", None), hashlib.sha256(rows).hexdigest()
    return [] if former in (None, env.holf_rows) else sorted(env.found_docs)
