"""What a running chapter loads as code and reads as data, noted by its own kernel.

Whatever road an import or a file takes (a name that loads late, an import inside a function, a path in a cell), it is
here once it was taken. Each file is named relative to the project, on a line of the file that ``HOLF_READS_LOG`` names.

It cannot see files that code in C opens without Python's `open`, nor what a listing of a folder told.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from holf.paths import code_root, library_root, note_file, project_root

_paused = False


def watch() -> None:
    """Note what this kernel opens below `data/` from now on and, after each cell, the project's modules it holds."""
    from IPython import get_ipython

    root = project_root()
    data = tuple({f"{place}{os.sep}" for place in (os.path.abspath(root / "data"), os.path.realpath(root / "data"))})

    def note_data(event: str, arguments: tuple) -> None:
        if event != "open" or _paused or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if home := next((place for place in data if path.startswith(place)), None):
            note_file("data/" + Path(path[len(home) :]).as_posix())

    sys.addaudithook(note_data)
    shell = get_ipython()
    # A kernel ends at some moment after these were called, and some cells more may run; without them, the cell fails.
    for name in ("exit", "quit"):
        shell.user_ns.pop(name, None)
    # After every cell, since a kernel is ended without a word.
    shell.events.register("post_run_cell", lambda _result: [note_file(name) for name in modules_loaded()])


@contextmanager
def unnoted() -> Iterator[None]:
    """Read without a note: for checks whose answer moves no number."""
    global _paused
    _paused, before = True, _paused
    try:
        yield
    finally:
        _paused = before


def modules_loaded() -> list[str]:
    """Files of the project's own modules that this process has loaded, relative to the project, in order."""
    places = tuple(os.path.realpath(place) for place in (project_root(), code_root(), library_root(), sys.prefix))
    files = {getattr(module, "__file__", None) for module in [*sys.modules.values()]} - {None}
    return sorted({name for file in files if (name := _own(file, *places))})


@cache
def _own(file: str, root: str, code: str, library: str, installed: str) -> str:
    """Name of a file of the project; empty for what is installed, also where that lies in the project's folder."""
    path = Path(os.path.realpath(file))
    for package in (code, library):
        if path.is_relative_to(package):
            return path.relative_to(Path(package).parent).as_posix()
    elsewhere = not path.is_relative_to(root) or (installed != root and path.is_relative_to(installed))
    return "" if elsewhere else path.relative_to(root).as_posix()
