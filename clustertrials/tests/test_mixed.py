"""REML by a search for one ratio, and Kenward-Roger from sums over clusters, against full matrices."""

from types import SimpleNamespace

import numpy as np
import pytest
import statsmodels.api as sm
from reference_trials import ROLES, read
from scipy import optimize

from clustertrials.estimators import METHODS
from clustertrials.mixed import batched_reml, fit_sorted
from clustertrials.trial import read_trial

NAMES = ("main", "tiny", "zero")


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


def restricted_deviance(trial, within, between):
    """Minus twice the restricted log-likelihood, with the covariance of all rows written out."""
    design = trial.q
    covariance = within * np.eye(len(trial.y)) + between * blocks(trial)
    solved = np.linalg.solve(covariance, np.column_stack([design, trial.y]))
    normal = design.T @ solved[:, :-1]
    residuals = trial.y - design @ np.linalg.solve(normal, design.T @ solved[:, -1])
    square = residuals @ np.linalg.solve(covariance, residuals)
    return np.linalg.slogdet(covariance)[1] + np.linalg.slogdet(normal)[1] + square


@pytest.mark.parametrize("name", ["tiny", "zero"])
def test_nothing_near_is_more_likely(name):
    trial = loaded(name)
    fit = fit_of(trial)
    best = restricted_deviance(trial, fit.within, fit.between)
    for step in (0.9, 0.999, 1.001, 1.1):
        assert restricted_deviance(trial, fit.within * step, fit.between) > best
        assert restricted_deviance(trial, fit.within, fit.between * step + 1e-3 * (fit.between == 0)) > best


def test_the_best_of_a_search_over_both_variances():
    trial = loaded("tiny")
    fit = fit_of(trial)
    found = optimize.minimize(
        lambda logs: restricted_deviance(trial, *np.exp(logs)),
        [0.0, 0.0],
        method="Nelder-Mead",
        options={"xatol": 1e-9, "fatol": 1e-12},
    )
    np.testing.assert_allclose([fit.within, fit.between], np.exp(found.x), rtol=1e-6)


def height(rows, theta):
    """Lowest deviance that a ratio of the variances allows, for a design of ones."""
    inverse = np.linalg.inv(np.eye(len(rows.y)) + theta * blocks(rows))
    left = rows.y - (inverse @ rows.y).sum() / inverse.sum()
    within = left @ inverse @ left / (len(rows.y) - 1)
    return restricted_deviance(rows, within, theta * within)


@pytest.mark.parametrize("seed, at_zero", [(408, False), (2330, True)])
def test_the_higher_of_two_peaks_is_taken(seed, at_zero):
    """With sizes this unequal the likelihood can have a peak at zero and another beyond it."""
    generator = np.random.default_rng(seed)
    sizes = np.array([1, 2, 1, 3, 30, 60])
    codes, ones = np.repeat(np.arange(6), sizes), np.full((97, 1), 97**-0.5)
    shared = generator.normal(size=97), generator.standard_t(2, size=6), generator.choice([0.1, 0.5, 2])
    y = shared[0] + shared[1][codes] * shared[2]
    fit = fitted(y, ones, codes)
    rows = SimpleNamespace(y=y, q=ones, codes=codes)
    grid = [0, *np.geomspace(1e-3, 4, 30)]
    heights = [height(rows, theta) for theta in grid]
    falls = np.sign(np.diff(heights))
    assert (np.diff(falls) > 0).sum() + (falls[0] > 0) == 2
    assert restricted_deviance(rows, fit.within, fit.between) <= min(heights) + 1e-9
    assert (fit.between == 0) == at_zero


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


def test_equal_clusters_give_the_t_test_of_means():
    generator = np.random.default_rng(8)
    means = generator.normal(0, 3, size=12)
    design = np.column_stack([np.ones(60), np.repeat(np.arange(12) < 7, 5)])
    y = np.repeat(means, 5) + generator.normal(size=60)
    fit = fitted(y, design, np.repeat(np.arange(12), 5))
    clinics = y.reshape(12, 5).mean(axis=1)
    pooled = (6 * clinics[:7].var(ddof=1) + 4 * clinics[7:].var(ddof=1)) / 10
    assert fit.coefficients[1] == pytest.approx(clinics[:7].mean() - clinics[7:].mean())
    assert fit.se[1] == pytest.approx((pooled * (1 / 7 + 1 / 5)) ** 0.5)
    assert fit.df[1] == pytest.approx(10)


def test_zero_between_variance_is_least_squares_with_few_df():
    trial = loaded("zero", ())
    fit = fit_of(trial)
    assert fit.between == 0
    plain = sm.OLS(trial.y, design_of(trial)).fit()
    assert fit.within == pytest.approx(plain.scale)
    np.testing.assert_allclose(fit.coefficients, plain.params, rtol=1e-9)
    assert fit.df[1] < len(trial.starts) - 2


def test_statsmodels_finds_the_same_point_where_it_converges():
    trial = loaded("main")
    found = sm.MixedLM(trial.y, design_of(trial), trial.codes).fit(reml=True)
    fit = fit_of(trial)
    np.testing.assert_allclose(fit.coefficients, found.fe_params, rtol=1e-3)
    assert fit.within == pytest.approx(found.scale, rel=1e-3)
    assert fit.between == pytest.approx(found.cov_re[0, 0], rel=1e-3)


@pytest.mark.parametrize("share", [1e-7, 1e-3, 0.999999])
def test_any_ratio_of_variances_is_found(share):
    generator = np.random.default_rng(3)
    codes = np.repeat(np.arange(200), 50)
    y = share**0.5 * generator.normal(size=200)[codes] + (1 - share) ** 0.5 * generator.normal(size=len(codes))
    ones = np.full((len(y), 1), len(y) ** -0.5)
    fit = fitted(y, ones, codes)
    within = y.reshape(200, 50).var(axis=1, ddof=1).mean()
    between = max(0, y.reshape(200, 50).mean(axis=1).var(ddof=1) - within / 50)
    assert fit.between == pytest.approx(between, rel=1e-6)
    if between > 0:
        assert fit.within == pytest.approx(within, rel=1e-9)


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
