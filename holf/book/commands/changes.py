"""The command `holf changes`: which numbers of the book differ between two states of it."""

from __future__ import annotations

import argparse


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the parser of `holf`."""
    parser = commands.add_parser("changes", help="numbers that differ between two states of the book, as Markdown")
    parser.add_argument("old", help="a revision, or a folder with the project")
    parser.add_argument("new", nargs="?", default=".", help="the same (default: this folder)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    from holf.pages.changes import as_markdown, changes, has_values, read_state

    names = arguments.old, "this folder" if arguments.new == "." else arguments.new
    states = read_state(arguments.old), read_state(arguments.new)
    without = [name for name, state in zip(names, states) if not has_values(state)]
    print(as_markdown(changes(*states), *names, without), end="")
