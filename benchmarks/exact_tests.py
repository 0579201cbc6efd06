"""Exact randomisation inference over all C(29, 15) allocations. Run: python -m benchmarks.exact_tests"""

from __future__ import annotations

import numpy as np
from scipy import stats

from benchmarks.timing import report, seconds
from clustertrials.randomisation import adjusted_randomisation_test, randomisation_test


def main() -> None:
    """Measure every statistic on one simulated trial."""
    rng = np.random.default_rng(2016)
    treated = rng.permutation(np.arange(29) < 15)
    families = rng.integers(14, 48, 29)
    means = rng.normal(size=(29, 4)) * 0.3
    first = means[:, 0]
    total = randomisation_test(first, treated, interval=False).n_allocations
    print(f"{total:,} allocations of 15 offices among 29")

    exact = seconds(lambda: randomisation_test(first, treated, interval=False), 20)
    report("p-value, difference of office means", 1000 * exact, "ms", 20)
    weighted = seconds(lambda: randomisation_test(first, treated, weights=families, interval=False))
    report("p-value, difference of family-weighted means", weighted, "s", 0.3)
    report("p-value and interval, office means", seconds(lambda: randomisation_test(first, treated)), "s", 0.3)
    joint = seconds(lambda: randomisation_test(means, treated, interval=False), 3)
    report("step-down max-T, four outcomes", joint, "s", 1.5)
    report("the same with all intervals", seconds(lambda: randomisation_test(means, treated), 1), "s")
    report(
        "p-value and interval, family-weighted means",
        seconds(lambda: randomisation_test(first, treated, weights=families), 1),
        "s",
    )
    _slow_statistics(rng, first, treated, families)

    def difference(one, other, axis):
        return one.mean(axis=axis) - other.mean(axis=axis)

    sampled = seconds(
        lambda: stats.permutation_test(
            (first[treated], first[~treated]),
            difference,
            permutation_type="independent",
            vectorized=True,
            n_resamples=9_999,
            rng=np.random.default_rng(1),
        )
    )
    report("scipy permutation_test, 9,999 random allocations", 1000 * sampled, "ms")
    report("ratio: sampled by scipy to exact", sampled / exact, "times")
    report("allocations counted a second, office means", total / exact, "")


def _slow_statistics(rng, first, treated, families) -> None:
    """Statistics for which every allocation is visited."""
    office = np.repeat(np.arange(29), families)
    baseline = rng.normal(size=len(office))
    outcome = 0.5 * baseline + rng.normal(size=len(office)) + first[office]
    for interval, name in ((False, "p-value"), (True, "p-value and interval")):
        report(
            f"{name}, coefficient adjusted for a baseline covariate",
            seconds(
                lambda: adjusted_randomisation_test(
                    outcome, baseline, cluster=office, treated=treated[office], interval=interval
                ),
                1,
            ),
            "s",
        )
    report("p-value, Welch's t", seconds(lambda: randomisation_test(first, treated, statistic="welch"), 1), "s")


if __name__ == "__main__":
    main()
