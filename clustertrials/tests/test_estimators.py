"""Every estimator under known transformations and at the edges of what data can be."""

import dataclasses
import math
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_trials import ROLES, read
from scipy import stats

from clustertrials.estimators import METHODS, estimate_effect
from clustertrials.results import LABELS, TrialWarning


def test_every_method_has_a_label():
    assert [*METHODS] == [*LABELS]


CLUSTERED = [name for name in METHODS if name != "naive"]


def effect(frame, outcome="y", **changes):
    return estimate_effect(frame, outcome, **(ROLES | changes))


def small(clinics=10, rows=4, seed=1):
    """A small trial without oddities; tests then break one thing in it."""
    generator = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(clinics), rows)
    return pd.DataFrame(
        {
            "clinic": clinic,
            "arm": np.where(clinic % 2, "new", "usual"),
            "x": generator.normal(size=len(clinic)),
            "z": generator.normal(size=clinics)[clinic],
            "y": generator.normal(size=len(clinic)) + generator.normal(size=clinics)[clinic],
            "b": generator.integers(0, 2, len(clinic)),
        }
    )


def test_interval_and_p_value_come_from_the_same_t():
    found = effect(read("main"), estimator="cr2", covariates=["x"], level=0.9)
    assert found.statistic == pytest.approx(found.estimate / found.se)
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(found.statistic), found.df))
    assert found.ci_high - found.ci_low == pytest.approx(2 * found.se * stats.t.ppf(0.95, found.df))


def test_naive_is_plain_least_squares():
    frame = read("main")
    found = effect(frame, estimator="naive")
    new, usual = frame["y"][frame["arm"] == "new"], frame["y"][frame["arm"] == "usual"]
    expected = stats.ttest_ind(new, usual)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-10)
    assert found.df == expected.df == len(frame) - 2


def test_randomisation_is_the_clinic_difference_with_its_own_inference():
    frame = small()
    clinic = effect(frame, estimator="cluster_means", covariates=["x"])
    found = effect(frame, estimator="randomisation", covariates=["x"], level=0.9)
    assert (found.estimate, found.se) == (clinic.estimate, clinic.se)
    assert found.n_allocations == math.comb(10, 5)
    assert (found.p_value * found.n_allocations) == pytest.approx(round(found.p_value * found.n_allocations))
    assert math.isnan(found.df)
    wide = effect(frame, estimator="randomisation", covariates=["x"], level=0.95)
    assert wide.ci_low < found.ci_low < found.estimate < found.ci_high < wide.ci_high


def test_estimands_are_named():
    named = {name: effect(small(), estimator=name).estimand for name in METHODS}
    assert {name for name, estimand in named.items() if estimand == "individual average"} == {"cr2", "cr3", "naive"}
    assert {name for name, estimand in named.items() if estimand == "cluster average"} == {
        "cluster_means",
        "randomisation",
    }


def numbers(found):
    return np.array([found.estimate, found.se, found.df, found.p_value, found.ci_low, found.ci_high, found.icc])


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("trial", ["tiny", "main"])
def test_known_transformations(trial, name):
    frame = read(trial)
    base = effect(frame, estimator=name, covariates=["x", "z"])
    relabelled = frame.assign(clinic="clinic " + (1000 - frame["clinic"]).astype(str))
    moved = frame.assign(x=40 - 3 * frame["x"], z=5 + frame["z"] / 1e4)
    for same in (frame.sample(frac=1, random_state=3), relabelled, moved, frame.assign(y=frame["y"] + 1000)):
        found = effect(same, estimator=name, covariates=["x", "z"])
        np.testing.assert_allclose(numbers(found), numbers(base), rtol=2e-8)
    scaled = effect(frame.assign(y=frame["y"] * -250), estimator=name, covariates=["x", "z"])
    np.testing.assert_allclose(
        [scaled.estimate, scaled.se, scaled.ci_low, scaled.ci_high],
        np.array([base.estimate, -base.se, base.ci_high, base.ci_low]) * -250,
        rtol=2e-8,
    )
    np.testing.assert_allclose([scaled.df, scaled.p_value], [base.df, base.p_value], rtol=2e-8)
    swapped = effect(frame, estimator=name, covariates=["x", "z"], treated="usual")
    np.testing.assert_allclose(
        [swapped.estimate, swapped.se, swapped.p_value, swapped.ci_low],
        [-base.estimate, base.se, base.p_value, -base.ci_high],
        rtol=2e-8,
    )


