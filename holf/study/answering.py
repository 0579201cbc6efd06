"""Answering questions from rows: one question, or a whole simulated study."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from holf.record.plan import Plan
from holf.record.schema import Schema
from holf.study import questions, sensitivity
from holf.study.study import Study, StudyError
from holf.study.tables import Rows


def simulated_study(tables: dict[str, pd.DataFrame], plan: Plan, schema: Schema, *, world: str) -> Study:
    """Answer questions from simulated tables.

    Raises
    ------
    StudyError
        If a key does not begin with ``SYN-``, as every simulated one does.
    """
    for name, table in tables.items():
        if not table[schema.key(name)].str.startswith("SYN-").all():
            raise StudyError(
                f"{name}.csv: marked as simulated, but column {schema.key(name)} holds other ids than SYN-"
            )
    rows, source = Rows(tables, plan, schema), f"simulated: {plan.worlds[world]['label']}"

    def ask(question: str, **asked: Any) -> tuple[Any, ...]:
        return tuple(replace(found.answer, source=source) for found in compute(rows, question, **asked))

    return Study(plan, ask, source=source, sign=plan.worlds[world]["sign"])


def compute(rows: Rows, question: str, **asked: Any) -> list[questions.Answered]:
    """Answer one question from rows, with the rows behind each answer."""
    room = questions if hasattr(questions, question) else sensitivity
    try:
        return getattr(room, question)(rows, **asked)
    except ValueError as problem:
        raise StudyError(f"{question} of {asked.get('outcome', 'the study')}: {problem}") from problem
