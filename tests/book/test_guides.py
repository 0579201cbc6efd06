"""The guides of CONTRIBUTING.md, followed step by step in a copy: what they name is all that has to be changed."""

import csv
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


def add_outcome(data) -> None:
    """A copy of the working alliance under another name, with all that the guide asks for."""

    def in_plan(plan: dict) -> None:
        alliance = plan["outcomes"]["working_alliance"]
        simulated = {"baseline": "motivation_baseline", "change": "motivation_change", "icc": "icc_staff"}
        plan["outcomes"]["motivation"] = alliance | {
            "label": "Motivation",
            "column": "motivation_{wave}",
            "simulated": simulated | {"effect": "effect_motivation"},
        }

    def in_assumptions(assumed: dict) -> None:
        for name in ("{}_baseline", "{}_sd", "{}_change", "effect_{}"):
            assumed[name.format("motivation")] = dict(assumed[name.format("alliance")])

    edit_yaml(data / "plan.yml", in_plan)
    edit_yaml(data / "assumptions.yml", in_assumptions)
    package = json.loads((data / "datapackage.json").read_text(encoding="utf-8"))
    (table,) = [one for one in package["resources"] if one["name"] == "coordinators"]
    for field in [one for one in table["schema"]["fields"] if one["name"].startswith("alliance_")]:
        new = {key: value for key, value in field.items() if key != "holf:aliases"}
        table["schema"]["fields"].append(new | {"name": field["name"].replace("alliance", "motivation")})
    (data / "datapackage.json").write_text(json.dumps(package, indent=1), encoding="utf-8")
    audit = data / "reporting" / "outcome_audit.csv"
    with open(audit, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    rows += [row | {"outcome": "motivation"} for row in rows if row["outcome"] == "working_alliance"]
    with open(audit, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)


@pytest.mark.slow
def test_an_outcome_that_is_added_as_the_guide_says_gets_its_page(copy):
    before = {path: path.read_bytes() for path in (copy / "data").rglob("*") if path.is_file()}
    add_outcome(copy / "data")
    edited = {path.relative_to(copy).as_posix() for path in before if path.read_bytes() != before[path]}
    # The last is for outcomes in the table `survey`.
    assert edited == {*guide("add an outcome")} - {"holf/simulation/measures.py"}
    assert refresh_studies() == ["null", "benefit", "harm"]
    (chapter,) = [one for one in list_chapters() if one.name == "outcome-secondary-motivation"]
    refuse_unlisted()
    run_chapter(chapter, copy / "work")
    assert not is_stale(chapter) and "# Motivation" in chapter.page.read_text(encoding="utf-8")
    assert "Motivation" in wanted_pages()["chapters/open_questions.md"]


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