def test_missing_rows_are_dropped_and_counted():
    frame = small()
    holes = frame.copy()
    holes.loc[3, "y"], holes.loc[7, "x"], holes.loc[11, "arm"], holes.loc[15, "clinic"] = [np.nan] * 4
    found = effect(holes, covariates=["x"])
    assert found.n_dropped == 4 and found.n_units == len(frame) - 4
    expected = effect(frame.drop(index=[3, 7, 11, 15]), covariates=["x"])
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-12)


@pytest.mark.parametrize("name", METHODS)
def test_an_effect_names_its_covariates(name):
    assert effect(small(), estimator=name, covariates=["x", "z"]).covariates == ("x", "z")
    assert effect(small(), estimator=name).covariates == ()


def test_an_unused_column_may_hold_anything():
    assert effect(small().assign(note="text", other=np.nan)).n_dropped == 0


def test_nullable_boolean_and_categorical_columns():
    frame = small()
    typed = frame.assign(
        b=frame["b"].astype("boolean"),
        arm=frame["arm"].astype("category"),
        clinic=frame["clinic"].astype("string"),
        x=frame["x"].astype("Float64"),
    )
    np.testing.assert_allclose(
        numbers(effect(typed, "b", covariates=["x"])), numbers(effect(frame, "b", covariates=["x"])), rtol=1e-12
    )


BROKEN = {
    "no column": (lambda f: f.drop(columns="y"), {}, "'y' is not in the frame"),
    "no covariate": (lambda f: f, {"covariates": ["age"]}, "'age' is not in the frame"),
    "twice": (lambda f: pd.concat([f, f[["y"]]], axis=1), {}, "'y' is in the frame twice"),
    "two roles": (lambda f: f, {"covariates": ["x", "x"]}, "'x' is used in two roles"),
    "outcome as covariate": (lambda f: f, {"covariates": ["y"]}, "'y' is used in two roles"),
    "one string": (lambda f: f, {"covariates": "x"}, "covariates must be a list of column names; got str"),
    "text": (lambda f: f.assign(y=f["y"].astype(str)), {}, "'y' is not numeric"),
    "text covariate": (lambda f: f.assign(x=f["x"].astype(str)), {"covariates": ["x"]}, "'x' is not numeric"),
    "date": (lambda f: f.assign(y=pd.Timestamp("2016-01-01")), {}, "'y' is not numeric"),
    "complex": (lambda f: f.assign(y=f["y"] * 1j), {}, "'y' holds complex numbers"),
    "infinite": (lambda f: f.assign(y=f["y"].where(f.index != 5, np.inf)), {}, "'y' has an infinite value"),
    "all missing": (lambda f: f.assign(y=np.nan), {}, "no row has a value in every column"),
    "empty": (lambda f: f.iloc[:0], {}, "no row has a value in every column"),
    "constant": (lambda f: f.assign(y=7.1), {}, "'y' is constant"),
    "arm explains all": (lambda f: f.assign(y=(f["arm"] == "new") * 1.0), {}, "'y' does not vary beyond the arm"),
    "covariate explains all": (lambda f: f.assign(y=3 * f["x"] + 1), {"covariates": ["x"]}, "'y' does not vary beyond"),
    "constant covariate": (lambda f: f.assign(x=3.3), {"covariates": ["x"]}, "covariate 'x' is constant"),
    "collinear": (
        lambda f: f.assign(w=2 * f["x"] - f["z"]),
        {"covariates": ["x", "z", "w"]},
        "covariate 'w' is a linear combination",
    ),
    "covariate is the arm": (
        lambda f: f.assign(w=(f["arm"] == "new") * 1),
        {"covariates": ["w"]},
        "covariate 'w' is a linear combination",
    ),
    "three arms": (lambda f: f.assign(arm=f["arm"].where(f["clinic"] > 1, "third")), {}, "'arm' has 3 arms"),
    "one arm": (lambda f: f.assign(arm="new"), {}, "'arm' has only one arm"),
    "no such arm": (lambda f: f, {"treated": "NEW"}, "no complete row with the treated value 'NEW'"),
    "mixed clinic": (
        lambda f: f.assign(arm=f["arm"].where(f.index != 0, "new")),
        {},
        "'arm' is not constant inside 'clinic': 1 cluster",
    ),
    "three clinics an arm": (lambda f: f[f["clinic"] < 7], {}, "an arm has 3 cluster.* at least 4"),
    "level": (lambda f: f, {"level": 95}, "level must lie between 0 and 1"),
    "estimator": (lambda f: f, {"estimator": "ols"}, "estimator must be one of cr2, cr3"),
    "too few rows": (
        lambda f: (
            f[f["clinic"] < 8]
            .groupby("clinic")
            .head(1)
            .assign(**{f"c{i}": np.random.default_rng(i).normal(size=8) for i in range(7)})
        ),
        {"covariates": [f"c{i}" for i in range(7)]},
        "too few for 9 coefficients",
    ),
    "no df for gee": (
        lambda f: f[f["clinic"] < 8].assign(**{f"c{i}": np.random.default_rng(i).normal(size=32) for i in range(6)}),
        {"covariates": [f"c{i}" for i in range(6)], "estimator": "gee"},
        "leave gee no degrees of freedom",
    ),
    "no df": (
        lambda f: f[f["clinic"] < 8].assign(**{f"c{i}": (f["clinic"] / 7) ** i for i in range(2, 8)}),
        {"covariates": [f"c{i}" for i in range(2, 8)]},
        "constant inside 'clinic' are too many for 8",
    ),
}


