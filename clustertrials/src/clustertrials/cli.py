"""The command line: `clustertrials power` and `clustertrials sweep`."""

from __future__ import annotations

import argparse
import sys

from clustertrials import power_command
from clustertrials.sweep import command


def main(arguments: list[str] | None = None) -> None:
    """Run one command; a mistake in the input ends with one clear line and exit code 2."""
    parser = argparse.ArgumentParser(prog="clustertrials", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    power_command.add_parser(commands)
    command.add_parser(commands)
    parsed = parser.parse_args(arguments)
    try:
        parsed.run(parsed)
    except (OSError, ValueError) as error:
        print(f"clustertrials: {error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
