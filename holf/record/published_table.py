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
    implied_sd_of_change,
    recomputed_p_of_change,
    share_change_limits,
)
from clustertrials.results import Effect
from holf.paths import data_path
from holf.record.facts import Assumption, FactError, Ledger
from holf.record.plan import Plan
from holf.record.reading import name_of, read_rows

COLUMNS = (
    *("outcome", "arm", "wave", "statistic", "value", "unit", "class"),
    *("source", "page", "entered_by", "entered_on", "note"),
)
STATISTICS = ("mean", "sd", "n", "p_value_change")
# Units of 0/1 variables, and the highest mean in each.
_MOST = {"percent": 100, "share": 1}
_NUMBER = re.compile(r"<? ?(-?\d+(\.\d+)?|\.\d+)")


@dataclass(frozen=True)
class Slot:
    """One place for a number of the article's Table 1, empty until someone types it in from the paper.

    `printed` is the text as typed: it alone knows trailing zeros, and whether a p-value is only a bound. `kind` is the
    class of the number, empty while the slot is.
    """

    outcome: str
    arm: str
    wave: str
    statistic: str
    printed: str
    unit: str
    kind: str
    source: str
    page: str
    file: str

    @property
    def value(self) -> float | None:
        """The number; None where there is none."""
        return float(self.printed.lstrip("< ")) if _NUMBER.fullmatch(self.printed) else None

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


def _fault(slot: Slot, kind: str) -> str:
    """The rule that a slot breaks, or an empty string."""
    value, is_p, most = slot.value, slot.statistic == "p_value_change", _MOST.get(slot.unit)
    if slot.statistic not in STATISTICS:
        return f"column statistic must be one of {', '.join(STATISTICS)}"
    if not slot.printed:
        return ""
    if not (slot.kind == kind and slot.source and slot.page):
        return f"a value needs class {kind}, a source and a page"
    if value is None:
        return "column value must be a number with a point for decimals and no other separator"
    outside = slot.statistic == "mean" and most is not None and not 0 <= value <= most
    rules = {
        "only a p-value may be a bound": slot.is_bound and not is_p,
        "a p-value lies between 0 and 1": is_p and not 0 <= value <= 1,
        "a p printed as 0 is a bound; type it as one, as in <0.001": is_p and value == 0,
        "n is a whole number of at least 1": slot.statistic == "n" and (value < 1 or not slot.printed.isdigit()),
        "a standard deviation is not negative": slot.statistic == "sd" and value < 0,
        f"a mean in {slot.unit} lies between 0 and {most}": outside,
    }
    return next((f"column value: {rule}" for rule, broken in rules.items() if broken), "")


