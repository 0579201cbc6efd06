"""From typed answers to safe ones: every count, share, mean and estimate of a study, judged together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import pandas as pd

from clustertrials.influence import UNITS, RecruitmentDiagnostic
from clustertrials.results import Effect, Icc
from holf.confidential.rules.policy import Policy
from holf.confidential.rules.primary import Support, refusal, rounded, safe_estimate, safe_mean, safe_share, significant
from holf.confidential.rules.suppression import UnitSets, protect
from holf.record.flow import Flow
from holf.study.answers import Change, Level, Sizes, Withheld, is_withheld
from holf.study.questions import Answered

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
    difference is implied, and is protected as if it were shown. Means, spreads and shares go with their count, and an
    estimate with the counts and shares of the groups that it compares: beside one group's mean it gives the other's.
    Numbers that follow from counts, such as the mean size of an office, are computed from the counts as shown.

    Raises
    ------
    ValueError
        If an answer holds a count whose rows it does not name.
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
            sets.add(table, frame[frame[column] == _ends(frame[column])[1]], inside=frame)


def _ends(values: pd.Series) -> tuple[float, float] | None:
    """The two values of a variable that has no third: its mean is a share, as it is for 0 and 1."""
    known = set(values.dropna().tolist())
    if not len(values) or len(known) > 2:
        return None
    return (0.0, 1.0) if known <= {0, 1} else (min(known), max(known))


def _shares(found: Answered, name: str, frame: pd.DataFrame) -> list[str]:
    """Columns with two values whose share the answer shows for these rows."""
    if isinstance(found.answer, Level) and name == "n":
        columns = ["value"]
    elif isinstance(found.answer, Change) and name == "n":
        columns = ["baseline", "value"]
    elif isinstance(found.answer, Effect) and name in ("treated", "other"):
        columns = ["value"]
    else:
        columns = []
    return [column for column in columns if _ends(frame[column])]


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
        supports = [self._support(found.table, frame) for frame in groups]
        df = sum(support.offices for support in supports) - 2
        means, lost = self._means(found), self._lost(found, groups)
        parts = {}
        for field in fields(found.answer):
            value = getattr(found.answer, field.name)
            if field.name in means:
                parts[field.name] = means[field.name]
            elif field.name in found.behind:
                parts[field.name] = self._count(found.table, found.behind[field.name])
            elif field.name in _EXTREMES and "extremes" in self.policy.rules:
                parts[field.name] = Withheld("extremes")
            elif field.name in _PLAIN or isinstance(value, str | bool):
                continue
            elif field.name.startswith("n_"):
                raise ValueError(f"{type(found.answer).__name__}.{field.name}: a count whose rows are not named")
            elif lost is not None:
                # None is an answer as well: that no shift turns the verdict is told by the same rows.
                parts[field.name] = lost
            elif value is not None:
                parts[field.name] = self._estimates(value, supports, df)
        answer = replace(found.answer, **parts)
        everyone = pd.concat(groups)
        families = self.sets.support(found.table, everyone)
        people = self._count(found.table, everyone)
        rules = tuple(sorted({part.rule for part in _numbers(answer) if is_withheld(part)}))
        return Safe(answer, people, self._families(families), families.offices, rules)

    def _support(self, table: str, frame: pd.DataFrame) -> Support:
        support, ends = self.sets.support(table, frame), _ends(frame["value"]) if "value" in frame else None
        return replace(support, events=int((frame["value"] == ends[1]).sum())) if ends else support

    def _lost(self, found: Answered, groups: list[pd.DataFrame]) -> Withheld | None:
        """The refusal that the answer's estimates share: of a group, of a share in it, or of how many are missing."""
        behind = found.behind.items()
        parts = [*groups, *(frame for name, frame in behind if name.startswith("n_missing"))]
        if "treated" in found.behind:
            valued = [frame for frame in groups if "value" in frame]
            parts += [frame[frame["value"] == ends[1]] for frame in valued if (ends := _ends(frame["value"]))]
        counts = (self._count(found.table, frame) for frame in parts)
        return next(filter(is_withheld, counts), None)

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
        if isinstance(answer, Sizes):
            return {"mean": self._mean_size(found, behind[""])}
        if isinstance(answer, Icc):
            return {"mean_size": self._rescaled(answer.mean_size, found)}
        if isinstance(answer, RecruitmentDiagnostic) and answer.characteristic == UNITS:
            one, other = (self._mean_size(found, behind[arm]) for arm in ("treated", "other"))
            lost = next(filter(is_withheld, (one, other)), None)
            return {"mean_treated": one, "mean_other": other, "difference": one - other if lost is None else lost}
        if isinstance(answer, Effect):
            return {
                f"mean_{arm}": self._mean(found, behind[arm], "value", getattr(answer, f"mean_{arm}"), math.nan)[0]
                for arm in ("treated", "other")
            }
        return {}

    def _mean_size(self, found: Answered, frame: pd.DataFrame) -> float | Withheld:
        """Units an office from the count as shown: times the known number of offices, the true one gives the count."""
        n, offices = self._count(found.table, frame), self.sets.support(found.table, frame).offices
        return n if is_withheld(n) or not offices else n / offices

    def _rescaled(self, size: float, found: Answered) -> float | Withheld:
        """An average size of offices as it would be if the count behind it were the one shown."""
        frame = found.behind["n_units"]
        n = self._count(found.table, frame)
        return n if is_withheld(n) else significant(size * n / len(frame), self.policy)

    def _mean(self, found: Answered, frame: pd.DataFrame, column: str, mean: float, sd: float) -> tuple:
        n, support = self._count(found.table, frame), self.sets.support(found.table, frame)
        if ends := _ends(frame[column]):
            share = safe_share(self._count(found.table, frame[frame[column] == ends[1]]), n)
            if is_withheld(share):
                return share, share
            width = ends[1] - ends[0]
            return ends[0] + width * share, width * math.sqrt(share * (1 - share))
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
