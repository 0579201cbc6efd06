"""Whether the effect of an arm differs between groups, or goes with a covariate."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import asdict, dataclass, replace

import numpy as np
import pandas as pd

from clustertrials.checks import check_level, list_of_names, require_columns
from clustertrials.columns import read_covariates
from clustertrials.estimators import INDIVIDUAL
from clustertrials.results import Inference
from clustertrials.robust import cluster_robust, fit_ols
from clustertrials.trial import SMALLEST_ARM, Trial, orthonormal, read_trial

EXPLORATORY = "exploratory unless registered"


@dataclass(frozen=True)
class Contrast:
    """The effect in one group, or an interaction: how it differs between two groups or goes with a covariate.

    `group` is the group; two of them, ``"women minus men"``; or ``"per unit of age"``. `kind` is ``"effect"`` or
    ``"interaction"``. Units and clusters are those of the group, or of both; the rest is as for `clustertrials.Effect`.
    """

    group: str
    kind: str
    estimate: float
    se: float
    df: float
    p_value: float
    ci_low: float
    ci_high: float
    n_units: int
    n_clusters: int


@dataclass(frozen=True)
class SubgroupEffects:
    """Effects by group, none where `by` is a covariate, then the interactions of arm and group.

    The status says what they are worth: a group that was chosen after the data were seen proves nothing. The other
    fields are as for `clustertrials.Effect`.
    """

    contrasts: tuple[Contrast, ...]
    outcome: str
    treated: str
    other: str
    by: str
    n_dropped: int
    level: float
    covariates: tuple[str, ...] = ()
    strata: str = ""
    status: str = EXPLORATORY

    def to_frame(self) -> pd.DataFrame:
        """One row a contrast at full precision, with its status."""
        return pd.DataFrame([asdict(one) for one in self.contrasts]).assign(status=self.status)

    def __str__(self) -> str:
        inside = f", inside strata of {self.strata}" if self.strata else ""
        adjusted = f", adjusted for {', '.join(self.covariates)}" if self.covariates else ""
        dropped = f", {self.n_dropped:,} rows left out" if self.n_dropped else ""
        columns = ["group", "kind", "estimate", "ci_low", "ci_high", "p_value", "df", "n_units", "n_clusters"]
        return "\n".join(
            [
                f"{self.outcome}: {self.treated} minus {self.other} by {self.by}; {self.status}",
                self.to_frame()[columns].to_string(index=False, float_format="%.4g"),
                f"cr2, {INDIVIDUAL}{inside}{adjusted}{dropped}; {100 * self.level:g} % intervals, "
                "p-values of one contrast each",
            ]
        )

    def _repr_html_(self) -> str:
        return self.to_frame().to_html(index=False)


def subgroup_effects(
    frame: pd.DataFrame,
    outcome: str,
    *,
    by: str,
    arm: str,
    cluster: str,
    treated: Hashable,
    covariates: Sequence[str] = (),
    strata: str | None = None,
    level: float = 0.95,
) -> SubgroupEffects:
    """Estimate the effect in each group, and how it differs between groups or goes with a covariate.

    Parameters
    ----------
    frame, outcome, arm, cluster, treated, covariates, strata, level
        As for `clustertrials.estimate_effect`, with the estimator ``"cr2"``.
    by : str
        Column that was measured before randomisation. Text, categories, true and false, and numbers of two values make
        groups; other numbers are a covariate, and the interaction is the change of the effect per unit.

    Returns
    -------
    SubgroupEffects
        Exploratory, unless the groups were registered before the data were seen.

    Raises
    ------
    ValueError
        As for `clustertrials.estimate_effect`; also if a group has fewer than four clusters in an arm.

    Notes
    -----
    Least squares on arm, `by`, their product, covariates and strata, with CR2 errors and Satterthwaite's degrees of
    freedom for each combination of coefficients; at most clusters - 2, less one for each column, product included, that
    is constant inside clusters. Each interaction compares a group with the first. Compare the groups by it, and not by
    which of them is significant alone.

    Pustejovsky JE, Tipton E (2018), Journal of Business & Economic Statistics 36:672-683. Wang R et al. (2007), New
    England Journal of Medicine 357:2189-2194 (reporting subgroups).

    Examples
    --------
    >>> rng = np.random.default_rng(1)
    >>> frame = pd.DataFrame({"clinic": np.repeat(range(10), 20), "sex": ["women", "men"] * 100})
    >>> frame["arm"] = np.where(frame["clinic"] % 2, "new", "usual")
    >>> frame["score"] = rng.normal(size=200) + (frame["arm"] == "new") * (frame["sex"] == "women")
    >>> found = subgroup_effects(frame, "score", by="sex", arm="arm", cluster="clinic", treated="new")
    >>> found.to_frame()[["group", "estimate", "p_value"]].round(3).values.tolist()
    [['men', 0.105, 0.496], ['women', 0.879, 0.0], ['women minus men', 0.774, 0.003]]
    """
    check_level(level)
    names = list_of_names("covariates", covariates)
    require_columns(frame, [by, outcome, arm, cluster, *names, *([] if strata is None else [strata])])
    n_given, frame = len(frame), frame.dropna(subset=[by])
    if frame[by].nunique() == 2 or pd.api.types.is_string_dtype(frame[by]):
        frame = frame.assign(**{by: frame[by].astype("category").cat.remove_unused_categories()})
    # Strata that determine `by` have its own part among their fixed effects.
    own = [] if strata is not None and frame.groupby(strata)[by].nunique().max() == 1 else [by]
    roles = {"arm": arm, "cluster": cluster, "treated": treated, "strata": strata}
    trial = read_trial(frame, outcome, covariates=[*own, *names], **roles)
    read = read_covariates(frame, [by])
    columns, levels = read.expand(trial.rows)[0], read.levels[0]
    counts = [(np.ones(len(columns), bool), f"per unit of {by}")]
    if levels is not None:
        codes = read.codes[trial.rows, 0]
        counts = [(codes == code, str(levels[int(code)])) for code in np.unique(codes)]
        for rows, name in counts:
            _check_group(trial, rows, f"column {by!r}, group {name!r}")
    scale = columns.std(axis=0)
    products = trial.treated[:, None] * (columns - (0 if levels is not None else columns.mean(axis=0))) / scale
    whole = replace(trial, covariates=np.hstack([trial.covariates, products]))
    design = np.column_stack([np.ones(len(trial.y)), trial.treated, whole.covariates])
    called = [f"product of {by} and {arm}"] * whole.covariates.shape[1]
    fit = fit_ols(trial.y, *orthonormal(design, called), trial.starts)

    def contrast(rows: np.ndarray, group: str, kind: str, weights: dict[int, float]) -> Contrast:
        combined = np.zeros(len(fit.coefficients))
        combined[list(weights)] = list(weights.values())
        found = cluster_robust(fit, combined, "CR2")
        found = Inference(found.estimate, found.se, float(min(found.df, whole.max_df)))
        if not (found.df > 0 and found.se > 1e-12 * trial.y.std()):
            raise ValueError(f"column {outcome!r}: nothing is left to judge {group!r} of {by!r} by")
        low, high = (float(end) for end in found.interval(level))
        clusters = len(np.unique(trial.codes[rows]))
        return Contrast(
            group, kind, *asdict(found).values(), float(found.p_value), low, high, int(rows.sum()), clusters
        )

    first = len(fit.coefficients) - products.shape[1]
    if levels is None:
        contrasts = [contrast(*counts[0], "interaction", {first: 1 / scale[0]})]
    else:
        (reference, named), *others = counts
        contrasts = [contrast(reference, named, "effect", {1: 1.0})]
        gaps = [{first + place: 1 / scale[place]} for place in range(len(others))]
        contrasts += [contrast(*other, "effect", {1: 1.0, **gap}) for other, gap in zip(others, gaps)]
        contrasts += [
            contrast(rows | reference, f"{name} minus {named}", "interaction", gap)
            for (rows, name), gap in zip(others, gaps)
        ]
    adjusted, n_dropped = trial.described[len(own) :], n_given - len(trial.y)
    return SubgroupEffects(tuple(contrasts), outcome, *trial.arms, by, n_dropped, level, adjusted, trial.strata_name)


def _check_group(trial: Trial, rows: np.ndarray, group: str) -> None:
    present = np.add.reduceat(rows, trial.starts) > 0
    fewest = min((present & trial.treated_clusters).sum(), (present & ~trial.treated_clusters).sum())
    if fewest < SMALLEST_ARM:
        raise ValueError(f"{group}: an arm has {fewest} cluster(s); at least {SMALLEST_ARM} are needed")
