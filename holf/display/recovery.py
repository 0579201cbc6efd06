"""How the estimators did on known truths, as readers see it: figures, tables, and what stands out in words."""

from __future__ import annotations

from collections.abc import Sequence

import seaborn as sns
from matplotlib.figure import Figure

from clustertrials.simulation_study import Recovery
from holf.display import text
from holf.display.figure import COLOURS, INK, MARKERS, SMALL, Picture, canvas, finish, name_rows
from holf.display.sentences import Sentence
from holf.display.table import Cell, Table
from holf.display.widths import PHONE
from holf.record.source import RECORD
from holf.study.truths import Settings

SOURCE = "simulated: repeated trials of known truth"


def true_nulls(found: Sequence[Recovery]) -> list[Recovery]:
    """The records whose truth is zero under both averages, so that each rejection is an error."""
    return [one for one in found if one.individual_effect == 0 == one.cluster_effect]


def off_nominal(found: Sequence[Recovery], level: float) -> list[Recovery]:
    """The records whose Monte Carlo interval of the rejection rate leaves the nominal 5 % out."""
    return [one for one in found if not _holds(one.share(one.rejections, level), 0.05)]


def _holds(interval: tuple[float, float, float], value: float) -> bool:
    return interval[1] <= value <= interval[2]


def rejection_figure(found: Sequence[Recovery], settings: Settings) -> Picture:
    """Type-I error of every estimator, one mark a truth, against the nominal 5 %."""
    return _rates(found, settings, "rejections", 0.05, "Rejected although there is no effect")


def coverage_figure(found: Sequence[Recovery], settings: Settings) -> Picture:
    """Share of the 95 % intervals that hold the truth of the estimator's own average."""
    return _rates(found, settings, "covered", 0.95, "Intervals that hold the truth")


