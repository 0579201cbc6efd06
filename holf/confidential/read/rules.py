"""Rules inside and across tables, as the schema lists them under `holf:rules`.

Each is an object with `rule` and `table`, and may have `where`: columns, of the table or of those above it, and the
value or values that they must have (null for missing) for a row to be looked at.

- ``implies``: where `if` holds, `then` holds too; both are written like `where`.
- ``constant``: `column` has one value inside each value of `within`.
- ``at-most``: at most `rows` rows for each value of `within`.
- ``waves``: who has a wave in `column` has every earlier one too, in the order of its enum, by `within`.
- ``followed``: every row has a row of the same `column` in table `by`.
- ``same``: the `column` that a row has through its table above is that of its row in table `by`, found by `through`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

    from holf.record.schema import Schema


def broken_rules(tables: dict[str, pd.DataFrame], schema: Schema) -> Iterator[tuple[str, str, str, str, pd.Series]]:
    """Yield each rule that the typed tables break: table, column, what is wrong, how to fix it, a mask of the rows.

    Rules of tables that are not there are passed over.
    """
    for rule in schema.package.get("holf:rules", ()):
        if not {rule["table"], rule.get("by", rule["table"])} <= tables.keys():
            continue
        frame = schema.linked(tables, rule["table"])
        looked_at = _holds(frame, rule.get("where", {}))
        column, mask, fix = _KINDS[rule["rule"]](frame, rule, looked_at, schema, tables)
        if mask.any():
            said = rule_in_words(
                rule, schema.fields(rule["table"]).get("wave", {}).get("constraints", {}).get("enum", [])
            )
            yield rule["table"], column, f"some rows break the rule: {said[0].lower()}{said[1:].rstrip('.')}", fix, mask


def _implies(frame: pd.DataFrame, rule: dict, looked_at: pd.Series, schema: Schema, *_: object) -> tuple:
    column = next(iter(rule["then"]))
    # A column of a table above is shown at the key of its own.
    shown = column if column in schema.fields(rule["table"]) else schema.key(rule["table"])
    return shown, looked_at & _holds(frame, rule["if"]) & ~_holds(frame, rule["then"]), "Correct one of the two."


def _constant(frame: pd.DataFrame, rule: dict, looked_at: pd.Series, *_: object) -> tuple:
    kinds = frame.loc[looked_at].groupby(rule["within"])[rule["column"]].nunique()
    mask = looked_at & frame[rule["within"]].isin(kinds.index[kinds > 1])
    return rule["column"], mask, f"Give every row of one {rule['within']} the same value."


def _at_most(frame: pd.DataFrame, rule: dict, looked_at: pd.Series, *_: object) -> tuple:
    sizes = frame.loc[looked_at, rule["within"]].value_counts()
    mask = looked_at & frame[rule["within"]].isin(sizes.index[sizes > rule["rows"]])
    return rule["within"], mask, "Leave out who does not belong to the study."


def _waves(frame: pd.DataFrame, rule: dict, looked_at: pd.Series, schema: Schema, *_: object) -> tuple:
    order = schema.fields(rule["table"])[rule["column"]]["constraints"]["enum"]
    rank = frame[rule["column"]].map({wave: place for place, wave in enumerate(order)}).astype("Int64")
    # The key makes waves unique, so without a gap the place among one's own rows is the place in the order.
    place = rank.where(looked_at).groupby(frame[rule["within"]]).rank(method="first") - 1
    return rule["column"], looked_at & (place != rank), "Add a row for each earlier wave, empty where nothing is known."


def _followed(frame: pd.DataFrame, rule: dict, looked_at: pd.Series, schema: Schema, tables: dict) -> tuple:
    fix = f"Add the rows to {rule['by']}, empty where nothing is known, or correct this column."
    mask = looked_at & ~frame[rule["column"]].isin(tables[rule["by"]][rule["column"]])
    return next(iter(rule.get("where", (rule["column"],)))), mask, fix


def _same(frame: pd.DataFrame, rule: dict, looked_at: pd.Series, schema: Schema, tables: dict) -> tuple:
    theirs = frame[rule["through"]].map(tables[rule["by"]].set_index(rule["through"])[rule["column"]])
    return rule["through"], looked_at & (theirs != frame[rule["column"]]).fillna(False), rule["fix"]


def _holds(frame: pd.DataFrame, where: dict) -> pd.Series:
    """Rows in which each named column has the value, or one of the values."""
    # Imported here: to put rules in words, as the build does, nobody needs it.
    import pandas as pd

    mask = pd.Series(True, index=frame.index)
    for column, wanted in where.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        known = frame[column].isin([value for value in values if value is not None])
        mask &= known | frame[column].isna() if None in values else known
    return mask.astype(bool)


def rule_in_words(rule: dict, order: list[str]) -> str:
    """Say a rule of the schema as a sentence; `order` are the waves of its table, for a rule about waves.

    Examples
    --------
    >>> rule_in_words({"rule": "implies", "if": {"eligible": 0}, "then": {"followup_group": None}}, [])
    'Where eligible is 0, followup_group is empty.'
    """
    where = f"Where {_say(rule['where'])}, " if "where" in rule else ""
    said = {
        "implies": lambda: f"where {_say(rule['if'])}, {_say(rule['then'])}.",
        "constant": lambda: f"{rule['column']} has one value inside each {rule['within']}.",
        "at-most": lambda: f"one {rule['within']} has at most {rule['rows']} rows.",
        "waves": lambda: (
            f"of one {rule['within']}, a row of a later wave comes with a row of every earlier one: {', '.join(order)}."
        ),
        "followed": lambda: f"every {rule['column']} has a row in {rule['by']}.",
        "same": lambda: f"a row and its row in {rule['by']} have the same {rule['column']}.",
    }[rule["rule"]]()
    return where + said if where else said[0].upper() + said[1:]


def _say(where: dict) -> str:
    """Conditions in words."""
    said = []
    for column, wanted in where.items():
        values = wanted if isinstance(wanted, list) else [wanted]
        said.append(f"{column} is {' or '.join('empty' if value is None else str(value) for value in values)}")
    return " and ".join(said)


_KINDS = {
    "implies": _implies,
    "constant": _constant,
    "at-most": _at_most,
    "waves": _waves,
    "followed": _followed,
    "same": _same,
}
