"""Whatever format the tables come in, the same frames come out; the mapping file; dates; digests."""

import json
import sys
from dataclasses import replace

import pandas as pd
import pyreadstat
import pytest
from dropin_study import write_tables

from holf.confidential.read.columns import typed_column
from holf.confidential.read.formats import Unreadable, _text, read_cells, read_delimited
from holf.confidential.read.mapping import TableMapping
from holf.confidential.read.reader import read_dropin
from holf.confidential.read.report import DropInError
from holf.record.schema import load_schema


@pytest.fixture(scope="module")
def taken(study, tmp_path_factory):
    return read_dropin(write_tables(study, tmp_path_factory.mktemp("plain")), load_schema())


def plain(frame):
    """As other programs hold it: objects and floats."""
    texts = frame.select_dtypes("string").columns
    return frame.astype(float, errors="ignore").assign(
        **{name: frame[name].astype(object).fillna("") for name in texts}
    )


# Name, if any, and ending of a file; the first as a Norwegian spreadsheet program writes it.
WRITERS = {
    "norwegian.csv": lambda frame, path: frame.to_csv(
        path, index=False, sep=";", decimal=",", encoding="latin-1", lineterminator="\r\n"
    ),
    "byte order mark.csv": lambda frame, path: frame.to_csv(path, index=False, encoding="utf-8-sig"),
    ".tsv": lambda frame, path: frame.to_csv(path, index=False, sep="\t"),
    ".xlsx": lambda frame, path: frame.to_excel(path, index=False),
    ".parquet": lambda frame, path: frame.to_parquet(path, index=False),
    ".sav": lambda frame, path: pyreadstat.write_sav(plain(frame), path),
    ".zsav": lambda frame, path: pyreadstat.write_sav(plain(frame), path, compress=True),
    ".xpt": lambda frame, path: pyreadstat.write_xport(plain(frame), path),
    ".DTA": lambda frame, path: pyreadstat.write_dta(plain(frame), path),
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_gives_the_same_frames(kind, taken, tmp_path):
    for name, frame in taken.tables.items():
        if kind == "norwegian.csv":
            fields = load_schema().fields(name)
            frame = frame.rename(columns={column: field["holf:aliases"][0] for column, field in fields.items()})
        WRITERS[kind](frame, tmp_path / f"{name}.{kind.split('.')[1]}")
    found = read_dropin(tmp_path, load_schema())
    assert found.tables.keys() == taken.tables.keys()
    for name, frame in taken.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], frame)
    assert {str(dtype) for frame in found.tables.values() for dtype in frame.dtypes} == {"string", "Int64", "Float64"}


def test_dates_and_missing_values_of_other_programs(tmp_path):
    day = pd.Timestamp("2017-03-01").date()
    spss = pd.DataFrame({"a": ["x", "", "z"], "n": [1.0, 2.5, -9.0], "d": [day, None, day]})
    other = spss.assign(n=[1.0, 2.5, None])
    pyreadstat.write_sav(spss, tmp_path / "x.sav", missing_ranges={"n": [-9]}, variable_value_labels={"n": {1.0: "ja"}})
    pyreadstat.write_dta(other, tmp_path / "x.dta")
    other.to_parquet(tmp_path / "x.parquet")
    for name in ("x.sav", "x.dta", "x.parquet"):
        cells = read_cells(name, (tmp_path / name).read_bytes(), TableMapping())
        assert dict(zip(cells.header, cells.columns)) == {
            "a": ["x", "", "z"],
            "n": ["1", "2.5", None],
            "d": ["2017-03-01", None, "2017-03-01"],
        }


def test_quoted_line_ends_stay_in_their_cell():
    cells = read_delimited(b'id,x\n"a\nb",1\n', TableMapping())
    assert cells.columns == (["a\nb"], ["1"])
    assert "a\nb" not in repr(cells)


@pytest.mark.parametrize(
    ("text", "how", "decimal"),
    [
        ("a;b\n1,5;2", {}, ","),
        ("a,b\n1.5,2", {}, "."),
        ("a;b\n1.5;2", {"decimal": "."}, "."),
        ("a,x;b\n1,2", {"separator": ","}, "."),
    ],
)
def test_separator_and_decimal_mark_are_found_or_stated(text, how, decimal):
    cells = read_delimited(text.encode(), TableMapping(**how))
    assert len(cells.header) == 2 and cells.decimal == decimal


def test_a_stated_encoding_is_used():
    text = "løpenr;x\nÃ¸;1\n"
    assert read_delimited(text.encode("latin-1"), TableMapping(encoding="latin-1")).header[0] == "løpenr"
    with pytest.raises(Unreadable, match="not written in utf-8"):
        read_delimited(text.encode("latin-1"), TableMapping(encoding="utf-8"))


