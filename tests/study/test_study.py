"""A study answers questions with typed records, stamped with where they come from."""

import dataclasses
import math
import shutil

import pandas as pd
import pytest

import holf
from clustertrials.results import Effect, Icc
from holf.confidential.read.report import DropInError
from holf.paths import MARK_FILE, project_root
from holf.simulation.worlds import write_study
from holf.study.answers import Attrition, Change, Level
from holf.study.study import StudyError


@pytest.fixture(scope="module")
def study(studies):
    return studies[0]


def test_no_answer_is_a_frame(study):
    answers = [
        study.flow(),
        *study.baseline(),
        *study.levels("income"),
        study.effect("income"),
        study.change("income", "holf"),
        study.icc("income"),
        *study.attrition("housing"),
    ]
    for answer in answers:
        assert dataclasses.is_dataclass(answer) and answer.source == "simulated: null world"
        assert not any(isinstance(value, pd.DataFrame | pd.Series) for value in vars(answer).values())
    assert {type(answer) for answer in answers} >= {Level, Effect, Change, Icc, Attrition}
    public = [value for name, value in vars(study).items() if not name.startswith("_")]
    assert not any(isinstance(value, pd.DataFrame | dict) for value in public)


def test_effect_is_that_of_the_rows(study, tmp_path):
    """The study's own joins against joins written out here."""
    folder = project_root() / "data" / "simulated" / "null"
    read = {name: pd.read_csv(folder / f"{name}.csv") for name in ("register", "parents", "families", "offices")}
    frame = read["register"].merge(read["parents"], on="parent_id").merge(read["families"][["family_id", "office_id"]])
    frame = frame.merge(read["offices"]).query("participates == 1")
    wide = frame.pivot(index=["parent_id", "office_id", "arm"], columns="wave", values="income").reset_index()
    wanted = holf.estimate_effect(wide, "m24", arm="arm", cluster="office_id", treated="holf", covariates=["m0"])
    found = study.effect("income", "m24")
    assert found.estimate == pytest.approx(wanted.estimate, rel=1e-9) and found.se == pytest.approx(wanted.se, rel=1e-9)
    assert found.n_units == 862 and found.n_clusters == 29


def test_every_outcome_and_wave_has_an_effect(study):
    for outcome in study.plan.outcomes.values():
        for wave in outcome.waves:
            effect = study.effect(outcome.id, wave)
            assert effect.ci_low < effect.estimate < effect.ci_high and 0 <= effect.p_value <= 1


def test_planted_differences_are_recovered(studies):
    """In the worlds with a difference, the interval holds the planted one and the sign is right, for income."""
    planted = holf.load_assumptions()["effect_income"].value
    for study, sign in zip(studies[1:], (1, -1)):
        effect = study.effect("income")
        assert effect.ci_low < sign * planted < effect.ci_high and effect.estimate * sign > 0


def test_second_contrast_compares_inside_offices(study):
    effect = study.effect("income", contrast="coordinator")
    assert effect.estimator == "within_cluster_difference" and effect.df == 28
    eligible = study.sizes("parents", contrast="coordinator")
    mine = study.sizes("parents")
    assert eligible.mean > mine.mean and mine.mean * mine.n_offices == pytest.approx(884)


def test_attrition_adds_up(study):
    for outcome, lost in (("housing", 884 - study.effect("housing").n_units), ("income", 22)):
        losses = study.attrition(outcome)
        assert sum(loss.n_expected for loss in losses) == 884
        assert sum(loss.n_expected - loss.n_measured for loss in losses) == lost
    holf_offices, local = study.attrition("housing")
    assert 0 < holf_offices.office_sd < 0.5 and holf_offices.office_mean == pytest.approx(local.office_mean, abs=0.1)


def test_change_and_levels_agree(study):
    change, levels = study.change("income", "holf"), study.levels("income")
    before, after = (one.mean for one in levels if one.group == "holf" and one.wave in ("m0", "m12"))
    assert (change.before, change.after, change.change) == pytest.approx((before, after, after - before))


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda study: study.effect("housing", "m24"), "not registered at 'm24'"),
        (lambda study: study.effect("happiness"), "known: employment"),
        (lambda study: study.effect("income", contrast="coordinator", estimator="cr2"), "has one estimator"),
        (lambda study: study.change("income", "ordinary"), "nobody in group"),
        (lambda study: study.odds("income"), "odds of income: .*not 0/1"),
    ],
)
def test_wrong_questions(study, ask, said):
    with pytest.raises(ValueError, match=said):
        ask(study)


def test_simulated_tables_that_lost_their_mark_are_not_taken_for_real_ones(tmp_path):
    for path in (project_root() / "data" / "simulated" / "null").glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(DropInError, match="an id begins with SYN-, as only simulated rows do"):
        holf.open_study(tmp_path)


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """A folder of simulated tables, whose mark tests change."""
    return write_study("null", tmp_path_factory.mktemp("marked") / "x", seed=1)


@pytest.mark.parametrize(
    "mark",
    [
        '{"simulated": true}',
        "not json",
        "",
        '{"simulated": "yes", "world": "null", "seed": 1, "made_from": {}}',
        '{"simulated": true, "world": "Oslo", "seed": 1, "made_from": {}}',
    ],
)
def test_a_mark_that_is_not_whole_and_true_is_no_mark(marked, mark):
    (marked / MARK_FILE).write_text(mark)
    with pytest.raises(StudyError, match="not marked as simulated"):
        holf.open_study(marked)


