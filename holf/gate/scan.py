"""Scan a tree: every part of every file against every rule."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from holf.chart_runtime import is_runtime
from holf.downloads.check import shown_digests
from holf.gate.files import Item, items_of, list_files
from holf.gate.known import Known
from holf.gate.rules import ALL, Rule


@dataclass(frozen=True, order=True)
class Finding:
    """A rule broken at a place; it never holds what was found.

    Attributes
    ----------
    path : str
        File in the tree; its number instead, where the name itself breaks a rule.
    where : str
        Part of the file; empty for the file itself.
    rule : str
    says, fix : str
        Of the rule.
    """

    path: str
    where: str
    rule: str
    says: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: {self.where or 'the file'}: {self.rule}: {self.says}; {self.fix}"


def scan(tree: Path, *, rules: Iterable[Rule] = ALL, known: Known, beside: Iterable[Path] = ()) -> tuple[Finding, ...]:
    """Find everything in a tree that breaks a rule.

    Parameters
    ----------
    tree : Path
        Folder as it would be published.
    rules : iterable of Rule
    known : Known
    beside : iterable of Path
        Files in the tree that are not published, such as its own manifest.

    Returns
    -------
    tuple of Finding
        Sorted, each place and rule once. Empty if the tree may be published.

    Raises
    ------
    NotADirectoryError
        If `tree` is no folder.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "page.html").write_text("<p>Traceback (most recent call last)</p>")
    ...     [finding.rule for finding in scan(Path(folder), known=Known())]
    ['tracebacks']
    """
    tree, rules = Path(tree), tuple(rules)
    skipped, shown, found = {Path(path).resolve() for path in beside}, shown_digests(tree), set()
    for number, file in enumerate(list_files(tree), start=1):
        if file.resolve() in skipped:
            continue
        path = file.relative_to(tree).as_posix()
        broken = {
            (item.where or ("the name of the file" if item.kind == "name" else ""), rule, item.kind == "name")
            for item in _items(file, path, known, shown)
            for rule in rules
            if rule.finds(item, known)
        }
        if any(in_name for _, _, in_name in broken):
            path = f"(file {number})"
        found |= {Finding(path, where, rule.id, rule.says, rule.fix) for where, rule, _ in broken}
    return tuple(sorted(found))


def _items(file: Path, path: str, known: Known, shown: frozenset[str]) -> Iterator[Item]:
    """The name of a file, and its parts; a theme's own file is not opened, nor the script that draws the chart."""
    yield Item(path, "name", path)
    if file.is_symlink() or not (file.is_file() or file.is_dir()):
        yield Item(path, "unreadable")
        return
    if file.is_dir():
        yield Item(path, "refused")
        return
    data = file.read_bytes()
    digest = hashlib.sha256(data).hexdigest()
    if digest not in known.theme and not is_runtime(data):
        yield from items_of(path, data, shown=digest in shown)
