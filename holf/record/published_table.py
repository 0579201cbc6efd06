"""The article's Table 1: slots typed in from the paper, whether they can be true, and what follows from them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cached_property
from pathlib import Path

from clustertrials.published import (
    Consistency,
    ImpliedSd,
    SdLimits,
    between_arms,
    change_limits,
    grim,
    implied_sd_of_change,
    recomputed_p_of_change,
    share_change_limits,
)
from clustertrials.results import Effect
from holf.paths import data_path
from holf.record.facts import Assumption, FactError, Ledger
from holf.record.plan import Outcome, Plan
from holf.record.reading import name_of, read_rows

COLUMNS = (
    *("outcome", "arm", "wave", "statistic", "value", "unit", "class"),
    *("source", "page", "entered_by", "entered_on", "note"),
)
STATISTICS = ("mean", "sd", "n", "p_value_change")
# Units in which a mean has a highest value.
_MOST = {"percent": 100, "share": 1}
_WHOLE = re.compile(r"whole points(?:, mean of (\d+) items)?")
_NUMBER = re.compile(r"<? ?(-?\d+(\.\d+)?|\.\d+)")


@dataclass(frozen=True)
class Slot:
    """One place for a number of the article's Table 1; `value` is None until someone types it in from the paper.

    `printed` is the text as typed: it alone knows trailing zeros, and whether a p-value is only a bound. `kind` is the
    class of the number, empty while the slot is.
    """

    outcome: str
    arm: str
    wave: str
    statistic: str
    value: float | None
    unit: str
    source: str
    page: str = ""
    printed: str = ""
    kind: str = ""
    file: str = ""

    @property
    def where(self) -> str:
        """File and row, for messages."""
        return f"{self.file}, {self.outcome} {self.arm} {self.wave} {self.statistic}"

    @property
    def place(self) -> str:
        """Document and page that the number was copied from."""
        return f"{self.source}, page {self.page}"

    @property
    def is_bound(self) -> bool:
        """True for a p-value of which only an upper bound is printed, as in ``<0.001``."""
        return self.printed.startswith("<")

    @property
    def decimals(self) -> int:
        """Decimals as printed, trailing zeros counted."""
        return len(self.printed.partition(".")[2])


def _slot_fault(slot: Slot) -> str:
    """The rule that a filled slot breaks, or an empty string."""
    value, most = slot.value, _MOST.get(slot.unit)
    if value is None:
        return "column value must be a number with a point for decimals and no other separator"
    outside = slot.statistic == "mean" and most is not None and not 0 <= value <= most
    rules = {
        "only a p-value may be a bound": slot.is_bound and slot.statistic != "p_value_change",
        "a p-value lies between 0 and 1": slot.statistic == "p_value_change" and not 0 <= value <= 1,
        "a p printed as 0 is a bound; type it as one, as in <0.001": slot.statistic == "p_value_change" and value == 0,
        "n is a whole number of at least 1": slot.statistic == "n" and (value < 1 or not slot.printed.isdigit()),
        "a standard deviation is not negative": slot.statistic == "sd" and value < 0,
        f"a mean in {slot.unit} lies between 0 and {most}": outside,
    }
    return next((f"column value: {rule}" for rule, broken in rules.items() if broken), "")


def _slot(row: dict[str, str], file: str, kind: str) -> Slot:
    printed = row["value"].strip()
    key = (row["outcome"], row["arm"], row["wave"], row["statistic"])
    value = float(printed.lstrip("< ")) if _NUMBER.fullmatch(printed) else None
    slot = Slot(*key, value, row["unit"], row["source"], row["page"], printed, row["class"] if printed else "", file)
    if slot.statistic not in STATISTICS:
        fault = f"column statistic must be one of {', '.join(STATISTICS)}"
    elif printed and not (slot.kind == kind and slot.source and row["page"]):
        fault = f"a value needs class {kind}, a source and a page"
    else:
        fault = _slot_fault(slot) if printed else ""
    if fault:
        raise FactError(f"{slot.where}: {fault}")
    return slot


def load_published_results(path: Path | None = None, *, kind: str = "published") -> tuple[Slot, ...]:
    """Read the slots for the article's Table 1.

    Parameters
    ----------
    path : Path, optional
        By default `data/published_results.csv`; another file has the same columns. Column ``value`` holds the
        number exactly as printed, trailing zeros included, with a point for decimals and no thousands separator; a
        p-value of which only a bound is printed begins with ``<``, as in ``<0.001``. Column ``unit`` says what the
        values are: ``percent`` or ``share`` of a 0/1 variable, ``whole points`` or ``whole points, mean of K items``
        for scores in whole numbers, or any other words. A row with statistic ``sd`` may be added to each mean.
    kind : str
        Class that every filled slot must carry; a made-up table says ``simulated``.

    Raises
    ------
    FactError
        If a filled slot has another class, no source or no page; if its value is not a number, or is one that its
        statistic or unit cannot have; if a slot stands there twice.

    Examples
    --------
    >>> sorted({slot.statistic for slot in load_published_results()})
    ['mean', 'n', 'p_value_change']
    """
    path = path or data_path("published_results.csv")
    slots = {}
    for row in read_rows(path, COLUMNS):
        slot = _slot(row, name_of(path), kind)
        if slot.where in slots:
            raise FactError(f"{slot.where}: the slot is there twice")
        slots[slot.where] = slot
    return tuple(slots.values())


@dataclass(frozen=True)
class TypedUnit:
    """Unit of an outcome's means, as typed."""

    unit: str

    @property
    def factor(self) -> int:
        """What divides a printed number into the scale on which this module computes: 100 for percent."""
        return 100 if self.unit == "percent" else 1

    @property
    def is_share(self) -> bool:
        """Whether the values are 0 or 1."""
        return self.unit in _MOST

    @property
    def items(self) -> int:
        """How many whole numbers a unit's value averages; 0 where that is not known."""
        whole = _WHOLE.fullmatch(self.unit)
        return 1 if self.is_share else int(whole[1] or 1) if whole else 0


