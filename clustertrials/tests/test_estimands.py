"""Family against cluster average, and odds beside risks: jackknives against brute force, and their edges."""

import numpy as np
import pandas as pd
import pytest
from reference_trials import ROLES, read
from test_estimators import small

from clustertrials.estimands import estimand_gap, jackknife
from clustertrials.estimators import estimate_effect


def both(frame, covariates):
    """The two effects by the public estimators."""
    found = [
        estimate_effect(frame, "y", estimator=name, covariates=covariates, **ROLES) for name in ("cr2", "cluster_means")
    ]
    return found[0].estimate, found[1].estimate


@pytest.mark.parametrize("covariates", [(), ("x",), ("x", "z")])
def test_gap_is_a_jackknife_of_the_two_public_estimators(covariates):
    frame = read("tiny")
    clinics = frame["clinic"].unique()
    treated = np.array([frame["arm"][frame["clinic"] == k].iloc[0] == "new" for k in clinics])
    found = estimand_gap(frame, "y", covariates=covariates, **ROLES)
    assert (found.individual_average, found.cluster_average) == pytest.approx(both(frame, covariates))
    left_out = np.array([np.subtract(*both(frame[frame["clinic"] != k], covariates)) for k in clinics])
    assert found.se == pytest.approx(jackknife(left_out, treated) ** 0.5, rel=1e-9)
    assert found.df == len(clinics) - (3 if "z" in covariates else 2)
    assert found.ci_low < found.estimate == found.individual_average - found.cluster_average < found.ci_high


def test_a_gap_that_was_planted_is_seen():
    """The effect is 0 in small clinics and 2 in large ones."""
    generator = np.random.default_rng(9)
    sizes = np.tile([5, 5, 60, 60], 6)
    clinic = np.repeat(np.arange(24), sizes)
    arm = np.where(clinic % 2, "new", "usual")
    y = 2.0 * (clinic % 2) * (sizes[clinic] > 5) + 0.3 * generator.normal(size=len(clinic))
    found = estimand_gap(pd.DataFrame({"y": y, "arm": arm, "clinic": clinic}), "y", **ROLES)
    assert found.individual_average == pytest.approx(2 * 60 / 65, abs=0.1)
    assert found.cluster_average == pytest.approx(1, abs=0.1)
    assert found.ci_low > 0 and found.p_value < 0.05


def test_gap_is_undefined_for_clinics_of_one_size():
    with pytest.raises(ValueError, match="'y': individual and cluster average cannot differ"):
        estimand_gap(small(), "y", **ROLES)


def test_gap_needs_every_clinic_to_be_spared():
    frame = small().drop(index=1).assign(own=lambda f: (f["clinic"] == 2) * 1)
    with pytest.raises(ValueError, match="'y': a coefficient rests on one cluster"):
        estimand_gap(frame, "y", covariates=["own"], **ROLES)
