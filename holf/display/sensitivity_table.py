"""How a conclusion changes with other methods or assumptions: each in a row of one table."""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress

from clustertrials.equivalence_tests import expected_regression
from holf.display import text
from holf.display.table import Cell, Table
from holf.record.plan import Outcome
from holf.record.source import RECORD, data_name, joint_source
from holf.study.answers import is_withheld
from holf.study.study import Study, StudyError

_BOUNDS = {
    "manski": "Bounds without covariate, whatever the missing are (Manski)",
    "lee": "Bounds without covariate, if the arm moved measurement one way (Lee)",
}


def robustness_table(studies: Sequence[Study], outcome: Outcome) -> Table:
    """Everything that could turn the verdict of one outcome at its first time, a row each, a column a study."""
    columns = [dict(_rows(study, outcome)) for study in studies]
    labels = list(dict.fromkeys(label for column in columns for label in column))
    rows = tuple((label, *(column.get(label, text.MISSING) for column in columns)) for label in labels)
    names = tuple(data_name(study.source) for study in studies)
    source = joint_source(study.source for study in studies)
    caption = f"{outcome.label}: how the conclusion changes with other methods or assumptions"
    return Table(caption, ("What", *names), rows, source=source)


def _rows(study: Study, outcome: Outcome) -> list[tuple[str, str]]:
    """Labels and printed numbers for one study; a question without an answer in these data has no row."""
    rows = []
    for part in (_averages, _influence, _odds, _exact, _losses, _of_missing):
        with suppress(StudyError):
            rows += part(study, outcome)
    return rows


def _averages(study: Study, outcome: Outcome) -> list[tuple[str, str]]:
    icc = study.sanity(outcome.id).icc
    # With one unit each there is no correlation inside clusters, and an average over units is one over clusters.
    if not is_withheld(icc) and math.isnan(icc):
        return []
    gap = study.gap(outcome.id)
    label = _capital(f"{outcome.level} average minus {study.plan.words.cluster} average")
    return [(label, text.with_interval(gap.estimate, gap.ci_low, gap.ci_high, outcome.show))]


def _influence(study: Study, outcome: Outcome) -> list[tuple[str, str]]:
    found, words = study.influence(outcome.id), study.plan.words
    shift = f"Largest shift with one {words.cluster} left out, in standard errors"
    turns = f"{_capital(words.clusters)} without which the verdict of the test turns"
    return [
        (shift, text.decimal(found.largest_shift, 2)),
        (turns, text.share(found.n_significance_changes, found.n_clusters)),
    ]


def _odds(study: Study, outcome: Outcome) -> list[tuple[str, str]]:
    if outcome.type != "binary":
        return []
    odds = study.odds(outcome.id)
    limits = text.limits(odds.ci_low, odds.ci_high, 2)
    return [("Marginal odds ratio", text.with_limits(text.decimal(odds.estimate, 2), limits))]


def _exact(study: Study, outcome: Outcome) -> list[tuple[str, str]]:
    rows = []
    for test in study.exact(outcome.id):
        kind = "Exact p" if test.exact else "p by Monte Carlo"
        label = f"{kind}, {text.average(test.statistic, outcome)} ({text.allocations(test)})"
        rows.append((label, text.p_value(test.p_value)))
    return rows


def _losses(study: Study, outcome: Outcome) -> list[tuple[str, str]]:
    rows = []
    for loss in study.attrition(outcome.id):
        arm, share = study.plan.arms[loss.group]["label"], text.level(loss.share_lost, "percent")
        spread = f"{text.level(loss.office_mean, 'percent')}, SD {text.level(loss.office_sd, 'percent')}"
        rows.append((f"Not measured, {arm} (mean and SD of {study.plan.words.clusters})", f"{share} ({spread})"))
    return rows


def _of_missing(study: Study, outcome: Outcome) -> list[tuple[str, str]]:
    """What the missing outcomes could change."""
    name, show, rows = outcome.id, outcome.show, []
    if all(one.n_measured == one.n_expected for one in study.attrition(name)):
        return rows
    if "ipw" in outcome.also:
        effect = study.effect(name, estimator="ipw")
        weighted = text.with_interval(effect.estimate, effect.ci_low, effect.ci_high, show)
        rows.append(("Difference, weighted for missing outcomes", weighted))
    for bounds in study.bounds(name):
        rows.append((_BOUNDS[bounds.method], text.interval(bounds.lower, bounds.upper, show)))
    found = study.tipping(name)
    if is_withheld(found.slope):
        shifts = [found.slope]
    else:
        shifts = [shift for shift in (found.below, found.above) if shift is not None and math.isfinite(shift)]
    shown = [text.difference(shift, show) for shift in shifts]
    # One shift as the number that it is, two as words.
    said = shown[0] if len(shown) == 1 else " or ".join(shown) or "none does"
    return [*rows, ("Shift of the missing, treated arm, that turns the verdict", said)]


def _capital(label: str) -> str:
    return label[0].upper() + label[1:]


def regression_table(gaps: Sequence[float], correlations: Sequence[float], outcome: Outcome) -> Table:
    """Change to expect from regression to the mean alone, for families chosen because they lay below the average.

    `gaps` say how far below the average of those it was chosen from the group enters, in units of the outcome, and
    `correlations` are those of two measurements a year apart; all are assumed.
    """
    rows = tuple(
        (
            text.amount(gap, outcome.show),
            *(Cell(text.difference(expected_regression(-gap, 0.0, r), outcome.show), "assumed") for r in correlations),
        )
        for gap in gaps
    )
    columns = ("Gap to the average at entry", *(f"Correlation {text.decimal(r, 1)}" for r in correlations))
    caption = f"Assumed example, {outcome.label.lower()}: regression to the mean alone, with nothing done"
    return Table(caption, columns, rows, source=RECORD)
