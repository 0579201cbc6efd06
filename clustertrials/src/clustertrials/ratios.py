"""Risk ratio, odds ratio and rate ratio: ratios of standardised means, with intervals that hold for few clusters."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clustertrials import gee
from clustertrials.checks import check_level, numeric, require_columns
from clustertrials.estimands import jackknife
from clustertrials.estimators import CLUSTER, INDIVIDUAL, WEIGHTED, gee_weakness
from clustertrials.means import LOG, LOGIT, Link, fit_mean
from clustertrials.results import Inference, Ratio, TrialWarning
from clustertrials.robust import ClusteredOls, cluster_robust, leverage_of
from clustertrials.trial import RANK_TOLERANCE, Trial, read_trial


def ratio(
    frame: pd.DataFrame,
    outcome: str,
    *,
    measure: str,
    arm: str,
    cluster: str,
    treated: Hashable,
    estimator: str = "cr2",
    exposure: str | None = None,
    covariates: Sequence[str] = (),
    strata: str | None = None,
    level: float = 0.95,
) -> Ratio:
    """Estimate the marginal risk ratio, odds ratio or rate ratio of an arm that was randomised by cluster.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, covariates, strata, level
        As for `clustertrials.estimate_effect`; the outcome is 0 or 1 for risk and odds, a count of events for rates.
    measure : {"risk", "odds", "rate"}
    estimator : {"cr2", "jackknife", "cluster_means", "gee"}
        See Notes.
    exposure : str, optional
        For rates: column with the time, or number of persons, over which a row's events were counted; above 0.

    Returns
    -------
    Ratio
        Treated over other.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`; also if the outcome is not what the measure needs, if an arm has no
        event (or, for odds, nothing but events), or if covariates or strata predict the outcome perfectly.

    Notes
    -----
    A logistic regression (risk, odds) or a Poisson regression with log link (rate) on arm, covariates and strata gives
    each row's mean under either arm. These are averaged over all rows, weighted by exposure, and the ratio is that of
    the averages; without covariates and strata it is that of the arms' raw risks or rates. The interval is exp(log
    ratio -/+ t se).

    - ``"cr2"``: clusters ignored in the fit; delta method with the CR2 covariance of the coefficients, Satterthwaite's
      degrees of freedom, both in the weighted least squares at which Newton's method ends; individual average.
    - ``"jackknife"``: the same estimate; standard error from leaving out one cluster at a time, arm by arm, or one
      stratum at a time if an arm has a single cluster in some stratum.
    - ``"cluster_means"``: as ``"cr2"``, with rows weighted so that every cluster counts alike; cluster average.
    - ``"gee"``: exchangeable working correlation, logit or log link, Kauermann and Carroll's correction, t on clusters
      - coefficients; precision-weighted average. A `TrialWarning` says where its interval is known to be too short.

    At most clusters - 2 degrees of freedom, less one for each covariate or further stratum, as in
    `clustertrials.estimate_effect`. The delta method takes the covariates as they are, the jackknife as a sample.

    Zhang Z (2008), Statistics in Medicine 27:4714-4725 (standardised means). Pustejovsky JE, Tipton E (2018), Journal
    of Business & Economic Statistics 36:672-683. Kauermann G, Carroll RJ (2001), Journal of the American Statistical
    Association 96:1387-1396.

    Examples
    --------
    >>> frame = pd.DataFrame({"clinic": np.repeat(range(8), 4), "cured": [0, 0, 0, 1, 0, 1, 1, 1] * 4})
    >>> frame["arm"] = np.where(frame["clinic"] % 2, "new", "usual")
    >>> frame = frame.drop(index=0)
    >>> found = ratio(frame, "cured", measure="risk", arm="arm", cluster="clinic", treated="new")
    >>> round(found.estimate, 4), round(found.mean_treated, 4), round(found.mean_other, 4)
    (2.8125, 0.75, 0.2667)
    """
    check_level(level)
    if measure not in MEASURES:
        raise ValueError(f"measure must be one of {', '.join(MEASURES)}")
    if estimator not in ESTIMANDS:
        raise ValueError(f"estimator must be one of {', '.join(ESTIMANDS)}")
    if exposure is not None and measure != "rate":
        raise ValueError("exposure is for the measure 'rate' alone")
    exposures = np.ones(len(frame)) if exposure is None else _exposures(frame, exposure)
    known = ~np.isnan(exposures)
    roles = {"arm": arm, "cluster": cluster, "treated": treated, "covariates": covariates, "strata": strata}
    trial = read_trial(frame[known], outcome, **roles)
    fit, means = ratio_of(trial, measure, estimator, exposures[known][trial.rows])
    for weakness in gee_weakness(trial) if estimator == "gee" else []:
        warnings.warn(f"column {outcome!r}, gee: {weakness}", TrialWarning, stacklevel=2)
    if not (np.isfinite([*fit.interval(level), fit.df]).all() and fit.se > 1e-12):
        raise ValueError(f"column {outcome!r}: {estimator} finds no variation to judge the ratio by")
    low, high = np.exp(fit.interval(level))
    return Ratio(
        estimate=float(np.exp(fit.estimate)),
        ci_low=float(low),
        ci_high=float(high),
        se_log=float(fit.se),
        df=float(fit.df),
        p_value=float(fit.p_value),
        mean_treated=float(means[0]),
        mean_other=float(means[1]),
        measure=measure,
        estimator=estimator,
        estimand=ESTIMANDS[estimator],
        level=level,
        **(trial.facts | {"n_dropped": trial.n_dropped + int((~known).sum())}),
    )


def ratio_of(
    trial: Trial, measure: str, estimator: str, exposures: np.ndarray | float = 1.0
) -> tuple[Inference, np.ndarray]:
    """`ratio` for a checked trial: inference on the logarithm of the ratio, and the standardised means of the arms."""
    model = _model(trial, measure, np.broadcast_to(exposures, len(trial.y)), estimator)
    try:
        return _fit(model, trial, estimator)
    except ValueError as problem:
        raise ValueError(f"column {trial.outcome!r}: {problem}") from problem


@dataclass(frozen=True)
class _Measure:
    """The model of a measure, and the scale whose difference is its logarithm."""

    link: Link
    log: Callable[[np.ndarray], np.ndarray]
    slope: Callable[[np.ndarray], np.ndarray]  # derivative of `log`


MEASURES = {
    "risk": _Measure(LOGIT, np.log, lambda mean: 1 / mean),
    "odds": _Measure(LOGIT, LOGIT.predictor, lambda mean: 1 / (mean * (1 - mean))),
    "rate": _Measure(LOG, np.log, lambda mean: 1 / mean),
}
ESTIMANDS = {"cr2": INDIVIDUAL, "jackknife": INDIVIDUAL, "cluster_means": CLUSTER, "gee": WEIGHTED}


@dataclass(frozen=True)
class _Model:
    """Rows with their exposure and their events, both times a weight; one column an arm, then the others."""

    measure: _Measure
    design: np.ndarray  # shape (rows, columns)
    counts: np.ndarray
    events: np.ndarray
    starts: np.ndarray  # shape (clusters,): row at which each cluster begins
    start: np.ndarray  # shape (columns,): coefficients at which Newton's method starts

    def summed(self) -> _Model:
        """The same with one row a cluster, if all columns are constant inside clusters: they are fitted alike."""
        first = self.design[self.starts]
        if (np.maximum.reduceat(self.design, self.starts) != first).any():
            return self
        if (np.minimum.reduceat(self.design, self.starts) != first).any():
            return self
        counts, events = (np.add.reduceat(column, self.starts) for column in (self.counts, self.events))
        return replace(self, design=first, counts=counts, events=events, starts=np.arange(len(first)))

    @property
    def codes(self) -> np.ndarray:
        """Number of the cluster that each row lies in."""
        return np.repeat(np.arange(len(self.starts)), np.diff(np.append(self.starts, len(self.design))))

    def without(self, kept: np.ndarray) -> _Model:
        """The model of some of the rows, less columns that depend on earlier ones there."""
        design = self.design[kept]
        own = np.abs(np.diag(np.linalg.qr(design)[1]))
        used = own > RANK_TOLERANCE * np.linalg.norm(design, axis=0)
        if not all(self.events[kept][design[:, arm] > 0].any() for arm in (0, 1)):
            raise ValueError('jackknife: all events of an arm are in what is left out; ask "cr2"')
        return replace(
            self, design=design[:, used], counts=self.counts[kept], events=self.events[kept], start=self.start[used]
        )

    def coefficients(self) -> np.ndarray:
        """Fit with clusters ignored."""
        return fit_mean(self.design, self.counts, self.events, self.measure.link, self.start)

    def means(self, coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Standardised means of the arms, shape (2,), and their derivatives by the coefficients, shape (2, columns)."""
        rest = self.design[:, 2:] @ coefficients[2:]
        means, slopes = np.empty(2), np.zeros((2, len(coefficients)))
        for arm in (0, 1):
            mean = self.measure.link.mean(rest + coefficients[arm])
            steep = self.measure.link.variance(1.0, mean)  # the link is canonical
            means[arm] = np.average(mean, weights=self.counts)
            slopes[arm, arm] = np.average(steep, weights=self.counts)
            slopes[arm, 2:] = self.counts * steep @ self.design[:, 2:] / self.counts.sum()
        return means, slopes

    def log_ratio(self, coefficients: np.ndarray) -> tuple[float, np.ndarray]:
        """Logarithm of the ratio and its derivatives by the coefficients."""
        means, slopes = self.means(coefficients)
        logs, steep = self.measure.log(means), self.measure.slope(means)
        return float(logs[0] - logs[1]), steep[0] * slopes[0] - steep[1] * slopes[1]


def _exposures(frame: pd.DataFrame, name: str) -> np.ndarray:
    require_columns(frame, [name])
    values = numeric(frame, name)
    if (values <= 0).any():
        raise ValueError(f"column {name!r} has an exposure of 0 or less")
    return values


def _model(trial: Trial, measure: str, exposures: np.ndarray, estimator: str) -> _Model:
    y = trial.y + trial.origin
    if measure == "rate" and (y < 0).any():
        raise ValueError(f"column {trial.outcome!r} has a value below 0, so it holds no counts of events")
    if measure != "rate" and not np.isin(y, (0, 1)).all():
        raise ValueError(f"column {trial.outcome!r} is not 0/1, so it has no {measure}")
    for name, rows in zip(trial.arms, (trial.treated, ~trial.treated)):
        if not y[rows].any():
            raise ValueError(
                f"column {trial.outcome!r}: no event in arm {name!r}, so no ratio exists; report the difference, by "
                "estimate_effect"
            )
        if measure == "odds" and y[rows].all():
            raise ValueError(f"column {trial.outcome!r}: nothing but events in arm {name!r}, so no odds ratio exists")
    if estimator == "cluster_means":
        share = 1 / np.add.reduceat(exposures, trial.starts)
        weights = (share / share.mean())[trial.codes]
        exposures, y = exposures * weights, y * weights
    design = np.column_stack([trial.treated, ~trial.treated, trial.covariates]).astype(float)
    one = MEASURES[measure]
    start = np.zeros(design.shape[1])
    start[:2] = one.link.predictor(y.sum() / exposures.sum())
    model = _Model(one, design, exposures, y, trial.starts, start)
    return model if estimator == "gee" else model.summed()


def _fit(model: _Model, trial: Trial, estimator: str) -> tuple[Inference, np.ndarray]:
    """Inference on the log ratio, and the standardised means of the arms."""
    coefficients = model.coefficients()
    if estimator == "gee":
        found = gee.fit_gee_mean(
            model.counts, model.events, model.design, trial.codes, model.measure.link, coefficients
        )
        coefficients = found.coefficients
        log, slope = model.log_ratio(coefficients)
        fit = gee.sandwich(found, slope, "kauermann_carroll")
    elif estimator == "jackknife":
        log, _ = model.log_ratio(coefficients)
        fit = _left_out(replace(model, start=coefficients), trial)
    else:
        log, slope = model.log_ratio(coefficients)
        mean = model.measure.link.mean(model.design @ coefficients)
        root = np.sqrt(model.measure.link.variance(model.counts, mean))
        q, upper = np.linalg.qr(model.design * root[:, None])
        residuals = (model.events - model.counts * mean) / root
        scores = np.add.reduceat(q * residuals[:, None], model.starts)
        parts = ClusteredOls(coefficients, np.linalg.inv(upper), scores, *leverage_of(q, model.starts))
        fit = cluster_robust(parts, slope, "CR2")
    return Inference(log, fit.se, min(fit.df, trial.max_df)), model.means(coefficients)[0]


def _left_out(model: _Model, trial: Trial) -> Inference:
    """Jackknife of the log ratio: by cluster, arm by arm, or by stratum.

    Measured in three strata of 5 clusters of very unequal size: by cluster inside strata and arms it covers .86, arm by
    arm .94.
    """
    strata = np.zeros(len(trial.starts), int) if trial.strata is None else trial.strata
    cells = 2 * strata + trial.treated_clusters
    in_cell = np.bincount(cells, minlength=2 * (strata.max() + 1)).reshape(-1, 2)
    both = (in_cell > 0).all(axis=1)
    by_cluster = bool((in_cell[both] > 1).all())
    units = np.arange(len(strata)) if by_cluster else strata
    logs = []
    for unit in np.unique(units[both[strata]]):
        part = model.without((units != unit)[model.codes])
        logs.append(part.log_ratio(part.coefficients())[0])
    groups = trial.treated_clusters[both[strata]] if by_cluster else np.zeros(len(logs), int)
    df = trial.max_df if by_cluster else len(logs) - 1
    return Inference(0.0, float(jackknife(np.array(logs), groups) ** 0.5), df)
