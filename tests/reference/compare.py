"""For the tests: one of the reference trials by name, and which numbers lie too far from R's."""

from __future__ import annotations

import pandas as pd

from holf.study.agreement import ROLES, distances, load_trials, read_table, tolerance

__all__ = ["ROLES", "disagreements", "read"]


def read(name: str) -> pd.DataFrame:
    """Rows of one of the reference trials."""
    return read_table(load_trials()[name])


def disagreements(found: dict, reference: dict) -> list[str]:
    """Paths whose numbers lie further apart than their tolerance."""
    return [path for path, gap in distances(found, reference).items() if not gap <= tolerance(path)]
