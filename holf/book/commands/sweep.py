"""The command `holf sweep`: the library's, with numbers from the record."""

from __future__ import annotations

import argparse

from clustertrials.sweep import command
from holf.record.sweep_numbers import recorded_numbers


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    command.add_parser(commands).set_defaults(run=_sweep)


def _sweep(arguments: argparse.Namespace) -> None:
    command.run(arguments, look_up=recorded_numbers)
