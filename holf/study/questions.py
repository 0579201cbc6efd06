"""The questions for a study: each computes an answer from the rows, and names the rows behind each number.

The rows stay inside the study. Disclosure control counts them before an answer on real data leaves.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from statsmodels.stats.multitest import multipletests

from clustertrials.cluster_means import adjusted_cluster_means
from clustertrials.estimands import estimand_gap
from clustertrials.estimators import INDIVIDUAL, estimate_effect, within_cluster_difference
from clustertrials.influence import leave_one_out, recruitment_diagnostics
from clustertrials.intraclass import anova_icc, design_effect
from clustertrials.intraclass import icc as icc_of
from clustertrials.missing import attrition_by_arm, lee_bounds, manski_bounds, tipping_point
from clustertrials.randomisation import adjusted_randomisation_test, randomisation_test
from clustertrials.ratios import ratio
from clustertrials.results import Effect, Ratio, TrialWarning
from clustertrials.trial import read_trial
from clustertrials.weighting import inverse_probability_weights, weighted_effect
from holf.record.flow import count_flow, load_flow
from holf.record.plan import Contrast, Outcome, Plan
from holf.record.schema import Schema
from holf.study.answers import Attrition, Change, ExactTest, Level, Multiplicity, Sanity, Sizes
from holf.study.study import Study, StudyError
from holf.study.tables import Rows


@dataclass(frozen=True)
class Answered:
    """An answer, and by name of the cell the rows that each of its numbers rests on.

    The rows have one a unit, with the columns unit and the keys above it; value and baseline where the answer rests on
    them. A count's rows stand under the name of its field, such as ``"n_units"``, the groups that a comparison rests on
    under ``"treated"`` and ``"other"``, one that is not a comparison under ``""``. `table` is the one whose rows are
    the units.
    """

    answer: Any
    behind: dict[str, pd.DataFrame] = field(repr=False)
    table: str = ""


def _generator(*asked: str) -> np.random.Generator:
    """For trials with too many allocations to count: the same question draws the same sample of them."""
    return np.random.default_rng(list(" ".join(asked).encode()))


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
    """Means at baseline by arm, of the schema's characteristics; `levels` has those of an outcome."""
    compared = rows.plan.contrast(contrast)
    group, answers = compared.group[1], []
    for table, column, label, show in rows.characteristics:
        if not rows.has_groups(table, compared):
            continue
        frame = rows.population(table, compared, [column, group, *rows.keys(table)])
        frame = frame.assign(unit=frame[rows.schema.key(table)], value=frame[column].astype(float), group=frame[group])
        answers += [_level(frame, table, label, arm, rows.plan.baseline or "", show) for arm in compared.arms]
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
    offices = {"arm": model.group[1], "cluster": rows.cluster, "treated": model.treated[0], "strata": rows.strata}
    frame = frame.assign(unit=frame[rows.schema.key(table)], treated=frame[model.group[1]] == model.treated[0])
    found = recruitment_diagnostics(frame, list(labels.values()), **offices, rng=_generator("recruitment"))
    return [Answered(one, arms(_with_value(frame, one.characteristic)), table) for one in found]


def _with_value(frame: pd.DataFrame, column: str) -> pd.DataFrame:
    """The rows that have a value in the column, copied to ``value``; all rows if the frame has no such column."""
    return frame.assign(value=frame[column]).dropna(subset=["value"]) if column in frame else frame


