"""Every estimator from one trial's size to a register's, one process each. Run: python -m benchmarks.register_size

A million people in 1,000 offices, beside the layout of this trial; all data are simulated. Then time and memory over a
grid of sizes, with the number of people at which each estimator would reach a limit. Seconds are those of one core, so
that other work on the machine adds little to them.
"""

from __future__ import annotations

import os
import resource
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import process_time

# Before numpy is loaded: clustertrials.cli says why.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from benchmarks.timing import report
from clustertrials.estimators import METHODS, estimate_effect
from clustertrials.simulation_study import Scenario, draw, unequal_sizes

OWN, REGISTER = (29, 884), (1_000, 1_000_000)
# From small to large, so that the peak memory of a process is that of its latest question.
SIZES = (OWN, (29, 100_000), (1_000, 100_000), REGISTER)
MOST_SECONDS, MOST_MEGABYTES, MACHINE = 10, 2_000, 24_000


def main() -> None:
    """Print each estimator's answers against the targets, then all sizes and where it meets a limit."""
    print("Simulated data; true effect 0.1 SD, ICC 0.05, baseline correlated 0.5.")
    measured = {}
    for name in METHODS:
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            measured[name] = dict(zip(SIZES, pool.submit(_ask, name).result()))
        for size in (OWN, REGISTER):
            estimate, se, df, _, _ = measured[name][size]
            print(f"{name}, {size[1]:,} people in {size[0]:,} offices: {estimate:.4f}, SE {se:.4f}, df {df:,.1f}")
        _, _, _, taken, peak = measured[name][REGISTER]
        report(f"{name}: seconds of one core for a million", taken, "s", MOST_SECONDS)
        report(f"{name}: peak memory for a million", peak, "MB", MOST_MEGABYTES)
    print("\nestimator        offices     people   core-s   peak MB")
    for name, answers in measured.items():
        for (offices, people), (_, _, _, taken, peak) in answers.items():
            print(f"{name:<16}{offices:>8,}{people:>11,}{taken:>10.3f}{peak:>10,.0f}")
    for name, answers in measured.items():
        _limits(name, answers)


def _ask(name: str) -> list[tuple[float, ...]]:
    """Estimate, SE, df, shorter of two times on one core and peak megabytes, data included, at every size."""
    found = []
    for offices, people in SIZES:
        rng = np.random.default_rng(2016)
        sizes = unequal_sizes(offices, people, 0.25)
        truth = Scenario("size", sizes, treated=round(0.517 * offices), icc=0.05, correlation=0.5, effect=0.1)
        frame = draw(truth, rng)
        described = {"arm": "arm", "cluster": "cluster", "treated": 1, "covariates": ("baseline",)}
        if name == "randomisation":
            described["rng"] = rng
        times = []
        for _ in range(2):
            start = process_time()
            effect = estimate_effect(frame, "outcome", estimator=name, **described)
            times.append(process_time() - start)
        found.append((effect.estimate, effect.se, effect.df, min(times), _megabytes()))
    return found


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _limits(name: str, answers: dict) -> None:
    """Straight lines through the two largest sizes: people at ten seconds, and at all memory of this machine."""
    (_, few), (_, many) = SIZES[-2:]
    (*_, low_time, low_peak), (*_, time, peak) = answers[SIZES[-2]], answers[SIZES[-1]]
    a_person, each = (time - low_time) / (many - few), (peak - low_peak) / (many - few)
    patience, memory = many + (MOST_SECONDS - time) / a_person, many + (MACHINE - peak) / each
    print(
        f"{name}: {1e6 * a_person:.2f} s and {1e6 * each:,.0f} MB for each million more; "
        f"{MOST_SECONDS} s at {patience / 1e6:,.0f} million, {MACHINE / 1e3:.0f} GB at {memory / 1e6:,.0f} million"
    )


if __name__ == "__main__":
    main()
