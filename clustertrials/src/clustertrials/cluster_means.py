"""Cluster means adjusted in two stages: slopes inside clusters, then covariates of clusters.

Neither stage takes from the covariates what belongs to the arm: slopes inside clusters cannot, for the arm is constant
there, and the second stage has the arm beside the covariates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from clustertrials.results import Inference
from clustertrials.robust import gram
from clustertrials.trial import RANK_TOLERANCE, Trial

# A combination of covariates with a smaller share of its variation inside clusters counts as a covariate of clusters:
# its slope inside would be too uncertain, and multiplied with the large differences between them.
LEAST_INSIDE = 0.1


@dataclass(frozen=True)
class Sums:
    """Sums of a trial's rows by cluster, which both stages need."""

    sizes: np.ndarray  # shape (clusters,)
    # shape (clusters, m): means of orthonormal columns that span the covariates, and of the outcome less its overall
    # mean, which is last
    means: np.ndarray
    inside: np.ndarray  # shape (clusters, m, m): cross-products of these columns about the means of the cluster


def sums_of(trial: Trial) -> Sums:
    """Sum a trial's rows by cluster."""
    columns = np.column_stack([np.linalg.qr(trial.covariates)[0], trial.y - trial.y.mean()])
    means = np.add.reduceat(columns, trial.starts) / trial.sizes[:, None]
    return Sums(trial.sizes, means, gram(columns - means[trial.codes], trial.starts))


def first_stage(sums: Sums, kept: np.ndarray | slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
    """Subtract from the cluster means what covariates predict inside clusters, in all clusters or in those `kept`.

    Returns the adjusted means, shape (clusters,), and the cluster means of those combinations of covariates that have
    less than a tenth of their variation inside clusters, shape (clusters, q).

    With W and T the covariates' cross-products inside clusters and in all, the combinations solve W v = share T v.
    Their choice looks neither at the outcome nor at the arm. Hayes RJ, Moulton LH (2017), Cluster Randomised Trials,
    chapter 11, pool all rows in this stage instead.
    """
    sizes, means = sums.sizes[kept], sums.means[kept]
    count = means.shape[1] - 1
    if count == 0:
        return means[:, 0], means[:, :0]
    inside = sums.inside[kept].sum(axis=0)
    centred = means - sizes @ means / sizes.sum()
    everywhere = inside + (centred.T * sizes) @ centred
    shares, axes = eigh(inside[:-1, :-1], everywhere[:-1, :-1])
    seen = shares >= LEAST_INSIDE
    slopes = axes[:, seen] @ ((inside[-1, :-1] @ axes[:, seen]) / shares[seen])
    return means[:, -1] - means[:, :-1] @ slopes, means[:, :-1] @ axes[:, ~seen]


def second_stage(values: np.ndarray, covariates: np.ndarray, treated: np.ndarray) -> Inference:
    """Least squares of the adjusted means on the arm and the covariates of clusters, every cluster alike.

    On clusters - 2 - q degrees of freedom; without any, the standard error is NaN.
    """
    arm, rest = _arm_left(treated, covariates), residuals(values, covariates)
    estimate, df = arm @ rest / (arm @ arm), len(values) - 2 - covariates.shape[1]
    left = rest - estimate * arm
    se = (left @ left / df / (arm @ arm)) ** 0.5 if df > 0 else np.nan
    return Inference(float(estimate), float(se), df)


def adjusted_cluster_means(trial: Trial) -> np.ndarray:
    """One number a cluster, shape (clusters,), whose difference between the arms is the adjusted effect.

    Without covariates these are the plain means, with covariates of rows the values of the first stage. With covariates
    of clusters they are residuals on these, the arm left out, over the share of the arm's variation that these leave.

    Randomisation tests of no effect on these numbers are exact, for no step looks at the arm but a factor that is the
    same for all allocations. Intervals from shifting them are exact too, unless there are covariates of clusters;
    `clustertrials.adjusted_randomisation_test` recomputes their part for each allocation.
    """
    if trial.covariates.shape[1] == 0:
        return np.add.reduceat(trial.y, trial.starts) / trial.sizes
    values, covariates = first_stage(sums_of(trial))
    if covariates.shape[1]:
        left, arm = _arm_left(trial.treated_clusters, covariates), trial.treated_clusters
        values = residuals(values, covariates) * len(arm) * arm.var() / (left @ left)
    return trial.y.mean() + values


def _arm_left(treated: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    arm = residuals(treated.astype(float), covariates)
    if arm @ arm <= RANK_TOLERANCE * len(arm):
        raise ValueError("covariates of the clusters leave nothing of the arm")
    return arm


def residuals(column: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """Residuals of a column on an intercept and covariates."""
    basis = np.linalg.qr(np.column_stack([np.ones(len(column)), covariates - covariates.mean(axis=0)]))[0]
    rest = column - column.mean()
    return rest - basis @ (basis.T @ rest)
