"""The manifest of a site that passed the gate: a digest of every file. Any later change makes it void."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

from clustertrials.files import write_whole
from holf.confidential.scan.files import list_files
from holf.confidential.scan.rules import ALL

_FORM = "holf release manifest 2"


def _content(tree: Path) -> dict:
    """Rules, and the SHA-256 of every file of the tree."""
    files = {}
    for path in list_files(tree):
        if path.is_symlink():
            content = b"link\0" + os.fsencode(os.readlink(path))
        elif path.is_file():
            content = path.read_bytes()
        else:
            continue
        files[path.relative_to(tree).as_posix()] = hashlib.sha256(content).hexdigest()
    return {"form": _FORM, "rules": [rule.id for rule in ALL], "files": files}


def write_manifest(tree: Path, target: Path) -> None:
    """Write, beside a tree whose scan left no finding, its manifest; the same tree always gives the same bytes."""
    write_whole(target, json.dumps(_content(tree), indent=1, ensure_ascii=False) + "\n")


def check_manifest(tree: Path, target: Path) -> tuple[str, ...]:
    """Why a manifest does not hold for a tree, one line a reason, naming files only; empty if it does.

    Raises
    ------
    ValueError
        If the file is no manifest of this version.
    """
    try:
        told = json.loads(target.read_text(encoding="utf-8"))
        listed, rules = dict(told["files"]), told["rules"]
        is_ours = told["form"] == _FORM
    except (ValueError, KeyError, TypeError):
        is_ours = False
    if not is_ours:
        raise ValueError(f"{target.name} is not a release manifest of this version")
    now = _content(tree)
    found = now["files"]
    faults = ["the rules are others now"] if rules != now["rules"] else []
    faults += [f"{path}: added" for path in sorted(found.keys() - listed.keys())]
    faults += [f"{path}: removed" for path in sorted(listed.keys() - found.keys())]
    faults += [f"{path}: changed" for path in sorted(found.keys() & listed.keys()) if found[path] != listed[path]]
    return tuple(faults)
