"""Random intercepts: REML and Kenward-Roger against full matrices, the higher of two peaks, and simulated power."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_trials import ROLES, read
from scipy.optimize import minimize_scalar

from clustertrials.estimators import METHODS
from clustertrials.mixed import batched_reml, best_ratio, fit_sorted, reduce_to_sums, simulate_power
from clustertrials.sample_size import power
from clustertrials.trial import read_trial


def design_of(trial):
    return np.column_stack([np.ones(len(trial.y)), trial.treated, trial.covariates])


def fitted(y, design, codes):
    """One data set's variances, coefficients, and Kenward and Roger's errors and df."""
    fit = batched_reml(y, design, codes, kenward_roger=True)
    return SimpleNamespace(within=fit.within[0], between=fit.between[0], coefficients=fit.coefficients[0],
                           se=fit.standard_errors[0], df=fit.df[0])  # fmt: skip


def fit_of(trial):
    return fitted(trial.y, design_of(trial), trial.codes)


def loaded(name, covariates=("x",), outcome="y"):
    return read_trial(read(name), outcome, covariates=covariates, **ROLES)


def blocks(trial):
    return (trial.codes[:, None] == trial.codes[None, :]).astype(float)


def in_full(trial, fit, contrast):
    """Kenward-Roger's two formulae, matrix by matrix, from their paper."""
    design, parts = design_of(trial), [np.eye(len(trial.y)), blocks(trial)]
    inverse = np.linalg.inv(fit.within * parts[0] + fit.between * parts[1])
    spread = np.linalg.inv(design.T @ inverse @ design)
    first = [-design.T @ inverse @ part @ inverse @ design for part in parts]
    second = [[design.T @ inverse @ a @ inverse @ b @ inverse @ design for b in parts] for a in parts]
    information = np.empty((2, 2))
    for i, j in np.ndindex(2, 2):
        information[i, j] = 0.5 * np.trace(inverse @ parts[i] @ inverse @ parts[j])
        information[i, j] -= np.trace(spread @ (second[i][j] - first[i] @ spread @ first[j] / 2))
    weights = np.linalg.inv(information)
    core = sum(weights[i, j] * (second[i][j] - first[i] @ spread @ first[j]) for i in (0, 1) for j in (0, 1))
    adjusted = spread + 2 * spread @ core @ spread
    slopes = [contrast @ spread @ part @ spread @ contrast / (contrast @ spread @ contrast) for part in first]
    return (contrast @ adjusted @ contrast) ** 0.5, 2 / (np.array(slopes) @ weights @ np.array(slopes))


@pytest.mark.parametrize("name", ["tiny", "zero"])
@pytest.mark.parametrize("covariates", [(), ("x", "z")])
def test_kenward_roger_equals_full_matrices(name, covariates):
    trial = loaded(name, covariates)
    fit = fit_of(trial)
    for place, contrast in enumerate(np.eye(len(trial.r_inverse))):
        np.testing.assert_allclose([fit.se[place], fit.df[place]], in_full(trial, fit, contrast), rtol=1e-9)
    found = METHODS["mixed"].fit(trial)
    np.testing.assert_allclose(
        [found.estimate, found.se, found.df], [fit.coefficients[1], fit.se[1], fit.df[1]], rtol=1e-9
    )


@pytest.mark.parametrize("size", [2, 3, 50, 1000])
def test_an_outcome_that_does_not_vary_inside_clusters_is_refused(size):
    """Whatever rounding leaves of the variation inside, also where an arm explains part of that between."""
    codes, values = np.repeat(np.arange(8), size), np.repeat([0.1, 1 / 3, 5.0, 7.7, 1.1, 2.3, 1e-3, 4.0], size)
    for design in (np.ones((len(codes), 1)), np.column_stack([np.ones(len(codes)), codes % 2])):
        with pytest.raises(ValueError, match="does not vary inside clusters"):
            batched_reml(values, design, codes)


