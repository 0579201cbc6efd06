"""Measured coverage of every estimator's 95 % interval, by simulation, over a grid of trials.

``python benchmarks/coverage.py [TRIALS]`` writes `coverage.csv` beside this file; 5,000 trials a cell, as without an
argument, take about an hour of one core. In each trial the arm is drawn anew, inside strata where there are any.

Continuous outcomes are normal with variance 1, a difference of 0.3, and strata that move their clusters by a normal
variable with a standard deviation of 0.5. Shares of clusters are Beta with the stated mean and intraclass correlation,
rates of clusters Gamma with a coefficient of variation of 0.25; the arm multiplies both. So every unit and every
cluster has the same expected effect, and the averages over units and over clusters do not differ.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from zlib import crc32

import numpy as np
from scipy import stats

from clustertrials import mixed
from clustertrials.columns import strata_columns
from clustertrials.estimators import METHODS, effect_of
from clustertrials.ratios import ESTIMANDS, ratio_of
from clustertrials.results import Inference
from clustertrials.trial import Trial, sorted_trial

CLUSTERS = ((5, 5), (8, 8), (15, 14), (30, 30))
MEAN_SIZE, UNEQUAL_CV = 20, 0.9
DIFFERENCE, STRATUM_SD, TIMES, RATE, RATE_CV = 0.3, 0.5, 1.4, 0.5, 0.25
# More allocations than these take the inverted randomisation test too long for a thousand trials.
MOST_CLUSTERS_RANDOMISED = 16
FIELDS = "outcome treated other sizes strata icc effect estimator trials refused coverage monte_carlo_error".split()


@dataclass(frozen=True)
class Cell:
    """One design and truth."""

    clusters: tuple[int, int]
    sizes: str  # "equal" or "unequal"
    icc: float
    strata: str = "none"  # "none", "three" or "pairs"
    share: float | None = None  # of the arm that is not treated, where the outcome is 0/1
    is_rate: bool = False

    @property
    def outcome(self) -> str:
        """Its name in the summary."""
        if self.is_rate:
            return f"rate {RATE:g}"
        return "continuous" if self.share is None else f"share {self.share:g}"

    def cluster_sizes(self) -> np.ndarray:
        """Units of each cluster: all alike, or quantiles of a log-normal distribution."""
        count = sum(self.clusters)
        if self.sizes == "equal":
            return np.full(count, MEAN_SIZE)
        spread = np.log1p(UNEQUAL_CV**2) ** 0.5
        quantiles = np.exp(spread * stats.norm.ppf((np.arange(count) + 0.5) / count))
        return np.maximum(2, np.rint(MEAN_SIZE * quantiles / quantiles.mean())).astype(int)

    def blocks(self) -> np.ndarray:
        """Stratum of each cluster; clusters of all sizes are in each."""
        places = np.arange(sum(self.clusters))
        if self.strata == "pairs":
            return np.minimum(places // 2, len(places) // 2 - 1)
        return places % 3 if self.strata == "three" else np.zeros(len(places), int)

    def draw(self, rng: np.random.Generator) -> Trial:
        """One trial."""
        sizes, blocks = self.cluster_sizes(), self.blocks()
        treated = self.draw_arms(blocks, rng)
        codes = np.repeat(np.arange(len(sizes)), sizes)
        shifts = rng.normal(0, STRATUM_SD, blocks.max() + 1) if self.strata != "none" else np.zeros(1)
        if self.is_rate:
            shape = 1 / RATE_CV**2
            y = rng.poisson((RATE * TIMES**treated * rng.gamma(shape, 1 / shape, len(sizes)))[codes])
        elif self.share is None:
            shared = DIFFERENCE * treated + shifts[blocks] + self.icc**0.5 * rng.normal(size=len(sizes))
            y = shared[codes] + (1 - self.icc) ** 0.5 * rng.normal(size=len(codes))
        else:
            # Half the shifts, as factors: the risks stay below 1.
            base = self.share * np.exp((shifts[blocks] - shifts.mean()) / 2)
            risk = np.minimum(base * TIMES**treated, 0.9)
            if self.icc:
                risk = rng.beta(*(part * (1 / self.icc - 1) for part in (risk, 1 - risk)))
            y = rng.random(len(codes)) < np.broadcast_to(risk, len(sizes))[codes]
        columns = strata_columns(blocks)[codes]
        names = ("y", "arm", "cluster", *["stratum"] * columns.shape[1])
        trial = sorted_trial(np.column_stack([y, columns]).astype(float), treated[codes] > 0, codes, names=names)
        return replace(trial, strata=None if self.strata == "none" else blocks)

    def draw_arms(self, blocks: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Which clusters are treated, so many in all, and nearly half of each stratum."""
        order = rng.permutation(len(blocks))
        order = order[np.argsort(blocks[order], kind="stable")]
        treated = np.zeros(len(blocks), int)
        treated[order[::2]] = 1
        if self.strata == "none":
            treated[:] = 0
            treated[order[: self.clusters[0]]] = 1
        return treated

    def truths(self) -> dict[str, float]:
        """The true value of each effect that is estimated; ratios as logarithms."""
        if self.is_rate:
            return {"rate ratio": np.log(TIMES)}
        if self.share is None:
            return {"difference": DIFFERENCE}
        one = self.share * TIMES
        odds = np.log(one / (1 - one) / (self.share / (1 - self.share)))
        found = {"difference": one - self.share, "risk ratio": np.log(TIMES), "odds ratio": odds}
        # Strata move the shares, and with them differences and odds ratios, but not the ratio of the risks.
        return found if self.strata == "none" else {"risk ratio": np.log(TIMES)}


