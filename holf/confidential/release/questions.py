"""The questions that a release answers: all that the chapters ask, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from holf.record.plan import Outcome, Plan
from holf.record.schema import Schema
from holf.study.study import Study


def catalogue(plan: Plan) -> list[tuple[str, dict[str, Any]]]:
    """Every question with its keywords, in the form in which a study passes them on.

    A release answers these. What a chapter asks beyond them has no answer on real data: a reader who could ask freely
    could take two answers from each other.
    """
    asked: dict[str, tuple[str, dict[str, Any]]] = {}

    def remember(question: str, **keywords: Any) -> tuple[None]:
        asked.setdefault(key_of(question, keywords), (question, keywords))
        return (None,)

    _ask_everything(Study(plan, remember, source="", sign=None))
    return list(asked.values())


def _ask_everything(study: Study) -> None:
    study.flow()
    for table in study.plan.trial["sizes"]:
        study.sizes(table)
    study.baseline()
    study.recruitment()
    if any(outcome.kind == "primary" for outcome in study.plan.outcomes.values()):
        study.multiplicity()
    for outcome in study.plan.outcomes.values():
        study.levels(outcome.id)
        study.specifications(outcome.id)
        about: list[Callable] = [study.gap, study.influence, study.exact, study.attrition, study.bounds, study.tipping]
        about += [study.sanity, study.icc] + ([study.odds] if outcome.type == "binary" else [])
        for question in about:
            question(outcome.id)
        for arm in study.plan.main.arms if study.plan.baseline else ():
            study.change(outcome.id, arm)
        for wave in outcome.waves:
            study.effect(outcome.id, wave)
        for contrast in study.plan.contrasts.values():
            if outcome.id in contrast.outcomes:
                study.effect(outcome.id, contrast=contrast.id)


def key_of(question: str, asked: dict[str, Any]) -> str:
    """One name for a question with its keywords."""
    return json.dumps([question, asked], sort_keys=True, ensure_ascii=False)


def available(plan: Plan, schema: Schema, tables: Mapping[str, pd.DataFrame]) -> Plan:
    """The plan without the outcomes and waves that were not measured in these tables."""
    there = {}
    for name, outcome in plan.outcomes.items():
        if not {outcome.table, *(above for _, above in schema.path(outcome.table))} <= tables.keys():
            continue
        waves = [wave for wave in outcome.waves if is_measured(tables, outcome, wave)]
        if waves and (plan.baseline is None or is_measured(tables, outcome, plan.baseline)):
            there[name] = outcome.only_at(waves)
    return replace(plan, outcomes=there)


def is_measured(tables: Mapping[str, pd.DataFrame], outcome: Outcome, wave: str) -> bool:
    """Whether anyone has a value of the outcome at `wave`."""
    if outcome.table not in tables:
        return False
    frame = tables[outcome.table]
    frame = frame if outcome.is_wide else frame[frame["wave"] == wave]
    return bool(frame[outcome.column.format(wave=wave)].notna().any())
