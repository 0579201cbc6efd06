"""The contrast inside offices: families that were drawn against families that were not, office by office."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy import stats

from clustertrials.results import Effect
from clustertrials.trial import INPUT_ROUNDING, middle, numeric, require_columns


def office_differences(
    frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated, level: float = 0.95
) -> Effect:
    """Mean of the clusters' own differences between two groups that were randomised inside clusters.

    Parameters
    ----------
    frame : DataFrame
        One row a person.
    outcome, arm, cluster : str
        Columns; `arm` has two values and varies inside clusters.
    treated : scalar
        Value of `arm` for the treated group.
    level : float
        Confidence level.

    Returns
    -------
    Effect
        Office average, with t on clusters - 1; `icc` is NaN, because what clusters share cancels.

    Raises
    ------
    ValueError
        If a column is missing, not numeric or infinite, if fewer than two clusters hold both groups, or if all clusters
        have the same difference.

    Notes
    -----
    d_k = mean treated - mean other in cluster k; estimate = mean(d_k), se = sd(d_k) / sqrt(K). Clusters that lack one
    of the groups are left out and their rows counted as dropped. This is the paired analysis of a cluster-stratified
    draw (Imai, King and Nall 2009, Statistical Science 24:29).

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1., 3, 2, 5], "drawn": [0, 1, 0, 1], "office": ["a", "a", "b", "b"]})
    >>> office_differences(frame, "y", arm="drawn", cluster="office", treated=1).estimate
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
    half = stats.t.ppf(0.5 + level / 2, df) * se
    in_treated = used[arm] == treated
    return Effect(
        estimate=float(estimate),
        se=float(se),
        df=float(df),
        statistic=float(estimate / se),
        p_value=float(2 * stats.t.sf(abs(estimate / se), df)),
        ci_low=float(estimate - half),
        ci_high=float(estimate + half),
        n_units=len(used),
        n_clusters=len(gaps),
        n_dropped=len(frame) - len(used),
        icc=float("nan"),
        estimator="office_differences",
        estimand="office average",
        level=level,
        mean_treated=float(used.loc[in_treated, outcome].mean()) + origin,
        mean_other=float(used.loc[~in_treated, outcome].mean()) + origin,
    )
