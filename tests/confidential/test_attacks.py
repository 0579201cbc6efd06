"""Attacks on the counts of a release through its estimates: those that once succeeded, on many simulated studies."""

from dataclasses import replace

import numpy as np
import pytest
from real_study import copied, plan_of, real_tables, taken

from holf.confidential.release import document
from holf.confidential.release.clues import Clue, clues
from holf.confidential.release.document import ReleaseError, make_release
from holf.confidential.rules.policy import load_policy
from holf.confidential.rules.primary import rounded
from holf.confidential.rules.rounded_rows import RoundedRows
from holf.record.plan import load_registered
from holf.record.schema import load_schema
from holf.study.tables import Rows

POLICY, SCHEMA = load_policy(), load_schema()
ATTACKS = {"df", "difference", "share_trimmed", "bounds"}
WHOLE = document.catalogue


def attacked(plan):
    """The questions whose answers the attacks use."""
    for question, asked in WHOLE(plan):
        of_people = asked.get("outcome") in ("employment", "participation", "housing")
        estimator = asked.get("estimator")
        simple = question in ("levels", "attrition", "bounds") or estimator == "naive"
        if question == "flow" or (of_people and (simple or (estimator == "cr2" and not asked["adjusted"]))):
            yield question, asked


@pytest.fixture(scope="module", autouse=True)
def short():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(document, "catalogue", attacked)
        yield


@pytest.fixture(scope="module")
def dropped(tables, tmp_path_factory):
    return taken(tables, tmp_path_factory.mktemp("in") / "data")


@pytest.fixture(scope="module")
def content(dropped, short):
    """The content of a release of these tables."""
    return make_release(dropped, SCHEMA, POLICY).content


def shown_manski_bounds(content):
    """Outcomes whose Manski bounds are published as numbers."""
    return [
        entry["asked"]["outcome"]
        for entry in content["answers"]
        if entry["question"] == "bounds"
        for found in entry["answers"]
        if found["answer"]["method"] == "manski" and isinstance(found["answer"]["lower"], float)
    ]


def true_rows(tables, plan, schema, rows, published, policy):
    """In place of the rounded rows."""
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3])
def test_no_estimate_gives_a_count_away_in_other_studies(seed, tmp_path, monkeypatch):
    dropped = taken(real_tables(tmp_path / "study", seed=seed), tmp_path / "data")
    test_no_estimate_gives_a_count_away(dropped, make_release(dropped, SCHEMA, POLICY).content, monkeypatch)


def test_no_estimate_gives_a_count_away(dropped, content, monkeypatch):
    found = clues(content, POLICY)
    assert {clue.question for clue in found} == ATTACKS
    # Of shares and of scales: the bounds on housing, from 0 to 10, lie as far apart as people are missing.
    shown = shown_manski_bounds(content)
    assert "housing" in shown and sum(clue.question == "bounds" for clue in found) == len(shown)
    for clue in found:
        assert clue.agrees(*map(float, clue.counts)), f"{clue.question} does not follow from what is published"
    # Where estimates are of true counts, the same attacks succeed, and there is no release.
    monkeypatch.setattr(document, "RoundedRows", true_rows)
    with pytest.raises(ReleaseError, match="its numbers break the rule complementary"):
        make_release(dropped, SCHEMA, POLICY)


@pytest.mark.slow
def test_people_within_rounding_change_no_number_of_the_attacks(tables, content, tmp_path):
    changed, register = copied(tables), tables["register"]
    analysed = set(tables["parents"].query("analysed == '1'")["parent_id"])
    at_year = register[(register["wave"] == "m12") & (register["employed"] == "1")]
    employed = at_year.index[at_year["parent_id"].isin(analysed)]
    changed["register"].loc[employed[0], "employed"] = "0"
    other = make_release(taken(changed, tmp_path / "changed"), SCHEMA, POLICY).content
    first, moved = clues(content, POLICY), clues(other, POLICY)
    same = [(one, other) for one, other in zip(first, moved, strict=True) if one.counts == other.counts]
    assert len(same) > 5 and all(one.value == other.value for one, other in same)


def of_coordinators(plan):
    for question, asked in WHOLE(plan):
        if (
            question == "effect"
            and asked["contrast"] == "coordinator"
            and (asked["outcome"], asked["wave"]) == ("employment", "m12")
        ):
            yield question, asked


@pytest.mark.slow
def test_those_whom_the_register_lacks_are_counted_in_rounded_numbers(tables, tmp_path, monkeypatch):
    monkeypatch.setattr(document, "catalogue", of_coordinators)
    parents, register = tables["parents"], tables["register"]
    at_year = register[register["wave"] == "m12"]
    not_enrolled = parents.query("participates != '1'").merge(at_year)["parent_id"]
    already = len(parents) - len(at_year)
    for more in (0, 4):
        left = register[~register["parent_id"].isin(not_enrolled.head(more))].reset_index(drop=True)
        release = make_release(taken(tables | {"register": left}, tmp_path / str(more)), SCHEMA, POLICY)
        ((found,),) = (entry["answers"] for entry in release.content["answers"])
        shown = found["answer"]["n_dropped"]
        assert shown == rounded(already + more, POLICY) != already + more


def of_income(plan):
    wanted = {"levels": (), "effect": ("cr2",), "change": ()}
    for question, asked in WHOLE(plan):
        if question in wanted and asked["outcome"] == "income" and asked.get("estimator", "cr2") == "cr2":
            yield question, asked


