"""How far a sweep is: done, rate and time left, in one line that a terminal writes over."""

from __future__ import annotations

import sys
from time import monotonic
from typing import TextIO

_EVERY = 1.0  # seconds between lines on a terminal
_IN_LOG = 30.0  # and where the output is kept


class Progress:
    """Counts trials and says at what rate they come.

    Attributes
    ----------
    total, done, failed : int
        Trials of the sweep, those that are on disk, and those of tasks that failed.
    """

    def __init__(self, total: int, done: int, stream: TextIO | None = None):
        self.total, self.done, self.failed = total, done, 0
        self._stream = stream or sys.stderr
        self._start = self._last = monotonic()
        self._before = done

    def add(self, trials: int, *, failed: bool) -> None:
        """Count the trials of one task, and say so if the last line is old enough."""
        self.failed += trials if failed else 0
        self.done += 0 if failed else trials
        now, live = monotonic(), self._stream.isatty()
        if now - self._last >= (_EVERY if live else _IN_LOG):
            self._last = now
            print(self.line(now - self._start), end="\r" if live else "\n", file=self._stream, flush=True)

    def line(self, seconds: float) -> str:
        """Words for so many seconds since the start."""
        new = self.done + self.failed - self._before
        rate = new / seconds if seconds > 0 else 0.0
        left = self.total - self.done - self.failed
        words = f"{self.done:,} of {self.total:,} trials ({self.done / self.total:.0%})"
        if self.failed:
            words += f", {self.failed:,} failed"
        return f"{words}, {rate:,.0f} a second, {duration(left / rate) if rate else 'unknown time'} left"


def duration(seconds: float) -> str:
    """A time span in the unit that fits.

    Examples
    --------
    >>> duration(0.4), duration(75), duration(7500), duration(4 * 86400)
    ('1 s', '75 s', '125 min', '96 h')
    """
    for size, unit in ((3 * 3600, "h"), (180, "min")):
        if seconds >= size:
            return f"{seconds / {'h': 3600, 'min': 60}[unit]:,.0f} {unit}"
    return f"{max(1, round(seconds))} s"
