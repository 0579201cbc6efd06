"""The command line: what it does, and what it says when used wrongly."""

import os

import pytest

from holf.cli import main
from holf.paths import project_root


def run(capsys, *arguments):
    code = 0
    try:
        main([str(argument) for argument in arguments])
    except SystemExit as end:
        code = end.code or 0
    output = capsys.readouterr()
    return code, output.out, output.err


def test_simulate(capsys, tmp_path):
    code, out, _ = run(capsys, "simulate", "--world", "null", "--seed", 3, "--out", tmp_path / "x")
    assert code == 0 and "9 simulated tables" in out and len(list((tmp_path / "x").glob("*.csv"))) == 9


def test_power(capsys):
    design = ("power", "--clusters", 15, 14, "--mean-size", 30.5, "--icc", 0.05)
    assert "0.3077" in run(capsys, *design)[1]
    assert "power for a difference of 0.3: 0.78" in run(capsys, *design, "--difference", 0.3)[1]
    assert "Satterthwaite t with 26.9 degrees of freedom" in run(capsys, *design)[1]


@pytest.mark.parametrize(
    "arguments",
    [
        ("simulate", "--world", "paradise", "--out", "x"),
        ("simulate", "--world", "null", "--seed", "-1", "--out", "x"),
        ("power", "--clusters", "15", "14", "--mean-size", "30", "--icc", "2"),
        ("build", "--source", "null"),
    ],
)
def test_mistakes_end_with_one_line_and_code_2(capsys, arguments, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, out, err = run(capsys, *arguments)
    assert code == 2 and out == "" and err.startswith("holf: ") and err.count("\n") == 1 and "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("made", [(), ("_config.yml",), ("chapters",)])
def test_where_there_is_no_book_no_chapter_is_called_up_to_date(capsys, tmp_path, monkeypatch, made):
    """As in an environment into which the package was installed without its repository."""
    for name in made:
        (tmp_path / name).mkdir() if name == "chapters" else (tmp_path / name).touch()
    monkeypatch.setenv("HOLF_ROOT", str(tmp_path))
    code, out, err = run(capsys, "build", "--check")
    assert code == 2 and out == "" and err.startswith(f"holf: there is no book in {tmp_path}")


def test_check_looks_at_the_book_that_one_stands_in_or_says_that_it_cannot(capsys, tmp_path, monkeypatch):
    inner = tmp_path / "chapters" / "templates"
    inner.mkdir(parents=True)
    (tmp_path / "_config.yml").touch()
    monkeypatch.delenv("HOLF_ROOT", raising=False)
    monkeypatch.chdir(inner)
    code, out, err = run(capsys, "build", "--check")
    assert code == 2 and out == "" and f"set `HOLF_ROOT={tmp_path}`" in err and str(project_root()) in err
    (tmp_path / "holf").mkdir()
    code, out, err = run(capsys, "build", "--check")
    assert code == 2 and out == "" and f"`PYTHONPATH={tmp_path}{os.pathsep}" in err and str(project_root()) in err
    monkeypatch.setenv("HOLF_ROOT", str(project_root()))
    assert run(capsys, "build", "--check")[0] in (0, 1), "who names a book means that one"


def test_unknown_command_and_help(capsys):
    assert run(capsys, "frobnicate")[0] == 2
    for command in ("simulate", "check-data", "build", "power"):
        assert run(capsys, command, "--help")[0] == 0
