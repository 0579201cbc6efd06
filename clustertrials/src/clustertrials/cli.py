"""The command line: `clustertrials power` and `clustertrials sweep`."""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clustertrials.sweep.plan import LookUp


def main(arguments: list[str] | None = None) -> None:
    """Run one command; a mistake in the input ends with one clear line and exit code 2."""
    parser = argparse.ArgumentParser(prog="clustertrials", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_power(commands)
    add_sweep(commands)
    parsed = parser.parse_args(arguments)
    try:
        parsed.run(parsed)
    except (OSError, ValueError) as error:
        print(f"clustertrials: {error}", file=sys.stderr)
        sys.exit(2)


def add_power(commands: argparse._SubParsersAction) -> None:
    """Add the command `power` to a command line."""
    power = commands.add_parser("power", help="smallest detectable difference, or the power for a difference")
    power.add_argument("--clusters", type=int, nargs=2, required=True, metavar=("TREATED", "OTHER"))
    power.add_argument("--mean-size", type=float, required=True, help="mean number of units in a cluster")
    power.add_argument("--icc", type=float, required=True, help="intraclass correlation")
    power.add_argument("--size-cv", type=float, default=0.0, help="coefficient of variation of the cluster sizes")
    power.add_argument("--sd", type=float, default=1.0, help="standard deviation of the outcome")
    power.add_argument("--power", type=float, default=0.8, help="wanted power (default 0.8)")
    power.add_argument("--difference", type=float, help="give the power for this difference instead")
    power.set_defaults(run=_power)


def _power(arguments: argparse.Namespace) -> None:
    # Imported here, as in `_sweep`, so that help and mistakes are shown without loading scipy.
    from clustertrials.sample_size import minimum_detectable_difference, planned_test, power

    design = {
        "clusters": tuple(arguments.clusters),
        "mean_size": arguments.mean_size,
        "icc": arguments.icc,
        "size_cv": arguments.size_cv,
        "sd": arguments.sd,
    }
    if arguments.difference is None:
        found = minimum_detectable_difference(**design, power=arguments.power)
        print(f"smallest detectable difference at power {arguments.power:g}: {found:.4g}")
    else:
        found = power(difference=arguments.difference, **design)
        print(f"power for a difference of {arguments.difference:g}: {found:.3f}")
    print(f"analysis: cr2, every unit alike, Satterthwaite t with {planned_test(**design).df:.1f} degrees of freedom")


def add_sweep(commands: argparse._SubParsersAction, *, look_up: LookUp | None = None) -> None:
    """Add the command `sweep` to a command line; `look_up` is handed on to `load_sweep`."""
    sweep = commands.add_parser("sweep", help="simulate a grid of trials from a plan; a killed sweep can be continued")
    sweep.add_argument("plan", type=Path, metavar="PLAN.yml", help="factors, replicates, estimators and seed")
    sweep.add_argument("--out", type=Path, required=True, help="folder of the results: new, or this plan's")
    where = sweep.add_mutually_exclusive_group()
    where.add_argument("--workers", type=_workers, default=1, help="processes; 'all' for one a core (default 1)")
    where.add_argument("--scheduler", metavar="ADDRESS", help="a Dask scheduler, such as tcp://127.0.0.1:8786")
    what = sweep.add_mutually_exclusive_group()
    what.add_argument("--dry-run", action="store_true", help="only print the number of tasks, the time and the size")
    what.add_argument("--summary", action="store_true", help="summarise a finished sweep in DIR/summary.csv")
    sweep.set_defaults(run=partial(_sweep, look_up=look_up))


def _workers(words: str) -> int:
    if words == "all":
        return len(os.sched_getaffinity(0))
    if not words.isdecimal() or int(words) < 1:
        raise argparse.ArgumentTypeError("must be a whole number of at least 1, or 'all'")
    return int(words)


def pin_threads() -> None:
    """Limit numerical libraries to one thread, here and in processes started from here; call before they are loaded.

    Each worker has a core of its own: more threads would wait for each other, and a sum over threads may differ in its
    last digit from the same sum on one.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"


def _sweep(arguments: argparse.Namespace, *, look_up: LookUp | None) -> None:
    pin_threads()
    try:
        from tqdm import tqdm

        from clustertrials.sweep.engine import open_engine
        from clustertrials.sweep.plan import load_sweep
        from clustertrials.sweep.run import forecast, run_sweep
        from clustertrials.sweep.summary import summarise
    except ImportError as problem:
        raise ValueError(f"a sweep needs the extra 'sweep': {problem.name} is not installed") from problem
    plan, out = load_sweep(arguments.plan, look_up=look_up), arguments.out
    if arguments.summary:
        rows = summarise(plan, out, out / "summary.csv")
        print(f"wrote {out.name}/summary.csv: {rows:,} rows, all simulated")
        return
    if arguments.dry_run:
        workers = 1 if arguments.scheduler else arguments.workers
        cost = forecast(plan)
        print(f"{cost.tasks:,} tasks, {cost.trials:,} trials in {len(plan.cells):,} cells, {cost.size / 1e6:,.1f} MB")
        time = tqdm.format_interval(cost.seconds / workers)
        print(f"expected time with {workers:,} worker(s): {time}, from a pilot of {cost.pilot} trials in this process")
        return
    with open_engine(arguments.workers, arguments.scheduler) as engine:
        report = run_sweep(plan, out, engine, progress=True)
    failed = f", {report.failed:,} failed (see {out.name}/failed)" if report.failed else ""
    print(f"{report.tasks:,} tasks on {engine.name}: {report.before:,} done before, {report.done:,} now{failed}")
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
