"""A release: every answer of one study on real data, made safe, in one file that a person can read and sign."""

from __future__ import annotations

import hashlib
import json
import warnings
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from clustertrials.files import write_whole
from holf.confidential.read.reader import DropIn
from holf.confidential.release.codec import decode, encode
from holf.confidential.release.form import (
    HOW_TO_READ_COUNTS,
    KEYS,
    NO_ANSWER,
    broken_rules,
    has_form,
    public_counts,
    summary,
)
from holf.confidential.release.questions import available, catalogue, key_of
from holf.confidential.rules.answers import Safe, disclose
from holf.confidential.rules.policy import Policy, load_profiles
from holf.confidential.rules.rounded_rows import Published, RoundedRows
from holf.confidential.rules.suppression import UnitSets
from holf.record.plan import load_plan
from holf.record.schema import Schema
from holf.record.source import REAL
from holf.study.questions import Answered, compute
from holf.study.study import Study, StudyError
from holf.study.tables import Rows

FORMAT = "holf release, version 3"


class ReleaseError(ValueError):
    """A file is no release, or not one that this version can read."""


@dataclass(frozen=True)
class Release:
    """The content of a release file.

    It is format, trial, profile, outcomes with their waves, tables that are not there, keyed checksum of the input, the
    answers, earlier releases whose answers it repeats, and for whoever signs a summary and how to read the counts.
    """

    content: dict[str, Any]

    @property
    def sha256(self) -> str:
        """SHA-256 of the file's bytes."""
        return hashlib.sha256(self.text().encode()).hexdigest()

    @property
    def id(self) -> str:
        """First twelve digits of the SHA-256: another number anywhere gives another id."""
        return self.sha256[:12]

    @property
    def source(self) -> str:
        """What every figure and table drawn from it says of its data."""
        return f"{REAL}: profile {self.content['profile']}, release {self.id}"

    def text(self) -> str:
        """The file's content, one line for each answer; the same release is the same bytes."""
        order = (*KEYS[:-1], *sorted(self.content.keys() - {*KEYS}))
        parts = [f"{_line(key)}: {_line(self.content[key])}" for key in order if key in self.content]
        entries = ",\n".join(map(_entry_text, self.content["answers"]))
        return "{\n" + ",\n".join([*parts, f'"answers": [\n{entries}\n]']) + "\n}\n"

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all."""
        write_whole(path, self.text())

    def study(self) -> Study:
        """Answer the chapters' questions from the file alone."""
        plan = load_plan()
        waves = self.content["outcomes"]
        there = {name: outcome.only_at(waves[name]) for name, outcome in plan.outcomes.items() if name in waves}
        answers = {key_of(entry["question"], entry["asked"]): entry for entry in self.content["answers"]}
        source = self.source

        def ask(question: str, **asked: Any) -> tuple[Any, ...]:
            entry = answers.get(key_of(question, asked))
            if entry is None:
                raise StudyError(f"{question}: not among the questions that this release answers")
            if "no_answer" in entry:
                raise StudyError(f"{question} of {asked.get('outcome', 'the study')}: {entry['no_answer']}")
            return tuple(decode(found["answer"], source=source) for found in entry["answers"])

        return Study(replace(plan, outcomes=there), ask, source=source, sign=None)


def make_release(dropped: DropIn, schema: Schema, policy: Policy, *, key: bytes | None = None) -> Release:
    """Ask real tables everything that the chapters ask, and keep the safe answers.

    Parameters
    ----------
    dropped : DropIn
    schema : Schema
    policy : Policy
    key : bytes, optional
        Key of the checksum of the input, kept by the data's holder; without one there is no checksum.

    Returns
    -------
    Release
        The same tables, policy and key give the same bytes.

    Raises
    ------
    ReleaseError
        If anything fails on the way, or a number of it breaks a rule; the message names the kind of the error, and
        never what it says.
    """
    failed = ""
    try:
        with warnings.catch_warnings():
            # What libraries warn of may quote values.
            warnings.simplefilter("ignore")
            rows = Rows(dropped.tables, available(load_plan(), schema, dropped.tables), schema)
            release = _release(dropped, rows, _answer(rows, catalogue(rows.plan)), policy, key)
        broken = broken_rules(release.content, policy)
        failed = f"its numbers break the rule {', '.join(broken)}" if broken else ""
        if not failed:
            return release
    except Exception as error:
        failed = type(error).__name__
    # Raised from here: inside the handler, the error and its words would go with it as its context.
    raise ReleaseError(f"no release was made: {failed}; what it says stays inside, since it may quote a value")


