"""The kinds of file that a site may contain, and each file split into the parts that the rules judge.

A file whose kind is not on the list is refused by its name and never opened. Nothing is unpacked but what Sphinx packs:
its list of link targets.
"""

from __future__ import annotations

import json
import re
import warnings
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

from bs4 import BeautifulSoup, NavigableString
from bs4.element import PreformattedString

from holf.confidential.scan import KINDS
from holf.confidential.scan.identifiers import normalised
from holf.record.source import MARK, REAL_MARK

# Attributes that point somewhere, and attributes that draw: the first are links, the second are not judged.
_LINKS = frozenset(("href", "src", "action", "srcset", "xlink:href", "poster", "data", "formaction"))
_DRAWN = frozenset("d points transform viewbox style class x y dx dy x1 x2 y1 y2 cx cy r rx ry width height".split())
# Elements inside a line of words: an error that is coloured word by word is still one sentence.
_INLINE = frozenset("a abbr b bdi code em font i mark s samp small span strong sub sup tspan u wbr".split())
_INDEX = "Search.setIndex("
_LARGEST_INVENTORY = 20_000_000
# Chunks of a PNG that say how to show its pixels, and the notes that this book writes into its own.
_PIXELS = frozenset((b"IHDR", b"PLTE", b"IDAT", b"IEND", b"pHYs", b"gAMA", b"sRGB", b"cHRM", b"tRNS", b"bKGD", b"sBIT"))
_NOTES = re.compile(
    rf"Comment\0({re.escape(MARK)}|{re.escape(REAL_MARK)}|RECORD)|Source\0sha256 [0-9a-f]{{64}}"
    r"|Letters\0\d{2}\.\d of \d{3} px|Software\0Matplotlib version ?[\d.]+, https://matplotlib\.org/"
)


@dataclass(frozen=True)
class Item:
    """Something to judge: a file's name, or a part of its content.

    `kind` is ``name``, ``refused``, ``unreadable``, ``markup``, ``json``, or for running text one of ``text``,
    ``style``, ``attributes``, ``links``, ``cells`` of tables, ``output`` of a notebook, ``terms`` of the search index.
    `value` is parsed JSON or markup; `where` says which part of the file, and never quotes it.
    """

    kind: str
    text: str = field(default="", repr=False)
    value: object = field(default=None, repr=False, compare=False)
    where: str = ""

    @cached_property
    def normalised(self) -> str:
        """The text in one spelling (`holf.confidential.scan.identifiers.normalised`)."""
        return normalised(self.text)


def list_files(tree: Path) -> list[Path]:
    """Every file and link below `tree`, and every empty folder, hidden ones too, in the order of their names."""
    if not tree.is_dir():
        raise NotADirectoryError(f"{tree.name} is not a folder")
    found = (path for path in tree.rglob("*") if path.is_symlink() or not path.is_dir() or not any(path.iterdir()))
    return sorted(found, key=lambda path: path.relative_to(tree).as_posix())


def items_of(path: str, data: bytes) -> Iterator[Item]:
    """Every part of a file, given its path in the tree and its bytes."""
    place = PurePosixPath(path)
    kind = next((kind for kind in (place.name, place.suffix) if kind in KINDS), "")
    # What is hidden is for tools, not for readers.
    if not kind or any(part.startswith(".") for part in place.parts):
        yield Item("refused")
        return
    try:
        yield from _OPENERS[kind](data) if kind in _OPENERS else [Item("text", _decoded(data))]
    except _UnreadableFile:
        yield Item("unreadable")


class _UnreadableFile(ValueError):
    """A file is not what its name says, or holds more than that."""


def _decoded(data: bytes) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise _UnreadableFile from None
    if any(letter < " " and letter not in "\t\n\r\f" for letter in set(text)):
        raise _UnreadableFile
    return text


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise _UnreadableFile from None


