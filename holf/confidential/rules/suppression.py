"""Linked counts: which further counts must be withheld so that the withheld ones cannot be worked out.

Counts are about sets of units: the same units are one count, and a set inside another implies their difference.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

import pandas as pd

from holf.confidential.rules.attack import Equation, attack, dependent, known_range
from holf.confidential.rules.policy import Policy
from holf.confidential.rules.primary import Support, one_side, refusal, rounded
from holf.record.schema import Schema
from holf.study.answers import Withheld, is_withheld


@dataclass(frozen=True)
class Count:
    """One count that a release would show, or that its other counts imply.

    Attributes
    ----------
    id : str
    support : Support
        What lies behind it; the count is `support.people`.
    outside : int or None
        For the numerator of a share: how many of the denominator are not counted here.
    implied : bool
        True for a count that is never shown but follows from others, such as those lost between two counts. It needs
        the same protection, and never serves to protect.
    """

    id: str
    support: Support
    outside: int | None = None
    implied: bool = False

    @property
    def value(self) -> int:
        """The true count; it stays inside."""
        return self.support.people

    def refusal(self, policy: Policy) -> str | None:
        """Id of the primary rule that refuses it, or None."""
        is_class = self.outside is not None and one_side(self.value, self.outside, policy)
        return refusal(self.support, policy) or ("class" if is_class else None)


def protect(
    counts: Iterable[Count], equations: Iterable[Equation], public: Mapping[str, int], policy: Policy
) -> dict[str, int | Withheld]:
    """Decide what is shown of linked counts: rounded, or withheld with the rule that says so.

    Parameters
    ----------
    counts : iterable of Count
    equations : iterable of Equation
        Every sum that a reader knows to hold among them. A sum left out is an attack not reckoned with.
    public : mapping of str to int
        Counts that everybody knows exactly, shown as they are; of the data, or in equations only.
    policy : Policy

    Returns
    -------
    dict of str to (int or Withheld)
        All counts but the implied ones, of which nothing is said.

    Notes
    -----
    First the rules that look at a cell alone; counts that follow from others are computed from those as shown. Then, in
    each set of counts that hang together, `attack` bounds every count. While one is left fewer than `min_interval`
    whole numbers, or than its own rounding leaves, first the refusals stop naming their rules (rule ``linked``); then
    one more count is withheld at a time: of those in the fewest steps from it through the equations, the smallest. At
    the end, counts that need not be withheld are shown again, the largest first, and rules are named again if that is
    safe.

    It is safe against a reader who knows the numbers, the sums and the policy (Hundepool et al. 2012, Statistical
    Disclosure Control, chapter 4). It is not the fewest cells possible, and does not reckon with one who reruns this
    search for every table that could be.

    Examples
    --------
    >>> from holf.confidential.rules.policy import load_policy
    >>> few, many = Support(1, 1, 1, 1.0), Support(40, 35, 9, 0.2)
    >>> parts = [Equation("enrolled", ("analysed", "lost"))]
    >>> protect([Count("analysed", many), Count("lost", few)], parts, {"enrolled": 41}, load_policy())
    {'analysed': withheld (complementary), 'lost': withheld (people)}
    """
    counts = tuple(counts)
    shown: dict[str, int | Withheld] = {}
    for linked in _systems(counts, tuple(equations), public, policy):
        shown |= linked.solve()
    return {count.id: shown[count.id] for count in counts if count.id in shown}


def largest_error(
    shown: Mapping[str, int | Withheld],
    counts: Iterable[Count],
    equations: Iterable[Equation],
    public: Mapping[str, int],
    policy: Policy,
) -> int:
    """By how much a count that `protect` shows can be off: half the base for each one that it is computed from."""
    whole = _Linked({count.id: count for count in counts}, tuple(equations), dict(public), policy)
    is_rounded = any(name not in public and not is_withheld(count) for name, count in shown.items())
    terms = [sum(map(abs, factors.values())) for factors, _ in whole.dependent(shown).values()]
    return max([*terms, int(is_rounded)]) * (policy.round_to // 2)


def _systems(
    counts: tuple[Count, ...], equations: tuple[Equation, ...], public: Mapping[str, int], policy: Policy
) -> Iterator[_Linked]:
    """The counts that hang together, with their sums; a public number links nothing, since everybody knows it."""
    groups = [{count.id} for count in counts]
    for equation in equations:
        touched = [group for group in groups if group & (equation.ids - public.keys())]
        if touched:
            groups = [group for group in groups if group not in touched] + [set().union(*touched)]
    for names in groups:
        linked = tuple(equation for equation in equations if equation.ids & names)
        yield _Linked({count.id: count for count in counts if count.id in names}, linked, dict(public), policy)


@dataclass(frozen=True)
class _Linked:
    """Counts that are linked by equations, and all that is known about them."""

    counts: dict[str, Count]
    equations: tuple[Equation, ...]
    public: dict[str, int]
    policy: Policy

    def solve(self) -> dict[str, int | Withheld]:
        """The final release of these counts."""
        refused = {name: rule for name, count in self.counts.items() if (rule := self._refusal(count))}
        hidden, is_veiled = set(refused), False
        candidates = {name for name, count in self.counts.items() if not count.implied and name not in self.public}
        needed = self._needed(hidden | candidates)
        while exposed := self._exposed(self._release(refused, hidden, is_veiled), needed, hidden | candidates):
            # What a rule's name tells costs readers less than another count does, so it goes first.
            may_veil = hidden and not is_veiled
            fresh = [] if may_veil or not candidates - hidden else [self._nearest(exposed[0], candidates - hidden)]
            if not fresh and not may_veil:
                break
            hidden.update(fresh)
            is_veiled = is_veiled or bool(may_veil)
        for name in sorted(hidden - refused.keys(), key=lambda name: (-self.counts[name].value, name)):
            fewer = hidden - {name}
            if not self._exposed(self._release(refused, fewer, is_veiled), needed, hidden | candidates):
                hidden = fewer
        is_veiled = is_veiled and bool(
            self._exposed(self._release(refused, hidden, False), needed, hidden | candidates)
        )
        return self._release(refused, hidden, is_veiled)

    def _refusal(self, count: Count) -> str | None:
        return None if count.id in self.public else count.refusal(self.policy)

    def _release(self, refused: dict[str, str], hidden: set[str], is_veiled: bool) -> dict[str, int | Withheld]:
        """What would be published if `hidden` were withheld."""
        shown = {}
        for name, count in self.counts.items():
            if name in self.public:
                shown[name] = count.value
            elif count.implied:
                # Nobody is told anything of it, not even that it is refused.
                continue
            elif name in hidden:
                shown[name] = Withheld("linked" if is_veiled else refused.get(name, "complementary"))
            else:
                shown[name] = rounded(count.value, self.policy)
        for name, (factors, constant) in self.dependent(shown).items():
            shown[name] = constant + sum(factor * shown[other] for other, factor in factors.items())
        return shown

    def dependent(self, shown: dict[str, int | Withheld]) -> dict[str, tuple[dict[str, int], int]]:
        """Shown counts that follow from others: of each sum the largest, which rounding errors change least."""
        names = [name for name in shown if not is_withheld(shown[name])]
        return dependent(sorted(names, key=lambda name: (-self.counts[name].value, name)), self.equations, self.public)

    def _needed(self, names: set[str]) -> dict[str, int]:
        """Whole numbers that each count must be left with: what the policy asks, or all that public numbers leave."""
        nothing = {name: Withheld("linked") for name in names}
        return {name: min(self.policy.min_interval, width) for name, width in self._widths(nothing, names).items()}

    def _exposed(self, shown: dict[str, int | Withheld], needed: dict[str, int], among: set[str]) -> list[str]:
        """The counts in `among` that are left with fewer numbers than needed, the narrowest first."""
        width = self._widths(shown, among)
        # Of 10, which the rule on people keeps from being 9, rounding alone leaves three numbers.
        own = {name: known_range(shown[name], self.policy) for name in among & shown.keys()}
        needed = needed | {name: min(needed[name], high - low + 1) for name, (low, high) in own.items()}
        found = {name for name in width if width[name] < needed[name]} | self._misled(shown)
        return sorted(found, key=lambda name: (name in shown and not is_withheld(shown[name]), width[name], name))

    def _misled(self, shown: dict[str, int | Withheld]) -> set[str]:
        """Shown counts that the error of a sum has made larger than their whole, or too small to be shown."""
        small = {name for name in self.dependent(shown) if shown[name] < self.policy.min_people}
        numbers = {name: count for name, count in (self.public | shown).items() if not is_withheld(count)}
        large = {
            part
            for equation in self.equations
            for part in equation.parts
            if {part, equation.total} <= numbers.keys() and numbers[part] > numbers[equation.total]
        }
        return (small | large) - self.public.keys()

    def _widths(self, shown: dict[str, int | Withheld], names: set[str]) -> dict[str, int]:
        """How many whole numbers are left for each of `names`, exact below what the policy asks."""
        # Of a dependent count a reader knows no more than that it was large enough to be shown.
        told = shown | dict.fromkeys(self.dependent(shown), Withheld("complementary"))
        found = attack(told, self.equations, self.public, self.policy, names=names, enough=self.policy.min_interval)
        return {name: high - low + 1 for name, (low, high) in found.items()}

    def _nearest(self, target: str, spare: set[str]) -> str:
        """Of the counts in `spare` fewest equations away from `target`, the smallest."""
        reached = {target}
        while not reached & spare:
            reached = reached.union(*(equation.ids for equation in self.equations if equation.ids & reached))
        return min(reached & spare, key=lambda name: (self.counts[name].value, name))


@dataclass
class UnitSets:
    """The sets of units that the counts of a study with `n_offices` offices are about; it grows while it learns them.

    `arms` gives the arm of each office, and `staff`, by table of staff, how many each office has.
    """

    schema: Schema
    n_offices: int
    arms: Mapping[str, str] = field(default_factory=dict)
    staff: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    _units: dict[str, frozenset] = field(default_factory=dict)
    _tables: dict[str, str] = field(default_factory=dict)
    _outside: dict[str, int] = field(default_factory=dict)
    _public: dict[str, int] = field(default_factory=dict)
    _homes: dict[str, dict] = field(default_factory=lambda: defaultdict(dict))

    def is_cluster(self, table: str) -> bool:
        """Whether the rows of `table` are the randomised units, which are no people."""
        return not self.schema.path(table)

    def add(
        self, table: str, frame: pd.DataFrame, *, inside: pd.DataFrame | None = None, public: int | None = None
    ) -> None:
        """Learn the set of units in `frame`; `inside` is the denominator of a share of which they are the numerator."""
        self._homes[table].update(zip(frame["unit"].tolist(), self._home(table, frame)))
        name = self.name(table, frame)
        self._units[name], self._tables[name] = frozenset(frame["unit"].tolist()), table
        if inside is not None:
            outside = len(inside) - len(frame)
            self._outside[name] = min(outside, self._outside.get(name, outside))
        if public is not None and public == len(self._units[name]):
            self._public[name] = public

    def name(self, table: str, frame: pd.DataFrame) -> str:
        """The same name for the same set of units."""
        units = "\0".join(sorted(set(map(str, frame["unit"].tolist()))))
        return f"{table}:{hashlib.sha256(units.encode()).hexdigest()[:16]}"

    def support(self, table: str, frame: pd.DataFrame) -> Support:
        """What lies behind a number that rests on the rows of `frame`."""
        # Lists: taking an Arrow column apart one by one, as an iterator does, is thirty times slower.
        units = frame["unit"].tolist()
        return self._support(table, frozenset(units), dict(zip(units, self._home(table, frame))))

    def families(self, table: str, frame: pd.DataFrame) -> tuple[str, pd.DataFrame] | None:
        """The table of families and those of the rows of `frame`, one row each; None where rows have no family."""
        above = self.schema.path(table)
        if len(above) == 1 and self.schema.tables[table].get("holf:role") != "staff":
            return table, frame
        if len(above) < 2:
            return None
        key, name = above[-2]
        return name, frame.drop_duplicates(key).assign(unit=lambda rows: rows[key])

    def linked(self, policy: Policy) -> tuple[list[Count], list[Equation], dict[str, int]]:
        """Counts, the sums among them, and those that everybody knows, for `protect`.

        The empty set belongs to every table, so it stands in no sum.
        """
        names = [name for name, units in self._units.items() if units]
        counts = {name: self._count(name, self._tables[name], self._units[name]) for name in names}
        by_units = {(self._tables[name], self._units[name]): name for name in names}
        pairs = {
            (small, large): (self._tables[large], self._units[large] - self._units[small])
            for small in names
            for large in names
            if self._tables[small] == self._tables[large] and self._units[small] < self._units[large]
        }
        # The next larger ones around a set, and halves of one.
        covers = [
            (small, large)
            for small, large in sorted(pairs)
            if not any((small, between) in pairs and (between, large) in pairs for between in names)
        ]
        equations = []
        for small, large in [*covers, *(pair for pair, rest in pairs.items() if rest in by_units)]:
            table, rest = pairs[small, large]
            other = by_units.get((table, rest))
            if other is None:
                other = by_units[table, rest] = f"{large} less {small}"
                counts[other] = self._count(other, table, rest, implied=True)
            equation = Equation(large, tuple(sorted((small, other))))
            if equation not in equations:
                equations.append(equation)
        # How many staff an arm has is known from its offices.
        known = {
            name: count.value
            for name in names
            if (count := counts[name]).support.role == "staff" and refusal(count.support, policy) is None
        }
        known |= {name: self._public[name] for name in names if name in self._public}
        return list(counts.values()), equations, known

    def is_largest(self, table: str, frame: pd.DataFrame, among: Iterable[str]) -> bool:
        """Whether none of some sets of the table, by name, holds these units and others."""
        units = frozenset(frame["unit"].tolist())
        return not any(units < self._units[name] for name in among if self._tables[name] == table)

    def lacks_few(self, table: str, frame: pd.DataFrame, policy: Policy) -> bool:
        """Whether units of a set that everybody can count are not here, but fewer than `min_people` of them."""
        units = frozenset(frame["unit"].tolist())
        larger = (self._units[name] for name in self._public if self._tables[name] == table)
        return any(units < whole and len(whole) - len(units) < policy.min_people for whole in larger)

    def _count(self, name: str, table: str, units: frozenset, *, implied: bool = False) -> Count:
        support = self._support(table, units, self._homes[table])
        return Count(name, support, outside=self._outside.get(name), implied=implied)

    def _support(self, table: str, units: frozenset, homes: dict) -> Support:
        families = {homes[unit][0] for unit in units}
        sizes = Counter(homes[unit][1] for unit in units)
        is_staff = self.schema.tables[table].get("holf:role") == "staff"
        return Support(
            people=len(units),
            families=0 if is_staff else len(families),
            offices=len(sizes),
            largest_share=max(sizes.values()) / len(units) if units else 0.0,
            role="staff" if is_staff else "client",
            whole=not is_staff or self._is_whole(table, sizes),
        )

    def _is_whole(self, table: str, sizes: Mapping[str, int]) -> bool:
        """Whether offices have all of their staff here, no office of their arms is missing, and an arm's are as large.

        With one leader an office, the others' mean beside the mean of all is a score. With one coordinator here and two
        there, so is a mean over coordinators beside one over offices.
        """
        for arm in {self.arms.get(office) for office in sizes}:
            offices = [office for office, other in self.arms.items() if other == arm]
            found = {(sizes.get(office, 0), self.staff[table].get(office, 0)) for office in offices}
            if len(found) != 1 or len({*found.pop()}) != 1:
                return False
        return bool(sizes)

    def _home(self, table: str, frame: pd.DataFrame) -> list[tuple]:
        """Family and office of each unit; where no table holds the one or the other, the unit itself."""
        above = [key for key, _ in self.schema.path(table)]
        family, office = above[-2] if len(above) > 1 else "unit", above[-1] if above else "unit"
        return list(zip(frame[family].tolist(), frame[office].tolist()))
