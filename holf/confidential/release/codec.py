"""Converts typed answers to readable JSON and back; a withheld number keeps the rule that withheld it."""

from __future__ import annotations

import math
from dataclasses import fields, is_dataclass
from typing import Any

from holf.confidential.rules.answers import ROLES
from holf.confidential.rules.policy import RULES
from holf.record.flow import Flow, FlowBox, FlowCount, load_flow
from holf.study.answers import Withheld, is_withheld

_TYPES = {kind.__name__: kind for kind in (*ROLES, Flow, FlowCount)}
# What JSON has no number for.
UNDEFINED, ABOVE, BELOW = "undefined", "unlimited above", "unlimited below"
NO_NUMBERS = {UNDEFINED: math.nan, ABOVE: math.inf, BELOW: -math.inf}
_MARKUP = frozenset("<>")
# What an answer is told when it is read: where it comes from, and that rounded boxes need not add up.
_ADDED = {"source", "slack"}


class CodecError(ValueError):
    """An answer is of a type that no release may hold."""


def encode(value: Any) -> Any:
    """Turn an answer, or a part of one, into what `json` writes.

    Raises
    ------
    CodecError
        For anything that is not a typed answer made of numbers, words and tuples: a frame, an array, a row.
    """
    if is_withheld(value):
        return {"withheld": value.rule}
    if isinstance(value, FlowBox):
        return {"box": value.id}
    if type(value).__name__ in _TYPES and is_dataclass(value):
        parts = {field.name: encode(getattr(value, field.name)) for field in fields(value) if field.name not in _ADDED}
        return {"answer": type(value).__name__} | parts
    if isinstance(value, tuple):
        return [encode(part) for part in value]
    if isinstance(value, dict) and all(isinstance(name, str) for name in value):
        return {"by": {name: encode(part) for name, part in value.items()}}
    if isinstance(value, str) and _MARKUP.intersection(value):
        raise CodecError("a release holds no markup")
    if type(value) is float and not math.isfinite(value):
        return UNDEFINED if math.isnan(value) else ABOVE if value > 0 else BELOW
    if value is None or type(value) in (str, int, float, bool):
        return value
    raise CodecError(f"a release holds no {type(value).__name__}")


def decode(value: Any, *, source: str) -> Any:
    """Turn what `encode` gave back into an answer, stamped with `source`; a CodecError if `encode` writes no such
    thing.
    """
    if isinstance(value, list):
        return tuple(decode(part, source=source) for part in value)
    if isinstance(value, str) and value in NO_NUMBERS:
        return NO_NUMBERS[value]
    if isinstance(value, str) and _MARKUP.intersection(value):
        raise CodecError("the release holds markup")
    if not isinstance(value, dict):
        return value
    if value.keys() == {"withheld"} and value["withheld"] in RULES:
        return Withheld(value["withheld"])
    if value.keys() == {"box"}:
        return next(box for box in load_flow() if box.id == value["box"])
    if value.keys() == {"by"}:
        return {name: decode(part, source=source) for name, part in value["by"].items()}
    kind = _TYPES.get(value.get("answer"))
    expected = {field.name for field in fields(kind)} - _ADDED if kind else set()
    if kind is None or value.keys() - {"answer"} != expected:
        raise CodecError("the release holds an answer of an unknown form; it was made by another version")
    parts = {name: decode(part, source=source) for name, part in value.items() if name != "answer"}
    told = {"source": source, "slack": math.inf}
    stamped = {field.name: told[field.name] for field in fields(kind) if field.name in _ADDED}
    return kind(**parts, **stamped)
