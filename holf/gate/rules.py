"""The rules of the gate, as a table: what each one finds, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from holf.gate import arrays, identifiers, tabular, traces
from holf.gate.files import Item
from holf.gate.known import Known


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


_AT_SOURCE = "take it out at its source, and build again"
ALL = (
    Rule("kinds", "a kind of file that a site does not hold", "delete it, or build again", _is("refused")),
    Rule("unreadable", "a link, or a file that is not what its name says", "leave it out", _is("unreadable")),
    Rule("rows", "more rows than a table for readers has", "publish an aggregate", tabular.holds_rows),
    Rule("numbers", "more than 28 numbers or points in a row", "draw aggregates, as PNG", arrays.holds_numbers),
    Rule("extremes", "a minimum and a maximum side by side", "show a mean and its interval", tabular.holds_extremes),
    Rule("frames", "a frame as a statistics program prints it", "show a typed answer", tabular.holds_frame),
    Rule("charts", "the data of an interactive chart or control", "draw it with holf.picture", arrays.holds_chart_data),
    Rule("encoded", "a file inside a file, or 150 letters and digits without a break", "make it a file of its own",
         arrays.holds_encoded),
    Rule("ids", "an identifier of the study", _AT_SOURCE, identifiers.holds_id),
    Rule("national-ids", "a national identity number", _AT_SOURCE, identifiers.holds_national_number),
    Rule("offices", "numbers by office", "show the distribution over the offices of an arm, or nothing",
         tabular.holds_offices),
    Rule("columns", "a column of keys, free text, birth dates or contacts", "publish an aggregate",
         tabular.holds_columns),
    Rule("canaries", "a value that must not come out", "find out which other rule should have seen it",
         identifiers.holds_canary, excusable=False),
    Rule("paths", "a path of a machine", "name files relative to the project", traces.holds_path),
    Rule("names", "the name of a user or machine", "build under an account that names nobody", traces.holds_name),
    Rule("tracebacks", "an error, or the trail of one", "mend the cell, and build again", traces.holds_traceback),
    Rule("stderr", "what a run wrote on its standard error", "mend its cause, and build again", traces.holds_stderr),
    Rule("comments", "a comment with a number in it", "say it on the page, or not at all", traces.holds_comment),
    Rule("png-text", "words or other notes in a picture file", "draw it with holf.picture", traces.holds_picture_text),
    Rule("pdf-extras", "an author, an attachment, a form or a script in a PDF", "write the PDF without it",
         _is("pdf-extra")),
)  # fmt: skip
