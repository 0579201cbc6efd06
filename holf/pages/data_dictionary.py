"""The data dictionary: the schema of the study tables as a part of the page on disclosure."""

from __future__ import annotations

from holf.confidential.read.rules import rule_in_words
from holf.record.schema import Schema, SchemaError

_OPENING = """## Data dictionary

Which tables and columns this book reads, and what may stand in them. The limits are what is accepted, not what was
observed. Machines read the same from `data/datapackage.json`, a [Data Package](https://datapackage.org/). Keys of the
simulated tables begin with SYN-; no row of them is a person.

- Every column of a table that you have must stand in its header, empty where nothing is known. Tables that you do not
  have are left out; without {required} nothing can be read.
- *Needed* means a value in every row. An empty cell is a missing value.
- A string without a list of values is an id: a pseudonym of letters, digits and the marks `. : _ -`.
- Column names may be ours or the Norwegian ones listed, in small or capital letters. Any other name goes into the
  mapping file."""
_COLUMNS = ("Column", "What it is", "Type", "Unit", "Allowed", "Needed", "Norwegian names")


def dictionary(schema: Schema) -> str:
    """Markdown of the data dictionary: one heading per table, one row per column, and the rules in words.

    Raises
    ------
    SchemaError
        If a table or a column has no description.
    """
    *others, last = (f"`{name}`" for name in schema.package["holf:required-tables"])
    required = f"{', '.join(others)} and {last}" if others else last
    lines = [_OPENING.format(required=required), ""]
    for name in schema.tables:
        lines += _table_lines(schema, name)
    return "\n".join(lines).rstrip() + "\n"


def _table_lines(schema: Schema, name: str) -> list[str]:
    table = schema.tables[name]
    described = _description(table, f"table {name}")
    key = " and ".join(f"`{column}`" for column in table["schema"]["primaryKey"])
    one_row = f" Of several rows with one key: {table['holf:one-row']}" if "holf:one-row" in table else ""
    lines = [f"### Table: {table['title']}", "", f"`{name}`: {described} Key: {key}.{one_row}", ""]
    for link in table["schema"]["foreignKeys"]:
        target, (column,) = link["reference"]["resource"], link["fields"]
        title = schema.tables[target]["title"]
        lines += [f"Every `{column}` has its row in [{title}](#table-{title.lower().replace(' ', '-')}).", ""]
    lines += [f"| {' | '.join(_COLUMNS)} |", f"|{' --- |' * len(_COLUMNS)}"]
    lines += [f"| {' | '.join(_cells(name, field))} |" for field in schema.fields(name).values()]
    order = schema.fields(name).get("wave", {}).get("constraints", {}).get("enum", [])
    rules = [rule_in_words(rule, order) for rule in schema.package["holf:rules"] if rule["table"] == name]
    if rules:
        lines += ["", "| Rules across columns and tables |", "| --- |", *(f"| {rule} |" for rule in rules)]
    return [*lines, ""]


def _description(described: dict, where: str) -> str:
    if not described.get("description"):
        raise SchemaError(f"data/datapackage.json, {where}: description is missing")
    return described["description"]


def _cells(table: str, field: dict) -> tuple[str, ...]:
    """One column of the study tables as the entries of a row."""
    rules = field.get("constraints", {})
    needed = "yes, unique" if rules.get("unique") else "yes" if rules.get("required") else "no"
    return (
        f"`{field['name']}`",
        _description(field, f"table {table}, column {field['name']}"),
        field["type"],
        field.get("holf:unit", ""),
        allowed(rules | field.get("holf:limits", {})),
        needed,
        ", ".join(f"`{alias}`" for alias in field.get("holf:aliases", ())),
    )


def allowed(rules: dict) -> str:
    """Say which values the constraints of a column allow; empty if any of its type.

    Examples
    --------
    >>> allowed({"enum": [0, 1]}), allowed({"minimum": 1, "maximum": 5}), allowed({"minimum": 0}), allowed({})
    ('0, 1', '1 to 5', '0 or more', '')
    """
    if "enum" in rules:
        return ", ".join(map(str, rules["enum"]))
    low, high = rules.get("minimum"), rules.get("maximum")
    if low is None and high is None:
        return ""
    if low is None:
        return f"{high} or less"
    return f"{low} or more" if high is None else f"{low} to {high}"
