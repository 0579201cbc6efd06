"""The kinds of row in `data/reporting/`: each knows its file, the columns that may be empty, and the closed lists."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import ClassVar

STATUSES = ("reported", "partial", "not stated")
VERDICTS = ("reported", "reported otherwise", "not found", "not reached")
# What a source compares, and what it found: no difference or change, some improvement, an improvement.
COMPARISONS = ("between the arms", "before and after", "coordinator or ordinary follow-up", "not said which")
SIGNS = ("none", "somewhat", "better")
STANDARDS = ("core", "cluster", "spi")


@dataclass(frozen=True)
class Source:
    """One source of the audit: its date, its data, and what it compares, as far as known."""

    file: ClassVar[str] = "audit_sources.csv"
    optional: ClassVar[tuple[str, ...]] = ()
    closed: ClassVar[dict[str, tuple[str, ...]]] = {}
    id: str
    title: str
    dated: str
    data: str
    contrast: str
    facts: tuple[str, ...]

    @property
    def name(self) -> str:
        """How an error names the row."""
        return self.id


@dataclass(frozen=True)
class Finding:
    """What one source says about one registered outcome at one registered time."""

    file: ClassVar[str] = "outcome_audit.csv"
    optional: ClassVar[tuple[str, ...]] = ("facts",)
    closed: ClassVar[dict[str, tuple[str, ...]]] = {"verdict": VERDICTS}
    outcome: str
    wave: str
    source: str
    says: str
    verdict: str
    facts: tuple[str, ...]

    @property
    def name(self) -> str:
        """How an error names the row."""
        return f"{self.outcome}, {self.wave}, {self.source}"


@dataclass(frozen=True)
class Word:
    """What one source found on one area, in a word or two, under the comparison that it makes."""

    file: ClassVar[str] = "overview.csv"
    optional: ClassVar[tuple[str, ...]] = ()
    closed: ClassVar[dict[str, tuple[str, ...]]] = {"question": COMPARISONS, "sign": SIGNS}
    outcome: str
    question: str
    source: str
    sign: str
    says: str
    facts: tuple[str, ...]

    @property
    def name(self) -> str:
        """How an error names the row."""
        return f"{self.outcome}, {self.question}, {self.source}"


@dataclass(frozen=True)
class Conflict:
    """A registered outcome on which sources differ: which ones, how both can hold, and what to ask."""

    file: ClassVar[str] = "conflicts.csv"
    optional: ClassVar[tuple[str, ...]] = ()
    closed: ClassVar[dict[str, tuple[str, ...]]] = {}
    id: str
    title: str
    outcome: str
    wave: str
    sources: tuple[str, ...]
    reading: str
    ask: str
    facts: tuple[str, ...]

    @property
    def name(self) -> str:
        """How an error names the row, and the anchor on its page."""
        return f"conflict-{self.id}"


@dataclass(frozen=True)
class Item:
    """One item of CONSORT 2025 (``core``) or of an extension, with its number of 2010 and of the extension itself."""

    file: ClassVar[str] = "consort.csv"
    optional: ClassVar[tuple[str, ...]] = ("section", "extension", "where", "facts", "note", "check")
    closed: ClassVar[dict[str, tuple[str, ...]]] = {"standard": STANDARDS, "status": STATUSES, "check": ("", "yes")}
    standard: str
    section: str
    item_2010: str
    item_2025: str
    extension: str
    gist: str
    status: str
    where: tuple[str, ...]
    facts: tuple[str, ...]
    note: str
    check: str

    @property
    def name(self) -> str:
        """How an error names the row, and the anchor on its page."""
        own = self.item_2025 if self.standard == "core" else f"{self.standard}-{self.extension}"
        return f"consort-{own}"


@dataclass(frozen=True)
class Element:
    """One item of TIDieR: what both arms had, and what each arm had of its own."""

    file: ClassVar[str] = "tidier.csv"
    optional: ClassVar[tuple[str, ...]] = ("where", "facts", "note", "check")
    closed: ClassVar[dict[str, tuple[str, ...]]] = {"check": ("", "yes")}
    item: str
    title: str
    gist: str
    shared: str
    holf: str
    local: str
    facts: tuple[str, ...]
    where: tuple[str, ...]
    note: str
    check: str

    @property
    def name(self) -> str:
        """How an error names the row, and the anchor on its page."""
        return f"tidier-{self.item}"


@dataclass(frozen=True)
class Question:
    """One signalling question of RoB 2 for cluster trials, with what the record offers; it holds no judgement."""

    file: ClassVar[str] = "rob2.csv"
    optional: ClassVar[tuple[str, ...]] = ("facts", "where", "check")
    closed: ClassVar[dict[str, tuple[str, ...]]] = {"check": ("", "yes")}
    domain: str
    question: str
    gist: str
    support: str
    facts: tuple[str, ...]
    where: tuple[str, ...]
    check: str

    @property
    def name(self) -> str:
        """How an error names the row, and the anchor on its page."""
        return f"rob2-{self.question.replace('.', '-')}"


@dataclass(frozen=True)
class Difference:
    """A difference between documents, what this book did about it, and what only the authors can answer."""

    file: ClassVar[str] = "errata.csv"
    optional: ClassVar[tuple[str, ...]] = ()
    closed: ClassVar[dict[str, tuple[str, ...]]] = {}
    rank: str
    title: str
    facts: tuple[str, ...]
    differs: str
    done: str
    ask: str
    where: tuple[str, ...]

    @property
    def name(self) -> str:
        """How an error names the row, and the anchor on its page."""
        return f"errata-{self.rank}"


Row = Source | Finding | Word | Conflict | Item | Element | Question | Difference
# Columns that hold several ids or places, with spaces between.
LISTS = ("facts", "where", "sources")


def texts(row: Row) -> dict[str, str]:
    """The columns of a row that hold words, by name; lists of ids and places are not among them."""
    return {field.name: getattr(row, field.name) for field in fields(row) if field.name not in LISTS}
