"""Missing outcomes counted and weighed for, against sums by hand, another routine and full matrices."""

import warnings
from dataclasses import astuple, replace

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from reference_trials import in_full
from scipy import stats

from clustertrials.estimators import estimate_effect
from clustertrials.missing import attrition_by_arm
from clustertrials.weighting import inverse_probability_weights, weighted_effect

ROLES = {"arm": "arm", "cluster": "clinic", "treated": "new"}


def incomplete(seed=1, clinics=12, rows=8, effect=0.0):
    """A trial in which low x is more often missing, and more so in the new arm; `full` is what was not seen."""
    generator = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(clinics), rows)
    arm = clinic % 2
    x = generator.normal(size=len(clinic))
    full = effect * arm + x + generator.normal(size=len(clinic)) + generator.normal(0, 0.3, clinics)[clinic]
    seen = generator.random(len(clinic)) < 1 / (1 + np.exp(-0.8 - (0.3 + 0.7 * arm) * x))
    return pd.DataFrame(
        {
            "clinic": clinic,
            "arm": np.where(arm, "new", "usual"),
            "new": arm,
            "x": x,
            "new_x": arm * x,
            "seen": seen * 1,
            "full": full,
            "y": np.where(seen, full, np.nan),
            "b": np.where(seen, full > 0, np.nan),
        }
    )


def same(one, other, rtol=1e-9):
    """Whether two answers agree, number by number."""
    for ours, theirs in zip(astuple(one), astuple(other)):
        assert ours == (
            theirs if isinstance(theirs, str | tuple | None) else pytest.approx(theirs, rel=rtol, abs=1e-12)
        )


def test_attrition_by_hand():
    frame = pd.DataFrame({"clinic": np.repeat(range(8), [2, 4] * 4), "y": 1.0})
    frame["arm"] = frame["clinic"] % 2
    frame.loc[frame["clinic"] == 1, "y"] = np.nan
    frame.loc[[0, 6], "y"] = np.nan
    treated, other = attrition_by_arm(frame, "y", arm="arm", cluster="clinic", treated=1)
    assert astuple(treated)[:5] == ("treated", 16, 4, 4, 0.25)
    assert treated.cluster_mean == 0.25 and treated.cluster_sd == pytest.approx(0.5)
    assert astuple(other)[:5] == ("other", 8, 2, 4, 0.25)
    assert other.cluster_mean == 0.25 and other.cluster_sd == pytest.approx(0.5 / 3**0.5)
    swapped = attrition_by_arm(frame, "y", arm="arm", cluster="clinic", treated=0)
    assert swapped == (replace(other, arm="treated"), replace(treated, arm="other"))


def test_weights_of_two_groups_by_hand():
    """Measured 6 of 8 and 2 of 8, half of all: weights 0.5 / 0.75 and 0.5 / 0.25."""
    frame = pd.DataFrame({"seen": [1] * 6 + [0] * 2 + [1] * 2 + [0] * 6, "x": [0] * 8 + [5] * 8})
    found = inverse_probability_weights(frame, observed="seen", predictors=["x"])
    np.testing.assert_allclose(found.values, [2 / 3] * 6 + [0] * 2 + [2] * 2 + [0] * 6, atol=1e-9)
    assert (found.n_units, found.n_observed) == (16, 8)
    assert found.largest == pytest.approx(2) and found.effective_size == pytest.approx(64 / (6 * 4 / 9 + 2 * 4))


def test_weights_agree_with_a_logit_by_another_routine():
    frame = incomplete()
    predictors = ["new", "x", "new_x"]
    chance = sm.Logit(frame["seen"], sm.add_constant(frame[predictors])).fit(disp=0, tol=1e-12).predict()
    found = inverse_probability_weights(frame, observed="seen", predictors=predictors)
    np.testing.assert_allclose(found.values, frame["seen"] * frame["seen"].mean() / chance, rtol=1e-6)
    moved = frame.assign(x=1e5 - 300 * frame["x"]).sample(frac=1, random_state=2)
    again = inverse_probability_weights(moved, observed="seen", predictors=["new", "x"])
    plain = inverse_probability_weights(frame, observed="seen", predictors=["x", "new"])
    np.testing.assert_allclose(again.values, plain.values[moved.index], rtol=1e-6)


def test_nothing_missing_leaves_every_weight_at_one():
    found = inverse_probability_weights(incomplete().assign(seen=True), observed="seen", predictors=["x"])
    assert (found.values == 1).all() and found.effective_size == found.n_units == 96
    assert "values" not in repr(found), "weights are personal data"


