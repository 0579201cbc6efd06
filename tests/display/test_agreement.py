"""The estimators against R's frozen answers, on simulated and on real trials (tests/reference/README.md)."""

import hashlib
import json

import pandas as pd
import pytest
import reference_trials
from bs4 import BeautifulSoup
from reference import make_study
from reference.compare import disagreements, read
from reference.counts import counted

from clustertrials.estimators import estimate_effect
from holf.book.marks import page_faults
from holf.display import methods
from holf.paths import project_root
from holf.record.source import CLASSES, MARK
from holf.study.agreement import (
    COVARIATES,
    OUTCOMES,
    ROLES,
    answers,
    compared,
    leaves,
    load_trials,
    read_table,
    references,
    tolerance,
)

TRIALS, OTHER = load_trials(), CLASSES["elsewhere"].mark
HERE = [name for name, trial in TRIALS.items() if trial.table]
# Where each estimator's standard error and degrees of freedom stand among R's answers.
ANCHORS = {"cr2": ("robust", "CR2"), "cr3": ("robust", "CR3"), "mixed": ("mixed",), "cluster_means": ("offices",)}


def effect(frame, outcome="y", **changes):
    return estimate_effect(frame, outcome, **(ROLES | changes))


@pytest.mark.parametrize("outcome", OUTCOMES)
@pytest.mark.parametrize("trial", TRIALS)
def test_every_number_agrees_with_r(trial, outcome):
    found = compared(TRIALS[trial], outcome)
    assert list(found["path"][~(found["distance"] <= found["tolerance"])]) == []
    assert len(found) == (88 if outcome == "y" else 94)


@pytest.mark.parametrize("trial", HERE)
def test_every_count_of_allocations_is_that_of_r(trial):
    found = counted(TRIALS[trial])
    assert len(found) >= 12 and list(found["path"][found["ours"] != found["reference"]]) == []


def test_tolerances_are_those_that_were_promised():
    promised = {
        "x/robust/CR0/se": 1e-9, "none/robust/CR2/df": 1e-9, "x_z/robust/CR3/se": 1e-9, "x/mixed/estimate": 1e-6,
        "x/mixed/se_plain": 1e-5, "x/mixed/between": 1e-5, "x/mixed/se": 1e-6, "x/mixed/df": 1e-6,
        "x/gee/estimate": 1e-8, "x/gee/alpha": 1e-8, "x/gee/arms/fay_graubard": 1e-6,
        "x/gee/arms/mancl_derouen": 1e-6, "icc/low": 1e-9, "icc_reml/low": 1e-5,
    }  # fmt: skip
    assert {path: tolerance(path) for path in promised} == promised


def test_the_comparison_with_r_can_fail():
    reference = references("tiny")["y"]
    found = answers(read("tiny"), "y")
    found["x"]["mixed"]["df"] *= 1 + 3 * tolerance("x/mixed/df")
    found["none"]["robust"]["CR2"]["se"] = float("nan")
    found["icc_reml"]["high"] *= 1 + 3 * tolerance("icc_reml/high")
    assert disagreements(found, reference) == ["none/robust/CR2/se", "x/mixed/df", "icc_reml/high"]
    del found["x_z"]["gap"]["se"]
    with pytest.raises(KeyError, match="x_z/gap/se"):
        disagreements(found, reference)


def test_the_trial_that_stays_outside_agreed_with_r():
    agreement = json.loads((project_root() / "data/reference/achievement_agreement.json").read_text(encoding="utf-8"))
    paths = {path for path, _ in leaves(references("achievement"))}
    assert agreement["relative_distance"].keys() == paths and len(agreement["sha256"]) == 64
    with pytest.raises(ValueError, match="not in this repository"):
        read_table(TRIALS["achievement"])


def test_the_frozen_study_is_that_of_the_simulated_tables(tmp_path):
    """R's answers hold for one state of the simulated tables; a new simulation needs R once more."""
    simulated = project_root() / "data" / "simulated"
    frozen = (simulated / "reference" / "study.csv").read_text(encoding="utf-8")
    again = "the simulated tables have changed: run make_study.py and R again, as tests/reference/README.md says"
    assert make_study.study_frame().to_csv(index=False) == frozen, again
    for name in make_study.TABLES:
        content = (simulated / "null" / f"{name}.csv").read_text(encoding="utf-8")
        (tmp_path / f"{name}.csv").write_text(content.replace("20500", "20600"), encoding="utf-8")
    assert make_study.study_frame(tmp_path).to_csv(index=False) != frozen, "a changed simulation is seen"


@pytest.mark.parametrize("name", ["main", "tiny", "zero"])
def test_the_frozen_small_trials_are_those_that_other_tests_draw(name):
    pd.testing.assert_frame_equal(
        reference_trials.read(name).rename(columns={"clinic": "office"}), read_table(TRIALS[name]), check_exact=True
    )


def test_r_answered_about_the_rows_that_are_here():
    """MD5, because it is what R has of its own."""
    for file in ("estimators", "counts"):
        frozen = json.loads((project_root() / "data" / "reference" / f"{file}.json").read_text(encoding="utf-8"))
        assert frozen["inputs_md5"].keys() == set(HERE)
        for name in HERE:
            rows = (project_root() / "data" / TRIALS[name].table).read_bytes()
            assert hashlib.md5(rows).hexdigest() == frozen["inputs_md5"][name], f"{name}: run R again"


@pytest.mark.parametrize("covariates", COVARIATES)
@pytest.mark.parametrize("trial", HERE)
def test_the_public_call_hands_on_what_r_answers(trial, covariates):
    reference = references(trial)["y"][covariates]
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


def page(tmp_path, *tables):
    """A page with tables in one output, under the banner of a simulated page."""
    path = tmp_path / "page.html"
    output = "".join(table._repr_html_() for table in tables)
    path.write_text(
        f'<title>{MARK}: x</title><h1>x</h1><aside class="holf-banner-simulated">{MARK}</aside>'
        f'<div class="cell_output">{output}</div>', encoding="utf-8")  # fmt: skip
    return path


def test_another_trials_numbers_are_marked_and_the_mark_is_checked(tmp_path):
    simulated, other = (
        methods.summary_table([(TRIALS[name], compared(TRIALS[name], "y"))]) for name in ("tiny", "schisto")
    )
    assert repr(simulated).startswith(f"{MARK} (few small") and repr(other).startswith(f"{OTHER} (schisto")
    spoilt = page(tmp_path, simulated, other)
    assert page_faults(spoilt) == []
    soup = BeautifulSoup(spoilt.read_text(encoding="utf-8"), "html.parser")
    soup.select_one('table[data-holf="elsewhere"] .holf-mark').decompose()
    spoilt.write_text(str(soup), encoding="utf-8")
    assert any(f"is elsewhere, but does not begin with {OTHER}" in fault for fault in page_faults(spoilt))


def test_the_licence_of_each_trial_is_on_the_page():
    shown = repr(methods.trials_table(list(TRIALS.values())))
    assert shown.count("CC0 1.0") == len(HERE) and "GPL-3" in shown
