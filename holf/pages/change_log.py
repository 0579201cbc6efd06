"""The part of a page that tells readers which numbers changed between two releases of the book."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from holf.paths import data_path
from holf.record.facts import FactError
from holf.record.reading import name_of, read_yaml, reading
from holf.record.source import CLASSES

# The version of what changed after the newest release.
UNRELEASED = "unreleased"
# What a group of changes is about, where it is not a class of numbers.
WORDS = "words"
# Classes whose name alone would not say that their numbers are no findings of this trial.
_CLASS = {"simulated": "SIMULATED, not results of the trial", "elsewhere": "ANOTHER TRIAL, not results of this one"}


@dataclass(frozen=True)
class Group:
    """Changes with one reason.

    Attributes
    ----------
    title, why : str
        What changed, and the reason.
    kind : str
        Class of the numbers, from `holf.record.source.CLASSES`; or `WORDS`.
    changed : tuple of (str, str, str, str)
        Page, what the number is, and how it was printed before and after; none for numbers of simulated people.
    """

    title: str
    kind: str
    why: str
    changed: tuple[tuple[str, str, str, str], ...]


@dataclass(frozen=True)
class BookRelease:
    """One release, or what came after the newest.

    Attributes
    ----------
    version, about : str
        Its version, and what to know of it.
    groups : tuple of Group
        The changes as people read them.
    """

    version: str
    about: str
    groups: tuple[Group, ...]


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
        If the newest release is not this version, one after the first does not say what changed, or a group is of no
        class, has no reason, or lists numbers of simulated people.
    """
    path = path or data_path("releases.yml")
    file = name_of(path)
    found = []
    with reading(file):
        entries = read_yaml(path)
        released = entries[entries[0]["version"] == UNRELEASED :]
        if str(released[0]["version"]) != current:
            raise FactError(f"{file}: the newest release is {released[0]['version']}, and CITATION.cff says {current}")
        for entry in entries:
            if entry in released[:-1] and "groups" not in entry:
                raise FactError(f"{file}, {entry['version']}: a release after the first needs `groups`")
            groups = tuple(_group(file, one) for one in entry.get("groups", ()))
            found.append(BookRelease(str(entry["version"]), entry["about"], groups))
    return found


def _group(file: str, entry: dict) -> Group:
    title, kind = entry["title"], entry["kind"]
    changed = tuple(tuple(map(str, row)) for row in entry.get("changed", ()))
    if kind not in (*CLASSES, WORDS):
        raise FactError(f"{file}, {title}: {kind} is no class of numbers")
    if kind == "simulated" and changed:
        raise FactError(f"{file}, {title}: numbers of simulated people are not listed")
    return Group(title, kind, entry["why"], changed)


def change_log(releases: list[BookRelease]) -> str:
    """Markdown of the change log: one part per release, newest first, and before them what is in none yet."""
    lines = []
    newest = next(release.version for release in releases if release.version != UNRELEASED)
    for release in releases:
        title = f"After release {newest}" if release.version == UNRELEASED else f"Release {release.version}"
        lines += [f"### {title}", "", release.about, ""]
        for group in release.groups:
            lines += _group_lines(group)
    return "\n".join(lines).rstrip() + "\n"


def _group_lines(group: Group) -> list[str]:
    badge = "" if group.kind == WORDS else f"{CLASSES[group.kind].shape} {_CLASS.get(group.kind, group.kind)}. "
    lines = [f"**{group.title}.** {badge}{group.why}", ""]
    if group.changed:
        lines += ["| Page | Number | Before | After |", "| --- | --- | --- | --- |"]
        lines += [f"| [{_name(page)}]({page}) | {what} | {old} | {new} |" for page, what, old, new in group.changed]
        lines += [""]
    return lines


def _name(page: str) -> str:
    """A page by its file's name, in words."""
    return Path(page).stem.replace("_", " ").capitalize()
