"""Where a build works before its site is put in place: one build at a time, and nothing trusted of a broken one.

A build that is killed may leave caches that call unwritten pages up to date, or half a picture under its right name. So
the caches count only if the build that left them came to its end, and everything that every page rests on is still the
same; a seal beside them says so.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from sphinx.application import Sphinx

from holf.paths import code_root, project_root, write_whole
from holf.reach import reachable

# What a page can come from beside its own source; what changes here changes every page.
_SETTINGS = ("_config.yml", "_toc.yml", "CITATION.cff", "requirements.lock", "data/plan.yml", "data/columns.yml")
_FILES = ("assets",)


def hold(folder: Path, say: Callable[[str], None]) -> int:
    """Wait until no other build works in a folder, and keep others out until this process ends, however it ends.

    The system itself takes the lock away with the process, so a killed build leaves none behind, and no file either.

    Parameters
    ----------
    folder : Path
    say : callable
        Told once, in one line, if there is somebody to wait for.

    Returns
    -------
    int
        An open descriptor; closing it lets others in.
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
    """SHA-256 of what every page rests on: settings, contents, styles, and the code that makes pages."""
    root, code = project_root(), code_root()
    # Sphinx takes the year of its pages from this variable, and does not write them anew when it changes.
    digest = hashlib.sha256(os.environ.get("SOURCE_DATE_EPOCH", "").encode() + b"\0")
    files = [root / name for name in _SETTINGS]
    files += [path for folder in _FILES for path in sorted((root / folder).rglob("*")) if path.is_file()]
    named = [(path.relative_to(root), path) for path in files if path.exists()]
    named += [(path.relative_to(code.parent), path) for path in reachable(["import holf.book"], code)]
    frame = [path for path in sorted((code / "frame").rglob("*.[!p]*")) if path.is_file()]
    named += [(path.relative_to(code.parent), path) for path in frame]
    for name, path in named:
        digest.update(name.as_posix().encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def sources() -> str:
    """SHA-256 of all that simulated tables and written pages follow from: data, chapters, settings and code."""
    root, digest = project_root(), hashlib.sha256()
    files = [root / name for name in _SETTINGS]
    for folder in (root / "chapters", root / "data", code_root()):
        files += [path for path in sorted(folder.rglob("*")) if path.suffix != ".pyc" and path.is_file()]
    for path in filter(Path.exists, files):
        digest.update(str(path).encode() + b"\0" + hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def open_staging(staging: Path, doctrees: Path) -> bool:
    """Make the folder ready in which Sphinx writes its pages, and break its seal.

    Parameters
    ----------
    staging : Path
        Folder beside the site.
    doctrees : Path
        Sphinx's folder of parsed pages.

    Returns
    -------
    bool
        True if what the last build left can be trusted; else everything was deleted and is made anew.
    """
    seal = _seal(staging)
    trusted = staging.is_dir() and seal.exists() and seal.read_text(encoding="utf-8") == foundation()
    seal.unlink(missing_ok=True)
    if not trusted:
        for folder in (staging, doctrees, staging.with_name("jupyter_execute")):
            if folder.exists():
                shutil.rmtree(folder)
        doctrees.mkdir(parents=True)
    staging.mkdir(parents=True, exist_ok=True)
    # myst-nb brings its style after the pages are written; if it were there before, they would name its checksum.
    for style in staging.glob("_static/mystnb.*.css"):
        style.unlink()
    return trusted


def seal_staging(staging: Path) -> None:
    """Note that a build came to its end."""
    write_whole(_seal(staging), foundation())


def forget_lost_words(app: Sphinx) -> list:
    """Drop words that no page has any more from the search index: Sphinx keeps them, with an empty list of pages."""
    if indexer := getattr(app.builder, "indexer", None):
        for words in (indexer._mapping, indexer._title_mapping):
            for word in [word for word, pages in words.items() if not pages]:
                del words[word]
    return []


def _seal(staging: Path) -> Path:
    return staging.with_name(".sealed")


class Unwritten(logging.Handler):
    """Collects files that Sphinx could not write: of those it only warns, and would go on to publish half a site.

    Attributes
    ----------
    errors : list of OSError
    """

    def __init__(self):
        super().__init__(logging.WARNING)
        self.errors: list[OSError] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error that a warning tells of, if it is one of the file system."""
        arguments = record.args if isinstance(record.args, tuple) else ()
        self.errors += [one for one in arguments if isinstance(one, OSError)]