def test_ids_that_are_not_synthetic_are_refused_whatever_the_mark_says(tmp_path):
    folder = write_study("null", tmp_path / "x", seed=1)
    for path in folder.glob("*.csv"):
        path.write_text(path.read_text().replace("SYN-F", "4711-"))
    with pytest.raises(StudyError, match="holds other ids than SYN-") as caught:
        holf.open_study(folder)
    assert "4711" not in str(caught.value)


def test_own_tables_older_than_their_inputs_or_of_another_world_are_refused(tmp_path, monkeypatch):
    for name in ("data", "holf"):
        shutil.copytree(project_root() / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("HOLF_ROOT", str(tmp_path))
    assert holf.open_study("null").source == "simulated: null world"
    assumptions = tmp_path / "data" / "assumptions.yml"
    text = assumptions.read_text(encoding="utf-8")
    assumptions.write_text(text.replace("value: 760", "value: 761"), encoding="utf-8")
    with pytest.raises(
        StudyError,
        match=r"null: the tables are out of date, because data/assumptions.yml#\w+ changed since they were drawn; run `make book`",
    ):
        holf.open_study("null")
    own = tmp_path / "data" / "simulated"
    shutil.copy(own / "harm" / MARK_FILE, own / "null" / MARK_FILE)
    assumptions.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match="another world"):
        holf.open_study("null")


def test_a_folder_of_another_seed_opens(tmp_path):
    folder = write_study("benefit", tmp_path / "mine", seed=7)
    assert (folder / MARK_FILE).exists()
    assert holf.open_study(folder).effect("income").source == "simulated: benefit world"


def test_recruitment_is_compared_as_offices_were_drawn(study):
    found = study.recruitment()
    assert found[0].characteristic == "units a cluster" and len(found) == 6
    sizes = {arm: study.sizes("families", arm=arm) for arm in ("holf", "local")}
    assert found[0].difference == pytest.approx(sizes["holf"].mean - sizes["local"].mean)
    assert all(one.exact and one.n_allocations == math.comb(29, 15) and 0 < one.p_value <= 1 for one in found)


def test_every_method_stands_beside_the_planned_one(study):
    found = study.specifications("housing")
    names = [(effect.estimator, bool(effect.covariates)) for effect in found]
    assert len(set(names)) == len(names) and names[0] == ("cr2", True)
    assert {("cr2", False), ("cluster_means", False), ("ipw", True), ("gee_md", True), ("naive", True)} <= set(names)
    assert all(effect.ci_low < effect.estimate < effect.ci_high for effect in found)


def test_a_plan_without_covariates_has_each_method_once(study, monkeypatch):
    bare = dataclasses.replace(study.plan.outcome("housing"), covariates=())
    monkeypatch.setattr(study, "plan", dataclasses.replace(study.plan, outcomes={"housing": bare}))
    names = [effect.estimator for effect in study.specifications("housing")]
    assert len(set(names)) == len(names) and {"cr2", "cluster_means"} <= set(names)


def test_the_baseline_of_families_inside_offices_compares_their_own_groups(study):
    found = study.baseline("coordinator")
    adults = {one.group: one for one in found if one.label == "Adults in the family"}
    assert set(adults) == {"holf", "local", "ordinary"} and min(one.n for one in adults.values()) > 300
    assert sum(one.n for one in adults.values()) / 29 == pytest.approx(study.sizes(contrast="coordinator").mean)
    staff = {study.plan.outcome(name).label for name in ("working_alliance", "coordinator_competence")}
    assert not staff & {one.label for one in found}, "coordinators are in no group of this contrast"


def test_what_the_answer_hangs_on_agrees_with_the_answer(study):
    effect, exact = study.effect("housing"), {one.statistic: one for one in study.exact("housing")}
    by_offices = study.effect("housing", estimator="randomisation")
    assert exact["office means"].p_value == by_offices.p_value
    assert exact["office means"].value == pytest.approx(by_offices.estimate)
    assert exact["adjusted coefficient"].value == pytest.approx(effect.estimate)
    assert all(0 < one.p_value <= 1 and one.exact for one in exact.values())
    gap = study.gap("housing")
    assert gap.individual_average == pytest.approx(effect.estimate) and gap.ci_low < gap.estimate < gap.ci_high
    assert gap.cluster_average == pytest.approx(study.effect("housing", estimator="cluster_means").estimate)
    manski, lee = study.bounds("housing")
    unadjusted = study.effect("housing", adjusted=False).estimate
    assert manski.lower < lee.lower <= unadjusted <= lee.upper < manski.upper
    sanity = study.sanity("housing")
    assert (sanity.n_treated, sanity.n_other) == (15, 14) and sanity.df == effect.df and sanity.design_effect > 1
    tipping = study.tipping("housing")
    assert tipping.estimate == pytest.approx(effect.estimate) and tipping.below < 0 < tipping.above


def test_a_scale_without_ends_has_no_worst_case(study):
    assert [found.method for found in study.bounds("income")] == ["lee"]
    assert [found.method for found in study.bounds("employment")] == ["manski", "lee"]
