"""The page of what was registered and reported, and of differences between documents, as plain Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from myst_parser.mdit_to_docutils.base import default_slugify

from holf.pages.checklists import NOTE, fact_links, place_links, standards_page, two_ways
from holf.record.facts import Ledger
from holf.record.plan import Outcome, Plan
from holf.record.reporting import VERDICTS, AuditEntry, Conflict, Reporting, expand

# Shape beside each verdict, so that a column can be read at a glance and not by colour.
SIGNS = dict(zip(VERDICTS, "●◐○◌"))
_OPENING = """# What the record leaves open

Which registered outcomes were reported, [where documents differ](#differences-between-documents), and what to ask the
authors. Records of a trial grow over years, in many hands, so small differences are the rule; none is a verdict on
anyone's conduct.

## Registered against reported

The best status in any source this book could read.

● **reported**: what was registered is named, if only in words · ◐ **reported otherwise**: under a wider or
narrower name, at another time, in another comparison, or in one statement for several outcomes
"""
_DIFFERENCES = """## Differences between documents

Ordered by how much hangs on each in this book. An answer from the authors would become a row of the
[ledger](ledger.md), with its source.
"""


def _months(outcome: Outcome, wave: str, ledger: Ledger) -> str:
    return f"{ledger[outcome.waves_facts[outcome.waves.index(wave)]].link()} months"


def _label(outcome: Outcome, wave: str, ledger: Ledger) -> str:
    """The registry's own name of a time, which its row quotes in front of a bracket."""
    return ledger[outcome.waves_facts[outcome.waves.index(wave)]].quote.partition(" (")[0]


def standing(findings: list[AuditEntry]) -> str:
    """The best verdict of any source for one outcome and time.

    Examples
    --------
    >>> one = AuditEntry("income", "m12", "blog", "Improved.", "reported otherwise", ("F113",))
    >>> standing([one, AuditEntry("income", "m12", "article", "Not read.", "not reached", ())])
    'reported otherwise'
    """
    return min((finding.verdict for finding in findings), key=VERDICTS.index)


def _legend_of_missing(reporting: Reporting) -> str:
    """What "not found" and "not reached" mean: which documents were not read."""
    read = {row.source for row in reporting.findings if row.verdict != "not reached"}
    unread = [source.title for source in reporting.sources if source.id not in read]
    count = f"; {len(unread)} documents were not read ({' and '.join(unread)})" if unread else ""
    return f"○ **not found** in the sources read{count} · ◌ **not reached**: in a document that was not read"


def _glance(reporting: Reporting, plan: Plan, ledger: Ledger) -> list[str]:
    lines = [_legend_of_missing(reporting), "", "| Registered outcome | After | Found |", "| --- | --- | --- |"]
    verdicts = []
    for outcome in plan.outcomes.values():
        for wave in outcome.waves:
            verdict = standing([row for row in reporting.findings if (row.outcome, row.wave) == (outcome.id, wave)])
            verdicts.append(verdict)
            link = f"[{outcome.label}](#{default_slugify(outcome.label)})"
            after = f"{_months(outcome, wave, ledger)} (registry: {_label(outcome, wave, ledger)})"
            lines.append(f"| {link} | {after} | {SIGNS[verdict]} {verdict} |")
    totals = ", ".join(f"{SIGNS[one]} {one} {verdicts.count(one)}" for one in dict.fromkeys(verdicts))
    return [*lines, "", f"Of {len(verdicts)} registered outcomes and times: {totals}.", ""]


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"


def _stacked(heads: Sequence[str], rows: Sequence[str]) -> list[str]:
    """A table of words, which a phone shows as cards."""
    return [":::{container} holf-stacked", _row(*heads), _row(*["---"] * len(heads)), *rows, ":::", ""]


def _sources(reporting: Reporting, ledger: Ledger) -> list[str]:
    rows = [
        _row(
            f"**{source.title}**, {expand(source.dated, ledger)}",
            expand(source.data, ledger),
            f"{expand(source.contrast, ledger)}. {fact_links(source.facts)}",
        )
        for source in reporting.sources
    ]
    return _stacked(("Source", "Data", "Comparison"), rows)


def _conflict(conflict: Conflict, ledger: Ledger) -> list[str]:
    lines = [f"({conflict.name})=", f"### {conflict.title}", "", expand(conflict.reading, ledger), ""]
    return [*lines, f"*A question to the authors:* {expand(conflict.ask, ledger)} {fact_links(conflict.facts)}", ""]


def _outcome(outcome: Outcome, reporting: Reporting, ledger: Ledger) -> list[str]:
    titles = {source.id: source.title for source in reporting.sources}
    measure = f"[{outcome.measure}](ledger.md#{outcome.fact.lower()})"
    lines = [f"### {outcome.label}", "", f"Registered as {outcome.kind}: {measure}.", ""]
    rows = []
    for wave in outcome.waves:
        found = [row for row in reporting.findings if (row.outcome, row.wave) == (outcome.id, wave)]
        # Sources that say the same, above all those in which nothing was found, share a row.
        ordered = sorted(found, key=lambda row: (VERDICTS.index(row.verdict), row.says))
        for (verdict, says), same in groupby(ordered, key=lambda row: (row.verdict, row.says)):
            group = list(same)
            named = "; ".join(titles[row.source] for row in group)
            rows.append(
                _row(_months(outcome, wave, ledger), f"{SIGNS[verdict]} {verdict}", expand(says, ledger), named)
            )
    table = _stacked(("After", "Found", "In these words", "Source"), rows)
    summary = f'<details class="holf-twin"><summary>Each time and source: {outcome.label}</summary>'
    return [*lines, summary, "", *table, "", "</details>", ""]


def open_questions_page(reporting: Reporting, ledger: Ledger, plan: Plan, ways: Sequence[tuple[str, str]] = ()) -> str:
    """Markdown of the page: what was reported of each outcome, and where documents differ."""
    lines = [_OPENING, *_glance(reporting, plan, ledger)]
    lines += ["## Where the reports differ", ""]
    for conflict in reporting.conflicts:
        lines += _conflict(conflict, ledger)
    lines += [_DIFFERENCES]
    if ways:
        lines += [f"Where to send one: {' · '.join(f'[{words}]({address})' for words, address in ways)}.", ""]
    rows = [
        _row(
            f'<span id="{row.name}"></span>**{row.rank}. {row.title}** {fact_links(row.facts)}',
            expand(row.differs, ledger),
            f"{expand(row.done, ledger)} {place_links(row.where, reporting)}",
            expand(row.ask, ledger),
        )
        for row in reporting.errata
    ]
    lines += _stacked(("Subject", "How documents differ", "In this book", "A question to the authors"), rows)
    lines += ["## Outcome by outcome", ""]
    for outcome in plan.outcomes.values():
        lines += _outcome(outcome, reporting, ledger)
    lines += ["## The sources", "", *_sources(reporting, ledger)]
    return _finish("outcome_audit.csv and errata.csv", lines)


def _finish(file: str, lines: list[str]) -> str:
    return NOTE.format(file=f"data/reporting/{file}") + "\n".join(lines).rstrip() + "\n"


def reporting_pages(
    reporting: Reporting, ledger: Ledger, plan: Plan, ways: Sequence[tuple[str, str]] = ()
) -> dict[str, str]:
    """Markdown of the pages of `data/reporting/`, by file name inside `chapters/`.

    `ways` are words and addresses for those who want to answer (`holf.pages.cite.ways_to_reach`).
    """
    return {
        "open_questions.md": open_questions_page(reporting, ledger, plan, ways),
        "standards.md": _finish("consort.csv, tidier.csv and rob2.csv", standards_page(reporting, ledger)),
        "parts/two_ways.md": _finish("tidier.csv", two_ways(reporting, ledger)),
    }
