"""Where a build works and how its site is put in place: one build at a time, in a folder beside the site, one rename.

Sphinx keeps what it read of each page from build to build, and writes every page anew into an empty folder. A build
that was killed or failed leaves a cache that the next one deletes.
"""

from __future__ import annotations

import ctypes
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import CONFIG_OK, BuildEnvironment
from sphinx.errors import ExtensionError

from holf.book.checksums import digests, fingerprint, verified_sums, write_sums
from holf.book.downloads.pages import write_downloads
from holf.book.marks import site_faults
from holf.book.sources import write_sources
from holf.book.theme.checks import refuse_faults
from holf.paths import code_root, library_root, project_root

_SETTINGS = ("_config.yml", "_toc.yml", "CITATION.cff", "requirements.lock")
# Files of data from which the check of a page's numbers follows; other data reach pages when they are written.
_CHECKED_WITH = ("data/flow.yml", "data/plan.yml")


def acquire_lock(folder: Path, say: Callable[[str], None]) -> int:
    """Wait until no other build works in a folder, and keep others out until the descriptor that is returned is closed.

    The system itself takes the lock away with the process, so a killed build leaves none behind, and no file either.
    `say` is told once if there is somebody to wait for.
    """
    handle = os.open(folder, os.O_RDONLY)
    if os.name == "posix":
        import fcntl

        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("another build of this book is running; waiting for it to end")
            fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def foundation() -> str:
    """SHA-256 over all that Sphinx does not look at and any page may come from: settings, code, and some data."""
    root = project_root()
    return fingerprint([*(root / name for name in (*_SETTINGS, *_CHECKED_WITH)), code_root(), library_root()])


def open_staging(app: Sphinx) -> None:
    """Give Sphinx an empty folder beside the site to write into, and no cache but that of a build without a fault."""
    staging, doctrees = app.holf_site.with_name(".html"), Path(app.doctreedir)
    ended = _ended(app)
    # Where warnings are errors, a page with one is read again, to repeat it.
    kept = ended.exists() and not (_is_strict(app) and ended.read_text(encoding="utf-8"))
    ended.unlink(missing_ok=True)
    for folder in (staging, *(() if kept else (doctrees, staging.with_name("jupyter_execute")))):
        if folder.exists():
            shutil.rmtree(folder)
    for folder in (staging, doctrees):
        folder.mkdir(parents=True, exist_ok=True)
    app.outdir = type(app.outdir)(staging)
    app.holf_unwritten = Unwritten()
    logging.getLogger("sphinx").addHandler(app.holf_unwritten)


def _ended(app: Sphinx) -> Path:
    """The file that says that the last build came to its end, and whether it warned of something."""
    return Path(app.doctreedir) / "ended"


def _is_strict(app: Sphinx) -> bool:
    """Whether warnings are errors; with --keep-going Sphinx clears `warningiserror`, and fails after all else."""
    return app.warningiserror or app.keep_going


def reread_replaced(_app: Sphinx, env: BuildEnvironment, _added: set, _changed: set, _removed: set) -> list[str]:
    """Name the pages whose file was replaced since they were read.

    Sphinx goes by the time of a file, which a former version that is put back brings along. The time at which it was
    put there cannot be set.
    """
    times = {name: Path(env.doc2path(name)).stat().st_ctime_ns // 1000 for name in env.found_docs & env.all_docs.keys()}
    return [name for name, time in times.items() if time > env.all_docs[name]]


def date_from_start(app: Sphinx, env: BuildEnvironment) -> None:
    """Date what was read from the start of the build: what is saved while Sphinx reads it is read again next time."""
    env.all_docs = {name: min(read, app.holf_start) for name, read in env.all_docs.items()}


def publish(app: Sphinx, say: Callable[[str], None]) -> None:
    """Check the finished pages and put them in the site's place; after any failure the former site stays.

    The failure is an OSError, ExtensionError or SiteError.
    """
    site, staging = app.holf_site, Path(app.outdir)
    if app.holf_unwritten.errors:
        raise app.holf_unwritten.errors[0]
    if _is_strict(app) and app._warncount:
        say("the site stays as it was, because warnings are errors")
        return
    # Sphinx's note to itself, which names folders of the machine by their checksum.
    (staging / ".buildinfo").unlink(missing_ok=True)
    # What the same code and data made and checked before is not checked again.
    checked = verified_sums(site) if app.env.config_status == CONFIG_OK else {}
    write_downloads(app, staging)
    write_sources(staging)
    passed = {name for name, digest in digests(staging).items() if checked.get(name) == digest}
    if faults := site_faults(staging, passed=passed):
        raise ExtensionError("unmarked simulated content:\n" + "\n".join(faults))
    refuse_faults(staging)
    write_sums(staging)
    exchange(staging, site)
    shutil.rmtree(staging, ignore_errors=True)
    _ended(app).write_text("warned" if app._warncount else "", encoding="utf-8")


def exchange(fresh: Path, site: Path) -> None:
    """Put `fresh` in the place of `site`; where the system can, in one step without a moment between.

    Afterwards `fresh` may hold the former site.
    """
    if not site.exists():
        os.replace(fresh, site)
        return
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    here, swap = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux
    if rename and rename(here, os.fsencode(fresh), here, os.fsencode(site), swap) == 0:
        return
    former = site.with_name(".html.former")
    shutil.rmtree(former, ignore_errors=True)
    os.replace(site, former)
    os.replace(fresh, site)
    shutil.rmtree(former, ignore_errors=True)


class Unwritten(logging.Handler):
    """Collects files that Sphinx could not write: of those it only warns, and would go on to publish half a site."""

    def __init__(self):
        super().__init__(logging.WARNING)
        self.errors: list[OSError] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error that a warning tells of, if it is one of the file system."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.errors += [one for one in arguments if isinstance(one, OSError)]
