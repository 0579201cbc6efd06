"""Where the tasks of a sweep run: in this process, or on Dask workers; all give the same numbers.

Every worker does one task at a time on one core: `clustertrials.cli.pin_threads` limits the numerical libraries of this
process to one thread, and Dask does the same for the workers it starts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from clustertrials.sweep.trials import Task, TaskResult

if TYPE_CHECKING:
    from distributed import Client

_SECONDS = 10  # that a scheduler may take to answer
_DEATHS = 1  # of its workers that a task may cause; with one more it has failed


class EngineError(ValueError):
    """An engine is not available or was lost; what is done stays done, and the same command goes on from there."""


@dataclass(frozen=True)
class Engine:
    """A place for tasks: its name, how many tasks it runs at a time, and the Dask client; None for this process."""

    name: str
    workers: int
    client: Client | None


HERE = Engine("this process", 1, None)


@contextmanager
def open_engine(workers: int = 1, scheduler: str | None = None) -> Iterator[Engine]:
    """Open the place where tasks run: this process for 1 worker, else Dask workers here or those of a `scheduler`.

    EngineError if nothing answers at the scheduler's address, such as ``tcp://127.0.0.1:8786``, or it has no worker.
    """
    if workers == 1 and scheduler is None:
        yield HERE
        return
    import dask
    from distributed import Client, LocalCluster

    # A lost scheduler is reported below in one line; its log would add pages of traceback.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith(("distributed", "tornado"))]:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    with ExitStack() as stack:
        if scheduler is None:
            stack.enter_context(dask.config.set({"distributed.scheduler.allowed-failures": _DEATHS}))
            address = stack.enter_context(
                LocalCluster(n_workers=workers, threads_per_worker=1, processes=True, dashboard_address=None)
            )
            name = f"{workers} workers on this machine"
        else:
            address, name = scheduler, f"the Dask scheduler at {scheduler}"
        try:
            client = stack.enter_context(Client(address, timeout=_SECONDS, set_as_default=False))
        except (OSError, ValueError) as problem:
            raise EngineError(f"no Dask scheduler answers at {address}") from problem
        count = sum(worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values())
        if not count:
            raise EngineError(f"{name} has no worker")
        yield Engine(name, count, client)


def run_tasks(
    engine: Engine, job: Callable[[Task], TaskResult], tasks: Sequence[Task]
) -> Iterator[tuple[Task, TaskResult]]:
    """Yield each task with its result, in no particular order; few tasks are out at once, so that memory does not grow.

    A task whose worker dies is run again; one that keeps killing its workers has a failed result.
    """
    if engine.client is None:
        yield from ((task, job(task)) for task in tasks)
        return
    # Not pure: Dask would name a task by its content and could hand back a result from before.
    executor = engine.client.get_executor(pure=False)
    waiting, out = iter(tasks), {}
    while True:
        while len(out) < 2 * engine.workers and (task := next(waiting, None)) is not None:
            out[executor.submit(job, task)] = task
        if not out:
            return
        for future in wait(out, return_when=FIRST_COMPLETED).done:
            task = out.pop(future)
            yield task, _result(future, task)


def _result(future, task: Task) -> TaskResult:
    try:
        return future.result()
    except (CancelledError, OSError) as problem:
        raise EngineError("the connection to the scheduler was lost; the same command goes on from here") from problem
    except Exception as error:  # KilledWorker for a task that killed its workers, or a result that cannot be sent
        return TaskResult(task.hash, None, 0.0, type(error).__name__, str(error).splitlines()[0])
