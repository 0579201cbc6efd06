"""A study: opened from a source, asked questions, answering with typed records and never with rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd

from holf.facts import load_assumptions
from holf.flow import Flow, count_flow, load_flow
from holf.inference.clusters import icc as icc_of
from holf.inference.equivalence import holm
from holf.inference.estimators import estimate_effect, office_means
from holf.inference.influence import RecruitmentDiagnostic, recruitment_diagnostics
from holf.inference.randomisation import randomisation_test
from holf.inference.trial import read_trial
from holf.inference.within import office_differences
from holf.paths import data_path, note_read
from holf.plan import Outcome, Plan, load_plan
from holf.results import Attrition, Change, Effect, Icc, Level, Multiplicity
from holf.rows import Rows
from holf.schema import Schema, load_schema
from holf.simulation import MARK_FILE, default_seed, inputs_signature


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
    mark = _read_mark(folder, plan)
    if not own:
        note_read("simulated/(elsewhere)")
    elif (mark["world"], mark["seed"], mark["inputs_sha256"]) != (source, default_seed(), inputs_signature()):
        raise StudyError(
            f"data/simulated/{source} is not what the assumptions and the code give (older, or another world or seed): "
            "run `jupyter-book build .`"
        )
    tables = schema.read(folder)
    for name, table in tables.items():
        if not table[schema.key(name)].str.startswith("SYN-").all():
            raise StudyError(
                f"{name}.csv: marked as simulated, but column {schema.key(name)} holds other ids than SYN-"
            )
    world = plan.worlds[mark["world"]]
    return Study(tables, plan, schema, source=f"simulated: {world['label']}", sign=world["sign"])


def _read_mark(folder: Path, plan: Plan) -> dict:
    """The note that says what a folder of tables is; anything but a whole and true one is refused."""
    try:
        mark = json.loads((folder / MARK_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        mark = {}
    whole = isinstance(mark, dict) and {"world", "seed", "inputs_sha256"} <= mark.keys()
    if not whole or mark.get("simulated") is not True or mark["world"] not in plan.worlds:
        raise StudyError(f"{folder.name}: not marked as simulated; real data cannot be opened by this version")
    return mark


class Study:
    """Answers about one study.

    The tables stay inside. Methods return the frozen records of `holf.results`, each stamped with `source`.

    Attributes
    ----------
    plan : Plan
    source : str
        Where the data came from, for example ``"simulated: null world"``; printed on everything drawn from here.
    """

    def __init__(self, tables: dict[str, pd.DataFrame], plan: Plan, schema: Schema, *, source: str, sign: int):
        self._rows, self._sign = Rows(tables, plan, schema), sign
        self.plan, self.source = plan, source

    def planted(self, outcome: str) -> float:
        """The true difference between the models that the world plants in those who take part."""
        return self._sign * load_assumptions()[self.plan.outcome(outcome).simulated["effect"]].value

    def flow(self) -> Flow:
        """Participant flow, in all and by arm of the office, box by box as `data/flow.yml` lists them."""
        arms = [arm for arm in self.plan.arms if "offices_fact" in self.plan.arms[arm]]
        boxes = load_flow()
        needed = {box.table for box in boxes}
        frames = {name: self._rows.linked(name, [*self._rows.tables[name].columns, "arm"]) for name in needed}
        return count_flow(boxes, frames, arms=arms, source=self.source)

    def sizes(self, table: str = "families", *, arm: str | None = None, contrast: str = "model") -> tuple[int, ...]:
        """Rows of `table` in the comparison, counted by office, largest first (no office is named)."""
        frame = self._rows.population(table, self.plan.contrast(contrast), ["arm"])
        if arm is not None:
            frame = frame[frame["arm"] == arm]
        return tuple(sorted((int(n) for n in frame[self._rows.cluster].value_counts()), reverse=True))

    def baseline(self, contrast: str = "model") -> tuple[Level, ...]:
        """Means at baseline by arm, for characteristics of the families and for every outcome measured then."""
        compared = self.plan.contrast(contrast)
        levels = []
        for table, column, label, show in self._rows.schema.baseline:
            frame = self._rows.population(table, compared, [column, "arm"])
            levels += [
                self._level(frame[frame["arm"] == arm][column], label, arm, "m0", show)
                for arm in (*compared.treated, *compared.other)
            ]
        for outcome in self.plan.outcomes.values():
            levels += [level for level in self.levels(outcome.id, contrast=contrast) if level.wave == "m0"]
        return tuple(levels)

    def recruitment(self, table: str = "families") -> tuple[RecruitmentDiagnostic, ...]:
        """Those who took part, by arm: how many an office, and who, with exact p-values against the offices' draw."""
        labels = {column: label for name, column, label, _ in self._rows.schema.baseline if name == table}
        model = self.plan.contrast("model")
        frame = self._rows.population(table, model, [*labels, model.group[1]]).rename(columns=labels)
        frame = frame.astype(dict.fromkeys(labels.values(), float))
        offices = {"arm": model.group[1], "cluster": self._rows.cluster, "treated": model.treated[0]}
        found = recruitment_diagnostics(frame, list(labels.values()), **offices)
        return tuple(replace(one, source=self.source) for one in found)

    def levels(self, outcome: str, *, contrast: str = "model") -> tuple[Level, ...]:
        """Mean (share) of the outcome by group and wave, baseline first, over everyone measured at that wave."""
        what, compared = self.plan.outcome(outcome), self.plan.contrast(contrast)
        answers = []
        for wave in ("m0", *what.waves):
            frame = self._rows.values(what, wave, compared)
            answers += [
                self._level(frame.loc[frame["group"] == group, "value"], what.label, group, wave, what.show)
                for group in (*compared.treated, *compared.other)
            ]
        return tuple(answers)

    def effect(
        self,
        outcome: str,
        wave: str | None = None,
        *,
        estimator: str | None = None,
        contrast: str = "model",
        adjusted: bool = True,
        level: float = 0.95,
    ) -> Effect:
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
            Adjust for the plan's covariates (the outcome's own baseline); never so for ``"coordinator"``.
        level : float
            Confidence level.
        """
        what, compared = self.plan.outcome(outcome), self.plan.contrast(contrast)
        frame = self._rows.analysis(what, self._wave(what, wave), compared)
        if compared.group[0] != self.plan.trial["cluster"]["table"]:
            if estimator is not None:
                raise ValueError(f"contrast {contrast!r} has one estimator, office_differences; leave estimator out")
            effect = office_differences(
                frame, "value", arm="treated", cluster=self._rows.cluster, treated=1, level=level
            )
        else:
            effect = estimate_effect(
                frame,
                "value",
                arm="treated",
                cluster=self._rows.cluster,
                treated=1,
                level=level,
                estimator=estimator or what.estimator,
                covariates=what.covariates if adjusted else (),
            )
        return replace(effect, source=self.source)

    def effects(self, outcome: str, wave: str | None = None, *, level: float = 0.95) -> tuple[Effect, ...]:
        """The effect under the plan's estimator, and under each that the plan shows beside it."""
        what = self.plan.outcome(outcome)
        return tuple(self.effect(outcome, wave, estimator=name, level=level) for name in (what.estimator, *what.beside))

    def multiplicity(self, kind: str = "primary") -> tuple[Multiplicity, ...]:
        """Family-wise p-values over the first waves of all outcomes of one kind.

        Exact step-down max-T (Westfall and Young) over every allocation of the offices, from office means of what the
        baseline leaves unexplained, beside Holm's adjustment of the same exact p-values. The allocation set is all ways
        to choose the treated offices without restriction: an assumption, since the record does not say.
        """
        named = [outcome for outcome in self.plan.outcomes.values() if outcome.kind == kind]
        means = [self._office_means(outcome) for outcome in named]
        table = pd.concat([mean for mean, _ in means], axis=1, join="inner")
        arm = means[0][1].reindex(table.index)
        found = randomisation_test(table.to_numpy(), arm.to_numpy())
        return tuple(
            Multiplicity(
                outcome.id,
                outcome.waves[0],
                float(found.statistic[i]),
                float(found.p_value[i]),
                float(found.p_value_adjusted[i]),
                float(holm),
                float(found.simultaneous_low[i]),
                float(found.simultaneous_high[i]),
                found.n_allocations,
                found.exact,
                self.source,
            )
            for i, (outcome, holm) in enumerate(zip(named, holm(found.p_value)))
        )

    def change(self, outcome: str, arm: str, wave: str | None = None, *, contrast: str = "model") -> Change:
        """Change from baseline to `wave` in one arm, over those measured both times: description, not an effect."""
        what, compared = self.plan.outcome(outcome), self.plan.contrast(contrast)
        wave = self._wave(what, wave)
        frame = self._rows.analysis(what, wave, compared).dropna(subset=["value", "baseline"])
        frame = frame[frame["group"] == arm]
        if frame.empty:
            raise StudyError(f"{outcome} {wave}: nobody in group {arm!r} was measured both times")
        before, after = frame["baseline"].mean(), frame["value"].mean()
        return Change(outcome, arm, wave, float(before), float(after), float(after - before), len(frame), self.source)

    def icc(self, outcome: str, wave: str | None = None, *, contrast: str = "model") -> Icc:
        """Intraclass correlation of the outcome by office, inside arms."""
        what = self.plan.outcome(outcome)
        frame = self._rows.analysis(what, self._wave(what, wave), self.plan.contrast(contrast)).dropna(subset=["value"])
        return replace(icc_of(frame, "value", cluster=self._rows.cluster, arm="group"), source=self.source)

    def attrition(self, outcome: str, wave: str | None = None, *, contrast: str = "model") -> tuple[Attrition, ...]:
        """For each arm, how many should have been measured at `wave` and how many were."""
        what, compared = self.plan.outcome(outcome), self.plan.contrast(contrast)
        wave = self._wave(what, wave)
        everyone = self._rows.population(self._rows.unit_table(what), compared, [compared.group[1]])
        measured = self._rows.values(what, wave, compared).dropna(subset=["value"])
        return tuple(
            Attrition(
                outcome,
                group,
                wave,
                int((everyone[compared.group[1]] == group).sum()),
                int((measured["group"] == group).sum()),
                self.source,
            )
            for group in (*compared.treated, *compared.other)
        )

    def _office_means(self, outcome: Outcome) -> tuple[pd.Series, pd.Series]:
        """Office means (residual, where the plan has covariates) and the arm of each office."""
        frame = self._rows.analysis(outcome, outcome.waves[0], self.plan.contrast("model"))
        frame = frame.dropna(subset=["value", *outcome.covariates])
        trial = read_trial(
            frame, "value", arm="treated", cluster=self._rows.cluster, treated=1, covariates=outcome.covariates
        )
        offices = pd.factorize(frame[self._rows.cluster])[1]
        return pd.Series(office_means(trial), index=offices), pd.Series(trial.treated_clusters, index=offices)

    def _wave(self, outcome: Outcome, wave: str | None) -> str:
        wave = wave or outcome.waves[0]
        if wave not in outcome.waves:
            raise ValueError(f"{outcome.id} is not registered at {wave!r}; waves: {', '.join(outcome.waves)}")
        return wave

    def _level(self, values: pd.Series, label: str, group: str, wave: str, show: str) -> Level:
        values = values.dropna().astype(float)
        mean = float(values.mean()) if len(values) else np.nan
        return Level(
            label,
            group,
            wave,
            mean,
            float(values.std(ddof=1)) if len(values) > 1 else np.nan,
            len(values),
            show,
            self.source,
        )
