"""Everything that R was asked about one trial, asked of this package: the same quantities under the same names."""

from __future__ import annotations

from collections.abc import Sequence
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

ROLES = {"arm": "arm", "cluster": "office", "treated": "new"}
COVARIATES = {"none": (), "x": ("x",), "x_z": ("x", "z")}


def answers(frame: pd.DataFrame, outcome: str) -> dict:
    """Estimates, errors and degrees of freedom of one outcome, nested by covariates and method.

    `frame` has the columns of `holf.study.agreement.read_table`; log odds ratios are for the outcome ``b`` alone.
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
