"""The text of a PDF, its attachments and its names, as far as the standard library can open them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from holf.gate.archives import inflate
from holf.gate.kinds import bytes_kind, decode
from holf.gate.piece import Piece, Unreadable

_STREAM = re.compile(rb"<<((?:(?!<<|endobj).|<<(?:(?!<<|>>).)*>>)*?)>>\s*stream\r?\n(.*?)endstream", re.DOTALL)
# Pixels, fonts and tables of offsets: they show or find the rest, and hold no words.
_MUTE = re.compile(rb"/Subtype\s*/(Image|Type1C|CIDFontType0C|OpenType)|/Type\s*/XRef|/Length[123]\b")
_SHOWN = re.compile(rb"\((?:\\.|[^\\()])*\)|<[0-9A-Fa-f\s]*>")
_ESCAPE = re.compile(rb"\\([0-7]{1,3}|.)", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}


def _escaped(match: re.Match) -> bytes:
    code = match[1]
    return bytes([int(code, 8) & 255]) if code.isdigit() else _LETTERS.get(code, code)


def shown_text(content: bytes) -> str:
    """Strings of a PDF content stream or dictionary, joined where one text operator shows them in pieces.

    Examples
    --------
    >>> shown_text(b"BT [(313) -20 (37)] TJ (next) Tj ET")
    '31337\\nnext'
    """
    lines = []
    for line in re.split(rb"\bTj\b|\bTJ\b|['\"]\s|\n/|endobj", content):
        parts = []
        for match in _SHOWN.findall(line):
            if match.startswith(b"("):
                parts.append(_ESCAPE.sub(_escaped, match[1:-1]))
            else:
                digits = re.sub(rb"\s", b"", match[1:-1])
                parts.append(bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode()))
        texts = [decode(part) if decode(part) is not None else part.decode("latin-1") for part in parts]
        lines.append("".join(texts))
    return "\n".join(filter(None, lines))


def open_pdf(piece: Piece, room: int) -> Iterator[Piece]:
    """Text, dictionaries and attachments of a PDF.

    Raises
    ------
    Unreadable
        If it is encrypted, packed otherwise than by Flate, or its letters are glyph numbers: its text is then unknown.
    """
    if b"/Encrypt" in piece.data:
        raise Unreadable("an encrypted PDF")
    bare = _STREAM.sub(lambda match: b"<<" + match[1] + b">>", piece.data)
    dictionaries = [bare]
    for number, (dictionary, body) in enumerate(_STREAM.findall(piece.data), start=1):
        mute = bool(_MUTE.search(dictionary))
        if b"/FlateDecode" in dictionary:
            body = inflate(body, "zlib", room)
        elif b"/Filter" in dictionary and not mute:
            raise Unreadable("a PDF stream of another packing")
        if mute:
            yield piece.inside(f"PDF stream {number}", kind="crumb", data=body)
        elif b"/ObjStm" in dictionary:
            dictionaries.append(body)
        elif b"/EmbeddedFile" in dictionary or bytes_kind(body) or decode(body) is None:
            yield piece.inside(f"PDF stream {number}", data=body)
        else:
            yield piece.inside(f"PDF stream {number}", kind="pdf-content", text=decode(body))
            yield piece.inside(f"PDF stream {number}", kind="text", text=shown_text(body))
    everything = b"\n".join(dictionaries)
    if b"/Identity-H" in everything or b"/Identity-V" in everything:
        raise Unreadable("a PDF whose letters are glyph numbers")
    yield piece.inside("PDF dictionaries", kind="pdf-objects", data=everything, text=everything.decode("latin-1"))
    yield piece.inside("PDF dictionaries", kind="text", text=shown_text(everything))
