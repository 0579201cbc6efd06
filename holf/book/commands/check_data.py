"""The command `holf check-data`: is a folder of real tables ready, and which parts of the book could it fill?"""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add `check-data` to the command line."""
    check = commands.add_parser("check-data", help="check a folder of real tables; shows no value of anyone")
    check.add_argument("folder", type=Path, metavar="DIR", help="one file a table: CSV, Parquet, SPSS or Stata")
    check.add_argument("--mapping", type=Path, help="YAML file with your names of files, columns and codes")
    check.add_argument(
        "--private", type=Path, metavar="FILE", help="new file, outside project and DIR, for row numbers and values"
    )
    check.set_defaults(run=_check)


def _check(arguments: argparse.Namespace) -> None:
    from holf.confidential.read.reader import examine
    from holf.confidential.read.report import DropInError, check_private, write_private
    from holf.record.schema import load_schema

    if arguments.private:
        check_private(arguments.private, arguments.folder)
    examined = examine(arguments.folder, load_schema(), mapping=arguments.mapping)
    if examined.findings:
        if arguments.private:
            lines = write_private(arguments.private, examined.findings)
            print(f"the private file has {'some' if lines else 'no'} lines; only you can read it")
        raise DropInError(finding.problem for finding in examined.findings)
    print("\n".join(readiness(examined.drop_in)))


def readiness(drop_in) -> list[str]:
    """Say table by table what is there, and which answers of the book will be missing.

    Parameters
    ----------
    drop_in : DropIn

    Returns
    -------
    list of str
        Lines; rows are counted in bands.
    """
    from holf.confidential.read.report import band
    from holf.confidential.release.questions import is_measured
    from holf.record.flow import load_flow
    from holf.record.plan import load_plan

    tables = drop_in.tables
    lines = [f"{name}: {band(len(frame))} rows" for name, frame in tables.items()]
    lines += [f"{name}: not there" for name in drop_in.absent]
    missing = [
        f"{outcome.label} ({wave})"
        for outcome in load_plan().outcomes.values()
        for wave in outcome.waves
        if not is_measured(tables, outcome, wave)
    ]
    if lost := sorted({box.table for box in load_flow()} - set(tables)):
        missing.insert(0, f"participant flow (needs {', '.join(lost)})")
    said = [f"the book will say that it has no data on: {one}" for one in missing]
    return [*lines, *(said or ["every part of the book has data"])]
