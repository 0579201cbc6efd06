"""The measurements that give a verdict, on planted faults: what they say when something is wrong."""

import importlib
import json
import shutil
import stat

import pytest

from benchmarks import lighthouse, made_by, matrix
from holf.book.checksums import SUMS
from holf.paths import project_root


def fake_lighthouse(folder, **points: float) -> str:
    """A command that writes such a report as Lighthouse does."""
    found = {
        "categories": {name: {"score": points.get(name.replace("-", "_"), 1)} for name in lighthouse.CATEGORIES},
        "audits": {name: {"numericValue": 10.0} for name in lighthouse.TIMES},
    }
    (folder / "report.json").write_text(json.dumps(found))
    command = folder / "lighthouse"
    command.write_text(
        f"#!/bin/sh\ncd {folder}\n"
        'for word; do case "$word" in --output-path=*) cp report.json "${word#*=}";; esac; done\n'
    )
    command.chmod(command.stat().st_mode | stat.S_IXUSR)
    return str(command)


@pytest.fixture
def site(tmp_path, monkeypatch):
    """Pages to measure, whether the book has been built or not."""
    for page in lighthouse.PAGES.values():
        (tmp_path / "site" / page).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "site" / page).write_text("<h1>Page</h1>")
    monkeypatch.setattr(lighthouse, "need_site", lambda: tmp_path / "site")


@pytest.mark.parametrize("points, code", [({}, 0), ({"performance": 0.994}, 1), ({"best_practices": None}, 1)])
def test_lighthouse_below_100_fails(site, tmp_path, monkeypatch, capsys, points, code):
    command = fake_lighthouse(tmp_path, **points)
    monkeypatch.setattr("sys.argv", ["lighthouse", "--lighthouse", command, "--runs", "1"])
    assert lighthouse.main() == code
    said = capsys.readouterr().out
    assert said.count("below 100") == len(lighthouse.PAGES) * len(lighthouse.FORMS) * code
    assert code or "100 in all" in said


def test_lighthouse_that_measures_nothing_is_an_error(site, monkeypatch):
    monkeypatch.setattr("sys.argv", ["lighthouse", "--lighthouse", "false", "--runs", "1"])
    with pytest.raises(RuntimeError, match=r"measured nothing of .*index\.html"):
        lighthouse.main()


def fake_builds(monkeypatch, *arguments: str, leak: str = "") -> int:
    """Exit code of the matrix, whose builds write one page; with a leak, those of one cell differ."""

    def build(cell, root, options):
        (root / "_build" / "html").mkdir(parents=True)
        (root / "_build" / "html" / SUMS).write_text("")
        return {"site/index.html": leak if cell.where.days > 0 else "", "site/about.html": ""}

    monkeypatch.setattr("sys.argv", ["matrix", *arguments])
    monkeypatch.setattr(matrix, "clean_copy", lambda root, _: shutil.copytree(project_root() / "holf", root / "holf"))
    monkeypatch.setattr(matrix, "build", build)
    return matrix.main()


def test_the_matrix_fails_and_names_the_files_where_builds_differ(monkeypatch, capsys):
    assert fake_builds(monkeypatch) == 0
    said = capsys.readouterr().out
    assert said.count(SUMS) == len(matrix.cells()) == 4 and "the same bytes in all" in said
    assert fake_builds(monkeypatch, leak="made in 2027") == 1
    said = capsys.readouterr().out
    assert said.count("DIFFERS: site/index.html") == 2 and "DIFFERS: site/about.html" not in said


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
