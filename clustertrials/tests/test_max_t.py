"""Family-wise randomisation inference for several outcomes against brute force and against its own definition."""

from itertools import combinations

import brute_force
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from clustertrials.randomisation import allocations as allocations_module
from clustertrials.randomisation import randomisation_test


def joint_by_brute_force(table, weights, treated, strata):
    """Standardised statistics of all allocations, and of the observed one, by one regression an allocation."""
    every = []
    root = np.sqrt(weights)[:, None]
    dummies = np.array([[s == label for label in sorted(set(strata))] for s in strata], dtype=float)
    chosen = [{k for k, z in enumerate(treated) if z}, *brute_force.allocations(treated, strata)]
    for allocation in chosen:
        arm = np.array([k in allocation for k in range(len(treated))], dtype=float)
        design = np.column_stack([arm, dummies])
        every.append(np.linalg.lstsq(root * design, root * table, rcond=None)[0][0])
    residual = table - dummies @ np.linalg.lstsq(root * dummies, root * table, rcond=None)[0]
    scores = weights[:, None] * residual
    sums = np.array([[scores[list(a), j].sum() for j in range(table.shape[1])] for a in chosen])
    every = np.array(every) / sums[1:].std(axis=0)
    return every[1:], every[0]


def step_down(every, observed):
    """Adjusted p-values from the definition: successive maxima over ever fewer outcomes."""
    adjusted, least = np.empty(len(observed)), 0.0
    order = np.argsort(-observed)
    for i, outcome in enumerate(order):
        share = np.mean(every[:, order[i:]].max(axis=1) >= observed[outcome] - 1e-9)
        least = adjusted[outcome] = max(least, share)
    return adjusted


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10**6), st.integers(6, 10), st.integers(1, 2), st.booleans(), st.booleans())
def test_step_down_equals_brute_force(seed, size, n_strata, weighted, binary):
    rng = np.random.default_rng(seed)
    treated, strata = np.arange(size) % 3 > 0, np.arange(size) // 2 % n_strata
    table = rng.normal(size=(size, 3)) + treated[:, None] * [2.0, 1.0, 0.0]
    if binary:
        table = np.round(table > 0.5).astype(float)
        table[:2], table[-2:] = 0.0, 1.0
    weights = rng.integers(1, 9, size).astype(float) if weighted else np.ones(size)
    every, observed = joint_by_brute_force(table, weights, treated, strata)
    for alternative, view in (("two-sided", np.abs), ("greater", lambda t: t), ("less", lambda t: -t)):
        result = randomisation_test(
            table,
            treated,
            strata=strata,
            weights=weights if weighted else None,
            alternative=alternative,
            interval=False,
        )
        assert result.p_value_adjusted == pytest.approx(step_down(view(every), view(observed)), abs=1e-12)
        assert (result.p_value_adjusted >= result.p_value - 1e-12).all()


@pytest.mark.parametrize("weighted", [False, True])
def test_each_outcome_keeps_its_own_answer(weighted):
    rng = np.random.default_rng(2)
    table, treated = rng.normal(size=(11, 3)), np.arange(11) < 5
    weights = rng.integers(2, 30, 11) if weighted else None
    together = randomisation_test(table, treated, weights=weights)
    for j in range(3):
        alone = randomisation_test(table[:, j], treated, weights=weights)
        assert together.statistic[j] == alone.statistic
        assert together.p_value[j] == alone.p_value
        assert (together.ci_low[j], together.ci_high[j]) == (alone.ci_low, alone.ci_high)
    single = randomisation_test(table[:, :1], treated, weights=weights)
    assert single.p_value_adjusted == single.p_value


def test_family_wise_error_over_every_allocation_stays_at_its_level():
    table = np.random.default_rng(4).normal(size=(8, 3))
    smallest = []
    for chosen in combinations(range(8), 3):
        result = randomisation_test(table, np.isin(np.arange(8), chosen), interval=False)
        smallest.append((result.p_value_adjusted.min(), result.p_value.min()))
    adjusted, raw = np.array(smallest).T
    for level in (0.05, 0.1, 0.2):
        assert np.mean(adjusted <= level) <= level
    assert np.mean(raw <= 0.2) > 0.2  # the same check fails without the adjustment


def test_sampled_family_agrees_with_the_exact_one(monkeypatch):
    rng = np.random.default_rng(8)
    table, treated = rng.normal(size=(14, 3)), np.arange(14) < 7
    table[:, 0] += 1.2 * treated
    exact = randomisation_test(table, treated)
    monkeypatch.setattr(allocations_module, "MOST_ALLOCATIONS", 1000)
    sampled = randomisation_test(table, treated, rng=np.random.default_rng(1), n_draws=19_999)
    assert not sampled.exact
    assert sampled.p_value_adjusted == pytest.approx(exact.p_value_adjusted, abs=0.015)
    assert sampled.simultaneous_low == pytest.approx(exact.simultaneous_low, abs=0.1)
    assert sampled.p_value_se.shape == (3,)


def test_an_outcome_without_any_difference_keeps_an_interval():
    table = np.column_stack([np.tile([0.0, 1.0, 2.0, 3.0], 3), np.arange(12.0) ** 2])
    result = randomisation_test(table, np.arange(12) < 4, level=0.8)
    balanced = randomisation_test(table[:8], np.arange(8) < 4, level=0.8)
    assert balanced.statistic[0] == 0.0 and balanced.p_value_adjusted[0] == 1.0
    for found in (result, balanced):
        assert np.isfinite([found.simultaneous_low, found.simultaneous_high]).all()