def effect(
    rows: Rows, *, outcome: str, wave: str, estimator: str, contrast: str, adjusted: bool, level: float
) -> list[Answered]:
    """Difference between the compared groups, treated minus other."""
    what, compared = rows.plan.outcome(outcome), rows.plan.contrast(contrast)
    asked = {"arm": "treated", "cluster": rows.cluster, "treated": 1, "level": level}
    strata = {"strata": rows.strata}
    covariates = what.covariates if adjusted else ()
    frame = rows.analysis(what, wave, compared)
    if estimator == "within_cluster_difference":
        found, covariates = within_cluster_difference(frame, "value", **asked), ()
    elif estimator == "ipw":
        frame, known = rows.everyone(what, wave, compared)
        frame = frame.assign(observed=frame[["value", *covariates]].notna().all(axis=1).astype(float))
        weights = inverse_probability_weights(frame, observed="observed", predictors=["treated", *known])
        found = weighted_effect(frame, "value", weights=weights.values, covariates=covariates, **asked, **strata)
    else:
        if estimator == "randomisation":
            asked["rng"] = _generator(outcome, wave)
        found = estimate_effect(frame, "value", estimator=estimator, covariates=covariates, **asked, **strata)
    is_used = frame[["value", *covariates]].notna().all(axis=1)
    if estimator == "within_cluster_difference":
        both = frame[is_used].groupby(rows.cluster)["treated"].nunique() == 2
        is_used &= frame[rows.cluster].map(both).fillna(False).astype(bool)
    used = frame[is_used]
    dropped = _dropped(rows, what, wave, compared, used)
    named = replace(_named(found, what, compared), n_dropped=len(dropped))
    return [Answered(named, arms(used) | {"n_dropped": dropped}, rows.unit_table(what))]


def _named(found: Effect | Ratio, outcome: Outcome, compared: Contrast) -> Effect | Ratio:
    """The answer with the names of the plan in place of those of the analysed columns."""
    treated, other = (", ".join(side) for side in (compared.treated, compared.other))
    return replace(found, outcome=outcome.label, treated=treated, other=other)


def multiplicity(rows: Rows, *, kind: str) -> list[Answered]:
    """Family-wise p-values over the first waves of all outcomes of one kind, from the offices' residual means."""
    named = [outcome for outcome in rows.plan.outcomes.values() if outcome.kind == kind]
    trials = [office_trial(rows, outcome, outcome.waves[0]) for outcome in named]
    table = pd.concat([means for _, means, _ in trials], axis=1, join="inner")
    first, means, _ = trials[0]
    arm = pd.Series(first.treated_clusters, index=means.index).reindex(table.index)
    strata = None if first.strata is None else pd.Series(first.strata, index=means.index).reindex(table.index)
    found = randomisation_test(table.to_numpy(), arm.to_numpy(), strata=strata, rng=_generator(kind))
    by_holm = multipletests(found.p_value, method="holm")[1]
    numbers = zip(found.statistic, found.p_value, found.p_value_adjusted, by_holm,
                  found.simultaneous_low, found.simultaneous_high)  # fmt: skip
    answers = []
    for outcome, (_, _, frame), mine in zip(named, trials, numbers):
        answer = Multiplicity(outcome.id, outcome.waves[0], *map(float, mine), found.n_allocations, found.exact)
        answers.append(Answered(answer, arms(frame), rows.unit_table(outcome)))
    return answers


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
    """The checked trial of one outcome with the plan's covariates, its offices' adjusted means, and the rows used."""
    frame, asked = _analysis(rows, outcome.id, wave)
    trial = read_trial(frame, "value", **asked)
    # Whoever compares these means takes account of the strata.
    means = adjusted_cluster_means(trial.without_strata())
    return trial, pd.Series(means, index=pd.factorize(frame[rows.cluster])[1]), frame


