"""Equivalence within a margin, and regression to the mean."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite

from scipy import stats

from clustertrials.checks import check_between, check_margin
from clustertrials.results import Effect, Printed


@dataclass(frozen=True)
class Equivalence(Printed):
    """Two one-sided tests of an effect against a margin, the smallest difference that would matter.

    `p_above` and `p_below` are the one-sided p-values of an effect at or beyond ``+margin`` and ``-margin``, `p_value`
    the larger of them. The tests invert the interval at ``2 * level - 1``, 90 % for a level of 95 %: `is_equivalent`
    says whether it lies inside the margin, limits excluded, and every margin above its larger absolute limit,
    `smallest_margin`, would have been supported, none below.
    """

    margin: float
    p_value: float
    p_above: float
    p_below: float
    ci_low: float
    ci_high: float
    is_equivalent: bool
    smallest_margin: float
    df: float
    level: float
    estimator: str
    source: str = ""

    def _lines(self) -> dict[str, str]:
        inside = f"{200 * self.level - 100:g} % CI {self.ci_low:.4g} to {self.ci_high:.4g}"
        p_value = "p < 0.001" if self.p_value < 0.001 else f"p = {self.p_value:.3f}"
        return {
            "equivalent": f"{'yes' if self.is_equivalent else 'not shown'}, within {self.margin:g}: "
            f"{inside}, {p_value}",
            "margin": f"every margin above {self.smallest_margin:.4g} would have been supported, none below",
            "method": f"two one-sided tests, {self.estimator}, t with {self.df:.1f} degrees of freedom"
            + (f"; data: {self.source}" if self.source else ""),
        }


def equivalence(effect: Effect, margin: float, *, level: float = 0.95) -> Equivalence:
    """Test whether an effect is too small to matter, by two one-sided tests.

    Parameters
    ----------
    effect : Effect
        An effect with a t reference, so not one from randomisation.
    margin : float
        Smallest difference that would matter, in units of the outcome, above 0 and fixed before the data are seen.
    level : float
        One minus the error rate of each test, between 0.5 and 1; the effect's own level plays no part.

    Raises
    ------
    ValueError
        If the effect has no t reference, or margin or level is out of range.

    Notes
    -----
    p = max{P(T > (m - d) / se), P(T > (m + d) / se)} with T a t variable on the effect's degrees of freedom, d the
    estimate and m the margin. p lies below 1 - level exactly if the interval d -/+ se t(level) lies inside the
    margin. A difference that is not significant may fail this test, and one that is significant may pass it.

    Schuirmann DJ (1987), Journal of Pharmacokinetics and Biopharmaceutics 15:657-680.

    Examples
    --------
    >>> import clustertrials as ct, pandas as pd
    >>> frame = pd.DataFrame({"score": [4, 5, 5, 6] * 5, "school": [k // 2 for k in range(20)]})
    >>> frame["arm"] = frame["school"] // 2 % 2
    >>> effect = ct.estimate_effect(frame, "score", arm="arm", cluster="school", treated=1)
    >>> found = equivalence(effect, margin=1.5)
    >>> found.is_equivalent, round(found.smallest_margin, 3)
    (True, 0.699)
    """
    check_between("level", level, 0.5, 1)
    check_margin(margin)
    if not isinstance(effect, Effect):
        raise TypeError(f"effect must be one of estimate_effect, not a {type(effect).__name__}")
    if effect.n_allocations is not None:
        raise ValueError(f"{effect.estimator}: an effect from randomisation has no t reference; use another")
    if not (isfinite(effect.df) and effect.df > 0):
        raise ValueError(f"{effect.estimator}: the effect has no finite degrees of freedom, so no t reference")
    if not (isfinite(effect.estimate) and isfinite(effect.se) and effect.se > 0):
        raise ValueError(f"{effect.estimator}: the effect has no finite estimate with a positive standard error")
    p_above = float(stats.t.sf((margin - effect.estimate) / effect.se, effect.df))
    p_below = float(stats.t.sf((margin + effect.estimate) / effect.se, effect.df))
    half = float(stats.t.ppf(level, effect.df)) * effect.se
    smallest = abs(effect.estimate) + half
    return Equivalence(
        margin=margin,
        p_value=max(p_above, p_below),
        p_above=p_above,
        p_below=p_below,
        ci_low=effect.estimate - half,
        ci_high=effect.estimate + half,
        is_equivalent=smallest < margin,
        smallest_margin=smallest,
        df=effect.df,
        level=level,
        estimator=effect.estimator,
        source=effect.source,
    )


def expected_regression(baseline_mean: float, reference_mean: float, correlation: float) -> float:
    """Change to expect of a group chosen for its baseline, if nothing at all were done for it.

    A description to report beside an observed change, not a test of it: nobody knows the reference exactly.

    Parameters
    ----------
    baseline_mean, reference_mean : float
        Mean of the group at baseline, and of the population it was chosen from, the same at both times.
    correlation : float
        Correlation of the two measurements in that population, from -1 to 1.

    Returns
    -------
    float
        (1 - r) (reference mean - baseline mean), in units of the outcome: exact for a linear regression with equal
        means and spreads at both times, and a choice that depends on the first measurement alone.

    References
    ----------
    Barnett AG, van der Pols JC, Dobson AJ (2005), International Journal of Epidemiology 34:215-220.

    Examples
    --------
    >>> expected_regression(4.0, 6.0, 0.75)
    0.5
    """
    if not (isfinite(baseline_mean) and isfinite(reference_mean)):
        raise ValueError("baseline_mean and reference_mean must be finite numbers")
    if not -1 <= correlation <= 1:
        raise ValueError("correlation must lie between -1 and 1")
    return (1 - correlation) * (reference_mean - baseline_mean)
