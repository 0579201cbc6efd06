"""Readers of the YAML and CSV files of `data/`. An error is one sentence: file, entry or row, and the rule."""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path
from typing import Any, TypeVar

import yaml

from holf.paths import project_root
from holf.record.forms import FORMS

T = TypeVar("T")
# How alike a name must be to be the one that was meant: `lable` and `label` are, `title` and `item` are not.
_ALIKE = 0.7
# An error lists so many known names; of more, only the nearest.
_LISTED = 12


class FactError(ValueError):
    """A file of `data/` breaks a rule; the message names file, entry (or row), and key or rule."""


class NoSuchRow(FactError):
    """The ledger does not have a row; `reading` says instead which file asks for it."""

    def __init__(self, row: object):
        super().__init__(f"data/facts.csv, row {row}: there is no such row")
        self.row = row


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


def name_of(path: Path) -> str:
    """A file as errors name it: relative to the project, or by its own name elsewhere."""
    return path.relative_to(project_root()).as_posix() if path.is_relative_to(project_root()) else path.name


def read_yaml(path: Path) -> Any:
    """Read a YAML file of plain values, and check the keys of its entries (`holf.record.forms`).

    Raises
    ------
    FactError
        If it is no YAML, or has a key twice; the message names file and line. If a key is missing or unknown.
    """
    try:
        content = parse_yaml(path.read_bytes())
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark
        raise FactError(f"{name_of(path)}, line {mark.line + 1 if mark else 1}: {problem.problem}") from None
    except (yaml.YAMLError, ValueError):
        raise FactError(f"{name_of(path)}: is not YAML in UTF-8") from None
    _check_form(name_of(path), content, FORMS.get(path.name))
    return content


def _check_form(where: str, content: object, form: object) -> None:
    if isinstance(form, list):
        if not isinstance(content, list):
            raise FactError(f"{where}: must be a list")
        for number, entry in enumerate(content, start=1):
            _check_form(f"{where}, entry {number}", entry, form[0])
    elif isinstance(form, dict):
        if not isinstance(content, dict):
            raise FactError(f"{where}: must consist of keys with values")
        keys = {key.removesuffix("?"): inner for key, inner in form.items()}
        needed = [key for key in form if key in keys and key != "*"]
        filled = [key for key, value in content.items() if value not in ("", None) or key not in needed]
        _check_names(where, "key", filled, needed, content if "*" in keys else keys)
        for key, entry in content.items():
            _check_form(f"{where}, {key}", entry, keys.get(key, keys.get("*")))


def read_rows(path: Path, columns: Collection[str]) -> list[dict[str, str]]:
    """Read a CSV file with exactly these columns, in any order: a dict a row.

    Raises
    ------
    FactError
        If a column is unknown, missing or there twice, or a row has more or fewer cells.
    """
    name = name_of(path)
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            found, rows = list(reader.fieldnames or ()), list(reader)
    except (csv.Error, UnicodeDecodeError):
        raise FactError(f"{name}: is not CSV in UTF-8") from None
    _check_names(name, "column", found, columns)
    if twice := [column for column in found if found.count(column) > 1]:
        raise FactError(f"{name}: column {twice[0]} is there twice")
    for number, row in enumerate(rows, start=1):
        if None in row or None in row.values():
            raise FactError(
                f"{name}, row {number}: has more or fewer cells than there are columns; a number has no comma, "
                "and words with one stand in quotation marks"
            )
    return rows


def _check_names(
    where: str, what: str, found: Collection[str], needed: Collection[str], optional: Collection[str] = ()
) -> None:
    """Refuse an unknown name before a missing one: of a misspelt one, that says what to do."""
    for name in found:
        if name not in needed and name not in optional:
            raise FactError(f"{where}: unknown {what} `{name}`; {nearest(name, dict.fromkeys([*needed, *optional]))}")
    for name in needed:
        if name not in found:
            raise FactError(f"{where}: {what} {name} is missing")


def nearest(name: object, known: Collection[str]) -> str:
    """What to say of an unknown name: the one that was probably meant, else those that are known.

    Examples
    --------
    >>> nearest("lable", ["id", "label"]), nearest("x", ["id", "label"])
    ('did you mean `label`?', 'known: id, label')
    """
    name, known = str(name), [*map(str, known)]
    same_letters = [one for one in known if sorted(one) == sorted(name)]
    if meant := [*same_letters, *get_close_matches(name, known, 1, _ALIKE)]:
        return f"did you mean `{meant[0]}`?"
    if len(known) <= _LISTED:
        return f"known: {', '.join(known)}"
    return f"nearest: {', '.join(get_close_matches(name, known, 3, 0))}"


def build(kind: type[T], where: str, entry: dict, **given: object) -> T:
    """Make a frozen dataclass of an entry whose keys are its fields; lists become tuples.

    `where` names file and entry in the FactError for an entry of another form; `given` are fields that do not come from
    the entry.
    """
    with reading(where):
        return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in entry.items()}, **given)


@contextmanager
def reading(where: str) -> Iterator[None]:
    """Turn the KeyError or TypeError of a malformed entry into a FactError that names the file or the entry."""
    try:
        yield
    except NoSuchRow as missing:
        raise FactError(f"{where}: there is no row {missing.row} in data/facts.csv") from None
    except FactError:
        raise
    except KeyError as missing:
        raise FactError(f"{where}: key {missing.args[0]} is missing") from missing
    except (AttributeError, IndexError, TypeError, ValueError) as problem:
        raise FactError(f"{where}: is not of the form that the comments of the file describe") from problem