def test_variances_that_cannot_be_told_apart_are_refused():
    """With a column for each cluster, nothing is left to see the variance between them by."""
    codes, y = np.repeat(np.arange(4), 2), np.array([1.0, 2, 4, 3, 7, 9, 2, 2.5])
    columns, starts = (codes[:, None] == np.arange(4)).astype(float), np.arange(0, 8, 2)
    with pytest.raises(ValueError, match="cannot be told apart"):
        fit_sorted(y[None], columns[None], starts, kenward_roger=True)
    assert (fit_sorted(y[None], columns[None, :, :3], starts, kenward_roger=True).df > 0).all()


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


@pytest.mark.parametrize(
    "change, message",
    [
        ({"outcomes": np.array([[1.0, np.nan, 2, 3, 4, 5]])}, "a number is missing"),
        ({"outcomes": np.ones((1, 5))}, "shapes disagree"),
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


def test_simulated_power_is_that_of_the_t_test_of_means_in_equal_clusters():
    """There the mixed model is CR2, whose power the formula has."""
    common = {"difference": 0.3, "clusters": (15, 14), "icc": 0.1, "covariate_r2": 0.3}
    simulated = simulate_power(sizes=[30] * 29, rng=np.random.default_rng(20), n_trials=3000, **common)
    assert abs(simulated.power - power(mean_size=30, **common)) < 4 * simulated.se
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
    certain = simulate_power(rng=np.random.default_rng(1), **(arguments | {"difference": 5.0}))
    assert certain.power == 1.0 and certain.se > 0.0


@pytest.mark.parametrize(
    "change, message",
    [
        ({"clusters": (15, 13)}, "one size for each cluster"),
        ({"clusters": (28, 1)}, "two clusters in each arm"),
        ({"sizes": np.full(29, 2.5)}, "sizes: must be whole"),
        ({"icc": 1.0}, "icc and covariate_r2"),
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


SHARES = np.concatenate([[0.0], np.logspace(-5, -2, 40), np.linspace(0.01, 0.995, 250), 1 - np.logspace(-3, -8, 20)])


def odd_sets(seed, sizes, n=1000, covariate=False):
    """Outcomes of heavy-tailed clinics of very unequal size, among which two peaks are not rare."""
    generator = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(len(sizes)), sizes)
    columns = [np.ones((n, len(clinic)))]
    if covariate:
        columns.append(generator.permuted(np.tile(np.arange(len(sizes)) % 2, (n, 1)), axis=1)[:, clinic].astype(float))
    ratio = 10 ** generator.uniform(-3, 1, (n, 1))
    y = generator.normal(size=(n, len(clinic))) + np.sqrt(ratio) * generator.normal(size=(n, len(sizes)))[:, clinic]
    return y, np.stack(columns, axis=2), np.append(0, np.cumsum(sizes)[:-1])


DESIGNS = [
    ([140, 140, 2, 3, 2, 1, 2, 1, 3, 2, 3], False), ([87, 2, 2, 2, 2, 3], False),
    ([57, 57, 3, 3, 3, 1, 1, 1, 1, 1, 3], False), ([108, 108, 1, 2, 3, 1, 3, 3, 1], True),
]  # fmt: skip


def peaks_of(deviances):
    """Number of dips of each data set's deviance over the dense grid."""
    walls = np.pad(deviances, ((1, 1), (0, 0)), constant_values=np.inf)
    return ((deviances < walls[:-2] - 1e-9) & (deviances < walls[2:] - 1e-9)).sum(axis=0)


@pytest.mark.parametrize("sizes, covariate", DESIGNS)
def test_the_higher_of_two_peaks_is_found(sizes, covariate):
    """With 11 points in the scan and one search, 30 of 273,300 such sets were given the lower peak; now none."""
    y, design, starts = odd_sets(3, sizes, covariate=covariate)
    _, batch = reduce_to_sums(y, design, starts)
    dense = np.array([batch.deviance(np.full(len(y), share / (1 - share))) for share in SHARES])
    assert (peaks_of(dense) > 1).sum() >= 2, "the design no longer tries the search"
    assert (batch.deviance(best_ratio(batch)) - dense.min(axis=0)).max() < 1e-7
