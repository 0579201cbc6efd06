"""Chapters and their runs: which notebooks there are, and how papermill runs those that are stale.

A build starts each stale chapter in a process of its own (``python -m holf.book.execute``), which runs the notebook in
a kernel. The finished chapter replaces the former one whole or not at all, and what it was made from is written down
(`holf.book.freshness`).

What takes long to import is imported inside functions: the process of a chapter starts its kernel first, and most
builds run no chapter.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from clustertrials.files import write_whole
from holf.book.freshness import (
    INJECTED,
    PARAMETERS,
    TEMPLATE,
    Chapter,
    ChapterError,
    code_cells,
    in_one_line,
    other_files,
    parts,
    put_on_record,
    renew_prose,
    surroundings,
    titled,
    why_stale,
    with_values,
)
from holf.paths import READS_LOG, code_folders, project_root
from holf.record.parts import file_of, without_inner
from holf.record.used_files import cells_log

if TYPE_CHECKING:
    import nbformat
    from jupyter_client.manager import AsyncKernelManager

SOURCE = "HOLF_SOURCE"
# What notes the files that a kernel loads is loaded itself.
USED_FILES = "holf/record/used_files.py"
# Marks the message of the process that runs a chapter among what its kernel prints.
MESSAGE = "holf.book.execute: "
KERNEL = (
    # Nobody types commands, and two kernels would get into each other's way in the file of their history.
    "--HistoryManager.enabled=False",
    # Python looks for garbage every 700 new objects, over all that libraries loaded: a tenth of a chapter's time.
    "--IPKernelApp.exec_lines=__import__('gc').set_threshold(100_000)",
    # What the chapter follows from is what its kernel loads and reads.
    "--IPKernelApp.exec_lines=__import__('holf.record.used_files').record.used_files.watch()",
)
# Seconds without news, after which the chapters that run are named.
_PATIENCE = 10
# Lines of an error that are shown.
_MOST_LINES = 10
_LINE = re.compile(r"Cell In\[\d+\], line (\d+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")

# Which chapters there are.


def list_chapters() -> list[Chapter]:
    """Every chapter of the book: the notebooks in `chapters/`, and one page an outcome of the plan.

    Raises
    ------
    ChapterError
        If an outcome page belongs to no outcome of the plan.
    """
    from holf.record.plan import load_plan

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
    from papermill import inspect_notebook

    return set(inspect_notebook(str(notebook)))


# The runs of one build.


def start_stale_chapters(work: Path, *, force: bool, jobs: int, say: Callable[[str], None]) -> Callable[[], None]:
    """Start the chapters that are stale, so that they run while Sphinx loads its extensions.

    Parameters
    ----------
    work : pathlib.Path
        Folder for executed copies.
    force : bool
        Run every chapter.
    jobs : int
        How many run at once.
    say : callable
        Told what is done, a line at a time.

    Returns
    -------
    callable
        Waits for the chapters, and renews the prose of the others; raises `ChapterError` if any failed.
    """
    # Copies of runs that failed or were killed in an earlier build.
    shutil.rmtree(work, ignore_errors=True)
    chapters = list_chapters()
    reasons = {
        chapter.page: "every chapter was asked for" if force else in_one_line(why_stale(chapter))
        for chapter in chapters
    }
    stale = [chapter for chapter in chapters if reasons[chapter.page]]
    if stale:
        say(f"{len(stale)} chapter(s) to run")
    # In processes and not in threads: a thread that imports while Sphinx is in the middle of an import waits for ever.
    begun = [start_chapter(chapter, work) for chapter in stale[:jobs]]

    def finish() -> None:
        run_chapters(stale[jobs:], work, jobs=jobs, say=say, begun=begun, reasons=reasons)
        for chapter in chapters:
            if chapter not in stale and renew_prose(chapter):
                say(f"new prose in chapters/{chapter.page.name}")

    return finish


def run_chapters(
    chapters: list[Chapter],
    work: Path,
    *,
    jobs: int,
    say: Callable[[str], None],
    begun: Collection[Run] = (),
    reasons: dict[Path, str] | None = None,
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
    reasons : dict of Path to str, optional
        Why each page is run.

    Raises
    ------
    ChapterError
        If any failed, after all have ended; the message lists every failure.
    """
    failures, pool = [], ThreadPoolExecutor(max_workers=jobs)
    try:
        running = {run.chapter.name: run for run in begun}
        futures = {pool.submit(end_chapter, run): run.chapter for run in begun}
        futures |= {pool.submit(_run_noted, chapter, work, running): chapter for chapter in chapters}
        waiting, done = {*futures}, 0
        while waiting:
            ended, waiting = wait(waiting, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
            if not ended:
                unfinished = [futures[future].name for future in waiting]
                say("; ".join(progress(run) for name, run in running.items() if name in unfinished))
            for future in ended:
                error, chapter, done = future.exception(), futures[future], done + 1
                if error is not None and not isinstance(error, ChapterError):
                    raise error
                result = "FAILED" if error else f"{future.result():.1f} s"
                why = f" ({reasons[chapter.page]})" if reasons else ""
                say(f"chapter {done}/{len(futures)} {chapter.name}: {result}{why}")
                if error:
                    failures.append(str(error))
    finally:
        # After an interruption no other chapter is started.
        pool.shutdown(cancel_futures=True)
    if failures:
        raise ChapterError("\n".join(failures))


# One chapter, in the build.


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
    start : float
        Seconds, of a clock that only goes forward.
    """

    chapter: Chapter
    before: bytes
    scratch: tempfile.TemporaryDirectory
    job: subprocess.Popen
    start: float


def run_chapter(chapter: Chapter, work: Path) -> float:
    """Run one chapter from start to end; see `start_chapter` and `end_chapter`."""
    return end_chapter(start_chapter(chapter, work))


def _run_noted(chapter: Chapter, work: Path, running: dict[str, Run]) -> float:
    running[chapter.name] = start_chapter(chapter, work)
    return end_chapter(running[chapter.name])


def progress(run: Run) -> str:
    """How far a chapter is that is still running."""
    log, cells = cells_log(_files(run.chapter, run.scratch)[1]), code_cells(run.chapter)
    ran = len(log.read_text(encoding="utf-8").splitlines()) if log.exists() else 0
    return f"{run.chapter.name} runs since {time.monotonic() - run.start:.0f} s, cell {min(ran + 1, cells)} of {cells}"


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
    arguments = [str(chapter.template), str(executed), json.dumps(chapter.parameters)]
    job = subprocess.Popen(
        [sys.executable, "-m", "holf.book.execute", *arguments],
        cwd=project_root() / "chapters",
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=_environment(log),
    )
    return Run(chapter, before, scratch, job, time.monotonic())


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
            message = errors.rpartition(MESSAGE)[2].strip()
            raise ChapterError(f"{chapter.name}: {message or 'the run ended without a message'}")
        files = _files_noted(log)
        if USED_FILES not in files:
            raise ChapterError(f"{chapter.name}: its kernel noted nothing of what it loaded")
        others, around = json.loads(_around(executed).read_text(encoding="utf-8"))
        notebook = nbformat.read(executed, as_version=4)
    clean(notebook)
    show_values(notebook.cells, chapter.parameters)
    notebook.cells[0].source = titled(notebook.cells[0].source, chapter)
    notebook.metadata["holf"] = {"reads": sorted({file_of(name)[5:] for name in files if name.startswith("data/")})}
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
    return time.monotonic() - run.start


def show_values(cells: list[nbformat.NotebookNode], parameters: dict) -> None:
    """Set the parameters cell to the values of a run, in place; `clean` takes the injected cell out of view."""
    for cell in cells:
        if parameters and PARAMETERS in cell.metadata.get("tags", []):
            cell.source = as_run(cell.source, parameters)


def as_run(source: str, parameters: dict) -> str:
    """Source of a parameters cell with the values of a run in the place of its own, as papermill writes them.

    A page shows this cell and not the one that papermill injects: who copies it gets the numbers of the page.

    Parameters
    ----------
    source : str
    parameters : dict
        Values of the run, by name; names that the cell does not set are left out.

    Examples
    --------
    >>> as_run('outcome = "employment"  # of the plan', {"outcome": "income"})
    'outcome = "income"  # of the plan'
    """
    from papermill.translators import PythonTranslator

    return with_values(source, {name: PythonTranslator.translate(value) for name, value in parameters.items()})


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


# One chapter, in its own process.


def main(arguments: list[str]) -> int:
    """Execute ``INPUT OUTPUT PARAMETERS``, the last as JSON; return 1 after one message on stderr if a cell fails."""
    fault = _run(arguments)
    # Two kernels that start at the same moment may take the same port, and one of them never answers.
    if "Kernel didn't respond" in fault:
        fault = _run(arguments)
    if fault:
        print(f"{MESSAGE}{fault}", file=sys.stderr)
    return 1 if fault else 0


def _run(arguments: list[str]) -> str:
    try:
        with kernel() as manager:
            # Before any cell runs, and here, as the build is busy loading what it needs.
            others = other_files()
            _around(Path(arguments[1])).write_text(json.dumps([others, surroundings(others)]), encoding="utf-8")
            return execute(arguments[0], arguments[1], json.loads(arguments[2]), manager)
    except Exception as error:  # a kernel that died or would not start: one line, since the reader is a build log
        return f"the notebook did not run to its end: {type(error).__name__}: {error}"


@contextmanager
def kernel() -> Iterator[AsyncKernelManager]:
    """A kernel that comes up while papermill is still being imported; it ends with the block.

    Each of the two takes most of a second, and neither waits for the other.
    """
    from jupyter_client.manager import AsyncKernelManager

    manager = AsyncKernelManager(kernel_name="python3")
    asyncio.run(manager.start_kernel(extra_arguments=list(KERNEL)))
    try:
        yield manager
    finally:
        # Whatever the kernel had to say was received; the kind way waits one to three seconds for it to leave.
        asyncio.run(manager.shutdown_kernel(now=True))


def execute(source: str, target: str, parameters: dict, manager: AsyncKernelManager) -> str:
    """Execute a notebook in a kernel; return what failed, or nothing.

    Parameters
    ----------
    source, target : str
        Paths of the notebook and of its executed copy.
    parameters : dict
        Values by name.
    manager : jupyter_client.manager.AsyncKernelManager
        Of a kernel that was started.
    """
    import papermill
    from papermill.execute import ERROR_MARKER_TAG

    # papermill itself only warns of a parameter that the notebook does not have, and runs without it.
    if parameters and (unknown := set(parameters) - set(papermill.inspect_notebook(source))):
        return f"the notebook has no parameter {sorted(unknown)[0]!r}"
    # A cell that ends the kernel is no error to papermill, and one that is meant to fail is: judged here instead.
    with suppress(papermill.PapermillExecutionError):
        papermill.execute_notebook(
            source,
            target,
            parameters=parameters,
            kernel_name="python3",
            progress_bar=False,
            log_output=False,
            # Written once, at the end, also of a run that fails; else twice a cell.
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            km=manager,
        )
    executed = json.loads(Path(target).read_text(encoding="utf-8"))
    # Papermill's own note of an error.
    executed["cells"] = [cell for cell in executed["cells"] if ERROR_MARKER_TAG not in cell["metadata"].get("tags", [])]
    fault = first_failure(executed["cells"])
    if not fault:
        Path(target).write_text(json.dumps(executed), encoding="utf-8")
    return fault


def first_failure(cells: list[dict]) -> str:
    """Say which cell of an executed notebook failed, at which line, or was not run; empty if all ran to their end.

    A cell with the tag ``raises-exception`` may fail, as elsewhere in Jupyter.

    Parameters
    ----------
    cells : list of dict

    Examples
    --------
    >>> cell = {"cell_type": "code", "source": "1", "outputs": [], "metadata": {}, "execution_count": None}
    >>> first_failure([cell | {"execution_count": 1}, cell])
    'cell [2] `1` did not run to its end: it, or the one before it, ended the kernel'
    """
    number = 0
    for cell in cells:
        source = "".join(cell["source"]).strip()
        # As in Jupyter, an empty cell is not run.
        if cell["cell_type"] != "code" or not source:
            continue
        number += 1
        name = f"cell [{number}] `{source.splitlines()[0]}`"
        tags = cell["metadata"].get("tags", [])
        errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
        if errors and "raises-exception" not in tags:
            return f"cell [{number}]{_error(errors[0], ''.join(cell['source']).splitlines())}"
        if cell["execution_count"] is None:
            if "skip-execution" in tags:
                return f"{name} was not run: its tags say so"
            return f"{name} did not run to its end: it, or the one before it, ended the kernel"
    return ""


def _error(output: dict, lines: list[str]) -> str:
    """The failing line of a cell with its error, and the place in the project's code where that was raised."""
    traceback = _COLOUR.sub("", "\n".join(output.get("traceback", ())))
    found = _LINE.search(traceback)
    number = min(int(found[1]), len(lines)) if found else 1
    place = f", line {number}" if found else ""
    message = "\n".join(str(output["evalue"]).splitlines()[:_MOST_LINES])
    deeper = re.findall(r"^File (\S+\.py:\d+)", traceback, re.MULTILINE)
    raised = f"\n(raised in {deeper[-1]})" if deeper else ""
    return f"{place} `{lines[number - 1].strip()}` raised {output['ename']}: {message}{raised}"


def _around(target: Path) -> Path:
    """File beside an executed copy that says what was around when its run began (`freshness.surroundings`)."""
    return Path(f"{target}.around")


def end_with_parent() -> None:
    """End this process soon after the build that started it, however that ended: nobody waits for the result.

    The kernel of the notebook watches this process in the same way.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    end_with_parent()
    # Thousands of objects of libraries stay to the end, and nobody needs them cleared away one by one.
    gc.disable()
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
