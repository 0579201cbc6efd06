"""Run a sweep, continue a killed one, or forecast what it costs."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from tqdm import tqdm

from clustertrials.sweep.engine import HERE, Engine, EngineError, run_tasks
from clustertrials.sweep.plan import SweepPlan
from clustertrials.sweep.store import Store, write_table
from clustertrials.sweep.trials import NUMBERS, Task, TaskResult, code_hash, run_task, tasks_of

# A forecast draws at most `_TRIALS` trials a cell in at most `_CELLS` cells, and starts no cell after `_SECONDS`.
_TRIALS, _CELLS, _SECONDS = 10, 20, 5.0
_ON_TERMINAL, _IN_LOG = 1.0, 30.0  # seconds between two states of the progress bar


@dataclass(frozen=True)
class SweepReport:
    """What a run did."""

    tasks: int  # of the plan
    before: int  # tasks done before
    done: int  # tasks done now
    failed: int  # tasks that failed now


def run_sweep(
    plan: SweepPlan,
    folder: Path,
    engine: Engine = HERE,
    *,
    job: Callable[[Task], TaskResult] = run_task,
    progress: bool = False,
) -> SweepReport:
    """Do the tasks that are not done yet, and put each on disk as it comes.

    The folder is empty, new, or this plan's; else StoreError. EngineError if the scheduler is lost, or workers run
    other code than this process; what is done stays done.
    """
    tasks, store = tasks_of(plan), Store(folder, plan.hash, code_hash())
    with store.opened():
        found = store.done(tasks)
        left = [task for task in tasks if task.hash not in found]
        failed = 0
        every = _ON_TERMINAL if sys.stderr.isatty() else _IN_LOG
        before = plan.n_trials - sum(task.n_trials for task in left)
        with tqdm(
            total=plan.n_trials, initial=before, unit=" trials", mininterval=every, disable=not progress
        ) as progress_bar:
            for task, result in run_tasks(engine, job, left):
                if result.code not in ("", store.code):
                    raise EngineError("a worker runs another version of clustertrials or of its libraries")
                store.write(task, result)
                failed += result.columns is None
                progress_bar.update(task.n_trials)
    return SweepReport(len(tasks), len(found), len(left) - failed, failed)


@dataclass(frozen=True)
class Forecast:
    """Expected cost of a sweep."""

    tasks: int
    trials: int
    seconds: float  # on one worker as fast as this process
    size: float  # bytes on disk
    pilot: int  # trials that the expectation rests on


def forecast(plan: SweepPlan) -> Forecast:
    """Draw a few trials of some cells in this process, and scale up; the size of a task's file is that of the first."""
    tasks = tasks_of(plan)
    size = len(tasks) * _bytes(plan, tasks[0])  # its trial, the first, loads the code and is not timed
    seconds = cells = pilot = 0
    for place in np.random.default_rng(plan.seed).permutation(len(plan.cells)):
        if cells == _CELLS or seconds > _SECONDS:
            break
        task = Task(plan.cells[place], plan.estimators, plan.level, plan.seed, 0, min(_TRIALS, plan.replicates))
        seconds += _done(task).seconds
        cells, pilot = cells + 1, pilot + task.n_trials
    return Forecast(len(tasks), plan.n_trials, seconds / pilot * plan.n_trials, size, pilot)


def _done(task: Task) -> TaskResult:
    result = run_task(task)
    if result.columns is None:
        raise ValueError(f"the pilot's trial failed with {result.error}: {result.message}")
    return result


def _bytes(plan: SweepPlan, task: Task) -> int:
    """Size of a partition: that of one real trial's rows over and over, with numbers that compress no better."""
    result = _done(replace(task, last=task.first + 1))
    rng = np.random.default_rng(plan.seed)
    columns = {name: list(column) * task.n_trials for name, column in result.columns.items()}
    columns |= {name: rng.standard_normal(task.n_rows) for name in NUMBERS}
    stream = BytesIO()
    write_table(Store("", plan.hash, result.code).table(task, replace(result, columns=columns)), stream)
    return stream.tell()
