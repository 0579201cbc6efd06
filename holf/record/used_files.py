"""The modules that a chapter loads and the data files that it opens, recorded by the chapter's own kernel.

A file is recorded when it is used, however it was asked for: by a lazy import, an import inside a function or a path in
a cell. The file that ``HOLF_READS_LOG`` names gets one line for each, relative to the project.

Not seen are files that C code opens without Python's `open`, and listings of folders.
"""

from __future__ import annotations

import os
import sys
from functools import cache
from pathlib import Path

from holf.paths import code_root, library_root, note_file, project_root


def watch() -> None:
    """Record the files below `data/` that this kernel opens and, after each cell, which modules it has loaded."""
    from IPython import get_ipython

    root = project_root()
    data = tuple({f"{place}{os.sep}" for place in (os.path.abspath(root / "data"), os.path.realpath(root / "data"))})

    def note_data(event: str, arguments: tuple) -> None:
        if event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        path = os.path.abspath(os.fsdecode(arguments[0]))
        if home := next((place for place in data if path.startswith(place)), None):
            note_file("data/" + Path(path[len(home) :]).as_posix())

    sys.addaudithook(note_data)
    shell = get_ipython()
    # After `exit()`, a kernel may still run some cells before it ends; without the name, the cell fails at once.
    for name in ("exit", "quit"):
        shell.user_ns.pop(name, None)
    # After every cell, since a kernel gets no notice before it is ended.
    shell.events.register("post_run_cell", lambda _result: [note_file(name) for name in modules_loaded()])


def modules_loaded() -> list[str]:
    """The project's own modules that this process has loaded, as sorted file names relative to the project."""
    places = tuple(os.path.realpath(place) for place in (project_root(), code_root(), library_root(), sys.prefix))
    files = {getattr(module, "__file__", None) for module in [*sys.modules.values()]} - {None}
    return sorted({name for file in files if (name := _own(file, *places))})


@cache
def _own(file: str, root: str, code: str, library: str, installed: str) -> str:
    """A file's name relative to the project; empty for an installed package, even inside the project's folder."""
    path = Path(os.path.realpath(file))
    for package in (code, library):
        if path.is_relative_to(package):
            return path.relative_to(Path(package).parent).as_posix()
    elsewhere = not path.is_relative_to(root) or (installed != root and path.is_relative_to(installed))
    return "" if elsewhere else path.relative_to(root).as_posix()
