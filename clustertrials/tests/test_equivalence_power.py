"""Chance to exclude a difference against printed values of another program, simulation and limiting cases."""

import numpy as np
import pytest
from scipy import stats

from clustertrials.equivalence_tests import equivalence
from clustertrials.results import Effect
from clustertrials.sample_size import equivalence_power, limits, planned_test

# Satterthwaite's for five and four clusters of one size, whose CR2 error is that of Welch's test.
CR2_DF = (1 / 5 + 1 / 4) ** 2 / (1 / (25 * 4) + 1 / (16 * 3))
TRIAL = {"clusters": (15, 14), "mean_size": 862 / 29, "icc": 0.03, "size_cv": 0.25}


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
def test_the_share_of_simulated_trials_that_exclude(difference, margin):
    rng, draws = np.random.default_rng(2), 40_000
    deviation = (0.1 + 0.9 / 10) ** 0.5
    one, other = deviation * rng.normal(size=(draws, 5)) + difference, deviation * rng.normal(size=(draws, 4))
    estimate = one.mean(axis=1) - other.mean(axis=1)
    reported = (one.var(axis=1, ddof=1) / 5 + other.var(axis=1, ddof=1) / 4) ** 0.5
    share = np.mean(np.abs(estimate) + stats.t.ppf(0.95, CR2_DF) * reported < margin)
    design = {"clusters": (5, 4), "mean_size": 10, "icc": 0.1}
    asked = equivalence_power(margin=margin, difference=difference, **design)
    assert 0.01 < asked < 0.99 and abs(share - asked) < 4 * (0.25 / draws) ** 0.5


def test_many_clusters_leave_the_normal_formula():
    design = {"clusters": (4000, 4000), "mean_size": 1, "icc": 0.0}
    se = planned_test(**design).error
    for ratio in (2.0, 3.0, 4.0):
        normal = 2 * stats.norm.cdf(ratio - stats.norm.ppf(0.95)) - 1
        assert equivalence_power(margin=ratio * se, **design) == pytest.approx(normal, abs=2e-4)


def test_it_never_errs_more_often_than_allowed_and_falls_with_the_difference():
    for level in (0.8, 0.95, 0.99):
        chances = [equivalence_power(margin=0.4, difference=one, level=level, **TRIAL) for one in (0, 0.1, -0.2, 0.4)]
        assert sorted(chances, reverse=True) == chances and chances[-1] <= 1 - level + 0.003
    assert equivalence_power(margin=1e-9, **TRIAL) == pytest.approx(0.0, abs=1e-12)
    assert equivalence_power(margin=1e6, **TRIAL) == pytest.approx(1.0, abs=1e-10)
    assert equivalence_power(margin=0.4, difference=1e300, **TRIAL) == 0.0


def test_units_of_the_outcome_change_nothing():
    plain = equivalence_power(margin=0.25, **TRIAL)
    assert equivalence_power(margin=100.0, sd=400.0, **TRIAL) == pytest.approx(plain, rel=1e-9)


DF = planned_test(**TRIAL).df


def effect(estimate: float, se: float) -> Effect:
    return Effect(
        estimate=estimate, se=se, df=DF, statistic=estimate / se, p_value=float(2 * stats.t.sf(abs(estimate) / se, DF)),
        ci_low=0.0, ci_high=0.0, n_units=862, n_clusters=29, n_dropped=0, icc=0.03, estimator="cr2",
        estimand="individual average", level=0.95, mean_treated=0.0, mean_other=0.0,
    )  # fmt: skip


@pytest.mark.parametrize("level", [0.9, 0.95])
@pytest.mark.parametrize("margin", [0.3, 0.9])
def test_limits_part_the_estimates_as_the_tests_do(level, margin):
    found, se = limits(margin=margin, level=level, **TRIAL), planned_test(**TRIAL).reported
    for slip in (-1e-9, 1e-9):
        within, beyond = effect(found.excluded_within + slip, se), effect(found.found_beyond + slip, se)
        assert equivalence(within, margin, level=level).is_equivalent == (slip < 0)
        assert (beyond.p_value < 1 - level) == (slip > 0)


def test_a_small_margin_leaves_no_estimate_that_excludes_it():
    assert limits(margin=0.1, **TRIAL).excluded_within < 0 < limits(margin=0.3, **TRIAL).excluded_within


@pytest.mark.parametrize(
    "change, message",
    [
        ({"margin": 0.0}, "margin must be"),
        ({"margin": float("nan")}, "margin must be"),
        ({"level": 0.5}, "level must lie"),
        ({"clusters": (15, 1)}, "clusters must be a pair"),
        ({"icc": 1.5}, "icc must lie"),
    ],
)
def test_what_no_trial_can_have_is_refused(change, message):
    for function in (equivalence_power, limits):
        with pytest.raises(ValueError, match=message):
            function(**{"margin": 0.3, **TRIAL, **change})
    with pytest.raises(ValueError, match="difference must be"):
        equivalence_power(margin=0.3, difference=float("inf"), **TRIAL)
