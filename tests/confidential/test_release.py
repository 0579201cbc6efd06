"""Releases: what their numbers give away, what each disclosure rule holds back, and what two of them tell together."""

import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from real_study import ID, copied, only, plan_of, taken, without

from holf.cli import main
from holf.confidential.release import document
from holf.confidential.release.document import Release, ReleaseError, make_release, read_release
from holf.confidential.release.form import broken_rules, summary
from holf.confidential.release.form import public_counts as public_counts_of_the_trial
from holf.confidential.release.history import HISTORY, _line, read_history, repeated, require_same_answers
from holf.confidential.rules.attack import Equation, attack
from holf.confidential.rules.policy import RULES, load_policy
from holf.record.flow import load_flow
from holf.record.plan import load_plan
from holf.record.schema import load_schema
from holf.study.answers import Withheld, is_withheld
from holf.study.study import StudyError
from holf.study.tables import Rows

# Each release asks all questions twice.
pytestmark = pytest.mark.slow

POLICY, SCHEMA, KEY = load_policy(), load_schema(), b"a key of sixteen"
OUTCOMES = ("income", "employment", "participation", "coordinator_competence")
QUESTIONS = "flow sizes baseline recruitment attrition bounds tipping effect change levels sanity".split()
COUNTED = only(*QUESTIONS, outcomes=OUTCOMES)


@pytest.fixture(scope="module")
def tables(tables):
    """All but nobody is excluded in one arm, and an arm of one outcome has few events."""
    tables = copied(tables)
    families, arm = tables["families"], tables["offices"].set_index("office_id")["arm"]
    local = families["office_id"].map(arm) == "local"
    out = families.index[local & (families["eligible"] == "0")]
    into = families.index[~local & (families["eligible"] == "1") & (families["drawn"] == "0")]
    spared = out[1:]
    families.loc[spared, ["eligible", "followup_group"]] = ["1", "ordinary"]
    families.loc[into[: len(spared)], ["eligible", "followup_group"]] = ["0", ""]
    children = tables["children"]
    home = children["family_id"].map(families.set_index("family_id")["office_id"]).map(arm)
    events = children.index[(home == "local") & (children["participates_m12"] == "1")]
    children.loc[events[4:], "participates_m12"] = "0"
    return tables


@pytest.fixture(scope="module")
def dropped(tables, tmp_path_factory):
    return taken(tables, tmp_path_factory.mktemp("in") / "data")


@pytest.fixture(scope="module")
def short():
    """The catalogue without the slow questions, for every release of this module."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "catalogue", COUNTED)
        yield patch


@pytest.fixture
def brief(short, monkeypatch):
    """A still shorter catalogue, for releases of which few answers are looked at."""
    monkeypatch.setattr(document, "catalogue", only("flow", "levels", outcomes=("income", "participation")))


@pytest.fixture(scope="module")
def rows(dropped):
    return Rows(dropped.tables, plan_of(dropped), SCHEMA)


@pytest.fixture(scope="module")
def answered(rows, short):
    return document._answer(rows, document.catalogue(rows.plan))


@pytest.fixture(scope="module")
def released(dropped, rows, answered, short):
    """Release under any policy, from answers computed once; a part of them where that is enough."""

    @cache
    def release(policy=POLICY, part=None) -> Release:
        given = {name: found for name, found in answered.items() if part is None or re.search(part, name)}
        return document._release(dropped, rows, given, policy, None)

    return release


@pytest.fixture(scope="module")
def release(released) -> Release:
    return released()


def asked(release: Release, question: str, **keywords) -> list[dict]:
    return [
        found["answer"]
        for entry in release.content["answers"]
        if entry["question"] == question and keywords.items() <= entry["asked"].items()
        for found in entry.get("answers", ())
    ]


def published(value):
    return Withheld(value["withheld"]) if isinstance(value, dict) else value


def reader(release: Release) -> tuple[dict, list[Equation]]:
    """What a reader puts together from the file alone: counts by a name of the reader's own, and their sums."""
    shown, sums = {}, []
    for count in asked(release, "flow")[0]["counts"]:
        box = count["box"]["box"]
        shown[box] = published(count["total"])
        shown |= {f"{box}/{arm}": published(value) for arm, value in count["by_arm"]["by"].items()}
        sums.append(Equation(box, tuple(f"{box}/{arm}" for arm in count["by_arm"]["by"])))
    boxes = {box.id: box for box in load_flow()}
    for parent in boxes.values():
        below = [box.id for box in boxes.values() if box.parent == parent.id and box.table == parent.table]
        if len(below) > 1:
            for suffix in ("", "/holf", "/local"):
                sums.append(Equation(parent.id + suffix, tuple(name + suffix for name in below)))
    for outcome in release.content["outcomes"]:
        units = load_plan().outcome(outcome).level
        for found in asked(release, "attrition", outcome=outcome):
            group = found["group"]
            name = f"{outcome}/{group}"
            shown[f"{name} measured"] = published(found["n_measured"])
            expected = f"enrolled/{group}" if units == "parent" else f"{name} expected"
            if units != "parent":
                shown[expected] = published(found["n_expected"])
            sums.append(Equation(expected, (f"{name} measured", f"{name} missing")))
        for found in asked(release, "bounds", outcome=outcome)[:1]:
            shown[f"{outcome}/holf missing"] = published(found["n_missing_treated"])
            shown[f"{outcome}/local missing"] = published(found["n_missing_other"])
    return shown, sums


