"""Missing outcomes: how many there are in each arm, and how much offices differ in them."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from clustertrials.trial import SMALLEST_ARM, numeric, require_columns, require_nested


@dataclass(frozen=True)
class ArmLoss:
    """Units of one arm without an outcome; how offices differ is told without naming or showing one.

    Attributes
    ----------
    arm : str
        ``"treated"`` or ``"other"``.
    n_units, n_missing, n_clusters : int
        Units, those of them without an outcome, and clusters.
    share : float
        Share of the units without an outcome.
    cluster_mean, cluster_sd : float
        Mean and standard deviation over clusters of the cluster's share, every cluster alike.
    source : str
    """

    arm: str
    n_units: int
    n_missing: int
    n_clusters: int
    share: float
    cluster_mean: float
    cluster_sd: float
    source: str = ""


def attrition_by_arm(
    frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable
) -> tuple[ArmLoss, ArmLoss]:
    """Count the units without an outcome in each arm, and say how much clusters differ in it.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated
        As for `clustertrials.estimate_effect`, one row for each unit whether or not it was measured.

    Returns
    -------
    tuple of ArmLoss
        Treated, then other.

    Raises
    ------
    ValueError
        As for `read_units`.

    Notes
    -----
    Whether the arms differ in it is an effect like any other: give `clustertrials.estimate_effect` a 0/1 column.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, None, 2, 3] * 4, "office": np.repeat(range(8), 2)})
    >>> frame["arm"] = frame["office"] % 2
    >>> [(loss.arm, loss.share) for loss in attrition_by_arm(frame, "y", arm="arm", cluster="office", treated=1)]
    [('treated', 0.0), ('other', 0.5)]
    """
    values, is_treated, codes = read_units(frame, outcome, arm=arm, cluster=cluster, treated=treated)
    lost = np.isnan(values).astype(float)
    losses = []
    for name, members in (("treated", is_treated), ("other", ~is_treated)):
        shares = pd.Series(lost[members]).groupby(codes[members]).mean()
        losses.append(
            ArmLoss(
                name,
                int(members.sum()),
                int(lost[members].sum()),
                len(shares),
                float(lost[members].mean()),
                float(shares.mean()),
                float(shares.std(ddof=1)),
            )
        )
    return losses[0], losses[1]


def read_units(
    frame: pd.DataFrame, outcome: str, *, arm: str, cluster: str, treated: Hashable
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Read the columns of every unit, measured or not.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated
        As for `clustertrials.estimate_effect`.

    Returns
    -------
    tuple of numpy.ndarray, each of shape (rows,)
        Outcome with NaN where it is missing, whether the arm is the treated one, and number of the cluster from 0.

    Raises
    ------
    ValueError
        If a column is missing or not numeric, an arm or cluster is missing in a row, an arm varies inside a
        cluster, there are not two arms, or an arm has fewer than 4 clusters.

    Examples
    --------
    >>> frame = pd.DataFrame({"y": [1.0, None] * 8, "arm": [0, 1] * 8, "office": list(range(8)) * 2})
    >>> values, is_treated, codes = read_units(frame, "y", arm="arm", cluster="office", treated=1)
    >>> int(np.isnan(values).sum()), int(is_treated.sum()), int(codes.max())
    (8, 8, 7)
    """
    require_columns(frame, [outcome, arm, cluster])
    for name in (arm, cluster):
        if frame[name].isna().any():
            raise ValueError(f"column {name!r} has a missing value; every unit needs one, measured or not")
    require_nested(frame, arm=arm, cluster=cluster)
    is_treated = (frame[arm] == treated).to_numpy(dtype=bool)
    if frame[arm].nunique() != 2 or not is_treated.any():
        raise ValueError(f"column {arm!r} must have two arms, one of them the treated value {treated!r}")
    codes = pd.factorize(frame[cluster])[0]
    if min(len(np.unique(codes[is_treated])), len(np.unique(codes[~is_treated]))) < SMALLEST_ARM:
        raise ValueError(f"column {arm!r}: an arm has fewer than {SMALLEST_ARM} clusters")
    return numeric(frame, outcome), is_treated, codes
