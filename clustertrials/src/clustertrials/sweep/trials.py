"""A task of a sweep: some trials of one cell, drawn from seeds of their own, and every estimator asked on each.

A trial's generator follows from the plan's seed, the content of its cell and its own number, and from nothing else:
not from the order of tasks, the number of workers, the engine, or how many trials make a task.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from time import perf_counter

import numpy as np
import scipy

from clustertrials.estimators import CLUSTER, METHODS, WEIGHTED, effect_of
from clustertrials.mixed import batched_reml
from clustertrials.results import Inference
from clustertrials.simulation_study import Scenario, draw_columns
from clustertrials.sweep.plan import BATCHED, Cell, SweepPlan, digest
from clustertrials.trial import Trial, sorted_trial

NUMBERS = ("estimate", "se", "df", "p_value", "ci_low", "ci_high")
# Numbers that a batch holds at once: 32 MB, whatever the size of a trial.
_BATCH = 4_000_000
# Modules of this folder that make numbers; all of the folder above do, or may.
_OWN = ("plan.py", "trials.py")
_NAMES = ("outcome", "arm", "cluster", "baseline")


@dataclass(frozen=True)
class Task:
    """Trials `first` to `last` - 1 of one cell, and the estimators that are asked on each; `seed` is the plan's."""

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
        """Rows of the result: one a trial and estimator."""
        return self.n_trials * len(self.estimators)

    def child(self, number: int) -> np.random.SeedSequence:
        """Seed of one trial of the cell."""
        content = int(self.cell.scenario.name[:32], 16)
        return np.random.SeedSequence((self.seed, content), spawn_key=(number,))


def tasks_of(plan: SweepPlan) -> list[Task]:
    """All tasks of a plan, cell after cell."""
    return [
        Task(cell, plan.estimators, plan.level, plan.seed, first, min(first + plan.trials_a_task, plan.replicates))
        for cell in plan.cells
        for first in range(0, plan.replicates, plan.trials_a_task)
    ]


@dataclass(frozen=True)
class TaskResult:
    """Result of a task, small enough to be sent from a worker."""

    task: str  # hash of the task
    columns: dict[str, np.ndarray | list] | None  # one entry a trial and estimator; None where the task failed
    seconds: float  # time it took
    # error, message: class and words of the exception that ended it, else empty
    error: str = ""
    message: str = ""
    trial: int = -1  # trial at which it ended, -1 where none is known
    code: str = ""  # hash of the code that the worker ran; empty where none answered


def estimand_of(estimator: str) -> str:
    """The average that an estimator of a sweep targets."""
    return WEIGHTED if estimator == BATCHED else METHODS[estimator].estimand


def truth_of(scenario: Scenario, estimator: str) -> float:
    """The true average that an estimator targets: over clusters, or else over units."""
    return scenario.cluster_effect if estimand_of(estimator) == CLUSTER else scenario.individual_effect


def run_task(task: Task) -> TaskResult:
    """Do a task; an exception becomes a failed result that names it, so that the other tasks go on.

    An estimator that refuses a trial by ValueError has a row with NaN and its words; any other exception fails the
    task.
    """
    start, reached = perf_counter(), [-1]
    try:
        columns = _columns(task, reached)
    except Exception as error:  # whatever went wrong in one task, the others go on and the record names it
        words = str(error).splitlines()[0] if str(error) else ""
        return TaskResult(task.hash, None, perf_counter() - start, type(error).__name__, words, reached[0], code_hash())
    return TaskResult(task.hash, columns, perf_counter() - start, code=code_hash())


