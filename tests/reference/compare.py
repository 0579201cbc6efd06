"""Shorthand for the tests: one of the reference trials by name."""

from __future__ import annotations

import pandas as pd

from holf.display.agreement import load_trials, read_rows
from holf.display.reanalysis import ROLES

__all__ = ["ROLES", "read"]


def read(name: str) -> pd.DataFrame:
    """Rows of one of the reference trials."""
    return read_rows(load_trials()[name])
