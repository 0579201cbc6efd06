"""The ledger of releases: a private copy of each, beside the key, with which every later release is compared."""

from __future__ import annotations

from pathlib import Path

from holf.confidential.read.report import write_private
from holf.confidential.release.document import Release, read_release

LEDGER = "released"


def earlier_releases(folder: Path) -> list[Release]:
    """Read every release that `remember` kept in a folder, in the order of their ids.

    Raises
    ------
    ReleaseError
        If a file of the ledger is no release that this version can read.
    """
    return [read_release(path) for path in sorted((folder / LEDGER).glob("*.json"))]


def remember(folder: Path, release: Release) -> None:
    """Keep a copy that only this account can read."""
    (folder / LEDGER).mkdir(mode=0o700, exist_ok=True)
    path = folder / LEDGER / f"{release.id}.json"
    if not path.exists():
        write_private(path, release.text().encode())
