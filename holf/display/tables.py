"""The book's tables: each function turns facts or answers into a Table, and computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from clustertrials.equivalence_tests import Equivalence
from clustertrials.influence import UNITS, RecruitmentDiagnostic
from clustertrials.intraclass import variance_inflation
from clustertrials.results import Effect, Icc
from holf.display import text
from holf.display.table import Cell, Table, invented_arms
from holf.record.flow import Flow
from holf.record.plan import Outcome, Words
from holf.record.source import data_name, joint_source
from holf.study.answers import Change, Level, Multiplicity, Sizes


def published_flow_table(published: Flow, counted: Flow, arm_labels: dict[str, str]) -> Table:
    """Stages of the flow with the published count beside the counts of a study, in all and by arm."""
    word = "Simulated" if counted.source.startswith("simulated") else "Counted"
    rows = []
    for record, simulated in zip(published.counts, counted.counts):
        known = Cell(text.flow_count(record), record.kind, record.box.fact if record.total is not None else "")
        arms = (text.count(simulated.by_arm[arm]) for arm in arm_labels)
        rows.append((simulated.stage, known, text.flow_count(simulated), *arms))
    columns = ("Stage", "Published", word, *(f"{word}, {label}" for label in arm_labels.values()))
    caption, note = "The flow as published, and as counted in a study", invented_arms(counted.source)
    return Table(caption, columns, tuple(rows), source=counted.source, note=note)


def baseline_table(levels: Sequence[Level], arm_labels: dict[str, str]) -> Table:
    """Characteristics at baseline by arm: mean (SD) or share, and how many were counted. No p-values."""
    rows = {}
    for level in levels:
        found = {"number": text.level(level.mean, level.show), "n": text.count(level.n)}
        form = "{number}, n = {n}"
        if level.show != "percent":
            found["brackets"] = text.spread(level.sd, level.show)
            form = "{number} ({brackets}), n = {n}"
        rows.setdefault(level.label, {})[level.group] = text.printed(form, **found)
    shown = tuple((label, *(cells[arm] for arm in arm_labels)) for label, cells in rows.items())
    columns = ("Characteristic", *arm_labels.values())
    source = levels[0].source
    return Table("Baseline by arm: share, or mean (SD)", columns, shown, source=source, note=invented_arms(source))


def effects_table(effects: Sequence[tuple[Outcome, str, Effect]], caption: str) -> Table:
    """Difference, interval, p-value with its degrees of freedom, and what they rest on; one row an effect."""

    def rests_on(effect: Effect) -> str:
        units = {"number": text.count(effect.n_units), "in": text.count(effect.n_clusters)}
        return text.printed("{number} in {in}", **units)

    def method(outcome: Outcome, effect: Effect) -> str:
        return f"{text.estimator(effect.estimator, outcome.words)} ({text.average(effect.estimand, outcome)})"

    return Table.of(
        caption,
        effects,
        {
            "Outcome": lambda row: row[1],
            "Data": lambda row: data_name(row[2].source),
            "Difference": lambda row: text.difference(row[2].estimate, row[0].show),
            "95 % interval": lambda row: text.interval(row[2].ci_low, row[2].ci_high, row[0].show),
            "p": lambda row: text.p_value_of(row[2]),
            "Estimator, estimand": lambda row: method(row[0], row[2]),
            f"Units in {effects[0][0].words.clusters}": lambda row: rests_on(row[2]),
            "ICC": lambda row: text.decimal(row[2].icc, 3),
        },
        source=joint_source(effect.source for _, _, effect in effects),
    )


def changes_table(changes: Sequence[Change], outcome: Outcome, arm_labels: dict[str, str]) -> Table:
    """Before-after change by arm: a description, with no test of its own."""
    return Table.of(
        f"{outcome.label}: before and after, by arm",
        changes,
        {
            "Data": lambda one: data_name(one.source),
            "Arm": lambda one: arm_labels[one.arm],
            "Before": lambda one: text.level(one.before, outcome.show),
            "After": lambda one: text.level(one.after, outcome.show),
            "Change": lambda one: text.difference(one.change, outcome.show),
            "n": lambda one: text.count(one.n),
        },
        source=(source := joint_source(change.source for change in changes)),
        note=invented_arms(source),
    )


def icc_table(values: Sequence[tuple[Outcome, Icc]]) -> Table:
    """Intraclass correlation of outcomes with their intervals; negative estimates are shown."""
    return Table.of(
        f"Intraclass correlation by {values[0][0].words.cluster}",
        values,
        {
            "Outcome": lambda row: row[0].label,
            "Data": lambda row: data_name(row[1].source),
            "ICC": lambda row: text.decimal(row[1].estimate, 4),
            "95 % interval": lambda row: text.limits(row[1].ci_low, row[1].ci_high, 4),
            "Mean size (n0)": lambda row: text.decimal(row[1].mean_size, 1),
        },
        source=joint_source(value.source for _, value in values),
    )


def sizes_table(sizes: Sizes, grid: Sequence[float], words: Words) -> Table:
    """How unequal the clusters are, and the design effect that follows; none is named."""
    rows = [
        (words.clusters.capitalize(), text.count(sizes.n_offices)),
        ("Mean size", text.decimal(sizes.mean, 1)),
        ("Coefficient of variation", text.decimal(sizes.cv, 2)),
    ]
    for icc in grid:
        effect = text.decimal(variance_inflation(sizes.mean, sizes.cv, icc), 2)
        rows.append((f"Design effect at ICC {text.decimal(icc, 2)}", effect))
    caption = f"{sizes.table.capitalize()} by {words.cluster}"
    return Table(caption, ("What", "Value"), tuple(rows), source=sizes.source)


def recruitment_table(found: Sequence[RecruitmentDiagnostic], arm_labels: dict[str, str], words: Words) -> Table:
    """Recruitment diagnostics: means of the clusters' means by arm, and how often the draw alone gives such a gap."""
    number = f"number in each {words.cluster}"
    rows = tuple(
        (
            number if one.characteristic == UNITS else one.characteristic,
            text.decimal(one.mean_treated, 2),
            text.decimal(one.mean_other, 2),
            text.p_value_of(one),
        )
        for one in found
    )
    p_value = "Exact p" if all(one.exact for one in found) else "Randomisation p"
    columns = (f"Characteristic, mean of {words.cluster} means", *arm_labels.values(), p_value)
    return Table("Recruitment diagnostic: did the arm change who came?", columns, rows, source=found[0].source)


