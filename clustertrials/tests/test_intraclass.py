"""Cluster sizes, intraclass correlation and design effect."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from reference_trials import ROLES, read
from scipy import stats
from statsmodels.stats.anova import anova_lm

from clustertrials.intraclass import design_effect, icc
from clustertrials.mixed import batched_reml
from clustertrials.trial import read_trial


def test_correlation_is_the_analysis_of_variance():
    frame = read("main")
    table = anova_lm(smf.ols("y ~ C(clinic)", frame).fit())
    between, within = table.loc["C(clinic)"], table.loc["Residual"]
    found = icc(frame, "y", cluster="clinic")
    f = found.mean_size * found.estimate / (1 - found.estimate) + 1
    assert f == pytest.approx(between["mean_sq"] / within["mean_sq"])
    assert (found.n_units, found.n_clusters) == (884, 29)


def test_equal_sizes_by_hand():
    """Means 1, 4, 7 of pairs 2 apart: B = 2 * 9 = 18, W = 2, so (18 - 2) / (18 + 2)."""
    frame = pd.DataFrame({"y": [0, 2, 3, 5, 6, 8], "clinic": list("aabbcc")})
    found = icc(frame, "y", cluster="clinic", level=0.9)
    assert found.estimate == pytest.approx(0.8) and found.mean_size == 2
    low, high = (9 / stats.f.ppf(q, 2, 3) for q in (0.95, 0.05))
    assert (found.ci_low, found.ci_high) == pytest.approx(((low - 1) / (low + 1), (high - 1) / (high + 1)))


def test_an_effect_of_the_arm_passes_for_correlation_unless_the_arm_is_named():
    frame = read("main")
    shifted = frame.assign(y=frame["y"] + 5 * (frame["arm"] == "new"))
    named = [icc(f, "y", cluster="clinic", arm="arm").estimate for f in (frame, shifted)]
    assert named[0] == pytest.approx(named[1], rel=1e-9)
    assert icc(shifted, "y", cluster="clinic").estimate > 0.5


def test_negative_estimates_are_shown():
    found = icc(read("zero"), "y", cluster="clinic", arm="arm")
    assert found.estimate < 0 and found.ci_low < found.estimate < found.ci_high


def test_reml_is_the_mixed_models_and_stops_at_zero():
    frame = read("main")
    trial = read_trial(frame, "y", **ROLES)
    design = np.column_stack([np.ones(len(trial.y)), trial.treated])
    fit = batched_reml(trial.y, design, trial.codes)
    found = icc(frame, "y", cluster="clinic", arm="arm", method="reml")
    assert found.estimate == pytest.approx(fit.between[0] / (fit.between[0] + fit.within[0]), rel=1e-9)
    assert found.method == "reml" and found.ci_low < found.estimate < found.ci_high
    alike = icc(read("zero"), "y", cluster="clinic", arm="arm", method="reml")
    assert alike.estimate == alike.ci_low == 0 < alike.ci_high


def test_the_reml_interval_holds_the_truth_about_as_often_as_it_says():
    """200 trials of 12 x 8 at 0.2: 4 Monte Carlo errors and 3 points for a small number of clusters."""
    generator = np.random.default_rng(8)
    clinic, covered = np.repeat(range(12), 8), 0
    for _ in range(200):
        y = 0.2**0.5 * generator.normal(size=12)[clinic] + 0.8**0.5 * generator.normal(size=96)
        found = icc(pd.DataFrame({"y": y, "clinic": clinic}), "y", cluster="clinic", method="reml")
        covered += found.ci_low <= 0.2 <= found.ci_high
    assert abs(covered / 200 - 0.95) < 4 * (0.95 * 0.05 / 200) ** 0.5 + 0.03


def test_missing_rows_are_left_out():
    frame = read("tiny")
    holes = frame.assign(y=frame["y"].where(frame["clinic"] != 3))
    assert icc(holes, "y", cluster="clinic").n_clusters == frame["clinic"].nunique() - 1


def test_no_variation_inside_is_one():
    frame = pd.DataFrame({"y": [1.0, 1, 2, 2, 4, 4], "clinic": list("aabbcc")})
    found = icc(frame, "y", cluster="clinic")
    assert (found.estimate, found.ci_low, found.ci_high) == (1, 1, 1)


@pytest.mark.parametrize(
    "change, arguments, message",
    [
        (lambda f: f, {"arm": "group"}, "'group' is not in the frame"),
        (lambda f: f.assign(y="a"), {}, "'y' is not numeric"),
        (lambda f: f.assign(y=2.5), {}, "'y' is constant"),
        (lambda f: f.assign(y=(f["arm"] == "new") * 1.0), {"arm": "arm"}, "'y' is constant"),
        (lambda f: f.groupby("clinic").head(1), {}, "every cluster has one row"),
        (lambda f: f[f["clinic"] == 2], {}, "needs two clusters"),
        (lambda f: f.assign(arm=f["arm"].where(f.index != 3, "both")), {"arm": "arm"}, "not constant inside 'clinic'"),
        (lambda f: f, {"level": 1}, "level must lie"),
        (lambda f: f, {"method": "ml"}, "method must be"),
        (lambda f: f.assign(y=f["clinic"] ** 2.0), {"method": "reml"}, "'y': mixed: .* does not vary inside"),
    ],
)
def test_refusals(change, arguments, message):
    with pytest.raises(ValueError, match=message):
        icc(change(read("tiny")), "y", cluster="clinic", **arguments)


def test_design_effect_is_kish_with_the_sizes_squares():
    sizes = np.array([14, 20, 64, 31, 1])
    assert design_effect(sizes, 0.05) == pytest.approx(1 + ((sizes**2).sum() / sizes.sum() - 1) * 0.05)
    assert design_effect([1, 1, 1], 0.5) == 1
    assert design_effect([30, 30], 0) == 1


@pytest.mark.parametrize(
    "sizes, rho, message",
    [
        ([], 0.1, "sizes"),
        ([3, 0], 0.1, "sizes"),
        ([3, np.nan], 0.1, "sizes"),
        ([[3], [4]], 0.1, "sizes"),
        ([3, 4], 1.5, "between -1 and 1"),
        ([3, 4], float("nan"), "between -1 and 1"),
        ([30, 30], -0.5, "more negative"),
    ],
)
def test_design_effect_refuses(sizes, rho, message):
    with pytest.raises(ValueError, match=message):
        design_effect(sizes, rho)
