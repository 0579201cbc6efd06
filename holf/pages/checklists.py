"""The checklists as Markdown: CONSORT with its extensions, TIDieR for both arms, and support for RoB 2."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import groupby

from holf.record.facts import Ledger
from holf.record.reporting import Reporting, expand
from holf.record.reporting_rows import STATUSES, Element, Item, Question

NOTE = "<!-- Written by holf.pages.audit from {file}; edit that file, not this page. -->\n\n"
SIGNS = dict(zip(STATUSES, "●◐○"))
_EXTENSIONS = {"cluster": "Cluster trials", "spi": "Social and psychological interventions"}
_SHORT = {"cluster": "cluster", "spi": "SPI"}
_CHECK = "*Its number or place is to be checked against the statement.*"
_CONSORT = """# Reporting standards: CONSORT

**What this page answers.** For each item of CONSORT 2025, and of its extensions to cluster trials (2012) and to
social and psychological interventions (2018): is it in the public record, and where in this book?

The items are told in this book's own words, a dozen at most; for their wording and the reasons behind them, read
the statements: CONSORT 2025 (Hopewell and others, *PLOS Medicine*, volume 22, e1004587), the extension to cluster
trials (Campbell and others, *BMJ* 2012, volume 345, e5661) and CONSORT-SPI 2018 (Montgomery and others, *Trials*,
volume 19, article 407).

A status says what the sources behind the [ledger](ledger.md) hold: registry, blog, the article's abstract and pages
of NAV. **The article's full text was not read**, so *not stated* does not mean that the authors left it out. There
is no score: items differ too much in weight to be counted.

- ● **reported** · ◐ **partial** · ○ **not stated** in the sources read

Both extensions number their items as CONSORT did in 2010; no extension to cluster trials in the numbering of 2025
was found. Where an item of an extension belongs in 2025 is this book's reading, and so is the crosswalk. Item
numbers were compared with public copies of the checklists; those marked *to be checked* could not be.
"""
_TIDIER = """# The two interventions side by side: TIDieR

**What this page answers.** What did families and coordinators get in each arm, item by item of TIDieR, and what did
both arms have in common?

Shared elements come first: the trial compared two ways of doing follow-up, not follow-up with none. The items are
told in this book's own words; for their wording, read the statement (Hoffmann and others, *BMJ* 2014, volume 348,
g1687). *Not stated* means not in the sources that could be read, which do not hold the manuals, nor the article's
full text.
"""
_ROB2 = """# Risk of bias: support for RoB 2

**What this page answers.** For each question that RoB 2 asks of a cluster trial: what does the public record offer
in support of an answer?

**Judgements are left blank on purpose.** They belong to whoever reviews the trial, are made for one result at a
time, and need the article's full text, which was not read here. This page only saves the search: facts, quotes and
silences, for the comparison of the arms after twelve months. Domain two is asked for the effect of assignment. The
questions are told in this book's own words; for their wording and for how to judge, read the guidance of the tool
(version for cluster trials of 2021, a test version), against which their numbers are to be checked.
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
    lines = ["## By status", ""]
    for status in STATUSES:
        links = [f"[{_label(item)}](#{item.name})" for item in reporting.items if item.status == status]
        lines += [f"{SIGNS[status]} **{status}**", f": {', '.join(links)}", ""]
    return lines


def _crosswalk(reporting: Reporting) -> list[str]:
    """Each number of 2010 with those of 2025 to which its content went, in the order of 2010."""
    places: dict[str, list[Item]] = {}
    for item in (item for item in reporting.items if item.standard == "core"):
        for old in item.item_2010.split(", "):
            places.setdefault(old, []).append(item)
    new = places.pop("new", [])
    lines = ["## From 2010 to 2025", "", "| CONSORT 2010 | CONSORT 2025 |", "| --- | --- |"]
    order = sorted(places, key=lambda old: (int(re.match(r"\d+", old).group()), old))
    lines += [f"| item {old} | {_linked(places[old])} |" for old in order]
    return [*lines, f"| new in 2025 | {_linked(new)} |", ""]


def _linked(items: list[Item]) -> str:
    return ", ".join(f"[{_label(item)}](#{item.name})" for item in items)


def _core(item: Item, reporting: Reporting, ledger: Ledger) -> list[str]:
    old = "new in 2025" if item.item_2010 == "new" else " and ".join(f"item {n}" for n in item.item_2010.split(", "))
    source = old if item.item_2010 == "new" else f"2010: {old}"
    said = expand(item.note, ledger) or f"{item.status.capitalize()}."
    lines = [f"({item.name})=", f"### Item {item.item_2025}: {item.gist}", ""]
    lines += [f"{SIGNS[item.status]} **{item.status}** · {source}", "", f"{said} {_tail(item, reporting)}".strip(), ""]
    for added in reporting.items:
        if added.standard != "core" and added.item_2025 == item.item_2025:
            said = f"{expand(added.note, ledger)} {_tail(added, reporting)}".strip()
            name = f"{_EXTENSIONS[added.standard]}, item {added.extension}"
            lines += [f"({added.name})=", f"**{name}:** {added.gist}"]
            lines += [f": {SIGNS[added.status]} {added.status}. {said}".rstrip(), ""]
    return lines


def consort_page(reporting: Reporting, ledger: Ledger) -> list[str]:
    """Lines of the CONSORT page: items by status, the crosswalk, and every item with what the extensions add."""
    lines = [_CONSORT, *_by_status(reporting), *_crosswalk(reporting)]
    core = [item for item in reporting.items if item.standard == "core"]
    for section, items in groupby(core, key=lambda item: item.section):
        lines += [f"## {section}", ""]
        for item in items:
            lines += _core(item, reporting, ledger)
    return lines


def tidier_page(reporting: Reporting, ledger: Ledger) -> list[str]:
    """Lines of the TIDieR page: for each item what both arms had, then the arms side by side."""
    lines = [_TIDIER, "## The twelve items", ""]
    for row in reporting.elements:
        lines += [f"({row.name})=", f"### Item {row.item}: {row.title}", "", f"*{row.gist}.*", ""]
        lines += [f"Both arms: {expand(row.shared, ledger)}.", "", "| HOLF model | Local practice |", "| --- | --- |"]
        lines += [f"| {expand(row.holf, ledger)} | {expand(row.local, ledger)} |", ""]
        if tail := f"{expand(row.note, ledger)} {_tail(row, reporting)}".strip():
            lines += [tail, ""]
    return lines


def rob2_page(reporting: Reporting, ledger: Ledger) -> list[str]:
    """Lines of the RoB 2 page: each question with what the record says and the quotes that say it."""
    lines = [_ROB2]
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
