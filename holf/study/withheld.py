"""A refused number: missing for arithmetic, and able to say which rule refused it."""

from __future__ import annotations


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
