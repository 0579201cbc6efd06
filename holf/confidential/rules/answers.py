"""Makes the answers of a study safe: all counts, shares, means and estimates are judged together."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

import pandas as pd

from clustertrials.estimands import EstimandGap
from clustertrials.influence import UNITS, Influence, RecruitmentDiagnostic
from clustertrials.missing import Bounds, TippingPoint
from clustertrials.results import Effect, Icc, Ratio
from holf.confidential.rules.policy import Policy
from holf.confidential.rules.primary import Support, refusal, rounded, safe_estimate, safe_mean
from holf.confidential.rules.rounded_rows import Published, two_values
from holf.confidential.rules.suppression import UnitSets, largest_error, protect
from holf.record.flow import Flow
from holf.study.answers import (
    Attrition,
    Change,
    ExactTest,
    Level,
    Multiplicity,
    Role,
    Sanity,
    Sizes,
    Withheld,
    is_withheld,
)
from holf.study.questions import Answered

# What a number of an answer of `clustertrials` is, by the name of its field. One that is not here is refused.
_KINDS = {
    "estimate": "estimate se se_log statistic p_value ci_low ci_high icc mean_size lower upper share_trimmed difference"
    " individual_average cluster_average below above slope variances observed_mean sd"
    " mean_treated mean_other",
    "df": "df",
    "count": "n_units n_dropped n_missing n_missing_treated n_missing_other",
    "extreme": "largest_shift",
    "left out": "n_sign_changes n_significance_changes",
    "offices": "n_clusters n_allocations",
    "plain": "level covariates",
}
_ROLES = {name: Role(kind) for kind, names in _KINDS.items() for name in names.split()}
_MODELS = (Effect, Icc, Bounds, EstimandGap, Influence, RecruitmentDiagnostic, Ratio, TippingPoint)
_OWN = (Sizes, Level, Change, Attrition, Multiplicity, ExactTest, Sanity)
# By type of answer and field; the study's own answers declare theirs.
ROLES: dict[type, dict[str, Role]] = {
    **{kind: {one.name: _ROLES[one.name] for one in fields(kind) if one.name in _ROLES} for kind in _MODELS},
    **{kind: {one.name: one.metadata["role"] for one in fields(kind) if one.metadata} for kind in _OWN},
}
# An effect's means are described with their arm; those of recruitment are of offices, and numbers of a model.
ROLES[Effect] |= {f"mean_{arm}": Role("mean", arm) for arm in ("treated", "other")}
# What a tipping point says of the measured units is what the effect and the level say of them.
_MEASURED = "n_measured_treated", "n_measured_other"
ROLES[TippingPoint] |= {
    "observed_mean": Role("mean", _MEASURED[0]),
    "estimate": Role("estimate", "measured"),
    "df": Role("df", "measured"),
}


@dataclass(frozen=True)
class Safe:
    """A safe answer, and how many people, families and offices it rests on, which is safe as well."""

    answer: Any
    people: int | Withheld
    families: int | Withheld
    offices: int | Withheld

    @property
    def rules(self) -> list[str]:
        """The rules that withheld a part of it, or a count behind it."""
        parts = sorted({part.rule for part in _numbers(self.answer) if is_withheld(part)})
        behind = [count.rule for count in (self.people, self.families, self.offices) if is_withheld(count)]
        return list(dict.fromkeys([*parts, *behind]))


def disclose(
    asked: Mapping[str, list[Answered]],
    sets: UnitSets,
    policy: Policy,
    public: Mapping[str, int],
    ask_again: Callable[[Published], Mapping[str, list[Answered] | None]],
) -> tuple[dict[str, list[Safe]], int]:
    """Make all answers of a study safe at once, since each number can be combined with every other one.

    Parameters
    ----------
    asked : mapping of str to list of Answered
        Every question that will be answered.
    sets : UnitSets
        Empty; it learns the sets of units behind the counts.
    policy : Policy
    public : mapping of str to int
        Published counts by box of the flow; one counts as known to everybody where the study counts the same.
    ask_again : callable
        Asks the same questions of `holf.confidential.rules.rounded_rows.RoundedRows`; it is given the published counts.

    Returns
    -------
    safe : dict of str to list of Safe
        In the order of `asked`, without the questions that the rounded rows do not answer.
    off_by : int
        By how much a shown count can be off at most.

    Raises
    ------
    ValueError
        If an answer holds a count whose rows it does not name.

    Notes
    -----
    Counts of the same units are one count, whatever page shows them. Where one set of units holds another, their
    difference is protected as if it were shown. An estimate goes with the counts and shares of the groups that it
    compares: beside one group's mean it gives the other's.
    """
    for answers in asked.values():
        for found in answers:
            _learn(found, sets, public)
    counts, equations, known = sets.linked(policy)
    shown = protect(counts, equations, known, policy)
    judge = _Judge(sets, policy, shown, frozenset(known))
    again, safe = ask_again(judge.count), {}
    for key, answers in asked.items():
        if again[key] is not None:
            rounded_answers = {identity(vars(found.answer)): found.answer for found in again[key]}
            safe[key] = [judge.safe(found, rounded_answers[identity(vars(found.answer))]) for found in answers]
    return safe, largest_error(shown, counts, equations, known, policy)


def identity(parts: Mapping[str, Any]) -> tuple[str, ...]:
    """What tells an answer, given as its parts by name, from the others to the same question."""
    names = ("label", "outcome", "arm", "group", "wave", "statistic", "characteristic", "method")
    return tuple(value for name in names if isinstance(value := parts.get(name, ""), str))


def _learn(found: Answered, sets: UnitSets, public: Mapping[str, int]) -> None:
    for name, frame in found.behind.items():
        table = frame["table"].iloc[0] if isinstance(found.answer, Flow) and len(frame) else found.table
        if not table or sets.is_cluster(table):
            continue
        known = public.get(name) if isinstance(found.answer, Flow) else None
        sets.add(table, frame, public=known)
        for column in _shares(found, name, frame):
            sets.add(table, frame[frame[column] == two_values(frame[column])[1]], inside=frame)
    if not isinstance(found.answer, Flow) and (families := sets.families(found.table, pd.concat(_groups(found)))):
        sets.add(*families)


def _groups(found: Answered) -> list[pd.DataFrame]:
    """The rows of each group that an answer compares, or describes."""
    groups = [frame for name, frame in found.behind.items() if not name.startswith("n_") and name != "n"]
    return groups or list(found.behind.values())[:1]


def _shares(found: Answered, name: str, frame: pd.DataFrame) -> list[str]:
    """Columns with two values whose share the answer shows for these rows."""
    roles = ROLES.get(type(found.answer), {}).values()
    columns = dict.fromkeys(role.column for role in roles if role.kind == "mean" and role.rows == name)
    return [column for column in columns if two_values(frame[column])]


@dataclass(frozen=True)
class _Judge:
    """Turns one answer at a time into a safe one, with the linked counts already decided."""

    sets: UnitSets
    policy: Policy
    shown: Mapping[str, int | Withheld]
    known: frozenset[str]

    def safe(self, found: Answered, again: Any) -> Safe:
        """The answer with each of its numbers rounded or withheld; `again` is the answer that rounded rows give."""
        if isinstance(found.answer, Flow):
            return self._flow(found)
        groups = _groups(found)
        missing = [name for name in found.behind if name.startswith("n_missing")]
        # What an estimate rests on, by the rows of its role.
        rests = {
            "": (groups, missing),
            "measured": ([found.behind[one] for one in _MEASURED if one in found.behind], []),
        }
        supports = {name: [self._support(found.table, one) for one in frames] for name, (frames, _) in rests.items()}
        lost = {name: self._lost(found, *one) for name, one in rests.items()}
        df = sum(support.offices for support in supports[""]) - 2
        roles, parts = ROLES.get(type(found.answer), {}), {}
        behind = (self._support(found.table, frame) for frame in found.behind.values() if len(frame))
        few = Withheld("staff") if any(not support.whole for support in behind) else None
        for field in fields(again):
            value, name = getattr(again, field.name), f"{type(again).__name__}.{field.name}"
            role = roles.get(field.name)
            if role is None and not isinstance(value, str | bool):
                raise ValueError(f"{name}: has no role for disclosure control")
            if role is None or role.kind == "plain":
                continue
            rows = role.rows if role.rows in rests else ""
            if role.kind == "count":
                if field.name not in found.behind:
                    raise ValueError(f"{name}: a count whose rows are not named")
                parts[field.name] = self._counted(found, field.name)
            elif role.kind == "offices":
                parts[field.name] = value if few is None else few
            elif role.kind in ("mean", "sd", "size"):
                parts[field.name] = self._described(found, role, value)
            elif role.kind == "extreme":
                parts[field.name] = Withheld("extremes")
            elif role.kind == "left out" and supports[""][0].role == "staff":
                parts[field.name] = Withheld("staff")
            elif lost[rows] is not None:
                # None is an answer as well: that no shift turns the verdict is told by the same rows.
                parts[field.name] = lost[rows]
            elif role.kind != "left out":
                parts[field.name] = self._estimates(value, supports[rows], df)
        parts |= self._differences(found, parts)
        answer = replace(again, **parts)
        everyone = pd.concat(groups)
        families = self.sets.families(found.table, everyone)
        offices = self.sets.support(found.table, everyone).offices if few is None else few
        people = self.count(found.table, everyone)
        return Safe(answer, people, self._families(*families) if families else 0, offices)

    def _families(self, table: str, frame: pd.DataFrame) -> int | Withheld:
        """How many families an answer rests on; beside a public count, the rest would be told though it is small."""
        return Withheld("complementary") if self.sets.lacks_few(table, frame, self.policy) else self.count(table, frame)

    def _support(self, table: str, frame: pd.DataFrame) -> Support:
        support, ends = self.sets.support(table, frame), two_values(frame["value"]) if "value" in frame else None
        return replace(support, events=int((frame["value"] == ends[1]).sum())) if ends else support

    def _lost(self, found: Answered, groups: list[pd.DataFrame], missing: list[str]) -> Withheld | None:
        """The refusal that withholds all estimates of some groups: of one, a share in it, or the number missing."""
        parts = [*groups]
        if "treated" in found.behind:
            valued = [frame for frame in groups if "value" in frame]
            parts += [frame[frame["value"] == ends[1]] for frame in valued if (ends := two_values(frame["value"]))]
        counts = [*(self.count(found.table, frame) for frame in parts), *(self._counted(found, one) for one in missing)]
        return next(filter(is_withheld, counts), None)

    def _counted(self, found: Answered, name: str) -> int | Withheld:
        """A count of the answer: 0 where everybody can count those who are there, and so knows that nobody is not."""
        frame, whole = found.behind[name], found.behind.get("n_units", found.behind.get("n_expected"))
        if not len(frame) and whole is not None and self.sets.name(found.table, whole) in self.known:
            is_everyone = name == "n_dropped" and self.sets.is_largest(found.table, whole, self.known)
            if is_everyone or (name.startswith("n_missing") and whole["value"].notna().all()):
                return 0
        return self.count(found.table, frame)

    def _estimates(self, value: Any, supports: list[Support], df: float) -> Any:
        if isinstance(value, tuple):
            return tuple(self._estimates(part, supports, df) for part in value)
        if isinstance(value, str | bool | None) or (isinstance(value, float) and math.isnan(value)):
            return value
        # A description of one group has no model, and so no residual degrees of freedom to ask for.
        df = df if len(supports) > 1 else math.inf
        return safe_estimate(float(value), supports, self.policy, df=df)

    def _described(self, found: Answered, role: Role, value: float) -> float | Withheld:
        """A mean, a spread, a share or a size, with the count that it goes with."""
        frame = found.behind[role.rows]
        n, support = self.count(found.table, frame), self.sets.support(found.table, frame)
        if role.kind == "size":
            return self._mean_size(found, frame)
        if ends := two_values(frame[role.column]):
            events = self.count(found.table, frame[frame[role.column] == ends[1]])
            if (refused := next(filter(is_withheld, (events, n)), None)) is not None:
                return refused
            share = events / n
            width = ends[1] - ends[0]
            return ends[0] + width * share if role.kind == "mean" else width * math.sqrt(share * (1 - share))
        if math.isnan(value):
            return value
        return safe_mean(value, n, support, self.policy, statistic=role.kind)

    def _differences(self, found: Answered, parts: Mapping[str, Any]) -> dict[str, float | Withheld]:
        """Numbers that follow from others of the answer, from those as they are shown."""
        answer = found.answer
        if isinstance(answer, Change):
            before, after = parts["before"], parts["after"]
            return {"change": _unless_withheld(after - before, before, after)}
        if isinstance(answer, RecruitmentDiagnostic) and answer.characteristic == UNITS:
            one, other = (self._mean_size(found, found.behind[arm]) for arm in ("treated", "other"))
            return {"mean_treated": one, "mean_other": other, "difference": _unless_withheld(one - other, one, other)}
        return {}

    def _mean_size(self, found: Answered, frame: pd.DataFrame) -> float | Withheld:
        """Units an office from the count as shown: times the known number of offices, the true one gives the count."""
        n, offices = self.count(found.table, frame), self.sets.support(found.table, frame).offices
        return n if is_withheld(n) or not offices else n / offices

    def count(self, table: str, frame: pd.DataFrame) -> int | Withheld:
        """A count as decided together with all others; one that is linked to none is judged by itself."""
        name = self.sets.name(table, frame)
        if name in self.shown:
            return self.shown[name]
        support = self.sets.support(table, frame)
        rule = refusal(support, self.policy)
        return Withheld(rule) if rule else rounded(support.people, self.policy)

    def _flow(self, found: Answered) -> Safe:
        counts = []
        for count in found.answer.counts:
            if self.sets.is_cluster(count.box.table):
                counts.append(count)
                continue
            total = self.count(count.box.table, found.behind[count.box.id])
            by_arm = {arm: self.count(count.box.table, found.behind[f"{count.box.id}/{arm}"]) for arm in count.by_arm}
            counts.append(replace(count, total=total, by_arm=by_arm))
        # Rounded, boxes do not add up.
        answer = replace(found.answer, counts=tuple(counts), slack=math.inf)
        first = next(count for count in answer.counts if not self.sets.is_cluster(count.box.table))
        return Safe(answer, first.total, first.total, self.sets.n_offices)


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


def _unless_withheld(number: float, *parts: float | Withheld) -> float | Withheld:
    """A number that follows from others, or the first refusal among them."""
    return next(filter(is_withheld, parts), number)
