"""The book's figures: each function draws answers that were computed elsewhere, and returns a Picture."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from textwrap import fill

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from clustertrials.results import Effect
from holf.display import alt_text, text
from holf.display.figure import INK, QUIET, SMALL, Picture, arm_style, canvas, finish, name_rows, name_rows_once
from holf.display.table import Table, invented_arms
from holf.display.widths import PHONE
from holf.record.plan import Outcome, Plan
from holf.record.source import data_name, joint_source
from holf.study.answers import Change, Level, is_withheld


def outcome_levels(by_source: dict[str, Sequence[Level]], outcome: Outcome, plan: Plan) -> Picture:
    """Means of the arms at each wave, one panel a source."""
    factor, unit = text.scale(outcome.show)
    unit = "%" if outcome.show == "percent" else unit

    def draw(width: int) -> Figure:
        height = 1.4 * (1 if width == PHONE else 1.5)
        with canvas(width, height, len(by_source), rest=0.9, sharex=True, sharey=True) as (figure, panels):
            for axes, (source, levels) in zip(panels, by_source.items()):
                _draw_levels(axes, levels, factor, plan)
                months = sorted({plan.waves[level.wave] for level in levels})
                axes.set(title=data_name(source), xlabel="", ylabel="", xticks=months)
                _say_withheld(axes, levels, plan)
                axes.yaxis.set_major_formatter(text.tick)
                axes.margins(y=0.35)
                _name_lines(axes)
                sns.despine(ax=axes)
            figure.supylabel(f"Mean, {unit}", fontsize=9)
            figure.supxlabel("Months since baseline", fontsize=9)
        return figure

    table = Table.of(
        f"{outcome.label}: means by arm and wave",
        [(source, level) for source, levels in by_source.items() for level in levels],
        {
            "Data": lambda one: data_name(one[0]),
            "Arm": lambda one: plan.arms[one[1].group]["label"],
            "Wave": lambda one: one[1].wave,
            "Mean": lambda one: text.level(one[1].mean, outcome.show),
            # That of a share follows from the share.
            **({} if outcome.show == "percent" else {"SD": lambda one: text.spread(one[1].sd, outcome.show)}),
            "n": lambda one: text.count(one[1].n),
        },
        source=joint_source(by_source),
        folded=True,
        note=invented_arms(joint_source(by_source)),
    )
    return finish(draw, alt_text.of_levels(by_source, outcome, plan), table)


def _draw_levels(axes: Axes, levels: Sequence[Level], factor: float, plan: Plan) -> None:
    """One line an arm."""
    for arm in dict.fromkeys(level.group for level in levels):
        mine = [level for level in levels if level.group == arm]
        months, means = [plan.waves[level.wave] for level in mine], [level.mean * factor for level in mine]
        colour, marker = arm_style(plan, arm)
        style = {"color": colour, "marker": marker, "markersize": 7, "legend": False}
        sns.lineplot(x=months, y=means, ax=axes, label=plan.arms[arm]["label"], **style)


def _name_lines(axes: Axes) -> None:
    """Name each line beside its last known point: the highest from there upwards, the others downwards."""
    ends = [(line.get_label(), *_last_known(line)) for line in axes.lines if _last_known(line)]
    for place, (label, x, y) in enumerate(sorted(ends, key=lambda end: -end[2])):
        label = fill(label, 9, break_long_words=False)
        # In points: two names never meet, however close the lines end, and a third arm's name clear of the second's.
        away, side = (1, "bottom") if place == 0 else (-1 - 2.6 * SMALL * (place - 1), "top")
        style = {"va": side, "fontsize": SMALL, "color": INK, "linespacing": 1.0}
        axes.annotate(label, (x, y), (7, away), textcoords="offset points", **style)


def _last_known(line: Line2D) -> tuple[float, float] | None:
    known = [(x, y) for x, y in zip(*line.get_data()) if y == y]
    return known[-1] if known else None


def _say_withheld(axes: Axes, levels: Sequence[Level], plan: Plan) -> None:
    """Name the means that disclosure control keeps back, which would else be gaps without a word."""
    gone = [level for level in levels if is_withheld(level.mean)]
    words = [f"{plan.arms[level.group]['label']}, {level.wave}: {level.mean}" for level in gone]
    if words:
        axes.annotate("\n".join(words), (0.98, 0.04), xycoords="axes fraction", ha="right", fontsize=SMALL, color=INK)


def _draw_rows(
    width: int, by_source: Mapping, draw: Callable[[Axes, str], Sequence[str]], below: str, **layout
) -> Figure:
    """One panel a source, whose rows are named once: `draw` fills a panel, and returns the names of its rows."""
    with canvas(width, panels=len(by_source), sharex=True, **layout) as (figure, panels):
        for axes, source in zip(panels, by_source):
            name_rows(axes, draw(axes, source))
            axes.set_title(data_name(source))
            sns.despine(ax=axes, left=True)
        name_rows_once(panels)
        figure.supxlabel(below, fontsize=9)
    return figure


def _ticks(panels: Sequence[Axes], most: int) -> None:
    """As many numbers of five digits as stand apart on the narrowest axis, which all panels share."""
    panels[-1].xaxis.set_major_formatter(text.tick)
    panels[-1].xaxis.set_major_locator(MaxNLocator(most))


def _grey_margin(axes: Axes, margin: float) -> None:
    axes.axvspan(-margin, margin, color="#e6e6e6", zorder=0.1)
    axes.axvline(0, color=QUIET, linewidth=1)


def _below(width: int, words: str) -> str:
    """What the axes of all panels show."""
    return "\n".join(fill(line, width // 7) for line in (words, "(grey: smaller than the assumed margin)"))


def _draw_effect(axes: Axes, place: int, effect: Effect, factor: float, *, face: str = INK, size: float = 6) -> None:
    """One row: the estimate in its interval, or the words of the rule that withholds it."""
    if is_withheld(effect.estimate):
        axes.annotate(str(effect.estimate), (0, place), ha="center", va="center", fontsize=SMALL, color=INK)
        return
    axes.plot([effect.ci_low * factor, effect.ci_high * factor], [place, place], color=INK, linewidth=2)
    axes.plot([effect.estimate * factor], [place], "D", color=INK, markerfacecolor=face, markersize=size)


def outcome_effects(effects: Sequence[Effect], outcome: Outcome, planted: dict[str, float | None]) -> Picture:
    """Effect under each estimator with its interval, one panel a source, against the margin of this book.

    `planted` gives the true difference of each simulated source, drawn as a dotted line.
    """
    factor, unit = text.scale(outcome.show)
    by_source: dict[str, list[Effect]] = {}
    for effect in effects:
        by_source.setdefault(effect.source, []).append(effect)

    def draw_panel(axes: Axes, source: str) -> list[str]:
        _grey_margin(axes, outcome.margin * factor)
        if planted.get(source) is not None:
            axes.axvline(planted[source] * factor, color=INK, linewidth=1.5, linestyle=":")
        for place, effect in enumerate(by_source[source]):
            # Hollow for the method that ignores clusters: shown as a warning, not as an answer.
            _draw_effect(axes, place, effect, factor, face="white" if effect.estimator == "naive" else INK)
        return [text.method(effect, outcome) for effect in by_source[source]]

    def draw(width: int) -> Figure:
        height = 0.4 + 0.28 * max(map(len, by_source.values()))
        below = _below(width, f"{outcome.words.minus}, {unit}, 95 % intervals")
        figure = _draw_rows(width, by_source, draw_panel, below, height=height, rest=0.8)
        _ticks(figure.axes, 6 if width == PHONE else 4)
        return figure

    table = Table.of(
        f"{outcome.label}: difference between the arms",
        effects,
        {
            "Data": lambda one: data_name(one.source),
            "Estimator": lambda one: text.method(one, outcome),
            "Difference": lambda one: text.difference(one.estimate, outcome.show),
            "95 % interval": lambda one: text.interval(one.ci_low, one.ci_high, outcome.show),
            "p": lambda one: text.p_value(one.p_value),
        },
        source=joint_source(effect.source for effect in effects),
        folded=True,
    )
    return finish(draw, alt_text.of_effects(effects, outcome), table)


def overview(effects: dict[str, Sequence[Effect]], outcomes: dict[str, Outcome]) -> Picture:
    """Every outcome's effect in multiples of its own margin, one panel a source: inside 1 is less than matters."""

    def draw_panel(axes: Axes, source: str) -> list[str]:
        _grey_margin(axes, 1)
        for place, (effect, outcome) in enumerate(zip(effects[source], outcomes.values())):
            _draw_effect(axes, place, effect, 1 / outcome.margin)
        return [outcome.label for outcome in outcomes.values()]

    def draw(width: int) -> Figure:
        minus, height = next(iter(outcomes.values())).words.minus, 0.4 + 0.31 * len(outcomes)
        below = _below(width, f"{minus}, in multiples of the margin, 95 % intervals")
        return _draw_rows(width, effects, draw_panel, below, height=height, rest=0.8)

    def in_margins(effect: Effect, outcome: Outcome) -> str:
        return text.decimal(effect.estimate if is_withheld(effect.estimate) else effect.estimate / outcome.margin, 2)

    table = Table.of(
        "Difference between the arms, all outcomes",
        [pair for mine in effects.values() for pair in zip(mine, outcomes.values())],
        {
            "Data": lambda pair: data_name(pair[0].source),
            "Outcome": lambda pair: pair[1].label,
            "Difference": lambda pair: text.difference(pair[0].estimate, pair[1].show),
            "95 % interval": lambda pair: text.interval(pair[0].ci_low, pair[0].ci_high, pair[1].show),
            "In margins": lambda pair: in_margins(*pair),
        },
        source=joint_source(effects),
        folded=True,
    )
    return finish(draw, alt_text.of_overview(effects, list(outcomes.values())), table)


