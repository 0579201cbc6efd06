"""Planned power, detectable difference and equivalence power: printed tables, closed forms, and simulated analyses."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from clustertrials.equivalence_tests import equivalence
from clustertrials.estimators import estimate_effect
from clustertrials.mixed import simulate_power
from clustertrials.results import Effect
from clustertrials.robust import ClusteredOls, cluster_robust
from clustertrials.sample_size import (
    equivalence_power,
    limits,
    minimum_detectable_difference,
    planned_test,
    power,
    representative_sizes,
)

TRIAL = {"clusters": (15, 14), "mean_size": 30.5, "icc": 0.05}
DESIGNS = {
    "5 v 5, CV .88": ((5, 5), [5, 5, 10, 10, 20, 20, 40, 40, 80, 80]),
    "8 v 8, CV .71": ((8, 8), [5, 5, 10, 10, 20, 20, 40, 40] * 2),
    "15 v 14, CV .52": ((15, 14), list(range(4, 62, 2))),
    "8 v 8, equal": ((8, 8), [20] * 16),
    "4 v 8, equal": ((4, 8), [20] * 12),
}
TRIALS = 4_000
# Twice the Monte Carlo error of a share of .80.
WITHIN = 2 * (0.8 * 0.2 / TRIALS) ** 0.5


def analysed(means, sizes, treated):
    """Estimate, CR2 error and degrees of freedom of many trials without covariates, from their cluster means."""
    estimate, square, within, alike = 0.0, 0.0, 0.0, 0.0
    for members, sign in ((treated, 1), (~treated, -1)):
        rows = (sizes * members).sum(axis=1)
        p = sizes * members / rows[:, None]
        middle = (p * means).sum(axis=1)
        estimate = estimate + sign * middle
        square = square + (p**2 / (1 - p) * (means - middle[:, None]) ** 2).sum(axis=1)
        q = p / (1 - p)
        within = within + 1 / rows
        alike = alike + ((q**2 - 2 * p * q**2).sum(axis=1) + (p * q).sum(axis=1) ** 2) / rows**2
    return estimate, square**0.5, np.minimum(within**2 / alike, means.shape[1] - 2)


def drawn(clusters, sizes, icc, difference, trials, rng):
    treated = rng.permuted(np.tile(np.arange(len(sizes)) < clusters[0], (trials, 1)), axis=1)
    noise = rng.standard_normal(treated.shape) * np.sqrt(icc + (1 - icc) / sizes)
    return noise + difference * treated, treated


@pytest.mark.parametrize(
    "icc, in_sd, in_points",
    [(0.0, 0.20, 7.9), (0.01, 0.22, 9.0), (0.03, 0.27, 10.8), (0.05, 0.31, 12.4), (0.1, 0.39, 15.6)],
)
def test_printed_table_of_detectable_differences(icc, in_sd, in_points):
    sample = {"clusters": (15, 14), "mean_size": 862 / 29, "icc": icc}
    assert round(minimum_detectable_difference(**sample), 2) == in_sd
    assert round(100 * minimum_detectable_difference(sd=(0.2 * 0.8) ** 0.5, **sample), 1) == in_points


def test_the_fast_analysis_of_these_tests_is_that_of_the_book():
    rng, sizes = np.random.default_rng(4), np.array([2, 3, 5, 9, 4, 7, 12, 3, 6])
    treated = rng.permutation(9) < 5
    clinic = np.repeat(np.arange(9), sizes)
    y = rng.normal(size=len(clinic)) + rng.normal(size=9)[clinic]
    found = estimate_effect(
        pd.DataFrame({"y": y, "clinic": clinic, "arm": treated[clinic]}), "y", arm="arm", cluster="clinic", treated=True
    )
    means = (np.bincount(clinic, y) / sizes)[None]
    fast = [float(one[0]) for one in analysed(means, sizes, treated[None])]
    assert fast == pytest.approx([found.estimate, found.se, found.df], rel=1e-10)


@pytest.mark.parametrize("icc", [0.05, 0.2])
@pytest.mark.parametrize("design", DESIGNS)
def test_cr2_has_the_power_that_was_promised(design, icc):
    """Promised .80 from mean and CV alone, held within two Monte Carlo errors at the design's own sizes."""
    clusters, sizes = DESIGNS[design][0], np.array(DESIGNS[design][1])
    asked = {"clusters": clusters, "mean_size": sizes.mean(), "size_cv": sizes.std() / sizes.mean(), "icc": icc}
    difference = minimum_detectable_difference(**asked)
    means, treated = drawn(clusters, sizes, icc, difference, TRIALS, np.random.default_rng(11))
    estimate, se, df = analysed(means, sizes, treated)
    rejected = np.mean(2 * stats.t.sf(np.abs(estimate) / se, df) < 0.05)
    assert abs(rejected - 0.8) <= WITHIN
    assert planned_test(**asked).df == pytest.approx(df.mean(), rel=0.04)


