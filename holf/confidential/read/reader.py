"""Study tables, real or simulated: taken whole when they fit the schema.

A folder of real tables that does not fit is refused whole, with a safe report.
"""

from __future__ import annotations

import hashlib
import hmac
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from holf.confidential.read.checks import Sheet, check_tables
from holf.confidential.read.files import find_files, read_file
from holf.confidential.read.formats import Unreadable, read_cells
from holf.confidential.read.mapping import TableMapping, header_names, read_mapping
from holf.confidential.read.report import DropInError, Finding
from holf.confidential.read.wide import lengthen
from holf.record.schema import Schema, SchemaError

# What the ids of simulated tables begin with (holf.study.study opens no others as simulated).
_SIMULATED = "syn-"


@dataclass(frozen=True, eq=False)
class DropIn:
    """Real study tables that fit the schema: columns in its order, dtypes string, Int64 and Float64.

    `absent` names the tables that are not there.
    """

    tables: dict[str, pd.DataFrame] = field(repr=False)
    absent: tuple[str, ...]

    def digest(self, key: bytes) -> str:
        """HMAC-SHA256 over the tables, under a key that the holders keep: it confirms no guess."""
        text = "".join(f"{name}\n{frame.to_csv(index=False)}" for name, frame in self.tables.items())
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def ids(self, schema: Schema) -> list[str]:
        """Every id in the tables, sorted: those of people, families and offices."""
        return sorted({value for name, frame in self.tables.items() for value in frame[schema.key(name)].dropna()})


@dataclass(frozen=True, eq=False)
class Examination:
    """What was found in a folder: either the tables, or findings with their rows and values; never to be shown.

    The notes say what was passed over, and may be shown.
    """

    drop_in: DropIn | None = field(repr=False)
    findings: tuple[Finding, ...] = field(repr=False)
    notes: tuple[str, ...] = ()


def read_dropin(folder: Path, schema: Schema, *, mapping: Path | None = None) -> DropIn:
    """Read and check the real tables in a folder: one file a table, or a sheet of an Excel file.

    Raises
    ------
    DropInError
        If anything is wrong; its message is the safe report, and neither it nor its traceback holds a value.
    """
    # The error is raised from here, where no name is bound to a row: a traceback keeps the names of its frames alive.
    examined = examine(folder, schema, mapping=mapping)
    if examined.drop_in is not None:
        return examined.drop_in
    lines = [finding.line for finding in examined.findings]
    del examined
    raise DropInError(lines)


def examine(folder: Path, schema: Schema, *, mapping: Path | None = None) -> Examination:
    """Read and check without raising; for `read_dropin` and the command, which show only what is safe.

    An error of a library, or of this one, ends here too, since its message may quote a value.
    """
    try:
        with warnings.catch_warnings():
            # Warnings of the readers quote values as well.
            warnings.simplefilter("ignore")
            return _examine(Path(folder), schema, mapping and Path(mapping))
    except Exception:
        fix = "Please report it, with the kind of the files but without any of their content."
        return Examination(None, (Finding("data folder", "", "", "the check itself failed", fix),))


def _examine(folder: Path, schema: Schema, mapping: Path | None) -> Examination:
    if not folder.is_dir():
        fix = "Name a folder that holds one file a table."
        return Examination(None, (Finding("data folder", "", "", "there is no such folder", fix),))
    mappings, findings = read_mapping(mapping, schema)
    if findings:
        return Examination(None, tuple(findings))
    paths, findings, notes = find_files(folder, schema, mappings, beside=mapping)
    for table in schema.package.get("holf:required-tables", ()):
        if table not in paths and not any(finding.table == table for finding in findings):
            fix = "Add it; no study can be read without it."
            findings.append(Finding(f"{table}.csv", table, "", "the file is missing", fix))
    sheets = {}
    for table, path in paths.items():
        sheet = _read_sheet(table, path, schema, mappings[table])
        if isinstance(sheet, Sheet):
            sheets[table] = sheet
            notes += [f"{path.name}, table {table}: {note}" for note in sheet.cells.notes]
        else:
            findings += sheet
    present = set(paths) | {finding.table for finding in findings}
    tables, found = check_tables(sheets, schema, unreadable=present - set(sheets))
    findings += found or _simulated_ids(tables, sheets, schema)
    if findings:
        return Examination(None, tuple(findings), tuple(notes))
    absent = tuple(name for name in schema.tables if name not in tables)
    return Examination(DropIn(tables, absent), (), tuple(notes))


def _read_sheet(table: str, path: Path, schema: Schema, how: TableMapping) -> Sheet | list[Finding]:
    names = header_names(schema, table, how)
    known = {*names, *(theirs.casefold() for waves in how.wide.values() for theirs in waves.values())}
    try:
        cells = read_cells(path.name, read_file(path), how, known, table=table)
        if lost := _lost_columns(cells.header, known, how):
            return [Finding(path.name, table, *one) for one in lost]
        cells = lengthen(cells, how, schema, table) if how.wide else cells
    except Unreadable as refused:
        rows = refused.rows and tuple((row, "") for row in refused.rows)
        return [Finding(path.name, table, "", refused.rule, refused.fix, rows)]
    return Sheet(path.name, table, cells, names, how)


def _lost_columns(header: tuple[str, ...], known: set[str], how: TableMapping) -> list[tuple[str, str, str]]:
    """Column, rule and fix where the header holds no name at all, or not every name of the mapping file."""
    there = {name.strip().casefold() for name in header}
    if not there & known:
        fix = "Write a header line, or name your columns under columns in the mapping file: `OURS: YOURS`."
        return [("", "the first line holds no known column name", fix)]
    theirs = [(ours, name) for ours, name in how.narrow.items()]
    theirs += [(ours, name) for ours, waves in how.wide.items() for name in waves.values()]
    lost = dict.fromkeys(ours for ours, name in theirs if name.casefold() not in there)
    return [
        (ours, "the column named in the mapping file is missing", "Correct it under columns there.") for ours in lost
    ]


def _simulated_ids(tables: dict[str, pd.DataFrame], sheets: dict[str, Sheet], schema: Schema) -> list[Finding]:
    """Findings for ids that only simulated rows have: simulated results must not pass for real ones."""
    findings = []
    for name, frame in tables.items():
        key = schema.key(name)
        simulated = frame[key].str.casefold().str.startswith(_SIMULATED)
        if simulated.any():
            rule, fix = "an id begins with SYN-, as only simulated rows do", "Open simulated tables as what they are."
            findings.append(sheets[name].finding(key, rule, fix, rows=sheets[name].rows(frame, key, simulated)))
    return findings


def read_simulated(folder: Path, schema: Schema) -> dict[str, pd.DataFrame]:
    """Read every simulated table of the schema from its own CSV file.

    Raises
    ------
    SchemaError
        If a table is missing or anything in it breaks a rule of the schema; the message is the first problem.
    """
    sheets = {name: _read_sheet(name, folder / f"{name}.csv", schema, TableMapping()) for name in schema.tables}
    if refused := [one for one in sheets.values() if not isinstance(one, Sheet)]:
        raise SchemaError(refused[0][0].line)
    tables, findings = check_tables(sheets, schema)
    if findings:
        raise SchemaError(findings[0].line)
    return tables
