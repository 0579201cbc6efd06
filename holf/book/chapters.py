"""Which chapters there are, and the run of those that are stale: side by side, while Sphinx loads its extensions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Collection
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

from holf.book.execute import Run, end_chapter, progress, start_chapter
from holf.book.freshness import TEMPLATE, Chapter, ChapterError, in_one_line, renew_prose, why_stale
from holf.paths import project_root

SOURCE = "HOLF_SOURCE"
# Seconds without news, after which the chapters that run are named.
_PATIENCE = 10
# Lines in which the errors of a build are told.
_MOST_LINES = 13


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
    if not (source := os.environ.get(SOURCE)):
        return chapter
    from papermill import inspect_notebook

    asks = "sources" in inspect_notebook(str(chapter.template))
    return replace(chapter, parameters=chapter.parameters | {"sources": [source]}) if asks else chapter


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
        If any failed, after all have ended; the message fits on a screen.
    """
    failures, pool = {}, ThreadPoolExecutor(max_workers=jobs)
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
                    failures[chapter.name] = str(error)
    finally:
        # After an interruption no other chapter is started.
        pool.shutdown(cancel_futures=True)
    if failures:
        raise ChapterError(_in_few_lines(failures))


def _in_few_lines(failures: dict[str, str]) -> str:
    """Errors by chapter as one message: the first ones whole, and the names of the others."""
    shown, names = [], sorted(failures)
    for number, name in enumerate(names):
        lines = failures[name].splitlines()
        if shown and len(shown) + len(lines) >= _MOST_LINES:
            return "\n".join([*shown, f"failed as well: {', '.join(names[number:])}"])
        shown += lines
    return "\n".join(shown)


def _run_noted(chapter: Chapter, work: Path, running: dict[str, Run]) -> float:
    running[chapter.name] = start_chapter(chapter, work)
    return end_chapter(running[chapter.name])
