"""What a sweep will cost, measured on a tiny pilot: a few trials of its smallest and of its largest cell."""

from __future__ import annotations

from dataclasses import dataclass, replace
from io import BytesIO
from time import perf_counter

import numpy as np

from clustertrials.sweep.engines import Engine
from clustertrials.sweep.plan import Cell, SweepPlan
from clustertrials.sweep.store import Store, write_table
from clustertrials.sweep.tasks import Task, tasks_of
from clustertrials.sweep.trials import NUMBERS, work

_PILOT, _SECONDS = 20, 5.0  # trials of a cell at most, and seconds after which no more are drawn


@dataclass(frozen=True)
class Forecast:
    """Expected cost of a sweep.

    Attributes
    ----------
    tasks, trials : int
        Tasks to do, and trials in them.
    seconds : float
        Expected time with the engine's workers.
    size : float
        Expected bytes on disk.
    pilot : int
        Trials that the expectation rests on.
    """

    tasks: int
    trials: int
    seconds: float
    size: float
    pilot: int


def forecast(plan: SweepPlan, engine: Engine) -> Forecast:
    """Draw a few trials here and scale up.

    Parameters
    ----------
    plan : SweepPlan
    engine : Engine
        Whose workers share the work; they are taken to be as fast as this process.

    Returns
    -------
    Forecast

    Raises
    ------
    ValueError
        If a pilot's task fails.

    Notes
    -----
    A trial's time is taken as a + b units, through the measured times of the smallest and the largest cell; a task's
    file is measured on the first.
    """
    cells = sorted(plan.cells, key=_units)
    measured = {_units(cell): _measure(plan, cell) for cell in (cells[0], cells[-1])}
    (low, (first, n)), (high, (last, m)) = min(measured.items()), max(measured.items())
    slope = (last - first) / (high - low) if high > low else 0.0
    seconds = plan.replicates * sum(max(first + slope * (_units(cell) - low), 0.0) for cell in cells)
    tasks = tasks_of(plan)
    size = len(tasks) * _bytes(plan, tasks[0])
    return Forecast(len(tasks), plan.n_trials, seconds / engine.workers, size, n + (m if high > low else 0))


def _units(cell: Cell) -> int:
    return sum(cell.scenario.sizes)


def _measure(plan: SweepPlan, cell: Cell) -> tuple[float, int]:
    """Seconds a trial, and the trials that were drawn for it; the first, which loads code, is not counted."""
    drawn, start = 0, 0.0
    while drawn < _PILOT and (drawn < 2 or perf_counter() - start < _SECONDS):
        if drawn == 1:
            start = perf_counter()
        size = 1 if drawn < 2 else _PILOT - 2
        answer = work(Task(cell, plan.estimators, plan.level, plan.seed, drawn, drawn + size))
        if answer.columns is None:
            raise ValueError(f"the pilot's trial failed with {answer.error}: {answer.message}")
        drawn += size
    return (perf_counter() - start) / (drawn - 1), drawn


def _bytes(plan: SweepPlan, task: Task) -> int:
    """Size of a partition: that of one real trial's rows over and over, with numbers that compress no better."""
    answer = work(replace(task, last=task.first + 1))
    rng = np.random.default_rng(plan.seed)
    columns = {name: list(column) * task.n_trials for name, column in answer.columns.items()}
    columns |= {name: rng.standard_normal(task.n_rows) for name in NUMBERS}
    stream = BytesIO()
    write_table(Store("", plan.hash, answer.code).table(task, replace(answer, columns=columns)), stream)
    return stream.tell()
