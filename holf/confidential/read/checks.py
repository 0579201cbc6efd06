"""The one checker of study tables, real and simulated: names, types, domains, keys, links, then rules across them."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from holf.confidential.read.columns import typed_column
from holf.confidential.read.files import Cells
from holf.confidential.read.report import Finding
from holf.confidential.read.rules import broken_rules

if TYPE_CHECKING:
    from holf.record.schema import Schema


@dataclass(frozen=True)
class Sheet:
    """A table as its file has it.

    Attributes
    ----------
    file, table : str
    cells : Cells
    names : dict of str to str
        Column of the schema by every header name, in lower case, that stands for it.
    codes : dict of str to dict
        Their value to ours, by column of the schema.
    """

    file: str
    table: str
    cells: Cells
    names: dict[str, str] = field(repr=False)
    codes: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)

    def finding(self, column: str, rule: str, fix: str, **rows: object) -> Finding:
        """A broken rule of this table."""
        return Finding(self.file, self.table, column, rule, fix, **rows)


def check_tables(
    sheets: dict[str, Sheet], schema: Schema, *, unreadable: Collection[str] = ()
) -> tuple[dict[str, pd.DataFrame], list[Finding]]:
    """Convert the tables to their types and check them against the schema.

    Rules across tables are looked at only when every table holds by itself, since a broken key would break them all.

    Parameters
    ----------
    sheets : dict of str to Sheet
        The tables that are there.
    schema : Schema
    unreadable : collection of str
        Tables that are there too, but could not be read; links to them are not looked at.

    Returns
    -------
    tables : dict of str to DataFrame
        Columns in the order of the schema, dtypes string, Int64, Float64 and datetime64; not to be used if there are
        findings.
    findings : list of Finding
    """
    tables, findings = {}, []
    for name, sheet in sheets.items():
        tables[name], found = _typed_table(sheet, schema)
        findings += found
    for sheet in sheets.values():
        findings += _broken_key(tables, sheet, schema)
        findings += _broken_links(tables, sheet, schema, unreadable)
    if not findings and not unreadable:
        for one in broken_rules(tables, schema):
            rows = _rows(tables[one.table], one.column, one.mask)
            findings.append(sheets[one.table].finding(one.column, one.rule, one.fix, rows=rows))
    return tables, findings


def _typed_table(sheet: Sheet, schema: Schema) -> tuple[pd.DataFrame, list[Finding]]:
    fields, missing_values = schema.fields(sheet.table), schema.tables[sheet.table]["schema"]["missingValues"]
    cells, findings = _named(sheet, list(fields))
    columns = {}
    for name, field_ in fields.items():
        if name not in cells:
            continue
        codes = sheet.codes.get(name, {})
        coded = [codes.get(cell, cell) for cell in cells[name]]
        ready = [None if cell is None or cell in missing_values else cell for cell in coded]
        described = _without_key_rule(field_, name, schema, sheet.table)
        columns[name], failures = typed_column(ready, described, decimal=sheet.cells.decimal)
        for failure in failures:
            rows = tuple((place + 1, cells[name][place] or "") for place in failure.positions)
            findings.append(sheet.finding(name, failure.rule, failure.fix, rows=rows))
    return pd.DataFrame(columns), findings


def _without_key_rule(field_: dict, name: str, schema: Schema, table: str) -> dict:
    """The field without `unique` where the primary key says it already, so that it is not reported twice."""
    if [name] != schema.tables[table]["schema"]["primaryKey"]:
        return field_
    constraints = field_.get("constraints", {})
    return field_ | {"constraints": {rule: value for rule, value in constraints.items() if rule != "unique"}}


def _named(sheet: Sheet, fields: list[str]) -> tuple[dict[str, list[str | None]], list[Finding]]:
    """Cells by our column names, and what is wrong with the header."""
    found: dict[str, list[str | None]] = {}
    unknown, findings = [], []
    for theirs, column in zip(sheet.cells.header, sheet.cells.columns):
        name = sheet.names.get(theirs.strip().casefold())
        if name is None:
            unknown.append((0, theirs))
        elif name in found:
            fix = "Keep one of them."
            findings.append(sheet.finding(name, "two columns stand for this one", fix))
        else:
            found[name] = column
    for name in fields:
        if name not in found:
            fix = "Add it, empty if it is not known, or name yours under columns in the mapping file."
            findings.append(sheet.finding(name, "the column is missing", fix))
    if unknown:
        # A stray header can hold a person's data, so the names go to the private report only.
        fix = "Take them out, or name them under columns in the mapping file."
        findings.append(sheet.finding("", f"unknown columns: {len(unknown)}", fix, rows=tuple(unknown), whole=True))
    return found, findings


def _broken_key(tables: dict[str, pd.DataFrame], sheet: Sheet, schema: Schema) -> list[Finding]:
    frame, key = tables[sheet.table], schema.tables[sheet.table]["schema"]["primaryKey"]
    if not set(key) <= set(frame):
        return []
    twice = frame.duplicated(key, keep=False) & frame[key].notna().all(axis=1)
    if not twice.any():
        return []
    fix = "Keep one row of each."
    return [sheet.finding(", ".join(key), "the key is not unique", fix, rows=_rows(frame, key[0], twice))]


def _broken_links(
    tables: dict[str, pd.DataFrame], sheet: Sheet, schema: Schema, unreadable: Collection[str]
) -> list[Finding]:
    frame, findings = tables[sheet.table], []
    for link in schema.tables[sheet.table]["schema"]["foreignKeys"]:
        (column,), above = link["fields"], link["reference"]["resource"]
        (target,) = link["reference"]["fields"]
        if above in unreadable:
            continue
        if above not in tables:
            rule, fix = f"the table {above}, to which it refers, is not there", f"Add {above}, or leave this table out."
            findings.append(sheet.finding(column, rule, fix))
        elif column in frame and target in tables[above]:
            lost = frame[column].notna() & ~frame[column].isin(tables[above][target].dropna())
            if lost.any():
                fix = f"Add the rows to {above}, or leave these out; ids must be written alike in both."
                rule = f"not every value is found in table {above}"
                findings.append(sheet.finding(column, rule, fix, rows=_rows(frame, column, lost)))
    return findings


def _rows(frame: pd.DataFrame, column: str, mask: pd.Series) -> tuple[tuple[int, str], ...]:
    """Row numbers, from 1, and values of one column where `mask` holds."""
    chosen = frame.loc[mask.to_numpy(dtype=bool), column]
    return tuple((int(place) + 1, "" if pd.isna(value) else str(value)) for place, value in chosen.items())
