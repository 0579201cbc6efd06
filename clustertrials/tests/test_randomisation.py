"""The randomisation test against brute force, R's coin, and its own symmetries."""

import brute_force
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_randomisation_interval import designs, floats

from clustertrials.randomisation import adjusted_randomisation_test, randomisation_test
from clustertrials.randomisation import allocations as allocations_module

SLOW = settings(max_examples=40, deadline=None, derandomize=True)


@SLOW
@given(designs(most_strata=1))
def test_welch_equals_brute_force(design):
    values, treated, strata, weights = design
    arms = [{v for v, z in zip(values, treated) if z is flag} for flag in (True, False)]
    if min(sum(treated), len(treated) - sum(treated)) < 2 or max(map(len, arms)) < 2:
        with pytest.raises(ValueError, match="treated|values"):
            randomisation_test(floats(values), treated, statistic="welch")
        return
    found = brute_force.counts(values, weights, treated, strata, brute_force.signed_square_of_welch)
    for position, alternative in enumerate(("greater", "less", "two-sided")):
        result = randomisation_test(floats(values), treated, statistic="welch", alternative=alternative, interval=False)
        assert result.p_value == found[position] / found[3]


@SLOW
@given(st.integers(0, 10**6), st.integers(5, 9), st.integers(1, 2), st.booleans())
def test_adjusted_coefficient_equals_brute_force(seed, size, n_strata, rounded):
    rng = np.random.default_rng(seed)
    treated = np.zeros(size, dtype=bool)
    treated[: size // 2] = True
    strata = rng.permutation(np.arange(size) % n_strata)
    cluster = np.repeat(np.arange(size), rng.integers(1, 6, size))
    covariates = rng.normal(size=(len(cluster), rng.integers(1, 3)))
    outcome = covariates.sum(axis=1) + rng.normal(size=len(cluster)) + treated[cluster]
    outcome = (outcome > 0).astype(float) if rounded else outcome
    if len(cluster) < size + 4 or len(set(outcome)) < 2 or (rounded and len(cluster) < 20):
        return
    every, observed = brute_force.adjusted_coefficients(outcome, covariates, cluster, treated, strata)
    if len(every) < 2:
        return
    result = adjusted_randomisation_test(
        outcome, covariates, cluster=cluster, treated=treated[cluster], strata=strata[cluster], interval=False
    )
    assert result.statistic == pytest.approx(observed, abs=1e-9)
    assert result.p_value == np.mean(np.abs(every) >= abs(observed) - 1e-9)


@pytest.mark.parametrize("offset", [0, 1e6, 1e9])
def test_an_adjusted_p_value_far_from_zero_is_the_one_near_it(offset):
    # 50 of 70 by fractions.
    y, x = offset + np.array([0.4, 0.6, 0.4, 0, 0.2, 0.6, 0, 0.6]), [0, 0, 1, 0, 1, 0, 2, 0]
    assert adjusted_randomisation_test(y, x, cluster=range(8), treated=[1] * 4 + [0] * 4).p_value == 50 / 70


def test_many_units_far_from_zero_have_the_adjusted_p_value_of_those_near_it():
    """Sums of 960 numbers of 1e9 lose more than the rounding of the input, so they are counted from a middle one."""
    rng = np.random.default_rng(0)
    for _ in range(8):
        cluster = np.repeat(np.arange(8), 30 * rng.permutation([2, 3, 3, 4, 4, 5, 5, 6]))
        y, x = 0.2 * rng.integers(0, 2, len(cluster)), rng.integers(0, 3, len(cluster))
        near, *far = (
            adjusted_randomisation_test(y + offset, x, cluster=cluster, treated=cluster < 4, interval=False).p_value
            for offset in (0, 1e6, 1e9)
        )
        assert far == [near, near]


def test_welch_has_a_p_value_and_no_interval_and_takes_strata():
    values = [5.0, 6.0, 7.0, 1.0, 2.0, 3.5]
    result = randomisation_test(values, [1, 1, 1, 0, 0, 0], statistic="welch")
    assert result.p_value == 0.1 and result.ci_low is result.ci_high is None
    pairs = randomisation_test(values, [1, 0, 1, 0, 1, 0], statistic="welch", strata=list("aabbcc"))
    assert pairs.n_allocations == pairs.n_counted == 8


# R 4.2.2, coin 1.4-2: oneway_test(v ~ g, distribution = exact("split-up")), and with | b and exact("shift").
MEANS = np.array(
    [31, 44, 52, 38, 47, 29, 55, 41, 36, 60, 33, 49, 45, 58, 40, 27, 35, 50, 43, 39, 62, 30, 46, 37, 53, 42, 34, 48, 57]
)
ARM = np.array([1, 0, 1, 1, 0, 0, 1, 0, 1, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1])


@pytest.mark.parametrize("scale", [1, 8, 7.3])
@pytest.mark.parametrize("alternative, count", [("two-sided", 447_696), ("greater", 228_930), ("less", 77_358_726)])
def test_counts_of_coin_to_the_last_allocation(scale, alternative, count):
    result = randomisation_test(MEANS / scale, ARM, alternative=alternative, interval=False)
    assert round(result.p_value * 77_558_760) == count
    assert result.n_allocations == 77_558_760


def test_stratified_counts_of_coin_to_the_last_allocation():
    result = randomisation_test(MEANS, ARM, strata=np.repeat(list("abcd"), [6, 8, 5, 10]), interval=False)
    assert (round(result.p_value * result.n_allocations), result.n_allocations) == (31_227, 2_822_400)


def test_many_strata_are_counted_by_their_halves():
    pairs = np.repeat(np.arange(40), 2)
    y = np.where(np.arange(80) % 2 == 0, 1.0, 0.0) + np.repeat(np.linspace(0.0, 3.0, 40), 2)
    result = randomisation_test(y, np.arange(80) % 2 == 0, strata=pairs, interval=False)
    assert result.n_allocations == 2**40
    assert result.p_value == 2 / 2**40


def test_monte_carlo_says_so_and_agrees_with_the_exact_answer(monkeypatch):
    exact = randomisation_test(MEANS, ARM)
    monkeypatch.setattr(allocations_module, "MOST_ROWS", 1000)
    monkeypatch.setattr(allocations_module, "MOST_ALLOCATIONS", 1000)
    with pytest.raises(ValueError, match="give rng="):
        randomisation_test(MEANS, ARM)
    strata = np.repeat(list("abcd"), [6, 8, 5, 10])
    inside = randomisation_test(MEANS, ARM, strata=strata, interval=False, rng=np.random.default_rng(3))
    assert abs(inside.p_value - 31_227 / 2_822_400) < 4 * inside.p_value_se
    for weights in (None, np.full(29, 2.0)):
        rng = np.random.default_rng(11)
        sampled = randomisation_test(MEANS, ARM, weights=weights, rng=rng, n_draws=9_999)
        assert not sampled.exact and sampled.n_counted == 10_000 and "Monte Carlo" in sampled.method
        assert sampled.n_allocations == 77_558_760
        assert sampled.p_value_se == pytest.approx((sampled.p_value * (1 - sampled.p_value) / 10_000) ** 0.5)
        assert abs(sampled.p_value - exact.p_value) < 4 * sampled.p_value_se
        assert sampled.ci_low == pytest.approx(exact.ci_low, abs=0.4)
        assert sampled.ci_high == pytest.approx(exact.ci_high, abs=0.4)


def test_monte_carlo_counts_the_observed_allocation():
    y = np.concatenate([np.zeros(40), np.ones(40)])
    result = randomisation_test(y, y == 1, interval=False, rng=np.random.default_rng(1), n_draws=999)
    assert result.p_value == 1 / 1000


@pytest.mark.parametrize(
    "change, message",
    [
        ({"values": [1.0, np.nan, 2.0, 3.0]}, "values: a number is missing"),
        ({"treated": [1, 0, 2, 0]}, "treated: must hold one true/false"),
        ({"treated": [1, 0, 1]}, "treated: must hold one"),
        ({"treated": [1, 1, 1, 1]}, "treated: no stratum"),
        ({"values": [1.0, 1.0, 1.0, 1.0]}, "values: nothing varies"),
        ({"weights": [1.0, 0.0, 1.0, 1.0]}, "weights: must hold one positive"),
        ({"strata": ["a", None, "a", "a"]}, "strata: must hold one label"),
        ({"strata": [1, 2, 1, 2]}, "no stratum has clusters of both arms"),
        ({"alternative": "bigger"}, "alternative must be"),
        ({"statistic": "median"}, "statistic must be"),
        ({"level": 1.0}, "level must be"),
        ({"statistic": "welch", "weights": [1.0, 2.0, 1.0, 1.0]}, "welch takes one outcome"),
    ],
)
def test_what_cannot_be_answered_is_refused(change, message):
    arguments = {"values": [1.0, 2.0, 3.0, 5.0], "treated": [1, 0, 1, 0], **change}
    with pytest.raises(ValueError, match=message):
        randomisation_test(arguments.pop("values"), arguments.pop("treated"), **arguments)


@pytest.mark.parametrize(
    "change, message",
    [
        ({"treated": [1, 0, 1, 1, 0, 0, 0, 0]}, "treated: not the same"),
        ({"strata": [1, 2, 1, 1, 1, 1, 1, 1]}, "strata: not the same"),
        ({"covariates": np.ones(8)}, "covariates: column 0"),
        ({"covariates": np.column_stack([np.arange(8.0), 2 * np.arange(8.0) + 1])}, "covariates: column 1"),
        ({"covariates": np.array([1.0, 1, 1, 1, 0, 0, 0, 0])}, "determine the arm"),
        ({"outcome": np.full(8, 3.0)}, "outcome: the strata and covariates leave nothing"),
    ],
)
def test_what_cannot_be_adjusted_is_refused(change, message):
    arguments = {
        "outcome": np.array([1.0, 2, 4, 3, 2, 6, 5, 5]),
        "covariates": np.array([1.0, 0, 2, 1, 3, 1, 0, 2]),
        "cluster": list("aabbccdd"),
        "treated": [1, 1, 1, 1, 0, 0, 0, 0],
        **change,
    }
    with pytest.raises(ValueError, match=message):
        adjusted_randomisation_test(arguments.pop("outcome"), arguments.pop("covariates"), **arguments)


@pytest.mark.parametrize("change, error, message", [
    ({"rng": 1}, TypeError, "rng must be a generator such as numpy.random.default_rng"),
    ({"n_draws": 0}, ValueError, "n_draws must be at least 1, not 0"),
    ({"n_draws": 9.5}, TypeError, "n_draws must be a whole number"),
])  # fmt: skip
def test_a_seed_or_no_draws_are_refused_whether_or_not_a_sample_is_needed(change, error, message):
    few, many = np.arange(8) % 2, np.arange(400) % 2
    for arm in (few, many):
        with pytest.raises(error, match=message):
            randomisation_test(np.arange(len(arm)) ** 1.5, arm, **({"rng": np.random.default_rng(1)} | change))


def test_numbers_of_allocations_are_written_short():
    arm = np.arange(1000) % 2
    result = randomisation_test(np.arange(1000.0), arm, interval=False, rng=np.random.default_rng(1), n_draws=9)
    # comb(1000, 500) = 2.70288e299
    assert result.method == "Monte Carlo: 9 of the 2.7e+299 allocations of 500 treated among 1000 clusters"