def load_published_results(path: Path | None = None, *, kind: str = "published") -> tuple[Slot, ...]:
    """Read the slots for the article's Table 1.

    Parameters
    ----------
    path : Path, optional
        By default `data/published_results.csv`; another file has the same columns. Column ``value`` holds the
        number exactly as printed, trailing zeros included, with a point for decimals and no thousands separator; a
        p-value of which only a bound is printed begins with ``<``, as in ``<0.001``. Column ``unit`` says what the
        values are: ``percent`` or ``share`` of a 0/1 variable, or any other words. A row with statistic ``sd`` may be
        added to each mean.
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
    path, slots = path or data_path("published_results.csv"), {}
    for row in read_rows(path, COLUMNS):
        printed = row["value"].strip()
        slot = Slot(
            *(row[name] for name in ("outcome", "arm", "wave", "statistic")), printed, row["unit"],
            row["class"] if printed else "", row["source"], row["page"], name_of(path),
        )  # fmt: skip
        if fault := _fault(slot, kind) or ("the slot is there twice" if slot.where in slots else ""):
            raise FactError(f"{slot.where}: {fault}")
        slots[slot.where] = slot
    return tuple(slots.values())


@dataclass(frozen=True)
class Check:
    """One check of printed numbers; `holds` is None where it cannot tell, and `reason` then says why."""

    wave: str
    rule: str
    holds: bool | None
    reason: str
    p: Consistency | None = None


@dataclass(frozen=True)
class Arm:
    """What follows from the filled slots of one arm and outcome, and what each number that does not follow needs.

    `n` is the most units that can have been measured at both waves: the smaller of the two numbers; where they differ
    (`same_n`), the change may in part be one of other units. `implied` is the spread of the change that the p-value
    implies, and `limits` are its bounds from means of a 0/1 variable or from typed SDs. `decimals` are the fewest with
    which the means are printed.
    """

    arm: str
    n: int | None
    same_n: bool
    change: float | None
    change_needs: str
    implied: ImpliedSd | None
    sd_needs: str
    limits: SdLimits | None
    decimals: int
    checks: tuple[Check, ...]


@dataclass(frozen=True)
class OutcomeSummary:
    """All that follows from the slots of one outcome, whose means are in `unit`.

    `factor` divides a printed number into the scale of the answers: 100 for percent. `effects` compare the arms'
    changes at each intraclass correlation of the assumed grid, and are empty where `between_needs` names what is
    missing. `source` is empty for published numbers.
    """

    outcome: str
    unit: str
    factor: int
    arms: tuple[Arm, ...]
    effects: tuple[Effect, ...]
    between_needs: str
    source: str


def _arm(name: str, slots: Mapping[tuple[str, str], Slot], waves: tuple[str, str], unit: str, level: float) -> Arm:
    scale, after = 100 if unit == "percent" else 1, waves[1]

    def lacking(*statistics: str, at: Sequence[str] = waves) -> str:
        return ", ".join(f"{one} at {wave}" for one in statistics for wave in at if (wave, one) not in slots)

    def number(statistic: str, wave: str) -> float:
        # In decimal arithmetic, since 45.3 / 100 is off itself in binary.
        return float(Decimal(slots[wave, statistic].printed) / scale)

    def decimals(statistic: str, at: Sequence[str] = waves) -> int:
        return min(slots[wave, statistic].decimals for wave in at) + (2 if scale == 100 else 0)

    change_needs, n, same_n = lacking("mean"), None, True
    if not lacking("n"):
        counts = [int(slots[wave, "n"].value) for wave in waves]
        n, same_n = min(counts), counts[0] == counts[1]
    means = [] if change_needs else [number("mean", wave) for wave in waves]
    limits = None
    if means and n and n >= 2:
        if unit in _MOST:
            limits = share_change_limits(*means, n, decimals=decimals("mean"))
        elif not lacking("sd"):
            limits = change_limits(*(number("sd", wave) for wave in waves), decimals=decimals("sd"))
    needs = ", ".join(filter(None, (lacking("mean", "n"), lacking("p_value_change", at=[after]))))
    implied, sd_needs, p_check = None, needs, (None, f"needs {needs}")
    if not needs:
        p = slots[after, "p_value_change"]
        printed = {"is_bound": p.is_bound, "p_decimals": p.decimals, "decimals": decimals("mean")}
        try:
            implied = implied_sd_of_change(*means, n, p.value, level=level, **printed)
        except ValueError as error:
            sd_needs = f"other numbers: {error}"
        if not same_n:
            p_check = None, "n differs between the waves, so the means are not those of the same units"
        elif limits is None:
            p_check = None, f"needs {lacking('sd') or 'two units'}"
        else:
            found = recomputed_p_of_change(*means, n, limits, printed=p.value, **printed)
            said = "a paired t test can give it" if found.is_consistent else "no paired t test of these means gives it"
            p_check = found.is_consistent, said, found
    checks = []
    for wave in waves:
        if lacks := lacking("mean", "n", at=[wave]):
            checks.append(Check(wave, "GRIM", None, f"needs {lacks}"))
        else:
            mean, count = number("mean", wave), int(slots[wave, "n"].value)
            checks.append(Check(wave, "GRIM", *_grim(mean, count, decimals("mean", [wave]), unit)))
    return Arm(
        arm=name,
        n=n,
        same_n=same_n,
        change=means[1] - means[0] if means else None,
        change_needs=change_needs,
        implied=implied,
        sd_needs=sd_needs,
        limits=limits,
        decimals=min(slots[wave, "mean"].decimals for wave in waves) if means else 0,
        checks=(*checks, Check(after, "p for change", *p_check)),
    )


def _grim(mean: float, n: int, decimals: int, unit: str) -> tuple[bool | None, str]:
    if unit not in _MOST:
        return None, f"the unit does not say whole numbers: {unit}"
    if n >= 10**decimals:
        return None, "n is too large for so few decimals: every mean is possible"
    if grim(mean, n, decimals=decimals):
        return True, "whole numbers can have this mean"
    return False, "no whole numbers of so many units have this mean"


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
    See `clustertrials.published`. The implied
    SD takes the printed p-value as one of a paired t test that ignored the offices; if the test allowed for them, the
    SD already holds their effect, and the interval between the arms is too wide.
    """
    groups = next(one for one in plan.contrasts.values() if one.registered).arms
    first = min(plan.waves, key=plan.waves.get)
    waves = {outcome.id: (first, outcome.waves[0]) for outcome in plan.outcomes.values()}
    _check_slots(slots, plan, ledger, groups, waves)
    clusters = [ledger.number(plan.arms[name]["offices_fact"]) for name in groups]
    cv, found = assumptions["parents_size_cv"].value, []
    for outcome in plan.outcomes.values():
        own = [slot for slot in slots if slot.outcome == outcome.id]
        if not own:
            continue
        unit = _unit(own)
        filled = {name: {(s.wave, s.statistic): s for s in own if s.arm == name and s.printed} for name in groups}
        arms = tuple(_arm(name, filled[name], waves[outcome.id], unit, level) for name in groups)
        source = next((f"simulated: {slot.source}" for slot in own if slot.kind == "simulated"), "")
        effects, needs = (), _between_needs(arms, clusters)
        if not needs:
            sides = [value for arm in arms for value in (arm.change, arm.implied.sd, arm.n)]
            asked = {"clusters1": clusters[0], "clusters2": clusters[1], "cv": cv, "level": level}
            compared = (between_arms(*sides, icc=icc, **asked) for icc in assumptions["icc_grid"].value)
            effects = tuple(replace(effect, source=source) for effect in compared)
        factor = 100 if unit == "percent" else 1
        found.append(OutcomeSummary(outcome.id, unit, factor, arms, effects, needs, source))
    return tuple(found)


