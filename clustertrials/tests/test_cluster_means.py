"""Adjusted cluster means: no bias, intervals that hold, tests that are exact, and the same by statsmodels."""

from itertools import combinations

import numpy as np
import pytest
from reference_trials import ROLES, read
from statsmodels.formula.api import ols

from clustertrials.cluster_means import adjusted_cluster_means, first_stage, sums_of
from clustertrials.estimators import effect_of, estimate_effect
from clustertrials.trial import sorted_trial


def drawn(seed, arms, size, count, effect, alike, slope=0.0):
    """A trial whose covariates have the intraclass correlation `alike`; 1 makes them constant inside clusters."""
    rng, clusters = np.random.default_rng(seed), sum(arms)
    codes = np.repeat(np.arange(clusters), size)
    arm = (rng.permutation(clusters) < arms[0])[codes]
    x = alike**0.5 * rng.normal(size=(clusters, count))[codes]
    x = x + (1 - alike) ** 0.5 * rng.normal(size=(len(codes), count))
    y = 0.1**0.5 * rng.normal(size=clusters)[codes] + 0.9**0.5 * rng.normal(size=len(codes))
    names = ("y", "arm", "clinic", *(f"x{k}" for k in range(count)))
    return sorted_trial(np.column_stack([y + effect * arm + slope * x.sum(axis=1), x]), arm, codes, names=names)


SETTINGS = {
    "15 v 15, five of clusters": ((15, 15), 5, 5, 1.0, 1.0, 0.0),
    "6 v 6, four of clusters": ((6, 6), 5, 4, 2.0, 1.0, 0.0),
    "8 v 8, three of rows": ((8, 8), 5, 3, 1.0, 0.1, 0.4),
    "8 v 8, three of rows, large": ((8, 8), 30, 3, 1.0, 0.1, 0.4),
    "8 v 8, three of rows, alike": ((8, 8), 5, 3, 1.0, 0.7, 0.4),
}


@pytest.mark.parametrize("setting", SETTINGS)
def test_covariates_bring_no_bias_and_intervals_hold_the_truth(setting):
    """500 trials each: bias within 3 Monte Carlo errors (.008 to .019) of 0, coverage within 3 (.010) of .95.

    With the first stage pooled over all rows, the arm left out, the means were .83, 1.26, .95, .98 and .86.
    """
    effect, trials = SETTINGS[setting][3], 500
    found = [effect_of(drawn(seed, *SETTINGS[setting]), "cluster_means") for seed in range(trials)]
    estimates = np.array([one.estimate for one in found])
    assert abs(estimates.mean() - effect) < 3 * estimates.std() / trials**0.5
    covered = np.mean([one.ci_low <= effect <= one.ci_high for one in found])
    assert abs(covered - 0.95) < 3 * (0.95 * 0.05 / trials) ** 0.5


@pytest.mark.parametrize("covariates", [["x"], ["z"], ["x", "z"]])
@pytest.mark.parametrize("trial", ["tiny", "main"])
def test_both_stages_by_statsmodels(trial, covariates):
    frame = read(trial)[["clinic", "arm", "y", "x", "z"]].dropna()
    frame["new"] = (frame["arm"] == "new") * 1.0
    values = frame["y"]
    if "x" in covariates:
        values = values - ols("y ~ x + C(clinic)", frame).fit().params["x"] * frame["x"]
    clinics = frame.assign(value=values).groupby("clinic")[["value", "new", "z"]].mean()
    fit = ols("value ~ new" + (" + z" if "z" in covariates else ""), clinics).fit()
    found = estimate_effect(frame, "y", estimator="cluster_means", covariates=covariates, **ROLES)
    assert (found.estimate, found.se, found.df) == pytest.approx((fit.params["new"], fit.bse["new"], fit.df_resid))


@pytest.mark.parametrize("alike", [1.0, 0.2])
def test_randomisation_with_covariates_errs_exactly_as_often_as_it_says(alike):
    """The same outcomes under each of the 70 allocations of 4 v 4: p at most a in at most a share a of them."""
    base = drawn(3, (4, 4), 4, 2, 0.0, alike)
    raw, p_values = np.column_stack([base.y, base.covariates]), []
    for chosen in combinations(range(8), 4):
        arm = np.isin(np.arange(8), chosen)[base.codes]
        one = sorted_trial(raw, arm, base.codes, names=("y", "arm", "clinic", "x0", "x1"))
        p_values.append(effect_of(one, "randomisation").p_value)
    p_values = np.sort(p_values)
    assert len(p_values) == 70
    for level in np.arange(1, 70) / 70:
        assert np.mean(p_values <= level + 1e-9) <= level + 1e-9


@pytest.mark.parametrize("alike", [1.0, 0.2])
@pytest.mark.parametrize("estimator", ["cluster_means", "randomisation"])
def test_an_effect_that_is_added_moves_estimate_and_interval_by_itself(estimator, alike):
    plain = effect_of(drawn(5, (6, 5), 4, 2, 0.0, alike), estimator)
    moved = effect_of(drawn(5, (6, 5), 4, 2, 3.0, alike), estimator)
    for name in ("estimate", "ci_low", "ci_high"):
        assert getattr(moved, name) == pytest.approx(getattr(plain, name) + 3.0, abs=1e-9)


def test_the_one_number_a_cluster_has_the_adjusted_difference():
    for alike in (1.0, 0.2):
        trial = drawn(7, (6, 5), 4, 3, 1.0, alike)
        means, treated = adjusted_cluster_means(trial), trial.treated_clusters
        found = effect_of(trial, "cluster_means").estimate
        assert means[treated].mean() - means[~treated].mean() == pytest.approx(found)


def test_covariates_that_agree_inside_clusters_split_into_one_of_rows_and_one_of_clusters():
    trial = drawn(9, (6, 6), 5, 1, 0.0, 0.3)
    z = np.random.default_rng(1).normal(size=12)[trial.codes]
    x = trial.covariates[:, 0]
    names = ("y", "arm", "clinic", "x", "xz")
    both = sorted_trial(np.column_stack([trial.y, x, x + z]), trial.treated, trial.codes, names=names)
    apart = sorted_trial(np.column_stack([trial.y, x, z]), trial.treated, trial.codes, names=names)
    assert first_stage(sums_of(both))[1].shape == (12, 1)
    one, other = (effect_of(this, "cluster_means") for this in (both, apart))
    assert (one.estimate, one.se, one.df) == pytest.approx((other.estimate, other.se, other.df))
