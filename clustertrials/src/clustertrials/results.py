"""The typed results of estimators: frozen records at full precision, rounded by whoever shows them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Effect:
    """Difference between two arms, treated minus other, on the outcome's own scale.

    Attributes
    ----------
    estimate, se : float
        Point estimate and standard error, in units of the outcome (a risk difference for a 0/1 outcome).
    df : float
        Degrees of freedom of the reference t distribution; NaN where the reference is not a t.
    statistic, p_value : float
        Test statistic and two-sided p-value of no difference.
    ci_low, ci_high : float
        Limits of the interval at `level`.
    n_units, n_clusters, n_dropped : int
        Rows used, clusters they lie in, and rows left out because a value was missing.
    icc : float
        Intraclass correlation of the outcome inside arms (ANOVA estimator, not truncated at zero); NaN where every
        cluster has a single row or the correlation cancels from the contrast.
    estimator, estimand : str
        Name of the method, and the average it targets: ``"individual average"`` weights every row alike,
        ``"cluster average"`` every cluster alike, ``"precision-weighted average"`` neither.
    level : float
        Confidence level of the interval.
    mean_treated, mean_other : float
        Raw means of the arms on the rows used.
    n_allocations : int or None
        Size of the allocation set where the p-value comes from randomisation, else None.
    exact : bool
        Whether all of them were counted; False for a Monte Carlo sample of them, and where there are none.
    covariates : tuple of str
        Adjusted for; empty where nothing was.
    source : str
        Where the data came from, e.g. ``"simulated: null world"``; empty for a frame of the caller's own.
    """

    estimate: float
    se: float
    df: float
    statistic: float
    p_value: float
    ci_low: float
    ci_high: float
    n_units: int
    n_clusters: int
    n_dropped: int
    icc: float
    estimator: str
    estimand: str
    level: float
    mean_treated: float
    mean_other: float
    n_allocations: int | None = None
    exact: bool = False
    covariates: tuple[str, ...] = ()
    source: str = ""

    @property
    def is_significant(self) -> bool:
        """Whether the two-sided test rejects at 1 - `level`; an exact interval can disagree at the margin."""
        # Rounded, since 1 - 0.9 is below 0.1 in binary and an exact p-value can be 0.1 to the last bit.
        return self.p_value <= round(1.0 - self.level, 12)


@dataclass(frozen=True)
class Icc:
    """Intraclass correlation with its interval.

    Attributes
    ----------
    estimate : float
        ANOVA estimate; may be negative, which is shown and not hidden. By REML never below 0.
    ci_low, ci_high : float
        Interval at `level` from the F distribution (Searle), by REML from the profile likelihood.
    n_units, n_clusters : int
        Rows and clusters used.
    mean_size : float
        The ANOVA's average cluster size n0, which lies below the plain mean for unequal sizes.
    level : float
        Confidence level of the interval.
    source : str
        Where the data came from; empty for a frame of the caller's own.
    method : str
        ``"anova"`` or ``"reml"``.
    """

    estimate: float
    ci_low: float
    ci_high: float
    n_units: int
    n_clusters: int
    mean_size: float
    level: float
    source: str = ""
    method: str = "anova"
