"""The ledger and the assumptions: what loads, and what is refused."""

from math import comb

import pytest
from edited import edited, setting

from holf.record.facts import FactError, check_leans, load_assumptions, load_ledger, load_sources

LEDGER = load_ledger()


def test_published_counts_and_what_is_derived_from_them():
    number = LEDGER.number
    counts = {"F067": 3201, "F068": 320, "F066": 884, "F122": 862, "F044": 29, "F046": 15, "F047": 14, "F056": 58}
    assert {key: number(key) for key in counts} == counts
    assert number("F069") == number("F067") - number("F068")
    assert number("F049") == number("F046") + number("F047") == number("F044")
    assert number("F058") == number("F044") * number("F057") == number("F056")
    assert number("F159") == number("F066") - number("F122")
    assert number("F160") == number("F142") + number("F143")
    assert number("F161") == number("F123") * number("F044") == number("F181") * number("F044") == 609
    assert number("F224") == comb(int(number("F044")), int(number("F046"))) == 77558760
    adults = [number(parents) / number("F161") for parents in ("F122", "F066")]
    assert LEDGER["F162"].value == " / ".join(f"{one:.2f}" for one in adults)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"class": ""}, "class must be one of"),
        ({"class": "assumed"}, "class must be one of"),
        ({"source": ""}, "source is empty"),
        ({"quote": "word " * 16}, "more than 15 words"),
        ({"id": "F066"}, "unique"),
        ({"status": "contradicted", "severity": "none"}, "how severe"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_by_name(tmp_path, changes, said):
    place = [*LEDGER].index("F067")
    with pytest.raises(FactError, match=rf"^facts.csv, row F06\d: .*{said}"):
        load_ledger(edited("facts.csv", tmp_path, setting(place, **changes)))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda sources: sources.pop("blog") and None, "row F015: the source blog is not in sources.yml"),
        (setting("blog", unknown="lost"), "blog: has an address, and says why it has none"),
    ],
)
def test_a_source_that_is_not_described_is_refused(tmp_path, change, said):
    with pytest.raises(FactError, match=said):
        load_sources(LEDGER, edited("sources.yml", tmp_path, change))


def test_a_row_that_is_no_number_or_not_there_is_refused():
    with pytest.raises(FactError, match="F059"):
        LEDGER.number("F059")
    with pytest.raises(FactError, match="^data/facts.csv, row F999: there is no such row$"):
        LEDGER["F999"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("F044", "29 offices"),
        ("F067", "3,201 families"),
        # The number of a record counts nothing, and a year has no separator.
        ("F005", "48510 NSD project number"),
        ("F031", "2021"),
        ("F024", "2016-01-01"),
        ("F038", "2022-09"),
        ("F075", "up to 4 children under 16"),
        ("F086", "before randomisation"),
        ("F114", "2 of 4: finances; children’s social inclusion"),
        ("F039", "431 (submitted) / 461 (posted) days"),
        ("F154", "< 5 percent of recipients"),
    ],
)
def test_a_unit_is_said_where_it_adds_to_the_value(row, said):
    assert LEDGER[row].said == said


@pytest.mark.parametrize(
    ("name", "changes", "said"),
    [
        ("survey_loss", {"class": None}, "survey_loss: key class is missing"),
        ("survey_loss", {"reason": ""}, "survey_loss: key reason is missing"),
        ("survey_loss", {"class": "published"}, "survey_loss: class must be assumed"),
        ("survey_loss", {"value": 2}, "survey_loss: value lies outside its range"),
        ("children_shares", {"value": [0.5] * 4, "range": [0, 1]}, "children_shares: the shares do not add up to 1"),
        ("families_enrolled", {"value": 761, "range": [0, 999]}, "families_enrolled: more than families_drawn"),
        ("alliance_baseline", {"facts": ["F999"]}, "alliance_baseline: there is no row F999"),
    ],
)
def test_an_assumption_that_breaks_a_rule_is_refused_by_name(tmp_path, name, changes, said):
    check_leans(load_assumptions(), LEDGER)
    with pytest.raises(FactError, match=rf"assumptions.yml, {said}"):
        check_leans(load_assumptions(edited("assumptions.yml", tmp_path, setting(name, **changes))), LEDGER)
