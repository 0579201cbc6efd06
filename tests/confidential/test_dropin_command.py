"""`holf check-data`: what it prints, what it keeps to itself, and that nothing gets past it."""

import json
import os
import stat
import struct
import tempfile
import warnings
from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from dropin_faults import CANARY, MALFORMED
from dropin_study import small_study, write_tables
from hypothesis import given, settings
from hypothesis import strategies as st

from holf.cli import main
from holf.confidential.read import reader
from holf.confidential.read.reader import read_dropin
from holf.confidential.read.report import DropInError
from holf.paths import project_root
from holf.record.schema import Schema, load_schema


@pytest.fixture
def folder(tmp_path):
    return write_tables(small_study(), tmp_path / "tables")


def run(capfd, *arguments):
    code = 0
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code or 0
    return (code, *capfd.readouterr())


def test_whole_data_are_ready(folder, capfd):
    code, out, err = run(capfd, "check-data", folder)
    assert (code, err) == (0, "") and out.splitlines()[0] == "offices: 1-9 rows"
    assert out.splitlines()[-1] == "every part of the book has data"


def test_partial_data_are_ready_for_part_of_the_book(folder, capfd):
    """The survey alone, without staff, children and register."""
    for name in ("register", "children", "delivery", "coordinators", "leaders"):
        (folder / f"{name}.csv").unlink()
    code, out, _ = run(capfd, "check-data", folder)
    lines = out.splitlines()
    assert code == 0 and lines[:2] == ["offices: 1-9 rows", "families: 50-249 rows"]
    assert "register: not there" in lines and "survey: not there" not in lines
    said = "the book will say that it has no data on: "
    missing = {line.removeprefix(said) for line in lines if line.startswith(said)}
    assert {"Financial situation (m12)", "Financial situation (m48)", "Children's participation (m12)"} <= missing
    assert not any(line.startswith("Housing") for line in missing)
    assert set(read_dropin(folder, load_schema()).absent) == {
        "register",
        "children",
        "delivery",
        "coordinators",
        "leaders",
    }


def test_an_outcome_without_any_value_is_missed(folder, capfd):
    survey = pd.read_csv(folder / "survey.csv", dtype=str).assign(housing_quality="")
    survey.to_csv(folder / "survey.csv", index=False)
    assert "no data on: Housing situation (m12)" in run(capfd, "check-data", folder)[1]


def test_problems_end_with_code_2_and_no_value(folder, capfd):
    for case in ("formula", "out of range", "link"):
        MALFORMED[case][0](folder)
    code, out, err = run(capfd, "check-data", folder)
    assert code == 2 and out == "" and CANARY not in err and "Traceback" not in err
    wanted = [line for case in ("formula", "out of range", "link") for line in MALFORMED[case][1:]]
    heading, *said = err.splitlines()
    assert heading == "holf: the tables cannot be taken: 3 problems"
    assert all(line.startswith(one) for line, one in zip(said, wanted, strict=True))


def test_detail_goes_to_a_private_file_only(folder, capfd, tmp_path):
    MALFORMED["formula"][0](folder)
    MALFORMED["free text"][0](folder)
    private = tmp_path / "detail.jsonl"
    old = os.umask(0)
    try:
        code, out, err = run(capfd, "check-data", folder, "--private", private)
    finally:
        os.umask(old)
    assert code == 2 and CANARY not in out + err
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    lines = [json.loads(line) for line in private.read_text().splitlines()]
    assert {(line["column"], line["row"], line["value"]) for line in lines} == {
        ("arm", 1, f"=cmd({CANARY})"),
        ("", 0, f"note {CANARY}"),
    }


def test_the_private_file_is_not_written_where_others_look(folder, capfd, tmp_path):
    MALFORMED["formula"][0](folder)
    (tmp_path / "link").symlink_to(folder)
    (tmp_path / "there").write_text("mine")
    (tmp_path / "dangling").symlink_to(tmp_path / "elsewhere")
    places = {
        project_root() / "detail.jsonl": "outside the project",
        project_root() / "data" / "detail.jsonl": "outside the project",
        folder / "detail.jsonl": "outside the data folder",
        tmp_path / "link" / "detail.jsonl": "outside the data folder",
        tmp_path / "there": "exists already",
        tmp_path / "dangling": "exists already",
        tmp_path / "nowhere" / "detail.jsonl": "does not exist",
    }
    for place, said in places.items():
        code, out, err = run(capfd, "check-data", folder, "--private", place)
        assert code == 2 and out == "" and said in err and "offices.csv" not in err
    assert not any(place.exists() for place in places if place.name == "detail.jsonl")
    assert (tmp_path / "there").read_text() == "mine" and not (tmp_path / "elsewhere").exists()


