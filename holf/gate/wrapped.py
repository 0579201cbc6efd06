"""What a text wraps: escapes of HTML, URLs and JSON, base64, and markup inside other text."""

from __future__ import annotations

import binascii
import html
import json
import math
import re
import struct
import zlib
from base64 import b64decode
from collections.abc import Iterator
from urllib.parse import unquote

from holf.gate.kinds import bytes_kind, decode
from holf.gate.piece import Piece

# Eleven letters hold eight bytes, one number in double precision; fewer count only where padding says what they are.
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{11,}={0,2}|[A-Za-z0-9+/_-]{3,}={1,2}")
# Base64 as mail and PEM break it: whole lines of one length, and a last one.
_LINES = re.compile(r"(?:[A-Za-z0-9+/]{60,100}\r?\n)+[A-Za-z0-9+/]*={0,2}")
_DATA_URI = re.compile(r"data:([\w.+/-]*)((?:;[\w.+=-]+)*),([^\s\"'<>)]*)")
_JSON_ESCAPE = re.compile(r"(?:\\u[0-9a-fA-F]{4})+|\\[nrt\"\\/]")
_TAG = re.compile(r"<(?:!doctype|!--|table|svg|script|html|body|div|img|pre|tr|path)\b", re.IGNORECASE)
# Base64 of this length that opens to nothing known is not a word, a name or a digest.
_LONG = 120
_HEX = re.compile(r"\b(?:[0-9a-fA-F]{2}){58,}\b")
_MOST_FLOATS = 28


def _plain_json(match: re.Match) -> str:
    try:
        return json.loads(f'"{match[0]}"')
    except ValueError:
        return match[0]


def unescaped(text: str) -> Iterator[str]:
    """Each other text that `text` becomes when one kind of escape is undone.

    Examples
    --------
    >>> list(unescaped("a&amp;b")), list(unescaped("a%20b")), list(unescaped("a\\\\u0062"))
    (['a&b'], ['a b'], ['ab'])
    """
    for other in (html.unescape(text), unquote(text), _JSON_ESCAPE.sub(_plain_json, text)):
        if other != text:
            # Half a surrogate pair cannot be written as bytes.
            yield other.encode("utf-8", "replace").decode()


def is_float_array(data: bytes) -> bool:
    """Say whether bytes look like more than 28 floating-point numbers of everyday size, in either precision.

    Examples
    --------
    >>> is_float_array(struct.pack("<40d", *range(40))), is_float_array(bytes(range(256)))
    (True, False)
    """
    for code, width in (("d", 8), ("f", 4)):
        for order in "<>":
            count = len(data) // width
            if len(data) % width == 0 and count > _MOST_FLOATS:
                values = struct.unpack(f"{order}{count}{code}", data)
                usual = sum(value == 0 or (math.isfinite(value) and 1e-9 < abs(value) < 1e12) for value in values)
                # A byte at random would be of usual size about one time in four.
                if usual >= 0.9 * count:
                    return True
    return False


def from_base64(token: str) -> bytes | None:
    """Decode ordinary or URL-safe base64, with or without its padding; None if it is not base64."""
    bare = re.sub(r"\s", "", token).rstrip("=").translate(str.maketrans("-_", "+/"))
    try:
        return b64decode(bare + "=" * (-len(bare) % 4), validate=True)
    except (binascii.Error, ValueError):
        return None


def _decoded(piece: Piece, token: str) -> Piece | None:
    """What a token of base64 holds; a token that only may be base64 gives a crumb, in which canaries are sought."""
    data = from_base64(token)
    if not data:
        return None
    kind = bytes_kind(data)
    if not kind and data[:1] == b"\x78" and len(data) > 8 and _is_zlib(data):
        kind = "zlib"
    if kind or (len(data) > 3 and decode(data) is not None):
        return piece.inside("base64", kind=kind, data=data)
    if is_float_array(data):
        return piece.inside("base64", kind="floats", data=data)
    looks = len(token) >= _LONG and all(re.search(each, token) for each in ("[a-z]", "[A-Z]", "[0-9]"))
    return piece.inside("base64", kind="unknown" if looks else "crumb", data=data)


def _is_zlib(data: bytes) -> bool:
    try:
        zlib.decompressobj().decompress(data, 64)
    except zlib.error:
        return False
    return True


def open_text(piece: Piece, room: int) -> Iterator[Piece]:
    """Everything that a running text wraps."""
    for other in unescaped(piece.text):
        # What stood as links or a comment is still that once its escapes are undone.
        kind = piece.kind if piece.kind in ("links", "comment", "terms", "png-text", "output") else ""
        yield piece.inside("", kind=kind, text=other, data=b"" if kind else other.encode())
    for number, match in enumerate(_DATA_URI.finditer(piece.text), start=1):
        body = unquote(match[3])
        data = from_base64(body) if match[2].endswith(";base64") else body.encode()
        yield piece.inside(f"data URI {number}", data=data or b"", kind="" if data else "broken")
    tokens = dict.fromkeys([*_LINES.findall(piece.text), *_TOKEN.findall(piece.text)])
    for digits in dict.fromkeys(_HEX.findall(piece.text)):
        data = bytes.fromhex(digits)
        yield piece.inside("hex digits", kind="floats" if is_float_array(data) else "unknown", data=data)
    yield from filter(None, (_decoded(piece, token) for token in tokens))
    if piece.kind != "terms" and _TAG.search(piece.text):
        yield piece.inside("", kind="markup", text=piece.text)
