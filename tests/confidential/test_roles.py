"""Roles of answers: no number leaves a study on real data unless someone said what it is."""

import json
import math
from dataclasses import dataclass, fields, is_dataclass

import pytest
from real_study import taken

from holf.confidential.release import codec
from holf.confidential.release.codec import decode, encode
from holf.confidential.rules.answers import ROLES, disclose
from holf.confidential.rules.policy import load_policy
from holf.confidential.rules.suppression import UnitSets
from holf.display import text
from holf.record.flow import Flow, FlowBox, FlowCount
from holf.record.plan import load_plan
from holf.record.schema import load_schema
from holf.study import answers, questions
from holf.study.answers import Multiplicity, is_withheld
from holf.study.questions import Answered
from holf.study.tables import Rows

KINDS = {"plain", "count", "extreme", "offices", "mean", "sd", "change", "size", "estimate", "df", "left out"}


def test_every_number_of_every_answer_that_a_release_can_hold_has_a_role():
    for kind, roles in ROLES.items():
        numbers = {field.name for field in fields(kind) if field.type not in ("str", "bool")}
        assert numbers == roles.keys() and {role.kind for role in roles.values()} <= KINDS
    own = {one for one in vars(answers).values() if is_dataclass(one)} - {answers.Role}
    assert own <= ROLES.keys()
    assert {*codec._TYPES.values()} == {*ROLES, Flow, FlowCount} and FlowBox not in ROLES


@pytest.fixture(scope="module")
def rows(tables, tmp_path_factory):
    return Rows(taken(tables, tmp_path_factory.mktemp("taken") / "tables").tables, load_plan(), load_schema())


@pytest.fixture(scope="module")
def level(rows):
    return questions.levels(rows, outcome="income", contrast="model")[0]


def disclosed(found):
    sets = UnitSets(load_schema(), n_offices=29)
    return disclose({"asked": [found]}, sets, load_policy(), {}, lambda published: {"asked": [found]})[0]["asked"][
        0
    ].answer


def test_an_answer_or_a_number_without_a_role_is_refused(level, monkeypatch):
    @dataclass(frozen=True)
    class Wider(answers.Level):
        largest: float = 0.0

    assert disclosed(level).mean != level.answer.mean, "a mean is rounded"
    wider = Answered(Wider(**vars(level.answer), largest=83497.0), level.behind, level.table)
    with pytest.raises(ValueError, match=r"Wider\.mean: has no role"):
        disclosed(wider)
    monkeypatch.setitem(ROLES, Wider, ROLES[answers.Level])
    with pytest.raises(ValueError, match=r"Wider\.largest: has no role"):
        disclosed(wider)
    monkeypatch.setitem(ROLES, Wider, ROLES[answers.Level] | {"largest": answers.Role("extreme")})
    assert repr(disclosed(wider).largest) == "withheld (extremes)"
    monkeypatch.setitem(ROLES, Wider, ROLES[answers.Level] | {"largest": answers.Role("count")})
    with pytest.raises(ValueError, match="a count whose rows are not named"):
        disclosed(wider)


def test_the_largest_change_without_an_office_is_an_extreme_and_of_staff_a_person(rows):
    parents, leaders = (
        disclosed(questions.influence(rows, outcome=outcome, wave=wave)[0])
        for outcome, wave in (("housing", "m12"), ("leader_competence", "m18"))
    )
    assert repr(parents.largest_shift) == repr(leaders.largest_shift) == "withheld (extremes)"
    assert isinstance(parents.n_sign_changes, int) and not is_withheld(parents.estimate)
    assert repr(leaders.n_sign_changes) == repr(leaders.n_significance_changes) == "withheld (staff)"


def test_what_json_has_no_number_for_is_said_in_words_and_read_back():
    limits = Multiplicity("income", "m12", 1.0, 0.5, 0.5, 0.5, -math.inf, math.inf, 70, True)
    written = json.loads(json.dumps(encode(limits), allow_nan=False))
    assert (written["low"], written["high"]) == ("unlimited below", "unlimited above")
    assert decode(written, source=limits.source) == limits
    assert text.limits(-math.inf, math.inf, 1) == f"{text.MINUS}∞ to ∞"
    assert text.decimal(-math.inf, 1).numbers == {"number": "-inf"}