@dataclass(frozen=True)
class Check:
    """One check of printed numbers; `holds` is None where it cannot tell, and `reason` then says why."""

    arm: str
    wave: str
    rule: str
    holds: bool | None
    reason: str
    p: Consistency | None = None


@dataclass(frozen=True)
class Arm:
    """The filled slots of one arm and outcome, by wave and statistic, and what follows from them."""

    arm: str
    scale: TypedUnit
    before: str
    after: str
    slots: dict[tuple[str, str], Slot]
    level: float

    def value(self, wave: str, statistic: str) -> float:
        """The number on the outcome's scale; in decimal arithmetic, since 45.3 / 100 is off itself in binary."""
        return float(Decimal(self.slots[wave, statistic].printed) / self.scale.factor)

    def count(self, wave: str) -> int:
        """Units at a wave."""
        return int(self.slots[wave, "n"].value)

    def decimals(self, statistic: str, *waves: str) -> int:
        """Decimals on the outcome's scale, the fewest of these waves or of both."""
        printed = min(self.slots[wave, statistic].decimals for wave in waves or (self.before, self.after))
        return printed + (2 if self.scale.factor == 100 else 0)

    def lacking(self, *statistics: str, waves: Sequence[str] = ()) -> str:
        """Those of some statistics that are not filled, at these waves or at both, in words; empty if none."""
        keys = [(wave, one) for one in statistics for wave in waves or (self.before, self.after)]
        return ", ".join(f"{one} at {wave}" for wave, one in keys if (wave, one) not in self.slots)

    @property
    def means(self) -> tuple[float, float]:
        """Means before and after."""
        return self.value(self.before, "mean"), self.value(self.after, "mean")

    @property
    def p_value(self) -> Slot | None:
        """Slot of the p-value for change."""
        return self.slots.get((self.after, "p_value_change"))

    @property
    def n(self) -> int | None:
        """The most units that can have been measured at both waves: the smaller of the two numbers."""
        return None if self.lacking("n") else min(self.count(self.before), self.count(self.after))

    @property
    def same_n(self) -> bool:
        """Whether the numbers agree; where they do not, the change may in part be one of other units."""
        return self.n is None or self.count(self.before) == self.count(self.after)

    @property
    def change_needs(self) -> str:
        """What the change lacks."""
        return self.lacking("mean")

    @property
    def change(self) -> float | None:
        """Mean after minus mean before."""
        return None if self.change_needs else self.means[1] - self.means[0]

    @cached_property
    def _implied(self) -> tuple[ImpliedSd | None, str]:
        lacks = (self.lacking("mean", "n"), self.lacking("p_value_change", waves=[self.after]))
        if any(lacks):
            return None, ", ".join(filter(None, lacks))
        p = self.p_value
        printed = {"is_bound": p.is_bound, "p_decimals": p.decimals, "decimals": self.decimals("mean")}
        try:
            return implied_sd_of_change(*self.means, self.n, p.value, level=self.level, **printed), ""
        except ValueError as error:
            return None, f"other numbers: {error}"

    @property
    def implied(self) -> ImpliedSd | None:
        """Spread of the change that the p-value implies."""
        return self._implied[0]

    @property
    def sd_needs(self) -> str:
        """What that spread lacks."""
        return self._implied[1]

    @property
    def limits(self) -> SdLimits | None:
        """Bounds of that spread, from means of a 0/1 variable or from typed SDs; None where neither is there."""
        if self.lacking("mean", "n") or self.n < 2:
            return None
        if self.scale.is_share:
            return share_change_limits(*self.means, self.n, decimals=self.decimals("mean"))
        if self.lacking("sd"):
            return None
        sds = self.value(self.before, "sd"), self.value(self.after, "sd")
        return change_limits(*sds, decimals=self.decimals("sd"))


