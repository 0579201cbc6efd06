"""The committed tables that take hours to draw are those of the code as it is."""

import importlib

import pytest

from benchmarks import made_by


@pytest.mark.parametrize("table", made_by.TABLES)
def test_a_committed_table_is_that_of_the_code(table):
    """Draw it again (`data/sweep.yml` and benchmarks/README.md say how), then run `python -m benchmarks.made_by`."""
    noted = {*made_by.note_of(table).read_text(encoding="utf-8").splitlines()}
    changed = {line.rpartition(" ")[0] for line in noted ^ made_by.code_of(made_by.TABLES[table])}
    assert not changed, f"{table}.csv may be out of date: these definitions changed since it was drawn"


def test_code_may_move_and_be_laid_out_anew_but_not_change(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    code = "import math\n\nLEVEL = 0.95\n\ndef planted():\n    return math.sqrt(LEVEL)\n"

    def noted(module: str, source: str) -> set[str]:
        (tmp_path / f"{module}.py").write_text(source)
        return made_by.code_of(importlib.import_module(module).planted, tmp_path)

    found = noted("planted_one", code)
    assert {line.split()[0] for line in found} == {"LEVEL", "planted"}
    moved = '"""Moved."""\n' + code.replace("    return", "    # A root.\n    return")
    assert noted("planted_two", moved) == found
    assert noted("planted_three", code.replace("0.95", "0.9")) ^ found, "a constant"
    assert noted("planted_four", code.replace("sqrt", "exp")) ^ found, "a function"
