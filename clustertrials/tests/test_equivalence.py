"""Equivalence against statsmodels and its own interval, Holm against statsmodels, regression against draws."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind
from test_estimators import small

from clustertrials.equivalence_tests import equivalence, expected_regression
from clustertrials.estimators import estimate_effect
from clustertrials.results import Effect

ROLES = {"arm": "arm", "cluster": "clinic", "treated": "new"}


def effect(estimate=0.1, se=0.1, df=27.0, **changes) -> Effect:
    fields = {"n_units": 800, "n_clusters": 29, "n_dropped": 0, "icc": 0.02, "estimator": "cr2", "level": 0.95,
              "estimand": "individual average", "mean_treated": 1.0, "mean_other": 0.9}  # fmt: skip
    return replace(Effect.from_t(estimate, se, df, **fields), **changes)


@pytest.mark.parametrize("margin", [0.2, 0.5, 1.0])
def test_clinic_means_agree_with_statsmodels(margin):
    frame = small(clinics=14, rows=6)
    found = equivalence(estimate_effect(frame, "y", estimator="cluster_means", **ROLES), margin)
    means = frame.groupby(["arm", "clinic"])["y"].mean()
    p_value, below, above = ttost_ind(means["new"].to_numpy(), means["usual"].to_numpy(), -margin, margin)
    np.testing.assert_allclose([found.p_value, found.p_below, found.p_above], [p_value, below[1], above[1]], 1e-9)


def test_by_hand():
    """0.1 with standard error 0.1 on 27 df: t(0.95, 27) = 1.7033, so the 90 % interval is -0.0703 to 0.2703."""
    found = equivalence(effect(source="simulated"), 0.3)
    assert (found.ci_low, found.ci_high) == (pytest.approx(-0.07033, abs=1e-5), pytest.approx(0.27033, abs=1e-5))
    assert found.smallest_margin == found.ci_high and found.is_equivalent
    assert found.p_value == found.p_above == pytest.approx(stats.t.sf(2, 27))
    assert (found.df, found.level, found.estimator, found.source) == (27, 0.95, "cr2", "simulated")


effects = st.builds(effect, estimate=st.floats(-5, 5), se=st.floats(0.01, 5), df=st.floats(1, 60))


@settings(max_examples=200, deadline=None, derandomize=True)
@given(effects, st.floats(0.01, 10), st.sampled_from([0.9, 0.95, 0.975]))
def test_p_value_interval_and_smallest_margin_say_the_same(given_effect, margin, level):
    found = equivalence(given_effect, margin, level=level)
    assert found.is_equivalent == (-margin < found.ci_low and found.ci_high < margin)
    if abs(found.smallest_margin - margin) > 1e-9:
        assert found.is_equivalent == (found.p_value < 1 - level)
    at_edge = equivalence(given_effect, found.smallest_margin, level=level)
    assert at_edge.p_value == pytest.approx(1 - level, rel=1e-9) and not at_edge.is_equivalent
    assert equivalence(given_effect, found.smallest_margin * 1.001, level=level).is_equivalent


def test_not_significant_is_not_equivalent_and_significant_may_be():
    assert not equivalence(effect(0.1, 0.5), 0.3).is_equivalent
    significant = effect(0.1, 0.01)
    assert significant.statistic == pytest.approx(10) and equivalence(significant, 0.3).is_equivalent


@pytest.mark.parametrize(
    "changes, asked, message",
    [
        ({}, {"margin": 0.0}, "margin must be a positive number"),
        ({}, {"margin": float("nan")}, "margin must be a positive number"),
        ({}, {"level": 0.5}, "level must lie between 0.5 and 1"),
        ({"df": float("nan")}, {}, "cr2: the effect has no finite degrees of freedom"),
        ({"se": float("nan")}, {}, "positive standard error"),
        ({"se": 0.0}, {}, "positive standard error"),
        ({"estimate": float("nan")}, {}, "no finite estimate"),
        ({"n_allocations": 20}, {}, "from randomisation has no t reference"),
    ],
)
def test_refusals(changes, asked, message):
    with pytest.raises(ValueError, match=message):
        equivalence(replace(effect(), **changes), **({"margin": 0.3} | asked))


def test_expected_regression_is_what_selection_alone_brings():
    """200,000 people measured twice, correlation 0.6, nobody treated; those below 4 at the start are chosen."""
    generator = np.random.default_rng(5)
    true = generator.normal(6, 2 * 0.6**0.5, 200_000)
    first, second = (true + generator.normal(0, 2 * 0.4**0.5, 200_000) for _ in range(2))
    chosen = first < 4
    seen = second[chosen].mean() - first[chosen].mean()
    assert expected_regression(first[chosen].mean(), 6, 0.6) == pytest.approx(seen, abs=0.03)
    assert seen > 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        ((4, 6, 1.01), "correlation must lie between -1 and 1"),
        ((4, 6, float("nan")), "correlation must lie"),
        ((float("nan"), 6, 0.5), "must be finite numbers"),
        ((4, float("inf"), 0.5), "must be finite numbers"),
    ],
)
def test_expected_regression_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        expected_regression(*arguments)
