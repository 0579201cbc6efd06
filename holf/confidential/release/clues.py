"""What the estimates of a release tell of its counts: the attack that every release must stand before it is written."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from holf.confidential.rules.policy import Policy
from holf.record.plan import load_registered
from holf.record.schema import load_schema
from holf.study.questions import scale_ends


@dataclass(frozen=True)
class Clue:
    """A published number that is, by its definition, a function `of` counts that are published as well.

    `half_width` is half a unit of the number's last digit.
    """

    question: str
    value: float
    half_width: float
    counts: tuple[int, ...]
    of: Callable[..., Any]

    @property
    def gives_away(self) -> bool:
        """Whether it is of other counts than those published: then it narrows them for all who can count."""
        return not self.agrees(*map(np.float64, self.counts))

    def agrees(self, *counts: Any) -> Any:
        """Whether counts give the published number."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.abs(self.of(*counts) - self.value) <= self.half_width * (1 + 1e-9)


def clues(content: dict[str, Any], policy: Policy) -> list[Clue]:
    """Every number of a release that is a function of its counts.

    Degrees of freedom that people make; the difference of two shares; the share that Lee's bounds trim; how far apart
    Manski's bounds lie, in widths of the outcome's scale; and the slope of a tipping point, which without covariates is
    the share missing.
    """
    return [clue for clue in _clues(content, policy) if _are_numbers(clue.value, *clue.counts)]


def _clues(content: dict[str, Any], policy: Policy) -> Iterator[Clue]:
    # Of record: a book on partial data has dropped outcomes from its plan, but not from its release.
    plan, schema, levels, losses = load_registered(), load_schema(), {}, {}
    arms = plan.main.treated[0], plan.main.other[0]
    for asked, answer in _answers(content, "levels"):
        levels[asked["outcome"], asked["contrast"], answer["wave"], answer["group"]] = answer
    for asked, answer in _answers(content, "attrition"):
        losses[asked["outcome"], answer["wave"], answer["group"]] = answer
    for asked, answer in _answers(content, "effect"):
        df, n, used = answer["df"], answer["n_units"], len(answer["covariates"])
        if _are_numbers(df) and df > answer["n_clusters"]:
            yield _clue("df", df, policy, (n,), lambda n, used=used: n - 2 - used)
        groups = [levels.get((asked["outcome"], asked["contrast"], asked["wave"], arm)) for arm in arms]
        is_plain = asked["estimator"] in ("naive", "cr2", "cr3") and not used
        if is_plain and all(groups) and groups[0]["show"] == "percent":
            shares = [one["mean"] for one in groups]
            counts = [
                round(share * one["n"]) if _are_numbers(share, one["n"]) else None for share, one in zip(shares, groups)
            ]
            counts = tuple(itertools.chain(*zip(counts, (one["n"] for one in groups))))
            yield _clue("difference", answer["estimate"], policy, counts, lambda a, n, b, m: a / n - b / m)
    for asked, answer in _answers(content, "bounds"):
        groups = [losses.get((asked["outcome"], asked["wave"], group)) for group in arms]
        if not all(groups):
            continue
        counts = tuple(itertools.chain(*((one["n_measured"], one["n_expected"]) for one in groups)))
        ends = scale_ends(schema, plan.outcome(asked["outcome"]), asked["wave"])
        if answer["method"] == "lee":
            yield _clue("share_trimmed", answer["share_trimmed"], policy, counts, _trimmed)
        elif ends and _are_numbers(answer["lower"], answer["upper"]):
            scale = ends[1] - ends[0]
            half = (_half(answer["lower"], policy) + _half(answer["upper"], policy)) / scale
            yield Clue("bounds", (answer["upper"] - answer["lower"]) / scale, half, counts, _width)
    for asked, answer in _answers(content, "tipping"):
        group = losses.get((asked["outcome"], asked["wave"], arms[0]))
        if group and not plan.outcome(asked["outcome"]).covariates:
            counts = answer["n_missing"], group["n_expected"]
            yield _clue("slope", answer["slope"], policy, counts, lambda lost, n: lost / n)


def _clue(question: str, value: Any, policy: Policy, counts: tuple[Any, ...], of: Callable[..., Any]) -> Clue:
    return Clue(question, value, _half(value, policy), counts, of)


def _trimmed(seen: Any, n: Any, other_seen: Any, other_n: Any) -> Any:
    one, other = seen / n, other_seen / other_n
    return 1 - np.minimum(one, other) / np.maximum(one, other)


def _width(seen: Any, n: Any, other_seen: Any, other_n: Any) -> Any:
    return (n - seen) / n + (other_n - other_seen) / other_n


def _answers(content: dict[str, Any], question: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for entry in content["answers"]:
        if entry["question"] == question:
            for found in entry.get("answers", ()):
                yield entry["asked"], found["answer"]


def _are_numbers(*values: Any) -> bool:
    return all(isinstance(value, int | float) and math.isfinite(value) for value in values)


def _half(value: Any, policy: Policy) -> float:
    """Half a unit of the last digit of a number with the policy's significant digits."""
    if not _are_numbers(value) or value == 0:
        return 0.0
    return 0.5 * 10.0 ** (math.floor(math.log10(abs(value))) + 1 - policy.significant_digits)
