"""Equivalence against statsmodels and its own interval, Holm against statsmodels, regression against draws."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.weightstats import ttost_ind

from clustertrials.equivalence_tests import equivalence, expected_regression
from clustertrials.estimators import estimate_effect
from clustertrials.results import Effect

ROLES = {"arm": "arm", "cluster": "clinic", "treated": "new"}


def trial(seed=1, clinics=14, rows=6):
    generator = np.random.default_rng(seed)
    clinic = np.repeat(np.arange(clinics), rows)
    return pd.DataFrame(
        {
            "clinic": clinic,
            "arm": np.where(clinic % 2, "new", "usual"),
            "y": generator.normal(size=len(clinic)) + generator.normal(0, 0.3, clinics)[clinic],
        }
    )


def effect(estimate=0.1, se=0.1, df=27.0, **changes) -> Effect:
    fields = {
        "statistic": estimate / se,
        "p_value": 0.5,
        "ci_low": -1.0,
        "ci_high": 1.0,
        "n_units": 800,
        "n_clusters": 29,
        "n_dropped": 0,
        "icc": 0.02,
        "estimator": "cr2",
        "estimand": "individual average",
        "level": 0.95,
        "mean_treated": 1.0,
        "mean_other": 0.9,
    }
    return Effect(estimate=estimate, se=se, df=df, **(fields | changes))


@pytest.mark.parametrize("margin", [0.2, 0.5, 1.0])
def test_clinic_means_agree_with_statsmodels(margin):
    frame = trial()
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


@settings(max_examples=50, deadline=None, derandomize=True)
@given(effects, st.floats(0.01, 10))
def test_swapped_arms_and_other_units(given_effect, margin):
    found = equivalence(given_effect, margin)
    swapped = equivalence(replace(given_effect, estimate=-given_effect.estimate), margin)
    assert (swapped.p_above, swapped.p_below) == (found.p_below, found.p_above)
    assert (swapped.p_value, swapped.ci_low) == (found.p_value, -found.ci_high)
    scaled = equivalence(
        replace(given_effect, estimate=1000 * given_effect.estimate, se=1000 * given_effect.se), 1000 * margin
    )
    assert scaled.p_value == pytest.approx(found.p_value) and scaled.is_equivalent == found.is_equivalent


def test_not_significant_is_not_equivalent_and_significant_may_be():
    assert not equivalence(effect(0.1, 0.5), 0.3).is_equivalent
    significant = effect(0.1, 0.01)
    assert significant.statistic == pytest.approx(10) and equivalence(significant, 0.3).is_equivalent


@pytest.mark.parametrize(
    "wrong, message",
    [
        (lambda: equivalence(effect(), 0.0), "margin must be a positive number"),
        (lambda: equivalence(effect(), -0.3), "margin must be a positive number"),
        (lambda: equivalence(effect(), float("nan")), "margin must be a positive number"),
        (lambda: equivalence(effect(), float("inf")), "margin must be a positive number"),
        (lambda: equivalence(effect(), 0.3, level=0.5), "level must lie between 0.5 and 1"),
        (lambda: equivalence(effect(), 0.3, level=95), "level must lie between 0.5 and 1"),
        (lambda: equivalence(effect(df=float("nan")), 0.3), "cr2: the effect has no finite degrees of freedom"),
        (lambda: equivalence(effect(df=float("inf")), 0.3), "cr2: the effect has no finite degrees of freedom"),
        (lambda: equivalence(effect(df=0.0), 0.3), "cr2: the effect has no finite degrees of freedom"),
        (lambda: equivalence(effect(se=float("nan")), 0.3), "positive standard error"),
        (lambda: equivalence(replace(effect(), se=0.0), 0.3), "positive standard error"),
        (lambda: equivalence(effect(estimate=float("nan")), 0.3), "no finite estimate"),
        (lambda: equivalence(effect(n_allocations=20), 0.3), "from randomisation has no t reference"),
        (lambda: equivalence(estimate_effect(trial(), "y", estimator="randomisation", **ROLES), 0.3), "randomisation"),
    ],
)
def test_refusals(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_expected_regression_is_what_selection_alone_brings():
    """200,000 people measured twice, correlation 0.6, nobody treated; those below 4 at the start are chosen."""
    generator = np.random.default_rng(5)
    true = generator.normal(6, 2 * 0.6**0.5, 200_000)
    first, second = (true + generator.normal(0, 2 * 0.4**0.5, 200_000) for _ in range(2))
    chosen = first < 4
    seen = second[chosen].mean() - first[chosen].mean()
    assert expected_regression(first[chosen].mean(), 6, 0.6) == pytest.approx(seen, abs=0.03)
    assert seen > 1


def test_expected_regression_at_its_ends():
    assert expected_regression(4, 6, 1) == 0 and expected_regression(4, 6, 0) == 2
    assert expected_regression(6, 6, 0.3) == 0 and expected_regression(8, 6, 0.5) == -1


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
