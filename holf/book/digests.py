"""Digests of what an output follows from: of a file of data, of code by what it does, of a folder by its files."""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from pathlib import Path

from holf.book.checksums import fingerprint
from holf.paths import MARK_FILE

# Hexadecimal digits: enough against accidents, and nobody gains by forging one.
LENGTH = 16
_DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)


def digest_of(content: object) -> str:
    """Digest of anything that JSON can hold.

    Examples
    --------
    >>> digest_of({"a": 1, "b": 2}) == digest_of({"b": 2, "a": 1})
    True
    """
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:LENGTH]


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
        files = (entry for entry in sorted(path.rglob("*")) if entry.is_file() and entry.name != MARK_FILE)
        return fingerprint(files)[:LENGTH]
    if not path.exists():
        return "missing"
    content = path.read_bytes()
    return _code_digest(content) if path.suffix == ".py" else hashlib.sha256(content).hexdigest()[:LENGTH]


@cache
def _code_digest(source: bytes) -> str:
    """Digest of code by its syntax: comments, docstrings and layout move no number."""
    try:
        return digest_of(_syntax(ast.parse(source)))
    except (SyntaxError, ValueError):
        return hashlib.sha256(source).hexdigest()[:LENGTH]


def definitions(source: str) -> set[str]:
    """Name and digest of each function, class and constant of a module: equal wherever it stands, and however laid out.

    Imports are left out: they say where a definition stands, and not what it does.

    Parameters
    ----------
    source : str
        Python code.

    Raises
    ------
    SyntaxError
        If it is none.

    Examples
    --------
    >>> definitions("from a import b\\nx = 1") == definitions("# One.\\nx  =  1")
    True
    """
    found = set()
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr):
            names = [node.name] if hasattr(node, "name") else [ast.unparse(one) for one in getattr(node, "targets", ())]
            found.add(f"{', '.join(names) or type(node).__name__} {digest_of(_syntax(node))}")
    return found


def _syntax(node: object) -> str:
    """A syntax tree in a line; what is empty is left out, since versions of Python differ in it."""
    if isinstance(node, list):
        return f"[{','.join(map(_syntax, node))}]"
    if not isinstance(node, ast.AST):
        return repr(node)
    fields = dict(ast.iter_fields(node))
    if isinstance(node, _DOCUMENTED) and ast.get_docstring(node, clean=False) is not None:
        fields["body"] = node.body[1:]
    told = ",".join(f"{name}={_syntax(value)}" for name, value in fields.items() if value is not None and value != [])
    return f"{type(node).__name__}({told})"
