"""What the gate knows when it scans: ids, offices, canaries, files of the installed theme."""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.util import find_spec
from pathlib import Path

from holf.confidential.scan.chart_runtime import runtime
from holf.confidential.scan.identifiers import IdIndex
from holf.paths import data_path
from holf.record.plan import load_plan

# Packages whose static files Sphinx copies into a site, unchanged.
_THEME = ("furo", "sphinx_basic_ng", "sphinx", "sphinx_copybutton", "sphinx_design", "myst_nb")
_STATIC = re.compile(r"static|locale|templates|compiled", re.IGNORECASE)


@dataclass(frozen=True)
class Known:
    """What to look for, and what to let through.

    `ids` are those of the study tables. `offices` are published codes and names of offices: beside numbers, in a
    table, they make rows of offices. `theme` has the SHA-256 of the files that installed packages bring into a site.
    """

    ids: tuple[str, ...] = field(default=(), repr=False)
    offices: tuple[str, ...] = ()
    canaries: tuple[str, ...] = field(default=(), repr=False)
    theme: frozenset[str] = field(default=frozenset(), repr=False)

    @cached_property
    def id_index(self) -> IdIndex:
        """The identifiers, but for offices with public names, which pages may name."""
        return IdIndex(set(self.ids) - set(self.offices))


@cache
def theme_files() -> frozenset[str]:
    """SHA-256 of every static file that the installed Sphinx packages bring, and of the scripts that draw charts."""
    found = {hashlib.sha256(runtime().encode()).hexdigest()}
    for package in _THEME:
        spec = find_spec(package)
        for place in spec.submodule_search_locations if spec else ():
            for path in Path(place).rglob("*"):
                if path.is_file() and _STATIC.search(path.parent.as_posix()[len(place) :]):
                    found.add(hashlib.sha256(path.read_bytes()).hexdigest())
    return frozenset(found)


def _public_offices() -> set[str]:
    """Codes and names of a trial's clusters, where its plan names a file of them."""
    named = load_plan().trial["cluster"].get("names")
    if not named:
        return set()
    with data_path(named["file"]).open(encoding="utf-8", newline="") as stream:
        return {row[column] for row in csv.DictReader(stream) for column in named["columns"]} - {""}


def known_here(*, ids: Iterable[str] = (), canaries: Iterable[str] = ()) -> Known:
    """What can be known on this machine: the project's offices, and the files of its packages."""
    return Known(
        ids=tuple(ids), offices=tuple(sorted(_public_offices())), canaries=tuple(canaries), theme=theme_files()
    )
