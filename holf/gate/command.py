"""The command `holf release-check`: scan a tree, and write or verify its manifest."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

NAME = "release-manifest.json"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser of `holf`."""
    parser = commands.add_parser("release-check", help="scan a built site or any file tree before publishing")
    parser.add_argument("tree", type=Path, help="folder as it would be published")
    parser.add_argument("--exceptions", type=Path, help="YAML list of path, rule, reason, signer, and perhaps where")
    parser.add_argument("--manifest", type=Path, help=f"default: {NAME} beside the tree")
    parser.add_argument("--canaries", type=Path, help="values that must not come out, one a line")
    parser.add_argument("--profile", default="", help="disclosure profile, for the manifest")
    parser.add_argument("--release", default="", help="name of the release, for the manifest")
    parser.add_argument("--verify", action="store_true", help="only say whether the manifest still holds")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from holf.gate.excuses import read_excuses

    manifest = arguments.manifest or arguments.tree.resolve().parent / NAME
    excuses = read_excuses(arguments.exceptions) if arguments.exceptions else ()
    if arguments.verify:
        _verify(arguments.tree, manifest, excuses if arguments.exceptions else None)
    else:
        _check(arguments, manifest, excuses)


def _verify(tree: Path, manifest: Path, excuses: tuple | None) -> None:
    from holf.gate.manifest import check_manifest

    if faults := check_manifest(tree, manifest, excuses=excuses):
        print("\n".join(faults))
        print(f"{manifest.name} is void: check the tree again", file=sys.stderr)
        sys.exit(1)
    print(f"{manifest.name} holds")


def _check(arguments: argparse.Namespace, manifest: Path, excuses: tuple) -> None:
    from holf.gate.excuses import unexcused
    from holf.gate.known import known_here, read_canaries
    from holf.gate.manifest import write_manifest
    from holf.gate.scan import scan

    known = known_here(canaries=read_canaries(arguments.canaries) if arguments.canaries else ())
    findings = unexcused(scan(arguments.tree, known=known, beside=[manifest]), excuses)
    if findings:
        print("\n".join(map(str, findings)))
        print(f"{len(findings)} findings: do not publish; no manifest written", file=sys.stderr)
        sys.exit(1)
    write_manifest(arguments.tree, manifest, excuses=excuses, profile=arguments.profile, release=arguments.release)
    print(f"nothing found; wrote {manifest.name}")
