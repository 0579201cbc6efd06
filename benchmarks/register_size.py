"""Every estimator from one trial's size to a register's, one process each. Run: python -m benchmarks.register_size

A million people in 1,000 offices, beside the layout of this trial; all data are simulated. Then time and memory over a
grid of sizes, with the number of people at which each estimator would reach a limit.
"""

from __future__ import annotations

import os
import resource
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from time import perf_counter

# Before numpy is loaded: holf.sweep.command says why.
os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np

from benchmarks.timing import report
from holf.inference.estimators import METHODS, estimate_effect
from holf.inference.truth import Scenario, draw, unequal_sizes

OWN, REGISTER = (29, 884), (1_000, 1_000_000)
GRID = ((29, 1_000_000), (1_000, 100_000), (1_000, 1_000_000))
MOST_SECONDS, MOST_MEGABYTES, MACHINE = 10, 2_000, 24_000


def main() -> None:
    """Print answers at both sizes against the targets, then the grid and where each estimator meets a limit."""
    print("Simulated data; true effect 0.1 SD, ICC 0.05, baseline correlated 0.5.")
    measured = {}
    for name in METHODS:
        measured |= {(name, size): ask(name, size) for size in dict.fromkeys((OWN, REGISTER, *GRID))}
        for offices, people in (OWN, REGISTER):
            estimate, se, df, taken, peak, _ = measured[name, (offices, people)]
            print(f"{name}, {people:,} people in {offices:,} offices: {estimate:.4f}, SE {se:.4f}, df {df:,.1f}")
        report(f"{name}: time for a million", taken, "s", MOST_SECONDS)
        report(f"{name}: peak memory for a million", peak, "MB", MOST_MEGABYTES)
    print("\nestimator        offices     people   seconds   peak MB")
    for (name, (offices, people)), (_, _, _, taken, peak, _) in measured.items():
        print(f"{name:<16}{offices:>8,}{people:>11,}{taken:>10.3f}{peak:>10,.0f}")
    for name in METHODS:
        _limits(name, measured)


def ask(name: str, size: tuple[int, int]) -> tuple[float, ...]:
    """Answer, seconds and peak megabytes in a fresh process, and its megabytes before the question."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(_ask, name, *size).result()


def _ask(name: str, offices: int, people: int) -> tuple[float, ...]:
    rng = np.random.default_rng(2016)
    sizes = unequal_sizes(offices, people, 0.25)
    truth = Scenario("size", sizes, treated=round(0.517 * offices), icc=0.05, correlation=0.5, effect=0.1)
    frame = draw(truth, rng)
    described = {"arm": "arm", "cluster": "office", "treated": 1, "covariates": ("baseline",)}
    if name == "randomisation":
        described["rng"] = rng
    before = _megabytes()
    times = []
    for _ in range(2):
        start = perf_counter()
        effect = estimate_effect(frame, "outcome", estimator=name, **described)
        times.append(perf_counter() - start)
    return effect.estimate, effect.se, effect.df, min(times), _megabytes(), before


def _megabytes() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _limits(name: str, measured: dict) -> None:
    """Straight lines through the two largest sizes of 1,000 offices: people at ten seconds, and at all memory."""
    (few, *_), many = [(100_000, *measured[name, (1_000, 100_000)])], (1_000_000, *measured[name, REGISTER])
    step = many[0] - few[0]
    a_person, each = (many[4] - few[4]) / step, (many[5] - few[5]) / step
    patience = many[0] + (MOST_SECONDS - many[4]) / max(a_person, 1e-12)
    memory = many[0] + (MACHINE - many[5]) / max(each, 1e-12)
    print(
        f"{name}: {1e6 * a_person:.2f} s and {1e6 * each:,.0f} MB for each million more; "
        f"{MOST_SECONDS} s at {patience / 1e6:,.0f} million, {MACHINE / 1e3:.0f} GB at {memory / 1e6:,.0f} million"
    )


if __name__ == "__main__":
    main()
