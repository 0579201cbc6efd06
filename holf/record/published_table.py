"""The article's Table 1: slots typed in from the paper, whether they can be true, and what follows from them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from clustertrials.published import (
    Consistency,
    ImpliedSd,
    SdLimits,
    between_arms,
    change_limits,
    grim,
    half_unit,
    implied_sd_of_change,
    recomputed_p_of_change,
    share_change_limits,
    share_sd,
)
from clustertrials.results import Effect
from holf.paths import data_path
from holf.record.facts import Assumption, FactError, Ledger
from holf.record.plan import Outcome, Plan
from holf.record.reading import read_rows

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
    printed: str = ""
    kind: str = ""
    file: str = ""

    @property
    def where(self) -> str:
        """File and row, for messages."""
        return f"{self.file}, {self.outcome} {self.arm} {self.wave} {self.statistic}"

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
    slot = Slot(*key, value, row["unit"], row["source"], printed, row["class"] if printed else "", file)
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
        A CSV file in the form of `data/published_results.csv`; that file itself by default. Column ``value`` holds the
        number exactly as printed, trailing zeros included, with a point for decimals and no thousands separator; a
        p-value of which only a bound is printed begins with ``<``, as in ``<0.001``. Column ``unit`` says what the
        values are: ``percent`` or ``share`` of a 0/1 variable, ``whole points`` or ``whole points, mean of K items``
        for scores in whole numbers, or any other words. A row with statistic ``sd`` may be added to each mean.
    kind : str
        Class that every filled slot must carry; a made-up table says ``simulated``.

    Returns
    -------
    tuple of Slot
        Each in the unit that it names; `value` is None where none has been typed in.

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
        slot = _slot(row, path.name, kind)
        if slot.where in slots:
            raise FactError(f"{slot.where}: the slot is there twice")
        slots[slot.where] = slot
    return tuple(slots.values())


@dataclass(frozen=True)
class Scale:
    """Unit of an outcome as typed, and what it means for the checks.

    `factor` divides a printed number into the scale on which this module computes (100 for percent, else 1).
    `is_share`: values are 0 or 1. `items`: how many whole numbers a unit's value averages; 0 where that is not known.
    """

    unit: str
    factor: int
    is_share: bool
    items: int


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
class TypedArm:
    """The filled slots of one arm and outcome, by wave and statistic."""

    arm: str
    scale: Scale
    before: str
    after: str
    slots: dict[tuple[str, str], Slot]

    def value(self, wave: str, statistic: str) -> float:
        """The number on the outcome's scale; in decimal arithmetic, since 45.3 / 100 is off itself in binary."""
        return float(Decimal(self.slots[wave, statistic].printed) / self.scale.factor)

    def count(self, wave: str) -> int:
        """Units at a wave."""
        return int(self.slots[wave, "n"].value)

    @property
    def pairs(self) -> int:
        """The most units that can have been measured at both waves."""
        return min(self.count(self.before), self.count(self.after))

    def decimals(self, statistic: str, wave: str = "") -> int:
        """Decimals on the outcome's scale, at one wave or the fewest of both."""
        waves = (wave,) if wave else (self.before, self.after)
        return min(self.slots[one, statistic].decimals for one in waves) + (2 if self.scale.factor == 100 else 0)

    def needs(self, *keys: tuple[str, str]) -> str:
        """The slots among (wave, statistic) `keys` that are not filled, in words; empty if none."""
        lacking = [f"{statistic} at {wave}" for wave, statistic in keys if (wave, statistic) not in self.slots]
        return ", ".join(lacking)

    def both(self, *statistics: str) -> list[tuple[str, str]]:
        """Keys of some statistics at both waves."""
        return [(wave, statistic) for statistic in statistics for wave in (self.before, self.after)]


def scale_of(slots: Sequence[Slot]) -> Scale:
    """Read the scale from the unit of the means of one outcome; FactError if filled ones differ."""
    measured = [slot for slot in slots if slot.statistic in ("mean", "sd")]
    units = list(dict.fromkeys(slot.unit for slot in measured if slot.value is not None))
    if len(units) > 1:
        odd = next(slot for slot in measured if slot.value is not None and slot.unit == units[1])
        raise FactError(f"{odd.where}: column unit must be the same for all means of an outcome")
    unit = (units or [slot.unit for slot in measured] or ["not stated"])[0]
    is_share, whole = unit in ("percent", "share"), _WHOLE.fullmatch(unit)
    items = 1 if is_share else int(whole[1] or 1) if whole else 0
    return Scale(unit, 100 if unit == "percent" else 1, is_share, items)


