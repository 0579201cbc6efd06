"""Where a build works before its site is put in place: one build at a time, and nothing trusted of a broken one.

A build that is killed may leave caches that call unwritten pages up to date, or half a picture under its right name. So
the caches count only if the build that left them came to its end, and everything that every page rests on is still the
same; a seal beside them says so. It also says of what the site was made: where nothing changed, nothing is done.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from clustertrials.files import write_whole
from holf.book.chapters import SOURCE
from holf.book.checksums import fingerprint, verified_sums
from holf.book.freshness import RUNS, markdown_of, other_files
from holf.paths import code_root, library_root, project_root

# What of a page is a place to link to, or hides one.
_PLACES = re.compile(r"^(?:\([\w-]+\)=\n+.*|(?:#|```|~~~).*)", re.MULTILINE)
# What a page can come from beside its own source; what changes here changes every page.
_SETTINGS = ("_config.yml", "_toc.yml", "CITATION.cff", "requirements.lock", "data/plan.yml", "data/columns.yml")


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
    """Fingerprint of what every page rests on: settings, contents, styles, and the code."""
    root = project_root()
    # All of the code: pages also come from modules that are loaded only when one is made.
    made = fingerprint([*(root / name for name in _SETTINGS), root / "assets", code_root(), library_root()])
    # Sphinx takes the year of its pages from this variable, and does not write them anew when it changes.
    return hashlib.sha256(f"{os.environ.get('SOURCE_DATE_EPOCH', '')}\0{made}".encode()).hexdigest()


def sources() -> str:
    """Fingerprint of all that simulated tables and written pages follow from: data, code, settings and headings."""
    root, chapters = project_root(), project_root() / "chapters"
    left_out = (".ipynb", Path(RUNS).suffix)
    files = [path for path in sorted(chapters.rglob("*")) if path.is_file() and path.suffix not in left_out]
    prose = hashlib.sha256()
    for path in sorted(chapters.rglob("*.ipynb")):
        # Pages link to headings and labels of notebooks, and fences hide what only looks like one.
        lines = [line for text in markdown_of(path) for line in _PLACES.findall(text)]
        prose.update("\0".join([path.name, *lines]).encode() + b"\0")
    made = fingerprint([*(root / name for name in _SETTINGS), root / "data", code_root(), library_root(), *files])
    return hashlib.sha256(f"{made}{prose.hexdigest()}{[path.name for path in files]}".encode()).hexdigest()


def inputs(settings: str) -> str:
    """Fingerprint of all that a site follows from, so that the same one again means the same site.

    Parameters
    ----------
    settings : str
        What Sphinx was told beside the project's files, such as the settings of another file than `_config.yml`.
    """
    root, around = project_root(), [settings, *(os.environ.get(name, "") for name in ("SOURCE_DATE_EPOCH", SOURCE))]
    folders = [
        root / "chapters",
        root / "data",
        root / "assets",
        code_root(),
        library_root(),
        *(root / name for name in other_files()),
    ]
    pages = sorted(root.glob("*.md"))
    made = fingerprint([*folders, *(root / name for name in _SETTINGS), *pages])
    return hashlib.sha256("\0".join([made, *around, *(page.name for page in pages)]).encode()).hexdigest()


def is_unchanged(site: Path, now: str, *, strict: bool) -> bool:
    """Whether a site is whole, and the last build made it of these very inputs with every chapter fresh.

    Parameters
    ----------
    site : Path
    now : str
        From `inputs`.
    strict : bool
        Warnings are errors, so a site whose build warned must be made again.
    """
    _, made_of, warned = _sealed(site)
    passed = made_of == now and not (strict and warned)
    return passed and site.with_name(".html").is_dir() and bool(verified_sums(site))


def open_staging(staging: Path, doctrees: Path, now: str, *, strict: bool) -> bool:
    """Make the folder ready in which Sphinx writes its pages, and break its seal.

    Parameters
    ----------
    staging : Path
        Folder beside the site.
    doctrees : Path
        Sphinx's folder of parsed pages.
    now : str
        From `foundation`.
    strict : bool
        Warnings are errors, and pages that are not read again would not repeat theirs.

    Returns
    -------
    bool
        True if what the last build left can be trusted; else everything was deleted and is made anew.
    """
    rests_on, _, warned = _sealed(staging)
    trusted = staging.is_dir() and rests_on == now and not (strict and warned)
    _seal(staging).unlink(missing_ok=True)
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


def seal_staging(staging: Path, rests_on: str, made_of: str, *, warned: bool) -> None:
    """Note that a build came to its end.

    Parameters
    ----------
    staging : Path
    rests_on : str
        From `foundation`, as it was when the build began: what changed meanwhile must count as changed.
    made_of : str
        From `inputs`, as they were before Sphinx read them; empty if not every chapter was fresh then.
    warned : bool
        Sphinx warned of something.
    """
    write_whole(_seal(staging), "\n".join([rests_on, made_of, "warned" if warned else ""]))


def forget_lost_words(app: Sphinx) -> list:
    """Drop words that no page has any more from the search index: Sphinx keeps them, with an empty list of pages."""
    if indexer := getattr(app.builder, "indexer", None):
        for words in (indexer._mapping, indexer._title_mapping):
            for word in [word for word, pages in words.items() if not pages]:
                del words[word]
    return []


def _seal(staging: Path) -> Path:
    return staging.with_name(".sealed")


def _sealed(staging: Path) -> list[str]:
    """What the seal says: from `foundation`, from `inputs`, and whether there were warnings; empty if it is broken."""
    lines = _seal(staging).read_text(encoding="utf-8").split("\n") if _seal(staging).exists() else []
    return lines if len(lines) == 3 else ["", "", ""]


def note_source(app: Sphinx, docname: str, source: list[str]) -> None:
    """Note the text of a page as it was read."""
    if not hasattr(app.env, "holf_read"):
        app.env.holf_read = {}
    app.env.holf_read[docname] = hashlib.sha256(source[0].encode()).hexdigest()


def reread_edited(_app: Sphinx, env: BuildEnvironment, _added: set, _changed: set, _removed: set) -> list[str]:
    """Name the pages whose text is not as it was read.

    Sphinx goes by the time of a file, and overlooks one that was put back with its former time, or saved while it was
    being read.
    """
    known = getattr(env, "holf_read", {})
    now = {name: Path(env.doc2path(name)).read_text(encoding="utf-8-sig") for name in env.found_docs}
    return [name for name, text in now.items() if known.get(name) != hashlib.sha256(text.encode()).hexdigest()]


def keep_notes(_app: Sphinx, env: BuildEnvironment, names: set[str], other: BuildEnvironment) -> None:
    """Take over what a process beside this one noted of the pages that it read."""
    found = getattr(other, "holf_read", {})
    env.holf_read = getattr(env, "holf_read", {}) | {name: found[name] for name in names if name in found}


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
