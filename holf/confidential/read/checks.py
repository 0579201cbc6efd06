"""The one checker of study tables, real and simulated: names, types, domains, keys, links, then rules across them."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from holf.confidential.read.columns import typed_column
from holf.confidential.read.formats import Cells
from holf.confidential.read.mapping import TableMapping, wave_column
from holf.confidential.read.report import FEW, Finding, value_band
from holf.confidential.read.rules import broken_rules

if TYPE_CHECKING:
    from holf.record.schema import Schema


# A value with such a label stands for no value, whether or not the program was told so.
_MISSING = re.compile(
    r"\b(ukjent|vet ikke|ikke svart|ubesvart|uoppgitt|ikke oppgitt|mangler|manglende|ikke aktuelt|ikke relevant|nekter|"
    r"missing|unknown|don.?t know|no answer|not answered|not applicable|not available|refused|n/a)\b",
    re.IGNORECASE,
)
_IN_CODES = 'Map it under codes in the mapping file, as in `{}: {{"999": ""}}`.'


@dataclass(frozen=True)
class Sheet:
    """A table as its file has it: `names` tells the column of the schema by every header name, in lower case."""

    file: str
    table: str
    cells: Cells
    names: dict[str, str] = field(repr=False)
    how: TableMapping = field(default_factory=TableMapping, repr=False)

    def finding(self, column: str, rule: str, fix: str, **rows: object) -> Finding:
        """A broken rule of this table."""
        return Finding(self.file, self.table, column, rule, fix, **rows)

    def rows(self, frame: pd.DataFrame, column: str, mask: pd.Series) -> tuple[tuple[int, str], ...]:
        """Row numbers in the file, from 1, and values of one column where `mask` holds."""
        chosen = frame.loc[mask.to_numpy(dtype=bool), column]
        return tuple((self.cells.rows[place], "" if pd.isna(value) else str(value)) for place, value in chosen.items())


def check_tables(
    sheets: dict[str, Sheet], schema: Schema, *, unreadable: Collection[str] = ()
) -> tuple[dict[str, pd.DataFrame], list[Finding]]:
    """Convert the tables to their types and check them against the schema.

    Rules across tables are looked at only when every table holds by itself, since a broken key would break them all.

    Parameters
    ----------
    sheets : dict of str to Sheet
    schema : Schema
    unreadable : collection of str
        Tables that are there too, but could not be read; links to them are not looked at.

    Returns
    -------
    tables : dict of str to DataFrame
        Columns in the order of the schema; not to be used if there are findings.
    findings : list of Finding
    """
    tables, findings = {}, []
    for name, sheet in sheets.items():
        tables[name], found = _typed_table(sheet, schema)
        findings += found
    for sheet in sheets.values():
        findings += _broken_keys(tables, sheet, schema)
        findings += _broken_links(tables, sheet, schema, unreadable)
    if not findings and not unreadable:
        for table, column, rule, fix, mask in broken_rules(tables, schema):
            rows = sheets[table].rows(tables[table], column, mask)
            findings.append(sheets[table].finding(column, rule, fix, rows=rows))
    return tables, findings or _implausible(tables, sheets, schema)


def _typed_table(sheet: Sheet, schema: Schema) -> tuple[pd.DataFrame, list[Finding]]:
    fields, missing_values = schema.fields(sheet.table), schema.tables[sheet.table]["schema"]["missingValues"]
    cells, findings = _named(sheet, list(fields), wave_column(schema, sheet.table))
    labels = {sheet.names.get(theirs.strip().casefold()): pairs for theirs, pairs in sheet.cells.labels.items()}
    columns = {}
    for name, field_ in fields.items():
        if name not in cells:
            continue
        codes = sheet.how.codes.get(name, {})
        unsaid = {value for value, label in labels.get(name, {}).items() if says_missing(label)} - set(codes)
        coded = [None if cell in unsaid else codes.get(cell, cell) for cell in cells[name]]
        ready = [None if cell is None or cell in missing_values else cell for cell in coded]
        columns[name], failures = typed_column(
            ready,
            field_,
            decimal=sheet.cells.decimal,
            thousands=sheet.how.thousands,
            is_told=bool(sheet.how.decimal or sheet.how.thousands),
            sure=set(codes.values()),
        )
        if places := tuple(place for place, cell in enumerate(cells[name]) if cell in unsaid):
            failures = [("a label says that a value is missing", _IN_CODES.format(name), places)]
        for rule, fix, positions in failures:
            rows = tuple((sheet.cells.rows[place], cells[name][place] or "") for place in positions)
            findings.append(sheet.finding(name, rule, fix, rows=rows))
    return pd.DataFrame(columns), findings


def _implausible(tables: dict[str, pd.DataFrame], sheets: dict[str, Sheet], schema: Schema) -> list[Finding]:
    """Columns whose middle value cannot be in the unit that they should be in."""
    findings = []
    for table, frame in tables.items():
        for column, field_ in schema.fields(table).items():
            low, high = field_.get("holf:plausible", (None, None))
            middle = _middle(frame[column]) if low is not None else None
            if middle is not None and not low <= middle <= high:
                rule = f"the middle value above 0 is not between {low} and {high} {field_['holf:unit']}"
                fix = "Look at the unit: is it another period, or thousands?"
                findings.append(sheets[table].finding(column, rule, fix))
    return findings


def says_missing(label: str) -> bool:
    """Whether the label of a value says that there is none."""
    return bool(_MISSING.search(label))


def middle_values(tables: dict[str, pd.DataFrame], schema: Schema) -> list[str]:
    """One line a column of numbers: the range in which the median of its values above 0 lies."""
    lines = []
    for table, frame in tables.items():
        for column, field_ in schema.fields(table).items():
            if field_["type"] in ("integer", "number") and "enum" not in field_.get("constraints", {}):
                middle = _middle(frame[column])
                said = f"{value_band(middle)} {field_.get('holf:unit', '')}".rstrip() if middle else "too few values"
                lines.append(f"  {table}, {column}: {said}")
    return lines


def _middle(series: pd.Series) -> float | None:
    """Median of the values above 0; None where there are too few to speak of."""
    above = series[series.gt(0).fillna(False)]
    return float(above.median()) if len(above) >= FEW else None


def _named(sheet: Sheet, fields: list[str], wave: str | None) -> tuple[dict[str, list[str | None]], list[Finding]]:
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
            fix = f"Add it, empty if it is not known, or name yours under columns in the mapping file: `{name}: YOURS`."
            if name == wave:
                example = next(field for field in reversed(fields) if field != wave)
                fix += f' Where each wave has its own column, name it like `{example}: "{example}_m{{0,12}}"`.'
            named = " named in the mapping file" if name in sheet.how.narrow else ""
            findings.append(sheet.finding(name, f"the column{named} is missing", fix))
    if unknown:
        # A stray header can hold a person's data, so the names go to the private report only.
        fix = "Take them out, or name them under columns in the mapping file."
        findings.append(sheet.finding("", f"unknown columns: {len(unknown)}", fix, rows=tuple(unknown), whole=True))
    return found, findings


def _broken_keys(tables: dict[str, pd.DataFrame], sheet: Sheet, schema: Schema) -> list[Finding]:
    frame, table = tables[sheet.table], schema.tables[sheet.table]
    unique = [(name,) for name, one in schema.fields(sheet.table).items() if one.get("constraints", {}).get("unique")]
    fix = table.get("holf:one-row", "keep one row of each.")
    findings = []
    for key in dict.fromkeys([tuple(table["schema"]["primaryKey"]), *unique]):
        if set(key) <= set(frame):
            twice = frame.duplicated(key, keep=False) & frame[[*key]].notna().all(axis=1)
            rows = sheet.rows(frame, key[0], twice)
            findings += [
                sheet.finding(", ".join(key), "the key is not unique", fix[0].upper() + fix[1:], rows=rows)
            ] * bool(rows)
    return findings


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
                findings.append(sheet.finding(column, rule, fix, rows=sheet.rows(frame, column, lost)))
    return findings
