"""The article's Table 1 as tables of the book: its slots, what follows from them, and whether they fit together."""

from __future__ import annotations

from collections.abc import Sequence

from holf.display import text
from holf.display.record_tables import slot_cell
from holf.display.table import Cell, Table
from holf.record.plan import Plan
from holf.record.published_table import Arm, OutcomeSummary, Slot
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
        unit = next((slot.unit for slot in numbers if slot and slot.statistic == "mean"), text.MISSING)
        rows.append((plan.outcome(outcome).label, plan.arms[arm]["label"], unit, *cells))
    filled = sum(slot.value is not None for slot in slots)
    heads = tuple(f"{_STATISTICS[statistic]}, {wave}" for wave, statistic in columns)
    caption = f"Table 1 of the article: {filled} of {len(slots)} slots are filled"
    return Table(caption, ("Outcome", "Arm", "Unit of the mean", *heads), tuple(rows), source=source)


def changes_table(found: Sequence[OutcomeSummary], plan: Plan, *, level: float) -> Table:
    """Change of each arm, the SD of the changes that its p-value implies, and the interval; or what they need."""
    rows = [
        (plan.outcome(one.outcome).label, plan.arms[arm.arm]["label"], _unit(one), *_change_cells(arm, one))
        for one in found
        for arm in one.arms
    ]
    columns = ("Outcome", "Arm", "Unit", "n", "Change", "Implied SD of the change", _interval_head(level))
    caption = "Change inside each arm, as its means and p-value imply"
    return Table(caption, (*columns, "SD that such means allow"), tuple(rows), source=_source(found))


def _change_cells(arm: Arm, summary: OutcomeSummary) -> tuple[Cell | str, ...]:
    factor, places, implied = summary.factor, arm.decimals + 1, arm.implied
    n = change = limits = text.MISSING
    if arm.n is not None:
        n = _derived(text.count(arm.n) if arm.same_n else f"{text.count(arm.n)}, the smaller of two", summary)
    if arm.change is None:
        change = Cell(f"needs {arm.change_needs}", "unknown")
    else:
        change = _derived(text.signed(arm.change * factor, places), summary)
    if arm.limits is not None:
        limits = _derived(text.limits(arm.limits.low * factor, arm.limits.high * factor, places), summary)
    if implied is None:
        return n, change, Cell(f"needs {arm.sd_needs}", "unknown"), Cell("needs the SD", "unknown"), limits
    interval = text.limits(implied.ci_low * factor, implied.ci_high * factor, places, plus=True)
    if implied.is_bound:
        sd, interval = text.at_most(implied.sd_high * factor, places), f"{interval}, or narrower"
    else:
        rounding = text.limits(implied.sd_low * factor, implied.sd_high * factor, places)
        sd = f"{text.decimal(implied.sd * factor, places)} (rounding leaves {rounding})"
    return n, change, _derived(sd, summary), _derived(interval, summary), limits


def comparison_table(found: Sequence[OutcomeSummary], plan: Plan, *, level: float) -> Table:
    """Difference between the arms' changes at each assumed intraclass correlation, or what it needs.

    The difference is derived; all that moves with the assumed correlation is assumed itself.
    """
    rows = []
    for one in found:
        head, places = (plan.outcome(one.outcome).label, _unit(one)), 1 + max(arm.decimals for arm in one.arms)
        for effect in one.effects:
            difference = _derived(text.signed(effect.estimate * one.factor, places), one)
            interval = text.limits(effect.ci_low * one.factor, effect.ci_high * one.factor, places, plus=True)
            p = text.p_value_of(effect)
            if any(arm.implied.is_bound for arm in one.arms):
                interval, p = f"{interval}, or narrower", f"{p}, or smaller"
            rows.append((*head, difference, *(Cell(x, "assumed") for x in (text.decimal(effect.icc, 2), interval, p))))
        if not one.effects:
            rows.append((*head, Cell(f"needs {one.between_needs}", "unknown"), *[text.MISSING] * 3))
    columns = ("Outcome", "Unit", "Difference of changes", "ICC", _interval_head(level), "p")
    caption = "Between the arms, from the changes and the assumed intraclass correlation (ICC)"
    return Table(caption, columns, tuple(rows), source=_source(found))


def checks_table(found: Sequence[OutcomeSummary], plan: Plan) -> Table:
    """Every check with its verdict and the reason for it; folded while none has a verdict."""
    checks = [(one, arm, check) for one in found for arm in one.arms for check in arm.checks]
    rows = []
    for one, arm, check in checks:
        p = text.MISSING
        if check.p is not None:
            low, high = text.p_value(check.p.low), text.p_value(check.p.high)
            p = _derived(text.printed("{low} to {high}", low=low, high=high), one)
        head = (plan.outcome(one.outcome).label, plan.arms[arm.arm]["label"], check.wave, check.rule)
        rows.append((*head, _VERDICTS[check.holds], check.reason, p))
    columns = ("Outcome", "Arm", "Wave", "Check", "Verdict", "Why", "Possible p")
    is_open = any(check.holds is not None for _, _, check in checks)
    caption = "Do the printed numbers fit together?"
    return Table(caption, columns, tuple(rows), source=_source(found), folded=not is_open)


def _source(found: Sequence[OutcomeSummary]) -> str:
    return next((summary.source for summary in found if summary.source), RECORD)


def _derived(shown: str, summary: OutcomeSummary) -> Cell:
    """What follows from made-up numbers is not derived from published ones, and so carries no badge of that class."""
    return Cell(shown, "" if summary.source else "derived")


def _unit(summary: OutcomeSummary) -> str:
    return "percentage points" if summary.unit == "percent" else summary.unit


def _interval_head(level: float) -> str:
    return f"{text.decimal(100 * level, 0)} % interval"
