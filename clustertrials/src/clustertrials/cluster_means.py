"""Cluster means adjusted in two stages: slopes inside clusters, then covariates of clusters.

Neither stage takes from the covariates what belongs to the arm: slopes inside clusters cannot, for the arm is constant
there, and the second stage has the arm beside the covariates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import eigh

from clustertrials.robust import Inference, gram
from clustertrials.trial import RANK_TOLERANCE, Trial

# A combination of covariates with a smaller share of its variation inside clusters counts as a covariate of clusters:
# its slope inside would be too uncertain, and multiplied with the large differences between them.
LEAST_INSIDE = 0.1


@dataclass(frozen=True)
class Sums:
    """What both stages need of the rows, by cluster.

    Attributes
    ----------
    sizes : numpy.ndarray, shape (clusters,)
        Rows.
    means : numpy.ndarray, shape (clusters, m)
        Means of orthonormal columns that span the covariates, and of the outcome less its overall mean, which is last.
    inside : numpy.ndarray, shape (clusters, m, m)
        Cross-products of these columns about the means of the cluster.
    """

    sizes: np.ndarray
    means: np.ndarray
    inside: np.ndarray


def sums_of(trial: Trial) -> Sums:
    """Sum a trial's rows by cluster.

    Parameters
    ----------
    trial : Trial
        Checked arrays.

    Returns
    -------
    Sums

    Examples
    --------
    >>> from clustertrials.trial import sorted_trial
    >>> codes = np.repeat(np.arange(8), 2)
    >>> trial = sorted_trial(np.arange(16.0)[:, None], codes % 2 == 1, codes, names=("y", "arm", "clinic"))
    >>> sums_of(trial).means[:, -1].tolist()
    [-7.0, -5.0, -3.0, -1.0, 1.0, 3.0, 5.0, 7.0]
    """
    columns = np.column_stack([np.linalg.qr(trial.covariates)[0], trial.y - trial.y.mean()])
    means = np.add.reduceat(columns, trial.starts) / trial.sizes[:, None]
    return Sums(trial.sizes, means, gram(columns - means[trial.codes], trial.starts))


def first_stage(sums: Sums, kept: np.ndarray | slice = slice(None)) -> tuple[np.ndarray, np.ndarray]:
    """Take out of the cluster means what covariates predict inside clusters.

    Parameters
    ----------
    sums : Sums
        The rows, by cluster.
    kept : numpy.ndarray of bool, shape (clusters,), optional
        Clusters to use; all if not given.

    Returns
    -------
    values, covariates : numpy.ndarray, shapes (clusters,) and (clusters, q)
        Means of the outcome less slopes times means of the covariates; and means of the combinations of covariates that
        do not vary inside clusters, or of which less than a tenth of the variation lies there.

    Notes
    -----
    With W and T the covariates' cross-products inside clusters and in all, the combinations solve W v = share T v.
    Their choice looks neither at the outcome nor at the arm.

    References
    ----------
    Hayes RJ, Moulton LH (2017), Cluster Randomised Trials, chapter 11, whose first stage pools all rows instead.

    Examples
    --------
    One covariate of rows, with slope 1, and differences between clusters that it does not explain.

    >>> sums = Sums(np.full(2, 2), np.array([[0.5, 1.0], [-0.5, 3.0]]), np.full((2, 2, 2), 0.25))
    >>> values, covariates = first_stage(sums)
    >>> values.round(9).tolist(), covariates.shape
    ([0.5, 3.5], (2, 0))
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
    """Least squares of cluster values on the arm and covariates of clusters, every cluster alike.

    Parameters
    ----------
    values, covariates : numpy.ndarray, shapes (clusters,) and (clusters, q)
        From the first stage.
    treated : numpy.ndarray of bool, shape (clusters,)
        Arm of each cluster.

    Returns
    -------
    Inference
        On clusters - 2 - q degrees of freedom; without any, the error is NaN.

    Raises
    ------
    ValueError
        If the covariates leave nothing of the arm.

    Examples
    --------
    >>> found = second_stage(np.array([5.0, 7, 1, 3]), np.empty((4, 0)), np.array([True, True, False, False]))
    >>> round(found.estimate, 6), round(found.se, 6), found.df
    (4.0, 1.414214, 2)
    """
    arm, rest = _arm_left(treated, covariates), _residuals(values, covariates)
    estimate, df = arm @ rest / (arm @ arm), len(values) - 2 - covariates.shape[1]
    left = rest - estimate * arm
    se = (left @ left / df / (arm @ arm)) ** 0.5 if df > 0 else np.nan
    return Inference(float(estimate), float(se), df)


def adjusted_cluster_means(trial: Trial) -> np.ndarray:
    """One number a cluster, whose difference between the arms is the adjusted effect.

    Parameters
    ----------
    trial : Trial
        Checked arrays.

    Returns
    -------
    numpy.ndarray, shape (clusters,)
        Without covariates the plain means; with covariates of rows the values of the first stage. With covariates of
        clusters their residuals on these, the arm left out, over the share of the arm's variation that these leave,
        about the overall mean.

    Raises
    ------
    ValueError
        As for `second_stage`.

    Notes
    -----
    Randomisation tests of no effect on these numbers are exact, for no step of theirs looks at the arm but a factor
    that is the same for all allocations. Intervals from shifting them are exact too, unless there are covariates of
    clusters, whose part in the arm is then taken for that of the observed allocation;
    `clustertrials.randomisation.adjusted_randomisation_test` recomputes it for each.

    Examples
    --------
    >>> from clustertrials.trial import sorted_trial
    >>> codes = np.repeat(np.arange(8), 2)
    >>> trial = sorted_trial(np.arange(16.0)[:, None], codes % 2 == 1, codes, names=("y", "arm", "clinic"))
    >>> (trial.origin + adjusted_cluster_means(trial)).tolist()
    [0.5, 2.5, 4.5, 6.5, 8.5, 10.5, 12.5, 14.5]
    """
    if trial.covariates.shape[1] == 0:
        return np.add.reduceat(trial.y, trial.starts) / trial.sizes
    values, covariates = first_stage(sums_of(trial))
    if covariates.shape[1]:
        left, arm = _arm_left(trial.treated_clusters, covariates), trial.treated_clusters
        values = _residuals(values, covariates) * len(arm) * arm.var() / (left @ left)
    return trial.y.mean() + values


def _arm_left(treated: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    arm = _residuals(treated.astype(float), covariates)
    if arm @ arm <= RANK_TOLERANCE * len(arm):
        raise ValueError("covariates of the clusters leave nothing of the arm")
    return arm


def _residuals(column: np.ndarray, covariates: np.ndarray) -> np.ndarray:
    """What an intercept and covariates leave of a column."""
    basis = np.linalg.qr(np.column_stack([np.ones(len(column)), covariates - covariates.mean(axis=0)]))[0]
    rest = column - column.mean()
    return rest - basis @ (basis.T @ rest)
