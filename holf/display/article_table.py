"""The article's Table 1 as tables of the book: its slots, what follows from them, and whether they fit together."""

from __future__ import annotations

from collections.abc import Sequence

from clustertrials.results import Effect
from holf.display import text
from holf.display.record_tables import slot_cell
from holf.display.table import Cell, Table
from holf.record.plan import Plan
from holf.record.published_table import Arm, Check, OutcomeSummary, Slot, TypedUnit
from holf.record.source import RECORD

_STATISTICS = {"mean": "Mean", "sd": "SD", "n": "n", "p_value_change": "p for change"}
_VERDICTS = {True: "fits", False: "does not fit", None: "cannot tell"}


def slots_table(slots: Sequence[Slot], plan: Plan) -> Table:
    """All slots: a row for each outcome and arm, and how many are filled."""
    source = next((f"simulated: {slot.source}" for slot in slots if slot.kind == "simulated"), RECORD)
    found = {(slot.outcome, slot.arm, slot.wave, slot.statistic): slot for slot in slots}
    columns = list(dict.fromkeys((slot.wave, slot.statistic) for slot in slots))
    rows = []
    for outcome, arm in dict.fromkeys((slot.outcome, slot.arm) for slot in slots):
        numbers = [found.get((outcome, arm, *column)) for column in columns]
        cells = [slot_cell(slot) if slot else text.MISSING for slot in numbers]
        means = (slot.unit for slot in slots if (slot.outcome, slot.arm, slot.statistic) == (outcome, arm, "mean"))
        unit = next(means, text.MISSING)
        rows.append((plan.outcome(outcome).label, plan.arms[arm]["label"], unit, *cells))
    filled = sum(slot.value is not None for slot in slots)
    heads = tuple(f"{_STATISTICS[statistic]}, {wave}" for wave, statistic in columns)
    caption = f"Table 1 of the article: {filled} of {len(slots)} slots are filled"
    return Table(caption, ("Outcome", "Arm", "Unit of the mean", *heads), tuple(rows), source=source)


def changes_table(found: Sequence[OutcomeSummary], plan: Plan, *, level: float) -> Table:
    """Change of each arm, the SD of the changes that its p-value implies, and the interval; or what they need."""
    rows = []
    for summary in found:
        for arm in summary.arms:
            label = plan.outcome(summary.outcome).label
            rows.append((label, plan.arms[arm.arm]["label"], _unit(summary.scale), *_arm_cells(arm, summary)))
    columns = ("Outcome", "Arm", "Unit", "n", "Change", "Implied SD of the change", _interval_head(level))
    caption = "Change inside each arm, as its means and p-value imply"
    return Table(caption, (*columns, "SD that such means allow"), tuple(rows), source=_source(found))


def _arm_cells(arm: Arm, summary: OutcomeSummary) -> tuple[Cell | str, ...]:
    places = _places(arm)
    n = change = limits = text.MISSING
    if arm.n is not None:
        n = _derived(text.count(arm.n) if arm.same_n else f"{text.count(arm.n)}, the smaller of two", summary)
    if arm.change is None:
        change = Cell(f"needs {arm.change_needs}", "unknown")
    else:
        change = _derived(text.signed(arm.change * summary.scale.factor, places), summary)
    if arm.limits is not None:
        limits = _derived(_range(arm.limits.low, arm.limits.high, summary.scale, places), summary)
    if arm.implied is None:
        return n, change, Cell(f"needs {arm.sd_needs}", "unknown"), Cell("needs the SD", "unknown"), limits
    spread, factor = arm.implied, summary.scale.factor
    interval = _interval(spread.ci_low, spread.ci_high, summary.scale, places)
    if spread.is_bound:
        sd, interval = text.at_most(spread.sd_high * factor, places), f"{interval}, or narrower"
    else:
        limits_of_rounding = _range(spread.sd_low, spread.sd_high, summary.scale, places)
        sd = f"{text.decimal(spread.sd * factor, places)} (rounding leaves {limits_of_rounding})"
    return n, change, _derived(sd, summary), _derived(interval, summary), limits


