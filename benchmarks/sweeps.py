"""Sweeps: trials a second, from one core to two, and memory against replicates. Run: python -m benchmarks.sweeps"""

from __future__ import annotations

import os
import resource
import warnings
from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

# Before numpy is loaded: clustertrials.cli says why.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import yaml
from statsmodels.regression.mixed_linear_model import MixedLM

from benchmarks.timing import report, seconds
from clustertrials.sweep.plan import ESTIMATORS, SweepPlan, load_sweep
from clustertrials.sweep.run import run_sweep
from clustertrials.sweep.trials import draw_trial, run_task, tasks_of

FACTORS = {"clusters": 29, "mean_size": 30, "size_cv": 0.25, "icc": 0.05, "treated_share": 0.517}
N_LOOP = 30
ROUNDS = 5


def main() -> None:
    """Measure the three, each against its target."""
    with TemporaryDirectory() as folder:
        _throughput(Path(folder))
        _scaling(Path(folder))
        _memory()


def _plan(folder: Path, estimators: list[str], replicates: int, **factors: object) -> SweepPlan:
    path = folder / "plan.yml"
    content = {"seed": 1, "replicates": replicates, "estimators": estimators, "factors": FACTORS | factors}
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return load_sweep(path)


def _throughput(folder: Path) -> None:
    """Every estimator alone, drawing included, and a loop of statsmodels on trials drawn in the same way."""
    loop = N_LOOP / seconds(lambda: _loop(folder), 2)
    for estimator in ESTIMATORS:
        (task,) = tasks_of(_plan(folder, [estimator], 20 if estimator == "randomisation" else 250))
        rate = task.n_trials / seconds(lambda task=task: run_task(task), 3)
        report(f"{estimator}: simulated trials a second on one core", rate, "")
        if estimator == "mixed_batched":
            report("a loop of statsmodels MixedLM, drawing included", loop, "")
            report("ratio, mixed_batched to that loop", rate / loop, "times", 50, at_least=True)


def _loop(folder: Path) -> None:
    (task,) = tasks_of(_plan(folder, ["mixed"], N_LOOP))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number in range(N_LOOP):
            trial = draw_trial(task, number)[0]
            design = np.column_stack([np.ones(len(trial.y)), trial.treated, trial.covariates])
            MixedLM(trial.y, design, trial.codes).fit(reml=True)


def _scaling(folder: Path) -> None:
    """The same tasks on one worker and on two, in turn; the workers have loaded their code before."""
    tasks = tasks_of(_plan(folder, ["cr2", "mixed_batched", "cluster_means"], 250, icc=[x / 100 for x in range(1, 17)]))
    pools = {n: ProcessPoolExecutor(n, mp_context=get_context("spawn")) for n in (1, 2)}
    for n, pool in pools.items():
        list(pool.map(run_task, tasks[: 2 * n]))
    taken = {1: [], 2: []}
    for _ in range(ROUNDS):
        for n, pool in pools.items():
            taken[n].append(_drain(pool, tasks))
    for pool in pools.values():
        pool.shutdown()
    pairs = sorted(one / two for one, two in zip(taken[1], taken[2]))
    report(f"one worker, {len(tasks)} tasks, best of {ROUNDS}", min(taken[1]), "s")
    report("two workers", min(taken[2]), "s")
    report("ratio, best to best", min(taken[1]) / min(taken[2]), "times", 1.7, at_least=True)
    report("ratio in a round: lowest", pairs[0], "times")
    report("ratio in a round: highest", pairs[-1], "times")


def _drain(pool: Executor, tasks: list) -> float:
    start = perf_counter()
    list(pool.map(run_task, tasks))
    return perf_counter() - start


def _memory() -> None:
    """Peak memory of a whole sweep in a process of its own, at three numbers of replicates."""
    peaks = []
    for replicates in (500, 2_000, 8_000):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            peaks.append(pool.submit(_peak, replicates).result())
        report(f"peak memory, {replicates:,} replicates", peaks[-1], "MB")
    report("ratio, most replicates to fewest", peaks[-1] / peaks[0], "times", 1.1)


def _peak(replicates: int) -> float:
    with TemporaryDirectory() as folder:
        plan = _plan(Path(folder), ["mixed_batched", "cluster_means"], replicates)
        run_sweep(plan, Path(folder) / "out")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
