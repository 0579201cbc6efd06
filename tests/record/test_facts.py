"""The ledger and the assumptions: what loads, and what is refused."""

import csv
from math import comb

import pytest
import yaml

from holf.paths import project_root
from holf.record.facts import FactError, check_leans, load_assumptions, load_ledger, load_sources

LEDGER = project_root() / "data" / "facts.csv"


def altered(tmp_path, row, **changes):
    """A copy of the ledger in which one row is changed."""
    with open(LEDGER, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for entry in rows:
        if entry["id"] == row:
            entry.update({"class" if k == "kind" else k: v for k, v in changes.items()})
    path = tmp_path / "facts.csv"
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def test_published_counts():
    ledger = load_ledger()
    counts = {
        "F067": 3201,
        "F068": 320,
        "F069": 2881,
        "F066": 884,
        "F122": 862,
        "F044": 29,
        "F046": 15,
        "F047": 14,
        "F056": 58,
    }
    assert {key: ledger.number(key) for key in counts} == counts


def test_derived_rows_are_the_arithmetic_that_they_name():
    number = load_ledger().number
    assert number("F069") == number("F067") - number("F068")
    assert number("F049") == number("F046") + number("F047") == number("F044")
    assert number("F058") == number("F044") * number("F057") == number("F056")
    assert number("F159") == number("F066") - number("F122")
    assert number("F160") == number("F142") + number("F143")
    assert number("F161") == number("F123") * number("F044") == number("F181") * number("F044") == 609
    assert number("F224") == comb(int(number("F044")), int(number("F046"))) == 77558760
    adults = [number(parents) / number("F161") for parents in ("F122", "F066")]
    assert load_ledger()["F162"].value == " / ".join(f"{one:.2f}" for one in adults)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"kind": ""}, "class must be one of"),
        ({"kind": "assumed"}, "class must be one of"),
        ({"source": ""}, "source is empty"),
        ({"quote": "word " * 16}, "more than 15 words"),
        ({"id": "F066"}, "unique"),
        ({"status": "contradicted", "severity": "none"}, "how severe"),
    ],
)
def test_a_row_that_breaks_a_rule_is_refused_by_name(tmp_path, changes, said):
    with pytest.raises(FactError, match=said) as caught:
        load_ledger(altered(tmp_path, "F067", **changes))
    assert "F06" in str(caught.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda sources: sources.pop("blog"), "row F015: the source blog is not in sources.yml"),
        (lambda sources: sources["blog"].pop("title"), "blog: key title is missing"),
        (lambda sources: sources["blog"].update(url="x"), "blog: unknown key `url`; known: title, what, dated"),
        (lambda sources: sources["blog"].update(unknown="lost"), "blog: has an address, and says why it has none"),
    ],
)
def test_a_source_that_is_not_described_is_refused(tmp_path, change, said):
    sources = yaml.safe_load((project_root() / "data" / "sources.yml").read_text(encoding="utf-8"))
    change(sources)
    path = tmp_path / "sources.yml"
    path.write_text(yaml.safe_dump(sources), encoding="utf-8")
    with pytest.raises(FactError, match=said):
        load_sources(load_ledger(), path)


def test_an_assumption_that_leans_on_no_row_is_refused(tmp_path):
    path = tmp_path / "assumptions.yml"
    text = (project_root() / "data" / "assumptions.yml").read_text(encoding="utf-8")
    path.write_text(text.replace("facts: [F109]", "facts: [F999]"), encoding="utf-8")
    check_leans(load_assumptions(), load_ledger())
    with pytest.raises(FactError, match=r"^data/assumptions.yml, alliance_baseline: there is no row F999"):
        check_leans(load_assumptions(path), load_ledger())


def test_words_are_not_a_number():
    ledger = load_ledger()
    with pytest.raises(FactError, match="F059"):
        ledger.number("F059")
    with pytest.raises(FactError, match="^data/facts.csv, row F999: there is no such row$"):
        ledger["F999"]


def test_link_shows_the_value():
    ledger = load_ledger()
    assert ledger["F067"].link() == "[3,201](ledger.md#f067)"
    assert ledger["F031"].shown == "2021", "a year has no separator"
    assert ledger["F005"].shown == "48510", "the number of a record counts nothing"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("F044", "29 offices"),
        ("F067", "3,201 families"),
        ("F005", "48510 NSD project number"),
        ("F024", "2016-01-01"),
        ("F031", "2021"),
        ("F038", "2022-09"),
        ("F075", "up to 4 children under 16"),
        ("F086", "before randomisation"),
        ("F114", "2 of 4: finances; children’s social inclusion"),
        ("F039", "431 (submitted) / 461 (posted) days"),
        ("F154", "< 5 percent of recipients"),
    ],
)
def test_a_unit_is_said_where_it_adds_to_the_value(row, said):
    assert load_ledger()[row].said == said


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"class": None}, "class is missing"),
        ({"reason": ""}, "reason is missing"),
        ({"class": "published"}, "must be assumed"),
        ({"value": 2}, "outside its range"),
        ({"range": None}, "range is missing"),
    ],
)
def test_an_assumption_without_class_range_or_reason_is_refused(tmp_path, changes, said):
    entries = yaml.safe_load((project_root() / "data" / "assumptions.yml").read_text(encoding="utf-8"))
    entries["survey_loss"].update(changes)
    path = tmp_path / "assumptions.yml"
    path.write_text(yaml.safe_dump(entries), encoding="utf-8")
    with pytest.raises(FactError, match=f"survey_loss: .*{said}"):
        load_assumptions(path)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("children_shares", [0.5, 0.5, 0.5, 0.5], "do not add up"),
        ("families_enrolled", 761, "families_enrolled: more than families_drawn"),
    ],
)
def test_assumptions_that_do_not_fit_each_other_are_refused(tmp_path, name, value, said):
    entries = yaml.safe_load((project_root() / "data" / "assumptions.yml").read_text(encoding="utf-8"))
    entries[name] |= {"value": value, "range": [0, 2000]}
    path = tmp_path / "assumptions.yml"
    path.write_text(yaml.safe_dump(entries), encoding="utf-8")
    with pytest.raises(FactError, match=said):
        load_assumptions(path)
