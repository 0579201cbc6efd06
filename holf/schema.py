"""The schema of the study tables, read from `data/datapackage.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from holf.paths import data_path


class SchemaError(ValueError):
    """A table does not fit the schema; the message names file, column and rule, and never a value."""


@dataclass(frozen=True)
class Schema:
    """Tables, fields, keys and links of the study.

    Attributes
    ----------
    package : dict
        The Data Package descriptor.
    """

    package: dict

    @property
    def tables(self) -> dict[str, dict]:
        """Resource descriptors by table name."""
        return {resource["name"]: resource for resource in self.package["resources"]}

    def fields(self, table: str) -> dict[str, dict]:
        """Field descriptors of `table` by column name."""
        return {field["name"]: field for field in self.tables[table]["schema"]["fields"]}

    def key(self, table: str) -> str:
        """First column of the primary key of `table`."""
        return self.tables[table]["schema"]["primaryKey"][0]

    def path(self, table: str) -> list[tuple[str, str]]:
        """Links from `table` up to the top, as pairs of key column and table; the first foreign key is followed."""
        links = []
        while keys := self.tables[table]["schema"].get("foreignKeys"):
            column, table = keys[0]["fields"][0], keys[0]["reference"]["resource"]
            links.append((column, table))
        return links

    @property
    def baseline(self) -> list[tuple[str, str, str, str]]:
        """Characteristics for the baseline table: table, column, label and style, marked `holf:baseline`."""
        return [
            (name, column, field["holf:baseline"], field["holf:show"])
            for name in self.tables
            for column, field in self.fields(name).items()
            if "holf:baseline" in field
        ]

    def linked(self, tables: dict[str, pd.DataFrame], table: str) -> pd.DataFrame:
        """Rows of `table`, in its order, with the columns of the tables above it; a name of its own comes first."""
        frame = tables[table]
        for key, above in self.path(table):
            new = [c for c in tables[above].columns if c == key or c not in frame.columns]
            frame = frame.merge(tables[above][new], on=key, how="left", validate="many_to_one")
        return frame

    def read(self, folder: Path) -> dict[str, pd.DataFrame]:
        """Read every table of the schema as `holf simulate` writes them; `holf.dropin.reader` reads real ones.

        Raises
        ------
        SchemaError
            If a table is missing or anything in it breaks a rule of the schema; the message is the first problem.
        """
        from holf.dropin.checks import Sheet, check_tables
        from holf.dropin.delimited import Unreadable, read_delimited
        from holf.dropin.mapping import TableMapping

        plain, sheets = TableMapping(encoding="utf-8", separator=",", decimal="."), {}
        for name in self.tables:
            path = folder / f"{name}.csv"
            if not path.exists():
                raise SchemaError(f"{path.name}, table {name}: the file is missing")
            try:
                cells = read_delimited(path.read_bytes(), plain)
            except Unreadable as refused:
                raise SchemaError(f"{path.name}, table {name}: {refused.rule}") from None
            sheets[name] = Sheet(path.name, name, cells, {column.casefold(): column for column in self.fields(name)})
        tables, findings = check_tables(sheets, self)
        if findings:
            raise SchemaError(findings[0].problem.line)
        return tables


def load_schema() -> Schema:
    """Read `data/datapackage.json`."""
    return Schema(json.loads(data_path("datapackage.json").read_text(encoding="utf-8")))
