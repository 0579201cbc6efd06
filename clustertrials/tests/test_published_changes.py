"""Limits of a change's spread: against every possible set of 0/1 pairs, known correlations, and scipy's paired test."""

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from clustertrials.published import change_limits, half_unit, recomputed_p_of_change, share_change_limits, share_sd


@pytest.mark.parametrize("yes", range(8))
def test_sd_of_a_share_is_that_of_its_values(yes):
    values = np.repeat([1, 0], [yes, 7 - yes])
    assert share_sd(yes / 7, 7) == pytest.approx(values.std(ddof=1))


def test_limits_of_a_share_are_those_of_all_its_tables():
    """Every two-by-two table of nine units, grouped by its margins."""
    spreads = {}
    for kept, gained, lost in itertools.product(range(10), repeat=3):
        if kept + gained + lost > 9:
            continue
        change = np.repeat([0, 1, -1], [9 - gained - lost, gained, lost])
        spreads.setdefault((kept + lost, kept + gained), []).append(change.std(ddof=1))
    for (before, after), sds in spreads.items():
        limits = share_change_limits(before / 9, after / 9, 9)
        assert (limits.low, limits.high) == pytest.approx((min(sds), max(sds)), abs=1e-7)
        assert limits.low - 1e-7 <= limits.unrelated <= limits.high + 1e-7


def test_rounding_only_widens():
    for before, after in itertools.product(np.linspace(0, 1, 21), repeat=2):
        printed = [round(share, 1) for share in (before, after)]
        exact, wide = share_change_limits(before, after, 50), share_change_limits(*printed, 50, decimals=1)
        assert wide.low <= exact.low + 1e-9 and exact.high <= wide.high + 1e-9


def test_limits_of_scores_are_those_of_correlations_of_one():
    scores = np.array([1.0, 2, 4, 7])
    limits = change_limits(scores.std(ddof=1), (2 * scores).std(ddof=1))
    assert limits.low == pytest.approx((2 * scores - scores).std(ddof=1))
    assert limits.high == pytest.approx((2 * scores + scores).std(ddof=1))
    rounded = change_limits(1.0, 1.05, decimals=1), change_limits(1.0, 2.0, decimals=1)
    assert rounded[0].low == 0 and (rounded[1].low, rounded[1].high) == pytest.approx((0.9, 3.1))


@pytest.mark.parametrize("seed", range(4))
def test_the_p_value_of_data_lies_in_its_limits(seed):
    generator = np.random.default_rng(seed)
    before = generator.integers(0, 2, 60)
    after = np.where(generator.random(60) < 0.3, 1, before)
    p_value = stats.ttest_rel(after, before).pvalue
    limits = share_change_limits(before.mean(), after.mean(), 60)
    found = recomputed_p_of_change(before.mean(), after.mean(), 60, limits, printed=p_value, p_decimals=12)
    assert found.is_consistent and found.low - 1e-12 <= p_value <= found.high < 1
    for wrong in (found.low / 3, found.high * 1.1):
        other = recomputed_p_of_change(before.mean(), after.mean(), 60, limits, printed=wrong, p_decimals=12)
        assert not other.is_consistent


def test_a_bound_fits_if_the_smallest_possible_p_does():
    limits = share_change_limits(0.5, 0.6, 100)
    numbers = (0.5, 0.6, 100, limits)
    for p_value, expected in ((0.9, True), (0.01, True), (0.0001, False)):
        found = recomputed_p_of_change(*numbers, printed=p_value, p_decimals=4, is_bound=True)
        assert found.is_consistent is expected
    assert not recomputed_p_of_change(*numbers, printed=0.9, p_decimals=4).is_consistent


def test_no_spread_and_a_change_is_a_p_of_zero():
    limits = share_change_limits(0.0, 1.0, 20)
    assert limits.high == 0 and recomputed_p_of_change(0, 1, 20, limits, printed=0.001, p_decimals=3).high == 0
    still = recomputed_p_of_change(0, 0, 20, share_change_limits(0, 0, 20), printed=1, p_decimals=2)
    assert (still.low, still.high) == (1, 1)


def test_half_unit():
    assert (half_unit(None), half_unit(0), half_unit(2)) == (0, 0.5, 0.005)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (lambda: share_sd(1.2, 10), "share must lie"),
        (lambda: share_sd(0.5, 1), "n be at least 2"),
        (lambda: share_change_limits(0.5, math.nan, 10), "share must lie"),
        (lambda: change_limits(-1, 2), "finite and not negative"),
        (lambda: change_limits(1, math.inf), "finite and not negative"),
        (
            lambda: recomputed_p_of_change(0, 1, 1, change_limits(1, 1), printed=0.5, p_decimals=1),
            "n must be at least 2",
        ),
    ],
)
def test_what_cannot_be_is_refused(call, said):
    with pytest.raises(ValueError, match=said):
        call()
