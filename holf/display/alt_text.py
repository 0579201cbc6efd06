"""Text alternatives of figures: the main message in short; the table of the figure has the rest.

Each function returns the text alternative of one figure, without the mark. Every number in it is one that the table of
the figure has, printed alike (`holf.book.downloads.outputs.alt_faults`); what disclosure control withholds is said in
words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from clustertrials.results import Effect
from holf.display import text
from holf.record.flow import UNKNOWN, Flow
from holf.record.plan import Outcome, Plan
from holf.record.source import RECORD, data_name
from holf.study.answers import Change, Level, is_withheld


def _ends(values: Sequence[float], show: Callable[[float], str]) -> str:
    """Smallest and largest of the values that are not withheld, as `show` prints them."""
    known = [value for value in values if not is_withheld(value)]
    return f"{show(min(known))} to {show(max(known))}" if known else str(values[0])


def _with_interval(effect: Effect, outcome: Outcome) -> str:
    shown = text.difference(effect.estimate, outcome.show, unit=False)
    if is_withheld(effect.estimate):
        return shown
    return f"{shown} ({text.interval(effect.ci_low, effect.ci_high, outcome.show, unit=False)})"


def of_levels(by_source: Mapping[str, Sequence[Level]], outcome: Outcome, plan: Plan) -> str:
    """Each arm's first and last mean, a source at a time."""
    unit = "%" if outcome.show == "percent" else text.scale(outcome.show)[1]
    said = []
    for source, levels in by_source.items():
        arms = []
        for arm in dict.fromkeys(level.group for level in levels):
            means = [text.level(level.mean, outcome.show, unit=False) for level in levels if level.group == arm]
            arms.append(f"{plan.arms[arm]['label']} {' to '.join(dict.fromkeys((means[0], means[-1])))}")
        said.append(f"{data_name(source)}: {', '.join(arms)}")
    waves = [level.wave for levels in by_source.values() for level in levels]
    return f"{outcome.label}, mean by arm from {waves[0]} to {waves[-1]}, {unit}. {'; '.join(said)}."


def of_effects(effects: Sequence[Effect], outcome: Outcome) -> str:
    """The first method's estimate with its interval, and the range of all methods' estimates, a source at a time."""
    by_source = {source: [] for source in dict.fromkeys(effect.source for effect in effects)}
    for effect in effects:
        by_source[effect.source].append(effect)
    said = []
    for source, mine in by_source.items():
        words = f"{data_name(source)} {_with_interval(mine[0], outcome)}"
        if len(mine) > 1:
            estimates = [effect.estimate for effect in mine]
            words += f", range {_ends(estimates, lambda one: text.difference(one, outcome.show, unit=False))}"
        said.append(words)
    counts = {len(mine) for mine in by_source.values()}
    every = "" if counts == {1} else f", and the range over {max(counts) if len(counts) == 1 else 'all'} methods"
    unit = text.difference_style(outcome.show)[2]
    return (
        f"{outcome.label}: {outcome.words.minus}, {unit}, by {text.method(effects[0], outcome)} with its 95 % interval"
        f"{every}. {'; '.join(said)}."
    )


def of_overview(effects: Mapping[str, Sequence[Effect]], outcomes: Sequence[Outcome]) -> str:
    """The lowest and the highest of all outcomes' effects, in multiples of their margins, a source at a time."""
    said = []
    for source, mine in effects.items():
        known = [(one.estimate / outcome.margin, outcome.label) for one, outcome in zip(mine, outcomes)
                 if not is_withheld(one.estimate)]  # fmt: skip
        ends = dict.fromkeys((min(known), max(known))) if known else ()
        words = " to ".join(f"{text.decimal(value, 2)} ({label})" for value, label in ends) or str(mine[0].estimate)
        said.append(f"{data_name(source)}: {words}")
    return (
        f"Difference between the arms in {len(outcomes)} outcomes with 95 % intervals, in multiples of each one's "
        f"margin, lowest to highest. {'; '.join(said)}."
    )


def of_change(changes: Sequence[Change], effects: Sequence[Effect], outcome: Outcome, plan: Plan) -> str:
    """Each arm's change and the effect with its interval, a source at a time."""
    said = []
    for effect in effects:
        arms = [
            f"{plan.arms[change.arm]['label']} {text.difference(change.change, outcome.show, unit=False)}"
            for change in changes
            if change.source == effect.source
        ]
        said.append(f"{data_name(effect.source)}: {', '.join(arms)}, effect {_with_interval(effect, outcome)}")
    unit = text.difference_style(outcome.show)[2]
    return f"{outcome.label}, {unit}: before-after change of each arm is not the effect. {'; '.join(said)}."


def of_flow(flow: Flow, arm_labels: Mapping[str, str]) -> str:
    """Every box in the order of time, with its class where that is not published, and where the unit changes."""
    known, unknown, of_record = [], [], flow.source == RECORD
    for one in flow.counts:
        if one.total is None:
            unknown.append(one.label)
            continue
        if unknown:
            known.append(f"{', '.join(unknown)}: {UNKNOWN}")
            unknown = []
        arms = [f"{label} {text.count(one.by_arm[arm])}" for arm, label in arm_labels.items() if arm in one.by_arm]
        # By arm where the offices were drawn, and at the end.
        shown = arms and (one.box.randomised or one is flow.counts[-1])
        words = f"{one.label}: {one.shown}" + (f" ({', '.join(arms)})" if shown else "")
        words += " (derived)" if one.kind == "derived" else ""
        words += f" ({one.box.caveat})" if of_record and one.box.caveat else ""
        known.append(("the unit changes here; " if one.box.unit_changes else "") + words)
    said = f"Participant flow. {'; '.join(known)}."
    return said if flow.counts[-1].by_arm else f"{said} By arm: {UNKNOWN}."