def test_very_unequal_clusters_do_not_raise_the_error_rate_of_the_mixed_model():
    """5 v 5 clusters, CV 1.6: a t on 8 degrees of freedom rejected in .07 of 4,000 trials at either icc; Kenward and
    Roger's, which the analysis has, errs on the safe side (of 10,000: .014 at .05, .028 at .2)."""
    sizes = [2, 2, 3, 3, 5, 5, 10, 20, 60, 130]
    for icc in (0.05, 0.2):
        asked = {"clusters": (5, 5), "sizes": sizes, "icc": icc, "n_trials": TRIALS}
        found = simulate_power(difference=0.0, rng=np.random.default_rng(5), **asked)
        assert 0.005 < found.power < 0.05
        assert found.df < 7


@pytest.mark.parametrize("clusters, size_cv, icc", [((5, 5), 0.88, 0.05), ((4, 6), 1.2, 0.3), ((2, 3), 0.5, 0.0)])
def test_moments_are_those_of_the_quadratic_forms(clusters, size_cv, icc):
    """By matrices of clusters by clusters, over all allocations: E y'My = tr MS and Var y'My = 2 tr MSMS."""
    count, mean_size = sum(clusters), 31.0
    sizes = mean_size * representative_sizes(count, size_cv)
    spread_of_means = np.diag(icc + (1 - icc) / sizes)
    errors, reported, variances, dfs = [], [], [], []
    for chosen in combinations(range(count), clusters[0]):
        treated = np.isin(np.arange(count), chosen)
        arms = np.column_stack([treated, ~treated]) * np.sqrt(sizes)[:, None]
        basis = arms / np.linalg.norm(arms, axis=0)
        back = np.diag(1 / np.linalg.norm(arms, axis=0))
        leverage = basis[:, :, None] * basis[:, None, :]
        fit = ClusteredOls(np.zeros(2), back, np.zeros((count, 2)), *np.linalg.eigh(leverage))
        dfs.append(min(cluster_robust(fit, np.array([1.0, -1.0])).df, count - 2))
        p = sizes / np.where(treated, sizes[treated].sum(), sizes[~treated].sum())
        residuals = np.eye(count) - np.equal.outer(treated, treated) * p
        form = residuals.T @ np.diag(p**2 / (1 - p)) @ residuals
        errors.append(p @ spread_of_means @ p)
        reported.append(np.trace(form @ spread_of_means))
        variances.append(2 * np.trace(form @ spread_of_means @ form @ spread_of_means))
    found = planned_test(clusters=clusters, mean_size=mean_size, icc=icc, size_cv=size_cv)
    expected = [np.mean(errors) ** 0.5, np.mean(reported) ** 0.5, np.mean(dfs)]
    assert [found.error, found.reported, found.df] == pytest.approx(expected, rel=1e-9)
    assert found.spread == pytest.approx(2 * np.mean(reported) ** 2 / np.mean(variances), rel=1e-9)


@pytest.mark.parametrize("target", [0.06, 0.5, 0.8, 0.999])
def test_the_two_functions_are_inverse(target):
    design = {"size_cv": 0.4, "sd": 7.0, "covariate_r2": 0.2, **TRIAL}
    found = minimum_detectable_difference(power=target, **design)
    assert power(difference=found, **design) == pytest.approx(target, abs=1e-10)
    assert power(difference=-found, **design) == pytest.approx(target, abs=1e-10)


def test_scale_covariate_no_difference_and_a_huge_one():
    base = minimum_detectable_difference(**TRIAL)
    assert minimum_detectable_difference(sd=4.0, **TRIAL) == pytest.approx(4 * base, rel=1e-12)
    assert minimum_detectable_difference(covariate_r2=0.36, **TRIAL) == pytest.approx(0.8 * base, rel=1e-12)
    for level in (0.95, 0.9):
        assert power(difference=0.0, level=level, **TRIAL) == pytest.approx(1 - level, abs=1e-12)
    for difference in (5.0, 1e3, -1e200):
        assert power(difference=difference, **TRIAL) == 1.0


