"""The randomisation test against brute force, R's coin, and its own symmetries."""

from fractions import Fraction

import brute_force
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustertrials.randomisation import adjusted_randomisation_test, randomisation_test
from clustertrials.randomisation import allocations as allocations_module

SLOW = settings(max_examples=40, deadline=None, derandomize=True)


@st.composite
def designs(draw, smallest=4, largest=12, with_strata=True):
    """A small trial: values as exact fractions (binary, few levels, or all different), arms, strata, weights."""
    size = draw(st.integers(smallest, largest))
    kind = draw(st.sampled_from(["binary", "levels", "continuous"]))
    whole = {"binary": st.integers(0, 1), "levels": st.integers(-3, 3), "continuous": st.integers(-(10**6), 10**6)}
    scale = draw(st.sampled_from([1, 7, 997]))
    values = [Fraction(v, scale) for v in draw(st.lists(whole[kind], min_size=size, max_size=size))]
    n_strata = draw(st.integers(1, 3)) if with_strata else 1
    strata = draw(st.lists(st.integers(0, n_strata - 1), min_size=size, max_size=size))
    treated = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    weights = [Fraction(w) for w in draw(st.lists(st.integers(1, 9), min_size=size, max_size=size))]
    return values, treated, strata, weights


def informative(values, treated, strata):
    """Whether some stratum has both arms and different values."""
    groups = {s: [(v, z) for v, z, t in zip(values, treated, strata) if t == s] for s in set(strata)}
    return any(len({z for _, z in g}) == 2 and len({v for v, _ in g}) > 1 for g in groups.values())


def check(result_of, values, weights, treated, strata, statistic):
    """Compare the three p-values and both limits with brute force."""
    upper, lower, both, total = brute_force.counts(values, weights, treated, strata, statistic)
    for alternative, count in (("greater", upper), ("less", lower), ("two-sided", both)):
        result = result_of(alternative=alternative, interval=False)
        assert result.exact and result.n_allocations == total
        assert result.p_value == count / total
    result = result_of(level=0.8)
    allowed = int(Fraction(total, 10))
    spread = Fraction(max(values) - min(values)) / 1000
    for end, side in ((result.ci_low, 0), (result.ci_high, 1)):
        if np.isinf(end):
            continue
        outward = -spread if side == 0 else spread
        inner = brute_force.counts(values, weights, treated, strata, statistic, Fraction(end) - outward)
        outer = brute_force.counts(values, weights, treated, strata, statistic, Fraction(end) + outward)
        assert inner[side] > allowed >= outer[side]
    if allowed == 0:
        assert (result.ci_low, result.ci_high) == (-np.inf, np.inf)


def floats(numbers):
    return np.array([float(n) for n in numbers])


@SLOW
@given(designs())
def test_unweighted_difference_equals_brute_force(design):
    values, treated, strata, _ = design
    if not informative(values, treated, strata):
        with pytest.raises(ValueError, match="treated|values"):
            randomisation_test(floats(values), treated, strata=strata)
        return

    def result_of(**options):
        return randomisation_test(floats(values), treated, strata=strata, **options)

    check(result_of, values, [Fraction(1)] * len(values), treated, strata, brute_force.coefficient)


@SLOW
@given(designs(largest=10))
def test_weighted_difference_equals_brute_force(design):
    values, treated, strata, weights = design
    if not informative(values, treated, strata):
        return

    def result_of(**options):
        return randomisation_test(floats(values), treated, weights=floats(weights), strata=strata, **options)

    check(result_of, values, weights, treated, strata, brute_force.coefficient)


@SLOW
@given(designs(smallest=5, largest=9, with_strata=False))
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


def test_adjusted_interval_is_where_the_test_stops_rejecting():
    rng = np.random.default_rng(5)
    cluster = np.repeat(np.arange(10), rng.integers(3, 9, 10))
    treated = cluster % 2 == 0
    x = rng.normal(size=len(cluster))
    y = 0.5 * x + treated + rng.normal(size=len(cluster))
    result = adjusted_randomisation_test(y, x, cluster=cluster, treated=treated, level=0.9)
    for end, alternative in ((result.ci_low, "greater"), (result.ci_high, "less")):
        outward = -1e-5 if alternative == "greater" else 1e-5
        p_values = [
            adjusted_randomisation_test(
                y - shift * treated, x, cluster=cluster, treated=treated, alternative=alternative, interval=False
            ).p_value
            for shift in (end + outward, end - outward)
        ]
        assert p_values[0] <= 0.05 < p_values[1]


def test_welch_has_a_p_value_and_no_interval():
    result = randomisation_test([5.0, 6.0, 7.0, 1.0, 2.0, 3.5], [1, 1, 1, 0, 0, 0], statistic="welch")
    assert result.p_value == 0.1 and result.ci_low is result.ci_high is None


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


def test_equal_weights_give_the_unweighted_answer():
    plain = randomisation_test(MEANS, ARM)
    weighted = randomisation_test(MEANS, ARM, weights=np.full(29, 7.0), interval=False)
    assert weighted.p_value == plain.p_value
    assert weighted.statistic == pytest.approx(plain.statistic, rel=1e-12)


def test_shift_scale_order_and_swapped_arms():
    rng = np.random.default_rng(3)
    y, treated, weights = rng.normal(size=13), np.arange(13) < 6, rng.integers(2, 20, 13)
    strata, order = np.arange(13) % 2, rng.permutation(13)
    base = randomisation_test(y, treated, weights=weights, strata=strata)
    moved = randomisation_test(5.0 + 3.0 * y, treated, weights=weights, strata=strata)
    mixed = randomisation_test(y[order], treated[order], weights=weights[order], strata=strata[order])
    swapped = randomisation_test(y, ~treated, weights=weights, strata=strata)
    assert base.p_value == moved.p_value == mixed.p_value == swapped.p_value
    ends = np.array([base.ci_low, base.ci_high])
    assert [moved.ci_low, moved.ci_high] == pytest.approx(3.0 * ends, abs=1e-5)
    assert [mixed.ci_low, mixed.ci_high] == pytest.approx(ends, abs=1e-5)
    assert [-swapped.ci_high, -swapped.ci_low] == pytest.approx(ends, abs=1e-5)


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


def test_an_observed_difference_of_zero_has_p_one():
    assert randomisation_test([1.0, 3.0, 2.0, 2.0], [1, 1, 0, 0]).p_value == 1.0


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
