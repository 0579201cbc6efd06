"""Brings everything that Sphinx will read up to date: simulated tables, pages written from data, and stale chapters.

Chapters run while Sphinx still loads its other extensions, which takes most of a second in which a second processor
would be idle.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from holf.chapters import list_chapters, run_chapters
from holf.freshness import is_stale, renew_prose
from holf.paths import STAND_IN, project_root, write_whole
from holf.staging import sources


def start_renewal(work: Path, *, force: bool, jobs: int, say: Callable[[str], None]) -> Callable[[], None]:
    """Refresh simulated tables and written pages, and start the chapters that are stale.

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
        Waits for the chapters, and renews the prose of the others; raises `holf.freshness.ChapterError` if any failed.

    Raises
    ------
    OSError
        If a table or a page cannot be written.
    """
    # Copies of runs that failed or were killed in an earlier build.
    shutil.rmtree(work, ignore_errors=True)
    work.parent.mkdir(parents=True, exist_ok=True)
    _refresh(work.with_name(".refreshed"), say)
    chapters = list_chapters()
    stale = [chapter for chapter in chapters if force or is_stale(chapter)]
    say(f"{len(stale)} chapter(s) to run")
    pool = ThreadPoolExecutor(max_workers=1)
    runs = pool.submit(run_chapters, stale, work, jobs=jobs, say=say)
    pool.shutdown(wait=False)

    def finish() -> None:
        runs.result()
        for chapter in chapters:
            if chapter not in stale and renew_prose(chapter):
                say(f"new prose in chapters/{chapter.page.name}")

    return finish


def _refresh(note: Path, say: Callable[[str], None]) -> None:
    """Write simulated tables and pages anew, unless the note says that nothing changed from which they follow."""
    if note.exists() and note.read_text(encoding="utf-8") == sources():
        return
    # Imported here: most builds need neither.
    from holf.pages import write_pages
    from holf.simulated import refresh_studies

    # A book on real data holds no simulated study, so that none can slip into it.
    for world in () if real_source() else refresh_studies():
        say(f"simulated the {world} world")
    for page in write_pages():
        say(f"wrote {page}")
    write_whole(note, sources())


def real_source() -> str:
    """What the release of a book on real data says of itself; empty for any other book."""
    path = project_root() / "data" / f"{STAND_IN}.json"
    if not path.exists():
        return ""
    # Imported where it is needed: it brings the estimators along, and most builds have no release.
    from holf.release.document import read_release

    return read_release(path).source
