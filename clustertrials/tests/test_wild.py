"""The wild cluster bootstrap against refits of every sample, by statsmodels."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from reference_trials import ROLES, read

from clustertrials import wild, wild_bootstrap

SIZES = [3, 5, 2, 8, 4, 6, 9, 5, 3]


def trial(clusters=9, effect=0.4):
    rng = np.random.default_rng(5)
    clinic = np.repeat(np.arange(clusters), np.resize(SIZES, clusters))
    frame = pd.DataFrame(
        {"clinic": clinic, "arm": np.where(clinic % 2, "new", "usual"), "x": rng.normal(size=len(clinic))}
    )
    y = effect * (clinic % 2) + frame["x"] + rng.normal(size=len(clinic)) + 0.5 * rng.normal(size=clusters)[clinic]
    return frame.assign(y=y, region=np.where(clinic < clusters // 2, "north", "south"))


def t_of(y, design, clinic, null):
    """The arm's t statistic with CR1 errors by the textbook sandwich, for samples in the columns of `y`."""
    bread = np.linalg.inv(design.T @ design)
    estimates = bread @ design.T @ y
    scores = [design[clinic == one].T @ (y - design @ estimates)[clinic == one] for one in np.unique(clinic)]
    variances = sum((bread[-1] @ score) ** 2 for score in scores)
    return (estimates[-1] - null) / variances**0.5


def design_of(frame, columns):
    return sm.add_constant(frame[columns].assign(arm=frame["arm"] == "new").astype(float)).to_numpy()


def refitted(frame, columns, null=0.0):
    """P-value of a difference: every pattern of signs makes a sample, whose t statistic is computed from its rows."""
    design, clinic, y = design_of(frame, columns), frame["clinic"].to_numpy(), frame["y"].to_numpy()
    fitted = sm.OLS(y - null * design[:, -1], design[:, :-1]).fit()
    signs = np.array(list(product([1, -1], repeat=frame["clinic"].nunique()))).T[clinic]
    samples = (fitted.fittedvalues + null * design[:, -1])[:, None] + signs * np.asarray(fitted.resid)[:, None]
    return np.mean(np.abs(t_of(samples, design, clinic, null)) >= abs(t_of(y, design, clinic, null)) - 1e-9)


@pytest.mark.parametrize("columns", [[], ["x", "north"]])
def test_every_pattern_of_signs_is_counted(columns):
    frame = trial().assign(north=lambda f: 1.0 * (f["region"] == "north"))
    found = wild_bootstrap(frame, "y", covariates=columns, **ROLES)
    assert found.p_value == refitted(frame, columns) and (found.n_allocations, found.exact) == (512, True)
    for limit, outwards in ((found.ci_low, -1), (found.ci_high, 1)):
        assert (
            refitted(frame, columns, limit + outwards * 1e-4)
            <= 0.05
            < refitted(frame, columns, limit - outwards * 1e-4)
        )
    fit = sm.OLS(frame["y"].to_numpy(), design_of(frame, columns))
    fit = fit.fit(cov_type="cluster", cov_kwds={"groups": frame["clinic"].to_numpy()})
    assert (found.estimate, found.se) == pytest.approx((fit.params[-1], fit.bse[-1]))


def test_many_clusters_are_sampled_and_the_sample_is_near_all_patterns(monkeypatch):
    frame = trial(12)
    exact = wild_bootstrap(frame, "y", **ROLES)
    monkeypatch.setattr(wild, "MOST_CLUSTERS", 11)
    drawn = wild_bootstrap(frame, "y", rng=np.random.default_rng(1), **ROLES)
    assert not drawn.exact and drawn.p_value == pytest.approx(exact.p_value, abs=4 * (0.25 / 9_999) ** 0.5)
    assert (drawn.ci_low, drawn.ci_high) == pytest.approx((exact.ci_low, exact.ci_high), abs=0.1)
    assert "a sample of 4,096 patterns of signs" in str(drawn) and "all 4,096 patterns" in str(exact)


def test_an_effect_that_is_certain_and_units_do_not_matter():
    found = wild_bootstrap(trial(effect=50), "y", **ROLES)
    assert found.p_value <= 4 / 512 and found.ci_low > 40
    scaled = wild_bootstrap(trial().assign(y=lambda f: 1e6 + 1000 * f["y"]), "y", **ROLES)
    plain = wild_bootstrap(trial(), "y", **ROLES)
    assert scaled.p_value == plain.p_value
    np.testing.assert_allclose([scaled.ci_low, scaled.ci_high], [1000 * plain.ci_low, 1000 * plain.ci_high], rtol=1e-5)


def test_a_level_that_no_pattern_reaches_has_no_limits():
    found = wild_bootstrap(trial(8), "y", level=0.999, **ROLES)
    assert (found.ci_low, found.ci_high) == (-np.inf, np.inf)


def test_many_clusters_without_a_generator_are_refused():
    with pytest.raises(ValueError, match="signs of 29 clusters are too many to list: give rng="):
        wild_bootstrap(read("main"), "y", **ROLES)
    with pytest.raises(TypeError, match="rng must be a generator"):
        wild_bootstrap(trial(), "y", rng=1, **ROLES)


@pytest.mark.slow
def test_the_error_rate_holds_in_eight_equal_clusters_and_the_interval_agrees_with_the_test():
    rng, draws, rejected, covered = np.random.default_rng(3), 400, 0, 0
    clinic = np.repeat(np.arange(8), 18)
    for _ in range(draws):
        treated = rng.permutation(8) < 4
        y = rng.normal(size=len(clinic)) + 0.3 * rng.normal(size=8)[clinic]
        frame = pd.DataFrame({"y": y, "clinic": clinic, "arm": np.where(treated[clinic], "new", "usual")})
        found = wild_bootstrap(frame, "y", **ROLES)
        rejected += found.p_value <= 0.05
        covered += found.ci_low <= 0 <= found.ci_high
    assert abs(rejected / draws - 0.05) < 4 * (0.05 * 0.95 / draws) ** 0.5
    assert covered == draws - rejected


@pytest.mark.parametrize("n_draws", [0, -1, 98, 99.5, True])
def test_too_few_draws_are_refused(n_draws):
    with pytest.raises((TypeError, ValueError), match="n_draws must be"):
        wild_bootstrap(trial(), "y", rng=np.random.default_rng(1), n_draws=n_draws, **ROLES)
