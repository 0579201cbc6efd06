"""Builds that are killed at a random moment, and what must be true afterwards: used by tests and by `benchmarks.kills`."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

import nbformat
import numpy as np
from small_book import SmallBook, small_book

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
# States of the book between which trials go: another text and another line of code in a chapter, and in the third also
# an assumption, from which the simulated studies and a second chapter follow.
STATES = ("first", "second", "third")
_TEXT = dict(zip(STATES, ("Words.", "Other words.", "Words of a third kind.")))
_CODE = dict(zip(STATES, ("str(21 *", "str(22 *", "str(23 *")))
_VALUE = dict(zip(STATES, ("value: 6000", "value: 6000", "value: 6300")))


class Broken(AssertionError):
    """A killed build left something wrong, or the next one did not mend it."""


@dataclass(frozen=True)
class Kill:
    """How a build was killed.

    Attributes
    ----------
    after : float
        Seconds from its start.
    number : int
        The signal.
    alone : bool
        Whether the signal went to the build alone, and not to the processes that it had started.
    """

    after: float
    number: int
    alone: bool


def set_state(book: SmallBook, state: str) -> None:
    """Edit the sources of the book, as an author would."""
    (book.root / "index.md").write_text(f"# Small book\n\n## Part\n\n{_TEXT[state]}\n")
    for code in _CODE.values():
        book.edit("plain", code, _CODE[state])
    assumptions = book.root / "data" / "assumptions.yml"
    text = assumptions.read_text(encoding="utf-8")
    if _VALUE[state] not in text:
        former = next(value for value in _VALUE.values() if value in text)
        assumptions.write_text(text.replace(former, _VALUE[state]), encoding="utf-8")


def right_sites(folder: Path, states: tuple[str, ...] = STATES) -> tuple[dict[str, dict[str, bytes]], float]:
    """The site of each state, each built from nothing in a folder of its own, and the seconds that the last took.

    A copy of the first is left as `book`.
    """
    sites, taken = {}, 0.0
    for state in states:
        (folder / state).mkdir(parents=True)
        book = small_book(folder / state)
        set_state(book, state)
        start = time.monotonic()
        done = book.build()
        taken = time.monotonic() - start
        if done.returncode:
            raise Broken(done.stdout + done.stderr)
        sites[state] = book.snapshot()
    shutil.copytree(folder / states[0], folder / "book")
    return sites, taken


def draw_kill(rng: np.random.Generator, taken: float) -> Kill:
    """A kill at any moment of a build that takes so many seconds."""
    number = int(rng.choice(SIGNALS, p=(0.6, 0.2, 0.2)))
    return Kill(float(rng.uniform(0, taken)), number, bool(rng.integers(2)))


def killed(book: SmallBook, kill: Kill) -> bool:
    """Start a build and kill it; True if it had not ended by itself."""
    process = subprocess.Popen(
        book.command("-W", "-n", "--keep-going"),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=book.environment(),
        cwd=book.root,
        start_new_session=True,
    )
    try:
        process.wait(kill.after)
        return False
    except subprocess.TimeoutExpired:
        (os.kill if kill.alone else os.killpg)(process.pid, kill.number)
        process.wait()
        return True


def trial(book: SmallBook, sites: dict[str, dict[str, bytes]], state: str, kill: Kill) -> bool:
    """Bring the book into a state, kill the build of it, and build again.

    Raises
    ------
    Broken
        If the site was neither the former nor the new one, a notebook was not whole, or the next build is not right.
    """
    former = book.snapshot()
    set_state(book, state)
    was_killed = killed(book, kill)
    if book.snapshot() not in (former, sites[state]):
        raise Broken(f"{kill}: the site is neither the former nor the new one")
    for page in (book.root / "chapters").glob("*.ipynb"):
        nbformat.validate(nbformat.read(page, as_version=4))
    done = book.build()
    if done.returncode:
        raise Broken(f"{kill}: the next build failed\n{done.stdout}{done.stderr}")
    site = book.snapshot()
    if wrong := sorted(name for name in site.keys() | sites[state].keys() if site.get(name) != sites[state].get(name)):
        raise Broken(f"{kill}: the next build is not right: {', '.join(wrong)}")
    return was_killed
