"""Scan a tree: every piece against every rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from holf.downloads.check import shown_digests
from holf.gate.known import Known
from holf.gate.piece import Limits, Piece
from holf.gate.rules import ALL, Rule
from holf.gate.unpack import list_files, walk


@dataclass(frozen=True, order=True)
class Finding:
    """A rule broken at a place; it never holds what was found.

    Attributes
    ----------
    path : str
        File in the tree; its number instead, where the name itself breaks a rule.
    where : str
        Way into the file; empty for the file itself.
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


def scan(
    tree: Path, *, rules: Iterable[Rule] = ALL, known: Known, beside: Iterable[Path] = (), limits: Limits | None = None
) -> tuple[Finding, ...]:
    """Find everything in a tree that breaks a rule.

    Parameters
    ----------
    tree : Path
        Folder as it would be published.
    rules : iterable of Rule
    known : Known
    beside : iterable of Path
        Files in the tree that are not published, such as its own manifest.
    limits : Limits, optional
        How far files are opened.

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
    skip = frozenset(Path(path).resolve() for path in beside)
    known = replace(known, shown=shown_digests(tree))
    broken: dict[str, set[tuple[str, Rule]]] = {}
    telling = set()
    for piece in walk(tree, limits or Limits(), known=known.theme, beside=skip):
        for rule in rules:
            if rule.finds(piece, known):
                broken.setdefault(piece.path, set()).add((_place(piece), rule))
                if piece.kind == "name" and not piece.where and rule.id != "litter":
                    telling.add(piece.path)
    numbers = {path.relative_to(tree).as_posix(): number for number, path in enumerate(list_files(tree), start=1)}
    return tuple(
        sorted(
            Finding(f"(file {numbers[path]})" if path in telling else path, where, rule.id, rule.says, rule.fix)
            for path, places in broken.items()
            for where, rule in places
        )
    )


def _place(piece: Piece) -> str:
    return piece.where or ("the name of the file" if piece.kind == "name" else "")
