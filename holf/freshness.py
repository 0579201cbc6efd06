"""Which chapters are older than what their outputs follow from, and prose brought up to date without a run.

A chapter's signature covers the source of its code, its parameters, the data files it read when it last ran, the
modules of this package that its code can reach, the lock file, and the outputs themselves. Prose is not among them: no
output follows from it.
"""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from holf.paths import code_root, project_root, write_whole
from holf.reach import reachable
from holf.run import with_values
from holf.sums import fingerprint

PARAMETERS, INJECTED = "parameters", "injected-parameters"
RUNNER = "import holf.chapters"
TEMPLATE = "chapters/templates/outcome.ipynb"


class ChapterError(RuntimeError):
    """A chapter cannot be run; the message names the chapter and, where one failed, the cell and its error."""


@dataclass(frozen=True)
class Chapter:
    """A page that is a notebook: where it is, whose cells it has, and the parameters that papermill injects.

    `title` replaces the first line of the template, where several pages share one.
    """

    page: Path
    template: Path
    parameters: dict = field(default_factory=dict)
    title: str = ""

    @property
    def name(self) -> str:
        """File name without its ending."""
        return self.page.stem


def signature(chapter: Chapter, reads: Iterable[str], page: dict) -> str:
    """SHA-256 over everything that a chapter's outputs follow from, and over these outputs.

    Parameters
    ----------
    chapter : Chapter
    reads : iterable of str
        Names below `data/` that the chapter reads.
    page : dict
        The executed notebook, as its file has it: outputs that were cleared or edited are none of the run's.

    Raises
    ------
    ChapterError
        If code of a cell cannot be read.
    """
    root, code, digest = project_root(), code_root(), hashlib.sha256()
    cells = [cell for cell in _notebook(chapter.template)["cells"] if _is_code(cell)]
    # What the run sets is signed once, below: a page that has run shows it in the place of the template's own values.
    hidden = dict.fromkeys(chapter.parameters, "...")
    outputs = [cell.get("outputs", []) for cell in page["cells"] if cell["cell_type"] == "code"]
    try:
        source = [
            (with_values(_source(cell), hidden) if PARAMETERS in _tags(cell) else _source(cell), _tags(cell))
            for cell in cells
        ]
        # What injects parameters and cleans outputs counts for every chapter.
        modules = reachable([*map(_source, cells), RUNNER], code)
    except SyntaxError as error:
        raise ChapterError(f"chapters/{chapter.template.name}: `{(error.text or '').strip()}` is no Python") from None
    digest.update(json.dumps([source, chapter.parameters, outputs], sort_keys=True).encode())
    files = [(path, path.relative_to(code.parent)) for path in modules]
    for name in ("requirements.lock", *(f"data/{name}" for name in sorted(reads))):
        files.append((root / name, Path(name)))
    for path, name in files:
        digest.update(b"\0" + name.as_posix().encode() + b"\0" + _bytes_of(path))
    return digest.hexdigest()


def surroundings() -> str:
    """Fingerprint of what a run can read: outputs that were signed with anything newer would never be stale."""
    root = project_root()
    return fingerprint([root / "data", code_root(), root / "requirements.lock", (root / TEMPLATE).parent])


def is_stale(chapter: Chapter) -> bool:
    """Say whether a chapter's outputs are older than what they follow from.

    Raises
    ------
    ChapterError
        If a page is no notebook.
    """
    if not chapter.page.exists():
        return True
    page = _notebook(chapter.page)
    record = page["metadata"].get("holf", {})
    return record.get("signature") != signature(chapter, record.get("reads", ()), page)


def titled(source: str, chapter: Chapter) -> str:
    """Text of a page's first cell: the template's, under the page's own title where it has one."""
    return "\n".join([f"# {chapter.title}", *source.splitlines()[1:]]) if chapter.title else source


def renew_prose(chapter: Chapter) -> bool:
    """Give the page of a template the template's prose as it is now, and say whether anything changed.

    Outputs and code stay; a stale chapter is left as it is, since its run brings the prose along.

    Parameters
    ----------
    chapter : Chapter
    """
    if chapter.page == chapter.template or is_stale(chapter):
        return False
    page, cells = _notebook(chapter.page), []
    code = iter([cell for cell in page["cells"] if cell["cell_type"] == "code"])
    for cell in _notebook(chapter.template)["cells"]:
        if _is_code(cell):
            cells.append(next(code))
            # Papermill puts its cell behind that of the defaults.
            if PARAMETERS in _tags(cell) and chapter.parameters:
                cells.append(next(code))
        elif cell["cell_type"] != "code":
            cells.append(copy.deepcopy(cell))
    cells[0]["source"] = titled(_source(cells[0]), chapter).splitlines(keepends=True)
    if cells == page["cells"]:
        return False
    write_whole(chapter.page, json.dumps(page | {"cells": cells}, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    return True


def markdown_of(path: Path) -> list[str]:
    """Texts of the Markdown cells of a notebook, in order.

    Raises
    ------
    ChapterError
        If it is no notebook.
    """
    return [_source(cell) for cell in _notebook(path)["cells"] if cell["cell_type"] == "markdown"]


def _notebook(path: Path) -> dict:
    # As JSON: nbformat checks each notebook against its schema, at every build.
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        return found if {"cells", "metadata"} <= found.keys() else {}["cells"]
    except (ValueError, KeyError, AttributeError):
        raise ChapterError(f"chapters/{path.name} is not a notebook") from None


def _source(cell: dict) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _tags(cell: dict) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])


def _is_code(cell: dict) -> bool:
    """Whether a cell is code that somebody wrote, and not the one that papermill injected."""
    return cell["cell_type"] == "code" and INJECTED not in _tags(cell)


def _bytes_of(path: Path) -> bytes:
    if path.is_dir():
        # The tables, and not the note of how they were made: an assumption that moves no number makes nothing stale.
        tables = [entry for entry in sorted(path.iterdir()) if entry.suffix == ".csv"]
        return b"\0".join(entry.name.encode() + b"\0" + entry.read_bytes() for entry in tables)
    return path.read_bytes() if path.exists() else b"(missing)"