def _unit(slots: Sequence[Slot]) -> str:
    """Unit of the means of one outcome; FactError if filled ones differ."""
    measured = [slot for slot in slots if slot.statistic in ("mean", "sd")]
    filled = [slot for slot in measured if slot.value is not None]
    if odd := [slot for slot in filled if slot.unit != filled[0].unit]:
        raise FactError(f"{odd[0].where}: column unit must be the same for all means of an outcome")
    return next((slot.unit for slot in filled or measured), "not stated")


def _check_slots(
    slots: Sequence[Slot], plan: Plan, ledger: Ledger, groups: Sequence[str], waves: Mapping[str, tuple[str, str]]
) -> None:
    fact, level = plan.trial["analysed"]["fact"], plan.trial["analysed"]["level"]
    most, totals = ledger.number(fact), {}
    for slot in slots:
        if slot.outcome not in waves:
            raise FactError(f"{slot.where}: no such outcome in data/plan.yml")
        if slot.arm not in groups or slot.wave not in waves[slot.outcome]:
            known = ", ".join(groups), ", ".join(waves[slot.outcome])
            raise FactError(f"{slot.where}: arm must be one of {known[0]}, and wave one of {known[1]}")
        if slot.statistic != "n" or slot.value is None or plan.outcome(slot.outcome).level != level:
            continue
        if slot.value > most:
            raise FactError(f"{slot.where}: n is larger than all that were analysed, {most} in row {fact}")
        # At baseline the arms may together hold more: those who were lost later.
        totals[slot.outcome, slot.wave] = totals.get((slot.outcome, slot.wave), 0) + slot.value
        if plan.waves[slot.wave] > 0 and totals[slot.outcome, slot.wave] > most:
            raise FactError(f"{slot.where}: the arms' n add up to more than were analysed, {most} in row {fact}")


def _between_needs(arms: Sequence[Arm], clusters: Sequence[int]) -> str:
    """What the comparison lacks: in each arm, a possible implied SD and at least as many units as clusters."""
    lacking = []
    for arm, count in zip(arms, clusters):
        if arm.implied is None:
            lacking.append(f"{arm.arm}: {arm.sd_needs}")
        elif any(check.p is not None and not check.holds for check in arm.checks):
            lacking.append(f"{arm.arm}: a p-value that its means allow")
        elif arm.n < count:
            lacking.append(f"{arm.arm}: at least one unit in each cluster")
    return "; ".join(lacking)
