"""Batched random-intercept REML beside a loop of statsmodels. Run: python -m benchmarks.batched_reml"""

from __future__ import annotations

import warnings

import numpy as np
from statsmodels.regression.mixed_linear_model import MixedLM

from benchmarks.timing import report, seconds
from clustertrials.mixed import batched_reml, simulate_power

N_SETS = 5_000
N_LOOP = 60


def main() -> None:
    """Measure fits a second at two intraclass correlations, and simulated trials a second."""
    rng = np.random.default_rng(2016)
    sizes = rng.integers(14, 48, 29)
    office = np.repeat(np.arange(29), sizes)
    arm = (rng.permutation(np.arange(29) < 15)[office]).astype(float)
    print(f"{len(office)} families in 29 offices")
    for icc in (0.05, 0.002):
        shared = rng.normal(size=(N_SETS, 29))[:, office]
        outcomes = icc**0.5 * shared + (1 - icc) ** 0.5 * rng.normal(size=(N_SETS, len(office)))
        common = np.column_stack([np.ones_like(arm), arm])
        own = np.empty((N_SETS, len(office), 3))
        own[:, :, :2], own[:, :, 2] = common, rng.normal(size=(N_SETS, len(office)))
        batched = N_SETS / seconds(lambda: batched_reml(outcomes, common, office), 3)
        report(f"ICC {icc}: fits a second, one design for all", batched, "", 10_000, at_least=True)
        with_covariate = N_SETS / seconds(lambda: batched_reml(outcomes, own, office), 3)
        report(f"ICC {icc}: fits a second, a new covariate each", with_covariate, "", 10_000, at_least=True)
        loop = N_LOOP / seconds(lambda: _statsmodels_loop(outcomes, common, office), 1)
        report(f"ICC {icc}: statsmodels MixedLM fits a second", loop, "")
        report(f"ICC {icc}: ratio, batched to statsmodels", batched / loop, "times", 500, at_least=True)
    trial = {"difference": 0.3, "clusters": (15, 14), "sizes": sizes, "icc": 0.05}
    taken = seconds(lambda: simulate_power(rng=np.random.default_rng(1), n_trials=10_000, **trial), 1)
    report("simulated trials a second, generation included", 10_000 / taken, "")


def _statsmodels_loop(outcomes: np.ndarray, design: np.ndarray, office: np.ndarray) -> None:
    """The usual way: one fit after the other, warnings about boundaries and convergence left aside."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for y in outcomes[:N_LOOP]:
            MixedLM(y, design, office).fit(reml=True)


if __name__ == "__main__":
    main()
