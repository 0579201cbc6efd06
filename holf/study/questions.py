"""What a study can be asked: each function computes an answer from the rows, and says which rows lie behind it.

The rows stay inside the study. Disclosure control counts them before an answer on real data leaves.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from clustertrials.cluster_means import adjusted_cluster_means
from clustertrials.equivalence_tests import holm
from clustertrials.estimators import estimate_effect, within_cluster_difference
from clustertrials.influence import recruitment_diagnostics
from clustertrials.intraclass import icc as icc_of
from clustertrials.missing import attrition_by_arm
from clustertrials.randomisation import randomisation_test
from clustertrials.trial import read_trial
from clustertrials.weighting import inverse_probability_weights, weighted_effect
from holf.record.flow import count_flow, load_flow
from holf.record.plan import Outcome
from holf.study.answers import Attrition, Change, Level, Multiplicity, Sizes
from holf.study.tables import Rows


@dataclass(frozen=True)
class Answered:
    """An answer, and by name of the cell the rows that each of its numbers rests on.

    Attributes
    ----------
    answer : frozen dataclass
    behind : dict of str to DataFrame
        One row a unit, with the columns unit and the keys above it; value and baseline where the answer rests on them.
        A count stands under the name of its field, such as ``"n_units"``; the groups that a comparison rests on under
        ``"treated"`` and ``"other"``, one that is not a comparison under ``""``.
    table : str
        Table whose rows are the units.
    """

    answer: Any
    behind: dict[str, pd.DataFrame] = field(repr=False)
    table: str = ""


def flow(rows: Rows) -> list[Answered]:
    """Participant flow, in all and by arm of the office."""
    arms, boxes = list(rows.plan.main.arms), load_flow()
    frames = {name: rows.with_arm(name) for name in {box.table for box in boxes}}
    counted, behind = count_flow(boxes, frames, arms=arms), {}
    for box in boxes:
        unit, *above = rows.keys(box.table)
        frame = frames[box.table][box.holds(frames[box.table])][[*dict.fromkeys([unit, *above]), "arm"]]
        frame = frame.assign(unit=frame[unit], table=box.table)
        behind |= {box.id: frame} | {f"{box.id}/{arm}": frame[frame["arm"] == arm] for arm in arms}
    return [Answered(counted, behind)]


def sizes(rows: Rows, *, table: str, arm: str | None, contrast: str) -> list[Answered]:
    """How many rows of a table the offices have."""
    compared = rows.plan.contrast(contrast)
    group = compared.group[1]
    frame = rows.population(table, compared, [group, *rows.keys(table)])
    frame = frame if arm is None else frame[frame[group] == arm]
    counts = frame[rows.cluster].value_counts().to_numpy(float)
    found = Sizes(table, arm or "", len(counts), float(counts.mean()), float(counts.std() / counts.mean()))
    return [Answered(found, {"": frame.assign(unit=frame[rows.schema.key(table)])}, table)]


def baseline(rows: Rows, *, contrast: str) -> list[Answered]:
    """Means at baseline by arm, of the schema's characteristics and of every outcome measured then."""
    compared = rows.plan.contrast(contrast)
    group = compared.group[1]
    before, answers = rows.plan.baseline, []
    for table, column, label, show in rows.characteristics:
        if not rows.has_groups(table, compared):
            continue
        frame = rows.population(table, compared, [column, group, *rows.keys(table)])
        frame = frame.assign(unit=frame[rows.schema.key(table)], value=frame[column].astype(float), group=frame[group])
        answers += [_level(frame, table, label, arm, before or "", show) for arm in compared.arms]
    measured = [one for one in rows.plan.outcomes.values() if rows.has_groups(rows.unit_table(one), compared)]
    for outcome in measured if before else ():
        found = levels(rows, outcome=outcome.id, contrast=contrast)
        answers += [one for one in found if one.answer.wave == before]
    return answers


def levels(rows: Rows, *, outcome: str, contrast: str) -> list[Answered]:
    """Mean (share) of the outcome by group and wave, baseline first, over everyone measured at that wave."""
    what, compared = rows.plan.outcome(outcome), rows.plan.contrast(contrast)
    answers = []
    before = [rows.plan.baseline] if rows.plan.baseline else []
    for wave in (*before, *what.waves):
        frame = rows.values(what, wave, compared)
        answers += [_level(frame, rows.unit_table(what), what.label, group, wave, what.show) for group in compared.arms]
    return answers


def _level(frame: pd.DataFrame, table: str, label: str, group: str, wave: str, show: str) -> Answered:
    frame = frame[(frame["group"] == group) & frame["value"].notna()]
    values, n = frame["value"].astype(float), len(frame)
    mean = float(values.mean()) if n else np.nan
    sd = float(values.std(ddof=1)) if n > 1 else np.nan
    return Answered(Level(label, group, wave, mean, sd, n, show), {"n": frame}, table)


def recruitment(rows: Rows, *, table: str) -> list[Answered]:
    """Those who took part, by arm: how many an office, and who, with p-values against the offices' draw."""
    labels = {column: label for name, column, label, _ in rows.characteristics if name == table}
    model = rows.plan.main
    frame = rows.population(table, model, [*labels, model.group[1], *rows.keys(table)]).rename(columns=labels)
    frame = frame.astype(dict.fromkeys(labels.values(), float))
    offices = {"arm": model.group[1], "cluster": rows.cluster, "treated": model.treated[0]}
    frame = frame.assign(unit=frame[rows.schema.key(table)], treated=frame[model.group[1]] == model.treated[0])
    found = recruitment_diagnostics(frame, list(labels.values()), **offices)
    return [Answered(one, arms(_with_value(frame, one.characteristic)), table) for one in found]


