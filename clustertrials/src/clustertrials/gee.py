"""Generalised estimating equations, exchangeable, with corrections for few clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from clustertrials.means import Link
from clustertrials.results import Inference
from clustertrials.robust import OWN_FIT, gram

CORRECTIONS = ("none", "fay_graubard", "kauermann_carroll", "mancl_derouen")
# Fay and Graubard's bound on the share of the information that one cluster may hold.
BOUND = 0.75
# Score a row, outcome in standard deviations, at which the iterations stop.
SCORE_TOLERANCE = 1e-12
_STEPS = 200
# Square inside clusters a row, outcome in standard deviations, that is rounding.
ALIKE = 1e-20
_ALIKE = "gee: the outcome does not vary inside clusters, so their correlation is not below 1"
_TOO_HIGH = (
    "gee: the moment estimate of the correlation inside clusters, which nothing bounds, reaches 1, where the "
    'equations cannot be solved; ask "mixed"'
)


@dataclass(frozen=True)
class GeeFit:
    """Solved estimating equations with the parts that sandwich variances need."""

    coefficients: np.ndarray  # shape (p,)
    correlation: float  # working correlation of two rows of a cluster, 0 or more
    scores: np.ndarray  # shape (clusters, p): X_k' R_k^-1 e_k of each cluster
    information: np.ndarray  # shape (clusters, p, p): X_k' R_k^-1 X_k of each cluster


def fit_gee(y: np.ndarray, design: np.ndarray, codes: np.ndarray) -> GeeFit:
    """Solve Gaussian estimating equations with identity link and exchangeable working correlation.

    Rows are sorted by cluster, `codes` number the clusters from 0, and `design` has full rank with the intercept among
    its columns or in their span. ValueError if too few rows share a cluster, the iterations do not converge, the rows
    of a cluster are all alike, or the correlation reaches 1, as it can in a few clusters of very unequal sizes.

    The correlation is the moment estimate of statsmodels and of R's gee, which subtracts p from the number of pairs
    (geepack does not). Where that is negative, as is common at a true correlation of 0, it is set to 0, so the
    equations become least squares: near -1 / (n - 1) the largest cluster would take all the weight.

    Liang KY, Zeger SL (1986), Biometrika 73:13-22.
    """
    sizes = np.bincount(codes)
    if (sizes * (sizes - 1)).sum() <= 2 * design.shape[1]:
        raise ValueError("gee: too few pairs of rows share a cluster to estimate their correlation")
    middle, spread = y.mean(), y.std()
    scaled = (y - middle) / spread
    coefficients, correlation = _solve(scaled, design, sizes)
    starts = np.cumsum(sizes) - sizes
    scores, information = _sums(design, scaled - design @ coefficients, starts, sizes, correlation)
    level = np.linalg.lstsq(design, np.full(len(design), middle), rcond=None)[0]
    return GeeFit(
        level + spread * coefficients, correlation, spread * scores / (1 - correlation), information / (1 - correlation)
    )


def fit_gee_mean(
    counts: np.ndarray, events: np.ndarray, design: np.ndarray, codes: np.ndarray, link: Link, start: np.ndarray
) -> GeeFit:
    """Solve estimating equations for shares (logit link) or rates (log link), exchangeable working correlation.

    A row has so much exposure (`counts`; 1 for a 0/1 outcome) and so many `events`; `start` are the coefficients under
    independence. Scores and information are those of Pearson residuals; else as for `fit_gee`.
    """
    sizes = np.bincount(codes)
    starts, p = np.cumsum(sizes) - sizes, design.shape[1]
    pairs = (sizes * (sizes - 1)).sum() / 2
    if pairs <= p:
        raise ValueError("gee: too few pairs of rows share a cluster to estimate their correlation")
    coefficients, correlation = start, 0.0
    for _ in range(_STEPS):
        mean = link.mean(design @ coefficients)
        root = np.sqrt(link.variance(counts, mean))
        scaled, residuals = design * root[:, None], (events - counts * mean) / root
        sums, square = np.add.reduceat(residuals, starts), residuals @ residuals
        shared = (sums @ sums - square) / 2
        before, correlation = correlation, max(0.0, float(shared / (square / (len(root) - p)) / (pairs - p)))
        if correlation >= 1:
            raise ValueError(_TOO_HIGH)
        scores, information = (one / (1 - correlation) for one in _sums(scaled, residuals, starts, sizes, correlation))
        step = np.linalg.solve(information.sum(axis=0), scores.sum(axis=0))
        if np.abs(step).max() < 1e-10 and abs(correlation - before) < 1e-10:
            return GeeFit(coefficients, correlation, scores, information)
        coefficients = coefficients + step
    raise ValueError("gee: the estimating equations do not settle")


def _sums(
    design: np.ndarray, residuals: np.ndarray, starts: np.ndarray, sizes: np.ndarray, correlation: float
) -> tuple[np.ndarray, np.ndarray]:
    """Scores and information summed inside clusters, times 1 - correlation: R_k^-1 is (I - w_k 11') over it."""
    weight = correlation / (1 + (sizes - 1) * correlation)
    totals = np.add.reduceat(design, starts, axis=0)
    scores = np.add.reduceat(design * residuals[:, None], starts, axis=0)
    scores -= (weight * np.add.reduceat(residuals, starts))[:, None] * totals
    information = gram(design, starts) - weight[:, None, None] * totals[:, :, None] * totals[:, None, :]
    return scores, information


def _solve(y: np.ndarray, design: np.ndarray, sizes: np.ndarray) -> tuple[np.ndarray, float]:
    """Coefficients and correlation, in turn, until the score under the new correlation is zero.

    Each step makes one pass over the rows for residuals and else uses sums over clusters: a matrix for each cluster, as
    in the general algorithm, takes twenty times as long on 29 clusters, and a gigabyte on a million rows.
    """
    rows, p = design.shape
    starts = np.cumsum(sizes) - sizes
    totals, y_totals = np.add.reduceat(design, starts, axis=0), np.add.reduceat(y, starts)
    normal, right = design.T @ design, design.T @ y
    pairs = (sizes * (sizes - 1)).sum() / 2

    def step(correlation: float) -> tuple[np.ndarray, float, bool]:
        """Coefficients under a correlation, that of their residuals, and whether both solve the equations."""
        weight = correlation / (1 + (sizes - 1) * correlation)
        coefficients = np.linalg.solve(normal - (totals.T * weight) @ totals, right - totals.T @ (weight * y_totals))
        residuals = y - design @ coefficients
        sums, square = np.add.reduceat(residuals, starts), residuals @ residuals
        shared = (sums @ sums - square) / 2
        found = max(0.0, float(shared / (square / (rows - p)) / (pairs - p)))
        if found >= 1:
            inside = y - np.repeat(y_totals / sizes, sizes)
            raise ValueError(_ALIKE if inside @ inside <= ALIKE * rows else _TOO_HIGH)
        weight = found / (1 + (sizes - 1) * found)
        score = (design.T @ residuals - totals.T @ (weight * sums)) / (1 - found)
        return coefficients, found, bool(np.linalg.norm(score) <= SCORE_TOLERANCE * rows)

    correlation = 0.0
    for _ in range(_STEPS):
        before = correlation
        coefficients, correlation, settled = step(before)
        if settled:
            return coefficients, correlation
    coefficients, correlation, settled = step(_fixed_point(lambda one: step(one)[1] - one, before, correlation))
    if settled:
        return coefficients, correlation
    raise ValueError("gee: the estimating equations do not settle")


def _fixed_point(excess: Callable[[float], float], before: float, after: float) -> float:
    """Correlation that reproduces itself, for iterations that approach it slowly or oscillate about it."""
    ahead = after - before
    while excess(before) * excess(after) > 0 and 0 < after < 1 - ahead:
        before, after, ahead = after, max(after + 2 * ahead, 0.0), 2 * ahead
    if excess(before) * excess(after) > 0:
        raise ValueError("gee: the estimating equations do not settle")
    return float(optimize.brentq(excess, before, after, xtol=1e-16, rtol=1e-15))


def sandwich(fit: GeeFit, contrast: np.ndarray, correction: str = "fay_graubard") -> Inference:
    """Standard error of a combination of coefficients, corrected for few clusters; df is clusters minus parameters.

    With O_k = X_k'R_k^-1X_k, M = (sum O_k)^-1 and scores U_k, the covariance is M (sum U*_k U*_k') M. Mancl and
    DeRouen replace residuals by (I - H_kk)^-1 e_k, which is U*_k = (I - O_k M)^-1 U_k. Kauermann and Carroll take the
    inverse square root of the same matrix, unbiased if the working correlation is true. Fay and Graubard multiply
    element j of U_k by (1 - min(b, (O_k M)_jj))^-1/2 with b = 0.75. The latter depends on how the design is coded:
    with an intercept and a 0/1 arm, swapping the arms changes it. `estimate_effect` therefore gives one column to
    each arm and centres the covariates.

    Fay MP, Graubard BI (2001), Biometrics 57:1198-1206. Kauermann G, Carroll RJ (2001), Journal of the American
    Statistical Association 96:1387-1396. Mancl LA, DeRouen TA (2001), Biometrics 57:126-134.
    """
    if correction not in CORRECTIONS:
        raise ValueError(f"correction must be one of {', '.join(CORRECTIONS)}")
    bread = np.linalg.inv(fit.information.sum(axis=0))
    shares = fit.information @ bread
    scores = fit.scores
    if correction == "fay_graubard":
        held = np.minimum(BOUND, np.diagonal(shares, axis1=1, axis2=2))
        scores = scores / np.sqrt(1 - held)
    if correction == "kauermann_carroll":
        # O_k M is similar to the symmetric L' O_k L with M = L L', whose square root is that of its eigenvalues.
        lower = np.linalg.cholesky(bread)
        held, axes = np.linalg.eigh(lower.T @ fit.information @ lower)
        if held.max() > 1 - OWN_FIT:
            raise ValueError("gee_kc: one cluster holds all the information on a coefficient")
        turned = np.einsum("kij,ki->kj", axes, scores @ lower) / np.sqrt(1 - held)
        scores = np.einsum("kij,kj->ki", axes, turned) @ np.linalg.inv(lower)
    if correction == "mancl_derouen":
        if np.abs(np.linalg.det(np.eye(len(bread)) - shares)).min() < 1e-10:
            raise ValueError("gee_md: one cluster holds all the information on a coefficient")
        scores = np.linalg.solve(np.eye(len(bread)) - shares, scores[:, :, None])[:, :, 0]
    contrast = np.asarray(contrast, dtype=float)
    parts = scores @ (bread @ contrast)
    df = len(fit.scores) - len(bread)
    return Inference(float(contrast @ fit.coefficients), float((parts @ parts) ** 0.5), df)
