"""What a reader can work out about withheld counts: exact bounds from all that is published, and from two releases."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from holf.confidential.rules.policy import Policy
from holf.study.answers import Withheld, is_withheld

# Stands for "no upper bound": far above any count of people in a trial, and small enough for the solver's arithmetic.
CEILING = 1_000_000


@dataclass(frozen=True)
class Equation:
    """A sum that every reader knows to hold: the count `total` is the sum of the counts `parts`, all by id."""

    total: str
    parts: tuple[str, ...]

    @property
    def ids(self) -> frozenset[str]:
        """All counts in the sum."""
        return frozenset((self.total, *self.parts))


def known_range(shown: int | Withheld, policy: Policy) -> tuple[int, int]:
    """Return the lowest and highest count that one published cell allows, by itself.

    A reader knows the policy: the base of rounding, and that a refusal tells on which side of `min_people` a count
    lies.

    Examples
    --------
    >>> from holf.confidential.rules.policy import load_policy
    >>> policy = load_policy()
    >>> known_range(45, policy), known_range(10, policy), known_range(Withheld("people"), policy)
    ((43, 47), (10, 12), (0, 9))
    """
    if not is_withheld(shown):
        if not shown:
            # Shown only where everybody knows it.
            return 0, 0
        base = policy.round_to
        return max(shown - base // 2, policy.min_people), shown + (base - 1) // 2
    if shown.rule == "people":
        return 0, policy.min_people - 1
    return (0 if shown.rule in ("staff", "linked") else policy.min_people), CEILING


def attack(
    published: Mapping[str, int | Withheld],
    equations: Iterable[Equation],
    public: Mapping[str, int],
    policy: Policy,
    *,
    names: Iterable[str] | None = None,
    enough: int | None = None,
) -> dict[str, tuple[int, int]]:
    """Return the lowest and highest whole number that each unpublished count can be, given all that is published.

    Parameters
    ----------
    published : mapping of str to int or Withheld
        The release, by id of the count.
    equations : iterable of Equation
        Sums over ids. An id that is neither published nor public may be any count from zero.
    public : mapping of str to int
        Counts that everybody knows exactly, whatever is released.
    policy : Policy
    names : iterable of str, optional
        Counts to bound; every unpublished one by default.
    enough : int, optional
        An interval of so many whole numbers is not searched further, and may come out too short. By default all are
        exact.

    Returns
    -------
    dict of str to (int, int)
        `CEILING` means no upper bound.

    Raises
    ------
    ValueError
        If no counts at all agree with what is published.

    Notes
    -----
    Two integer linear programmes a count (HiGHS, through scipy): its least and its greatest value over all whole
    numbers that agree with every `known_range` and the equations (Fischetti and Salazar 2001, Management Science
    47:1008-1027). Bounds from fractions can be wider than the truth, and safety would be overstated.

    Examples
    --------
    One of 41 known people is missing from a published count, which was 40 after rounding.

    >>> from holf.confidential.rules.policy import load_policy
    >>> parts = Equation("enrolled", ("analysed", "lost"))
    >>> attack({"analysed": 40, "lost": Withheld("people")}, [parts], {"enrolled": 41}, load_policy())
    {'lost': (0, 3)}
    """
    equations = tuple(equations)
    ids = sorted({*published, *public}.union(*(equation.ids for equation in equations)))
    ranges = [_range(name, published, public, policy) for name in ids]
    bounds = optimize.Bounds(*np.array(ranges, dtype=float).reshape(-1, 2).T)
    sums = [optimize.LinearConstraint(_sums(ids, equations), 0, 0)] if equations else []
    low, high = np.full(len(ids), CEILING), np.zeros(len(ids), dtype=int)
    told = {name for name in published if not is_withheld(published[name])} | public.keys()
    found = {}
    for name in sorted(set(ids) - told if names is None else names):
        position = ids.index(name)
        if enough is None or high[position] - low[position] + 1 < enough:
            for sign in (1, -1):
                table = _extreme_table(sign, position, bounds, sums)
                low, high = np.minimum(low, table), np.maximum(high, table)
        found[name] = int(low[position]), int(high[position])
    return found


def dependent(
    shown: Sequence[str], equations: Iterable[Equation], public: Mapping[str, int]
) -> dict[str, tuple[dict[str, int], int]]:
    """Find which shown counts follow from the other shown counts and the public numbers.

    Rounded by itself, such a count would narrow the others: beside 440 and 425, a total rounded to 870 says that both
    lie above. Computed from the others as shown, it tells nothing new. Where there is a choice, the first ids are the
    dependent ones. Returned are, by dependent id, factors of the independent ids and a constant; their sum is the
    count.

    Examples
    --------
    >>> dependent(["all", "new", "usual"], [Equation("all", ("new", "usual"))], {})
    {'all': ({'new': 1, 'usual': 1}, 0)}
    >>> dependent(["new", "usual"], [Equation("all", ("new", "usual"))], {"all": 862})
    {'new': ({'usual': -1}, 862)}
    """
    equations = tuple(equations)
    shown = [name for name in shown if name not in public]
    unseen = sorted(set().union(*(equation.ids for equation in equations)) - {*shown, *public})
    names = [*unseen, *shown]
    column = {name: position for position, name in enumerate(names)}
    sums = _sums([*names, *public], equations)
    constants = -sums[:, len(names) :] @ np.array([*public.values()], dtype=float)
    matrix = np.column_stack([sums[:, : len(names)], constants])
    # Gauss and Jordan: what no reader sees is eliminated first, so the rows left over hold shown counts alone.
    found, row = {}, 0
    for position, name in enumerate(names):
        candidates = np.flatnonzero(np.abs(matrix[row:, position]) > 0.5)
        if not len(candidates):
            continue
        matrix[[row, row + candidates[0]]] = matrix[[row + candidates[0], row]]
        matrix[row] /= matrix[row, position]
        others = np.arange(len(matrix)) != row
        matrix[others] -= np.outer(matrix[others, position], matrix[row])
        found[name] = row
        row += 1
    dependents = {}
    for name in found.keys() - unseen:
        line = np.round(matrix[found[name]]).astype(int)
        factors = {other: -int(line[column[other]]) for other in shown if other != name and line[column[other]]}
        dependents[name] = factors, int(line[-1])
    return dependents


def _range(name: str, published: Mapping, public: Mapping, policy: Policy) -> tuple[int, int]:
    """What is known of one id before any sum is used."""
    if name in public:
        return public[name], public[name]
    return known_range(published[name], policy) if name in published else (0, CEILING)


def _sums(ids: list[str], equations: tuple[Equation, ...]) -> np.ndarray:
    """Factors of the ids in each equation, of which total minus parts is zero."""
    column = {name: position for position, name in enumerate(ids)}
    matrix = np.zeros((len(equations), len(ids)))
    for row, equation in enumerate(equations):
        matrix[row, column[equation.total]] += 1
        for part in equation.parts:
            matrix[row, column[part]] -= 1
    return matrix


def _extreme_table(sign: int, position: int, bounds: optimize.Bounds, sums: list) -> np.ndarray:
    """A possible table of all counts in which `sign` times one of them is smallest."""
    aim = np.zeros(len(bounds.lb))
    aim[position] = sign
    # The default gap is relative: it would let a bound be off by one in ten thousand.
    found = optimize.milp(aim, constraints=sums, bounds=bounds, integrality=1, options={"mip_rel_gap": 0})
    if not found.success:
        raise ValueError("the published numbers contradict each other: no counts agree with all of them")
    return np.round(found.x).astype(int)
