"""Simulated tables, read as strictly as real ones, from the files that `holf simulate` writes."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from holf.confidential.read.checks import Sheet, check_tables
from holf.confidential.read.files import Unreadable, read_delimited
from holf.confidential.read.mapping import TableMapping
from holf.record.schema import Schema, SchemaError


def read_simulated(folder: Path, schema: Schema) -> dict[str, pd.DataFrame]:
    """Read every table of the schema; `holf.confidential.read.reader` reads real ones.

    Parameters
    ----------
    folder : Path
        One CSV file a table, UTF-8 with commas.
    schema : Schema

    Returns
    -------
    dict of str to DataFrame
        Typed tables by name.

    Raises
    ------
    SchemaError
        If a table is missing or anything in it breaks a rule of the schema; the message is the first problem.
    """
    plain, sheets = TableMapping(encoding="utf-8", separator=",", decimal="."), {}
    for name in schema.tables:
        path = folder / f"{name}.csv"
        if not path.exists():
            raise SchemaError(f"{path.name}, table {name}: the file is missing")
        try:
            cells = read_delimited(path.read_bytes(), plain)
        except Unreadable as refused:
            raise SchemaError(f"{path.name}, table {name}: {refused.rule}") from None
        sheets[name] = Sheet(path.name, name, cells, {column.casefold(): column for column in schema.fields(name)})
    tables, findings = check_tables(sheets, schema)
    if findings:
        raise SchemaError(findings[0].problem.line)
    return tables
