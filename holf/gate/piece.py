"""A piece of a published tree: a file, or something inside one, opened as far as it can be."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

# Kinds whose text is running text, whatever it was wrapped in.
PLAIN = frozenset({"text", "script", "style", "comment", "attributes", "links", "cells", "output", "terms", "png-text"})


class Unreadable(ValueError):
    """Bytes of a known kind that cannot be opened to the end."""


class TooMuch(ValueError):
    """More bytes come out than the limits allow: a bomb, or too big to be judged."""


@dataclass(frozen=True)
class Limits:
    """How far a file is opened before the gate refuses it instead.

    Attributes
    ----------
    depth : int
        Wrappings inside each other.
    size : int
        Bytes that all pieces of one file may have together.
    """

    depth: int = 24
    size: int = 64_000_000


@dataclass(frozen=True)
class Piece:
    """Something to judge.

    Attributes
    ----------
    path : str
        File in the tree, with forward slashes.
    where : str
        Way into the file, in words that never quote its content; empty for the file itself.
    kind : str
        What it is, from `holf.gate.kinds`; empty where that has to be found out.
    data : bytes
        Its bytes; empty for text taken out of another piece.
    text : str
        Its text, if it has one.
    value : object
        What it parses to: JSON, a notebook, markup; else None.
    name : str
        Its own file name, if it has one.
    strict : bool
        Whether bytes of no known kind are refused: false for words that merely could be base64.
    """

    path: str
    where: str = ""
    kind: str = ""
    data: bytes = field(default=b"", repr=False)
    text: str = field(default="", repr=False)
    value: object = field(default=None, repr=False, compare=False)
    name: str = ""
    strict: bool = True

    def inside(self, step: str, **content: object) -> Piece:
        """A piece found in this one; `step` says where, and is left out if empty."""
        where = " > ".join(filter(None, [self.where, step]))
        blank = {"kind": "", "data": b"", "text": "", "value": None, "name": "", "strict": True}
        return replace(self, where=where, **(blank | content))