@dataclass(frozen=True)
class OutcomeSummary:
    """All that follows from the slots of one outcome.

    `effects` compare the arms' changes at each intraclass correlation of the assumed grid, and are empty where
    `between_needs` names what is missing. `source` is empty for published numbers.
    """

    outcome: str
    scale: TypedUnit
    arms: tuple[Arm, ...]
    effects: tuple[Effect, ...]
    between_needs: str
    checks: tuple[Check, ...]
    source: str


def _scale_of(slots: Sequence[Slot]) -> TypedUnit:
    """The scale by the unit of the means of one outcome; FactError if filled ones differ."""
    measured = [slot for slot in slots if slot.statistic in ("mean", "sd")]
    filled = [slot for slot in measured if slot.value is not None]
    if odd := [slot for slot in filled if slot.unit != filled[0].unit]:
        raise FactError(f"{odd[0].where}: column unit must be the same for all means of an outcome")
    return TypedUnit(next((slot.unit for slot in filled or measured), "not stated"))


def _checks(arm: Arm) -> tuple[Check, ...]:
    """Every check of one arm: GRIM at each wave, and the p-value of the change."""
    means = [Check(arm.arm, wave, "GRIM", *_grim(arm, wave)) for wave in (arm.before, arm.after)]
    return (*means, Check(arm.arm, arm.after, "p for change", *_p_of_change(arm)))


def _grim(arm: Arm, wave: str) -> tuple[bool | None, str]:
    if lacking := arm.lacking("mean", "n", waves=[wave]):
        return None, f"needs {lacking}"
    if not arm.scale.items:
        return None, f"the unit does not say whole numbers: {arm.scale.unit}"
    n, decimals = arm.count(wave), arm.decimals("mean", wave)
    if n * arm.scale.items >= 10**decimals:
        return None, "n is too large for so few decimals: every mean is possible"
    if grim(arm.value(wave, "mean"), n, decimals=decimals, items=arm.scale.items):
        return True, "whole numbers can have this mean"
    return False, "no whole numbers of so many units have this mean"


def _p_of_change(arm: Arm) -> tuple[bool | None, str, Consistency | None]:
    lacks = (arm.lacking("mean", "n"), arm.lacking("p_value_change", waves=[arm.after]))
    if any(lacks):
        return None, f"needs {', '.join(filter(None, lacks))}", None
    if not arm.same_n:
        return None, "n differs between the waves, so the means are not those of the same units", None
    if arm.limits is None:
        return None, f"needs {arm.lacking('sd') or 'two units'}", None
    p = arm.p_value
    printed = {"printed": p.value, "p_decimals": p.decimals, "is_bound": p.is_bound, "decimals": arm.decimals("mean")}
    found = recomputed_p_of_change(*arm.means, arm.n, arm.limits, **printed)
    said = "a paired t test can give it" if found.is_consistent else "no paired t test of these means gives it"
    return found.is_consistent, said, found


