"""The files that a site may hold, and each one as the parts that the rules judge.

A file whose kind is not on the list is refused by its name and never opened.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from holf.gate import KINDS
from holf.gate.identifiers import normalised
from holf.gate.openers import OPENERS, UnreadableFile, open_text

# Kinds of part whose text is running text.
PLAIN = frozenset({"text", "script", "style", "comment", "attributes", "links", "cells", "output", "terms"})


@dataclass(frozen=True)
class Item:
    """Something to judge: a file's name, or a part of its content.

    Attributes
    ----------
    path : str
        File in the tree, with forward slashes.
    kind : str
        One of `PLAIN`, or ``name``, ``refused``, ``unreadable``, ``markup``, ``json``, ``picture-extra`` or
        ``pdf-extra``.
    text : str
        Its text, if it has one.
    value : object
        Parsed JSON, or parsed markup.
    where : str
        Part of the file, in words that never quote its content; empty for the file itself.
    shown : bool
        Whether the file holds just what a table on a page of the tree shows.
    """

    path: str
    kind: str
    text: str = field(default="", repr=False)
    value: object = field(default=None, repr=False, compare=False)
    where: str = ""
    shown: bool = False

    @cached_property
    def normalised(self) -> str:
        """The text in one spelling (`holf.gate.identifiers.normalised`)."""
        return normalised(self.text)


def list_files(tree: Path) -> list[Path]:
    """Every file and link below `tree`, and every empty folder, hidden ones too, in the order of their names.

    Raises
    ------
    NotADirectoryError
        If `tree` is no folder.
    """
    if not tree.is_dir():
        raise NotADirectoryError(f"{tree.name} is not a folder")
    found = (path for path in tree.rglob("*") if path.is_symlink() or not path.is_dir() or not any(path.iterdir()))
    return sorted(found, key=lambda path: path.relative_to(tree).as_posix())


def kind_of(path: str) -> str:
    """Key of `holf.gate.KINDS` for a file; empty for one that a site does not hold, as for all hidden ones.

    Examples
    --------
    >>> kind_of("chapters/a.html"), kind_of("SHA256SUMS"), kind_of("a.html.gz"), kind_of(".cache/a.html")
    ('.html', 'SHA256SUMS', '', '')
    """
    parts = PurePosixPath(path).parts
    if any(part.startswith(".") for part in parts):
        return ""
    return next((kind for kind in (parts[-1], PurePosixPath(path).suffix) if kind in KINDS), "")


def items_of(path: str, data: bytes, *, shown: bool = False) -> Iterator[Item]:
    """Every part of a file.

    Parameters
    ----------
    path : str
        In the tree.
    data : bytes
    shown : bool
        See `Item`.

    Examples
    --------
    >>> [item.kind for item in items_of("a.txt", b"words")], [item.kind for item in items_of("a.txt", b"\\x00")]
    (['text'], ['unreadable'])
    >>> [item.kind for item in items_of("a.zip", b"words")]
    ['refused']
    """
    kind = kind_of(path)
    if not kind:
        yield Item(path, "refused")
        return
    try:
        for where, part, text, value in OPENERS.get(kind, open_text)(data):
            yield Item(path, part, text, value, where, shown)
    except UnreadableFile:
        yield Item(path, "unreadable")
