"""Pages for the holders of real data: current, complete, and true to the code that they describe."""

import copy
import re
import shlex

import pandas as pd
import pyreadstat
import pytest
from dropin_study import small_study, write_tables

from holf.confidential.read.mapping import read_mapping
from holf.confidential.read.reader import read_dropin
from holf.confidential.release.document import FORMAT, Release
from holf.confidential.release.form import HOW_TO_READ_COUNTS, KEYS
from holf.confidential.rules.policy import load_policy, load_profiles, load_rules
from holf.confidential.scan.rules import ALL
from holf.pages.data_dictionary import dictionary
from holf.pages.disclosure import holders_page, own_release, safety_page
from holf.paths import project_root
from holf.record.facts import load_ledger
from holf.record.schema import Schema, SchemaError, load_schema
from holf.record.source import REAL

CHAPTERS = project_root() / "chapters"
SUMMARY = {
    "questions": 40,
    "questions_without_answer": 3,
    "answers": 70,
    "answers_with_a_part_withheld": 9,
    "answers_by_withholding_rule": {"linked": 2, "people": 8},
}


def page(name: str) -> str:
    return (CHAPTERS / f"{name}.md").read_text(encoding="utf-8")


def headings(text: str) -> set[str]:
    """Anchors of the headings of a page, as MyST and other viewers make them."""
    return {
        re.sub(r"[^\w\- ]", "", line.lstrip("#").strip().lower()).replace(" ", "-")
        for line in text.splitlines()
        if re.match(r"#{1,3} ", line)
    }


def release(**content) -> Release:
    whole = {
        "format": FORMAT,
        "data": REAL,
        "profile": "norwegian-strict",
        "summary": SUMMARY,
        "answers": [],
        "repeats": [],
        "counts": HOW_TO_READ_COUNTS,
        "counts_off_by_at_most": 8,
    }
    return Release(dict.fromkeys(KEYS) | whole | {"absent_tables": [], "absent_outcomes": []} | content)


def told(of: Release | None) -> str:
    return safety_page(load_rules(), load_profiles(), ALL, of)


def test_rules_stand_with_words_settings_and_floor():
    text = page("disclosure")
    for rule in load_rules().values():
        part = text.split(f"### {rule.id}\n")[1].split("\n### ")[0]
        assert rule.says in part and rule.reason in part and rule.source in part
        for name in load_profiles() if rule.setting else ():
            value = getattr(load_policy(name), rule.setting)
            assert re.search(rf"^\| {name}( \(default\))? \| (.+) \|$", part, re.MULTILINE)[2] == (
                ", ".join(sorted(value)) if isinstance(value, frozenset) else str(value)
            )
        assert ("weakest allowed" in part) == bool(rule.setting)
    for check in ALL:
        assert f"| {check.id} | {check.says} | {check.fix} |" in text


def test_the_simulated_book_says_that_no_release_stands_behind_it():
    text = page("disclosure")
    assert own_release() is None and "No release stands behind this book." in text and "REAL DATA" not in text


def test_a_book_from_a_release_tells_what_was_asked_and_withheld():
    made = release(absent_tables=["register"], absent_outcomes=["Financial situation"], repeats=["0123456789ab"])
    text = told(made)
    assert "It repeats the answers of `0123456789ab`;" in text and "It repeats" not in told(release())
    assert (
        "No release stands behind" not in text
        and f"**REAL DATA.** This book was built from release `{made.id}`" in text
    )
    for line in (
        "Questions asked | 40",
        "A shown count is off by at most | 8",
        "Answers | 70",
        "[linked](#linked) | 2",
        "[people](#people) | 8",
    ):
        assert f"| {line} |" in text
    assert "do not have: Register." in text and "do not have: Financial situation." in text
    assert "whose settings are in the file" not in text
    assert "`ours`, whose settings are in the file of those who made it" in told(release(profile="ours"))
    assert set(re.findall(r"\(#([\w-]+)\)", text)) <= headings(text)


def test_every_table_column_and_rule_is_in_the_dictionary():
    schema, text = load_schema(), dictionary(load_schema())
    parts = {part.splitlines()[0]: part for part in text.split("\n### Table: ")[1:]}
    assert list(parts) == [table["title"] for table in schema.tables.values()]
    for name, table in schema.tables.items():
        part = parts[table["title"]]
        rows = {
            row[0]: row[1:] for row in re.findall(r"^\| `(\w+)` " + r"\| ([^|]*) " * 6 + r"\|$", part, re.MULTILINE)
        }
        assert list(rows) == list(schema.fields(name))
        for column, field in schema.fields(name).items():
            described, kind, _, allowed, _, aliases = rows[column]
            assert (described, kind) == (field["description"], field["type"])
            assert all(str(value) in allowed for value in field["constraints"].get("enum", ()))
            assert re.findall(r"`([^`]+)`", aliases) == field["holf:aliases"]
        rules = [rule for rule in schema.package["holf:rules"] if rule["table"] == name]
        stated = part.partition("| Rules across columns and tables |\n| --- |\n")[2]
        assert stated.count("\n| ") + bool(stated) == len(rules)
        # The page says that an empty cell, and nothing else, is a missing value.
        assert table["schema"]["missingValues"] == [""]
    assert set(re.findall(r"\(#([\w-]+)\)", text)) <= headings(text)


