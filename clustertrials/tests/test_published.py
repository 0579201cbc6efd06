"""What published summaries imply: against data that have those summaries, scipy, and every sum written out."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from clustertrials.intraclass import design_effect
from clustertrials.published import (
    between_arms,
    change_limits,
    grim,
    implied_sd_of_change,
    recomputed_p_of_change,
    share_change_limits,
    share_sd,
)


@pytest.mark.parametrize("seed", range(5))
def test_the_sd_of_the_data_comes_back(seed):
    generator = np.random.default_rng(seed)
    before = generator.normal(5, 2, 40)
    after = before + generator.normal(0.8, 1.5, 40)
    p_value = stats.ttest_rel(after, before).pvalue
    found = implied_sd_of_change(before.mean(), after.mean(), 40, p_value, level=0.9)
    assert found.sd == pytest.approx((after - before).std(ddof=1))
    assert found.sd_low == found.sd == found.sd_high and found.se == pytest.approx(found.sd / 40**0.5)
    assert (found.ci_low, found.ci_high) == pytest.approx(DescrStatsW(after - before).tconfint_mean(0.1))
    assert (found.n, found.is_bound, found.level) == (40, False, 0.9)


def test_a_bound_of_p_gives_a_bound_of_the_sd():
    found = implied_sd_of_change(5.0, 5.5, 100, 0.001, is_bound=True)
    assert found.is_bound and found.sd_low == 0 and found.sd == found.sd_high
    for true_p in (0.0009, 1e-6):
        exact = implied_sd_of_change(5.0, 5.5, 100, true_p)
        assert exact.sd < found.sd and found.ci_low < exact.ci_low < exact.ci_high < found.ci_high
    rounded = implied_sd_of_change(5.0, 5.5, 100, 0.001, is_bound=True, decimals=1, p_decimals=3)
    assert rounded.sd_high == pytest.approx(found.sd * 0.6 / 0.5)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(0, 9), st.floats(0, 9), st.integers(2, 400), st.floats(0.01, 0.9), st.sampled_from([1, 2]))
def test_rounding_keeps_the_sd_inside_its_limits(before, after, n, p_value, decimals):
    printed = [round(mean, decimals) for mean in (before, after)]
    assume(printed[0] != printed[1] and before != after)
    found = implied_sd_of_change(*printed, n, round(p_value, 2), decimals=decimals, p_decimals=2)
    exact = implied_sd_of_change(before, after, n, p_value)
    assert found.sd_low * (1 - 1e-9) <= exact.sd <= found.sd_high * (1 + 1e-9)
    assert found.sd_low < found.sd < found.sd_high


# --- between arms ---


def test_without_clustering_the_error_is_that_of_two_means():
    found = between_arms(5.4, 2.0, 80, 5.0, 3.0, 120, icc=0, clusters1=8, clusters2=12, level=0.9)
    welch = stats.ttest_ind_from_stats(5.4, 2.0, 80, 5.0, 3.0, 120, equal_var=False)
    assert found.statistic == pytest.approx(welch.statistic) and found.df == 18
    assert found.p_value == pytest.approx(2 * stats.t.sf(abs(welch.statistic), 18))
    assert found.ci_high - found.estimate == pytest.approx(found.se * stats.t.ppf(0.95, 18))
    assert (found.n_units, found.n_clusters, found.estimator, found.level) == (200, 20, "summary", 0.9)
    assert (found.mean_treated, found.mean_other, found.icc) == (5.4, 5.0, 0)


def test_the_design_effect_is_that_of_the_sizes():
    sizes = [4, 10, 6, 20, 10]
    found = between_arms(
        5.4, 2.0, 50, 5.0, 2.0, 50, icc=0.07, clusters1=5, clusters2=5, cv=np.std(sizes) / np.mean(sizes)
    )
    assert found.se**2 == pytest.approx(2 * 4 / 50 * design_effect(sizes, 0.07))


# --- GRIM ---


def printable(n, items, decimals):
    """Every mean of scores 0 to 4 that can be printed, a 5 at the end rounded either way."""
    unit = 10**decimals
    exact = [divmod(total * unit * 2, n * items * 2) for total in range(4 * n * items + 1)]
    return {
        (whole + up) / unit
        for whole, rest in exact
        for up in (0, 1)
        if (rest >= n * items) * up or (rest <= n * items) * (1 - up)
    }


@pytest.mark.parametrize("n, items, decimals", [(20, 1, 2), (7, 1, 2), (13, 3, 2), (8, 1, 1), (3, 1, 0)])
def test_grim_is_the_list_of_possible_means(n, items, decimals):
    unit = 10**decimals
    possible = printable(n, items, decimals)
    for hundredth, sign in itertools.product(range(4 * unit + 1), (1, -1)):
        mean = hundredth / unit
        assert grim(sign * mean, n, decimals=decimals, items=items) == (mean in possible)


def test_grim_on_the_example_of_its_authors():
    """Brown and Heathers: 28 participants and whole numbers cannot give 5.19; they can give 5.18 and 5.21."""
    assert [grim(mean, 28, decimals=2) for mean in (5.19, 5.18, 5.21)] == [False, True, True]


# --- the spread of a change ---


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
    rounded = [round(mean, 1) for mean in (before.mean(), after.mean())]
    wide = share_change_limits(*rounded, 60, decimals=1)
    again = recomputed_p_of_change(*rounded, 60, wide, printed=p_value, p_decimals=12, decimals=1)
    assert again.low <= found.low and found.high <= again.high and again.is_consistent
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


def change(*numbers, **asked):
    return implied_sd_of_change(*numbers, **asked)


def arms(**changed):
    summaries = {"mean1": 5.0, "sd1": 2.0, "n1": 80, "mean2": 5.0, "sd2": 2.0, "n2": 80, "icc": 0.03}
    return between_arms(**(summaries | {"clusters1": 8, "clusters2": 8} | changed))


def printed(**changed):
    return grim(**({"mean": 3.45, "n": 20, "decimals": 2} | changed))


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: change(5, 5, 100, 0.5), "finite and differ"),
        (lambda: change(5, NAN, 100, 0.5), "finite and differ"),
        (lambda: change(5, 6, 1, 0.5), "whole number of at least 2"),
        (lambda: change(5, 6, 20.5, 0.5), "whole number of at least 2"),
        (lambda: change(5, 6, NAN, 0.5), "whole number"),
        (lambda: change(5, 6, 100, 0), "give a printed 0 as its bound"),
        (lambda: change(5, 6, 100, 1), "p must lie between"),
        (lambda: change(5, 6, 100, NAN), "p must lie between"),
        (lambda: change(5, 6, 100, 0.996, p_decimals=2), "rounding included"),
        (lambda: change(5, 6, 100, 0.5, level=95), "level must lie"),
        (lambda: arms(sd1=0), "positive sd"),
        (lambda: arms(mean1=NAN), "finite mean"),
        (lambda: arms(n1=7), "no fewer units"),
        (lambda: arms(clusters2=1), "two clusters"),
        (lambda: arms(icc=1.5), "icc must lie"),
        (lambda: arms(icc=-0.2), "more negative than clusters of these sizes allow"),
        (lambda: arms(cv=-0.1), "cv must be 0 or more"),
        (lambda: arms(level=0), "level must lie"),
        (lambda: printed(mean=3.455), "mean has more than 2 decimals"),
        (lambda: printed(mean=NAN), "mean must be finite"),
        (lambda: printed(n=0), "whole numbers of at least 1"),
        (lambda: printed(items=1.5), "whole numbers"),
        (lambda: printed(decimals=-1), "decimals 0 or more"),
        (lambda: share_sd(1.2, 10), "share must lie"),
        (lambda: share_sd(0.5, 1), "n be at least 2"),
        (lambda: share_change_limits(0.5, NAN, 10), "share must lie"),
        (lambda: change_limits(-1, 2), "finite and not negative"),
        (lambda: recomputed_p_of_change(0, 1, 1, change_limits(1, 1), printed=0.5, p_decimals=1), "at least 2"),
    ],
)
def test_what_cannot_be_printed_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()
