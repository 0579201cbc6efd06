"""A rehearsal with hostile data: each fault alone either makes a release that says what it lacks, or is refused."""

import pytest
import yaml
from real_study import copied, only, taken, without

import holf
from holf.book.edition import kept_waves, make_edition
from holf.confidential.release import document
from holf.confidential.release.document import make_release
from holf.confidential.release.signature import sign
from holf.confidential.rules.policy import load_policy
from holf.pages.write import wanted_pages
from holf.paths import project_root
from holf.record.schema import load_schema

# Each case makes a release.
pytestmark = pytest.mark.slow

POLICY, SCHEMA = load_policy(), load_schema()
FEW = ("flow", "levels", "effect", "change", "attrition", "odds")


def office(tables, arm: str) -> str:
    return tables["offices"].query("arm == @arm")["office_id"].iloc[0]


def released(tables, folder, monkeypatch, *outcomes, questions=FEW):
    monkeypatch.setattr(document, "catalogue", only(*questions, outcomes=outcomes))
    return make_release(taken(tables, folder), SCHEMA, POLICY)


def test_28_offices_of_which_one_has_one_family(tables, tmp_path, monkeypatch):
    families = tables["families"].query("enrolled == '1'").groupby("office_id").get_group(office(tables, "holf"))
    left = without(tables, "office_id", {office(tables, "local")})
    left = without(left, "family_id", set(families["family_id"][1:]))
    study = released(left, tmp_path, monkeypatch, "income").study()
    effect = study.effect("income")
    assert effect.n_clusters == 28 and effect.n_units % 5 == 0
    assert next(count for count in study.flow().counts if count.box.id == "offices").total == 28


def test_an_arm_without_an_event_is_withheld_and_not_unanswered(tables, tmp_path, monkeypatch):
    tables = copied(tables)
    home = tables["children"]["family_id"].map(tables["families"].set_index("family_id")["office_id"])
    local = home.isin(tables["offices"].query("arm == 'local'")["office_id"])
    children = tables["children"]
    children.loc[local & (children["participates_m12"] == "1"), "participates_m12"] = "0"
    release = released(tables, tmp_path, monkeypatch, "participation")
    study = release.study()
    # "No answer" beside "withheld" would tell none from few; both read alike.
    for number in (study.odds("participation").estimate, study.effect("participation").estimate,
                   study.levels("participation")[3].mean):  # fmt: skip
        assert repr(number) == "withheld (people)"
    assert study.effect("participation").covariates == ("baseline",), "a setting of the plan is no secret"
    assert release.content["summary"]["questions_without_answer"] == 0 and "participation" in kept_waves(release)


def test_an_outcome_and_a_wave_without_a_value_are_named(tables, tmp_path, monkeypatch):
    tables = copied(tables)
    tables["survey"]["housing_quality"] = ""
    register = tables["register"]
    register.loc[register["wave"] == "m36", "employed"] = ""
    release = released(tables, tmp_path / "data", monkeypatch, "employment", "housing", "income")
    assert release.content["outcomes"]["employment"] == ["m12", "m24", "m48"]
    answered = release.study().plan.outcomes
    assert "housing" not in release.content["outcomes"] and "housing" not in answered
    assert answered["employment"].waves_facts == ("F090", "F092", "F094"), "each wave keeps its own row of the ledger"
    index, plan = edition(release, tmp_path)
    assert "Housing situation: these data hold no measurement of it, or none at baseline." in index
    assert "Parental employment at m36: these data hold no measurement of it then." in index
    assert plan["outcomes"]["employment"]["waves_facts"] == ["F090", "F092", "F094"]


def edition(release, folder) -> tuple[str, dict]:
    release.write(folder / "release.json")
    sign(folder / "release.json", name="Test", role="test", date="2026-01-01")
    make_edition(str(folder / "release.json"), folder / "copy")
    copy = folder / "copy"
    return (copy / "index.md").read_text(), yaml.safe_load((copy / "data" / "plan.yml").read_text())


PARTS = {
    "register only": ({"survey", "children", "coordinators", "leaders", "delivery"}, {"employment", "income"}),
    "survey only": ({"register", "children", "coordinators", "leaders", "delivery"}, {"housing"}),
}


@pytest.mark.parametrize("part", PARTS)
def test_partial_data_make_a_partial_book_that_says_so(tables, tmp_path, monkeypatch, part):
    absent, outcomes = PARTS[part]
    there = {name: frame for name, frame in tables.items() if name not in absent}
    release = released(there, tmp_path / "data", monkeypatch, *sorted(outcomes))
    assert set(release.content["absent_tables"]) == absent and set(kept_waves(release)) == outcomes
    index, plan = edition(release, tmp_path)
    assert set(plan["outcomes"]) == outcomes and index.count("these data have no table") == 7 - len(outcomes)
    original = (project_root() / "index.md").read_text()
    assert index.startswith(original[: original.index("\n# ")]), "the note stands below the title"
    pages = {page.stem for page in (tmp_path / "copy" / "chapters").iterdir()}
    contents = (tmp_path / "copy" / "_toc.yml").read_text()
    assert ("interpretation" in pages) == ("interpretation" in contents) == ("income" in outcomes)
    assert ("its example is Financial situation" in index) == ("income" not in outcomes)
    assert "outcome-secondary" not in contents and "outcome-primary" in contents
    # The record stays whole, and every page from data can be written beside a shorter plan.
    for name in ("published_results.csv", "reporting/outcome_audit.csv"):
        assert (tmp_path / "copy" / "data" / name).read_bytes() == (project_root() / "data" / name).read_bytes()
    monkeypatch.setenv("HOLF_ROOT", str(tmp_path / "copy"))
    assert len(holf.load_registered().outcomes) == 7 and set(holf.load_plan().outcomes) == outcomes
    assert "Children's participation" in wanted_pages()["chapters/open_questions.md"]
