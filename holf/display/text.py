"""Numbers as text: the one place where anything is rounded.

What is shown is rounded far above the last digits that move between processors (about 1e-15), so the outputs of
record do not depend on the machine.
"""

from __future__ import annotations

import math
import re

from holf.study.withheld import is_withheld

MINUS = "\N{MINUS SIGN}"
MISSING = "\N{EM DASH}"

# factor, decimals, unit of a level, unit of a difference
_STYLES = {
    "percent": (100, 1, "%", "percentage points"),
    "points": (1, 2, "points", "points"),
    "number": (1, 1, "", ""),
}

# How the estimators are called on a page, where {cluster} stands for what the trial randomised.
_METHODS = {
    "cr2": "OLS, CR2",
    "cr3": "OLS, CR3",
    "cluster_means": "{cluster} means",
    "mixed": "mixed model, Kenward\N{EN DASH}Roger",
    "mixed_batched": "mixed model, t on {clusters} \N{MINUS SIGN} 2",
    "gee": "GEE, Fay\N{EN DASH}Graubard",
    "gee_md": "GEE, Mancl\N{EN DASH}DeRouen",
    "randomisation": "randomisation test",
    "naive": "naive, ignores {clusters}",
    "office_differences": "differences inside {clusters}",
    "ipw": "weighted for missing, CR2",
}


def _style(show: str) -> tuple[float, int, str, str]:
    if show in _STYLES:
        return _STYLES[show]
    places, _, unit = show.partition(" ")
    return 1, int(places), unit, unit


def tick(value: float, _position: int) -> str:
    """An axis label: whole numbers with separators, fractions as short as they are."""
    return decimal(value, 0) if abs(value) >= 1000 or float(value).is_integer() else f"{value:g}".replace("-", MINUS)


def decimal(value: float, places: int) -> str:
    """`value` with separators and a true minus sign; an em dash for NaN or None, the rule of a withheld number."""
    if is_withheld(value):
        return str(value)
    if value is None or math.isnan(value):
        return MISSING
    text = f"{abs(value):,.{places}f}"
    return f"{MINUS}{text}" if value < 0 and float(text.replace(",", "")) != 0 else text


def signed(value: float, places: int) -> str:
    """`decimal` with a plus sign for what does not round to zero."""
    text = decimal(value, places)
    return f"+{text}" if value > 0 and float(text.replace(",", "")) != 0 else text


def level(value: float, show: str, *, unit: bool = True) -> str:
    """A mean or share in the style `show` of the plan.

    That is ``percent``, ``points``, ``number``, or decimals and a unit, such as ``0 NOK``.
    """
    factor, places, name, _ = _style(show)
    if is_withheld(value):
        return str(value)
    text = decimal(math.nan if value is None else value * factor, places)
    if not unit or text == MISSING:
        return text
    return f"{text}%" if name == "%" else f"{text} {name}".rstrip()


def difference(value: float, show: str, *, unit: bool = True) -> str:
    """A signed difference between two levels, in percentage points where the levels are percentages."""
    if is_withheld(value):
        return str(value)
    factor, places, _, name = _style(show)
    text = signed(value * factor, places)
    return f"{text} {name}".rstrip() if unit else text


def amount(value: float, show: str) -> str:
    """A difference without a sign, such as a margin."""
    return difference(abs(value), show).lstrip("+")


def interval(low: float, high: float, show: str, *, unit: bool = True) -> str:
    """Two limits of a difference, ``low to high``."""
    if is_withheld(low):
        return str(low)
    text = f"{difference(low, show, unit=False)} to {difference(high, show, unit=False)}"
    return f"{text} {_style(show)[3]}".rstrip() if unit else text


def limits(low: float, high: float, places: int) -> str:
    """Two limits of a number without a style of its own, such as a ratio or a correlation."""
    return str(low) if is_withheld(low) else f"{decimal(low, places)} to {decimal(high, places)}"


def spread(value: float, show: str) -> str:
    """A standard deviation of what is printed in the style `show`, without its unit."""
    return decimal(value, 1 if show in _STYLES else _style(show)[1])


def in_language(shown: str, lang: str) -> str:
    """A number as printed in English, in the style of another language; words and ranges stay as they are.

    Examples
    --------
    >>> in_language("10.0", "nb"), in_language("2,881", "nb").split()
    ('10,0', ['2', '881'])
    """
    if lang != "nb" or not re.fullmatch(r"\d+(,\d{3})*(\.\d+)?", shown):
        return shown
    return shown.replace(",", "\N{NO-BREAK SPACE}").replace(".", ",")


