"""Allocations inside strata, wherever a count of allocations is behind an answer."""

import brute_force
import numpy as np
import pandas as pd
import pytest
from reference_trials import ROLES

from clustertrials.cluster_means import adjusted_cluster_means
from clustertrials.estimators import estimate_effect
from clustertrials.influence import recruitment_diagnostics
from clustertrials.randomisation import randomisation_test
from clustertrials.randomisation.allocations import Allocations, best_split, split_sums
from clustertrials.trial import read_trial


def trial(seed=2, rows=5):
    """Ten clinics in two regions, 3 of 6 and 2 of 4 treated, in an order that is not the regions'."""
    generator = np.random.default_rng(seed)
    region, arm = np.array(list("nsnnssnnsn")), np.array([1, 0, 0, 1, 1, 0, 0, 1, 1, 0])
    clinic = np.repeat(np.arange(10), rows)
    order = generator.permutation(len(clinic))
    frame = pd.DataFrame({
        "clinic": clinic, "region": region[clinic], "arm": np.where(arm[clinic] == 1, "new", "usual"),
        "x": generator.normal(size=len(clinic)),
        "y": generator.normal(size=len(clinic)) + 2.0 * (region[clinic] == "n") + generator.normal(size=10)[clinic],
    })  # fmt: skip
    return frame.iloc[order].reset_index(drop=True)


def two_sided(values, treated, strata, statistic=None):
    """Share of the allocations inside strata with a statistic as far from zero, by visiting each."""
    statistic = statistic or (lambda chosen: brute_force.coefficient(values, np.ones(len(values)), strata, chosen))
    observed = abs(statistic({k for k, z in enumerate(treated) if z}))
    every = [abs(statistic(chosen)) for chosen in brute_force.allocations(treated, strata)]
    return sum(value >= observed - 1e-9 for value in every) / len(every), len(every)


def by_clinic(frame, covariates=()):
    read = read_trial(frame, "y", covariates=covariates, **ROLES)
    clinics = frame["clinic"].unique()
    regions = frame.drop_duplicates("clinic").set_index("clinic")["region"]
    return adjusted_cluster_means(read), read.treated_clusters, [regions[clinic] for clinic in clinics]


@pytest.mark.parametrize("covariates", [(), ("x",)])
@pytest.mark.parametrize("seed", range(4))
def test_effect_by_randomisation_counts_inside_strata(seed, covariates):
    frame = trial(seed)
    means, treated, regions = by_clinic(frame, covariates)
    found = estimate_effect(frame, "y", estimator="randomisation", covariates=covariates, strata="region", **ROLES)
    assert (found.p_value, found.n_allocations) == (pytest.approx(two_sided(means, treated, regions)[0]), 20 * 6)
    expected = brute_force.coefficient(means, np.ones(10), regions, {k for k, z in enumerate(treated) if z})
    assert found.estimate == found.statistic == pytest.approx(float(expected))
    assert found.ci_low < found.estimate < found.ci_high
    free = estimate_effect(frame, "y", estimator="randomisation", covariates=covariates, **ROLES)
    assert free.n_allocations == 252


@pytest.mark.parametrize("seed", range(3))
def test_recruitment_counts_inside_strata(seed):
    frame = trial(seed).drop(index=[0, 3, 4, 11])
    means = frame.groupby("clinic")["x"].mean()
    facts = frame.drop_duplicates("clinic").set_index("clinic").loc[means.index]
    treated, regions = (facts["arm"] == "new").to_list(), facts["region"].to_list()
    sizes, found = recruitment_diagnostics(frame, ["x"], strata="region", **ROLES)
    assert found.p_value == pytest.approx(two_sided(means.to_numpy(), treated, regions)[0])
    counts = frame.groupby("clinic").size().to_numpy(float)
    assert sizes.p_value == pytest.approx(two_sided(counts, treated, regions)[0])
    assert found.n_allocations == sizes.n_allocations == 20 * 6
    drawn = set(np.flatnonzero(treated))
    expected = brute_force.coefficient(means.to_numpy(), np.ones(10), regions, drawn)
    assert found.difference == pytest.approx(float(expected))


def test_an_empty_arm_of_a_stratum_is_fixed():
    """A stratum of one arm cannot be drawn otherwise; it neither counts nor disturbs."""
    frame = trial()
    alone = frame.assign(region=frame["region"].where(frame["clinic"] != 0, "own"))
    found = estimate_effect(alone, "y", estimator="randomisation", strata="region", **ROLES)
    assert found.n_allocations == 10 * 6


def test_strata_are_refused_where_they_have_no_meaning():
    frame = trial()
    for change, message in (
        (frame.assign(region=np.where(frame.index == 1, "other", frame["region"])), "'region' is not constant inside"),
        (frame.assign(region=frame["region"].where(frame.index != 1)), "'region' has a row without a stratum"),
        (frame.drop(columns="region"), "'region' is not in the frame"),
        (frame.assign(region=frame["arm"]), "no stratum has clusters of both arms"),
    ):
        for estimator in ("randomisation", "cr2"):
            with pytest.raises(ValueError, match=message):
                estimate_effect(change, "y", estimator=estimator, strata="region", **ROLES)


def test_the_order_of_strata_decides_nothing():
    """40 strata, 85 clusters: refused in file order, accepted in most others, by the first edition."""
    sizes = [4] + [2] * 17 + [3] * 3 + [2] * 19
    rng = np.random.default_rng(5)
    strata = np.repeat(np.arange(40), sizes)
    first = np.flatnonzero(np.diff(strata, prepend=-1))
    treated = np.isin(np.arange(len(strata)), first)
    values = rng.normal(size=len(strata)).round(2)
    answers = set()
    for order in [np.arange(len(strata)), *(rng.permutation(len(strata)) for _ in range(4))]:
        answers.add(randomisation_test(values[order], treated[order], strata=strata[order], interval=False).p_value)
    assert len(strata) == 85 and len(answers) == 1
    ((left, right),) = split_sums(Allocations(treated, strata, 2), values[None]).pairs[-1:]
    sizes, chosen = np.bincount(strata), np.bincount(strata, treated).astype(int)
    rows = best_split(tuple(sizes.tolist()), tuple(chosen.tolist())).rows
    assert max(left.shape[1], right.shape[1]) <= rows < 2**22
