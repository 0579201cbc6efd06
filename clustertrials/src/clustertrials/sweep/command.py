"""The command `sweep`: run a plan, say what it would cost, or sum it up."""

from __future__ import annotations

import argparse
import os
import sys
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clustertrials.sweep.engines import Engine
    from clustertrials.sweep.plan import LookUp, SweepPlan


def add_parser(commands: argparse._SubParsersAction) -> argparse.ArgumentParser:
    """Add the command to a command line, and return its parser."""
    sweep = commands.add_parser(
        "sweep", help="simulate a grid of trials from a plan; a killed sweep goes on where it was"
    )
    sweep.add_argument("plan", type=Path, metavar="PLAN.yml", help="factors, replicates, estimators and seed")
    sweep.add_argument("--out", type=Path, required=True, help="folder of the results: new, or this plan's")
    where = sweep.add_mutually_exclusive_group()
    where.add_argument("--workers", type=_workers, default=1, help="processes; 'all' for one a core (default 1)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler, such as tcp://127.0.0.1:8786")
    what = sweep.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="only say how many tasks, how long and how large")
    what.add_argument("--summary", action="store_true", help="sum a finished sweep up into DIR/summary.csv")
    sweep.set_defaults(run=run)
    return sweep


def _workers(words: str) -> int:
    if words == "all":
        return len(os.sched_getaffinity(0))
    if not words.isdecimal() or int(words) < 1:
        raise argparse.ArgumentTypeError("must be a whole number of at least 1, or 'all'")
    return int(words)


def pin_threads() -> None:
    """Hold numerical libraries to one thread, here and in processes started from here; before they are loaded.

    Each worker has a core of its own. With a thread a core in every worker they would wait for each other, and a sum
    over threads may differ in its last digit from the same sum on one.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def run(arguments: argparse.Namespace, *, look_up: LookUp | None = None) -> None:
    """Do what the command was asked; numbers that the plan takes over come from `look_up` (`load_sweep`)."""
    pin_threads()
    try:
        from clustertrials.sweep.engines import dask, processes
        from clustertrials.sweep.plan import load_sweep
        from clustertrials.sweep.summary import summarise
    except ImportError as problem:
        raise ValueError(f"a sweep needs the extra 'sweep': {problem.name} is not installed") from problem
    plan = load_sweep(arguments.plan, look_up=look_up)
    if arguments.summary:
        rows = summarise(plan, arguments.out, arguments.out / "summary.csv")
        print(f"wrote {arguments.out.name}/summary.csv: {rows:,} rows, all simulated")
        return
    where = dask(arguments.scheduler) if arguments.scheduler else nullcontext(processes(arguments.workers))
    with where as engine:
        if arguments.dry_run:
            _foretell(plan, engine)
        else:
            _run(plan, arguments.out, engine)


def _foretell(plan: SweepPlan, engine: Engine) -> None:
    from clustertrials.sweep.forecast import forecast
    from clustertrials.sweep.progress import duration

    cost = forecast(plan, engine)
    print(f"{cost.tasks:,} tasks, {cost.trials:,} trials in {len(plan.cells):,} cells, on {engine.name}")
    expected = f"expected: {duration(cost.seconds)}, {cost.size / 1e6:,.1f} MB"
    print(f"{expected} (measured here, on a pilot of {cost.pilot} trials)")


def _run(plan: SweepPlan, folder: Path, engine: Engine) -> None:
    from clustertrials.sweep.runner import run_sweep

    found = run_sweep(plan, folder, engine)
    for name in found.torn:
        print(f"parts/{name} could not be read: set aside, and done again", file=sys.stderr)
    print(f"{found.tasks:,} tasks on {engine.name}: {found.before:,} done before, {found.done:,} now", end="")
    print(f", {found.failed:,} failed (see {folder.name}/failed)" if found.failed else "")
    sys.exit(1 if found.failed else 0)