def arms(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows behind a comparison: all of them, and each side of it by the 0/1 column ``treated``."""
    return {"n_units": frame, "treated": frame[frame["treated"] == 1], "other": frame[frame["treated"] == 0]}


def _sides(frame: pd.DataFrame, name: str) -> dict[str, pd.DataFrame]:
    return {f"{name}_{side}": rows for side, rows in arms(frame).items() if side != "n_units"}


def gap(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """Family-average effect minus office-average effect."""
    _require_no_strata(rows)
    frame, asked = _analysis(rows, outcome, wave)
    del asked["strata"]
    return [_with_dropped(rows, outcome, wave, frame, estimand_gap(frame, "value", **asked))]


def odds(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """Marginal odds ratio of a 0/1 outcome, to stand beside the risk difference."""
    what, asked = rows.plan.outcome(outcome), {"measure": "odds", "estimator": "jackknife"}
    frame, roles = _analysis(rows, outcome, wave)
    try:
        found = ratio(frame, "value", **asked, **roles)
    except ValueError:
        if what.type != "binary":
            raise
        # To give no answer would tell more than to withhold one: that an arm has next to no event.
        n_clusters, n_units = frame[rows.cluster].nunique(), len(frame)
        counts = {"n_units": n_units, "n_clusters": n_clusters, "n_dropped": 0}
        found = Ratio(*[np.nan] * 8, **asked, estimand=INDIVIDUAL, **counts, level=0.95)
    return [_with_dropped(rows, outcome, wave, frame, _named(found, what, rows.plan.main))]


def influence(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """How much the effect depends on any single office, without showing one."""
    what = rows.plan.outcome(outcome)
    frame, asked = _analysis(rows, outcome, wave)
    found = leave_one_out(frame, "value", estimator=what.estimator, **asked)
    return [Answered(found, arms(frame), rows.unit_table(what))]


def exact(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """Exact p-values of four statistics over every allocation of the offices."""
    what = rows.plan.outcome(outcome)
    trial, means, frame = office_trial(rows, what, wave)
    means, treated, sizes = means.to_numpy(), trial.treated_clusters, trial.sizes
    asked = {"interval": False, "rng": _generator(outcome, wave), "strata": trial.strata}
    found = {
        "office means": randomisation_test(means, treated, **asked),
        "family means": randomisation_test(means, treated, weights=sizes, **asked),
        "Welch": randomisation_test(means, treated, statistic="welch", **asked),
    }
    if what.covariates and len(frame) > len(sizes):
        found["adjusted coefficient"] = adjusted_randomisation_test(
            frame["value"].to_numpy(),
            frame[list(what.covariates)].to_numpy(),
            cluster=frame[rows.cluster].to_numpy(),
            treated=frame["treated"].to_numpy(),
            **asked | {"strata": None if trial.strata is None else frame[rows.strata].to_numpy()},
        )
    answers = []
    for name, one in found.items():
        numbers = float(one.statistic), float(one.p_value), one.n_allocations, one.exact
        answers.append(Answered(ExactTest(outcome, wave, name, *numbers), arms(frame), rows.unit_table(what)))
    return answers


def bounds(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """Bounds on the effect with outcomes missing: by the ends of the scale where it has any, and Lee's."""
    what = rows.plan.outcome(outcome)
    _require_no_strata(rows)
    frame, _ = rows.everyone(what, wave, rows.plan.main)
    asked = {"arm": "treated", "cluster": rows.cluster, "treated": 1}
    ends = scale_ends(rows.schema, what, wave)
    found = [manski_bounds(frame, "value", lowest=ends[0], highest=ends[1], **asked)] if ends else []
    behind = arms(frame) | _sides(frame[frame["value"].isna()], "n_missing")
    return [Answered(one, behind, rows.unit_table(what)) for one in (*found, lee_bounds(frame, "value", **asked))]


def tipping(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """How far the missing values of the treated arm would have to differ from expectation to change the verdict."""
    what = rows.plan.outcome(outcome)
    _require_no_strata(rows)
    frame, _ = rows.everyone(what, wave, rows.plan.main)
    asked = {"arm": "treated", "cluster": rows.cluster, "treated": 1, "covariates": what.covariates}
    kept = frame.dropna(subset=list(what.covariates))
    missing = kept[kept["value"].isna() & (kept["treated"] == 1)]
    behind = arms(kept) | {"n_missing": missing, "n_dropped": frame[~frame.index.isin(kept.index)]}
    behind |= _sides(kept.dropna(subset=["value"]), "n_measured")
    return [Answered(tipping_point(frame, "value", **asked), behind, rows.unit_table(what))]


def sanity(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """What the effect rests on: offices by arm, the smallest office, ICC, design effect, degrees of freedom."""
    what = rows.plan.outcome(outcome)
    frame, asked = _analysis(rows, outcome, wave)
    trial, _, _ = office_trial(rows, what, wave)
    effect = estimate_effect(frame, "value", estimator=what.estimator, **asked)
    correlation, factor = np.nan, 1.0
    if len(trial.y) > len(trial.sizes):
        arm = trial.treated_clusters.astype(int)
        correlation = anova_icc(trial.y, trial.codes, arm, level=effect.level, outcome=what.label).estimate
        factor = design_effect(trial.sizes, max(correlation, 0.0))
    n_treated, smallest = int(trial.treated_clusters.sum()), int(trial.sizes.min())
    sides = n_treated, len(trial.sizes) - n_treated
    answer = Sanity(outcome, wave, *sides, smallest, float(correlation), factor, effect.df)
    return [Answered(answer, arms(frame), rows.unit_table(what))]


def scale_ends(schema: Schema, outcome: Outcome, wave: str) -> tuple[float, float] | None:
    """Lowest and highest value that the schema allows for an outcome; None where it sets no two ends."""
    if outcome.type == "binary":
        return 0.0, 1.0
    rules = schema.fields(outcome.table)[outcome.column.format(wave=wave)].get("constraints", {})
    return (rules["minimum"], rules["maximum"]) if {"minimum", "maximum"} <= rules.keys() else None


def _dropped(rows: Rows, outcome: Outcome, wave: str, contrast: Contrast, used: pd.DataFrame) -> pd.DataFrame:
    """Those who should have been measured and are not among the units used: the same ones for every method."""
    frame, _ = rows.everyone(outcome, wave, contrast)
    return frame[~frame["unit"].isin(used["unit"])]


def _with_dropped(rows: Rows, outcome: str, wave: str, used: pd.DataFrame, found: Any) -> Answered:
    """A comparison of complete rows, with those that are not among them: as many as an effect says."""
    what = rows.plan.outcome(outcome)
    dropped = _dropped(rows, what, wave, rows.plan.main, used)
    return Answered(replace(found, n_dropped=len(dropped)), arms(used) | {"n_dropped": dropped}, rows.unit_table(what))


def _require_no_strata(rows: Rows) -> None:
    if rows.strata:
        raise ValueError("its method takes no account of the strata")


def _analysis(rows: Rows, outcome: str, wave: str) -> tuple:
    """The rows of the planned analysis, and how the estimators are to read them."""
    what = rows.plan.outcome(outcome)
    frame = rows.analysis(what, wave, rows.plan.main).dropna(subset=["value", *what.covariates])
    asked = {"arm": "treated", "cluster": rows.cluster, "treated": 1, "covariates": what.covariates}
    return frame, asked | {"strata": rows.strata}


QUESTIONS = {
    question.__name__: question
    for question in (
        *(flow, sizes, baseline, levels, recruitment, effect, multiplicity, change, icc, attrition),
        *(gap, odds, influence, exact, bounds, tipping, sanity),
    )
}


def compute(rows: Rows, question: str, **asked: Any) -> list[Answered]:
    """Answer one question from rows, with the rows behind each answer; StudyError where it has none."""
    try:
        with warnings.catch_warnings():
            # A page shows every method beside the others; where one is known to fail, the warning would stand between
            # them as a text of the machine's.
            warnings.simplefilter("ignore", TrialWarning)
            return QUESTIONS[question](rows, **asked)
    except ValueError as problem:
        raise StudyError(f"{question} of {asked.get('outcome', 'the study')}: {problem}") from problem


def simulated_study(
    tables: dict[str, pd.DataFrame], plan: Plan, schema: Schema, *, world: str, part: str = ""
) -> Study:
    """Answer questions from simulated tables.

    `part` is their folder in the project, to note which columns were asked for; empty for tables from elsewhere. A
    StudyError if a key does not begin with ``SYN-``, as every simulated one does.
    """
    for name, table in tables.items():
        if not table[schema.key(name)].str.startswith("SYN-").all():
            raise StudyError(
                f"{name}.csv: marked as simulated, but column {schema.key(name)} holds other ids than SYN-"
            )
    source = f"simulated: {plan.worlds[world]['label']}"
    return study_of(Rows(tables, plan, schema, part=part), source=source, sign=plan.worlds[world]["sign"])


def study_of(rows: Rows, *, source: str, sign: int | None = None) -> Study:
    """Answer questions from rows as they are: simulated ones, or those of open data.

    `source` is what every answer says of its data, `sign` that of the difference that a simulated world plants.
    """

    def ask(question: str, **asked: Any) -> tuple[Any, ...]:
        return tuple(replace(found.answer, source=source) for found in compute(rows, question, **asked))

    return Study(rows.plan, ask, source=source, sign=sign)
