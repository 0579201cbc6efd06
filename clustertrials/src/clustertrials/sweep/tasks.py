"""Tasks: pieces of a cell, each known by a hash of its content and with random numbers of its own.

A trial's generator follows from the plan's seed, the content of its cell and its own number, and from nothing else:
not from the order of tasks, the number of workers, the engine, or how many trials make a task.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from clustertrials.sweep.plan import Cell, SweepPlan, digest


@dataclass(frozen=True)
class Task:
    """Some trials of one cell and the estimators that are asked on each.

    Attributes
    ----------
    cell : Cell
    estimators : tuple of str
    level : float
    seed : int
        The plan's seed.
    first, last : int
        Trials `first` to `last` - 1 of the cell.
    """

    cell: Cell
    estimators: tuple[str, ...]
    level: float
    seed: int
    first: int
    last: int

    @cached_property
    def hash(self) -> str:
        """Name of the task's partition: 24 hex digits of a SHA-256 over all that its results follow from."""
        return digest([self.cell.values, self.estimators, self.level, self.seed, self.first, self.last])[:24]

    @property
    def n_trials(self) -> int:
        """Trials to draw."""
        return self.last - self.first

    @property
    def n_rows(self) -> int:
        """Rows of the answer: one a trial and estimator."""
        return self.n_trials * len(self.estimators)

    def child(self, number: int) -> np.random.SeedSequence:
        """Seed of one trial of the cell."""
        content = int(self.cell.scenario.name[:32], 16)
        return np.random.SeedSequence((self.seed, content), spawn_key=(number,))


def tasks_of(plan: SweepPlan) -> list[Task]:
    """All tasks of a plan, cell after cell.

    Parameters
    ----------
    plan : SweepPlan
    """
    return [
        Task(cell, plan.estimators, plan.level, plan.seed, first, min(first + plan.trials_a_task, plan.replicates))
        for cell in plan.cells
        for first in range(0, plan.replicates, plan.trials_a_task)
    ]
