"""How the estimators did on known truths, as readers see it: figures, tables, and what stands out in words."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import seaborn as sns
from matplotlib.figure import Figure

from clustertrials.simulation_study import Recovery
from holf.display import text
from holf.display.figure import INK, PHONE, QUIET, SMALL, Picture, canvas, finish, name_rows
from holf.display.sentences import Sentence
from holf.display.table import Cell, Table
from holf.record.source import RECORD
from holf.study.truths import Settings

SOURCE = "simulated: repeated trials of known truth"
# One mark a truth. Okabe-Ito colours, and shapes that tell the marks apart without them.
_MARKS = (("o", "#0072B2"), ("s", "#D55E00"), ("^", "#009E73"), ("D", "#CC79A7"), ("v", "#4D4D4D"), ("P", "#56B4E9"))


def true_nulls(found: Sequence[Recovery]) -> list[Recovery]:
    """The records whose truth is zero under both averages, so that each rejection is an error."""
    return [one for one in found if one.individual_effect == 0 == one.cluster_effect]


def off_nominal(found: Sequence[Recovery], level: float, rate: float = 0.05) -> list[Recovery]:
    """The records whose Monte Carlo interval of the rejection rate leaves `rate` out."""
    return [one for one in found if not _holds(one.share(one.rejections, level), rate)]


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
                marker, colour = _MARKS[place]
                y = names.index(one.estimator) + 0.8 * ((place + 0.5) / len(truths) - 0.5)
                rate, low, high = (100 * x for x in _share(one, what, level))
                axes.plot([low, high], [y, y], color=colour, linewidth=1.4)
                axes.plot([rate], [y], marker, color=colour, markersize=4.5, linestyle="none")
            for edge in range(1, len(names)):
                axes.axhline(edge - 0.5, color="#dddddd", linewidth=0.8, zorder=0.1)
            for (marker, colour), name in zip(_MARKS, truths):
                axes.plot([], [], marker, color=colour, label=labels[name], markersize=5)
            name_rows(axes, [text.estimator(name, settings.words) for name in names], wrap=16 if width == PHONE else 30)
            apart = "\n" if width == PHONE else " "
            axes.set_xlabel(f"{title}, %{apart}(lines: {text.percent(level)} Monte Carlo intervals)")
            columns = 1 if width == PHONE else 2
            figure.legend(loc="outside lower center", fontsize=SMALL, frameon=False, ncols=columns)
            sns.despine(ax=axes, left=True)
        return figure

    rows = []
    for one in found:
        share, low, high = _share(one, what, level)
        shown = text.level(share, "percent"), text.share_limits(low, high)
        rows.append((text.estimator(one.estimator, settings.words), labels[one.scenario], *shown))
    interval = f"{text.percent(level)} Monte Carlo interval"
    columns, caption = ("Estimator", "Truth", "Share", interval), f"{title}; nominal {text.percent(nominal)}"
    table = Table(caption, columns, tuple(rows), source=SOURCE, folded=True)
    said = "; ".join(_range(found, settings, name, what) for name in names)
    return finish(draw, f"{caption}. Over the truths shown, {said}.", table, source=SOURCE)


def _range(found: Sequence[Recovery], settings: Settings, estimator: str, what: str) -> str:
    rates = [getattr(one, what) / one.answered for one in found if one.estimator == estimator]
    named = text.estimator(estimator, settings.words)
    return f"{named} {text.level(min(rates), 'percent')} to {text.level(max(rates), 'percent')}"


def _share(one: Recovery, what: str, level: float) -> tuple[float, float, float]:
    """Share of the answers that are counted as `what`, and its Monte Carlo interval."""
    return one.share(getattr(one, what), level)


def averages_figure(found: Sequence[Recovery], settings: Settings) -> Picture:
    """Mean estimate of every estimator where the two averages differ, against both of them."""
    level, first = settings.monte_carlo_level, found[0]
    width = NormalDist().inv_cdf((1 + level) / 2)
    truths = (("office average", first.cluster_effect, ":"), ("parent average", first.individual_effect, "--"))

    def draw(column: int) -> Figure:
        with canvas(column, 0.5 * len(found), rest=1.3) as (figure, (axes,)):
            for place, one in enumerate(found):
                ends = [one.mean_estimate - width * one.bias_se, one.mean_estimate + width * one.bias_se]
                axes.plot(ends, [place, place], color=QUIET, linewidth=2)
                axes.plot([one.mean_estimate], [place], "D", color=INK, markersize=5)
            named = [f"{text.estimator(one.estimator, settings.words)}\n({_estimand(one)})" for one in found]
            name_rows(axes, named, wrap=19 if column == PHONE else 34)
            for label, truth, line in truths:
                axes.axvline(truth, color=INK, linestyle=line)
                axes.annotate(
                    f"true\n{label}",
                    (truth, 1),
                    (0, 3),
                    xycoords=("data", "axes fraction"),
                    textcoords="offset points",
                    ha="center",
                    va="bottom",
                    fontsize=SMALL,
                    linespacing=1.0,
                )
            apart = "\n" if column == PHONE else " "
            axes.set_xlabel(f"Mean estimate, SD{apart}(lines: {text.percent(level)} Monte Carlo intervals)")
            sns.despine(ax=axes, left=True)
        return figure

    rows = tuple(
        (
            text.estimator(one.estimator, settings.words),
            _estimand(one),
            _plain(one.mean_estimate, one),
            _plain(one.bias_se, one),
            *(text.level(count / one.answered, "percent") for count in (one.covers_cluster, one.covers_individual)),
        )
        for one in found
    )
    columns = (
        "Estimator",
        "Its estimand",
        "Mean estimate",
        "Monte Carlo SE",
        "Holds office average",
        "Holds parent average",
    )
    true = ", ".join(f"{label} {_plain(truth, first)}" for label, truth, _ in truths)
    said = "; ".join(f"{row[0]} {row[2]}" for row in rows)
    table = Table(f"Two averages, and which estimator finds which: true {true}", columns, rows, source=SOURCE)
    return finish(draw, f"True {true}. Mean estimates: {said}.", table, source=SOURCE)


def _estimand(one: Recovery) -> str:
    """The average that an estimator targets, named after those in the rows: every truth has a row a parent."""
    return {"individual average": "parent average", "cluster average": "office average"}.get(one.estimand, one.estimand)


def _plain(value: float, one: Recovery) -> str:
    """A number in the outcome's own unit, with three digits or so below the spread of the estimates."""
    return text.decimal(value, 4 if one.sd_estimate < 1 else 1)


