"""The schema of the study tables, read from `data/datapackage.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from holf.paths import data_path

if TYPE_CHECKING:
    import pandas as pd


class SchemaError(ValueError):
    """A table does not fit the schema; the message names file, column and rule, and never a value."""


@dataclass(frozen=True)
class Schema:
    """Tables, fields, keys and links of the study, from its Data Package descriptor."""

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
        """Rows of `table`, in its order, with the columns of the tables above it; of two of one name, its own."""
        frame = tables[table]
        for key, above in self.path(table):
            new = [c for c in tables[above].columns if c == key or c not in frame.columns]
            frame = frame.merge(tables[above][new], on=key, how="left", validate="many_to_one")
        return frame


def load_schema() -> Schema:
    """Read `data/datapackage.json`; a SchemaError that names the line if it is no JSON."""
    try:
        return Schema(json.loads(data_path("datapackage.json").read_text(encoding="utf-8")))
    except json.JSONDecodeError as problem:
        raise SchemaError(f"data/datapackage.json, line {problem.lineno}: {problem.msg}") from None
