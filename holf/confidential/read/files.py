"""Files of a folder: which one is which table, and which are passed over."""

from __future__ import annotations

from pathlib import Path

from holf.confidential.read.formats import FORMATS, Unreadable, ending_of
from holf.confidential.read.mapping import TableMapping
from holf.confidential.read.report import Finding
from holf.record.schema import Schema

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


def find_files(
    folder: Path, schema: Schema, mappings: dict[str, TableMapping], *, beside: Path | None = None
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
