"""Another trial, described by data alone, from its table to effects and a page; and what holf knows of this one."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

import holf
from holf.book.new_trial import write_trial
from holf.confidential.release.document import read_release
from holf.paths import project_root
from holf.record.plan import load_plan
from holf.record.schema import load_schema
from holf.study import questions
from holf.study.answers import is_withheld
from holf.study.tables import Rows

# A release and a book of another trial.
pytestmark = pytest.mark.slow

PROJECT = project_root()
ROWS = PROJECT / "data" / "reference" / "schisto.csv"
COLUMNS = {"antibody": "y", "infection": "b"}


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Project folder and tables of the other trial; `holf` works for that trial while a test of this module runs."""
    book = write_trial(tmp_path_factory.mktemp("other") / "book")
    folder = book / "tables"
    # Held as if the data were private; the template says that they are open.
    plan = book / "data" / "plan.yml"
    plan.write_text(re.sub("  open_data: .*\n", "", plan.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOLF_ROOT", str(book))
        yield book, folder


@pytest.fixture(scope="module")
def study(other):
    return holf.open_study(other[1])


def test_the_template_has_the_rows_that_the_comparison_with_r_keeps():
    rows = pd.read_csv(ROWS, dtype=str, keep_default_na=False)
    template = PROJECT / "templates" / "trial" / "tables"
    children, villages = (
        pd.read_csv(template / f"{name}.csv", dtype=str, keep_default_na=False) for name in ("children", "villages")
    )
    same = {"age": "x", "antibody_y2014": "y", "egg_positive_y2014": "b"}
    assert all(children[here].tolist() == rows[there].tolist() for here, there in same.items())
    assert (children["stool_result"] == "1").tolist() == (rows["b"] != "").tolist()
    of_child = children.merge(villages, on="village_id", how="left", validate="many_to_one")
    assert of_child["village_id"].tolist() == ("V" + rows["office"].str.zfill(2)).tolist()
    assert of_child["treatment"].tolist() == rows["arm"].map({"new": "community", "usual": "school"}).tolist()
    assert of_child["elevation"].tolist() == rows["z"].tolist()


def run(book: Path, *arguments: object) -> subprocess.CompletedProcess:
    return subprocess.run(
        [sys.executable, "-m", "holf.cli", *map(str, arguments)], capture_output=True, text=True, cwd=book
    )


def test_its_tables_pass_the_check_and_broken_ones_do_not(other, tmp_path):
    book, folder = other
    done = run(book, "check-data", folder)
    assert done.returncode == 0 and "every part of the book has data" in done.stdout, done.stderr
    for path in folder.iterdir():
        (tmp_path / path.name).write_text(path.read_text().replace("community", "herd"))
    done = run(book, "check-data", tmp_path)
    assert done.returncode == 2 and "treatment" in done.stderr and "herd" not in done.stderr


@pytest.mark.parametrize("name", COLUMNS)
def test_effects_are_those_of_the_raw_rows_but_for_the_rounding_of_counts(study, name):
    frame, outcome = pd.read_csv(ROWS), study.plan.outcome(name)
    for estimator in (outcome.estimator, *outcome.beside):
        given = study.effect(name, estimator=estimator)
        raw = holf.estimate_effect(
            frame, COLUMNS[name], arm="arm", cluster="office", treated="new", covariates=("x",), estimator=estimator
        )
        # A release computes from rows that have the published counts: a few rows less, or twice.
        for number in ("estimate", "ci_low", "ci_high"):
            assert abs(getattr(given, number) - getattr(raw, number)) < raw.se / 3, (estimator, number)
        assert given.se == pytest.approx(raw.se, rel=0.05) and given.df == pytest.approx(raw.df, rel=0.05, nan_ok=True)
        assert given.covariates == ("age",) and given.n_clusters == 30
    other_way = holf.estimate_effect(frame, COLUMNS[name], arm="arm", cluster="office", treated="usual")
    assert abs(study.effect(name, adjusted=False).estimate + other_way.estimate) < other_way.se / 3


def test_open_data_are_answered_as_they_are_and_named_with_their_licence(tmp_path, monkeypatch):
    monkeypatch.setenv("HOLF_ROOT", str(write_trial(tmp_path / "book")))
    study, frame = holf.open_study(tmp_path / "book" / "tables"), pd.read_csv(ROWS)
    assert study.source == "real data: open, CC0 1.0"
    for name, column in COLUMNS.items():
        found = study.effect(name)
        raw = holf.estimate_effect(frame, column, arm="arm", cluster="office", treated="new", covariates=("x",))
        numbers = ("estimate", "se", "df", "ci_low", "ci_high", "p_value", "n_units", "n_dropped")
        assert all(getattr(found, one) == pytest.approx(getattr(raw, one), rel=1e-9) for one in numbers)
    own = yaml.safe_load((PROJECT / "data" / "plan.yml").read_text(encoding="utf-8"))
    assert "open_data" not in own["trial"]


def test_questions_have_answers_without_families_baseline_or_staff(study):
    assert study.plan.baseline is None and study.plan.main.id == "treatment"
    assert [level.wave for level in study.levels("infection")] == ["y2014"] * 2
    assert {level.label for level in study.baseline()} == {"Age, years", "Height of the village, km"}
    assert study.sizes().n_offices == 30 and study.sanity("antibody").n_treated == 15
    with pytest.raises(holf.StudyError, match="not among the questions"):
        study.change("infection", "school")


def test_disclosure_rules_hold_where_no_family_stands_between_child_and_village(other, study, tmp_path):
    flow = study.flow()
    # The total is on record in the folder's ledger; everything else is rounded to the profile's base, or is what the
    # total leaves of rounded counts.
    total = len(pd.read_csv(ROWS))
    assert flow["children"].total == total
    assert all(count % 5 in (0, total % 5) for count in [flow["stool"].total, *flow["stool"].by_arm.values()])
    children = pd.read_csv(other[1] / "children.csv", dtype=str, keep_default_na=False)
    lost = children["stool_result"] == "0"
    kept = children[~lost | (lost.cumsum() <= 4)]
    kept.to_csv(tmp_path / "children.csv", index=False)
    (tmp_path / "villages.csv").write_bytes((other[1] / "villages.csv").read_bytes())
    few = holf.open_study(tmp_path).flow()
    assert is_withheld(few["no_stool"].total) and all(map(is_withheld, few["no_stool"].by_arm.values()))
    assert not any(str(number) in str(few["no_stool"].by_arm) for number in (1, 2, 3, 4))


@pytest.fixture(scope="module")
def released(other, tmp_path_factory) -> Path:
    """A release of the other trial's tables, made by the command."""
    book, folder = other
    path = tmp_path_factory.mktemp("released") / "release.json"
    done = run(book, "release", "--data", folder, "--out", path)
    assert done.returncode == 0, done.stderr
    return path


def test_release_names_the_trial_and_holds_no_id(study, released):
    release = read_release(released)
    assert release.content["trial"] == "Mbita schistosomiasis trial"
    assert release.study().effect("infection").estimate == study.effect("infection").estimate
    assert not re.search(r'"[CV]\d{2,4}"', release.text())


def test_a_page_is_built_that_says_what_it_is(other, released, tmp_path):
    book = other[0]
    assert run(book, "sign", released, "--name", "A Name", "--role", "author").returncode == 0
    done = run(book, "build", "--source", released, "--out", tmp_path / "site")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    page = (tmp_path / "site" / "chapters" / "effects.html").read_text(encoding="utf-8")
    assert "holf-banner-real" in page and "REAL DATA" in page and "SIMULATED" not in page
    assert "Mbita schistosomiasis trial" in page and "CC0 1.0" in page
    assert "village means" in page and "Villages without which" in page and "log10 MFI" in page
    assert "10.7272/Q6DZ06J3" in (tmp_path / "site" / "index.html").read_text(encoding="utf-8")
    words = re.sub(r"<[^>]+>", " ", page)
    assert not re.search(r"\boffices?\b|\bfamil(y|ies)\b|\bNAV\b|NOK|local practice", words)


def test_a_new_book_builds_as_it_stands_and_nothing_is_written_over(tmp_path, monkeypatch):
    monkeypatch.delenv("HOLF_ROOT", raising=False)
    folder = tmp_path / "my trial"
    assert run(tmp_path, "new", folder).returncode == 0
    done = run(folder, "build")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    page = (folder / "_build" / "html" / "chapters" / "effects.html").read_text(encoding="utf-8")
    assert "REAL DATA" in page and "Mbita schistosomiasis trial" in page
    for taken, told in ((folder, "exists already"), (folder / "another", "inside the book")):
        done = run(tmp_path, "new", taken)
        assert done.returncode == 2 and told in done.stderr
    assert not (folder / "another").exists()


# Rooms that are about this trial: they present its record or its article, or make its simulated people. No other
# trial's pages call them.
OWN_ROOMS = """
    simulation.people simulation.measures simulation.worlds study.truths record.published_table record.reporting
    display.record_tables display.landing display.landing_picture display.office_map display.published_overview
    display.methods pages.analysis_plan pages.checklists pages.cite
""".split()
# Words that this package also uses for any trial's randomised units and for the groups inside them: names of estimators,
# of statistics, of disclosure rules. `holf.display.text` puts the trial's words in their place on pages.
TERMS = {"office", "offices", "family", "families"}
TERMS_OF = ("study.", "confidential.rules.", "confidential.release.", "confidential.scan.")
# Other words that stay where they are.
STAYS = {
    ("record.flow", "parent"): "the box that another comes from",
    ("record.forms", "offices"): "key of the settings of the landing picture, and part of names of keys",
    ("record.forms", "office"): "part of the name of a disclosure rule, see TERMS",
    ("record.forms", "families"): "name of a disclosure rule, see TERMS",
    ("record.forms", "parents"): "part of the name of a key",
    ("record.plan", "offices"): "part of the name of a key",
    ("pages.pictures", "offices"): "name of the file with their places",
    ("display.text", "office"): "translated here into the trial's word",
    ("display.text", "family"): "translated here into the trial's word",
    ("display.figure", "family"): "a drawing library's word for a typeface",
    ("clustertrials.arms", "family"): "a term of statistics: the family-wise error",
    ("clustertrials.randomisation.allocations", "22"): "a power of two",
    ("confidential.scan.rules", "NOK"): "one spelling of a number, whose currency is the country's",
}


def facts_of_this_trial() -> tuple[set[str], set[int]]:
    """Words and numbers that `holf` should learn from the data: from plan, schema and ledger of this project."""
    plan = yaml.safe_load((PROJECT / "data" / "plan.yml").read_text(encoding="utf-8"))
    package = yaml.safe_load((PROJECT / "data" / "datapackage.json").read_text(encoding="utf-8"))
    words = {"NAV", "NOK", "family", "parent", "child", "coordinator", plan["trial"]["registry_id"]}
    words |= {plan["trial"]["cluster"]["noun"], *plan["outcomes"], *plan["contrasts"], *plan["waves"]}
    words |= {name for name in plan["arms"] if name != "holf"} | {arm["label"] for arm in plan["arms"].values()}
    for table in package["resources"]:
        words |= {table["name"], *table["schema"]["primaryKey"]}
    # These words of the plan and the schema are also plain English or terms of the method.
    words -= {"model", "wave", "register", "survey", "delivery", "children"}
    with (PROJECT / "data" / "facts.csv").open(encoding="utf-8") as stream:
        values = pd.read_csv(stream, dtype=str).set_index("id")["value"]
    flow = yaml.safe_load((PROJECT / "data" / "flow.yml").read_text(encoding="utf-8"))
    numbers = {int(values[box["fact"]]) for box in flow if "fact" in box} | {int(values["F047"])}
    return words, numbers


def known_to(source: str, words: set[str], numbers: set[int]) -> set[str]:
    """Words and numbers that stand in the code of a module, outside its docstrings."""
    tree = ast.parse(source)
    scopes = (ast.Module, ast.ClassDef, ast.FunctionDef)
    said = {id(node.body[0].value) for node in ast.walk(tree) if isinstance(node, scopes)
            and node.body and isinstance(node.body[0], ast.Expr)}  # fmt: skip
    found = set()
    for node in ast.walk(tree):
        if not isinstance(node, ast.Constant) or id(node) in said:
            continue
        if isinstance(node.value, str):
            found |= {word for word in words if re.search(rf"(?<![A-Za-z]){re.escape(word)}(?![A-Za-z])", node.value)}
            found |= set(re.findall(r"\bF\d{3}\b", node.value))
        elif type(node.value) is int and node.value in numbers:
            found.add(str(node.value))
    return found


def test_no_other_room_of_holf_knows_a_fact_of_this_trial():
    words, numbers = facts_of_this_trial()
    assert {"office", "families", "income", "m12", "local"} <= words and {29, 14, 3201, 884} <= numbers
    told = known_to('x = "HOLF model"\ny = "in m12"\nz = 29\n"""office"""', words, numbers)
    assert told >= {"HOLF model", "m12", "29"}
    assert known_to('"""29 offices in m12."""\nx = "cluster"', words, numbers) == set()
    homes = (PROJECT, PROJECT / "clustertrials" / "src")
    rooms = {}
    for home, name in zip(homes, ("holf", "clustertrials")):
        for path in sorted((home / name).rglob("*.py")):
            rooms[".".join(path.relative_to(home).with_suffix("").parts).removeprefix("holf.")] = path
    for room in OWN_ROOMS:
        assert known_to(rooms[room].read_text(encoding="utf-8"), words, numbers), f"{room} needs no leave"
    found = {
        (room, word)
        for room, path in rooms.items()
        if room not in OWN_ROOMS
        for word in known_to(path.read_text(encoding="utf-8"), words, numbers)
        if word not in TERMS or not room.startswith(TERMS_OF)
    }
    assert found - {*STAYS} == set()
    assert {*STAYS} - found == set(), "no longer needed here"


def test_a_third_arm_is_no_part_of_a_comparison_of_two(other):
    """Villages of an arm that the contrast does not name change none of its answers."""
    tables = {name: pd.read_csv(other[1] / f"{name}.csv") for name in ("villages", "children")}
    third = {name: frame.copy() for name, frame in tables.items()}
    few = third["villages"]["village_id"].unique()[:6]
    for frame in third.values():
        frame["village_id"] = "W" + frame["village_id"]
    third["villages"]["treatment"] = "waiting"
    third = {name: frame[frame["village_id"].isin("W" + few)] for name, frame in third.items()}
    third["children"] = third["children"].assign(child_id="W" + third["children"]["child_id"])
    joined = {name: pd.concat([frame, third[name]], ignore_index=True) for name, frame in tables.items()}
    two, three = (Rows(frames, load_plan(), load_schema()) for frames in (tables, joined))
    asked = {
        questions.sizes: {"table": "children", "arm": None, "contrast": "treatment"},
        questions.recruitment: {"table": "children"},
        questions.baseline: {"contrast": "treatment"},
        questions.levels: {"outcome": "infection", "contrast": "treatment"},
        questions.icc: {"outcome": "antibody", "wave": "y2014", "contrast": "treatment"},
        questions.attrition: {"outcome": "infection", "wave": "y2014"},
        questions.exact: {"outcome": "infection", "wave": "y2014"},
        questions.sanity: {"outcome": "antibody", "wave": "y2014"},
    }
    for question, arguments in asked.items():
        assert [one.answer for one in question(three, **arguments)] == [
            one.answer for one in question(two, **arguments)
        ], question.__name__
