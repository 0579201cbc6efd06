"""Designs with too many allocations to count, and trials read once for several estimators."""

import numpy as np
import pandas as pd
import pytest

from clustertrials.estimators import METHODS, estimate_effect
from clustertrials.randomisation.allocations import allocation_set
from clustertrials.simulation_study import Scenario, draw, unequal_sizes

TRIAL = {"arm": "arm", "cluster": "cluster", "treated": 1, "covariates": ("baseline",)}
MANY = Scenario("many", unequal_sizes(120, 2400, 0.4), treated=60, icc=0.1, correlation=0.5, effect=0.05)


@pytest.fixture(scope="module")
def many():
    return draw(MANY, np.random.default_rng(3))


def test_a_seeded_sample_answers_where_nothing_can_be_counted(many):
    one, same, other = (
        estimate_effect(many, "outcome", estimator="randomisation", rng=np.random.default_rng(seed), **TRIAL)
        for seed in (1, 1, 2)
    )
    means = estimate_effect(many, "outcome", estimator="cluster_means", **TRIAL)
    assert repr(one) == repr(same) and one.p_value != other.p_value
    assert one.estimate == means.estimate and one.n_allocations > 10**30
    # With so many clusters the randomisation distribution is near the normal one of the t test.
    for name in ("p_value", "ci_low", "ci_high"):
        assert getattr(one, name) == pytest.approx(getattr(means, name), abs=0.01)


def test_without_a_generator_it_is_refused_at_once_and_in_few_words(many):
    with pytest.raises(ValueError, match=r"the 9\.7e\+34 allocations are too many to count: give rng="):
        estimate_effect(many, "outcome", estimator="randomisation", **TRIAL)
    with pytest.raises(ValueError, match="rng is for the estimator 'randomisation' alone"):
        estimate_effect(many, "outcome", rng=np.random.default_rng(1), **TRIAL)
    arm = np.arange(3000) % 2 == 0
    # Trying every cut of 3,000 clusters would take minutes.
    with pytest.raises(ValueError, match="e\\+901 allocations"):
        allocation_set(arm, np.zeros(3000, int), linear=True, rng=None, n_draws=9)


def test_unequal_sizes_have_the_total_and_the_spread():
    for count, total, cv in ((29, 884, 0.25), (1000, 100_000, 0.8), (10, 10, 0.5), (8, 1000, 0.0)):
        sizes = np.array(unequal_sizes(count, total, cv))
        assert sizes.sum() == total and sizes.min() >= 1 and (np.diff(sizes) >= 0).all()
        if total > 5 * count:
            assert sizes.std() / sizes.mean() == pytest.approx(cv, rel=0.1, abs=0.01)
    with pytest.raises(ValueError, match="9 units cannot fill 10 clusters"):
        unequal_sizes(10, 9, 0.1)


def test_a_large_trial_is_answered_with_sums_and_no_matrix_of_rows(many):
    """120,000 rows: a matrix of rows by rows would be 115 GB."""
    truth = Scenario("large", unequal_sizes(100, 120_000, 0.4), treated=50, icc=0.05, correlation=0.5, effect=0.1)
    frame = draw(truth, np.random.default_rng(4))
    found = {
        name: estimate_effect(frame, "outcome", estimator=name, **TRIAL) for name in METHODS if name != "randomisation"
    }
    assert all(abs(one.estimate - 0.1) < 4 * one.se for name, one in found.items() if name != "naive")
    ses = pd.Series({name: one.se for name, one in found.items()})
    assert ses.drop("naive").max() / ses.drop("naive").min() < 1.3 and ses["naive"] < ses.drop("naive").min() / 3