def comparison_table(found: Sequence[OutcomeSummary], plan: Plan, *, level: float) -> Table:
    """Difference between the arms' changes at each assumed intraclass correlation, or what it needs."""
    rows = []
    for summary in found:
        head = (plan.outcome(summary.outcome).label, _unit(summary.scale))
        rows += [(*head, *_effect_cells(effect, summary)) for effect in summary.effects]
        if not summary.effects:
            rows.append((*head, Cell(f"needs {summary.between_needs}", "unknown"), *[text.MISSING] * 3))
    columns = ("Outcome", "Unit", "Difference of changes", "ICC", _interval_head(level), "p")
    caption = "Between the arms, from the changes and the assumed intraclass correlation (ICC)"
    return Table(caption, columns, tuple(rows), source=_source(found))


def _effect_cells(effect: Effect, summary: OutcomeSummary) -> tuple[Cell, ...]:
    """The difference is derived; all that moves with the assumed correlation is assumed itself."""
    places = max(_places(arm) for arm in summary.arms)
    interval = _interval(effect.ci_low, effect.ci_high, summary.scale, places)
    p = text.p_value_of(effect)
    if any(arm.implied.is_bound for arm in summary.arms):
        interval, p = f"{interval}, or narrower", f"{p}, or smaller"
    difference = _derived(text.signed(effect.estimate * summary.scale.factor, places), summary)
    return difference, *(Cell(shown, "assumed") for shown in (text.decimal(effect.icc, 2), interval, p))


def checks_table(found: Sequence[OutcomeSummary], plan: Plan) -> Table:
    """Every check with its verdict and the reason for it; folded while none has a verdict."""
    rows = []
    for summary in found:
        for check in summary.checks:
            head = (plan.outcome(summary.outcome).label, plan.arms[check.arm]["label"], check.wave, check.rule)
            rows.append((*head, _VERDICTS[check.holds], check.reason, _possible_p(check, summary)))
    columns = ("Outcome", "Arm", "Wave", "Check", "Verdict", "Why", "Possible p")
    is_open = any(check.holds is not None for summary in found for check in summary.checks)
    caption = "Do the printed numbers fit together?"
    return Table(caption, columns, tuple(rows), source=_source(found), folded=not is_open)


def _possible_p(check: Check, summary: OutcomeSummary) -> Cell | str:
    if check.p is None:
        return text.MISSING
    low, high = text.p_value(check.p.low), text.p_value(check.p.high)
    return _derived(text.printed("{low} to {high}", low=low, high=high), summary)


def _source(found: Sequence[OutcomeSummary]) -> str:
    return next((summary.source for summary in found if summary.source), RECORD)


def _derived(shown: str, summary: OutcomeSummary) -> Cell:
    """What follows from made-up numbers is not derived from published ones, and so carries no badge of that class."""
    return Cell(shown, "" if summary.source else "derived")


def _unit(scale: TypedUnit) -> str:
    return "percentage points" if scale.factor == 100 else scale.unit


def _places(arm: Arm) -> int:
    """One decimal more than the means are printed with."""
    return 1 + (0 if arm.change_needs else min(arm.slots[wave, "mean"].decimals for wave in (arm.before, arm.after)))


def _range(low: float, high: float, scale: TypedUnit, places: int) -> str:
    return text.limits(low * scale.factor, high * scale.factor, places)


def _interval(low: float, high: float, scale: TypedUnit, places: int) -> str:
    ends = {"low": text.signed(low * scale.factor, places), "high": text.signed(high * scale.factor, places)}
    return text.printed("{low} to {high}", **ends)


def _interval_head(level: float) -> str:
    return f"{text.decimal(100 * level, 0)} % interval"
