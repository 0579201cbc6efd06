"""From typed answers to safe ones: every count, share, mean and estimate of a study, judged together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import pandas as pd

from holf.disclosure.cells import Support, refusal, rounded, safe_estimate, safe_mean, safe_share
from holf.disclosure.policy import Policy
from holf.disclosure.sets import UnitSets
from holf.disclosure.suppression import protect
from holf.disclosure.withheld import Withheld, is_withheld
from holf.flow import Flow
from holf.questions import Answered
from holf.results import Change, Level

# Settings of the method and numbers of offices or allocations: known from the design, or about no person.
_PLAIN = frozenset("level margin n_clusters n_offices n_treated n_other n_allocations n_sign_changes".split()) | {
    "n_significance_changes"
}
_EXTREMES = frozenset({"smallest"})
ARM = "arm"


@dataclass(frozen=True)
class Safe:
    """A safe answer, what it rests on in numbers that may themselves be shown, and the rules that withheld parts."""

    answer: Any
    people: int | Withheld
    families: int | Withheld
    offices: int
    rules: tuple[str, ...]


def disclose(
    asked: Mapping[str, list[Answered]], sets: UnitSets, policy: Policy, public: Mapping[str, int]
) -> dict[str, list[Safe]]:
    """Make all answers of a study safe, at once: a number is judged beside every other that leaves with it.

    Parameters
    ----------
    asked : mapping of str to list of Answered
        Every question that will be answered, with the rows behind each number.
    sets : UnitSets
        Empty; it learns the sets of units behind the counts.
    policy : Policy
    public : mapping of str to int
        Published counts by box of the flow; one counts as known to everybody where the study counts the same.

    Returns
    -------
    dict of str to list of Safe
        In the order of `asked`.

    Notes
    -----
    Counts of the same units are one count, whatever page shows them. Where one set of units holds another, their
    difference is implied, and is protected as if it were shown. Means, spreads and shares go with their count.
    """
    for answers in asked.values():
        for found in answers:
            _learn(found, sets, public)
    counts, equations, known = sets.linked(policy)
    shown = protect(counts, equations, known, policy)
    judge = _Judge(sets, policy, shown)
    return {key: [judge.safe(found) for found in answers] for key, answers in asked.items()}


def _learn(found: Answered, sets: UnitSets, public: Mapping[str, int]) -> None:
    for name, frame in found.behind.items():
        table = frame["table"].iloc[0] if isinstance(found.answer, Flow) and len(frame) else found.table
        if not table or sets.is_cluster(table):
            continue
        known = public.get(name) if isinstance(found.answer, Flow) else None
        sets.add(table, frame, public=known)
        for column in _shares(found, name, frame):
            sets.add(table, frame[frame[column] == 1], inside=frame)


def _shares(found: Answered, name: str, frame: pd.DataFrame) -> list[str]:
    """Columns of 0/1 whose share the answer shows for these rows."""
    if isinstance(found.answer, Level) and name == "n":
        columns = ["value"]
    elif isinstance(found.answer, Change) and name == "n":
        columns = ["baseline", "value"]
    elif hasattr(found.answer, "mean_treated") and "value" in frame and name in ("treated", "other"):
        columns = ["value"]
    else:
        columns = []
    return [column for column in columns if len(frame) and frame[column].dropna().isin((0, 1)).all()]


@dataclass(frozen=True)
class _Judge:
    """Turns one answer at a time into a safe one, with the linked counts already decided."""

    sets: UnitSets
    policy: Policy
    shown: Mapping[str, int | Withheld]

    def safe(self, found: Answered) -> Safe:
        """The answer with each of its numbers rounded or withheld."""
        if isinstance(found.answer, Flow):
            return self._flow(found)
        groups = [frame for name, frame in found.behind.items() if not name.startswith("n_") and name != "n"]
        groups = groups or list(found.behind.values())[:1]
        supports = [self.sets.support(found.table, frame) for frame in groups]
        df = sum(support.offices for support in supports) - 2
        means = self._means(found)
        parts = {}
        for field in fields(found.answer):
            value = getattr(found.answer, field.name)
            if field.name in means:
                parts[field.name] = means[field.name]
            elif field.name in found.behind:
                parts[field.name] = self._count(found.table, found.behind[field.name])
            elif field.name in _EXTREMES and "extremes" in self.policy.rules:
                parts[field.name] = Withheld("extremes")
            elif field.name not in _PLAIN and not isinstance(value, str | bool | None):
                parts[field.name] = self._estimates(value, supports, df)
        answer = replace(found.answer, **parts)
        everyone = pd.concat(groups)
        families = self.sets.support(found.table, everyone)
        people = self._count(found.table, everyone)
        rules = tuple(sorted({part.rule for part in _numbers(answer) if is_withheld(part)}))
        return Safe(answer, people, self._families(families), families.offices, rules)

    def _estimates(self, value: Any, supports: list[Support], df: float) -> Any:
        if isinstance(value, tuple):
            return tuple(self._estimates(part, supports, df) for part in value)
        if isinstance(value, str | bool | None) or (isinstance(value, float) and math.isnan(value)):
            return value
        # A description of one group has no model, and so no residual degrees of freedom to ask for.
        df = df if len(supports) > 1 else math.inf
        return safe_estimate(float(value), supports, self.policy, level=ARM, df=df)

    def _means(self, found: Answered) -> dict[str, float | Withheld]:
        """Means, spreads and shares of the answer, each with the count that it goes with."""
        answer, behind = found.answer, found.behind
        if isinstance(answer, Level):
            mean, sd = self._mean(found, behind["n"], "value", answer.mean, answer.sd)
            return {"mean": mean, "sd": sd}
        if isinstance(answer, Change):
            before, _ = self._mean(found, behind["n"], "baseline", answer.before, math.nan)
            after, _ = self._mean(found, behind["n"], "value", answer.after, math.nan)
            lost = next((part for part in (before, after) if is_withheld(part)), None)
            return {"before": before, "after": after, "change": lost if lost is not None else after - before}
        if hasattr(answer, "mean_treated") and "value" in behind["treated"]:
            return {
                f"mean_{arm}": self._mean(found, behind[arm], "value", getattr(answer, f"mean_{arm}"), math.nan)[0]
                for arm in ("treated", "other")
            }
        return {}

    def _mean(self, found: Answered, frame: pd.DataFrame, column: str, mean: float, sd: float) -> tuple:
        n, support = self._count(found.table, frame), self.sets.support(found.table, frame)
        if len(frame) and frame[column].dropna().isin((0, 1)).all():
            share = safe_share(self._count(found.table, frame[frame[column] == 1]), n)
            # A published zero of zero is a share of nobody.
            return share, share if is_withheld(share) else math.sqrt(share * (1 - share))
        if math.isnan(mean):
            return mean, sd
        spread = sd if math.isnan(sd) else safe_mean(sd, n, support, self.policy, level=ARM, statistic="sd")
        return safe_mean(mean, n, support, self.policy, level=ARM), spread

    def _count(self, table: str, frame: pd.DataFrame) -> int | Withheld:
        """A count as it was decided among all; one of nobody is shown where nobody can be worked out from it."""
        name = self.sets.name(table, frame)
        if name in self.shown:
            return self.shown[name]
        support = self.sets.support(table, frame)
        rule = refusal(support, self.policy, level=ARM)
        return Withheld(rule) if rule else rounded(support.people, self.policy)

    def _families(self, support: Support) -> int | Withheld:
        rule = refusal(support, self.policy, level=ARM)
        return Withheld(rule) if rule else rounded(support.families, self.policy)

    def _flow(self, found: Answered) -> Safe:
        counts = []
        for count in found.answer.counts:
            if self.sets.is_cluster(count.box.table):
                counts.append(count)
                continue
            total = self._count(count.box.table, found.behind[count.box.id])
            by_arm = {arm: self._count(count.box.table, found.behind[f"{count.box.id}/{arm}"]) for arm in count.by_arm}
            counts.append(replace(count, total=total, by_arm=by_arm))
        # Each count is rounded on its own, a box of n branches is so off by up to (n + 1) halves of the base.
        answer = replace(found.answer, counts=tuple(counts), slack=len(counts) * self.policy.round_to)
        first = next(count for count in answer.counts if not self.sets.is_cluster(count.box.table))
        rules = tuple(sorted({part.rule for part in _numbers(answer) if is_withheld(part)}))
        return Safe(answer, first.total, first.total, self.sets.n_offices, rules)


def _numbers(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        value = tuple(value.values())
    elif is_dataclass(value):
        value = tuple(getattr(value, field.name) for field in fields(value))
    if not isinstance(value, tuple):
        yield value
        return
    for part in value:
        yield from _numbers(part)