def _with_value(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows that have a value in the column, which becomes ``value``; all rows where it is none of the frame's."""
    return frame.assign(value=frame[column]).dropna(subset=["value"]) if column in frame else frame


def effect(
    rows: Rows, *, outcome: str, wave: str, estimator: str, contrast: str, adjusted: bool, level: float
) -> list[Answered]:
    """Difference between the compared groups, treated minus other."""
    what, compared = rows.plan.outcome(outcome), rows.plan.contrast(contrast)
    asked = {"arm": "treated", "cluster": rows.cluster, "treated": 1, "level": level}
    covariates = what.covariates if adjusted else ()
    frame = rows.analysis(what, wave, compared)
    if estimator == "within_cluster_difference":
        found, covariates = within_cluster_difference(frame, "value", **asked), ()
    elif estimator == "ipw":
        frame, known = rows.everyone(what, wave, compared)
        frame = frame.assign(observed=frame[["value", *covariates]].notna().all(axis=1).astype(float))
        weights = inverse_probability_weights(frame, observed="observed", predictors=["treated", *known])
        found = weighted_effect(frame, "value", weights=weights.values, covariates=covariates, **asked)
    else:
        found = estimate_effect(frame, "value", estimator=estimator, covariates=covariates, **asked)
    is_used = frame[["value", *covariates]].notna().all(axis=1)
    if estimator == "within_cluster_difference":
        both = frame[is_used].groupby(rows.cluster)["treated"].nunique() == 2
        is_used &= frame[rows.cluster].map(both).fillna(False).astype(bool)
    behind = arms(frame[is_used]) | {"n_dropped": frame[~is_used]}
    return [Answered(found, behind, rows.unit_table(what))]


def multiplicity(rows: Rows, *, kind: str) -> list[Answered]:
    """Family-wise p-values over the first waves of all outcomes of one kind, from the offices' residual means."""
    named = [outcome for outcome in rows.plan.outcomes.values() if outcome.kind == kind]
    trials = [office_trial(rows, outcome, outcome.waves[0]) for outcome in named]
    table = pd.concat(
        [pd.Series(adjusted_cluster_means(trial), index=offices) for trial, offices, _ in trials], axis=1, join="inner"
    )
    first, offices, _ = trials[0]
    arm = pd.Series(first.treated_clusters, index=offices).reindex(table.index)
    found = randomisation_test(table.to_numpy(), arm.to_numpy())
    columns = zip(
        found.statistic,
        found.p_value,
        found.p_value_adjusted,
        holm(found.p_value),
        found.simultaneous_low,
        found.simultaneous_high,
    )
    return [
        Answered(
            Multiplicity(outcome.id, outcome.waves[0], *map(float, numbers), found.n_allocations, found.exact),
            arms(frame),
            rows.unit_table(outcome),
        )
        for outcome, (_, _, frame), numbers in zip(named, trials, columns)
    ]


def change(rows: Rows, *, outcome: str, arm: str, wave: str, contrast: str) -> list[Answered]:
    """Change from baseline to `wave` in one arm, over those measured both times: description, not an effect."""
    what, compared = rows.plan.outcome(outcome), rows.plan.contrast(contrast)
    frame = rows.analysis(what, wave, compared).dropna(subset=["value", "baseline"])
    frame = frame[frame["group"] == arm]
    if frame.empty:
        raise ValueError(f"{outcome} {wave}: nobody in group {arm!r} was measured both times")
    before, after = float(frame["baseline"].mean()), float(frame["value"].mean())
    answer = Change(outcome, arm, wave, before, after, after - before, len(frame))
    return [Answered(answer, {"n": frame}, rows.unit_table(what))]


def icc(rows: Rows, *, outcome: str, wave: str, contrast: str) -> list[Answered]:
    """Intraclass correlation of the outcome by office, inside arms."""
    what = rows.plan.outcome(outcome)
    frame = rows.analysis(what, wave, rows.plan.contrast(contrast)).dropna(subset=["value"])
    return [Answered(icc_of(frame, "value", cluster=rows.cluster, arm="group"), arms(frame), rows.unit_table(what))]


def attrition(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """For each arm, how many should have been measured at `wave`, how many were, and how offices differ in it."""
    what, compared = rows.plan.outcome(outcome), rows.plan.main
    frame, _ = rows.everyone(what, wave, compared)
    losses = attrition_by_arm(frame, "value", arm="treated", cluster=rows.cluster, treated=1)
    answers = []
    for group, loss, is_treated in zip((compared.treated[0], compared.other[0]), losses, (1, 0)):
        mine = frame[frame["treated"] == is_treated]
        answer = Attrition(
            outcome, group, wave, loss.n_units, loss.n_units - loss.n_missing, loss.cluster_mean, loss.cluster_sd
        )
        known = mine["value"].notna()
        behind = {"n_expected": mine, "n_measured": mine[known], "n_missing": mine[~known]}
        answers.append(Answered(answer, behind, rows.unit_table(what)))
    return answers


def office_trial(rows: Rows, outcome: Outcome, wave: str) -> tuple:
    """The checked trial of one outcome with the plan's covariates, its offices in order, and the rows used."""
    frame = rows.analysis(outcome, wave, rows.plan.main).dropna(subset=["value", *outcome.covariates])
    trial = read_trial(frame, "value", arm="treated", cluster=rows.cluster, treated=1, covariates=outcome.covariates)
    return trial, pd.factorize(frame[rows.cluster])[1], frame


def arms(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows behind a comparison: all of them, and each side of it by the 0/1 column ``treated``."""
    return {"n_units": frame, "treated": frame[frame["treated"] == 1], "other": frame[frame["treated"] == 0]}
