"""All allocations that a cluster-randomised trial could have drawn, as sums over its treated clusters.

A statistic depends on an allocation only through sums over the treated clusters. The clusters are split into two
halves; each half lists the sums of all its choices, and an allocation is one row of the left half with one row of the
right half. 29 clusters then need 49 thousand rows instead of 78 million. Where there are too many allocations to count,
a Monte Carlo sample is drawn and summed in blocks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from math import comb, prod

import numpy as np

from clustertrials.checks import check_draws, check_generator
from clustertrials.results import shown_total

MOST_ROWS = 2**22  # rows of one half: 4 million sort in half a second
MOST_ALLOCATIONS = 10**9  # allocations visited one by one: about ten seconds a pass
_CELLS = 100_000  # cells of one block: three to four times faster than two million, because it stays in the cache
_DRAWN_CELLS = 2_000_000  # random numbers that are in memory at once


@dataclass(frozen=True)
class Allocations:
    """All allocations with the observed number of treated clusters in each stratum, or a sample of them."""

    treated: np.ndarray  # shape (clusters,): the observed allocation
    strata: np.ndarray  # shape (clusters,): stratum of each cluster, coded 0, 1, …
    total: int  # size of the full set
    # shape (draws + 1, clusters), or None: None where the full set is used; else the observed allocation and the
    # random ones after it
    drawn: np.ndarray | None = None

    @property
    def exact(self) -> bool:
        """Whether the full set is used."""
        return self.drawn is None

    @property
    def size(self) -> int:
        """Number of allocations that a count runs over, the observed one included."""
        return self.total if self.drawn is None else len(self.drawn)


@dataclass(frozen=True)
class SplitSums:
    """Sums over the treated clusters: each pair of tables represents all combinations of their rows."""

    # left table of shape (sums, rows) and right table of shape (sums, other rows)
    pairs: tuple[tuple[np.ndarray, np.ndarray], ...]
    # with weights w the last two rows of a table are s and w, and the allocation's sum of squares ``sum over strata of
    # W1 W0 / (W1 + W0)`` is s_left + s_right - cross * w_left * w_right, where W1 and W0 are the weights of the
    # treated and the other clusters of a stratum
    cross: float = 0.0

    def squares(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        """That sum of squares for the allocations of one of the `blocks`."""
        return a[-2] + b[-2] - self.cross * a[-1] * b[-1]


def allocation_set(
    treated: np.ndarray, strata: np.ndarray, *, linear: bool, rng: np.random.Generator | None, n_draws: int
) -> Allocations:
    """The full set where it can be counted, else a sample drawn with `rng`.

    `linear` says that the sums of two halves are enough to count; otherwise every allocation is visited. ValueError if
    no other allocation exists, or the full set is out of reach and `rng` is None; TypeError if `rng` is no generator.

    A sample draws the treated clusters of each stratum without replacement and contains the observed allocation once,
    which makes the p-value (b + 1) / (n + 1). Phipson & Smyth (2010), Statistical Applications in Genetics and
    Molecular Biology 9:39.
    """
    # Before it is known whether a sample is needed: a wrong argument is wrong for small trials too.
    if rng is not None:
        check_generator(rng)
    check_draws(n_draws)
    sizes, chosen = _stratum_counts(treated, strata)
    total = prod(comb(n, k) for n, k in zip(sizes, chosen))
    if total < 2:
        raise ValueError("treated: no stratum has clusters of both arms, so no other allocation was possible")
    # The halves' rows multiply to no less than the total, so beyond the square of the most no split can do: known at
    # once, where trying the splits of 1,000 clusters takes six seconds.
    most = MOST_ROWS**2 if linear else MOST_ALLOCATIONS
    reachable = total <= most and (not linear or best_split(sizes, chosen).rows <= MOST_ROWS)
    if reachable:
        return Allocations(treated, strata, total)
    if rng is None:
        raise ValueError(
            f"the {shown_total(total)} allocations are too many to count: give rng= for a Monte Carlo sample"
        )
    return Allocations(treated, strata, total, draw_allocations(treated, strata, n_draws, rng))


def split_sums(allocations: Allocations, terms: np.ndarray, weights: np.ndarray | None = None) -> SplitSums:
    """Sums of `terms`, shape (sums, clusters), over the treated clusters, for every allocation of the set.

    Cluster `weights` add the two rows that `SplitSums` describes. A sample becomes a left table beside a right table of
    one row of zeros. The split is placed where the larger half is smallest; it may run through one stratum, which then
    gives one pair of tables for each number of treated clusters on its left side. Horowitz & Sahni (1974), Journal of
    the ACM 21:277 (the two-list idea).
    """
    rows = terms if weights is None else np.vstack([terms, weights])
    totals = None if weights is None else np.bincount(allocations.strata, weights)
    if allocations.drawn is not None:
        return _drawn_tables(allocations, rows, totals)
    sizes, chosen = _stratum_counts(allocations.treated, allocations.strata)
    members = [rows[:, allocations.strata == code] for code in range(len(sizes))]
    best = best_split(sizes, chosen)
    split, left_size = best.stratum, best.left_size
    sides = []
    for codes in (best.left, best.right):
        table = np.zeros((len(rows) + (weights is not None), 1))
        for code in codes:
            options = _sums_by_size(members[code], chosen[code])[chosen[code]]
            table = _combine(table, _with_squares(options, totals, code, whole=True))
        sides.append(table)
    left = _sums_by_size(members[split][:, :left_size], chosen[split])
    right = _sums_by_size(members[split][:, left_size:], chosen[split])
    pairs = tuple(
        (
            _combine(sides[0], _with_squares(left[j], totals, split, whole=False)),
            _combine(sides[1], _with_squares(right[chosen[split] - j], totals, split, whole=False)),
        )
        for j in _left_choices(sizes[split], chosen[split], left_size)
    )
    return SplitSums(pairs, 0.0 if totals is None else 2.0 / totals[split])


def blocks(halves: SplitSums) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Visit every allocation once, in blocks whose sums fit the cache.

    Yields slices of shapes (sums, a, 1) and (sums, 1, b); their broadcast sum holds a times b allocations.
    """
    for left, right in halves.pairs:
        width = min(right.shape[1], _CELLS)
        height = max(1, _CELLS // width)
        for start in range(0, left.shape[1], height):
            for first in range(0, right.shape[1], width):
                yield left[:, start : start + height, None], right[:, None, first : first + width]


def _stratum_counts(treated: np.ndarray, strata: np.ndarray) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Clusters and treated clusters of each stratum, as Python integers that cannot overflow."""
    sizes = np.bincount(strata)
    return tuple(sizes.tolist()), tuple(np.bincount(strata[treated], minlength=len(sizes)).tolist())


def _left_choices(size: int, chosen: int, left_size: int) -> range:
    """Possible numbers of treated clusters on the left side of a stratum that is split."""
    return range(max(0, chosen - (size - left_size)), min(chosen, left_size) + 1)


@dataclass(frozen=True)
class Split:
    """How the clusters are split into two halves.

    `left` and `right` are the strata that lie whole in one half, `stratum` is split after `left_size` clusters, and
    `rows` is the number of rows of the larger half.
    """

    left: tuple[int, ...]
    right: tuple[int, ...]
    stratum: int
    left_size: int
    rows: int


@cache
def best_split(sizes: tuple[int, ...], chosen: tuple[int, ...]) -> Split:
    """Split strata into two halves of which the larger has few rows.

    `sizes` and `chosen` are clusters and treated clusters of each stratum. Every cut through one stratum is tried; the
    others go, those with the most choices first, to the half that has fewer rows.
    """
    rows_of = [comb(n, k) for n, k in zip(sizes, chosen)]
    order = sorted(range(len(sizes)), key=lambda code: (-rows_of[code], sizes[code]))
    splits = []
    for cut in (code for code in order if rows_of[code] > 1):
        for left_size in range(sizes[cut] + 1):
            taken = _left_choices(sizes[cut], chosen[cut], left_size)
            rows = [
                sum(comb(left_size, j) for j in taken),
                sum(comb(sizes[cut] - left_size, chosen[cut] - j) for j in taken),
            ]
            halves: tuple[list[int], list[int]] = [], []
            for code in order:
                if code != cut:
                    side = int(rows[1] < rows[0])
                    halves[side].append(code)
                    rows[side] *= rows_of[code]
            splits.append(Split(*map(tuple, halves), cut, left_size, max(rows)))
    return min(splits, key=lambda split: split.rows)


def _sums_by_size(rows: np.ndarray, largest: int) -> list[np.ndarray]:
    """Sums over all subsets of the columns, listed by the size of the subset."""
    tables = [np.zeros((len(rows), 1))]
    for column in rows.T[:, :, None]:
        grown = [np.concatenate(pair, axis=1) for pair in zip(tables[1:], [t + column for t in tables])]
        tables = [tables[0], *grown, tables[-1] + column][: largest + 1]
    return tables


def _combine(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Sums of every row of one table with every row of another."""
    return (first[:, :, None] + second[:, None, :]).reshape(len(first), -1)


def _with_squares(table: np.ndarray, totals: np.ndarray | None, code: int, *, whole: bool) -> np.ndarray:
    """Replace the weight sum by the two rows that `SplitSums` describes."""
    if totals is None:
        return table
    weight = table[-1]
    return np.vstack([table[:-1], weight - weight**2 / totals[code], np.zeros_like(weight) if whole else weight])


def _drawn_tables(allocations: Allocations, rows: np.ndarray, totals: np.ndarray | None) -> SplitSums:
    """A sample of allocations as one left table."""
    if totals is None:
        left = drawn_sums(rows, allocations.drawn)
    else:
        by_stratum = np.array([rows[-1] * (allocations.strata == s) for s in range(len(totals))])
        by_stratum = drawn_sums(by_stratum, allocations.drawn)
        own = (by_stratum - by_stratum**2 / totals[:, None]).sum(axis=0)
        left = np.vstack([drawn_sums(rows[:-1], allocations.drawn), own, np.zeros_like(own)])
    return SplitSums(((left, np.zeros((len(left), 1))),))


def draw_allocations(treated: np.ndarray, strata: np.ndarray, n_draws: int, rng: np.random.Generator) -> np.ndarray:
    """Draw allocations that keep the number of treated clusters in each stratum, after the observed one.

    In each stratum the clusters with the smallest of independent uniform numbers are treated. The numbers are taken
    from `rng` in the same order whatever the size of a block.
    """
    drawn = np.zeros((n_draws + 1, len(treated)), dtype=bool)
    drawn[0] = treated
    for code in range(strata.max() + 1):
        members = np.flatnonzero(strata == code)
        chosen = int(treated[members].sum())
        height = max(1, _DRAWN_CELLS // max(1, len(members)))
        for first in range(1, n_draws + 1, height):
            block = drawn[first : first + height]
            numbers = rng.random((len(block), len(members)))
            if chosen:
                lowest = np.argpartition(numbers, chosen - 1, axis=1)[:, :chosen]
                np.put_along_axis(block, members[lowest], True, axis=1)
    return drawn


def drawn_sums(rows: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    """Sum rows of numbers, shape (sums, clusters), over the treated clusters of each drawn allocation."""
    height = max(1, _DRAWN_CELLS // drawn.shape[1])
    parts = [rows @ drawn[first : first + height].astype(float).T for first in range(0, len(drawn), height)]
    return np.concatenate(parts, axis=1)
