"""Text that repeats: columns, and one pattern filled with number after number, which is data in any language."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence

_NUMBER = re.compile(r"[-+\u2212]?\d[\d\s.,\u202f]*(\s*%|\s*NOK)?")
_WITHIN = re.compile(r"(?<![\w.#-])[-+\u2212]?\d[\d.,]*(?![\w-])")
_UNIT = re.compile(r"[\n;{}]|(?<=\))")
_OBJECT = re.compile(r"\{\s*[\"']?(\w+)[\"']?\s*:[^{}]{1,400}\}")


def is_number(text: str) -> bool:
    """Say whether a cell is a number, perhaps grouped, and with a unit.

    Examples
    --------
    >>> is_number("31 337,77"), is_number("m12")
    (True, False)
    """
    return bool(_NUMBER.fullmatch(text.strip()))


def longest_block(lines: Sequence[str], split: re.Pattern) -> int:
    """Most neighbouring lines that fall into the same number of fields, one of them a number.

    Examples
    --------
    >>> longest_block(["a,b", "1,x", "2,y", "3"], re.compile(","))
    2
    """
    longest, current, width = 0, 0, 0
    for line in lines:
        fields = [field.strip(" \t\"'\\") for field in split.split(line.strip())]
        regular = len(fields) > 1 and any(map(is_number, fields))
        current = current + 1 if regular and len(fields) == width else int(regular)
        width, longest = len(fields), max(longest, current)
    return longest


def most_repeats(text: str) -> int:
    """How often one pattern stands in a text with another number in it each time: in lines, statements or calls.

    Examples
    --------
    >>> most_repeats("dot(1.5, 0);dot(2.5, 1);dot(9, 2);stop()")
    3
    """
    units = {unit.strip() for unit in _UNIT.split(text)}
    return _most(_WITHIN.sub("#", unit) for unit in units if _WITHIN.search(unit))


def most_objects(text: str) -> int:
    """How many objects of a script begin with the same key.

    Examples
    --------
    >>> most_objects("[{x: 1, y: 2}, {x: 3, y: 4}]")
    2
    """
    return _most(_OBJECT.findall(text))


def _most(entries: Iterable[str]) -> int:
    return max(Counter(entries).values(), default=0)
