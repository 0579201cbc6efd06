"""Sets of units behind counts: the same units are one count, and a set inside another implies their difference."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from dataclasses import dataclass, field

import pandas as pd

from holf.confidential.rules.attack import Equation
from holf.confidential.rules.policy import Policy
from holf.confidential.rules.primary import Support
from holf.confidential.rules.suppression import Count
from holf.record.schema import Schema


@dataclass
class UnitSets:
    """The sets of units that the counts of one study are about; it grows while it learns them.

    Attributes
    ----------
    schema : Schema
    n_offices : int
        Offices of the study.
    """

    schema: Schema
    n_offices: int
    _units: dict[str, frozenset] = field(default_factory=dict)
    _tables: dict[str, str] = field(default_factory=dict)
    _outside: dict[str, int] = field(default_factory=dict)
    _public: dict[str, int] = field(default_factory=dict)
    _homes: dict[str, dict] = field(default_factory=lambda: defaultdict(dict))

    def is_cluster(self, table: str) -> bool:
        """Whether the rows of `table` are the randomised units, which are no people."""
        return not self.schema.path(table)

    def add(
        self, table: str, frame: pd.DataFrame, *, inside: pd.DataFrame | None = None, public: int | None = None
    ) -> None:
        """Learn the set of units in `frame`; `inside` is the denominator of a share of which they are the numerator."""
        self._homes[table].update(zip(frame["unit"].tolist(), self._home(table, frame)))
        name = self.name(table, frame)
        self._units[name], self._tables[name] = frozenset(frame["unit"].tolist()), table
        if inside is not None:
            outside = len(inside) - len(frame)
            self._outside[name] = min(outside, self._outside.get(name, outside))
        if public is not None and public == len(self._units[name]):
            self._public[name] = public

    def name(self, table: str, frame: pd.DataFrame) -> str:
        """One name for a set of units, whoever asks for it."""
        units = "\0".join(sorted(set(map(str, frame["unit"].tolist()))))
        return f"{table}:{hashlib.sha256(units.encode()).hexdigest()[:16]}"

    def support(self, table: str, frame: pd.DataFrame) -> Support:
        """What lies behind a number that rests on the rows of `frame`."""
        # Lists: taking an Arrow column apart one by one, as an iterator does, is thirty times slower.
        units = frame["unit"].tolist()
        return self._support(table, frozenset(units), dict(zip(units, self._home(table, frame))))

    def linked(self, policy: Policy) -> tuple[list[Count], list[Equation], dict[str, int]]:
        """Counts, the sums among them, and those that everybody knows, for
        `holf.confidential.rules.suppression.protect`.

        Nobody is a set as well, but of every table: it stands in no sum.
        """
        names = [name for name, units in self._units.items() if units]
        counts = {name: self._count(name, self._units[name], implied=False) for name in names}
        by_units = {(self._tables[name], self._units[name]): name for name in names}
        equations = []
        for small, large in self._covers(names):
            table, rest = self._tables[large], self._units[large] - self._units[small]
            other = by_units.get((table, rest))
            if other is None:
                other = by_units[table, rest] = f"{large} less {small}"
                counts[other] = self._count(other, rest, implied=True, table=table)
            equation = Equation(large, tuple(sorted((small, other))))
            if equation not in equations:
                equations.append(equation)
        return list(counts.values()), equations, {name: self._public[name] for name in names if name in self._public}

    def _covers(self, names: list[str]) -> list[tuple[str, str]]:
        """Pairs of a set and the next larger ones around it; larger sums follow from these."""
        pairs = []
        for small in names:
            around = [
                name
                for name in names
                if self._tables[name] == self._tables[small] and self._units[small] < self._units[name]
            ]
            pairs += [
                (small, large)
                for large in around
                if not any(self._units[between] < self._units[large] for between in around)
            ]
        return pairs

    def _count(self, name: str, units: frozenset, *, implied: bool, table: str = "") -> Count:
        table = table or self._tables[name]
        support = self._support(table, units, self._homes[table])
        return Count(name, support, outside=self._outside.get(name), implied=implied)

    def _support(self, table: str, units: frozenset, homes: dict) -> Support:
        families = {homes[unit][0] for unit in units}
        sizes = Counter(homes[unit][1] for unit in units)
        is_staff = self.schema.tables[table].get("holf:role") == "staff"
        return Support(
            people=len(units),
            families=0 if is_staff else len(families),
            offices=len(sizes),
            largest_share=max(sizes.values()) / len(units) if units else 0.0,
            role="staff" if is_staff else "client",
        )

    def _columns(self, table: str) -> tuple[str, str]:
        """Columns of a unit's family and of its office; where no table holds the one or the other, the unit itself."""
        above = [key for key, _ in self.schema.path(table)]
        return above[-2] if len(above) > 1 else "unit", above[-1] if above else "unit"

    def _home(self, table: str, frame: pd.DataFrame) -> list[tuple]:
        family, office = self._columns(table)
        return list(zip(frame[family].tolist(), frame[office].tolist()))
