"""The sources of the book as one archive on its site, from which `make book` makes the same site again, byte for byte.

Only files that Git knows are sources: what a data holder keeps in the same folder must never reach a site.
"""

from __future__ import annotations

import hashlib
import io
import subprocess
import zipfile
from collections.abc import Iterable
from pathlib import Path

from holf.pages.disclosure import own_release
from holf.paths import project_root

ARCHIVE = "source.zip"
# In an unpacked archive: the list of its files, since no Git is there to tell them.
LIST = "SOURCES"
PLACE = "<!-- source archive -->"
# The form knows no time before 1980, and any later one would change with the clock.
EARLIEST = (1980, 1, 1, 0, 0, 0)


def source_files() -> tuple[str, ...]:
    """Names of the files that the book is built from, in order; empty where neither Git nor an archive lists them.

    Examples
    --------
    >>> "index.md" in source_files() or not source_files()
    True
    """
    root = project_root().resolve()
    if (root / LIST).exists():
        return _own(root, (root / LIST).read_text(encoding="utf-8").splitlines())
    command = ["git", "-C", str(root), "ls-files", "-z", "--full-name"]
    try:
        done = subprocess.run(command, capture_output=True, check=True)
        top = subprocess.run([*command[:3], "rev-parse", "--show-toplevel"], capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return ()
    # A folder inside the checkout of something else.
    if Path(top.stdout.decode().rstrip("\n")).resolve() != root:
        return ()
    return _own(root, sorted(done.stdout.decode().split("\0")))


def _own(root: Path, names: Iterable[str]) -> tuple[str, ...]:
    """The names that are files of the project, none of them by a link: it could lead to any file of the machine."""
    return tuple(name for name in names if (root / name).is_file() and (root / name).resolve() == root / name)


def pack(target: Path | io.BytesIO, files: Iterable[tuple[str, bytes]], when: tuple[int, ...] = EARLIEST) -> None:
    """Write names and contents as a ZIP file of one date; nothing is compressed, which programs do differently."""
    with zipfile.ZipFile(target, "w") as packed:
        for name, content in files:
            entry = zipfile.ZipInfo(name, when)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            packed.writestr(entry, content)


def _archive(names: tuple[str, ...]) -> bytes:
    files, content = [(f"holf/{name}", (project_root() / name).read_bytes()) for name in names], io.BytesIO()
    pack(content, [*files, (f"holf/{LIST}", "".join(f"{name}\n" for name in names).encode())])
    return content.getvalue()


def write_sources(site: Path) -> None:
    """Put the archive into a site; none into that of a book on real data, nor where the sources are not listed."""
    if (files := source_files()) and not own_release():
        (site / ARCHIVE).write_bytes(_archive(files))


def own_archive(site: Path) -> list[Path]:
    """The archive of a site, if it is byte for byte that of these sources: a gate need not open it then."""
    found, files = site / ARCHIVE, source_files()
    return [found] if found.is_file() and files and found.read_bytes() == _archive(files) else []


def fill_in(source: str) -> str:
    """A page with its place for the archive filled: a link, or why there is none."""
    if PLACE not in source:
        return source
    if own_release():
        said = "This book was made from a release of real data; its site does not carry the sources."
    elif files := source_files():
        said = (
            f'<a href="../{ARCHIVE}" download>{ARCHIVE}</a> has all {len(files)} files that this site was made from. '
            "Unpack it and run <code>make book</code>: the same site comes out, byte for byte. Its SHA-256 says from "
            f"which state: <code>{hashlib.sha256(_archive(files)).hexdigest()}</code>."
        )
    else:
        said = "This copy was made outside a Git checkout, so its site has no archive of the sources."
    return source.replace(PLACE, f"<p>{said}</p>")
