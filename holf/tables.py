"""The book's tables: each function turns facts or answers into a Table, and computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from holf import text
from holf.clusters import design_effect
from holf.eligibility import READINGS, meets_inclusion
from holf.facts import Ledger
from holf.flow import Flow
from holf.plan import Outcome, Plan, Slot
from holf.results import Attrition, Change, Effect, Icc, Level, Multiplicity
from holf.table import Cell, Table, joint_source


def fact_cell(ledger: Ledger, fact_id: str) -> Cell:
    """Value of a ledger row with its class and link."""
    fact = ledger[fact_id]
    return Cell(fact.shown, fact.kind, fact_id)


def facts_table(ledger: Ledger, rows: Sequence[tuple[str, str]], caption: str) -> Table:
    """Labelled ledger rows: label, value, unit, where it stands."""
    return Table(caption, ("What", "Value", "Unit", "Source"), tuple(
        (label, fact_cell(ledger, key), ledger[key].unit or text.MISSING, ledger[key].source) for label, key in rows))


def outcomes_table(plan: Plan, ledger: Ledger) -> Table:
    """The registered outcomes, with the times of each and the margin that this book assumes."""
    rows = []
    for outcome in plan.outcomes.values():
        months = ", ".join(f"+{ledger.number(fact)}" for fact in outcome.waves_facts)
        rows.append((outcome.label, outcome.kind, outcome.level, Cell(outcome.measure, "", outcome.fact),
                     Cell(f"{months} months", "published", outcome.waves_facts[0]),
                     Cell(text.difference(outcome.margin, outcome.show).lstrip("+"), "assumed")))
    return Table("Registered outcomes", ("Outcome", "Kind", "Level", "Measure", "Times", "Margin of this book"), tuple(rows))


def eligibility_table() -> Table:
    """What each reading of the inclusion rule says of families at its edges."""
    families = (("main income from assistance, two children", 8, 0, 2), ("main income from assistance, no child", 8, 0, 0),
                ("main income from assistance, five children", 8, 0, 5), ("assistance beside other support, two children", 0, 8, 2),
                ("assistance beside other support, no child", 0, 8, 0), ("five months of assistance, two children", 5, 0, 2))
    rows = tuple((label, *("included" if meets_inclusion(a, b, c, reading=reading) else "not included" for reading in READINGS))
                 for label, a, b, c in families)
    return Table("Two readings of the inclusion rule, on made-up families",
                 ("Family", *(f"Reading “{name}”" for name in READINGS)), rows)


def denominators_table(ledger: Ledger) -> Table:
    """The four numbers that have been called the size of the trial."""
    rows = (("F065", "An estimate made in advance"), ("F160", "Two press counts added; the second may be another group"),
            ("F122", "Analysed in the article's twelve-month follow-up"), ("F066", "Enrolment in the registry, unit not stated"))
    return Table("Who counts as n", ("Number", "Unit", "What it counts", "Source"), tuple(
        (fact_cell(ledger, key), ledger[key].unit, said, ledger[key].source) for key, said in rows))


def published_flow_table(published: Flow, counted: Sequence[Flow], arm_labels: dict[str, str]) -> Table:
    """Stages of the flow with the published count beside the counts of one simulated study, in all and by arm."""
    first = counted[0]
    rows = []
    for count, simulated in zip(published.counts, first.counts):
        record = Cell("not published", "unknown") if count.total is None else Cell(f"{count.total:,}", count.kind, count.box.fact)
        rows.append((count.box.label + (" (leave)" if count.box.is_loss else ""), count.box.unit, record,
                     f"{simulated.total:,}", *(f"{simulated.by_arm[arm]:,}" for arm in arm_labels)))
    return Table("The flow as published, and as this study counts it",
                 ("Stage", "Unit", "Published", "Counted", *(f"Counted, {label}" for label in arm_labels.values())),
                 tuple(rows), source=first.source)


def slots_table(slots: Sequence[Slot], outcome: Outcome, plan: Plan) -> Table:
    """The article's Table 1 for one outcome: typed slots, empty until someone copies them from the open paper."""
    mine = [slot for slot in slots if slot.outcome == outcome.id]
    names = {"mean": "Mean", "n": "Observations", "p_value_change": "p-value for change"}
    rows = tuple((plan.arms[slot.arm]["label"], slot.wave, names[slot.statistic],
                  Cell("not yet entered", "unknown") if slot.value is None else Cell(f"{slot.value:g}", "published"))
                 for slot in mine)
    return Table(f"Table 1 of the article: {outcome.label}", ("Arm", "Wave", "Statistic", "Value"), rows, folded=True)


