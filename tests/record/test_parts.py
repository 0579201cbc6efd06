"""Parts of data files: which are asked for, and which edits change which part."""

import json
import shutil

import numpy as np
import pytest

from holf.book.chapters import list_chapters
from holf.book.freshness import RUNS, why_stale
from holf.confidential.read.reader import read_simulated
from holf.paths import MARK_FILE, READS_LOG, project_root
from holf.record.facts import load_assumptions, load_ledger, load_sources
from holf.record.parts import part_digests
from holf.record.plan import load_plan
from holf.record.schema import load_schema
from holf.simulation.worlds import why_old
from holf.study.questions import simulated_study

PROJECT = project_root()
ON_RECORD = {
    entry["chapter"]: entry["parts"]
    for entry in map(json.loads, (PROJECT / RUNS).read_text(encoding="utf-8").splitlines())
}


@pytest.fixture
def noted(tmp_path, monkeypatch):
    """What is noted, as a chapter's kernel would, from here on."""
    log = tmp_path / "reads"
    log.touch()
    monkeypatch.setenv(READS_LOG, str(log))
    return lambda: {*log.read_text(encoding="utf-8").split()}


def test_a_row_an_entry_and_a_remark_are_noted_when_they_are_asked_for(noted):
    ledger, assumed, plan = load_ledger(), load_assumptions(), load_plan()
    general = {f"data/plan.yml#{part}" for part in ("trial", "arms", "waves", "worlds", "contrasts", "model")}
    assert noted() == general
    assert ledger["F044"].number and assumed["icc_grid"].value and plan.outcome("income").label
    asked = {"data/facts.csv#F044", "data/assumptions.yml#icc_grid", "data/plan.yml#outcomes/income"}
    assert noted() == general | asked
    assert "F999" not in ledger and ledger.remark("F066")
    assert noted() == general | asked | {"data/facts.csv#F999", "data/facts.csv#F066:remark"}


def test_whoever_goes_through_all_rows_is_noted_with_the_file(noted):
    ledger = load_ledger()
    assert load_sources(ledger) and "data/facts.csv" not in noted(), "a check of every row shows none"
    assert ledger.groups() and "data/facts.csv" in noted()
    assert len(load_plan().outcomes) and "data/plan.yml#outcomes" in noted()


@pytest.fixture
def data(tmp_path, monkeypatch):
    """The project with data of its own to change."""
    for name in ("chapters", "requirements.lock", "holf", "clustertrials"):
        (tmp_path / name).symlink_to(PROJECT / name)
    shutil.copytree(PROJECT / "data", tmp_path / "data")
    monkeypatch.setenv("HOLF_ROOT", str(tmp_path))
    return tmp_path / "data"


