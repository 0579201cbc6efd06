"""The run of one chapter: a process of its own runs it (`holf.book.kernel`), and here its page is put in place.

The finished chapter replaces the former one whole or not at all, and what it was made from is written down
(`holf.book.freshness`).
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from clustertrials.files import write_whole
from holf.book.freshness import (
    INJECTED,
    OUTSIDE,
    PARAMETERS,
    Chapter,
    ChapterError,
    parts,
    put_on_record,
    titled,
    with_values,
)
from holf.book.kernel import MESSAGE, PROGRESS
from holf.paths import READS_LOG, code_file, code_folders, project_root
from holf.record.parts import file_of, without_inner

if TYPE_CHECKING:
    import nbformat

# What notes the files that a kernel loads is loaded itself.
USED_FILES = "holf/record/used_files.py"


@dataclass(frozen=True)
class Run:
    """A run that was started, a folder of its own, its process, and when it began by the clock of the file system.

    What a killed build started may go on writing for a moment: the next one gets another folder.
    """

    chapter: Chapter
    scratch: tempfile.TemporaryDirectory
    job: subprocess.Popen
    start: float


def run_chapter(chapter: Chapter, work: Path) -> float:
    """Run one chapter from start to end; see `start_chapter` and `end_chapter`."""
    return end_chapter(start_chapter(chapter, work))


def progress(work: Path) -> str:
    """How far the chapters are that run now."""
    found = []
    for path in sorted(work.glob(f"*/*{PROGRESS}")):
        # The folder of a run goes when it ends.
        with suppress(FileNotFoundError):
            found.append(f"{path.stem} runs, {path.read_text(encoding='utf-8')}")
    return "; ".join(found) or "chapters are being started"


def start_chapter(chapter: Chapter, work: Path) -> Run:
    """Start one chapter in a process of its own, which ends if this one does; its executed copy goes to `work`."""
    work.mkdir(parents=True, exist_ok=True)
    scratch = tempfile.TemporaryDirectory(dir=work)
    start = Path(scratch.name).stat().st_ctime
    executed, log = _files(chapter, scratch)
    arguments = [str(chapter.template), str(executed), json.dumps(chapter.parameters)]
    job = subprocess.Popen(
        [sys.executable, "-m", "holf.book.kernel", *arguments],
        cwd=project_root() / "chapters",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(log),
    )
    return Run(chapter, scratch, job, start)


def end_chapter(run: Run) -> float:
    """Wait for a run, put its chapter in its place whole or not at all, and return the seconds that it took.

    Raises
    ------
    ChapterError
        If a parameter is unknown, a cell fails, or the page or what it may read was changed meanwhile; the page is
        then as it was, and the executed copy of a run that failed lies beside its scratch folder for inspection.
    """
    import nbformat

    chapter, (executed, log) = run.chapter, _files(run.chapter, run.scratch)
    with run.scratch:
        _, errors = run.job.communicate()
        if run.job.returncode:
            if executed.exists():
                os.replace(executed, executed.parents[1] / executed.name)
            # The kernel prints into the same stream.
            message = errors.rpartition(MESSAGE)[2].strip() or "the run ended without a message"
            raise ChapterError(f"{'' if message.startswith('data/') else f'{chapter.name}: '}{message}")
        files = _files_noted(log)
        if USED_FILES not in files:
            raise ChapterError(f"{chapter.name}: its kernel noted nothing of what it loaded")
        notebook, seconds = nbformat.read(executed, as_version=4), executed.stat().st_ctime - run.start
    clean(notebook)
    show_values(notebook.cells, chapter.parameters)
    notebook.cells[0].source = titled(notebook.cells[0].source, chapter)
    notebook.metadata["holf"] = {"reads": sorted({file_of(name)[5:] for name in files if name.startswith("data/")})}
    content = nbformat.writes(notebook) + "\n"
    found = parts(chapter, files, json.loads(content))
    # Last, so that nothing which changed while this was made is signed or overwritten.
    # What stands in brackets, such as a study from elsewhere, is no file.
    names = [name for name in (*found, *files) if name not in OUTSIDE and "(" not in name]
    follows = {chapter.template, *(code_file(file_of(name)) for name in names)}
    # A page that has not been made yet lies in a folder to which other chapters write.
    follows |= {chapter.page} if chapter.page.exists() else set()
    if changed := [path.name for place in follows for path in (place, *place.rglob("*")) if _is_newer(path, run.start)]:
        raise ChapterError(f"{chapter.name}: {min(changed)} was changed while it ran; build again")
    write_whole(chapter.page, content)
    # After the page: a build that is killed in between leaves outputs that are on no record, and so a stale chapter.
    put_on_record(chapter, found)
    return seconds


def show_values(cells: list[nbformat.NotebookNode], parameters: dict) -> None:
    """Set the parameters cell to the values of a run, in place; `clean` takes the injected cell out of view.

    A page shows this cell and not the one that papermill injects: who copies it gets the numbers of the page.
    """
    if not parameters:
        return
    from papermill.translators import PythonTranslator

    values = {name: PythonTranslator.translate(value) for name, value in parameters.items()}
    for cell in cells:
        if PARAMETERS in cell.metadata.get("tags", []):
            cell.source = with_values(cell.source, values)


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


def _is_newer(path: Path, start: float) -> bool:
    """Whether a file was written, put in its place or taken away after `start`, or a folder got or lost an entry."""
    while not path.exists():
        path = path.parent
    return path.stat().st_ctime > start


def _files(chapter: Chapter, scratch: tempfile.TemporaryDirectory) -> tuple[Path, Path]:
    """The executed copy of a run, and the list of what its kernel loads and reads."""
    return Path(scratch.name) / f"{chapter.name}.ipynb", Path(scratch.name) / "reads"


def _files_noted(log: Path) -> list[str]:
    """What a run loaded and asked for, each part once: one that it asked for whole stands for all inside."""
    return without_inner(log.read_text(encoding="utf-8").splitlines() if log.exists() else ())


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
