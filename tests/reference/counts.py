"""Allocations counted by this book and by R: whole numbers that have to be the same."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pandas as pd

from clustertrials.randomisation import adjusted_randomisation_test, randomisation_test
from holf.study.agreement import ReferenceTrial, check_same, leaves, read_table, references

TAILS = {"greater": "greater", "less": "less", "two_sided": "two-sided"}


def counted(trial: ReferenceTrial) -> pd.DataFrame:
    """Permutation counts of one data set: path, and the number of allocations by this book and by R."""
    reference = dict(leaves(references(trial.name, "counts")))
    wanted = {path.partition("/")[0] for path in reference}
    ours = dict(leaves(permutation_counts(read_table(trial), wanted=wanted)))
    check_same(ours, reference)
    rows = [(path, int(ours[path]), int(theirs)) for path, theirs in reference.items()]
    return pd.DataFrame(rows, columns=["path", "ours", "reference"])


def permutation_counts(frame: pd.DataFrame, *, wanted: Collection[str]) -> dict:
    """Count the allocations at least as extreme as the observed one, for several statistics of the offices.

    Rows with a value missing in x, y or b are left out. The answer has by statistic the set's size and the counts of
    both tails and of the absolute value; for max_t the two-sided step-down counts of office means and events.
    """
    rows = frame.dropna(subset=["y", "b", "x"])
    offices = rows.groupby("office")
    # In whole thousandths: R's coin takes statistics within 1.5e-8 for equal, and so finds ties that are none.
    means = np.floor(1000 * offices["y"].mean().to_numpy() + 0.5)
    events, sizes = offices["b"].sum().to_numpy(float), offices.size().to_numpy()
    arm = (offices["arm"].first() == "new").to_numpy()
    each = {
        "means": lambda **tail: randomisation_test(means, arm, **tail),
        "events": lambda **tail: randomisation_test(events, arm, **tail),
        "strata": lambda **tail: randomisation_test(events, arm, strata=np.arange(len(arm)) % 2, **tail),
        "weighted": lambda **tail: randomisation_test(means, arm, weights=sizes, **tail),
        "welch": lambda **tail: randomisation_test(means, arm, statistic="welch", **tail),
        "adjusted": lambda **tail: adjusted_randomisation_test(
            rows["y"].to_numpy(),
            rows["x"].to_numpy(),
            cluster=rows["office"].to_numpy(),
            treated=(rows["arm"] == "new").to_numpy(),
            **tail,
        ),
    }
    found = {name: _tails(test) for name, test in each.items() if name in wanted}
    if "max_t" in wanted:
        joint = randomisation_test(np.column_stack([means, events]), arm, interval=False)
        adjusted = (_whole(p, joint.n_allocations) for p in joint.p_value_adjusted)
        found["max_t"] = dict(zip(("means", "events"), adjusted))
    return found


def _tails(test) -> dict:
    results = {name: test(alternative=tail, interval=False) for name, tail in TAILS.items()}
    total = results["greater"].n_allocations
    return {"total": total} | {name: _whole(result.p_value, total) for name, result in results.items()}


def _whole(share: float, total: int) -> int:
    count = round(share * total)
    if abs(share * total - count) > 1e-3:
        raise ValueError("a p-value is not a whole number of allocations")
    return count
