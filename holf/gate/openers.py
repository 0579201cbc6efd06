"""How a file of each kind is read: its text, its markup or its values, and what else it carries.

Nothing is unpacked but what a site of this book itself packs: its list of link targets, and the streams of a PDF.
"""

from __future__ import annotations

import io
import json
import warnings
import zlib
from collections.abc import Iterable, Iterator

from bs4 import BeautifulSoup, Comment, NavigableString
from bs4.element import PreformattedString

# What a reader gives: part of the file in words, kind of `holf.gate.files.Item`, text, parsed value.
Part = tuple[str, str, str, object]

# Attributes that point somewhere, and attributes that draw: the first are links, the second are judged as drawings.
_LINKS = frozenset(("href", "src", "action", "srcset", "xlink:href", "poster", "data", "formaction"))
_DRAWN = frozenset("d points transform viewbox style class x y dx dy x1 x2 y1 y2 cx cy r rx ry width height".split())
# Elements inside a line of words: an error that is coloured word by word is still one sentence.
_INLINE = frozenset("a abbr b bdi code em font i mark s samp small span strong sub sup tspan u wbr".split())
_INDEX = "Search.setIndex("
_LARGEST_INVENTORY = 20_000_000
# Chunks of a PNG that say how to show its pixels, and nothing else.
_PIXELS = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND", b"pHYs", b"gAMA", b"sRGB", b"cHRM", b"tRNS", b"bKGD", b"sBIT"))


class UnreadableFile(ValueError):
    """A file is not what its name says."""


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise UnreadableFile from None
    if any(letter < " " and letter not in "\t\n\r\f" for letter in set(text)):
        raise UnreadableFile
    return text


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise UnreadableFile from None


def open_text(data: bytes) -> Iterator[Part]:
    """The text of a file that is nothing else."""
    yield "", "text", _decoded(data), None


def _open_style(data: bytes) -> Iterator[Part]:
    yield "", "style", _decoded(data), None


def _open_script(data: bytes) -> Iterator[Part]:
    text = _decoded(data)
    if text.startswith(_INDEX):
        yield from _index_parts(_parsed(text.removeprefix(_INDEX).rstrip("\n; ").removesuffix(")")))
    else:
        yield "", "script", text, None


def _index_parts(index: object) -> Iterator[Part]:
    """Words and titles of the search index; its lists of pages are let through only as numbers of pages."""
    if not isinstance(index, dict):
        raise UnreadableFile
    rest, words, pages = dict(index), [], len(index.get("docnames", ()))
    for part in ("terms", "titleterms"):
        for word, found in rest.pop(part, {}).items():
            numbers = found if isinstance(found, list) else [found]
            if len(numbers) > pages or not all(type(number) is int and 0 <= number < pages for number in numbers):
                raise UnreadableFile
            words.append(word)
    yield "words of the search index", "terms", "\n".join(words), None
    yield from _value_parts("titles of the search index", rest)


def _open_json(data: bytes) -> Iterator[Part]:
    yield from _value_parts("", _parsed(_decoded(data)))


def _value_parts(where: str, value: object) -> Iterator[Part]:
    """A JSON value with all keys and single values in it, one a line, and its strings as running text."""
    leaves, stack = [], [value]
    while stack:
        one = stack.pop()
        if isinstance(one, dict):
            stack.extend(part for pair in reversed(one.items()) for part in (pair[1], pair[0]))
        elif isinstance(one, list):
            stack.extend(reversed(one))
        else:
            leaves.append(one)
    yield where, "json", "\n".join(map(str, leaves)), value
    yield where, "text", "\n".join(leaf for leaf in leaves if isinstance(leaf, str)), None


def _open_markup(data: bytes) -> Iterator[Part]:
    """Words, tables, attributes, links, comments, scripts, styles and listings of a page or drawing."""
    with warnings.catch_warnings():
        # It warns of XML, which here is only read.
        warnings.simplefilter("ignore", UserWarning)
        soup = BeautifulSoup(_decoded(data), "html.parser")
    yield "", "markup", "", soup
    words, cells = [], []
    for string in soup.find_all(string=True):
        above = {parent.name for parent in string.parents}
        if isinstance(string, PreformattedString):
            yield "a comment", "comment" if isinstance(string, Comment) else "text", str(string), None
        elif "script" in above:
            yield from _inline_script(str(string))
        elif "style" in above:
            yield "a style", "style", str(string), None
        else:
            (cells if "table" in above else words).append(string)
    for number, block in enumerate(soup.find_all("pre"), start=1):
        if not block.find_parent("pre"):
            yield f"listing {number}", "output", block.get_text(), None
    # Once with the letters of neighbouring elements joined, as they are read, and once apart: of "F-77<b>31</b>" and
    # of "F-7731<sup>2</sup>" either reading alone would lose one.
    for glue in ("", " "):
        yield "", "text", _joined(words, glue), None
        yield "a table", "cells", _joined(cells, glue), None
    yield "attributes", "attributes", _attributes(soup, links=False), None
    yield "links", "links", _attributes(soup, links=True), None


