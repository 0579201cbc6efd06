"""Write a new chapter to begin with: a notebook that runs, with its line in the table of contents."""

from __future__ import annotations

import re

from clustertrials.files import write_whole
from holf.paths import code_root, project_root
from holf.record.plan import load_plan

_NAME = re.compile(r"[a-z][a-z0-9_]*")


def write_chapter(name: str) -> list[str]:
    """Write `chapters/NAME.ipynb`, which does not exist yet, and its line in `_toc.yml`; return the two names.

    Raises
    ------
    ValueError
        If the name is not of small letters, digits and underscores.
    FileExistsError
        If there is such a page.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a chapter: use small letters, digits and underscores")
    root = project_root()
    place = root / "chapters" / f"{name}.ipynb"
    if place.exists() or place.with_suffix(".md").exists():
        raise FileExistsError(f"the page chapters/{name} exists already")
    text = (code_root().parent / "templates" / "chapter.ipynb").read_text(encoding="utf-8")
    text = text.replace("NAME", name.replace("_", " ").capitalize())
    write_whole(place, text.replace("OUTCOME", next(iter(load_plan().outcomes))))
    contents = root / "_toc.yml"
    # As text: a reader of YAML would lose comments and layout.
    lines = contents.read_text(encoding="utf-8").rstrip("\n")
    indent = re.findall(r"^( *)- file:", lines, flags=re.MULTILINE)[-1]
    write_whole(contents, f"{lines}\n{indent}- file: chapters/{name}\n")
    return [f"chapters/{name}.ipynb", "_toc.yml"]
