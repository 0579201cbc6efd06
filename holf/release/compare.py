"""A release against the one before it: the difference of two releases is a publication as well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from holf.disclosure.attack import differencing
from holf.disclosure.policy import Policy
from holf.release.catalogue import key_of
from holf.release.document import Release, ReleaseError


def counts_of(release: Release) -> dict[str, int]:
    """Every count of people that a release shows, under the name of its question and its place in the answer.

    Parameters
    ----------
    release : Release

    Returns
    -------
    dict of str to int
    """
    found = {}
    for entry in release.content["answers"]:
        for place, answer in enumerate(entry.get("answers", ())):
            for name, count in _counts(answer):
                found[f"{key_of(entry['question'], entry['asked'])} [{place}] {name}"] = count
    return found


def _counts(part: Any, name: str = "") -> Iterator[tuple[str, int]]:
    if isinstance(part, dict):
        for key, value in part.items():
            yield from _counts(value, f"{name}.{key}" if name else key)
    elif isinstance(part, list):
        for place, value in enumerate(part):
            yield from _counts(value, f"{name}[{place}]")
    elif isinstance(part, int) and not isinstance(part, bool):
        yield name, part


def require_no_small_difference(previous: Release, release: Release, policy: Policy) -> None:
    """Refuse a release in which a count differs from the last release by more than zero and by few people.

    Raises
    ------
    ReleaseError
        The message says how many counts do, and names none of them.
    """
    if close := differencing(counts_of(previous), counts_of(release), policy):
        raise ReleaseError(
            f"rule differencing: {len(close)} counts differ from the last release by fewer than {policy.min_people}; "
            "publish the new data together with enough others, or keep the last release"
        )
