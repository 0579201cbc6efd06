"""Another edition of the book: a copy of the project that asks another study, and says so on every page."""

from __future__ import annotations

import fnmatch
import re
import shutil
from pathlib import Path

import nbformat
import yaml
from papermill import inspect_notebook

from holf.confidential.opening import open_study
from holf.confidential.release.document import Release, read_release
from holf.confidential.release.signature import read_signature, signature_path
from holf.paths import MARK_FILE, STAND_IN, project_root
from holf.record.links import without_links
from holf.record.plan import REGISTERED, Outcome, load_plan

# What a build needs of the project, as far as it is there; everything else stays where it is.
_PROJECT = (
    *("_config.yml", "_toc.yml", "CITATION.cff", "index.md", "requirements.lock"),
    *("chapters", "data", "clustertrials", "holf", "assets"),
)
# Cells with these tags, and blocks between these comments, belong to one kind of book only.
SIMULATED_ONLY, REAL_ONLY = "simulated-only", "real-only"
# A page that shows simulations whatever the study is says so itself, in its front matter or its metadata.
_SIMULATED_PAGE = re.compile(rf'^(---\n| *")holf_only"?: "?{SIMULATED_ONLY}\b', re.MULTILINE)


def make_edition(source: str, copy: Path) -> str:
    """Copy the project into an empty folder and make it ask a world, a folder of simulated tables, or a release.

    Returns
    -------
    str
        What the chapters of the copy open: the world's name, or the study that the copy holds.

    Raises
    ------
    ValueError
        No such world, folder or file; a release that is not signed, or was changed since; else as for
        `holf.open_study`.
    """
    path = Path(source)
    worlds = load_plan().worlds
    if source not in worlds and not path.exists():
        raise ValueError(f"there is no world, folder or release file '{source}'; worlds: {', '.join(worlds)}")
    release = None
    if source not in worlds and not (path / MARK_FILE).exists():
        if path.is_dir():
            raise ValueError("real tables become a book by way of a signed release: `holf release`, then `holf sign`")
        release = read_release(path)
        read_signature(path)
    else:
        open_study(source)
    copy_project(copy, without=("simulated",) if release else ())
    if release:
        release.write(copy / "data" / f"{STAND_IN}.json")
        shutil.copyfile(signature_path(path), signature_path(copy / "data" / f"{STAND_IN}.json"))
        _tell_real(copy, release)
        return STAND_IN
    if source in worlds:
        return source
    shutil.copytree(path, copy / "data" / STAND_IN)
    return STAND_IN


def copy_project(copy: Path, *, without: tuple[str, ...] = ()) -> None:
    """Copy what a build needs of the project into a new folder, leaving out names below `data/`."""
    copy.mkdir(parents=True)
    for name in _PROJECT:
        origin = project_root() / name
        if origin.is_dir():
            unwanted = ("__pycache__", *without) if name == "data" else ("__pycache__",)
            shutil.copytree(origin, copy / name, ignore=shutil.ignore_patterns(*unwanted))
        elif origin.exists():
            shutil.copy2(origin, copy / name)


def _tell_real(copy: Path, release: Release) -> None:
    """Take out what speaks of simulated worlds, bring in what speaks of real data, and drop what is missing."""
    kept = kept_waves(release)
    absent = [outcome for outcome in load_plan().outcomes.values() if outcome.id not in kept]
    # What was registered and published stays whole, whatever the data hold.
    shutil.copyfile(copy / "data" / "plan.yml", copy / "data" / REGISTERED)
    _keep_outcomes(copy / "data" / "plan.yml", kept)
    # The picture of pages that show simulations, of which there are none.
    for picture in (copy / "assets").glob("*simulated*"):
        picture.unlink()
    chapters = copy / "chapters"
    gone = {f"outcome-{outcome.page}" for outcome in absent}
    missing = [_why_absent(outcome, release) for outcome in absent] + _lost_waves(kept)
    for page in sorted([*chapters.glob("*.ipynb"), *chapters.glob("*.md")]):
        if _SIMULATED_PAGE.search(page.read_text(encoding="utf-8")):
            gone.add(page.stem)
        elif page.stem not in gone and (example := _example(page)) in {outcome.id for outcome in absent}:
            missing.append(f"The page {page.stem}: its example is {load_plan().outcome(example).label}.")
            gone.add(page.stem)
        if page.stem in gone:
            page.unlink()
    for page in [*sorted(copy.glob("chapters/**/*.ipynb")), *sorted(chapters.glob("**/*.md")), copy / "index.md"]:
        _retell(page, gone)
    _drop_from_contents(copy / "_toc.yml", gone)
    listed = (copy / "_toc.yml").read_text(encoding="utf-8")
    (copy / "_toc.yml").write_text(
        listed.replace("Demonstration on simulated data", "This book's analysis"), encoding="utf-8"
    )
    if missing:
        _say_missing(copy / "index.md", missing)


