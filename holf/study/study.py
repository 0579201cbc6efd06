"""A study: opened from a source, asked questions, answering with typed records and never with rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from clustertrials.equivalence_tests import Equivalence, equivalence
from clustertrials.estimands import EstimandGap
from clustertrials.influence import Influence, RecruitmentDiagnostic
from clustertrials.missing import Bounds, TippingPoint
from clustertrials.results import Effect, Icc, Ratio
from holf.record.facts import load_assumptions
from holf.record.flow import Flow
from holf.record.plan import Outcome, Plan
from holf.study.answers import Attrition, Change, ExactTest, Level, Multiplicity, Sanity, Sizes

# A question, and its keywords, to the answers that it has.
Ask = Callable[..., tuple[Any, ...]]


class StudyError(ValueError):
    """A source cannot be opened, or a question has no answer in it; the message never holds a value of a person."""


class Study:
    """Answers about one study.

    The tables stay behind `ask`. Methods return frozen records, each stamped with `source`, such as ``"simulated: null
    world"``; `outcome` is always one of `data/plan.yml` and `wave` one at which it is registered, the first by default.
    """

    def __init__(self, plan: Plan, ask: Ask, *, source: str, sign: int | None):
        self.plan, self.source = plan, source
        self._ask, self._sign = ask, sign

    def planted(self, outcome: str) -> float | None:
        """True difference that a simulated world plants in those who take part; None on real data."""
        if self._sign is None:
            return None
        return self._sign * load_assumptions()[self.plan.outcome(outcome).simulated["effect"]].value

    def flow(self) -> Flow:
        """Participant flow, in all and by arm of the office, box by box as `data/flow.yml` lists them."""
        return self._ask("flow")[0]

    def sizes(self, table: str | None = None, *, arm: str | None = None, contrast: str | None = None) -> Sizes:
        """How many rows of `table` (the plan's first) in the comparison the offices have, and how unequal they are."""
        return self._ask("sizes", table=table or self._first, arm=arm, contrast=self._compared(contrast))[0]

    def baseline(self, contrast: str | None = None) -> tuple[Level, ...]:
        """Means at baseline by arm, for the schema's characteristics; `levels` has those of an outcome."""
        return self._ask("baseline", contrast=self._compared(contrast))

    def recruitment(self, table: str | None = None) -> tuple[RecruitmentDiagnostic, ...]:
        """Those who took part, by arm: how many an office, and who, with p-values against the offices' draw."""
        return self._ask("recruitment", table=table or self._first)

    def levels(self, outcome: str, *, contrast: str | None = None) -> tuple[Level, ...]:
        """Mean (share) of the outcome by group and wave, baseline first, over everyone measured at that wave."""
        return self._ask("levels", outcome=self.plan.outcome(outcome).id, contrast=self._compared(contrast))

    def effect(
        self,
        outcome: str,
        wave: str | None = None,
        *,
        estimator: str | None = None,
        contrast: str | None = None,
        adjusted: bool = True,
        level: float = 0.95,
    ) -> Effect:
        """Difference between the compared groups, treated minus other.

        Parameters
        ----------
        outcome, wave : str
        estimator : str, optional
            As in `holf.estimate_effect`, or ``"ipw"``: weighted for missing outcomes; the plan's own by default.
        contrast : str, optional
            A contrast of the plan; the one of the randomised clusters by default. One whose groups were drawn inside
            clusters is answered by the mean of the clusters' own differences.
        adjusted : bool
            Adjust for the plan's covariates; never so for a contrast inside clusters.
        level : float
            Confidence level.
        """
        what, compared = self._what(outcome, wave)
        contrast = self._compared(contrast)
        if contrast != self.plan.main.id:
            if estimator is not None:
                raise ValueError(
                    f"contrast {contrast!r} has one estimator, within_cluster_difference; leave estimator out"
                )
            estimator, adjusted = "within_cluster_difference", False
        asked = {"estimator": estimator or what.estimator, "contrast": contrast, "adjusted": adjusted, "level": level}
        return self._ask("effect", outcome=what.id, wave=compared, **asked)[0]

    def specifications(self, outcome: str, wave: str | None = None) -> tuple[Effect, ...]:
        """The effect under every method: as planned, beside, weighted for missing outcomes, and without covariates.

        A method other than the planned one that has no answer in these data is left out.
        """
        what = self.plan.outcome(outcome)
        planned = (what.estimator, *what.beside)
        bare = [name for name in ("cr2", "cluster_means") if what.covariates and name in planned]
        asked = [(name, True) for name in (*planned, *what.also)] + [(name, False) for name in bare]
        found = [self.effect(outcome, wave)]
        for name, adjusted in asked[1:]:
            try:
                found.append(self.effect(outcome, wave, estimator=name, adjusted=adjusted))
            except StudyError:
                continue
        return tuple(found)

    def equivalence(self, outcome: str, wave: str | None = None) -> Equivalence | None:
        """Two one-sided tests against the outcome's margin; None where disclosure control withholds the effect."""
        what, wave = self._what(outcome, wave)
        effect = self.effect(outcome, wave)
        return None if math.isnan(effect.se) else equivalence(effect, what.margin)

    def multiplicity(self, kind: str = "primary") -> tuple[Multiplicity, ...]:
        """Family-wise p-values over the first waves of all outcomes of one kind.

        Exact step-down max-T (Westfall and Young) over every allocation of the offices, from office means of what the
        baseline leaves unexplained, beside Holm's adjustment of the same exact p-values. The allocation set is all ways
        to choose the treated offices without restriction: an assumption, since the record does not say.
        """
        return self._ask("multiplicity", kind=kind)

    def change(self, outcome: str, arm: str, wave: str | None = None, *, contrast: str | None = None) -> Change:
        """Change from baseline to `wave` in one arm, over those measured both times: description, not an effect."""
        what, wave = self._what(outcome, wave)
        return self._ask("change", outcome=what.id, arm=arm, wave=wave, contrast=self._compared(contrast))[0]

    def icc(self, outcome: str, wave: str | None = None, *, contrast: str | None = None) -> Icc:
        """Intraclass correlation of the outcome by office, inside arms."""
        what, wave = self._what(outcome, wave)
        return self._ask("icc", outcome=what.id, wave=wave, contrast=self._compared(contrast))[0]

    def attrition(self, outcome: str, wave: str | None = None) -> tuple[Attrition, ...]:
        """For each arm, how many should have been measured at `wave`, how many were, and how offices differ in it."""
        return self._about("attrition", outcome, wave)

    def gap(self, outcome: str, wave: str | None = None) -> EstimandGap:
        """Family-average effect minus office-average effect, with its interval."""
        return self._about("gap", outcome, wave)[0]

    def odds(self, outcome: str, wave: str | None = None) -> Ratio:
        """Marginal odds ratio of a 0/1 outcome."""
        return self._about("odds", outcome, wave)[0]

    def influence(self, outcome: str, wave: str | None = None) -> Influence:
        """How much the effect depends on any single office, without showing one."""
        return self._about("influence", outcome, wave)[0]

    def exact(self, outcome: str, wave: str | None = None) -> tuple[ExactTest, ...]:
        """Exact p-values of several statistics over every allocation of the offices."""
        return self._about("exact", outcome, wave)

    def bounds(self, outcome: str, wave: str | None = None) -> tuple[Bounds, ...]:
        """Bounds on the effect with outcomes missing: Manski's where the scale has two ends, and Lee's."""
        return self._about("bounds", outcome, wave)

    def tipping(self, outcome: str, wave: str | None = None) -> TippingPoint:
        """How far the missing values of the treated arm would have to differ from expectation to change the verdict."""
        return self._about("tipping", outcome, wave)[0]

    def sanity(self, outcome: str, wave: str | None = None) -> Sanity:
        """What the effect rests on: offices by arm, the smallest office, ICC, design effect, degrees of freedom."""
        return self._about("sanity", outcome, wave)[0]

    @property
    def _first(self) -> str:
        return self.plan.trial["sizes"][0]

    def _compared(self, contrast: str | None) -> str:
        return contrast or self.plan.main.id

    def _about(self, question: str, outcome: str, wave: str | None) -> tuple[Any, ...]:
        what, wave = self._what(outcome, wave)
        return self._ask(question, outcome=what.id, wave=wave)

    def _what(self, outcome: str, wave: str | None) -> tuple[Outcome, str]:
        what = self.plan.outcome(outcome)
        wave = wave or what.waves[0]
        if wave not in what.waves:
            raise ValueError(f"{what.id} is not registered at {wave!r}; waves: {', '.join(what.waves)}")
        return what, wave