@pytest.mark.parametrize("case", BROKEN)
def test_broken_data_are_refused_by_column_and_rule(case):
    change, arguments, message = BROKEN[case]
    with pytest.raises(ValueError, match=message):
        effect(change(small()), **arguments)


def test_refusals_never_print_a_value():
    frame = small().assign(y=123456789.5)
    with pytest.raises(ValueError) as caught:
        effect(frame)
    assert "123456789" not in str(caught.value)


def test_few_clinics_are_for_the_naive_estimator_alone():
    frame = small(clinics=2)
    assert effect(frame, estimator="naive").n_clusters == 2
    for name in CLUSTERED:
        with pytest.raises(ValueError, match="at least 4"):
            effect(frame, estimator=name)


@pytest.mark.parametrize("name", METHODS)
def test_an_arm_without_events_has_a_risk_difference(name):
    frame = small()
    frame["b"] = frame["b"].where(frame["arm"] == "new", 0)
    found = effect(frame, "b", estimator=name)
    assert found.mean_other == 0 and found.se > 0
    if METHODS[name].estimand != "precision-weighted average":
        assert found.estimate == pytest.approx(found.mean_treated)


@pytest.mark.parametrize("name", METHODS)
def test_a_clinic_with_one_patient(name):
    frame = small().drop(index=[1, 2, 3])
    found = effect(frame, estimator=name, covariates=["x"])
    assert np.isfinite([found.estimate, found.se, found.p_value, found.icc]).all()


def test_one_row_in_every_clinic():
    frame = small(clinics=14, rows=1)
    for name in ("cr2", "cluster_means", "randomisation"):
        found = effect(frame, estimator=name)
        assert math.isnan(found.icc) and found.se > 0
    for name in ("mixed", "gee", "gee_md"):
        with pytest.raises(ValueError, match="'y': .*(one row|too few pairs)"):
            effect(frame, estimator=name)


