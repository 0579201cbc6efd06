"""The file `history` beside the key: it has a line for each release, and a later one must give the same answers.

Two releases tell together what neither tells alone: their difference is a number of those who came or went.
"""

from __future__ import annotations

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from holf.confidential.read.reader import DropIn
from holf.confidential.read.report import write_private
from holf.confidential.release.codec import decode
from holf.confidential.release.document import Release, ReleaseError, make_release, parse_release, read_release
from holf.confidential.release.form import counts_of, summary
from holf.confidential.release.questions import key_of
from holf.confidential.rules.answers import identity
from holf.confidential.rules.attack import known_range
from holf.confidential.rules.policy import Policy
from holf.paths import project_root
from holf.record.schema import Schema

HISTORY = "history"


def write_release(
    dropped: DropIn,
    schema: Schema,
    policy: Policy,
    out: Path,
    *,
    key: Path,
    previous: Path | None = None,
    repeat: bool = False,
) -> tuple[Release, list[Release]]:
    """Release tables into a new file, with the ids for the gate and a line of the history beside the key.

    The release is written last: if the process is killed, there may be a line without a release, and never a release
    without its line.

    Parameters
    ----------
    dropped, schema, policy, out
        As for `make_release`, and the new file.
    key : Path
        File of the key; made if there is none.
    previous : Path, optional
        An earlier release that is not in the history; it is from now on.
    repeat : bool
        Whether to give the answers of earlier releases again in place of those of the tables.

    Returns
    -------
    release, earlier : Release, list of Release
        The release, and those with which it was compared.

    Raises
    ------
    FileExistsError
        If `out` exists.
    ReleaseError
        If an answer differs from an earlier one, or another release is being made.
    ValueError
        If the key lies in the project or is none, or there is nothing to repeat.
    """
    history, named = key.with_name(HISTORY), [read_release(previous)] if previous else []
    secret = _read_key(key)
    with _alone(key):
        if out.exists():
            raise FileExistsError(f"{out.name} exists already; a release is never written over")
        earlier = [*read_history(history), *named]
        if repeat and not earlier:
            raise ValueError("there is no earlier release to repeat: name it with --previous")
        release = make_release(dropped, schema, policy, key=secret)
        for one in earlier if repeat else ():
            release = repeated(one, release)
        require_same_answers(earlier, release, policy)
        ids = "".join(f"{one}\n" for one in dropped.ids(schema))
        write_private(key.with_name(f"{out.name}.ids"), ids.encode(), over=True)
        lines = dict.fromkeys(map(_line, [*earlier, release]))
        write_private(history, "".join(lines).encode(), over=True)
        write_private(out, release.text().encode())
    return release, earlier


def _read_key(path: Path) -> bytes:
    if path.resolve().is_relative_to(project_root().resolve()):
        raise ValueError("the key of the checksum would lie inside the project; name a place outside with --key")
    if not path.exists():
        write_private(path, secrets.token_bytes(32))
    key = path.read_bytes()
    if len(key) < 16:
        raise ValueError(f"{path.name} is shorter than 16 bytes: it is no key")
    return key


@contextmanager
def _alone(key: Path) -> Iterator[None]:
    """Refuse to work while another process makes a release with the same key; a killed one leaves nothing locked."""
    with key.open("rb") as lock:
        if os.name == "posix":
            import fcntl

            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise ReleaseError(f"another release is being made with {key.name}; wait for it to end") from None
        yield


def _line(release: Release) -> str:
    return f"{release.id} {json.dumps(release.content, ensure_ascii=False, sort_keys=True)}\n"


def read_history(path: Path) -> list[Release]:
    """Read every earlier release, the oldest first; there may be no such file.

    Raises
    ------
    ReleaseError
        If a line holds no release that this version can read, or not the one that it names.
    """
    releases = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines() if path.exists() else (), start=1):
        name, _, content = line.partition(" ")
        try:
            release = parse_release(Release(json.loads(content)).text().encode(), f"{path.name}, line {number}")
        except (ValueError, KeyError, TypeError, AttributeError) as fault:
            told = str(fault) if isinstance(fault, ReleaseError) else f"{path.name}, line {number}: not a release"
            raise ReleaseError(told) from None
        if release.id != name:
            raise ReleaseError(f"{path.name}, line {number}: it was changed: it holds release {release.id}")
        releases.append(release)
    return releases


def require_same_answers(earlier: list[Release], release: Release, policy: Policy) -> None:
    """Refuse a release that gives another answer than an earlier one, unless it is clearly on other people.

    Raises
    ------
    ReleaseError
        If an answer differs from an earlier one, and not each of the counts that it shows and rests on differs by
        `min_people` or more. The message says how many do, and names none.
    """
    new = _answers(release)
    for one in earlier:
        old = _answers(one)
        both = [(old[name], new[name]) for name in old.keys() & new.keys()]
        if close := [pair for pair in both if pair[0] != pair[1] and not _on_others(*pair, policy)]:
            raise ReleaseError(
                f"rule differencing: {len(close)} answers are not those of release {one.id}; add --repeat to give its "
                f"answers again and publish only what it does not answer. If it never left the room, delete it and its "
                f"line in the file {HISTORY}"
            )


def _answers(release: Release) -> dict[str, dict[str, Any]]:
    return {
        f"{key_of(entry['question'], entry['asked'])} {identity(found['answer'])}": found
        for entry in release.content["answers"]
        for found in entry.get("answers", ())
    }


def _on_others(old: dict[str, Any], new: dict[str, Any], policy: Policy) -> bool:
    """Whether every count says for certain, after its rounding, that at least `min_people` came or went."""
    for pair in zip(counts_of(old), counts_of(new)):
        (low, high), (other_low, other_high) = (known_range(decode(one, source=""), policy) for one in pair)
        if max(low - other_high, other_low - high) < policy.min_people:
            return False
    return True


def repeated(previous: Release, release: Release) -> Release:
    """The release with the answers of the previous one to all that both answer: new is only what that did not answer.

    So the two tell no difference together, however few people left or came in between. A ReleaseError if they were
    made under different profiles.
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
    off_by = max(one.content["counts_off_by_at_most"] for one in (previous, release))
    told = {"answers": entries, "repeats": repeats, "summary": summary(entries), "counts_off_by_at_most": off_by}
    return Release(release.content | told)
