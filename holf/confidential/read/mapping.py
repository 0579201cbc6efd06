"""The mapping file: what the holders of the data call their files, columns and codes.

A YAML file, for each table::

    families:
      file: familier.sav
      columns: {family_id: famnr, office_id: kontornr}
      codes: {enrolled: {ja: 1, nei: 0}, followup_group: {1: holf, 2: local, 3: ordinary, -9: ""}}
      encoding: latin-1
      separator: ";"
      decimal: ","

`columns` is ours to theirs, `codes` is theirs to ours; an empty code is a missing value.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import yaml

from holf.confidential.read.report import Finding
from holf.record.schema import Schema

_ALLOWED = {"encoding": ("utf-8", "latin-1", "cp1252"), "separator": (",", ";"), "decimal": (",", ".")}


@dataclass(frozen=True)
class TableMapping:
    """How one table is written by its holders.

    Attributes
    ----------
    file : str, optional
        Name of the file in the folder; the table's own name with a known ending otherwise.
    columns : dict of str to str
        Their column name by ours.
    codes : dict of str to dict
        Ours by their value, by our column name.
    encoding, separator, decimal : str, optional
        Found out from the file where not given.
    """

    file: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None


def read_mapping(path: Path | None, schema: Schema) -> tuple[dict[str, TableMapping], list[Finding]]:
    """Read a mapping file; every table of the schema has an entry, if only an empty one.

    Every scalar is read as text, so that ``no`` and ``0.10`` stay what they are.
    """
    tables = {name: TableMapping() for name in schema.tables}
    if path is None:
        return tables, []
    try:
        entries = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)
    except OSError:
        return tables, [_finding("the file cannot be opened", "Check its name and rights.")]
    except (yaml.YAMLError, ValueError, RecursionError):
        return tables, [_finding("not readable as YAML", "Compare it with the guide to the mapping file.")]
    if not isinstance(entries, dict) or not set(entries) <= set(schema.tables):
        return tables, [_finding("an entry is not a table of the schema", f"Tables: {', '.join(schema.tables)}.")]
    findings = []
    for name, entry in entries.items():
        wrong = _wrong_part(entry, set(schema.fields(name)))
        if wrong:
            findings.append(_finding(wrong, "Compare it with the guide to the mapping file.", name))
        else:
            tables[name] = TableMapping(**entry)
    return tables, findings


def header_names(schema: Schema, table: str, mapping: TableMapping) -> dict[str, str]:
    """Our column name by every name that may stand in the header, in lower case: own, alias, mapped."""
    fields = schema.fields(table)
    names = {alias.casefold(): name for name, field in fields.items() for alias in field.get("holf:aliases", ())}
    names |= {name.casefold(): name for name in fields}
    return names | {theirs.casefold(): name for name, theirs in mapping.columns.items()}


def _wrong_part(entry: object, fields: set[str]) -> str | None:
    """Say what is wrong with the entry of one table, if anything."""
    if not isinstance(entry, dict) or not set(entry) <= set(TableMapping.__dataclass_fields__):
        return f"an entry has parts other than {', '.join(TableMapping.__dataclass_fields__)}"
    columns, codes, file = entry.get("columns", {}), entry.get("codes", {}), entry.get("file", "x")
    if not isinstance(file, str) or Path(file).name != file:
        return "file is not the plain name of a file in the folder"
    for part, values in (("columns", columns), ("codes", codes)):
        if not isinstance(values, dict) or not set(values) <= fields:
            return f"{part} has an entry that is not a column of the table"
    if not _all_text(columns) or len({theirs.casefold() for theirs in columns.values()}) < len(columns):
        return "columns gives two columns the same name, or one that is not text"
    if not all(isinstance(pairs, dict) and _all_text(pairs) for pairs in codes.values()):
        return "codes is not a list of pairs for each column"
    for part, allowed in _ALLOWED.items():
        if entry.get(part, allowed[0]) not in allowed:
            return f"{part} is not one of {' '.join(allowed)}"
    return None


def _all_text(pairs: dict) -> bool:
    return all(isinstance(text, str) for pair in pairs.items() for text in pair)


def _finding(rule: str, fix: str, table: str = "") -> Finding:
    return Finding("mapping file", table, "", rule, fix)