SEPARATE = "'seen': the predictors separate"
WEIGHTS = {
    "separated": (lambda f: f.assign(x=f["seen"] + f["x"] / 1e3), ["x"], SEPARATE),
    "a group all missing": (lambda f: f.assign(seen=f["seen"] * (f["clinic"] != 3), w=f["clinic"] == 3), ["x", "w"], SEPARATE),
    "a group all measured": (lambda f: f.assign(seen=f["seen"] | (f["clinic"] == 3), w=f["clinic"] == 3), ["x", "w"], SEPARATE),
    "no chance": (lambda f: f.assign(x=f["x"] - 40 * (f.index == f["seen"].idxmin())), ["x"], "'seen': a row has practically no"),
    "not 0/1": (lambda f: f.assign(seen=f["seen"] * 2), ["x"], "'seen' must be 1"),
    "unknown": (lambda f: f.assign(seen=f["seen"].where(f.index != 3)), ["x"], "'seen' must be 1"),
    "nothing measured": (lambda f: f.assign(seen=0), ["x"], "'seen' must be 1"),
    "text": (lambda f: f.assign(seen="yes"), ["x"], "'seen' is not numeric"),
    "no column": (lambda f: f, ["age"], "'age' is not in the frame"),
    "gap": (lambda f: f.assign(x=f["x"].where(f.index != 3)), ["new", "x"], "predictor 'x' has a missing value"),
    "constant": (lambda f: f.assign(x=7.1), ["new", "x"], "predictor 'x' is constant"),
    "collinear": (lambda f: f.assign(w=3 - f["x"] + f["new"]), ["x", "new", "w"], "predictor 'w' is constant or"),
    "one string": (lambda f: f, "x", "predictors must be a list of column names; got str"),
    "none": (lambda f: f, [], "predictors must name at least one column"),
    "twice": (lambda f: f, ["x", "x"], "used in two roles"),
}  # fmt: skip


@pytest.mark.parametrize("case", WEIGHTS)
def test_weights_are_refused(case):
    change, predictors, message = WEIGHTS[case]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(ValueError, match=message):
            inverse_probability_weights(change(incomplete()), observed="seen", predictors=predictors)


def test_equal_weights_are_the_plain_estimator():
    frame = incomplete()
    for outcome, covariates in (("y", ["x"]), ("b", [])):
        plain = estimate_effect(frame, outcome, covariates=covariates, level=0.9, **ROLES)
        found = weighted_effect(
            frame, outcome, weights=np.full(len(frame), 7.0), covariates=covariates, level=0.9, **ROLES
        )
        assert found.estimator == "ipw"
        same(replace(found, estimator="cr2"), plain)


@pytest.mark.parametrize("covariates", [[], ["x"]])
def test_weighted_effect_equals_full_matrices_and_statsmodels(covariates):
    frame = incomplete().sample(frac=1, random_state=4).reset_index(drop=True)
    weights = np.random.default_rng(2).uniform(0.5, 4, len(frame))
    found = weighted_effect(frame, "y", weights=weights, covariates=covariates, **ROLES)
    assert found.covariates == tuple(covariates)
    seen = frame["y"].notna()
    design = sm.add_constant(frame.loc[seen, ["new", *covariates]])
    model = sm.WLS(frame["y"][seen], design, weights=weights[seen]).fit()
    error, df = in_full(
        model.model.wexog, model.wresid, frame.loc[seen, "clinic"].to_numpy(), np.eye(len(model.params))[1]
    )
    assert (found.estimate, found.se, found.df) == pytest.approx((model.params["new"], error, df), rel=1e-9)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.statistic), found.df))
    assert found.ci_high - found.ci_low == pytest.approx(2 * found.se * stats.t.ppf(0.975, found.df))
    assert found.n_dropped == frame["y"].isna().sum() and found.n_units + found.n_dropped == 96


def test_rows_of_weight_zero_are_left_out():
    frame = incomplete()
    weights = (frame.index % 5 > 0) * 1.5
    found = weighted_effect(frame, "y", weights=weights, **ROLES)
    without = weighted_effect(frame[weights > 0], "y", weights=weights[weights > 0], **ROLES)
    same(found, replace(without, n_dropped=found.n_dropped))
    assert found.n_dropped == len(frame) - found.n_units


@pytest.mark.parametrize(
    "weights, message",
    [
        (np.ones(95), "one finite number a row"),
        (np.full(96, -1.0), "none below 0"),
        (np.full(96, np.nan), "finite"),
        (np.arange(96) // 8 % 2, "only one arm"),
        (np.zeros(96), "no row has a value"),
    ],
)
def test_weights_that_do_not_fit(weights, message):
    with pytest.raises(ValueError, match=message):
        weighted_effect(incomplete(), "y", weights=weights, **ROLES)


def test_weighted_effect_needs_variation_and_a_level():
    frame = incomplete().assign(y=np.tile([0.0, 1], 48))
    with pytest.raises(ValueError, match="'y': ipw finds no variation"):
        weighted_effect(frame, "y", weights=np.ones(96), **ROLES)
    with pytest.raises(ValueError, match="level must lie"):
        weighted_effect(frame, "y", weights=np.ones(96), level=95, **ROLES)
    with pytest.raises(ValueError, match="must be a list of column names; got str"):
        weighted_effect(frame, "y", weights=np.ones(96), covariates="x", **ROLES)


def test_weighing_repairs_what_selection_does():
    """Against what would have been seen of all 6,000 units; weighed by the right model, and by one without x."""
    frame = incomplete(seed=6, clinics=40, rows=150)
    weights = inverse_probability_weights(frame, observed="seen", predictors=["new", "x", "new_x"])
    useless = inverse_probability_weights(frame, observed="seen", predictors=["new"])
    right, wrong = (weighted_effect(frame, "y", weights=w.values, **ROLES).estimate for w in (weights, useless))
    everyone, measured = (estimate_effect(frame, outcome, **ROLES).estimate for outcome in ("full", "y"))
    assert measured - everyone > 0.15 and abs(right - everyone) < 0.03
    assert wrong == pytest.approx(measured)
    assert weights.effective_size < weights.n_observed
