"""Random intercept for clusters: REML by a profile likelihood of one ratio, inference after Kenward and Roger."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize

from clustertrials.robust import Inference

# Variance ratios that bracket the optimum, times the mean cluster size: from no visible correlation to clusters
# whose rows are all but equal. Four a decade; the profile of one ratio is smooth on that scale.
RATIOS = np.append(0, np.logspace(-4, 8, 49))
# Least eigenvalue, relative to a model without fixed effects, of the information on the two variances.
IDENTIFIED = 1e-10
# Share of the residual square below which what is left inside clusters is rounding.
ROUNDING = 1e-13


@dataclass(frozen=True)
class MixedFit:
    """REML fit of y = X b + cluster + error, with what inference needs."""

    coefficients: np.ndarray  # shape (p,): fixed effects on the design's own columns
    # within, between: variances of rows inside clusters and of clusters, in squared units of the outcome
    within: float
    between: float
    r_inverse: np.ndarray  # shape (p, p): as in `clustertrials.trial.Trial`
    sizes: np.ndarray  # shape (clusters,)
    totals: np.ndarray  # shape (clusters, p): orthonormal columns summed inside clusters


@dataclass(frozen=True)
class Profile:
    """Data reduced to sums: the restricted likelihood as a function of theta = between / within alone."""

    sizes: np.ndarray  # shape (clusters,)
    totals: np.ndarray  # shape (clusters, p): orthonormal columns of the design summed inside clusters
    # shape (clusters,): least-squares residuals summed inside clusters, in units of the outcome
    residual_totals: np.ndarray
    residual_square: float  # sum of squares of these residuals

    def solve(self, theta: float) -> tuple[np.ndarray, np.ndarray, float]:
        """Return X'WX, the change of the coefficients from least squares, and the weighted residual square."""
        weight = theta / (1 + self.sizes * theta)
        normal = np.eye(self.totals.shape[1]) - (self.totals.T * weight) @ self.totals
        right = -self.totals.T @ (weight * self.residual_totals)
        change = np.linalg.solve(normal, right)
        return normal, change, self.residual_square - weight @ self.residual_totals**2 - right @ change

    @property
    def df_resid(self) -> float:
        """Rows less coefficients."""
        return self.sizes.sum() - self.totals.shape[1]

    def deviance(self, theta: float) -> float:
        """Minus twice the restricted log-likelihood, up to a constant."""
        normal, _, square = self.solve(theta)
        return self.df_resid * np.log(square) + np.log1p(self.sizes * theta).sum() + np.linalg.slogdet(normal)[1]

    def slope(self, theta: float) -> float:
        """Derivative of `deviance`; its root is accurate to rounding, a minimum only to the square root of that."""
        normal, change, square = self.solve(theta)
        shrink = 1 / (1 + self.sizes * theta)
        left = self.residual_totals - self.totals @ change
        spread = np.linalg.solve(normal, (self.totals.T * shrink**2) @ self.totals)
        return self.sizes @ shrink - self.df_resid * (left * shrink) @ (left * shrink) / square - np.trace(spread)


def fit_mixed(y: np.ndarray, q: np.ndarray, r_inverse: np.ndarray, starts: np.ndarray) -> MixedFit:
    """Fit a linear model with a random intercept for each cluster by REML.

    `y`, shape (rows,), is sorted by cluster; the design is X = QR; `starts` is the row at which each cluster begins.
    ``between`` is 0 where the likelihood is highest at that boundary. ValueError if the likelihood has no maximum:
    every cluster has one row, or rows do not vary inside clusters beyond the design.

    Notes
    -----
    Coefficients and the inner variance have closed forms given theta = between / within, so the restricted likelihood
    is a function of theta alone. Sign changes of its slope on a grid are solved by Brent's method, and the best of them
    and of theta = 0 is taken.

    References
    ----------
    Patterson HD, Thompson R (1971), Biometrika 58:545-554. Bates D et al. (2015), Journal of Statistical Software
    67(1), for the profiled criterion.
    """
    if len(starts) == len(y):
        raise ValueError("mixed: every cluster has one row, so the two variances cannot be told apart")
    profile = reduce_to_profile(y, q, starts)
    theta = best_ratio(profile)
    _, change, square = profile.solve(theta)
    within = square / profile.df_resid
    return MixedFit(
        r_inverse @ (q.T @ y + change), float(within), float(theta * within), r_inverse, profile.sizes, profile.totals
    )


def reduce_to_profile(y: np.ndarray, q: np.ndarray, starts: np.ndarray) -> Profile:
    """Reduce rows, sorted by cluster, to the sums that the restricted likelihood needs."""
    residuals = y - q @ (q.T @ y)
    sizes = np.diff(np.append(starts, len(y))).astype(float)
    return Profile(
        sizes, np.add.reduceat(q, starts, axis=0), np.add.reduceat(residuals, starts), float(residuals @ residuals)
    )


