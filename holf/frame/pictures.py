"""Pictures as small as they can be without looking different: the book's figures have few colours."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

from PIL import Image, PngImagePlugin

# More colours than a palette holds are merged to this many; figures of lines and letters show no difference.
COLOURS = 256


def squeeze(data: bytes) -> bytes:
    """The same picture as a PNG with a palette, with its words, or `data` itself where that is no smaller.

    Parameters
    ----------
    data : bytes
        A PNG file.

    Returns
    -------
    bytes
        A PNG file of the same width and height; the same for the same `data`, wherever it is made.

    Notes
    -----
    Of Pillow's three ways to choose colours, all without a random start, this one keeps pictures of up to 256 colours
    exactly, and moved no channel of the book's figures by more than 6 of 255; the octree turned white to grey. Figures
    stand on white, so that transparency, which none of them has, would be lost.
    """
    with Image.open(io.BytesIO(data)) as picture:
        words = PngImagePlugin.PngInfo()
        for key, value in picture.text.items():
            words.add_text(key, value)
        plain = Image.new("RGB", picture.size, "white")
        plain.paste(picture, mask=picture.getchannel("A") if picture.mode == "RGBA" else None)
    small = plain.quantize(COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    stream = io.BytesIO()
    small.save(stream, format="png", optimize=True, pnginfo=words)
    return min(stream.getvalue(), data, key=len)


def squeeze_folder(folder: Path, cache: Path) -> None:
    """Replace the PNG files of a folder by squeezed ones, each of which is made once and kept in `cache`.

    Parameters
    ----------
    folder : pathlib.Path
        May be absent.
    cache : pathlib.Path
        Squeezed pictures by the SHA-256 of the original; those that no picture of the folder asks for are deleted.
    """
    cache.mkdir(parents=True, exist_ok=True)
    wanted = set()
    for file in sorted(folder.glob("*.png")):
        data = file.read_bytes()
        kept = cache / f"{hashlib.sha256(data).hexdigest()}.png"
        if not kept.exists():
            fresh = kept.with_suffix(".new")
            fresh.write_bytes(squeeze(data))
            os.replace(fresh, kept)
        wanted.add(kept.name)
        file.write_bytes(kept.read_bytes())
    for file in cache.iterdir():
        if file.name not in wanted:
            os.unlink(file)
