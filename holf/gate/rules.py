"""The rules of the gate, as a table: what each one finds, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from holf.gate import canaries, people, shapes, traces
from holf.gate.known import Known
from holf.gate.piece import Piece


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
    finds : callable of Piece and Known
        True where the piece breaks the rule.
    excusable : bool
        Whether a signed exception can let it pass.
    """

    id: str
    says: str
    fix: str
    finds: Callable[[Piece, Known], bool]
    excusable: bool = True


def _alone(finds: Callable[[Piece], bool]) -> Callable[[Piece, Known], bool]:
    return lambda piece, known: finds(piece)


_TABLE = (
    ("unreadable", "cannot be opened, or is of no known kind", "leave it out, or publish it in a plainer form",
     _alone(lambda piece: piece.kind in ("broken", "unknown"))),
    ("bomb", "grows beyond the limits when opened", "leave it out, or publish it unpacked",
     _alone(lambda piece: piece.kind == "bomb")),
    ("rows", "more rows than a table for readers has", "publish an aggregate", shapes.holds_rows),
    ("numbers", "more than 28 numbers or points in a row", "draw aggregates, as PNG", _alone(shapes.holds_numbers)),
    ("extremes", "a minimum and a maximum side by side", "show a mean and its interval", _alone(shapes.holds_extremes)),
    ("frames", "a frame as a statistics program prints it", "show a typed answer", _alone(shapes.holds_frame)),
    ("charts", "the data of an interactive chart", "draw it with holf.picture", _alone(shapes.holds_chart_data)),
    ("data-files", "a file of rows or pickled objects", "leave it out", _alone(shapes.is_data_file)),
    ("ids", "an identifier of the study", "take it out at its source, and build again", people.holds_id),
    ("national-ids", "a national identity number", "take it out at its source, and build again",
     people.holds_national_number),
    ("offices", "numbers by office", "show the distribution over the offices of an arm, or nothing",
     people.holds_offices),
    ("columns", "a column of keys, free text, birth dates or contacts", "publish an aggregate", people.holds_columns),
    ("canaries", "a value that must not come out", "find out which other rule should have seen it",
     canaries.holds_canary),
    ("paths", "a path of a machine", "name files relative to the project", _alone(traces.holds_path)),
    ("names", "the name of a user or machine", "build under an account that names nobody", traces.holds_name),
    ("tracebacks", "an error, or the trail of one", "mend the cell, and build again", _alone(traces.holds_traceback)),
    ("stderr", "what a run said on its second stream", "mend its cause, and build again", _alone(traces.holds_stderr)),
    ("metadata", "metadata that this book does not write", "build again, so that holf strips it",
     _alone(traces.holds_metadata)),
    ("widgets", "the state of interactive controls", "save the notebook without widget state",
     _alone(traces.holds_widgets)),
    ("litter", "a file by which a tool remembers", "delete it, or build into an empty folder",
     _alone(traces.is_litter)),
    ("source-maps", "a map back to a source", "leave it out", _alone(traces.is_source_map)),
    ("comments", "a comment with a number in it", "say it on the page, or not at all", _alone(traces.holds_comment)),
    ("png-text", "words inside a picture file", "draw it with holf.picture", _alone(traces.holds_png_text)),
    ("exif", "what a camera or program noted in a picture", "save the picture without it", _alone(traces.holds_exif)),
    ("image-kinds", "a picture of a kind that the gate does not open", "save it as PNG",
     _alone(traces.is_other_image)),
    ("pdf-extras", "an attachment or author in a PDF", "write the PDF without it", _alone(traces.holds_pdf_extras)),
)  # fmt: skip

ALL = tuple(Rule(name, says, fix, finds, excusable=name != "canaries") for name, says, fix, finds in _TABLE)
