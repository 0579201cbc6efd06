"""The command `holf sweep`: the library's, with numbers from the record, and editions of the book."""

from __future__ import annotations

import argparse
import sys

from holf.sweep import grid_command
from holf.sweep_numbers import recorded_numbers


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    grid_command.add_parser(commands).set_defaults(run=_sweep)


def _sweep(arguments: argparse.Namespace) -> None:
    # Before anything loads the numerical libraries.
    grid_command.pin_threads()
    from holf.sweep.plan import read_kind

    kind, _ = read_kind(arguments.plan)
    if kind != "editions":
        grid_command.run(arguments, look_up=recorded_numbers)
        return
    from holf.sweep.editions import run_editions

    if arguments.scheduler or arguments.summary or arguments.dry_run:
        raise ValueError("editions are built on this machine and have no summary: only --out and --workers apply")
    sys.exit(run_editions(arguments.plan, arguments.out, workers=arguments.workers))