def change_and_effect(changes: Sequence[Change], effects: Sequence[Effect], outcome: Outcome, plan: Plan) -> Picture:
    """Before-after change of each arm beside the difference between the arms, one panel a source."""
    factor, unit = text.scale(outcome.show)
    by_source = {effect.source: effect for effect in effects}
    mine = {source: [change for change in changes if change.source == source] for source in by_source}

    def draw_panel(axes: Axes, source: str) -> list[str]:
        for place, change in enumerate(mine[source]):
            shown, (colour, marker) = change.change * factor, arm_style(plan, change.arm)
            axes.plot([0, shown], [place, place], color=colour, linewidth=2)
            axes.plot([shown], [place], marker, color=colour, markersize=8)
        _draw_effect(axes, len(mine[source]), by_source[source], factor, size=7)
        axes.axvline(0, color=QUIET, linewidth=1)
        return [f"Change,\n{plan.arms[one.arm]['label']}" for one in mine[source]] + ["Effect\n(difference)"]

    def draw(width: int) -> Figure:
        figure = _draw_rows(width, by_source, draw_panel, unit, height=1.6, rest=0.7)
        _ticks(figure.axes, 5 if width == PHONE else 4)
        return figure

    rows = []
    for source, effect in by_source.items():
        for one in mine[source]:
            change = f"Change, {plan.arms[one.arm]['label']}", text.difference(one.change, outcome.show), text.MISSING
            rows.append((data_name(source), *change))
        interval = text.interval(effect.ci_low, effect.ci_high, outcome.show)
        difference = "Difference between the arms", text.difference(effect.estimate, outcome.show), interval
        rows.append((data_name(source), *difference))
    caption = f"{outcome.label}: change in each arm, and the effect"
    source = joint_source([*(one.source for one in changes), *by_source])
    table = Table(caption, ("Data", "What", "Value", "95 % interval"), tuple(rows), source=source, folded=True)
    return finish(draw, alt_text.of_change(changes, effects, outcome, plan), table)