def limits_of_change(typed: TypedArm) -> SdLimits | None:
    """Bound the spread of the change, from means of a 0/1 variable or from typed SDs; None where neither is there."""
    if typed.needs(*typed.both("mean", "n")) or typed.pairs < 2:
        return None
    means = [typed.value(wave, "mean") for wave in (typed.before, typed.after)]
    if typed.scale.is_share:
        return share_change_limits(*means, typed.pairs, decimals=typed.decimals("mean"))
    if typed.needs(*typed.both("sd")):
        return None
    sds = [typed.value(wave, "sd") for wave in (typed.before, typed.after)]
    return change_limits(*sds, decimals=typed.decimals("sd"))


def checks(typed: TypedArm) -> tuple[Check, ...]:
    """Every check of one arm: GRIM and the SD of a 0/1 variable at each wave, and the p-value of the change."""
    waves = (typed.before, typed.after)
    found = [_grim(typed, wave) for wave in waves]
    if typed.scale.is_share:
        found += [_share_sd(typed, wave) for wave in waves if (wave, "sd") in typed.slots]
    return (*found, _p_of_change(typed))


def _grim(typed: TypedArm, wave: str) -> Check:
    rule = "GRIM"
    if lacking := typed.needs((wave, "mean"), (wave, "n")):
        return Check(typed.arm, wave, rule, None, f"needs {lacking}")
    if not typed.scale.items:
        return Check(typed.arm, wave, rule, None, f"the unit does not say whole numbers: {typed.scale.unit}")
    n, decimals = typed.count(wave), typed.decimals("mean", wave)
    if n * typed.scale.items >= 10**decimals:
        return Check(typed.arm, wave, rule, None, "n is too large for so few decimals: every mean is possible")
    possible = grim(typed.value(wave, "mean"), n, decimals=decimals, items=typed.scale.items)
    said = "whole numbers can have this mean" if possible else "no whole numbers of so many units have this mean"
    return Check(typed.arm, wave, rule, possible, said)


def _share_sd(typed: TypedArm, wave: str) -> Check:
    rule = "SD of a 0/1 variable"
    if lacking := typed.needs((wave, "mean"), (wave, "n")):
        return Check(typed.arm, wave, rule, None, f"needs {lacking}")
    n, mean, slack = typed.count(wave), typed.value(wave, "mean"), half_unit(typed.decimals("mean", wave))
    if n < 2:
        return Check(typed.arm, wave, rule, None, "one unit has no SD")
    # The SD rises towards a mean of one half, so its limits lie at the ends of the rounding or at that mean.
    ends = [min(max(mean - slack, 0.0), 1.0), min(max(mean + slack, 0.0), 1.0)]
    near = ends + ([0.5] if ends[0] <= 0.5 <= ends[1] else [])
    sds, own = [share_sd(end, n) for end in near], half_unit(typed.decimals("sd", wave))
    fits = min(sds) - own <= typed.value(wave, "sd") <= max(sds) + own
    return Check(typed.arm, wave, rule, fits, "the SD is that of the mean" if fits else "the mean asks for another SD")


def _p_of_change(typed: TypedArm) -> Check:
    rule, key = "p for change", (typed.after, "p_value_change")
    if lacking := typed.needs(*typed.both("mean", "n"), key):
        return Check(typed.arm, typed.after, rule, None, f"needs {lacking}")
    if typed.count(typed.before) != typed.count(typed.after):
        said = "n differs between the waves, so the means are not those of the same units"
        return Check(typed.arm, typed.after, rule, None, said)
    limits = limits_of_change(typed)
    if limits is None:
        said = f"needs {typed.needs(*typed.both('sd')) or 'two units'}"
        return Check(typed.arm, typed.after, rule, None, said)
    p, means = typed.slots[key], [typed.value(wave, "mean") for wave in (typed.before, typed.after)]
    found = recomputed_p_of_change(
        *means,
        typed.pairs,
        limits,
        printed=p.value,
        p_decimals=p.decimals,
        is_bound=p.is_bound,
        decimals=typed.decimals("mean"),
    )
    said = "a paired t test can give it" if found.is_consistent else "no paired t test of these means gives it"
    return Check(typed.arm, typed.after, rule, found.is_consistent, said, found)


@dataclass(frozen=True)
class ArmSummary:
    """Change of one arm on the scale of the outcome, and the spread that its p-value implies.

    `decimals` are those of the means on that scale. What could not be derived is None (or no p), and `change_needs` or
    `sd_needs` names what it lacks. `n` is the smaller number of the two waves, `same_n` whether they agree; where they
    do not, the change may in part be one of other units.
    """

    arm: str
    n: int | None
    same_n: bool
    decimals: int
    change: float | None
    change_needs: str
    implied: ImpliedSd | None
    sd_needs: str
    limits: SdLimits | None


