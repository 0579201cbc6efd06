"""Where numbers come from, and the mark that they carry wherever they are shown."""

from __future__ import annotations

from collections.abc import Iterable

MARK = "SIMULATED"
RECORD = "record"
# Published data of another trial, analysed here to test the methods: neither simulated nor about this trial.
ELSEWHERE = "another trial"
ELSEWHERE_MARK = "ANOTHER TRIAL"
# Real data of this trial, answered under disclosure control; built only by holders of the data, or from their release.
REAL = "real data"
REAL_MARK = "REAL DATA"
# How a source begins -> class in the HTML, and mark of the caption.
_KINDS = {
    "simulated: ": ("simulated", MARK),
    f"{ELSEWHERE}: ": ("elsewhere", ELSEWHERE_MARK),
    f"{REAL}: ": ("real", REAL_MARK),
}


def joint_source(sources: Iterable[str]) -> str:
    """One source for several, such as ``"simulated: null world, harm world"``.

    Raises
    ------
    ValueError
        If they are not all of one class: simulated, real and other trials' numbers never share a figure or a table.
    """
    names = list(dict.fromkeys(sources))
    if len({prefix_of(name) for name in names}) > 1:
        raise ValueError("simulated and other answers must not be shown together")
    first = prefix_of(names[0]) if names else ""
    return first + ", ".join(name.removeprefix(first) for name in names)


def kind_of(source: str) -> str:
    """Class of the numbers of a source, as the HTML names it."""
    return _KINDS[first][0] if (first := prefix_of(source)) else RECORD


def mark_of(source: str) -> tuple[str, str]:
    """The mark that numbers of a source carry, and the data that it names; both empty for the record."""
    return (_KINDS[first][1], source.removeprefix(first)) if (first := prefix_of(source)) else ("", "")


def data_name(source: str) -> str:
    """Name of the data of a source in columns and panels: the world, or "real data"."""
    return REAL if source.startswith(f"{REAL}: ") else source.removeprefix(prefix_of(source))


def prefix_of(source: str) -> str:
    """The prefix that tells the class of a source; empty for the record."""
    return next((first for first in _KINDS if source.startswith(first)), "")
