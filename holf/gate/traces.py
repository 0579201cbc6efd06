"""Traces of the machine and the run that made a page: paths, names, errors, metadata, litter."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from holf.gate.known import Known
from holf.gate.markup import parse
from holf.gate.piece import PLAIN, Piece
from holf.table import MARK, REAL_MARK

_ROOTS = (
    "home|Users|root|tmp|var|opt|usr|mnt|media|srv|secure|workspace|private|etc|Volumes|scratch|cluster|tsd|runner"
    "|builds|nix|run|lib|proc|dev|work|data"
)
_START = r"(?:^|(?<=[\s\"'`(=:,\[{<>|]))"
# Below a folder that machines have and sites do not; or three names deep, which in running text is no link either.
_ABSOLUTE = re.compile(rf"{_START}/(?:(?:{_ROOTS})/[\w.-]+|[\w.-]+/[\w.-]+/[\w.-]+)", re.MULTILINE)
_MACHINE = re.compile(rf"{_START}/(?:home|Users|root|tmp|secure|mnt|private|Volumes|tsd)/[\w.-]+", re.MULTILINE)
_FOREIGN = re.compile(
    rf"\b(?:file|smb|afp|nfs|sftp|ssh|vscode):/{{1,3}}[\w.~%-]|{_START}[A-Za-z]:[\\/](?!/)[\w.$ -]+"
    rf"|{_START}\\\\[\w.-]+\\[\w$.-]+|{_START}~[\w-]*/[\w.-]+",
    re.MULTILINE,
)
_ANSI = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_TRACE = re.compile(
    r"Traceback\s+\(most recent call last\)|^\s*-{2,}> ?\d+ |\bFile \"[^\"\n]+\", line \d+"
    r"|\bCell In\s?\[\d+\], line \d+",
    re.MULTILINE,
)
_RAISED = re.compile(r"^(?:\w+\.)*\w*(?:Error|Exception|Warning): \S", re.MULTILINE)
_LITTER = re.compile(
    r"(^|/)(\.jupyter_cache|jupyter_execute|\.git|\.hg|\.svn|\.ipynb_checkpoints|\.pytest_cache|\.ruff_cache"
    r"|__pycache__|\.doctrees|\.vscode|\.idea|\.hypothesis|\.venv|\.DS_Store|Thumbs\.db|desktop\.ini|\.env"
    r"|\.Rhistory|\.Rprofile)(/|$)"
    r"|(~|\.sw[a-p]|\.bak|\.orig|\.rej|\.tmp|\.old|\.log|\.pyc|\.lock)$|(^|/)#[^/]*#$|(^|/)\.#"
)
_NOTEBOOK_KEYS = {
    "kernelspec": {"display_name", "language", "name"},
    "language_info": {"name"},
    "holf": {"reads"},
    "jupytext": {"text_representation", "formats"},
}
_CELL_KEYS = {"tags": None, "mystnb": {"image", "figure"}}
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_FREE_DIGIT = re.compile(r"(?<![A-Za-z\d-])\d")


def holds_path(piece: Piece) -> bool:
    """A path of a machine; not a link inside the site."""
    if piece.kind not in PLAIN:
        return False
    if piece.kind == "links":
        return bool(_MACHINE.search(piece.text) or _FOREIGN.search(piece.text))
    return bool(_ABSOLUTE.search(piece.text) or _FOREIGN.search(piece.text))


def holds_name(piece: Piece, known: Known) -> bool:
    """The name of the user or the machine that the gate runs for, or another one it was given."""
    if piece.kind not in PLAIN | {"name", "pdf-objects"}:
        return False
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", piece.text, re.IGNORECASE) for name in known.names)


def holds_traceback(piece: Piece) -> bool:
    """An error output, or the trail of an exception in any text."""
    if piece.kind == "error":
        return True
    if piece.kind not in PLAIN:
        return False
    text = _ANSI.sub("", piece.text)
    return bool(_TRACE.search(text) or (piece.kind == "output" and _RAISED.search(text)))


def holds_stderr(piece: Piece) -> bool:
    """What a run said on its second stream."""
    return piece.kind == "stderr" or (piece.kind == "markup" and bool(parse(piece.text).select(".output.stderr")))


def holds_metadata(piece: Piece) -> bool:
    """Metadata of a notebook beyond what this book writes, such as papermill's parameters and times."""
    if piece.kind not in ("notebook-metadata", "cell-metadata") or not isinstance(piece.value, dict):
        return False
    allowed = _NOTEBOOK_KEYS if piece.kind == "notebook-metadata" else _CELL_KEYS
    for key, value in piece.value.items():
        if key == "widgets":
            continue
        if key not in allowed or (isinstance(value, dict) and not value.keys() <= (allowed[key] or set())):
            return True
    return False


def holds_widgets(piece: Piece) -> bool:
    """The state of interactive controls."""
    words = r"vnd\.jupyter\.widget-(state|view)"
    if piece.kind == "notebook-metadata" and isinstance(piece.value, dict) and "widgets" in piece.value:
        return True
    return piece.kind in PLAIN | {"mime", "markup"} and bool(re.search(words, piece.text))


def is_litter(piece: Piece) -> bool:
    """A file by which tools remember: caches, histories, backups, logs."""
    return piece.kind == "name" and bool(_LITTER.search(piece.text))


def is_source_map(piece: Piece) -> bool:
    """A map from a script back to its source that no installed theme brought."""
    named = piece.kind == "file" and PurePosixPath(piece.name).suffix == ".map"
    inside = piece.kind == "json" and isinstance(piece.value, dict) and {"mappings", "sources"} <= piece.value.keys()
    return named or inside


def holds_comment(piece: Piece) -> bool:
    """A comment with a number in it: nobody sees it, and everybody can read it."""
    if piece.kind == "comment":
        return bool(_FREE_DIGIT.search(piece.text))
    return piece.kind in ("text", "output") and any(_FREE_DIGIT.search(said) for said in _COMMENT.findall(piece.text))


def holds_png_text(piece: Piece) -> bool:
    """Words in a picture file, other than the book's mark, the digest of its data, its letters and what drew it."""
    if piece.kind != "png-text":
        return False
    keyword, _, text = piece.text.partition(": ")
    own = keyword == "Comment" and text in (MARK, REAL_MARK, "RECORD")
    sealed = keyword == "Source" and re.fullmatch(r"sha256 [0-9a-f]{64}", text)
    sized = keyword == "Letters" and re.fullmatch(r"\d{2}\.\d of \d{3} px", text)
    drawn = keyword == "Software" and re.fullmatch(r"Matplotlib version ?[\d.]+, https://matplotlib\.org/", text)
    return not (own or sealed or sized or drawn)


def holds_exif(piece: Piece) -> bool:
    """What a camera or a program noted in a picture."""
    return piece.kind == "exif" or (piece.kind == "image" and b"Exif\0\0" in piece.data[:65536])


def is_other_image(piece: Piece) -> bool:
    """A picture of a kind that the gate does not open."""
    return piece.kind == "image"


def holds_pdf_extras(piece: Piece) -> bool:
    """Attachments, authors and programs in a PDF."""
    words = r"/(EmbeddedFiles?|Filespec|Author|JavaScript|JS|Launch|Metadata|RichMedia)\b"
    return piece.kind == "pdf-objects" and bool(re.search(words, piece.text))
