"""The disclosure rules: none may be weakened in the file, and each, switched off, lets something through."""

import copy
import pickle
from dataclasses import replace

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from holf.confidential.release import form
from holf.confidential.rules.policy import PolicyError, load_policy
from holf.confidential.rules.primary import Support, refusal, rounded, safe_estimate, safe_mean
from holf.paths import data_path
from holf.record.facts import FactError, Ledger, load_ledger
from holf.record.flow import load_flow
from holf.study.answers import Withheld, is_withheld

# The numbers below are chosen for a threshold of ten, whatever the file says today.
POLICY = replace(load_policy(), min_people=10, min_families=10)
PLAIN = Support(people=43, families=40, offices=9, largest_share=0.2)
STAFF = Support(people=15, families=0, offices=15, largest_share=0.07, role="staff")


def written(tmp_path, change):
    """The policy file with something changed."""
    raw = yaml.safe_load(data_path("disclosure.yml").read_text(encoding="utf-8"))
    change(raw)
    path = tmp_path / "disclosure.yml"
    path.write_text(yaml.safe_dump(raw), encoding="utf-8")
    return path


def test_stricter_profile_is_nowhere_weaker():
    strict = load_policy("strict-15")
    for setting in ("min_people", "min_families", "min_offices", "min_residual_df", "round_to", "min_interval"):
        assert getattr(strict, setting) >= getattr(POLICY, setting)
    for setting in ("max_office_share", "significant_digits", "staff_levels", "statistics"):
        assert getattr(strict, setting) <= getattr(POLICY, setting)


@pytest.mark.parametrize(
    ("setting", "weak", "rule"),
    [
        ("min_people", 5, "people"),
        ("min_families", 5, "families"),
        ("min_offices", 2, "offices"),
        ("max_office_share", 0.51, "dominance"),
        ("min_residual_df", 9, "df"),
        ("round_to", 1, "rounding"),
        ("significant_digits", 5, "digits"),
        ("significant_digits", 0, "digits"),
        ("min_interval", 2, "complementary"),
        ("staff_levels", ["trial", "arm", "office"], "staff"),
        ("statistics", ["mean", "maximum"], "extremes"),
    ],
)
def test_profile_below_the_floor_is_refused(tmp_path, setting, weak, rule):
    path = written(tmp_path, lambda raw: raw["profiles"]["norwegian-strict"].update({setting: weak}))
    with pytest.raises(
        PolicyError, match=rf"disclosure.yml, profile norwegian-strict, rule {rule}: .*weaker than the floor"
    ):
        load_policy(path=path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda raw: raw["profiles"]["norwegian-strict"].pop("round_to"), "key round_to is missing"),
        (lambda raw: raw["profiles"]["norwegian-strict"].update(rules=[]), "unknown key `rules`"),
        (lambda raw: raw["profiles"]["norwegian-strict"].update(min_people="ten"), "rule people: .* same kind"),
        (
            lambda raw: raw["profiles"]["norwegian-strict"].update(max_office_share=float("nan")),
            "rule dominance: .* weaker",
        ),
        (lambda raw: raw["profiles"]["norwegian-strict"].update(min_families=99), "rule families: .* above min_people"),
        (lambda raw: raw["profiles"]["norwegian-strict"].update(min_interval=4), "rule complementary: .* between"),
        (lambda raw: raw["profiles"]["norwegian-strict"].update(min_interval=99), "rule complementary: .* between"),
        (lambda raw: raw["rules"].pop("class"), "key class is missing"),
        (lambda raw: raw["rules"].update(luck=raw["rules"]["people"]), "unknown key `luck`"),
        (lambda raw: raw["rules"]["people"].pop("floor"), "rules, people: key floor is missing"),
        (lambda raw: raw["rules"]["people"].pop("reason"), "rules, people: key reason is missing"),
        (lambda raw: raw.update(default="lax"), "profile lax: there is none"),
        (lambda raw: raw["profiles"].update({"<b>": raw["profiles"].pop(raw["default"])}), "a name has small letters"),
    ],
)
def test_policy_file_with_a_hole_is_refused(tmp_path, change, message):
    with pytest.raises(FactError, match=message):
        load_policy(path=written(tmp_path, change))


