"""Covariates and strata as columns of a design: the one place where labels become 0/1 columns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd

from clustertrials.checks import numeric


@dataclass(frozen=True)
class Covariates:
    """Covariates of a frame, one number a row each: the value of a numeric one, the place of a label among levels."""

    names: tuple[str, ...]
    codes: np.ndarray  # shape (rows, covariates): NaN where a value is missing
    levels: tuple[pd.Index | None, ...]  # of each covariate: the labels in their order; None where it is numeric

    def expand(self, rows: np.ndarray) -> tuple[np.ndarray, tuple[str, ...], tuple[str, ...]]:
        """Columns of some complete rows, a name for each of them, and what each covariate is called in a result.

        A covariate of labels becomes one 0/1 column for each level that occurs but the first, which is the reference.
        """
        columns, names, described = [np.empty((len(rows), 0))], [], []
        for name, codes, levels in zip(self.names, self.codes[rows].T, self.levels):
            if levels is None:
                columns.append(codes[:, None])
                names.append(name)
                described.append(name)
                continue
            first, *others = np.unique(codes)
            if not others:
                raise ValueError(f"covariate {name!r} is constant")
            columns.append((codes[:, None] == others).astype(float))
            names += [f"{name}[{levels[int(level)]}]" for level in others]
            described.append(f"{name} (reference {levels[int(first)]})")
        return np.hstack(columns), tuple(names), tuple(described)


def read_covariates(frame: pd.DataFrame, names: Sequence[str]) -> Covariates:
    """Read the covariates of a frame.

    Numeric and boolean columns stay as they are. A pandas categorical keeps the order of its categories; text is
    sorted. ValueError for any other column, and for numbers that are stored as objects or as text.
    """
    read = [_read(frame, name) for name in names]
    codes = np.column_stack([codes for codes, _ in read]) if read else np.empty((len(frame), 0))
    return Covariates(tuple(names), codes, tuple(levels for _, levels in read))


def strata_columns(codes: np.ndarray) -> np.ndarray:
    """Fixed effects of strata: one 0/1 column for each but the first, from their codes 0, 1, …"""
    return (codes[:, None] == np.arange(1, codes.max(initial=0) + 1)).astype(float)


def _read(frame: pd.DataFrame, name: str) -> tuple[np.ndarray, pd.Index | None]:
    column = frame[name]
    if isinstance(column.dtype, pd.CategoricalDtype):
        codes, levels = column.cat.codes.to_numpy(float), column.cat.categories
    elif _is_text(column, name):
        codes, levels = pd.factorize(column, sort=True)
    else:
        return numeric(frame, name), None
    return np.where(codes < 0, np.nan, codes), pd.Index(levels)


def _is_text(column: pd.Series, name: str) -> bool:
    """Whether a column holds text; ValueError if the text is numbers."""
    if not (pd.api.types.is_object_dtype(column) or pd.api.types.is_string_dtype(column)):
        return False
    values = column.dropna().unique()
    if not len(values) or not all(isinstance(value, str) for value in values):
        return False
    if all(map(_is_number, values)):
        raise ValueError(
            f"column {name!r} is not numeric: it holds numbers as text; convert it with .astype(float), or with "
            ".astype('category') if they are labels"
        )
    return True


def _is_number(text: str) -> bool:
    try:
        return Decimal(text.strip()).is_finite()
    except ArithmeticError:
        return False