def equivalence_table(tested: Sequence[tuple[Outcome, str, Equivalence | None]]) -> Table:
    """Two one-sided tests against each outcome's margin, and the smallest margin that the data would support.

    Each entry is an outcome, its source, and the tests; None where disclosure control withholds the effect.
    """
    rows = []
    for outcome, source, test in tested:
        shown = [text.MISSING] * 4
        if test is not None:
            limits = text.interval(test.ci_low, test.ci_high, outcome.show)
            verdict, smallest = "yes" if test.is_equivalent else "no", text.amount(test.smallest_margin, outcome.show)
            shown = [limits, text.p_value(test.p_value), verdict, smallest]
        rows.append((outcome.label, data_name(source), text.amount(outcome.margin, outcome.show), *shown))
    columns = ("Outcome", "Data", "Assumed margin", "90 % interval", "p", "Inside?", "Smallest margin supported")
    source = joint_source(source for _, source, _ in tested)
    return Table("Equivalence: two one-sided tests", columns, tuple(rows), source=source)


def multiplicity_table(family: Sequence[Multiplicity], outcomes: dict[str, Outcome]) -> Table:
    """Several outcomes at once: randomisation p-values alone and adjusted, and intervals that hold for all together."""
    first, words = family[0], outcomes[family[0].outcome].words
    counted = f"{text.allocations(first)}{', all counted' if first.exact else ''}"
    return Table.of(
        f"Primary outcomes together, {counted}",
        family,
        {
            "Outcome": lambda one: outcomes[one.outcome].label,
            "Data": lambda one: data_name(one.source),
            f"Difference of {words.cluster} means": lambda one: text.difference(
                one.estimate, outcomes[one.outcome].show
            ),
            "Simultaneous 95 % interval": lambda one: text.interval(one.low, one.high, outcomes[one.outcome].show),
            "p alone": lambda one: text.p_value(one.p_value),
            "p, max-T": lambda one: text.p_value(one.p_max_t),
            "p, Holm": lambda one: text.p_value(one.p_holm),
        },
        source=joint_source(one.source for one in family),
    )
