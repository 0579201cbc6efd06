"""A grid of one's own trials and estimators, against what theory gives."""

from concurrent.futures import ProcessPoolExecutor
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from clustertrials import simulate_grid


def numbers(rng, effect, spread):
    return rng.normal(effect, spread, size=30)


def by_t(values):
    if values[0] > 1:
        raise ValueError("planted refusal")
    se = values.std(ddof=1) / 30**0.5
    middle, half = values.mean(), 2.045 * se
    p_value = 0.01 if abs(middle) > half else 0.5
    return SimpleNamespace(estimate=middle, se=se, p_value=p_value, ci_low=middle - half, ci_high=middle + half)


def too_narrow(values):
    return SimpleNamespace(**(vars(by_t(np.minimum(values, 1))) | {"ci_low": 5.0, "ci_high": 6.0}))


GRID = {"effect": [0.0, 0.5], "spread": [0.5, 1.0]}


def on_grid(**changed):
    asked = {"truth": lambda effect, spread: effect, "replicates": 300, "seed": 4} | changed
    return simulate_grid(numbers, {"t": by_t, "narrow": too_narrow}, GRID, **asked)


def test_a_grid_of_own_trials_and_own_estimators_has_the_numbers_that_theory_gives():
    found = on_grid()
    assert found[["effect", "spread"]].drop_duplicates().values.tolist() == [[0, 0.5], [0, 1], [0.5, 0.5], [0.5, 1]]
    own = found[found["estimator"] == "t"]
    assert (own["truth"] == own["effect"]).all() and (own["trials"] == 300).all() and (own["refused"] > 0).all()
    np.testing.assert_allclose(own["sd_estimate"], own["spread"] / 30**0.5, rtol=0.2)
    assert (abs(own["covered"] - 0.95) < 4 * own["covered_se"] + 0.02).all()
    assert own["rejected_is"].tolist() == ["type-I error"] * 2 + ["power"] * 2
    assert (own["rejected"] > 0.6).tolist() == [False, False, True, True]
    for name in ("rejected", "covered"):
        shares = own[name] * (1 - own[name])
        np.testing.assert_allclose(own[f"{name}_se"], (shares / (300 - own["refused"])) ** 0.5)
    assert (found.loc[found["estimator"] == "narrow", "covered"] == 0).all()


def test_a_grid_does_not_depend_on_who_draws_it_nor_on_other_cells():
    whole = on_grid()
    with ProcessPoolExecutor(2) as pool:
        pd.testing.assert_frame_equal(on_grid(truth=0.0, mapper=pool.map), on_grid(truth=0.0))
    part = simulate_grid(numbers, {"t": by_t}, {"effect": [0.5], "spread": [1.0]}, truth=0.5, replicates=300, seed=4)
    assert part["mean_estimate"].item() == whole[whole["estimator"] == "t"]["mean_estimate"].iloc[-1]
    assert on_grid(seed=5)["bias"].iloc[0] != whole["bias"].iloc[0]
    never = simulate_grid(numbers, {"t": by_t}, {"effect": [99.0], "spread": [1.0]}, truth=0, replicates=3, seed=1)
    assert never["refused"].item() == 3 and never[["bias", "rejected", "covered_se"]].isna().all(axis=None)


@pytest.mark.parametrize(
    ("factors", "message"),
    [
        ({"bias": [0.1]}, "factor 'bias' has the name of a column"),
        ({"rng": [1]}, "factor 'rng' has the name"),
        ({"effect": "abc"}, "factor 'effect' must have a sequence"),
        ({"effect": [object()]}, "factor 'effect' must have a sequence"),
        ({"effect": 0.5}, "factor 'effect' must have a sequence"),
    ],
)
def test_factors_that_the_table_cannot_hold_are_refused(factors, message):
    with pytest.raises(ValueError, match=message):
        simulate_grid(numbers, {"t": by_t}, factors, truth=0.0, replicates=2, seed=1)


def test_a_trial_follows_from_the_values_of_its_cell_alone():
    values = {"effect": [0.5], "spread": [1.0]}
    asked = {"truth": 0.5, "replicates": 20, "seed": 4}
    (first,) = simulate_grid(numbers, {"t": by_t}, values, **asked)["mean_estimate"]
    for same in (dict(reversed(values.items())), {name: np.array(one) for name, one in values.items()}):
        assert simulate_grid(numbers, {"t": by_t}, same, **asked)["mean_estimate"].tolist() == [first]


def test_an_estimator_sees_its_own_copy_and_a_nan_is_no_answer():
    def spoils(data):
        found = by_t(data)
        data[:] = 0.0
        return found

    def half(data):
        return SimpleNamespace(**(vars(by_t(data)) | {"p_value": np.nan}))

    factors = {"effect": [0.5], "spread": [1.0]}
    found = simulate_grid(numbers, {"s": spoils, "t": by_t, "n": half}, factors, truth=0.5, replicates=5, seed=4)
    assert found["refused"].tolist() == [0, 0, 5] and found["mean_estimate"][0] == found["mean_estimate"][1]
