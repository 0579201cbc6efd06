"""Intervals of the randomisation test: a difference is excluded exactly if its own test rejects it, in fractions."""

from fractions import Fraction

import brute_force
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from clustertrials.randomisation import adjusted_randomisation_test, randomisation_test

SLOW = settings(max_examples=60, deadline=None, derandomize=True)
LEVELS = st.sampled_from([Fraction(8, 10), Fraction(9, 10), Fraction(95, 100)])


@st.composite
def designs(draw, smallest=5, largest=9, most_strata=3):
    """A trial with ties, rare events, a shift of the treated or none; far from zero or not."""
    size = draw(st.integers(smallest, largest))
    kind = draw(st.sampled_from(["binary", "rare", "levels", "means", "continuous"]))
    whole = {
        "binary": st.integers(0, 1),
        "rare": st.sampled_from([0, 0, 0, 0, 0, 1]),
        "levels": st.integers(-3, 3),
        "means": st.builds(Fraction, st.integers(0, 7), st.integers(3, 7)),
        "continuous": st.integers(-(10**6), 10**6),
    }[kind]
    scale = draw(st.sampled_from([1, 7, 10, 1000]))
    strata = draw(st.lists(st.integers(0, draw(st.integers(0, most_strata - 1))), min_size=size, max_size=size))
    treated = draw(st.lists(st.booleans(), min_size=size, max_size=size))
    effect = draw(st.sampled_from([Fraction(0), Fraction(0), Fraction(1, 3), Fraction(5)]))
    values = [Fraction(v) / scale + effect * z for v, z in
              zip(draw(st.lists(whole, min_size=size, max_size=size)), treated)]  # fmt: skip
    weights = [Fraction(w) for w in draw(st.lists(st.integers(1, 9), min_size=size, max_size=size))]
    groups = {s: [(v, z) for v, z, t in zip(values, treated, strata) if t == s] for s in set(strata)}
    assume(any(len({z for _, z in g}) == 2 and len({v for v, _ in g}) > 1 for g in groups.values()))
    return values, treated, strata, weights


def floats(numbers, offset=0):
    return np.array([float(n + offset) for n in numbers])


def check(found, level, result_of):
    """Limits are the steps, 0 is excluded exactly if its test rejects it, and so is any shift between steps."""
    result = result_of(level=float(level))
    allowed = int(len(found) * (1 - level) / 2)
    scale = max([1, *(abs(step) for step, turn in found if turn)])
    for side, end, step in zip((-1, 1), (result.ci_low, result.ci_high), brute_force.limits(found, level)):
        p_value = result_of(alternative="less" if side > 0 else "greater", interval=False).p_value
        count = brute_force.as_extreme(found, Fraction(0), side)
        assert p_value == count / len(found)
        if step is None:
            assert end == side * np.inf
        else:
            assert end == pytest.approx(float(step), rel=1e-9, abs=1e-9 * float(scale))
        if all(turn >= 0 for _, turn in found):
            assert (side * end < 0) == (count <= allowed)
        else:
            assert count <= allowed or side * end >= 0


@SLOW
@given(designs(), LEVELS)
def test_the_interval_of_a_difference(design, level):
    values, treated, strata, _ = design
    found = brute_force.steps(values, [Fraction(1)] * len(values), treated, strata)
    check(found, level, lambda **o: randomisation_test(floats(values), treated, strata=strata, **o))


@SLOW
@given(designs(), st.booleans())
def test_two_sided_p_values_count_every_allocation(design, weighted):
    values, treated, strata, weights = design
    weights = weights if weighted else [Fraction(1)] * len(values)
    *_, both, total = brute_force.counts(values, weights, treated, strata, brute_force.coefficient)
    options = {"weights": floats(weights)} if weighted else {}
    result = randomisation_test(floats(values), treated, strata=strata, interval=False, **options)
    assert (result.p_value, result.n_allocations, result.exact) == (both / total, total, True)


@SLOW
@given(designs(), LEVELS)
def test_the_interval_of_a_weighted_difference(design, level):
    values, treated, strata, weights = design
    found = brute_force.steps(values, weights, treated, strata)
    assert all(turn >= 0 for _, turn in found)  # so that the shifts not rejected are an interval
    check(found, level, lambda **o: randomisation_test(
        floats(values), treated, weights=floats(weights), strata=strata, **o))  # fmt: skip


@settings(max_examples=30, deadline=None, derandomize=True)
@given(designs(smallest=6, largest=8, most_strata=2), LEVELS, st.data())
def test_the_interval_of_an_adjusted_coefficient(design, level, data):
    values, treated, strata, _ = design
    sizes = data.draw(st.lists(st.integers(1, 3), min_size=len(values), max_size=len(values)))
    cluster = np.repeat(np.arange(len(values)), sizes)
    whole = st.lists(st.integers(-3, 3), min_size=len(cluster), max_size=len(cluster))
    covariates = [[Fraction(v)] for v in data.draw(whole)]
    outcome = [values[k] + Fraction(v, 2) for k, v in zip(cluster, data.draw(whole))]
    statistic = brute_force.least_squares(covariates, cluster)
    try:
        found = brute_force.steps(outcome, None, treated, strata, statistic)
    except StopIteration:  # strata and covariate determine the arm of some allocation
        assume(False)

    def result_of(**options):
        return adjusted_randomisation_test(
            floats(outcome), [[float(x) for x in row] for row in covariates], cluster=cluster,
            treated=np.array(treated)[cluster], strata=np.array(strata)[cluster], **options)  # fmt: skip

    check(found, level, result_of)


