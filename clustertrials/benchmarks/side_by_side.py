"""This library beside R's reference packages, on the same data: CPU time, ratio, and whether the answers agree.

Run: OMP_NUM_THREADS=1 python side_by_side.py
CPU time, the median of at least five calls, each from a data frame to the answer. A peer that is not installed has no
time; a peer that gives another answer ends the run. R gets so much memory and time as the constants below say.
"""

from __future__ import annotations

import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import which
from statistics import median
from tempfile import TemporaryDirectory
from time import process_time

import numpy as np
import pandas as pd

import clustertrials as ct

ROLES = {"arm": "arm", "cluster": "clinic", "treated": 1}
SETS, SETS_IN_R = 2_000, 50
LEAST_CALLS, LEAST_SECONDS = 5, 1.0
MEMORY, SECONDS = 8 * 2**30, 600
# lme4 stops its search when an estimate still moves by a thousandth of its standard error.
AGREE = 1e-4


def trial(clusters: int, sizes: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """A trial with one covariate and an ICC of 0.05; the first half of the clusters, and the odd one, is treated."""
    clinic = np.repeat(np.arange(clusters), sizes)
    x = rng.normal(size=len(clinic))
    y = 0.2 * (clinic < (clusters + 1) // 2) + 0.3 * x + rng.normal(size=len(clinic))
    y += 0.23 * rng.normal(size=clusters)[clinic]
    return pd.DataFrame({"clinic": clinic, "arm": (clinic < (clusters + 1) // 2).astype(int), "x": x, "y": y})


def timed(call: Callable[[], list[float]]) -> tuple[float, list[float]]:
    """Median CPU seconds of a call, and its numbers; the first call, which loads code, is not counted."""
    taken, found = [], call()
    while len(taken) < LEAST_CALLS or sum(taken) < LEAST_SECONDS:
        start = process_time()
        found = call()
        taken.append(process_time() - start)
    return median(taken), found


def in_r(task: str, folder: str) -> tuple[float | None, list[float] | str]:
    """CPU seconds and numbers of R's answer, or None and why there is none."""
    if which("Rscript") is None:
        return None, "R is not installed"
    command = ["Rscript", str(Path(__file__).with_suffix(".R")), task, folder]

    def limited() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))

    try:
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=SECONDS, preexec_fn=limited, check=False
        )
    except subprocess.TimeoutExpired:
        return None, f"no answer in {SECONDS} s"
    if answer.returncode == 3:
        return None, answer.stdout.strip()
    if answer.returncode:
        if "cannot allocate" in answer.stderr:
            return None, f"more than {MEMORY / 2**30:g} GiB"
        errors = [line.strip() for line in answer.stderr.splitlines() if "rror" in line]
        return None, errors[0] if errors else "stopped"
    seconds, *found = map(float, answer.stdout.split())
    return seconds, found


def effect(frame: pd.DataFrame, estimator: str) -> list[float]:
    """Estimate, standard error and degrees of freedom, adjusted for the covariate."""
    found = ct.estimate_effect(frame, "y", estimator=estimator, covariates=["x"], **ROLES)
    return [found.estimate, found.se, found.df]


def main() -> None:
    """Measure every row, and print them as a table."""
    rng = np.random.default_rng(2016)
    rows = trial(29, rng.integers(14, 48, 29), rng)
    means = rows.groupby("clinic", as_index=False)[["arm", "y"]].mean()
    large = trial(1_000, np.full(1_000, 1_000), rng)
    many = rows["y"].to_numpy() + rng.normal(size=(SETS, len(rows)))
    design = np.column_stack([np.ones(len(rows)), rows["arm"], rows["x"]])

    def reml() -> list[float]:
        return ct.batched_reml(many, design, rows["clinic"].to_numpy()).coefficients[:SETS_IN_R, 1].tolist()

    cases = [
        ("exact", "exact p-value of 15 clusters against 14, every allocation counted", "coin", 1,
         lambda: [ct.randomisation_test(means["y"], means["arm"], interval=False).p_value]),
        ("robust", "CR2 with Satterthwaite's degrees of freedom", "clubSandwich", 1, lambda: effect(rows, "cr2")),
        ("mixed", "mixed model with Kenward and Roger's test", "lmerTest, pbkrtest", 1, lambda: effect(rows, "mixed")),
        ("many", f"REML, each of {SETS:,} simulated data sets", "lme4", SETS, reml),
        ("robust_large", "a million rows in 1,000 clusters: CR2, Satterthwaite", "clubSandwich", 1,
         lambda: effect(large, "cr2")),
        ("mixed_large", "a million rows in 1,000 clusters: mixed model (here with Kenward and Roger's test)", "lme4", 1,
         lambda: effect(large, "mixed")),
    ]  # fmt: skip
    print("| What | here | there | ratio | |\n| --- | ---: | ---: | ---: | --- |", flush=True)
    with TemporaryDirectory() as folder:
        for name, table in (("rows", rows), ("means", means), ("large", large)):
            table.to_csv(Path(folder, f"{name}.csv"), index=False, float_format="%.17g")
        pd.DataFrame(many[:SETS_IN_R].T).to_csv(Path(folder, "many.csv"), index=False, float_format="%.17g")
        for task, what, peer, parts, call in cases:
            here, own = timed(call)
            there, found = in_r(task, folder)
            if there is None:
                print(f"| {what} | {shown(here / parts)} | {found} | | {peer} |", flush=True)
                continue
            if not np.allclose(own[: len(found)], found, rtol=1e-4, atol=AGREE):
                sys.exit(f"{task}: {own} here and {found} there")
            ratio = there / (here / parts)
            print(f"| {what} | {shown(here / parts)} | {shown(there)} | {ratio:,.0f} | {peer} |", flush=True)


def shown(seconds: float) -> str:
    """A time in the unit that suits it."""
    unit, size = next((one for one in (("s", 1.0), ("ms", 1e-3)) if seconds >= one[1]), ("µs", 1e-6))
    return f"{seconds / size:.3g} {unit}"


if __name__ == "__main__":
    main()
