"""The ledger of published facts, and the list of assumed numbers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from holf.paths import data_path, note_file, unnoted
from holf.record.parts import Asked, parts_noted
from holf.record.reading import FactError, NoSuchRow, build, name_of, read_rows, read_yaml, reading
from holf.record.source import CLASSES

COLUMNS = ("id", "group", "fact", "value", "unit", "class", "source", "quote", "status", "severity", "note")
QUOTE_WORDS = 15
# A row's name in words, in the place of its value.
PLACE = re.compile(r"\{(F\d+)\}")
Note = Callable[[str], None]
# Units of the ledger that say what kind of value stands there; beside the value they would only be in the way.
_KINDS_OF_VALUE = ("date", "direction", "month", "timing", "year", "years")


@dataclass(frozen=True)
class Fact:
    """One row of `data/facts.csv`: what it is about (`fact`), its value as text, and the document that says so.

    `kind` is its class, ``"published"`` or ``"derived"`` (arithmetic on published values); `source` names a document of
    `data/sources.yml`, or two with "and" between them; `status` and `severity` say whether the sources agree.
    """

    id: str
    group: str
    fact: str
    value: str
    unit: str
    kind: str
    source: str
    quote: str
    status: str
    severity: str

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the documents that it rests on, as in `data/sources.yml`."""
        return tuple(self.source.split(" and "))

    @property
    def number(self) -> int | float:
        """The value as a number; raises FactError where the ledger holds words or a range."""
        if self._number is None:
            raise FactError(f"data/facts.csv, row {self.id}: the value is not a single number")
        return self._number

    @property
    def _number(self) -> int | float | None:
        for parse in (int, float):
            try:
                return parse(self.value)
            except ValueError:
                pass
        return None

    @property
    def shown(self) -> str:
        """The value as printed in prose: a number of four digits or more gets thousands separators.

        A year and the number of a record are no quantities, and get none.
        """
        is_quantity = isinstance(self._number, int) and not self.unit.endswith(("year", "number"))
        return f"{self._number:,}" if is_quantity else self.value

    @property
    def said(self) -> str:
        """The value with its unit; without it for a date, and where the words name the unit already."""
        named = f"{self.fact} {self.value}".lower()
        repeated = self._number is None and self.unit.lower().removesuffix("s") in named
        return self.shown if repeated or self.unit in ("", *_KINDS_OF_VALUE) else f"{self.shown} {self.unit}"

    def link(self) -> str:
        """Markdown link whose text is the value and whose target is this row on the ledger page."""
        return f"[{self.shown}](ledger.md#{self.id.lower()})"


class Ledger(Asked[Fact]):
    """The published facts by identifier, in the order of the file; `remark` gives the note beside one."""

    def __init__(self, facts: list[Fact], remarks: Mapping[str, str], note: Note = note_file):
        super().__init__("data/facts.csv", {fact.id: fact for fact in facts}, note, remarks)

    def __getitem__(self, key: str) -> Fact:
        try:
            return super().__getitem__(key)
        except KeyError:
            raise NoSuchRow(key) from None

    def number(self, key: str) -> int | float:
        """Return the number in row `key`."""
        return self[key].number

    def fill(self, words: str) -> str:
        """Words with the value of its row in the place of each name in braces, as in ``{F067} families``."""
        return PLACE.sub(lambda found: self[found[1]].shown, words)

    def groups(self) -> dict[str, list[Fact]]:
        """Facts by theme, both in the order of the file."""
        themes: dict[str, list[Fact]] = {}
        for fact in self.values():
            themes.setdefault(fact.group, []).append(fact)
        return themes


def _check_fact(row: dict[str, str], seen: set[str], name: str) -> None:
    where = f"{name}, row {row['id'] or '(no id)'}"
    if not row["id"] or row["id"] in seen:
        raise FactError(f"{where}: column id must be filled and unique")
    known = [one.name for one in CLASSES.values() if one.in_ledger]
    if row["class"] not in known:
        raise FactError(f"{where}: column class must be one of {', '.join(known)}")
    if not row["source"]:
        raise FactError(f"{where}: column source is empty, and no value stands without a source")
    if len(row["quote"].split()) > QUOTE_WORDS:
        raise FactError(f"{where}: column quote has more than {QUOTE_WORDS} words")
    if row["status"] == "contradicted" and row["severity"] in ("", "none"):
        raise FactError(f"{where}: a contradicted fact must say how severe it is, column severity")


def load_ledger(path: Path | None = None, *, note: Note = note_file) -> Ledger:
    """Read the ledger of published facts: `data/facts.csv`, or another file of its form.

    Parameters
    ----------
    path : Path, optional
    note : callable
        Told each row that is asked for, as a part of the project (`holf.record.parts`).

    Raises
    ------
    FactError
        For a missing or unknown column, a row with more or fewer cells, a repeated id, a class other than published or
        derived, an empty source, a quote of more than 15 words, or a contradiction without severity.

    Examples
    --------
    >>> load_ledger()["F044"].kind
    'published'
    """
    with parts_noted(path):
        path = path or data_path("facts.csv")
        rows, seen = read_rows(path, COLUMNS), set()
    for row in rows:
        _check_fact(row, seen, name_of(path))
        seen.add(row["id"])
    remarks = {row["id"]: row.pop("note") for row in rows}
    return Ledger([Fact(kind=row.pop("class"), **row) for row in rows], remarks, note)


