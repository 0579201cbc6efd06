"""Editions as a sweep: books with other assumptions, built side by side, each saying what it is."""

import os

import pytest
import yaml
from bs4 import BeautifulSoup

from holf.cli import main
from holf.marks import site_faults
from holf.sweep.editions import load_editions
from holf.sweep.plan import PlanError

FAULTS = {
    "no world": ({"a": {}}, "editions, a: needs world"),
    "world": ({"a": {"world": "paradise"}}, "editions, a, world: must be one of null"),
    "seed": ({"a": {"world": "null", "seed": -1}}, "editions, a, seed: must be a whole number"),
    "assumption": ({"a": {"world": "null", "assumptions": {"luck": 1}}}, "a, assumptions: luck is none"),
    "list": ({"a": {"world": "null", "assumptions": [1]}}, "a, assumptions: what is there is none"),
    "name": ({"../a": {"world": "null"}}, "names are of small letters"),
    "key": ({"a": {"world": "null", "colour": 1}}, "needs world, and may have"),
    "none": ({}, "needs kind and editions"),
}


def write(folder, editions):
    (folder / "plan.yml").write_text(yaml.safe_dump({"kind": "editions", "editions": editions}))
    return folder / "plan.yml"


@pytest.mark.parametrize(("editions", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_a_plan_names_file_key_and_rule(tmp_path, editions, said):
    with pytest.raises(PlanError, match=f"^plan.yml.*{said}"):
        load_editions(write(tmp_path, editions))


def test_editions_are_built_side_by_side_and_say_what_they_are(book, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("HOLF_ROOT", str(book.root))
    plan = write(tmp_path, {
        "harm-again": {"world": "harm", "seed": 7},
        "more-work": {"world": "null", "assumptions": {"employment_baseline": 0.24}},
        "impossible": {"world": "null", "assumptions": {"employment_baseline": 7}},
    })  # fmt: skip
    before = book.snapshot(book.root / "data") | book.snapshot(book.root / "chapters")
    with pytest.raises(SystemExit) as end:
        main(["sweep", str(plan), "--out", str(tmp_path / "out"), "--workers", "2"])
    assert end.value.code == 1 and "2 now, 1 failed: impossible (see impossible.log)" in capsys.readouterr().out
    assert sorted(os.listdir(tmp_path / "out")) == ["harm-again", "impossible.log", "more-work"]
    assert "employment_baseline" in (tmp_path / "out" / "impossible.log").read_text()
    assert book.snapshot(book.root / "data") | book.snapshot(book.root / "chapters") == before
    pages = {
        name: [(tmp_path / "out" / name / page).read_text() for page in ("index.html", "chapters/study.html")]
        for name in ("harm-again", "more-work")
    }
    for name, (first, study) in pages.items():
        assert site_faults(tmp_path / "out" / name) == []
        note = BeautifulSoup(first, "html.parser").select_one(".admonition")
        assert note.get_text().strip().startswith("SIMULATED: an edition of a sweep") and "holf-banner" in study
    assert "is “harm”, its seed 7" in pages["harm-again"][0] and "harm world" in pages["harm-again"][1]
    assert "employment_baseline is 0.24; the book has 0.2." in pages["more-work"][0]
    shown = BeautifulSoup((tmp_path / "out" / "more-work" / "chapters" / "assumptions.html").read_text(), "html.parser")
    assert "For this edition; the book has 0.2." in shown.get_text()
    with pytest.raises(SystemExit):
        main(["sweep", str(plan), "--out", str(tmp_path / "out")])
    assert "3 editions: 2 built before, 0 now, 1 failed" in capsys.readouterr().out


def test_what_editions_do_not_have_is_refused(tmp_path, capsys):
    plan = write(tmp_path, {"a": {"world": "null"}})
    for option in ("--dry-run", "--summary", "--scheduler=tcp://127.0.0.1:1"):
        with pytest.raises(SystemExit):
            main(["sweep", str(plan), "--out", str(tmp_path / "out"), option])
        assert "only --out and --workers apply" in capsys.readouterr().err and not (tmp_path / "out").exists()
