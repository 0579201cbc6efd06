"""Sample sizes against statsmodels' power of a t test of cluster means, Hayes and Bennett's formula, and power itself."""

from math import ceil

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestIndPower

from clustertrials import clusters_needed, power, units_needed


def by_t_test(difference, variance, target=0.8):
    """Clusters an arm for a t test of means of clusters of equal size, which CR2 is."""
    size = difference / variance**0.5
    found = TTestIndPower().solve_power(abs(size), power=target, alpha=0.05, alternative="two-sided")
    return max(4, ceil(found))


@pytest.mark.parametrize("icc", [0.0, 0.02, 0.2])
@pytest.mark.parametrize("difference", [0.2, 0.4, -0.9])
def test_clusters_for_means_are_those_of_a_t_test(icc, difference):
    found = clusters_needed(difference=difference * 10, sd=10, mean_size=25, icc=icc)
    expected = by_t_test(difference, icc + (1 - icc) / 25)
    assert found.clusters == (expected, expected) and found.total == 50 * expected


@pytest.mark.parametrize("shares", [(0.4, 0.5), (0.1, 0.05)])
def test_clusters_for_shares_are_those_of_a_t_test(shares):
    found = clusters_needed(shares=shares, mean_size=40, icc=0.03, power=0.9)
    variance = np.mean([p * (1 - p) for p in shares])
    expected = by_t_test(shares[0] - shares[1], variance * (0.03 + 0.97 / 40), 0.9)
    assert found.clusters == (expected, expected) and found.sd == pytest.approx(variance**0.5)
    planned = {"clusters": found.clusters, "mean_size": 40, "icc": 0.03}
    assert power(shares=shares, **planned) == found.power
    assert power(difference=shares[0] - shares[1], sd=variance**0.5, **planned) == pytest.approx(found.power)


@pytest.mark.parametrize(("rates", "years", "cv"), [((0.02, 0.03), 500.0, 0.25), ((2.0, 2.4), 9.5, 0.1)])
def test_clusters_for_rates_are_those_of_hayes_and_bennett_but_for_the_t(rates, years, cv):
    found = clusters_needed(rates=rates, mean_size=years, between_cv=cv)
    one, other = rates
    variance = (one + other) / years + cv**2 * (one**2 + other**2)
    formula = 1 + (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)) ** 2 * variance / (one - other) ** 2
    assert abs(found.clusters[0] - formula) < 1.1
    assert found.clusters[0] == by_t_test(one - other, variance / 2)
    assert found.power == power(rates=rates, clusters=found.clusters, mean_size=years, between_cv=cv)


def test_a_size_prints_how_unequal_the_clusters_were_planned():
    design = {"difference": 0.3, "mean_size": 20, "icc": 0.05}
    assert "clusters of 20 on average (CV of sizes 0.7), " in str(clusters_needed(size_cv=0.7, **design))
    assert "clusters of 20, " in str(clusters_needed(**design))


@pytest.mark.parametrize("asked", [{"size_cv": 0.7}, {"treated_per_other": 2.0}, {}])
def test_one_cluster_less_is_not_enough(asked):
    design = {"difference": 0.3, "mean_size": 20, "icc": 0.05, **asked}
    found = clusters_needed(**design)
    ratio = design.pop("treated_per_other", 1.0)
    treated, other = found.clusters
    assert (
        found.power
        == power(clusters=found.clusters, **design)
        >= 0.8
        > power(clusters=(ceil((other - 1) * ratio), other - 1), **design)
    )
    assert treated == ratio * other


@pytest.mark.parametrize("asked", [{"size_cv": 0.6}, {"covariate_r2": 0.3}])
def test_one_unit_less_is_not_enough(asked):
    design = {"difference": 0.4, "clusters": (14, 12), "icc": 0.05, **asked}
    found = units_needed(**design)
    assert power(mean_size=found.mean_size, **design) >= 0.8 > power(mean_size=found.mean_size - 1, **design)


@pytest.mark.parametrize(
    "design",
    [{"difference": 0.3, "icc": 0.05}, {"shares": (0.3, 0.4), "icc": 0.05}, {"rates": (0.02, 0.03), "between_cv": 0.4}],
)
def test_a_plateau_is_said(design):
    with pytest.raises(
        ValueError, match=r"no number of units suffices: with 5 and 5 clusters the power stays below 0\."
    ):
        units_needed(clusters=(5, 5), **design)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"difference": 0.0}, "a difference of 0 cannot be found"),
        ({"shares": (0.1, 0.2)}, "exactly one of difference, shares and rates"),
        ({"difference": None, "shares": (0.0, 0.2)}, "shares must be two numbers above 0 and below 1"),
        ({"difference": None, "rates": (-1, 2), "icc": None, "between_cv": 0.1}, "rates must be two numbers above 0$"),
        ({"difference": None, "rates": (1, 2)}, "rates need between_cv, and no icc"),
        ({"between_cv": 0.1}, "means and shares need icc, and no between_cv"),
        ({"difference": 1e-4}, "more than 10,000 clusters an arm were needed for a power of 0.8"),
        ({"power": 0.04}, "power must lie"),
        ({"treated_per_other": 0.0}, "treated_per_other must be"),
        ({"icc": -0.1}, "icc must lie"),
        ({"difference": None, "shares": 0.2}, "shares must be two numbers above 0 and below 1"),
        ({"difference": None, "shares": (0.2, 0.3), "sd": 2.0}, "shares and rates have their own"),
        ({"difference": "0.3"}, "difference must be a number"),
        ({"treated_per_other": None}, "treated_per_other must be a number"),
        ({"difference": None, "rates": (1, 2), "icc": None, "between_cv": 0.1, "mean_size": 0}, "mean_size must be"),
        ({"difference": None, "rates": (1, 2), "icc": None, "between_cv": -0.1}, "between_cv must be"),
    ],
)
def test_what_cannot_be_planned_is_refused(change, message):
    with pytest.raises((ValueError, TypeError), match=message):
        clusters_needed(**({"difference": 0.3, "mean_size": 20, "icc": 0.05} | change))


def test_sizes_too_unequal_for_the_test_are_no_plan():
    design = {"shares": (0.25, 0.35), "icc": 0.03}
    with pytest.raises(
        ValueError, match=r"size_cv=2.2 is too large for 4 and 4 clusters: the analysis would reject more than 10%"
    ):
        power(clusters=(4, 4), mean_size=30, size_cv=2.2, **design)
    found = clusters_needed(mean_size=30, size_cv=2.2, **design)
    assert found.clusters[0] > 63 and power(clusters=found.clusters, mean_size=30, size_cv=2, **design) > 0.8
    with pytest.raises(ValueError, match=r"size_cv=2.5 is too large for 4 and 4 clusters"):
        units_needed(clusters=(4, 4), size_cv=2.5, **design)
