"""Truth recovery of every estimator, written to data/simulated/recovery.csv. Run: python -m benchmarks.recovery"""

from __future__ import annotations

import os
from concurrent.futures import ProcessPoolExecutor
from time import perf_counter

# Before numpy is loaded: every process is one core's work already, and threads would only get in each other's way.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from clustertrials.simulation_study import measure, tally
from holf.paths import project_root
from holf.study.truths import RESULTS, load_settings, write_recoveries

CHUNK = 25


def main() -> None:
    """Run every truth with all cores and write the file; the same numbers come from any number of cores."""
    found = []
    with ProcessPoolExecutor() as pool:
        for one in load_settings().trials:
            start = perf_counter()
            edges = [(first, min(first + CHUNK, one.replicates)) for first in range(0, one.replicates, CHUNK)]
            jobs = [pool.submit(measure, one.truth, one.estimators, seed=one.seed, first=a, last=b) for a, b in edges]
            answers = np.concatenate([job.result() for job in jobs])
            whole = tally(one.truth, one.estimators, answers)
            found += zip(whole, tally(one.truth, one.estimators, answers[: one.first]))
            print(f"{one.label}: {one.replicates} replicates, {perf_counter() - start:.0f} s", flush=True)
            for record in whole:
                rate = record.rejections / max(record.answered, 1)
                print(f"  {record.estimator:<15}{record.failed:>4} failed, {rate:6.1%} rejected", flush=True)
    write_recoveries(project_root() / "data" / RESULTS, found)


if __name__ == "__main__":
    main()
