"""The mapping file, in YAML: what the holders of the data call their files, columns and codes.

The page for those who hold the data has an example. `columns` is ours to theirs, `codes` is theirs to ours; an empty
code is a missing value. A column of theirs with braces stands for one column a wave.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path

import yaml

from holf.confidential.read.report import Finding
from holf.record.schema import Schema

_ALLOWED = {
    "encoding": ("utf-8", "latin-1", "cp1252"),
    "separator": (",", ";", "\t"),
    "decimal": (",", "."),
    "thousands": (",", ".", " ", "'"),
}
_WIDE = re.compile(r"([^{}]*)\{([^{}]+)\}([^{}]*)")
_GUIDE = "Compare it with the example on the page for those who hold the data."


@dataclass(frozen=True)
class TableMapping:
    """How one table is written by its holders.

    Attributes
    ----------
    file : str, optional
        Name of the file in the folder; the table's own name with a known ending otherwise.
    sheet : str, optional
        Sheet of an Excel file; its only one, or the one with the table's name otherwise.
    columns : dict of str to str
        Their column name by ours; with braces, as in ``income_m{12,24}``, one column a wave.
    codes : dict of str to dict
        Ours by their value, by our column name.
    encoding, separator, decimal : str, optional
        Found out from the file where not given.
    thousands : str, optional
        Mark between thousands; none where not given.
    """

    file: str | None = None
    sheet: str | None = None
    columns: dict[str, str] = field(default_factory=dict)
    codes: dict[str, dict[str, str]] = field(default_factory=dict, repr=False)
    encoding: str | None = None
    separator: str | None = None
    decimal: str | None = None
    thousands: str | None = None

    def decimal_mark(self, separator: str = ",") -> str:
        """The decimal mark: as stated, a comma beside thousands with points, or else as is usual with the separator."""
        return self.decimal or ("," if self.thousands == "." or (separator == ";" and self.thousands != ",") else ".")

    @property
    def narrow(self) -> dict[str, str]:
        """Their column by ours, without those that stand for several."""
        return {ours: theirs for ours, theirs in self.columns.items() if "{" not in theirs}

    @property
    def wide(self) -> dict[str, dict[str, str]]:
        """Their columns by what stands in the braces, by our column.

        Examples
        --------
        >>> TableMapping(columns={"income": "income_m{0,12}"}).wide
        {'income': {'0': 'income_m0', '12': 'income_m12'}}
        """
        found = {ours: _WIDE.fullmatch(theirs) for ours, theirs in self.columns.items() if "{" in theirs}
        return {
            ours: {wave.strip(): f"{match[1]}{wave.strip()}{match[3]}" for wave in match[2].split(",")}
            for ours, match in found.items()
        }


class _Loader(yaml.BaseLoader):
    """Reads every scalar as text, so that ``no`` and ``0.10`` stay what they are; refuses a name that stands twice."""

    def construct_mapping(self, node, deep=False):
        """As the parent does, once no name stands twice."""
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if len(set(names)) < len(names):
            raise yaml.constructor.ConstructorError(problem_mark=node.start_mark)
        return super().construct_mapping(node, deep)


def read_mapping(path: Path | None, schema: Schema) -> tuple[dict[str, TableMapping], list[Finding]]:
    """Read a mapping file; every table of the schema has an entry, if only an empty one."""
    tables = {name: TableMapping() for name in schema.tables}
    if path is None:
        return tables, []
    if not path.is_file():
        return tables, [_finding("there is no such file", "Name a file of YAML with --mapping.")]
    try:
        entries = yaml.load(path.read_bytes(), Loader=_Loader)
    except OSError:
        return tables, [_finding("the file cannot be opened", "Check its rights.")]
    except yaml.constructor.ConstructorError as twice:
        rule = f"a name stands twice in the list of line {twice.problem_mark.line + 1}"
        return tables, [_finding(rule, "Keep one of the two.")]
    except (yaml.YAMLError, ValueError, RecursionError):
        return tables, [_finding("not readable as YAML", _GUIDE)]
    if not isinstance(entries, dict) or not set(entries) <= set(schema.tables):
        rule = f"an entry is not a table of the schema{_meant(entries, schema.tables)}"
        return tables, [_finding(rule, f"Tables: {', '.join(schema.tables)}.")]
    findings = []
    for name, entry in entries.items():
        wrong = _wrong_part(entry, set(schema.fields(name)), wave_column(schema, name))
        if wrong:
            findings.append(_finding(wrong, _GUIDE, name))
        else:
            tables[name] = TableMapping(**entry)
    return tables, findings


def wave_column(schema: Schema, table: str) -> str | None:
    """The column that tells the rows of one person apart, where a table has several; None where it has not."""
    key = schema.tables[table]["schema"]["primaryKey"]
    return key[1] if len(key) == 2 else None


def header_names(schema: Schema, table: str, mapping: TableMapping) -> dict[str, str]:
    """Our column name by every name that may stand in the header, in lower case: mapped, or else ours and aliases."""
    names = {}
    for name, column in schema.fields(table).items():
        own = [mapping.narrow[name]] if name in mapping.narrow else [name, *column.get("holf:aliases", ())]
        names |= {one.casefold(): name for one in own}
    return names


def _wrong_part(entry: object, fields: set[str], wave: str | None) -> str | None:
    """Say what is wrong with the entry of one table, if anything."""
    if not isinstance(entry, dict) or not set(entry) <= set(TableMapping.__dataclass_fields__):
        parts = [*TableMapping.__dataclass_fields__]
        return f"an entry has parts other than {', '.join(parts)}{_meant(entry, parts)}"
    columns, codes, file = entry.get("columns", {}), entry.get("codes", {}), entry.get("file", "x")
    for part, values in (("columns", columns), ("codes", codes)):
        if not isinstance(values, dict) or not set(values) <= fields:
            return f"{part} has an entry that is not a column of the table{_meant(values, fields)}"
    texts = [file, entry.get("sheet", ""), *columns.values()]
    if not all(isinstance(text, str) for text in texts) or Path(file).name != file:
        return "file, sheet or one of columns is not one plain name"
    if len({theirs.casefold() for theirs in columns.values()}) < len(columns):
        return "columns gives two columns the same name"
    braces = [theirs for theirs in columns.values() if "{" in theirs]
    if braces and (wave is None or wave in columns or not all(map(_WIDE.fullmatch, braces))):
        return "columns has braces where the table has no wave, names the wave too, or has braces that do not close"
    if not all(
        isinstance(pairs, dict) and all(isinstance(ours, str) for ours in pairs.values()) for pairs in codes.values()
    ):
        return "codes is not a list of pairs for each column"
    for part, allowed in _ALLOWED.items():
        if entry.get(part, allowed[0]) not in allowed:
            return f"{part} is not one of {' '.join(map(repr, allowed))}"
    if entry.get("decimal") and entry.get("decimal") == entry.get("thousands"):
        return "decimal and thousands are the same mark"
    return None


def _meant(names: object, known: Collection[str]) -> str:
    """Of unknown names, the first that is nearly one of ours; any other is not repeated, since it may be data."""
    for name in names if isinstance(names, dict) else ():
        if name not in known and (meant := get_close_matches(name, known, 1)):
            return f" (`{name}`: did you mean `{meant[0]}`?)"
    return ""


def _finding(rule: str, fix: str, table: str = "") -> Finding:
    return Finding("mapping file", table, "", rule, fix)
