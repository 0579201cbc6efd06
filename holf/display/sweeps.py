"""A committed sweep as readers see it: surfaces of power and type-I error, and the table behind them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from clustertrials.sweep.plan import SweepPlan, load_sweep
from holf.display import text
from holf.display.figure import INK, PHONE, Picture, canvas, finish, name_rows_once
from holf.display.sentences import Sentence
from holf.display.table import Table
from holf.paths import data_path
from holf.record.plan import Words
from holf.record.sweep_numbers import recorded_numbers

SOURCE = "simulated: a sweep of trials of known truth"
PLAN, RESULTS = "sweep.yml", "simulated/sweep.csv"
# Monte Carlo intervals: many are read together, and at 95 % some would leave the line by chance.
LEVEL = 0.99


def load_swept(path: Path | None = None) -> tuple[SweepPlan, pd.DataFrame]:
    """Read the committed plan and its summary (`data/simulated/sweep.csv`, or the file at `path`).

    Raises
    ------
    ValueError
        If the summary is not marked as simulated, or is not that of the plan.
    """
    plan, found = load_sweep(data_path(PLAN), look_up=recorded_numbers), pd.read_csv(path or data_path(RESULTS))
    if "data_class" not in found or set(found["data_class"]) != {"simulated"}:
        raise ValueError("data/simulated/sweep.csv, data_class: every row must say simulated")
    keys = [name for name, _ in plan.cells[0].values]
    wanted = {(*(_plain(value) for _, value in cell.values), one) for cell in plan.cells for one in plan.estimators}
    given = [(*map(_plain, row[:-1]), row[-1]) for row in found[[*keys, "estimator"]].itertuples(index=False)]
    if len(given) != len(wanted) or set(given) != wanted or set(found["trials"]) != {plan.replicates}:
        raise ValueError("data/simulated/sweep.csv: is not the summary of data/sweep.yml; run it again")
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
                # The scale ends beyond 100 %, so that the mark and the numbers stay legible on every cell.
                axes.imshow(100 * part.to_numpy(), cmap="Blues", vmin=0, vmax=200, aspect="auto")
                for (row, place), share in np.ndenumerate(part.to_numpy()):
                    said = text.decimal(100 * share, 0)
                    axes.text(place, row, said, ha="center", va="center", color=INK, fontsize=9)
                axes.set_xticks(range(len(effects)), [text.decimal(x, 2) for x in effects])
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
    return finish(draw, alt, _power_table(found, title, words))


def _power_table(found: pd.DataFrame, title: str, words: Words) -> Table:
    return Table.of(
        title,
        found.sort_values(["clusters", "icc", "effect"]).itertuples(),
        {
            words.clusters.capitalize(): lambda one: text.count(one.clusters),
            "Intraclass correlation": lambda one: text.decimal(one.icc, 2),
            f"True effect, {_effect_unit(found)}": lambda one: text.decimal(one.effect, 2),
            **_RATE,
        },
        source=SOURCE,
        folded=True,
    )


def _effect_unit(found: pd.DataFrame) -> str:
    """Unit of the true effects: a binary outcome has a ``share``, a continuous one a standard deviation of 1."""
    binary = found["share"].notna() if "share" in found else pd.Series(False, index=found.index)
    if binary.nunique() > 1:
        raise ValueError("the sweep mixes binary and continuous outcomes, whose effects have no common unit")
    return "difference of shares" if binary.any() else "SD"


def _one(found: pd.DataFrame, count: float, icc: float, effect: float) -> float:
    chosen = found[(found["clusters"] == count) & (found["icc"] == icc) & (found["effect"] == effect)]
    return float(chosen["rejected"].iloc[0])


def error_table(found: pd.DataFrame, words: Words) -> Table:
    """Type-I error of every estimator in each cell without effect."""
    return Table.of(
        "Rejected although there is no effect",
        found[found["rejected_is"] == "type-I error"].itertuples(),
        {
            words.clusters.capitalize(): lambda one: text.count(one.clusters),
            "CV of sizes": lambda one: text.decimal(one.size_cv, 2),
            "Estimator": lambda one: text.estimator(one.estimator, words),
            "ICC": lambda one: text.decimal(one.icc, 2),
            **_RATE,
        },
        source=SOURCE,
        folded=True,
    )


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


_RATE = {
    "Rejected": lambda one: text.level(one.rejected, "percent"),
    f"{text.percent(LEVEL)} MC interval": lambda one: text.share_limits(*_interval(one)),
}
