"""The estimators' answers beside R's frozen ones, and how far the two lie apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log

import numpy as np
import pandas as pd

from clustertrials import gee
from clustertrials.estimands import estimand_gap
from clustertrials.estimators import effect_of
from clustertrials.intraclass import icc
from clustertrials.mixed import batched_reml
from clustertrials.ratios import ratio
from clustertrials.robust import KINDS, cluster_robust, fit_ols
from clustertrials.trial import Trial, read_trial
from holf.paths import data_path
from holf.record.plan import load_plan
from holf.record.reading import read_rows, read_yaml

OUTCOMES = ("y", "b")
ROLES = {"arm": "arm", "cluster": "office", "treated": "new"}
COVARIATES = {"none": (), "x": ("x",), "x_z": ("x", "z")}


@dataclass(frozen=True)
class ReferenceTrial:
    """A data set that R has analysed too, as `data/reference/trials.yml` describes it.

    `table` is the file below `data/` with the rows; None where the licence keeps them out.
    """

    name: str
    about: str
    source: str
    licence: str
    taken_from: str
    table: str | None = None


def load_trials() -> dict[str, ReferenceTrial]:
    """Read `data/reference/trials.yml`: the data sets by name, in the file's order; the plan names simulated worlds."""
    entries = read_yaml(data_path("reference/trials.yml"))
    worlds = load_plan().worlds
    for entry in entries.values():
        if world := entry.pop("world", None):
            entry["source"] = f"simulated: {worlds[world]['label']}"
    return {name: ReferenceTrial(name=name, **entry) for name, entry in entries.items()}


def read_table(trial: ReferenceTrial) -> pd.DataFrame:
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
    return _frozen("achievement" if name == "achievement" and file == "estimators" else file)["trials"][name]


def compared(trial: ReferenceTrial, outcome: str) -> pd.DataFrame:
    """Compute every number of one outcome again and measure its distance from R's.

    Parameters
    ----------
    trial : ReferenceTrial
    outcome : {"y", "b"}
        Continuous or 0/1.

    Returns
    -------
    DataFrame
        In R's order: path (such as ``x/mixed/df``), distance (relative; absolute where R's number is 0) and tolerance.
        Where the rows are not here, the distance is the one that was recorded where they were.

    Raises
    ------
    KeyError
        If one side lacks a number of the other.
    """
    reference = references(trial.name)[outcome]
    if trial.table is None:
        recorded = _frozen("achievement_agreement")["relative_distance"]
        found = {path: recorded[f"{outcome}/{path}"] for path, _ in leaves(reference)}
    else:
        found = distances(answers(read_table(trial), outcome), reference)
    known = load_tolerances()
    rows = [(path, distance, known[_inside(path)]) for path, distance in found.items()]
    return pd.DataFrame(rows, columns=["path", "distance", "tolerance"])


def distances(found: dict, reference: dict) -> dict[str, float]:
    """Distance of every number from its reference, by path; KeyError if either side lacks one."""
    ours, theirs = dict(leaves(found)), dict(leaves(reference))
    check_same(ours, theirs)
    return {path: abs(ours[path] - theirs[path]) / (abs(theirs[path]) or 1.0) for path in theirs}


def check_same(ours: dict, theirs: dict) -> None:
    """Raise KeyError if one side lacks a number of the other."""
    if ours.keys() != theirs.keys():
        raise KeyError(f"on one side only: {sorted(ours.keys() ^ theirs.keys())}")


