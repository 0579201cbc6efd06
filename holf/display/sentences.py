"""Sentences about answers: one place where words such as "no difference" are chosen by rule."""

from __future__ import annotations

import math
from dataclasses import dataclass

from clustertrials.results import Effect
from holf.display import text
from holf.record.plan import Outcome
from holf.record.source import CLASSES, class_of, mark_of


@dataclass(frozen=True)
class Sentence:
    """Words with where their numbers came from; simulated and real ones say so in their first words."""

    words: str
    source: str = ""

    def __repr__(self) -> str:
        mark, name = mark_of(self.source)
        return f"{mark} ({name}). {self.words}" if mark else self.words

    def _repr_markdown_(self) -> str:
        mark, name = mark_of(self.source)
        return f"**{mark}** ({name}). {self.words}" if mark else self.words


def effect_sentence(effect: Effect, outcome: Outcome) -> Sentence:
    """Say what an interval shows against the margin, and whether the test rejects no difference.

    A test that does not reject is never called "no effect": either the whole interval lies inside the margin, or the
    data leave open a difference that would matter. Of an effect that disclosure control withholds, only that is said.
    """
    if math.isnan(effect.ci_low):
        return Sentence(f"{outcome.label}: difference {text.difference(effect.estimate, outcome.show)}.", effect.source)
    shown = (
        f"{outcome.label}: difference {text.difference(effect.estimate, outcome.show)} "
        f"({text.percent(effect.level)} interval "
        f"{text.interval(effect.ci_low, effect.ci_high, outcome.show)})."
    )
    margin, p_value = text.amount(outcome.margin, outcome.show), text.p_value(effect.p_value)
    holds_zero = effect.ci_low <= 0 <= effect.ci_high
    inside = -outcome.margin < effect.ci_low and effect.ci_high < outcome.margin
    if inside:
        verdict = f"the interval rules out a difference as large as the assumed margin of {margin}."
    elif not effect.is_significant:
        verdict = f"there is no clear difference, and one as large as the assumed margin of {margin} stays open."
        verdict += "" if holds_zero else f" Zero lies outside the interval, but the two-sided test has p = {p_value}."
    else:
        better = "higher" if effect.estimate > 0 else "lower"
        reason = f"the two-sided test has p = {p_value}, though the interval holds zero"
        verdict = f"the treated arm lies {better}; {reason if holds_zero else 'the interval excludes zero'}."
    # Said again here: quoted alone, the sentence must not read as a finding.
    where = "in these invented data, " if class_of(effect.source) == CLASSES["simulated"] else ""
    verdict = where + verdict
    return Sentence(f"{shown} {verdict[0].upper()}{verdict[1:]}", effect.source)
