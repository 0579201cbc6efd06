"""Tables as offices have them: workbooks, wide tables, titles, litter, labels; and a mapping file to begin with."""

import json
import os
import stat
from io import BytesIO

import openpyxl
import pandas as pd
import pyreadstat
import pytest
import yaml
from dropin_faults import CANARY
from dropin_study import write_tables
from real_study import only
from test_dropin_command import run

from holf.confidential.read import formats
from holf.confidential.read.formats import Unreadable, read_cells
from holf.confidential.read.mapping import TableMapping
from holf.confidential.read.reader import examine, list_data, read_dropin
from holf.confidential.release import document
from holf.record.schema import load_schema

SHEETS = {
    "offices": "Kontor",
    "leaders": "Ledere",
    "coordinators": "Koordinatorer",
    "families": "Familier",
    "delivery": "Oppfølging",
}
MAPPING = """
offices:
  file: kontoret 2020.xlsx
  sheet: Kontor
  columns: {arm: gruppe}
  codes: {arm: {H: holf, L: local}}
leaders: {file: kontoret 2020.xlsx, sheet: Ledere}
coordinators: {file: kontoret 2020.xlsx, sheet: Koordinatorer}
families:
  file: kontoret 2020.xlsx
  sheet: Familier
  columns: {family_id: fam.nr, months_assistance: mnd sosialhjelp}
  codes:
    enrolled: {Ja: 1, Nei: 0}
    followup_group: {"#N/A": ""}
delivery: {file: kontoret 2020.xlsx, sheet: Oppfølging}
children:
  decimal: ","
survey:
  file: skjema.txt
  separator: "\\t"
  decimal: ","
  codes:
    wave: {før: m0, etter: m12}
register:
  file: register.sav
  columns:
    employed: "arbeid_{0,12,24,36,48}"
    income: "inntekt_{0,12,24,36,48}"
  codes:
    income: {"99999999": ""}
"""


@pytest.fixture
def folder(study, tmp_path):
    return write_tables(study, tmp_path / "tables")


def spread(frame):
    """One row a parent, with a column for each outcome and wave."""
    wide = frame.pivot(index="parent_id", columns="wave", values=["employed", "income"]).fillna("")
    names = {"employed": "arbeid", "income": "inntekt"}
    wide.columns = [f"{names[column]}_{wave.removeprefix('m')}" for column, wave in wide.columns]
    return wide.reset_index()


def numbers(frame):
    """As a spreadsheet holds them: numbers where every value is one, and nothing where there is none."""
    columns = {}
    for name in frame:
        filled = pd.to_numeric(frame[name].replace("", None), errors="coerce")
        columns[name] = filled if filled.notna().sum() == (frame[name] != "").sum() else frame[name]
    return pd.DataFrame(columns)


def write_office(tables, folder):
    """One Excel file of five sheets, one SPSS file, and three files of text."""
    folder.mkdir()
    tables = {name: frame.copy() for name, frame in tables.items()}
    tables["offices"] = (
        tables["offices"].replace({"arm": {"holf": "H", "local": "L"}}).rename(columns={"arm": "gruppe"})
    )
    families = tables["families"].replace({"enrolled": {"1": "Ja", "0": "Nei"}, "followup_group": {"": "#N/A"}})
    tables["families"] = families.rename(columns={"family_id": "fam.nr", "months_assistance": "mnd sosialhjelp"})
    book = openpyxl.Workbook()
    book.active.title = "Les meg"
    for name, title in SHEETS.items():
        sheet = book.create_sheet(title)
        if name == "families":
            sheet.append(["Familier som kontorene fant"])
            sheet.append([])
        frame = numbers(tables[name])
        sheet.append(list(frame))
        for row in frame.astype(object).where(frame.notna() & (frame != ""), None).values.tolist():
            sheet.append(row)
    book.save(folder / "kontoret 2020.xlsx")
    register = numbers(spread(tables["register"]))
    months = [name for name in register if name.startswith("inntekt")]
    register[months] = register[months].fillna(99999999)
    pyreadstat.write_sav(
        register, folder / "register.sav", variable_value_labels={name: {99999999: "Ukjent"} for name in months}
    )
    tables["parents"].to_csv(folder / "parents.csv", index=False)
    with open(folder / "children.csv", "w") as stream:
        # As Excel writes it: its own first line, and empty rows at the end.
        stream.write("sep=;\n" + tables["children"].to_csv(index=False, sep=";") + ";;;;\n" * 3)
    survey = tables["survey"].replace({"wave": {"m0": "før", "m12": "etter"}})
    outcomes = [name for name in survey if name.startswith("housing")]
    survey[outcomes] = survey[outcomes].apply(lambda cells: cells.str.replace(".", ",", regex=False))
    survey.to_csv(folder / "skjema.txt", index=False, sep="\t", encoding="cp1252")
    (folder / "Thumbs.db").write_bytes(b"x")
    (folder / "~$kontoret 2020.xlsx").write_bytes(CANARY.encode())
    (folder / "mapping.yml").write_text(MAPPING, encoding="utf-8")
    return folder


