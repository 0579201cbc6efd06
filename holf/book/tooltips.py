"""What a linked number rests on, shown where it stands: class, source, quote and contradictions of its row.

Each link to a row of the ledger or of the assumptions gets the row's words, when its page is written. Style sheets show
them at the link while it is pointed at or has the keyboard's focus, and screen readers speak them as its description;
nothing needs a script. The words stand in attributes and in a hidden list at the end, so that the text of a page, which
other checks read, is as it was.
"""

from __future__ import annotations

import re
from html import escape, unescape

from docutils import nodes
from sphinx.application import Sphinx

from holf.pages.glossary import load_glossary
from holf.paths import project_root
from holf.record.facts import Fact, load_assumptions, load_ledger, load_sources
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


def _words(parts: list[tuple[str, str]], around: str) -> str:
    """Parts, each with its language, as HTML for a place in the language `around`, where those of others say so."""
    said = [(escape(words), lang) for words, lang in parts if words]
    return "".join(words if lang == around else f'<span lang="{lang}">{words}</span>' for words, lang in said)


def text_of(said: str) -> str:
    """The words alone of what is said at a link."""
    return unescape(re.sub(r"<[^>]+>", "", said))


def fact_words(fact: Fact, note: str, lang: str = "en", quoted_in: str = "en") -> str:
    """What a reader should know of a published or derived number, in three or four lines of HTML.

    `lang` is the language of the page, ``en`` or ``nb``, and `quoted_in` that of the quote.

    Examples
    --------
    >>> from holf.record.facts import load_ledger
    >>> print(text_of(fact_words(load_ledger()["F044"], "")))
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
    return _words(parts, lang)


def row_words(lang: str = "en") -> dict[tuple[str, str], str]:
    """HTML for every row and term that a page in a language can link to, by page and anchor.

    What the ledger says is English, and its quotes are in the language of their source; only the frame around them and
    the terms are in bokmål.
    """
    ledger, assumed = load_ledger(), load_assumptions()
    sources, sign = load_sources(ledger), f"{CLASSES['assumed'].shape} {_FRAME[lang]['assumed']}: "
    words = {
        ("ledger", key.lower()): fact_words(fact, ledger.remark(key), lang, sources[fact.sources[0]].lang)
        for key, fact in ledger.items()
    }
    words |= {
        ("assumptions", name.replace("_", "-")): _words(
            [(sign, lang), (f"{entry.unit}\n{assumed.remark(name)}", "en")], lang
        )
        for name, entry in assumed.items()
    }
    # Another trial's project may have no glossary.
    if (project_root() / "data" / "glossary.yml").exists():
        words |= {("glossary", term.anchor): escape(term.said(lang)) for term in load_glossary(ledger)}
    return words


def explain_links(body: str, words: dict[tuple[str, str], str], lang: str = "en") -> str:
    """Give each link to a row or a term its words (`row_words`), in ``data-said`` and by ``aria-describedby``.

    A hidden list at the end of the page's content holds each row's words once.
    """
    used: dict[str, str] = {}

    def explained(found: re.Match) -> str:
        said = words.get((found[1], found[2]))
        if said is None:
            return found[0]
        name = f"said-{found[1]}-{found[2]}"
        used[name] = said
        derived = " data-derived" if said.startswith(CLASSES["derived"].shape) else ""
        shown = escape(text_of(said)).replace("\n", "&#10;")
        return f'<a{found[3]} data-said="{shown}" aria-describedby="{name}"{derived}>'

    body = _LINK.sub(explained, body)
    if not used:
        return body
    rows = "".join(f'<span id="{name}" lang="{lang}">{said}</span>\n' for name, said in sorted(used.items()))
    return f'{body}\n<div class="holf-said" hidden>\n{rows}</div>\n'


def explain_page(app: Sphinx, pagename: str, _template: str, context: dict, _doctree: nodes.document | None) -> None:
    """Explain the numbers of a page that is about to be written, and declare its language."""
    lang = app.env.metadata.get(pagename, {}).get("lang", "en")
    words = app.__dict__.setdefault("holf_words", {})
    if lang not in words:
        words[lang] = row_words(lang)
    if "body" in context:
        context["body"] = explain_links(context["body"], words[lang], lang)
    context["language"] = lang
