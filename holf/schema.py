"""The schema of the study tables, read from `data/datapackage.json`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from holf.paths import data_path

_DTYPES = {"string": "string", "integer": "Int64", "number": "Float64"}


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
        return [(name, column, field["holf:baseline"], field["holf:show"]) for name in self.tables
                for column, field in self.fields(name).items() if "holf:baseline" in field]

    def read(self, folder: Path) -> dict[str, pd.DataFrame]:
        """Read every table of the schema from CSV files in `folder`.

        Raises
        ------
        SchemaError
            If a file or column is missing, a column is unknown, or a column cannot be read as its type.
        """
        return {name: self._read_table(folder, name) for name in self.tables}

    def _read_table(self, folder: Path, name: str) -> pd.DataFrame:
        path, fields = folder / f"{name}.csv", self.fields(name)
        if not path.exists():
            raise SchemaError(f"{path.name}: the file is missing")
        frame = pd.read_csv(path, dtype="string", keep_default_na=False, na_values=[""])
        for kind, columns in (("missing", set(fields) - set(frame)), ("not in the schema", set(frame) - set(fields))):
            if columns:
                raise SchemaError(f"{path.name}: column {sorted(columns)[0]} is {kind}")
        for column, field in fields.items():
            try:
                frame[column] = frame[column].astype(_DTYPES[field["type"]])
            except (ValueError, TypeError):
                # The parser's own message quotes the value, so it is dropped with the chain.
                raise SchemaError(f"{path.name}, column {column}: not every value is of type {field['type']}") from None
        return frame


def load_schema() -> Schema:
    """Read `data/datapackage.json`."""
    return Schema(json.loads(data_path("datapackage.json").read_text(encoding="utf-8")))