@dataclass(frozen=True)
class Source:
    """A document behind the ledger, as `data/sources.yml` describes it; `title` is its kind, `what` its own title.

    `copy` is the page that was read where it is another than the address, `unknown` says why no address is known,
    `read` how and when it was read, and `lang` is the language of its quotes; empty where not known.
    """

    name: str
    title: str
    what: str
    dated: str = ""
    address: str = ""
    copy: str = ""
    doi: str = ""
    unknown: str = ""
    read: str = ""
    lang: str = "en"


def load_sources(ledger: Ledger, path: Path | None = None) -> dict[str, Source]:
    """Read the documents behind the ledger by name: `data/sources.yml`, or another file of its form.

    Raises
    ------
    FactError
        If a document lacks title or what, has an unknown entry, or has both an address and a reason for having none;
        if a row of the ledger names a document that is not there.
    """
    path = path or data_path("sources.yml")
    sources = {}
    file = name_of(path)
    with reading(file):
        for name, entry in read_yaml(path).items():
            # A date is read as such.
            words = {key: value if value is None else str(value) for key, value in entry.items()}
            source = sources[name] = build(Source, f"{file}, {name}", words, name=name)
            if source.address and source.unknown:
                raise FactError(f"{file}, {name}: has an address, and says why it has none")
    with unnoted():
        for fact in ledger.values():
            if missing := [name for name in fact.sources if name not in sources]:
                raise FactError(f"data/facts.csv, row {fact.id}: the source {missing[0]} is not in {file}")
    return sources


@dataclass(frozen=True)
class Assumption:
    """One assumed number: `value` inside `low` to `high`, its unit, and the ledger rows it leans on."""

    id: str
    value: float | tuple[float, ...]
    low: float
    high: float
    unit: str
    facts: tuple[str, ...]


def check_leans(assumptions: Mapping[str, Assumption], ledger: Ledger) -> None:
    """Raise FactError for the first assumption that leans on a row which the ledger does not have."""
    for name, entry in assumptions.items():
        with reading(f"data/assumptions.yml, {name}"):
            for key in entry.facts:
                ledger[key]


def _assumption(where: str, name: str, entry: dict) -> Assumption:
    if entry["class"] != "assumed":
        raise FactError(f"{where}: class must be assumed; published and derived numbers belong in facts.csv")
    low, high = entry["range"]
    values = entry["value"] if isinstance(entry["value"], list) else [entry["value"]]
    if not all(isinstance(v, int | float) and low <= v <= high for v in values):
        raise FactError(f"{where}: value lies outside its range")
    if entry.get("whole") and abs(sum(values) - 1) > 1e-9:
        raise FactError(f"{where}: the shares do not add up to 1")
    value = tuple(values) if isinstance(entry["value"], list) else values[0]
    return Assumption(name, value, low, high, entry["unit"], tuple(entry["facts"]))


def load_assumptions(path: Path | None = None, *, note: Note = note_file) -> Asked[Assumption]:
    """Read the assumed numbers by name: `data/assumptions.yml`, or another file of its form; `remark` gives a reason.

    Parameters
    ----------
    path : Path, optional
    note : callable
        Told each entry that is asked for, as a part of the project.

    Raises
    ------
    FactError
        If an entry lacks value, range, unit, class, reason or facts, has another class than assumed, or lies outside
        its own range; if shares do not add up to 1, or one is more than the assumption that it names under `at_most`.

    Examples
    --------
    >>> one = load_assumptions()["power_target"]
    >>> one.low <= one.value <= one.high
    True
    """
    with parts_noted(path):
        path, found = path or data_path("assumptions.yml"), {}
        entries = read_yaml(path)
    file = name_of(path)
    with reading(file):
        for name, entry in entries.items():
            where = f"{file}, {name}"
            with reading(where):
                found[name] = _assumption(where, name, entry)
        for name, entry in entries.items():
            if (limit := entry.get("at_most")) and not found[name].value <= found[limit].value:
                raise FactError(f"{file}, {name}: more than {limit}")
    return Asked("data/assumptions.yml", found, note, {name: entry["reason"] for name, entry in entries.items()})


def recorded_numbers(entry: Mapping) -> object:
    """Look up the numbers that a plan names as ``{from: NAME}`` or ``{facts: [ID, …]}``: one, or a sequence of them.

    Raises
    ------
    KeyError
        If it is neither, or there is no such assumption or number.
    """
    if set(entry) not in ({"from"}, {"facts"}):
        raise KeyError("needs values and a reason, or from, or facts")
    try:
        if "from" in entry:
            return load_assumptions()[entry["from"]].value
        return [load_ledger().number(row) for row in entry["facts"]]
    except (KeyError, TypeError, FactError) as problem:
        raise KeyError("names no assumption or number of the ledger") from problem
