"""The command `holf sweep`: the library's, with numbers from the record."""

from __future__ import annotations

import argparse

from clustertrials.cli import add_sweep
from holf.record.sweep_numbers import recorded_numbers


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    add_sweep(commands, look_up=recorded_numbers)
