"""Write a book about another trial to begin with: a small trial with open data, to be replaced file by file."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from holf.paths import code_root

# Files that every book shares: the look of the site and the disclosure rules.
_SHARED = ("assets", "data/disclosure.yml", ".gitignore")


def write_trial(folder: Path) -> Path:
    """Write the book to `folder`, which does not exist yet, completely or not at all, and return its whole path.

    Raises
    ------
    FileExistsError
        If there is something at `folder`.
    ValueError
        If `folder` lies inside a project that has a book of its own.
    """
    folder = folder.resolve()
    if folder.exists():
        raise FileExistsError(f"{folder.name} exists already; name a new folder")
    if inside := [one for one in folder.parents if (one / "_config.yml").is_file()]:
        raise ValueError(f"{folder.name} would lie inside the book in {inside[0].name}; name a folder outside")
    home = code_root().parent
    fresh = folder.with_name(f".{folder.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        shutil.copytree(home / "templates" / "trial", fresh, ignore=shutil.ignore_patterns("_build"))
        for name in _SHARED:
            copy = shutil.copytree if (home / name).is_dir() else shutil.copy2
            copy(home / name, fresh / name)
        os.replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
    return folder
