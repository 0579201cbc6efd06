"""Effects by group against clubSandwich, whose answers `subgroups.R` printed, and against fits of single groups."""

import numpy as np
import pandas as pd
import pytest
from reference_trials import ROLES, read

from clustertrials import estimate_effect, subgroup_effects

# Estimate, standard error, degrees of freedom, p-value.
BANDS = [
    (0.042288546862, 0.162346371854, 21.1546014191, 0.797009593087),
    (-0.0068139648145, 0.160124166807, 23.282623998, 0.966419703842),
    (-0.048776092562, 0.18430347425, 20.0717795432, 0.79397696927),
    (-0.0491025116765, 0.169585171485, 22.7988927821, 0.774781290072),
    (-0.091064639424, 0.144937336154, 22.2476797024, 0.536202560238),
]
BANDS_ADJUSTED = [
    (-0.04763211377, 0.141722251152, 21.4033738924, 0.740071982425),
    (-0.0737239569855, 0.152132980787, 23.1580607694, 0.632510678372),
    (-0.0725138832307, 0.1580791252, 20.221118264, 0.651328322169),
    (-0.0260918432155, 0.166096572067, 22.8038969871, 0.876557758831),
    (-0.0248817694607, 0.128238743802, 22.2268712808, 0.84791713777),
]
HALVES_OF_CLINICS = [
    (0.0400239994506, 0.157399771709, 11.8035674438, 0.803653051289),
    (-0.046025609219, 0.223861241274, 9.39128881828, 0.841492157246),
    (-0.0860496086695, 0.273558786142, 20.5520435947, 0.756269712145),
]
SLOPE = [(0.000989605572975, 0.0159694903722, 22.6065603014, 0.951132537005)]


def main():
    frame = read("main")
    frame["band"] = pd.cut(frame["x"], [-np.inf, 8.5, 11.5, np.inf], labels=["low", "middle", "high"])
    return frame.assign(half=(frame["z"] > 0).astype(int), sex=np.where(frame.index % 3, "women", "men"))


def found(by, frame=None, **asked):
    return subgroup_effects(main() if frame is None else frame, "y", by=by, **(ROLES | asked))


@pytest.mark.parametrize(
    ("by", "covariates", "expected"),
    [
        ("band", [], BANDS),
        ("band", ["x", "z"], BANDS_ADJUSTED),
        ("half", ["x"], HALVES_OF_CLINICS),
        ("x", ["z"], SLOPE),
    ],
)
def test_contrasts_are_those_of_clubsandwich(by, covariates, expected):
    numbers = found(by, covariates=covariates).to_frame()[["estimate", "se", "df", "p_value"]]
    np.testing.assert_allclose(numbers, expected, rtol=1e-8)


def test_without_covariates_the_effect_in_a_group_is_that_of_its_rows():
    frame = main()
    for one in found("sex").contrasts[:2]:
        alone = estimate_effect(frame[frame["sex"] == one.group], "y", **ROLES)
        np.testing.assert_allclose([one.estimate, one.se, one.df], [alone.estimate, alone.se, alone.df], rtol=1e-9)
        assert (one.n_units, one.n_clusters) == (alone.n_units, alone.n_clusters)


def test_units_of_a_number_scale_its_slope_and_its_origin_does_not_matter():
    (slope,) = found("x").contrasts
    (moved,) = found("x", main().assign(x=lambda f: 2000 + 10 * f["x"])).contrasts
    assert moved.estimate == pytest.approx(slope.estimate / 10, rel=1e-8)
    assert (moved.df, moved.p_value) == pytest.approx((slope.df, slope.p_value), rel=1e-8)


@pytest.mark.parametrize("values", [[False, True], [1.5, 7.0], pd.Categorical(["no", "yes"], ["unused", "no", "yes"])])
def test_two_values_of_any_kind_are_two_groups(values):
    frame = main().assign(two=lambda f: pd.Series(values)[f["half"].to_numpy()].to_numpy())
    groups = [one.group for one in found("two", frame).contrasts]
    assert groups == [str(values[0]), str(values[1]), f"{values[1]} minus {values[0]}"]


