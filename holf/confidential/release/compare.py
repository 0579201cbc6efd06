"""Compares a release with the one before it, since their difference is published as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from holf.confidential.release.document import Release, ReleaseError
from holf.confidential.release.form import summary
from holf.confidential.release.ledger import LEDGER
from holf.confidential.release.questions import key_of
from holf.confidential.rules.answers import identity
from holf.confidential.rules.attack import differencing
from holf.confidential.rules.policy import Policy
from holf.study.answers import Withheld


def counts_of(release: Release) -> dict[str, int | Withheld]:
    """Every count of people of a release, shown or withheld, by the name of its question and its place in the answer.

    Parameters
    ----------
    release : Release

    Returns
    -------
    dict of str to (int or Withheld)
    """
    return {f"{place} {name}": count for place, answer in _answers(release).items() for name, count in _counts(answer)}


def _answers(release: Release) -> dict[str, Any]:
    return {
        f"{key_of(entry['question'], entry['asked'])} {identity(found['answer'])}": found
        for entry in release.content["answers"]
        for found in entry.get("answers", ())
    }


def _counts(part: Any, name: str = "") -> Iterator[tuple[str, int | Withheld]]:
    if isinstance(part, dict) and part.keys() == {"withheld"}:
        yield name, Withheld(part["withheld"])
    elif isinstance(part, dict):
        for key, value in part.items():
            yield from _counts(value, f"{name}.{key}" if name else key)
    elif isinstance(part, list):
        for place, value in enumerate(part):
            yield from _counts(value, f"{name}[{place}]")
    elif isinstance(part, int) and not isinstance(part, bool) and not name.endswith("n_allocations"):
        yield name, part


def changed_alone(previous: Release, release: Release, policy: Policy) -> list[str]:
    """Answers in which a number changed, but no count changed by `min_people` or more.

    A mean or an estimate changes with every person, a rounded count only with some: one family more or less can leave
    all counts as they are, and two estimates then differ by what that family adds. Where the files of the input are the
    same by their keyed checksum, no person changed, and nothing is named.

    Parameters
    ----------
    previous, release : Release
    policy : Policy

    Returns
    -------
    list of str
        Names of questions with what tells the answer from others.
    """
    same_input = previous.content["input_hmac_sha256"] == release.content["input_hmac_sha256"] is not None
    if same_input or "differencing" not in policy.rules:
        return []
    old, new = _answers(previous), _answers(release)
    return [
        name
        for name in old.keys() & new.keys()
        if old[name] != new[name] and not _many_more(dict(_counts(old[name])), dict(_counts(new[name])), policy)
    ]


def _many_more(old: dict, new: dict, policy: Policy) -> bool:
    """Whether a count says that at least `min_people` came or went."""
    return any(abs(new[name] - old[name]) >= policy.min_people for name in old.keys() & new.keys())


def require_no_small_difference(previous: Release, release: Release, policy: Policy) -> None:
    """Refuse a release that differs from the last one by few people.

    Raises
    ------
    ReleaseError
        If a count differs by more than zero and fewer than `min_people`, one is shown here and withheld there without
        as wide a distance, or another number changed while no count beside it changed by so many. The message says how
        many do, and names none of them.
    """
    close = differencing(counts_of(previous), counts_of(release), policy)
    alone = changed_alone(previous, release, policy)
    if close or alone:
        raise ReleaseError(
            f"rule differencing: {len(close)} counts, and other numbers in {len(alone)} answers, differ from release "
            f"{previous.id} by fewer than {policy.min_people} people; publish the new data together with enough "
            "others, or add --repeat to repeat its answers and publish only what it does not answer. If it never left "
            f"the room, delete it, also in the folder {LEDGER}"
        )


def repeated(previous: Release, release: Release) -> Release:
    """The release with the answers of the previous one to all that both answer: new is only what that did not answer.

    So the two tell no difference together, however few people left or came in between.

    Parameters
    ----------
    previous, release : Release

    Raises
    ------
    ReleaseError
        If the two were made under different profiles.
    """
    if previous.content["profile"] != release.content["profile"]:
        raise ReleaseError(f"release {previous.id} was made under another profile, so its answers are not repeated")
    before = {key_of(entry["question"], entry["asked"]): entry for entry in previous.content["answers"]}
    entries = []
    for entry in release.content["answers"]:
        old = before.get(key_of(entry["question"], entry["asked"]), {})
        if "answers" in entry and "answers" in old:
            known = {identity(found["answer"]): found for found in old["answers"]}
            entry = entry | {"answers": [known.get(identity(found["answer"]), found) for found in entry["answers"]]}
        entries.append(old if "answers" in old and "no_answer" in entry else entry)
    repeats = [*dict.fromkeys((*release.content["repeats"], *previous.content["repeats"], previous.id))]
    return Release(release.content | {"answers": entries, "repeats": repeats, "summary": summary(entries)})
