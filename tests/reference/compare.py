"""The package's answers in the shape of the R references, and how far the two may lie apart."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from math import log
from pathlib import Path

import numpy as np
import pandas as pd

from holf.inference import gee, mixed
from holf.inference.clusters import icc
from holf.inference.estimands import estimand_gap
from holf.inference.estimators import estimate_effect
from holf.inference.odds import marginal_odds_ratio
from holf.inference.robust import KINDS, cluster_robust, fit_ols
from holf.inference.trial import read_trial

HERE = Path(__file__).parent
ROLES = {"arm": "arm", "cluster": "office", "treated": "new"}
COVARIATES = {"none": (), "x": ("x",), "x_z": ("x", "z")}
# Relative, by the longest path that fits. The mixed model's are lme4's own precision; the rest is linear algebra.
TOLERANCES = {
    "": 1e-9,
    "mixed/estimate": 1e-6, "mixed/se_plain": 1e-5, "mixed/between": 1e-5, "mixed/within": 1e-5,
    "mixed/se": 1e-6, "mixed/df": 1e-6,
    "gee/estimate": 1e-8, "gee/alpha": 1e-8, "gee/arms": 1e-6, "gee/zero_one": 1e-6,
    "log_odds": 1e-8,
}


def read(name: str) -> pd.DataFrame:
    """One of the reference trials."""
    return pd.read_csv(HERE / f"{name}.csv")


def references(file: str = "estimators.json") -> dict:
    """R's answers by trial, outcome, covariates and method."""
    return json.loads((HERE / file).read_text())["trials"]


def distances(found: dict, reference: dict) -> dict[str, float]:
    """Distance of every number from its reference, by path; KeyError if either side lacks one."""
    ours, theirs = dict(leaves(found)), dict(leaves(reference))
    if ours.keys() != theirs.keys():
        raise KeyError(f"on one side only: {sorted(ours.keys() ^ theirs.keys())}")
    return {path: distance(ours[path], theirs[path]) for path in theirs}


def disagreements(found: dict, reference: dict) -> list[str]:
    """Paths whose numbers lie further apart than their tolerance."""
    return [path for path, gap in distances(found, reference).items() if not gap <= tolerance(path)]


def answers(frame: pd.DataFrame, outcome: str) -> dict:
    """Everything that the R script answers for one outcome of one trial."""
    found = {name: _case(frame, outcome, covariates) for name, covariates in COVARIATES.items()}
    correlation = icc(frame, outcome, cluster="office", arm="arm")
    found["icc"] = {"estimate": correlation.estimate, "low": correlation.ci_low, "high": correlation.ci_high,
                    "n0": correlation.mean_size}
    return found


def leaves(tree: dict, path: str = "") -> Iterator[tuple[str, float]]:
    """Yield the numbers of a nested dict with their paths."""
    for key, value in tree.items():
        here = f"{path}/{key}" if path else key
        yield from leaves(value, here) if isinstance(value, dict) else [(here, value)]


def tolerance(path: str) -> float:
    """Relative tolerance of the number at a path like ``none/gee/alpha``."""
    inside = path.split("/", 1)[1]
    return TOLERANCES[max((key for key in TOLERANCES if inside.startswith(key)), key=len)]


def distance(found: float, reference: float) -> float:
    """Relative distance; absolute where the reference is 0."""
    return abs(found - reference) / (abs(reference) or 1.0)


def _case(frame: pd.DataFrame, outcome: str, covariates: Sequence[str]) -> dict:
    trial = read_trial(frame, outcome, covariates=covariates, **ROLES)
    contrast = np.eye(len(trial.back))[1]
    gap = estimand_gap(frame, outcome, covariates=covariates, **ROLES)
    found = {
        "rows": float(len(trial.y)),
        "robust": _robust(trial, contrast),
        "mixed": _mixed(trial, contrast),
        "gee": _gee(trial, frame, [outcome, *covariates]),
        "offices": _offices(frame, outcome, covariates),
        "gap": {"estimate": gap.estimate, "se": gap.se},
    }
    if outcome == "b":
        found["log_odds"] = _log_odds(frame, covariates)
    return found


def _robust(trial, contrast: np.ndarray) -> dict:
    fit = fit_ols(trial.y, trial.basis, trial.back, trial.starts)
    found = {kind: cluster_robust(fit, contrast, kind) for kind in KINDS}
    return {"estimate": found["CR2"].estimate} | {kind: {"se": one.se, "df": one.df} for kind, one in found.items()}


def _mixed(trial, contrast: np.ndarray) -> dict:
    fit = mixed.fit_mixed(trial.y, trial.basis, trial.back, trial.starts)
    found = mixed.kenward_roger(fit, contrast)
    shrink = fit.between / (fit.within + fit.sizes * fit.between)
    normal = np.eye(len(contrast)) - (fit.totals.T * shrink) @ fit.totals
    plain = fit.within * (fit.back @ np.linalg.inv(normal) @ fit.back.T)[1, 1]
    return {"estimate": found.estimate, "se_plain": plain**0.5, "between": fit.between, "within": fit.within,
            "se": found.se, "df": found.df}


def _gee(trial, frame: pd.DataFrame, columns: list[str]) -> dict:
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
        found |= {"estimate": errors["none"].estimate, "alpha": fit.correlation, name: {
            "plain": errors["none"].se, "fay_graubard": errors["fay_graubard"].se,
            "mancl_derouen": errors["mancl_derouen"].se}}
    return found


def _offices(frame: pd.DataFrame, outcome: str, covariates: Sequence[str]) -> dict:
    found = estimate_effect(frame, outcome, estimator="cluster_means", covariates=covariates, **ROLES)
    return {"estimate": found.estimate, "se": found.se, "df_unadjusted": found.n_clusters - 2.0}


def _log_odds(frame: pd.DataFrame, covariates: Sequence[str]) -> dict:
    found = marginal_odds_ratio(frame, "b", covariates=covariates, **ROLES)
    return {"estimate": log(found.estimate), "se": found.se_log}