def public_counts(shown: dict) -> dict[str, int]:
    """What the ledger says, where the release says that it is no other number."""
    told = {name: number for name, number in public_counts_of_the_trial().items() if shown.get(name) == number}
    return {name: number for name, number in told.items() if number % POLICY.round_to or name == "excluded"}


def narrowest(release: Release) -> int:
    """Fewest whole numbers that a reader is left with for any count that the release withholds."""
    shown, sums = reader(release)
    hidden = [name for name, value in shown.items() if is_withheld(value)]
    found = attack(shown, sums, public_counts(shown), POLICY, names=hidden)
    return min(high - low + 1 for low, high in found.values())


def test_no_withheld_count_can_be_worked_out(release, released):
    shown, _ = reader(release)
    assert is_withheld(shown["excluded/local"]) and shown["excluded"] == 320
    assert narrowest(release) >= POLICY.min_interval
    assert narrowest(released(replace(POLICY, min_interval=1))) < POLICY.min_interval


def test_means_do_not_give_exact_counts(release):
    (families,) = asked(release, "sizes", table="families")
    assert (families["mean"] * families["n_offices"]) % POLICY.round_to == pytest.approx(0, abs=1e-9)
    per_office = asked(release, "recruitment")[0]
    enrolled = {arm: count["by_arm"]["by"][arm] for count in asked(release, "flow")[0]["counts"]
                if count["box"]["box"] == "families_enrolled" for arm in ("holf", "local")}  # fmt: skip
    for arm, name, n_offices in (("holf", "mean_treated", 15), ("local", "mean_other", 14)):
        if isinstance(enrolled[arm], dict):
            assert per_office[name] == enrolled[arm], "a mean of a withheld count is withheld by the same rule"
        else:
            assert per_office[name] * n_offices == pytest.approx(enrolled[arm])


def test_the_same_families_are_one_count_wherever_they_stand(release):
    flow = asked(release, "flow")[0]["counts"]
    enrolled = next(count["total"] for count in flow if count["box"]["box"] == "families_enrolled")
    recruited = next(entry for entry in release.content["answers"] if entry["question"] == "recruitment")
    assert {found["rests_on"]["families"] for found in recruited["answers"]} == {enrolled}


def test_estimates_go_with_the_counts_that_they_would_give_away(release):
    (few,) = asked(release, "effect", outcome="participation", contrast="model", adjusted=True)
    # Beside the other arm's share, a difference would give the one that is withheld.
    assert all(few[name] == {"withheld": "people"} for name in ("mean_other", "estimate", "se", "ci_low", "p_value"))
    # All coordinators are there, as everybody can count: that none is missing is no news.
    (tipping,) = asked(release, "tipping", outcome="coordinator_competence")
    bounds, losses = (asked(release, one, outcome="coordinator_competence") for one in ("bounds", "attrition"))
    assert 0 == tipping["n_missing"] == tipping["n_dropped"] == tipping["slope"]
    assert all(0 == one["n_missing_treated"] == one["n_missing_other"] for one in bounds)
    assert all(loss["office_mean"] == 0 and loss["n_measured"] == loss["n_expected"] for loss in losses)


