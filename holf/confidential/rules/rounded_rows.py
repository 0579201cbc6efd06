"""Rows whose counts are the published ones, so that whatever is computed from them follows from what is published."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from holf.confidential.rules.policy import Policy
from holf.confidential.rules.primary import rounded
from holf.record.plan import Contrast, Outcome
from holf.study.answers import Withheld, is_withheld
from holf.study.tables import Rows

# Of rows of a table: how many units are published for them.
Published = Callable[[str, pd.DataFrame], int | Withheld]


@dataclass(frozen=True)
class RoundedRows(Rows):
    """The rows of a study for the second of two rounds of questions.

    The first round, on all rows, decides which counts are shown and as what. In this one a few rows are left out or
    stand twice, until each arm has as many units, as many of them measured and complete, and as many with a 1 of a 0/1
    outcome, as the release says. An estimate from these rows betrays no other count, in whatever way it is computed.
    The rows are of offices with `min_people` measured units or more: in one with a single unit, the mean over units
    beside the mean over offices would give that unit's value. Staff are so few an office that no row of theirs changes.
    Where the data dictionary sets no limit, the values of a group are cut at the largest and the smallest that
    `min_people` of its units reach, so that none shows by itself. A value then has at most 1 / `min_people` of their
    sum, which keeps both dominance rules in use: the two largest have less than 90%, and the others more than 10% of
    the largest.
    """

    true: Rows
    published: Published
    policy: Policy
    _rounded: dict[tuple, pd.DataFrame] = field(default_factory=dict, init=False, repr=False, compare=False)

    def values(self, outcome: Outcome, wave: str, contrast: Contrast) -> pd.DataFrame:
        """As `Rows.values`, and the same rows as those of `analysis`."""
        if wave == self.plan.baseline or len(contrast.arms) > 2:
            return self._once("values", outcome, wave, contrast)
        return self.analysis(outcome, wave, contrast).loc[:, :"value"]

    def analysis(self, outcome: Outcome, wave: str, contrast: Contrast) -> pd.DataFrame:
        """As `Rows.analysis`."""
        return self._once("analysis", outcome, wave, contrast)

    def everyone(self, outcome: Outcome, wave: str, contrast: Contrast) -> tuple[pd.DataFrame, list[str]]:
        """As `Rows.everyone`."""
        frame, complete = self.true.everyone(outcome, wave, contrast)
        return self._once("everyone", outcome, wave, contrast, frame), complete

    def _once(
        self, kind: str, outcome: Outcome, wave: str, contrast: Contrast, frame: pd.DataFrame | None = None
    ) -> pd.DataFrame:
        key = kind, outcome.id, wave, contrast.id
        if key not in self._rounded:
            if frame is None:
                frame = getattr(self.true, kind)(outcome, wave, contrast)
            covariates = [name for name in outcome.covariates if name in frame]
            frame = self._cut(frame, self._open_ends(outcome, wave))
            self._rounded[key] = self._round(frame, self.unit_table(outcome), covariates)
        return self._rounded[key]

    def _open_ends(self, outcome: Outcome, wave: str) -> set[str]:
        """Which of the ends ``minimum`` and ``maximum`` the schema leaves open."""
        limits = self.schema.fields(outcome.table)[outcome.column.format(wave=wave)].get("constraints", {}).keys()
        return set() if "enum" in limits else {"minimum", "maximum"} - limits

    def _cut(self, frame: pd.DataFrame, ends: set[str]) -> pd.DataFrame:
        names = [name for name in ("value", "baseline") if name in frame and ends]
        groups = frame.groupby(_group(frame))
        return frame.assign(**{name: groups[name].transform(_cut, self.policy.min_people, ends) for name in names})

    def _round(self, frame: pd.DataFrame, table: str, covariates: Sequence[str]) -> pd.DataFrame:
        """The frame with the published number of rows in each arm, by what is known of the unit."""
        if self.schema.tables[table].get("holf:role") == "staff":
            return frame
        has_value = frame["value"].notna()
        # From the inside out: who is analysed, who is measured, who is there.
        nested = [has_value & frame[list(covariates)].notna().all(axis=1), has_value, has_value | True]
        ends = two_values(frame["value"])
        kept = []
        for _, side in frame.groupby(_group(frame), sort=True):
            inner, fewer, fewer_events = side[:0], 0, 0
            measured = side.loc[has_value[side.index], self.cluster].value_counts()
            large = measured.index[measured >= self.policy.min_people]
            for mask in nested:
                outer = side[mask[side.index]]
                added = outer[~outer.index.isin(inner.index)]
                total = self._count(table, outer) if len(outer) else 0
                events = added["value"] == ends[1] if ends else added["value"].isna() & False
                n_events = self._count(table, outer[outer["value"] == ends[1]]) if events.any() else fewer_events
                room = max(total - fewer, 0)
                if mask is nested[-1] and is_withheld(self.published(table, added)):
                    room = self._count(table, added)
                share = min(max(n_events - fewer_events, 0), room)
                # Whatever rests on a withheld count is withheld as well, and who was not measured has no value.
                is_shown = mask is not nested[-1] and not is_withheld(self.published(table, outer))
                for rows, size in ((added[events], share), (added[~events], room - share)):
                    kept.append(_resized(rows, size, self.cluster, large if is_shown else None))
                inner, fewer, fewer_events = outer, max(total, fewer), max(n_events, fewer_events)
        return pd.concat(kept, ignore_index=True) if kept else frame

    def _count(self, table: str, rows: pd.DataFrame) -> int:
        """How many rows to have in place of some: as many as published, or a number that tells nothing of a few."""
        count = self.published(table, rows)
        if not is_withheld(count):
            return count
        return rounded(len(rows), self.policy) if len(rows) >= self.policy.min_people else self.policy.min_people // 2


def two_values(values: pd.Series) -> tuple[float, float] | None:
    """The two values of a variable with at most two, whose mean is therefore a share; None for any other variable."""
    known = set(values.dropna().tolist())
    if not len(values) or len(known) > 2:
        return None
    return (0.0, 1.0) if known <= {0, 1} else (min(known), max(known))


def _group(frame: pd.DataFrame) -> str:
    return "treated" if "treated" in frame else "group"


def _cut(values: pd.Series, fewest: int, ends: set[str]) -> pd.Series:
    """The values, at the given ends none further out than `fewest` of them."""
    known = values.dropna()
    if len(known) < fewest or not fewest:
        return values
    low = known.nsmallest(fewest).max() if "minimum" in ends else None
    return values.clip(low, known.nlargest(fewest).min() if "maximum" in ends else None)


def _resized(rows: pd.DataFrame, size: int, cluster: str, offices: Collection | None) -> pd.DataFrame:
    """The rows with some of them, of certain offices, left out or doubled; no office is emptied if that can be.

    They are the same ones for the same rows. A ValueError says that these offices have too few.
    """
    if not len(rows) or size == len(rows):
        return rows
    order = np.argsort(pd.util.hash_array(rows["unit"].to_numpy(object)), kind="stable")
    ordered = rows.iloc[order]
    may_change = ordered[cluster].isin(offices).to_numpy() if offices is not None else np.full(len(rows), True)
    if may_change.sum() < (1 if size > len(rows) else len(rows) - size):
        raise ValueError("too few people are in offices large enough to hide one of them")
    if size > len(rows):
        return rows.iloc[[*range(len(rows)), *np.resize(order[may_change], size - len(rows))]]
    # First those that may not go, then the rows that have others of their office before them.
    rank = np.where(may_change, ordered.groupby(cluster).cumcount().to_numpy(), -1)
    return ordered.iloc[np.sort(np.argsort(rank, kind="stable")[:size])]
