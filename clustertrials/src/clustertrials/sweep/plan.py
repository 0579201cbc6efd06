"""The plan of a sweep: declared factors, replicates, estimators and one seed, read from YAML and checked whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from pathlib import Path

import yaml

from clustertrials.estimators import METHODS
from clustertrials.simulation_study import Scenario, unequal_sizes

# REML of thousands of trials at once, tested with t on clusters - 2: the one estimator of a sweep that
# `clustertrials.estimate_effect` does not have.
BATCHED = "mixed_batched"
ESTIMATORS = (*METHODS, BATCHED)
# Factors, and what each is where the plan does not name it; None is missing.
FACTORS: dict[str, float | None] = {
    "clusters": None, "mean_size": None, "icc": None, "treated_share": 0.5, "size_cv": 0.0, "correlation": 0.5,
    "effect": 0.0, "slope": 0.0, "share": float("nan"), "attrition": 0.0, "attrition_slope": 0.0,
}  # fmt: skip
# Gives the numbers that a mapping in a plan stands for.
LookUp = Callable[[Mapping], object]
_KEYS = {"seed", "replicates", "trials_a_task", "level", "estimators", "factors"}


class PlanError(ValueError):
    """A plan breaks a rule; the message names file, key and rule."""


@dataclass(frozen=True)
class Cell:
    """One combination of the factors, and the scenario from which its trials are drawn.

    `values` holds every factor with its value; NaN stands for a continuous outcome under ``share``. The scenario's name
    is the content of `values`, so that equal cells of two plans draw equal trials.
    """

    values: tuple[tuple[str, float], ...]
    scenario: Scenario

    def __getitem__(self, factor: str) -> float:
        return dict(self.values)[factor]


@dataclass(frozen=True)
class SweepPlan:
    """A sweep of simulated trials."""

    name: str  # file name without its ending
    seed: int  # root of all seeds
    replicates: int  # trials a cell
    trials_a_task: int
    level: float  # of the intervals; the tests are at 1 - level
    estimators: tuple[str, ...]  # names as in `clustertrials.estimate_effect`, or ``"mixed_batched"``
    cells: tuple[Cell, ...]  # all combinations of the factors' values

    @property
    def hash(self) -> str:
        """SHA-256 of all that the results follow from but the code; the name is not part of it."""
        numbers = [self.seed, self.replicates, self.trials_a_task, self.level, self.estimators]
        return digest([numbers, [cell.values for cell in self.cells]])

    @property
    def n_trials(self) -> int:
        """Trials of all cells together."""
        return self.replicates * len(self.cells)


def digest(content: object) -> str:
    """SHA-256 of numbers and words in nested lists, the same in every process."""
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _content_of(path: Path) -> Mapping:
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as problem:
        raise PlanError(f"{Path(path).name}: not a YAML file") from problem
    if not isinstance(content, dict):
        raise PlanError(f"{Path(path).name}: must hold keys and values")
    return content


def load_sweep(path: Path, *, look_up: LookUp | None = None) -> SweepPlan:
    """Read a plan of simulated trials; the README says what each factor means.

    Parameters
    ----------
    path : path
        YAML file with ``seed``, ``replicates``, ``estimators``, ``factors``, and where wanted ``trials_a_task`` (250)
        and ``level`` (0.95). Numbers may be written as they are or as ``{values: …, reason: …}``.
    look_up : callable, optional
        Returns the numbers for any other mapping in the place of a number, or raises KeyError or TypeError; without it,
        no other mapping is allowed.

    Returns
    -------
    SweepPlan
        With one cell for each combination of the factors.

    Raises
    ------
    PlanError
        Names file, key and rule.
    """
    name, content = Path(path).name, _content_of(path)
    if unknown := sorted(map(str, set(content) - _KEYS)):
        raise PlanError(f"{name}, {unknown[0]}: no such key; keys are {', '.join(sorted(_KEYS))}")
    read = partial(_numbers, look_up=look_up)
    whole = {key: _whole(name, content, key, default, read) for key, default in
             {"seed": None, "replicates": None, "trials_a_task": 250}.items()}  # fmt: skip
    (level,) = read(f"{name}, level", content.get("level", 0.95))
    if not 0.5 < level < 1:
        raise PlanError(f"{name}, level: must lie between 0.5 and 1")
    asked = content.get("estimators")
    if not isinstance(asked, list) or not asked or len(set(map(str, asked))) < len(asked):
        raise PlanError(f"{name}, estimators: must be a list of different names")
    if wrong := [one for one in asked if one not in ESTIMATORS]:
        raise PlanError(f"{name}, estimators: no {wrong[0]!r}; there are {', '.join(ESTIMATORS)}")
    cells = _cells(name, content.get("factors"), read)
    return SweepPlan(Path(path).stem, level=level, estimators=tuple(asked), cells=cells, **whole)


def _cells(name: str, factors: object, read: Callable) -> tuple[Cell, ...]:
    if not isinstance(factors, dict):
        raise PlanError(f"{name}, factors: must name factors and their values")
    if unknown := sorted(map(str, set(factors) - set(FACTORS))):
        raise PlanError(f"{name}, factors, {unknown[0]}: no such factor; factors are {', '.join(FACTORS)}")
    grid = {}
    for factor, default in FACTORS.items():
        if factor not in factors and default is None:
            raise PlanError(f"{name}, factors, {factor}: is missing")
        grid[factor] = read(f"{name}, factors, {factor}", factors[factor]) if factor in factors else (default,)
        if len(set(grid[factor])) < len(grid[factor]):
            raise PlanError(f"{name}, factors, {factor}: a value is listed twice")
    return tuple(_cell(name, dict(zip(grid, values))) for values in product(*grid.values()))


def _cell(name: str, values: dict[str, float]) -> Cell:
    shown = ", ".join(f"{factor} {value:g}" for factor, value in values.items())
    count, total = values["clusters"], values["clusters"] * values["mean_size"]
    rules = {
        "clusters must be a whole number of at least 8": count == int(count) and count >= 8,
        "mean_size must be at least 2": values["mean_size"] >= 2,
        "size_cv must lie from 0 to 2": 0 <= values["size_cv"] <= 2,
        "treated_share must leave 4 clusters in either arm": 4 <= round(count * values["treated_share"]) <= count - 4,
        "attrition must be at least 0 and below 1": 0 <= values["attrition"] < 1,
        "attrition_slope needs attrition": values["attrition_slope"] == 0 or values["attrition"] > 0,
    }
    for rule, kept in rules.items():
        if not kept:
            raise PlanError(f"{name}, factors: {rule} ({shown})")
    try:
        scenario = Scenario(
            digest([list(pair) for pair in values.items()]), unequal_sizes(int(count), round(total), values["size_cv"]),
            treated=round(count * values["treated_share"]), icc=values["icc"], correlation=values["correlation"],
            effect=values["effect"], slope=values["slope"],
            share=None if values["share"] != values["share"] else values["share"],
        )  # fmt: skip
    except ValueError as problem:
        said = str(problem).partition(": ")[2]
        raise PlanError(f"{name}, factors: {said} ({shown})") from problem
    return Cell(tuple(values.items()), scenario)


def _whole(name: str, content: Mapping, key: str, default: int | None, read: Callable) -> int:
    if key not in content and default is None:
        raise PlanError(f"{name}, {key}: is missing")
    found = read(f"{name}, {key}", content.get(key, default))
    least = 0 if key == "seed" else 1
    if len(found) != 1 or found[0] != int(found[0]) or found[0] < least:
        raise PlanError(f"{name}, {key}: must be one whole number of at least {least}")
    return int(found[0])


def _numbers(where: str, entry: object, *, look_up: LookUp | None) -> tuple[float, ...]:
    entry = _looked_up(where, entry, look_up) if isinstance(entry, dict) else entry
    entries = entry if isinstance(entry, list | tuple) else [entry]
    if not entries or any(isinstance(one, bool) or not isinstance(one, int | float | None) for one in entries):
        raise PlanError(f"{where}: must be a number or a list of numbers")
    numbers = tuple(float("nan") if one is None else float(one) for one in entries)
    if any(abs(one) == float("inf") for one in numbers) or (None in entries and not where.endswith(" share")):
        raise PlanError(f"{where}: a number is missing or infinite")
    return numbers


def _looked_up(where: str, entry: dict, look_up: LookUp | None) -> object:
    if set(entry) == {"values", "reason"} and entry["reason"]:
        return entry["values"]
    try:
        if look_up is not None:
            return look_up(entry)
    except (KeyError, TypeError) as problem:
        raise PlanError(f"{where}: {problem.args[0]}") from problem
    raise PlanError(f"{where}: needs values and a reason")
