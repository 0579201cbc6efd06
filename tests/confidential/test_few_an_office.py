"""Attacks on one person where an office has few: means over people beside means over offices, and who is missing."""

from dataclasses import replace

import pandas as pd
import pytest
from real_study import copied, plan_of, taken

from holf.confidential.release import document
from holf.confidential.release.document import make_release
from holf.confidential.release.form import broken_rules
from holf.confidential.rules.answers import disclose
from holf.confidential.rules.policy import load_policy
from holf.confidential.rules.primary import rounded, significant
from holf.confidential.rules.rounded_rows import RoundedRows, _resized
from holf.confidential.rules.suppression import UnitSets
from holf.record.schema import load_schema
from holf.study import questions
from holf.study.answers import Sizes, Withheld
from holf.study.questions import Answered
from holf.study.tables import Rows

# The numbers below are chosen for a threshold of ten, whatever the file says today.
POLICY, SCHEMA = replace(load_policy(), min_people=10, min_families=10), load_schema()
WHOLE = document.catalogue
STAFF = {"leader_competence", "coordinator_competence"}
# Half of the last digit of a mean of scores, 1 to 5.
HALF = 0.005
# What rests on the arm in which nobody is missing.
OTHER_ARM = {"mean_treated", "observed_mean"}


def of_staff(plan):
    for question, asked in WHOLE(plan):
        if asked.get("outcome") in STAFF and asked.get("adjusted") is not True:
            yield question, asked


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(document, "catalogue", of_staff)


