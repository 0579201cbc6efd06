"""Seconds of a call, and one line of a report."""

from __future__ import annotations

from collections.abc import Callable
from time import perf_counter


def seconds(call: Callable[[], object], repeats: int = 5) -> float:
    """Shortest of several runs: the one that other work on the machine disturbed least."""
    taken = []
    for _ in range(repeats):
        start = perf_counter()
        call()
        taken.append(perf_counter() - start)
    return min(taken)


def report(what: str, value: float, unit: str, target: float | None = None, *, at_least: bool = False) -> None:
    """Print a measurement beside its target."""
    verdict = ""
    if target is not None:
        met = value >= target if at_least else value <= target
        verdict = f"   target {'>=' if at_least else '<='} {target:,g}   {'met' if met else 'MISSED'}"
    print(f"{what:<68}{value:>12,.4g} {unit}{verdict}", flush=True)