@SLOW
@given(designs(), st.sampled_from([10**3, 10**5, 10**6, 10**7, 10**9]), st.booleans())
def test_ties_far_from_zero_stay_ties(design, offset, weighted):
    values, treated, strata, weights = design
    assume(max(v.denominator for v in values) <= 10)
    weights = weights if weighted else [Fraction(1)] * len(values)
    found = brute_force.steps(values, weights, treated, strata)
    options = {"weights": floats(weights)} if weighted else {}
    for side, alternative in ((-1, "greater"), (1, "less")):
        result = randomisation_test(floats(values, offset), treated, strata=strata, level=0.8, alternative=alternative,
                                    **options)  # fmt: skip
        assert result.p_value == brute_force.as_extreme(found, Fraction(0), side) / len(found)
    rounding = 3e-16 * len(values) * (offset + 10 * float(max(map(abs, values))))
    for end, step, side in zip((result.ci_low, result.ci_high), brute_force.limits(found, Fraction(8, 10)), (-1, 1)):
        assert end == (side * np.inf if step is None else pytest.approx(float(step), abs=rounding))
        assert step != 0 or not side * end < 0


@pytest.mark.parametrize("weights", [None, [1, 1, 1, 1, 1, 1, 5]])
@pytest.mark.parametrize("offset", [0, 1e3, 1e6, 1e9])
def test_an_effect_that_explains_everything_has_a_finite_interval_far_from_zero(offset, weights):
    """Each arm has one value, so only rounding is left beside the effect; no step is as small as that."""
    values = offset + np.array([0, 0, 0, 0, 0, 1 / 3, 1 / 3])
    found = randomisation_test(values, [0, 0, 0, 0, 0, 1, 1], weights=weights, level=0.8)
    assert found.p_value == 1 / 21
    assert (found.ci_low, found.ci_high) == pytest.approx((1 / 3, 1 / 3), abs=1e-15 * max(1, offset))


def test_cluster_means_far_from_zero_have_the_p_of_those_near_it():
    # 2 of 70 by fractions, by R's coin, and by scipy.stats.permutation_test.
    means = np.array([6 / 7, 1, 6 / 7, 1, 1 / 3, 0, 4 / 5, 5 / 6])
    for offset in (0, 1e3, 1e5, 1e6, 1e7):
        assert randomisation_test(means + offset, [1] * 4 + [0] * 4).p_value == 2 / 70


@pytest.mark.parametrize("values", [[0.1] * 3 + [0] * 7, [0.2, 0.1] + [0] * 8, [3, 1] + [0] * 8, [0.05] * 2 + [0] * 8])
def test_rare_events_leave_no_difference_in_the_interval(values):
    # By fractions the one-sided p at 0 is .083, .25, .25 and .22, so 0 is the lower limit and belongs to it.
    result = randomisation_test(values, [1] * 5 + [0] * 5)
    assert result.ci_low == 0.0
    assert randomisation_test(values, [1] * 5 + [0] * 5, alternative="greater").p_value > 0.025


@settings(max_examples=40, deadline=None, derandomize=True)
@given(designs(smallest=6, largest=8), LEVELS, st.booleans(), st.data())
def test_simultaneous_intervals_exclude_zero_exactly_where_max_t_rejects(design, level, weighted, data):
    values, treated, strata, weights = design
    order = data.draw(st.permutations(range(len(values))))
    table = [values, [values[k] + Fraction(k % 3, 2) * treated[k] for k in order]]
    weights = weights if weighted else [Fraction(1)] * len(values)
    every = brute_force.allocations(treated, strata)
    observed = {k for k, z in enumerate(treated) if z}
    standard = []
    for row in table:
        sums = brute_force.score_sums(row, weights, strata, every)
        variance = sum(s * s for s in sums) / len(sums) - (sum(sums) / len(sums)) ** 2
        assume(variance)
        standard.append([brute_force.coefficient(row, weights, strata, a) ** 2 / variance for a in [*every, observed]])
    largest = [max(both) for both in zip(*standard)][:-1]
    p_values = [Fraction(sum(t >= row[-1] for t in largest), len(largest)) for row in standard]
    options = {"weights": floats(weights)} if weighted else {}
    result = randomisation_test(np.array([floats(row) for row in table]).T, treated, strata=strata,
                                level=float(level), **options)  # fmt: skip
    excluded = (result.simultaneous_low > 0) | (result.simultaneous_high < 0)
    assert excluded.tolist() == [p <= 1 - level for p in p_values]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(designs(), LEVELS, st.booleans(), st.integers(0, 10**6))
def test_a_shifted_trial_is_excluded_exactly_if_its_test_rejects(design, level, weighted, pick):
    """At a step itself, where rounding decides which side the shifted values fall on unless ties are kept."""
    values, treated, strata, weights = design
    weights = weights if weighted else [Fraction(1)] * len(values)
    found = brute_force.steps(values, weights, treated, strata)
    exact = found[pick % len(found)][0]
    moved = [v - exact * z for v, z in zip(values, treated)]
    both = [s for s in set(strata) if len({z for z, t in zip(treated, strata) if t == s}) == 2]
    assume(any(len({v for v, t in zip(moved, strata) if t == s}) > 1 for s in both))
    step = float(exact)
    options = {"weights": floats(weights)} if weighted else {}
    shifted = floats(values) - step * np.array(treated)
    result = randomisation_test(shifted, treated, strata=strata, level=float(level), **options)
    for alternative, excluded in (("greater", result.ci_low > 0), ("less", result.ci_high < 0)):
        p_value = randomisation_test(shifted, treated, strata=strata, alternative=alternative, interval=False,
                                     **options).p_value  # fmt: skip
        assert excluded == (p_value * len(found) <= int(len(found) * (1 - level) / 2) + 1e-6)
