"""What is wrong with a folder of tables: a safe report for everyone, and details only in a private file."""

from __future__ import annotations

import glob
import json
import math
import os
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from holf.paths import project_root

_BANDS = ((1, 9), (10, 49), (50, 249), (250, 999))
# The middle value of fewer rows than this is not shown.
FEW = 10


def band(count: int) -> str:
    """A number of rows as a range, so that no exact count of people is shown.

    Examples
    --------
    >>> band(3), band(49), band(20_000)
    ('1-9', '10-49', '1000 or more')
    """
    return next((f"{low}-{high}" for low, high in _BANDS if low <= count <= high), "1000 or more" if count else "0")


def value_band(value: float) -> str:
    """A positive number as a range from one of 1, 2, 5, 10, 20, 50 ... to the next.

    Examples
    --------
    >>> value_band(23_900), value_band(7.4), value_band(1)
    ('20 000 to 50 000', '5 to 10', '1 to 2')
    """
    power = 10 ** math.floor(math.log10(value))
    low = max(step for step in (1, 2, 5) if step * power <= value)
    return " to ".join(f"{step * power:,}".replace(",", " ") for step in (low, {1: 2, 2: 5, 5: 10}[low]))


@dataclass(frozen=True)
class Finding:
    """One broken rule: where it is (`table` and `column` may be empty), and what to do about it.

    `rows` are the number of each row (from 1, below the header; 0 for a name) and its value, or None for the whole file
    or column; they stay inside this package. `whole` says that the rule is about all of it, whatever `rows` lists.
    """

    file: str
    table: str
    column: str
    rule: str
    fix: str
    rows: tuple[tuple[int, str], ...] | None = field(default=None, repr=False)
    whole: bool = False

    @property
    def line(self) -> str:
        """The finding in one line, without a value.

        Examples
        --------
        >>> Finding("offices.csv", "offices", "arm", "a value is missing", "Fill it in.", ((7, ""), (9, ""))).line
        'offices.csv, table offices, column arm: a value is missing (rows: 1-9). Fill it in.'
        """
        where = [self.file, self.table and f"table {self.table}", self.column and f"column {self.column}"]
        rows = "all" if self.whole or self.rows is None else band(len(self.rows))
        return f"{', '.join(filter(None, where))}: {self.rule} (rows: {rows}). {self.fix}"


class DropInError(ValueError):
    """A folder of tables does not fit the schema: a heading and the line of each finding, never with a value."""

    def __init__(self, lines: Iterable[str]):
        self.lines = tuple(lines)
        heading = f"the tables cannot be taken: {len(self.lines)} problem{'s' * (len(self.lines) != 1)}"
        super().__init__("\n".join([heading, *self.lines]))


def check_private(path: Path, folder: Path) -> None:
    """Refuse a place where a private report could be found by others, or would go with the project or the data.

    Raises
    ------
    ValueError
        If the file exists, its folder does not, or it lies inside the project or inside `folder`.
    """
    place = path.parent.resolve()
    if path.exists() or path.is_symlink():
        raise ValueError("the private file exists already; name a new one")
    if not place.is_dir():
        raise ValueError("the folder of the private file does not exist")
    for home, name in ((project_root(), "the project"), (folder, "the data folder")):
        if place.is_relative_to(home.resolve()):
            raise ValueError(f"the private file must lie outside {name}")


def write_private(path: Path, content: bytes, *, over: bool = False) -> None:
    """Write a file that nobody else may read, whole or not at all, even if the process is killed or the machine stops.

    A FileExistsError if there is one of that name, unless it may be written `over`.
    """
    for left_by_a_kill in path.parent.glob(f".{glob.escape(path.name)}.*.part"):
        left_by_a_kill.unlink(missing_ok=True)
    # Only its owner can read what mkstemp makes.
    handle, fresh = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        if not over and os.path.lexists(path):
            raise FileExistsError(f"{path.name} exists already; it is never written over")
        os.replace(fresh, path)
    finally:
        Path(fresh).unlink(missing_ok=True)


def write_findings(path: Path, findings: Iterable[Finding]) -> int:
    """Write row numbers and values, one JSON object a line, for their owner alone; returns the number of lines.

    Not CSV: a spreadsheet program would run a value that is a formula.
    """
    lines = [
        {"file": one.file, "table": one.table, "column": one.column, "rule": one.rule, "row": row, "value": value}
        for one in findings
        for row, value in one.rows or ()
    ]
    write_private(path, "".join(json.dumps(line, ensure_ascii=True) + "\n" for line in lines).encode())
    return len(lines)
