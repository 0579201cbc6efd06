"""Opening what wraps other bytes: archives, compressed streams, pictures with chunks, the inventory of a site."""

from __future__ import annotations

import bz2
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterator

from holf.gate.piece import Piece, TooMuch, Unreadable

# Chunks of a PNG that say how to show its pixels, and nothing else.
_PLAIN_CHUNKS = frozenset(
    (b"IHDR", b"PLTE", b"IDAT", b"IEND", b"pHYs", b"gAMA", b"sRGB", b"cHRM", b"tRNS", b"bKGD", b"sBIT")
)
_STREAMS = {
    "gzip": lambda: zlib.decompressobj(31),
    "zlib": zlib.decompressobj,
    "bzip2": bz2.BZ2Decompressor,
    "xz": lzma.LZMADecompressor,
}


def inflate(data: bytes, kind: str, room: int) -> bytes:
    """Decompress all members of a stream, at most `room` bytes.

    Parameters
    ----------
    data : bytes
    kind : str
        ``gzip``, ``zlib``, ``bzip2`` or ``xz``.
    room : int
        Bytes that may come out.

    Raises
    ------
    Unreadable
        If the stream is broken, or cut short.
    TooMuch
        If more comes out than there is room for.

    Examples
    --------
    >>> inflate(zlib.compress(b"words"), "zlib", 100)
    b'words'
    """
    out, rest = bytearray(), data
    while rest:
        machine = _STREAMS[kind]()
        try:
            out += machine.decompress(rest, room - len(out) + 1)
        except (zlib.error, OSError, EOFError, lzma.LZMAError) as error:
            raise Unreadable("a broken stream") from error
        if len(out) > room:
            raise TooMuch("a stream")
        if not machine.eof:
            raise Unreadable("a stream cut short")
        # Padding behind the end is common, and holds nothing.
        rest = machine.unused_data.lstrip(b"\0\r\n ")
    return bytes(out)


def open_stream(piece: Piece, room: int) -> Iterator[Piece]:
    """What a compressed stream holds."""
    if piece.kind == "gzip" and piece.data[3:4] and piece.data[3] & 0b11000:
        header = piece.data[10:4096].split(b"\0")[0]
        yield piece.inside("gzip header", kind="name", text=header.decode("latin-1"))
    name = piece.name.removesuffix(".gz").removesuffix(".bz2").removesuffix(".xz")
    yield piece.inside(piece.kind, data=inflate(piece.data, piece.kind, room), name=name)


def open_zip(piece: Piece, room: int) -> Iterator[Piece]:
    """Members of a zip, numbered: a member's own name can leak, so it is judged as text."""
    try:
        with zipfile.ZipFile(io.BytesIO(piece.data)) as archive:
            if sum(member.file_size for member in archive.infolist()) > room:
                raise TooMuch("a zip")
            yield piece.inside("zip comment", data=archive.comment)
            for number, member in enumerate(archive.infolist(), start=1):
                step = f"zip member {number}"
                yield piece.inside(f"{step}, name", kind="name", text=member.filename)
                if not member.is_dir():
                    yield piece.inside(step, data=archive.read(member), name=member.filename)
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, zlib.error, OSError, EOFError) as error:
        raise Unreadable("a zip") from error


def open_tar(piece: Piece, room: int) -> Iterator[Piece]:
    """Members of a tar, numbered like those of a zip."""
    try:
        with tarfile.open(fileobj=io.BytesIO(piece.data)) as archive:
            for number, member in enumerate(archive, start=1):
                step = f"tar member {number}"
                yield piece.inside(f"{step}, name", kind="name", text=f"{member.name}\n{member.uname}")
                if member.size > room:
                    raise TooMuch("a tar")
                if stream := archive.extractfile(member):
                    yield piece.inside(step, data=stream.read(), name=member.name)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise Unreadable("a tar") from error


def open_inventory(piece: Piece, room: int) -> Iterator[Piece]:
    """Header and entries of the object inventory that Sphinx writes."""
    parts = piece.data.split(b"\n", 4)
    if len(parts) < 5:
        raise Unreadable("an inventory")
    yield piece.inside("header", kind="text", text=b"\n".join(parts[:4]).decode("utf-8", "replace"))
    yield piece.inside("entries", data=inflate(parts[4], "zlib", room))


def open_png(piece: Piece, room: int) -> Iterator[Piece]:
    """Chunks of a PNG beside its pixels, and what stands behind its end."""
    data, at, kind = piece.data, 8, b""
    while kind != b"IEND":
        length, kind = int.from_bytes(data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if len(kind) < 4 or len(body) < length:
            raise Unreadable("a picture cut short")
        at += length + 12
        if kind == b"eXIf":
            yield piece.inside("chunk eXIf", kind="exif", data=body)
        elif kind in (b"tEXt", b"zTXt", b"iTXt"):
            yield piece.inside(f"chunk {kind.decode()}", kind="png-text", text=_chunk_text(kind, body, room))
        elif kind not in _PLAIN_CHUNKS:
            yield piece.inside("a chunk of another kind", data=body)
    if data[at:]:
        yield piece.inside("behind the end of the picture", kind="unknown", data=data[at:])


def _chunk_text(kind: bytes, body: bytes, room: int) -> str:
    """Keyword and text of a textual chunk, with ``: `` between them."""
    keyword, _, rest = body.partition(b"\0")
    if kind == b"tEXt":
        return f"{keyword.decode('latin-1')}: {rest.decode('latin-1')}"
    if kind == b"zTXt":
        return f"{keyword.decode('latin-1')}: {inflate(rest[1:], 'zlib', room).decode('latin-1')}"
    squeezed, (language, _, rest) = rest[:1] == b"\1", rest[2:].partition(b"\0")
    translated, _, rest = rest.partition(b"\0")
    text = inflate(rest, "zlib", room) if squeezed else rest
    extra = b" ".join(filter(None, [language, translated, text]))
    return f"{keyword.decode('latin-1')}: {extra.decode('utf-8', 'replace')}"
