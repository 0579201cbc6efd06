"""Which modules of the package a chapter's code can reach, found by reading imports and running nothing.

A chapter is signed with these alone, so that an edit of the build, the gate or the pages makes no chapter stale.
Reading beats watching a run: an import that this run's data happened not to need still counts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from holf import HOME_OF

PACKAGE = "holf"
_PLAIN = re.compile(rf"^[ \t]*(from {PACKAGE}[\w.]* import (?:\([^)]*\)|[^(\n]+))", re.MULTILINE)


def reachable(sources: Iterable[str], code: Path) -> list[Path]:
    """Return the files of the package that `sources` can import, at first hand or through others, in order of path.

    Parameters
    ----------
    sources : iterable of str
        Python code, for instance that of a notebook's cells. Lines for IPython alone (``%`` and ``!``) are left out.
    code : Path
        Folder of the package's code.
    """
    found: set[Path] = set()
    there = {".".join(path.relative_to(code).with_suffix("").parts): path for path in code.rglob("*.py")}
    waiting = {name for source in sources for name in _names(_plain(source))}
    while waiting:
        _, *parts = waiting.pop().split(".")
        for depth in range(len(parts) + 1):
            name = ".".join(parts[:depth])
            path = there.get(name) or there.get(f"{name}.__init__".lstrip("."))
            if path and path not in found:
                found.add(path)
                waiting |= _imports_of(path, path.stat().st_mtime_ns)
    return sorted(found)


def _plain(source: str) -> str:
    return "\n".join(line for line in source.splitlines() if not line.lstrip().startswith(("%", "!")))


@cache
def _imports_of(path: Path, _changed: int) -> frozenset[str]:
    """Return the imports of one file; every chapter asks for nearly the same files, so each is parsed once a build."""
    return frozenset(_names(path.read_text(encoding="utf-8")))


def _names(source: str) -> set[str]:
    """Return dotted names that are imported anywhere in a source, those of functions and lazy attributes included."""
    # To parse whole files takes longer than the rest of a build without work, and nearly all say `from … import …` in
    # lines of their own. A file that has the two words in another line, such as `import holf`, is parsed whole.
    lines = [line.strip() for line in source.splitlines() if PACKAGE in line and "import" in line]
    unusual = [line for line in lines if not line.startswith((f"from {PACKAGE}", ">>>"))]
    try:
        tree = ast.parse(source if unusual else "\n".join(_PLAIN.findall(source)))
    except SyntaxError:
        tree = ast.parse(source)
    names = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            names.add(f"{node.value.id}.{node.attr}")
    return {_at_home(name) for name in names if name.partition(".")[0] == PACKAGE}


def _at_home(name: str) -> str:
    """Return the module of a name that the package loads when it is first asked for, else the name itself."""
    home = HOME_OF.get(name.partition(".")[2])
    return f"{PACKAGE}.{home}" if home else name
