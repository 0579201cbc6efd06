"""The schema of the study tables, read from `data/datapackage.json`."""

from __future__ import annotations

import json
import math
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
        return [
            (name, column, field["holf:baseline"], field["holf:show"])
            for name in self.tables
            for column, field in self.fields(name).items()
            if "holf:baseline" in field
        ]

    def read(self, folder: Path) -> dict[str, pd.DataFrame]:
        """Read every table of the schema from CSV files in `folder`.

        Raises
        ------
        SchemaError
            If a file or column is missing, a column is unknown or cannot be read as its type, a key is not unique, a
            link leads nowhere, or a value is missing, outside its domain or out of range.
        """
        tables = {name: self._read_table(folder, name) for name in self.tables}
        for name in self.tables:
            self._check_keys(tables, name)
            for column, field in self.fields(name).items():
                _check_column(tables[name][column], field.get("constraints", {}), f"{name}.csv, column {column}")
        return tables

    def _check_keys(self, tables: dict[str, pd.DataFrame], name: str) -> None:
        described = self.tables[name]["schema"]
        if tables[name].duplicated(described["primaryKey"]).any():
            raise SchemaError(f"{name}.csv, column {', '.join(described['primaryKey'])}: the key is not unique")
        for link in described["foreignKeys"]:
            column, above = link["fields"][0], link["reference"]["resource"]
            if not tables[name][column].isin(tables[above][column]).all():
                raise SchemaError(f"{name}.csv, column {column}: not every value is found in {above}.csv")

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


def _check_column(values: pd.Series, rules: dict, where: str) -> None:
    """Hold a column against the constraints of its field; the message never quotes a value."""
    known = values.dropna()
    if rules.get("required") and len(known) < len(values):
        raise SchemaError(f"{where}: a required value is missing")
    if rules.get("unique") and not known.is_unique:
        raise SchemaError(f"{where}: the values are not unique")
    if "enum" in rules and not known.isin(rules["enum"]).all():
        raise SchemaError(f"{where}: a value is not one of {', '.join(map(str, rules['enum']))}")
    low, high = rules.get("minimum", -math.inf), rules.get("maximum", math.inf)
    if ("minimum" in rules or "maximum" in rules) and not known.between(low, high).all():
        raise SchemaError(f"{where}: a value lies outside {low:g} to {high:g}")


def load_schema() -> Schema:
    """Read `data/datapackage.json`."""
    return Schema(json.loads(data_path("datapackage.json").read_text(encoding="utf-8")))
