"""The estimators' answers beside R's frozen ones, number by number, and how far the two may lie apart."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pandas as pd

from holf.display.reanalysis import COVARIATES, answers, permutation_counts
from holf.paths import data_path, read_yaml
from holf.record.plan import load_plan

OUTCOMES = ("y", "b")
# Relative, by the longest beginning that fits the path after the covariates. The mixed model's are lme4's own
# precision, which compares values of the likelihood; the rest is linear algebra. Permutation counts have none.
TOLERANCES = {
    "": 1e-9,
    "mixed/estimate": 1e-6,
    "mixed/se_plain": 1e-5,
    "mixed/between": 1e-5,
    "mixed/within": 1e-5,
    "mixed/se": 1e-6,
    "mixed/df": 1e-6,
    "gee/estimate": 1e-8,
    "gee/alpha": 1e-8,
    "gee/arms": 1e-6,
    "gee/zero_one": 1e-6,
    "log_odds": 1e-8,
    "icc_reml": 1e-5,
}
# Who computed R's number, by the longest beginning that fits; an empty name stands for base R.
PACKAGES = {
    "": "",
    "robust": "clubSandwich",
    "robust/estimate": "",
    "mixed": "lme4",
    "mixed/se": "pbkrtest",
    "mixed/df": "pbkrtest",
    "mixed/se_plain": "lme4",
    "gee": "gee",
    "gee/arms": "",
    "gee/zero_one": "",
    "icc_reml": "lme4",
}


@dataclass(frozen=True)
class ReferenceTrial:
    """A data set that R has analysed too.

    Attributes
    ----------
    name, about : str
        Short name, and what was compared in whom.
    source : str
        Begins with ``simulated: `` or ``another trial: ``; printed on every table.
    licence, taken_from : str
        Licence of the data, and where they were published.
    table : str or None
        File below `data/` with the rows; None where the licence keeps them out.
    """

    name: str
    about: str
    source: str
    licence: str
    taken_from: str
    table: str | None = None


@dataclass(frozen=True)
class Digits:
    """One number, computed twice.

    Attributes
    ----------
    path : str
        What it is, from the covariates inwards, such as ``x/mixed/df``.
    ours, reference : float
        This book's and R's; `ours` is NaN where the rows are kept out and only the distance was recorded.
    distance, tolerance : float
        Relative distance (absolute where R's is 0), and the largest that passes.
    package : str
        R package that computed it with its version; R alone where the formula was written out.
    """

    path: str
    ours: float
    reference: float
    distance: float
    tolerance: float
    package: str


def load_trials() -> dict[str, ReferenceTrial]:
    """Read `data/reference/trials.yml`: the data sets by name, in the file's order; the plan names simulated worlds."""
    entries = read_yaml(data_path("reference/trials.yml"))
    worlds = load_plan().worlds
    for entry in entries.values():
        if world := entry.pop("world", None):
            entry["source"] = f"simulated: {worlds[world]['label']}"
    return {name: ReferenceTrial(name=name, **entry) for name, entry in entries.items()}


def read_rows(trial: ReferenceTrial) -> pd.DataFrame:
    """Rows of a data set: office, arm (new, usual), x (of rows), z (of offices), y (continuous), b (0/1).

    Raises
    ------
    ValueError
        If its licence keeps them out of this repository.
    """
    if trial.table is None:
        raise ValueError(f"{trial.name}: the rows are not in this repository ({trial.licence})")
    return pd.read_csv(data_path(trial.table))


def references(name: str, file: str = "estimators") -> dict:
    """R's answers about one data set, nested by outcome, covariates and method; `file` may be ``counts``."""
    found = _frozen("achievement" if name == "achievement" and file == "estimators" else file)
    return found["trials"][name]


def versions(file: str = "estimators") -> dict[str, str]:
    """Versions of R and of its packages that made a file of references."""
    return _frozen(file)["versions"]


def compared(trial: ReferenceTrial, outcome: str) -> tuple[Digits, ...]:
    """Compute every number of one outcome again and set it beside R's.

    Parameters
    ----------
    trial : ReferenceTrial
    outcome : {"y", "b"}
        Continuous or 0/1.

    Returns
    -------
    tuple of Digits
        In R's order. Where the rows are not here, with the distances that were recorded where they were.

    Raises
    ------
    KeyError
        If one side lacks a number of the other.
    """
    reference = references(trial.name)[outcome]
    if trial.table is None:
        recorded = json.loads(data_path("reference/achievement_agreement.json").read_text(encoding="utf-8"))
        gaps = {path: recorded["relative_distance"][f"{outcome}/{path}"] for path, _ in leaves(reference)}
        ours = dict.fromkeys(gaps, float("nan"))
    else:
        found = answers(read_rows(trial), outcome)
        gaps, ours = distances(found, reference), dict(leaves(found))
    names = versions("achievement" if trial.table is None else "estimators")
    return tuple(
        Digits(path, ours[path], theirs, gaps[path], tolerance(path), _package(path, names))
        for path, theirs in leaves(reference)
    )


def counted(trial: ReferenceTrial) -> tuple[tuple[str, int, int], ...]:
    """Permutation counts of one data set: what, this book's and R's number of allocations.

    Raises
    ------
    KeyError
        If one side lacks a count of the other.
    """
    reference = references(trial.name, "counts")
    found = permutation_counts(read_rows(trial), wanted=reference)
    ours, theirs = dict(leaves(found)), dict(leaves(reference))
    if ours.keys() != theirs.keys():
        raise KeyError(f"on one side only: {sorted(ours.keys() ^ theirs.keys())}")
    return tuple((path, int(ours[path]), int(theirs[path])) for path in theirs)


def distances(found: dict, reference: dict) -> dict[str, float]:
    """Distance of every number from its reference, by path; KeyError if either side lacks one."""
    ours, theirs = dict(leaves(found)), dict(leaves(reference))
    if ours.keys() != theirs.keys():
        raise KeyError(f"on one side only: {sorted(ours.keys() ^ theirs.keys())}")
    return {path: abs(ours[path] - theirs[path]) / (abs(theirs[path]) or 1.0) for path in theirs}


def disagreements(found: dict, reference: dict) -> list[str]:
    """Paths whose numbers lie further apart than their tolerance."""
    return [path for path, gap in distances(found, reference).items() if not gap <= tolerance(path)]


def leaves(tree: dict, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of a nested dict with their paths."""
    for key, value in tree.items():
        here = f"{path}/{key}" if path else key
        yield from leaves(value, here) if isinstance(value, dict) else [(here, value)]


def tolerance(path: str) -> float:
    """Relative tolerance of the number at a path like ``none/gee/alpha`` or ``icc/estimate``."""
    return TOLERANCES[_longest(TOLERANCES, path)]


def _longest(table: dict, path: str) -> str:
    head, _, rest = path.partition("/")
    inside = rest if head in COVARIATES else path
    return max((key for key in table if inside.startswith(key)), key=len)


def _package(path: str, names: dict[str, str]) -> str:
    package = PACKAGES[_longest(PACKAGES, path)]
    return f"{package} {names[package]}" if package else f"R {names['R']}"


def _frozen(file: str) -> dict:
    return json.loads(data_path(f"reference/{file}.json").read_text(encoding="utf-8"))
