"""The estimators' answers beside R's frozen ones: how far the two may lie apart, and the tables of the comparison."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pandas as pd

from holf.display import text
from holf.display.reanalysis import COVARIATES, answers, permutation_counts
from holf.display.table import Table
from holf.paths import data_path
from holf.record.plan import load_plan
from holf.record.reading import read_yaml
from holf.record.source import RECORD, joint_source

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

# Quantities by path inside the covariates, as readers know them.
LABELS = {
    "rows": "Rows used",
    "robust/estimate": "Least squares: effect",
    **{
        f"robust/{kind}/{part}": f"{kind}: {label}"
        for kind in ("CR0", "CR2", "CR3")
        for part, label in (("se", "standard error"), ("df", "Satterthwaite df"))
    },
    "mixed/estimate": "REML: effect",
    "mixed/se_plain": "REML: standard error",
    "mixed/between": "REML: variance between clusters",
    "mixed/within": "REML: variance inside clusters",
    "mixed/se": "Kenward\N{EN DASH}Roger: standard error",
    "mixed/df": "Kenward\N{EN DASH}Roger: df",
    "gee/estimate": "GEE: effect",
    "gee/alpha": "GEE: working correlation (moments)",
    **{
        f"gee/{coding}/{part}": f"GEE, {said}: {label}"
        for coding, said in (("arms", "a column an arm"), ("zero_one", "0/1 coding"))
        for part, label in (
            ("plain", "plain sandwich"),
            ("fay_graubard", "Fay\N{EN DASH}Graubard"),
            ("mancl_derouen", "Mancl\N{EN DASH}DeRouen"),
        )
    },
    "offices/estimate": "Cluster means: effect",
    "offices/se": "Cluster means: standard error",
    "offices/df": "Cluster means: df",
    "gap/estimate": "Family less office average",
    "gap/se": "The same: jackknife standard error",
    "log_odds/estimate": "Marginal log odds ratio",
    "log_odds/se": "The same: jackknife standard error",
    "icc/estimate": "ICC, ANOVA",
    "icc/low": "ICC, ANOVA: lower limit",
    "icc/high": "ICC, ANOVA: upper limit",
    "icc/n0": "ICC, ANOVA: mean size n0",
    "icc_reml/estimate": "ICC, REML",
    "icc_reml/low": "ICC, REML: lower limit",
    "icc_reml/high": "ICC, REML: upper limit",
}
COUNTED = {
    "means": "Difference of cluster means",
    "events": "Difference of event counts",
    "strata": "Event counts, randomised in two strata",
    "weighted": "Difference of weighted means",
    "welch": "Welch's t",
    "adjusted": "Covariate-adjusted coefficient",
    "max_t": "Step-down max-T",
}
TAILS = {
    "total": "allocations in all",
    "greater": "as large or larger",
    "less": "as small or smaller",
    "two_sided": "as far from zero",
    "means": "cluster means",
    "events": "event counts",
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


def trials_table(trials: Sequence[ReferenceTrial]) -> Table:
    """The data sets: what they are, where they were published, and under which licence."""
    rows = tuple((one.source, one.about, one.taken_from, one.licence) for one in trials)
    return Table("The data sets", ("Data", "What", "Taken from", "Licence"), rows, source=RECORD)


def summary_table(found: Sequence[tuple[ReferenceTrial, Sequence[Digits]]]) -> Table:
    """For each data set: how many numbers were compared, how many lie beyond tolerance, and the worst distance."""
    rows = []
    for trial, digits in found:
        linear, other = ([one.distance for one in digits if (one.tolerance <= 1e-9) is flag] for flag in (True, False))
        beyond = sum(not one.distance <= one.tolerance for one in digits)
        rows.append(
            (_name(trial), text.count(len(digits)), text.count(beyond), text.bound(max(linear)), text.bound(max(other)))
        )
    columns = ("Data", "Numbers compared", "Beyond tolerance", "Worst, linear algebra", "Worst, iterative fits")
    return Table("All numbers at once", columns, tuple(rows), source=joint_source(one.source for one, _ in found))


def digits_table(trial: ReferenceTrial, digits: Sequence[Digits], covariates: str, *, folded: bool = False) -> Table:
    """Number by number, for one set of covariates and the correlations beside them.

    Parameters
    ----------
    trial : ReferenceTrial
    digits : sequence of Digits
        Of one outcome.
    covariates : {"none", "x", "x_z"}
        Which of the fits to show.
    folded : bool
        Show the table closed.
    """
    rows = []
    for one in digits:
        head, _, rest = one.path.partition("/")
        if head in COVARIATES and head != covariates:
            continue
        label = LABELS[rest if head in COVARIATES else one.path]
        shown = (text.figures(one.ours), text.figures(one.reference), text.bound(one.distance))
        rows.append((label, *shown, text.power_of_ten(one.tolerance), text.agreeing(one.distance), one.package))
    adjusted = "no covariate" if covariates == "none" else f"covariates {covariates.replace('_', ', ')}"
    columns = ("Quantity", "This book", "R", "Relative distance", "Tolerance", "Digits shared", "R's from")
    return Table(f"Digit by digit, {adjusted}", columns, tuple(rows), source=trial.source, folded=folded)


def counts_table(trial: ReferenceTrial, counts: Sequence[tuple[str, int, int]], *, folded: bool = False) -> Table:
    """Allocations counted by this book and by R; they are whole numbers and have to be the same."""
    rows = []
    for path, ours, theirs in counts:
        statistic, part = path.split("/")
        label = f"{COUNTED[statistic]}: {TAILS[part]}"
        rows.append((label, text.count(ours), text.count(theirs), "yes" if ours == theirs else "NO"))
    columns = ("Statistic", "This book", "R", "Same")
    return Table("Allocations, counted", columns, tuple(rows), source=trial.source, folded=folded)


def _name(trial: ReferenceTrial) -> str:
    return trial.source.partition(": ")[2]