def _open_script(data: bytes) -> Iterator[Item]:
    text = _decoded(data)
    if not text.startswith(_INDEX):
        yield Item("text", text)
        return
    index = _parsed(text.removeprefix(_INDEX).rstrip("\n; ").removesuffix(")"))
    if not isinstance(index, dict):
        raise _UnreadableFile
    # Lists of pages are let through only as numbers of pages.
    words, pages = [], len(index.get("docnames", ()))
    for part in ("terms", "titleterms"):
        for word, found in index.pop(part, {}).items():
            numbers = found if isinstance(found, list) else [found]
            if len(numbers) > pages or not all(type(number) is int and 0 <= number < pages for number in numbers):
                raise _UnreadableFile
            words.append(word)
    yield Item("terms", "\n".join(words), where="words of the search index")
    yield from _value_parts("titles of the search index", index)


def _value_parts(where: str, value: object) -> Iterator[Item]:
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
    yield Item("json", "\n".join(map(str, leaves)), value, where)
    yield Item("text", "\n".join(leaf for leaf in leaves if isinstance(leaf, str)), where=where)


def _open_markup(data: bytes) -> Iterator[Item]:
    """Words, tables, attributes, links, comments, scripts, styles and listings of a page or drawing."""
    with warnings.catch_warnings():
        # It warns of XML, which here is only read.
        warnings.simplefilter("ignore", UserWarning)
        soup = BeautifulSoup(_decoded(data), "html.parser")
    yield Item("markup", value=soup)
    words, cells = [], []
    for string in soup.find_all(string=True):
        above = {parent.name for parent in string.parents}
        if isinstance(string, PreformattedString):
            yield Item("text", str(string), where="a comment")
        elif "script" in above:
            try:
                yield from _value_parts("a script", json.loads(string))
            except (ValueError, RecursionError):
                yield Item("text", str(string), where="a script")
        elif "style" in above:
            yield Item("style", str(string), where="a style")
        else:
            (cells if "table" in above else words).append(string)
    for number, block in enumerate(soup.find_all("pre"), start=1):
        if not block.find_parent("pre"):
            yield Item("output", block.get_text(), where=f"listing {number}")
    # Once with the letters of neighbouring elements joined, as they are read, and once apart: of "F-77<b>31</b>" and
    # of "F-7731<sup>2</sup>" either reading alone would lose one.
    for glue in ("", " "):
        yield Item("text", _joined(words, glue))
        yield Item("cells", _joined(cells, glue), where="a table")
    attributes: dict[str, list[str]] = {"attributes": [], "links": []}
    for tag in soup.find_all(True):
        for name, value in tag.attrs.items():
            if name not in _DRAWN:
                kind = "links" if name in _LINKS else "attributes"
                attributes[kind].append(" ".join(value) if isinstance(value, list) else str(value))
    for kind, values in attributes.items():
        yield Item(kind, "\n".join(values), where=kind)


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


def _open_inventory(data: bytes) -> Iterator[Item]:
    """Header and entries of the list of link targets that Sphinx writes: four lines, and the rest compressed."""
    *header, packed = data.split(b"\n", 4)
    if not data.startswith(b"# Sphinx inventory version 2\n") or len(header) < 4:
        raise _UnreadableFile
    unpacker = zlib.decompressobj()
    try:
        entries = unpacker.decompress(packed, _LARGEST_INVENTORY)
    except zlib.error:
        raise _UnreadableFile from None
    if not unpacker.eof or unpacker.unused_data:
        raise _UnreadableFile
    yield Item("text", _decoded(b"\n".join([*header, entries])))


def _open_picture(data: bytes) -> Iterator[Item]:
    """Nothing: a PNG is refused unless it is pixels with the book's own notes."""
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise _UnreadableFile
    place, kind = 8, b""
    while kind != b"IEND":
        length, kind = int.from_bytes(data[place : place + 4]), data[place + 4 : place + 8]
        body = data[place + 8 : place + 8 + length]
        is_note = kind == b"tEXt" and _NOTES.fullmatch(body.decode("latin-1"))
        if len(body) < length or not (kind in _PIXELS or is_note):
            raise _UnreadableFile
        place += length + 12
    if data[place:]:
        raise _UnreadableFile
    yield from ()


_OPENERS = {
    ".html": _open_markup,
    ".svg": _open_markup,
    ".css": lambda data: [Item("style", _decoded(data))],
    ".js": _open_script,
    ".json": lambda data: _value_parts("", _parsed(_decoded(data))),
    ".png": _open_picture,
    "objects.inv": _open_inventory,
}
