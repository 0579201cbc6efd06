"""The rules of the gate, as a table: what each one finds, and what to do about it.

Those on the shape of data are in `shapes`; how identifiers are sought is in `identifiers`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from holf.confidential import national_numbers
from holf.confidential.scan import identifiers, shapes
from holf.confidential.scan.files import PLAIN, Item
from holf.confidential.scan.known import Known
from holf.record.source import MARK, REAL_MARK

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


@dataclass(frozen=True)
class Rule:
    """One rule.

    Attributes
    ----------
    id : str
        Its name in findings, exceptions and manifests.
    says : str
        What it finds, in words that fit every finding: a finding never quotes what it found.
    fix : str
        What to do about it.
    finds : callable of Item and Known
        True where the item breaks the rule.
    excusable : bool
        Whether a signed exception can let it pass. A canary proves that another rule has a hole, so none excuses it.
    """

    id: str
    says: str
    fix: str
    finds: Callable[[Item, Known], bool]
    excusable: bool = True


def _is(kind: str) -> Callable[[Item, Known], bool]:
    return lambda item, known: item.kind == kind


def holds_national_number(item: Item, known: Known) -> bool:
    """A Norwegian national identity number.

    Words of the search index are passed over: each stands on a page, where it is judged with what is around it, while
    in the index a decimal has lost its "0." and one in some hundred of eleven digits looks like a person's number.
    """
    return item.kind != "terms" and national_numbers.holds_national_number(item.normalised)


def holds_id(item: Item, known: Known) -> bool:
    """An identifier of the study, real or simulated: pages hold none of either."""
    pattern = rf"(?<![^\W_]){known.id_pattern}(?![^\W_])"
    return bool(re.search(pattern, item.normalised, re.IGNORECASE)) or known.id_index.occurs_in(item.normalised)


def holds_canary(item: Item, known: Known) -> bool:
    """One of the canaries: planted values that must not appear."""
    return identifiers.holds_canary(item.normalised, known.canaries)


def _holds_path(item: Item, known: Known) -> bool:
    """A path of a machine; not a link inside the site."""
    if item.kind not in PLAIN:
        return False
    own = _MACHINE if item.kind == "links" else _ABSOLUTE
    return bool(own.search(item.text) or _FOREIGN.search(item.text))


def _holds_name(item: Item, known: Known) -> bool:
    """The name of the user or the machine that the gate runs for, or another one it was given."""
    if item.kind not in PLAIN | {"name"}:
        return False
    return any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", item.text, re.IGNORECASE) for name in known.names)


def _holds_traceback(item: Item, known: Known) -> bool:
    """The trail of an exception in any text, or its last line in a listing."""
    if item.kind not in PLAIN:
        return False
    text = _ANSI.sub("", item.text)
    return bool(_TRACE.search(text) or (item.kind == "output" and _RAISED.search(text)))


def _holds_stderr(item: Item, known: Known) -> bool:
    """What a run wrote on its standard error."""
    return item.kind == "markup" and bool(item.value.select(".output.stderr"))


def _holds_picture_text(item: Item, known: Known) -> bool:
    """Text in a picture file other than the book's mark, the digest of its data, its fonts and its program."""
    if item.kind != "picture-extra":
        return False
    keyword, _, text = item.text.partition(": ")
    own = keyword == "Comment" and text in (MARK, REAL_MARK, "RECORD")
    sealed = keyword == "Source" and re.fullmatch(r"sha256 [0-9a-f]{64}", text)
    sized = keyword == "Letters" and re.fullmatch(r"\d{2}\.\d of \d{3} px", text)
    drawn = keyword == "Software" and re.fullmatch(r"Matplotlib version ?[\d.]+, https://matplotlib\.org/", text)
    return not (own or sealed or sized or drawn)


_AT_SOURCE = "take it out at its source, and build again"
ALL = (
    Rule("kinds", "a kind of file that a site does not hold", "delete it, or build again", _is("refused")),
    Rule("unreadable", "a link, or a file that is not what its name says", "leave it out", _is("unreadable")),
    Rule("rows", "more rows than a table for readers has", "publish an aggregate", shapes.holds_rows),
    Rule("numbers", "more than 28 numbers in a row", "draw aggregates, as PNG", shapes.holds_numbers),
    Rule("frames", "a frame as a statistics program prints it", "show a typed answer", shapes.holds_frame),
    Rule("charts", "the data of an interactive chart or control", "draw it with holf.display.figure",
         shapes.holds_chart_data),
    Rule("encoded", "a file inside a file, or 150 letters and digits without a break", "make it a file of its own",
         shapes.holds_encoded),
    Rule("ids", "an identifier of the study", _AT_SOURCE, holds_id),
    Rule("national-ids", "a national identity number", _AT_SOURCE, holds_national_number),
    Rule("offices", "numbers by office", "show the distribution over the offices of an arm, or nothing",
         shapes.holds_offices),
    Rule("columns", "a column of keys, free text, birth dates or contacts", "publish an aggregate",
         shapes.holds_columns),
    Rule("canaries", "a value that must not come out", "find out which other rule should have seen it",
         holds_canary, excusable=False),
    Rule("paths", "a path of a machine", "name files relative to the project", _holds_path),
    Rule("names", "the name of a user or machine", "build under an account that names nobody", _holds_name),
    Rule("tracebacks", "an error, or the trail of one", "mend the cell, and build again", _holds_traceback),
    Rule("stderr", "what a run wrote on its standard error", "mend its cause, and build again", _holds_stderr),
    Rule("png-text", "words or other notes in a picture file", "draw it with holf.display.figure", _holds_picture_text),
    Rule("pdf-extras", "an author, an attachment, a form or a script in a PDF", "write the PDF without it",
         _is("pdf-extra")),
)  # fmt: skip
