"""How the methods did, as readers see it: on known truths, over grids of trials, and beside R."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from scipy import stats

from clustertrials.results import LABELS
from clustertrials.simulation_study import Recovery
from holf.display import text
from holf.display.figure import COLOURS, INK, MARKERS, SMALL, Picture, canvas, finish, name_rows, name_rows_once
from holf.display.sentences import Sentence
from holf.display.table import Cell, Table
from holf.display.widths import PHONE
from holf.paths import note_file, project_root
from holf.record.plan import Words
from holf.record.source import RECORD, joint_source
from holf.study.agreement import ReferenceTrial
from holf.study.truths import Settings

TRUTHS = "simulated: repeated trials of known truth"
SWEEP = "simulated: a sweep of trials of known truth"
GRID = "simulated: trials of known truth, drawn by the benchmark of the library"
_GRID_FILE = "clustertrials/benchmarks/coverage.csv"
# Clusters in the smaller arm from which on a design of the grid counts: below, no method holds everywhere.
FEWEST = 8
# Monte Carlo intervals of the sweep: many are read together, and at 95 % some would leave the line by chance.
LEVEL = 0.99


def true_nulls(found: Sequence[Recovery]) -> list[Recovery]:
    """The records whose truth is zero under both averages, so that each rejection is an error."""
    return [one for one in found if one.individual_effect == 0 == one.cluster_effect]


def off_nominal(found: Sequence[Recovery], level: float) -> list[Recovery]:
    """The records whose Monte Carlo interval of the rejection rate leaves the nominal 5 % out."""
    shares = [(one, one.share(one.rejections, level)) for one in found]
    return [one for one, (_, low, high) in shares if not low <= 0.05 <= high]


def rejection_figure(found: Sequence[Recovery], settings: Settings) -> Picture:
    """Type-I error of every estimator, one mark a truth, against the nominal 5 %."""
    return _rates(found, settings, "rejections", 0.05, "Rejected although there is no effect")


def coverage_figure(found: Sequence[Recovery], settings: Settings) -> Picture:
    """Share of the 95 % intervals that hold the truth of the estimator's own average."""
    return _rates(found, settings, "covered", 0.95, "Intervals that hold the truth")


