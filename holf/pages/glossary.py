"""The glossary: words of the book in English and bokmål, from `data/glossary.yml`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from myst_parser.mdit_to_docutils.base import default_slugify

from holf.paths import data_path
from holf.record.facts import FactError, Ledger
from holf.record.reading import name_of, read_yaml, reading


@dataclass(frozen=True)
class Term:
    """One word and its meaning in English (`en`, `means`) and bokmål (`nb`, `betyr`), and the ledger rows behind it."""

    en: str
    nb: str
    means: str
    betyr: str
    facts: tuple[str, ...]

    @property
    def anchor(self) -> str:
        """Anchor of the term's heading on the glossary page."""
        return default_slugify(self.en)

    def said(self, lang: str) -> str:
        """The word and its meaning without links or emphasis, in bokmål for ``nb`` and else in English."""
        word, meaning = (self.nb, self.betyr) if lang == "nb" else (self.en, self.means)
        return f"{word}: {re.sub(r'[*]|(?<=])[(][^)]*[)]', '', meaning).replace('[', '').replace(']', '')}"


def load_glossary(ledger: Ledger, path: Path | None = None) -> tuple[Term, ...]:
    """Read the glossary, by default `data/glossary.yml`, in the order of the English words.

    Raises
    ------
    FactError
        If a term lacks a language or its facts, leans on a row that the ledger does not have, stands twice, or stands
        out of order.
    """
    path = path or data_path("glossary.yml")
    terms: list[Term] = []
    with reading(name_of(path)):
        for entry in read_yaml(path):
            where = f"{name_of(path)}, {entry['en']}"
            for fact in entry["facts"]:
                if fact not in ledger:
                    raise FactError(f"{where}: no row {fact} in the ledger")
            term = Term(**entry | {"facts": tuple(entry["facts"])})
            if terms and term.en.lower() <= terms[-1].en.lower():
                raise FactError(f"{where}: out of order, or twice")
            terms.append(term)
    return tuple(terms)


def _in_norwegian_order(term: Term) -> str:
    return term.nb.casefold().translate(str.maketrans("æøå", "{|}"))


def glossary_page(terms: Sequence[Term]) -> str:
    """Markdown of the glossary: an index by bokmål, and a heading a term: English first, then bokmål marked as such."""
    index = [f"- [{term.nb}](#{term.anchor})" for term in sorted(terms, key=_in_norwegian_order)]
    lines = [
        "# Glossary, English and bokmål",
        "",
        "Words of this book, and of Norwegian social services. "
        "*The bokmål has not been read by a native reader of the field yet.*",
        "",
        '## <span lang="nb">Ord på bokmål</span>',
        "",
        '<div lang="nb" class="holf-index">',
        "",
        *index,
        "",
        "</div>",
        "",
        "## Terms",
        "",
    ]
    for term in terms:
        leans = ", ".join(f"[{fact}](ledger.md#{fact.lower()})" for fact in term.facts)
        lines += [
            f"### {term.en}",
            "",
            term.means + (f" ({leans})" if leans else ""),
            "",
            '<div lang="nb">',
            "",
            f"**{term.nb}:** {term.betyr}",
            "",
            "</div>",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"
