"""Every estimator under known transformations and at the edges of what data can be."""

import math

import numpy as np
import pandas as pd
import pytest
from reference_trials import ROLES, read
from scipy import stats

from clustertrials.estimators import METHODS, estimate_effect, within_cluster_difference
from clustertrials.results import LABELS


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


OWN = [np.random.default_rng(i).normal(size=40) for i in range(7)]
BROKEN = {
    "no covariate": (lambda f: f, {"covariates": ["age"]}, "'age' is not in the frame"),
    "two roles": (lambda f: f, {"covariates": ["x", "x"]}, "'x' is used in two roles"),
    "outcome as covariate": (lambda f: f, {"covariates": ["y"]}, "'y' is used in two roles"),
    "one string": (lambda f: f, {"covariates": "x"}, "covariates must be a list of column names; got str"),
    "all missing": (lambda f: f.assign(y=np.nan), {}, "no row has a value in every column"),
    "empty": (lambda f: f.iloc[:0], {}, "no row has a value in every column"),
    "arm explains all": (lambda f: f.assign(y=(f["arm"] == "new") * 1.0), {}, "'y' does not vary beyond the arm"),
    "covariate explains all": (lambda f: f.assign(y=3 * f["x"] + 1), {"covariates": ["x"]}, "'y' does not vary beyond"),
    "constant covariate": (lambda f: f.assign(x=3.3), {"covariates": ["x"]}, "covariate 'x' is constant"),
    "collinear": (lambda f: f.assign(w=2 * f["x"] - f["z"]), {"covariates": ["x", "z", "w"]}, "'w' is a linear comb"),
    "covariate is the arm": (lambda f: f.assign(w=(f["arm"] == "new") * 1), {"covariates": ["w"]}, "'w' is a linear comb"),
    "level": (lambda f: f, {"level": 95}, "level must lie between 0 and 1"),
    "estimator": (lambda f: f, {"estimator": "ols"}, "estimator must be one of cr2, cr3"),
    "too few rows": (
        lambda f: f.assign(**dict(zip("abcdefg", OWN)))[f["clinic"] < 8].groupby("clinic").head(1),
        {"covariates": list("abcdefg")}, "too few for 9 coefficients",
    ),
    "no df for gee": (
        lambda f: f.assign(**dict(zip("abcdef", OWN)))[f["clinic"] < 8],
        {"covariates": list("abcdef"), "estimator": "gee"}, "leave gee no degrees of freedom",
    ),
    "no df": (
        lambda f: f[f["clinic"] < 8].assign(**{f"c{i}": (f["clinic"] / 7) ** i for i in range(2, 8)}),
        {"covariates": [f"c{i}" for i in range(2, 8)]}, "constant inside 'clinic' are too many for 8",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_broken_data_are_refused_by_column_and_rule(case):
    change, arguments, message = BROKEN[case]
    with pytest.raises(ValueError, match=message):
        effect(change(small()), **arguments)


def test_missing_rows_are_dropped_and_counted():
    frame = small()
    holes = frame.copy()
    holes.loc[3, "y"], holes.loc[7, "x"], holes.loc[11, "arm"], holes.loc[15, "clinic"] = [np.nan] * 4
    found = effect(holes, covariates=["x"])
    assert found.n_dropped == 4 and found.n_units == len(frame) - 4 and found.covariates == ("x",)
    expected = effect(frame.drop(index=[3, 7, 11, 15]), covariates=["x"])
    np.testing.assert_allclose(numbers(found), numbers(expected), rtol=1e-12)


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


def test_a_difference_inside_clinics_is_the_paired_t_test_of_the_clinics():
    """Of ten clinics one has a single group: it is left out, and its rows are counted as dropped."""
    frame = small(rows=5).assign(group=lambda f: np.where(f.index % 5 < 2, "new", "usual"))
    frame.loc[frame["clinic"] == 9, "group"] = "new"
    found = within_cluster_difference(frame, "y", arm="group", cluster="clinic", treated="new", level=0.9)
    means = frame[frame["clinic"] < 9].groupby(["clinic", "group"])["y"].mean().unstack()
    expected = stats.ttest_rel(means["new"], means["usual"])
    assert found.df == expected.df == 8
    assert found.se == pytest.approx(found.estimate / expected.statistic)
    assert (found.statistic, found.p_value) == pytest.approx((expected.statistic, expected.pvalue))
    assert (found.ci_low, found.ci_high) == pytest.approx(expected.confidence_interval(0.9))
    assert (found.n_clusters, found.n_units, found.n_dropped) == (9, 45, 5)
