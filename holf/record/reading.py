"""Readers of the YAML and CSV files of `data/`. An error is one sentence that names file, entry and key."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

import yaml

T = TypeVar("T")


class FactError(ValueError):
    """A file of `data/` breaks a rule; the message names file, entry (or row), and key or rule."""


# The parser in C, where it is there, takes a tenth of the time; a build reads the plan several times.
class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Reads plain values, and refuses a key that is there twice, of which YAML would keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        """Read a mapping whose keys differ."""
        keys = [key.value for key, _ in node.value]
        if twice := [key for key in keys if keys.count(key) > 1]:
            raise yaml.constructor.ConstructorError(None, None, f"{twice[0]} is there twice", node.start_mark)
        return super().construct_mapping(node, deep)


def parse_yaml(content: bytes) -> Any:
    """Plain values of YAML text; yaml.YAMLError if it is none, or has a key twice."""
    return yaml.load(content, Loader=_Loader)


def read_yaml(path: Path) -> Any:
    """Read a YAML file of plain values.

    Raises
    ------
    FactError
        If it is no YAML, or has a key twice; the message names file and line.
    """
    try:
        return parse_yaml(path.read_bytes())
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        raise FactError(f"{path.name}, line {mark.line + 1 if mark else 1}: {problem.problem}") from None
    except yaml.YAMLError:
        raise FactError(f"{path.name}: is not YAML in UTF-8") from None


def read_rows(path: Path, columns: Collection[str]) -> list[dict[str, str]]:
    """Read a CSV file with exactly these columns, in any order: a dict a row.

    Raises
    ------
    FactError
        If a column is missing, unknown or there twice, or a row has more or fewer cells.

    Examples
    --------
    >>> from holf.paths import data_path
    >>> read_rows(data_path("reporting/tidier.csv"), ["item"])
    Traceback (most recent call last):
    holf.record.reading.FactError: tidier.csv: column title is unknown
    """
    with open(path, encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream)
        found, rows = list(reader.fieldnames or ()), list(reader)
    for problem, names in (
        ("missing", [name for name in columns if name not in found]),
        ("unknown", [name for name in found if name not in columns]),
        ("there twice", [name for name in found if found.count(name) > 1]),
    ):
        if names:
            raise FactError(f"{path.name}: column {names[0]} is {problem}")
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise FactError(
                f"{path.name}, row {number}: has more or fewer cells than there are columns; a number has no comma, "
                "and words with one stand in quotation marks"
            )
    return rows


def check_keys(where: str, entry: object, needed: Collection[str], optional: Collection[str] = ()) -> None:
    """Raise FactError if an entry lacks one of the needed keys, or has a key that is neither needed nor optional."""
    if not isinstance(entry, dict):
        raise FactError(f"{where}: must consist of keys with values")
    for key in needed:
        if entry.get(key) in ("", None):
            raise FactError(f"{where}: {key} is missing")
    for key in entry:
        if key not in needed and key not in optional:
            raise FactError(f"{where}: {key} is unknown")


def build(kind: type[T], where: str, entry: object, **given: object) -> T:
    """Make a frozen dataclass of an entry whose keys are its fields; lists become tuples.

    Parameters
    ----------
    kind : type
        The dataclass. A field without a default is a key that the entry must have.
    where : str
        File and entry, for messages.
    entry : dict
    **given
        Fields that do not come from the entry.

    Raises
    ------
    FactError
        If a key is missing or unknown, or a value of another form than the class asks for.
    """
    free = [field for field in fields(kind) if field.name not in given]
    needed = [field.name for field in free if field.default is MISSING and field.default_factory is MISSING]
    check_keys(where, entry, needed, [field.name for field in free])
    with reading(where):
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}, **given)


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn the KeyError or TypeError of a malformed entry into a FactError that names the file or the entry."""
    try:
        yield
    except FactError:
        raise
    except KeyError as missing:
        raise FactError(f"{where}: {missing.args[0]} is missing") from missing
    except (AttributeError, IndexError, TypeError, ValueError) as problem:
        raise FactError(f"{where}: is not of the form that the comments of the file describe") from problem