def edit(path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


EDITS = {
    "data/facts.csv#F046": ("facts.csv", "\nF046,", "\nF046,other "),
    "data/facts.csv#F046:remark": ("facts.csv", "\nF047,", "and more\nF047,"),
    "data/assumptions.yml#icc_housing": ("assumptions.yml", "\nicc_housing: {value: 0.05", "\nicc_housing: {value: 0.06"),
    "data/plan.yml#outcomes/housing": ("plan.yml", "label: Housing situation", "label: Housing"),
    "data/simulated/null#survey.housing_quality": ("simulated/null/survey.csv", "housing_quality\n", "housing_quality\n"),
}  # fmt: skip


def follows(parts: dict, part: str) -> bool:
    """Whether a run asked for a part, or for something that holds it."""
    return any(part[: len(one)] == one and part[len(one) : len(one) + 1] in ("", "/", "#") for one in parts)


@pytest.mark.parametrize("part", EDITS)
def test_an_edit_makes_stale_the_chapters_that_asked_for_that_part_and_no_other(data, part):
    file, old, new = EDITS[part]
    path = data / file
    if "survey" in file:
        head, first, rest = path.read_text(encoding="utf-8").split("\n", 2)
        place = head.split(",").index("housing_quality")
        cells = first.split(",")
        cells[place] = "9"
        path.write_text("\n".join((head, ",".join(cells), rest)), encoding="utf-8")
    else:
        edit(path, old, new)
    stale = {chapter.name: why_stale(chapter) for chapter in list_chapters()}
    followers = {name for name, parts in ON_RECORD.items() if follows(parts, part)}
    assert {name for name, why in stale.items() if why} == followers
    assert followers or part.endswith("remark"), "nothing asked for it: the test shows nothing"
    assert all(part.startswith(why[0]) for why in stale.values() if why)


def test_an_assumption_of_one_outcome_runs_at_most_three_chapters():
    """Its page, the page of all effects, and the explorer. Staff competence has two pages and no place in the explorer.

    What is simulated for an outcome stands in the columns of its table, its keys aside.
    """
    plan = load_plan()
    for outcome in plan.outcomes.values():
        waves = (plan.baseline, *outcome.waves)
        columns = {f"{outcome.table}.{outcome.column.format(wave=wave)}" for wave in waves}
        parts = [f"data/simulated/{world}#{column}" for world in plan.worlds for column in columns]
        kind = outcome.id.replace("coordinator_", "").replace("leader_", "").replace("working_", "")
        parts += [f"data/assumptions.yml#{name}" for name in load_assumptions() if kind in name.split("_")]
        followers = {chapter for chapter, asked in ON_RECORD.items() if any(follows(asked, part) for part in parts)}
        assert "effects" in followers and len(followers) <= 3, f"{outcome.id}: {sorted(followers)}"


def test_a_new_row_or_another_note_runs_nothing_and_simulates_nothing(data):
    with open(data / "facts.csv", "a", encoding="utf-8") as stream:
        stream.write("F999,other,A new fact,5,families,published,registry,,consistent,,\n")
    edit(data / "facts.csv", "\nF047,", " More of a note.\nF047,")
    assert not [chapter.name for chapter in list_chapters() if why_stale(chapter)]
    mark = json.loads((data / "simulated" / "null" / MARK_FILE).read_text(encoding="utf-8"))
    assert why_old(mark, "null") == ""


def test_tables_are_old_once_a_number_that_they_follow_from_changes(data):
    mark = json.loads((data / "simulated" / "null" / MARK_FILE).read_text(encoding="utf-8"))
    assert why_old(mark, "null") == "" and "another world" in why_old(mark, "harm")
    edit(data / "plan.yml", "gee, cr3, naive]", "gee, naive]")
    assert why_old(mark, "null") == "", "how outcomes are analysed moves nothing in the tables"
    edit(data / "assumptions.yml", "\nicc_housing: {value: 0.05", "\nicc_housing: {value: 0.06")
    assert why_old(mark, "null") == "data/assumptions.yml#icc_housing changed since they were drawn"
    assert "what they were made from" in why_old(mark | {"made_from": {}}, "null"), "a mark that names no part"


def test_what_is_not_there_is_missing():
    names = ["data/none.csv", "data/facts.csv#F999", "data/plan.yml#outcomes/none", "data/simulated/null#survey.none"]
    assert part_digests(names) == dict.fromkeys(sorted(names), "missing")


QUESTIONS = {
    "effect": lambda study: study.effect("housing"),
    "specifications": lambda study: study.specifications("participation"),
    "attrition": lambda study: study.attrition("income"),
    "baseline": lambda study: study.baseline(),
    "recruitment": lambda study: study.recruitment(),
    "flow": lambda study: study.flow(),
    "change": lambda study: study.change("working_alliance", "holf"),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_no_column_that_was_not_noted_moves_an_answer(noted, question):
    """Each column that the question did not note is put in another order: the answer stays, to the last digit."""
    plan, schema, ask = load_plan(), load_schema(), QUESTIONS[question]
    tables = read_simulated(PROJECT / "data" / "simulated" / "null", schema)
    answer = ask(simulated_study(tables, plan, schema, world="null", part="data/simulated/null"))
    asked, rng = noted(), np.random.default_rng(1)
    other = {name: frame.copy() for name, frame in tables.items()}
    moved = 0
    for name, frame in other.items():
        for column in frame.columns:
            if f"data/simulated/null#{name}.{column}" not in asked:
                frame[column] = frame[column].to_numpy()[rng.permutation(len(frame))]
                moved += 1
    assert moved > 5
    assert repr(ask(simulated_study(other, plan, schema, world="null"))) == repr(answer)
