"""What the gate knows when it scans: ids, offices, names of this machine, canaries, files of the installed theme."""

from __future__ import annotations

import csv
import getpass
import hashlib
import re
import socket
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path

from holf.paths import data_path
from holf.plan import load_plan
from holf.schema import load_schema

# Accounts and hosts that every other machine has too: they identify nobody, and are words of style sheets.
_ANYONE = frozenset(
    "root user users admin runner jovyan ubuntu debian docker build builder localhost host test work data book home "
    "guest nobody default student".split()
)
_SHORTEST_NAME = 4
# Packages whose static files Sphinx copies into a site, unchanged.
_THEME = (
    "furo",
    "sphinx_basic_ng",
    "sphinx",
    "sphinx_copybutton",
    "sphinx_design",
    "myst_nb",
)
_STATIC = re.compile(r"static|locale|templates|compiled", re.IGNORECASE)


@dataclass(frozen=True)
class Known:
    """What to look for, and what to let through.

    Attributes
    ----------
    ids : tuple of str
        Identifiers of people, families and offices.
    id_pattern : str
        Regular expression of the study's identifiers.
    keys : tuple of str
        Names of the columns that hold identifiers.
    offices : tuple of str
        Codes and names of offices: beside numbers, in a table, they make rows of offices.
    names : tuple of str
        Users and machines.
    canaries : tuple of str or float
        Values that must not come out in any form.
    theme : frozenset of str
        SHA-256 of the files that a theme brings; their copies are let through unopened.
    shown : frozenset of str
        SHA-256 of the files that hold what a table on a page of the same tree shows, and nothing else: they may have as
        many rows as that table. `holf.gate.scan` finds them.
    """

    ids: tuple[str, ...] = field(default=(), repr=False)
    id_pattern: str = r"SYN-[A-Z]+\d+[a-z]?"
    keys: tuple[str, ...] = ()
    offices: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    canaries: tuple[str | float, ...] = field(default=(), repr=False)
    theme: frozenset[str] = field(default=frozenset(), repr=False)
    shown: frozenset[str] = field(default=frozenset(), repr=False)


def usable_names(*names: str) -> tuple[str, ...]:
    """Names that can tell one person or machine from another.

    Examples
    --------
    >>> usable_names("root", "bo", "some.person")
    ('some.person',)
    """
    return tuple(name for name in names if len(name) >= _SHORTEST_NAME and name.lower() not in _ANYONE)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container may run under a number that has no name
        return ""


def theme_files() -> frozenset[str]:
    """SHA-256 of every static file that the installed Sphinx packages bring."""
    found = set()
    for package in _THEME:
        spec = find_spec(package)
        for place in spec.submodule_search_locations if spec else ():
            for path in Path(place).rglob("*"):
                if path.is_file() and _STATIC.search(path.parent.as_posix()[len(place) :]):
                    found.add(hashlib.sha256(path.read_bytes()).hexdigest())
    return frozenset(found)


def read_canaries(path: Path) -> tuple[str | float, ...]:
    """Read canaries, one a line: a number where the line is one, else a string. Empty lines count for nothing.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = Path(folder) / "canaries.txt"
    ...     _ = file.write_text("CANARY-7\\n31337.77\\n")
    ...     read_canaries(file)
    ('CANARY-7', 31337.77)
    """
    out = []
    for line in filter(None, map(str.strip, path.read_text(encoding="utf-8").splitlines())):
        try:
            out.append(float(line))
        except ValueError:
            out.append(line)
    return tuple(out)


def known_here(*, canaries: tuple[str | float, ...] = ()) -> Known:
    """What can be known on this machine: the project's schema and offices, its user and host, its installed theme.

    Parameters
    ----------
    canaries : tuple of str or float
    """
    schema = load_schema()
    # A trial whose clusters have public names lists them in a file of its plan.
    written, named = (), load_plan().trial["cluster"].get("names")
    if named:
        with data_path(named["file"]).open(encoding="utf-8", newline="") as stream:
            rows, columns = [row for row in csv.DictReader(stream)], named["columns"]
        written = {row[column] for row in rows for column in columns} - {""}
    host = socket.gethostname()
    return Known(
        keys=tuple(sorted({schema.key(name) for name in schema.tables})),
        offices=tuple(sorted(written)),
        names=usable_names(*dict.fromkeys([_user(), host, host.partition(".")[0]])),
        canaries=canaries,
        theme=theme_files(),
    )
