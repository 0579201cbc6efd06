"""The rows of a study: linked, filtered and arranged for analysis. For questions and releases only."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from holf.paths import note_file
from holf.record.plan import Contrast, Outcome, Plan
from holf.record.schema import Schema


@dataclass(frozen=True)
class Rows:
    """Tables of one study with the plan and the schema that explain them.

    `part` is their folder in the project; empty for tables from elsewhere, which no chapter of record reads.
    """

    tables: dict[str, pd.DataFrame]
    plan: Plan
    schema: Schema
    part: str = field(default="", kw_only=True)
    # Every question needs the same few linked tables, and linking was half the time of a release.
    _linked: dict[str, pd.DataFrame] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def cluster(self) -> str:
        """Key of the randomised unit."""
        return self.plan.trial["cluster"]["key"]

    @property
    def strata(self) -> str | None:
        """Column of the strata inside which the clusters were randomised, in their table; None without strata."""
        return self.plan.trial.get("strata")

    @property
    def _blocks(self) -> list[str]:
        return [self.strata] if self.strata else []

    @property
    def characteristics(self) -> list[tuple[str, str, str, str]]:
        """The schema's baseline columns that this study has: table, column, label and style."""
        return [entry for entry in self.schema.baseline if entry[0] in self.tables]

    def linked(self, table: str, columns: list[str]) -> pd.DataFrame:
        """`table` with the wanted columns of itself and of the tables above it, up to the office."""
        if table not in self._linked:
            self._linked[table] = self.schema.linked(self.tables, table)
        wanted = list(dict.fromkeys([self.cluster, *self._blocks, *columns]))
        self._note_columns(table, wanted)
        return self._linked[table][wanted]

    def _note_columns(self, table: str, columns: list[str]) -> None:
        """Record the columns that a running chapter asked for, and the keys that link them to the table's rows."""
        if self.part:
            above = self.schema.path(table)
            for name in {*columns, self.schema.key(table), *(key for key, _ in above)}:
                # The key of a link stands in both tables.
                for one in (table, *(name for _, name in above)):
                    if name in self.tables[one]:
                        note_file(f"{self.part}#{one}.{name}")

    def with_arm(self, table: str) -> pd.DataFrame:
        """Linked rows of `table` with all of its own columns, and the arm of their cluster as ``arm``."""
        group = self.plan.main.group[1]
        return self.linked(table, [*self.tables[table].columns, group]).rename(columns={group: "arm"})

    def population(self, table: str, contrast: Contrast, columns: list[str]) -> pd.DataFrame:
        """Linked rows of `table` that belong to the comparison: inside its population, and in one of its arms."""
        tables = [table, *(above for _, above in self.schema.path(table))]
        flags = [column for name, column in contrast.population.items() if name in tables]
        groups = [contrast.group[1]] if self.has_groups(table, contrast) else []
        frame = self.linked(table, [*columns, *flags, *groups])
        belongs = (frame[flags] == 1).all(axis=1) & frame[groups].isin(contrast.arms).all(axis=1)
        return frame[belongs]

    def has_groups(self, table: str, contrast: Contrast) -> bool:
        """Whether each row of `table` is in a group of the contrast: the group stands in it or in a table above it."""
        return contrast.group[0] in (table, *(above for _, above in self.schema.path(table)))

    def unit_table(self, outcome: Outcome) -> str:
        """Table with one row for each unit of the outcome; a long table names it by its key."""
        return outcome.table if outcome.is_wide else self.schema.path(outcome.table)[0][1]

    def keys(self, table: str) -> list[str]:
        """Key of `table` and of the tables above it, up to the office."""
        return [self.schema.key(table), *(key for key, _ in self.schema.path(table))]

    def values(self, outcome: Outcome, wave: str, contrast: Contrast) -> pd.DataFrame:
        """Columns unit, keys above it, group and value at one wave, for every row that the table has."""
        column, group = outcome.column.format(wave=wave), contrast.group[1]
        unit, *above = self.keys(self.unit_table(outcome))
        wanted = [unit, column, group, *above]
        frame = self.population(outcome.table, contrast, wanted + ([] if outcome.is_wide else ["wave"]))
        if not outcome.is_wide:
            frame = frame[frame["wave"] == wave]
        frame = frame.rename(columns={wanted[0]: "unit", column: "value", group: "group"})
        return frame[["unit", *above, *self._blocks, "group", "value"]].astype({"value": float})

    def analysis(self, outcome: Outcome, wave: str, contrast: Contrast) -> pd.DataFrame:
        """Values at `wave` beside the unit's own baseline, the plan's other covariates, and 1 for treated."""
        frame = self.values(outcome, wave, contrast)
        frame = frame.assign(baseline=np.nan, treated=frame["group"].isin(contrast.treated).astype(int))
        if self.plan.baseline:
            before = self.values(outcome, self.plan.baseline, contrast).set_index("unit")["value"]
            frame = frame.assign(baseline=frame["unit"].map(before))
        if others := [name for name in outcome.covariates if name != "baseline"]:
            table = self.unit_table(outcome)
            known = self.linked(table, [self.schema.key(table), *others]).set_index(self.schema.key(table))[others]
            frame = frame.join(known.astype(float), on="unit")
        return frame

    def everyone(self, outcome: Outcome, wave: str, contrast: Contrast) -> tuple[pd.DataFrame, list[str]]:
        """As `analysis`, with a row for each unit that should have been measured; and the columns that are complete.

        That is the names of the schema's baseline columns, of the unit and of the tables above it, which nobody lacks.
        """
        table, group = self.unit_table(outcome), contrast.group[1]
        unit, *above = self.keys(table)
        tables = [table, *(name for _, name in self.schema.path(table))]
        known = [column for name, column, _, _ in self.characteristics if name in tables]
        frame = self.population(table, contrast, [unit, *above, group, *known]).rename(
            columns={unit: "unit", group: "group"}
        )
        complete = [column for column in dict.fromkeys(known) if frame[column].notna().all()]
        others = [name for name in outcome.covariates if name != "baseline" and name not in complete]
        measured = self.analysis(outcome, wave, contrast).set_index("unit")[["value", "baseline", *others]]
        frame = frame.join(measured, on="unit").assign(treated=frame["group"].isin(contrast.treated).astype(int))
        kept = ["unit", *above, *self._blocks, "group", "treated", "value", "baseline", *others, *complete]
        return frame[kept].astype(dict.fromkeys(complete, float)), complete
