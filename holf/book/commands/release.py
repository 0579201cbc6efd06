"""The command `holf release`: answer everything that the chapters ask of real data, and write one file."""

from __future__ import annotations

import argparse
import os
import secrets
from pathlib import Path

from holf.paths import project_root


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    release = commands.add_parser(
        "release", help="answer all that the chapters ask of real tables, under disclosure control, into one file"
    )
    release.add_argument("--data", type=Path, required=True, help="folder of real tables, as for `holf check-data`")
    release.add_argument("--out", type=Path, required=True, help="the release file to write; it must not exist")
    release.add_argument("--mapping", type=Path, help="mapping file for other column names and codes")
    release.add_argument("--profile", help="profile of data/disclosure.yml (default: the file's default)")
    release.add_argument("--previous", type=Path, help="the last release: counts may not differ by few people")
    release.add_argument(
        "--key",
        type=Path,
        help="key of the input's checksum (default: beside --out, made when missing; keep it inside)",
    )
    release.set_defaults(run=_release)


def _release(arguments: argparse.Namespace) -> None:
    from holf.confidential.read.reader import read_dropin
    from holf.confidential.release.compare import require_no_small_difference
    from holf.confidential.release.document import make_release, read_release
    from holf.confidential.rules.policy import load_policy
    from holf.record.schema import load_schema

    out = arguments.out
    if out.exists():
        raise FileExistsError(f"{out.name} exists already; a release is never written over")
    schema, policy = load_schema(), load_policy(arguments.profile)
    previous = read_release(arguments.previous) if arguments.previous else None
    dropped = read_dropin(arguments.data, schema, mapping=arguments.mapping)
    key_path = arguments.key or out.with_name(f"{out.name}.key")
    key = _key(key_path)
    release = make_release(dropped, schema, policy, key=key)
    if previous:
        require_no_small_difference(previous, release, policy)
    ids_path = key_path.with_name(f"{out.name}.ids")
    ids_path.unlink(missing_ok=True)
    _write_private(ids_path, "".join(f"{one}\n" for one in dropped.ids(schema)).encode())
    release.write(out)
    print(f"wrote {out.name}: release {release.id}, profile {policy.profile}")
    print(f"wrote {ids_path.name}: the ids in these tables, for `holf release-check --ids`; keep it inside")
    for name, number in release.content["summary"].items():
        print(f"  {name.replace('_', ' ')}: {number}")
    print("Read the file before it leaves; then build the book from it: holf build --source FILE --out DIR")


def _key(path: Path) -> bytes:
    """The key in `path`, made with mode 600 if there is none; never inside the project."""
    if path.resolve().is_relative_to(project_root().resolve()):
        raise ValueError("the key of the checksum would lie inside the project; name a place outside with --key")
    if not path.exists():
        _write_private(path, secrets.token_bytes(32))
    return path.read_bytes()


def _write_private(path: Path, content: bytes) -> None:
    """Write a new file that nobody else may read."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(content)
