"""Leave-one-out and recruitment diagnostics, against loops by another routine and every allocation written out."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from clustertrials.estimators import estimate_effect
from clustertrials.influence import leave_one_out, recruitment_diagnostics
from clustertrials.mixed import simulate_power
from clustertrials.simulation_study import Scenario, simulate_estimators
from clustertrials.weighting import inverse_probability_weights

ROLES = {"arm": "arm", "cluster": "clinic", "treated": "new"}


def trial(seed=1, clinics=12, rows=6):
    generator = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(clinics), rows)
    return pd.DataFrame(
        {
            "clinic": clinic,
            "arm": np.where(clinic % 2, "new", "usual"),
            "new": clinic % 2,
            "x": generator.normal(size=len(clinic)),
            "age": generator.integers(20, 60, len(clinic)),
            "y": generator.normal(size=len(clinic)) + generator.normal(0, 0.4, clinics)[clinic],
        }
    )


@pytest.mark.parametrize("covariates", [[], ["x"]])
def test_shift_and_signs_by_another_routine(covariates):
    frame = trial()

    def fitted(rows):
        return sm.OLS(rows["y"], sm.add_constant(rows[["new", *covariates]])).fit().params["new"]

    whole, without = fitted(frame), np.array([fitted(frame[frame["clinic"] != k]) for k in range(12)])
    found = leave_one_out(frame, "y", covariates=covariates, **ROLES)
    assert found.estimate == pytest.approx(whole) and found.n_clusters == 12
    assert found.largest_shift == pytest.approx(np.abs(without - whole).max() / found.se)
    assert found.n_sign_changes == (without * whole < 0).sum()
    assert not set(vars(found).values()) & set(without), "an effect without one clinic shows that clinic"


def test_one_clinic_that_makes_the_answer():
    """Clinic 1 alone lifts the new arm: without it the estimate turns."""
    frame = trial()
    frame["y"] += np.where(frame["clinic"] == 1, 12.0, 0) - 1.5 * frame["new"]
    found = leave_one_out(frame, "y", **ROLES)
    assert found.n_sign_changes == 1 and found.n_significance_changes == 1
    assert found.largest_shift > 0.9


def test_an_answer_that_hangs_on_none():
    found = leave_one_out(trial(clinics=20).assign(y=lambda f: f["y"] + 5 * f["new"]), "y", **ROLES)
    assert (found.n_sign_changes, found.n_significance_changes, found.n_clusters) == (0, 0, 20)


def test_an_clinic_without_an_outcome_is_not_left_out():
    frame = trial()
    holes = frame.assign(y=frame["y"].mask(frame["clinic"] == 4))
    assert leave_one_out(holes, "y", **ROLES) == leave_one_out(frame[frame["clinic"] != 4], "y", **ROLES)


@pytest.mark.parametrize(
    "change, arguments, message",
    [
        (lambda f: f[f["clinic"] < 9], {}, "^with one 'clinic' left out: .*an arm has 3 cluster"),
        (lambda f: f.assign(w=f["clinic"] == 3), {"covariates": ["w"]}, "^with one 'clinic' left out: covariate 'w'"),
        (lambda f: f, {"covariates": "x"}, "^covariates must be a list of column names; got str"),
        (lambda f: f.drop(columns="y"), {}, "^column 'y' is not in the frame"),
        (lambda f: f, {"estimator": "ols"}, "^estimator must be one of"),
    ],
)
def test_leave_one_out_refuses(change, arguments, message):
    with pytest.raises(ValueError, match=message):
        leave_one_out(change(trial()), "y", **(ROLES | arguments))


# --- recruitment ---


def by_hand(means, treated):
    """Difference, and the share of all allocations at least as far from zero."""
    means, size = np.asarray(means, dtype=float), int(np.sum(treated))

    def difference(chosen):
        return means[list(chosen)].mean() - np.delete(means, list(chosen)).mean()

    observed = difference(np.flatnonzero(treated))
    every = [abs(difference(chosen)) for chosen in combinations(range(len(means)), size)]
    return observed, np.mean(np.array(every) >= abs(observed) - 1e-9), len(every)


@st.composite
def recruited(draw):
    """Clinics of unequal size, some with gaps in a characteristic, with ties."""
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    clinic = np.repeat(np.arange(9), generator.integers(1, 6, 9))
    arm = (generator.permutation(9) < draw(st.integers(2, 7)))[clinic]
    age = generator.integers(1, 4, len(clinic)) * 1.0
    age[generator.random(len(clinic)) < draw(st.sampled_from([0, 0.3]))] = np.nan
    return pd.DataFrame({"clinic": clinic, "arm": np.where(arm, "new", "usual"), "age": age})


@settings(max_examples=40, deadline=None, derandomize=True)
@given(recruited())
def test_every_allocation_written_out(frame):
    try:
        found = recruitment_diagnostics(frame, ["age"], **ROLES)
    except ValueError as problem:
        assert "nobody with a value" in str(problem)
        return
    for row, column in zip(found, ("clinic", "age")):
        groups = frame.dropna(subset=[column]).groupby("clinic")[column]
        values = groups.size() if column == "clinic" else groups.mean()
        arms = frame.groupby("clinic")["arm"].first()[values.index] == "new"
        difference, p_value, count = by_hand(values, arms)
        assert row.difference == pytest.approx(difference, abs=1e-12)
        assert (row.p_value, row.n_allocations, row.exact) == (pytest.approx(p_value), count, True)
        assert row.mean_treated - row.mean_other == pytest.approx(difference, abs=1e-12)
        assert (row.n_units, row.n_clusters) == (frame[column].notna().sum(), len(values))


def test_clinics_alike_have_p_one():
    """Also where rounding tells them apart: the mean of three or six times 0.1 is not 0.1."""
    frame = trial(clinics=8).assign(age=7.1)
    frame["fee"] = np.where(frame.index % 6 < 2 + frame["clinic"] % 5, 0.1, np.nan)
    assert frame.groupby("clinic")["fee"].mean().nunique() > 1
    for row in recruitment_diagnostics(frame, ["age", "fee"], **ROLES):
        assert (row.difference, row.p_value, row.n_allocations, row.exact, row.n_clusters) == (0, 1, 70, True, 8)


def test_too_many_allocations_need_a_generator_and_say_so():
    frame = trial(clinics=100, rows=2)
    with pytest.raises(ValueError, match="too many to count"):
        recruitment_diagnostics(frame, ["x"], **ROLES)
    sizes, row = recruitment_diagnostics(frame, ["x"], rng=np.random.default_rng(1), **ROLES)
    assert not row.exact and sizes.exact and sizes.p_value == 1 and 0 < row.p_value < 1


@pytest.mark.parametrize(
    "change, characteristics, message",
    [
        (lambda f: f, "age", "characteristics must be a list of column names; got str"),
        (lambda f: f, ["age", "age"], "used in two roles"),
        (lambda f: f.assign(arm=f["arm"].where(f.index != 0)), ["age"], "'arm' has a missing value"),
        (lambda f: f.assign(clinic=f["clinic"].where(f.index != 0)), ["age"], "'clinic' has a missing value"),
        (lambda f: f.assign(x=f["x"].where(f["arm"] == "new")), ["x"], "'x': an arm has nobody with a value"),
        (lambda f: f.assign(x=np.nan), ["x"], "'x': an arm has nobody with a value"),
    ],
)
def test_recruitment_refuses(change, characteristics, message):
    with pytest.raises(ValueError, match=message):
        recruitment_diagnostics(change(trial()), characteristics, **ROLES)


def test_significance_is_that_of_the_p_value():
    """Rare events: six clinics an arm with one event each in three; one-sided p .11, so 0 is the lower limit."""
    frame = pd.DataFrame({"clinic": np.repeat(range(12), 10), "arm": np.repeat([1] * 6 + [0] * 6, 10)})
    frame["y"] = 0
    frame.loc[[0, 10, 20], "y"] = 1
    asked = {"arm": "arm", "cluster": "clinic", "treated": 1, "estimator": "randomisation"}
    effect = estimate_effect(frame, "y", **asked)
    assert effect.ci_low == 0.0 and effect.p_value == pytest.approx(2 / 11) and not effect.is_significant
    without = [estimate_effect(frame[frame["clinic"] != k], "y", **asked).p_value <= 0.05 for k in range(12)]
    assert leave_one_out(frame, "y", **asked).n_significance_changes == sum(without) == 0
    assert replace(effect, p_value=2 / 20, level=0.9).is_significant


def test_where_arms_differ_in_size_significance_is_still_that_of_the_p_value():
    """The two-sided test looks at both tails together, the interval at each: without clinic 6 p is .043, the limit 0."""
    means = np.array([1.0, 3.1, 0.1, 0.2, 0.7, 1.0, 3.2, 0.5, 3.3, 0.9, 0.0, 0.2, 0.6])
    frame = pd.DataFrame({"clinic": np.repeat(range(13), 2), "arm": np.repeat([1] * 5 + [0] * 8, 2)})
    frame["y"] = means[frame["clinic"]] + 1.5 * frame["arm"] + [0, 0.1] * 13
    asked = {"arm": "arm", "cluster": "clinic", "treated": 1, "estimator": "randomisation"}
    without = [estimate_effect(frame[frame["clinic"] != k], "y", **asked) for k in range(13)]
    assert [k for k, one in enumerate(without) if one.p_value <= 0.05] == [6, 8]
    assert [k for k, one in enumerate(without) if one.ci_low > 0] == [8]
    assert leave_one_out(frame, "y", **asked).n_significance_changes == 2


def test_a_generator_of_names_and_a_seed_are_refused():
    frame = pd.DataFrame({"y": range(16), "x": [1, 2, 5, 4] * 4, "arm": [0, 1] * 8, "clinic": list(range(8)) * 2})
    asked = {"arm": "arm", "cluster": "clinic", "treated": 1}
    once = (name for name in ["x"])  # read by a check, it would be empty when it is used
    for role, call in {
        "covariates": lambda: estimate_effect(frame, "y", covariates=once, **asked),
        "characteristics": lambda: recruitment_diagnostics(frame, once, **asked),
        "predictors": lambda: inverse_probability_weights(frame, observed="arm", predictors=once),
    }.items():
        with pytest.raises(ValueError, match=f"{role} must be a list of column names; got generator"):
            call()
    truth = Scenario("schools", sizes=(9,) * 12, treated=6, icc=0.1, correlation=0.5)
    with pytest.raises(ValueError, match="estimators must be a list of estimators' names; got generator"):
        simulate_estimators(truth, once, replicates=2, seed=1)
    columns = frame[["x"]].columns
    assert estimate_effect(frame, "y", covariates=columns, **asked) == estimate_effect(
        frame, "y", covariates=["x"], **asked
    )
    assert next(once) == "x"
    with pytest.raises(TypeError, match="rng must be a generator"):
        estimate_effect(frame, "y", estimator="randomisation", rng=1, **asked)
    with pytest.raises(TypeError, match="rng must be a generator"):
        recruitment_diagnostics(frame, ["y"], rng=1, **asked)
    with pytest.raises(TypeError, match="rng must be a generator"):
        simulate_power(difference=1, clusters=(4, 4), sizes=[5] * 8, icc=0.1, rng=1, n_trials=5)
