"""Opening a study: a simulated world, simulated tables, real tables under disclosure control, or a release."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from holf.confidential.read.reader import read_dropin, read_simulated
from holf.paths import MARK_FILE, STAND_IN, data_path, note_read, project_root, unnoted
from holf.record.facts import load_ledger
from holf.record.plan import Plan, load_plan
from holf.record.schema import Schema, load_schema
from holf.record.source import REAL
from holf.simulation.worlds import why_old
from holf.study.questions import simulated_study, study_of
from holf.study.study import Study, StudyError
from holf.study.tables import Rows


def open_study(source: str | Path) -> Study:
    """Open a study.

    Parameters
    ----------
    source : str or Path
        Name of a simulated world (``"null"``, ``"benefit"``, ``"harm"``), a folder written by ``holf simulate``, a
        folder of real tables, or a release file. ``"source"`` is the study that a book built elsewhere holds.

    Returns
    -------
    Study
        On real tables its answers are those of a release, made safe together before the first is given; the tables
        themselves are let go. Where `data/plan.yml` names the ledger row with the licence of open data
        (``trial.open_data``), they are those of the rows as they are.

    Raises
    ------
    StudyError
        If the project's own simulated tables are older than their inputs, or a mark of simulated data is not true.
    SchemaError, DropInError
        If the tables do not fit the schema; neither message holds a value of a person.
    ReleaseError
        If a file is no release.
    """
    plan, schema = load_plan(), load_schema()
    if str(source) in plan.worlds:
        return _own_world(str(source), plan, schema)
    path = _stand_in() if str(source) == STAND_IN else Path(source)
    note_read("(a study from elsewhere)")
    if path.is_file():
        from holf.confidential.release.document import read_release

        return read_release(path).study()
    if (path / MARK_FILE).exists():
        return simulated_study(read_simulated(path, schema), plan, schema, world=_read_mark(path, plan)["world"])
    if licence := plan.trial.get("open_data"):
        rows = Rows(read_dropin(path, schema).tables, plan, schema)
        return study_of(rows, source=f"{REAL}: open, {load_ledger()[licence].value}")
    # Imported here: most readers of this package never see private data.
    from holf.confidential.release.document import make_release
    from holf.confidential.rules.policy import load_policy

    return make_release(read_dropin(path, schema), schema, load_policy()).study()


def open_studies(sources: str | Sequence[str]) -> list[Study]:
    """Open several studies; a text is one source, or a list in JSON, as ``papermill -p`` passes it."""
    if isinstance(sources, str):
        sources = json.loads(sources) if sources.startswith("[") else [sources]
    return [open_study(source) for source in sources]


def _own_world(name: str, plan: Plan, schema: Schema) -> Study:
    part = f"data/simulated/{name}"
    with unnoted():
        folder = data_path(f"simulated/{name}")
        if why := why_old(_read_mark(folder, plan), name):
            raise StudyError(f"data/simulated/{name}: the tables are out of date, because {why}; run `make book`")
        tables = read_simulated(folder, schema)
    return simulated_study(tables, plan, schema, world=name, part=part)


def _stand_in() -> Path:
    """The study that `holf build --source` put into its copy of the project: a release, or simulated tables."""
    for name in (f"{STAND_IN}.json", STAND_IN):
        if (project_root() / "data" / name).exists():
            return data_path(name)
    raise StudyError(f"data/{STAND_IN}.json: there is none; it exists only in a book that is built elsewhere")


def _read_mark(folder: Path, plan: Plan) -> dict:
    """Read the mark of a simulated folder; StudyError if it is incomplete or wrong."""
    try:
        mark = json.loads((folder / MARK_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        mark = {}
    whole = isinstance(mark, dict) and {"world", "seed", "made_from"} <= mark.keys()
    if not whole or mark.get("simulated") is not True or mark["world"] not in plan.worlds:
        raise StudyError(f"{folder.name}, {MARK_FILE}: not marked as simulated; `make book` writes it")
    return mark
