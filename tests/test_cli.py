"""The command line: what it does, and what it says when used wrongly."""

import pytest

from holf.cli import main


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


def test_simulate_keeps_what_is_there(capsys, tmp_path):
    (tmp_path / "mine.txt").write_text("precious")
    code, _, err = run(capsys, "simulate", "--world", "null", "--out", tmp_path)
    assert code == 2 and "something else" in err and (tmp_path / "mine.txt").read_text() == "precious"


def test_unknown_command_and_help(capsys):
    assert run(capsys, "frobnicate")[0] == 2
    for command in ("simulate", "check-data", "build", "power"):
        assert run(capsys, command, "--help")[0] == 0