def test_text_of_digits_makes_groups_and_strata_may_determine_them():
    """Fixed effects of strata contain the groups' own part: the answer is that with the group beside them."""
    frame = main().assign(band=lambda f: pd.cut(f["x"], 3, labels=False).astype(str), region=lambda f: f["clinic"] % 5)
    assert [one.group for one in found("band", frame).contrasts[:3]] == ["0", "1", "2"]
    frame["coast"] = np.where(frame["region"] < 3, "yes", "no")
    inside = found("coast", frame, strata="region").contrasts
    for one in inside[:2]:
        alone = estimate_effect(frame[frame["coast"] == one.group], "y", strata="region", **ROLES)
        np.testing.assert_allclose([one.estimate, one.se], [alone.estimate, alone.se], rtol=1e-9)
    assert inside[2].estimate == pytest.approx(inside[1].estimate - inside[0].estimate)
    assert found("coast", frame.assign(coast=frame["coast"].where(frame.index > 4)), strata="region").n_dropped == 5


def test_columns_constant_inside_clusters_cost_degrees_of_freedom():
    rng = np.random.default_rng(1)
    clinic = np.repeat(np.arange(16), rng.integers(4, 9, 16))
    frame = pd.DataFrame({"clinic": clinic, "arm": np.where(clinic % 2, "new", "usual"), "region": clinic // 4})
    frame = frame.assign(y=rng.normal(size=len(clinic)), sex=rng.integers(0, 2, len(clinic)), half=clinic // 2 % 2)
    # 16 clusters, two arms, three further strata; `half` and its product with the arm are constant inside clusters.
    assert max(one.df for one in found("sex", frame, strata="region").contrasts) == 16 - 2 - 3
    assert all(one.df <= 16 - 2 - 3 - 2 for one in found("half", frame, strata="region").contrasts)


def test_groups_say_that_they_are_exploratory():
    shown = str(found("sex", covariates=["z"], level=0.9))
    assert shown.splitlines()[0] == "y: new minus usual by sex; exploratory unless registered"
    assert "women minus men" in shown and "adjusted for z; 90 % intervals" in shown
    assert set(found("sex").to_frame()["status"]) == {"exploratory unless registered"}
    assert "exploratory unless registered" in found("sex")._repr_html_()


@pytest.mark.parametrize(
    ("change", "asked", "message"),
    [
        (
            {"few": lambda f: np.where(f["clinic"] < 8, "a", "b")},
            {"by": "few"},
            r"'few', group 'a': an arm has \d clus",
        ),
        ({}, {"by": "arm"}, "'arm' is used in two roles"),
        ({}, {"by": "sex", "covariates": ["sex"]}, "'sex' is used in two roles"),
        ({}, {"by": "none"}, "'none' is not in the frame"),
        ({"one": "a"}, {"by": "one"}, "'one' is constant"),
        (
            {"mine": lambda f: (f["arm"] == "new") * f["x"]},
            {"by": "mine"},
            "'product of mine and arm' is a linear combination",
        ),
    ],
)
def test_what_has_no_groups_is_refused(change, asked, message):
    with pytest.raises(ValueError, match=message):
        found(frame=main().assign(**change), **asked)


@pytest.mark.slow
def test_the_interaction_keeps_its_error_rate_with_few_unequal_clusters():
    rng, draws, rejected = np.random.default_rng(8), 1_000, 0
    for _ in range(draws):
        clinic = np.repeat(np.arange(12), rng.permutation([6, 8, 10, 12, 14, 16, 18, 22, 28, 36, 44, 60]))
        sex = rng.integers(0, 2, len(clinic))
        shared = 0.4 * rng.normal(size=(12, 2))
        y = rng.normal(size=len(clinic)) + shared[clinic, 0] + shared[clinic, 1] * sex
        frame = pd.DataFrame({"y": y, "sex": sex, "clinic": clinic, "arm": np.where(clinic % 2, "new", "usual")})
        rejected += found("sex", frame).contrasts[-1].p_value <= 0.05
    # Four Monte Carlo errors.
    assert abs(rejected / draws - 0.05) < 4 * (0.05 * 0.95 / draws) ** 0.5
