"""Power and detectable difference by formula against printed tables, closed forms and simulation of the test."""

import numpy as np
import pytest
from scipy import stats

from clustertrials.intraclass import design_effect
from clustertrials.sample_size import minimum_detectable_difference, planned_test, power

TRIAL = {"clusters": (15, 14), "mean_size": 30.5}


@pytest.mark.parametrize(
    "icc, equal, unequal, at_02, at_03",
    [
        (0.01, 0.223, 0.229, 0.69, 0.96),
        (0.02, 0.247, 0.255, 0.59, 0.91),
        (0.05, 0.308, 0.316, 0.42, 0.76),
        (0.10, 0.389, 0.397, 0.29, 0.56),
    ],
)
def test_table_of_the_trial_as_randomised(icc, equal, unequal, at_02, at_03):
    spread = {"size_cv": 0.45, "estimator": "mixed", "icc": icc, **TRIAL}
    assert round(minimum_detectable_difference(icc=icc, **TRIAL), 3) == equal
    assert round(minimum_detectable_difference(**spread), 3) == unequal
    assert round(power(difference=0.2, **spread), 2) == at_02
    assert round(power(difference=0.3, **spread), 2) == at_03


@pytest.mark.parametrize(
    "icc, in_sd, in_points",
    [(0.0, 0.20, 7.9), (0.01, 0.22, 9.0), (0.03, 0.27, 10.8), (0.05, 0.31, 12.4), (0.1, 0.39, 15.6)],
)
def test_table_of_the_article_sample(icc, in_sd, in_points):
    sample = {"clusters": (15, 14), "mean_size": 862 / 29, "icc": icc}
    assert round(minimum_detectable_difference(**sample), 2) == in_sd
    assert round(100 * minimum_detectable_difference(sd=(0.2 * 0.8) ** 0.5, **sample), 1) == in_points


def test_every_unit_alike_costs_the_design_effect_of_the_sizes():
    sizes = np.array([14, 20, 26, 30, 33, 37, 45, 60])
    mean, cv, icc = sizes.mean(), sizes.std() / sizes.mean(), 0.05
    # Over arms of 200, what chance puts into each matters little.
    many = planned_test(size_cv=cv, icc=icc, clusters=(200, 200), mean_size=mean)
    alone = planned_test(icc=0.0, clusters=(200, 200), mean_size=mean)
    assert many.error / alone.error == pytest.approx(design_effect(sizes, icc) ** 0.5, rel=2e-3)


@pytest.mark.parametrize("icc", [0.0, 0.01, 0.05, 0.2, 0.999])
def test_weighting_by_precision_never_has_the_larger_error(icc):
    plain = {"icc": icc, "size_cv": 0.45, **TRIAL}
    best = planned_test(estimator="mixed", **plain)
    assert best.error <= planned_test(**plain).error * (1 + 1e-12)
    assert best.error >= planned_test(icc=icc, **TRIAL).error * (1 - 1e-12)


@pytest.mark.parametrize("estimator", ["cr2", "mixed"])
@pytest.mark.parametrize("target", [0.06, 0.5, 0.8, 0.999])
def test_the_two_functions_are_inverse(estimator, target):
    design = {"icc": 0.03, "size_cv": 0.4, "sd": 7.0, "covariate_r2": 0.2, "estimator": estimator, **TRIAL}
    found = minimum_detectable_difference(power=target, **design)
    assert power(difference=found, **design) == pytest.approx(target, abs=1e-10)
    assert power(difference=-found, **design) == pytest.approx(target, abs=1e-10)


def test_power_is_the_share_of_t_tests_that_reject():
    rng = np.random.default_rng(1)
    design = {"clusters": (5, 4), "mean_size": 10, "icc": 0.1}
    deviation = (0.1 + 0.9 / 10) ** 0.5
    one, other = deviation * rng.normal(size=(40_000, 5)) + 0.6, deviation * rng.normal(size=(40_000, 4))
    # Clusters of one size have the CR2 error of Welch's test, and Satterthwaite's df for equal variances.
    reported = (one.var(axis=1, ddof=1) / 5 + other.var(axis=1, ddof=1) / 4) ** 0.5
    df = (1 / 5 + 1 / 4) ** 2 / (1 / (25 * 4) + 1 / (16 * 3))
    rejected = np.mean(np.abs(one.mean(axis=1) - other.mean(axis=1)) / reported > stats.t.ppf(0.975, df))
    assert abs(rejected - power(difference=0.6, **design)) < 4 * (0.25 / 40_000) ** 0.5


def test_scale_covariate_and_no_difference():
    base = minimum_detectable_difference(icc=0.05, **TRIAL)
    assert minimum_detectable_difference(icc=0.05, sd=4.0, **TRIAL) == pytest.approx(4 * base, rel=1e-12)
    adjusted = minimum_detectable_difference(icc=0.05, covariate_r2=0.36, **TRIAL)
    assert adjusted == pytest.approx(0.8 * base, rel=1e-12)
    assert power(difference=0.0, icc=0.05, **TRIAL) == pytest.approx(0.05, abs=1e-12)
    assert power(difference=0.0, icc=0.05, level=0.9, **TRIAL) == pytest.approx(0.1, abs=1e-12)


@pytest.mark.parametrize("difference", [5.0, 1e3, 1e200, -1e200])
def test_a_huge_difference_is_found_for_certain(difference):
    assert power(difference=difference, icc=0.05, **TRIAL) == 1.0


@pytest.mark.parametrize(
    "change, message",
    [
        ({"clusters": (15, 1)}, "clusters must be a pair"),
        ({"clusters": (15, 14, 3)}, "clusters must be a pair"),
        ({"clusters": (15.5, 14)}, "clusters must be a pair"),
        ({"mean_size": 0.5}, "mean_size"),
        ({"mean_size": float("nan")}, "mean_size"),
        ({"icc": -0.01}, "icc must lie"),
        ({"icc": float("nan")}, "icc must lie"),
        ({"size_cv": -1.0}, "size_cv must be"),
        ({"size_cv": 5.3}, "below what 29 clusters can have"),
        ({"icc": 1.0, "estimator": "mixed"}, "icc must lie below 1"),
        ({"mean_size": 1.0, "estimator": "mixed"}, "mean_size above 1"),
        ({"sd": 0.0}, "sd must be"),
        ({"covariate_r2": 1.0}, "covariate_r2 must be"),
        ({"level": 1.0}, "level must lie"),
        ({"estimator": "gee"}, "estimator must be"),
    ],
)
def test_what_no_trial_can_have_is_refused(change, message):
    arguments = {"icc": 0.05, **TRIAL, **change}
    with pytest.raises(ValueError, match=message):
        minimum_detectable_difference(**arguments)
    with pytest.raises(ValueError, match=message):
        power(difference=0.3, **arguments)


def test_power_below_chance_or_above_certainty_is_refused():
    with pytest.raises(ValueError, match="so often the analysis rejects without a difference"):
        minimum_detectable_difference(icc=0.2, power=0.0501, clusters=(8, 8), mean_size=20, size_cv=0.8)
    for target in (0.05, 0.01, 1.0):
        with pytest.raises(ValueError, match="power must lie"):
            minimum_detectable_difference(icc=0.05, power=target, **TRIAL)
    with pytest.raises(ValueError, match="difference must be"):
        power(difference=float("inf"), icc=0.05, **TRIAL)
