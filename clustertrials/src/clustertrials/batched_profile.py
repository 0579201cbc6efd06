"""Restricted likelihood of the variance ratio of a random-intercept model, for many data sets at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from clustertrials.mixed import IDENTIFIED

# Start of the search, as theta / (1 + theta): dense near 0, where the correlations of trials lie. With half as many
# points, 1 in 10,000 small odd trials was given the lower of two peaks.
_GRID = np.array(
    [
        0.0,
        0.002,
        0.005,
        0.01,
        0.015,
        0.02,
        0.03,
        0.04,
        0.06,
        0.08,
        0.1,
        0.14,
        0.2,
        0.27,
        0.35,
        0.42,
        0.5,
        0.6,
        0.7,
        0.8,
        0.9,
        0.96,
        0.99,
    ]
)
_LAST = 1.0 - 1e-9
_NO_MAXIMUM = "outcomes: one does not vary inside clusters beyond the design, so its likelihood has no maximum"
_STEPS = 40  # at most; nearly all searches end within 12


@dataclass(frozen=True)
class Batch:
    """Sums of the columns x_1 … x_p and of the least-squares residual, which comes last; data sets come last.

    Attributes
    ----------
    sizes : ndarray of float, shape (clusters, 1)
        Rows in each cluster.
    gram : ndarray of float, shape (m, m, data sets)
        Cross-products of the m = p + 1 columns.
    products : ndarray of float, shape (m (m + 1) / 2, clusters, data sets)
        Cross-products of the cluster sums, lower triangle.
    place : ndarray of int, shape (m, m)
        Which of `products` stands at each place of the square.
    """

    sizes: np.ndarray
    gram: np.ndarray
    products: np.ndarray
    place: np.ndarray

    @property
    def free(self) -> float:
        """Rows less coefficients, in each data set."""
        return self.sizes.sum() - len(self.gram) + 1

    def part(self, sets: np.ndarray) -> Batch:
        """Some of the data sets, by number."""
        return Batch(self.sizes, self.gram[..., sets], self.products[..., sets], self.place)

    def weigh(self, weight: np.ndarray) -> np.ndarray:
        """Cross-products of the cluster sums under one weight a cluster and data set."""
        return np.einsum("kb,qkb->qb", weight, self.products)[self.place]

    def factor(self, theta: np.ndarray) -> np.ndarray:
        """Lower Cholesky factor of the cross-products under V^-1; the last pivot squared is the residual's."""
        return _cholesky(self.gram - self.weigh(theta / (1.0 + self.sizes * theta)))

    def deviance(self, theta: np.ndarray) -> np.ndarray:
        """Minus twice the restricted log-likelihood, up to a constant of the data set."""
        pivots = np.log(np.einsum("iib->ib", self.factor(theta)))
        return 2.0 * (pivots[:-1].sum(axis=0) + self.free * pivots[-1]) + np.log1p(self.sizes * theta).sum(axis=0)

    def slope(self, theta: np.ndarray) -> np.ndarray:
        """Derivative of `deviance` by theta."""
        shrink = 1.0 / (1.0 + self.sizes * theta)
        inverse = inverse_of(self.factor(theta))
        spread = np.einsum("ijb,jkb,ikb->ib", inverse, self.weigh(shrink**2), inverse)
        return (self.sizes * shrink).sum(axis=0) - spread[:-1].sum(axis=0) - self.free * spread[-1]