def test_nine_tables_of_an_office_are_the_study_and_what_is_passed_over_is_named(study, tmp_path, capfd):
    plain = read_dropin(write_tables(study, tmp_path / "plain"), load_schema())
    office = write_office(study, tmp_path / "office")
    found = read_dropin(office, load_schema(), mapping=office / "mapping.yml")
    for name, frame in plain.tables.items():
        keys = load_schema().tables[name]["schema"]["primaryKey"]
        pd.testing.assert_frame_equal(
            *(one.sort_values(keys).reset_index(drop=True) for one in (found.tables[name], frame))
        )
    code, out, _ = run(capfd, "check-data", office, "--mapping", office / "mapping.yml")
    assert code == 0 and out.splitlines()[-1] == "every part of the book has data"
    assert [line for line in out.splitlines() if line.startswith("passed over: ")] == [
        "passed over: Thumbs.db",
        "passed over: a lock file of Office (close the file and save it)",
        "passed over: kontoret 2020.xlsx, table families: rows above the header",
        "passed over: children.csv, table children: rows above the header",
        "passed over: children.csv, table children: empty rows",
    ]
    assert "  register, income: 20 000 to 50 000 NOK per month" in out.splitlines()


@pytest.mark.slow
def test_nine_tables_of_an_office_make_a_release(tables, tmp_path, capfd, monkeypatch):
    monkeypatch.setattr(document, "catalogue", only("flow"))
    office = write_office(tables, tmp_path / "office")
    out = tmp_path / "release.json"
    code, _, err = run(capfd, "release", "--data", office, "--mapping", office / "mapping.yml", "--out", out)
    assert code == 0 and json.loads(out.read_text())["absent_tables"] == [], err


def test_a_label_that_says_missing_is_not_read_as_a_number(study, tmp_path):
    """The same file, with the code of its label not in the mapping file."""
    office = write_office(study, tmp_path / "office")
    text = MAPPING.replace('    income: {"99999999": ""}\n', "    employed: {}\n")
    (office / "mapping.yml").write_text(text, encoding="utf-8")
    register = pd.read_spss(office / "register.sav", convert_categoricals=False)
    register.loc[:2, "inntekt_12"] = 4321
    labels = {"inntekt_0": {4321: "Noe"}, "inntekt_12": {4321: "Vet ikke", 0: "Ingen"}, "inntekt_24": {4321: "Noe"}}
    pyreadstat.write_sav(register, office / "register.sav", variable_value_labels=labels)
    found = examine(office, load_schema(), mapping=office / "mapping.yml").findings
    assert found[0].line.startswith(
        "register.sav, table register, column income: a label says that a value is missing (rows: 1-9). Map it under codes"
    )


def test_a_code_that_the_mapping_file_names_is_a_value(folder, tmp_path):
    register = pd.read_csv(folder / "register.csv", dtype=str, keep_default_na=False)
    register.assign(income=["-9", "-8000", *register["income"][2:]]).to_csv(folder / "register.csv", index=False)
    mapping = tmp_path / "mapping.yml"
    mapping.write_text('register: {codes: {income: {"-9": "-9"}}}')
    assert read_dropin(folder, load_schema(), mapping=mapping).tables["register"]["income"][:2].tolist() == [-9, -8000]


def test_true_values_are_taken(study, folder):
    """Five children under 16, and an excluded family with few months of social assistance."""
    families = study["families"].copy()
    families.loc[0, "n_children_u16"] = "5"
    families.loc[families["eligible"] == "0", "months_assistance"] = "2"
    families.to_csv(folder / "families.csv", index=False)
    children = study["children"]
    more = children.iloc[[0] * 4].assign(child_id=[f"more{i}" for i in range(4)])
    pd.concat([children, more]).to_csv(folder / "children.csv", index=False)
    assert read_dropin(folder, load_schema()).tables["families"]["n_children_u16"].max() == 5


def wide(study, folder, columns, text):
    """Check a folder whose register has one row a parent; what is told, in lines."""
    register = spread(study["register"])
    register.rename(columns=columns).to_csv(folder / "register.csv", index=False)
    (folder / "mapping.yml").write_text(text)
    return examine(folder, load_schema(), mapping=folder / "mapping.yml")


PATTERNS = '  columns: {employed: "arbeid_{0,12,24,36,48}", income: "inntekt_{0,12,24,36,48}"}\n'


