"""The numbers typed in for one arm and outcome of the article's Table 1: their scale, and whether they can be true."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from clustertrials.published import (
    Consistency,
    SdLimits,
    change_limits,
    grim,
    half_unit,
    recomputed_p_of_change,
    share_change_limits,
    share_sd,
)
from holf.record.facts import FactError
from holf.record.published_table import Slot

_WHOLE = re.compile(r"whole points(?:, mean of (\d+) items)?")


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