TYPE, CODE = "not every value is of type", "a value looks like a code for missing, such as -9, 99 or 999"
ENDLESS = "a value is not finite, or too large to be kept exactly"
THOUSANDS = "'{}' stands before three digits: decimals or thousands"


@pytest.mark.parametrize(
    ("kind", "cell", "marks", "found"),
    [
        ("number", "1,5", {"decimal": ","}, 1.5),
        ("number", "1.5", {}, 1.5),
        ("number", "-0.5e-3", {}, -0.0005),
        *(("number", cell, {"decimal": ","}, f"{TYPE} number") for cell in ("1.234,5", "1.234", "1 234")),
        *(("number", cell, {}, f"{TYPE} number") for cell in ("1,234.5", "1,5", "1\u00a0234", "nan", "٣", " 1")),
        *(("number", cell, {}, ENDLESS) for cell in ("inf", "-Infinity", "-1e999", "1e9999", "9007199254740992")),
        *(("number", cell, {}, CODE) for cell in ("-9", "99999")),
        ("number", "1.234", {}, THOUSANDS.format(".")),
        ("number", "1,234", {"decimal": ","}, THOUSANDS.format(",")),
        ("number", "0.234", {}, 0.234),
        ("number", "1.2340", {}, 1.234),
        ("integer", "7", {}, 7),
        ("integer", "7.0", {}, 7),
        ("integer", "1e+05", {}, 100_000),
        ("integer", "7.5", {}, f"{TYPE} integer"),
        *(("integer", cell, {}, ENDLESS) for cell in ("inf", "1e300", "9" * 17 + "8")),
        *(("integer", cell, {}, THOUSANDS.format(".")) for cell in ("21.000", "-1.500")),
        # Marks that the mapping file names are believed.
        ("number", "1.234", {"decimal": ".", "is_told": True}, 1.234),
        ("number", "21.000", {"decimal": ",", "thousands": ".", "is_told": True}, 21_000),
        ("number", "1.234.567,5", {"decimal": ",", "thousands": ".", "is_told": True}, 1_234_567.5),
        ("number", "1\u00a0234,5", {"decimal": ",", "thousands": " ", "is_told": True}, 1234.5),
        ("number", "1'234", {"thousands": "'", "is_told": True}, 1234),
        ("number", "12.34", {"decimal": ",", "thousands": ".", "is_told": True}, f"{TYPE} number"),
        ("number", "1.2345", {"decimal": ",", "thousands": ".", "is_told": True}, f"{TYPE} number"),
    ],
)
def test_a_number_is_read_in_one_way_or_not_at_all(kind, cell, marks, found):
    series, failures = typed_column([cell, None], {"type": kind}, **marks)
    assert [*series.dropna(), *(rule for rule, _, _ in failures)] == [found]


def test_three_decimals_are_no_thousands_where_a_scale_ends_below_or_a_program_wrote_them():
    scale = {"type": "number", "constraints": {"minimum": 1, "maximum": 5}}
    assert typed_column(["1.234"], scale)[1] == []
    assert typed_column([_text(1.234)], {"type": "number"})[1] == []
    assert typed_column(["1.234", "1.5"], {"type": "number"})[1] == []
    assert typed_column(["1.234", "15", "21.000"], {"type": "number"})[1][0][2] == (0, 2)


@pytest.mark.parametrize(
    ("cells", "rows"),
    [
        (["4", "12", "99"], (2,)),
        (["4", "12", "98", "77", "999"], (2, 3, 4)),
        (["60", "72", "99"], ()),
        (["21000", "34000", "99"], (2,)),
        (["99"], (0,)),
        (["0", "3", "7"], ()),
    ],
)
def test_a_code_far_from_all_other_counts_is_refused_without_a_label(cells, rows):
    found = [failure[2] for failure in typed_column(cells, {"type": "integer"})[1]]
    assert found == ([rows] if rows else [])
    assert typed_column(cells, {"type": "integer"}, sure={"99", "98", "77", "999"})[1] == []


MAPPING = """
offices:
  file: kontorer.csv
  columns: {arm: gr}
  codes: {arm: {1: holf, no: local}}
  decimal: "."
survey:
  codes: {housing_quality: {-9: ""}}
"""


def test_the_mapping_file_names_files_columns_and_codes(study, taken, tmp_path):
    offices = study["offices"].rename(columns={"arm": "gr"}).replace({"gr": {"holf": "1", "local": "no"}})
    survey = study["survey"].replace({"housing_quality": {"": "-9"}})
    folder = write_tables(study | {"offices": offices, "survey": survey}, tmp_path)
    (folder / "offices.csv").rename(folder / "kontorer.csv")
    mapping = folder / "mapping.yml"
    mapping.write_text(MAPPING)
    found = read_dropin(folder, load_schema(), mapping=mapping)
    assert (survey["housing_quality"] == "-9").any()
    for name, frame in taken.tables.items():
        pd.testing.assert_frame_equal(found.tables[name], frame)
    with pytest.raises(DropInError, match="unknown files: 2"):
        read_dropin(folder, load_schema())


