"""Exceptions: findings that a named person accepts for a stated reason."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from holf.confidential.scan.rules import ALL
from holf.confidential.scan.scan import Finding


class ExceptionsError(ValueError):
    """An exception is incomplete, impossible, or matches nothing; the message names it by its number."""


@dataclass(frozen=True, order=True)
class SignedException:
    """One exception.

    Attributes
    ----------
    path : str
        File in the tree, as the finding names it.
    rule : str
    reason, signer : str
        Why it may pass, and who says so.
    where : str
        Part of the file; empty for everywhere in it.
    """

    path: str
    rule: str
    reason: str
    signer: str
    where: str = ""

    def matches(self, finding: Finding) -> bool:
        """Say whether the exception is for this finding."""
        return (self.path, self.rule) == (finding.path, finding.rule) and self.where in ("", finding.where)


def read_exceptions(path: Path) -> tuple[SignedException, ...]:
    """Read exceptions from a YAML or JSON file: a list of entries path, rule, reason, signer, and perhaps where.

    Raises
    ------
    ExceptionsError
        If an entry lacks a part, has an unknown one, or names a rule that is unknown or allows no exceptions.
    """
    content = yaml.safe_load(path.read_text(encoding="utf-8")) or []
    if not isinstance(content, list):
        raise ExceptionsError(f"{path.name}: exceptions are a list")
    rules, out = {rule.id: rule for rule in ALL}, []
    for number, entry in enumerate(content, start=1):
        place = f"{path.name}, exception {number}"
        if not isinstance(entry, dict) or not {"path", "rule", "reason", "signer"} <= entry.keys():
            raise ExceptionsError(f"{place}: needs path, rule, reason and signer")
        if not entry.keys() <= {"path", "rule", "reason", "signer", "where"}:
            raise ExceptionsError(f"{place}: holds something else than path, rule, reason, signer and where")
        if not all(isinstance(value, str) and value.strip() for value in entry.values()):
            raise ExceptionsError(f"{place}: every part is a text and not empty")
        if entry["rule"] not in rules or not rules[entry["rule"]].excusable:
            raise ExceptionsError(f"{place}: its rule is unknown, or allows no exceptions")
        out.append(SignedException(**entry))
    return tuple(sorted(out))


def without_exceptions(findings: Iterable[Finding], exceptions: Iterable[SignedException]) -> tuple[Finding, ...]:
    """Findings that no exception matches.

    Raises
    ------
    ExceptionsError
        If an exception matches no finding (unused exceptions are rejected).
    """
    findings, exceptions = tuple(findings), tuple(exceptions)
    for number, exception in enumerate(exceptions, start=1):
        if not any(exception.matches(finding) for finding in findings):
            raise ExceptionsError(f"exception {number} (by path), rule {exception.rule}, matches nothing: delete it")
    return tuple(finding for finding in findings if not any(one.matches(finding) for one in exceptions))


def as_entries(exceptions: Iterable[SignedException]) -> list[dict[str, str]]:
    """Exceptions as plain entries, for a manifest."""
    return [asdict(exception) for exception in sorted(exceptions)]
