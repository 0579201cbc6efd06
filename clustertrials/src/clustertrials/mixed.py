"""Random intercept for clusters: REML and Kenward-Roger for one data set or thousands at once, and simulated power.

Each data set is reduced to its cross-products and cluster sums; what is left is a search for one number, the ratio
theta of the variances between and inside clusters, done for all data sets together as array arithmetic.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from scipy import stats

from clustertrials.checks import check_generator
from clustertrials.results import Printed

_CHUNK = 500  # data sets at a time: their 7 MB of rows stay in the cache
# Start of the search, as theta / (1 + theta): dense near 0, where the correlations of trials lie. With half as many
# points, 1 in 10,000 small odd trials was given the lower of two peaks.
_GRID = np.array([0.0, 0.002, 0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1, 0.14, 0.2, 0.27, 0.35, 0.42,
                  0.5, 0.6, 0.7, 0.8, 0.9, 0.96, 0.99])  # fmt: skip
_LAST = 1.0 - 1e-9
_NO_MAXIMUM = "mixed: the outcome does not vary inside clusters beyond the design, so the likelihood has no maximum"
_STEPS = 40  # at most; nearly all searches end within 12
# Share of the residual square below which what is left inside clusters is rounding.
_ROUNDING = 1e-13
# Least eigenvalue, relative to a model without fixed effects, of the information on the two variances.
_IDENTIFIED = 1e-10


@dataclass(frozen=True)
class BatchedFit:
    """REML fits of many data sets, in units of the outcome.

    `coefficients`, `standard_errors` and `df` have the shape (data sets, columns); errors are the square roots of the
    diagonal of (X' V^-1 X)^-1, or Kenward and Roger's where these were asked for, with their degrees of freedom, not
    capped and else NaN. `within` and `between`, shape (data sets,), are the variances inside and between clusters; the
    second is 0 where the likelihood is highest at that boundary.
    """

    coefficients: np.ndarray
    standard_errors: np.ndarray
    within: np.ndarray
    between: np.ndarray
    df: np.ndarray


@dataclass(frozen=True)
class SimulatedPower(Printed):
    """Share of simulated trials whose test rejects, and the mean degrees of freedom of their t tests.

    The Monte Carlo standard error has two successes and two failures added, so that it is never 0.
    """

    power: float
    se: float
    n_trials: int
    df: float


def batched_reml(
    outcomes: np.ndarray, design: np.ndarray, cluster: np.ndarray, *, kenward_roger: bool = False
) -> BatchedFit:
    """Fit a random-intercept model to each of many outcomes by REML.

    Parameters
    ----------
    outcomes : numpy.ndarray, shape (data sets, rows)
        One outcome a data set.
    design : numpy.ndarray, shape (rows, columns) or (data sets, rows, columns)
        Columns of the fixed part, the intercept among them; centre covariates with a large mean.
    cluster : numpy.ndarray, shape (rows,)
        Cluster labels, the same for all data sets.
    kenward_roger : bool
        Whether standard errors and degrees of freedom are to be Kenward and Roger's.

    Raises
    ------
    ValueError
        If shapes disagree, a number is missing or infinite, there are too few clusters, columns depend on each
        other, or an outcome does not vary inside clusters; for Kenward and Roger also if the two variances cannot be
        told apart.

    Notes
    -----
    With w_k = theta / (1 + n_k theta) and cluster sums s_k, X'V^-1 X is X'X - sum_k w_k s_k s_k' in units of the
    inner variance. The restricted likelihood of theta alone is scanned on 23 values; around the best of them the
    slope is solved by the Illinois method, and the result is compared with theta = 0.

    Patterson & Thompson (1971), Biometrika 58:545. Dowell & Jarratt (1971), BIT 11:168 (Illinois method).

    Examples
    --------
    >>> y = np.array([[1.0, 2, 2, 3, 6, 7], [1.0, 2, 1, 2, 1, 2]])
    >>> fit = batched_reml(y, np.ones((6, 1)), np.repeat([0, 1, 2], 2))
    >>> [[round(float(v), 6) for v in part] for part in (fit.within, fit.between)]
    [[0.5, 0.3], [6.75, 0.0]]
    """
    outcomes, design, starts, order = _checked(outcomes, design, cluster)
    parts = []
    for first in range(0, len(outcomes), _CHUNK):
        chosen = slice(first, first + _CHUNK)
        own = design[chosen] if len(design) > 1 else design
        rows = slice(None) if np.all(order[1:] > order[:-1]) else order  # sorted rows need no copy
        parts.append(fit_sorted(outcomes[chosen][:, rows], own[:, rows], starts, kenward_roger=kenward_roger))
    return BatchedFit(*(np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(BatchedFit)))


def simulate_power(
    *,
    difference: float,
    clusters: tuple[int, int],
    sizes: np.ndarray,
    icc: float,
    rng: np.random.Generator,
    n_trials: int = 10_000,
    level: float = 0.95,
    sd: float = 1.0,
    covariate_r2: float = 0.0,
) -> SimulatedPower:
    """Power of the mixed model's t test at the trial's own cluster sizes, by simulation.

    Parameters
    ----------
    difference, clusters, icc, level, sd
        As for `clustertrials.power`, with an `icc` below 1; a difference of 0 gives the type I error.
    sizes : array of int, shape (clusters,)
        Units in each cluster; which cluster falls into which arm is drawn anew in each trial.
    rng : numpy.random.Generator
    n_trials : int
        Simulated trials.
    covariate_r2 : float
        Squared correlation of the outcome with a baseline covariate, alike between and inside clusters, on which
        the model then adjusts; 0 for no covariate.

    Notes
    -----
    y = difference * arm + sd (r x + sqrt(1 - r^2) v), where x and v have independent normal cluster and unit parts
    with variances icc and 1 - icc. The test is that of ``clustertrials.estimate_effect(..., estimator="mixed")``: REML
    with Kenward and Roger's error and degrees of freedom, at most clusters - 2 of them.

    Leyrat, Morgan, Leurent & Kahan (2018), International Journal of Epidemiology 47:321 (degrees of freedom).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> found = simulate_power(difference=0.5, clusters=(6, 6), sizes=[20] * 12, icc=0.02, rng=rng, n_trials=200)
    >>> found.n_trials, round(found.df, 6), 0.5 < found.power < 1.0
    (200, 10.0, True)
    """
    check_generator(rng)
    sizes = np.asarray(sizes)
    _check_design(difference, clusters, sizes, icc, sd, level, covariate_r2, n_trials)
    cluster = np.repeat(np.arange(len(sizes)), sizes.astype(int))
    treated = np.arange(len(sizes)) < clusters[0]
    rejected = 0
    df = 0.0
    for first in range(0, n_trials, _CHUNK):
        n = min(_CHUNK, n_trials - first)
        arm = rng.permuted(np.tile(treated, (n, 1)), axis=1)[:, cluster].astype(float)
        columns = [np.ones_like(arm), arm]
        noise = _clustered_noise(rng, n, cluster, icc)
        if covariate_r2 > 0.0:
            columns.append(noise)
            rest = _clustered_noise(rng, n, cluster, icc)
            noise = covariate_r2**0.5 * noise + (1.0 - covariate_r2) ** 0.5 * rest
        fit = batched_reml(difference * arm + sd * noise, np.stack(columns, axis=2), cluster, kenward_roger=True)
        statistic = np.abs(fit.coefficients[:, 1]) / fit.standard_errors[:, 1]
        own_df = np.minimum(fit.df[:, 1], len(sizes) - 2)
        rejected += int(np.count_nonzero(statistic > stats.t.isf((1.0 - level) / 2.0, own_df)))
        df += float(own_df.sum())
    guarded = (rejected + 2) / (n_trials + 4)
    se = (guarded * (1.0 - guarded) / (n_trials + 4)) ** 0.5
    return SimulatedPower(rejected / n_trials, se, n_trials, df / n_trials)


def _check_design(difference, clusters, sizes, icc, sd, level, covariate_r2, n_trials) -> None:
    if len(clusters) != 2 or min(clusters) < 2 or sizes.shape != (sum(clusters),):
        raise ValueError("clusters, sizes: need two clusters in each arm and one size for each cluster")
    if np.any(sizes != np.rint(sizes)) or sizes.min() < 1:
        raise ValueError("sizes: must be whole numbers of at least 1")
    if not (0.0 <= icc < 1.0 and 0.0 <= covariate_r2 < 1.0 and 0.5 < level < 1.0):
        raise ValueError("icc and covariate_r2 must be at least 0 and below 1, level above 0.5 and below 1")
    if not (np.isfinite(difference) and 0.0 < sd < np.inf and n_trials >= 1):
        raise ValueError("difference must be finite, sd above 0 and n_trials at least 1")


def _clustered_noise(rng: np.random.Generator, n: int, cluster: np.ndarray, icc: float) -> np.ndarray:
    """Standard normal rows, shape (n, rows), with intraclass correlation `icc`."""
    shared = rng.standard_normal((n, cluster[-1] + 1))[:, cluster]
    return icc**0.5 * shared + (1.0 - icc) ** 0.5 * rng.standard_normal((n, len(cluster)))


def _checked(outcomes, design, cluster) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Arrays of agreeing shapes, first row of each cluster, and the order that sorts rows by cluster."""
    outcomes, design = np.atleast_2d(np.asarray(outcomes, float)), np.asarray(design, float)
    design = design[None] if design.ndim == 2 else design
    codes = np.unique(cluster, return_inverse=True)[1]
    rows = outcomes.shape[1]
    if design.ndim != 3 or len(design) not in (1, len(outcomes)) or not design.shape[1] == len(codes) == rows:
        raise ValueError("outcomes, design, cluster: shapes disagree")
    if not (np.isfinite(outcomes).all() and np.isfinite(design).all()):
        raise ValueError("outcomes, design: a number is missing or infinite")
    sizes = np.bincount(codes)
    if not design.shape[2] < len(sizes) < rows:
        raise ValueError("cluster: needs more clusters than columns, and more rows than clusters")
    return outcomes, design, np.append(0, sizes.cumsum()[:-1]), codes.argsort(kind="stable")


def fit_sorted(outcomes: np.ndarray, design: np.ndarray, starts: np.ndarray, *, kenward_roger: bool) -> BatchedFit:
    """`batched_reml` for rows sorted by cluster, unchecked; `starts` is the row at which each cluster begins."""
    first, batch = reduce_to_sums(outcomes, design, starts)
    theta = best_ratio(batch)
    factor = batch.factor(theta)
    if np.any(factor[-1, -1] ** 2 <= _ROUNDING * batch.gram[-1, -1]):
        raise ValueError(_NO_MAXIMUM)
    inverse = inverse_of(factor)
    within = factor[-1, -1] ** 2 / batch.df_resid
    # Row m of the inverse factor is (-b, 1) / pivot, b being the coefficients of the last column on the others.
    change = -inverse[-1, :-1] * factor[-1, -1]
    spread = np.einsum("kib,kjb->ijb", inverse[:-1, :-1], inverse[:-1, :-1])
    variances, df = np.einsum("iib->ib", spread), np.full_like(first, np.nan)
    if kenward_roger:
        variances, df = kenward_roger_of(batch, theta, spread)
    return BatchedFit((first + change).T, np.sqrt(variances * within).T, within, theta * within, df.T)


def reduce_to_sums(outcomes: np.ndarray, design: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, Batch]:
    """Least-squares coefficients, shape (columns, data sets), and the sums that REML needs."""
    n_sets, n_rows = outcomes.shape
    columns = np.ascontiguousarray(design.transpose(0, 2, 1))
    gram = columns @ columns.transpose(0, 2, 1)
    lengths = np.sqrt(np.einsum("bii->bi", gram))
    unit = gram / np.maximum(lengths[:, :, None] * lengths[:, None, :], np.finfo(float).tiny)
    if np.linalg.eigvalsh(unit).min() < 1e-8:
        raise ValueError("design: columns depend on each other, or a covariate is far from centred")
    first = np.linalg.solve(gram, columns @ outcomes[:, :, None])
    residual = outcomes - (first.transpose(0, 2, 1) @ columns)[:, 0]
    m = columns.shape[1] + 1
    full = np.zeros((m, m, n_sets))
    full[:-1, :-1] = gram.transpose(1, 2, 0)
    full[-1, -1] = np.einsum("bn,bn->b", residual, residual)
    sums = np.empty((m, len(starts), n_sets))
    sums[:-1] = np.add.reduceat(columns, starts, axis=2).transpose(1, 2, 0)
    sums[-1] = np.add.reduceat(residual, starts, axis=1).T
    return first[:, :, 0].T, batch_of(np.diff(np.append(starts, n_rows)), full, sums)


def batch_of(sizes: np.ndarray, gram: np.ndarray, sums: np.ndarray) -> Batch:
    """A batch from cross-products, shape (m, m, data sets), and cluster sums, shape (m, clusters, data sets)."""
    lower = np.tril_indices(len(gram))
    place = np.zeros(gram.shape[:2], dtype=int)
    place[lower] = place.T[lower] = np.arange(len(lower[0]))
    return Batch(sizes.astype(float)[:, None], gram, sums[lower[0]] * sums[lower[1]], place)


@dataclass(frozen=True)
class Batch:
    """Sums of the columns x_1 … x_p and of the least-squares residual, which comes last. Last axis: data sets."""

    sizes: np.ndarray  # shape (clusters, 1): rows in each cluster
    gram: np.ndarray  # shape (m, m, data sets): cross-products of the m = p + 1 columns
    # shape (m (m + 1) / 2, clusters, data sets): cross-products of the cluster sums, lower triangle
    products: np.ndarray
    place: np.ndarray  # shape (m, m): which of `products` belongs at each place of the square

    @property
    def df_resid(self) -> float:
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
        return 2.0 * (pivots[:-1].sum(axis=0) + self.df_resid * pivots[-1]) + np.log1p(self.sizes * theta).sum(axis=0)

    def slope(self, theta: np.ndarray) -> np.ndarray:
        """Derivative of `deviance` by theta."""
        shrink = 1.0 / (1.0 + self.sizes * theta)
        inverse = inverse_of(self.factor(theta))
        spread = np.einsum("ijb,jkb,ikb->ib", inverse, self.weigh(shrink**2), inverse)
        return (self.sizes * shrink).sum(axis=0) - spread[:-1].sum(axis=0) - self.df_resid * spread[-1]


def best_ratio(batch: Batch) -> np.ndarray:
    """Theta of the highest restricted likelihood of each data set, 0 included; ValueError if there is no maximum.

    A scan of 23 values; around the lowest deviance the root of the slope between its neighbours, then a comparison with
    0. Where the scan shows a second dip, that is searched too: the restricted likelihood can have two peaks.

    Dowell & Jarratt (1971), BIT 11:168 (Illinois method). Henn & Hodges (2014), International Statistical Review 82:90
    (two peaks).
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
    """Variances, in units of the inner one, and df of all coefficients, shape (p, data sets), after Kenward and Roger.

    With V = s G_1 + t G_2 (identity and blocks of ones), F = (X'V^-1X)^-1, P_i = -X'V^-1 G_i V^-1 X and
    Q_ij = X'V^-1 G_i V^-1 G_j V^-1 X, the variances' covariance W is the inverse of the expected restricted
    information, half of tr(V^-1 G_i V^-1 G_j) - 2 tr(F Q_ij) + tr(F P_i F P_j). The adjusted covariance is
    F + 2 F (sum W_ij (Q_ij - P_i F P_j)) F. For one coefficient the scale of the test is 1 and df = 2 / A, where
    A = sum W_ij (F P_i F)_cc (F P_j F)_cc / F_cc^2. All of it reduces to sums over clusters, also at t = 0.
    `spread`, shape (p, p, data sets), is F in units of s. Kenward MG, Roger JH (1997), Biometrics 53:983-997.
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
    if np.linalg.eigvalsh(information / (scale[:, :, None] * scale[:, None, :]))[:, 0].min() < _IDENTIFIED:
        raise ValueError("mixed: the variances between and inside clusters cannot be told apart")
    covariance = 2.0 * np.linalg.inv(information)
    core = sum(covariance[:, i, j] * (inner[i + j] - product(outer[i], spread, outer[j]))
               for i in range(2) for j in range(2))  # fmt: skip
    plain = np.einsum("iib->ib", spread)
    adjusted = plain + 2.0 * np.einsum("iib->ib", product(spread, core, spread))
    slopes = np.array([np.einsum("iib->ib", product(spread, part, spread)) for part in outer]) / plain
    return adjusted, 2.0 / np.einsum("icb,bij,jcb->cb", slopes, covariance, slopes)


def inverse_of(factor: np.ndarray) -> np.ndarray:
    """Invert lower triangular matrices, shape (m, m, data sets), all at once."""
    inverse = np.zeros_like(factor)
    for i in range(len(factor)):
        inverse[i, i] = 1.0 / factor[i, i]
        inverse[i, :i] = -np.einsum("kb,kjb->jb", factor[i, :i], inverse[:i, :i]) * inverse[i, i]
    return inverse