def kept_waves(release: Release) -> dict[str, list[str]]:
    """Waves of the outcomes that get a page, by outcome: every question that a page asks has an answer."""
    # The correlation of a level with one unit an office has no answer in any data, and no page asks for it.
    silent = {
        entry["asked"].get("outcome")
        for entry in release.content["answers"]
        if "no_answer" in entry and entry["question"] != "icc"
    }
    return {name: waves for name, waves in release.content["outcomes"].items() if name not in silent}


def _why_absent(outcome: Outcome, release: Release) -> str:
    if outcome.table in release.content["absent_tables"]:
        why = f"these data have no table {outcome.table}"
    elif outcome.id in release.content["outcomes"]:
        why = "these data leave questions about it without an answer"
    else:
        why = "these data hold no measurement of it, or none at baseline"
    return f"{outcome.label}: {why}."


def _lost_waves(kept: dict[str, list[str]]) -> list[str]:
    lost = {name: set(load_plan().outcome(name).waves) - set(waves) for name, waves in kept.items()}
    return [
        f"{load_plan().outcome(name).label} at {', '.join(sorted(waves))}: these data hold no measurement of it then."
        for name, waves in lost.items()
        if waves
    ]


def _say_missing(page: Path, missing: list[str]) -> None:
    """Put a note below the title of the landing page."""
    # What stands above the title tells the page's settings.
    above, title, rest = re.split(r"^(# .*)\n", page.read_text(encoding="utf-8"), maxsplit=1, flags=re.MULTILINE)
    items = "\n".join(f"- {one}" for one in missing)
    note = f":::{{admonition}} What this edition does not have\n:class: warning\n\n{items}\n:::"
    page.write_text(f"{above}{title}\n\n{note}\n{rest}", encoding="utf-8")


def _example(page: Path) -> str | None:
    """The outcome that a chapter takes as its example, if it names one."""
    stated = inspect_notebook(str(page)).get("outcome") if page.suffix == ".ipynb" else None
    return stated and stated["default"].strip("\"'")


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
    """In a Markdown page, drop blocks for simulated books and uncover those for real ones.

    The comments may be indented: one that stands inside a list must, or it would part the list.
    """
    text = re.sub(rf"^ *% {SIMULATED_ONLY}\n.*?^ *% end\n", "", text, flags=re.DOTALL | re.MULTILINE)
    return re.sub(rf"^ *% {REAL_ONLY}: ?", "", text, flags=re.MULTILINE)


def _keep_outcomes(path: Path, kept: dict[str, list[str]]) -> None:
    plan = yaml.safe_load(path.read_text(encoding="utf-8"))
    plan["outcomes"] = {name: entry for name, entry in plan["outcomes"].items() if name in kept}
    for name, entry in plan["outcomes"].items():
        facts = dict(zip(entry["waves"], entry["waves_facts"]))
        entry |= {"waves": kept[name], "waves_facts": [facts[wave] for wave in kept[name]]}
    for contrast in plan["contrasts"].values():
        contrast["outcomes"] = [name for name in contrast["outcomes"] if name in kept]
    path.write_text(yaml.safe_dump(plan, allow_unicode=True, sort_keys=False), encoding="utf-8")


def _drop_from_contents(path: Path, gone: set[str]) -> None:
    contents = yaml.safe_load(path.read_text(encoding="utf-8"))
    pages = [f"chapters/outcome-{outcome.page}" for outcome in load_plan().outcomes.values()]
    there = [page for page in pages if Path(page).name not in gone]
    for part in contents.get("parts", [contents]):
        part["chapters"] = [entry for entry in part["chapters"] if Path(entry.get("file", "")).name not in gone]
        for entry in part["chapters"]:
            # A pattern that fits no page is a warning, and so would end the build.
            below = entry.pop("sections", ())
            if kept := [one for one in below if fnmatch.filter(there, one.get("glob", "*"))]:
                entry["sections"] = kept
    path.write_text(yaml.safe_dump(contents, allow_unicode=True, sort_keys=False), encoding="utf-8")
