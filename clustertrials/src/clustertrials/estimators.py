"""Effect of a cluster-randomised arm: one call, one method a name."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clustertrials import gee, mixed
from clustertrials.checks import check_level, numeric, require_columns
from clustertrials.cluster_means import adjusted_cluster_means, first_stage, second_stage, sums_of
from clustertrials.intraclass import anova_icc
from clustertrials.results import Effect, Icc, Inference, TrialWarning
from clustertrials.robust import cluster_robust, fit_ols
from clustertrials.trial import INPUT_ROUNDING, SMALLEST_ARM, Trial, middle, read_trial

INDIVIDUAL, CLUSTER = "individual average", "cluster average"
# Neither of the two where the effect goes with cluster size; both of them where it does not.
WEIGHTED = "precision-weighted average"
# Below so many clusters an arm, with a coefficient of variation of their sizes above this, GEE is known to fail.
FEW_CLUSTERS, UNEQUAL = 8, 0.8
# Level of the interval of the ICC that lies below 0 where a warning says so: chance alone puts few there.
SURE = 0.99
# Place of the arm among the columns of a design: behind the constant.
ARM_COLUMN = 1


@dataclass(frozen=True)
class Method:
    """How an estimator is computed, from a `Trial` to an `Inference`, and the average that it targets."""

    fit: Callable[[Trial], Inference]
    estimand: str


def estimate_effect(
    frame: pd.DataFrame,
    outcome: str,
    *,
    arm: str,
    cluster: str,
    treated: Hashable,
    estimator: str = "cr2",
    covariates: Sequence[str] = (),
    level: float = 0.95,
    strata: str | None = None,
    rng: np.random.Generator | None = None,
) -> Effect:
    """Estimate the effect of an arm that was randomised by cluster.

    Parameters
    ----------
    frame : pandas.DataFrame
        One row a unit. Rows with a missing value in a used column are left out and counted.
    outcome : str
        Numeric column; for 0/1 values the effect is a risk difference.
    arm, cluster : str
        Columns with the arm (exactly two values, constant inside clusters) and the cluster.
    treated : hashable
        The value of `arm` that is the treated one; the effect is treated minus other.
    estimator : str
        One of the names in Notes.
    covariates : sequence of str
        Numeric columns are adjusted for linearly. Text and pandas categoricals become one 0/1 column for each level
        but the reference, which is the first category, or the first label in sorted order.
    level : float
        Confidence level, between 0 and 1.
    strata : str, optional
        Column with the strata, or matched pairs, inside which clusters were randomised; constant inside clusters. They
        are fixed effects, 0/1 columns beside the arm; ``"randomisation"`` instead takes the allocations inside strata.
    rng : numpy.random.Generator, optional
        For ``"randomisation"`` alone, and used only where the allocations are too many to count, some 50 clusters and
        more: the source of a Monte Carlo sample of them.

    Returns
    -------
    Effect
        In units of the outcome. `df` is NaN for ``"randomisation"``, which uses no t distribution; `icc` is NaN where
        every cluster has one row or, for ``"naive"``, every arm one cluster.

    Raises
    ------
    ValueError
        If a column is missing, not numeric, infinite, constant or collinear; if there are not two arms, an arm
        varies inside a cluster or has fewer than 4 clusters; if a row has no stratum, a cluster lies in two, or none
        has clusters of both arms; if the method has no finite answer, as ``"mixed"`` and ``"gee"`` have none where
        every cluster has one row. The message names the column and the rule.

    Warns
    -----
    TrialWarning
        If the estimator is known to fail in a trial like this: ``"gee"`` and ``"gee_kc"`` with few clusters of very
        unequal sizes, ``"gee"`` with strata, ``"mixed"`` where units of a cluster are less alike than chance.

    Notes
    -----
    - ``"cr2"``: least squares on arm and covariates, CR2 errors, Satterthwaite t; individual average.
    - ``"cr3"``: the same with CR3 errors.
    - ``"cluster_means"``: t test of unweighted cluster means; cluster average. The effect of covariates of rows is
      taken out first, with slopes inside clusters; covariates with less than a tenth of their variation inside clusters
      stand beside the arm in least squares on the adjusted means. Its error takes the slopes inside as known.
    - ``"randomisation"``: the same estimate, with p-value and interval from the allocations that could have been
      drawn, both exact if the effect is the same for all; `se` is that of ``"cluster_means"`` and plays no part. The
      interval is infinite where few allocations, as in five pairs, cannot reject anything at this level.
      Covariates of clusters cost the interval some ten seconds for 29 clusters.
    - ``"mixed"``: random intercept, REML, Kenward-Roger. ``"gee"``: exchangeable, identity link, Fay-Graubard
      correction, t on clusters - parameters; the reference level of a covariate of labels moves that correction in its
      fourth digit. ``"gee_kc"``: the same with Kauermann and Carroll's correction, ``"gee_md"`` with Mancl and
      DeRouen's. These weight clusters by their information, which targets neither average if the effect depends on
      cluster size, and both if not.
    - ``"naive"``: rows taken as independent, t on rows - parameters; wrong in clusters, and here to show that.

    All but the naive one have at most clusters - 2 degrees of freedom, and one less for each covariate or stratum,
    after the first, that is constant inside clusters: clusters - strata - 1 with strata alone. With strata s of K_s1
    and K_s0 clusters, ``"cluster_means"`` weights the differences inside strata by K_s1 K_s0 / (K_s1 + K_s0); in
    matched pairs of equal size it, ``"cr2"`` and ``"mixed"`` with a variance between clusters are the paired t test.

    Hayes RJ, Moulton LH (2017), Cluster Randomised Trials, chapters 10-11. Kahan BC et al. (2023), International
    Journal of Epidemiology 52:107-118. Each method's own source is with its function.

    Examples
    --------
    >>> frame = pd.DataFrame({"score": range(16), "school": [k // 2 for k in range(16)]})
    >>> frame["arm"] = ["new" if k % 2 else "old" for k in frame["school"]]
    >>> found = estimate_effect(frame, "score", arm="arm", cluster="school", treated="new")
    >>> round(found.estimate, 6), round(found.df, 6), found.estimand
    (2.0, 6.0, 'individual average')
    """
    check_level(level)
    if estimator not in METHODS:
        raise ValueError(f"estimator must be one of {', '.join(METHODS)}")
    if rng is not None and estimator != "randomisation":
        raise ValueError("rng is for the estimator 'randomisation' alone; the others draw nothing")
    smallest_arm = 1 if estimator == "naive" else SMALLEST_ARM
    trial = read_trial(
        frame,
        outcome,
        arm=arm,
        cluster=cluster,
        treated=treated,
        covariates=covariates,
        strata=strata,
        smallest_arm=smallest_arm,
    )
    effect = effect_of(trial, estimator, level=level, rng=rng)
    for weakness in known_weaknesses(trial, effect):
        warnings.warn(f"column {outcome!r}, {estimator}: {weakness}", TrialWarning, stacklevel=2)
    return effect


def known_weaknesses(trial: Trial, effect: Effect) -> list[str]:
    """What is known to go wrong with an estimator in a trial like this; `benchmarks/coverage.csv` has the numbers."""
    found = gee_weakness(trial) if effect.estimator in ("gee", "gee_kc") else []
    if effect.estimator == "gee" and trial.strata is not None:
        found.append(
            "Fay and Graubard's correction does not see the strata, so its interval covers too seldom; ask "
            '"gee_md" or "cr2"'
        )
    if effect.estimator == "mixed" and effect.icc < 0 and _icc(trial, SURE).ci_high < 0:
        found.append(
            "the units of a cluster are less alike than chance makes them (see icc), which a random intercept cannot "
            'describe, so its interval is too wide; ask "cr2" or "cluster_means"'
        )
    return found


def gee_weakness(trial: Trial) -> list[str]:
    """Few clusters of very unequal sizes, in which all corrections but Mancl and DeRouen's fail.

    Measured with 5 v 5 clusters of 2 to 160 units and ICCs of 0 to 0.15: coverage .86 to .91, of a risk ratio .88 to
    .91, of Mancl and DeRouen's .94 to .97; 1,000 trials each.
    """
    fewest = min(trial.treated_clusters.sum(), (~trial.treated_clusters).sum())
    if fewest >= FEW_CLUSTERS or trial.sizes.std() <= UNEQUAL * trial.sizes.mean():
        return []
    return [
        f"with {fewest} clusters in an arm and very unequal sizes its interval covers too seldom; ask "
        '"cr2" or "cluster_means"'
    ]


def effect_of(trial: Trial, estimator: str, *, level: float = 0.95, rng: np.random.Generator | None = None) -> Effect:
    """`estimate_effect` for a checked trial that is asked several times."""
    try:
        fit = METHODS[estimator].fit(trial)
    except ValueError as problem:
        raise ValueError(f"column {trial.outcome!r}: {problem}") from problem
    if estimator != "naive":
        fit = replace(fit, df=float(min(fit.df, trial.max_df)))
    effect = effect_record(trial, fit, estimator, METHODS[estimator].estimand, level)
    return effect if estimator != "randomisation" else _randomised(effect, trial.without_strata(), rng)


def effect_record(trial: Trial, fit: Inference, estimator: str, estimand: str, level: float) -> Effect:
    """The effect that an inference gives, with what describes its trial; ValueError if nothing varies."""
    if fit.df <= 0:
        raise ValueError(f"column {trial.outcome!r}: covariates leave {estimator} no degrees of freedom")
    if not (np.isfinite([fit.estimate, fit.se, fit.df]).all() and fit.se > 1e-12 * trial.y.std()):
        raise ValueError(f"column {trial.outcome!r}: {estimator} finds no variation to judge the effect by")
    # One row in every cluster (one teacher a school) is a sound trial; only the correlation is undefined.
    icc = float("nan")
    if len(trial.y) > len(trial.starts) > 2:
        icc = _icc(trial, level).estimate
    mean_treated, mean_other = trial.means
    return Effect.from_t(
        fit.estimate,
        fit.se,
        fit.df,
        level=level,
        icc=icc,
        estimator=estimator,
        estimand=estimand,
        mean_treated=mean_treated,
        mean_other=mean_other,
        **trial.facts,
    )


def _icc(trial: Trial, level: float) -> Icc:
    return anova_icc(trial.y, trial.codes, trial.treated_clusters.astype(int), level=level, outcome=trial.outcome)


def _randomised(effect: Effect, trial: Trial, rng: np.random.Generator | None) -> Effect:
    # Imported here because the half tables are needed by this method alone.
    from clustertrials.randomisation import adjusted_randomisation_test, randomisation_test

    asked = {"strata": trial.strata, "level": effect.level, "rng": rng}
    values, covariates = first_stage(sums_of(trial))
    if covariates.shape[1]:
        asked |= {"cluster": np.arange(len(values)), "treated": trial.treated_clusters}
        found = adjusted_randomisation_test(values, covariates, **asked)
    else:
        found = randomisation_test(adjusted_cluster_means(trial), trial.treated_clusters, **asked)
    estimate = effect.estimate if trial.strata is None else found.statistic
    return replace(
        effect,
        df=float("nan"),
        estimate=estimate,
        statistic=found.statistic,
        p_value=found.p_value,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        n_allocations=found.n_allocations,
        exact=found.exact,
    )


def _robust(kind: str) -> Callable[[Trial], Inference]:
    def fit(trial: Trial) -> Inference:
        least_squares = fit_ols(trial.y, trial.q, trial.r_inverse, trial.starts)
        return cluster_robust(least_squares, np.eye(len(trial.r_inverse))[ARM_COLUMN], kind)

    return fit


def _cluster_means(trial: Trial) -> Inference:
    return second_stage(*first_stage(sums_of(trial)), trial.treated_clusters)


def _mixed(trial: Trial) -> Inference:
    if len(trial.starts) == len(trial.y):
        raise ValueError("mixed: every cluster has one row, so the two variances cannot be told apart")
    # The arm stands last, so that the last orthonormal column carries its coefficient alone.
    q, upper = np.linalg.qr(np.column_stack([np.ones(len(trial.y)), trial.covariates, trial.treated]))
    fit = mixed.fit_sorted(trial.y[None], q[None], trial.starts, kenward_roger=True)
    estimate, se = fit.coefficients[0, -1] / upper[-1, -1], fit.standard_errors[0, -1] / abs(upper[-1, -1])
    return Inference(float(estimate), float(se), float(fit.df[0, -1]))


def _gee(correction: str) -> Callable[[Trial], Inference]:
    def fit(trial: Trial) -> Inference:
        design = np.column_stack([trial.treated, ~trial.treated, trial.covariates])
        contrast = np.append([1.0, -1.0], np.zeros(trial.covariates.shape[1]))
        return gee.sandwich(gee.fit_gee(trial.y, design, trial.codes), contrast, correction)

    return fit


def _naive(trial: Trial) -> Inference:
    on_basis = trial.q.T @ trial.y
    residuals = trial.y - trial.q @ on_basis
    df = len(trial.y) - len(on_basis)
    se = (residuals @ residuals / df) ** 0.5 * np.linalg.norm(trial.r_inverse[ARM_COLUMN])
    return Inference(float(trial.r_inverse[ARM_COLUMN] @ on_basis), float(se), df)


# What each is called stands in `clustertrials.results.LABELS`.
METHODS = {
    "cr2": Method(_robust("CR2"), INDIVIDUAL),
    "cr3": Method(_robust("CR3"), INDIVIDUAL),
    "cluster_means": Method(_cluster_means, CLUSTER),
    "randomisation": Method(_cluster_means, CLUSTER),
    "mixed": Method(_mixed, WEIGHTED),
    "gee": Method(_gee("fay_graubard"), WEIGHTED),
    "gee_kc": Method(_gee("kauermann_carroll"), WEIGHTED),
    "gee_md": Method(_gee("mancl_derouen"), WEIGHTED),
    "naive": Method(_naive, INDIVIDUAL),
}


def within_cluster_difference(
    frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated, level: float = 0.95
) -> Effect:
    """Mean of the clusters' own differences between two groups that were randomised inside clusters.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, level
        As for `estimate_effect`, but that `arm` varies inside clusters.

    Returns
    -------
    Effect
        Cluster average, with t on clusters - 1; `icc` is NaN, because what clusters share cancels.

    Raises
    ------
    ValueError
        If a column is not numeric, fewer than two clusters hold both groups, or all have the same difference.

    Notes
    -----
    d_k = mean treated - mean other in cluster k; estimate = mean(d_k), se = sd(d_k) / sqrt(K). Clusters that lack one
    of the groups are left out and their rows counted as dropped.

    Imai K, King G, Nall C (2009), Statistical Science 24:29-53.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, 3, 2, 5], "arm": [0, 1, 0, 1], "clinic": ["a", "a", "b", "b"]})
    >>> within_cluster_difference(frame, "y", arm="arm", cluster="clinic", treated=1).estimate
    2.5
    """
    require_columns(frame, [outcome, arm, cluster])
    used = frame[[arm, cluster]].assign(**{outcome: numeric(frame, outcome)}).dropna()
    origin = 0.0
    if len(used):
        origin, size = middle(used[outcome].to_numpy()), np.abs(used[outcome]).max()
        used[outcome] -= origin
        if np.ptp(used[outcome]) <= INPUT_ROUNDING * size:
            raise ValueError(f"column {outcome!r} is constant")
    means = used.assign(is_treated=used[arm] == treated).groupby([cluster, "is_treated"])[outcome].mean().unstack()
    paired = means.dropna() if means.shape[1] == 2 else means.iloc[:0]
    if len(paired) < 2:
        raise ValueError(f"column {arm}: fewer than two clusters hold both groups")
    used = used[used[cluster].isin(paired.index)]
    gaps = (paired[True] - paired[False]).to_numpy(float)
    estimate, df = gaps.mean(), len(gaps) - 1
    se = gaps.std(ddof=1) / np.sqrt(len(gaps))
    if se <= 1e-12 * used[outcome].std():
        raise ValueError(f"column {outcome}: every cluster has the same difference, so no standard error exists")
    in_treated = used[arm] == treated
    return Effect.from_t(
        estimate,
        se,
        df,
        level=level,
        n_units=len(used),
        n_clusters=len(gaps),
        n_dropped=len(frame) - len(used),
        icc=float("nan"),
        estimator="within_cluster_difference",
        estimand=CLUSTER,
        mean_treated=float(used.loc[in_treated, outcome].mean()) + origin,
        mean_other=float(used.loc[~in_treated, outcome].mean()) + origin,
        outcome=outcome,
        treated=str(treated),
        other=str(used.loc[~in_treated, arm].iloc[0]),
    )
