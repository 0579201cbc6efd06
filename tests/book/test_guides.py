"""The guides of CONTRIBUTING.md, followed step by step in a copy: what they name is all that has to be changed."""

import json
import os
import re
import shutil
import subprocess
import sys

import pytest
import yaml

from holf.book.chapters import list_chapters
from holf.book.execute import run_chapter
from holf.book.extension import refuse_unlisted
from holf.book.freshness import is_stale
from holf.confidential.opening import open_study
from holf.pages.write import wanted_pages
from holf.paths import code_folders, project_root
from holf.record.facts import FactError, load_ledger
from holf.record.parts import part_digests
from holf.simulation.worlds import refresh_studies

PROJECT = project_root()


def guide(task: str) -> list[str]:
    """The files that the guide names for a task."""
    rows = re.findall(r"^\| (.+?) \| (.+) \|$", (PROJECT / "CONTRIBUTING.md").read_text(encoding="utf-8"), re.MULTILINE)
    (steps,) = [steps for name, steps in rows if name == task]
    return re.findall(r"`((?:data|holf|clustertrials)/[\w/.]+|\w+\.py)`", steps)


@pytest.fixture
def copy(tmp_path, monkeypatch):
    """The project with data, code and chapters of its own to change."""
    root = tmp_path / "copy"
    root.mkdir()
    for name in ("chapters", "data", "holf", "clustertrials"):
        shutil.copytree(PROJECT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("requirements.lock", "_toc.yml", "CITATION.cff", "_config.yml"):
        shutil.copy2(PROJECT / name, root / name)
    monkeypatch.setenv("HOLF_ROOT", str(root))
    return root


def run(copy, code: str) -> str:
    """What code prints that runs with the copy's own packages."""
    environment = os.environ | {"HOLF_ROOT": str(copy), "PYTHONPATH": os.pathsep.join(code_folders(copy))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=copy)
    assert done.returncode == 0, done.stderr
    return done.stdout


def edit_yaml(path, change) -> None:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf-8")


def insert(path, before: str, words: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1
    path.write_text(text.replace(before, words + before), encoding="utf-8")


WAVE = "m60"
# An outcome in a table with a column for each wave, and one in a table with a row for each wave.
LIKE = {"motivation": "working_alliance", "comfort": "housing"}


def add_outcomes(data) -> None:
    """Two outcomes with a new wave, as the guide says: each like another outcome, under another name."""

    def in_plan(plan: dict) -> None:
        plan["waves"][WAVE] = 60
        for name, like in LIKE.items():
            one = plan["outcomes"][like]
            before = one["simulated"]["baseline"].removesuffix("_baseline")
            plan["outcomes"][name] = one | {
                "label": name.capitalize(),
                "column": "motivation_{wave}" if name == "motivation" else name,
                "waves": [*one["waves"], WAVE],
                "waves_facts": [*one["waves_facts"], "F094"],
                "simulated": {key: value.replace(before, name) for key, value in one["simulated"].items()}
                | {"icc": one["simulated"]["icc"]},
            }

    def in_assumptions(assumed: dict) -> None:
        for name, like in (("motivation", "alliance"), ("comfort", "housing")):
            for part in ("{}_baseline", "{}_sd", "{}_change", "effect_{}"):
                assumed[part.format(name)] = dict(assumed[part.format(like)])

    edit_yaml(data / "plan.yml", in_plan)
    edit_yaml(data / "assumptions.yml", in_assumptions)
    package = json.loads((data / "datapackage.json").read_text(encoding="utf-8"))
    fields = {one["name"]: one["schema"]["fields"] for one in package["resources"]}
    for table, like, names in (
        ("coordinators", "alliance_m18", ("motivation_m0", "motivation_m18", f"motivation_{WAVE}")),
        ("survey", "housing_quality", ("comfort",)),
    ):
        (field,) = [one for one in fields[table] if one["name"] == like]
        fields[table] += [
            {key: value for key, value in field.items() if key != "holf:aliases"} | {"name": name} for name in names
        ]
    (wave,) = [one for one in fields["survey"] if one["name"] == "wave"]
    wave["constraints"]["enum"].append(WAVE)
    (data / "datapackage.json").write_text(json.dumps(package, indent=1), encoding="utf-8")


@pytest.mark.slow
def test_an_outcome_with_a_new_wave_that_is_added_as_the_guide_says_gets_its_page(copy):
    before = {path: path.read_bytes() for path in copy.rglob("*") if path.is_file()}
    add_outcomes(copy / "data")
    edited = {path.relative_to(copy).as_posix() for path in before if path.read_bytes() != before[path]}
    assert edited == {*guide("add an outcome")} and len(edited) == 3
    assert refresh_studies() == ["null", "benefit", "harm"]
    refuse_unlisted()
    study = open_study("benefit")
    for name in LIKE:
        outcome = study.plan.outcome(name)
        assert study.effect(name, wave=WAVE).n_units > 0 and outcome.waves[-1] == WAVE
        (chapter,) = [one for one in list_chapters() if one.name == f"outcome-{outcome.page}"]
        run_chapter(chapter, copy / "work")
        assert not is_stale(chapter) and f"# {outcome.label}" in chapter.page.read_text(encoding="utf-8")
        assert f"[{outcome.label}](#{name}) | [48](ledger.md#f094)" in wanted_pages()["chapters/open_questions.md"]


def test_a_fact_that_is_added_as_the_guide_says_is_on_its_page_and_moves_no_other_row(copy):
    (file,) = guide("add or correct a published fact")
    before, ledger = load_ledger(), copy / file
    row = 'F900,other,A new fact,5,families,published,registry,"{}",consistent,none,\n'
    text = ledger.read_text(encoding="utf-8")
    ledger.write_text(text + row.format("at most fifteen words"), encoding="utf-8")
    assert load_ledger()["F900"].said == "5 families"
    assert "### F900" in wanted_pages()["chapters/ledger.md"]
    parts = [f"{file}#{key}" for key in before]
    assert part_digests(parts) == {part: digest for part, digest in part_digests(parts).items() if digest != "missing"}
    ledger.write_text(text + row.format("word " * 16), encoding="utf-8")
    with pytest.raises(FactError, match=r"^data/facts.csv, row F900: column quote has more than 15 words"):
        load_ledger()


def test_an_assumption_that_is_changed_as_the_guide_says_is_on_its_page(copy):
    (file,) = guide("change an assumption")
    edit_yaml(copy / file, lambda assumed: assumed["power_target"].update(value=0.9))
    assert "**0.9** power" in wanted_pages()["chapters/assumptions.md"]


def test_an_estimator_that_is_added_as_the_guide_says_answers_and_has_a_name(copy):
    library, *files = guide("add an estimator")
    assert library == "clustertrials/src/clustertrials/" and files == ["estimators.py", "results.py"]
    estimators, results = (copy / library / file for file in files)
    code = "def _halved(trial: Trial) -> Inference:\n    fit = _cluster_means(trial)\n    return replace(fit, se=2 * fit.se)\n"
    insert(estimators, "# What each is called stands in", f"{code}\n\n")
    insert(estimators, '    "mixed": Method(', '    "halved": Method(_halved, CLUSTER),\n')
    insert(results, '    "mixed": "', '    "halved": "twice the standard error",\n')
    (plan,) = guide("show another estimator on the outcome pages")
    edit_yaml(copy / plan, lambda content: content["model"]["beside"].append("halved"))
    said = run(
        copy,
        "import holf\n"
        "from holf.display import text\n"
        "from holf.simulation.worlds import refresh_studies\n"
        "refresh_studies()  # as `make book` does\n"
        "study = holf.open_study('null')\n"
        "plain, halved = (study.effect('income', estimator=one) for one in ('cluster_means', 'halved'))\n"
        "print(halved.estimate == plain.estimate, round(halved.se / plain.se, 9))\n"
        "print('twice the standard error' in text.estimators(study.plan.words), 'halved' in study.plan.outcome('income').beside)\n",
    )
    assert said.splitlines() == ["True 2.0", "True True"]
