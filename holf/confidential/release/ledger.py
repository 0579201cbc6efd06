"""The ledger of releases: a private copy of each, beside the key, with which every later release is compared."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from holf.confidential.read.report import write_private
from holf.confidential.release.document import Release, ReleaseError, read_release

LEDGER = "released"


def earlier_releases(folder: Path) -> list[Release]:
    """Read every release that is kept in a folder, the oldest first.

    Raises
    ------
    ReleaseError
        If a file of the ledger is no release that this version can read, or is not the one of its name.
    """
    paths = sorted((folder / LEDGER).glob("*.json"), key=lambda path: (path.stat().st_mtime_ns, path.name))
    releases = [read_release(path) for path in paths]
    for path, release in zip(paths, releases):
        if path.stem != release.id:
            raise ReleaseError(f"{LEDGER}/{path.name} was changed: it holds release {release.id}")
    return releases


@contextmanager
def remembered(folder: Path, release: Release) -> Iterator[None]:
    """Keep a copy that only this account can read, and take it back if the release is not written after all.

    The copy is there before the release: whatever is killed in between, and if two releases are made at once, none is
    out of which the next knows nothing.
    """
    (folder / LEDGER).mkdir(mode=0o700, exist_ok=True)
    path = folder / LEDGER / f"{release.id}.json"
    is_new = not path.exists()
    if is_new:
        write_private(path, release.text().encode())
    try:
        yield
    except BaseException:
        if is_new:
            path.unlink()
        raise
