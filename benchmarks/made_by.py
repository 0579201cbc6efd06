"""Note which code made the committed tables of truth recovery and of the sweep. Run: python -m benchmarks.made_by

The tests draw a part of each table again. That finds no change on a path that only few trials take, so the definitions
of every module of the estimators that answers are noted beside each table, by name and digest. Names and imports of
modules do not count: code may move.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable
from pathlib import Path

from clustertrials.simulation_study import Scenario, simulate_estimators
from clustertrials.sweep.trials import Task, run_task
from holf.paths import data_path, library_root
from holf.record.parts import digest_of, syntax
from holf.study.truths import load_settings, load_swept

_FOLDER = library_root()


def main() -> None:
    """Write the notes of both tables."""
    for table, trials in TABLES.items():
        note_of(table).write_text("\n".join(sorted(code_of(trials))) + "\n", encoding="utf-8")


def note_of(table: str) -> Path:
    """Where the note of a table lies."""
    return data_path("simulated") / f"{table}.made_by.txt"


def code_of(trials: Callable[[], object], folder: Path = _FOLDER) -> set[str]:
    """Definitions of all modules of a folder of which some function runs."""
    ran = set()
    before = sys.getprofile()
    sys.setprofile(lambda frame, event, argument: ran.add(frame.f_code.co_filename))
    try:
        trials()
    finally:
        sys.setprofile(before)
    files = {Path(name) for name in ran if Path(name).is_relative_to(folder)}
    return set().union(*(definitions(file.read_text(encoding="utf-8")) for file in files))


def definitions(source: str) -> set[str]:
    """Name and digest of each function, class and constant of a module: equal wherever it stands, and however laid out.

    Imports are left out: they say where a definition stands, and not what it does.

    Parameters
    ----------
    source : str
        Python code.

    Raises
    ------
    SyntaxError
        If it is none.

    Examples
    --------
    >>> definitions("from a import b\\nx = 1") == definitions("# One.\\nx  =  1")
    True
    """
    found = set()
    for node in ast.parse(source).body:
        if not isinstance(node, ast.Import | ast.ImportFrom | ast.Expr):
            names = [node.name] if hasattr(node, "name") else [ast.unparse(one) for one in getattr(node, "targets", ())]
            found.add(f"{', '.join(names) or type(node).__name__} {digest_of(syntax(node))}")
    return found


def _recovery() -> None:
    for one in load_settings().trials:
        if isinstance(one.truth, Scenario):
            simulate_estimators(one.truth, one.estimators, replicates=1, seed=one.seed)


def _sweep() -> None:
    plan, _ = load_swept()
    run_task(Task(plan.cells[0], plan.estimators, plan.level, plan.seed, 0, 2))


TABLES = {"recovery": _recovery, "sweep": _sweep}

if __name__ == "__main__":
    main()
