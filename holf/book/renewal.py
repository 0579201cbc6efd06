"""Brings everything that Sphinx will read up to date: simulated tables, pages written from data, and stale chapters.

Chapters run while Sphinx still loads its other extensions, which takes most of a second in which a second processor
would be idle.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from clustertrials.files import write_whole
from holf.book.chapters import list_chapters, run_chapters, start_chapter
from holf.book.freshness import is_stale, renew_prose
from holf.book.staging import sources
from holf.paths import STAND_IN, project_root

# The second finds nothing to write, unless somebody edits meanwhile; a later build then goes on.
_PASSES = 3


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
        Waits for the chapters, and renews the prose of the others; raises `holf.book.freshness.ChapterError` if any
        failed.

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
    # Processes and no threads: one that imports anything while Sphinx is interrupted at an import waits for ever.
    begun = [start_chapter(chapter, work) for chapter in stale[:jobs]]

    def finish() -> None:
        run_chapters(stale[jobs:], work, jobs=jobs, say=say, begun=begun)
        for chapter in chapters:
            if chapter not in stale and renew_prose(chapter):
                say(f"new prose in chapters/{chapter.page.name}")

    return finish


def _refresh(note: Path, say: Callable[[str], None]) -> None:
    """Write simulated tables and pages anew, unless the note says that nothing changed from which they follow."""
    if note.exists() and note.read_text(encoding="utf-8") == sources():
        return
    # Imported here: most builds need neither.
    from holf.pages.write import write_pages
    from holf.simulation.refresh import refresh_studies

    for _ in range(_PASSES):
        before = sources()
        # A book on real data holds no simulated study, so that none can slip into it.
        worlds, pages = [] if real_source() else refresh_studies(), write_pages()
        for line in (*(f"simulated the {world} world" for world in worlds), *(f"wrote {page}" for page in pages)):
            say(line)
        # Noted only if all that was read is as it was before, so that no edit is taken for one that was followed.
        if not worlds and not pages and sources() == before:
            write_whole(note, before)
            return


def real_source() -> str:
    """What the release of a book on real data says of itself; empty for any other book."""
    path = project_root() / "data" / f"{STAND_IN}.json"
    if not path.exists():
        return ""
    # Imported where it is needed: it brings the estimators along, and most builds have no release.
    from holf.confidential.release.document import read_release

    return read_release(path).source
