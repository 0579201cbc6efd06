"""The analysis plan, and the schema of the study tables."""

import re

import pandas as pd
import pytest
from edited import edited, setting

from holf.confidential.read.reader import read_simulated
from holf.paths import project_root
from holf.record.facts import FactError, load_ledger
from holf.record.plan import load_plan
from holf.record.schema import SchemaError, load_schema

DATA = project_root() / "data"


def test_waves_are_the_months_in_the_ledger():
    plan, ledger = load_plan(), load_ledger()
    for outcome in plan.outcomes.values():
        assert [plan.waves[wave] for wave in outcome.waves] == [ledger.number(fact) for fact in outcome.waves_facts]


INCOME, COMPETENCE = ("outcomes", "income"), ("outcomes", "leader_competence")
COORDINATOR = ("contrasts", "coordinator")
REFUSED = {
    "outcome income: kind must be one of": setting(*INCOME, kind="main"),
    "outcome income: wave T2 is not among waves": setting(*INCOME, waves=["T2"], waves_facts=["F090"]),
    "outcome income: each wave needs its own row of the ledger": setting(*INCOME, waves_facts=["F090"]),
    "outcomes, income, margin: key class is missing": setting(*INCOME, "margin", **{"class": ""}),
    "outcome income: margin needs class assumed": setting(*INCOME, "margin", **{"class": "published"}),
    "outcome income: published needs class published or unknown": setting(*INCOME, "published", **{"class": "x"}),
    "outcome employment: estimator ols is not in": setting("model", estimator="ols"),
    "outcome income: table registry is not in .*; did you mean `register`": setting(*INCOME, table="registry"),
    "outcome income: column incomes is not in table register .*; did you mean `income`": setting(
        *INCOME, column="incomes"
    ),
    # A wide column needs one for each wave, and for the baseline that is adjusted for.
    "outcome leader_competence: column skill_m0 is not in": setting(*COMPETENCE, column="skill_{wave}"),
    "outcome leader_competence: column competence_m24 is not in": setting(*COMPETENCE, waves=["m24"]),
    "outcome income: type ordinal is not in .*; known: continuous, binary": setting(*INCOME, type="ordinal"),
    "outcome income: direction higher is not in .*; known: up, down": setting(*INCOME, direction="higher"),
    "outcome leader_competence: estimator glm is not in .*; known: cr2, .*, ipw": setting(
        *COMPETENCE, "model", beside=["gee", "glm"]
    ),
    "outcome leader_competence: estimator lmm is not in": setting(*COMPETENCE, "model", also=["lmm"]),
    "outcome leader_competence: covariate wealth is not in .*; known: baseline": setting(
        *COMPETENCE, "model", covariates=["wealth"]
    ),
    "outcome income: fact F1050 is not in data/facts.csv; did you mean `F1": setting(*INCOME, fact="F1050"),
    "outcome income: fact F777": setting(*INCOME, waves_facts=["F090", "F092", "F093", "F777"]),
    "outcome income: fact F888": setting(*INCOME, "published", difference_fact="F888"),
    "outcome income: assumption icc_pay is not in .*; nearest:": setting(*INCOME, "simulated", icc="icc_pay"),
    "outcome income: assumption participation_sd is not in": setting(
        *INCOME, "simulated", baseline="participation_baseline"
    ),
    "outcome income: wave m18 is not in the enum of register.wave": setting(
        *INCOME, waves=["m12", "m24", "m36", "m18"]
    ),
    "exactly one contrast must have its group in the table": setting("contrasts", "model", "group", table="families"),
    "contrast model: column group is not in table offices": setting("contrasts", "model", "group", column="group"),
    "contrast model: column takes_part is not in": setting("contrasts", "model", "population", parents="takes_part"),
    "contrast model: table relatives is not in": setting("contrasts", "model", "population", relatives="eligible"),
    "contrast coordinator: arm usual is not in arms; known: holf": setting(*COORDINATOR, other=["usual"]),
    "contrast coordinator: outcome work is not in outcomes": setting(*COORDINATOR, outcomes=["work"]),
    "contrast coordinator: fact F999": setting(*COORDINATOR, facts=["F130", "F999"]),
    "contrast coordinator: fact F666": setting(*COORDINATOR, "published", 0, fact="F666"),
    "arm holf: fact F555": setting("arms", "holf", offices_fact="F555"),
    "arm holf: row F047 of data/facts.csv does not name HOLF model": setting("arms", "holf", offices_fact="F047"),
    "trial: fact F444": setting("trial", "analysed", fact="F444"),
    "trial: column block is not in table offices": setting("trial", strata="block"),
    "trial: fact F333": setting("trial", open_data="F333"),
    "trial: column code is not in table offices": setting("trial", "cluster", key="code"),
    "trial: table homes is not in": setting("trial", sizes=["families", "homes"]),
}


@pytest.mark.parametrize("said", REFUSED)
def test_a_plan_that_breaks_a_rule_or_names_what_does_not_exist_is_refused(tmp_path, said):
    with pytest.raises(FactError, match=f"^plan.yml[,:] {said}"):
        load_plan(edited("plan.yml", tmp_path, REFUSED[said]))


def test_unknown_names_list_the_known_ones():
    with pytest.raises(ValueError, match="known: employment, housing"):
        load_plan().outcome("happiness")
    with pytest.raises(ValueError, match="known: model, coordinator"):
        load_plan().contrast("other")


def test_schema_describes_every_table_and_field():
    schema = load_schema()
    for world in load_plan().worlds:
        folder = DATA / "simulated" / world
        assert {path.stem for path in folder.glob("*.csv")} == {*schema.tables}
        for name in schema.tables:
            frame = pd.read_csv(folder / f"{name}.csv")
            assert list(frame.columns) == list(schema.fields(name))
            assert all(field["description"] for field in schema.fields(name).values())


@pytest.mark.parametrize(
    ("said", "spoil"),
    [
        ("column arm: a value is not one of holf, local", lambda text: text.replace("holf", "31337", 1)),
        ("offices.csv, table offices: the file is missing", None),
    ],
)
def test_simulated_tables_that_do_not_fit_are_refused_without_their_values(tmp_path, said, spoil):
    """By the checker of real tables, whose rules have tests of their own."""
    for path in (DATA / "simulated" / "null").glob("*.csv"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    table = tmp_path / "offices.csv"
    table.unlink() if spoil is None else table.write_text(spoil(table.read_text()))
    with pytest.raises(SchemaError, match=re.escape(said)) as caught:
        read_simulated(tmp_path, load_schema())
    assert "31337" not in str(caught.value) and "SYN-" not in str(caught.value) and caught.value.__cause__ is None