def _answer(rows: Rows, questions: Iterable[tuple[str, dict[str, Any]]]) -> dict[str, list[Answered] | None]:
    """Answers by question and keywords, None where the rows give none; they are not safe yet."""
    answered = {}
    for question, asked in questions:
        try:
            answered[key_of(question, asked)] = compute(rows, question, **asked)
        except StudyError:
            answered[key_of(question, asked)] = None
    return answered


def _release(
    dropped: DropIn, rows: Rows, answered: dict[str, list[Answered] | None], policy: Policy, key: bytes | None
) -> Release:
    plan, questions = rows.plan, {key_of(*one): one for one in catalogue(rows.plan)}
    given = {name: answers for name, answers in answered.items() if answers is not None}

    def ask_again(published: Published) -> dict[str, list[Answered] | None]:
        rounded_rows = RoundedRows(dropped.tables, plan, rows.schema, rows, published, policy)
        return _answer(rounded_rows, [questions[name] for name in given])

    safe, off_by = disclose(given, _no_sets(rows), policy, public_counts(), ask_again)
    entries = [
        {"question": question, "asked": asked}
        | ({"answers": [_entry(found) for found in safe[name]]} if name in safe else {"no_answer": NO_ANSWER})
        for name, (question, asked) in questions.items()
    ]
    return Release(
        {
            "format": FORMAT,
            "trial": plan.name,
            "data": REAL,
            "profile": policy.profile,
            "input_hmac_sha256": dropped.digest(key) if key else None,
            "outcomes": {name: list(outcome.waves) for name, outcome in plan.outcomes.items()},
            "absent_tables": sorted(dropped.absent),
            "absent_outcomes": [
                outcome.label for name, outcome in load_plan().outcomes.items() if name not in plan.outcomes
            ],
            "answers": entries,
            "repeats": [],
            "summary": summary(entries),
            "counts": HOW_TO_READ_COUNTS,
            "counts_off_by_at_most": off_by,
        }
    )


def _no_sets(rows: Rows) -> UnitSets:
    """Sets of units, of which none is known yet but the offices of each arm and how many staff they have."""
    offices, (holder, _) = rows.plan.trial["cluster"]["table"], rows.plan.main.group
    arms = rows.with_arm(offices).set_index(rows.cluster)["arm"].to_dict() if holder == offices else {}
    staff = {
        table: rows.linked(table, [])[rows.cluster].value_counts().to_dict()
        for table in rows.tables
        if rows.schema.tables[table].get("holf:role") == "staff"
    }
    return UnitSets(rows.schema, len(rows.tables[offices]), arms, staff)


def read_release(path: Path) -> Release:
    """Read a release file.

    Raises
    ------
    ReleaseError
        If it is no release, holds simulated answers or an answer of an unknown form, is of another trial, is not byte
        for byte what `holf release` writes, or breaks its own policy. The last is not asked where this project does not
        have the policy.
    """
    try:
        raw = path.read_bytes()
    except OSError:
        raise ReleaseError(f"{path.name}: there is no such file, or it cannot be opened") from None
    return parse_release(raw, path.name)


def parse_release(raw: bytes, name: str) -> Release:
    """The bytes of a release file as a release; `name` is what a refusal calls them."""
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        raise ReleaseError(f"{name}: not a file of JSON") from None
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise ReleaseError(f"{name}: not a release that this version can read, which is {FORMAT!r}; make it anew")
    if content.get("data") != REAL:
        raise ReleaseError(f"{name}: its answers do not come from real data; the two are never mixed")
    if content.get("trial") != load_plan().name:
        raise ReleaseError(f"{name}: its answers are of another trial")
    release = Release(content)
    try:
        for entry in content["answers"]:
            for found in entry.get("answers", ()):
                decode(found["answer"], source="")
        # A key given twice, a remark or other spelling would leave the room unread.
        is_whole = release.text().encode() == raw and has_form(content)
        profile = load_profiles().get(content["profile"])
        broken = broken_rules(content, profile) if profile else []
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ReleaseError(f"{name}: an answer has a form that this version does not know") from None
    if not is_whole:
        raise ReleaseError(f"{name}: not as `holf release` writes it; it was changed")
    if broken:
        raise ReleaseError(f"{name}: its numbers break the rule {', '.join(broken)} of its profile")
    return release


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, allow_nan=False)


def _entry_text(entry: dict[str, Any]) -> str:
    """A question on a line of its own, and each of its answers."""
    if "answers" not in entry:
        return _line(entry)
    asked = _line({key: value for key, value in entry.items() if key != "answers"})
    return f'{asked[:-1]}, "answers": [\n' + ",\n".join(f" {_line(found)}" for found in entry["answers"]) + "\n]}"


def _entry(found: Safe) -> dict[str, Any]:
    behind = {name: encode(getattr(found, name)) for name in ("people", "families", "offices")}
    return {"answer": encode(found.answer), "rests_on": behind, "withheld_by": found.rules}