def table_one(
    slots: Sequence[Slot], plan: Plan, ledger: Ledger, assumptions: Mapping[str, Assumption], *, level: float = 0.95
) -> tuple[OutcomeSummary, ...]:
    """Derive all that the filled slots allow, and say what each other number lacks.

    Any of the slots may be empty or absent. There is one summary for each outcome that has slots, in the order of the
    plan, with shares on the scale of 0 to 1; `level` is that of the intervals.

    Raises
    ------
    FactError
        If a slot belongs to no outcome, arm or wave of the comparison, counts more units than were analysed, or an
        outcome's means differ in unit.

    Notes
    -----
    See `clustertrials.published`. The implied SD takes the printed p-value as one of a paired t test that ignored the
    offices; if the test allowed for them, the SD already holds their effect, and the interval between the arms is too
    wide.

    Examples
    --------
    >>> import holf
    >>> record = holf.load_plan(), holf.load_ledger(), holf.load_assumptions()
    >>> found = table_one(holf.load_published_results(), *record)
    >>> found[0].outcome, found[0].arms[0].change_needs
    ('employment', 'mean at m0, mean at m12')
    """
    contrast = next(one for one in plan.contrasts.values() if one.registered)
    groups = contrast.treated + contrast.other
    _check_slots(slots, plan, ledger, groups)
    clusters = [ledger.number(plan.arms[name]["offices_fact"]) for name in groups]
    cv, found = assumptions["parents_size_cv"].value, []
    for outcome in plan.outcomes.values():
        own = [slot for slot in slots if slot.outcome == outcome.id]
        if not own:
            continue
        scale, waves = _scale_of(own), _waves(plan, outcome)
        filled = {name: {(s.wave, s.statistic): s for s in own if s.arm == name and s.printed} for name in groups}
        arms = tuple(Arm(name, scale, *waves, filled[name], level) for name in groups)
        verdicts = tuple(check for arm in arms for check in _checks(arm))
        source = next((f"simulated: {slot.source}" for slot in own if slot.kind == "simulated"), "")
        needs = _between_needs(arms, verdicts, clusters)
        effects = () if needs else _between(arms, clusters, cv, assumptions["icc_grid"].value, level)
        effects = tuple(replace(effect, source=source) for effect in effects)
        found.append(OutcomeSummary(outcome.id, scale, arms, effects, needs, verdicts, source))
    return tuple(found)


def _waves(plan: Plan, outcome: Outcome) -> tuple[str, str]:
    return min(plan.waves, key=plan.waves.get), outcome.waves[0]


def _check_slots(slots: Sequence[Slot], plan: Plan, ledger: Ledger, groups: Sequence[str]) -> None:
    fact, level = plan.trial["analysed"]["fact"], plan.trial["analysed"]["level"]
    most, totals = ledger.number(fact), {}
    for slot in slots:
        if slot.outcome not in plan.outcomes:
            raise FactError(f"{slot.where}: no such outcome in data/plan.yml")
        outcome = plan.outcome(slot.outcome)
        if slot.arm not in groups or slot.wave not in _waves(plan, outcome):
            known = ", ".join(groups), ", ".join(_waves(plan, outcome))
            raise FactError(f"{slot.where}: arm must be one of {known[0]}, and wave one of {known[1]}")
        if slot.statistic != "n" or slot.value is None or outcome.level != level:
            continue
        if slot.value > most:
            raise FactError(f"{slot.where}: n is larger than all that were analysed, {most} in row {fact}")
        # At baseline the arms may together hold more: those who were lost later.
        totals[slot.outcome, slot.wave] = totals.get((slot.outcome, slot.wave), 0) + slot.value
        if plan.waves[slot.wave] > 0 and totals[slot.outcome, slot.wave] > most:
            raise FactError(f"{slot.where}: the arms' n add up to more than were analysed, {most} in row {fact}")


def _between_needs(arms: Sequence[Arm], verdicts: Sequence[Check], clusters: Sequence[int]) -> str:
    """What the comparison lacks: in each arm, a possible implied SD and at least as many units as clusters."""
    impossible = {check.arm for check in verdicts if check.p is not None and not check.holds}
    lacking = []
    for arm, count in zip(arms, clusters):
        if arm.implied is None:
            lacking.append(f"{arm.arm}: {arm.sd_needs}")
        elif arm.arm in impossible:
            lacking.append(f"{arm.arm}: a p-value that its means allow")
        elif arm.n < count:
            lacking.append(f"{arm.arm}: at least one unit in each cluster")
    return "; ".join(lacking)


def _between(arms: Sequence[Arm], clusters: Sequence[int], cv: float, grid: Sequence[float], level: float):
    """Compare the first arm's change with the second's at each correlation of a grid."""
    first, second = ((arm.change, arm.implied.sd, arm.n) for arm in arms)
    shared = {"clusters1": clusters[0], "clusters2": clusters[1], "cv": cv, "level": level}
    return [between_arms(*first, *second, icc=value, **shared) for value in grid]
