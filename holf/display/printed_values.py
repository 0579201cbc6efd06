"""What a cell shows, as numbers that other programs read: the digits are those printed, never more."""

from __future__ import annotations

import re
from dataclasses import dataclass

from holf.display.text import MINUS, MISSING

# The parts of a cell in the order in which their columns stand; "" is the number itself.
PARTS = ("relation", "", "low", "high", "n", "df", "allocations", "brackets", "in", "of", "withheld")
_NUMBER = r"[+\u2212-]?\d[\d,]*(?:\.\d+)?(?:e[\u2212+-]?\d+)?"
_UNIT = r"(?P<unit>%| [^\W\d_][^\d,;()]*?| \(unit [^()\d]*\))?"
_RELATION = r"(?:(?P<relation><|under|at most)\s*)?"
_FORMS = tuple(
    re.compile(form.replace("NUMBER", _NUMBER).replace("UNIT", _UNIT).replace("RELATION", _RELATION))
    for form in (
        r"(?P<value>NUMBER)(?P<relation> or more)",
        r"(?P<value>NUMBER) in (?P<in>NUMBER)",
        r"(?P<value>NUMBER) of (?P<of>NUMBER)",
        r"(?P<low>NUMBER)%? to (?P<high>NUMBER)UNIT",
        r"(?P<value>NUMBER)UNIT \((?P<low>NUMBER)%? to (?P<high>NUMBER)%?\)",
        r"RELATION(?P<value>NUMBER) \((?P<df>NUMBER) df\)",
        r"RELATION(?P<value>NUMBER) \((?P<allocations>NUMBER) allocations\)",
        r"(?P<value>NUMBER)UNIT(?: \((?P<brackets>NUMBER)\))?, n = (?P<n>NUMBER)",
        r"(?P<value>NUMBER)UNIT \((?P<brackets>NUMBER)\)",
        r"RELATION(?P<value>NUMBER)UNIT",
    )
)
_WITHHELD = re.compile(r"withheld \(([\w-]+)\)")
_RELATIONS = {"<": "<", "under": "<", "at most": "<=", " or more": ">="}


@dataclass(frozen=True)
class Value:
    """The numbers of a cell.

    Attributes
    ----------
    parts : dict of str to str
        By the names of `PARTS`; empty for a cell that is missing.
    unit : str
        As printed; empty for none.
    """

    parts: dict[str, str]
    unit: str = ""


def plain(number: str) -> str:
    """A printed number without what only readers want: separators, the plus sign, the true minus sign.

    Examples
    --------
    >>> plain("+1,234.50"), plain("\N{MINUS SIGN}0.30"), plain("1e\N{MINUS SIGN}9")
    ('1234.50', '-0.30', '1e-9')
    """
    return number.replace(",", "").replace(MINUS, "-").lstrip("+")


def read_value(shown: str) -> Value | None:
    """Numbers of what a cell shows; None where it shows words.

    Parameters
    ----------
    shown : str
        As `holf.display.text` printed it.

    Examples
    --------
    >>> read_value("+61 NOK").parts, read_value("+61 NOK").unit
    ({'': '61'}, 'NOK')
    >>> read_value("0.043 (24.3 df)").parts
    {'': '0.043', 'df': '24.3'}
    >>> read_value("withheld (people)").parts, read_value("OLS, CR2") is None
    ({'withheld': 'people'}, True)
    """
    shown = shown.replace("\N{NO-BREAK SPACE}", " ").strip()
    if shown in (MISSING, ""):
        return Value({})
    if refused := _WITHHELD.fullmatch(shown):
        return Value({"withheld": refused[1]})
    for form in _FORMS:
        if found := form.fullmatch(shown):
            groups = {name: part for name, part in found.groupdict().items() if part}
            unit = groups.pop("unit", "").strip()
            parts = {
                "" if name == "value" else name: _RELATIONS[part] if name == "relation" else plain(part)
                for name, part in groups.items()
            }
            return Value(parts, unit)
    return None
