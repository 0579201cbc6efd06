"""The inclusion rule as code, in both readings that the registry's wording allows."""

from __future__ import annotations

READINGS = {
    "any support": "(a or b) and c: either kind of support, and always the children",
    "as punctuated": "a or (b and c): main-income families without regard to children",
}
DEFAULT_READING = "any support"


def meets_inclusion(
    months_main: int,
    months_beside: int,
    children_u16: int,
    *,
    reading: str = DEFAULT_READING,
    months: int = 6,
    most_children: int = 4,
    fewest_children: int = 1,
) -> bool:
    """Say whether a family meets the registered inclusion criteria.

    Parameters
    ----------
    months_main : int
        Months, of the latest 12, in which social assistance was a main source of income (criterion a, F073).
    months_beside : int
        Months, of the latest 12, with social assistance in addition to other welfare support (criterion b, F074).
    children_u16 : int
        Children under 16 (criterion c, F075).
    reading : {"any support", "as punctuated"}
        How "a, or b, and c" binds. The first is this book's default, an assumption.
    months : int
        Months that criteria a and b ask for.
    most_children, fewest_children : int
        Bounds of criterion c. The registry says "up to four"; at least one is this book's assumption.

    Raises
    ------
    ValueError
        If the reading is unknown or a count is out of range.

    Examples
    --------
    >>> meets_inclusion(8, 0, 0, reading="any support"), meets_inclusion(8, 0, 0, reading="as punctuated")
    (False, True)
    """
    if reading not in READINGS:
        raise ValueError(f"no reading {reading!r}; known: {', '.join(READINGS)}")
    if not (0 <= months_main <= 12 and 0 <= months_beside <= 12 and children_u16 >= 0):
        raise ValueError("months must lie between 0 and 12, and children must not be negative")
    a, b = months_main >= months, months_beside >= months
    c = fewest_children <= children_u16 <= most_children
    return (a or b) and c if reading == "any support" else a or (b and c)