@pytest.mark.parametrize(
    "cv, n, ratio, printed",
    [(0.25, 24, 0.95, 0.7391155), (0.25, 22, 0.95, 0.6953401), (0.30, 40, 0.95, 0.815845), (0.20, 28, 0.92, 0.822742)],
)
def test_printed_powers_of_bioequivalence_trials(cv, n, ratio, printed):
    """Examples in the manual of the R package PowerTOST: two periods, n people, limits 0.80 to 1.25, on logs."""
    variance = np.log(1.0 + cv**2)
    # Its error is sqrt(2 variance / n) on n - 2 degrees of freedom: that of two arms of n / 2 single values each.
    found = equivalence_power(
        margin=np.log(1.25), difference=np.log(ratio), clusters=(n // 2, n // 2), mean_size=1, icc=0.0,
        sd=(variance / 2) ** 0.5,
    )  # fmt: skip
    assert found == pytest.approx(printed, abs=6e-7)


@pytest.mark.parametrize("difference, margin", [(0.0, 0.9), (0.3, 0.9), (0.9, 0.9), (0.0, 0.4)])
def test_the_share_of_simulated_trials_that_exclude_a_margin(difference, margin):
    rng, draws = np.random.default_rng(2), 40_000
    deviation = (0.1 + 0.9 / 10) ** 0.5
    one, other = deviation * rng.normal(size=(draws, 5)) + difference, deviation * rng.normal(size=(draws, 4))
    estimate = one.mean(axis=1) - other.mean(axis=1)
    # Clusters of one size have the CR2 error of Welch's test, and Satterthwaite's df for equal variances.
    reported = (one.var(axis=1, ddof=1) / 5 + other.var(axis=1, ddof=1) / 4) ** 0.5
    df = (1 / 5 + 1 / 4) ** 2 / (1 / (25 * 4) + 1 / (16 * 3))
    share = np.mean(np.abs(estimate) + stats.t.ppf(0.95, df) * reported < margin)
    design = {"clusters": (5, 4), "mean_size": 10, "icc": 0.1}
    asked = equivalence_power(margin=margin, difference=difference, **design)
    assert 0.01 < asked < 0.99 and abs(share - asked) < 4 * (0.25 / draws) ** 0.5
    plain = equivalence_power(margin=400 * margin, difference=-400 * difference, sd=400.0, **design)
    assert plain == pytest.approx(asked, rel=1e-9)


def test_it_never_errs_more_often_than_allowed_and_falls_with_the_difference():
    for level in (0.8, 0.95, 0.99):
        chances = [
            equivalence_power(margin=0.4, difference=one, level=level, size_cv=0.25, **TRIAL)
            for one in (0, 0.1, -0.2, 0.4)
        ]
        assert sorted(chances, reverse=True) == chances and chances[-1] <= 1 - level + 0.003
    assert equivalence_power(margin=1e-9, **TRIAL) == pytest.approx(0.0, abs=1e-12)
    assert equivalence_power(margin=1e6, **TRIAL) == pytest.approx(1.0, abs=1e-10)
    assert equivalence_power(margin=0.4, difference=1e300, **TRIAL) == 0.0


def effect(estimate: float, se: float, df: float) -> Effect:
    return Effect(
        estimate=estimate, se=se, df=df, statistic=estimate / se, p_value=float(2 * stats.t.sf(abs(estimate) / se, df)),
        ci_low=0.0, ci_high=0.0, n_units=862, n_clusters=29, n_dropped=0, icc=0.03, estimator="cr2",
        estimand="individual average", level=0.95, mean_treated=0.0, mean_other=0.0,
    )  # fmt: skip


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("margin", [0.35, 0.9])
def test_limits_part_the_estimates_as_the_tests_do(level, margin):
    found, test = limits(margin=margin, level=level, **TRIAL), planned_test(**TRIAL)
    for slip in (-1e-9, 1e-9):
        within, beyond = (
            effect(one + slip, test.reported, test.df) for one in (found.excluded_within, found.found_beyond)
        )
        assert equivalence(within, margin, level=level).is_equivalent == (slip < 0)
        assert (beyond.p_value < 1 - level) == (slip > 0)
    # No estimate excludes a margin that is too small.
    assert limits(margin=0.1, **TRIAL).excluded_within < 0 < found.excluded_within


@pytest.mark.parametrize(
    "change, message",
    [
        ({"clusters": (15, 1)}, "clusters must be a pair"),
        ({"clusters": (15.5, 14)}, "clusters must be a pair"),
        ({"clusters": 29}, "clusters must be a pair"),
        ({"mean_size": 0.5}, "mean_size"),
        ({"mean_size": float("nan")}, "mean_size"),
        ({"icc": -0.01}, "icc must lie"),
        ({"icc": float("nan")}, "icc must lie"),
        ({"size_cv": -1.0}, "size_cv must be"),
        ({"size_cv": 5.3}, "below what 29 clusters can have"),
        ({"sd": 0.0}, "sd must be"),
        ({"sd": "1"}, "sd must be a number"),
        ({"covariate_r2": 1.0}, "covariate_r2 must be"),
        ({"level": 1.0}, "level must lie"),
        ({"level": "0.95"}, "level must be a number"),
    ],
)
def test_what_no_trial_can_have_is_refused(change, message):
    arguments = TRIAL | change
    for function, asked in (
        (minimum_detectable_difference, {}),
        (power, {"difference": 0.3}),
        (equivalence_power, {"margin": 0.3}),
        (limits, {"margin": 0.3}),
    ):
        with pytest.raises((ValueError, TypeError), match=message):
            function(**asked, **arguments)


def test_impossible_targets_margins_and_differences_are_refused():
    with pytest.raises(ValueError, match="so often the analysis rejects without a difference"):
        minimum_detectable_difference(icc=0.2, power=0.0501, clusters=(8, 8), mean_size=20, size_cv=0.8)
    for target in (0.05, 0.01, 1.0):
        with pytest.raises(ValueError, match="power must lie"):
            minimum_detectable_difference(power=target, **TRIAL)
    for margin in (0.0, float("nan")):
        with pytest.raises(ValueError, match="margin must be"):
            equivalence_power(margin=margin, **TRIAL)
    for function, asked in ((power, {}), (equivalence_power, {"margin": 0.3})):
        with pytest.raises(ValueError, match="difference must be"):
            function(difference=float("inf"), **asked, **TRIAL)
