"""Linked counts: which further counts must be withheld so that the withheld ones cannot be worked out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from holf.confidential.rules.attack import Equation, attack
from holf.confidential.rules.policy import Policy
from holf.confidential.rules.primary import Support, one_side, refusal, rounded
from holf.study.withheld import Withheld


@dataclass(frozen=True)
class Count:
    """One count that a release would show, or that its other counts imply.

    Attributes
    ----------
    id : str
        Name by which equations, public numbers and the result refer to it.
    support : Support
        What lies behind it; the count is `support.people`.
    outside : int or None
        For the numerator of a share: how many of the denominator are not counted here, so that a share near 100% is
        refused as one near 0% is. None for any other count.
    implied : bool
        True for a count that is never shown but follows from others, such as those lost between two counts. It needs
        the same protection, and never serves to protect.
    level : str
        As for `holf.confidential.rules.primary.refusal`.
    """

    id: str
    support: Support
    outside: int | None = None
    implied: bool = False
    level: str = "arm"

    @property
    def value(self) -> int:
        """The true count; it stays inside."""
        return self.support.people

    def refusal(self, policy: Policy) -> str | None:
        """Id of the primary rule that refuses it, or None."""
        rule = refusal(self.support, policy, level=self.level)
        one_sided = self.outside is not None and "class" in policy.rules
        return rule or ("class" if one_sided and one_side(self.value, self.outside, policy) else None)


def protect(
    counts: Iterable[Count], equations: Iterable[Equation], public: Mapping[str, int], policy: Policy
) -> dict[str, int | Withheld]:
    """Decide what is shown of linked counts: rounded, or withheld with the rule that says so.

    Parameters
    ----------
    counts : iterable of Count
    equations : iterable of Equation
        Every sum that a reader knows to hold among them: margins of tables, the same people in two tables, and
        differences (randomised = analysed + lost). A sum left out is an attack not reckoned with.
    public : mapping of str to int
        Counts that everybody knows exactly, such as published ones, and zeros that the design makes. They may be
        counts of the data or stand in equations only. They are shown as they are.
    policy : Policy

    Returns
    -------
    dict of str to (int or Withheld)
        All counts but the implied ones, of which nothing is said.

    Raises
    ------
    ValueError
        If an id is given twice or is unknown, if a sum does not hold, or if a public number is not the count of the
        data. The message names the id and no number.

    Notes
    -----
    First the rules that look at a cell alone. Then, in each set of counts that hang together, `attack` bounds every
    withheld count. While one of them is left fewer than `min_interval` whole numbers, first the refusals stop naming
    their rules (rule ``linked``), for a rule's name tells on which side of `min_people` a count lies; then one more
    count is withheld at a time: of those in the fewest steps from it through the equations, the smallest. At the end,
    counts withheld on the way that are not needed are shown again, the largest first, and the rules are named again if
    that is safe. It ends because each step withholds one more count; it is deterministic. Where public numbers alone
    leave a count fewer than `min_interval`, nothing that is published here narrows it further.

    It is safe against a reader who knows the numbers, the sums and the policy. It is not the fewest cells possible,
    and does not reckon with one who reruns this search for every table that could be, nor with means and estimates.

    References
    ----------
    Hundepool A et al. (2012), Statistical Disclosure Control, Wiley, chapter 4.

    Examples
    --------
    >>> from holf.confidential.rules.policy import load_policy
    >>> few, many = Support(1, 1, 1, 1.0), Support(40, 35, 9, 0.2)
    >>> parts = [Equation("enrolled", ("analysed", "lost"))]
    >>> protect([Count("analysed", many), Count("lost", few)], parts, {"enrolled": 41}, load_policy())
    {'analysed': withheld (complementary), 'lost': withheld (people)}
    """
    counts, equations = tuple(counts), tuple(equations)
    _check(counts, equations, public)
    shown: dict[str, int | Withheld] = {}
    for names in _hanging_together([count.id for count in counts], equations, public):
        linked = tuple(equation for equation in equations if equation.ids & names)
        shown |= _Linked(
            {count.id: count for count in counts if count.id in names}, linked, dict(public), policy
        ).solve()
    return {count.id: shown[count.id] for count in counts if count.id in shown}


def _check(counts: tuple[Count, ...], equations: tuple[Equation, ...], public: Mapping[str, int]) -> None:
    """Refuse input from which no honest answer can be given."""
    value = dict(public)
    seen = set()
    for count in counts:
        if count.id in seen:
            raise ValueError(f"count {count.id!r} is given twice")
        if count.id in public and public[count.id] != count.value:
            raise ValueError(
                f"count {count.id!r} is not the public number of that id: give the latter an id of its own"
            )
        seen.add(count.id)
        value[count.id] = count.value
    for equation in equations:
        if unknown := sorted(equation.ids - value.keys()):
            raise ValueError(f"the sum of {equation.total!r} names {unknown[0]!r}, which is neither count nor public")
        if value[equation.total] != sum(value[part] for part in equation.parts):
            raise ValueError(f"the parts of {equation.total!r} do not add up to it")


def _hanging_together(ids: list[str], equations: tuple[Equation, ...], public: Mapping[str, int]) -> list[set[str]]:
    """Sets of ids between which anything can be worked out; a public number is known, and so ties nothing together."""
    groups = [{name} for name in ids]
    for equation in equations:
        unknown = equation.ids - public.keys()
        touched = [group for group in groups if group & unknown]
        groups = [group for group in groups if not group & unknown]
        if touched:
            groups.append(set().union(*touched))
    return groups


@dataclass(frozen=True)
class _Linked:
    """Counts that hang together, and all that is known about them."""

    counts: dict[str, Count]
    equations: tuple[Equation, ...]
    public: dict[str, int]
    policy: Policy

    def solve(self) -> dict[str, int | Withheld]:
        """The final release of these counts."""
        refused = {name: rule for name, count in self.counts.items() if (rule := self._refusal(count))}
        hidden, is_veiled = set(refused), False
        if not refused or "complementary" not in self.policy.rules:
            return self._release(refused, hidden, is_veiled)
        candidates = {name for name, count in self.counts.items() if not count.implied and name not in self.public}
        needed = self._needed(hidden | candidates)
        # Withholding more never narrows an interval, so on the way only those found too narrow are looked at again.
        exposed = self._exposed(self._release(refused, hidden, is_veiled), needed, hidden)
        while exposed:
            # What a rule's name tells costs readers less than another count does, so it goes first.
            may_veil = not is_veiled and "linked" in self.policy.rules
            fresh = [] if may_veil or not candidates - hidden else [self._nearest(exposed[0], candidates - hidden)]
            if not fresh and not may_veil:
                break
            hidden.update(fresh)
            is_veiled = is_veiled or may_veil
            exposed = self._exposed(self._release(refused, hidden, is_veiled), needed, {*exposed, *fresh})
        for name in sorted(hidden - refused.keys(), key=lambda name: (-self.counts[name].value, name)):
            fewer = hidden - {name}
            if not self._exposed(self._release(refused, fewer, is_veiled), needed, fewer):
                hidden = fewer
        is_veiled = is_veiled and bool(self._exposed(self._release(refused, hidden, False), needed, hidden))
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
        return shown

    def _needed(self, names: set[str]) -> dict[str, int]:
        """Whole numbers that each count must be left with: what the policy asks, or all that public numbers leave."""
        nothing = {name: Withheld("linked") for name in names}
        return {name: min(self.policy.min_interval, width) for name, width in self._widths(nothing, names).items()}

    def _exposed(self, shown: dict[str, int | Withheld], needed: dict[str, int], among: set[str]) -> list[str]:
        """The counts in `among` that are left with fewer numbers than needed, the narrowest first."""
        width = self._widths(shown, among)
        return sorted((name for name in width if width[name] < needed[name]), key=lambda name: (width[name], name))

    def _widths(self, shown: dict[str, int | Withheld], names: set[str]) -> dict[str, int]:
        """How many whole numbers are left for each of `names`, exact below what the policy asks."""
        ways = {"names": names, "enough": self.policy.min_interval}
        found = attack(shown, self.equations, self.public, self.policy, **ways)
        return {name: high - low + 1 for name, (low, high) in found.items()}

    def _nearest(self, target: str, spare: set[str]) -> str:
        """Of the counts in `spare` fewest equations away from `target`, the smallest."""
        reached = {target}
        while not reached & spare:
            reached = reached.union(*(equation.ids for equation in self.equations if equation.ids & reached))
        return min(reached & spare, key=lambda name: (self.counts[name].value, name))
