"""Malformed drop-ins: each ends with a safe line on file, column, rule and what to do, prints no value of anyone, and leaves nothing behind."""

import logging
import traceback

import pytest
from dropin_faults import CANARY, MALFORMED
from dropin_study import write_tables

from holf.confidential.read.reader import Examination, read_dropin
from holf.confidential.read.report import DropInError, Problem
from holf.record.schema import load_schema


@pytest.fixture
def folder(study, tmp_path):
    return write_tables(study, tmp_path / "tables")


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_is_refused_by_file_column_and_rule(case, folder, capfd, caplog):
    spoil, *lines = MALFORMED[case]
    spoil(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with caplog.at_level(logging.DEBUG), pytest.raises(DropInError) as caught:
        read_dropin(folder, load_schema())
    error = caught.value
    heading, *said = str(error).split("\n")
    assert said == [problem.line for problem in error.problems]
    for line, wanted in zip(said, lines, strict=True):
        assert line.startswith(wanted) and line.rpartition("). ")[2], "it also says what to do"
    assert heading.endswith(f"{len(lines)} problem{'s' * (len(lines) > 1)}")
    assert all(isinstance(problem, Problem) for problem in error.problems)
    assert error.__cause__ is None and error.__context__ is None and error.args == (str(error),)
    shown = [*capfd.readouterr(), caplog.text, repr(error), repr(vars(error)), *traceback.format_exception(error)]
    shown += traceback.TracebackException.from_exception(error, capture_locals=False).format()
    # Names of frames live on in a traceback, where a debugger or a notebook's %tb would show them.
    places = [place for place, _ in traceback.walk_tb(error.__traceback__) if "holf" in place.f_globals["__name__"]]
    kept = [value for place in places for value in place.f_locals.values()]
    assert not any(isinstance(value, Examination) for value in kept)
    shown += list(map(repr, kept))
    assert places and CANARY not in "".join(shown) and "3.133,7" not in "".join(shown)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_unspoiled_study_is_taken(folder, study):
    drop_in = read_dropin(folder, load_schema())
    assert drop_in.absent == () and {name: len(frame) for name, frame in drop_in.tables.items()} == {
        name: len(frame) for name, frame in study.items()
    }


def test_rules_name_what_the_schema_has():
    schema = load_schema()
    for rule in schema.package["holf:rules"]:
        tables = [rule["table"], *(above for _, above in schema.path(rule["table"]))]
        known = {column for table in tables for column in schema.fields(table)}
        named = {rule.get("column"), rule.get("within")} - {None}
        assert named | {column for part in ("if", "then", "where") for column in rule.get(part, ())} <= known
    for table in schema.tables:
        names = [name for column, field in schema.fields(table).items() for name in (column, *field["holf:aliases"])]
        assert len({name.casefold() for name in names}) == len(names)
    assert set(schema.package["holf:required-tables"]) <= set(schema.tables)
