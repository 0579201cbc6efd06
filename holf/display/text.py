"""Numbers as text: the one place where anything is rounded.

What is shown is rounded far above the last digits that move between processors (about 1e-15), so the outputs of
record do not depend on the machine. Each function for a number returns a `Value`: the text, and the printed digits for
the file that readers download.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from clustertrials.results import LABELS, OTHER_LABELS, shown_total
from holf.study.answers import is_withheld

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EM DASH}"
# A limit that is nowhere, as of an exact interval under a rare large value.
INFINITE = "\N{INFINITY}"
# Names of the numbers that a value may have, in the order of their columns in a file.
PARTS = ("relation", "number", "low", "high", "n", "df", "allocations", "brackets", "in", "of", "withheld")
_TYPED = re.compile(r"(?P<relation>< ?)?(?P<number>[+\u2212-]?\d[\d,]*(\.\d+)?(e[+\u2212-]?\d+)?)")

# Power of ten below which distances are not told apart: such differences between machines are rounding.
_FINEST = -10

# factor, decimals, unit of a level, unit of a difference
_STYLES = {
    "percent": (100, 1, "%", "percentage points"),
    "points": (1, 2, "points", "points"),
    "number": (1, 1, "", ""),
}


class Value(str):
    """Printed numbers: the text that readers see, with its digits for programs.

    `numbers` has the digits by the names of `PARTS`, without thousands separators and never more than are printed;
    ``relation`` is ``<``, ``>``, ``<=`` or ``>=``, and ``withheld`` the rule that withholds the number. `unit` is that
    of the number or of the limits, and `bare` the text without it, for a column whose heading says it.

    Examples
    --------
    >>> value = difference(-1200, "0 NOK")
    >>> value.numbers, value.unit, value.bare == f"{MINUS}1,200"
    ({'number': '-1200'}, 'NOK', True)
    """

    def __new__(cls, shown: str, numbers: Mapping[str, str] | None = None, unit: str = "", bare: str = ""):
        """Make the text `shown` that knows its numbers."""
        value = super().__new__(cls, shown)
        value.numbers, value.unit, value.bare = dict(numbers or {}), unit, bare or shown
        return value


def printed(form: str, **values: str) -> str:
    """Several numbers in one text: a `Value`; words if one is missing or withheld, or another than the first a bound.

    `form` has names of `PARTS` in braces, and `values` the printed numbers by these names.

    Examples
    --------
    >>> printed("{number} ({low} to {high})", number=count(5), low=count(3), high=count(1200)).numbers
    {'number': '5', 'low': '3', 'high': '1200'}
    >>> isinstance(printed("{low} to {high}", low=count(3), high=MISSING), Value)
    False
    """
    shown = form.format(**values)
    known = {name: getattr(value, "numbers", {}) for name, value in values.items()}
    if any("number" not in part or ("relation" in part and name != "number") for name, part in known.items()):
        return shown
    numbers = known.get("number", {}) | {name: part["number"] for name, part in known.items()}
    units = (values[name].unit for name in ("number", "low", "high") if name in values)
    bare = form.format(**{name: value.bare for name, value in values.items()})
    return Value(shown, numbers, next(filter(None, units), ""), bare)


def typed(words: str) -> str:
    """What a source or a data file says: a `Value` where it is a number or a bound, such as ``<0.001``, else words.

    Examples
    --------
    >>> typed("<0.001").numbers, isinstance(typed("2016-01-01"), Value)
    ({'relation': '<', 'number': '0.001'}, False)
    """
    found = _TYPED.fullmatch(words)
    if found is None:
        return words
    relation = {"relation": "<"} if found["relation"] else {}
    return Value(words, relation | {"number": digits(found["number"])})


def withheld(value: object) -> Value:
    """A number that disclosure control withholds: the rule, in words."""
    return Value(str(value), {"withheld": value.rule})


def _number(shown: str, unit: str = "") -> Value:
    return Value(shown, {"number": digits(shown)}, unit)


def digits(shown: str) -> str:
    """A printed number without what only readers want: separators, the plus sign, the true minus sign."""
    return shown.replace(",", "").replace(MINUS, "-").replace(INFINITE, "inf").lstrip("+")


def _with_unit(value: str, unit: str) -> str:
    """A value with its unit behind it; missing and withheld ones have none."""
    numbers = getattr(value, "numbers", {})
    if not unit or not numbers or "withheld" in numbers:
        return value
    return Value(f"{value}{unit}" if unit == "%" else f"{value} {unit}", numbers, unit, value)


def _style(show: str) -> tuple[float, int, str, str]:
    if show in _STYLES:
        return _STYLES[show]
    places, _, unit = show.partition(" ")
    return 1, int(places), unit, unit


def tick(value: float, _position: int) -> str:
    """An axis label: whole numbers with separators, fractions as short as they are."""
    return decimal(value, 0) if abs(value) >= 1000 or float(value).is_integer() else f"{value:g}".replace("-", MINUS)


def decimal(value: float, places: int, *, factor: float = 1, plus: bool = False) -> str:
    """`value` times `factor` with separators and a true minus sign, and a plus sign where that is asked for.

    An em dash for NaN or None, the rule of a withheld number; what rounds to zero has no sign.
    """
    if is_withheld(value):
        return withheld(value)
    if value is None or math.isnan(value):
        return MISSING
    text = INFINITE if math.isinf(value) else f"{abs(value * factor):,.{places}f}"
    sign = MINUS if value < 0 else "+" if plus and value > 0 else ""
    return _number(text if float(digits(text)) == 0 else sign + text)


def signed(value: float, places: int) -> str:
    """`decimal` with a plus sign for what does not round to zero."""
    return decimal(value, places, plus=True)


def level(value: float, show: str, *, unit: bool = True) -> str:
    """A mean or share in the style `show` of the plan.

    That is ``percent``, ``points``, ``number``, or decimals and a unit, such as ``0 NOK``.
    """
    factor, places, name, _ = _style(show)
    text = decimal(value, places, factor=factor)
    return _with_unit(text, name) if unit else text


def difference(value: float, show: str, *, unit: bool = True) -> str:
    """A signed difference between two levels, in percentage points where the levels are percentages."""
    factor, places, _, name = _style(show)
    text = decimal(value, places, factor=factor, plus=True)
    return _with_unit(text, name) if unit else text


def amount(value: float, show: str) -> str:
    """A difference without a sign, such as a margin."""
    factor, places, _, name = _style(show)
    return _with_unit(decimal(value if is_withheld(value) else abs(value), places, factor=factor), name)


def interval(low: float, high: float, show: str, *, unit: bool = True) -> str:
    """Two limits of a difference, ``low to high``."""
    text = _between(low, difference(low, show, unit=False), difference(high, show, unit=False))
    return _with_unit(text, _style(show)[3]) if unit else text


def limits(low: float, high: float, places: int, *, plus: bool = False) -> str:
    """Two limits of a number without a style of its own, such as a ratio or a correlation."""
    return _between(low, decimal(low, places, plus=plus), decimal(high, places, plus=plus))


def share_limits(low: float, high: float) -> str:
    """Two limits of a share, in per cent."""
    return _between(low, level(low, "percent"), level(high, "percent"))


def _between(value: float, low: str, high: str) -> str:
    return low if is_withheld(value) else printed("{low} to {high}", low=low, high=high)


def percent(share: float) -> str:
    """A level, such as that of an interval, in whole per cent."""
    return f"{decimal(share, 0, factor=100)}\N{NO-BREAK SPACE}%"


def with_interval(estimate: float, low: float, high: float, show: str) -> str:
    """A difference, and its interval in brackets."""
    return with_limits(difference(estimate, show), interval(low, high, show, unit=False))


def with_limits(number: str, limits: str) -> str:
    """A printed number, and its printed limits in brackets; a withheld number has none."""
    known = getattr(number, "numbers", {}), getattr(limits, "numbers", {})
    if "withheld" in known[0]:
        return number
    if "number" not in known[0] or "low" not in known[1]:
        return f"{number} ({limits})"
    return Value(f"{number} ({limits})", known[0] | known[1], number.unit, f"{number.bare} ({limits.bare})")


def spread(value: float, show: str) -> str:
    """A standard deviation of what is printed in the style `show`, without its unit."""
    return decimal(value, 1 if show in _STYLES else _style(show)[1])


def count(value: float) -> str:
    """A number of people or things, with thousands separators."""
    return decimal(value, 0)


def share(part: float, whole: float) -> str:
    """So many of so many."""
    return printed("{number} of {of}", number=count(part), of=count(whole))


def flow_count(count) -> str:
    """A count of the participant flow with its unit (`holf.record.flow.FlowCount`); words where none is known."""
    if count.total is None:
        return count.shown
    return _with_unit(decimal(count.total, 0), count.shown.partition(" ")[2])


def estimator(name: str, words) -> str:
    """How an estimator is called in a trial with these `holf.record.plan.Words`."""
    return (LABELS | OTHER_LABELS)[name].format(cluster=words.cluster, clusters=words.clusters)


def estimators(words) -> list[str]:
    """How every estimator is called in a trial with these `holf.record.plan.Words`."""
    return [estimator(name, words) for name in LABELS | OTHER_LABELS]


def average(name: str, outcome) -> str:
    """An estimand, or means that a test compares, in the words of the trial; other names stay as they are.

    An average over rows is one over those in whom the outcome is measured, such as parents or children.
    """
    first, _, rest = name.partition(" ")
    words = {"cluster": outcome.words.cluster, "individual": outcome.level}
    words |= {"office": outcome.words.cluster, "family": outcome.level}
    return f"{words.get(first, first)} {rest}".rstrip()


def method(effect, outcome) -> str:
    """How the method of an effect is called, beside those that adjust for the outcome's covariates."""
    bare = outcome.covariates and not effect.covariates and effect.estimator != "within_cluster_difference"
    return estimator(effect.estimator, outcome.words) + (", no covariate" if bare else "")