def test_a_table_or_column_without_description_stops_the_page():
    for spoil, said in (
        (lambda table: table.pop("description"), "table families: description"),
        (lambda table: table["schema"]["fields"][2].update(description=""), "column eligible: description"),
    ):
        package = copy.deepcopy(load_schema().package)
        spoil(Schema(package).tables["families"])
        with pytest.raises(SchemaError, match=said):
            dictionary(Schema(package))


@pytest.fixture
def example(tmp_path):
    """The mapping file that stands on the page."""
    (found,) = re.findall(r"^```yaml\n(.*?)^```$", page("data_holders"), re.DOTALL | re.MULTILINE)
    path = tmp_path / "mapping.yml"
    path.write_text(found, encoding="utf-8")
    return path


def test_the_mapping_on_the_page_is_read_whole(example):
    tables, findings = read_mapping(example, load_schema())
    assert findings == []
    used = {part for how in tables.values() for part, value in vars(how).items() if value}
    assert used == {"file", "columns", "codes", "encoding", "separator", "decimal"}
    for name, how in tables.items():
        for column, codes in how.codes.items():
            known = map(str, load_schema().fields(name)[column]["constraints"]["enum"])
            assert set(codes.values()) <= {"", *known}, f"{name}, {column}"
    example.write_text(example.read_text(encoding="utf-8").replace("separator:", "seperator:"), encoding="utf-8")
    assert read_mapping(example, load_schema())[1]


def test_tables_written_as_the_mapping_on_the_page_says_are_the_study(example, tmp_path):
    study, schema = small_study(), load_schema()
    plain = read_dropin(write_tables(study, tmp_path / "plain"), schema)
    mappings, _ = read_mapping(example, schema)
    theirs = write_tables({name: study[name] for name in study if not mappings[name].file}, tmp_path / "theirs")
    for name, how in mappings.items():
        if not how.file:
            continue
        frame = study[name].copy()
        for column, codes in how.codes.items():
            frame[column] = frame[column].replace({ours: their for their, ours in codes.items()})
        if how.decimal == ",":
            numbers = [column for column, field in schema.fields(name).items() if field["type"] == "number"]
            frame[numbers] = frame[numbers].apply(lambda cells: cells.str.replace(".", ",", regex=False))
        frame = frame.rename(columns=how.columns)
        if how.file.endswith(".sav"):
            numbers = [column for column, field in schema.fields(name).items() if field["type"] != "string"]
            pyreadstat.write_sav(frame.assign(**{c: pd.to_numeric(frame[c]) for c in numbers}), theirs / how.file)
        else:
            frame.to_csv(theirs / how.file, index=False, sep=how.separator or ",", encoding=how.encoding or "utf-8")
    mapped = read_dropin(theirs, schema, mapping=example)
    for name, frame in plain.tables.items():
        pd.testing.assert_frame_equal(mapped.tables[name], frame)
    assert any("-9" in (theirs / how.file).read_bytes().decode("latin-1") for how in mappings.values() if how.file)


def test_commands_on_the_page_are_understood_and_profiles_are_there():
    from holf.cli import _parser

    said = [line for line in page("data_holders").splitlines() if line.startswith("holf ")]
    assert {line.split()[1] for line in said} == {"check-data", "release", "build", "release-check", "sign"}
    for line in said:
        named = vars(_parser().parse_args(shlex.split(line)[1:])).get("profile")
        assert named in (None, "", "our-profile", *load_profiles())


def test_the_thresholds_on_the_page_are_those_of_the_default_profile():
    policy, template = load_policy(), page("templates/data_holders")
    text = holders_page(template, policy)
    assert (
        page("data_holders").endswith(text) and len(re.findall(r"^\| .*disclosure\.md#|^\| Who signs", text, re.M)) == 5
    )
    for number, rule in ((policy.min_people, "people"), (policy.min_families, "families")):
        assert f"[{number} {rule}](disclosure.md#{rule})" in text
    stricter = holders_page(template, load_policy("strict-15"))
    for said, stricter_said in {"multiple of [5]": "multiple of [10]", "more than [50%]": "more than [34%]"}.items():
        assert said in text and stricter_said in stricter


def test_availability_quotes_both_lines_of_the_registry_word_for_word():
    quoted = dict(re.findall(r"^> \[(.+)\]\(ledger\.md#(f\d+)\)$", page("templates/availability"), re.MULTILINE))
    ledger = load_ledger()
    assert quoted == {ledger[key].quote: key.lower() for key in ("F118", "F119")}
    assert all(ledger[key].status == "contradicted" for key in ("F118", "F119"))