@dataclass(frozen=True)
class OutcomeSummary:
    """All that follows from the slots of one outcome.

    `effects` compare the arms' changes at the lowest, middle and highest assumed intraclass correlation, and are empty
    where `between_needs` names what is missing. `source` is empty for published numbers.
    """

    outcome: str
    scale: Scale
    arms: tuple[ArmSummary, ...]
    effects: tuple[Effect, ...]
    between_needs: str
    checks: tuple[Check, ...]
    source: str


def table_one(
    slots: Sequence[Slot], plan: Plan, ledger: Ledger, assumptions: Mapping[str, Assumption], *, level: float = 0.95
) -> tuple[OutcomeSummary, ...]:
    """Derive all that the filled slots allow, and say what each other number lacks.

    Parameters
    ----------
    slots : sequence of Slot
        From `holf.load_published_results`; any of them may be empty or absent.
    plan, ledger, assumptions
        Outcomes, arms and waves; offices by arm and analysed units; intraclass correlations by outcome, and the spread
        of cluster sizes.
    level : float
        Level of the intervals.

    Returns
    -------
    tuple of OutcomeSummary
        One an outcome that has slots, in the order of the plan; shares on the scale of 0 to 1.

    Raises
    ------
    FactError
        If a slot belongs to no outcome, arm or wave of the comparison, counts more units than were analysed, or an
        outcome's means differ in unit.

    Notes
    -----
    See `clustertrials.published`. The correlation assumed for an outcome is taken for its change as well. The implied
    SD takes the printed p-value as one of a paired t test that ignored the offices; if the test allowed for them, the
    SD already holds their effect, and the interval between the arms is too wide.

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
        scale, waves = scale_of(own), _waves(plan, outcome)
        filled = {(s.arm, s.wave, s.statistic): s for s in own if s.value is not None}
        arms = [
            TypedArm(name, scale, *waves, {(wave, what): s for (arm, wave, what), s in filled.items() if arm == name})
            for name in groups
        ]
        summaries = tuple(_arm_summary(arm, level) for arm in arms)
        verdicts = tuple(check for arm in arms for check in checks(arm))
        source = next((f"simulated: {slot.source}" for slot in own if slot.kind == "simulated"), "")
        needs = _between_needs(summaries, verdicts, clusters)
        effects = () if needs else _between(summaries, clusters, cv, assumptions[outcome.simulated["icc"]], level)
        effects = tuple(replace(effect, source=source) for effect in effects)
        found.append(OutcomeSummary(outcome.id, scale, summaries, effects, needs, verdicts, source))
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


def _arm_summary(typed: TypedArm, level: float) -> ArmSummary:
    change_needs = typed.needs(*typed.both("mean"))
    sd_needs = typed.needs(*typed.both("mean", "n"), (typed.after, "p_value_change"))
    n, same_n, change, decimals, implied = None, True, None, 0, None
    if not typed.needs(*typed.both("n")):
        n, same_n = typed.pairs, typed.count(typed.before) == typed.count(typed.after)
    if not change_needs:
        before, after = (typed.value(wave, "mean") for wave in (typed.before, typed.after))
        change, decimals = after - before, typed.decimals("mean")
    if not sd_needs:
        p = typed.slots[typed.after, "p_value_change"]
        try:
            implied = implied_sd_of_change(
                before, after, n, p.value, is_bound=p.is_bound, decimals=decimals, p_decimals=p.decimals, level=level
            )
        except ValueError as error:
            sd_needs = f"other numbers: {error}"
    return ArmSummary(typed.arm, n, same_n, decimals, change, change_needs, implied, sd_needs, limits_of_change(typed))


def _between_needs(arms: Sequence[ArmSummary], verdicts: Sequence[Check], clusters: Sequence[int]) -> str:
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


def _between(arms: Sequence[ArmSummary], clusters: Sequence[int], cv: float, icc: Assumption, level: float):
    """Compare the first arm's change with the second's at the lowest, middle and highest correlation assumed."""
    first, second = ((arm.change, arm.implied.sd, arm.n) for arm in arms)
    shared = {"clusters1": clusters[0], "clusters2": clusters[1], "cv": cv, "level": level}
    return [between_arms(*first, *second, icc=value, **shared) for value in (icc.low, icc.value, icc.high)]
