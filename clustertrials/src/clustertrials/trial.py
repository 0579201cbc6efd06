"""A frame of a cluster-randomised trial, checked once and turned into sorted arrays."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from clustertrials.checks import list_of_names, numeric, require_columns, require_nested, strata_of
from clustertrials.columns import read_covariates, strata_columns

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
    # shape (rows, columns): fixed effects of the strata, then covariates, centred on their mean and divided by their
    # standard deviation
    covariates: np.ndarray
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
    strata: np.ndarray | None = None  # shape (clusters,): stratum of each cluster as codes from 0; None without strata
    arms: tuple[str, str] = ("", "")  # what the treated arm and the other one are called
    described: tuple[str, ...] = ()  # covariates, those of labels with their reference level
    strata_name: str = ""  # column of the strata
    rows: np.ndarray | None = None  # shape (rows,): the place of each in the frame; None without a frame

    def without_strata(self) -> Trial:
        """The trial without fixed effects of its strata, for a method that takes account of them by itself."""
        fixed_effects = 0 if self.strata is None else int(self.strata.max())
        return replace(self, covariates=self.covariates[:, fixed_effects:])

    @property
    def facts(self) -> dict[str, object]:
        """What every result says of its trial, by the names of its fields."""
        treated, other = self.arms
        used = {"n_units": len(self.y), "n_clusters": len(self.starts), "n_dropped": self.n_dropped}
        asked = {"outcome": self.outcome, "covariates": self.described, "strata": self.strata_name}
        return used | asked | {"treated": treated, "other": other}

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
        """Largest df of any method: clusters - 2, less one for each column that is constant inside clusters.

        With strata and no covariate these are clusters - strata - 1.
        """
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
    strata: str | None = None,
    smallest_arm: int = SMALLEST_ARM,
) -> Trial:
    """Check a trial's frame and return its complete rows as arrays.

    Parameters are those of `clustertrials.estimate_effect`. `smallest_arm` is the fewest clusters accepted in an arm;
    1 for a method that ignores clusters. ValueError names the column and the rule that it breaks.
    """
    names = list_of_names("covariates", covariates)
    require_columns(frame, [outcome, arm, cluster, *names, *([] if strata is None else [strata])])
    _check_arms(frame, arm=arm, cluster=cluster)
    y, read = numeric(frame, outcome), read_covariates(frame, names)
    complete = ~np.isnan(np.column_stack([y, read.codes])).any(axis=1)
    complete &= frame[[arm, cluster]].notna().all(axis=1).to_numpy()
    codes = pd.factorize(frame.loc[complete, cluster])[0]
    order = np.argsort(codes, kind="stable")
    arms = frame.loc[complete, arm]
    is_treated = _treated_rows(arms, treated, arm)[order]
    rows = np.flatnonzero(complete)[order]
    columns, column_names, described = read.expand(rows)
    blocks = None
    if strata is not None:
        blocks = strata_of(frame.loc[complete], cluster=cluster, strata=strata)
        _check_strata(blocks, is_treated[np.searchsorted(codes[order], np.arange(len(blocks)))], strata)
        columns = np.hstack([strata_columns(blocks)[codes[order]], columns])
        column_names = (*[strata] * int(blocks.max()), *column_names)
    trial = sorted_trial(
        np.column_stack([y[complete][order], columns]),
        is_treated,
        codes[order],
        names=(outcome, arm, cluster, *column_names),
        smallest_arm=smallest_arm,
    )
    other = arms[(arms != treated).to_numpy(bool)].iloc[0]
    return replace(
        trial,
        n_dropped=int((~complete).sum()),
        strata=blocks,
        arms=(str(treated), str(other)),
        described=described,
        strata_name=strata or "",
        rows=rows,
    )


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
    q, r_inverse = orthonormal(design, covariates)
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
        raise ValueError(f"column {arm!r} has {values} arms: ask compare_arms, or keep the rows of two")
    require_nested(frame, arm=arm, cluster=cluster)


def _treated_rows(arms: pd.Series, treated: Hashable, arm: str) -> np.ndarray:
    if arms.empty:
        raise ValueError("no row has a value in every column used")
    is_treated = (arms == treated).to_numpy(dtype=bool)
    if not is_treated.any():
        given, held = type(treated).__name__, arms.dtype
        raise ValueError(
            f"column {arm!r} has no complete row with the treated value {treated!r}, of type {given}; it holds {held}"
        )
    if is_treated.all():
        raise ValueError(f"column {arm!r} has only one arm among the complete rows")
    return is_treated


def _check_strata(strata: np.ndarray, treated: np.ndarray, name: str) -> None:
    sizes, in_treated = np.bincount(strata), np.bincount(strata, treated)
    if not ((in_treated > 0) & (in_treated < sizes)).any():
        raise ValueError(f"column {name!r}: no stratum has clusters of both arms")


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


def orthonormal(design: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """The `q` and `r_inverse` of `Trial`; `names` are those of the columns after intercept and arm, for messages."""
    if len(design) <= design.shape[1]:
        raise ValueError(f"{len(design)} complete rows are too few for {design.shape[1]} coefficients")
    q, upper = np.linalg.qr(design)
    own = np.abs(np.diag(upper)) / np.linalg.norm(design, axis=0)
    for name, share in zip(names, own[2:]):
        if share < RANK_TOLERANCE:
            raise ValueError(
                f"covariate {name!r} is a linear combination of the arm, the strata and earlier covariates"
            )
    return q, np.linalg.inv(upper)


def _check_variation(y: np.ndarray, given: float, q: np.ndarray, outcome: str) -> None:
    """Raise if the outcome is constant or fixed by the design, up to rounding of numbers of length `given`."""
    centred = y - y.mean()
    total = np.linalg.norm(centred)
    if total <= INPUT_ROUNDING * given:
        raise ValueError(f"column {outcome!r} is constant")
    if np.linalg.norm(centred - q @ (q.T @ centred)) <= RANK_TOLERANCE * total + INPUT_ROUNDING * given:
        raise ValueError(f"column {outcome!r} does not vary beyond the arm and the covariates")
