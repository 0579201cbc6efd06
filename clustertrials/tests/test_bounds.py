"""Bounds for missing outcomes, against sums by hand, random completions and linear programmes."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.optimize import linprog
from test_missing import ROLES, incomplete

from clustertrials.estimators import estimate_effect
from clustertrials.missing import lee_bounds, manski_bounds


def test_manski_by_hand():
    """New: 12 measured with mean 3, 4 missing; usual: 14 measured with mean 2, 2 missing; scale 0 to 5."""
    frame = pd.DataFrame({"clinic": np.repeat(range(8), 4)})
    frame["arm"] = np.where(frame["clinic"] % 2, "new", "usual")
    new = frame["arm"] == "new"
    frame.loc[new, "y"] = [np.nan, 2, 3, 4] * 4
    frame.loc[~new, "y"] = [np.nan, 1, 2, 3, np.nan, 1, 2, 3, 2, 1, 2, 3, 2, 1, 2, 3]
    found = manski_bounds(frame, "y", lowest=0, highest=5, **ROLES)
    assert found.lower == pytest.approx(36 / 16 - (28 + 10) / 16)
    assert found.upper == pytest.approx((36 + 20) / 16 - 28 / 16)
    assert (found.n_units, found.n_clusters, found.n_missing_treated, found.n_missing_other) == (32, 8, 4, 2)


def test_manski_width_and_interval():
    frame = incomplete()
    found = manski_bounds(frame, "y", lowest=-9, highest=9, **ROLES)
    lost = frame["y"].isna().groupby(frame["arm"]).mean()
    assert found.upper - found.lower == pytest.approx(18 * lost.sum())
    missing = frame["y"].isna()
    lowest = frame.assign(y=frame["y"].mask(missing, np.where(frame["new"] == 1, -9.0, 9.0)))
    expected = estimate_effect(lowest, "y", **ROLES)
    assert (found.lower, found.ci_low, found.df) == (expected.estimate, expected.ci_low, expected.df)
    assert found.ci_low < found.lower < found.upper < found.ci_high
    assert manski_bounds(frame, "y", lowest=-9, highest=9, level=0.8, **ROLES).ci_low > found.ci_low


@pytest.mark.parametrize("seed", range(5))
def test_every_completion_lies_inside_manski_and_lee_inside_manski(seed):
    frame = incomplete(seed)
    ends = (frame["full"].min(), frame["full"].max())
    found = manski_bounds(frame, "y", lowest=ends[0], highest=ends[1], **ROLES)
    lee = lee_bounds(frame, "y", **ROLES)
    assert found.lower < lee.lower <= lee.upper < found.upper
    generator = np.random.default_rng(seed)
    for _ in range(20):
        filled = frame["y"].fillna(pd.Series(generator.uniform(*ends, len(frame))))
        assert found.lower <= estimate_effect(frame.assign(y=filled), "y", **ROLES).estimate <= found.upper


def test_nothing_missing_leaves_one_effect():
    frame = incomplete()
    plain = estimate_effect(frame, "full", **ROLES)
    manski, lee = manski_bounds(frame, "full", lowest=-9, highest=9, **ROLES), lee_bounds(frame, "full", **ROLES)
    assert manski.lower == manski.upper == plain.estimate and manski.ci_low == plain.ci_low
    assert lee.lower == pytest.approx(plain.estimate) and lee.upper == pytest.approx(plain.estimate)
    assert (lee.trimmed, lee.share_trimmed, lee.df) == ("", 0, 10)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"lowest": 0, "highest": 99}, "'y' has a value outside"),
        ({"lowest": 5, "highest": 5}, "the first below the second"),
        ({"lowest": -99, "highest": np.inf}, "must be finite"),
        ({"lowest": np.nan, "highest": 9}, "must be finite"),
        ({"lowest": -99, "highest": 99, "level": 2}, "level must lie"),
    ],
)
def test_manski_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        manski_bounds(incomplete(), "y", **ROLES, **arguments)


def trimmed_by_programme(values, kept, sign):
    """Least (sign 1) or greatest (-1) mean over all reweightings that take at least the share `kept` of units."""
    most = 1 / (kept * len(values))
    found = linprog(sign * values, A_eq=np.ones((1, len(values))), b_eq=[1.0], bounds=(0, most))
    return sign * found.fun


@pytest.mark.parametrize("outcome", ["y", "b"])
@pytest.mark.parametrize("seed", range(4))
def test_lee_is_the_answer_of_a_linear_programme(seed, outcome):
    frame = incomplete(seed)
    values = {arm: group[outcome].dropna().to_numpy() for arm, group in frame.groupby("arm")}
    share = frame[outcome].notna().groupby(frame["arm"]).mean()
    fuller = "new" if share["new"] > share["usual"] else "usual"
    ends = [trimmed_by_programme(values[fuller], share.min() / share.max(), sign) for sign in (1, -1)]
    expected = ends - values["usual"].mean() if fuller == "new" else values["new"].mean() - np.array(ends[::-1])
    found = lee_bounds(frame, outcome, **ROLES)
    np.testing.assert_allclose([found.lower, found.upper], expected, atol=1e-9)
    assert found.share_trimmed == pytest.approx(1 - share.min() / share.max())
    assert found.trimmed == ("treated" if fuller == "new" else "other")


def test_lee_interval_is_the_jackknife_over_clinics():
    frame = incomplete()
    found = lee_bounds(frame, "y", level=0.9, **ROLES)
    without = [lee_bounds(frame[frame["clinic"] != k], "y", **ROLES) for k in range(12)]
    errors = []
    for side in ("lower", "upper"):
        values = np.array([getattr(one, side) for one in without])
        errors.append(sum(5 / 6 * ((arm - arm.mean()) ** 2).sum() for arm in (values[0::2], values[1::2])) ** 0.5)
    quantile = stats.t.ppf(0.95, 10)
    assert found.ci_low == pytest.approx(found.lower - quantile * errors[0])
    assert found.ci_high == pytest.approx(found.upper + quantile * errors[1])


def test_lee_covers_the_effect_on_those_always_measured():
    """The new arm loses nobody that the other keeps; it also keeps some with low outcomes, who look like harm."""
    generator = np.random.default_rng(8)
    clinic = np.repeat(np.arange(40), 100)
    arm = clinic % 2
    full = generator.normal(size=4000) + 0.5 * arm
    always, if_new = full - 0.5 * arm > -0.8, full - 0.5 * arm > -1.4
    frame = pd.DataFrame(
        {
            "clinic": clinic,
            "arm": np.where(arm, "new", "usual"),
            "y": np.where(np.where(arm, if_new, always), full, np.nan),
        }
    )
    found = lee_bounds(frame, "y", **ROLES)
    assert estimate_effect(frame, "y", **ROLES).ci_high < 0.5
    assert found.lower < 0.5 < found.upper + 0.05 and found.trimmed == "treated"


def test_lee_refuses_what_does_not_vary():
    frame = incomplete().assign(y=np.tile([0.0, 1], 48))
    with pytest.raises(ValueError, match="'y': lee finds no variation"):
        lee_bounds(frame, "y", **ROLES)
    with pytest.raises(ValueError, match="'y' is constant"):
        lee_bounds(frame.assign(y=1.0), "y", **ROLES)
    with pytest.raises(ValueError, match="level must lie"):
        lee_bounds(incomplete(), "y", level=0, **ROLES)