def baseline_table(levels: Sequence[Level], arm_labels: dict[str, str]) -> Table:
    """Characteristics at baseline by arm: mean (SD) or share, and how many were counted. No p-values."""
    rows = {}
    for level in levels:
        shown = text.level(level.mean, level.show)
        if level.show != "percent":
            shown += f" ({text.decimal(level.sd, 0 if level.show == 'nok' else 1)})"
        rows.setdefault(level.label, {})[level.group] = f"{shown}, n = {level.n:,}"
    return Table("Baseline by arm: share, or mean (SD)", ("Characteristic", *arm_labels.values()), tuple(
        (label, *(cells[arm] for arm in arm_labels)) for label, cells in rows.items()), source=levels[0].source)


def attrition_table(losses: Sequence[Attrition], outcomes: dict[str, Outcome], arm_labels: dict[str, str]) -> Table:
    """Who was measured, by outcome and arm."""
    rows = tuple((outcomes[loss.outcome].label, loss.wave, arm_labels[loss.group], f"{loss.n_expected:,}",
                  f"{loss.n_measured:,}", text.level(loss.share_lost, "percent")) for loss in losses)
    return Table("Measured and lost, by arm", ("Outcome", "Wave", "Arm", "Expected", "Measured", "Lost"), rows,
                 source=losses[0].source)


def effects_table(effects: Sequence[tuple[Outcome, str, Effect]], caption: str) -> Table:
    """Difference, interval, p-value with its degrees of freedom, and what they rest on; one row an effect."""
    rows = []
    for outcome, label, effect in effects:
        rows.append((label, effect.source.removeprefix("simulated: "), text.difference(effect.estimate, outcome.show),
                     text.interval(effect.ci_low, effect.ci_high, outcome.show),
                     f"{text.p_value(effect.p_value)} ({text.reference(effect)})",
                     f"{text.METHODS[effect.estimator]} ({effect.estimand})", f"{effect.n_units:,} in {effect.n_clusters}",
                     text.decimal(effect.icc, 3)))
    return Table(caption, ("Outcome", "Data", "Difference", "95 % interval", "p", "Estimator, estimand", "Units in offices", "ICC"),
                 tuple(rows), source=joint_source([effect.source for _, _, effect in effects]))


def changes_table(changes: Sequence[Change], outcome: Outcome, arm_labels: dict[str, str]) -> Table:
    """Before-after change by arm: a description, with no test of its own."""
    rows = tuple((change.source.removeprefix("simulated: "), arm_labels[change.arm], text.level(change.before, outcome.show),
                  text.level(change.after, outcome.show), text.difference(change.change, outcome.show), f"{change.n:,}")
                 for change in changes)
    return Table(f"{outcome.label}: before and after, by arm", ("Data", "Arm", "Before", "After", "Change", "n"), rows,
                 source=joint_source([change.source for change in changes]))


def icc_table(values: Sequence[tuple[Outcome, Icc]]) -> Table:
    """Intraclass correlation of outcomes with their intervals; negative estimates are shown."""
    rows = tuple((outcome.label, value.source.removeprefix("simulated: "), text.decimal(value.estimate, 3),
                  f"{text.decimal(value.ci_low, 3)} to {text.decimal(value.ci_high, 3)}", text.decimal(value.mean_size, 1))
                 for outcome, value in values)
    return Table("Intraclass correlation by office", ("Outcome", "Data", "ICC", "95 % interval", "Mean size (n0)"), rows,
                 source=joint_source([value.source for _, value in values]))


