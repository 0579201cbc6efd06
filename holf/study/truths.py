"""The known truths of `data/recovery.yml` and of the sweep, and the committed results of estimators on both."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import gamma

from clustertrials.results import Effect
from clustertrials.simulation_study import Recovery, Scenario, Truth
from clustertrials.sweep.plan import SweepPlan, load_sweep
from holf.paths import data_path
from holf.record.facts import Assumption, FactError, Ledger, load_assumptions, load_ledger, recorded_numbers
from holf.record.plan import Words, load_plan
from holf.record.reading import name_of, read_yaml, reading
from holf.record.schema import load_schema
from holf.simulation.people import spread
from holf.simulation.worlds import simulate
from holf.study.questions import simulated_study

RESULTS = "simulated/recovery.csv"
SWEEP_PLAN, SWEEP_RESULTS = "sweep.yml", "simulated/sweep.csv"
# What the first replicates have to give again; the rest of a record describes the scenario.
_CHECKED = ("failed", "mean_estimate", "sd_estimate", "mean_se", "covers_individual", "covers_cluster", "rejections")


@dataclass(frozen=True)
class StudyTruth:
    """A simulated world without effect, drawn whole and asked through the study, as a chapter would ask.

    Only a world without effect has one truth under every estimator and population.
    """

    name: str
    world: str
    outcome: str
    individual_effect: float = 0.0
    cluster_effect: float = 0.0

    def trial(self, rng: np.random.Generator) -> Callable[[str], Effect]:
        """Simulate a study with a seed of its own and return the function that answers by estimator."""
        tables = simulate(self.world, seed=int(rng.integers(2**32)))
        study = simulated_study(tables, load_plan(), load_schema(), world=self.world)
        return lambda estimator: study.effect(self.outcome, estimator=estimator)


@dataclass(frozen=True)
class Trials:
    """One truth as it is to be run: its name on a page, trials to draw, how many of the first a test draws again."""

    truth: Truth
    label: str
    estimators: tuple[str, ...]
    replicates: int
    first: int
    seed: int


@dataclass(frozen=True)
class Settings:
    """Everything in `data/recovery.yml`, numbers resolved.

    `monte_carlo_level` is that of the intervals around error rates, and `recommended` are the estimators whose error
    rate is meant to be the nominal one.
    """

    trials: tuple[Trials, ...]
    monte_carlo_level: float
    recommended: tuple[str, ...]
    words: Words

    @property
    def labels(self) -> dict[str, str]:
        """Label of each truth by name."""
        return {one.truth.name: one.label for one in self.trials}

    @property
    def scenarios(self) -> dict[str, Scenario]:
        """The scenarios by name, without the whole studies."""
        return {one.truth.name: one.truth for one in self.trials if isinstance(one.truth, Scenario)}


def load_settings(path: Path | None = None) -> Settings:
    """Read the truths of `data/recovery.yml`, or of another file of its form.

    Raises
    ------
    FactError
        If a number is neither taken from an assumption nor stated with the class assumed and a reason, or a study's
        world has an effect.
    """
    path = path or data_path("recovery.yml")
    with reading(name_of(path)):
        return _settings(read_yaml(path), name_of(path))


def _settings(file: dict, name: str) -> Settings:
    ledger, assumed, plan = load_ledger(), load_assumptions(), load_plan()
    common = {
        key: _number(f"{name}, {key}", entry, assumed)
        for key, entry in file.items()
        if key not in ("trial", "estimators", "recommended", "scenarios", "studies", "study_estimators")
    }
    seed = common["seed"]
    trials = []
    for scenario, entry in file["scenarios"].items():
        numbers = {key: common[key] for key in ("correlation", "size_cv")} | {
            key: _number(f"{name}, {scenario}, {key}", value, assumed) for key, value in entry.items() if key != "label"
        }
        sizes = office_sizes(file["trial"], ledger, numbers.pop("size_cv"))
        truth = Scenario(scenario, sizes, treated=ledger.number(file["trial"]["treated_fact"]), **numbers)
        trials.append(
            Trials(truth, entry["label"], tuple(file["estimators"]), common["replicates"], common["first"], seed)
        )
    for study, entry in file["studies"].items():
        if plan.worlds[entry["world"]]["sign"] != 0:
            raise FactError(f"{name}, {study}: world must be one without effect, whose truth is 0 for everyone")
        outcome = plan.outcome(entry["outcome"])
        truth = StudyTruth(study, entry["world"], outcome.id)
        asked = tuple(file["study_estimators"])
        trials.append(Trials(truth, entry["label"], asked, common["study_replicates"], common["study_first"], seed))
    return Settings(tuple(trials), common["monte_carlo_level"], tuple(file["recommended"]), plan.words)


def office_sizes(trial: dict[str, str], ledger: Ledger, cv: float) -> tuple[int, ...]:
    """Sizes of the offices with the published total and an assumed coefficient of variation, from gamma quantiles."""
    count = ledger.number(trial["offices_fact"])
    weights = gamma.ppf((np.arange(count) + 0.5) / count, 1 / cv**2)
    total = ledger.number(trial["parents_fact"])
    return tuple(int(size) for size in spread(total, weights, np.full(count, total)))


def _number(where: str, entry: dict, assumed: Mapping[str, Assumption]) -> float:
    if isinstance(entry, dict) and "from" in entry and entry["from"] in assumed:
        value = assumed[entry["from"]].value
        return value[entry["place"]] if isinstance(value, tuple) else value
    if not isinstance(entry, dict) or entry.get("class") != "assumed" or not entry.get("reason"):
        raise FactError(f"{where}: needs `from` and an assumption, or value, class assumed and reason")
    return entry["value"]


def write_recoveries(path: Path, found: Sequence[tuple[Recovery, Recovery]]) -> None:
    """Write pairs of records, of all replicates and of the first few, as one row each at full precision."""
    rows = [
        asdict(whole) | {f"first_{key}": asdict(head)[key] for key in ("replicates", *_CHECKED)}
        for whole, head in found
    ]
    pd.DataFrame(rows).to_csv(path, index=False, lineterminator="\n", encoding="utf-8")


def load_recoveries(path: Path | None = None) -> tuple[Recovery, ...]:
    """How every estimator did on every truth, from the committed file."""
    names = [field.name for field in fields(Recovery)]
    frame = pd.read_csv(path or data_path(RESULTS))
    return tuple(Recovery(**row) for row in frame[names].to_dict("records"))


def load_swept(path: Path | None = None) -> tuple[SweepPlan, pd.DataFrame]:
    """Read the committed plan and its summary (`data/simulated/sweep.csv`, or the file at `path`).

    Raises
    ------
    ValueError
        If the summary is not marked as simulated, or is not that of the plan.
    """
    plan = load_sweep(data_path(SWEEP_PLAN), look_up=recorded_numbers)
    found = pd.read_csv(path or data_path(SWEEP_RESULTS))
    if "data_class" not in found or set(found["data_class"]) != {"simulated"}:
        raise ValueError("data/simulated/sweep.csv, data_class: every row must say simulated")
    keys = [name for name, _ in plan.cells[0].values]
    wanted = {(*(_plain(value) for _, value in cell.values), one) for cell in plan.cells for one in plan.estimators}
    given = [(*map(_plain, row[:-1]), row[-1]) for row in found[[*keys, "estimator"]].itertuples(index=False)]
    if len(given) != len(wanted) or set(given) != wanted or set(found["trials"]) != {plan.replicates}:
        raise ValueError("data/simulated/sweep.csv: is not the summary of data/sweep.yml; run it again")
    return plan, found


def _plain(value: float) -> float | None:
    return None if value != value else float(value)
