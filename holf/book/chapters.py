"""Which chapters there are, and the run of those that are stale: side by side, while Sphinx loads its extensions."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import replace
from pathlib import Path

from holf.book.execute import Run, end_chapter, progress, run_chapter, start_chapter
from holf.book.freshness import TEMPLATE, Chapter, ChapterError, in_one_line, renew_prose, why_stale
from holf.paths import project_root

SOURCE = "HOLF_SOURCE"
# Seconds without news, after which the chapters that run are named.
_PATIENCE = 10
# Failed chapters beside the first of which a line is shown: all is to fit on a screen.
_TOLD = 3


def list_chapters() -> list[Chapter]:
    """Every chapter of the book: the notebooks in `chapters/`, and one page an outcome of the plan.

    A ChapterError if an outcome page belongs to no outcome of the plan.
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
    """Start the chapters that are stale, or all with `force`, so that they run while Sphinx loads its extensions.

    Returns what waits for them and renews the prose of the others; it raises `ChapterError` if any failed. `work` is a
    folder for executed copies, `jobs` how many run at once, and `say` is told what is done, a line at a time.
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
        run_chapters(begun, stale[jobs:], work, jobs=jobs, say=say, reasons=reasons)
        for chapter in chapters:
            if chapter not in stale and renew_prose(chapter):
                say(f"new prose in chapters/{chapter.page.name}")

    return finish


def run_chapters(
    begun: list[Run],
    waiting: list[Chapter],
    work: Path,
    *,
    jobs: int,
    say: Callable[[str], None],
    reasons: Mapping[Path, str],
) -> None:
    """Wait for those that have begun, run those that wait, and report each with its reason as it ends.

    A ChapterError comes after all have ended: what is wrong with one, and the names of the others that failed.
    """
    failures, pool = {}, ThreadPoolExecutor(max_workers=jobs)
    try:
        futures = {pool.submit(end_chapter, run): run.chapter for run in begun}
        futures |= {pool.submit(run_chapter, chapter, work): chapter for chapter in waiting}
        running, done = {*futures}, 0
        while running:
            ended, running = wait(running, timeout=_PATIENCE, return_when=FIRST_COMPLETED)
            if not ended:
                say(progress(work))
            for future in ended:
                chapter, done = futures[future], done + 1
                try:
                    result = f"{future.result():.1f} s"
                except ChapterError as error:
                    failures[chapter.name], result = str(error), "FAILED"
                say(f"chapter {done}/{len(futures)} {chapter.name}: {result} ({reasons[chapter.page]})")
    finally:
        # After an interruption no other chapter is started.
        pool.shutdown(cancel_futures=True)
    if failures:
        first, *others = sorted(failures)
        told = [failures[first], *(failures[name].splitlines()[0] for name in others[:_TOLD])]
        if len(others) > _TOLD:
            told.append(f"failed as well: {', '.join(others[_TOLD:])}")
        raise ChapterError("\n".join(told))
