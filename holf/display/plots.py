"""The book's figures: each function draws answers that were computed elsewhere, and returns a Picture."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from clustertrials.results import Effect
from holf.display import alt_text, text
from holf.display.figure import INK, PHONE, QUIET, SMALL, Picture, arm_style, canvas, finish, name_rows, name_rows_once
from holf.display.table import Table
from holf.record.plan import Outcome, Plan
from holf.record.source import data_name, joint_source
from holf.study.answers import Change, Level, is_withheld


def outcome_levels(by_source: dict[str, Sequence[Level]], outcome: Outcome, plan: Plan) -> Picture:
    """Means of the arms at each wave, one panel a source."""
    table = _levels_table(by_source, outcome, plan)
    factor, unit = text.scale(outcome.show)
    unit = "%" if outcome.show == "percent" else unit

    def draw(width: int) -> Figure:
        with canvas(width, _height(width, 1.4), len(by_source), rest=0.9, sharex=True, sharey=True) as (figure, panels):
            for axes, (source, levels) in zip(panels, by_source.items()):
                months = _draw_levels(axes, levels, factor, plan)
                axes.set(title=data_name(source), xticks=months)
                _say_withheld(axes, levels, plan)
                axes.yaxis.set_major_formatter(text.tick)
                axes.margins(y=0.35)
                _name_lines(axes)
                sns.despine(ax=axes)
            figure.supylabel(f"Mean, {unit}", fontsize=9)
            figure.supxlabel("Months since baseline", fontsize=9)
        return figure

    return finish(draw, alt_text.of_levels(by_source, outcome, plan), table, source=table.source)


def _height(width: int, on_a_phone: float) -> float:
    """Height of a panel in inches: half as high again where panels stand beside each other."""
    return on_a_phone if width == PHONE else 1.5 * on_a_phone


def _draw_levels(axes: Axes, levels: Sequence[Level], factor: float, plan: Plan) -> list[int]:
    """One line an arm; the months at which there is something to see."""
    seen = set()
    for arm in dict.fromkeys(level.group for level in levels):
        mine = [level for level in levels if level.group == arm]
        colour, marker = arm_style(plan, arm)
        months = [plan.waves[level.wave] for level in mine]
        seen |= {*months}
        sns.lineplot(
            x=months,
            y=[level.mean * factor for level in mine],
            color=colour,
            marker=marker,
            markersize=7,
            ax=axes,
            label=plan.arms[arm]["label"],
            legend=False,
        )
        axes.set(xlabel="", ylabel="")
    return sorted(seen)


def _name_lines(axes: Axes) -> None:
    """Name each line beside its last known point: the highest from there upwards, the others downwards."""
    ends = [(line.get_label(), *_last_known(line)) for line in axes.lines if _last_known(line)]
    for place, (label, x, y) in enumerate(sorted(ends, key=lambda end: -end[2])):
        label = fill(label, 9, break_long_words=False)
        # In points: two names never meet, however close the lines end, and a third arm's name clear of the second's.
        away, side = (1, "bottom") if place == 0 else (-1 - 2.6 * SMALL * (place - 1), "top")
        axes.annotate(
            label, (x, y), (7, away), textcoords="offset points", va=side, fontsize=SMALL, color=INK, linespacing=1.0
        )


def _last_known(line: Line2D) -> tuple[float, float] | None:
    known = [(x, y) for x, y in zip(*line.get_data()) if y == y]
    return known[-1] if known else None


def _say_withheld(axes: Axes, levels: Sequence[Level], plan: Plan) -> None:
    """Name the means that disclosure control keeps back, which would else be gaps without a word."""
    gone = [level for level in levels if is_withheld(level.mean)]
    words = [f"{plan.arms[level.group]['label']}, {level.wave}: {level.mean}" for level in gone]
    if words:
        axes.annotate("\n".join(words), (0.98, 0.04), xycoords="axes fraction", ha="right", fontsize=SMALL, color=INK)


def _levels_table(by_source: dict[str, Sequence[Level]], outcome: Outcome, plan: Plan) -> Table:
    rows = []
    for source, levels in by_source.items():
        for level in levels:
            shown = (level.wave, text.level(level.mean, outcome.show), text.count(level.n))
            rows.append((data_name(source), plan.arms[level.group]["label"], *shown))
    caption, columns = f"{outcome.label}: means by arm and wave", ("Data", "Arm", "Wave", "Mean", "n")
    return Table(caption, columns, tuple(rows), source=joint_source(by_source), folded=True)


def outcome_effects(effects: Sequence[Effect], outcome: Outcome, planted: dict[str, float | None]) -> Picture:
    """Effect under each estimator with its interval, one panel a source, against the margin of this book.

    `planted` gives the true difference of each simulated source, drawn as a dotted line.
    """
    table = _effects_twin(effects, outcome)
    factor, unit = text.scale(outcome.show)
    by_source = {source: [one for one in effects if one.source == source] for source in _sources(effects)}
    lines = max(map(len, by_source.values()))

    def draw(width: int) -> Figure:
        with canvas(width, 0.4 + 0.28 * lines, len(by_source), rest=0.8, sharex=True) as (figure, panels):
            for axes, (source, mine) in zip(panels, by_source.items()):
                _grey_margin(axes, outcome.margin * factor)
                if planted.get(source) is not None:
                    axes.axvline(planted[source] * factor, color=INK, linewidth=1.5, linestyle=":")
                for place, effect in enumerate(mine):
                    # Hollow for the method that ignores clusters: shown as a warning, not as an answer.
                    face = "white" if effect.estimator == "naive" else INK
                    _draw_effect(axes, place, effect, factor, face=face)
                name_rows(axes, [text.method(effect, outcome) for effect in mine])
                axes.set_title(data_name(source))
                sns.despine(ax=axes, left=True)
            panels[-1].xaxis.set_major_formatter(text.tick)
            # As many numbers of five digits as stand apart on the narrowest axis.
            panels[-1].xaxis.set_major_locator(MaxNLocator(6 if width == PHONE else 4))
            name_rows_once(panels)
            _below(figure, width, f"{outcome.words.minus}, {unit}, 95 % intervals")
        return figure

    return finish(draw, alt_text.of_effects(effects, outcome), table, source=table.source)


def _sources(effects: Sequence[Effect]) -> list[str]:
    return list(dict.fromkeys(effect.source for effect in effects))


def _grey_margin(axes: Axes, margin: float) -> None:
    axes.axvspan(-margin, margin, color="#e6e6e6", zorder=0.1)
    axes.axvline(0, color=QUIET, linewidth=1)


def _below(figure: Figure, width: int, words: str) -> None:
    """Say once for all panels what their axes show."""
    shown = "\n".join(fill(line, width // 7) for line in (words, "(grey: smaller than the assumed margin)"))
    figure.supxlabel(shown, fontsize=9)


def _draw_effect(axes: Axes, place: int, effect: Effect, factor: float, *, face: str = INK) -> None:
    """One row: the estimate in its interval, or the words of the rule that withholds it."""
    if is_withheld(effect.estimate):
        axes.annotate(str(effect.estimate), (0, place), ha="center", va="center", fontsize=SMALL, color=INK)
        return
    axes.plot([effect.ci_low * factor, effect.ci_high * factor], [place, place], color=INK, linewidth=2)
    axes.plot([effect.estimate * factor], [place], "D", color=INK, markerfacecolor=face, markersize=6)


def _effects_twin(effects: Sequence[Effect], outcome: Outcome) -> Table:
    rows = []
    for effect in effects:
        interval = text.interval(effect.ci_low, effect.ci_high, outcome.show)
        shown = (text.difference(effect.estimate, outcome.show), interval, text.p_value(effect.p_value))
        rows.append((data_name(effect.source), text.method(effect, outcome), *shown))
    columns = ("Data", "Estimator", "Difference", "95 % interval", "p")
    source = joint_source(effect.source for effect in effects)
    return Table(f"{outcome.label}: difference between the arms", columns, tuple(rows), source=source, folded=True)


def overview(effects: dict[str, Sequence[Effect]], outcomes: dict[str, Outcome]) -> Picture:
    """Every outcome's effect in multiples of its own margin, one panel a source: inside 1 is less than matters."""
    names = [outcomes[name].label for name in outcomes]

    def draw(width: int) -> Figure:
        with canvas(width, 0.4 + 0.31 * len(names), len(effects), rest=0.8, sharex=True) as (figure, panels):
            for axes, (source, mine) in zip(panels, effects.items()):
                _grey_margin(axes, 1)
                for place, (effect, outcome) in enumerate(zip(mine, outcomes.values())):
                    _draw_effect(axes, place, effect, 1 / outcome.margin)
                name_rows(axes, names)
                axes.set_title(data_name(source))
                sns.despine(ax=axes, left=True)
            name_rows_once(panels)
            minus = next(iter(outcomes.values())).words.minus
            _below(figure, width, f"{minus}, in multiples of the margin, 95 % intervals")
        return figure

    rows = tuple(
        (
            data_name(source),
            outcome.label,
            text.difference(effect.estimate, outcome.show),
            text.interval(effect.ci_low, effect.ci_high, outcome.show),
            text.decimal(effect.estimate if is_withheld(effect.estimate) else effect.estimate / outcome.margin, 2),
        )
        for source, mine in effects.items()
        for effect, outcome in zip(mine, outcomes.values())
    )
    table = Table(
        "Difference between the arms, all outcomes",
        ("Data", "Outcome", "Difference", "95 % interval", "In margins"),
        rows,
        source=joint_source(effects),
        folded=True,
    )
    return finish(draw, alt_text.of_overview(effects, list(outcomes.values())), table, source=table.source)