def test_no_difference_to_a_public_count_is_small(release):
    """Of families, which only say what an answer rests on."""
    public = public_counts_of_the_trial()
    totals = {public[box.id] for box in load_flow() if box.fact and box.table == "families"}
    behind = [
        found["rests_on"]["families"] for entry in release.content["answers"] for found in entry.get("answers", ())
    ]
    shown = {count for count in behind if isinstance(count, int)}
    assert not [(total, count) for total in totals for count in shown if 0 < total - count < POLICY.min_people]


def test_the_same_number_has_the_same_fate_in_every_answer(release):
    for outcome in ("income", "employment", "coordinator_competence"):
        (tipping,) = asked(release, "tipping", outcome=outcome)
        (effect,) = asked(
            release, "effect", outcome=outcome, wave=tipping_wave(outcome), contrast="model", adjusted=True
        )
        level = next(one for one in asked(release, "levels", outcome=outcome) if one["group"] == "holf"
                     and one["wave"] == tipping_wave(outcome))  # fmt: skip
        assert tipping["estimate"] == effect["estimate"] and tipping["observed_mean"] == level["mean"]
        if tipping["n_units"] == effect["n_units"] and tipping["n_units"] in public_counts_of_the_trial().values():
            assert tipping["n_missing"] == 0, "all are measured, as two exact counts say"
        for change in asked(release, "change", outcome=outcome):
            (before,) = (one for one in asked(release, "levels", outcome=outcome)
                         if one["group"] == change["arm"] and one["wave"] == "m0")  # fmt: skip
            assert change["n"] != before["n"] or change["before"] == before["mean"]


def tipping_wave(outcome):
    return load_plan().outcome(outcome).waves[0]


def test_no_count_is_further_off_than_the_release_says(release, answered):
    limit = release.content["counts_off_by_at_most"]
    (flow,) = next(found for found in answered.values() if found and type(found[0].answer).__name__ == "Flow")
    errors = set()
    for shown, true in zip(asked(release, "flow")[0]["counts"], flow.answer.counts, strict=True):
        numbers = [shown["total"], *shown["by_arm"]["by"].values()]
        errors |= {
            abs(one - other) for one, other in zip(numbers, [true.total, *true.by_arm.values()]) if type(one) is int
        }
    assert POLICY.round_to // 2 < max(errors) <= limit, "a second arm is a total less a rounded first one"
    text = release.text()
    assert "A difference of two shown counts is no count" in text and "slack" not in text


def has(release, question, name, rule, **keywords):
    return any(answer.get(name) == {"withheld": rule} for answer in asked(release, question, **keywords))


def hides(release, question, name, **keywords):
    """Where rules would give a count away, its refusal does not say which rule it was."""
    return any(isinstance(answer[name], dict) for answer in asked(release, question, **keywords))


def is_round(count):
    return isinstance(count, dict) or count % 5 == 0


# Settings under which the rule speaks, what then holds of a release of real tables, and settings that ask for nothing:
# it fails then.
SPEAKS = {
    "people": ({}, lambda one: has(one, "tipping", "n_dropped", "people", outcome="participation"), {"min_people": 0}),
    "families": ({"min_families": 500}, lambda one: "families" in one.content["summary"]["answers_by_withholding_rule"],
                 {"min_families": 0}),
    "offices": ({"min_offices": 15}, lambda one: hides(one, "levels", "n", outcome="income"), {"min_offices": 0}),
    "dominance": ({"max_office_share": 0.05}, lambda one: hides(one, "levels", "n", outcome="income"),
                  {"max_office_share": 1.0}),
    "staff": ({"staff_levels": frozenset({"trial"})},
              lambda one: hides(one, "levels", "n", outcome="coordinator_competence"),
              {"staff_levels": frozenset({"trial", "arm"})}),
    "class": ({"min_people": 100}, lambda one: has(one, "recruitment", "mean_treated", "class"), {"min_people": 10}),
    "df": ({"min_residual_df": 28}, lambda one: has(one, "effect", "estimate", "df", outcome="income"),
           {"min_residual_df": 0}),
    "rounding": ({}, lambda one: all(is_round(count["total"]) for count in asked(one, "flow")[0]["counts"]
                            if count["box"]["box"] in ("drawn", "not_enrolled", "families_enrolled")),
                 {"round_to": 1}),
    "digits": ({}, lambda one: "digits" not in broken_rules(one.content, POLICY), {"significant_digits": 17}),
    "complementary": ({}, lambda one: narrowest(one) >= POLICY.min_interval, {"min_interval": 1}),
}  # fmt: skip
# The questions whose answers show it, for rules that do not need all of these.
PARTS = {
    **dict.fromkeys(("families", "offices", "dominance"), '"levels".*"income"'),
    **dict.fromkeys(("df", "digits"), '"(levels|effect)".*"income"'),
    "staff": '"levels".*"coordinator_competence"',
    "class": '"(flow|recruitment)"',
    "rounding": '"flow"',
}
PART = '"(flow|baseline|recruitment)"|"(levels|effect|sanity|tipping|attrition)".*"(income|coordinator_competence)"|"tipping".*"participation"'


