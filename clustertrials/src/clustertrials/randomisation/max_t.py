"""Family-wise randomisation inference for several outcomes from their exact joint distribution."""

from __future__ import annotations

import numpy as np

from clustertrials.randomisation.allocations import Allocations, blocks, split_sums
from clustertrials.randomisation.statistics import Largest


def joint_distribution(
    allocations: Allocations,
    scores: np.ndarray,
    deviations: np.ndarray,
    weights: np.ndarray | None,
    rejected: int,
    alternative: str,
    tolerances: np.ndarray,
) -> tuple[np.ndarray, float]:
    """Step-down adjusted p-values, and the two-sided critical value of the largest standardised statistic.

    `scores`, shape (outcomes, clusters), are centred cluster values, times the weights if there are any; `deviations`
    make outcomes comparable; sums of scores that differ by less than `tolerances` are ties; the critical value may
    leave `rejected` allocations above it.

    Outcomes are ordered by their observed statistics. The p-value of the i-th is the share of allocations whose
    largest statistic among the i-th and all smaller ones reaches the observed i-th, and never below that of the
    one before it. This controls the family-wise error for any pattern of true and false nulls.
    Westfall & Young (1993), Resampling-Based Multiple Testing, algorithm 4.1.
    """
    rows = scores / deviations[:, None]
    if alternative == "less":
        rows = -rows
    observed = rows[:, allocations.treated].sum(axis=1)
    strength = np.abs(observed) if alternative == "two-sided" else observed
    order = np.argsort(strength, kind="stable")
    slack = tolerances / deviations
    tables = split_sums(allocations, rows[order], weights)
    unit = denominator(allocations, weights)
    counts = np.zeros(len(rows), dtype=np.int64)
    largest = Largest(rejected + 1)
    for a, b in blocks(tables):
        scale = 1.0 if weights is None else tables.squares(a, b) / unit
        signed = absolute = None
        for i, outcome in enumerate(order):
            value = a[i] + b[i] if weights is None else (a[i] + b[i]) / scale
            if alternative != "two-sided":
                signed = value.copy() if signed is None else np.maximum(signed, value, out=signed)
            np.abs(value, out=value)
            absolute = value if absolute is None else np.maximum(absolute, value, out=absolute)
            reached = absolute if alternative == "two-sided" else signed
            counts[i] += np.count_nonzero(reached >= strength[outcome] - slack[outcome])
        largest.add(absolute.ravel())
    adjusted = np.empty(len(rows))
    adjusted[order] = np.maximum.accumulate(counts[::-1])[::-1] / allocations.size
    return adjusted, largest.smallest()


def denominator(allocations: Allocations, weights: np.ndarray | None) -> float:
    """Denominator of the observed difference: the sum over strata of W1 W0 / W, weights of treated, other, all."""
    weights = np.ones(len(allocations.treated)) if weights is None else weights
    chosen = np.bincount(allocations.strata, weights * allocations.treated)
    return float((chosen - chosen**2 / np.bincount(allocations.strata, weights)).sum())
