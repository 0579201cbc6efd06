"""The tipping point, against filling in, shifting and fitting again without each clinic in turn."""

from dataclasses import replace

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats
from test_missing import ROLES, incomplete, same

from clustertrials.estimators import estimate_effect
from clustertrials.missing import tipping_point


def shifted_effect(frame, shift, covariates, shifted="new"):
    """Fill in what the measured predict, shift one arm's share of it, fit again."""
    design = sm.add_constant(frame[["new", *covariates]].astype(float))
    seen = frame["y"].notna()
    predicted = design @ sm.OLS(frame["y"][seen], design[seen]).fit().params
    filled = frame["y"].fillna(predicted + shift * (frame["arm"] == shifted))
    return sm.OLS(filled, design).fit().params["new"]


def shifted_interval(frame, shift, covariates, shifted="new", level=0.95):
    middle = shifted_effect(frame, shift, covariates, shifted)
    without = [shifted_effect(frame[frame["clinic"] != k], shift, covariates, shifted) for k in range(12)]
    arms = np.array(without[0::2]), np.array(without[1::2])
    half = stats.t.ppf((1 + level) / 2, 10) * sum(5 / 6 * ((a - a.mean()) ** 2).sum() for a in arms) ** 0.5
    return middle, middle - half, middle + half


def excludes_zero(found):
    """Whether the interval of the measured units alone lies on one side of 0."""
    _, low, high = found.at(0.0)
    return low > 0 or high < 0


@pytest.mark.parametrize("shifted", ["treated", "other"])
@pytest.mark.parametrize("covariates", [[], ["x"]])
def test_tipping_point_equals_filling_in(covariates, shifted):
    frame = incomplete(effect=0.2)
    found = tipping_point(frame, "y", covariates=covariates, shifted=shifted, level=0.9, **ROLES)
    arm = {"treated": "new", "other": "usual"}[shifted]
    for shift in (-3.0, 0.0, 0.7):
        np.testing.assert_allclose(found.at(shift), shifted_interval(frame, shift, covariates, arm, 0.9), 1e-8)
    assert not excludes_zero(found) and found.below < 0 < found.above
    for tip in (found.below, found.above):
        limits = shifted_interval(frame, tip, covariates, arm, 0.9)[1:]
        assert min(np.abs(limits)) == pytest.approx(0, abs=1e-9)
        inside, outside = (found.at(tip * factor)[1:] for factor in (0.999, 1.001))
        assert inside[0] < 0 < inside[1] and not outside[0] < 0 < outside[1]


def test_without_covariates_the_missing_take_their_arms_mean():
    frame = incomplete()
    found = tipping_point(frame, "y", **ROLES)
    means, share = frame.groupby("arm")["y"].mean(), frame["y"].isna().groupby(frame["arm"]).mean()
    filled = frame["y"].fillna(frame["arm"].map(means) + 2.0 * frame["new"]).groupby(frame["arm"]).mean()
    assert found.at(2.0)[0] == pytest.approx(filled["new"] - filled["usual"])
    assert found.slope == pytest.approx(share["new"]) and found.observed_mean == pytest.approx(means["new"])
    inside = frame["y"] - frame["arm"].map(means)
    assert found.sd == pytest.approx((inside**2).sum() ** 0.5 / (frame["y"].notna().sum() - 2) ** 0.5)


def test_at_shift_zero_it_is_the_effect_of_the_measured():
    frame = incomplete(clinics=30, rows=30)
    found = tipping_point(frame, "y", covariates=["x"], **ROLES)
    plain = estimate_effect(frame, "y", covariates=["x"], estimator="cr3", **ROLES)
    assert found.estimate == pytest.approx(plain.estimate) and found.df == 28
    assert found.variances[0] == pytest.approx(plain.se**2 * 14 / 15, rel=0.001)


def test_no_missing_unit_in_the_shifted_arm_tips_nothing():
    frame = incomplete().assign(y=lambda f: f["y"].where(f["arm"] == "new", f["full"]))
    found = tipping_point(frame, "y", shifted="other", **ROLES)
    assert (found.below, found.above, found.slope, found.n_missing) == (None, None, 0, 0)
    assert found.at(1e6) == pytest.approx(found.at(0.0))


def test_rows_without_a_covariate_are_dropped_and_counted():
    frame = incomplete()
    holes = frame.assign(x=frame["x"].mask(frame.index.isin([3, 20, 41])))
    found = tipping_point(holes, "y", covariates=["x"], **ROLES)
    assert found.n_dropped == 3
    same(replace(found, n_dropped=0), tipping_point(frame.drop(index=[3, 20, 41]), "y", covariates=["x"], **ROLES))


def test_tipping_point_refuses():
    frame = incomplete().assign(w=lambda f: (f["clinic"] == 3) * 1, equal=np.tile([0.0, 1], 48))
    for arguments, message in [
        ({"shifted": "new"}, 'shifted must be "treated" or "other"'),
        ({"covariates": ["w"]}, "'y': a coefficient rests on one cluster"),
        ({"covariates": "x"}, "must be a list of column names; got str"),
        ({"level": 95}, "level must lie"),
        ({"treated": "NEW"}, "treated value 'NEW'"),
    ]:
        with pytest.raises(ValueError, match=message):
            tipping_point(frame, "y", **(ROLES | arguments))
    with pytest.raises(ValueError, match="'equal': clusters do not vary"):
        tipping_point(frame, "equal", **ROLES)
