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


def write_sums(folder: Path) -> dict[str, str]:
    """Write the list of a folder's files into it, for `sha256sum --check`, and return it."""
    found = digests(folder)
    write_whole(folder / SUMS, "".join(f"{digest}  {name}\n" for name, digest in found.items()))
    return found


def read_sums(path: Path) -> dict[str, str]:
    """Read a list as `write_sums` and `sha256sum` write it; empty if there is none.

    Raises
    ------
    ValueError
        If a line is none of such a list.
    """
    if not path.exists():
        return {}
    out = {}
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        digest, between, name = line[:64], line[64:66], line[66:]
        if between != "  " or not name or set(digest) - set("0123456789abcdef"):
            raise ValueError(f"{path.name}, line {number}: not a checksum, two spaces and a file")
        out[name] = digest
    return out


def verified_sums(folder: Path) -> dict[str, str]:
    """Return the list of a folder whose files are exactly those it lists; empty for any other folder.

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
    try:
        listed = read_sums(folder / SUMS)
    except ValueError:
        return {}
    return listed if listed and listed == digests(folder) else {}


def differences(left: Path, right: Path) -> list[str]:
    """Name the files that two folders do not share byte for byte; empty if they are the same."""
    one, other = digests(left), digests(right)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))
