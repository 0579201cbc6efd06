"""A frame of a cluster-randomised trial, checked once and turned into sorted arrays."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clustertrials.checks import list_of_names, numeric, require_columns, require_nested

# A column whose part outside the columns before it is shorter than this, relative to its own length, is taken as
# a linear combination of them; rounding alone stays near 1e-15.
RANK_TOLERANCE = 1e-10
# Variation below this, relative to the size of the numbers given, is their rounding and no variation.
INPUT_ROUNDING = 1e-14
# Below this many clusters in an arm no method here keeps its error rate.
SMALLEST_ARM = 4


@dataclass(frozen=True)
class Trial:
    """Complete rows of a two-arm trial, sorted by cluster."""

    outcome: str  # name of the outcome column, for messages
    y: np.ndarray  # shape (rows,): outcome in its own units, counted from `origin`
    treated: np.ndarray  # shape (rows,)
    covariates: np.ndarray  # shape (rows, covariates): centred on their mean and divided by their standard deviation
    starts: np.ndarray  # shape (clusters,): row at which each cluster begins
    # q, r_inverse: shapes (rows, p) and (p, p): QR decomposition of the design: intercept, arm, covariates.
    # ``r_inverse`` turns coefficients on the orthonormal columns `q` into coefficients on the design's columns, of
    # which the arm is number 1
    q: np.ndarray
    r_inverse: np.ndarray
    n_dropped: int  # rows left out because a used column had no value
    # A middle value of the outcome. Counted from it, values that lie close together far from zero keep their
    # differences exactly; no estimate of a difference depends on it
    origin: float = 0.0

    @property
    def means(self) -> tuple[float, float]:
        """Mean outcome of the treated and of the other arm, over rows."""
        return tuple(float(self.origin + self.y[rows].mean()) for rows in (self.treated, ~self.treated))

    @property
    def sizes(self) -> np.ndarray:
        """Rows in each cluster."""
        return np.diff(np.append(self.starts, len(self.y)))

    @property
    def treated_clusters(self) -> np.ndarray:
        """Whether each cluster lies in the treated arm."""
        return self.treated[self.starts]

    @property
    def codes(self) -> np.ndarray:
        """Number of the cluster that each row lies in."""
        return np.repeat(np.arange(len(self.starts)), self.sizes)

    @property
    def max_df(self) -> int:
        """Largest df of any method: clusters - 2, less one for each covariate that is constant inside clusters."""
        highest = np.maximum.reduceat(self.covariates, self.starts)
        lowest = np.minimum.reduceat(self.covariates, self.starts)
        return len(self.starts) - 2 - int((highest == lowest).all(axis=0).sum())


def read_trial(
    frame: pd.DataFrame,
    outcome: str,
    *,
    arm: str,
    cluster: str,
    treated: Hashable,
    covariates: Sequence[str] = (),
    smallest_arm: int = SMALLEST_ARM,
) -> Trial:
    """Check a trial's frame and return its complete rows as arrays.

    Parameters are those of `clustertrials.estimate_effect`. `smallest_arm` is the fewest clusters accepted in an arm;
    1 for a method that ignores clusters. ValueError names the column and the rule that it breaks.
    """
    names = list_of_names("covariates", covariates)
    require_columns(frame, [outcome, arm, cluster, *names])
    _check_arms(frame, arm=arm, cluster=cluster)
    numbers = np.column_stack([numeric(frame, name) for name in (outcome, *names)])
    complete = ~np.isnan(numbers).any(axis=1) & frame[[arm, cluster]].notna().all(axis=1).to_numpy()
    codes = pd.factorize(frame.loc[complete, cluster])[0]
    order = np.argsort(codes, kind="stable")
    is_treated = _treated_rows(frame.loc[complete, arm], treated, arm)[order]
    trial = sorted_trial(
        numbers[complete][order],
        is_treated,
        codes[order],
        names=(outcome, arm, cluster, *names),
        smallest_arm=smallest_arm,
    )
    return replace(trial, n_dropped=int((~complete).sum()))


def sorted_trial(
    numbers: np.ndarray,
    treated: np.ndarray,
    codes: np.ndarray,
    *,
    names: Sequence[str],
    smallest_arm: int = SMALLEST_ARM,
) -> Trial:
    """Make a trial of complete arrays, sorted by cluster: `read_trial` without the frame, nine tenths of its time.

    `numbers`, shape (rows, 1 + covariates), holds outcome and covariates; `codes` number the clusters from 0,
    ascending; `names` are those of outcome, arm, cluster and covariates, for messages.
    """
    outcome, arm, cluster, *covariates = names
    starts = np.searchsorted(codes, np.arange(codes[-1] + 1))
    _check_counts(treated[starts], arm, smallest_arm)
    standard = _standardise(numbers[:, 1:], covariates)
    design = np.column_stack([np.ones(len(treated)), treated, standard])
    q, r_inverse = _orthonormal(design, covariates)
    origin = middle(numbers[:, 0])
    y = numbers[:, 0] - origin
    _check_variation(y, np.linalg.norm(numbers[:, 0]), q, outcome)
    trial = Trial(outcome, y, treated, standard, starts, q, r_inverse, 0, origin)
    if smallest_arm > 1 and trial.max_df < 1:
        raise ValueError(f"covariates constant inside {cluster!r} are too many for {len(starts)} clusters")
    return trial


def middle(values: np.ndarray) -> float:
    """Return a middle one of some numbers. Counted from it, numbers close together far from zero lose nothing."""
    place = len(values) // 2
    return float(np.partition(values, place)[place])


def _check_arms(frame: pd.DataFrame, *, arm: str, cluster: str) -> None:
    values = frame[arm].nunique()
    if values > 2:
        raise ValueError(f"column {arm!r} has {values} arms; keep the rows of the two arms to compare")
    require_nested(frame, arm=arm, cluster=cluster)


def _treated_rows(arms: pd.Series, treated: Hashable, arm: str) -> np.ndarray:
    if arms.empty:
        raise ValueError("no row has a value in every column used")
    is_treated = (arms == treated).to_numpy(dtype=bool)
    if not is_treated.any():
        raise ValueError(f"column {arm!r} has no complete row with the treated value {treated!r}")
    if is_treated.all():
        raise ValueError(f"column {arm!r} has only one arm among the complete rows")
    return is_treated


def _check_counts(arm_of_cluster: np.ndarray, arm: str, smallest_arm: int) -> None:
    fewest = int(min(arm_of_cluster.sum(), (~arm_of_cluster).sum()))
    if fewest < smallest_arm:
        raise ValueError(f"column {arm!r}: an arm has {fewest} cluster(s); at least {smallest_arm} are needed")


def _standardise(columns: np.ndarray, names: Sequence[str]) -> np.ndarray:
    centred = columns - columns.mean(axis=0)
    spread = centred.std(axis=0)
    for name, deviation, size in zip(names, spread, np.abs(columns).max(axis=0, initial=0)):
        if deviation <= RANK_TOLERANCE * size:
            raise ValueError(f"covariate {name!r} is constant")
    return centred / spread


def _orthonormal(design: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    if len(design) <= design.shape[1]:
        raise ValueError(f"{len(design)} complete rows are too few for {design.shape[1]} coefficients")
    q, upper = np.linalg.qr(design)
    own = np.abs(np.diag(upper)) / np.linalg.norm(design, axis=0)
    for name, share in zip(names, own[2:]):
        if share < RANK_TOLERANCE:
            raise ValueError(f"covariate {name!r} is a linear combination of the arm and earlier covariates")
    return q, np.linalg.inv(upper)


def _check_variation(y: np.ndarray, given: float, q: np.ndarray, outcome: str) -> None:
    """Raise if the outcome is constant or fixed by the design, up to rounding of numbers of length `given`."""
    centred = y - y.mean()
    total = np.linalg.norm(centred)
    if total <= INPUT_ROUNDING * given:
        raise ValueError(f"column {outcome!r} is constant")
    if np.linalg.norm(centred - q @ (q.T @ centred)) <= RANK_TOLERANCE * total + INPUT_ROUNDING * given:
        raise ValueError(f"column {outcome!r} does not vary beyond the arm and the covariates")
