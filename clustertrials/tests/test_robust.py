"""Low-rank cluster-robust algebra against the same formulae with full matrices."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from reference_trials import ROLES, in_full, read

from clustertrials.robust import KINDS, cluster_robust, fit_ols
from clustertrials.trial import read_trial


def fitted(trial):
    return fit_ols(trial.y, trial.q, trial.r_inverse, trial.starts)


def expected_of(trial, contrast, kind):
    residuals = trial.y - trial.q @ (trial.q.T @ trial.y)
    return in_full(trial.q @ np.linalg.inv(trial.r_inverse), residuals, trial.codes, contrast, KINDS[kind])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("covariates", [(), ("x",), ("x", "z")])
def test_low_rank_equals_full_matrices(kind, covariates):
    trial = read_trial(read("tiny"), "y", covariates=covariates, **ROLES)
    for contrast in np.eye(len(trial.r_inverse))[1:]:
        found = cluster_robust(fitted(trial), contrast, kind)
        np.testing.assert_allclose([found.se, found.df], expected_of(trial, contrast, kind), rtol=1e-9)


@pytest.mark.parametrize("kind", ["CR0", "CR2"])
def test_more_columns_than_rows_of_any_cluster_equal_full_matrices(kind):
    rng = np.random.default_rng(3)
    cluster = np.repeat(np.arange(24), rng.integers(1, 5, 24))
    frame = pd.DataFrame({"clinic": cluster, "arm": np.where(cluster % 2, "new", "usual"), "block": cluster // 4})
    frame = frame.assign(y=rng.normal(size=len(frame)), x=rng.normal(size=len(frame)))
    trial = read_trial(frame, "y", covariates=["x"], strata="block", arm="arm", cluster="clinic", treated="new")
    assert trial.q.shape[1] > trial.sizes.max()
    found = cluster_robust(fitted(trial), np.eye(len(trial.r_inverse))[1], kind)
    expected = expected_of(trial, np.eye(len(trial.r_inverse))[1], kind)
    np.testing.assert_allclose([found.se, found.df], expected, rtol=1e-9)


def test_a_cluster_that_fits_itself_takes_the_pseudo_inverse():
    frame = read("tiny").assign(own=lambda f: (f["clinic"] == 5) * 1.0)
    trial = read_trial(frame, "y", covariates=["own"], **ROLES)
    for contrast in np.eye(3)[1:]:
        found = cluster_robust(fitted(trial), contrast, "CR2")
        np.testing.assert_allclose([found.se, found.df], expected_of(trial, contrast, "CR2"), rtol=1e-9)
    with pytest.raises(ValueError, match="cr3: a coefficient rests on one cluster"):
        cluster_robust(fitted(trial), contrast, "CR3")


def test_cr0_is_statsmodels_without_its_factor():
    trial = read_trial(read("main"), "y", covariates=["x"], **ROLES)
    design = trial.q @ np.linalg.inv(trial.r_inverse)
    found = sm.OLS(trial.y, design).fit(cov_type="cluster", cov_kwds={"groups": trial.codes, "use_correction": False})
    ours = fitted(trial)
    np.testing.assert_allclose(ours.coefficients, found.params, rtol=1e-10)
    ses = [cluster_robust(ours, contrast, "CR0").se for contrast in np.eye(3)]
    np.testing.assert_allclose(ses, found.bse, rtol=1e-10)


def test_cr2_with_one_row_a_cluster_is_hc2():
    generator = np.random.default_rng(4)
    design = np.column_stack([np.ones(30), generator.normal(size=(30, 2))])
    y = generator.normal(size=30)
    basis, upper = np.linalg.qr(design)
    fit = fit_ols(y, basis, np.linalg.inv(upper), np.arange(30))
    found = sm.OLS(y, design).fit()
    for kind, expected in (("CR0", found.HC0_se), ("CR2", found.HC2_se), ("CR3", found.HC3_se)):
        np.testing.assert_allclose([cluster_robust(fit, c, kind).se for c in np.eye(3)], expected, rtol=1e-10)
