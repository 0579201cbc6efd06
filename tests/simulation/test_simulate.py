"""The simulated study: exact flow, same bytes, planted truth."""

import copy
import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import holf
from holf.paths import MARK_FILE, project_root
from holf.record.facts import load_assumptions, load_ledger
from holf.record.plan import load_plan
from holf.record.schema import Schema, load_schema
from holf.simulation.measures import Units, draw_outcome
from holf.simulation.people import Rules
from holf.simulation.worlds import simulate, write_study

WORLDS = ("null", "benefit", "harm")


@pytest.fixture(scope="module")
def worlds():
    return {world: simulate(world) for world in WORLDS}


def test_published_counts_are_met_exactly(worlds):
    number = load_ledger().number
    for tables in worlds.values():
        families, parents = tables["families"], tables["parents"]
        assert len(tables["offices"]) == number("F044") and (tables["offices"]["arm"] == "holf").sum() == number("F046")
        assert len(tables["coordinators"]) == number("F056")
        assert len(families) == number("F067") and (families["eligible"] == 0).sum() == number("F068")
        assert families["eligible"].sum() == number("F069")
        assert parents["participates"].sum() == number("F066") and parents["analysed"].sum() == number("F122")


@pytest.mark.parametrize("seed", [1, 99])
def test_any_seed_meets_them(seed):
    tables = simulate("null", seed=seed)
    assert tables["parents"]["participates"].sum() == load_ledger().number("F066")
    assumed, taking_part = load_assumptions(), tables["families"].query("enrolled == 1")
    assert len(taking_part) == assumed["families_enrolled"].value
    # Else a seed with few second parents could not reach the published enrolment.
    assert (taking_part["n_adults"] == 2).sum() == round(assumed["two_adults_share"].value * len(taking_part))


def test_families_and_parents_of_the_assumptions_fit_the_record():
    """The families followed are a caseload an office; at any allowed share of couples the parents can be enrolled."""
    number, assumed = load_ledger().number, load_assumptions()
    families = assumed["families_enrolled"].value
    assert families == number("F161") < number("F065") < assumed["families_drawn"].value < number("F069")
    assert families * (1 + assumed["two_adults_share"].low) > number("F066")


def test_who_can_be_what(worlds):
    families, parents = worlds["null"]["families"], worlds["null"]["parents"]
    assert (families["drawn"] <= families["eligible"]).all() and (families["enrolled"] <= families["drawn"]).all()
    assert families.loc[families["eligible"] == 1, "followup_group"].notna().all()
    assert families.loc[families["eligible"] == 0, "followup_group"].isna().all()
    ordinary = families[(families["eligible"] == 1) & (families["drawn"] == 0)]
    assert (ordinary["followup_group"] == "ordinary").all()
    taking_part = parents[parents["participates"] == 1].merge(families, on="family_id")
    assert (taking_part["enrolled"] == 1).all() and taking_part["family_id"].nunique() == families["enrolled"].sum()


def test_worlds_hold_the_same_people_and_the_planted_difference(worlds):
    assumed = load_assumptions()
    for name in ("offices", "families", "parents", "delivery"):
        assert worlds["null"][name].equals(worlds["benefit"][name])
    gap, rest = {}, {}
    for world in WORLDS:
        register = worlds[world]["register"].query("wave == 'm12'").merge(worlds[world]["parents"], on="parent_id")
        everyone = register.merge(worlds[world]["families"], on="family_id")
        inside = (everyone["followup_group"] == "holf") & (everyone["participates"] == 1)
        gap[world], rest[world] = everyone[inside]["income"].mean(), everyone[~inside]["income"].mean()
    effect = assumed["effect_income"].value
    assert gap["benefit"] - gap["null"] == pytest.approx(effect, rel=0.01)
    assert gap["harm"] - gap["null"] == pytest.approx(-effect, rel=0.01)
    assert rest["benefit"] == rest["null"] == rest["harm"], "those who do not take part are untouched"


@pytest.mark.parametrize("world", WORLDS)
def test_both_arms_improve_on_finances_and_participation(worlds, world):
    tables = worlds[world]
    families = tables["families"].set_index("family_id")["followup_group"]
    income = tables["register"].merge(tables["parents"].query("analysed == 1"), on="parent_id")
    children = tables["children"].dropna()
    for arm in ("holf", "local"):
        mine = income[income["family_id"].map(families) == arm].groupby("wave")["income"].mean()
        assert mine["m12"] > mine["m0"]
        theirs = children[children["family_id"].map(families) == arm]
        assert theirs["participates_m12"].mean() > theirs["participates_m0"].mean()


def test_loss_depends_on_covariates(worlds):
    survey = worlds["null"]["survey"].query("wave == 'm12'").merge(worlds["null"]["parents"], on="parent_id")
    answered = survey.groupby("lower_secondary")["answered"].mean()
    assert answered[1] < answered[0]
    assert 1 - survey["answered"].mean() == pytest.approx(load_assumptions()["survey_loss"].value, abs=0.05)
    assert survey.loc[survey["answered"] == 0, "housing_quality"].isna().all()
    children, told = worlds["null"]["children"], survey.query("answered == 1")["family_id"]
    assert (children["participates_m12"].notna() == children["family_id"].isin(told)).all(), "parents answer for them"


