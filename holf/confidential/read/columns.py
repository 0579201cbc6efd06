"""One column: from text to its type, and its own rules."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Collection

import numpy as np
import pandas as pd

from holf.confidential.national_numbers import holds_national_number

DTYPES = {"string": "string", "integer": "Int64", "number": "Float64"}
_ID = re.compile(r"[0-9A-Za-zÆØÅæøå][0-9A-Za-zÆØÅæøå_.:-]{0,63}")
_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
# Thousands, or a number with three decimals.
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")
# Above this, a float no longer tells whole numbers apart.
_EXACT = 2**53
_BLANKS = " \u00a0\u202f"
# What programs and people write for a value that is not there; -9 and 999 are sought only among numbers.
_CODE = re.compile(r"-[1-9]|-9+|-8+|-7+|9{3,}")
# These may be true values too, unless they stand far from the others.
_SHORT_CODE = re.compile(r"99|9?98|9?97|88+|77+")
_DIGITS = (
    "Write {} in digits with '{}' as their only mark, or name your marks in the mapping file, as in "
    '`decimal: "{}"` and `thousands: " "`; '
)
_EMPTY = 'map what stands for missing under codes in the mapping file, as in `{}: {{"NA": ""}}`.'
_MAPPED = "Correct it, or map your codes to these under codes in the mapping file, as in `{}: {{YOURS: OURS}}`."


# A rule that a column breaks, how to fix it, and the positions (from 0) of the rows that do.
Failure = tuple[str, str, tuple[int, ...]]


def typed_column(
    cells: list[str | None],
    field: dict,
    *,
    decimal: str = ".",
    thousands: str | None = None,
    is_told: bool = False,
    sure: Collection[str] = (),
) -> tuple[pd.Series, list[Failure]]:
    """Convert a column to its type and check the constraints of its field.

    Text that is neither an id nor one of a list does not exist: a string column without `enum` holds ids.

    Parameters
    ----------
    cells : list of str or None
        None is a missing value.
    field : dict
        Table Schema field: `name`, `type` (string, integer or number), `constraints` and `holf:limits`.
    decimal : str
        Decimal mark.
    thousands : str, optional
        Mark between thousands; a blank stands for a hard and a narrow one too.
    is_told : bool
        The mapping file names the marks. Otherwise a number such as 1.234 is refused where its limits allow 1234 too,
        unless others of the column have another number of decimals.
    sure : collection of str
        Values that the mapping file names, and that are therefore no forgotten codes for missing.

    Returns
    -------
    series : Series
        dtype string, Int64 or Float64; missing where a cell is not of the type.
    failures : list of Failure
        A cell that is not of the type counts for that rule alone.
    """
    kind, name = field["type"], field.get("name", "COLUMN")
    # `holf:limits` bound what is believed, and are no ends of a scale.
    rules = field.get("constraints", {}) | field.get("holf:limits", {})
    numeric, listed = kind in ("integer", "number"), "enum" in rules
    # Each distinct cell is looked at once: register tables are long and say the same few things.
    distinct = set(cells) - {None}
    plain = {cell: _plain(cell, decimal, thousands) if numeric else cell for cell in distinct}
    measured = distinct if numeric and not listed else set()
    twofold = {cell for cell in measured if not is_told and _may_be_thousands(plain[cell], rules)}
    # Another number of decimals beside them says that these are decimals too.
    if any("." in plain[cell] and not _THOUSANDS.fullmatch(plain[cell]) for cell in measured):
        twofold = set()
    codes = {cell for cell in measured - set(sure) if _CODE.fullmatch(cell)}
    read = {None: None} | {cell: _PARSERS[kind](plain[cell]) for cell in distinct - twofold - codes}
    if kind == "integer" and not listed:
        far = _far_codes(read) - set(sure)
        codes, read = codes | far, {cell: value for cell, value in read.items() if cell not in far}
    series = pd.Series(pd.array(np.array([read.get(cell) for cell in cells], dtype=object), dtype=DTYPES[kind]))
    fix = f'State in the mapping file which it is: `decimal: "{decimal}"` or `thousands: "{decimal}"`.'
    spoiled = [(f"'{decimal}' stands before three digits: decimals or thousands", fix, twofold)]
    fix = f'Map it under codes in the mapping file: `{name}: {{"999": ""}}`, or `{{"999": "999"}}` if it is true.'
    spoiled.append(("a value looks like a code for missing, such as -9, 99 or 999", fix, codes))
    other = "," if decimal == "." else "."
    digits = _DIGITS.format("whole numbers" if kind == "integer" else "numbers", decimal, other)
    fix = _MAPPED.format(name) if listed else digits + _EMPTY.format(name)
    untyped = {cell for cell in read if read[cell] is None} - {None}
    endless = {cell for cell in untyped & measured if _is_endless(plain[cell])}
    spoiled.append((f"not every value is of type {kind}", fix, untyped - endless))
    fix = f"Correct it, leave it empty if it is not known, or {_EMPTY.format(name)}"
    spoiled.append(("a value is not finite, or too large to be kept exactly", fix, endless))
    if kind == "string" and not listed:
        spoiled += _wrong_ids(distinct)
    spoiled += _domain({cell: value for cell, value in read.items() if value is not None}, rules, name)
    places = {rule: tuple(place for place, cell in enumerate(cells) if cell in bad) for rule, _, bad in spoiled if bad}
    return series, [(rule, fix, places[rule]) for rule, fix, _ in spoiled if places.get(rule)]


def _wrong_ids(distinct: set[str]) -> list[tuple[str, str, set]]:
    numbers = {cell for cell in distinct if holds_national_number(cell)}
    rule = "an id is not 1 to 64 letters, digits or marks out of . : _ - with a letter or digit first"
    strange = {cell for cell in distinct - numbers if not _ID.fullmatch(cell)}
    fix = "Give pseudonyms instead, and put a letter before each if they are that already."
    return [
        (rule, "Give plain pseudonyms.", strange),
        ("an id is a national identity number, or looks like one", fix, numbers),
    ]


def _domain(known: dict[str, object], rules: dict, name: str) -> list[tuple[str, str, set]]:
    """Rules about known values, each with the cells that break it."""
    found = []
    if rules.get("required"):
        found.append(("a required value is missing", "Fill it in, or leave the row out.", {None}))
    if "enum" in rules:
        wrong = {cell for cell, value in known.items() if value not in rules["enum"]}
        found.append((f"a value is not one of {', '.join(map(str, rules['enum']))}", _MAPPED.format(name), wrong))
    if limits := [rules[end] for end in ("minimum", "maximum") if end in rules]:
        low, high = rules.get("minimum", -math.inf), rules.get("maximum", math.inf)
        said = "lies outside {} to {}" if len(limits) == 2 else "is below {}" if high == math.inf else "is above {}"
        fix = f"Correct it, leave it empty if it is not known, or {_EMPTY.format(name)}"
        wrong = {cell for cell, value in known.items() if not low <= value <= high}
        found.append((f"a value {said.format(*limits)}", fix, wrong))
    return found


def _plain(cell: str, decimal: str, thousands: str | None) -> str:
    """A number as Python writes it, without its thousands marks, where they stand before every three digits.

    Nothing where it has a point that is neither.
    """
    mark = f"[{_BLANKS}]" if thousands == " " else re.escape(thousands or "")
    if thousands and re.match(rf"[+-]?[0-9]{{1,3}}({mark}[0-9]{{3}})+(?![0-9])", cell):
        cell = re.sub(mark, "", cell)
    return cell.replace(decimal, ".") if decimal == "." or "." not in cell else ""


def _far_codes(read: dict[str | None, object]) -> set[str]:
    """Cells such as 99 above twice the largest other value, or below a tenth of the smallest above 0."""
    codes = {cell for cell in read if cell and _SHORT_CODE.fullmatch(cell)}
    others = [value for cell, value in read.items() if cell not in codes and value]
    high, low = max(others, default=0), min((value for value in others if value > 0), default=0)
    return {cell for cell in codes if not low / 10 <= read[cell] <= 2 * high}


def _may_be_thousands(plain: str, rules: dict) -> bool:
    """Whether a number with three decimals, as 21.000, would be allowed without its mark too."""
    if not _THOUSANDS.fullmatch(plain):
        return False
    return rules.get("minimum", -math.inf) <= float(plain.replace(".", "")) <= rules.get("maximum", math.inf)


def _is_endless(plain: str) -> bool:
    """Whether it is a number that is infinite, or too large for a float to tell from the next."""
    try:
        return abs(float(plain)) >= _EXACT
    except ValueError:
        return False


def _integer(cell: str) -> int | None:
    if _INTEGER.fullmatch(cell):
        return int(cell) if abs(int(cell)) < _EXACT else None
    value = _number(cell)
    # Some programs write 100000 as 1e+05.
    return int(value) if value is not None and value.is_integer() else None


def _number(cell: str) -> float | None:
    value = float(cell) if _NUMBER.fullmatch(cell) else math.inf
    return value if abs(value) < _EXACT else None


_PARSERS: dict[str, Callable[[str], object]] = {"string": str, "integer": _integer, "number": _number}