def best_ratio(batch: Batch) -> np.ndarray:
    """Theta of the highest restricted likelihood of each data set, 0 included.

    Parameters
    ----------
    batch : Batch
        The data sets' sums.

    Returns
    -------
    ndarray of float, shape (data sets,)

    Raises
    ------
    ValueError
        If an outcome does not vary inside clusters.

    Notes
    -----
    A scan of 23 values; around the lowest deviance the root of the slope between its neighbours, then a comparison with
    0. Where the scan shows a second dip, that is searched too: the restricted likelihood can have two peaks.

    References
    ----------
    Dowell & Jarratt (1971), BIT 11:168 (Illinois method). Henn & Hodges (2014), International Statistical
    Review 82:90 (two peaks).

    Examples
    --------
    >>> sums = np.array([[2.0, 2, 2], [-4.0, -2, 6]])  # of an intercept and of the residuals, in three pairs
    >>> products = np.array([sums[0] * sums[0], sums[1] * sums[0], sums[1] * sums[1]])[:, :, None]
    >>> gram = np.array([[6.0, 0.0], [0.0, 29.5]])[:, :, None]
    >>> batch = Batch(np.full((3, 1), 2.0), gram, products, np.array([[0, 1], [1, 2]]))
    >>> best_ratio(batch).round(6).tolist()
    [13.5]
    """
    n_sets = batch.gram.shape[2]
    with np.errstate(invalid="ignore", divide="ignore"):
        scan = np.array([batch.deviance(np.full(n_sets, share / (1.0 - share))) for share in _GRID])
    if not np.isfinite(scan).all():
        raise ValueError(_NO_MAXIMUM)
    walls = np.pad(scan, ((1, 1), (0, 0)), constant_values=np.inf)
    dips = np.where((scan <= walls[:-2]) & (scan <= walls[2:]), scan, np.inf)
    best = dips.argmin(axis=0)
    theta = _search(batch, best)
    dips[best, np.arange(n_sets)] = np.inf
    twice = np.flatnonzero(np.isfinite(dips).any(axis=0))
    if twice.size:
        part = batch.part(twice)
        other = _search(part, dips[:, twice].argmin(axis=0))
        theta[twice] = np.where(part.deviance(other) < part.deviance(theta[twice]), other, theta[twice])
    return np.where(batch.deviance(theta) < scan[0], theta, 0.0)


def _search(batch: Batch, best: np.ndarray) -> np.ndarray:
    """Theta where the deviance is least, between the neighbours of the `best` point of the scan."""
    low, high = _GRID[np.maximum(best - 1, 0)], np.append(_GRID, _LAST)[best + 1]
    slope_low, slope_high = (batch.slope(end / (1.0 - end)) for end in (low, high))
    if np.any((best == len(_GRID) - 1) & (slope_high < 0.0)):
        raise ValueError(_NO_MAXIMUM)
    share = _illinois(batch, low, high, slope_low, slope_high, (best == 0) & (slope_low >= 0.0))
    return share / (1.0 - share)


def _illinois(batch: Batch, low, high, slope_low, slope_high, upwards) -> np.ndarray:
    """Root of the slope between `low` and `high`, as theta / (1 + theta); 0 where it is `upwards` at once."""
    # Elsewhere the scan has a lower point between the ends: a slope of the wrong sign there is a second wave.
    slope_low = np.where(slope_low >= 0.0, -1.0, slope_low)
    slope_high = np.where(slope_high <= 0.0, 1.0, slope_high)
    share, kept = low, np.zeros(len(low))
    for _ in range(_STEPS):
        previous, share = share, (low * slope_high - high * slope_low) / (slope_high - slope_low)
        if np.all(upwards | (np.abs(share - previous) <= 1e-12 * (share + 1e-3))):
            break
        slope = batch.slope(share / (1.0 - share))
        below = slope < 0.0
        # Halving the slope of an end that stays twice keeps both ends moving.
        slope_high = np.where(below, np.where(kept == 1, 0.5, 1.0) * slope_high, slope)
        slope_low = np.where(below, slope, np.where(kept == -1, 0.5, 1.0) * slope_low)
        low, high = np.where(below, share, low), np.where(below, high, share)
        kept = np.where(below, 1, -1)
    return np.where(upwards, 0.0, share)


def _cholesky(matrix: np.ndarray) -> np.ndarray:
    """Lower factor of positive definite matrices, shape (m, m, data sets), all at once."""
    factor = np.zeros_like(matrix)
    for j in range(len(matrix)):
        left = matrix[j:, j] - np.einsum("ikb,kb->ib", factor[j:, :j], factor[j, :j])
        factor[j:, j] = left / np.sqrt(left[0])
    return factor


