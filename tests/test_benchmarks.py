"""The measurements that give a verdict, on planted faults: what they say when something is wrong."""

import json
import stat

import pytest

from benchmarks import lighthouse


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


@pytest.mark.parametrize("points, code", [({}, 0), ({"performance": 0.994}, 1), ({"best_practices": None}, 1)])
def test_lighthouse_below_100_fails(tmp_path, monkeypatch, capsys, points, code):
    command = fake_lighthouse(tmp_path, **points)
    monkeypatch.setattr("sys.argv", ["lighthouse", "--lighthouse", command, "--runs", "1"])
    assert lighthouse.main() == code
    said = capsys.readouterr().out
    assert said.count("below 100") == len(lighthouse.PAGES) * len(lighthouse.FORMS) * code
    assert code or "100 in all" in said


def test_lighthouse_that_measures_nothing_is_an_error(monkeypatch):
    monkeypatch.setattr("sys.argv", ["lighthouse", "--lighthouse", "false", "--runs", "1"])
    with pytest.raises(RuntimeError, match=r"measured nothing of .*index\.html"):
        lighthouse.main()
