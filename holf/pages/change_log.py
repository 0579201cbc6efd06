"""The page that tells readers which numbers changed between two releases of the book."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from holf.pages.changes import RECORD_TITLE
from holf.paths import data_path, read_yaml
from holf.record.facts import FactError

_PAGE = """# Change log

**What this page answers.** Which published, derived and assumed numbers of this book changed from one release to the
next, and where they stand.

Whoever cited a number can see here whether it is still the same. Numbers of simulated people are not listed: they are
no results of the trial, and follow from the assumptions, whose changes are. The command `holf changes OLD NEW` lists
all numbers that differ between two states of the book; whoever reviews a proposed change sees that list.
"""


@dataclass(frozen=True)
class BookRelease:
    """One release: its version, what to know of it, and its list of changed numbers (empty for the first)."""

    version: str
    about: str
    numbers: str


def load_releases(current: str, path: Path | None = None) -> list[BookRelease]:
    """Read `data/releases.yml`, newest first.

    Parameters
    ----------
    current : str
        Version of the book, from `CITATION.cff`.
    path : Path, optional
        Another file of that form.

    Raises
    ------
    FactError
        If the newest release is not this version, or one after the first has no list of changed numbers.
    """
    path = path or data_path("releases.yml")
    entries = read_yaml(path)
    if str(entries[0]["version"]) != current:
        raise FactError(f"{path.name}: the newest release is {entries[0]['version']}, and CITATION.cff says {current}")
    found = []
    for entry in entries:
        if "numbers" not in entry and entry is not entries[-1]:
            raise FactError(f"{path.name}, {entry['version']}: a release after the first needs `numbers`")
        listed = (path.parent / entry["numbers"]).read_text(encoding="utf-8") if "numbers" in entry else ""
        found.append(BookRelease(str(entry["version"]), entry["about"], listed))
    return found


def of_record(listed: str) -> str:
    """The part of a list of changes that is no simulation.

    Parameters
    ----------
    listed : str
        What `holf.pages.changes.as_markdown` wrote.

    Raises
    ------
    FactError
        If the list has no such part.
    """
    parts = re.split(r"^## (.+)\n", listed, flags=re.MULTILINE)
    named = dict(zip(parts[1::2], parts[2::2]))
    if RECORD_TITLE not in named:
        raise FactError(f"a list of changes has no part '{RECORD_TITLE}'; write it with `holf changes`")
    return named[RECORD_TITLE].strip()


def change_log_page(releases: list[BookRelease]) -> str:
    """Markdown of the page: one part a release, newest first."""
    lines = [_PAGE]
    for release in releases:
        lines += [f"## Release {release.version}", "", release.about, ""]
        if release.numbers:
            lines += [of_record(release.numbers), ""]
    return "\n".join(lines).rstrip() + "\n"