def change_and_effect(changes: Sequence[Change], effects: Sequence[Effect], outcome: Outcome, plan: Plan) -> Picture:
    """Before-after change of each arm beside the difference between the arms, one panel a source."""
    table = _change_twin(changes, effects, outcome, plan)
    factor, unit = text.scale(outcome.show)

    def draw(width: int) -> Figure:
        with canvas(width, 1.6, len(effects), rest=0.7, sharex=True) as (figure, panels):
            for axes, effect in zip(panels, effects):
                mine = [change for change in changes if change.source == effect.source]
                for place, change in enumerate(mine):
                    shown, (colour, marker) = change.change * factor, arm_style(plan, change.arm)
                    axes.plot([0, shown], [place, place], color=colour, linewidth=2)
                    axes.plot([shown], [place], marker, color=colour, markersize=8)
                axes.plot([effect.ci_low * factor, effect.ci_high * factor], [len(mine)] * 2, color=INK, linewidth=2)
                axes.plot([effect.estimate * factor], [len(mine)], "D", color=INK, markersize=7)
                labels = [f"Change,\n{plan.arms[change.arm]['label']}" for change in mine] + ["Effect\n(difference)"]
                name_rows(axes, labels)
                axes.axvline(0, color=QUIET, linewidth=1)
                axes.set_title(data_name(effect.source))
                sns.despine(ax=axes, left=True)
            panels[-1].xaxis.set_major_formatter(text.tick)
            panels[-1].xaxis.set_major_locator(MaxNLocator(5 if width == PHONE else 4))
            name_rows_once(panels)
            figure.supxlabel(unit, fontsize=9)
        return figure

    return finish(draw, alt_text.of_change(changes, effects, outcome, plan), table, source=table.source)


def _change_twin(changes: Sequence[Change], effects: Sequence[Effect], outcome: Outcome, plan: Plan) -> Table:
    rows = []
    for effect in effects:
        world = data_name(effect.source)
        for change in (change for change in changes if change.source == effect.source):
            arm = plan.arms[change.arm]["label"]
            rows.append((world, f"Change, {arm}", text.difference(change.change, outcome.show), text.MISSING))
        interval = text.interval(effect.ci_low, effect.ci_high, outcome.show)
        rows.append((world, "Difference between the arms", text.difference(effect.estimate, outcome.show), interval))
    caption, columns = (
        f"{outcome.label}: change in each arm, and the effect",
        ("Data", "What", "Value", "95 % interval"),
    )
    source = joint_source([*(one.source for one in changes), *(one.source for one in effects)])
    return Table(caption, columns, tuple(rows), source=source, folded=True)