def test_a_column_that_the_mapping_file_names_must_be_there_though_ours_is(study, folder):
    (found,) = wide(study, folder, {"inntekt_24": "innt_24"}, f"register:\n{PATTERNS}").findings
    assert found.line.startswith(
        "register.csv, table register: a column that the mapping file names for income is missing"
    )
    told = wide(study, folder, {}, f"register:\n{PATTERNS}offices: {{columns: {{arm: grupe}}}}").findings
    said = "offices.csv, table offices, column arm: the column named in the mapping file is missing (rows: all). Add it"
    assert any(found.line.startswith(said) for found in told)


def test_waves_in_braces_are_known_by_name_number_or_code(study, folder):
    names = {f"{name}_{wave}": f"{name}_T{wave}" for name in ("arbeid", "inntekt") for wave in (0, 12, 24, 36, 48)}
    text = f"register:\n{PATTERNS}".replace("0,12,24,36,48", "T0, T12, T24, T36, T48")
    assert len(wide(study, folder, names, text).tables["register"]) == len(study["register"])
    names = {old: new.replace("T48", "sist") for old, new in names.items()}
    text = text.replace("T48", "sist")
    (found,) = wide(study, folder, names, text).findings
    assert found.column == "wave" and "a value is not one of m0, m12" in found.rule
    assert wide(study, folder, names, text + "  codes: {wave: {sist: m48}}\n").findings == ()


def test_rows_of_a_wide_table_are_those_of_the_file_and_people_without_values_have_none(study, folder):
    register = spread(study["register"])
    unfollowed = study["parents"]["parent_id"][study["parents"]["analysed"] == "0"]
    gone = register.index[register["parent_id"].isin(unfollowed)][0]
    register.loc[gone, register.columns[1:]] = ""
    register.loc[len(register) - 1, "inntekt_48"] = CANARY * 9
    register.to_csv(folder / "register.csv", index=False)
    (folder / "mapping.yml").write_text(f"register:\n{PATTERNS}")
    examined = examine(folder, load_schema(), mapping=folder / "mapping.yml")
    assert [one.rows for one in examined.findings] == [((len(register), CANARY * 9),)]
    register.loc[len(register) - 1, "inntekt_48"] = "0"
    register.to_csv(folder / "register.csv", index=False)
    taken = read_dropin(folder, load_schema(), mapping=folder / "mapping.yml").tables["register"]
    assert (
        register["parent_id"][gone] not in set(taken["parent_id"]) and taken["parent_id"].nunique() == len(register) - 1
    )


def test_a_wide_table_without_a_pattern_is_told_how_to_write_one(study, folder):
    spread(study["register"]).to_csv(folder / "register.csv", index=False)
    lines = [finding.line for finding in examine(folder, load_schema()).findings]
    assert any('Where each wave has its own column, name it like `income: "income_m{0,12}"`.' in line for line in lines)