@cache
def code_hash() -> str:
    """SHA-256 over the code that the numbers of a sweep follow from, and the versions of its numerical libraries."""
    home, found = Path(__file__).parents[1], hashlib.sha256(f"{np.__version__} {scipy.__version__}".encode())
    for path in [
        *sorted(home.glob("*.py")),
        *sorted(home.glob("randomisation/*.py")),
        *(home / "sweep" / name for name in _OWN),
    ]:
        found.update(path.relative_to(home).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()


def draw_trial(task: Task, number: int) -> tuple[Trial, np.random.Generator]:
    """Draw one trial of a cell and lose some of its units; ValueError if too few clusters are left.

    Returns the checked trial, adjusted for its baseline covariate, and its generator for an estimator that samples.
    """
    cell, rng = task.cell, np.random.default_rng(task.child(number))
    cluster, arm, baseline, outcome = draw_columns(cell.scenario, rng).values()
    numbers, treated, codes = np.column_stack([outcome, baseline]), arm == 1, cluster
    if cell["attrition"]:
        kept = _kept(cell, outcome, rng)
        numbers, treated, codes = numbers[kept], treated[kept], np.unique(cluster[kept], return_inverse=True)[1]
    return sorted_trial(numbers, treated, codes, names=_NAMES), rng


def _kept(cell: Cell, outcome: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Which units are followed up: log odds of loss are logit(attrition) + slope * standardised outcome."""
    odds = cell["attrition"] / (1 - cell["attrition"])
    if cell["attrition_slope"]:
        odds = odds * np.exp(cell["attrition_slope"] * (outcome - outcome.mean()) / outcome.std())
    return rng.random(len(outcome)) >= odds / (1 + odds)


def _columns(task: Task, reached: list[int]) -> dict[str, np.ndarray | list]:
    shape = (task.n_trials, len(task.estimators))
    found, refusals = np.full((*shape, len(NUMBERS)), np.nan), np.full(shape, "", dtype=object)
    units, waiting, held = np.zeros(task.n_trials, dtype=int), [], 0
    place = task.estimators.index(BATCHED) if BATCHED in task.estimators else None
    for row in range(task.n_trials):
        reached[0] = task.first + row
        try:
            trial, rng = draw_trial(task, reached[0])
        except ValueError as problem:
            refusals[row] = str(problem)
            continue
        units[row] = len(trial.y)
        for column, estimator in enumerate(task.estimators):
            if estimator != BATCHED:
                found[row, column], refusals[row, column] = _ask(trial, estimator, task.level, rng)
        if place is not None:
            waiting.append((row, trial))
            held += len(trial.y) * (2 + len(trial.r_inverse))
            if held > _BATCH:
                _fit(waiting, found[:, place], refusals[:, place], task.level)
                waiting, held = [], 0
    if waiting:
        _fit(waiting, found[:, place], refusals[:, place], task.level)
    return _long(task, found, refusals, units)


def _ask(trial: Trial, estimator: str, level: float, rng: np.random.Generator) -> tuple[list[float], str]:
    try:
        effect = effect_of(trial, estimator, level=level, rng=rng if estimator == "randomisation" else None)
    except ValueError as problem:
        return [float("nan")] * len(NUMBERS), str(problem)
    return [getattr(effect, name) for name in NUMBERS], ""


def _fit(waiting: list[tuple[int, Trial]], found: np.ndarray, refusals: np.ndarray, level: float) -> None:
    """Fit trials by REML: together where their clusters agree, one by one where units were lost or one has no fit."""
    first = waiting[0][1]
    try:
        if not all(np.array_equal(trial.codes, first.codes) for _, trial in waiting):
            raise ValueError("the clusters of the trials differ")
        design = np.stack([np.column_stack([np.ones(len(t.y)), t.treated, t.covariates]) for _, t in waiting])
        fit = batched_reml(np.stack([trial.y for _, trial in waiting]), design, first.codes)
    except ValueError as problem:
        if len(waiting) == 1:
            refusals[waiting[0][0]] = str(problem)
            return
        for one in waiting:
            _fit([one], found, refusals, level)
        return
    rows, df = [row for row, _ in waiting], len(first.starts) - 2
    estimate, se = fit.coefficients[:, 1], fit.standard_errors[:, 1]
    inference = Inference(estimate, se, df)
    found[rows] = np.column_stack([estimate, se, np.full(len(rows), df), inference.p_value, *inference.interval(level)])


def _long(task: Task, found: np.ndarray, refusals: np.ndarray, units: np.ndarray) -> dict[str, np.ndarray | list]:
    """One entry a trial and estimator, trials first."""
    count, scenario = len(task.estimators), task.cell.scenario
    columns = {name: np.full(task.n_rows, value) for name, value in task.cell.values}
    columns["trial"] = np.repeat(np.arange(task.first, task.last), count)
    columns["estimator"] = list(task.estimators) * task.n_trials
    columns["truth"] = np.tile([truth_of(scenario, one) for one in task.estimators], task.n_trials)
    columns |= {name: found[:, :, place].ravel() for place, name in enumerate(NUMBERS)}
    columns["units"] = np.repeat(units, count)
    columns["refusal"] = refusals.ravel().tolist()
    return columns
