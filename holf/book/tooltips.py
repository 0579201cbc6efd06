"""What a linked number rests on, shown where it stands: class, source, quote and contradictions of its row.

Each link to a row of the ledger or of the assumptions gets the row's words, when its page is written. Style sheets show
them at the link while it is pointed at or has the keyboard's focus, and screen readers speak them as its description;
nothing needs a script. The words stand in attributes and in a hidden list at the end, so that the text of a page, which
other checks read, is as it was.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from html import escape

from docutils import nodes
from sphinx.application import Sphinx

from holf.pages.glossary import load_glossary
from holf.paths import project_root
from holf.record.facts import Assumption, Fact, load_assumptions, load_ledger, load_sources
from holf.record.source import CLASSES

_LINK = re.compile(r'<a\b(?=[^>]*\bhref="(?:[^"#]*/)?(ledger|assumptions|glossary)\.html#([a-z0-9-]+)")([^>]*)>')


# The frame of a row's words in each language of the book; what the ledger itself says stays as it was written.
_FRAME = {
    "en": {
        "published": "published",
        "derived": "derived",
        "assumed": "assumed",
        "source": "Source",
        "contradicted": "Sources differ",
        "note": "Note",
        "levels": {},
    },
    "nb": {
        "published": "publisert",
        "derived": "utledet",
        "assumed": "antatt",
        "source": "Kilde",
        "contradicted": "Kildene spriker",
        "note": "Merknad",
        "levels": {
            "none": "uten motsetning",
            "cosmetic": "kosmetisk",
            "reconcilable": "kan forenes",
            "ambiguous": "tvetydig",
            "conflict": "konflikt",
            "open": "åpent",
        },
    },
}


@dataclass(frozen=True)
class Said:
    """What is said at a link.

    Attributes
    ----------
    parts : tuple of (str, str)
        Words and their language, in order; together they are the text.
    derived : bool
        Whether the number is worked out from published ones; the style sheet then marks the link with ◆.
    """

    parts: tuple[tuple[str, str], ...]
    derived: bool = False

    def __str__(self) -> str:
        return "".join(words for words, _ in self.parts)

    def html(self, around: str) -> str:
        """The words as HTML for a place in the language `around`, where those of others say so."""
        return "".join(
            escape(words) if lang == around else f'<span lang="{lang}">{escape(words)}</span>'
            for words, lang in self.parts
        )


def fact_words(fact: Fact, note: str, lang: str = "en", quoted_in: str = "en") -> Said:
    """What a reader should know of a published or derived number, in three or four lines.

    Parameters
    ----------
    fact : Fact
    note : str
        The remark beside it.
    lang : str
        Language of the frame; ``en`` or ``nb``.
    quoted_in : str
        Language of the quote.

    Examples
    --------
    >>> from holf.record.facts import load_ledger
    >>> print(fact_words(load_ledger()["F044"], ""))
    ● published: Offices randomised, 29 offices
    Source: registry
    “involving 29 labor and welfare offices, 58 family coordinators”
    """
    frame = _FRAME[lang]
    parts = [
        (f"{CLASSES[fact.kind].shape} {frame[fact.kind]}: ", lang),
        (f"{fact.fact}, {fact.said}", "en"),
        (f"\n{frame['source']}: ", lang),
        (fact.source, "en"),
    ]
    if fact.quote:
        parts += [("\n", lang), (f"“{fact.quote}”", quoted_in)]
    if fact.status == "contradicted":
        level = frame["levels"].get(fact.severity, fact.severity)
        parts += [(f"\n{frame['contradicted']} ({level}).", lang), (f" {note}".rstrip(), "en")]
    elif note:
        parts += [(f"\n{frame['note']}: ", lang), (note, "en")]
    return Said(tuple(part for part in parts if part[0]), derived=fact.kind == "derived")


def assumption_words(entry: Assumption, reason: str, lang: str = "en") -> Said:
    """What a reader should know of an assumed number: that it is one, and why."""
    sign = f"{CLASSES['assumed'].shape} {_FRAME[lang]['assumed']}: "
    return Said(((sign, lang), (f"{entry.unit}\n{reason}", "en")))


def row_words(lang: str = "en") -> dict[tuple[str, str], Said]:
    """Words for every row and term that a page can link to, by page and anchor, in the language of the page.

    What the ledger says is English, and its quotes are in the language of their source; only the frame around them and
    the terms are in bokmål.
    """
    ledger, assumed = load_ledger(), load_assumptions()
    sources = load_sources(ledger)
    words = {
        ("ledger", key.lower()): fact_words(fact, ledger.remark(key), lang, sources[fact.sources[0]].lang)
        for key, fact in ledger.items()
    }
    words |= {
        ("assumptions", name.replace("_", "-")): assumption_words(entry, assumed.remark(name), lang)
        for name, entry in assumed.items()
    }
    # Another trial's project may have no glossary.
    if (project_root() / "data" / "glossary.yml").exists():
        words |= {("glossary", term.anchor): Said(((term.said(lang), lang),)) for term in load_glossary(ledger)}
    return words


def explain_links(body: str, words: dict[tuple[str, str], Said], lang: str = "en") -> str:
    """Give each link to a row or a term its words.

    Parameters
    ----------
    body : str
        HTML of a page's content.
    words : dict of (str, str) to Said
        Words by page and anchor, such as ``("ledger", "f044")``.
    lang : str
        Language of the page.

    Returns
    -------
    str
        The same HTML; links have the attributes ``data-said`` and ``aria-describedby``, and a hidden list at the end
        holds each row's words once.
    """
    used: dict[str, Said] = {}

    def explained(found: re.Match) -> str:
        said = words.get((found[1], found[2]))
        if said is None:
            return found[0]
        used[f"said-{found[1]}-{found[2]}"] = said
        derived = " data-derived" if said.derived else ""
        return f'<a{found[3]} data-said="{_quoted(str(said))}" aria-describedby="said-{found[1]}-{found[2]}"{derived}>'

    body = _LINK.sub(explained, body)
    if not used:
        return body
    rows = "".join(f'<span id="{name}" lang="{lang}">{said.html(lang)}</span>\n' for name, said in sorted(used.items()))
    return f'{body}\n<div class="holf-said" hidden>\n{rows}</div>\n'


def _quoted(said: str) -> str:
    return escape(said).replace("\n", "&#10;")


def explain_page(app: Sphinx, pagename: str, _template: str, context: dict, _doctree: nodes.document | None) -> None:
    """Explain the numbers of a page that is about to be written, and declare its language."""
    lang = app.env.metadata.get(pagename, {}).get("lang", "en")
    words = app.__dict__.setdefault("holf_words", {})
    if lang not in words:
        words[lang] = row_words(lang)
    if "body" in context:
        context["body"] = explain_links(context["body"], words[lang], lang)
    context["language"] = lang
