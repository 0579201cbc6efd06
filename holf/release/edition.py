"""Another edition of the book: a copy of the project that asks another study, and says so on every page."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import nbformat
import yaml

from holf.anchors import without_links
from holf.disclosure.policy import load_policy
from holf.dropin.reader import read_dropin
from holf.opening import STAND_IN, open_study
from holf.paths import project_root
from holf.plan import load_plan
from holf.release.document import Release, make_release, read_release
from holf.schema import load_schema
from holf.simulation import MARK_FILE

# What a build needs of the project, as far as it is there; everything else stays where it is.
_PROJECT = (
    *("_config.yml", "_toc.yml", "CITATION.cff", "index.md", "requirements.lock"),
    *("chapters", "data", "holf", "assets"),
)
# Cells with these tags, and blocks between these comments, belong to one kind of book only.
SIMULATED_ONLY, REAL_ONLY = "simulated-only", "real-only"


def make_edition(source: str, copy: Path, *, profile: str | None = None) -> str:
    """Copy the project into an empty folder and make it ask `source`.

    Parameters
    ----------
    source : str
        A simulated world, a folder of simulated or real tables, or a release file.
    copy : Path
        Folder that does not exist yet.
    profile : str, optional
        Disclosure profile for real tables.

    Returns
    -------
    str
        What the chapters of the copy open: the world's name, or the study that the copy holds.

    Raises
    ------
    ValueError
        As for `holf.open_study`.
    """
    path = Path(source)
    release = None
    if source not in load_plan().worlds and not (path / MARK_FILE).exists():
        release = read_release(path) if path.is_file() else _release_of(path, profile)
    else:
        open_study(source)
    copy.mkdir(parents=True)
    for name in _PROJECT:
        origin = project_root() / name
        if origin.is_dir():
            unwanted = ("__pycache__", "simulated") if release and name == "data" else ("__pycache__",)
            shutil.copytree(origin, copy / name, ignore=shutil.ignore_patterns(*unwanted))
        elif origin.exists():
            shutil.copy2(origin, copy / name)
    if release:
        release.write(copy / "data" / f"{STAND_IN}.json")
        _tell_real(copy, release)
        return STAND_IN
    if source in load_plan().worlds:
        return source
    shutil.copytree(path, copy / "data" / STAND_IN)
    return STAND_IN


def _release_of(folder: Path, profile: str | None) -> Release:
    schema = load_schema()
    return make_release(read_dropin(folder, schema), schema, load_policy(profile))


def _tell_real(copy: Path, release: Release) -> None:
    """Take out what speaks of simulated worlds, bring in what speaks of real data, and drop what is missing."""
    absent = [outcome for outcome in load_plan().outcomes.values() if outcome.id in release.content["absent_outcomes"]]
    _drop_outcomes(copy / "data" / "plan.yml", {outcome.id for outcome in absent})
    chapters = copy / "chapters"
    gone = {f"outcome-{outcome.page}" for outcome in absent}
    for page in sorted(chapters.glob("*.ipynb")):
        if page.stem.startswith("outcome-"):
            # Run anew from the template; here it still shows simulated results.
            _without_outputs(page)
        elif _is_simulated_only(page):
            gone.add(page.stem)
            page.unlink()
    for page in sorted(chapters.glob("*.md")):
        if page.read_text(encoding="utf-8").startswith(f"---\nholf_only: {SIMULATED_ONLY}\n"):
            gone.add(page.stem)
            page.unlink()
    for page in [*sorted(copy.glob("chapters/**/*.ipynb")), *sorted(chapters.glob("*.md")), copy / "index.md"]:
        _retell(page, gone)
    _drop_from_contents(copy / "_toc.yml", gone)


def _is_simulated_only(page: Path) -> bool:
    """A chapter that shows simulations whatever the study is: one that says so itself."""
    return nbformat.read(page, as_version=4).metadata.get("holf_only") == SIMULATED_ONLY


def _without_outputs(page: Path) -> None:
    notebook = nbformat.read(page, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    notebook.metadata.pop("holf", None)
    nbformat.write(notebook, page)


def _retell(page: Path, gone: set[str]) -> None:
    if page.suffix == ".md":
        text = page.read_text(encoding="utf-8")
        page.write_text(without_links(_choose_blocks(text), gone), encoding="utf-8")
        return
    notebook = nbformat.read(page, as_version=4)
    notebook.cells = [cell for cell in notebook.cells if SIMULATED_ONLY not in cell.metadata.get("tags", [])]
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if REAL_ONLY in tags:
            cell.metadata["tags"] = [tag for tag in tags if tag not in (REAL_ONLY, "remove-cell")]
        if cell.cell_type == "markdown":
            cell.source = without_links(cell.source, gone)
    nbformat.write(notebook, page)


def _choose_blocks(text: str) -> str:
    """In a Markdown page, drop blocks for simulated books and uncover those for real ones."""
    text = re.sub(rf"^% {SIMULATED_ONLY}\n.*?^% end\n", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(rf"^% {REAL_ONLY}: ?", "", text, flags=re.MULTILINE)


def _drop_outcomes(path: Path, absent: set[str]) -> None:
    plan = yaml.safe_load(path.read_text(encoding="utf-8"))
    plan["outcomes"] = {name: entry for name, entry in plan["outcomes"].items() if name not in absent}
    for contrast in plan["contrasts"].values():
        contrast["outcomes"] = [name for name in contrast["outcomes"] if name not in absent]
    path.write_text(yaml.safe_dump(plan, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _drop_from_contents(path: Path, gone: set[str]) -> None:
    contents = yaml.safe_load(path.read_text(encoding="utf-8"))
    for part in contents.get("parts", [contents]):
        part["chapters"] = [entry for entry in part["chapters"] if Path(entry.get("file", "")).name not in gone]
    path.write_text(yaml.safe_dump(contents, allow_unicode=True, sort_keys=False), encoding="utf-8")
