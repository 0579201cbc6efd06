"""The rows of a study: linked, filtered and lined up for analysis. Nothing outside `holf.study` asks here."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from holf.plan import Contrast, Outcome, Plan
from holf.schema import Schema


@dataclass(frozen=True)
class Rows:
    """Tables of one study with the plan and the schema that explain them."""

    tables: dict[str, pd.DataFrame]
    plan: Plan
    schema: Schema

    @property
    def cluster(self) -> str:
        """Key of the randomised unit."""
        return self.plan.trial["cluster"]["key"]

    def linked(self, table: str, columns: list[str]) -> pd.DataFrame:
        """`table` with the wanted columns of itself and of the tables above it, up to the office."""
        frame = self.schema.linked(self.tables, table)
        return frame[list(dict.fromkeys([self.cluster, *columns]))]

    def population(self, table: str, contrast: Contrast, columns: list[str]) -> pd.DataFrame:
        """Linked rows of `table` that belong to the comparison."""
        tables = [table, *(above for _, above in self.schema.path(table))]
        flags = [column for name, column in contrast.population.items() if name in tables]
        frame = self.linked(table, [*columns, *flags])
        return frame[(frame[flags] == 1).all(axis=1)] if flags else frame

    def unit_table(self, outcome: Outcome) -> str:
        """Table with one row for each unit of the outcome; a long table names it by its key."""
        return outcome.table if outcome.is_wide else self.schema.path(outcome.table)[0][1]

    def values(self, outcome: Outcome, wave: str, contrast: Contrast) -> pd.DataFrame:
        """Columns unit, cluster key, group and value at one wave, for every row that the table has."""
        column, group = outcome.column.format(wave=wave), contrast.group[1]
        wanted = [self.schema.key(self.unit_table(outcome)), column, group]
        frame = self.population(outcome.table, contrast, wanted + ([] if outcome.is_wide else ["wave"]))
        if not outcome.is_wide:
            frame = frame[frame["wave"] == wave]
        frame = frame.rename(columns={wanted[0]: "unit", column: "value", group: "group"})
        frame = frame[frame["group"].isin([*contrast.treated, *contrast.other])]
        return frame[["unit", self.cluster, "group", "value"]].astype({"value": float})

    def analysis(self, outcome: Outcome, wave: str, contrast: Contrast) -> pd.DataFrame:
        """Values at `wave` beside the unit's own baseline, and 1 for treated."""
        frame = self.values(outcome, wave, contrast)
        before = self.values(outcome, "m0", contrast).set_index("unit")["value"]
        return frame.assign(
            baseline=frame["unit"].map(before), treated=frame["group"].isin(contrast.treated).astype(int)
        )
