"""Where tasks are done: in this process, in several processes, or on a Dask scheduler; all give the same numbers.

Every worker does one task at a time on one core; `clustertrials.sweep.command` holds the numerical libraries to one
thread, in this process and in those started from it, and Dask does the same for the workers it starts.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor
from concurrent.futures import wait as wait_for
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from threading import Thread

from clustertrials.sweep.tasks import Task
from clustertrials.sweep.trials import Answer

_SECONDS = 10  # that a scheduler may take to answer


class EngineError(ValueError):
    """An engine cannot be had or was lost; what is done stays done, and the same command goes on from there."""


@dataclass(frozen=True)
class Engine:
    """Something that takes tasks.

    Attributes
    ----------
    name : str
        What it is, for people.
    workers : int
        Tasks at a time.
    start : callable or None
        Gives a fresh `Executor`; None to work in this process.
    """

    name: str
    workers: int
    start: Callable[[], Executor] | None

    @property
    def ahead(self) -> int:
        """Tasks that are out at once: enough that no worker waits, few enough that memory does not grow."""
        return 2 * self.workers


def processes(workers: int) -> Engine:
    """This process, or `workers` processes of this machine, started afresh so that they share no state."""
    if workers == 1:
        return Engine("this process", 1, None)
    context = multiprocessing.get_context("spawn")
    start = partial(ProcessPoolExecutor, workers, mp_context=context, initializer=_end_with_parent)
    return Engine(f"{workers} processes", workers, start)


def _end_with_parent() -> None:
    """End this worker when the process that started it is gone, even by kill -9: it would wait for ever."""

    def wait() -> None:
        multiprocessing.parent_process().join()
        os._exit(1)

    Thread(target=wait, daemon=True).start()


@contextmanager
def dask(address: str) -> Iterator[Engine]:
    """Connect to a Dask scheduler.

    Parameters
    ----------
    address : str
        Such as ``tcp://127.0.0.1:8786``.

    Raises
    ------
    EngineError
        If Dask is not installed, nothing answers at the address, or the scheduler has no worker.
    """
    try:
        from distributed import Client
    except ImportError as problem:
        raise EngineError("--scheduler needs Dask: install the extra 'sweep'") from problem
    # A lost scheduler is said below in one line; its log would add pages of traceback before it.
    for name in [name for name in logging.root.manager.loggerDict if name.startswith(("distributed", "tornado"))]:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        client = Client(address, timeout=_SECONDS, set_as_default=False)
    except (OSError, ValueError) as problem:
        raise EngineError(f"no Dask scheduler answers at {address}") from problem
    with client:
        workers = sum(worker["nthreads"] for worker in client.scheduler_info(n_workers=-1)["workers"].values())
        if not workers:
            raise EngineError(f"the Dask scheduler at {address} has no worker")
        # Not pure: Dask would else name a task by its content and could hand back an answer from before.
        yield Engine(f"Dask, {workers} threads of workers", workers, lambda: client.get_executor(pure=False))


def answers(engine: Engine, work: Callable[[Task], Answer], tasks: Sequence[Task]) -> Iterator[tuple[Task, Answer]]:
    """Do tasks and yield each with its answer as it comes, a bounded number ahead.

    Parameters
    ----------
    engine : Engine
    work : callable
        From a task to its answer, importable by workers.
    tasks : sequence of Task

    Yields
    ------
    task, answer : Task, Answer
        In no particular order. A task whose worker dies is done again alone, so that it is known which one it was;
        one that kills its worker twice has a failed answer.

    Raises
    ------
    EngineError
        If the scheduler is lost.
    """
    if engine.start is None:
        yield from ((task, work(task)) for task in tasks)
        return
    waiting, suspects = deque(tasks), deque()
    while waiting or suspects:
        # Those that were out when a worker died go one at a time: the next death then has one name.
        alone = bool(suspects)
        executor, lost = engine.start(), []
        try:
            yield from _drain(executor, work, suspects if alone else waiting, 1 if alone else engine.ahead, lost)
        finally:
            if isinstance(executor, ProcessPoolExecutor):
                executor.shutdown(wait=False, cancel_futures=True)
        if alone:
            yield from ((task, Answer(task.hash, None, 0.0, "WorkerDied", "its worker died twice")) for task in lost)
        else:
            suspects.extend(lost)


def _drain(executor: Executor, work: Callable, line: deque, ahead: int, lost: list[Task]) -> Iterator:
    """Yield answers until the line is empty or a worker died; `lost` then holds the tasks that were out."""
    out: dict[Future, Task] = {}
    while (line or out) and not lost:
        try:
            while line and len(out) < ahead:
                out[executor.submit(work, line[0])] = line[0]
                line.popleft()
        except BrokenExecutor:
            break
        for future in wait_for(out, return_when=FIRST_COMPLETED).done:
            task = out.pop(future)
            if (answer := _answer(future, task)) is None:
                lost.append(task)
            else:
                yield task, answer
    lost.extend(out.values())


def _answer(future: Future, task: Task) -> Answer | None:
    """What a worker sent back; None where its process died."""
    try:
        return future.result()
    except BrokenExecutor:
        return None
    except (CancelledError, OSError) as problem:
        raise EngineError("the connection to the scheduler was lost; the same command goes on from here") from problem
    except Exception as error:  # Dask's word for a task that killed its workers, or an answer that cannot be sent
        return Answer(task.hash, None, 0.0, type(error).__name__, str(error).splitlines()[0])
