"""Where the project's files are, and a note of which of them a chapter reads."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path

import clustertrials

READS_LOG = "HOLF_READS_LOG"
# Where a book that carries the statistics library has it.
_LIBRARY = Path("clustertrials", "src", "clustertrials")
# Folders of the code that runs; a build asks for them some thousand times.
_CODE, _LIBRARY_CODE = Path(__file__).resolve().parent, Path(clustertrials.__file__).resolve().parent
# Name of the study that a book built elsewhere holds.
STAND_IN = "source"
# What marks a folder of tables as simulated, and says from what.
MARK_FILE = "simulation.json"
_paused = ContextVar("_paused", default=False)


def project_root() -> Path:
    """Return the folder of the book's settings, chapters and data: this package's own, or ``HOLF_ROOT``."""
    return Path(os.environ.get("HOLF_ROOT") or _CODE.parent)


def code_root() -> Path:
    """Return the folder of this package's code: the project's own copy where it has one, else where it runs from."""
    own = project_root() / "holf"
    return own if own.is_dir() else _CODE


def library_root() -> Path:
    """Return the folder of the statistics library's code: the project's own copy where it has one, else as above."""
    own = project_root() / _LIBRARY
    return own if own.is_dir() else _LIBRARY_CODE


def code_file(name: str) -> Path:
    """Return the path of a file that is named relative to the project, or to where one of the two packages lies."""
    for package in (code_root(), library_root()):
        found = package.parent / name
        # What else lies in the folder of the library, such as its benchmarks, is a file of the project.
        if name.startswith(f"{package.name}/") and found.exists():
            return found
    return project_root() / name


def check_book(book: Path) -> None:
    """Refuse a folder that is no book, or not the one that this package works for.

    An environment holds one copy of the package, and there may be more checkouts: without this, the copy would look at
    its own checkout, whichever was asked for.

    Parameters
    ----------
    book : Path

    Raises
    ------
    ValueError
        The message says what to do.
    """
    book, root = book.resolve(), project_root().resolve()
    if not (book / "_config.yml").is_file() or not (book / "chapters").is_dir():
        raise ValueError(f"there is no book in {book}: it has no _config.yml, or no folder `chapters`")
    for own, loaded in ((book / "holf", _CODE), (book / _LIBRARY, _LIBRARY_CODE)):
        if own.is_dir() and own.resolve() != loaded:
            raise ValueError(
                f"the book is in {book}, and `{own.name}` was loaded from {loaded.parent}: build it in an environment "
                f"of its own (`make book`), or with `PYTHONPATH={os.pathsep.join(code_folders(book))}`"
            )
    if book != root:
        raise ValueError(f"the book is in {book}, and `holf` works for the one in {root}: set `HOLF_ROOT={book}`")


def code_folders(book: Path) -> list[str]:
    """Return the folders from which a book's own copies of the two packages are imported."""
    return [str(book), str((book / _LIBRARY).parent)]


def data_path(name: str) -> Path:
    """Return the path of a file or folder below `data/`, and note that it was asked for.

    While a chapter runs in a build, the variable ``HOLF_READS_LOG`` names a file to which each name is appended.
    A chapter is stale once any of them changes, so no chapter has to declare them.

    Parameters
    ----------
    name : str
        Path relative to `data/`, with forward slashes.

    Raises
    ------
    FileNotFoundError
        If there is no such file or folder.
    """
    path = project_root() / "data" / name
    if not path.exists():
        raise FileNotFoundError(f"data/{name} does not exist")
    note_read(name)
    return path


def note_read(name: str) -> None:
    """Record that a running chapter reads a file below `data/`; outside a build, do nothing."""
    note_file(f"data/{name}")


def note_file(name: str) -> None:
    """Record that a running chapter uses a file of the project, or a part of one; outside a build, do nothing.

    Parameters
    ----------
    name : str
        File relative to the project. A part is ``data/facts.csv#F044``, a row; ``data/plan.yml#outcomes/income``, an
        entry; or ``data/simulated/null#register.income``, a column of a table (`holf.record.parts`).
    """
    if not _paused.get() and (log := os.environ.get(READS_LOG)):
        with open(log, "a", encoding="utf-8") as stream:
            stream.write(name + "\n")


@contextmanager
def unnoted() -> Iterator[None]:
    """Read files without recording them: for checks that change no number, and where parts are noted instead."""
    token = _paused.set(True)
    try:
        yield
    finally:
        _paused.reset(token)