@pytest.fixture(scope="module")
def whole(tables, tmp_path_factory):
    """The answers of a release of all staff, by outcome."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "catalogue", of_staff)
        return released(tables, tmp_path_factory.mktemp("whole") / "data")[1]


def released(tables, folder):
    release = make_release(taken(tables, folder), SCHEMA, POLICY)
    found = {name: [] for name in STAFF}
    for entry in release.content["answers"]:
        found[entry["asked"]["outcome"]] += [(entry["question"], one) for one in entry.get("answers", ())]
    return release, found


def levels_of(found, wave):
    return {
        one["answer"]["group"]: one["answer"]
        for question, one in found
        if question == "levels" and one["answer"]["wave"] == wave
    }


def local_office(tables):
    offices = tables["offices"]
    return offices[offices["arm"] == "local"]["office_id"].iloc[0]


@pytest.mark.parametrize("outcome", sorted(STAFF))
def test_means_over_staff_and_over_offices_are_the_same(outcome, tables, whole):
    found = whole
    levels = levels_of(found[outcome], "m18")
    difference = levels["holf"]["mean"] - levels["local"]["mean"]
    tests = {one["answer"]["statistic"]: one["answer"]["value"] for question, one in found[outcome]
             if question == "exact"}  # fmt: skip
    effects = [one["answer"]["estimate"] for question, one in found[outcome]
               if question == "effect" and not one["answer"]["covariates"]]  # fmt: skip
    assert effects and all(abs(one - difference) <= 2 * HALF + 1e-9 for one in effects)
    assert tests["office means"] == tests["family means"]
    per_office = {"leader_competence": 1, "coordinator_competence": 2}[outcome]
    for arm, n_offices in tables["offices"]["arm"].value_counts().items():
        assert levels[arm]["n"] == per_office * n_offices, "everybody can count the offices"


def numbers_in(answer):
    return {name for name, value in answer.items() if type(value) in (int, float) and name != "level"}


def test_where_a_leader_is_missing_all_that_rests_on_the_others_is_withheld(tables, tmp_path):
    lacking = copied(tables)
    leaders = lacking["leaders"]
    gone = leaders.index[leaders["office_id"] == local_office(tables)][0]
    leaders.loc[gone, "competence_m18"] = ""
    release, found = released(lacking, tmp_path / "data")
    assert levels_of(found["leader_competence"], "m18")["holf"]["n"] == 15, "the other arm is whole"
    assert levels_of(found["leader_competence"], "m0")["local"]["n"] == 14, "so is the time before"
    seen = 0
    for question, one in found["leader_competence"]:
        answer = one["answer"]
        if answer.get("group", answer.get("arm")) == "holf" or answer.get("wave") == "m0":
            continue
        seen += 1
        # All leaders should have been measured, and those of the other arm were.
        left = {"attrition": {"n_expected"}, "bounds": {"n_units"}, "tipping": {"n_units", "n_dropped"}}.get(
            question, set()
        )
        assert numbers_in(answer) <= left | OTHER_ARM, f"{question} rests on the leaders who are left"
        assert "staff" in one["withheld_by"] or question in ("bounds", "attrition")
    assert seen > 5
    # The leader's score before is in the mean of all, and in nothing else.
    leaders.loc[gone, "competence_m0"] = "4.9" if leaders.loc[gone, "competence_m0"] != "4.9" else "4.8"
    other, moved = released(lacking, tmp_path / "other")
    shown = [
        {repr(pair) for pair in one["leader_competence"] if pair[1]["answer"].get("wave") != "m0"}
        for one in (found, moved)
    ]
    assert shown[0] == shown[1] and release.text() != other.text()


@pytest.mark.slow
def test_offices_of_an_arm_with_unequal_staff_show_none_of_them(tables, tmp_path):
    lacking = copied(tables)
    coordinators = lacking["coordinators"]
    gone = coordinators.index[coordinators["office_id"] == local_office(tables)][0]
    kept = coordinators.drop(index=gone).reset_index(drop=True)
    lacking["coordinators"] = kept
    delivery = lacking["delivery"]
    lacking["delivery"] = delivery[delivery["coordinator_id"].isin(kept["coordinator_id"])].reset_index(drop=True)
    _, found = released(lacking, tmp_path / "data")
    levels = levels_of(found["coordinator_competence"], "m18")
    assert levels["local"]["mean"] == levels["local"]["n"] == {"withheld": "staff"}
    assert levels["holf"]["n"] == 30
    effects = [one["answer"] for question, one in found["coordinator_competence"] if question == "effect"]
    assert effects and all(numbers_in(one) <= OTHER_ARM for one in effects)


def test_an_office_with_few_people_neither_loses_nor_doubles_one():
    homes = ["large"] * 12 + ["small"]
    rows = pd.DataFrame({"unit": [f"p{place}" for place in range(13)], "office": homes})
    for size in range(1, 26):
        kept = _resized(rows, size, "office", ["large"])
        assert len(kept) == size and (kept["office"] == "small").sum() == 1
    assert (_resized(rows, 25, "office", None)["office"] == "small").sum() == 2
    for size, offices in ((14, []), (12, []), (11, ["small"])):
        with pytest.raises(ValueError, match="too few people are in offices large enough"):
            _resized(rows, size, "office", offices)


def test_every_answer_on_a_wave_rests_on_the_same_rows(tables, tmp_path):
    lacking = copied(tables)
    register = lacking["register"]
    before = register.index[register["wave"] == "m0"]
    # Without a value at baseline they are measured, and in no adjusted analysis.
    register.loc[before[::7], ["income", "employed"]] = ""
    dropped = taken(lacking, tmp_path / "data")
    plan = plan_of(dropped)
    rows = Rows(dropped.tables, plan, SCHEMA)
    asked = RoundedRows(dropped.tables, plan, SCHEMA, rows, lambda table, frame: rounded(len(frame), POLICY), POLICY)
    for outcome in map(plan.outcome, ("income", "employment")):
        frames = (
            asked.values(outcome, "m12", plan.main),
            asked.analysis(outcome, "m12", plan.main),
            asked.everyone(outcome, "m12", plan.main)[0],
        )
        first, *others = (sorted(frame.dropna(subset=["value"])["unit"]) for frame in frames)
        assert (
            all(one == first for one in others)
            and len(first) != rows.values(outcome, "m12", plan.main)["value"].count()
        )


def test_every_method_drops_the_same_people(tables, tmp_path):
    dropped = taken(tables, tmp_path / "data")
    rows = Rows(dropped.tables, plan_of(dropped), SCHEMA)
    asked = {"contrast": "model", "adjusted": True, "level": 0.95}
    for outcome in ("housing", "employment"):
        found = [questions.gap(rows, outcome=outcome, wave="m12")]
        for estimator in ("cr2", "ipw"):
            found.append(questions.effect(rows, outcome=outcome, wave="m12", estimator=estimator, **asked))
        if outcome == "employment":
            found.append(questions.odds(rows, outcome=outcome, wave="m12"))
        first, *others = ((one.answer.n_dropped, sorted(one.behind["n_dropped"]["unit"])) for (one,) in found)
        assert all(one == first for one in others) and first[0] == len(first[1]) > 0


def test_a_tie_is_rounded_to_the_same_side_in_whatever_order_a_mean_was_summed():
    assert 3.795 != 3.7950000000000004
    assert significant(3.795, POLICY) == significant(3.7950000000000004, POLICY)


def test_a_zero_is_in_a_release_only_where_everybody_can_count_the_others():
    answer = {"answer": "TippingPoint", "n_units": 862, "n_missing": 0, "n_dropped": 22}
    for n_units, families, broken in ((862, 600, []), (860, 600, ["people"]), (29, 0, [])):
        behind = {"people": n_units, "families": families, "offices": 29}
        found = {"answer": answer | {"n_units": n_units}, "rests_on": behind, "withheld_by": []}
        entry = {"question": "none", "asked": {}, "answers": [found]}
        assert broken_rules({"answers": [entry]}, POLICY) == broken


@pytest.mark.parametrize(("here", "shown"), [(60, 60), (50, 50), (51, None), (59, None)])
def test_families_that_lack_few_of_a_public_count_are_not_counted(here, shown):
    families = pd.DataFrame(
        {"unit": [f"f{place}" for place in range(60)], "office_id": [f"o{place % 6}" for place in range(60)]}
    )
    families = families.assign(family_id=families["unit"])
    sets = UnitSets(SCHEMA, n_offices=6)
    sets.add("families", families, public=60)
    found = Answered(Sizes("families", "", 6, here / 6, 0.1), {"": families.head(here)}, "families")
    (safe,) = disclose({"asked": [found]}, sets, POLICY, {}, lambda published: {"asked": [found]})[0]["asked"]
    assert safe.families == (Withheld("complementary") if shown is None else shown)
