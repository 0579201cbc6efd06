"""Tables of the comparison with R."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from holf.display import text
from holf.display.table import Table
from holf.record.source import RECORD, joint_source
from holf.study.agreement import ReferenceTrial


def trials_table(trials: Sequence[ReferenceTrial]) -> Table:
    """The data sets: what they are, where they were published, and under which licence."""
    rows = tuple((one.source, one.about, one.taken_from, one.licence) for one in trials)
    return Table("The data sets", ("Data", "What", "Taken from", "Licence"), rows, source=RECORD)


def summary_table(found: Sequence[tuple[ReferenceTrial, pd.DataFrame]]) -> Table:
    """For each data set: how many numbers were compared, how many lie beyond tolerance, and the worst distance."""
    rows = []
    for trial, digits in found:
        distance, linear = digits["distance"], digits["tolerance"] <= 1e-9
        beyond = (~(distance <= digits["tolerance"])).sum()
        worst = text.bound(distance[linear].max()), text.bound(distance[~linear].max())
        rows.append((trial.source.partition(": ")[2], text.count(len(digits)), text.count(beyond), *worst))
    columns = ("Data", "Numbers compared", "Beyond tolerance", "Worst, linear algebra", "Worst, iterative fits")
    return Table("All numbers at once", columns, tuple(rows), source=joint_source(one.source for one, _ in found))
