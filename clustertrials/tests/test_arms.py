"""Arms against a control: all allocations by brute force, statsmodels' Holm, family-wise error by simulation."""

from itertools import combinations

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from clustertrials import arms, compare_arms, estimate_effect

ROLES = {"arm": "arm", "cluster": "clinic", "control": "usual"}
NAMES = ["usual", "calls", "visits"]


def trial(rng, each=4, rows=3, effects=(0.0, 0.0, 0.0)):
    """Clusters in turn in each arm, in two regions."""
    clinic = np.repeat(np.arange(len(effects) * each), rows)
    label = clinic % len(effects)
    y = rng.normal(size=len(clinic)) + rng.normal(size=clinic.max() + 1)[clinic] + np.array(effects)[label]
    names = np.array([*NAMES, "letters"])[label]
    size = rng.normal(size=clinic.max() + 1)[clinic]
    x = rng.normal(size=len(clinic))
    region = np.where(clinic < len(effects) * each // 2, "north", "south")
    return pd.DataFrame({"clinic": clinic, "arm": names, "y": y + size + x, "size": size, "x": x, "region": region})


def allocations(codes):
    """All ways to deal labels 0, 1, 2 to places, as often as they occur among the codes."""
    places, (_, one, two) = range(len(codes)), np.bincount(codes)
    for first in combinations(places, one):
        for second in combinations([k for k in places if k not in first], two):
            found = np.zeros(len(codes), int)
            found[list(first)], found[list(second)] = 1, 2
            yield found


def by_brute_force(values, codes):
    """Share of the allocations whose larger standardised difference from label 0 reaches the observed one."""
    every = np.array([codes, *allocations(codes)])
    means = [np.array([values[one == label].mean() for one in every]) for label in (0, 1, 2)]
    gaps = np.array([means[1] - means[0], means[2] - means[0]])
    largest = np.abs(gaps / gaps[:, 1:].std(axis=1, keepdims=True)).max(axis=0)
    return np.mean(largest[1:] >= largest[0] - 1e-9), len(every) - 1


def test_each_effect_is_that_of_two_arms_and_p_values_are_those_of_holm():
    frame = trial(np.random.default_rng(1), each=6, effects=(0.0, 1.0, 0.4, 0.2))
    found = compare_arms(frame, "y", covariates=["x"], strata="region", **ROLES)
    assert [one.treated for one in found.effects] == ["calls", "letters", "visits"]
    for one in found.effects:
        part = frame[frame["arm"].isin(["usual", one.treated])]
        asked = {"arm": "arm", "cluster": "clinic", "covariates": ["x"], "strata": "region", "level": 1 - 0.05 / 3}
        assert one == estimate_effect(part, "y", treated=one.treated, **asked)
    alone = [one.p_value for one in found.effects]
    assert found.p_values_adjusted == pytest.approx(multipletests(alone, method="holm")[1])


@pytest.mark.parametrize("effects", [(0.0, 0.0, 0.0), (0.0, 1.5, 0.0), (0.0, 2.0, 2.5)])
def test_randomisation_counts_the_allocations_of_all_arms_together(effects):
    frame = trial(np.random.default_rng(2), effects=effects)
    found = compare_arms(frame, "y", estimator="randomisation", **ROLES)
    means = frame.groupby("clinic")["y"].mean().to_numpy()
    codes = np.array([NAMES.index(name) for name in frame.groupby("clinic")["arm"].first()])
    joint, total = by_brute_force(means, codes)
    assert found.n_allocations == total == 34_650 and found.exact
    assert found.p_values_adjusted == pytest.approx([max(joint, one.p_value) for one in found.effects])


def test_allocations_keep_to_their_strata_and_covariates_are_taken_out():
    frame = trial(np.random.default_rng(4), effects=(0.0, 0.3, 0.0))
    asked = {"estimator": "randomisation", "covariates": ["size"], "strata": "region", **ROLES}
    found = compare_arms(frame, "y", **asked)
    first = frame.groupby("clinic", as_index=False).agg(
        {"arm": "first", "region": "first", "size": "mean", "y": "mean"}
    )
    values = first["y"] - np.polyval(np.polyfit(first["size"], first["y"], 1), first["size"])
    codes = np.array([NAMES.index(name) for name in first["arm"]])
    halves = [list(allocations(codes[:6])), list(allocations(codes[6:]))]
    every = np.array([codes, *(np.append(one, other) for one in halves[0] for other in halves[1])])

    every_value, in_north = (np.tile(one, (len(every), 1)) for one in (values, first["region"] == "north"))

    def least_squares(label):
        used = np.isin(every, [0, label])
        columns = [one[used].reshape(len(every), -1) for one in (every == label, in_north, every >= 0, every_value)]
        design = np.stack(columns[:3], axis=-1).astype(float)
        return np.einsum("nij,nj->ni", np.linalg.pinv(design), columns[3])[:, 0]

    gaps = np.array([least_squares(label) for label in (1, 2)])
    largest = np.abs(gaps / gaps[:, 1:].std(axis=1, keepdims=True)).max(axis=0)
    joint = np.mean(largest[1:] >= largest[0] - 1e-9)
    assert found.n_allocations == 90**2 == len(every) - 1
    assert joint > min(one.p_value for one in found.effects), "else the joint test would not be seen"
    assert found.p_values_adjusted == pytest.approx([max(joint, one.p_value) for one in found.effects])


def test_with_four_arms_every_set_of_comparisons_that_holds_an_arm_counts(monkeypatch):
    frame = trial(np.random.default_rng(4), effects=(0.0, 3.0, 0.5, 0.2))
    monkeypatch.setattr(arms, "MOST_LISTED", 40_000)
    monkeypatch.setattr(arms, "DRAWS", 4_000)
    found = compare_arms(frame, "y", estimator="randomisation", rng=np.random.default_rng(1), **ROLES)
    pairs = {}
    for left_out in ("calls", "letters", "visits"):
        rest = compare_arms(frame[frame["arm"] != left_out], "y", estimator="randomisation", **ROLES)
        assert rest.exact
        pairs[left_out] = dict(zip([one.treated for one in rest.effects], rest.p_values_adjusted))
    assert found.n_allocations == 63_063_000 and not found.exact
    assert "a sample of 63,063,000 allocations" in str(found)
    for one, adjusted in zip(found.effects, found.p_values_adjusted):
        assert adjusted >= max(pair.get(one.treated, 0) for pair in pairs.values())


def test_a_sample_of_allocations_is_near_all_of_them(monkeypatch):
    frame = trial(np.random.default_rng(2), effects=(0.0, 1.5, 0.0))
    exact = compare_arms(frame, "y", estimator="randomisation", **ROLES).p_values_adjusted
    monkeypatch.setattr(arms, "MOST_LISTED", 100)
    drawn = compare_arms(frame, "y", estimator="randomisation", rng=np.random.default_rng(1), **ROLES)
    assert not drawn.exact and drawn.p_values_adjusted == pytest.approx(exact, abs=4 * (0.25 / 1e5) ** 0.5)
    with pytest.raises(ValueError, match="34,650 allocations are too many to list: give rng="):
        compare_arms(frame, "y", estimator="randomisation", **ROLES)


def test_a_comparison_says_what_its_numbers_are():
    frame = trial(np.random.default_rng(1), each=6)
    found = compare_arms(frame, "y", level=0.9, **ROLES)
    assert str(found).splitlines()[0] == "y: each arm minus usual, cr2, individual average"
    assert "90 % for all together (Bonferroni, each 95 %)" in str(found) and "family-wise (Holm)" in str(found)
    assert found.to_frame()["p_value_adjusted"].tolist() == list(found.p_values_adjusted)
    assert found._repr_html_().count("<tr") == 3
    exact = compare_arms(trial(np.random.default_rng(1)), "y", estimator="randomisation", **ROLES)
    assert "family-wise (closed test of the largest difference, all 34,650 allocations)" in str(exact)


@pytest.mark.parametrize(
    ("change", "asked", "message"),
    [
        ({}, {"control": "none"}, "three arms or more, one of them the control 'none'"),
        ({"arm": ["usual", "calls"] * 18}, {}, "'arm' is not constant inside 'clinic'"),
        ({"arm": np.repeat(["usual", "calls"], 18)}, {}, "three arms or more"),
        ({}, {"rng": np.random.default_rng(1)}, "rng is for the estimator 'randomisation' alone"),
        ({"y": 1.0}, {}, "'y' is constant"),
    ],
)
def test_what_cannot_be_compared_is_refused(change, asked, message):
    with pytest.raises(ValueError, match=message):
        compare_arms(trial(np.random.default_rng(1)).assign(**change), "y", **(ROLES | asked))


def test_three_arms_are_led_to_this_function():
    with pytest.raises(ValueError, match="has 3 arms: ask compare_arms"):
        estimate_effect(trial(np.random.default_rng(1)), "y", arm="arm", cluster="clinic", treated="calls")


@pytest.mark.slow
@pytest.mark.parametrize("estimator, each", [("randomisation", 4), ("cr2", 8), ("cluster_means", 6)])
@pytest.mark.parametrize("effects", [(0.0, 0.0, 0.0), (0.0, 3.0, 0.0)])
def test_the_family_wise_error_holds_whichever_arms_work(estimator, each, effects):
    rng, draws, wrong, covered = np.random.default_rng(5), 800, 0, 0
    for _ in range(draws):
        frame = trial(rng, each=each, rows=1 if estimator == "randomisation" else 3, effects=effects)
        found = compare_arms(frame, "y", estimator=estimator, **ROLES)
        true = [effects[NAMES.index(one.treated)] for one in found.effects]
        wrong += any(p <= 0.05 for p, effect in zip(found.p_values_adjusted, true) if effect == 0)
        covered += all(one.ci_low <= effect <= one.ci_high for one, effect in zip(found.effects, true))
    # Four Monte Carlo errors.
    assert wrong / draws < 0.05 + 4 * (0.05 * 0.95 / draws) ** 0.5
    assert covered / draws > 0.95 - 4 * (0.05 * 0.95 / draws) ** 0.5