def count(value: float) -> str:
    """A number of people or things, with thousands separators."""
    return decimal(value, 0)


def share(part: float, whole: float) -> str:
    """So many of so many."""
    return f"{count(part)} of {count(whole)}"


def estimator(name: str, words) -> str:
    """How an estimator is called in a trial with these `holf.record.plan.Words`."""
    return _METHODS[name].format(cluster=words.cluster, clusters=words.clusters)


def estimators(words) -> list[str]:
    """How every estimator is called in a trial with these `holf.record.plan.Words`."""
    return [estimator(name, words) for name in _METHODS]


def average(name: str, outcome) -> str:
    """An estimand, or means that a test compares, in the words of the trial; other names stay as they are.

    An average over rows is one over those in whom the outcome is measured, such as parents or children.
    """
    first, _, rest = name.partition(" ")
    shown = {"office": outcome.words.cluster, "family": outcome.level}.get(first, first)
    return f"{shown} {rest}".rstrip()


def method(effect, outcome) -> str:
    """How the method of an effect is called, beside those that adjust for the outcome's covariates."""
    bare = outcome.covariates and not effect.covariates and effect.estimator != "office_differences"
    return estimator(effect.estimator, outcome.words) + (", no covariate" if bare else "")


def figures(value: float, count: int = 10) -> str:
    """`value` to `count` significant figures, whole numbers whole: as many as stay the same on every machine."""
    if math.isnan(value):
        return MISSING
    text = f"{value:,.0f}" if float(value).is_integer() else f"{value:#.{count}g}".rstrip(".")
    return text.replace("-", MINUS)


def bound(distance: float, least: int = -10) -> str:
    """A power of ten that a distance lies below, no finer than 10 to the `least`."""
    return f"< 1e{_order(distance, least)}".replace("-", MINUS)


def power_of_ten(value: float) -> str:
    """The power of ten nearest to `value`, such as a tolerance."""
    return f"1e{round(math.log10(value))}".replace("-", MINUS)


def agreeing(distance: float, most: int = 10) -> str:
    """How many significant figures two numbers share, given their relative distance."""
    shared = max(0, -_order(distance, -most))
    return f"{shared} or more" if shared == most else str(shared)


def _order(distance: float, least: int) -> int:
    return least if distance == 0 else max(least, math.floor(math.log10(distance)) + 1)


def p_value(value: float) -> str:
    """A p-value with two digits, three below 0.1, and a bound below 0.001."""
    if value < 0.001:
        return "<\N{NO-BREAK SPACE}0.001"
    return decimal(value, 3 if value < 0.1 else 2)


def chance(value: float) -> str:
    """A probability as a whole percentage, and never as impossible or certain.

    Examples
    --------
    >>> chance(0.284), chance(0.0004), chance(0.9999)
    ('28%', 'under 1%', 'over 99%')
    """
    if value < 0.01:
        return "under 1%"
    return "over 99%" if value > 0.99 else f"{100 * value:.0f}%"


def reference(effect) -> str:
    """What a p-value was read against: degrees of freedom, or the number of allocations; never left out."""
    return f"{decimal(effect.df, 1)} df" if effect.n_allocations is None else allocations(effect)


def allocations(found) -> str:
    """How many allocations a randomisation test was about, and that they were sampled where they were.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> allocations(SimpleNamespace(n_allocations=20, exact=True))
    '20 allocations'
    >>> allocations(SimpleNamespace(n_allocations=2**100, exact=False))
    'a sample of 1.3e+30 allocations'
    """
    # It brings scipy along, which the build needs for nothing else.
    from clustertrials.randomisation.allocations import shown_total

    return f"{'' if found.exact else 'a sample of '}{shown_total(found.n_allocations)} allocations"


def scale(show: str) -> tuple[float, str]:
    """Factor and unit that turn a value into what an axis shows."""
    factor, _, name, unit = _style(show)
    return factor, unit if name == "%" else name


def difference_style(show: str) -> tuple[float, int, str]:
    """Factor, decimals and unit by which `difference` shows a value."""
    factor, places, _, unit = _style(show)
    return factor, places, unit