def leaves(tree: dict, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of a nested dict with their paths."""
    for key, value in tree.items():
        here = f"{path}/{key}" if path else key
        yield from leaves(value, here) if isinstance(value, dict) else [(here, value)]


def load_tolerances() -> dict[str, float]:
    """Read `data/reference/quantities.csv`: relative tolerance of each number by its path inside the covariates."""
    rows = read_rows(data_path("reference/quantities.csv"), ("path", "label", "tolerance", "package"))
    return {row["path"]: float(row["tolerance"]) for row in rows}


def tolerance(path: str) -> float:
    """Relative tolerance of the number at a path like ``none/gee/alpha`` or ``icc/estimate``."""
    return load_tolerances()[_inside(path)]


def _inside(path: str) -> str:
    """A path without the covariates that it begins with."""
    head, _, rest = path.partition("/")
    return rest if head in COVARIATES else path


def _frozen(file: str) -> dict:
    return json.loads(data_path(f"reference/{file}.json").read_text(encoding="utf-8"))


def answers(frame: pd.DataFrame, outcome: str) -> dict:
    """Estimates, errors and degrees of freedom of one outcome, nested by covariates and method.

    `frame` has the columns of `read_table`; log odds ratios are for the outcome ``b`` alone.
    """
    found = {name: _case(frame, outcome, covariates) for name, covariates in COVARIATES.items()}
    for name, method in (("icc", "anova"), ("icc_reml", "reml")):
        one = icc(frame, outcome, cluster="office", arm="arm", method=method)
        found[name] = {"estimate": one.estimate, "low": one.ci_low, "high": one.ci_high}
    found["icc"]["n0"] = one.mean_size
    return found


def _case(frame: pd.DataFrame, outcome: str, covariates: Sequence[str]) -> dict:
    trial = read_trial(frame, outcome, covariates=covariates, **ROLES)
    contrast = np.eye(len(trial.r_inverse))[1]
    gap = estimand_gap(frame, outcome, covariates=covariates, **ROLES)
    found = {
        "rows": float(len(trial.y)),
        "robust": _robust(trial, contrast),
        "mixed": _mixed(trial),
        "gee": _gee(trial, frame, [outcome, *covariates]),
        "offices": _offices(frame, outcome, covariates),
        "gap": {"estimate": gap.estimate, "se": gap.se},
    }
    if outcome == "b":
        odds = ratio(frame, "b", measure="odds", estimator="jackknife", covariates=covariates, **ROLES)
        found["log_odds"] = {"estimate": log(odds.estimate), "se": odds.se_log}
    return found


def _robust(trial: Trial, contrast: np.ndarray) -> dict:
    fit = fit_ols(trial.y, trial.q, trial.r_inverse, trial.starts)
    found = {kind: cluster_robust(fit, contrast, kind) for kind in KINDS}
    return {"estimate": found["CR2"].estimate} | {kind: {"se": one.se, "df": one.df} for kind, one in found.items()}


def _mixed(trial: Trial) -> dict:
    design = np.column_stack([np.ones(len(trial.y)), trial.treated, trial.covariates])
    plain, found = (batched_reml(trial.y, design, trial.codes, kenward_roger=asked) for asked in (False, True))
    return {
        "estimate": float(found.coefficients[0, 1]),
        "se_plain": float(plain.standard_errors[0, 1]),
        "between": float(found.between[0]),
        "within": float(found.within[0]),
        "se": float(found.standard_errors[0, 1]),
        "df": float(found.df[0, 1]),
    }


def _gee(trial: Trial, frame: pd.DataFrame, columns: list[str]) -> dict:
    complete = frame.dropna(subset=columns)
    order = np.argsort(pd.factorize(complete["office"])[0], kind="stable")
    raw = complete[columns[1:]].to_numpy(float)[order]
    rest = np.zeros(raw.shape[1])
    by_arm = np.column_stack([trial.treated, ~trial.treated, raw - raw.mean(axis=0)])
    zero_one = np.column_stack([np.ones(len(raw)), trial.treated, raw])
    found = {}
    for name, design, contrast in (("arms", by_arm, [1, -1, *rest]), ("zero_one", zero_one, [0, 1, *rest])):
        fit = gee.fit_gee(trial.y, design, trial.codes)
        errors = {correction: gee.sandwich(fit, contrast, correction) for correction in gee.CORRECTIONS}
        found |= {
            "estimate": errors["none"].estimate,
            "alpha": fit.correlation,
            name: {
                "plain": errors["none"].se,
                "fay_graubard": errors["fay_graubard"].se,
                "mancl_derouen": errors["mancl_derouen"].se,
            },
        }
    return found


def _offices(frame: pd.DataFrame, outcome: str, covariates: Sequence[str]) -> dict:
    found = effect_of(read_trial(frame, outcome, covariates=covariates, **ROLES), "cluster_means")
    return {"estimate": found.estimate, "se": found.se, "df": found.df}
