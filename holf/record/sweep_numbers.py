"""Numbers that the plan of a sweep takes from the assumptions or the ledger."""

from __future__ import annotations

from collections.abc import Mapping

from holf.record.facts import FactError, load_assumptions, load_ledger


def recorded_numbers(entry: Mapping) -> object:
    """Look up the numbers that a plan names as ``{from: NAME}`` or ``{facts: [ID, …]}``: one, or a sequence of them.

    Raises
    ------
    KeyError
        If it is neither, or there is no such assumption or number.

    Examples
    --------
    >>> recorded_numbers({"facts": ["F044", "F046"]})
    [29, 15]
    """
    if set(entry) not in ({"from"}, {"facts"}):
        raise KeyError("needs values and a reason, or from, or facts")
    try:
        if "from" in entry:
            return load_assumptions()[entry["from"]].value
        return [load_ledger().number(row) for row in entry["facts"]]
    except (KeyError, TypeError, FactError) as problem:
        raise KeyError("names no assumption or number of the ledger") from problem
