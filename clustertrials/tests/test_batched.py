"""REML of many data sets against a slow and certain optimisation, and simulated power against the formula."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from clustertrials.mixed import batched_reml, simulate_power
from clustertrials.sample_size import power


def restricted_deviance(share, y, design, cluster):
    """Minus twice the profiled restricted log-likelihood from the full covariance matrix, and its fit."""
    together = cluster[:, None] == cluster[None, :]
    inverse = np.linalg.inv(np.eye(len(y)) + share / (1.0 - share) * together)
    normal = design.T @ inverse @ design
    coefficients = np.linalg.solve(normal, design.T @ inverse @ y)
    residual = y - design @ coefficients
    within = residual @ inverse @ residual / (len(y) - design.shape[1])
    deviance = (len(y) - design.shape[1]) * np.log(within) - np.linalg.slogdet(inverse)[1]
    errors = np.sqrt(within * np.diag(np.linalg.inv(normal)))
    return deviance + np.linalg.slogdet(normal)[1], coefficients, errors, within, within * share / (1.0 - share)


def slow_fit(y, design, cluster):
    """The best of many bounded searches on small neighbouring intervals, and of the boundary."""
    grid = np.concatenate([np.linspace(0.0, 0.98, 50), [0.995, 0.9999]])

    def deviance(share):
        return restricted_deviance(share, y, design, cluster)[0]

    found = [0.0] + [
        minimize_scalar(deviance, bounds=ends, method="bounded", options={"xatol": 1e-12}).x
        for ends in itertools.pairwise(grid)
    ]
    return restricted_deviance(min(found, key=deviance), y, design, cluster)


def trials(seed, n_sets, n_clusters, largest, icc, n_covariates):
    """Random data sets with shuffled rows: outcomes, one design for each, clusters."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, largest + 1, n_clusters)
    sizes[-1] = largest
    cluster = rng.permutation(np.repeat(np.arange(n_clusters), sizes))
    rows = len(cluster)
    noise = icc**0.5 * rng.normal(size=(n_sets, n_clusters))[:, cluster]
    outcomes = 3.0 + noise + (1.0 - icc) ** 0.5 * rng.normal(size=(n_sets, rows))
    arm = (cluster % 2 == 0).astype(float)
    design = np.empty((n_sets, rows, 2 + n_covariates))
    design[:, :, 0], design[:, :, 1] = 1.0, arm
    design[:, :, 2:] = rng.normal(size=(n_sets, rows, n_covariates))
    return outcomes, design, cluster


# 150 examples agreed as well; ten are kept here because each takes a second.
@settings(max_examples=10, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(5, 9), st.integers(3, 6), st.sampled_from([0.0, 0.1, 0.6]), st.integers(0, 1))
def test_equals_a_slow_and_certain_optimisation(seed, n_clusters, largest, icc, n_covariates):
    outcomes, design, cluster = trials(seed, 2, n_clusters, largest, icc, n_covariates)
    fit = batched_reml(outcomes, design, cluster)
    for b, y in enumerate(outcomes):
        lowest, coefficients, errors, within, between = slow_fit(y, design[b], cluster)
        share = fit.between[b] / (fit.within[b] + fit.between[b])
        assert restricted_deviance(share, y, design[b], cluster)[0] <= lowest + 1e-9
        assert fit.coefficients[b] == pytest.approx(coefficients, abs=1e-6)
        assert fit.standard_errors[b] == pytest.approx(errors, abs=1e-6)
        assert fit.within[b] == pytest.approx(within, rel=1e-6)
        assert fit.between[b] == pytest.approx(between, abs=1e-6)


def test_one_design_for_all_is_the_same_as_one_for_each_and_chunks_do_not_show():
    outcomes, design, cluster = trials(1, 700, 6, 4, 0.1, 0)
    common, own = batched_reml(outcomes, design[0], cluster), batched_reml(outcomes, design, cluster)
    alone = batched_reml(outcomes[650], design[0], cluster)
    for name in ("coefficients", "standard_errors", "within", "between"):
        assert getattr(common, name) == pytest.approx(getattr(own, name), abs=1e-10)
        assert getattr(common, name)[650] == pytest.approx(getattr(alone, name)[0], abs=1e-10)


