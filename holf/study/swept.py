"""The committed sweep: its plan, and the summary of what it found."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from clustertrials.sweep.plan import SweepPlan, load_sweep
from holf.paths import data_path
from holf.record.sweep_numbers import recorded_numbers

PLAN, RESULTS = "sweep.yml", "simulated/sweep.csv"


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