def test_withheld_is_a_missing_number_with_a_reason():
    number = Withheld("people")
    assert number != number + 0 and str(number) == repr(number) == f"{number:,.1f}" == "withheld (people)"
    assert number == Withheld("people") and not number != Withheld("people") and number != Withheld("offices")
    assert len({number, Withheld("people"), Withheld("offices")}) == 2
    for again in (pickle.loads(pickle.dumps(number)), copy.deepcopy(number)):
        assert again == number and again.rule == "people"
    assert not is_withheld(number * 0) and str(number * 0) == "nan"


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ({}, None),
        ({"people": 10, "families": 10, "offices": 3, "largest_share": 0.5}, None),
        ({"people": 9, "families": 9}, "people"),
        ({"people": 0, "families": 0, "offices": 0, "largest_share": 0}, "people"),
        ({"families": 9}, "families"),
        ({"offices": 2}, "offices"),
        ({"largest_share": 0.51}, "dominance"),
        ({"events": 10}, None),
        ({"events": 9}, "class"),
        ({"events": 0}, "class"),
        ({"events": 43}, "class"),
        ({"events": 34}, "class"),
        ({"events": 33}, None),
    ],
)
def test_primary_rules_at_their_edges(change, rule):
    assert refusal(replace(PLAIN, **change), POLICY) == rule


def test_staff_are_described_by_arm_only():
    assert refusal(STAFF, POLICY) is None, "no families are asked for"
    assert refusal(STAFF, replace(POLICY, staff_levels=frozenset({"trial"}))) == "staff"
    assert refusal(replace(STAFF, people=9, offices=9), POLICY) == "people"


@given(st.integers(0, 10_000))
def test_rounding_is_to_the_nearest(count):
    assert rounded(count, POLICY) % 5 == 0 and abs(rounded(count, POLICY) - count) <= 2


def test_mean_goes_with_its_count():
    assert safe_mean(5.4321, Withheld("complementary"), PLAIN, POLICY) == Withheld("complementary")
    assert safe_mean(5.4321, 45, PLAIN, POLICY, statistic="sd") == 5.43
    assert safe_mean(5.4321, 45, PLAIN, POLICY, statistic="maximum") == Withheld("extremes")


def test_estimate_is_no_better_than_its_smallest_group():
    assert safe_estimate(1.0, [PLAIN, replace(PLAIN, families=9)], POLICY, df=27) == Withheld("families")
    one_sided = replace(PLAIN, events=2)
    assert safe_estimate(0.1, [PLAIN, one_sided], POLICY, df=27) == Withheld("class")
    for few in (9, float("nan")):
        assert safe_estimate(0.1, [PLAIN], POLICY, df=few) == Withheld("df")
    assert safe_estimate(24873.21, [PLAIN], POLICY, df=10) == 24900
    with pytest.raises(ValueError, match="every group"):
        safe_estimate(0.1, [], POLICY, df=27)


def test_public_totals_are_the_published_counts_of_the_ledger_and_follow_it(monkeypatch):
    ledger, boxes = load_ledger(), {box.id: box.fact for box in load_flow() if box.fact}
    assert {ledger[fact].kind for fact in boxes.values()} == {"published", "derived"}
    assert form.public_counts() == {name: ledger.number(fact) for name, fact in boxes.items()}
    changed = [replace(fact, value="870") if fact.id == "F122" else fact for fact in ledger.values()]
    monkeypatch.setattr(form, "load_ledger", lambda: Ledger(changed, {}))
    assert form.public_counts()["analysed"] == 870
