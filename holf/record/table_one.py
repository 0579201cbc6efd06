"""What the article's Table 1 would tell once typed in: spread of change, comparison of the arms, and consistency."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from clustertrials.published import ImpliedSd, SdLimits, between_arms, implied_sd_of_change
from clustertrials.results import Effect
from holf.record.facts import Assumption, FactError, Ledger
from holf.record.plan import Outcome, Plan
from holf.record.published_table import Slot
from holf.record.typed_arm import Check, Scale, TypedArm, checks, limits_of_change, scale_of


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
    See `clustertrials.published` and `clustertrials.published`. The correlation assumed for an
    outcome is taken for its change as well. The implied SD takes the printed p-value as one of a paired t test that
    ignored the offices; if the test allowed for them, the SD already holds their effect, and the interval between the
    arms is too wide.

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
    """What the comparison lacks: an implied SD that can be true in each arm, and no fewer units than clusters."""
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
