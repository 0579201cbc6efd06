"""What an answer hangs on, in one table: estimand, cluster, allocation and missing data, each in a row of its own."""

from __future__ import annotations

import math
from collections.abc import Sequence

from clustertrials.equivalence_tests import expected_regression
from clustertrials.estimands import EstimandGap
from clustertrials.influence import Influence
from clustertrials.missing import Bounds, TippingPoint
from clustertrials.odds import OddsRatio
from clustertrials.results import Effect
from holf.display import text
from holf.display.sentences import Sentence
from holf.display.table import Cell, Table
from holf.record.plan import Outcome, Words
from holf.record.source import RECORD, data_name, joint_source
from holf.study.answers import Attrition, ExactTest, Sanity, is_withheld
from holf.study.study import Study


def robustness_table(studies: Sequence[Study], outcome: Outcome, wave: str | None = None) -> Table:
    """Everything that could turn the verdict of one outcome, a row each, a column a study."""
    columns = [dict(_rows(study, outcome, wave)) for study in studies]
    labels = list(dict.fromkeys(label for column in columns for label in column))
    rows = tuple((label, *(column.get(label, text.MISSING) for column in columns)) for label in labels)
    names = tuple(data_name(study.source) for study in studies)
    source = joint_source(study.source for study in studies)
    return Table(f"{outcome.label}: what the answer hangs on", ("What", *names), rows, source=source)


def _rows(study: Study, outcome: Outcome, wave: str | None) -> list[tuple[str, str]]:
    words = study.plan.words
    # With one unit each, an average over units is one over clusters, and the two have no gap.
    rows = [] if _one_each(study.sanity(outcome.id, wave)) else [_of_gap(study.gap(outcome.id, wave), outcome)]
    rows += _of_influence(study.influence(outcome.id, wave), words)
    if outcome.type == "binary":
        rows.append(_of_odds(study.odds(outcome.id, wave)))
    rows += [_of_exact(one, outcome) for one in study.exact(outcome.id, wave)]
    losses = study.attrition(outcome.id, wave)
    rows += [_of_attrition(one, study) for one in losses]
    if any(one.n_measured != one.n_expected for one in losses):
        if "ipw" in outcome.also:
            rows.append(_of_weighted(study.effect(outcome.id, wave, estimator="ipw"), outcome))
        rows += [_of_bounds(one, outcome) for one in study.bounds(outcome.id, wave)]
        rows.append(_of_tipping(study.tipping(outcome.id, wave), outcome))
    return rows


def _one_each(found: Sanity) -> bool:
    """Whether every cluster has one unit: the correlation inside clusters then does not exist."""
    return not is_withheld(found.icc) and math.isnan(found.icc)


def _capital(label: str) -> str:
    return label[0].upper() + label[1:]


def _of_gap(gap: EstimandGap, outcome: Outcome) -> tuple[str, str]:
    label = f"{outcome.level} average minus {outcome.words.cluster} average"
    return _capital(label), text.with_interval(gap.estimate, gap.ci_low, gap.ci_high, outcome.show)


def _of_influence(found: Influence, words: Words) -> list[tuple[str, str]]:
    return [
        (f"Largest shift with one {words.cluster} left out, in standard errors", text.decimal(found.largest_shift, 2)),
        (
            f"{_capital(words.clusters)} without which the verdict of the test turns",
            text.share(found.n_significance_changes, found.n_clusters),
        ),
    ]


def _of_odds(found: OddsRatio) -> tuple[str, str]:
    limits = text.limits(found.ci_low, found.ci_high, 2)
    return "Marginal odds ratio", text.with_limits(text.decimal(found.estimate, 2), limits)


def _of_exact(found: ExactTest, outcome: Outcome) -> tuple[str, str]:
    kind = "Exact p" if found.exact else "p by Monte Carlo"
    label = f"{kind}, {text.average(found.statistic, outcome)} ({text.allocations(found)})"
    return label, text.p_value(found.p_value)


def _of_attrition(loss: Attrition, study: Study) -> tuple[str, str]:
    label = study.plan.arms[loss.group]["label"]
    spread = f"{text.level(loss.office_mean, 'percent')}, SD {text.level(loss.office_sd, 'percent')}"
    label = f"Not measured, {label} (mean and SD of {study.plan.words.clusters})"
    return label, f"{text.level(loss.share_lost, 'percent')} ({spread})"


def _of_weighted(effect: Effect, outcome: Outcome) -> tuple[str, str]:
    label = "Difference, weighted for missing outcomes"
    return label, text.with_interval(effect.estimate, effect.ci_low, effect.ci_high, outcome.show)


def _of_bounds(found: Bounds, outcome: Outcome) -> tuple[str, str]:
    label = {
        "manski": "Bounds without covariate, whatever the missing are (Manski)",
        "lee": "Bounds without covariate, if the arm moved measurement one way (Lee)",
    }[found.method]
    return label, text.interval(found.lower, found.upper, outcome.show)


def _of_tipping(found: TippingPoint, outcome: Outcome) -> tuple[str, str]:
    label = "Shift of the missing, treated arm, that turns the verdict"
    if is_withheld(found.slope):
        return label, text.difference(found.slope, outcome.show)
    shifts = [shift for shift in (found.below, found.above) if shift is not None and math.isfinite(shift)]
    return label, _either([text.difference(shift, outcome.show) for shift in shifts])


def _either(shifts: Sequence[str]) -> str:
    """One shift as the number that it is, two as words."""
    return shifts[0] if len(shifts) == 1 else " or ".join(shifts) or "none does"


def sanity_sentence(study: Study, outcome: Outcome, wave: str | None = None) -> Sentence:
    """One line on what the effect rests on."""
    found, words = study.sanity(outcome.id, wave), study.plan.words
    icc = "one unit each, so no ICC" if _one_each(found) else f"ICC {text.decimal(found.icc, 3)}"
    return Sentence(
        f"Rests on {found.n_treated} and {found.n_other} {words.clusters}, "
        f"fewest measured in one {words.cluster}: {text.count(found.smallest)}; {icc}, "
        f"design effect {text.decimal(found.design_effect, 2)}, {text.decimal(found.df, 1)} degrees of freedom.",
        study.source,
    )


def regression_table(gaps: Sequence[float], correlations: Sequence[float], outcome: Outcome) -> Table:
    """Change to expect from regression to the mean alone, for families chosen because they lay below the average.

    Parameters
    ----------
    gaps : sequence of float
        How far below the average of those it was chosen from the group enters, in units of the outcome; assumed.
    correlations : sequence of float
        Correlation of two measurements a year apart; assumed.
    outcome : Outcome
    """
    rows = tuple(
        (
            text.amount(gap, outcome.show),
            *(Cell(text.difference(expected_regression(-gap, 0.0, r), outcome.show), "assumed") for r in correlations),
        )
        for gap in gaps
    )
    columns = ("Gap to the average at entry", *(f"Correlation {text.decimal(r, 1)}" for r in correlations))
    caption = f"{outcome.label}: change to expect from regression to the mean alone, with nothing done"
    return Table(caption, columns, rows, source=RECORD)