@pytest.mark.parametrize("rule", sorted(SPEAKS))
def test_a_release_needs_every_rule(rule, released):
    settings, holds, nothing = SPEAKS[rule]
    policy, part = replace(POLICY, **settings), PARTS.get(rule, PART)
    assert holds(released(policy, part=part))
    assert not holds(released(replace(policy, **nothing), part=part)), "nothing notices that the rule asks for nothing"


def test_the_remaining_rules_are_needed_elsewhere():
    # Differencing is about two releases (below). Linked speaks only beside a public total of about twice min_people,
    # of which the ledger has none: test_suppression.
    assert SPEAKS.keys() | {"extremes", "differencing", "linked"} == RULES


@pytest.fixture(scope="module")
def fewer(tables, tmp_path_factory, short):
    """Releases without 1 and without 40 of the families that took part, drawn at random."""
    families = tables["families"].query("enrolled == '1'")["family_id"].to_numpy()
    gone = np.random.default_rng(1).permutation(families)
    folder = tmp_path_factory.mktemp("fewer")
    return {
        size: make_release(taken(without(tables, "family_id", {*gone[:size]}), folder / str(size)), SCHEMA, POLICY)
        for size in (1, 40)
    }


def changes(old, new, where=""):
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for key in old:
            yield from changes(old[key], new[key], f"{where}.{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for place, pair in enumerate(zip(old, new)):
            yield from changes(*pair, f"{where}[{place}]")
    elif old != new:
        yield where, old, new


@pytest.mark.parametrize("families", [1, 40])
def test_families_less_are_never_published_beside_the_whole(release, fewer, families):
    other = fewer[families]
    moved = list(changes(release.content["answers"], other.content["answers"]))
    # Estimates and means do move, by what the families add: two such releases must never both be out.
    assert any(isinstance(old, float) for _, old, _ in moved)
    with pytest.raises(ReleaseError, match="differencing.*--repeat"):
        require_same_answers([other, release], other, POLICY)


def without_outcome(release: Release, name: str) -> Release:
    content = release.content
    entries = [entry for entry in content["answers"] if entry["asked"].get("outcome") != name]
    kept = {outcome: waves for outcome, waves in content["outcomes"].items() if outcome != name}
    return Release(content | {"answers": entries, "outcomes": kept, "summary": summary(entries)})


@pytest.mark.parametrize("families", [1, 40])
def test_after_a_withdrawal_a_release_repeats_the_former_and_adds_what_is_new(release, fewer, families, tmp_path):
    former = without_outcome(release, "employment")
    second = repeated(former, fewer[families])
    assert second.content["repeats"] == [former.id] and second.id != former.id
    require_same_answers([former], second, POLICY)
    told = {json.dumps([entry["question"], entry["asked"]]): entry for entry in second.content["answers"]}
    for entry in former.content["answers"]:
        assert told.pop(json.dumps([entry["question"], entry["asked"]])) == entry
    fresh = [entry for entry in fewer[families].content["answers"] if entry["asked"].get("outcome") == "employment"]
    assert list(told.values()) == fresh and fresh
    second.write(tmp_path / "second.json")
    assert read_release(tmp_path / "second.json").study().levels("employment")
    third = repeated(second, repeated(former, fewer[families]))
    assert third.content["repeats"] == [former.id, second.id] and not list(
        changes(second.content["answers"], third.content["answers"])
    )
    with pytest.raises(ReleaseError, match="under another profile"):
        repeated(former, Release(fewer[families].content | {"profile": "strict-15"}))


def test_a_new_wave_is_new_beside_repeated_ones(release, fewer):
    former = json.loads(release.text())
    levels = next(
        one for one in former["answers"] if one["question"] == "levels" and one["asked"]["outcome"] == "income"
    )
    gone = [found for found in levels["answers"] if found["answer"]["wave"] == "m24"]
    levels["answers"] = [found for found in levels["answers"] if found not in gone]
    second = repeated(Release(former), fewer[40])
    require_same_answers([Release(former)], second, POLICY)
    fresh = {where: new for where, _, new in changes(release.content["answers"], second.content["answers"])}
    assert fresh and len(asked(second, "levels", outcome="income")) == len(asked(release, "levels", outcome="income"))
    assert all(answer["wave"] == "m24" for answer in asked(second, "levels", outcome="income")
               if answer not in asked(release, "levels", outcome="income"))  # fmt: skip


def test_the_history_is_whole_or_says_what_was_changed(release, fewer, tmp_path):
    path = tmp_path / HISTORY
    assert read_history(path) == []
    path.write_text(_line(release) + _line(fewer[1]))
    assert read_history(path) == [release, fewer[1]]
    for line, says in (
        (_line(fewer[1]).replace(fewer[1].id, release.id), f"it was changed: it holds release {fewer[1].id}"),
        (_line(release).replace("version 3", "version 2"), "not a release that this version can read, which is"),
        (_line(release)[:500], "not a release"),
        ("x\n", "not a release"),
    ):
        path.write_text(_line(release) + line)
        with pytest.raises(ReleaseError, match=f"history, line 2: {says}"):
            read_history(path)


@pytest.mark.parametrize(
    ("old", "new", "is_refused"),
    [
        ({"n": 45}, {"n": 60}, False),
        ({"n": 45}, {"n": 55}, True),
        ({"n": 45}, {"n": 45}, True),
        ({"n": 45, "people": 50}, {"n": 60, "people": 50}, True),
        ({"n": {"withheld": "people"}}, {"n": 25}, False),
        ({"n": {"withheld": "people"}}, {"n": 20}, True),
        ({"n": {"withheld": "people"}}, {"n": {"withheld": "linked"}}, True),
    ],
)
def test_an_answer_changes_only_where_all_its_counts_say_that_ten_came_or_went(old, new, is_refused):
    """Published 45 and 55 can be 47 and 53: the difference of the true counts is what counts."""

    def told(counts, mean):
        behind = {"people": counts.get("people", counts["n"]), "families": 0, "offices": 29}
        level = {"answer": "Level", "label": "a", "group": "holf", "wave": "m0", "n": counts["n"], "mean": mean}
        entry = {"question": "levels", "asked": {}, "answers": [{"answer": level, "rests_on": behind}]}
        return Release({"answers": [entry]})

    earlier, release = told(old, 1.0), told(new, 2.0)
    if is_refused:
        with pytest.raises(ReleaseError, match="rule differencing"):
            require_same_answers([earlier], release, POLICY)
    else:
        require_same_answers([earlier], release, POLICY)


@pytest.mark.parametrize("earlier", ["named", "kept"])
def test_the_command_refuses_a_release_beside_a_close_one(release, tables, tmp_path, capsys, brief, earlier):
    release.write(tmp_path / "last.json")
    previous = ["--previous", str(tmp_path / "last.json")] if earlier == "named" else []
    if earlier == "kept":
        (tmp_path / HISTORY).write_text(_line(release))
    family = tables["families"].query("enrolled == '1'")["family_id"].iloc[0]
    taken(without(tables, "family_id", {family}), tmp_path / "data")
    with pytest.raises(SystemExit) as end:
        main(["release", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "new.json"), *previous])
    said = capsys.readouterr()
    assert end.value.code == 2 and "rule differencing" in said.err and said.err.count("\n") == 1
    assert ID not in said.out + said.err and not (tmp_path / "new.json").exists()
    kept = [] if earlier == "named" else [release]
    assert read_history(tmp_path / HISTORY) == kept, "what was refused is not kept"