def best_ratio(profile: Profile) -> float:
    """Return the ratio of the variances between and inside clusters with the highest restricted likelihood, or 0."""
    grid = RATIOS / profile.sizes.mean()
    slopes = np.array([profile.slope(theta) for theta in grid])
    candidates = [0.0]
    for i in np.flatnonzero((slopes[:-1] < 0) & (slopes[1:] >= 0)):
        candidates.append(optimize.brentq(profile.slope, grid[i], grid[i + 1], xtol=1e-18, rtol=1e-14))
    # A slope that turns only because nothing is left but rounding is no maximum.
    rest = min(profile.solve(theta)[2] for theta in candidates)
    if slopes[-1] < 0 or rest <= ROUNDING * profile.residual_square:
        raise ValueError("mixed: the outcome does not vary inside clusters, so the model has no maximum")
    return min(candidates, key=profile.deviance)


def kenward_roger(fit: MixedFit, contrast: np.ndarray) -> Inference:
    """Standard error and df of a combination of fixed effects, after Kenward and Roger; df is not capped.

    Parameters
    ----------
    fit : MixedFit
    contrast : numpy.ndarray, shape (p,)
        Weights of the coefficients.

    Notes
    -----
    With V = s G_1 + t G_2 (identity and blocks of ones), F = (X'V^-1X)^-1, P_i = -X'V^-1 G_i V^-1 X and
    Q_ij = X'V^-1 G_i V^-1 G_j V^-1 X, the variances' covariance W is the inverse of the expected restricted
    information, half of tr(V^-1 G_i V^-1 G_j) - 2 tr(F Q_ij) + tr(F P_i F P_j). The adjusted covariance is
    F + 2 F (sum W_ij (Q_ij - P_i F P_j)) F. For one contrast the scale of the test is 1 and df = 2 / A, where
    A = sum W_ij (c'F P_i F c)(c'F P_j F c) / (c'F c)^2. All of it reduces to sums over clusters, also at t = 0.

    References
    ----------
    Kenward MG, Roger JH (1997), Biometrics 53:983-997.
    """
    shrink = 1 / (1 + fit.sizes * fit.between / fit.within)
    outer, inner, traces = _moments(fit, shrink)
    spread = np.linalg.inv(np.eye(fit.totals.shape[1]) - _weigh(fit, (1 - shrink) / fit.sizes))
    information = np.array(
        [
            [
                traces[i + j] - 2 * np.trace(spread @ inner[i + j]) + np.trace(spread @ outer[i] @ spread @ outer[j])
                for j in range(2)
            ]
            for i in range(2)
        ]
    )
    scale = np.sqrt([traces[0], traces[2]])
    if np.linalg.eigvalsh(information / np.outer(scale, scale))[0] < IDENTIFIED:
        raise ValueError("mixed: the variances between and inside clusters cannot be told apart")
    covariance = 2 * np.linalg.inv(information)
    core = sum(covariance[i, j] * (inner[i + j] - outer[i] @ spread @ outer[j]) for i in range(2) for j in range(2))
    adjusted = spread + 2 * spread @ core @ spread
    on_q = fit.r_inverse.T @ np.asarray(contrast, dtype=float)
    pulled = spread @ on_q
    slopes = np.array([pulled @ part @ pulled for part in outer]) / (on_q @ pulled)
    se = (fit.within * (on_q @ adjusted @ on_q)) ** 0.5
    df = 2 / (slopes @ covariance @ slopes)
    return Inference(float(np.dot(contrast, fit.coefficients)), float(se), float(df))


def _moments(fit: MixedFit, shrink: np.ndarray) -> tuple[list[np.ndarray], list[np.ndarray], list[float]]:
    """Return -P_i, Q_ij and tr(V^-1 G_i V^-1 G_j), the last two by i + j, in units where `within` is 1."""
    one = np.eye(fit.totals.shape[1])
    outer = [one - _weigh(fit, (1 - shrink**2) / fit.sizes), _weigh(fit, shrink**2)]
    inner = [one - _weigh(fit, (1 - shrink**3) / fit.sizes), _weigh(fit, shrink**3), _weigh(fit, fit.sizes * shrink**3)]
    seen = fit.sizes * shrink
    traces = [float((fit.sizes - 1 + shrink**2).sum()), float(seen @ shrink), float(seen @ seen)]
    return outer, inner, traces


def _weigh(fit: MixedFit, weights: np.ndarray) -> np.ndarray:
    return (fit.totals.T * weights) @ fit.totals
