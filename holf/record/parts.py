"""What a run follows from, part by part: files, rows and entries of data files, columns of tables, and their digests.

A part is a file or folder (``data/flow.yml``), a row of a ledger by its id (``data/facts.csv#F044``), an entry of a
YAML file (``data/plan.yml#outcomes/income``) or a column of a table in a folder of tables
(``data/simulated/null#register.income``). A row that nobody asked for is no part of anything.
"""

from __future__ import annotations

import ast
import csv
import hashlib
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import TypeVar

import yaml

from holf.paths import MARK_FILE, code_file, note_file, unnoted
from holf.record.reading import parse_yaml

T = TypeVar("T")
# Hexadecimal digits: enough against accidents, and nobody gains by forging one.
LENGTH = 16
# By file, the column or key with words from which no number follows. They are a part of their own.
_REMARKS = {"data/facts.csv": "note", "data/assumptions.yml": "reason"}
# What a part inside a file of this kind is.
_INSIDE = {".csv": "rows", ".yml": "entries"}
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


class Asked(Mapping[str, T]):
    """Entries by name that note each one asked for; all of them once somebody goes through them.

    Parameters
    ----------
    part : str
        The part that holds them, such as ``data/facts.csv`` or ``data/plan.yml#outcomes``.
    entries : dict
    note : callable
        Told the part of each.
    remarks : dict of str to str
        Words beside an entry, which are a part of their own: no number follows from them.
    """

    def __init__(
        self,
        part: str,
        entries: dict[str, T],
        note: Callable[[str], None] = note_file,
        remarks: Mapping[str, str] = MappingProxyType({}),
    ):
        self._part, self._entries, self._note, self._remarks = part, entries, note, remarks

    def remark(self, name: str) -> str:
        """Words beside an entry."""
        self._note_one(f"{name}:remark")
        return self._remarks[name]

    def __getitem__(self, name: str) -> T:
        self._note_one(name)
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        self._note_one(name)
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        self._note(self._part)
        return iter(self._entries)

    def __len__(self) -> int:
        self._note(self._part)
        return len(self._entries)

    def _note_one(self, name: object) -> None:
        self._note(f"{self._part}{'/' if '#' in self._part else '#'}{name}")


def parts_noted(path: Path | None) -> AbstractContextManager[None]:
    """Read a file of the project that notes its parts without noting the whole; another path is noted as ever."""
    return nullcontext() if path else unnoted()


def without_inner(parts: Iterable[str]) -> list[str]:
    """Parts in order, each once, without those inside another that is there too.

    Examples
    --------
    >>> without_inner(["data/a.csv#F1", "data/b/c.csv", "data/b", "data/a.csv#F1", "data/d.yml#e/f", "data/d.yml#e"])
    ['data/a.csv#F1', 'data/b', 'data/d.yml#e']
    """
    found = {*parts}
    return sorted(part for part in found if found.isdisjoint(_around(part)))


def _around(part: str) -> list[str]:
    return [part[:place] for place, sign in enumerate(part) if sign in "/#"]


def file_of(part: str) -> str:
    """The file or folder that holds a part.

    Examples
    --------
    >>> file_of("data/simulated/null#register.income")
    'data/simulated/null'
    """
    return part.partition("#")[0]


def part_digests(parts: Iterable[str]) -> dict[str, str]:
    """Digest of each part of the project; ``missing`` for what is not there.

    Parameters
    ----------
    parts : iterable of str

    Examples
    --------
    >>> found = part_digests(["data/facts.csv#F044", "data/facts.csv#F000"])
    >>> found["data/facts.csv#F000"], len(found["data/facts.csv#F044"])
    ('missing', 16)
    """
    contents: dict[Path, bytes] = {}

    def entries(path: Path, of: str, remark: str = "") -> dict[str, str]:
        if path not in contents:
            contents[path] = path.read_bytes() if path.is_file() else b""
        return _entries(contents[path], of, remark)

    found = {}
    for part in sorted({*parts}):
        file, _, entry = part.partition("#")
        if not entry:
            found[part] = file_digest(code_file(file))
        elif Path(file).suffix:
            found[part] = entries(code_file(file), _INSIDE[Path(file).suffix], _REMARKS.get(file, "")).get(
                entry, "missing"
            )
        else:
            table, _, column = entry.partition(".")
            found[part] = entries(code_file(file) / f"{table}.csv", "columns").get(column, "missing")
    return found


@cache
def _entries(content: bytes, of: str, remark: str) -> dict[str, str]:
    """Digests of the rows, columns or entries of a file's content; none of a file that cannot be read."""
    try:
        if of == "columns":
            return {column[0]: digest_of(column) for column in zip(*_csv_rows(content), strict=True)}
        found = _rows_by_id(content) if of == "rows" else _yaml_entries(content, inner=not remark)
        remarks = {}
        for name, entry in found.items():
            if remark and remark in entry:
                remarks[f"{name}:remark"] = entry.pop(remark)
        return {name: digest_of(entry) for name, entry in (found | remarks).items()}
    except (ValueError, IndexError, AttributeError, yaml.YAMLError):
        return {}


def _csv_rows(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode(), newline="")))


def _rows_by_id(content: bytes) -> dict[str, dict]:
    head, *rows = _csv_rows(content)
    return {row[head.index("id")]: dict(zip(head, row)) for row in rows}


def _yaml_entries(content: bytes, *, inner: bool) -> dict:
    """Entries by name; with those inside them, as ``outcomes/income``, if these are parts too."""
    found = parse_yaml(content)
    if inner:
        for name, entry in list(found.items()):
            if isinstance(entry, dict):
                found |= {f"{name}/{key}": one for key, one in entry.items()}
    return found


def digest_of(content: object) -> str:
    """Digest of anything that JSON can hold.

    Examples
    --------
    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()[:LENGTH]


def file_digest(path: Path) -> str:
    """Digest of what counts of a file or folder; ``missing`` if it is not there.

    Of Python code its syntax counts: comments, docstrings and layout move no number.

    Parameters
    ----------
    path : Path

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     one, other = Path(folder) / "a.py", Path(folder) / "b.py"
    ...     _ = one.write_text("a = 1"), other.write_text("# One.\\na  =  1")
    ...     file_digest(one) == file_digest(other)
    True
    """
    if path.is_dir():
        # Not the note of how simulated tables were made: an assumption that moves no number makes nothing stale.
        files = (entry for entry in path.rglob("*") if entry.is_file() and entry.name != MARK_FILE)
        return digest_of({entry.relative_to(path).as_posix(): file_digest(entry) for entry in files})
    if not path.exists():
        return "missing"
    content = path.read_bytes()
    return _code_digest(content) if path.suffix == ".py" else hashlib.sha256(content).hexdigest()[:LENGTH]


@cache
def _code_digest(source: bytes) -> str:
    """Digest of code by its syntax: comments, docstrings and layout move no number."""
    try:
        return digest_of(syntax(ast.parse(source)))
    except (SyntaxError, ValueError):
        return hashlib.sha256(source).hexdigest()[:LENGTH]


def syntax(node: object) -> str:
    """A syntax tree in a line; what is empty is left out, since versions of Python differ in it."""
    if isinstance(node, list):
        return f"[{','.join(map(syntax, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:]
    told = ",".join(f"{name}={syntax(value)}" for name, value in fields.items() if value is not None and value != [])
    return f"{type(node).__name__}({told})"