def book(*sheets):
    """Bytes of an Excel file: pairs of title and rows."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for title, rows in sheets:
        sheet = workbook.create_sheet(title)
        for row in rows:
            sheet.append(row)
    stream = BytesIO()
    workbook.save(stream)
    return stream.getvalue()


ROWS = [["office_id", "arm", "score"], ["a", True, 1.5], ["b", None, 2]]


@pytest.mark.parametrize(
    ("sheets", "wanted", "said"),
    [
        ([("A", ROWS), ("B", ROWS)], None, "the file has more than one sheet"),
        ([("A", ROWS), ("offices", ROWS)], None, None),
        ([("A", ROWS), ("B", ROWS)], "b", None),
        ([("A", ROWS)], "C", "the sheet named in the mapping file is missing"),
        ([("A", [])], None, "the file is empty"),
        ([("A", [["x", "y"], ["a", "=1+1"]])], None, "the formulas have no results"),
    ],
)
def test_the_sheet_is_the_one_that_is_meant(sheets, wanted, said):
    content, how = book(*sheets), TableMapping(sheet=wanted)
    if said is None:
        assert read_cells("x.xlsx", content, how, table="offices").header == tuple(ROWS[0])
        return
    with pytest.raises(Unreadable, match=said) as caught:
        read_cells("x.xlsx", content, how, table="offices")
    assert said != "the file has more than one sheet" or "`sheet: NAME`" in caught.value.fix


def test_files_that_would_fill_the_memory_are_refused_unread(folder, monkeypatch):
    with open(folder / "leaders.csv", "ab") as stream:
        stream.truncate(150 * 2**20)
    (found,) = examine(folder, load_schema()).findings
    assert found.rule == "the file has 150 MB, and at most 100 are read" and "data dictionary" in found.fix
    monkeypatch.setattr(formats, "_MOST_CELLS", 5)
    frame = pd.DataFrame({"a": range(5), "b": range(5)})
    frame.to_parquet(folder / "x.parquet")
    frame.to_excel(folder / "x.xlsx", index=False)
    pyreadstat.write_sav(frame, folder / "x.sav")
    for name in ("x.parquet", "x.xlsx", "x.sav"):
        with pytest.raises(Unreadable, match="million cells"):
            read_cells(name, (folder / name).read_bytes(), TableMapping())
    monkeypatch.setattr(formats, "_MOST_BYTES", 50)
    monkeypatch.setattr(formats, "_MOST_CELLS", 10**6)
    with pytest.raises(Unreadable, match="million cells"):
        read_cells("x.xlsx", (folder / "x.xlsx").read_bytes(), TableMapping())


def test_a_pipe_is_refused_and_not_waited_for(folder, tmp_path):
    (folder / "leaders.csv").unlink()
    os.mkfifo(folder / "leaders.csv")
    (found,) = examine(folder, load_schema()).findings
    assert found.rule.startswith("this is no plain file, but a pipe")
    os.mkfifo(tmp_path / "mapping.yml")
    (found,) = examine(folder, load_schema(), mapping=tmp_path / "mapping.yml").findings
    assert (found.file, found.rule) == ("mapping file", "there is no such file")


def test_only_known_endings_of_unknown_files_are_shown(folder):
    for name in (f"{CANARY}.xls", f"{CANARY}.{CANARY}", "b.RDS"):
        (folder / name).write_bytes(b"x")
    (found,) = examine(folder, load_schema()).findings
    assert found.line.startswith("data folder: unknown files: 3 (.rds, .xls) (rows: all).")
    assert "write.csv" in found.fix and "save it as .xlsx" in found.fix and CANARY not in found.line
    assert set(list_data(folder)[0]) >= {row[1] for row in found.rows} == {
        f"{CANARY}.xls", f"{CANARY}.{CANARY}", "b.RDS"}  # fmt: skip


@pytest.mark.parametrize("missing", ["offices", "families", "parents"])
def test_a_table_without_which_nothing_is_released_must_be_there(missing, study, tmp_path):
    folder = write_tables({name: study[name] for name in ("offices", "families", "parents")}, tmp_path)
    assert examine(folder, load_schema()).findings == ()
    (folder / f"{missing}.csv").unlink()
    assert "the file is missing" in {found.rule for found in examine(folder, load_schema()).findings}


def test_a_mapping_file_to_begin_with_needs_only_what_no_name_tells(study, tmp_path, capfd):
    office = write_office(study, tmp_path / "office")
    (office / "mapping.yml").unlink()
    (office / f"{CANARY}.pdf").write_bytes(b"x")
    (office / "broken.xlsx").write_bytes(b"x")
    code, out, err = run(capfd, "check-data", office, "--suggest")
    assert (code, err) == (0, "") and CANARY not in out
    written = office / "mapping.yml"
    assert stat.S_IMODE(written.stat().st_mode) == 0o600
    text = written.read_text(encoding="utf-8")
    assert '# "broken.xlsx": the file is not a whole .xlsx file. Export it anew.' in text
    assert '  # Yours without a place: "fam.nr"' in text and "# Not found: family_id" in text
    guessed = yaml.safe_load(text)
    assert {name: guessed[name]["sheet"] for name in SHEETS} == SHEETS
    assert guessed["families"]["columns"] == {"months_assistance": "mnd sosialhjelp"}
    assert guessed["register"]["codes"]["income"] == {"99999999": ""}
    assert guessed["survey"] == {"file": "skjema.txt"}
    # No cell of a table is in it.
    assert not set(study["parents"]["parent_id"]) & set(text.split('"')) and "Ja" not in text
    assert "exists already" in run(capfd, "check-data", office, "--suggest")[2]


def test_labels_and_numbered_columns_are_guessed(tmp_path, capfd):
    frame = pd.DataFrame(
        {"forelder": ["a", "b"], "kjønn": [1.0, 2.0], "inntekt_m0": [1.0, 2.0], "inntekt_m12": [3.0, 4.0]}
    )
    frame["sysselsatt0"] = frame["sysselsatt12"] = [1.0, 9.0]
    labels = {"sysselsatt0": {1.0: "Ja", 2.0: "Nei", 9.0: "Ubesvart", 3.0: "Annet"}}
    pyreadstat.write_sav(frame, tmp_path / "nav.sav", variable_value_labels=labels)
    assert run(capfd, "check-data", tmp_path, "--suggest")[0] == 0
    guessed = yaml.safe_load((tmp_path / "mapping.yml").read_text(encoding="utf-8"))
    assert guessed["register"] == {
        "file": "nav.sav",
        "columns": {"employed": "sysselsatt{0,12}", "income": "inntekt_m{0,12}"},
        "codes": {"employed": {"2": "0", "9": "", "3": "?"}},
    }
