"""What the public reports of the trial say, compared with its registration and with reporting standards, as data.

Each file of `data/reporting/` has one kind of row, which knows its file, and which columns may be empty or have one of
some values. Words may hold ``{F067}``, which becomes the value of that row of the ledger with a link to it, and links
of their own; a number that is typed in is refused.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, ClassVar

from holf.paths import data_path, unnoted
from holf.record.facts import PLACE, FactError, Ledger, load_ledger
from holf.record.links import link_targets
from holf.record.plan import Plan, load_registered
from holf.record.reading import read_rows

STATUSES = ("reported", "partial", "not stated")
VERDICTS = ("reported", "reported otherwise", "not found", "not reached")
# What may hold of an outcome that no row of the audit names: that something was reported is never taken for granted.
UNNAMED_VERDICTS = VERDICTS[2:]
# What a source compares, and what it found: no difference or change, some improvement, an improvement, one
# that families told of themselves, or none that is significant.
COMPARISONS = ("between the arms", "before and after", "coordinator or ordinary follow-up", "not said which")
SIGNS = ("none", "somewhat", "better", "own account", "not significant")
# What stands for the outcome in a row of overview.csv whose source makes one statement and names none.
NOT_NAMED = "not named"
STANDARDS = ("core", "cluster", "spi")
GIST_WORDS = 12
_LINK_END = re.compile(r"\]\([^)]*\)")
_ROW_LINK = re.compile(r"\[[^\]]*\]\(ledger\.md#(f\d+)\)")
# Columns in which a number could only come from the record. The others hold names: items, waves, dates, titles.
_RECORD = (
    *("says", "unnamed", "data", "contrast", "reading", "differs", "done", "ask"),
    *("gist", "note", "support", "shared", "holf", "local"),
)
# Numbers that are names: years, items of a standard, the article's table, the registry's label of a wave, the tool.
_NAMES = re.compile(r"\b(?:19|20)\d\d\b|\bTable 1\b|\bT2\b|\bRoB 2\b|\bitems? \d+\w?")


def _column(*, optional: bool = False, one_of: Collection[str] = ()) -> Any:
    """A column that may be empty, or has one of some values."""
    return field(metadata={"optional": optional, "one_of": one_of})


class Row:
    """One row of a file in `data/reporting/`; `named` is a format string of the columns that name the row."""

    file: ClassVar[str]
    named: ClassVar[str] = ""

    @property
    def name(self) -> str:
        """How an error names the row; on pages also its anchor, in which no point may stand."""
        return self.named.format_map(vars(self)).replace(".", "-")

    @property
    def in_file(self) -> str:
        """File and row, for messages."""
        return f"data/reporting/{self.file}, row {self.name}"


@dataclass(frozen=True)
class AuditSource(Row):
    """One source of the audit: its date, its data, and what it compares, as far as known.

    `unnamed` and `unnamed_verdict` hold for each outcome and time without a row of its own in ``outcome_audit.csv``.
    """

    file = "audit_sources.csv"
    named = "{id}"
    id: str
    title: str
    dated: str
    data: str
    contrast: str
    facts: tuple[str, ...]
    unnamed: str
    unnamed_verdict: str = _column(one_of=UNNAMED_VERDICTS)


@dataclass(frozen=True)
class AuditEntry(Row):
    """What one source says about one registered outcome at one registered time."""

    file = "outcome_audit.csv"
    named = "{outcome}, {wave}, {source}"
    outcome: str
    wave: str
    source: str
    says: str
    verdict: str = _column(one_of=VERDICTS)
    facts: tuple[str, ...] = _column(optional=True)


@dataclass(frozen=True)
class OverviewEntry(Row):
    """What one source found on one area, or with no area named, under the comparison that it makes."""

    file = "overview.csv"
    named = "{outcome}, {question}, {source}"
    outcome: str
    question: str = _column(one_of=COMPARISONS)
    source: str
    sign: str = _column(one_of=SIGNS)
    says: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Conflict(Row):
    """A registered outcome on which sources differ: which ones, how both can hold, and what to ask."""

    file = "conflicts.csv"
    named = "conflict-{id}"
    id: str
    title: str
    outcome: str
    wave: str
    sources: tuple[str, ...]
    reading: str
    ask: str
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Item(Row):
    """One item of CONSORT 2025 (``core``) or of an extension, with the number of the extension itself."""

    file = "consort.csv"
    standard: str = _column(one_of=STANDARDS)
    section: str = _column(optional=True)
    item_2025: str
    extension: str = _column(optional=True)
    gist: str
    status: str = _column(one_of=STATUSES)
    where: tuple[str, ...] = _column(optional=True)
    facts: tuple[str, ...] = _column(optional=True)
    note: str = _column(optional=True)
    check: str = _column(optional=True, one_of=("", "yes"))

    @property
    def name(self) -> str:
        """How an error names the row, and the anchor on its page."""
        own = self.item_2025 if self.standard == "core" else f"{self.standard}-{self.extension}"
        return f"consort-{own}"


@dataclass(frozen=True)
class Element(Row):
    """One item of TIDieR: what both arms had, and what each arm had of its own."""

    file = "tidier.csv"
    named = "tidier-{item}"
    item: str
    title: str
    gist: str
    shared: str
    holf: str
    local: str
    facts: tuple[str, ...] = _column(optional=True)
    where: tuple[str, ...] = _column(optional=True)
    note: str = _column(optional=True)
    check: str = _column(optional=True, one_of=("", "yes"))


@dataclass(frozen=True)
class Question(Row):
    """One signalling question of RoB 2 for cluster trials, with what the record offers; it holds no judgement."""

    file = "rob2.csv"
    named = "rob2-{question}"
    domain: str
    question: str
    gist: str
    support: str
    facts: tuple[str, ...] = _column(optional=True)
    where: tuple[str, ...] = _column(optional=True)
    check: str = _column(optional=True, one_of=("", "yes"))


@dataclass(frozen=True)
class Erratum(Row):
    """A difference between documents, what this book did about it, and what only the authors can answer."""

    file = "errata.csv"
    named = "errata-{rank}"
    rank: str
    title: str
    facts: tuple[str, ...]
    differs: str
    done: str
    ask: str
    where: tuple[str, ...]


# Columns that hold several ids or places, with spaces between.
LISTS = ("facts", "where", "sources")


def texts(row: Row) -> dict[str, str]:
    """The columns of a row that hold words, by name; lists of ids and places are not among them."""
    return {field.name: getattr(row, field.name) for field in fields(row) if field.name not in LISTS}


@dataclass(frozen=True)
class Reporting:
    """Everything in `data/reporting/`, by kind of row and in the order of the files.

    `titles` are the words of links to places of the book, by place (`holf.record.links.read_titles`).
    """

    sources: tuple[AuditSource, ...]
    findings: tuple[AuditEntry, ...]
    overview: tuple[OverviewEntry, ...]
    conflicts: tuple[Conflict, ...]
    items: tuple[Item, ...]
    elements: tuple[Element, ...]
    questions: tuple[Question, ...]
    errata: tuple[Erratum, ...]
    titles: Mapping[str, str] = field(default_factory=dict)

    def rows(self) -> tuple[Row, ...]:
        """Every row of every file."""
        return tuple(row for kind in fields(self) if kind.name != "titles" for row in getattr(self, kind.name))


def expand(text: str, ledger: Ledger) -> str:
    """Put the value of its ledger row, linked, in the place of each ``{F067}``.

    Examples
    --------
    >>> expand("{F067} families", load_ledger())
    '[3,201](ledger.md#f067) families'
    """
    return PLACE.sub(lambda found: ledger[found.group(1)].link(), text)


def _read(kind: type, folder: Path) -> tuple:
    columns = [column.name for column in fields(kind)]
    return tuple(
        kind(**{name: tuple(row[name].split()) if name in LISTS else row[name] for name in columns})
        for row in read_rows(folder / kind.file, columns)
    )


def _check_row(row: Row, ledger: Ledger) -> None:
    where = row.in_file
    for column in fields(row):
        value, allowed = getattr(row, column.name), column.metadata.get("one_of")
        if not value and not column.metadata.get("optional"):
            raise FactError(f"{where}: {column.name} is empty")
        if allowed and value not in allowed:
            raise FactError(f"{where}: {column.name} must be one of {', '.join(filter(None, allowed))}")
    if unknown := [key for key in row.facts if key not in ledger]:
        raise FactError(f"{where}: facts names {unknown[0]}, which is not in the ledger")
    for column, words in texts(row).items():
        _check_words(f"{where}: {column}", words, column in _RECORD, ledger)
    if len(getattr(row, "gist", "").split()) > GIST_WORDS:
        raise FactError(f"{where}: gist has more than {GIST_WORDS} words")
    said = getattr(row, "status", "") or getattr(row, "verdict", "")
    if said.startswith(("reported", "partial")) and not row.facts:
        raise FactError(f"{where}: {said} needs a row of the ledger in facts")


def _check_words(where: str, words: str, of_record: bool, ledger: Ledger) -> None:
    named = [*PLACE.findall(words), *(anchor.upper() for anchor in _ROW_LINK.findall(words))]
    if unknown := [key for key in named if key not in ledger]:
        raise FactError(f"{where} names {unknown[0]}, which is not in the ledger")
    rest = _LINK_END.sub("", PLACE.sub("", _ROW_LINK.sub("", words)))
    if of_record and re.search(r"\d", _NAMES.sub("", rest)):
        raise FactError(f"{where} holds a typed number; write {{F...}} for its row of the ledger")


def _whole_audit(reporting: Reporting, plan: Plan) -> Reporting:
    """Give each registered outcome, time and source its row, or what the source has for those without one.

    Checks too that no row is of anything else, and that the overview and the conflicts rest on rows of the audit.
    """
    found = {(row.outcome, row.wave, row.source): row for row in reporting.findings}
    wanted = {
        (outcome.id, wave, source.id): AuditEntry(
            outcome.id, wave, source.id, source.unnamed, source.unnamed_verdict, facts=()
        )
        for outcome in plan.outcomes.values()
        for wave in outcome.waves
        for source in reporting.sources
    }
    for key, row in found.items():
        if key not in wanted:
            raise FactError(f"{row.in_file}: is not registered or has an unknown source")
    cited = {(row.outcome, row.source): row.facts for row in reporting.findings if row.wave == "m12"}
    for row in reporting.overview:
        outcomes = {name for name, _ in cited} if row.outcome == NOT_NAMED else {row.outcome}
        if not set(row.facts) <= {fact for one in outcomes for fact in cited.get((one, row.source), ())}:
            raise FactError(f"{row.in_file}: rests on a fact that {AuditEntry.file} does not name at m12")
    for row in reporting.conflicts:
        for source in row.sources:
            if (row.outcome, row.wave, source) not in wanted:
                raise FactError(f"{row.in_file}: {source} is not a source of the audit, or the time is not registered")
    return replace(reporting, findings=tuple((wanted | found).values()))


def load_reporting(folder: Path | None = None) -> Reporting:
    """Read and check `data/reporting/`, or another folder with such files, against the ledger and the registered plan.

    Raises
    ------
    FactError
        For a missing or unknown column, a row of another length, an empty cell that has to be filled, a status
        outside its closed list, a fact that is not in the ledger, a number that was typed in, a gist of more than 12
        words, something reported without a fact, a repeated name, or a row of the audit that is of no registered
        outcome, time and source. The message names file, row and rule.
    """
    folder, ledger = folder or data_path("reporting"), load_ledger()
    kinds = (AuditSource, AuditEntry, OverviewEntry, Conflict, Item, Element, Question, Erratum)
    reporting = Reporting(*(_read(kind, folder) for kind in kinds))
    seen = set()
    with unnoted():
        for row in reporting.rows():
            _check_row(row, ledger)
            if (row.file, row.name) in seen:
                raise FactError(f"{row.in_file}: stands there twice")
            seen.add((row.file, row.name))
        return _whole_audit(reporting, load_registered())


def check_anchors(reporting: Reporting, anchors: Collection[str]) -> None:
    """Raise FactError for the first row that points to a page, heading or label which the book does not have."""
    for row in reporting.rows():
        linked = [target for words in texts(row).values() for target in link_targets(words)]
        for place in (*getattr(row, "where", ()), *linked):
            if place not in anchors:
                raise FactError(f"{row.in_file}: the book has no place {place}")
