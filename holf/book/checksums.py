"""Checksums of a site: which files it has and what they are, byte for byte, in the form of `sha256sum`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path

from clustertrials.files import write_whole

SUMS = "SHA256SUMS"


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder but its own list, by path with forward slashes, in order of path."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: hashlib.sha256(files[name].read_bytes()).hexdigest() for name in sorted(files.keys() - {SUMS})}


def fingerprint(places: Iterable[Path]) -> str:
    """SHA-256 over the names and contents of files and of all files below folders; what is not there counts as such.

    Compiled code, which Python writes and renames when it likes, is left out.
    """
    digest = hashlib.sha256()
    for number, place in enumerate(places):
        below = sorted(path for path in place.rglob("*") if "__pycache__" not in path.parts and path.is_file())
        for path in [place] if place.is_file() else below:
            name = path.relative_to(place).as_posix() if path != place else place.name
            content = hashlib.sha256(path.read_bytes()).digest()
            digest.update(f"{number}\0{name}\0".encode() + content)
    return digest.hexdigest()


def write_sums(folder: Path) -> None:
    """Write the list of a folder's files into it, for `sha256sum --check`."""
    write_whole(folder / SUMS, _listing(digests(folder)))


def _listing(found: dict[str, str]) -> str:
    return "".join(f"{digest}  {name}\n" for name, digest in found.items())


def verified_sums(folder: Path) -> dict[str, str]:
    """Return the checksums of a folder's files if they are exactly those that its list has; else nothing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as name:
    ...     page = Path(name) / "index.html"
    ...     _ = page.write_text("words"), write_sums(Path(name))
    ...     whole = list(verified_sums(Path(name)))
    ...     _ = page.write_text("wor")
    ...     whole, verified_sums(Path(name))
    (['index.html'], {})
    """
    found, listed = digests(folder), folder / SUMS
    return found if listed.exists() and listed.read_text(encoding="utf-8") == _listing(found) else {}