def _rates(found: Sequence[Recovery], settings: Settings, what: str, nominal: float, title: str) -> Picture:
    level, labels = settings.monte_carlo_level, settings.labels
    names, truths = (list(dict.fromkeys(getattr(one, key) for one in found)) for key in ("estimator", "scenario"))

    def draw(width: int) -> Figure:
        rows = len(names) * (0.2 + 0.075 * len(truths))
        legend = 0.2 * (len(truths) if width == PHONE else (len(truths) + 1) // 2)
        with canvas(width, rows, rest=1.0 + legend) as (figure, (axes,)):
            axes.axvline(100 * nominal, color=INK, linewidth=1.2, linestyle="--")
            for one in found:
                place = truths.index(one.scenario)
                marker, colour = MARKERS[place], COLOURS[place]
                y = names.index(one.estimator) + 0.8 * ((place + 0.5) / len(truths) - 0.5)
                rate, low, high = (100 * x for x in _share(one, what, level))
                axes.plot([low, high], [y, y], color=colour, linewidth=1.4)
                axes.plot([rate], [y], marker, color=colour, markersize=4.5, linestyle="none")
            for edge in range(1, len(names)):
                axes.axhline(edge - 0.5, color="#dddddd", linewidth=0.8, zorder=0.1)
            for marker, colour, name in zip(MARKERS, COLOURS, truths):
                axes.plot([], [], marker, color=colour, label=labels[name], markersize=5)
            name_rows(axes, [text.estimator(name, settings.words) for name in names], wrap=16 if width == PHONE else 30)
            apart = "\n" if width == PHONE else " "
            axes.set_xlabel(f"{title}, %{apart}(lines: {text.percent(level)} Monte Carlo intervals)")
            columns = 1 if width == PHONE else 2
            figure.legend(loc="outside lower center", fontsize=SMALL, frameon=False, ncols=columns)
            sns.despine(ax=axes, left=True)
        return figure

    caption = f"{title}; nominal {text.percent(nominal)}"
    table = Table.of(
        caption,
        found,
        {
            "Estimator": lambda one: text.estimator(one.estimator, settings.words),
            "Truth": lambda one: labels[one.scenario],
            "Share": lambda one: text.level(_share(one, what, level)[0], "percent"),
            f"{text.percent(level)} Monte Carlo interval": lambda one: text.share_limits(*_share(one, what, level)[1:]),
        },
        source=SOURCE,
        folded=True,
    )
    said = "; ".join(_range(found, settings, name, what) for name in names)
    return finish(draw, f"{caption}. Over the truths shown, {said}.", table)


def _range(found: Sequence[Recovery], settings: Settings, estimator: str, what: str) -> str:
    rates = [getattr(one, what) / one.answered for one in found if one.estimator == estimator]
    named = text.estimator(estimator, settings.words)
    return f"{named} {text.level(min(rates), 'percent')} to {text.level(max(rates), 'percent')}"


def _share(one: Recovery, what: str, level: float) -> tuple[float, float, float]:
    """Share of the answers that are counted as `what`, and its Monte Carlo interval."""
    return one.share(getattr(one, what), level)


def truths_table(settings: Settings) -> Table:
    """The scenarios and the numbers that are planted in them, all assumed."""
    columns = {
        "ICC": lambda one: text.decimal(one.icc, 2),
        "Correlation with baseline": lambda one: text.decimal(one.correlation, 2),
        "Effect, office average": lambda one: text.decimal(one.cluster_effect, 2),
        "Effect, parent average": lambda one: text.decimal(one.individual_effect, 2),
        "Outcome": lambda one: "normal, SD 1" if one.share is None else f"0/1, {text.level(one.share, 'percent')} ones",
        "Parents in an office": lambda one: text.limits(min(one.sizes), max(one.sizes), 0),
    }
    rows = tuple(
        (settings.labels[name], *(Cell(shown(one), "assumed") for shown in columns.values()))
        for name, one in settings.scenarios.items()
    )
    return Table("What is planted", ("Truth", *columns), rows, source=RECORD)


def error_sentence(found: Sequence[Recovery], settings: Settings) -> Sentence:
    """Say for how many recommended estimators the type-I error is nominal; name the exceptions and the naive one."""
    nulls, level = true_nulls(found), settings.monte_carlo_level
    asked = [one for one in nulls if one.estimator in settings.recommended]
    odd = off_nominal(asked, level)
    names = "; ".join(text.estimator(name, settings.words) for name in settings.recommended)
    words = (
        f"In {len(asked) - len(odd)} of {len(asked)} checks without an effect, the recommended estimators ({names}) "
        f"gave a false alarm as often as they should: {text.percent(0.05)} lies inside the {text.percent(level)} Monte "
        "Carlo interval."
    )
    if odd:
        words += f" The exceptions: {_named(odd, settings)}."
    naive = off_nominal([one for one in nulls if one.estimator == "naive"], level)
    where = "; ".join(_where(one, settings) for one in naive) or "nowhere"
    return Sentence(f"{words} The naive estimator leaves it {where}.", SOURCE)


def _named(records: Sequence[Recovery], settings: Settings) -> str:
    return "; ".join(f"{text.estimator(one.estimator, settings.words)} {_where(one, settings)}" for one in records)


def _where(one: Recovery, settings: Settings) -> str:
    return f"where “{settings.labels[one.scenario]}” ({text.level(one.rejections / one.answered, 'percent')})"


def refusal_sentence(found: Sequence[Recovery], settings: Settings) -> Sentence:
    """Say how often an estimator gave no answer, and which."""
    odd = [one for one in found if one.failed]
    asked = text.decimal(sum(one.replicates for one in found), 0)
    if not odd:
        return Sentence(f"Each estimator answered on each trial: no refusal in {asked} questions.", SOURCE)
    named = "; ".join(
        f"{text.estimator(one.estimator, settings.words)} where “{settings.labels[one.scenario]}”, {one.failed}"
        for one in odd
    )
    return Sentence(f"Of {asked} questions some got no answer, and are left out of the rates: {named}.", SOURCE)
