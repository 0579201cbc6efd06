"""Whether a release is one that `holf release` can have written: its form, and numbers that keep its own policy."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from typing import Any

from clustertrials.influence import UNITS
from holf.confidential.release.clues import clues
from holf.confidential.release.codec import NO_NUMBERS, decode
from holf.confidential.release.questions import catalogue, key_of
from holf.confidential.rules.answers import ROLES
from holf.confidential.rules.policy import PROFILE_NAME, RULES, Policy
from holf.confidential.rules.primary import significant
from holf.record.facts import load_ledger
from holf.record.flow import load_flow
from holf.record.plan import load_registered
from holf.record.schema import load_schema
from holf.study.answers import Withheld

_ROLES = {kind.__name__: roles for kind, roles in ROLES.items()}
# Parts of a release in the order in which they are written: what whoever signs reads first, and the answers last.
KEYS = (
    *("format", "trial", "data", "profile", "summary", "counts", "counts_off_by_at_most", "repeats", "outcomes"),
    *("absent_tables", "absent_outcomes", "input_hmac_sha256", "answers"),
)
HOW_TO_READ_COUNTS = (
    "Published totals and counts of staff are exact. Others are rounded, or follow from rounded ones, as one arm does "
    "from the total and the other arm. A difference of two shown counts is no count: it is further off than they are."
)
# Which rule stood in the way may itself tell something, so every refusal reads alike.
NO_ANSWER = "these data give no answer"


def public_counts() -> dict[str, int]:
    """The published counts of the trial's flow, by box."""
    ledger = load_ledger()
    return {box.id: int(ledger.number(box.fact)) for box in load_flow() if box.fact}


def summary(entries: list[dict[str, Any]]) -> dict[str, Any]:
    """What whoever signs reads first: how much is asked, and which rules withheld how much."""
    answers = _found(entries)
    rules = Counter(rule for found in answers for rule in found["withheld_by"])
    return {
        "questions": len(entries),
        "questions_without_answer": sum("no_answer" in entry for entry in entries),
        "answers": len(answers),
        "answers_with_a_part_withheld": sum(bool(found["withheld_by"]) for found in answers),
        "answers_by_withholding_rule": dict(sorted(rules.items())),
    }


def has_form(content: dict[str, Any]) -> bool:
    """Whether nothing stands beside questions and answers, the summary is theirs, and no word is free."""
    entries, plan = content["answers"], load_registered()
    outcomes = {name: plan.outcome(name).only_at(waves) for name, waves in content["outcomes"].items()}
    known = {key_of(*one) for one in catalogue(replace(plan, outcomes=outcomes))}
    asked = [key_of(entry["question"], entry["asked"]) for entry in entries]
    return (
        content.keys() == {*KEYS}
        and _fit(PROFILE_NAME, content["profile"])
        and _fit(r"[0-9a-f]{64}", content["input_hmac_sha256"] or 64 * "0")
        and _fit(r"[0-9a-f]{12}", *content["repeats"])
        and content["counts"] == HOW_TO_READ_COUNTS
        and type(content["counts_off_by_at_most"]) is int
        and {*content["absent_tables"]} <= load_schema().tables.keys()
        and {*content["absent_outcomes"]} <= {outcome.label for outcome in plan.outcomes.values()}
        and all({*waves} <= {*plan.outcome(name).waves} for name, waves in content["outcomes"].items())
        and len(asked) == len({*asked} & known)
        and all(entry.get("no_answer", NO_ANSWER) == NO_ANSWER for entry in entries)
        and all(
            entry.keys() - {"answers", "no_answer"} == {"question", "asked"} and len(entry) == 3 for entry in entries
        )
        and all(map(_is_typed, _found(entries)))
        and content["summary"] == summary(entries)
    )


def _is_typed(found: dict[str, Any]) -> bool:
    """Whether an answer and what it rests on are numbers where they must be."""
    behind, answer = found["rests_on"], found["answer"]
    numbers = [answer[name] for name in _ROLES.get(answer["answer"], ())]
    return (
        found.keys() == {"answer", "rests_on", "withheld_by"}
        and behind.keys() == {"people", "families", "offices"}
        and {*found["withheld_by"]} <= RULES
        and all(type(decode(one, source="")) in (int, Withheld) for one in behind.values())
        and all(not isinstance(one, str) or one in NO_NUMBERS for one in numbers)
    )


def _fit(pattern: str, *words: str) -> bool:
    return all(re.fullmatch(pattern, word) for word in words)


def broken_rules(content: dict[str, Any], policy: Policy) -> list[str]:
    """Rules of the policy that numbers of the release break, as far as the file alone can show it.

    They are ``people`` for a count that is shown but too small and not public, ``digits`` for an estimate with too many
    of them, and ``complementary`` for a number that gives a count away.
    """
    public, broken = set(public_counts().values()), set()
    for found in _found(content["answers"]):
        answer = found["answer"]
        roles = _ROLES.get(answer["answer"], {})
        allowed = public | ({0} if _counts_everybody(found, public) else set())
        if any(type(count) is int and count < policy.min_people and count not in allowed for count in counts_of(found)):
            broken.add("people")
        # Sizes are shown in full: they are rounded counts an office.
        is_size = answer.get("characteristic") == UNITS
        numbers = [
            answer[name] for name in answer if not is_size and name in roles and roles[name].kind in ("estimate", "df")
        ]
        if any(type(number) is float and significant(number, policy) != number for number in numbers):
            broken.add("digits")
    if any(clue.gives_away for clue in clues(content, policy)):
        broken.add("complementary")
    return sorted(broken)


def _counts_everybody(found: dict[str, Any], public: set[int]) -> bool:
    """Whether all can count those of an answer, and so that none is missing: they are public, or staff."""
    answer = found["answer"]
    whole = answer.get("n_units", answer.get("n_expected"))
    return type(whole) is int and (whole in public or found["rests_on"]["families"] == 0)


def _found(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [found for entry in entries for found in entry.get("answers", ())]


def counts_of(found: dict[str, Any]) -> list[Any]:
    """The counts of people and families that an answer shows and rests on, as the release writes them."""
    # Among staff nobody has a family.
    behind = [count for count in (found["rests_on"]["people"], found["rests_on"]["families"]) if count]
    return [*_shown_counts(found["answer"]), *behind]


def _shown_counts(answer: dict[str, Any]) -> list[Any]:
    if answer["answer"] == "Flow":
        tables = {box.id: box.table for box in load_flow()}
        above = load_schema().path
        people = [count for count in answer["counts"] if above(tables[count["box"]["box"]])]
        return [number for count in people for number in (count["total"], *count["by_arm"]["by"].values())]
    return [answer[name] for name, role in _ROLES.get(answer["answer"], {}).items() if role.kind == "count"]
