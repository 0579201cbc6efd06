"""The manifest of a site that passed the gate: a digest of every file. Any later change makes it void."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from pathlib import Path

from clustertrials.files import write_whole
from holf.confidential.scan.exceptions import SignedException, as_entries
from holf.confidential.scan.files import list_files
from holf.confidential.scan.rules import ALL

_FORM = "holf release manifest 1"


def _digest(path: Path) -> str:
    content = b"link\0" + os.fsencode(os.readlink(path)) if path.is_symlink() else path.read_bytes()
    return hashlib.sha256(content).hexdigest()


def _digests(tree: Path, manifest: Path) -> dict[str, str]:
    """SHA-256 of every file of the tree but its manifest, should that lie inside."""
    files = [path for path in list_files(tree) if path.is_symlink() or path.is_file()]
    own = manifest.resolve()
    return {path.relative_to(tree).as_posix(): _digest(path) for path in files if path.resolve() != own}


def _render(content: dict) -> str:
    """Manifest as text, closed by the SHA-256 of the rest, so that a part changed by hand shows."""
    rest = {key: value for key, value in content.items() if key != "seal"}
    seal = hashlib.sha256(json.dumps(rest, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
    return json.dumps(rest | {"seal": seal}, indent=1, ensure_ascii=False) + "\n"


def write_manifest(tree: Path, target: Path, *, exceptions: Iterable[SignedException] = ()) -> None:
    """Write the manifest of a tree whose scan left no finding; the same tree always gives the same bytes.

    Parameters
    ----------
    tree : Path
    target : Path
        Beside the tree, or inside it; the manifest is no part of what it lists.
    exceptions : iterable of SignedException
        Exceptions that the scan made use of.

    Raises
    ------
    NotADirectoryError
        If `tree` is no folder.
    """
    content = {
        "form": _FORM,
        "rules": [rule.id for rule in ALL],
        "exceptions": as_entries(exceptions),
        "files": _digests(Path(tree), Path(target)),
    }
    write_whole(Path(target), _render(content))


def check_manifest(tree: Path, target: Path, *, exceptions: Iterable[SignedException] | None = None) -> tuple[str, ...]:
    """Why a manifest does not hold for a tree; empty if it does.

    Parameters
    ----------
    tree : Path
    target : Path
    exceptions : iterable of SignedException, optional
        Exceptions as they are now: the manifest must have the same.

    Returns
    -------
    tuple of str
        One line a reason, naming files only.

    Raises
    ------
    FileNotFoundError
        If there is no manifest.
    ValueError
        If the file is no manifest.
    """
    text = Path(target).read_text(encoding="utf-8")
    try:
        content = json.loads(text)
        listed, rules, entries = dict(content["files"]), content["rules"], content["exceptions"]
    except (ValueError, KeyError, TypeError):
        raise ValueError(f"{Path(target).name} is not a release manifest") from None
    faults = [] if content.get("form") == _FORM and _render(content) == text else ["the manifest itself was changed"]
    if rules != [rule.id for rule in ALL]:
        faults.append("the rules are others now")
    if exceptions is not None and entries != as_entries(exceptions):
        faults.append("the exceptions are others now")
    found = _digests(Path(tree), Path(target))
    faults += [f"{path}: added" for path in sorted(found.keys() - listed.keys())]
    faults += [f"{path}: removed" for path in sorted(listed.keys() - found.keys())]
    faults += [f"{path}: changed" for path in sorted(found.keys() & listed.keys()) if found[path] != listed[path]]
    return tuple(faults)