BRACES = "columns has braces where the table has no wave, names the wave too, or has braces that do not close"
PARTS = "file, sheet, columns, codes, encoding, separator, decimal, thousands"
PLAIN = "file, sheet or one of columns is not one plain name"


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a: [31337", "not readable as YAML"),
        ("- 31337", "an entry is not a table of the schema"),
        ("offices: {x31337: 1}", f"an entry has parts other than {PARTS}"),
        ("offices: {colums: {}}", f"an entry has parts other than {PARTS} (`colums`: did you mean `columns`?)"),
        ("offices: {file: ../31337.csv}", PLAIN),
        ("offices: {sheet: [31337]}", PLAIN),
        ("offices: {columns: {arm: [31337]}}", PLAIN),
        ("offices: {columns: {x31337: a}}", "columns has an entry that is not a column of the table"),
        ("offices: {columns: {arm: x31337, office_id: X31337}}", "columns gives two columns the same name"),
        ('register: {columns: {income: 31337_, wave: "w{12,24}"}}', BRACES),
        ('offices: {columns: {arm: "31337{12,24}"}}', BRACES),
        ('register: {columns: {income: "31337{12"}}', BRACES),
        ("leaders:\n  codes:\n    arm: {31337: a, 31337: b}", "a name stands twice in the list of line 3"),
        ("offices: {}\noffices: {file: 31337.csv}", "a name stands twice in the list of line 1"),
        ("offices: {codes: {arm: 31337}}", "codes is not a list of pairs for each column"),
        ("offices: {decimal: 31337}", "decimal is not one of ',' '.'"),
        ("offices: {decimal: '.', thousands: '.'}", "decimal and thousands are the same mark"),
        ("offices: {file: kontorer.csv}", "the file named in the mapping file is missing"),
    ],
)
def test_a_wrong_mapping_file_is_told(text, rule, study, tmp_path):
    folder = write_tables({name: study[name] for name in ("leaders", "coordinators")}, tmp_path / "tables")
    mapping = tmp_path / "mapping.yml"
    mapping.write_text(text)
    with pytest.raises(DropInError) as caught:
        read_dropin(folder, load_schema(), mapping=mapping)
    assert f": {rule} (rows: all). " in caught.value.lines[0] and "31337" not in str(caught.value)


@pytest.mark.parametrize(("module", "ending"), [("pyarrow", ".parquet"), ("pyreadstat", ".sav")])
def test_a_reader_that_is_not_installed_is_named_as_such(module, ending, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(Unreadable, match="the reader is not installed") as caught:
        read_cells(f"offices{ending}", b"x", TableMapping())
    assert caught.value.fix == "Install the project with its extra: data."


def test_the_checksum_follows_every_value_and_the_key(taken, study, tmp_path):
    again = read_dropin(write_tables(study, tmp_path), load_schema())
    assert again.digest(b"k" * 16) == taken.digest(b"k" * 16) != again.digest(b"l" * 16)
    again.tables["leaders"].loc[0, "competence_m0"] = 1.5
    assert again.digest(b"k" * 16) != taken.digest(b"k" * 16)
    assert taken.tables["offices"]["office_id"][0] not in repr(taken)


def test_another_trial_brings_its_own_rules(tmp_path):
    package = json.loads(json.dumps(load_schema().package))
    package["resources"] = [one for one in package["resources"] if one["name"] in ("offices", "leaders")]
    package["holf:required-tables"] = ["offices"]
    package["holf:rules"] = [
        {"rule": "constant", "table": "leaders", "column": "competence_m0", "within": "arm"},
        {"rule": "at-most", "table": "leaders", "within": "office_id", "rows": 1},
    ]
    schema = replace(load_schema(), package=package)
    (tmp_path / "offices.csv").write_text("office_id,arm,families_identified\na,holf,1\nb,local,2\n")
    leaders = "leader_id,office_id,competence_m0,competence_m18\n1,a,2,\n2,a,3,\n3,b,4,\n"
    (tmp_path / "leaders.csv").write_text(leaders)
    with pytest.raises(DropInError) as caught:
        read_dropin(tmp_path, schema)
    assert [line.partition(".csv, ")[2].partition(". ")[0] for line in caught.value.lines] == [
        "table leaders, column competence_m0: some rows break the rule: competence_m0 has one value inside each arm (rows: 1-9)",
        "table leaders, column office_id: some rows break the rule: one office_id has at most 1 rows (rows: 1-9)",
    ]
