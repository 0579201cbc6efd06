"""A committed sweep as readers see it: its surface of power, and the table behind it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy import stats

from holf.display import text
from holf.display.figure import INK, Picture, canvas, finish, name_rows_once
from holf.display.table import Table
from holf.display.widths import PHONE
from holf.record.plan import Words

SOURCE = "simulated: a sweep of trials of known truth"
# Monte Carlo intervals: many are read together, and at 95 % some would leave the line by chance.
LEVEL = 0.99


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


def _interval(one) -> tuple[float, float]:
    answered = int(one.trials - one.refused)
    found = stats.binomtest(round(one.rejected * answered), answered).proportion_ci(LEVEL, method="exact")
    return float(found.low), float(found.high)


_RATE = {
    "Rejected": lambda one: text.level(one.rejected, "percent"),
    f"{text.percent(LEVEL)} MC interval": lambda one: text.share_limits(*_interval(one)),
}
