"""The book's tables: each function turns facts or answers into a Table, and computes nothing."""

from __future__ import annotations

from collections.abc import Sequence

from clustertrials.equivalence_tests import Equivalence
from clustertrials.influence import UNITS, RecruitmentDiagnostic
from clustertrials.intraclass import variance_inflation
from clustertrials.results import Effect, Icc
from holf.display import text
from holf.display.table import Cell, Table
from holf.record.flow import Flow
from holf.record.plan import Outcome, Words
from holf.record.source import data_name, joint_source
from holf.study.answers import Attrition, Change, Level, Multiplicity, Sizes


def published_flow_table(published: Flow, counted: Flow, arm_labels: dict[str, str]) -> Table:
    """Stages of the flow with the published count beside the counts of a study, in all and by arm."""
    word = "Simulated" if counted.source.startswith("simulated") else "Counted"
    rows = []
    for record, simulated in zip(published.counts, counted.counts):
        known = Cell(text.flow_count(record), record.kind, record.box.fact if record.total is not None else "")
        arms = (text.count(simulated.by_arm[arm]) for arm in arm_labels)
        rows.append((simulated.stage, known, text.flow_count(simulated), *arms))
    columns = ("Stage", "Published", word, *(f"{word}, {label}" for label in arm_labels.values()))
    return Table("The flow as published, and as counted in a study", columns, tuple(rows), source=counted.source)


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
    return Table(
        "Baseline by arm: share, or mean (SD)",
        ("Characteristic", *arm_labels.values()),
        tuple((label, *(cells[arm] for arm in arm_labels)) for label, cells in rows.items()),
        source=levels[0].source,
    )


def attrition_table(losses: Sequence[Attrition], outcomes: dict[str, Outcome], arm_labels: dict[str, str]) -> Table:
    """Who was measured, by outcome and arm."""
    rows = tuple(
        (
            outcomes[loss.outcome].label,
            loss.wave,
            arm_labels[loss.group],
            text.count(loss.n_expected),
            text.count(loss.n_measured),
            text.level(loss.share_lost, "percent"),
        )
        for loss in losses
    )
    return Table(
        "Measured and lost, by arm",
        ("Outcome", "Wave", "Arm", "Expected", "Measured", "Lost"),
        rows,
        source=losses[0].source,
    )


def effects_table(effects: Sequence[tuple[Outcome, str, Effect]], caption: str) -> Table:
    """Difference, interval, p-value with its degrees of freedom, and what they rest on; one row an effect."""
    rows = []
    for outcome, label, effect in effects:
        words = outcome.words
        rows.append(
            (
                label,
                data_name(effect.source),
                text.difference(effect.estimate, outcome.show),
                text.interval(effect.ci_low, effect.ci_high, outcome.show),
                text.p_value_of(effect),
                f"{text.estimator(effect.estimator, words)} ({text.average(effect.estimand, outcome)})",
                text.printed(
                    "{number} in {in}", **{"number": text.count(effect.n_units), "in": text.count(effect.n_clusters)}
                ),
                text.decimal(effect.icc, 3),
            )
        )
    clusters = effects[0][0].words.clusters
    return Table(
        caption,
        ("Outcome", "Data", "Difference", "95 % interval", "p", "Estimator, estimand", f"Units in {clusters}", "ICC"),
        tuple(rows),
        source=joint_source([effect.source for _, _, effect in effects]),
    )


def changes_table(changes: Sequence[Change], outcome: Outcome, arm_labels: dict[str, str]) -> Table:
    """Before-after change by arm: a description, with no test of its own."""
    rows = tuple(
        (
            data_name(change.source),
            arm_labels[change.arm],
            text.level(change.before, outcome.show),
            text.level(change.after, outcome.show),
            text.difference(change.change, outcome.show),
            text.count(change.n),
        )
        for change in changes
    )
    return Table(
        f"{outcome.label}: before and after, by arm",
        ("Data", "Arm", "Before", "After", "Change", "n"),
        rows,
        source=joint_source([change.source for change in changes]),
    )


def icc_table(values: Sequence[tuple[Outcome, Icc]]) -> Table:
    """Intraclass correlation of outcomes with their intervals; negative estimates are shown."""
    rows = tuple(
        (
            outcome.label,
            data_name(value.source),
            text.decimal(value.estimate, 3),
            text.limits(value.ci_low, value.ci_high, 3),
            text.decimal(value.mean_size, 1),
        )
        for outcome, value in values
    )
    return Table(
        f"Intraclass correlation by {values[0][0].words.cluster}",
        ("Outcome", "Data", "ICC", "95 % interval", "Mean size (n0)"),
        rows,
        source=joint_source([value.source for _, value in values]),
    )


def sizes_table(sizes: Sizes, grid: Sequence[float], words: Words) -> Table:
    """How unequal the clusters are, and the design effect that follows; none is named."""
    rows = (
        (words.clusters.capitalize(), text.count(sizes.n_offices)),
        ("Mean size", text.decimal(sizes.mean, 1)),
        ("Coefficient of variation", text.decimal(sizes.cv, 2)),
        *(
            (
                f"Design effect at ICC {text.decimal(icc, 2)}",
                text.decimal(variance_inflation(sizes.mean, sizes.cv, icc), 2),
            )
            for icc in grid
        ),
    )
    return Table(f"{sizes.table.capitalize()} by {words.cluster}", ("What", "Value"), rows, source=sizes.source)


def recruitment_table(found: Sequence[RecruitmentDiagnostic], arm_labels: dict[str, str], words: Words) -> Table:
    """Recruitment diagnostics: means of the clusters' means by arm, and how often the draw alone gives such a gap."""
    rows = tuple(
        (
            f"number in each {words.cluster}" if one.characteristic == UNITS else one.characteristic,
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
        shown = (text.MISSING,) * 4
        if test is not None:
            limits, verdict = (
                text.interval(test.ci_low, test.ci_high, outcome.show),
                "yes" if test.is_equivalent else "no",
            )
            shown = (limits, text.p_value(test.p_value), verdict, text.amount(test.smallest_margin, outcome.show))
        rows.append((outcome.label, data_name(source), text.amount(outcome.margin, outcome.show), *shown))
    columns = ("Outcome", "Data", "Assumed margin", "90 % interval", "p", "Inside?", "Smallest margin supported")
    source = joint_source(source for _, source, _ in tested)
    return Table("Equivalence: two one-sided tests", columns, tuple(rows), source=source)


def multiplicity_table(family: Sequence[Multiplicity], outcomes: dict[str, Outcome]) -> Table:
    """Several outcomes at once: randomisation p-values alone and adjusted, and intervals that hold for all together."""
    rows = tuple(
        (
            outcomes[one.outcome].label,
            data_name(one.source),
            text.difference(one.estimate, outcomes[one.outcome].show),
            text.interval(one.low, one.high, outcomes[one.outcome].show),
            text.p_value(one.p_value),
            text.p_value(one.p_max_t),
            text.p_value(one.p_holm),
        )
        for one in family
    )
    first, words = family[0], outcomes[family[0].outcome].words
    counted = f"{text.allocations(first)}{', all counted' if first.exact else ''}"
    return Table(
        f"Primary outcomes together, {counted}",
        (
            "Outcome",
            "Data",
            f"Difference of {words.cluster} means",
            "Simultaneous 95 % interval",
            "p alone",
            "p, max-T",
            "p, Holm",
        ),
        rows,
        source=joint_source([one.source for one in family]),
    )