def test_shift_scale_and_order_of_rows():
    outcomes, design, cluster = trials(2, 20, 8, 6, 0.2, 1)
    base = batched_reml(outcomes, design, cluster)
    moved = batched_reml(1000.0 + 50.0 * outcomes, design, cluster)
    order = np.random.default_rng(0).permutation(len(cluster))
    mixed_up = batched_reml(outcomes[:, order], design[:, order], cluster[order].astype(str))
    assert moved.coefficients[:, 1:] == pytest.approx(50.0 * base.coefficients[:, 1:], rel=1e-7, abs=1e-7)
    assert moved.between == pytest.approx(2500.0 * base.between, rel=1e-7, abs=1e-7)
    assert mixed_up.coefficients == pytest.approx(base.coefficients, abs=1e-9)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"outcomes": np.array([[1.0, np.nan, 2, 3, 4, 5]])}, "a number is missing"),
        ({"outcomes": np.ones((1, 5))}, "shapes disagree"),
        ({"outcomes": np.ones((1, 6))}, "does not vary inside clusters"),
        ({"outcomes": np.array([[1.0, 1, 2, 2, 5, 5]])}, "does not vary inside clusters"),
        ({"design": np.ones((6, 2))}, "columns depend on each other"),
        ({"design": np.column_stack([np.ones(6), 1e6 + np.arange(6.0)])}, "far from centred"),
        ({"cluster": np.arange(6)}, "more rows than clusters"),
        ({"cluster": np.zeros(6, int)}, "more clusters than columns"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, message):
    usual = {"outcomes": np.array([[1.0, 2, 2, 3, 6, 7]]), "design": np.ones((6, 1)), "cluster": list("aabbcc")}
    with pytest.raises(ValueError, match=message):
        batched_reml(**{**usual, **change})


TRIAL = {"clusters": (15, 14), "sizes": np.tile([14, 20, 26, 30, 33, 37, 45, 60], 4)[:29]}


@pytest.mark.parametrize("difference, icc, covariate_r2", [(0.3, 0.05, 0.0), (0.3, 0.1, 0.3), (0.2, 0.01, 0.0)])
def test_simulated_power_agrees_with_the_formula(difference, icc, covariate_r2):
    common = {"difference": difference, "clusters": TRIAL["clusters"], "icc": icc, "covariate_r2": covariate_r2}
    rng = np.random.default_rng(20)
    simulated = simulate_power(sizes=TRIAL["sizes"], rng=rng, n_trials=3000, **common)
    mean = TRIAL["sizes"].mean()
    expected = power(mean_size=mean, size_cv=TRIAL["sizes"].std() / mean, estimator="mixed", **common)
    assert abs(simulated.power - expected) < 4 * simulated.se
    assert simulated.se == pytest.approx((simulated.power * (1 - simulated.power) / 3000) ** 0.5, rel=0.02)


@pytest.mark.parametrize("scale", [1.0, 40.0])
def test_simulated_type_one_error_is_five_percent(scale):
    rng = np.random.default_rng(3)
    found = simulate_power(difference=0.0, icc=0.05, sd=scale, rng=rng, n_trials=4000, **TRIAL)
    assert abs(found.power - 0.05) < 4 * found.se
    assert 25.5 < found.df < 27


def test_simulation_follows_its_generator_and_nothing_else():
    arguments = {"difference": 0.3, "icc": 0.05, "n_trials": 600, **TRIAL}
    first, second, third = (simulate_power(rng=np.random.default_rng(s), **arguments) for s in (1, 1, 2))
    assert first == second != third


def test_certain_power_still_has_a_standard_error():
    found = simulate_power(difference=5.0, icc=0.05, rng=np.random.default_rng(1), n_trials=100, **TRIAL)
    assert found.power == 1.0 and found.se > 0.0


@pytest.mark.parametrize(
    "change, message",
    [
        ({"clusters": (15, 13)}, "one size for each cluster"),
        ({"clusters": (28, 1)}, "two clusters in each arm"),
        ({"sizes": np.full(29, 2.5)}, "sizes: must be whole"),
        ({"sizes": np.zeros(29, int)}, "sizes: must be whole"),
        ({"icc": 1.0}, "icc and covariate_r2"),
        ({"covariate_r2": -0.1}, "icc and covariate_r2"),
        ({"level": 1.0}, "level above 0.5"),
        ({"sd": 0.0}, "sd above 0"),
        ({"n_trials": 0}, "n_trials at least 1"),
        ({"difference": np.nan}, "difference must be finite"),
    ],
)
def test_what_cannot_be_simulated_is_refused(change, message):
    arguments = {"difference": 0.3, "icc": 0.05, "rng": np.random.default_rng(1), **TRIAL, **change}
    with pytest.raises(ValueError, match=message):
        simulate_power(**arguments)
