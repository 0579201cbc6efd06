"""The checklists as Markdown: CONSORT with its extensions, TIDieR for both arms, and support for RoB 2."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

from holf.record.facts import Ledger
from holf.record.reporting import STATUSES, Element, Item, Question, Reporting, expand

NOTE = "<!-- Written by holf.pages from {file}; edit that file, not this page. -->\n\n"
SIGNS = dict(zip(STATUSES, "●◐○"))
_EXTENSIONS = {"cluster": "Cluster trials", "spi": "Social and psychological interventions"}
_SHORT = {"cluster": "cluster", "spi": "SPI"}
_CHECK = "*Its number or place is to be checked against the statement.*"
_OPENING = """# Reporting standards

What the public record holds of the items of CONSORT, TIDieR and RoB 2, and where it stands in this book. Items and
questions are told in this book's own words; for their wording, read the statements.

**The article's full text was not read**, so *not stated* does not mean that the authors left it out. There is no score:
items differ too much in weight to be counted.
"""
_CONSORT = """## CONSORT

CONSORT 2025 (Hopewell and others, *PLOS Medicine*, volume 22, e1004587), the extension to cluster trials (Campbell and
others, *BMJ* 2012, volume 345, e5661) and CONSORT-SPI 2018 (Montgomery and others, *Trials*, volume 19, article 407).
Both extensions number their items as CONSORT did in 2010; where they belong in 2025 is this book's reading. Numbers
marked *to be checked* could not be compared with the statement.

● **reported** · ◐ **partial** · ○ **not stated** in the sources read
"""
_TIDIER = """## TIDieR

The twelve items (Hoffmann and others, *BMJ* 2014, volume 348, g1687) stand in one table on
[Design](design.ipynb#the-two-ways-of-working): what both arms had, and what each had alone. Here is
what each row rests on.
"""
_ROB2 = """## Risk of bias: support for RoB 2

**Judgements are left blank on purpose.** They belong to whoever reviews the trial, are made for one result at a time,
and need the article's full text. This part only saves the search: facts, quotes and silences, for the comparison of the
arms after twelve months. Domain two is asked for the effect of assignment. Numbers of questions are those of the test
version of 2021 for cluster trials, against which they are to be checked.
"""


def fact_links(facts: Iterable[str]) -> str:
    """Links to rows of the ledger by their ids.

    Examples
    --------
    >>> fact_links(["F067"])
    'Ledger: [F067](ledger.md#f067).'
    """
    named = ", ".join(f"[{key}](ledger.md#{key.lower()})" for key in facts)
    return f"Ledger: {named}." if named else ""


def place_links(places: Iterable[str], reporting: Reporting) -> str:
    """Links to places of the book; one to a row of these pages goes by its label, which Sphinx finds on any page."""
    labels, links = {row.name for row in reporting.rows()}, []
    for place in places:
        page, _, anchor = place.partition("#")
        stem = page.partition(".")[0]
        plain = (anchor if anchor.startswith(stem) else f"{stem}: {anchor}").replace("-", " ").replace("_", " ")
        words = reporting.titles.get(place, plain)
        links.append(f"[{words}]({'#' + anchor if anchor in labels else place})")
    return f"See {'; '.join(links)}." if links else ""


def _tail(row: Item | Element | Question, reporting: Reporting) -> str:
    parts = (place_links(row.where, reporting), fact_links(row.facts), _CHECK if row.check else "")
    return " ".join(part for part in parts if part)


def _label(item: Item) -> str:
    return item.item_2025 if item.standard == "core" else f"{_SHORT[item.standard]} {item.extension}"


def _by_status(reporting: Reporting) -> list[str]:
    lines = ["### CONSORT by status", ""]
    for status in STATUSES:
        links = [f"[{_label(item)}](#{item.name})" for item in reporting.items if item.status == status]
        lines += [f"{SIGNS[status]} **{status}**", f": {', '.join(links)}", ""]
    return lines


def _core(item: Item, reporting: Reporting, ledger: Ledger) -> list[str]:
    said = expand(item.note, ledger) or f"{item.status.capitalize()}."
    lines = [f"({item.name})=", f"### Item {item.item_2025}: {item.gist}", ""]
    lines += [f"{SIGNS[item.status]} **{item.status}**", "", f"{said} {_tail(item, reporting)}".strip(), ""]
    for added in reporting.items:
        if added.standard != "core" and added.item_2025 == item.item_2025:
            said = f"{expand(added.note, ledger)} {_tail(added, reporting)}".strip()
            name = f"{_EXTENSIONS[added.standard]}, item {added.extension}"
            lines += [f"({added.name})=", f"**{name}:** {added.gist}"]
            lines += [f": {SIGNS[added.status]} {added.status}. {said}".rstrip(), ""]
    return lines


def standards_page(reporting: Reporting, ledger: Ledger) -> list[str]:
    """Lines of the page: CONSORT item by item, what the table of TIDieR rests on, and support for RoB 2."""
    lines = [_OPENING, _CONSORT, *_by_status(reporting)]
    core = [item for item in reporting.items if item.standard == "core"]
    for section, items in groupby(core, key=lambda item: item.section):
        lines += [f"## {section}", ""]
        for item in items:
            lines += _core(item, reporting, ledger)
    lines += [_TIDIER]
    for row in reporting.elements:
        tail = f"{expand(row.note, ledger)} {_tail(row, reporting)}".strip()
        lines += [f"- **{row.item}. {row.title}** ({row.gist}). {tail}".rstrip()]
    return [*lines, "", _ROB2, *_questions(reporting, ledger)]


def two_ways(reporting: Reporting, ledger: Ledger) -> list[str]:
    """Lines of one table: for each item of TIDieR what both arms had, then the arms side by side."""
    lines = [
        ":::{container} holf-stacked",
        "| Item | Both arms | HOLF model | Local practice |",
        "| --- | --- | --- | --- |",
    ]
    for row in reporting.elements:
        cells = (f"**{row.title}**", expand(row.shared, ledger), expand(row.holf, ledger), expand(row.local, ledger))
        lines += [f"| {' | '.join(cells)} |"]
    return [*lines, ":::"]


def _questions(reporting: Reporting, ledger: Ledger) -> list[str]:
    """Each question of RoB 2 with what the record says and the quotes that say it."""
    lines = []
    for domain, questions in groupby(reporting.questions, key=lambda row: row.domain):
        lines += [f"## {domain}", ""]
        for row in questions:
            lines += [f"({row.name})=", f"### Question {row.question}: {row.gist}", "", expand(row.support, ledger), ""]
            for fact in (ledger[key] for key in row.facts if ledger[key].quote):
                # The quote itself is the link: a number inside it is then one that its own row vouches for.
                lines += [f"> [{fact.quote}](ledger.md#{fact.id.lower()}) ({fact.source})", ""]
            if tail := _tail(row, reporting):
                lines += [tail, ""]
    return lines
