"""More questions for a study: what the main answer hangs on, each with the rows behind it, as in `questions`."""

from __future__ import annotations

import numpy as np
import pandas as pd

from clustertrials.cluster_means import adjusted_cluster_means
from clustertrials.estimands import estimand_gap
from clustertrials.estimators import estimate_effect
from clustertrials.influence import leave_one_out
from clustertrials.intraclass import anova_icc, design_effect
from clustertrials.missing import lee_bounds, manski_bounds, tipping_point
from clustertrials.odds import OddsRatio, marginal_odds_ratio
from clustertrials.randomisation import adjusted_randomisation_test, randomisation_test
from holf.record.plan import Outcome
from holf.study.answers import ExactTest, Sanity
from holf.study.questions import Answered, arms, office_trial
from holf.study.tables import Rows


def gap(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """Family-average effect minus office-average effect."""
    frame, asked = _analysis(rows, outcome, wave)
    return [Answered(estimand_gap(frame, "value", **asked), _all_used(frame), _table(rows, outcome))]


def odds(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """Marginal odds ratio of a 0/1 outcome, to stand beside the risk difference."""
    frame, asked = _analysis(rows, outcome, wave)
    try:
        found = marginal_odds_ratio(frame, "value", **asked)
    except ValueError:
        if rows.plan.outcome(outcome).type != "binary":
            raise
        # To give no answer would tell more than to withhold one: that an arm has next to no event.
        n_clusters, n_units = frame[rows.cluster].nunique(), len(frame)
        found = OddsRatio(*[np.nan] * 8, n_units=n_units, n_clusters=n_clusters, n_dropped=0, level=0.95)
    return [Answered(found, _all_used(frame), _table(rows, outcome))]


def influence(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """How far the effect hangs on any single office, without showing one."""
    frame, asked = _analysis(rows, outcome, wave)
    estimator = rows.plan.outcome(outcome).estimator
    return [Answered(leave_one_out(frame, "value", estimator=estimator, **asked), arms(frame), _table(rows, outcome))]


def exact(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """Exact p-values of four statistics over every allocation of the offices."""
    what = rows.plan.outcome(outcome)
    trial, _, frame = office_trial(rows, what, wave)
    means, treated, sizes = adjusted_cluster_means(trial), trial.treated_clusters, trial.sizes
    found = {
        "office means": randomisation_test(means, treated, interval=False),
        "family means": randomisation_test(means, treated, weights=sizes, interval=False),
        "Welch": randomisation_test(means, treated, statistic="welch", interval=False),
    }
    if what.covariates and len(frame) > len(sizes):
        found["adjusted coefficient"] = adjusted_randomisation_test(
            frame["value"].to_numpy(),
            frame[list(what.covariates)].to_numpy(),
            cluster=frame[rows.cluster].to_numpy(),
            treated=frame["treated"].to_numpy(),
            interval=False,
        )
    return [
        Answered(
            ExactTest(outcome, wave, name, float(one.statistic), float(one.p_value), one.n_allocations, one.exact),
            arms(frame),
            rows.unit_table(what),
        )
        for name, one in found.items()
    ]


def bounds(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """Bounds on the effect with outcomes missing: by the ends of the scale where it has any, and Lee's."""
    what = rows.plan.outcome(outcome)
    frame, _ = rows.everyone(what, wave, rows.plan.main)
    asked = {"arm": "treated", "cluster": rows.cluster, "treated": 1}
    ends = scale_ends(rows, what, wave)
    found = [manski_bounds(frame, "value", lowest=ends[0], highest=ends[1], **asked)] if ends else []
    behind = arms(frame) | {
        f"n_missing_{arm}": frame[frame["value"].isna() & (frame["treated"] == code)]
        for arm, code in (("treated", 1), ("other", 0))
    }
    found = (*found, lee_bounds(frame, "value", **asked))
    return [Answered(one, behind, rows.unit_table(what)) for one in found]


def tipping(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """How far the missing of the treated arm would have to differ from what is expected, to turn the verdict."""
    what = rows.plan.outcome(outcome)
    frame, _ = rows.everyone(what, wave, rows.plan.main)
    asked = {"arm": "treated", "cluster": rows.cluster, "treated": 1, "covariates": what.covariates}
    kept = frame.dropna(subset=list(what.covariates))
    dropped = frame[~frame.index.isin(kept.index)]
    missing = kept[kept["value"].isna() & (kept["treated"] == 1)]
    behind = arms(kept) | {"n_missing": missing, "n_dropped": dropped}
    return [Answered(tipping_point(frame, "value", **asked), behind, rows.unit_table(what))]


def sanity(rows: Rows, *, outcome: str, wave: str) -> list[Answered]:
    """What the effect rests on: offices an arm, the smallest office, ICC, design effect, degrees of freedom."""
    what = rows.plan.outcome(outcome)
    frame, asked = _analysis(rows, outcome, wave)
    trial, _, _ = office_trial(rows, what, wave)
    effect = estimate_effect(frame, "value", estimator=what.estimator, **asked)
    lone = len(trial.y) == len(trial.sizes)
    correlation = (
        np.nan
        if lone
        else anova_icc(
            trial.y, trial.codes, trial.treated_clusters.astype(int), level=effect.level, outcome=what.label
        ).estimate
    )
    factor = 1.0 if lone else design_effect(trial.sizes, max(correlation, 0.0))
    n_treated = int(trial.treated_clusters.sum())
    answer = Sanity(
        outcome,
        wave,
        n_treated,
        len(trial.sizes) - n_treated,
        int(trial.sizes.min()),
        float(correlation),
        factor,
        effect.df,
    )
    return [Answered(answer, arms(frame), rows.unit_table(what))]


def scale_ends(rows: Rows, outcome: Outcome, wave: str) -> tuple[float, float] | None:
    """Lowest and highest value that the schema allows for an outcome; None where it sets no two ends."""
    if outcome.type == "binary":
        return 0.0, 1.0
    rules = rows.schema.fields(outcome.table)[outcome.column.format(wave=wave)].get("constraints", {})
    return (rules["minimum"], rules["maximum"]) if {"minimum", "maximum"} <= rules.keys() else None


def _all_used(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """The rows behind a comparison that gets whole rows only, and so drops nobody."""
    return arms(frame) | {"n_dropped": frame[:0]}


def _table(rows: Rows, outcome: str) -> str:
    return rows.unit_table(rows.plan.outcome(outcome))


def _analysis(rows: Rows, outcome: str, wave: str) -> tuple:
    """The rows of the planned analysis, and how the estimators are to read them."""
    what = rows.plan.outcome(outcome)
    frame = rows.analysis(what, wave, rows.plan.main).dropna(subset=["value", *what.covariates])
    asked = {"arm": "treated", "cluster": rows.cluster, "treated": 1, "covariates": what.covariates}
    return frame, asked