def figures(value: float, count: int) -> str:
    """`value` to `count` significant figures, whole numbers whole: as many as stay the same on every machine."""
    if math.isnan(value):
        return MISSING
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:#.{count}g}".rstrip(".")
    return _number(text.replace("-", MINUS))


def bound(distance: float) -> str:
    """A power of ten that a distance lies below, no finer than 1e-10."""
    power = _FINEST if distance == 0 else max(_FINEST, math.floor(math.log10(distance)) + 1)
    number = _number(f"1e{power}".replace("-", MINUS))
    return Value(f"< {number}", {"relation": "<"} | number.numbers)


def at_most(value: float, places: int) -> str:
    """An upper bound of a number."""
    number = decimal(value, places)
    return Value(f"at most {number}", {"relation": "<="} | number.numbers)


def p_value(value: float) -> str:
    """A p-value with two digits, three below 0.1, and a bound below 0.001."""
    if value < 0.001:
        return Value("<\N{NO-BREAK SPACE}0.001", {"relation": "<", "number": "0.001"})
    return decimal(value, 3 if value < 0.1 else 2)


def chance(value: float) -> str:
    """A probability as a whole percentage, and never as impossible or certain.

    Examples
    --------
    >>> chance(0.284), chance(0.0004), chance(0.9999)
    ('28%', 'under 1%', 'over 99%')
    """
    if value < 0.01:
        return _with_unit(Value("under 1", {"relation": "<", "number": "1"}), "%")
    if value > 0.99:
        return _with_unit(Value("over 99", {"relation": ">", "number": "99"}), "%")
    return _with_unit(decimal(value, 0, factor=100), "%")


def p_value_of(found) -> str:
    """A p-value and what it was read against: degrees of freedom, or the number of allocations; never left out."""
    if is_withheld(found.p_value):
        return withheld(found.p_value)
    if found.n_allocations is None:
        return printed("{number} ({df} df)", number=p_value(found.p_value), df=decimal(found.df, 1))
    form = f"{{number}} ({'' if found.exact else 'a sample of '}{{allocations}} allocations)"
    return printed(form, number=p_value(found.p_value), allocations=typed(shown_total(found.n_allocations)))


def allocations(found) -> str:
    """How many allocations a randomisation test was about, and that they were sampled where they were."""
    if is_withheld(found.n_allocations):
        return withheld(found.n_allocations)
    return f"{'' if found.exact else 'a sample of '}{shown_total(found.n_allocations)} allocations"


def scale(show: str) -> tuple[float, str]:
    """Factor and unit that turn a value into what an axis shows."""
    factor, _, name, unit = _style(show)
    return factor, unit if name == "%" else name


def difference_style(show: str) -> tuple[float, int, str]:
    """Factor, decimals and unit by which `difference` shows a value."""
    factor, places, _, unit = _style(show)
    return factor, places, unit
