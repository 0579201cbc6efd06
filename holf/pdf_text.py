"""The text of a PDF whose letters are glyph numbers, page by page, through the tables that say which letter each is.

Browsers write such files, this book's own PDF among them. Read is the plain form of them alone: numbered objects that
are not packed together, fonts of two-byte glyph numbers with a `ToUnicode` table, streams packed by Flate.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

from holf.gate.archives import inflate
from holf.gate.piece import Unreadable

_OBJECT = re.compile(rb"(?<!\d)(\d+) 0 obj\b(.*?)\bendobj", re.DOTALL)
_BODY = re.compile(rb"(.*?)stream\r?\n(.*)endstream", re.DOTALL)
_REF = rb"\s+(\d+) 0 R"
_NAMED = re.compile(rb"/([\w.+-]+)" + _REF)
_RANGES = re.compile(rb"beginbf(char|range)(.*?)endbf", re.DOTALL)
_HEX = re.compile(rb"<([0-9A-Fa-f]*)>")
# Fonts chosen, strings shown, ends of a text, other content called for; what else is in a stream draws lines. What a
# ligature stands for is left out here: its own letters say it too.
_STEP = re.compile(
    rb"/ActualText\s*(?:\((?:\\.|[^\\()])*\)|<[0-9A-Fa-f]*>)"
    rb"|/([\w.+-]+)\s+[\d.+-]+\s+Tf|<([0-9A-Fa-f]*)>|(\((?:\\.|[^\\()])*\))|\b(ET)\b|/([\w.+-]+)\s+Do\b",
    re.DOTALL,
)


def page_texts(data: bytes, room: int) -> list[str]:
    """Text of each page, in the order of the file.

    Parameters
    ----------
    data : bytes
        A PDF.
    room : int
        Most bytes that a stream may unpack to.

    Raises
    ------
    Unreadable
        If the file is of another form, or a glyph of it has no letter.
    """
    if b"/ObjStm" in data or b"/Identity-V" in data:
        raise Unreadable("a PDF whose objects are packed together")
    objects = {int(match[1]): match[2] for match in _OBJECT.finditer(data)}
    letters: dict[int, tuple[int, dict[int, str]]] = {}

    def content(number: int) -> bytes:
        found = _BODY.match(objects.get(number, b""))
        if not found:
            raise Unreadable("a PDF that lacks a stream")
        return inflate(found[2], "zlib", room) if b"/FlateDecode" in found[1] else found[2]

    def font(number: int) -> tuple[int, dict[int, str]]:
        if number not in letters:
            about = objects.get(number, b"")
            table = re.search(rb"/ToUnicode" + _REF, about)
            # Fonts of drawn glyphs have numbers of one byte.
            width = 2 if b"/Identity-H" in about else 1 if b"/Type3" in about else 0
            if not table or not width:
                raise Unreadable("a PDF whose letters are glyph numbers of no known letter")
            letters[number] = width, letters_of(content(int(table[1])))
        return letters[number]

    pages = [body for body in objects.values() if re.search(rb"/Type\s*/Page\b", body)]
    if not pages:
        raise Unreadable("a PDF without pages")
    bodies = [re.search(rb"/Contents" + _REF, page) for page in pages]
    if not all(bodies):
        raise Unreadable("a PDF with a page of several streams, or of none")
    return [_text_of(page, content(int(body[1])), objects, font, content) for page, body in zip(pages, bodies)]


def letters_of(table: bytes) -> dict[int, str]:
    """Letters by glyph number, from a `ToUnicode` table.

    Examples
    --------
    >>> letters_of(b"beginbfchar <0003> <0020> endbfchar beginbfrange <0044> <0046> <0061> endbfrange")
    {3: ' ', 68: 'a', 69: 'b', 70: 'c'}
    """
    out: dict[int, str] = {}
    for kind, body in _RANGES.findall(table):
        codes = [bytes.fromhex(code.decode()) for code in _HEX.findall(body)]
        if kind == b"char":
            out |= {int.from_bytes(glyph): _letter(letter) for glyph, letter in zip(codes[::2], codes[1::2])}
            continue
        if b"[" in body:
            raise Unreadable("a PDF with a table of letters of another form")
        for first, last, letter in zip(codes[::3], codes[1::3], codes[2::3]):
            start = int.from_bytes(first)
            for glyph in range(start, int.from_bytes(last) + 1):
                out[glyph] = _letter(letter[:-2] + (int.from_bytes(letter[-2:]) + glyph - start).to_bytes(2))
    return out


def _letter(code: bytes) -> str:
    return unicodedata.normalize("NFKC", code.decode("utf-16-be", "replace"))


def _text_of(
    holder: bytes, body: bytes, objects: dict[int, bytes], font: Callable[[int], tuple], content: Callable[[int], bytes]
) -> str:
    """Text of a stream, and of those that it calls for, with the fonts that its holder names."""
    named = {name: int(number) for name, number in _NAMED.findall(holder)}
    shown, letters, width = [], None, 0
    for chosen, glyphs, plain, end, called in _STEP.findall(body):
        if chosen:
            width, letters = font(named.get(chosen, 0))
        elif plain and letters is not None:
            raise Unreadable("a PDF with text in another form")
        elif end:
            shown.append("\n")
        elif called and b"/Form" in objects.get(named.get(called, 0), b"")[:400]:
            inner = objects[named[called]].partition(b"stream")[0]
            shown.append(_text_of(inner, content(named[called]), objects, font, content))
        elif glyphs:
            codes = bytes.fromhex(glyphs.decode())
            numbers = [int.from_bytes(codes[place : place + width]) for place in range(0, len(codes), width or 1)]
            if letters is None or any(one not in letters for one in numbers):
                raise Unreadable("a PDF with a glyph of no known letter")
            shown.append("".join(letters[one] for one in numbers))
    return "".join(shown)