def test_the_command_repeats_an_earlier_release_and_keeps_both(release, tables, tmp_path, capsys, brief):
    family = tables["families"].query("enrolled == '1'")["family_id"].iloc[0]
    taken(without(tables, "family_id", {family}), tmp_path / "data")
    again = ["release", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "new.json"), "--repeat"]
    with pytest.raises(SystemExit):
        main(again)
    assert "there is no earlier release to repeat: name it with --previous" in capsys.readouterr().err
    former = without_outcome(release, "participation")
    former.write(tmp_path / "last.json")
    main([*again, "--previous", str(tmp_path / "last.json")])
    made = read_release(tmp_path / "new.json")
    assert made.content["repeats"] == [former.id] and read_history(tmp_path / HISTORY) == [former, made]
    assert asked(made, "levels", outcome="income") == asked(release, "levels", outcome="income")
    assert len(asked(made, "levels", outcome="participation")) == len(asked(release, "levels", outcome="participation"))


def test_the_command_writes_the_ids_for_the_gate_and_for_nobody_else(dropped, tables, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(document, "catalogue", only("flow"))
    taken(tables, tmp_path / "data")
    (tmp_path / "inside").mkdir()
    (tmp_path / "inside" / "release.json.ids").write_text("of an earlier run")
    main(["release", "--data", str(tmp_path / "data"), "--out", str(tmp_path / "release.json"),
          "--key", str(tmp_path / "inside" / "our.key")])  # fmt: skip
    assert sorted(path.name for path in tmp_path.iterdir()) == ["data", "inside", "release.json"]
    (made,) = read_history(tmp_path / "inside" / HISTORY)
    assert (tmp_path / "release.json").read_text() == made.text()
    for private in (tmp_path / "inside" / HISTORY, tmp_path / "release.json"):
        assert private.stat().st_mode & 0o777 == 0o600
    file = tmp_path / "inside" / "release.json.ids"
    ids = file.read_text().splitlines()
    assert ids == dropped.ids(SCHEMA) == sorted({one for name in tables for one in tables[name][SCHEMA.key(name)]})
    printed = capsys.readouterr().out
    assert file.stat().st_mode & 0o777 == 0o600 and ID not in printed and "No earlier release was found" in printed
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text(f"<p>The family {ids[40].lower()} moved.</p>")
    with pytest.raises(SystemExit) as end:
        main(["release-check", str(site), "--ids", str(file)])
    found = capsys.readouterr()
    assert end.value.code == 1 and "index.html: the file: ids:" in found.out and ID not in found.out + found.err


def test_the_same_tables_give_the_same_bytes(dropped, brief):
    one, again, keyed = (make_release(dropped, SCHEMA, POLICY, key=key) for key in (None, None, KEY))
    assert again.text() == one.text() and again.id == one.id
    assert keyed.id != one.id and re.fullmatch("[0-9a-f]{64}", keyed.content["input_hmac_sha256"])


def test_a_release_answers_from_the_file_alone(release, tmp_path):
    release.write(tmp_path / "release.json")
    study = read_release(tmp_path / "release.json").study()
    assert study.source == release.source and study.levels("income")[0].n == asked(release, "levels")[0]["n"]
    assert study.planted("income") is None
    with pytest.raises(StudyError, match="not among the questions"):
        study.effect("income", level=0.9)


def test_another_number_is_another_release_or_breaks_a_rule(release, tmp_path):
    path = tmp_path / "release.json"
    path.write_text(release.text().replace('"n_offices": 29', '"n_offices": 28', 1))
    assert read_release(path).id != release.id
    path.write_text(re.sub(r'"n": \d+', '"n": 3', release.text(), count=1))
    with pytest.raises(ReleaseError, match="its numbers break the rule people of its profile"):
        read_release(path)
    path.write_text(re.sub(r'"se": (0\.\d+)', r'"se": \g<1>77', release.text(), count=1))
    with pytest.raises(ReleaseError, match="its numbers break the rule digits of its profile"):
        read_release(path)
