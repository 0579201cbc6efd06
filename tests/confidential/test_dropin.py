"""Malformed drop-ins: each ends with its safe lines, prints no value of anyone, and leaves nothing behind."""

import logging
import re
import traceback

import pytest
from dropin_faults import CANARY, MALFORMED
from dropin_study import write_tables

from holf.confidential.read.reader import DropIn, read_dropin
from holf.confidential.read.report import DropInError
from holf.record.schema import load_schema


@pytest.fixture
def folder(study, tmp_path):
    return write_tables(study, tmp_path / "tables")


def short(line: str) -> str:
    """A line without what each has: the file of the table, and a sentence on what to do."""
    told, rows, _ = re.fullmatch(r"\w+\.\w+, table (.+) \(rows: (.+?)\)\. ([A-Z].{10,})", line).groups()
    return f"{told} ({rows})"


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_is_refused_in_these_words(case, folder, capfd, caplog):
    spoil, *lines = MALFORMED[case]
    spoil(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with caplog.at_level(logging.DEBUG), pytest.raises(DropInError) as caught:
        read_dropin(folder, load_schema())
    error = caught.value
    heading, *said = str(error).split("\n")
    assert said == list(error.lines) and list(map(short, said)) == lines
    assert heading.endswith(f"{len(lines)} problem{'s' * (len(lines) > 1)}")
    assert error.__cause__ is None and error.__context__ is None and error.args == (str(error),)
    # Names of frames live on in a traceback, where a debugger or a notebook's %tb would show them.
    places = [place for place, _ in traceback.walk_tb(error.__traceback__) if "holf" in place.f_globals["__name__"]]
    kept = [value for place in places for value in place.f_locals.values()]
    assert places and not any(isinstance(value, DropIn) for value in kept)
    shown = [*capfd.readouterr(), caplog.text, repr(vars(error)), *traceback.format_exception(error), *map(repr, kept)]
    assert CANARY not in "".join(shown) and "3.133,7" not in "".join(shown)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_the_unspoiled_study_is_taken(folder, study):
    drop_in = read_dropin(folder, load_schema())
    assert drop_in.absent == () and {name: len(frame) for name, frame in drop_in.tables.items()} == {
        name: len(frame) for name, frame in study.items()
    }
