"""Chapters and their execution: which notebooks there are, and how papermill runs them.

A chapter carries its own outputs of record; `holf.book.freshness` says which are older than what they follow from.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

import nbformat

from clustertrials.files import write_whole
from holf.book.freshness import (
    INJECTED,
    PARAMETERS,
    TEMPLATE,
    Chapter,
    ChapterError,
    parts,
    put_on_record,
    surroundings,
    titled,
)
from holf.book.parameters import as_run
from holf.book.run import SAYS, noted
from holf.paths import READS_LOG, code_folders, project_root
from holf.record.plan import load_plan

SOURCE = "HOLF_SOURCE"
# What notes the others is loaded itself.
WITNESS = "holf/record/witness.py"


def list_chapters() -> list[Chapter]:
    """Every chapter of the book: the notebooks in `chapters/`, and one page an outcome of the plan.

    Raises
    ------
    ChapterError
        If an outcome page belongs to no outcome of the plan.
    """
    home, template = project_root() / "chapters", project_root() / TEMPLATE
    outcomes = (
        [
            Chapter(home / f"outcome-{outcome.page}.ipynb", template, {"outcome": outcome.id}, outcome.label)
            for outcome in load_plan().outcomes.values()
        ]
        if template.exists()
        else []
    )
    expected = {chapter.page for chapter in outcomes}
    pages = sorted(home.glob("*.ipynb"))
    strays = [page.name for page in pages if page.name.startswith("outcome-") and page not in expected]
    if strays:
        raise ChapterError(f"chapters/{strays[0]} belongs to no outcome in data/plan.yml: delete it")
    plain = [Chapter(page, page) for page in pages if page not in expected]
    return [_with_source(chapter) for chapter in plain + outcomes]


def _with_source(chapter: Chapter) -> Chapter:
    """Point a chapter that asks studies at the source that `holf build --source` names."""
    source = os.environ.get(SOURCE)
    if not source or "sources" not in known_parameters(chapter.template):
        return chapter
    return replace(chapter, parameters=chapter.parameters | {"sources": [source]})


def known_parameters(notebook: Path) -> set[str]:
    """Names that the cell tagged `parameters` sets."""
    # Papermill takes longer to import than a build without work takes for everything else of this package.
    from papermill import inspect_notebook

    return set(inspect_notebook(str(notebook)))


def show_values(cells: list[nbformat.NotebookNode], parameters: dict) -> None:
    """Set the parameters cell to the values of a run, in place; `clean` takes the injected cell out of view."""
    for cell in cells:
        if parameters and PARAMETERS in cell.metadata.get("tags", []):
            cell.source = as_run(cell.source, parameters)


def clean(notebook: nbformat.NotebookNode) -> None:
    """Strip what differs from run to run, and give each figure its own text as text alternative, in place."""
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if INJECTED in cell.metadata.get("tags", []):
            cell["id"], cell.metadata["tags"] = INJECTED, [INJECTED, "remove-cell"]
        if not cell.metadata.get("tags", True):
            cell.metadata.pop("tags")
        for output in cell.get("outputs", []):
            if "image/png" in output.get("data", {}):
                cell.metadata["mystnb"] = {"image": {"alt": output["data"].get("text/plain", "")}}
    notebook.metadata.pop("papermill", None)
    notebook.metadata["language_info"] = {"name": "python"}


def _read_bytes(path: Path) -> bytes:
    return path.read_bytes() if path.exists() else b""


def _environment(log: Path) -> dict[str, str]:
    """Variables of a run: what the person who builds set for notebooks and figures of their own changes no output."""
    settings = log.with_name("matplotlibrc")
    settings.touch()
    paths = os.pathsep.join(filter(None, [*code_folders(project_root()), os.environ.get("PYTHONPATH")]))
    return os.environ | {
        READS_LOG: str(log),
        "PYTHONPATH": paths,
        "JUPYTER_PREFER_ENV_PATH": "1",
        "MATPLOTLIBRC": str(settings),
        # Both name code that every kernel runs before the first cell.
        "IPYTHONDIR": str(log.with_name("ipython")),
        "PYTHONSTARTUP": "",
    }


@dataclass(frozen=True)
class Run:
    """A run that was started.

    Attributes
    ----------
    chapter : Chapter
    before : bytes
        The page as it was.
    scratch : tempfile.TemporaryDirectory
        A folder of its own: what a killed build started may go on writing for a moment.
    job : subprocess.Popen
    """

    chapter: Chapter
    before: bytes
    scratch: tempfile.TemporaryDirectory
    job: subprocess.Popen


def start_chapter(chapter: Chapter, work: Path) -> Run:
    """Start one chapter in a process of its own, which ends if this one does.

    Parameters
    ----------
    chapter : Chapter
    work : Path
        Folder for the executed copy.
    """
    work.mkdir(parents=True, exist_ok=True)
    before, scratch = _read_bytes(chapter.page), tempfile.TemporaryDirectory(dir=work)
    executed, log = _files(chapter, scratch)
    job = subprocess.Popen(
        [sys.executable, "-m", "holf.book.run", str(chapter.template), str(executed), json.dumps(chapter.parameters)],
        cwd=project_root() / "chapters",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(log),
    )
    return Run(chapter, before, scratch, job)


def _files(chapter: Chapter, scratch: tempfile.TemporaryDirectory) -> tuple[Path, Path]:
    """The executed copy of a run, and the list of what its kernel loads and reads."""
    return Path(scratch.name) / f"{chapter.name}.ipynb", Path(scratch.name) / "reads"


def end_chapter(run: Run) -> None:
    """Wait for a run, and put its chapter in its place, whole or not at all.

    Raises
    ------
    ChapterError
        If a parameter is unknown, a cell fails, or the page or what it may read was changed meanwhile; the page is
        then as it was, and the executed copy of a run that failed lies beside its scratch folder for inspection.
    """
    chapter, (executed, log) = run.chapter, _files(run.chapter, run.scratch)
    with run.scratch:
        _, errors = run.job.communicate()
        if run.job.returncode:
            if executed.exists():
                os.replace(executed, executed.parents[1] / executed.name)
            # The kernel talks on the same stream, so what the runner has to say follows its mark.
            said = errors.rpartition(SAYS)[2].strip()
            raise ChapterError(f"{chapter.name}: {said or 'the run ended without a word'}")
        files = _files_noted(log)
        if WITNESS not in files:
            raise ChapterError(f"{chapter.name}: its kernel noted nothing of what it loaded")
        others, around = json.loads(noted(executed).read_text(encoding="utf-8"))
        notebook = nbformat.read(executed, as_version=4)
    clean(notebook)
    show_values(notebook.cells, chapter.parameters)
    notebook.cells[0].source = titled(notebook.cells[0].source, chapter)
    notebook.metadata["holf"] = {"reads": [name.removeprefix("data/") for name in files if name.startswith("data/")]}
    content = nbformat.writes(notebook) + "\n"
    found = parts(chapter, files, json.loads(content))
    # Last, so that nothing which changed while this was made is signed or overwritten.
    if surroundings(others) != around:
        raise ChapterError(f"{chapter.name}: data, code or a template changed while it ran; build again")
    if _read_bytes(chapter.page) != run.before:
        raise ChapterError(f"{chapter.name}: the notebook was saved while it ran; build again")
    write_whole(chapter.page, content)
    # After the page: a build that is killed in between leaves outputs that are on no record, and so a stale chapter.
    put_on_record(chapter, found)


def _files_noted(log: Path) -> list[str]:
    """What a run loaded and read, each once: a folder that it asked for whole stands for the files in it."""
    noted = {*log.read_text(encoding="utf-8").splitlines()} if log.exists() else set()
    return sorted(name for name in noted if noted.isdisjoint(map(str, PurePosixPath(name).parents)))


def run_chapter(chapter: Chapter, work: Path) -> None:
    """Run one chapter from start to end; see `start_chapter` and `end_chapter`."""
    end_chapter(start_chapter(chapter, work))


def run_chapters(
    chapters: list[Chapter], work: Path, *, jobs: int, say: Callable[[str], None], begun: Collection[Run] = ()
) -> None:
    """Run chapters side by side, one process each, and report every one as it ends.

    Parameters
    ----------
    chapters : list of Chapter
    work : Path
        Folder for executed copies.
    jobs : int
        How many run at once.
    say : callable
        Told of each, in a line.
    begun : collection of Run
        Of other chapters, which are waited for as well.

    Raises
    ------
    ChapterError
        If any failed, after all have ended; the message lists every failure.
    """
    failures, pool = [], ThreadPoolExecutor(max_workers=jobs)
    try:
        futures = {pool.submit(end_chapter, run): run.chapter for run in begun}
        futures |= {pool.submit(run_chapter, chapter, work): chapter for chapter in chapters}
        for done, future in enumerate(as_completed(futures), start=1):
            error = future.exception()
            if error is not None and not isinstance(error, ChapterError):
                raise error
            say(f"chapter {done}/{len(futures)} {futures[future].name}: {'FAILED' if error else 'done'}")
            if error:
                failures.append(str(error))
    finally:
        # After an interruption no other chapter is started.
        pool.shutdown(cancel_futures=True)
    if failures:
        raise ChapterError("\n".join(failures))
