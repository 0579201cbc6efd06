"""The command `holf release-check`: scan a tree, and write or verify its manifest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from holf.confidential.scan import KINDS, OUT_OF_REACH

NAME = "release-manifest.json"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser of `holf`."""
    parser = commands.add_parser(
        "release-check",
        help="scan a built site before publishing",
        description=f"Scan a built site. Files of other kinds than these are refused: {', '.join(KINDS)}.",
        epilog=f"It does not see: {'; '.join(OUT_OF_REACH)}.",
    )
    parser.add_argument("tree", type=Path, help="folder as it would be published")
    parser.add_argument("--ids", type=Path, help="ids of the study, one a line, as `holf release` writes them")
    parser.add_argument("--canaries", type=Path, help="values that must not come out, one a line, as text")
    parser.add_argument("--exceptions", type=Path, help="YAML list of path, rule, reason, signer, and perhaps where")
    parser.add_argument("--manifest", type=Path, help=f"default: {NAME} beside the tree")
    parser.add_argument("--profile", default="", help="disclosure profile, for the manifest")
    parser.add_argument("--release", default="", help="name of the release, for the manifest")
    parser.add_argument("--verify", action="store_true", help="only say whether the manifest still holds")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from holf.confidential.scan.exceptions import read_exceptions

    manifest = arguments.manifest or arguments.tree.resolve().parent / NAME
    exceptions = read_exceptions(arguments.exceptions) if arguments.exceptions else ()
    if arguments.verify:
        _verify(arguments.tree, manifest, exceptions if arguments.exceptions else None)
    else:
        _check(arguments, manifest, exceptions)


def _verify(tree: Path, manifest: Path, exceptions: tuple | None) -> None:
    from holf.confidential.scan.manifest import check_manifest

    if faults := check_manifest(tree, manifest, exceptions=exceptions):
        print("\n".join(faults))
        print(f"{manifest.name} is void: check the tree again", file=sys.stderr)
        sys.exit(1)
    print(f"{manifest.name} holds")


def _check(arguments: argparse.Namespace, manifest: Path, exceptions: tuple) -> None:
    from holf.book.downloads.check import shown_digests
    from holf.confidential.scan.exceptions import without_exceptions
    from holf.confidential.scan.identifiers import is_distinct, read_values, require_canaries
    from holf.confidential.scan.known import known_here
    from holf.confidential.scan.manifest import write_manifest
    from holf.confidential.scan.scan import scan

    ids = read_values(arguments.ids) if arguments.ids else ()
    canaries = require_canaries(read_values(arguments.canaries)) if arguments.canaries else ()
    findings = without_exceptions(
        scan(
            arguments.tree,
            shown=shown_digests(arguments.tree),
            known=known_here(ids=ids, canaries=canaries),
            beside=[manifest],
        ),
        exceptions,
    )
    if short := sum(not is_distinct(one) for one in ids):
        print(f"{short} of {len(ids)} ids were not sought: too short to be told from other words and numbers")
    if findings:
        print("\n".join(map(str, findings)))
        print(f"{len(findings)} findings: do not publish; no manifest written", file=sys.stderr)
        sys.exit(1)
    write_manifest(
        arguments.tree, manifest, exceptions=exceptions, profile=arguments.profile, release=arguments.release
    )
    print(f"nothing found; wrote {manifest.name}")