def _rates(found: Sequence[Recovery], settings: Settings, what: str, nominal: float, title: str) -> Picture:
    """Share of each estimator's answers that are counted as `what`, with its Monte Carlo interval."""
    level, labels = settings.monte_carlo_level, settings.labels
    names, truths = (list(dict.fromkeys(getattr(one, key) for one in found)) for key in ("estimator", "scenario"))
    shares = [(one, *one.share(getattr(one, what), level)) for one in found]

    def draw(width: int) -> Figure:
        rows = len(names) * (0.2 + 0.075 * len(truths))
        legend = 0.2 * (len(truths) if width == PHONE else (len(truths) + 1) // 2)
        with canvas(width, rows, rest=1.0 + legend) as (figure, (axes,)):
            axes.axvline(100 * nominal, color=INK, linewidth=1.2, linestyle="--")
            for one, rate, low, high in shares:
                place = truths.index(one.scenario)
                y = names.index(one.estimator) + 0.8 * ((place + 0.5) / len(truths) - 0.5)
                axes.plot([100 * low, 100 * high], [y, y], color=COLOURS[place], linewidth=1.4)
                style = {"color": COLOURS[place], "markersize": 4.5, "linestyle": "none"}
                axes.plot([100 * rate], [y], MARKERS[place], **style)
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
    columns = {
        "Estimator": lambda row: text.estimator(row[0].estimator, settings.words),
        "Truth": lambda row: labels[row[0].scenario],
        "Share": lambda row: text.level(row[1], "percent"),
        f"{text.percent(level)} Monte Carlo interval": lambda row: text.share_limits(*row[2:]),
    }
    said = []
    for name in names:
        rates = [rate for one, rate, _, _ in shares if one.estimator == name]
        ends = (text.level(end, "percent") for end in (min(rates), max(rates)))
        said.append(f"{text.estimator(name, settings.words)} {' to '.join(ends)}")
    table = Table.of(caption, shares, columns, source=TRUTHS, folded=True)
    return finish(draw, f"{caption}. Over the truths shown, {'; '.join(said)}.", table)


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

    def where(one: Recovery) -> str:
        return f"where “{settings.labels[one.scenario]}” ({text.level(one.rejections / one.answered, 'percent')})"

    asked = [one for one in nulls if one.estimator in settings.recommended]
    odd = off_nominal(asked, level)
    names = "; ".join(text.estimator(name, settings.words) for name in settings.recommended)
    words = (
        f"In {len(asked) - len(odd)} of {len(asked)} checks without an effect, the recommended estimators ({names}) "
        f"gave a false alarm as often as they should: {text.percent(0.05)} lies inside the {text.percent(level)} Monte "
        "Carlo interval."
    )
    if odd:
        named = (f"{text.estimator(one.estimator, settings.words)} {where(one)}" for one in odd)
        words += f" The exceptions: {'; '.join(named)}."
    naive = off_nominal([one for one in nulls if one.estimator == "naive"], level)
    return Sentence(f"{words} The naive estimator leaves it {'; '.join(map(where, naive)) or 'nowhere'}.", TRUTHS)


def refusal_sentence(found: Sequence[Recovery], settings: Settings) -> Sentence:
    """Say how often an estimator gave no answer, and which."""
    odd = [one for one in found if one.failed]
    asked = text.decimal(sum(one.replicates for one in found), 0)
    if not odd:
        return Sentence(f"Each estimator answered on each trial: no refusal in {asked} questions.", TRUTHS)
    named = "; ".join(
        f"{text.estimator(one.estimator, settings.words)} where “{settings.labels[one.scenario]}”, {one.failed}"
        for one in odd
    )
    return Sentence(f"Of {asked} questions some got no answer, and are left out of the rates: {named}.", TRUTHS)


def power_surface(found: pd.DataFrame, estimator: str, words: Words) -> Picture:
    """Share of trials in which an estimator finds the effect, by effect and correlation, one panel a count of clusters.

    The most equal sizes of the sweep are shown; the effect of zero is the type-I error. A binary outcome's effects are
    differences of shares, a continuous one's are in standard deviations.

    Raises
    ------
    ValueError
        If the sweep mixes both, which have no common unit.
    """
    found = found[(found["estimator"] == estimator) & (found["size_cv"] == found["size_cv"].min())]
    found = found.sort_values(["clusters", "icc", "effect"])
    binary = found["share"].notna() if "share" in found else pd.Series(False, index=found.index)
    if binary.nunique() > 1:
        raise ValueError("the sweep mixes binary and continuous outcomes, whose effects have no common unit")
    unit = "difference of shares" if binary.any() else "SD"
    grids = {
        count: part.pivot(index="icc", columns="effect", values="rejected") for count, part in found.groupby("clusters")
    }

    def draw(width: int) -> Figure:
        with canvas(width, 1.7, len(grids), rest=0.8, sharex=True) as (figure, panels):
            for axes, (count, grid) in zip(panels, grids.items()):
                # The scale ends beyond 100 %, so that the mark and the numbers stay legible on every cell.
                axes.imshow(100 * grid.to_numpy(), cmap="Blues", vmin=0, vmax=200, aspect="auto")
                for (row, place), share in np.ndenumerate(grid.to_numpy()):
                    said = text.decimal(100 * share, 0)
                    axes.text(place, row, said, ha="center", va="center", color=INK, fontsize=9)
                axes.set_xticks(range(grid.shape[1]), [text.decimal(x, 2) for x in grid.columns])
                axes.invert_yaxis()
                axes.set_yticks(range(grid.shape[0]), [text.decimal(x, 2) for x in grid.index])
                axes.set_title(f"{text.count(count)} {words.clusters}")
            name_rows_once(panels)
            figure.supylabel("Intraclass correlation", fontsize=9)
            apart = "\n" if width == PHONE else " "
            figure.supxlabel(f"True effect, {unit}{apart}(in the cells: trials that reject, %)", fontsize=9)
        return figure

    def interval(one) -> str:
        answered = int(one.trials - one.refused)
        test = stats.binomtest(round(one.rejected * answered), answered)
        return text.share_limits(*map(float, test.proportion_ci(LEVEL, method="exact")))

    columns = {
        words.clusters.capitalize(): lambda one: text.count(one.clusters),
        "Intraclass correlation": lambda one: text.decimal(one.icc, 2),
        f"True effect, {unit}": lambda one: text.decimal(one.effect, 2),
        "Rejected": lambda one: text.level(one.rejected, "percent"),
        f"{text.percent(LEVEL)} MC interval": interval,
    }
    title = f"Power, {text.estimator(estimator, words)}"
    said = "; ".join(
        f"{text.count(count)} {words.clusters}, correlation {text.decimal(grid.index[row], 2)}: "
        + " to ".join(text.level(grid.iloc[row, end], "percent") for end in (0, -1))
        for count, grid in grids.items()
        for row in (0, -1)
    )
    effects = found["effect"]
    alt = f"{title}, from an effect of {effects.min():g} to {effects.max():g} ({unit}). {said}."
    return finish(draw, alt, Table.of(title, found.itertuples(), columns, source=SWEEP, folded=True))


def _shares(*, few: bool = False) -> pd.DataFrame:
    """Share of the intervals that hold the truth, over designs of the library's grid: a row an effect and estimator.

    Designs with `FEWEST` clusters in the smaller arm or more, or those with fewer.
    """
    note_file(_GRID_FILE)
    grid = pd.read_csv(project_root() / _GRID_FILE)
    smaller = grid[["treated", "other"]].min(axis=1)
    grid = grid[(smaller < FEWEST if few else smaller >= FEWEST) & (grid["estimator"] != "naive")]
    found = grid.groupby(["effect", "estimator"], sort=False, as_index=False).agg(
        lowest=("coverage", "min"),
        average=("coverage", "mean"),
        highest=("coverage", "max"),
        error=("monte_carlo_error", "max"),
        designs=("coverage", "size"),
    )
    names = found["estimator"].map(lambda name: LABELS.get(name, name).format(cluster="cluster", clusters="clusters"))
    return found.assign(name=found["estimator"], estimator=names)


def _percent(share: float) -> str:
    return text.level(share, "percent")


def coverage_sentence(recommended: Collection[str]) -> Sentence:
    """Say between what the shares of recommended estimators lie, and which estimator has the lowest in any design."""
    found = _shares()
    asked, few = (
        one[one["name"].isin(recommended) & (one["effect"] == "difference")] for one in (found, _shares(few=True))
    )
    low, high, lowest = map(_percent, (asked["lowest"].min(), asked["highest"].max(), few["lowest"].min()))
    worst = found.loc[found["lowest"].idxmin()]
    return Sentence(
        f"With {FEWEST} clusters an arm or more, intervals of the recommended estimators for a difference hold the "
        f"truth in {low} to {high} of the trials of every design, and with fewer in {lowest} or more. "
        f"{worst['estimator']} falls lowest, to {_percent(worst['lowest'])}.",
        GRID,
    )


def coverage_table() -> Table:
    """Lowest and highest share of the 95 % intervals that hold the truth, over the designs of the grid."""
    columns = {
        "Estimator": lambda one: one.estimator,
        "Effect": lambda one: one.effect,
        "Lowest": lambda one: _percent(one.lowest),
        "Average": lambda one: _percent(one.average),
        "Highest": lambda one: _percent(one.highest),
        "Monte Carlo error": lambda one: _percent(one.error),
        "Designs": lambda one: text.count(one.designs),
    }
    caption = f"95 % intervals that hold the truth, {FEWEST} clusters an arm and more"
    note = (
        "A method whose lowest share lies far below 95 % fails in some of these designs; one whose highest lies far "
        "above is too careful there. The rest to 100 % is the type I error of a test of the true effect."
    )
    return Table.of(caption, _shares().itertuples(), columns, source=GRID, folded=True, note=note)


def trials_table(trials: Sequence[ReferenceTrial]) -> Table:
    """The data sets that R analysed too: what they are, where they were published, and under which licence."""
    rows = tuple((one.source, one.about, one.taken_from, one.licence) for one in trials)
    return Table("The data sets", ("Data", "What", "Taken from", "Licence"), rows, source=RECORD)


def summary_table(found: Sequence[tuple[ReferenceTrial, pd.DataFrame]]) -> Table:
    """For each data set: how many numbers were compared, how many lie beyond tolerance, and the worst distance."""
    rows = []
    for trial, digits in found:
        distance, linear = digits["distance"], digits["tolerance"] <= 1e-9
        beyond = (~(distance <= digits["tolerance"])).sum()
        worst = text.bound(distance[linear].max()), text.bound(distance[~linear].max())
        rows.append((trial.source.partition(": ")[2], text.count(len(digits)), text.count(beyond), *worst))
    columns = ("Data", "Numbers compared", "Beyond tolerance", "Worst, linear algebra", "Worst, iterative fits")
    return Table("All numbers at once", columns, tuple(rows), source=joint_source(one.source for one, _ in found))
