"""Family against cluster average, and odds beside risks: jackknives against brute force, and their edges."""

import numpy as np
import pandas as pd
import pytest
from reference_trials import ROLES, read
from statsmodels.formula.api import logit
from test_estimators import small

from clustertrials.estimands import estimand_gap, jackknife
from clustertrials.estimators import estimate_effect
from clustertrials.ratios import ratio


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


def odds_ratio(frame, outcome, **asked):
    return ratio(frame, outcome, measure="odds", estimator="jackknife", **asked)


@pytest.mark.parametrize("covariates", [[], ["s"], ["x", "s"]])
def test_odds_ratio_leaves_out_each_cluster_by_a_fit_of_its_own(covariates):
    """Cluster by cluster with statsmodels, which knows no distinct rows."""
    generator = np.random.default_rng(4)
    frame = pd.DataFrame({"clinic": np.repeat(np.arange(12), 15), "b": generator.integers(0, 2, 180)})
    frame = frame.assign(s=generator.integers(0, 2, 180), x=generator.normal(size=180), new=frame["clinic"] % 2)

    def log_odds(part):
        fit = logit(" + ".join(["b ~ new", *covariates]), part).fit(disp=0, tol=1e-13)
        risks = np.array([fit.predict(part.assign(new=arm)).mean() for arm in (1, 0)])
        return float(np.log(risks / (1 - risks)) @ [1, -1])

    found = odds_ratio(frame, "b", arm="new", cluster="clinic", treated=1, covariates=covariates)
    left_out = np.array([log_odds(frame[frame["clinic"] != k]) for k in range(12)])
    assert np.log(found.estimate) == pytest.approx(log_odds(frame), rel=1e-9)
    assert found.se_log == pytest.approx(jackknife(left_out, np.arange(12) % 2 == 1) ** 0.5, rel=1e-9)
