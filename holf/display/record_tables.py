"""The public record as tables: what is published about the trial, and what this book assumes beside it."""

from __future__ import annotations

from collections.abc import Sequence

from holf.display import text
from holf.display.table import Cell, Table
from holf.record.facts import Ledger
from holf.record.flow import UNKNOWN
from holf.record.plan import Contrast, Outcome, Plan
from holf.record.published_table import Slot
from holf.record.source import RECORD


def fact_cell(ledger: Ledger, fact_id: str) -> Cell:
    """Value of a ledger row with its class and link."""
    fact = ledger[fact_id]
    return Cell(text.typed(fact.shown), fact.kind, fact_id)


def facts_table(ledger: Ledger, rows: Sequence[tuple[str, str]], caption: str) -> Table:
    """Labelled ledger rows: label, value, unit, where it stands; a label without a row is in no source read."""
    return Table.of(
        caption,
        rows,
        {
            "What": lambda row: row[0],
            "Value": lambda row: fact_cell(ledger, row[1]) if row[1] else Cell(UNKNOWN, "unknown"),
            "Unit": lambda row: (ledger[row[1]].unit if row[1] else "") or text.MISSING,
            "Source": lambda row: ledger[row[1]].source if row[1] else text.MISSING,
        },
        source=RECORD,
    )


def level_cell(outcome: Outcome) -> Cell:
    """In whom an outcome is measured; where the registry says so, linked to its row on the outcome."""
    return Cell(outcome.level, outcome.level_class, outcome.fact if outcome.level_class == "published" else "")


def slot_cell(slot: Slot) -> Cell:
    """A number of the article's Table 1 with its place there, or that nobody has typed it in yet."""
    if slot.value is None:
        return Cell("not yet entered", "unknown")
    if slot.kind == "simulated":
        return Cell(text.typed(slot.printed))
    return Cell(text.typed(slot.printed), slot.kind, place=slot.place)


def outcomes_table(plan: Plan, ledger: Ledger) -> Table:
    """The registered outcomes, with the times of each and the margin that this book assumes."""

    def months(outcome: Outcome) -> str:
        return ", ".join(f"+{ledger.number(fact)}" for fact in outcome.waves_facts)

    return Table.of(
        "Registered outcomes",
        plan.outcomes.values(),
        {
            "Outcome": lambda one: one.label,
            "Kind": lambda one: one.kind,
            "Level": level_cell,
            "Measure": lambda one: Cell(one.measure, "", one.fact),
            "Times": lambda one: Cell(f"{months(one)} months", "published", one.waves_facts[0]),
            "Margin of this book": lambda one: Cell(text.amount(one.margin, one.show), "assumed"),
        },
        source=RECORD,
    )


def denominators_table(ledger: Ledger) -> Table:
    """The four numbers that could be taken for the size of the trial."""
    rows = (
        ("F065", "An estimate made in advance"),
        ("F160", "This book's sum of two press counts; the second may be another group"),
        ("F122", "Analysed in the article's twelve-month follow-up"),
        ("F066", "Enrolment in the registry, unit not stated"),
    )
    shown = tuple((fact_cell(ledger, key), ledger[key].unit, said, ledger[key].source) for key, said in rows)
    return Table("Who counts as n", ("Number", "Unit", "What it counts", "Source"), shown, source=RECORD)


def _said(outcome: Outcome, what: str) -> Cell:
    """What the record says in words about the ``change`` or the ``difference`` of an outcome."""
    return Cell(outcome.published[what], outcome.published["class"], outcome.published[f"{what}_fact"])


def other_report(outcome: Outcome) -> str | Cell:
    """What another report says of an outcome than the one that its first words follow; missing where none does."""
    if "other" not in outcome.published:
        return text.MISSING
    return Cell(outcome.published["other"], "published", outcome.published["other_fact"])


def randomised_cells(plan: Plan, ledger: Ledger, contrast: Contrast) -> list[str | Cell]:
    """Clusters of each group of a contrast as randomised, treated first; missing where another unit was drawn."""
    if contrast != plan.main:
        return [text.MISSING] * 2
    return [fact_cell(ledger, plan.arms[side[0]]["offices_fact"]) for side in (contrast.treated, contrast.other)]


def published_outcomes_table(plan: Plan) -> Table:
    """What the record says about each outcome, in words: the difference between arms, then the change inside them."""
    rows = tuple(
        (outcome.label, _said(outcome, "difference"), _said(outcome, "change"), other_report(outcome), outcome.kind)
        for outcome in plan.outcomes.values()
    )
    columns = ("Outcome", "Difference between the arms", "Change inside the arms", "Another report says", "Kind")
    return Table("What is published about each outcome", columns, rows, source=RECORD)


def outcome_record_table(outcome: Outcome, ledger: Ledger) -> Table:
    """One outcome: what was published, what was registered, and what this book assumes."""
    months = ", ".join(f"+{ledger.number(fact)} months" for fact in outcome.waves_facts)
    rows = (
        ("Difference between the arms", _said(outcome, "difference")),
        ("Change inside the arms", _said(outcome, "change")),
        ("Another report says", other_report(outcome)),
        ("Registered as", Cell(outcome.measure, "published", outcome.fact)),
        ("Kind", Cell(outcome.kind, "published", outcome.fact)),
        ("Measured in", level_cell(outcome)),
        ("Times", Cell(months, "published", outcome.waves_facts[0])),
        ("Unit in this book", Cell(outcome.unit, "assumed")),
        ("Smallest worthwhile difference", Cell(text.amount(outcome.margin, outcome.show), "assumed")),
        ("Why that margin", outcome.margin_reason),
    )
    return Table(f"{outcome.label}: the record", ("What", "Value"), rows, source=RECORD)
