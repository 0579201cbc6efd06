"""The signature under a release: who read it, in which role, on which day, and which bytes they read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from holf.confidential.release.document import ReleaseError, read_release

_ENDING = ".signed"


@dataclass(frozen=True)
class Signature:
    """Who read a release, in which role, on which day (YYYY-MM-DD), and the SHA-256 of the file that was read."""

    name: str
    role: str
    date: str
    release_sha256: str


def signature_path(release: Path) -> Path:
    """Where the signature of a release lies: beside it."""
    return release.with_name(f"{release.name}{_ENDING}")


def sign(release: Path, *, name: str, role: str, date: str) -> Signature:
    """Sign a release: write the signature beside it, and let others than its owner read the release.

    Raises
    ------
    ReleaseError
        If the file is no release, or name or role is empty or of more than one line.
    FileExistsError
        If it is signed already.
    """
    signed = Signature(name.strip(), role.strip(), date, read_release(release).sha256)
    for what, text in (("name", signed.name), ("role", signed.role)):
        if not _is_line(text):
            raise ReleaseError(f"the {what} of who signs must be words on one line")
    path = signature_path(release)
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(asdict(signed), indent=1, ensure_ascii=False) + "\n")
    except FileExistsError:
        raise FileExistsError(f"{release.name} is signed already; {path.name} says by whom") from None
    os.chmod(release, 0o644)
    return signed


def read_signature(release: Path) -> Signature:
    """Read the signature of a release.

    Raises
    ------
    ReleaseError
        If there is none or it does not say who and when, or the release is not the one that was signed.
    """
    path = signature_path(release)
    try:
        signed = Signature(**json.loads(path.read_text(encoding="utf-8")))
        if not all(map(_is_line, asdict(signed).values())):
            raise ValueError
    except FileNotFoundError:
        raise ReleaseError(f"{release.name} is not signed: read it, then run `holf sign {release.name}`") from None
    except (OSError, ValueError, TypeError):
        raise ReleaseError(f"{path.name}: not a signature that this version can read") from None
    if signed.release_sha256 != read_release(release).sha256:
        raise ReleaseError(f"{release.name} is not the file that {path.name} signs: it was changed since")
    return signed


def _is_line(text: object) -> bool:
    return isinstance(text, str) and bool(text.strip()) and text.isprintable()
