"""Checks of what is handed in, each in one place; messages name the column or parameter and the rule."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from decimal import Decimal
from math import isfinite
from numbers import Integral, Number, Real

import numpy as np
import pandas as pd


def require_columns(frame: pd.DataFrame, names: Sequence[str]) -> None:
    """Raise ValueError unless every name is one column of the frame, and none is used twice."""
    for name in names:
        if isinstance(name, list | np.ndarray | pd.Index):
            raise ValueError(f"one column is wanted, not the list {list(name)!r}: ask once for each column")
        count = int((frame.columns == name).sum())
        if count != 1:
            raise ValueError(f"column {name!r} is {'not in the frame' if count == 0 else 'in the frame twice'}")
        if list(names).count(name) > 1:
            raise ValueError(f"column {name!r} is used in two roles")


def numeric(frame: pd.DataFrame, name: str) -> np.ndarray:
    """Return a numeric column as floats, NaN where a value is missing; ValueError if it is not numeric or infinite."""
    column = frame[name]
    if not (pd.api.types.is_numeric_dtype(column) or pd.api.types.is_bool_dtype(column)):
        raise ValueError(f"column {name!r} is not numeric{_conversion(column)}")
    if pd.api.types.is_complex_dtype(column):
        raise ValueError(f"column {name!r} holds complex numbers")
    values = column.to_numpy(dtype=float, na_value=np.nan)
    if np.isinf(values).any():
        raise ValueError(f"column {name!r} has an infinite value")
    return values


def _conversion(column: pd.Series) -> str:
    """How a column of numbers that is stored as objects becomes numeric; empty for other columns."""
    values = column.dropna() if pd.api.types.is_object_dtype(column) else []
    if len(values) and all(isinstance(value, bool | np.bool) for value in values):
        return ": it holds true and false as objects; convert it with .astype('boolean')"
    if len(values) and all(isinstance(value, Number | Decimal) for value in values):
        return ": it holds numbers as objects; convert it with .astype(float)"
    return ""


def require_nested(frame: pd.DataFrame, *, arm: str, cluster: str) -> None:
    """Raise ValueError if the arm varies inside a cluster; rows without arm or cluster are ignored."""
    pairs = frame[[cluster, arm]].dropna().drop_duplicates()
    split = int(pairs[cluster].duplicated().sum())
    if split:
        raise ValueError(f"column {arm!r} is not constant inside {cluster!r}: {split} cluster(s) hold two arms")


def list_of_names(role: str, names: Sequence[str], kind: str = "column names") -> list[str]:
    """Return names as a list; ValueError for a single string, or a generator, which is empty at its second use."""
    if isinstance(names, str) or not isinstance(names, Sequence | pd.Index):
        raise ValueError(f"{role} must be a list of {kind}; got {type(names).__name__}")
    return list(names)


def require_two_arms(frame: pd.DataFrame, *, arm: str, cluster: str, treated: Hashable) -> np.ndarray:
    """Return which units are treated; ValueError unless every one has a cluster and one of two arms."""
    for name in (arm, cluster):
        if frame[name].isna().any():
            raise ValueError(f"column {name!r} has a missing value; every unit needs one")
    require_nested(frame, arm=arm, cluster=cluster)
    is_treated = (frame[arm] == treated).to_numpy(dtype=bool)
    if frame[arm].nunique() != 2 or not is_treated.any():
        raise ValueError(f"column {arm!r} must have two arms, one of them the treated value {treated!r}")
    return is_treated


def strata_of(frame: pd.DataFrame, *, cluster: str, strata: str) -> np.ndarray:
    """Return the stratum of each cluster as codes from 0, clusters in the order of their first row.

    ValueError if a row has no stratum or a cluster lies in two.
    """
    require_columns(frame, [cluster, strata])
    if frame[strata].isna().any():
        raise ValueError(f"column {strata!r} has a row without a stratum")
    pairs = frame[[cluster, strata]].drop_duplicates()
    if split := int(pairs[cluster].duplicated().sum()):
        raise ValueError(f"column {strata!r} is not constant inside {cluster!r}: {split} cluster(s) lie in two strata")
    return pd.factorize(pairs[strata])[0]


def check_between(name: str, value: float, low: float, high: float) -> None:
    """Raise ValueError unless a value lies strictly between two limits."""
    check_numbers(**{name: value})
    if not low < value < high:
        raise ValueError(f"{name} must lie between {low:g} and {high:g}")


def is_pair(values: object) -> bool:
    """Whether something is two numbers."""
    return isinstance(values, Sequence | np.ndarray) and len(values) == 2 and all(map(_is_number, values))


def check_numbers(**values: float) -> None:
    """Raise TypeError unless each value is a number."""
    for name, value in values.items():
        if not _is_number(value):
            raise TypeError(f"{name} must be a number, not {value!r}")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def check_level(level: float) -> None:
    """Raise ValueError unless the confidence level lies between 0 and 1."""
    check_between("level", level, 0, 1)


def check_margin(margin: float) -> None:
    """Raise ValueError unless a margin is finite and above 0."""
    if not (isfinite(margin) and margin > 0):
        raise ValueError("margin must be a positive number, in units of the outcome")


def check_draws(n_draws: int, least: int = 1) -> None:
    """Raise TypeError or ValueError unless a number of draws is whole, and at least so many."""
    if isinstance(n_draws, bool) or not isinstance(n_draws, Integral):
        raise TypeError(f"n_draws must be a whole number, not {n_draws!r}")
    if n_draws < least:
        raise ValueError(f"n_draws must be at least {least}, not {n_draws}")


def check_generator(rng: np.random.Generator) -> None:
    """Raise TypeError for a seed, or anything else but a generator, as a source of random numbers."""
    if not isinstance(rng, np.random.Generator):
        raise TypeError(f"rng must be a generator such as numpy.random.default_rng(1), not {rng!r}")
