"""The estimators against R's frozen answers, on simulated and on real trials (tests/reference/README.md)."""

import json

import pytest
from reference.compare import COVARIATES, HERE, ROLES, answers, disagreements, leaves, read, references, tolerance

from holf.inference.estimators import estimate_effect

TRIALS = ("main", "tiny", "zero", "schisto")
# Where each estimator's standard error and degrees of freedom stand among R's answers.
ANCHORS = {"cr2": ("robust", "CR2"), "cr3": ("robust", "CR3"), "mixed": ("mixed",), "cluster_means": ("offices",)}


def effect(frame, outcome="y", **changes):
    return estimate_effect(frame, outcome, **(ROLES | changes))


@pytest.mark.parametrize("outcome", ["y", "b"])
@pytest.mark.parametrize("trial", TRIALS)
def test_every_number_agrees_with_r(trial, outcome):
    assert disagreements(answers(read(trial), outcome), references()[trial][outcome]) == []


def test_the_comparison_with_r_can_fail():
    reference = references()["tiny"]["y"]
    found = answers(read("tiny"), "y")
    found["x"]["mixed"]["df"] *= 1 + 3 * tolerance("x/mixed/df")
    found["none"]["robust"]["CR2"]["se"] = float("nan")
    assert disagreements(found, reference) == ["none/robust/CR2/se", "x/mixed/df"]
    del found["x_z"]["gap"]["se"]
    with pytest.raises(KeyError, match="x_z/gap/se"):
        disagreements(found, reference)


def test_the_trial_that_stays_outside_agreed_with_r():
    agreement = json.loads((HERE / "achievement_agreement.json").read_text())
    reference = references("achievement.json")["achievement"]
    paths = {path for path, _ in leaves(reference)}
    assert agreement["relative_distance"].keys() == paths
    assert all(gap <= tolerance(path.split("/", 1)[1]) for path, gap in agreement["relative_distance"].items())


@pytest.mark.parametrize("covariates", COVARIATES)
@pytest.mark.parametrize("trial", TRIALS)
def test_the_public_call_hands_on_what_r_answers(trial, covariates):
    reference = references()[trial]["y"][covariates]
    for name, path in ANCHORS.items():
        found = effect(read(trial), estimator=name, covariates=COVARIATES[covariates])
        expected = reference[path[0]] | (reference[path[0]][path[1]] if len(path) > 1 else {})
        most = found.n_clusters - (3 if "z" in covariates else 2)
        assert found.estimate == pytest.approx(expected["estimate"], rel=1e-6)
        assert found.se == pytest.approx(expected["se"], rel=1e-6)
        assert found.df == pytest.approx(min(expected.get("df", most), most), rel=1e-6)
    for name, correction in (("gee", "fay_graubard"), ("gee_md", "mancl_derouen")):
        found = effect(read(trial), estimator=name, covariates=COVARIATES[covariates])
        assert found.se == pytest.approx(reference["gee"]["arms"][correction], rel=1e-6)
        assert found.df == found.n_clusters - 2 - len(COVARIATES[covariates])