@pytest.mark.parametrize("name", ["employment", "income"])
def test_people_are_as_alike_as_assumed(name):
    """Over 40 draws: correlation inside offices and families, and over time, against the assumptions.

    Monte Carlo standard errors are below 0.003 for the offices and 0.005 for the others.
    """
    rules = Rules(load_ledger(), load_assumptions(), load_plan(), load_schema())
    rng = np.random.default_rng(20)
    office = np.repeat(np.arange(29), 30)
    units = Units(office, np.repeat(np.arange(len(office) // 2), 2), np.zeros(len(office)))
    found = []
    for _ in range(40):
        values = draw_outcome(rng, units, rules.plan.outcomes[name], rules, {"m0": 0, "m12": 12})
        frame = pd.DataFrame({"y": values["m0"], "later": values["m12"], "office": office})
        mates = np.corrcoef(frame["y"][::2], frame["y"][1::2])[0, 1]
        found.append((holf.icc(frame, "y", cluster="office").estimate, mates, frame["y"].corr(frame["later"])))
    icc, mates, over_time = np.mean(found, axis=0)
    office_part = rules.assumed(f"icc_{name}")
    assert icc == pytest.approx(office_part + (1 - office_part) * FAMILY_IN_OFFICE[name], abs=0.01)
    if name == "income":
        share, stability = rules.assumed("family_share"), rules.assumed("stability")
        assert mates == pytest.approx(office_part + (1 - office_part) * share, abs=0.02)
        lasting = office_part * (1 - rules.assumed("office_drift")) + (1 - office_part) * stability
        assert over_time == pytest.approx(lasting, abs=0.02)


# Two of the 30 in an office are one family: pairs of family members are 1 of 29 pairs that a person forms there.
FAMILY_IN_OFFICE = {"income": 0.3 / 29, "employment": 0.15 / 29}


def test_same_seed_same_bytes_and_other_seed_other_bytes(tmp_path):
    one, two, other = (write_study("harm", tmp_path / name, seed=seed) for name, seed in (("a", 5), ("b", 5), ("c", 6)))
    for path in one.iterdir():
        assert path.read_bytes() == (two / path.name).read_bytes()
    assert (one / "families.csv").read_bytes() != (other / "families.csv").read_bytes()
    mark = json.loads((one / MARK_FILE).read_text())
    assert mark["simulated"] is True and mark["world"] == "harm" and mark["licence"] == "CC0-1.0"


@pytest.mark.parametrize("world", WORLDS)
def test_committed_tables_are_what_the_code_gives(tmp_path, world):
    committed = project_root() / "data" / "simulated" / world
    fresh = write_study(world, tmp_path / world)
    assert {path.name for path in committed.iterdir()} == {path.name for path in fresh.iterdir()}
    for path in fresh.iterdir():
        assert path.read_bytes() == (committed / path.name).read_bytes(), f"{world}/{path.name}: run `make book`"


@pytest.mark.parametrize("is_study", [True, False])
def test_never_writes_over_or_beside_something_else(tmp_path, is_study):
    folder = write_study("null", tmp_path / "x", seed=1) if is_study else tmp_path
    (folder / "notes.txt").write_text("precious")
    with pytest.raises(FileExistsError, match="something else"):
        write_study("null", folder, seed=2)
    assert (folder / "notes.txt").read_text() == "precious"


def test_a_new_wave_of_the_plan_is_simulated(monkeypatch):
    """Each outcome is measured once more, at month 60: only the plan and the schema say so."""
    plan, schema = load_plan(), load_schema()
    longer = {one.id: replace(one, waves=(*one.waves, "m60")) for one in plan.outcomes.values()}
    package = copy.deepcopy(schema.package)
    for resource in package["resources"]:
        fields = resource["schema"]["fields"]
        fields += [field | {"name": field["name"].replace("_m0", "_m60")} for field in fields if "_m0" in field["name"]]
    later = replace(plan, waves=plan.waves | {"m60": 60}, outcomes=longer)
    monkeypatch.setattr("holf.simulation.worlds.load_plan", lambda **_: later)
    monkeypatch.setattr("holf.simulation.worlds.load_schema", lambda: Schema(package))
    tables = simulate("benefit", seed=1)
    for one in longer.values():
        frame, column = tables[one.table], one.column.format(wave="m60")
        values = frame[column] if one.is_wide else frame.loc[frame["wave"] == "m60", column]
        assert values.notna().any() and values.nunique() > 1, one.id
    survey = tables["survey"].pivot(index="parent_id", columns="wave", values="answered")
    assert survey["m60"].mean() < survey["m12"].mean() and (survey["m60"] <= survey["m12"]).all()
