"""Strata, matched pairs and covariates of labels in every estimator, against designs written out by hand."""

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from reference_trials import ROLES
from scipy import stats
from test_robust import expected_of
from test_strata import trial

from clustertrials import estimate_effect, leave_one_out, weighted_effect
from clustertrials.estimators import METHODS
from clustertrials.trial import read_trial


def effect(frame, **asked):
    return estimate_effect(frame, "y", **(ROLES | asked))


def by_hand(frame):
    """The trial with its strata as a 0/1 column of numbers, a covariate like others."""
    return frame.assign(north=(frame["region"] == "n") * 1.0)


def paired(seed=3, rows=4, pairs=6):
    """Matched pairs of clinics of equal size."""
    generator = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(2 * pairs), rows)
    frame = pd.DataFrame({"clinic": clinic, "pair": clinic // 2, "arm": np.where(clinic % 2, "new", "usual")})
    shared = generator.normal(size=pairs)[clinic // 2] + generator.normal(size=2 * pairs)[clinic]
    return frame.assign(y=2 * shared + generator.normal(size=len(frame)))


@pytest.mark.parametrize("name", [name for name in METHODS if name != "randomisation"])
@pytest.mark.parametrize("covariates", [[], ["x"]])
def test_strata_are_fixed_effects(name, covariates):
    frame = trial()
    found = effect(frame, estimator=name, strata="region", covariates=covariates)
    expected = effect(by_hand(frame), estimator=name, covariates=["north", *covariates])
    for number in ("estimate", "se", "df", "p_value", "ci_low"):
        assert getattr(found, number) == pytest.approx(getattr(expected, number), rel=1e-10)
    assert (found.strata, found.covariates) == ("region", tuple(covariates))


@pytest.mark.parametrize("kind", ["CR2", "CR3"])
def test_cr2_and_cr3_with_strata_and_labels_are_those_of_full_matrices(kind):
    frame = trial(rows=6).assign(kind=lambda f: np.where(f["x"] > 0.3, "c", np.where(f["x"] > -0.5, "a", "b")))
    found = effect(frame, estimator=kind.lower(), strata="region", covariates=["kind"])
    model = smf.ols("y ~ C(arm, Treatment('usual')) + C(region) + C(kind)", frame).fit()
    place = list(model.params.index).index("C(arm, Treatment('usual'))[T.new]")
    assert found.estimate == pytest.approx(model.params.iloc[place], rel=1e-10)
    read = read_trial(frame, "y", strata="region", covariates=["kind"], **ROLES)
    error, df = expected_of(read, np.eye(len(read.r_inverse))[1], kind)
    assert found.se == pytest.approx(error, rel=1e-9) and found.df == pytest.approx(min(df, 7), rel=1e-9)
    assert found.covariates == ("kind (reference a)",)


@pytest.mark.parametrize("name", ["cr2", "cluster_means", "mixed"])
def test_pairs_of_equal_clusters_are_the_paired_t_test(name):
    frame = paired()
    means = frame.groupby(["pair", "arm"])["y"].mean().unstack()
    expected = stats.ttest_rel(means["new"], means["usual"])
    found = effect(frame, estimator=name, strata="pair")
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-8)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-8)
    assert found.df == pytest.approx(5)


def test_pairs_swap_their_members_alone():
    frame = paired()
    means = frame.groupby(["pair", "arm"])["y"].mean().unstack()
    gaps = (means["new"] - means["usual"]).to_numpy()
    signs = np.array(np.meshgrid(*[[-1, 1]] * 6)).reshape(6, -1)
    expected = np.mean(np.abs(gaps @ signs) >= abs(gaps.sum()) - 1e-9)
    found = effect(frame, estimator="randomisation", strata="pair")
    assert (found.p_value, found.n_allocations) == (pytest.approx(expected), 64)
    assert found.estimate == pytest.approx(gaps.mean())


@pytest.mark.parametrize("name", METHODS)
def test_a_level_of_a_stratum_moves_nothing(name):
    frame = trial()
    moved = frame.assign(y=frame["y"] + 100 * (frame["region"] == "n"))
    one, other = (effect(this, estimator=name, strata="region") for this in (frame, moved))
    assert other.estimate == pytest.approx(one.estimate, abs=1e-8)
    assert (other.se, other.p_value) == (pytest.approx(one.se, rel=1e-7), pytest.approx(one.p_value, rel=1e-7))


def test_degrees_of_freedom_are_clusters_less_strata_less_one():
    frame = trial().assign(region=lambda f: f["clinic"].map(dict(zip(range(10), [0, 0, 1, 1, 2, 2, 3, 3, 3, 3]))))
    assert effect(frame, estimator="cluster_means", strata="region").df == 10 - 4 - 1


@pytest.mark.parametrize("name", METHODS)
def test_labels_are_columns_against_the_first_level(name):
    frame = trial(rows=8).assign(site=lambda f: np.where(f["x"] > 0.3, "town", np.where(f["x"] > -0.5, "city", "farm")))
    dummies = frame.assign(a=(frame["site"] == "farm") * 1.0, b=(frame["site"] == "town") * 1.0)
    expected = effect(dummies, estimator=name, covariates=["a", "b"])
    text = effect(frame, estimator=name, covariates=["site"])
    ordered = frame.assign(site=pd.Categorical(frame["site"], ["town", "none", "farm", "city"]))
    category = effect(ordered, estimator=name, covariates=["site"])
    for found in (text, category):
        assert found.estimate == pytest.approx(expected.estimate, rel=1e-9)
        # Fay and Graubard's correction alone depends on how a covariate is coded, and so on the reference level.
        assert (found.se, found.p_value) == pytest.approx(
            (expected.se, expected.p_value), rel=1e-3 if name == "gee" else 1e-8
        )
    assert (text.covariates, category.covariates) == (("site (reference city)",), ("site (reference town)",))


def test_a_row_without_a_label_is_left_out():
    frame = trial(rows=8).assign(site=lambda f: np.where(f["x"] > 0, "town", "city"))
    holes = frame.assign(site=frame["site"].where(frame.index != 3).astype("category"))
    assert effect(holes, covariates=["site"]).n_dropped == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f["x"].astype(object), r"numbers as objects; convert it with \.astype\(float\)"),
        (lambda f: f["x"].map(lambda v: Decimal(str(v))), r"numbers as objects; convert it with \.astype\(float\)"),
        (lambda f: (f["x"] > 0).astype(object), r"true and false as objects; convert it with \.astype\('boolean'\)"),
        (lambda f: f["x"].astype(str), r"numbers as text; convert it with \.astype\(float\)"),
        (lambda f: pd.Series(["a", 1.0] * 25), "is not numeric$"),
        (lambda f: pd.Series(["a"] * 50), "covariate 'x' is constant"),
        (lambda f: f["region"], r"covariate 'x\[s\]' is a linear combination of the arm, the strata"),
    ],
)
def test_columns_that_are_neither_numbers_nor_labels_are_refused(change, message):
    frame = trial()
    with pytest.raises(ValueError, match=message):
        effect(frame.assign(x=change(frame)), covariates=["x"], strata="region")


def test_an_outcome_of_objects_is_refused_with_its_conversion():
    with pytest.raises(ValueError, match=r"'y' is not numeric: it holds numbers as objects"):
        effect(trial().assign(y=lambda f: f["y"].map(lambda v: Decimal(str(v)))))


def test_other_functions_take_strata_too():
    frame = trial(rows=6)
    weighted = weighted_effect(frame, "y", weights=np.ones(len(frame)), strata="region", **ROLES)
    assert weighted.estimate == pytest.approx(effect(frame, strata="region").estimate)
    assert weighted.se == pytest.approx(effect(frame, strata="region").se)
    assert leave_one_out(frame, "y", strata="region", **ROLES).estimate == pytest.approx(weighted.estimate)
