"""Generalised estimating equations, exchangeable, with corrections for few clusters."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy import optimize

from clustertrials.means import IDENTITY, NEWTON_STEPS, Link
from clustertrials.results import Inference
from clustertrials.robust import OWN_FIT, gram

CORRECTIONS = ("none", "fay_graubard", "kauermann_carroll", "mancl_derouen")
# Fay and Graubard's bound on the share of the information that one cluster may hold.
BOUND = 0.75
# Change of a coefficient, outcome in standard deviations, and of the correlation, at which the iterations stop.
SETTLED = 1e-11
_STEPS = 200
# Square inside clusters a row, outcome in standard deviations, that is rounding.
ALIKE = 1e-20
_UNSETTLED = "gee: the estimating equations do not settle"
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
    """Solve Gaussian estimating equations with identity link: `fit_gee_mean` of the outcome in standard deviations."""
    middle, spread = y.mean(), y.std()
    scaled, ones = (y - middle) / spread, np.ones(len(y))
    fit = fit_gee_mean(ones, scaled, design, codes, IDENTITY, np.zeros(design.shape[1]))
    level = np.linalg.lstsq(design, middle * ones, rcond=None)[0]
    return replace(fit, coefficients=level + spread * fit.coefficients, scores=spread * fit.scores)


def fit_gee_mean(
    counts: np.ndarray, events: np.ndarray, design: np.ndarray, codes: np.ndarray, link: Link, start: np.ndarray
) -> GeeFit:
    """Solve estimating equations with exchangeable working correlation, for means, shares (logit) or rates (log).

    A row has so much exposure (`counts`; 1 for a mean or a 0/1 outcome) and so many `events`; `start` are coefficients
    to start from. Rows are sorted by cluster, `codes` number the clusters from 0, and `design` has full rank with the
    intercept among its columns or in their span. Scores and information are those of Pearson residuals. ValueError if
    too few rows share a cluster, the rows of a cluster are all alike, the correlation reaches 1, as it can in a few
    clusters of very unequal sizes, or no correlation reproduces itself.

    The correlation is the moment estimate of statsmodels and of R's gee, which subtracts p from the number of pairs
    (geepack does not). Where that is negative, as is common at a true correlation of 0, it is set to 0, so the
    equations are those of independence: near -1 / (n - 1) the largest cluster would take all the weight.

    Liang KY, Zeger SL (1986), Biometrika 73:13-22.
    """
    sizes = np.bincount(codes)
    starts, p = np.cumsum(sizes) - sizes, design.shape[1]
    pairs = (sizes * (sizes - 1)).sum() / 2
    if pairs <= p:
        raise ValueError("gee: too few pairs of rows share a cluster to estimate their correlation")
    coefficients = start

    def solved(correlation: float) -> tuple[GeeFit, float]:
        """The fit under a correlation, by Newton's method, and the correlation of its residuals."""
        nonlocal coefficients
        for _ in range(NEWTON_STEPS):
            mean = link.mean(design @ coefficients)
            root = np.sqrt(link.variance(counts, mean))
            residuals = (events - counts * mean) / root
            sums = _sums(design * root[:, None], residuals, starts, sizes, correlation)
            fit = GeeFit(coefficients, correlation, *(one / (1 - correlation) for one in sums))
            step = np.linalg.solve(fit.information.sum(axis=0), fit.scores.sum(axis=0))
            if np.abs(step).max() < SETTLED:
                break
            coefficients = coefficients + step
        else:
            raise ValueError(_UNSETTLED)
        totals, square = np.add.reduceat(residuals, starts), residuals @ residuals
        shared = (totals @ totals - square) / 2
        found = max(0.0, float(shared / (square / (len(root) - p)) / (pairs - p)))
        if found >= 1:
            rates = events / counts
            inside = rates - (np.add.reduceat(rates, starts) / sizes)[codes]
            raise ValueError(_ALIKE if inside @ inside <= ALIKE * len(rates) else _TOO_HIGH)
        return fit, found

    before = correlation = 0.0
    for _ in range(_STEPS):
        fit, found = solved(correlation)
        if abs(found - correlation) < SETTLED:
            return fit
        before, correlation = correlation, found
    return solved(_fixed_point(lambda one: solved(one)[1] - one, before, correlation))[0]


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


def _fixed_point(excess: Callable[[float], float], before: float, after: float) -> float:
    """Correlation that reproduces itself, for iterations that approach it slowly or oscillate about it."""
    ahead = after - before
    while excess(before) * excess(after) > 0 and 0 < after < 1 - ahead:
        before, after, ahead = after, max(after + 2 * ahead, 0.0), 2 * ahead
    if excess(before) * excess(after) > 0:
        raise ValueError(_UNSETTLED)
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
