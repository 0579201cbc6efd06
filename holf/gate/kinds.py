"""What bytes are, told from the bytes themselves: a name can say anything."""

from __future__ import annotations

import json
import re
from pathlib import PurePosixPath

# First bytes -> kind. Files of rows and of pickled objects are "data": nothing in them is for readers.
_MAGIC = (
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"%PDF-", "pdf"),
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x1f\x8b\x08", "gzip"),
    (b"BZh", "bzip2"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"# Sphinx inventory version 2", "inventory"),
    (b"%!PS", "unknown"),
    (b"\xff\xd8\xff", "image"),
    (b"GIF87a", "image"),
    (b"GIF89a", "image"),
    (b"II*\x00", "image"),
    (b"MM\x00*", "image"),
    (b"PAR1", "data"),
    (b"ARROW1", "data"),
    (b"FEA1", "data"),
    (b"\x93NUMPY", "data"),
    (b"\x89HDF\r\n", "data"),
    (b"SQLite format 3\x00", "data"),
    (b"MATLAB 5.0", "data"),
    (b"<stata_dta>", "data"),
    (b"$FL2", "data"),
    (b"$FL3", "data"),
    (b"RDX", "data"),
    (b"RDA", "data"),
    (b"DIRC\x00", "data"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "data"),
)
_DATA_ENDINGS = frozenset(
    ".pkl .pickle .joblib .parquet .feather .arrow .npy .npz .sav .zsav .por .dta .rds .rda .rdata .sas7bdat .xpt .h5 "
    ".hdf5 .db .sqlite .sqlite3 .duckdb .xls .xlsx .xlsb .ods .mat .doctree".split()
)
# The first protocol of pickle is text.
_OLD_PICKLE = re.compile(rb"\((dp|lp|[di]p)\d+\n|c[\w.]+\n\w+\n(p\d+\n)?")
_MARKUP = re.compile(r"\s*<(!doctype|\?xml|!--|[a-z][\w:-]*[\s/>])", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
# The call that hands the search index to the page.
INDEX = "Search.setIndex("


def bytes_kind(data: bytes, name: str = "") -> str:
    """Kind of `data`, or an empty string if its bytes tell nothing.

    Parameters
    ----------
    data : bytes
    name : str
        File name, for the kinds of data file that have no sign of their own.

    Examples
    --------
    >>> bytes_kind(b"\\x93NUMPY\\x01\\x00"), bytes_kind(b"plain words")
    ('data', '')
    """
    for start, kind in _MAGIC:
        if data.startswith(start):
            return kind
    if data[:1] == b"\x80" and data[1:2] in b"\x02\x03\x04\x05" and data.endswith(b"."):
        return "data"
    if _OLD_PICKLE.match(data) and data.rstrip().endswith(b"."):
        return "data"
    if PurePosixPath(name.lower()).suffix in _DATA_ENDINGS:
        return "data"
    if (data[:4] == b"RIFF" and data[8:12] == b"WEBP") or data[4:8] == b"ftyp":
        return "image"
    if data[257:262] == b"ustar":
        return "tar"
    return ""


def decode(data: bytes) -> str | None:
    """Text of `data`, or None if it is no text: UTF-8, UTF-16 with its mark, else the Windows alphabet.

    Examples
    --------
    >>> decode("blåbær".encode("cp1252")), decode(b"\\x00\\x01\\x02")
    ('blåbær', None)
    """
    marks = ((b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"), (b"", "utf-8-sig"), (b"", "cp1252"))
    for mark, encoding in marks:
        if data.startswith(mark):
            try:
                text = data.decode(encoding)
            except UnicodeDecodeError:
                continue
            return None if _CONTROL.search(text) else text
    return None


def text_kind(text: str, name: str = "") -> tuple[str, object]:
    """Kind of a text, and what it parses to.

    Examples
    --------
    >>> text_kind('{"cells": [], "nbformat": 4}')[0], text_kind("<p>words</p>")[0], text_kind("words")[0]
    ('notebook', 'markup', 'text')
    """
    bare, ending = text.strip(), PurePosixPath(name.lower()).suffix
    if bare.startswith(INDEX):
        bare = bare[len(INDEX) :].rstrip(";").removesuffix(")")
        return _parsed(bare, "index")
    if bare[:1] in ("{", "[", '"') and bare:
        return _parsed(bare, "json")
    if _MARKUP.match(text) or ending in (".html", ".htm", ".svg", ".xml"):
        return "markup", None
    return {".js": "script", ".css": "style"}.get(ending, "text"), None


def _parsed(bare: str, kind: str) -> tuple[str, object]:
    try:
        value = json.loads(bare)
    except (ValueError, RecursionError):
        return "text", None
    if kind == "json" and isinstance(value, dict) and "cells" in value and "nbformat" in value:
        return "notebook", value
    return kind, value
