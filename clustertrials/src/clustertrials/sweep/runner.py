"""Run a sweep: do the tasks that are not yet done, put each on disk as it comes, and go on where a killed one was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clustertrials.sweep.engines import Engine, EngineError, answers
from clustertrials.sweep.plan import SweepPlan
from clustertrials.sweep.progress import Progress
from clustertrials.sweep.store import Store
from clustertrials.sweep.tasks import Task, tasks_of
from clustertrials.sweep.trials import Answer, code_hash, work


@dataclass(frozen=True)
class Outcome:
    """What a run did.

    Attributes
    ----------
    tasks, before, done, failed : int
        Tasks of the plan; those that were done before, were done now, and failed now.
    torn : tuple of str
        Partitions that could not be read, set aside and done again.
    """

    tasks: int
    before: int
    done: int
    failed: int
    torn: tuple[str, ...]


def run_sweep(
    plan: SweepPlan,
    folder: Path,
    engine: Engine,
    *,
    job: Callable[[Task], Answer] = work,
    progress: Callable[[int, int], Progress] = Progress,
) -> Outcome:
    """Do what is left of a sweep.

    Parameters
    ----------
    plan : SweepPlan
    folder : Path
        Empty, new, or this plan's.
    engine : Engine
    job : callable
        What a worker does with a task.
    progress : callable
        Makes the reporter from the trials of the plan and those done before.

    Returns
    -------
    Outcome

    Raises
    ------
    StoreError
        If the folder is not this sweep's.
    EngineError
        If the scheduler is lost, or workers run other code than this process; what is done stays done.
    """
    tasks, store = tasks_of(plan), Store(folder, plan.hash, code_hash())
    with store.opened():
        found, torn = store.done(tasks)
        left = [task for task in tasks if task.hash not in found]
        shown = progress(plan.n_trials, plan.n_trials - sum(task.n_trials for task in left))
        failed = 0
        for task, answer in answers(engine, job, left):
            if answer.code not in ("", store.code):
                raise EngineError(
                    "a worker runs another version of clustertrials or of its libraries than this process"
                )
            store.write(task, answer)
            failed += answer.columns is None
            shown.add(task.n_trials, failed=answer.columns is None)
    return Outcome(len(tasks), len(found), len(left) - failed, failed, tuple(torn))
