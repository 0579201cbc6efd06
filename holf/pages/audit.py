"""The pages on what was registered and reported, and on differences between documents, as plain Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from holf.pages.checklists import NOTE, consort_page, fact_links, place_links, rob2_page, tidier_page
from holf.record.facts import Ledger
from holf.record.plan import Outcome, Plan
from holf.record.reporting import Reporting, expand
from holf.record.reporting_rows import VERDICTS, Conflict, Finding

# Shape beside each verdict, so that a column can be read at a glance and not by colour.
SIGNS = dict(zip(VERDICTS, "●◐○◌"))
_AUDIT = """# Registered against reported

**What this page answers.** For every registered outcome and time: what do the sources that could be read say about
it, and what is not found?

The registry names outcomes and times before, or at least apart from, their results. Below, each of them is looked
up in every source. This is help for readers, not a verdict on anyone's conduct: that something is not found here
means that this book could not find it in the sources named, and the article's full text was not among them.

- ● **reported**: the outcome, at that time, if only in words
- ◐ **reported otherwise**: another name, another time, another comparison, or one statement for several
- ○ **not found** in the sentences that could be read
- ◌ **not reached**: the source could not be read

Whether printed numbers fit together and can be had again from summary statistics is a page of its own: [published
against recomputed](summary_statistics.ipynb#whether-the-numbers-fit-together).
"""
_ERRATA = """# Differences in the record, and open questions

**What this page answers.** Where do documents about the trial differ, what did this book do about it, and what can
only the authors answer?

Records of a trial grow over years and in many hands, and small differences are the rule. Each is described here as
a difference between documents, with the rows of the [ledger](ledger.md) that show it; the order is by how much
hangs on it in this book. An answer from the authors would go into the ledger as a row of its own, with its source.
"""


def _months(outcome: Outcome, wave: str, ledger: Ledger) -> str:
    return f"{ledger[outcome.waves_facts[outcome.waves.index(wave)]].link()} months"


def _label(outcome: Outcome, wave: str, ledger: Ledger) -> str:
    """The registry's own name of a time, which its row quotes in front of a bracket."""
    return ledger[outcome.waves_facts[outcome.waves.index(wave)]].quote.partition(" (")[0]


def standing(findings: list[Finding]) -> str:
    """The best verdict of any source for one outcome and time.

    Examples
    --------
    >>> one = Finding("income", "m12", "blog", "Improved.", "reported otherwise", ("F113",))
    >>> standing([one, Finding("income", "m12", "article", "Not read.", "not reached", ())])
    'reported otherwise'
    """
    return min((finding.verdict for finding in findings), key=VERDICTS.index)


def _glance(reporting: Reporting, plan: Plan, ledger: Ledger) -> list[str]:
    lines = ["## At a glance", "", "The best status in any source.", ""]
    lines += ["| Registered outcome | After | Found |", "| --- | --- | --- |"]
    for outcome in plan.outcomes.values():
        for wave in outcome.waves:
            verdict = standing([row for row in reporting.findings if (row.outcome, row.wave) == (outcome.id, wave)])
            link = f"[{outcome.label}](#audit-{_slug(outcome.id)}-{wave})"
            after = f"{_months(outcome, wave, ledger)} (registry: {_label(outcome, wave, ledger)})"
            lines.append(f"| {link} | {after} | {SIGNS[verdict]} {verdict} |")
    return [*lines, ""]


def _slug(name: str) -> str:
    return name.replace("_", "-")


def _sources(reporting: Reporting, ledger: Ledger) -> list[str]:
    lines = ["## The sources", ""]
    for source in reporting.sources:
        lines += [f"**{source.title}**", f": Dated: {expand(source.dated, ledger)}", ""]
        lines += [f"  Data: {expand(source.data, ledger)}", "", f"  Comparison: {expand(source.contrast, ledger)}", ""]
        lines += [f"  {fact_links(source.facts)}", ""]
    return lines


def _conflict(conflict: Conflict, reporting: Reporting, plan: Plan, ledger: Ledger) -> list[str]:
    outcome, said = plan.outcome(conflict.outcome), {}
    for row in reporting.findings:
        if (row.outcome, row.wave) == (conflict.outcome, conflict.wave):
            said[row.source] = row
    lines = [f"({conflict.name})=", f"### {conflict.title}", ""]
    lines += [f"{outcome.label}, registered after {_months(outcome, conflict.wave, ledger)}.", ""]
    for source in (source for source in reporting.sources if source.id in conflict.sources):
        row = said[source.id]
        lines += [f"**{source.title}** ({expand(source.dated, ledger)})"]
        lines += [f": {SIGNS[row.verdict]} {expand(row.says, ledger)}", ""]
        lines += [f"  Data: {expand(source.data, ledger)}. Comparison: {expand(source.contrast, ledger)}.", ""]
    lines += [f"*How both can hold.* {expand(conflict.reading, ledger)}", ""]
    lines += [f"*Only the authors can say.* {expand(conflict.ask, ledger)}", "", fact_links(conflict.facts), ""]
    return lines


def _outcome(outcome: Outcome, reporting: Reporting, ledger: Ledger) -> list[str]:
    titles = {source.id: source.title for source in reporting.sources}
    lines = [f"### {outcome.label}", ""]
    measure = f"[{outcome.measure}](ledger.md#{outcome.fact.lower()})"
    lines += [f"Registered among the {outcome.kind} outcomes: {measure}.", ""]
    for wave in outcome.waves:
        rows = [row for row in reporting.findings if (row.outcome, row.wave) == (outcome.id, wave)]
        lines += [f"(audit-{_slug(outcome.id)}-{wave})=", f"**After {_months(outcome, wave, ledger)}**", ""]
        # Sources that say the same, above all those in which nothing was found, share a line.
        for (verdict, says), same in groupby(
            sorted(rows, key=lambda row: (VERDICTS.index(row.verdict), row.says)),
            key=lambda row: (row.verdict, row.says),
        ):
            group = list(same)
            named = "; ".join(titles[row.source] for row in group)
            facts = tuple(sorted({key for row in group for key in row.facts}))
            tail = f" {fact_links(facts)}" if facts else ""
            lines += [f"- {SIGNS[verdict]} **{verdict}** in: {named}. {expand(says, ledger)}{tail}"]
        lines += [""]
    return lines


def audit_page(reporting: Reporting, ledger: Ledger, plan: Plan) -> str:
    """Markdown of the audit: a glance, the sources, what differs between reports, and every outcome and time."""
    lines = [_AUDIT, *_glance(reporting, plan, ledger), *_sources(reporting, ledger)]
    lines += ["## Where the reports differ", ""]
    lines += ["Shown with the date, the data and the comparison of each, as far as they are known.", ""]
    for conflict in reporting.conflicts:
        lines += _conflict(conflict, reporting, plan, ledger)
    lines += ["## Outcome by outcome", ""]
    for outcome in plan.outcomes.values():
        lines += _outcome(outcome, reporting, ledger)
    return _finish("outcome_audit.csv", lines)


def errata_page(reporting: Reporting, ledger: Ledger, ways: Sequence[tuple[str, str]] = ()) -> str:
    """Markdown of the differences between documents, the most important first; `ways` say where an answer may go."""
    lines = [_ERRATA]
    if ways:
        lines += [f"Where to send one: {' · '.join(f'[{words}]({address})' for words, address in ways)}.", ""]
    lines += ["## The differences", ""]
    for row in reporting.differences:
        lines += [f"({row.name})=", f"### Item {row.rank}: {row.title}", "", expand(row.differs, ledger), ""]
        lines += [f"*In this book.* {expand(row.done, ledger)} {place_links(row.where, reporting)}", ""]
        lines += [f"*Only the authors can say.* {expand(row.ask, ledger)}", "", fact_links(row.facts), ""]
    return _finish("errata.csv", lines)


def _finish(file: str, lines: list[str]) -> str:
    return NOTE.format(file=f"data/reporting/{file}") + "\n".join(lines).rstrip() + "\n"


def reporting_pages(
    reporting: Reporting, ledger: Ledger, plan: Plan, ways: Sequence[tuple[str, str]] = ()
) -> dict[str, str]:
    """Every page of this room.

    Parameters
    ----------
    reporting : Reporting
    ledger : Ledger
        Gives the values that texts name.
    plan : Plan
        Gives the registered outcomes, their order and their times.
    ways : sequence of (str, str)
        Words and addresses for those who want to answer (`holf.pages.cite.ways_to_reach`).

    Returns
    -------
    dict of str to str
        Markdown by file name inside `chapters/`.

    Examples
    --------
    >>> from holf.record.facts import load_ledger
    >>> from holf.record.plan import load_plan
    >>> from holf.record.reporting import load_reporting
    >>> list(reporting_pages(load_reporting(), load_ledger(), load_plan()))
    ['audit.md', 'reporting.md', 'tidier.md', 'rob2.md', 'errata.md']
    """
    return {
        "audit.md": audit_page(reporting, ledger, plan),
        "reporting.md": _finish("consort.csv", consort_page(reporting, ledger)),
        "tidier.md": _finish("tidier.csv", tidier_page(reporting, ledger)),
        "rob2.md": _finish("rob2.csv", rob2_page(reporting, ledger)),
        "errata.md": errata_page(reporting, ledger, ways),
    }
