"""A committed sweep as readers see it: surfaces of power and type-I error, and the table behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from scipy import stats

from clustertrials.sweep.plan import SweepPlan, load_sweep
from holf.display import text
from holf.display.figure import INK, PHONE, Picture, canvas, finish, name_rows, name_rows_once
from holf.display.sentences import Sentence
from holf.display.table import Table
from holf.paths import data_path
from holf.record.plan import Words
from holf.record.sweep_numbers import recorded_numbers

SOURCE = "simulated: a sweep of trials of known truth"
PLAN, RESULTS = "sweep.yml", "simulated/sweep.csv"
# Monte Carlo intervals: many are read together, and at 95 % some would leave the line by chance.
LEVEL = 0.99
# End of the colour scale, in per cent: beyond 100, so that the mark and the numbers stay legible on every cell.
_PALE = 200


def load_swept(path: Path | None = None) -> tuple[SweepPlan, pd.DataFrame]:
    """Read the committed plan and its summary.

    Parameters
    ----------
    path : Path, optional
        The summary; `data/simulated/sweep.csv` by default.

    Raises
    ------
    ValueError
        If the summary is not marked as simulated, or is not that of the plan.
    """
    plan, found = load_sweep(data_path(PLAN), look_up=recorded_numbers), pd.read_csv(path or data_path(RESULTS))
    if "data_class" not in found or set(found["data_class"]) != {"simulated"}:
        raise ValueError("sweep.csv, data_class: every row must say simulated")
    keys = [name for name, _ in plan.cells[0].values]
    wanted = {(*(_plain(value) for _, value in cell.values), one) for cell in plan.cells for one in plan.estimators}
    given = [(*map(_plain, row[:-1]), row[-1]) for row in found[[*keys, "estimator"]].itertuples(index=False)]
    if len(given) != len(wanted) or set(given) != wanted or set(found["trials"]) != {plan.replicates}:
        raise ValueError("sweep.csv: is not the summary of data/sweep.yml; run it again")
    return plan, found


def _plain(value: float) -> float | None:
    return None if value != value else float(value)


def power_surface(found: pd.DataFrame, estimator: str, words: Words) -> Picture:
    """Share of trials in which an estimator finds the effect, by effect and correlation, one panel a count of clusters.

    The most equal sizes of the sweep are shown; the effect of zero is the type-I error.
    """
    found = found[(found["estimator"] == estimator) & (found["size_cv"] == found["size_cv"].min())]
    counts, correlations, effects = (sorted(found[name].unique()) for name in ("clusters", "icc", "effect"))
    unit = _effect_unit(found)

    def draw(width: int) -> Figure:
        with canvas(width, 1.7, len(counts), rest=0.8, sharex=True) as (figure, panels):
            for axes, count in zip(panels, counts):
                part = found[found["clusters"] == count].pivot(index="icc", columns="effect", values="rejected")
                _draw_shares(axes, part, "Blues", _PALE, 0)
                axes.invert_yaxis()
                axes.set_yticks(range(len(correlations)), [text.decimal(x, 2) for x in correlations])
                axes.set_title(f"{text.count(count)} {words.clusters}")
            name_rows_once(panels)
            figure.supylabel("Intraclass correlation", fontsize=9)
            apart = "\n" if width == PHONE else " "
            figure.supxlabel(f"True effect, {unit}{apart}(in the cells: trials that reject, %)", fontsize=9)
        return figure

    ends, title = (effects[0], effects[-1]), f"Power, {text.estimator(estimator, words)}"
    said = "; ".join(
        f"{text.count(count)} {words.clusters}, correlation {text.decimal(icc, 2)}: "
        + " to ".join(text.level(_one(found, count, icc, end), "percent") for end in ends)
        for count in counts
        for icc in (correlations[0], correlations[-1])
    )
    alt = f"{title}, from an effect of {ends[0]:g} to {ends[1]:g} ({unit}). {said}."
    return finish(draw, alt, _power_table(found, title, words), source=SOURCE)


def _power_table(found: pd.DataFrame, title: str, words: Words) -> Table:
    interval = f"{text.percent(LEVEL)} MC interval"
    measures = ("Intraclass correlation", f"True effect, {_effect_unit(found)}", "Rejected", interval)
    rows = tuple(
        (text.count(one.clusters), text.decimal(one.icc, 2), text.decimal(one.effect, 2), *_rate(one))
        for one in found.sort_values(["clusters", "icc", "effect"]).itertuples()
    )
    return Table(title, (words.clusters.capitalize(), *measures), rows, source=SOURCE, folded=True)


def _effect_unit(found: pd.DataFrame) -> str:
    """Unit of the true effects: a binary outcome has a ``share``, a continuous one a standard deviation of 1."""
    binary = found["share"].notna() if "share" in found else pd.Series(False, index=found.index)
    if binary.nunique() > 1:
        raise ValueError("the sweep mixes binary and continuous outcomes, whose effects have no common unit")
    return "difference of shares" if binary.any() else "SD"


def _one(found: pd.DataFrame, count: float, icc: float, effect: float) -> float:
    chosen = found[(found["clusters"] == count) & (found["icc"] == icc) & (found["effect"] == effect)]
    return float(chosen["rejected"].iloc[0])


def error_surface(found: pd.DataFrame, words: Words) -> Picture:
    """Type-I error of every estimator by correlation, one panel a combination of clusters and spread of their sizes."""
    nulls = found[found["rejected_is"] == "type-I error"]
    groups = list(nulls.groupby(["clusters", "size_cv"]))
    estimators = list(dict.fromkeys(nulls["estimator"]))

    def draw(width: int) -> Figure:
        with canvas(width, 0.3 + 0.32 * len(estimators), len(groups), rest=0.8, sharex=True) as (figure, panels):
            for axes, ((count, cv), part) in zip(panels, groups):
                shares = part.pivot(index="estimator", columns="icc", values="rejected").loc[estimators]
                _draw_shares(axes, shares, "Oranges", _PALE / 2, 1)
                name_rows(axes, [text.estimator(one, words) for one in estimators])
                apart = ", " if width == PHONE else "\n"
                axes.set_title(f"{text.count(count)} {words.clusters}{apart}CV of sizes {text.decimal(cv, 2)}")
            name_rows_once(panels)
            apart = "\n" if width == PHONE else " "
            figure.supxlabel(f"Intraclass correlation{apart}(in the cells: trials that reject, %)", fontsize=9)
        return figure

    rows = []
    for one in nulls.itertuples():
        cell = text.count(one.clusters), text.decimal(one.size_cv, 2), text.estimator(one.estimator, words)
        rows.append((*cell, text.decimal(one.icc, 2), *_rate(one)))
    title = "Rejected although there is no effect"
    interval = f"{text.percent(LEVEL)} MC interval"
    head = (words.clusters.capitalize(), "CV of sizes", "Estimator", "ICC", "Rejected", interval)
    said = "; ".join(
        f"{text.estimator(one, words)} " + " to ".join(text.level(end, "percent") for end in (part.min(), part.max()))
        for one, part in ((one, nulls.loc[nulls["estimator"] == one, "rejected"]) for one in estimators)
    )
    table = Table(title, head, tuple(rows), source=SOURCE, folded=True)
    return finish(draw, f"{title}; nominal {text.percent(0.05)}. Over all cells, {said}.", table, source=SOURCE)


def error_sentence(found: pd.DataFrame, words: Words) -> Sentence:
    """Say in how many cells without effect the nominal level lies inside the Monte Carlo interval, by estimator."""
    nulls = found[found["rejected_is"] == "type-I error"]
    kept = {
        name: [low <= 0.05 <= high for low, high in map(_interval, part.itertuples())]
        for name, part in nulls.groupby("estimator", sort=False)
    }
    said = "; ".join(f"{text.estimator(name, words)}, {sum(inside)} of {len(inside)}" for name, inside in kept.items())
    return Sentence(
        f"Cells whose {text.percent(LEVEL)} Monte Carlo interval holds {text.percent(0.05)}: {said}.", SOURCE
    )


def cost_table(plan: SweepPlan, found: pd.DataFrame) -> Table:
    """How large the sweep is: cells, trials, questions, refusals."""
    numbers = (
        ("Cells of the grid", len(plan.cells)),
        ("Trials in a cell", plan.replicates),
        ("Simulated trials", plan.n_trials),
        ("Answers of estimators", plan.n_trials * len(plan.estimators)),
        ("Refusals", int(found["refused"].sum())),
    )
    rows = tuple((name, text.count(number)) for name, number in numbers)
    return Table("What was run", ("What", "Number"), rows, source=SOURCE)


def _interval(one) -> tuple[float, float]:
    answered = int(one.trials - one.refused)
    found = stats.binomtest(round(one.rejected * answered), answered).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)


def _rate(one) -> tuple[str, str]:
    return text.level(one.rejected, "percent"), text.share_limits(*_interval(one))


def _draw_shares(axes: Axes, shares: pd.DataFrame, colours: str, darkest: float, places: int) -> None:
    """A coloured cell for each share, with its number in it."""
    axes.imshow(100 * shares.to_numpy(), cmap=colours, vmin=0, vmax=darkest, aspect="auto")
    for (row, place), share in np.ndenumerate(shares.to_numpy()):
        axes.text(place, row, text.decimal(100 * share, places), ha="center", va="center", color=INK, fontsize=9)
    axes.set_xticks(range(shares.shape[1]), [text.decimal(x, 2) for x in shares.columns])