def _inline_script(text: str) -> Iterator[Part]:
    try:
        yield from _value_parts("a script", json.loads(text))
    except (ValueError, RecursionError):
        yield "a script", "script", text, None


def _joined(strings: Iterable[NavigableString], glue: str) -> str:
    """Strings of a page: joined with `glue` inside a block, a line for each block."""
    out, before = [], None
    for string in strings:
        block = next((parent for parent in string.parents if parent.name not in _INLINE), None)
        if block is not before:
            out.append("\n")
        out += [str(string), glue]
        before = block
    return "".join(out).strip()


def _attributes(soup: BeautifulSoup, *, links: bool) -> str:
    out = []
    for tag in soup.find_all(True):
        for name, value in tag.attrs.items():
            if (name in _LINKS) == links and name not in _DRAWN:
                out.append(" ".join(value) if isinstance(value, list) else str(value))
    return "\n".join(out)


def _open_inventory(data: bytes) -> Iterator[Part]:
    """Header and entries of the list of link targets that Sphinx writes: four lines, and the rest compressed."""
    *header, packed = data.split(b"\n", 4)
    if not data.startswith(b"# Sphinx inventory version 2\n") or len(header) < 4:
        raise UnreadableFile
    unpacker = zlib.decompressobj()
    try:
        entries = unpacker.decompress(packed, _LARGEST_INVENTORY)
    except zlib.error:
        raise UnreadableFile from None
    if not unpacker.eof or unpacker.unused_data:
        raise UnreadableFile
    yield "", "text", _decoded(b"\n".join([*header, entries])), None


def _open_picture(data: bytes) -> Iterator[Part]:
    """What a PNG holds beside its pixels: words, other chunks, and bytes behind its end."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise UnreadableFile
    place, kind = 8, b""
    while kind != b"IEND":
        length, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        body = data[place + 8 : place + 8 + length]
        if len(kind) < 4 or len(body) < length:
            raise UnreadableFile
        place += length + 12
        if kind not in _PIXELS:
            text = body.decode("latin-1").replace("\0", ": ", 1) if kind == b"tEXt" else ""
            yield "beside the pixels", "picture-extra", text, None
    if data[place:]:
        yield "behind the end of the picture", "picture-extra", "", None


def _open_pdf(data: bytes) -> Iterator[Part]:
    """Text of the pages, where their links lead, words of the bookkeeping, and whether anything else is inside."""
    # Imported where it is needed: every build writes the page of the rules, and hardly any site has a PDF.
    from pypdf import PdfReader

    try:
        reader = PdfReader(io.BytesIO(data))
        pages = [page.extract_text() for page in reader.pages]
        about = {key: str(value) for key, value in (reader.metadata or {}).items()}
        actions = [note.get_object().get("/A", {}) for page in reader.pages for note in page.annotations or ()]
        catalogue = reader.root_object
        extra = (
            "/Author" in about
            or not {"/OpenAction", "/AA", "/AcroForm", "/AF", "/Metadata"}.isdisjoint(catalogue)
            or not {"/EmbeddedFiles", "/JavaScript"}.isdisjoint(catalogue.get("/Names", {}))
            or any(action.get("/S", "/URI") not in ("/URI", "/GoTo") for action in actions)
        )
    except Exception:
        # Of a broken file the library raises errors of many kinds; whatever it cannot read is refused.
        raise UnreadableFile from None
    yield "", "text", "\n".join([*pages, *about.values()]), None
    yield "links", "links", "\n".join(str(action.get("/URI", "")) for action in actions), None
    if extra:
        yield "", "pdf-extra", "", None


OPENERS = {
    ".html": _open_markup,
    ".svg": _open_markup,
    ".css": _open_style,
    ".js": _open_script,
    ".json": _open_json,
    ".png": _open_picture,
    ".pdf": _open_pdf,
    "objects.inv": _open_inventory,
}
