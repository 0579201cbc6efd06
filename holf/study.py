"""A study: opened from a source, asked questions, answering with typed records and never with rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from holf.clusters import icc as icc_of
from holf.estimators import estimate_effect
from holf.flow import Flow, FlowBox, count_flow, load_flow
from holf.paths import data_path, note_read
from holf.plan import Contrast, Outcome, Plan, load_plan
from holf.results import Attrition, Change, Effect, Icc, Level
from holf.schema import Schema, load_schema
from holf.simulate import MARK_FILE, inputs_signature
from holf.within import office_differences


class StudyError(ValueError):
    """A source cannot be opened, or a question has no answer in it; the message never holds a value of a person."""


def open_study(source: str | Path) -> Study:
    """Open a study.

    Parameters
    ----------
    source : str or Path
        Name of a simulated world (``"null"``, ``"benefit"``, ``"harm"``), or a folder written by ``holf simulate``.

    Raises
    ------
    StudyError
        If the folder is not marked as simulated (real data wait for the disclosure rules, and are refused until
        then), if a table is missing, or if the project's own simulated tables are older than their inputs.
    """
    plan, schema = load_plan(), load_schema()
    own = str(source) in plan.worlds
    folder = data_path(f"simulated/{source}") if own else Path(source)
    mark_file = folder / MARK_FILE
    if not mark_file.exists():
        raise StudyError(f"{folder.name}: not marked as simulated; real data cannot be opened by this version")
    if not own:
        note_read("simulated/(elsewhere)")
    mark = json.loads(mark_file.read_text(encoding="utf-8"))
    if own and mark["inputs_sha256"] != inputs_signature():
        raise StudyError(f"data/simulated/{source} is older than the assumptions or the code it follows from: "
                         "run `jupyter-book build .` or `holf simulate`")
    return Study(schema.read(folder), plan, schema, source=f"simulated: {plan.worlds[mark['world']]['label']}")


class Study:
    """Answers about one study.

    The tables stay inside. Methods return the frozen records of `holf.results`, each stamped with `source`.

    Attributes
    ----------
    plan : Plan
    source : str
        Where the data came from, for example ``"simulated: null world"``; printed on everything drawn from here.
    """

    def __init__(self, tables: dict[str, pd.DataFrame], plan: Plan, schema: Schema, *, source: str):
        self._tables, self._schema = tables, schema
        self._cluster = plan.trial["cluster"]["key"]
        self.plan, self.source = plan, source

    def flow(self) -> Flow:
        """Participant flow, in all and by arm of the office, box by box as `data/flow.yml` lists them."""
        arms = [arm for arm in self.plan.arms if "offices_fact" in self.plan.arms[arm]]
        boxes = load_flow()
        needed = {box.table for box in boxes}
        frames = {name: self._linked(name, [*self._tables[name].columns, "arm"]) for name in needed}
        return count_flow(boxes, frames, arms=arms, source=self.source)

    def sizes(self, table: str = "families", *, arm: str | None = None, contrast: str = "model") -> tuple[int, ...]:
        """Rows of `table` in the comparison, counted by office, largest first (no office is named)."""
        frame = self._population(table, self.plan.contrast(contrast), ["arm"])
        if arm is not None:
            frame = frame[frame["arm"] == arm]
        return tuple(sorted((int(n) for n in frame[self._cluster].value_counts()), reverse=True))

    def baseline(self, contrast: str = "model") -> tuple[Level, ...]:
        """Means at baseline by arm, for characteristics of the families and for every outcome measured then."""
        compared = self.plan.contrast(contrast)
        levels = []
        for table, column, label, show in self._schema.baseline:
            frame = self._population(table, compared, [column, "arm"])
            levels += [self._level(frame[frame["arm"] == arm][column], label, arm, "m0", show)
                       for arm in (*compared.treated, *compared.other)]
        for outcome in self.plan.outcomes.values():
            levels += [level for level in self.levels(outcome.id, contrast=contrast) if level.wave == "m0"]
        return tuple(levels)

    def levels(self, outcome: str, *, contrast: str = "model") -> tuple[Level, ...]:
        """Mean (share) of the outcome by group and wave, baseline first, over everyone measured at that wave."""
        what, compared = self.plan.outcome(outcome), self.plan.contrast(contrast)
        answers = []
        for wave in ("m0", *what.waves):
            frame = self._values(what, wave, compared)
            answers += [self._level(frame.loc[frame["group"] == group, "value"], what.label, group, wave, what.show)
                        for group in (*compared.treated, *compared.other)]
        return tuple(answers)

    def effect(self, outcome: str, wave: str | None = None, *, estimator: str | None = None, contrast: str = "model",
               adjusted: bool = True, level: float = 0.95) -> Effect:
        """Difference between the compared groups, treated minus other.

        Parameters
        ----------
        outcome : str
            An outcome of `data/plan.yml`.
        wave : str, optional
            A wave at which it is registered; the first by default.
        estimator : str, optional
            As in `holf.estimate_effect`; the plan's own by default.
        contrast : {"model", "coordinator"}
            ``"model"``: offices randomised, HOLF against local practice. ``"coordinator"``: families drawn inside
            offices, any coordinator against ordinary follow-up, answered by the mean of the offices' own differences.
        adjusted : bool
            Adjust for the plan's covariates (the outcome's own baseline).
        level : float
            Confidence level.
        """
        what, compared = self.plan.outcome(outcome), self.plan.contrast(contrast)
        frame = self._analysis(what, self._wave(what, wave), compared)
        if compared.group[0] != self.plan.trial["cluster"]["table"]:
            effect = office_differences(frame, "value", arm="treated", cluster=self._cluster, treated=1, level=level)
        else:
            effect = estimate_effect(frame, "value", arm="treated", cluster=self._cluster, treated=1, level=level,
                                     estimator=estimator or what.estimator,
                                     covariates=what.covariates if adjusted else ())
        return replace(effect, source=self.source)

    def change(self, outcome: str, arm: str, wave: str | None = None, *, contrast: str = "model") -> Change:
        """Change from baseline to `wave` in one arm, over those measured both times: description, not an effect."""
        what, compared = self.plan.outcome(outcome), self.plan.contrast(contrast)
        wave = self._wave(what, wave)
        frame = self._analysis(what, wave, compared).dropna(subset=["value", "baseline"])
        frame = frame[frame["group"] == arm]
        if frame.empty:
            raise StudyError(f"{outcome} {wave}: nobody in group {arm!r} was measured both times")
        before, after = frame["baseline"].mean(), frame["value"].mean()
        return Change(outcome, arm, wave, float(before), float(after), float(after - before), len(frame), self.source)

    def icc(self, outcome: str, wave: str | None = None, *, contrast: str = "model") -> Icc:
        """Intraclass correlation of the outcome by office, inside arms."""
        what = self.plan.outcome(outcome)
        frame = self._analysis(what, self._wave(what, wave), self.plan.contrast(contrast)).dropna(subset=["value"])
        return replace(icc_of(frame, "value", cluster=self._cluster, arm="group"), source=self.source)

    def attrition(self, outcome: str, wave: str | None = None, *, contrast: str = "model") -> tuple[Attrition, ...]:
        """For each arm, how many should have been measured at `wave` and how many were."""
        what, compared = self.plan.outcome(outcome), self.plan.contrast(contrast)
        wave = self._wave(what, wave)
        everyone = self._population(self._unit_table(what), compared, [compared.group[1]])
        measured = self._values(what, wave, compared).dropna(subset=["value"])
        return tuple(Attrition(outcome, group, wave, int((everyone[compared.group[1]] == group).sum()),
                               int((measured["group"] == group).sum()), self.source)
                     for group in (*compared.treated, *compared.other))

    # --- inside: rows, which never leave -------------------------------------------------------------------------

    def _wave(self, outcome: Outcome, wave: str | None) -> str:
        wave = wave or outcome.waves[0]
        if wave not in outcome.waves:
            raise ValueError(f"{outcome.id} is not registered at {wave!r}; waves: {', '.join(outcome.waves)}")
        return wave

    def _level(self, values: pd.Series, label: str, group: str, wave: str, show: str) -> Level:
        values = values.dropna().astype(float)
        mean = float(values.mean()) if len(values) else np.nan
        return Level(label, group, wave, mean, float(values.std(ddof=1)) if len(values) > 1 else np.nan, len(values),
                     show, self.source)

    def _linked(self, table: str, columns: list[str]) -> pd.DataFrame:
        """`table` with the wanted columns of itself and of the tables above it, up to the office."""
        frame = self._tables[table]
        for key, above in self._schema.path(table):
            new = [c for c in self._tables[above].columns if c == key or c not in frame.columns]
            frame = frame.merge(self._tables[above][new], on=key, how="left", validate="many_to_one")
        return frame[list(dict.fromkeys([self._cluster, *columns]))]

    def _population(self, table: str, contrast: Contrast, columns: list[str]) -> pd.DataFrame:
        """Linked rows of `table` that belong to the comparison."""
        tables = [table, *(above for _, above in self._schema.path(table))]
        flags = [column for name, column in contrast.population.items() if name in tables]
        frame = self._linked(table, [*columns, *flags])
        return frame[(frame[flags] == 1).all(axis=1)] if flags else frame

    def _unit_table(self, outcome: Outcome) -> str:
        """Table with one row for each unit of the outcome; a long table names it by its key."""
        return outcome.table if outcome.is_wide else self._schema.path(outcome.table)[0][1]

    def _values(self, outcome: Outcome, wave: str, contrast: Contrast) -> pd.DataFrame:
        """Columns unit, cluster key, group and value at one wave."""
        column, group = outcome.column.format(wave=wave), contrast.group[1]
        wanted = [self._schema.key(self._unit_table(outcome)), column, group]
        frame = self._population(outcome.table, contrast, wanted + ([] if outcome.is_wide else ["wave"]))
        if not outcome.is_wide:
            frame = frame[frame["wave"] == wave]
        frame = frame.rename(columns={wanted[0]: "unit", column: "value", group: "group"})
        frame = frame[frame["group"].isin([*contrast.treated, *contrast.other])]
        return frame[["unit", self._cluster, "group", "value"]].astype({"value": float})

    def _analysis(self, outcome: Outcome, wave: str, contrast: Contrast) -> pd.DataFrame:
        """Values at `wave` beside the unit's own baseline, and 1 for treated."""
        frame = self._values(outcome, wave, contrast)
        before = self._values(outcome, "m0", contrast).set_index("unit")["value"]
        return frame.assign(baseline=frame["unit"].map(before), treated=frame["group"].isin(contrast.treated).astype(int))