def detectable_table(grid: Sequence[float], values: Sequence[float], mean_size: float, *, share: float) -> Table:
    """Design effect and detectable difference for each assumed intraclass correlation, in SD and for a share."""
    rows = tuple((Cell(text.decimal(icc, 2), "assumed"), Cell(text.decimal(design_effect([mean_size], icc), 2), "derived"),
                  Cell(text.decimal(value, 2), "derived"),
                  Cell(text.difference(value * (share * (1 - share)) ** 0.5, "percent").lstrip("+"), "derived"))
                 for icc, value in zip(grid, values))
    return Table("What the trial could usually have seen",
                 ("ICC", "Design effect, equal offices", "Detectable, SD", f"Detectable where {text.level(share, 'percent')} are employed"),
                 rows)


def sizes_table(sizes: Sequence[int], grid: Sequence[float], *, source: str) -> Table:
    """How unequal the offices are, and the design effect that follows; no office is named."""
    mean = sum(sizes) / len(sizes)
    cv = (sum((size - mean) ** 2 for size in sizes) / len(sizes)) ** 0.5 / mean
    rows = (("Offices", str(len(sizes))), ("Mean size", text.decimal(mean, 1)), ("Coefficient of variation", text.decimal(cv, 2)),
            *((f"Design effect at ICC {text.decimal(icc, 2)}", text.decimal(design_effect(sizes, icc), 2)) for icc in grid))
    return Table("Parents by office", ("What", "Value"), rows, source=source)


def published_outcomes_table(plan: Plan, ledger: Ledger) -> Table:
    """What the record says about each outcome, in words: the change inside arms, and the difference between them."""
    rows = []
    for outcome in plan.outcomes.values():
        reported = outcome.kind == "primary"
        rows.append((outcome.label, outcome.kind,
                     Cell(outcome.published["change"], "published" if reported else "unknown", outcome.published["change_fact"]),
                     Cell(ledger[outcome.published["difference_fact"]].value if reported else "not reported",
                          "published" if reported else "unknown", outcome.published["difference_fact"])))
    return Table("What is published about each outcome", ("Outcome", "Kind", "Change inside the arms", "Difference between the arms"),
                 tuple(rows))


def outcome_record_table(outcome: Outcome, plan: Plan, ledger: Ledger) -> Table:
    """One outcome: what was registered, what was published, and what this book assumes."""
    reported = outcome.kind == "primary"
    months = ", ".join(f"+{ledger.number(fact)} months" for fact in outcome.waves_facts)
    rows = (("Registered as", Cell(outcome.measure, "published", outcome.fact)), ("Kind", Cell(outcome.kind, "published", outcome.fact)),
            ("Times", Cell(months, "published", outcome.waves_facts[0])),
            ("Change inside the arms", Cell(outcome.published["change"], "published" if reported else "unknown",
                                            outcome.published["change_fact"])),
            ("Difference between the arms", Cell(ledger[outcome.published["difference_fact"]].value if reported else "not reported",
                                                 "published" if reported else "unknown", outcome.published["difference_fact"])),
            ("Unit in this book", Cell(outcome.unit, "assumed")),
            ("Smallest difference worth having", Cell(text.difference(outcome.margin, outcome.show).lstrip("+"), "assumed")),
            ("Why that margin", outcome.margin_reason))
    return Table(f"{outcome.label}: the record", ("What", "Value"), rows)


def multiplicity_table(family: Sequence[Multiplicity], outcomes: dict[str, Outcome]) -> Table:
    """Several outcomes at once: exact p-values alone and adjusted, and intervals that hold for all together."""
    rows = tuple((outcomes[one.outcome].label, one.source.removeprefix("simulated: "), text.difference(one.estimate, outcomes[one.outcome].show),
                  text.interval(one.low, one.high, outcomes[one.outcome].show), text.p_value(one.p_value), text.p_value(one.p_max_t),
                  text.p_value(one.p_holm)) for one in family)
    first = family[0]
    counted = f"{first.n_allocations:,} allocations{', all counted' if first.exact else ', sampled'}"
    return Table(f"Primary outcomes together, {counted}",
                 ("Outcome", "Data", "Difference of office means", "Simultaneous 95 % interval", "p alone", "p, max-T", "p, Holm"),
                 rows, source=joint_source([one.source for one in family]))
