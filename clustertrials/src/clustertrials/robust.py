"""Least squares with cluster-robust standard errors that hold up with few and unequal clusters."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Power of (I - H) that each kind applies to a cluster's residuals.
KINDS = {"CR0": 0.0, "CR2": -0.5, "CR3": -1.0}
# Eigenvalues of I - H below this are zeros that rounding has moved: the cluster fits itself in that direction.
OWN_FIT = 1e-10


@dataclass(frozen=True)
class Inference:
    """A coefficient with its standard error and the degrees of freedom of its t reference.

    Attributes
    ----------
    estimate, se : float
        In units of the outcome.
    df : float
        Degrees of freedom.
    """

    estimate: float
    se: float
    df: float


@dataclass(frozen=True)
class ClusteredOls:
    """Least squares reduced to what cluster-robust inference needs.

    Attributes
    ----------
    coefficients : numpy.ndarray, shape (p,)
        Coefficients on the design's own columns.
    r_inverse : numpy.ndarray, shape (p, p)
        Turns coefficients on the orthonormal columns into `coefficients`.
    scores : numpy.ndarray, shape (clusters, p)
        Q_k' e_k: orthonormal columns times residuals, summed inside clusters.
    leverage : numpy.ndarray, shape (clusters, p, p)
        Q_k' Q_k, which has the nonzero eigenvalues of the cluster's block of the hat matrix.
    """

    coefficients: np.ndarray
    r_inverse: np.ndarray
    scores: np.ndarray
    leverage: np.ndarray


def fit_ols(y: np.ndarray, q: np.ndarray, r_inverse: np.ndarray, starts: np.ndarray) -> ClusteredOls:
    """Fit least squares on orthonormal columns and sum its parts inside clusters.

    Parameters
    ----------
    y : numpy.ndarray, shape (rows,)
        Outcome, rows sorted by cluster.
    q : numpy.ndarray, shape (rows, p)
        Orthonormal columns Q of the design X = Q R.
    r_inverse : numpy.ndarray, shape (p, p)
        The inverse of R.
    starts : numpy.ndarray of int, shape (clusters,)
        Row at which each cluster begins.

    Returns
    -------
    ClusteredOls

    Examples
    --------
    >>> design = np.column_stack([np.ones(4), [0, 0, 1, 1]])
    >>> q, upper = np.linalg.qr(design)
    >>> fit = fit_ols(np.array([1.0, 3, 4, 8]), q, np.linalg.inv(upper), np.array([0, 1, 2, 3]))
    >>> fit.coefficients.round(6).tolist()
    [2.0, 4.0]
    """
    on_q = q.T @ y
    residuals = y - q @ on_q
    scores = np.add.reduceat(q * residuals[:, None], starts, axis=0)
    leverage = gram(q, starts)
    return ClusteredOls(r_inverse @ on_q, r_inverse, scores, leverage)


def gram(columns: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Sum the outer products of rows inside clusters.

    Parameters
    ----------
    columns : numpy.ndarray, shape (rows, p)
        Rows sorted by cluster.
    starts : numpy.ndarray of int, shape (clusters,)
        Row at which each cluster begins.

    Returns
    -------
    numpy.ndarray, shape (clusters, p, p)
        X_k' X_k of each cluster.

    Examples
    --------
    >>> gram(np.array([[1.0], [2], [3]]), np.array([0, 2])).ravel().tolist()
    [5.0, 9.0]
    """
    width = columns.shape[1]
    sums = np.empty((len(starts), width, width))
    for i in range(width):
        for j in range(i + 1):
            sums[:, i, j] = sums[:, j, i] = np.add.reduceat(columns[:, i] * columns[:, j], starts)
    return sums


def cluster_robust(fit: ClusteredOls, contrast: np.ndarray, kind: str = "CR2") -> Inference:
    """Standard error of a combination of coefficients, and its Satterthwaite degrees of freedom.

    Parameters
    ----------
    fit : ClusteredOls
        Least squares fit.
    contrast : numpy.ndarray, shape (p,)
        Weights of the coefficients.
    kind : {"CR0", "CR2", "CR3"}
        CR0 takes the residuals as they are; CR2 is unbiased if errors are independent and equally spread; CR3 is
        close to the jackknife and on the safe side.

    Returns
    -------
    Inference
        Degrees of freedom by Satterthwaite's match of two moments, not capped.

    Raises
    ------
    ValueError
        If the kind is unknown; if, for CR3, a coefficient depends on one cluster alone.

    Notes
    -----
    The variance is sum_k (a_k' e_k)^2 with a_k = A_k X_k (X'X)^-1 c and A_k = (I - H_kk)^d, d = 0, -1/2, -1. With
    X = QR, every A_k differs from the identity only in the span of Q_k, so p x p matrices Q_k'Q_k suffice and no
    matrix of rows by rows, or of a cluster's rows by its rows, is formed. Under errors with variance s^2 I the
    variance is a quadratic form s^2 P with P_kk' = a_k'(I - H)_kk' a_k', and df = (tr P)^2 / tr(P^2). Where
    I - H_kk is singular, CR2 takes the Moore-Penrose inverse.

    References
    ----------
    Bell RM, McCaffrey DF (2002), Survey Methodology 28:169-181. Pustejovsky JE, Tipton E (2018), Journal of
    Business & Economic Statistics 36:672-683.

    Examples
    --------
    >>> fit = fit_ols(np.array([1.0, 3, 4, 8]), np.full((4, 1), 0.5), np.array([[0.5]]), np.arange(4))
    >>> found = cluster_robust(fit, np.array([1.0]))
    >>> round(found.estimate, 6), round(found.se, 6), round(found.df, 6)
    (4.0, 1.47196, 3.0)
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    shares, axes = np.linalg.eigh(fit.leverage)
    room = 1 - shares
    alone = room < OWN_FIT
    if kind == "CR3" and alone.any():
        raise ValueError("cr3: a coefficient rests on one cluster alone, which cannot be left out")
    # A direction that a cluster fits itself has no residual, so that any finite weight gives the pseudo-inverse.
    power = np.where(alone, 1.0, room) ** KINDS[kind]
    on_q = fit.r_inverse.T @ np.asarray(contrast, dtype=float)
    direction = axes.transpose(0, 2, 1) @ on_q
    scores = np.einsum("kij,ki->kj", axes, fit.scores)
    variance = float((((power * direction * scores).sum(axis=1)) ** 2).sum())
    own = (shares * power**2 * direction**2).sum(axis=1)
    shared = np.einsum("kij,kj->ki", axes, shares * power * direction)
    trace = own.sum() - (shared**2).sum()
    square = own @ own - 2 * own @ (shared**2).sum(axis=1) + ((shared.T @ shared) ** 2).sum()
    return Inference(float(np.dot(contrast, fit.coefficients)), variance**0.5, float(trace**2 / square))
