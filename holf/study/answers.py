"""The typed answers of a study: frozen records that hold numbers and where they come from.

A chapter receives these and never a row of data. Every number is kept at full precision; rounding happens in
`holf.display.text` alone. A number that may not be shown is `Withheld`.

Each number of an answer is declared with its role, which tells disclosure control how to make it safe. For answers of
`clustertrials`, which knows of none, `holf.confidential.rules.answers` does so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Role:
    """What a number of an answer is, for disclosure control.

    Attributes
    ----------
    kind : str
        ``"plain"``: set by the method, about no person. ``"offices"``: how many offices are compared, or what follows
        from that; known from the design, but among few staff an office without one of them is a person. ``"count"``:
        units, whose rows stand under the field's name. ``"extreme"``: the smallest or largest of a distribution.
        ``"mean"``, ``"sd"``: of a variable in some rows. ``"change"``: the second mean of the answer minus the first.
        ``"size"``: mean number of units an office. ``"estimate"``, ``"df"``: number of a model, and its degrees of
        freedom. ``"left out"``: how many offices an estimate hangs on, which for one leader an office are persons.
    rows : str
        For a mean, a standard deviation or a size: name of the rows that it rests on. For a model: ``"measured"`` if
        only those who were measured are in it.
    column : str
        The variable in these rows.
    """

    kind: str
    rows: str = ""
    column: str = "value"


def _role(kind: str, rows: str = "", column: str = "value") -> Any:
    return field(metadata={"role": Role(kind, rows, column)})


@dataclass(frozen=True)
class Sizes:
    """How many rows of one table the offices of an arm (empty: of both arms) have.

    `mean` is the number of rows an office, `cv` its coefficient of variation (divisor: number of offices).
    """

    table: str
    arm: str
    n_offices: int = _role("offices")
    mean: float = _role("size")
    cv: float = _role("estimate")
    source: str = ""


@dataclass(frozen=True)
class Level:
    """Mean (share, for a 0/1 variable) of one variable in one group at one wave.

    `show` is the style in which `holf.display.text` prints it; `sd` is NaN below two values.
    """

    label: str
    group: str
    wave: str
    mean: float = _role("mean", "n")
    sd: float = _role("sd", "n")
    n: int = _role("count")
    show: str
    source: str = ""


@dataclass(frozen=True)
class Change:
    """Change from baseline in one arm, over the `n` units measured both times. A description, not an effect."""

    outcome: str
    arm: str
    wave: str
    before: float = _role("mean", "n", "baseline")
    after: float = _role("mean", "n")
    change: float = _role("change")
    n: int = _role("count")
    source: str = ""


@dataclass(frozen=True)
class Attrition:
    """How many units of one group should have been measured at a wave, and how many were.

    `office_mean` and `office_sd` are the mean and the standard deviation, over the offices of the group, of the share
    that an office lost: how much offices differ, without showing one.
    """

    outcome: str
    group: str
    wave: str
    n_expected: int = _role("count")
    n_measured: int = _role("count")
    office_mean: float = _role("estimate")
    office_sd: float = _role("estimate")
    source: str = ""

    @property
    def share_lost(self) -> float:
        """Share of the expected units that was not measured; NaN where none was expected."""
        return 1 - self.n_measured / self.n_expected if self.n_expected else float("nan")


@dataclass(frozen=True)
class Multiplicity:
    """One outcome in a family of several: its own randomisation p-value, and two that control the family-wise error.

    `estimate` is the difference of (residual) office means, treated minus other; `p_max_t` is adjusted by step-down
    max-T over the same allocations, `p_holm` by Holm; `low` and `high` are the simultaneous interval of the family;
    `exact` says whether each of the `n_allocations` was counted.
    """

    outcome: str
    wave: str
    estimate: float = _role("estimate")
    p_value: float = _role("estimate")
    p_max_t: float = _role("estimate")
    p_holm: float = _role("estimate")
    low: float = _role("estimate")
    high: float = _role("estimate")
    n_allocations: int = _role("offices")
    exact: bool
    source: str = ""


@dataclass(frozen=True)
class ExactTest:
    """One randomisation test of an outcome: what it compares, and the share of allocations at least as extreme.

    `statistic` is ``"office means"``, ``"family means"`` (weighted by the offices' numbers), ``"adjusted coefficient"``
    (least squares with the plan's covariates, found again for every allocation) or ``"Welch"``; `value` is the observed
    one: a difference in units of the outcome, or Welch's t. `exact` says whether every allocation was counted.
    """

    outcome: str
    wave: str
    statistic: str
    value: float = _role("estimate")
    p_value: float = _role("estimate")
    n_allocations: int = _role("offices")
    exact: bool
    source: str = ""


@dataclass(frozen=True)
class Sanity:
    """What an effect rests on: offices in each arm, units in the smallest office, and degrees of freedom.

    `icc` is the correlation of the outcome inside arms, `design_effect` the factor by which it and the unequal sizes
    multiply the variance; a negative correlation counts as 0.
    """

    outcome: str
    wave: str
    n_treated: int = _role("offices")
    n_other: int = _role("offices")
    smallest: int = _role("extreme")
    icc: float = _role("estimate")
    design_effect: float = _role("estimate")
    df: float = _role("df")
    source: str = ""


class Withheld(float):
    """NaN that carries the id of the rule which refused the number.

    Anything computed from it is a plain NaN, so a withheld number cannot come back through arithmetic. Unlike NaN,
    two of them are equal where their rules are.

    Parameters
    ----------
    rule : str
        Id of a rule in `data/disclosure.yml`.

    Examples
    --------
    >>> lost = Withheld("people")
    >>> lost, lost.rule, lost == Withheld("people"), lost + 1
    (withheld (people), 'people', True, nan)
    >>> f"{lost:.1f}"
    'withheld (people)'
    """

    __slots__ = ("rule",)

    def __new__(cls, rule: str):
        """Make a NaN that knows `rule`."""
        number = super().__new__(cls, "nan")
        number.rule = rule
        return number

    def __repr__(self) -> str:
        return f"withheld ({self.rule})"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        # A format for numbers has nothing to act on here, and must not turn the reason into "nan".
        return str(self)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Withheld) and self.rule == other.rule

    def __ne__(self, other: object) -> bool:
        # Without this, float's own answer would stand: NaN differs from everything.
        return not self == other

    def __hash__(self) -> int:
        return hash((Withheld, self.rule))

    def __reduce__(self):
        return Withheld, (self.rule,)


def is_withheld(number: object) -> bool:
    """Whether `number` was refused; False for an ordinary NaN.

    Examples
    --------
    >>> is_withheld(Withheld("offices")), is_withheld(float("nan")), is_withheld(10)
    (True, False, False)
    """
    return isinstance(number, Withheld)