def kenward_roger_of(batch: Batch, theta: np.ndarray, spread: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Variances and degrees of freedom of all coefficients after Kenward and Roger, for many data sets.

    Parameters
    ----------
    batch : Batch
        The data sets' sums.
    theta : ndarray of float, shape (data sets,)
        Ratio of the variances between and inside clusters.
    spread : ndarray of float, shape (p, p, data sets)
        (X'V^-1X)^-1 in units of the inner variance.

    Returns
    -------
    variances, df : ndarray of float, shape (p, data sets)
        In units of the inner variance; degrees of freedom are not capped.

    Raises
    ------
    ValueError
        If the two variances cannot be told apart.

    Notes
    -----
    `clustertrials.mixed.kenward_roger` has the formula.

    References
    ----------
    Kenward MG, Roger JH (1997), Biometrics 53:983-997.

    Examples
    --------
    Three pairs and an intercept: the mean square between them has 2 degrees of freedom.

    >>> sums = np.array([[2.0, 2, 2], [-4.0, -2, 6]])
    >>> products = np.array([sums[0] * sums[0], sums[1] * sums[0], sums[1] * sums[1]])[:, :, None]
    >>> gram = np.array([[6.0, 0.0], [0.0, 29.5]])[:, :, None]
    >>> batch = Batch(np.full((3, 1), 2.0), gram, products, np.array([[0, 1], [1, 2]]))
    >>> variances, df = kenward_roger_of(batch, np.array([13.5]), np.full((1, 1, 1), 28 / 6))
    >>> variances.round(6).tolist(), df.round(6).tolist()
    ([[4.666667]], [[2.0]])
    """
    sizes, gram = batch.sizes, batch.gram[:-1, :-1]
    shrink = 1.0 / (1.0 + sizes * theta)

    def weigh(weight: np.ndarray) -> np.ndarray:
        return batch.weigh(weight)[:-1, :-1]

    def product(*parts: np.ndarray) -> np.ndarray:
        found = parts[0]
        for part in parts[1:]:
            found = np.einsum("ijb,jkb->ikb", found, part)
        return found

    outer = [gram - weigh((1.0 - shrink**2) / sizes), weigh(shrink**2)]
    inner = [gram - weigh((1.0 - shrink**3) / sizes), weigh(shrink**3), weigh(sizes * shrink**3)]
    seen = sizes * shrink
    traces = (sizes - 1.0 + shrink**2).sum(axis=0), (seen * shrink).sum(axis=0), (seen**2).sum(axis=0)
    information = np.array([[
        traces[i + j] - 2.0 * np.einsum("ijb,jib->b", spread, inner[i + j])
        + np.einsum("ijb,jib->b", product(spread, outer[i]), product(spread, outer[j]))
        for j in range(2)] for i in range(2)]).transpose(2, 0, 1)  # fmt: skip
    scale = np.sqrt(np.array([traces[0], traces[2]])).T
    if np.linalg.eigvalsh(information / (scale[:, :, None] * scale[:, None, :]))[:, 0].min() < IDENTIFIED:
        raise ValueError("outcomes: the variances between and inside clusters cannot be told apart")
    covariance = 2.0 * np.linalg.inv(information)
    core = sum(covariance[:, i, j] * (inner[i + j] - product(outer[i], spread, outer[j]))
               for i in range(2) for j in range(2))  # fmt: skip
    plain = np.einsum("iib->ib", spread)
    adjusted = plain + 2.0 * np.einsum("iib->ib", product(spread, core, spread))
    slopes = np.array([np.einsum("iib->ib", product(spread, part, spread)) for part in outer]) / plain
    return adjusted, 2.0 / np.einsum("icb,bij,jcb->cb", slopes, covariance, slopes)


def inverse_of(factor: np.ndarray) -> np.ndarray:
    """Invert lower triangular matrices, all at once.

    Parameters
    ----------
    factor : ndarray of float, shape (m, m, data sets)
        Matrices with a diagonal without zeros.

    Returns
    -------
    ndarray of float, shape (m, m, data sets)

    Examples
    --------
    >>> inverse_of(np.array([[2.0, 0.0], [1.0, 4.0]])[:, :, None])[:, :, 0].tolist()
    [[0.5, 0.0], [-0.125, 0.25]]
    """
    inverse = np.zeros_like(factor)
    for i in range(len(factor)):
        inverse[i, i] = 1.0 / factor[i, i]
        inverse[i, :i] = -np.einsum("kb,kjb->jb", factor[i, :i], inverse[:i, :i]) * inverse[i, i]
    return inverse
