"""Power, type I error, bias and coverage of every cell, with Monte Carlo errors, from the partitions."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

import numpy as np
import pandas as pd

from clustertrials.files import write_whole
from clustertrials.grid import row_of
from clustertrials.simulation_study import tally
from clustertrials.sweep.plan import FACTORS, Cell, SweepPlan
from clustertrials.sweep.store import DATA_CLASS, Store, StoreError
from clustertrials.sweep.trials import estimand_of, tasks_of, truth_of


def summarise(plan: SweepPlan, folder: Path, out: Path) -> int:
    """Sum up a finished sweep into one CSV file, cell by cell; return the number of rows.

    There is one row a cell and estimator, as `clustertrials.simulate_grid` has it. StoreError if the folder holds no
    sweep of this plan, or a task has no partition.

    Morris TP, White IR, Crowther MJ (2019), Statistics in Medicine 38:2074-2102.
    """
    tasks, store = tasks_of(plan), Store.existing(folder, plan.hash)
    with store.opened():
        missing = len(tasks) - len(store.done(tasks))
    if missing:
        raise StoreError(f"{missing:,} of {len(tasks):,} tasks are not done; run the sweep to its end first")
    rows = []
    for cell, own in groupby(tasks, key=lambda task: task.cell):
        found = pd.concat([store.read(task) for task in own])
        rows += [
            {"data_class": DATA_CLASS, **dict(cell.values)} | _row(cell, estimator, mine, plan.level)
            for estimator, mine in found.groupby("estimator")
        ]
    frame = pd.DataFrame(rows).sort_values([*FACTORS, "estimator"])
    write_whole(out, frame.to_csv(index=False, lineterminator="\n"))
    return len(frame)


def _row(cell: Cell, estimator: str, trials: pd.DataFrame, level: float) -> dict[str, float | str]:
    truth = truth_of(cell.scenario, estimator)
    covers = (trials["ci_low"] <= truth) & (truth <= trials["ci_high"])
    rejects = trials["p_value"] <= round(1 - level, 12)
    answers = np.column_stack([trials["estimate"], trials["se"], covers, covers, rejects])
    (found,) = tally(cell.scenario, [estimator], answers[:, None])
    return {"estimator": estimator, "estimand": estimand_of(estimator)} | row_of(found)
