"""Exceptions: findings that someone, by name and for a reason, lets pass."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from holf.gate.rules import ALL
from holf.gate.scan import Finding


class ExcuseError(ValueError):
    """An exception is incomplete, impossible, or excuses nothing; the message names it by its number."""


@dataclass(frozen=True, order=True)
class Excuse:
    """One exception.

    Attributes
    ----------
    path : str
        File in the tree, as the finding names it.
    rule : str
    reason, signer : str
        Why it may pass, and who says so.
    where : str
        Way into the file; empty for everywhere in it.
    """

    path: str
    rule: str
    reason: str
    signer: str
    where: str = ""

    def covers(self, finding: Finding) -> bool:
        """Say whether the exception is for this finding."""
        return (self.path, self.rule) == (finding.path, finding.rule) and self.where in ("", finding.where)


def read_excuses(path: Path) -> tuple[Excuse, ...]:
    """Read exceptions from a YAML or JSON file: a list of entries path, rule, reason, signer, and perhaps where.

    Raises
    ------
    ExcuseError
        If an entry lacks a part, has an unknown one, or names a rule that is unknown or knows no exceptions.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    if not isinstance(content, list):
        raise ExcuseError(f"{path.name}: exceptions are a list")
    rules, out = {rule.id: rule for rule in ALL}, []
    for number, entry in enumerate(content, start=1):
        said = f"{path.name}, exception {number}"
        if not isinstance(entry, dict) or not {"path", "rule", "reason", "signer"} <= entry.keys():
            raise ExcuseError(f"{said}: needs path, rule, reason and signer")
        if not entry.keys() <= {"path", "rule", "reason", "signer", "where"}:
            raise ExcuseError(f"{said}: holds something else than path, rule, reason, signer and where")
        if not all(isinstance(value, str) and value.strip() for value in entry.values()):
            raise ExcuseError(f"{said}: every part is a text that says something")
        if entry["rule"] not in rules or not rules[entry["rule"]].excusable:
            raise ExcuseError(f"{said}: its rule is unknown, or knows no exceptions")
        out.append(Excuse(**entry))
    return tuple(sorted(out))


def unexcused(findings: Iterable[Finding], excuses: Iterable[Excuse]) -> tuple[Finding, ...]:
    """Findings that no exception covers.

    Raises
    ------
    ExcuseError
        If an exception covers no finding: it would lie in wait for one.
    """
    findings, excuses = tuple(findings), tuple(excuses)
    for number, excuse in enumerate(excuses, start=1):
        if not any(excuse.covers(finding) for finding in findings):
            raise ExcuseError(f"exception {number} (by path), rule {excuse.rule}, excuses nothing: delete it")
    return tuple(finding for finding in findings if not any(excuse.covers(finding) for excuse in excuses))


def as_entries(excuses: Iterable[Excuse]) -> list[dict[str, str]]:
    """Exceptions as plain entries, for a manifest."""
    return [asdict(excuse) for excuse in sorted(excuses)]