def test_clinics_that_do_not_vary_inside():
    frame = small()
    frame["y"] = frame.groupby("clinic")["y"].transform("mean")
    assert effect(frame, estimator="cr2").icc == pytest.approx(1)
    assert effect(frame, estimator="gee").estimate == pytest.approx(effect(frame, estimator="cr2").estimate)
    with pytest.raises(ValueError, match="'y': mixed: the outcome does not vary inside clusters"):
        effect(frame, estimator="mixed")


def test_clinics_with_equal_means_leave_nothing_to_judge_by():
    frame = small()
    frame["y"] = np.tile([0.0, 1, 0, 1], 10)
    for name in ("cluster_means", "cr2", "cr3"):
        with pytest.raises(ValueError, match="finds no variation"):
            effect(frame, estimator=name)
    assert effect(frame, estimator="mixed").estimate == pytest.approx(0, abs=1e-12)


def test_a_covariate_of_one_clinic_alone():
    frame = small().assign(w=lambda f: (f["clinic"] == 3) * 1)
    assert effect(frame, covariates=["w"]).se > 0
    with pytest.raises(ValueError, match="'y': cr3: a coefficient rests on one cluster"):
        effect(frame, covariates=["w"], estimator="cr3")
    with pytest.raises(ValueError, match="'y': gee_md: one cluster"):
        effect(frame, covariates=["w"], estimator="gee_md")


def test_a_covariate_of_clinics_costs_a_degree_of_freedom():
    frame = read("main")
    assert effect(frame, estimator="cluster_means", covariates=["x"]).df == 27
    assert effect(frame, estimator="cluster_means", covariates=["x", "z"]).df == 26


@st.composite
def odd_trials(draw):
    """Small trials with every oddity at once: ties, holes, single rows, dummies of one clinic."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    sizes = generator.integers(1, draw(st.integers(2, 8)), draw(st.integers(8, 12)))
    clinic = np.repeat(np.arange(len(sizes)), sizes)
    treated = generator.permutation(len(sizes)) < generator.integers(3, len(sizes) - 3)
    count = len(clinic)
    outcome = draw(st.sampled_from(["normal", "binary", "rare", "one arm", "alike"]))
    y = {
        "normal": generator.normal(size=count),
        "binary": generator.integers(0, 2, count),
        "rare": generator.random(count) < 0.08,
        "one arm": treated[clinic] * generator.integers(0, 2, count),
        "alike": generator.normal(size=len(sizes)).round(1)[clinic],
    }[outcome]
    frame = pd.DataFrame(
        {
            "clinic": clinic,
            "arm": np.where(treated[clinic], "new", "usual"),
            "y": y * 1.0,
            "x": generator.normal(size=count),
            "one": np.arange(len(sizes))[clinic] == 0,
            "z": generator.integers(0, 2, len(sizes))[clinic],
        }
    )
    frame["y"] = frame["y"].mask(generator.random(count) < draw(st.sampled_from([0, 0.2])))
    return frame, draw(st.lists(st.sampled_from(["x", "z", "one"]), max_size=3, unique=True))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(odd_trials(), st.sampled_from(list(METHODS)))
def test_finite_or_refused(trial, name):
    frame, covariates = trial
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warnings.simplefilter("ignore", TrialWarning)
        try:
            found = effect(frame, estimator=name, covariates=covariates)
        except ValueError:
            return
    documented = {"df"} if name == "randomisation" else set()
    # So few allocations that, with a covariate of clusters, no shift of the effect is rejected.
    documented |= {"ci_low", "ci_high"} if name == "randomisation" and found.n_allocations < 100 else set()
    documented |= {"icc"} if found.n_units == found.n_clusters else set()
    endless = {
        key for key, value in dataclasses.asdict(found).items() if isinstance(value, float) and not math.isfinite(value)
    }
    assert endless <= documented
    assert found.se > 0 and 0 <= found.p_value <= 1 and found.ci_low <= found.ci_high
    assert name in ("naive", "randomisation") or 0 < found.df <= found.n_clusters - 2
