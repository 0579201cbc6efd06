"""Rules on traces of the machine and the run that made a page: paths, names, errors, hidden remarks."""

from __future__ import annotations

import re

from holf.gate.files import PLAIN, Item
from holf.gate.known import Known
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
_COMMENT = re.compile(r"<!--(.*?)-->", re.DOTALL)
_FREE_DIGIT = re.compile(r"(?<![A-Za-z\d-])\d")


def holds_path(item: Item, known: Known) -> bool:
    """A path of a machine; not a link inside the site."""
    if item.kind not in PLAIN:
        return False
    own = _MACHINE if item.kind == "links" else _ABSOLUTE
    return bool(own.search(item.text) or _FOREIGN.search(item.text))


def holds_name(item: Item, known: Known) -> bool:
    """The name of the user or the machine that the gate runs for, or another one it was given."""
    if item.kind not in PLAIN | {"name"}:
        return False
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", item.text, re.IGNORECASE) for name in known.names)


def holds_traceback(item: Item, known: Known) -> bool:
    """The trail of an exception in any text, or its last line in a listing."""
    if item.kind not in PLAIN:
        return False
    text = _ANSI.sub("", item.text)
    return bool(_TRACE.search(text) or (item.kind == "output" and _RAISED.search(text)))


def holds_stderr(item: Item, known: Known) -> bool:
    """What a run wrote on its standard error."""
    return item.kind == "markup" and bool(item.value.select(".output.stderr"))


def holds_comment(item: Item, known: Known) -> bool:
    """A comment with a number in it: nobody sees it, and everybody can read it."""
    if item.kind == "comment":
        return bool(_FREE_DIGIT.search(item.text))
    return item.kind in ("text", "output") and any(_FREE_DIGIT.search(inner) for inner in _COMMENT.findall(item.text))


def holds_picture_text(item: Item, known: Known) -> bool:
    """Anything beside the pixels of a picture but the book's mark, the digest of its data, its letters, its program."""
    if item.kind != "picture-extra":
        return False
    keyword, _, text = item.text.partition(": ")
    own = keyword == "Comment" and text in (MARK, REAL_MARK, "RECORD")
    sealed = keyword == "Source" and re.fullmatch(r"sha256 [0-9a-f]{64}", text)
    sized = keyword == "Letters" and re.fullmatch(r"\d{2}\.\d of \d{3} px", text)
    drawn = keyword == "Software" and re.fullmatch(r"Matplotlib version ?[\d.]+, https://matplotlib\.org/", text)
    return not (own or sealed or sized or drawn)