def recovery_table(found: Sequence[Recovery], settings: Settings) -> Table:
    """Every number: refusals, bias, spread, standard error, coverage and rejections."""
    level, rows = settings.monte_carlo_level, []
    for one in found:
        coverage, rejected = (text.share_with_limits(*_share(one, what, level)) for what in ("covered", "rejections"))
        bias = {"number": _plain(one.bias, one), "brackets": _plain(one.bias_se, one)}
        rows.append(
            (
                settings.labels[one.scenario],
                f"{text.estimator(one.estimator, settings.words)} ({_estimand(one)})",
                text.decimal(one.replicates, 0),
                text.decimal(one.failed, 0),
                _plain(one.truth, one),
                text.printed("{number} ({brackets})", **bias),
                _plain(one.sd_estimate, one),
                _plain(one.mean_se, one),
                coverage,
                rejected,
            )
        )
    columns = (
        "Truth",
        "Estimator (estimand)",
        "Trials",
        "Refused",
        "True effect",
        "Bias (Monte Carlo SE)",
        "SD of estimates",
        "Mean SE",
        f"Coverage ({text.percent(level)} MC)",
        f"Rejected ({text.percent(level)} MC)",
    )
    return Table("Every estimator on every truth", columns, tuple(rows), source=SOURCE, folded=True)


def error_table(found: Sequence[Recovery], settings: Settings, estimators: Sequence[str]) -> Table:
    """Type-I error with its Monte Carlo interval, one row a truth without effect, one column an estimator."""
    rates = {
        (one.scenario, one.estimator): text.share_with_limits(*_share(one, "rejections", settings.monte_carlo_level))
        for one in true_nulls(found)
    }
    truths = dict.fromkeys(scenario for scenario, _ in rates)
    rows = tuple(
        (settings.labels[name], *(rates.get((name, estimator), "not asked") for estimator in estimators))
        for name in truths
    )
    columns = ("Truth", *(text.estimator(name, settings.words) for name in estimators))
    interval = f"{text.percent(settings.monte_carlo_level)} Monte Carlo interval"
    caption = f"Rejected at {text.percent(0.05)} although there is no effect ({interval})"
    return Table(caption, columns, rows, source=SOURCE)


def truths_table(settings: Settings) -> Table:
    """The scenarios and the numbers that are planted in them, all assumed."""
    rows = []
    for name, one in settings.scenarios.items():
        numbers = (one.icc, one.correlation, one.cluster_effect, one.individual_effect)
        outcome = "normal, SD 1" if one.share is None else f"0/1, {text.level(one.share, 'percent')} ones"
        shown = (*(text.decimal(x, 2) for x in numbers), outcome, text.limits(min(one.sizes), max(one.sizes), 0))
        rows.append((settings.labels[name], *(Cell(one, "assumed") for one in shown)))
    averages = ("Effect, office average", "Effect, parent average")
    columns = ("Truth", "ICC", "Correlation with baseline", *averages, "Outcome", "Parents in an office")
    return Table("What is planted", columns, tuple(rows), source=RECORD)


def error_sentence(found: Sequence[Recovery], settings: Settings) -> Sentence:
    """Say for how many recommended estimators the type-I error is nominal; name the exceptions and the naive one."""
    nulls, level = true_nulls(found), settings.monte_carlo_level
    asked = [one for one in nulls if one.estimator in settings.recommended]
    odd = off_nominal(asked, level)
    words = (
        f"For {len(asked) - len(odd)} of {len(asked)} pairs of a recommended estimator and a truth without effect, "
        f"{text.percent(0.05)} lies inside the {text.percent(level)} Monte Carlo interval of the rejection rate."
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
