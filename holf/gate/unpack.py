"""Walk a tree and open everything in it: files, what is inside them, and what is inside that."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from holf.chart_runtime import is_runtime
from holf.gate.archives import open_inventory, open_png, open_stream, open_tar, open_zip
from holf.gate.documents import open_index, open_json, open_notebook
from holf.gate.kinds import bytes_kind, decode, text_kind
from holf.gate.markup import open_markup
from holf.gate.pdf import open_pdf
from holf.gate.piece import PLAIN, Limits, Piece, TooMuch, Unreadable
from holf.gate.wrapped import is_float_array, open_text

# How each kind of piece is opened; a kind that is not here has nothing inside.
OPENERS = {
    "zip": open_zip,
    "tar": open_tar,
    "gzip": open_stream,
    "zlib": open_stream,
    "bzip2": open_stream,
    "xz": open_stream,
    "inventory": open_inventory,
    "png": open_png,
    "pdf": open_pdf,
    "markup": open_markup,
    "json": open_json,
    "index": open_index,
    "notebook": open_notebook,
} | dict.fromkeys(PLAIN, open_text)


def identify(piece: Piece) -> Piece:
    """Say what a piece is; one that is nothing known becomes ``unknown``.

    Examples
    --------
    >>> identify(Piece("a.json", data=b"[1, 2]")).value
    [1, 2]
    >>> identify(Piece("a.bin", data=b"\\x00\\x01\\x02")).kind
    'unknown'
    """
    if piece.value is not None and not piece.text:
        return replace(piece, text=json.dumps(piece.value, ensure_ascii=False))
    if piece.kind:
        return piece
    if kind := bytes_kind(piece.data, piece.name):
        return replace(piece, kind=kind)
    text = decode(piece.data)
    if text is None:
        return replace(piece, kind="floats" if is_float_array(piece.data) else "unknown")
    kind, value = text_kind(text, piece.name)
    return replace(piece, kind=kind, text=text, value=value)


def _mark(piece: Piece) -> tuple[str, bytes]:
    return piece.kind, hashlib.sha256(piece.data + b"\0" + piece.text.encode("utf-8", "replace")).digest()


def open_file(path: str, data: bytes, limits: Limits) -> Iterator[Piece]:
    """Every piece of one file, the file itself first.

    What cannot be opened comes out as a piece of kind ``broken``, and what would grow beyond the limits as one of kind
    ``bomb``: nothing is skipped.

    Parameters
    ----------
    path : str
    data : bytes
    limits : Limits

    Examples
    --------
    >>> import gzip
    >>> [piece.kind for piece in open_file("a.gz", gzip.compress(b"words"), Limits())]
    ['gzip', 'text']
    """
    stack, seen, room = [(Piece(path, data=data, name=path), 0)], set(), limits.size
    while stack:
        piece, depth = stack.pop()
        piece = identify(piece)
        mark = _mark(piece)
        if mark in seen:
            continue
        seen.add(mark)
        yield piece
        room -= len(piece.data) + len(piece.text)
        opener = OPENERS.get(piece.kind)
        if room < 0 or (opener and depth >= limits.depth):
            yield piece.inside("", kind="bomb")
            return
        try:
            inner = list(opener(piece, room)) if opener else []
        except TooMuch:
            inner = [piece.inside("", kind="bomb")]
        except (Unreadable, RecursionError):
            inner = [piece.inside("", kind="broken")]
        stack.extend((one, depth + 1) for one in reversed(inner) if one.data or one.text or one.kind not in PLAIN)


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


def walk(tree: Path, limits: Limits, *, known: frozenset[str], beside: frozenset[Path]) -> Iterator[Piece]:
    """Every piece of every file of a tree.

    Parameters
    ----------
    tree : Path
    limits : Limits
    known : frozenset of str
        SHA-256 of files that are copies of an installed theme's: they are named, and not opened. So is the script that
        draws charts, where it is byte for byte what the installed package makes.
    beside : frozenset of Path
        Files that are not part of what is published, such as the manifest.
    """
    for file in list_files(tree):
        if file.resolve() in beside:
            continue
        path = file.relative_to(tree).as_posix()
        yield Piece(path, kind="name", text=path)
        if file.is_dir() and not file.is_symlink():
            continue
        if file.is_symlink() or not file.is_file():
            yield Piece(path, kind="broken")
            continue
        data = file.read_bytes()
        if hashlib.sha256(data).hexdigest() not in known and not is_runtime(data):
            yield Piece(path, kind="file", name=path)
            yield from open_file(path, data, limits)
