"""One column: from text to its type, and its own rules."""

from __future__ import annotations

import datetime
import math
import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

DTYPES = {"string": "string", "integer": "Int64", "number": "Float64", "date": "datetime64[s]"}
_ID = re.compile(r"[0-9A-Za-zÆØÅæøå][0-9A-Za-zÆØÅæøå_.:-]{0,63}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
# Looks like a number, but with marks between its digits; space, no-break space, thin space, apostrophe.
_MARKED = re.compile(r"[+-]?[0-9][0-9.,' \u00a0\u202f]*[.,' \u00a0\u202f][0-9.,' \u00a0\u202f]*")
_FIXES = {
    "integer": "Write whole numbers in digits.",
    "number": "Write numbers in digits.",
    "date": "Write dates as YYYY-MM-DD.",
}
_CODES = "Correct it, or map your codes to these under codes in the mapping file."


@dataclass(frozen=True)
class Failure:
    """A rule that a column breaks, and the positions (from 0) of the rows that do."""

    rule: str
    fix: str
    positions: tuple[int, ...]


def typed_column(cells: list[str | None], field: dict, *, decimal: str = ".") -> tuple[pd.Series, list[Failure]]:
    """Convert a column to its type and check the constraints of its field.

    Text that is neither an id nor one of a list does not exist: a string column without `enum` holds ids.

    Parameters
    ----------
    cells : list of str or None
        None is a missing value.
    field : dict
        Table Schema field: `type` (string, integer, number or date) and `constraints`.
    decimal : str
        Decimal mark.

    Returns
    -------
    series : Series
        dtype string, Int64, Float64 or datetime64; missing where a cell is not of the type.
    failures : list of Failure
        A cell that is not of the type counts for that rule alone.

    Examples
    --------
    >>> series, failures = typed_column(["1", "x", "7", None], {"type": "integer", "constraints": {"maximum": 5}})
    >>> [(failure.rule, failure.positions) for failure in failures]
    [('not every value is of type integer', (1,)), ('a value is above 5', (2,))]
    """
    kind, rules = field["type"], field.get("constraints", {})
    # Each distinct cell is looked at once: register tables are long and say the same few things.
    distinct = set(cells) - {None}
    marked = {cell for cell in distinct if kind in ("integer", "number") and _is_marked(cell, decimal)}
    point = {cell: cell.replace(decimal, ".") if kind in ("integer", "number") else cell for cell in distinct - marked}
    read = {None: None} | {cell: _PARSERS[kind](plain) for cell, plain in point.items()}
    series = _series([read.get(cell) for cell in cells], kind)
    spoiled: list[tuple[str, str, set]] = []
    if rules.get("required"):
        spoiled.append(("a required value is missing", "Fill it in, or leave the row out.", {None}))
    fix = "Write no thousands marks, or state decimal in the mapping file."
    spoiled.append((f"a number is not written with '{decimal}' as its only mark", fix, marked))
    wrong = {cell for cell in distinct & set(read) if read[cell] is None}
    spoiled.append((f"not every value is of type {kind}", _FIXES.get(kind, ""), wrong))
    if kind == "string" and "enum" not in rules:
        rule = "an id is not 1 to 64 letters, digits or marks out of . : _ - with a letter or digit first"
        spoiled.append((rule, "Give plain pseudonyms.", {cell for cell in distinct if not _ID.fullmatch(cell)}))
    found = [(rule, fix, [cell in bad for cell in cells]) for rule, fix, bad in spoiled if bad]
    found += _domain(series, kind, rules)
    failures = [Failure(rule, fix, tuple(np.flatnonzero(np.asarray(mask)).tolist())) for rule, fix, mask in found]
    return series, [failure for failure in failures if failure.positions]


def _series(values: list, kind: str) -> pd.Series:
    if kind == "date":
        return pd.Series(np.array(values, dtype=DTYPES[kind]))
    return pd.Series(pd.array(np.array(values, dtype=object), dtype=DTYPES[kind]))


def _domain(series: pd.Series, kind: str, rules: dict) -> list[tuple[str, str, object]]:
    """Rules about known values, each with a mask of the rows that break it."""
    known = series.notna().to_numpy()
    found = []
    if rules.get("unique"):
        found.append(("the values are not unique", "Keep one row of each.", series.duplicated(keep=False) & known))
    if "enum" in rules:
        allowed = ", ".join(map(str, rules["enum"]))
        found.append((f"a value is not one of {allowed}", _CODES, ~series.isin(rules["enum"]) & known))
    if limits := _limits(rules, kind):
        low, high, rule = limits
        inside = series.between(low, high).fillna(False).to_numpy(dtype=bool)
        found.append((rule, "Correct it, or leave it empty if it is not known.", ~inside & known))
    if kind == "date":
        future = series > pd.Timestamp(datetime.date.today())
        found.append(("a date lies in the future", "Correct the date.", future))
    return found


def _limits(rules: dict, kind: str) -> tuple[object, object, str] | None:
    """Lowest and highest allowed value, and how to say that one is outside."""
    low, high = rules.get("minimum"), rules.get("maximum")
    if low is None and high is None:
        return None
    said = f"lies outside {low} to {high}" if None not in (low, high) else f"is below {low}"
    if low is None:
        said = f"is above {high}"
    ends = (pd.Timestamp.min, pd.Timestamp.max) if kind == "date" else (-math.inf, math.inf)
    convert: Callable = pd.Timestamp if kind == "date" else float
    low, high = (end if one is None else convert(one) for one, end in zip((low, high), ends))
    return low, high, f"a value {said}"


def _is_marked(cell: str, decimal: str) -> bool:
    """Whether a cell would be a number without thousands separators or with another decimal mark."""
    plain = (decimal == "." or "." not in cell) and _NUMBER.fullmatch(cell.replace(decimal, "."))
    return bool(_MARKED.fullmatch(cell)) and not plain


def _integer(cell: str) -> int | None:
    if _INTEGER.fullmatch(cell):
        return int(cell)
    value = _number(cell)
    # Some programs write 100000 as 1e+05.
    return int(value) if value is not None and value.is_integer() and abs(value) < 2**53 else None


def _number(cell: str) -> float | None:
    value = float(cell) if _NUMBER.fullmatch(cell) else math.inf
    return value if math.isfinite(value) else None


def _date(cell: str) -> np.datetime64 | None:
    try:
        return np.datetime64(datetime.date.fromisoformat(cell), "s") if _DATE.fullmatch(cell) else None
    except ValueError:
        return None


_PARSERS: dict[str, Callable[[str], object]] = {"string": str, "integer": _integer, "number": _number, "date": _date}