def grid() -> list[Cell]:
    """All cells."""
    cells = []
    for clusters in CLUSTERS:
        cells += [Cell(clusters, sizes, icc) for sizes in ("equal", "unequal") for icc in (0.0, 0.05, 0.15)]
        cells += [
            Cell(clusters, sizes, 0.05, strata) for strata in ("three", "pairs") for sizes in ("equal", "unequal")
        ]
        cells += [Cell(clusters, s, 0.05, share=share) for share in (0.3, 0.05) for s in ("equal", "unequal")]
        cells += [Cell(clusters, "unequal", 0.05, "three", share=0.3), Cell(clusters, "unequal", 0.05, is_rate=True)]
    return cells


def answers(cell: Cell, trials: list[Trial]) -> Iterator[tuple[str, str, np.ndarray]]:
    """Effect, estimator, and for each trial whether the interval covers the truth; NaN where it was refused."""
    for effect, truth in cell.truths().items():
        if effect == "difference":
            for name in METHODS:
                if name == "mixed":
                    yield effect, name, mixed_covers(trials, truth)
                elif name == "randomisation":
                    if sum(cell.clusters) <= MOST_CLUSTERS_RANDOMISED:
                        yield effect, name, np.array([randomisation_covers(trial, truth) for trial in trials])
                else:
                    fits = [attempt(difference, trial, name) for trial in trials]
                    yield effect, name, covers(np.array(fits), truth)
            continue
        for name in ESTIMANDS:
            fits = [attempt(ratio, trial, effect.split()[0], name) for trial in trials]
            yield effect, name, covers(np.array(fits), truth)


def difference(trial: Trial, name: str) -> Inference:
    """What `estimate_effect` uses."""
    fit = METHODS[name].fit(trial)
    return fit if name == "naive" else replace(fit, df=min(fit.df, trial.max_df))


def ratio(trial: Trial, measure: str, name: str) -> Inference:
    """What `clustertrials.ratio` uses."""
    return ratio_of(trial, measure, name)[0]


def attempt(fit: Callable[..., Inference], *asked: object) -> tuple[float, float, float]:
    """Estimate, standard error and degrees of freedom; NaN where the method refuses."""
    try:
        found = fit(*asked)
    except ValueError:
        return (np.nan,) * 3
    return found.estimate, found.se, found.df


def covers(fits: np.ndarray, truth: float) -> np.ndarray:
    """Whether the 95 % interval of each fit covers the truth; NaN where there is none."""
    estimate, se, df = fits.T
    return np.where(np.isnan(se), np.nan, np.abs(estimate - truth) <= stats.t.ppf(0.975, df) * se)


def mixed_covers(trials: list[Trial], truth: float) -> np.ndarray:
    """As the estimator ``"mixed"``, for all trials at once."""
    designs = np.stack([np.column_stack([np.ones(len(t.y)), t.treated, t.covariates]) for t in trials])
    outcomes = np.stack([t.y for t in trials])
    found = []
    for first in range(0, len(trials), 250):
        part = slice(first, first + 250)
        fit = mixed.fit_sorted(outcomes[part], designs[part], trials[0].starts, kenward_roger=True)
        df = np.minimum(fit.df[:, 1], trials[0].max_df)
        found.append(np.column_stack([fit.coefficients[:, 1], fit.standard_errors[:, 1], df]))
    return covers(np.vstack(found), truth)


def randomisation_covers(trial: Trial, truth: float) -> float:
    """As `covers`, for the interval of all allocations."""
    try:
        found = effect_of(trial, "randomisation")
    except ValueError:
        return np.nan
    return float(found.ci_low <= truth <= found.ci_high)


def rows(cell: Cell, trials: int) -> list[dict[str, object]]:
    """The rows of one cell, which has a generator of its own."""
    rng = np.random.default_rng([1, crc32(repr(cell).encode())])
    drawn = []
    while len(drawn) < trials:
        try:
            drawn.append(cell.draw(rng))
        except ValueError:  # not one event in a whole trial
            continue
    return [row(cell, effect, estimator, inside) for effect, estimator, inside in answers(cell, drawn)]


def row(cell: Cell, effect: str, estimator: str, inside: np.ndarray) -> dict[str, object]:
    """One row of the summary."""
    known = inside[~np.isnan(inside)]
    share = known.mean() if len(known) else float("nan")
    return {
        "outcome": cell.outcome,
        "treated": cell.clusters[0],
        "other": cell.clusters[1],
        "sizes": cell.sizes,
        "strata": cell.strata,
        "icc": "" if cell.is_rate else cell.icc,
        "effect": effect,
        "estimator": estimator,
        "trials": len(inside),
        "refused": len(inside) - len(known),
        "coverage": f"{share:.4f}",
        "monte_carlo_error": f"{(share * (1 - share) / max(len(known), 1)) ** 0.5:.4f}",
    }


def main() -> None:
    """Write the summary, cells side by side."""
    trials = int(sys.argv[1]) if len(sys.argv) > 1 else 5_000
    with (
        Path(__file__).with_suffix(".csv").open("w", encoding="utf-8", newline="") as file,
        ProcessPoolExecutor() as pool,
    ):
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        for found in pool.map(partial(rows, trials=trials), grid()):
            writer.writerows(found)
            file.flush()


if __name__ == "__main__":
    main()
