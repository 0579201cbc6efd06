"""Scan a tree: every part of every file against every rule."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from holf.confidential.scan.files import Item, items_of, list_files
from holf.confidential.scan.known import Known
from holf.confidential.scan.rules import ALL, Rule


@dataclass(frozen=True, order=True)
class Finding:
    """A rule broken at a place; it never holds what was found.

    `path` is the file in the tree, or its number where the name itself breaks a rule; `where` is a part of the file,
    empty for the file itself.
    """

    path: str
    where: str
    rule: str
    says: str
    fix: str

    def __str__(self) -> str:
        return f"{self.path}: {self.where or 'the file'}: {self.rule}: {self.says}; {self.fix}"


def scan(
    tree: Path, *, known: Known, beside: Iterable[Path] = (), shown: frozenset[str] = frozenset()
) -> tuple[Finding, ...]:
    """Find everything in a tree that breaks a rule: each place and rule once, sorted; nothing if it may be published.

    Parameters
    ----------
    tree : Path
    known : Known
    beside : iterable of Path
        Files in the tree that another check holds, such as the archive of the sources.
    shown : frozenset of str
        SHA-256 of the files that the tree's own pages give for download: they may be as long as the tables shown.
    """
    skipped, found = {path.resolve() for path in beside}, set()
    for number, file in enumerate(list_files(tree), start=1):
        if file.resolve() in skipped:
            continue
        path = file.relative_to(tree).as_posix()
        in_name = [rule for rule in ALL if rule.finds(Item("name", path), known)]
        # Where its name itself tells something, the file is named by its number.
        place = f"(file {number})" if in_name else path
        broken = [("the name of the file", rule) for rule in in_name] + list(_broken(file, path, known, shown))
        found |= {Finding(place, where, rule.id, rule.says, rule.fix) for where, rule in broken}
    return tuple(sorted(found))


def _broken(file: Path, path: str, known: Known, shown: frozenset[str]) -> Iterator[tuple[str, Rule]]:
    """Rules that a file breaks, each with the part of the file."""
    rules = ALL
    if file.is_file() and not file.is_symlink():
        data = file.read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        if digest in known.theme:
            return
        if digest in shown:
            # It holds just what a table on a page of the tree shows, and may have as many rows as that table.
            rules = tuple(rule for rule in ALL if rule.id != "rows")
        items = items_of(path, data)
    else:
        # An empty folder, or a link, pipe or device.
        items = iter([Item("refused" if file.is_dir() and not file.is_symlink() else "unreadable")])
    for item in items:
        yield from ((item.where, rule) for rule in rules if rule.finds(item, known))