def richest_first(tables):
    """Rows of the register at 12 months, those with the highest income first, with the arm of each parent."""
    register, parents = tables["register"], tables["parents"].query("analysed == '1'").set_index("parent_id")
    at_year = register[(register["wave"] == "m12") & register["parent_id"].isin(parents.index)]
    office = parents["family_id"].map(tables["families"].set_index("family_id")["office_id"])
    arm = at_year["parent_id"].map(office).map(tables["offices"].set_index("office_id")["arm"])
    return arm.loc[at_year["income"].astype(float).sort_values(ascending=False).index]


def test_one_high_income_shows_nowhere(tables, tmp_path, monkeypatch):
    monkeypatch.setattr(document, "catalogue", of_income)
    tables = copied(tables)
    register, arm = tables["register"], richest_first(tables)
    # One is the only one in that arm, the others in the other are richer still.
    register.loc[arm.index[arm == "local"][:10], "income"] = "700000"
    lone = arm.index[arm == "holf"][0]
    register.loc[lone, "income"] = "60000"
    one = make_release(taken(tables, tmp_path / "data"), SCHEMA, POLICY)
    register.loc[lone, "income"] = "412300"
    other = make_release(taken(tables, tmp_path / "rich"), SCHEMA, POLICY)
    assert one.text() == other.text()


def test_incomes_behind_a_number_keep_the_dominance_rules_of_acro(tables, tmp_path):
    tables = copied(tables)
    register, arm = tables["register"], richest_first(tables)
    register.loc[arm.index, "income"] = "100"
    register.loc[[*arm.index[arm == "holf"][:2], *arm.index[arm == "local"][:10]], "income"] = "800000"
    dropped = taken(tables, tmp_path / "data")
    plan = plan_of(dropped)
    rows = Rows(dropped.tables, plan, SCHEMA)
    cut = RoundedRows(dropped.tables, plan, SCHEMA, rows, lambda table, frame: len(frame), POLICY)
    income = plan.outcome("income")
    kept = [keeps_acro(one.values(income, "m12", plan.main)) for one in (rows, cut)]
    assert kept == [[False, True], [True, True]], "two of one arm are not hidden by ten of the other"


def keeps_acro(frame) -> list[bool]:
    """By group: the two largest have at most 90% of the sum, and what the others have is 10% of the largest or more."""
    found = []
    for _, values in frame.groupby("group")["value"]:
        first, second, *others = sorted(values.dropna(), reverse=True)
        found.append(first + second <= 0.9 * sum(values.dropna()) and sum(others) >= 0.1 * first)
    return found


def entry(question, answer, **asked):
    return {
        "question": question,
        "asked": {"outcome": "housing", "wave": "m12", **asked},
        "answers": [{"answer": answer}],
    }


def loss(group, expected, measured):
    return {"answer": {"wave": "m12", "group": group, "n_expected": expected, "n_measured": measured}}


@pytest.mark.parametrize(
    ("question", "told", "true"),
    [
        # Ten points of the scale, times the shares of 150 of 450 and 90 of 430 that are missing.
        (
            "bounds",
            {"method": "manski", "lower": -2.71, "upper": 2.72},
            {"method": "manski", "lower": -2.8, "upper": 2.9},
        ),
        ("tipping", {"slope": 0.333, "n_missing": 150}, {"slope": 0.338, "n_missing": 150}),
    ],
)
def test_bounds_of_a_scale_and_slopes_are_read(question, told, true, monkeypatch):
    plan = load_registered()
    bare = replace(plan, outcomes={"housing": replace(plan.outcome("housing"), covariates=())})
    monkeypatch.setattr("holf.confidential.release.clues.load_registered", lambda: bare)
    losses = entry("attrition", {}) | {"answers": [loss("holf", 450, 300), loss("local", 430, 340)]}
    for answer, agrees in ((told, True), (true, False)):
        (found,) = clues({"answers": [losses, entry(question, answer)]}, POLICY)
        assert found.agrees(*map(float, found.counts)) == agrees
    # Where the plan adjusts for a covariate, the slope is no share.
    monkeypatch.setattr("holf.confidential.release.clues.load_registered", lambda: plan)
    assert len(clues({"answers": [losses, entry(question, told)]}, POLICY)) == (question == "bounds")


def bounds(clue, reach):
    """Lowest and highest that each count can be, as far as `reach` from what is published: the attack itself."""
    grid = np.meshgrid(*(np.arange(max(n - reach, 0), n + reach + 1) for n in clue.counts), indexing="ij")
    found = clue.agrees(*grid)
    return [(int(axis[found].min()), int(axis[found].max())) for axis in grid]


def test_a_number_of_true_counts_is_found_out():
    slope = Clue("slope", 0.333, 5e-4, (150, 445), lambda lost, n: lost / n)
    assert bounds(slope, 2) == [(148, 149), (444, 447)], "148 of 444 or 149 of 447, and no other"

    def difference(a, n, b, m):
        return a / n - b / m

    # 102 of 439 and 98 of 423, published as 100 of 440 and 100 of 425.
    clue = Clue("difference", 0.000668, 5e-7, (100, 440, 100, 425), difference)
    assert bounds(clue, 2) == [(102, 102), (439, 439), (98, 98), (423, 423)]
    df = Clue("df", 613.0, 0.5, (615,), lambda n: n - 3)
    assert bounds(df, 2) == [(616, 616)]
    assert slope.gives_away and clue.gives_away and df.gives_away
    assert not Clue("difference", 100 / 440 - 100 / 425, 5e-6, (100, 440, 100, 425), difference).gives_away
    assert Clue("df", 619.0, 0.5, (615,), lambda n: n - 3).gives_away, "a total is off by more than its rounding"