def test_no_private_file_without_problems(folder, capfd, tmp_path):
    assert run(capfd, "check-data", folder, "--private", tmp_path / "detail.jsonl")[0] == 0
    assert not (tmp_path / "detail.jsonl").exists()


def test_no_folder_no_mapping_file_and_an_unreadable_file(folder, capfd):
    assert "data folder: there is no such folder" in run(capfd, "check-data", folder / "x")[2]
    code, _, err = run(capfd, "check-data", folder, "--mapping", folder / "x")
    assert code == 2 and "mapping file: there is no such file" in err
    (folder / "offices.csv").unlink()
    (folder / "offices.csv").mkdir()
    assert "offices.csv, table offices: this is no plain file" in run(capfd, "check-data", folder)[2]


def test_an_error_of_the_check_itself_is_silent_about_values(folder, capfd, monkeypatch, recwarn):
    def fail(*arguments, **options):
        warnings.warn(CANARY, stacklevel=1)
        raise KeyError(CANARY)

    monkeypatch.setattr(reader, "check_tables", fail)
    code, out, err = run(capfd, "check-data", folder)
    assert code == 2 and CANARY not in out + err and "data folder: the check itself failed" in err
    with pytest.raises(DropInError) as caught:
        read_dropin(folder, load_schema())
    assert caught.value.__context__ is None and caught.value.__cause__ is None and not recwarn.list


# A folder with one table is enough to spoil one.
ALONE = Schema(load_schema().package | {"holf:required-tables": ["offices"]})


def written(write):
    """Bytes of a file that a library writes by path."""
    with tempfile.TemporaryDirectory() as folder:
        write(f"{folder}/x")
        return Path(f"{folder}/x").read_bytes()


OFFICES = pd.DataFrame(
    {"office_id": ["office-a", "office-b"], "arm": ["holf", "local"], "families_identified": [3.0, 4.0]}
)
FILES = {
    "offices.csv": OFFICES.to_csv(index=False).encode(),
    "offices.parquet": OFFICES.to_parquet(index=False),
    "offices.sav": written(lambda path: pyreadstat.write_sav(OFFICES, path)),
    "offices.dta": written(lambda path: pyreadstat.write_dta(OFFICES, path)),
}


@settings(max_examples=150, deadline=None)
@given(
    name=st.sampled_from(sorted(FILES)),
    noise=st.one_of(st.binary(max_size=40), st.text(max_size=40).map(str.encode)),
    place=st.floats(0, 1),
    over=st.booleans(),
)
def test_noise_in_any_file_neither_leaks_nor_crashes(name, noise, place, over):
    content, noise = FILES[name], noise + CANARY.encode()
    start = int(place * len(content))
    spoiled = content[:start] + noise + content[start + len(noise) * over :]
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(spoiled)
        try:
            drop_in = read_dropin(Path(folder), ALONE)
        except DropInError as error:
            shown = str(error) + repr(error) + repr(vars(error))
            assert CANARY not in shown and "office-" not in shown and "the check itself failed" not in shown
            assert error.__context__ is None and error.__cause__ is None
        else:
            assert drop_in.tables["offices"]["arm"].isin(["holf", "local"]).all()


@pytest.mark.parametrize("name", sorted(FILES))
def test_the_files_that_noise_is_put_into_are_good(name, tmp_path):
    (tmp_path / name).write_bytes(FILES[name])
    assert len(read_dropin(tmp_path, ALONE).tables["offices"]) == 2


def test_a_header_that_claims_too_many_rows_is_not_believed(tmp_path, monkeypatch):
    """Reading on would take memory for all of them before it fails."""
    whole, calls, read = FILES["offices.sav"], [], pyreadstat.read_sav
    monkeypatch.setattr(pyreadstat, "read_sav", lambda *file, **how: calls.append(how) or read(*file, **how))
    assert whole[80:84] == struct.pack("<i", len(OFFICES))
    (tmp_path / "offices.sav").write_bytes(whole[:80] + struct.pack("<i", 10**6) + whole[84:])
    with pytest.raises(DropInError, match="the file is not a whole"):
        read_dropin(tmp_path, ALONE)
    assert calls == [{"metadataonly": True}]


@pytest.mark.parametrize("name", ["offices.parquet", "offices.sav", "offices.dta"])
def test_readers_in_other_languages_print_nothing(name, tmp_path, capfd):
    for cut in range(0, len(FILES[name]), 97):
        (tmp_path / name).write_bytes(FILES[name][:cut] + CANARY.encode() + FILES[name][cut:])
        examined = reader.examine(tmp_path, ALONE)
        assert (examined.drop_in is None) == bool(examined.findings)
    assert tuple(capfd.readouterr()) == ("", "")
