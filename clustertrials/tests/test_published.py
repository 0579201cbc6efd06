"""What published summaries imply: against data that have those summaries, scipy, and every sum written out."""

import itertools
import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import DescrStatsW

from clustertrials.equivalence_tests import equivalence
from clustertrials.estimators import estimate_effect
from clustertrials.intraclass import design_effect
from clustertrials.published import between_arms, grim, implied_sd_of_change


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


def test_implied_sd_by_hand():
    """t(0.975, 99) = 1.98422, so a change of 0.5 in 100 units at p = 0.05 has sd 5 / 1.98422."""
    found = implied_sd_of_change(5.5, 5.0, 100, 0.05)
    assert found.change == -0.5 and found.sd == pytest.approx(5 / 1.984217, rel=1e-6)
    assert (found.ci_low, found.ci_high) == (pytest.approx(-1), pytest.approx(0, abs=1e-12))


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


def test_means_that_may_be_equal_leave_the_sd_open_downwards():
    assert implied_sd_of_change(5.0, 5.1, 100, 0.4, decimals=1).sd_low == 0
    assert implied_sd_of_change(5.0, 5.2, 100, 0.004, p_decimals=2).sd_low == 0


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((5, 5, 100, 0.5), "finite and differ"),
        ((5, math.nan, 100, 0.5), "finite and differ"),
        ((5, math.inf, 100, 0.5), "finite and differ"),
        ((5, 6, 1, 0.5), "whole number of at least 2"),
        ((5, 6, 20.5, 0.5), "whole number of at least 2"),
        ((5, 6, math.nan, 0.5), "whole number"),
        ((5, 6, math.inf, 0.5), "whole number"),
        ((5, 6, 100, 0), "give a printed 0 as its bound"),
        ((5, 6, 100, 1), "p must lie between"),
        ((5, 6, 100, math.nan), "p must lie between"),
    ],
)
def test_implied_sd_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        implied_sd_of_change(*arguments)


def test_implied_sd_refuses_a_p_that_rounds_to_one_and_a_wrong_level():
    with pytest.raises(ValueError, match="rounding included"):
        implied_sd_of_change(5, 6, 100, 0.996, p_decimals=2)
    assert implied_sd_of_change(5, 6, 100, 0.996, p_decimals=2, is_bound=True).is_bound
    with pytest.raises(ValueError, match="level must lie"):
        implied_sd_of_change(5, 6, 100, 0.5, level=95)


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


def test_a_trial_told_by_its_summaries_is_nearly_the_trial():
    """30 equal clinics and the ICC of the data: the error is nearly that of the clinic means."""
    generator = np.random.default_rng(3)
    clinic = np.repeat(np.arange(30), 40)
    frame = pd.DataFrame(
        {"clinic": clinic, "arm": clinic % 2, "y": generator.normal(0, 1, 1200) + generator.normal(0, 0.4, 30)[clinic]}
    )
    whole = estimate_effect(frame, "y", arm="arm", cluster="clinic", treated=1, estimator="cluster_means")
    arms = frame.groupby("arm")["y"].agg(["mean", "std", "size"])
    found = between_arms(*arms.loc[1], *arms.loc[0], icc=whole.icc, clusters1=15, clusters2=15)
    assert found.estimate == pytest.approx(whole.estimate) and found.df == whole.df
    assert found.se == pytest.approx(whole.se, rel=0.03)
    assert found.se > 2 * between_arms(*arms.loc[1], *arms.loc[0], icc=0, clusters1=15, clusters2=15).se
    assert equivalence(found, 2.0).is_equivalent


def test_swapped_arms():
    one = between_arms(5.4, 2.0, 80, 5.0, 3.0, 120, icc=0.03, clusters1=8, clusters2=12)
    other = between_arms(5.0, 3.0, 120, 5.4, 2.0, 80, icc=0.03, clusters1=12, clusters2=8)
    assert (other.estimate, other.ci_low) == (-one.estimate, -one.ci_high)
    assert (other.se, other.p_value) == pytest.approx((one.se, one.p_value))


ARMS = {
    "mean1": 5.0,
    "sd1": 2.0,
    "n1": 80,
    "mean2": 5.0,
    "sd2": 2.0,
    "n2": 80,
    "icc": 0.03,
    "clusters1": 8,
    "clusters2": 8,
}


@pytest.mark.parametrize(
    "change, message",
    [
        ({"sd1": 0}, "positive sd"),
        ({"sd2": -1}, "positive sd"),
        ({"sd1": math.inf}, "positive sd"),
        ({"mean1": math.nan}, "finite mean"),
        ({"n1": 7}, "no fewer units"),
        ({"n2": math.inf}, "no fewer units"),
        ({"clusters2": 1}, "two clusters"),
        ({"icc": 1.5}, "icc must lie"),
        ({"icc": math.nan}, "icc must lie"),
        ({"icc": -0.2}, "more negative than clusters of these sizes allow"),
        ({"cv": -0.1}, "cv must be 0 or more"),
        ({"cv": math.inf}, "cv must be 0 or more"),
        ({"level": 0}, "level must lie"),
    ],
)
def test_between_arms_refuses(change, message):
    with pytest.raises(ValueError, match=message):
        between_arms(**(ARMS | change))


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


def test_grim_takes_either_rounding_of_a_tie():
    assert grim(0.12, 8, decimals=2) and grim(0.13, 8, decimals=2) and not grim(0.14, 8, decimals=2)


def test_grim_is_no_check_from_ten_to_the_decimals_on():
    assert all(grim(hundredth / 100, 100, decimals=2) for hundredth in range(501))
    assert not all(grim(hundredth / 100, 99, decimals=2) for hundredth in range(501))
    assert not grim(3.1, 7, decimals=2) and grim(3.1, 10, decimals=2)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"mean": 3.455}, "mean has more than 2 decimals"),
        ({"mean": math.nan}, "mean must be finite"),
        ({"mean": math.inf}, "mean must be finite"),
        ({"n": 0}, "whole numbers of at least 1"),
        ({"n": 20.5}, "whole numbers"),
        ({"items": 0}, "whole numbers"),
        ({"items": 1.5}, "whole numbers"),
        ({"decimals": -1}, "none below 0"),
    ],
)
def test_grim_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        grim(**({"mean": 3.45, "n": 20, "decimals": 2} | arguments))
