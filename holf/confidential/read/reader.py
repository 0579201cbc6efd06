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
from holf.confidential.read.formats import FORMATS, Unreadable, ending_of, read_cells
from holf.confidential.read.mapping import TableMapping, header_names, read_mapping
from holf.confidential.read.report import DropInError, Finding
from holf.confidential.read.wide import lengthen
from holf.record.schema import Schema, SchemaError

# What the ids of simulated tables begin with (`holf.study.questions.simulated_study` opens no others).
_SIMULATED = "syn-"


# A file of text takes up to fifteen times its size in memory.
_MOST_MEGABYTES = 100
_LITTER = ("thumbs.db", "desktop.ini")
_LOCK = "~$"
_INSTEAD = {
    ".rds": 'In R, write.csv(x, "table.csv", row.names = FALSE, na = "") writes what is read.',
    ".rdata": 'In R, write.csv(x, "table.csv", row.names = FALSE, na = "") writes what is read.',
    ".xls": "In Excel, save it as .xlsx.",
    ".ods": "Save it as .xlsx.",
    ".por": "In SPSS, save it as .sav.",
}


@dataclass(frozen=True, eq=False)
class DropIn:
    """Real study tables that fit the schema, or what is wrong with them: then there are findings and no tables.

    The tables have columns in the order of the schema, of dtype string, Int64 and Float64; `absent` names those that
    are not there. The notes say what was passed over, and may be shown.
    """

    tables: dict[str, pd.DataFrame] = field(default_factory=dict, repr=False)
    absent: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = field(default=(), repr=False)
    notes: tuple[str, ...] = ()

    def digest(self, key: bytes) -> str:
        """HMAC-SHA256 over the tables, under a key that the holders keep: it confirms no guess."""
        text = "".join(f"{name}\n{frame.to_csv(index=False)}" for name, frame in self.tables.items())
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    def ids(self, schema: Schema) -> list[str]:
        """Every id in the tables, sorted: those of people, families and offices."""
        return sorted({value for name, frame in self.tables.items() for value in frame[schema.key(name)].dropna()})


def read_dropin(folder: Path, schema: Schema, *, mapping: Path | None = None) -> DropIn:
    """Read and check the real tables in a folder: one file a table, or a sheet of an Excel file.

    Raises
    ------
    DropInError
        If anything is wrong; its message is the safe report, and neither it nor its traceback holds a value.
    """
    # The error is raised from here, where no name is bound to a row: a traceback keeps the names of its frames alive.
    examined = examine(folder, schema, mapping=mapping)
    if not examined.findings:
        return examined
    lines = [finding.line for finding in examined.findings]
    del examined
    raise DropInError(lines)


def examine(folder: Path, schema: Schema, *, mapping: Path | None = None) -> DropIn:
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
        return DropIn(findings=(Finding("data folder", "", "", "the check itself failed", fix),))


def _examine(folder: Path, schema: Schema, mapping: Path | None) -> DropIn:
    if not folder.is_dir():
        fix = "Name a folder that holds one file a table."
        return DropIn(findings=(Finding("data folder", "", "", "there is no such folder", fix),))
    mappings, findings = read_mapping(mapping, schema)
    if findings:
        return DropIn(findings=tuple(findings))
    paths, findings, notes = _find_files(folder, schema, mappings, mapping)
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
        return DropIn(findings=tuple(findings), notes=tuple(notes))
    absent = tuple(name for name in schema.tables if name not in tables)
    return DropIn(tables, absent, notes=tuple(notes))


def list_data(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Everything in a folder by name, and what was passed over: hidden files, and litter of Windows and Excel."""
    files, notes = {}, {}
    for path in sorted(folder.iterdir()):
        if path.name.casefold() in _LITTER:
            notes[path.name] = None
        elif path.name.startswith(_LOCK):
            # The rest of its name may be anything.
            notes["a lock file of Office (close the file and save it)"] = None
        elif not path.name.startswith("."):
            files[path.name] = path
    return files, list(notes)


def _find_files(
    folder: Path, schema: Schema, mappings: dict[str, TableMapping], beside: Path | None
) -> tuple[dict[str, Path], list[Finding], list[str]]:
    """Find the file of each table, what is wrong, and what was passed over; `beside` is the mapping file.

    Two tables may be sheets of one file.
    """
    here, notes = list_data(folder)
    if beside is not None and beside.resolve().parent == folder.resolve():
        here.pop(beside.name, None)
    files, findings, used = {}, [], set()
    for table in schema.tables:
        stated = mappings[table].file
        own = [name for name in here if Path(name).stem.casefold() == table.casefold() and ending_of(name) in FORMATS]
        paths = [here[name] for name in ([stated] if stated else own) if name in here]
        used |= {path.name for path in paths}
        if stated and not paths:
            fix = "Correct file in the mapping file."
            findings.append(Finding(stated, table, "", "the file named in the mapping file is missing", fix))
        if len(paths) > 1:
            fix = "Keep one of them."
            findings.append(Finding(paths[0].name, table, "", "the table has more than one file", fix))
        elif paths:
            files[table] = paths[0]
    if unknown := [name for name in here if name not in used]:
        findings.append(_unknown_files(unknown))
    return files, findings, notes


def _unknown_files(names: list[str]) -> Finding:
    """A name can hold a person's data, so that only known endings are shown."""
    endings = sorted({ending_of(name) for name in names} & {*FORMATS, *_INSTEAD})
    instead = dict.fromkeys(_INSTEAD[ending] for ending in endings if ending in _INSTEAD)
    fix = "Name them in the mapping file, as in `file: NAME`, or take them out; --private FILE lists their names."
    rule = f"unknown files: {len(names)}" + f" ({', '.join(endings)})" * bool(endings)
    listed = tuple((0, name) for name in names)
    return Finding("data folder", "", "", rule, " ".join([fix, *instead]), listed, whole=True)


def read_file(path: Path) -> bytes:
    """The bytes of a file; Unreadable if it may not be opened.

    A pipe would be waited for, and a large file would fill the memory, so neither is opened.
    """
    if not path.exists():
        raise Unreadable("the file is missing", "Put it there.")
    if not path.is_file():
        rule = "this is no plain file, but a pipe or a folder, or it cannot be reached"
        raise Unreadable(rule, "Put a copy of the file there.")
    megabytes = path.stat().st_size / 2**20
    if megabytes > _MOST_MEGABYTES:
        fix = "Leave out rows and columns that the data dictionary does not name, or save the table as .parquet."
        raise Unreadable(f"the file has {megabytes:.0f} MB, and at most {_MOST_MEGABYTES} are read", fix)
    try:
        return path.read_bytes()
    except OSError:
        raise Unreadable("the file cannot be opened", "Check its rights.") from None


def _read_sheet(table: str, path: Path, schema: Schema, how: TableMapping) -> Sheet | list[Finding]:
    names = header_names(schema, table, how)
    known = {*names, *(theirs.casefold() for waves in how.wide.values() for theirs in waves.values())}
    try:
        cells = read_cells(path.name, read_file(path), how, known, table=table)
        if not known.intersection(name.strip().casefold() for name in cells.header):
            fix = "Write a header line, or name your columns under columns in the mapping file: `OURS: YOURS`."
            raise Unreadable("the first line holds no known column name", fix)
        cells = lengthen(cells, how, schema, table) if how.wide else cells
    except Unreadable as refused:
        rows = refused.rows and tuple((row, "") for row in refused.rows)
        return [Finding(path.name, table, "", refused.rule, refused.fix, rows)]
    return Sheet(path.name, table, cells, names, how)


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
