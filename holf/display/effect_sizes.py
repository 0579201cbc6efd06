"""Effect sizes for a meta-analysis: a row for each registered outcome, time and contrast, reported or not."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from clustertrials.results import Effect
from holf.display import text
from holf.display.record_tables import level_cell, other_report, randomised_cells, slot_cell
from holf.display.table import Cell, Table
from holf.record.facts import Ledger
from holf.record.plan import Contrast, Outcome, Plan
from holf.record.published_table import Slot
from holf.record.reporting import AuditEntry
from holf.record.source import RECORD, data_name, joint_source
from holf.study.answers import Level, is_withheld
from holf.study.study import Study

_WHERE = ("Outcome", "Kind", "Months", "Wave", "Level", "Contrast", "Registered contrast", "Direction", "Scale")
_SAID = ("In words", "Another report says", "Documents", "Clusters, treated", "Clusters, other")
_SIDES = tuple(f"{what}, {side}" for side in ("treated", "other") for what in ("n", "Mean", "SD", "Events"))
_EFFECT = (
    *("Model", "Estimand", "Covariates", "Analysed", "Clusters", "yi", "SE", "CI low", "CI high", "df", "vi"),
    *("ICC", "Design effect, equal sizes", "Effective n"),
)
# The same in the file of what is published and in that of an analysis, so that one script reads both.
COLUMNS = (*_WHERE, "Data", *_SAID, *_SIDES, *_EFFECT)
_FIGURES = 6


def published_table(plan: Plan, ledger: Ledger, slots: Sequence[Slot], findings: Sequence[AuditEntry]) -> Table:
    """What is published, as far as a meta-analysis could use it: the slots of Table 1, and otherwise empty rows.

    The ledger gives the numbers of clusters as randomised, and `findings` what each document says of an outcome.
    """
    rows = []
    for outcome, wave, contrast in _places(plan):
        at = [found for found in findings if (found.outcome, found.wave) == (outcome.id, wave)]
        said = _of_outcome(outcome, wave, at) if contrast == plan.main else _of_contrast(contrast, at)
        sides = [*_typed(slots, outcome, wave, contrast.treated), *_typed(slots, outcome, wave, contrast.other)]
        head = (*_where(plan, outcome, wave, contrast), "published", *said, *randomised_cells(plan, ledger, contrast))
        rows.append((*head, *sides, *[text.MISSING] * len(_EFFECT)))
    return Table("Effect sizes", COLUMNS, tuple(rows), source=RECORD, folded=True)


def analysed_table(studies: Sequence[Study]) -> Table:
    """The same rows as this book's planned analysis fills them in from studies; empty where it asks nothing.

    The studies are of one class: simulated worlds, or one real study.
    """
    plan, rows = studies[0].plan, []
    for outcome, wave, contrast in _places(plan):
        for study in studies:
            # Without classes: a reader who keeps what is published must not be left with rows of another class.
            where = (Cell(one.text, "", one.fact) for one in _where(plan, outcome, wave, contrast))
            said = [text.MISSING] * len(_SAID)
            rows.append((*where, data_name(study.source), *said, *_answers(study, outcome, wave, contrast)))
    source = joint_source(study.source for study in studies)
    return Table("Effect sizes", COLUMNS, tuple(rows), source=source, folded=True)


def _places(plan: Plan) -> Iterator[tuple[Outcome, str, Contrast]]:
    for contrast in sorted(plan.contrasts.values(), key=lambda one: one != plan.main):
        for outcome in plan.outcomes.values():
            if contrast == plan.main or outcome.id in contrast.outcomes:
                for wave in outcome.waves:
                    yield outcome, wave, contrast


def _where(plan: Plan, outcome: Outcome, wave: str, contrast: Contrast) -> tuple[Cell, ...]:
    return (
        Cell(outcome.label),
        Cell(outcome.kind),
        Cell(text.count(plan.waves[wave]), "published", outcome.waves_facts[outcome.waves.index(wave)]),
        Cell(wave),
        level_cell(outcome),
        Cell(contrast.label),
        Cell("yes" if contrast.registered else "no"),
        Cell(outcome.direction),
        Cell("share" if outcome.type == "binary" else outcome.unit, "assumed"),
    )


def _of_outcome(outcome: Outcome, wave: str, at: Sequence[AuditEntry]) -> tuple[str | Cell, ...]:
    """Of the registered contrast: in words, another report, and what every document was found to say."""
    documents = "; ".join(f"{found.source}: {found.verdict}" for found in at) or text.MISSING
    if wave == outcome.waves[0]:
        said = outcome.published
        return Cell(said["difference"], said["class"], said["difference_fact"]), other_report(outcome), documents
    told = any(found.verdict.startswith("reported") for found in at)
    return Cell("no sentence on this time alone" if told else "not found", "unknown"), text.MISSING, documents


def _of_contrast(contrast: Contrast, at: Sequence[AuditEntry]) -> tuple[str | Cell, ...]:
    """The same of a contrast that the outcomes' own words are not about: from the documents that speak of it alone."""
    named = {one.source: one for one in contrast.published}
    about = [found for found in at if found.source in named]
    told = [named[found.source] for found in about if named[found.source].fact in found.facts]
    said = [Cell(one.words, "published", one.fact) for one in told] or [Cell("not found", "unknown")]
    documents = "; ".join(f"{found.source}: {found.verdict}" for found in about) or text.MISSING
    return said[0], said[1] if len(said) > 1 else text.MISSING, documents


def _typed(slots: Sequence[Slot], outcome: Outcome, wave: str, arms: Sequence[str]) -> list[str | Cell]:
    """Number, mean, SD and events of a group as the article prints them; a group of several arms has none."""
    found = {
        slot.statistic: slot_cell(slot)
        for slot in slots
        if slot.value is not None and (slot.outcome, slot.wave, slot.arm) == (outcome.id, wave, arms[0])
    }
    return [found.get(name, text.MISSING) if len(arms) == 1 else text.MISSING for name in ("n", "mean", "sd", "events")]


def _answers(study: Study, outcome: Outcome, wave: str, contrast: Contrast) -> list[str]:
    """What the catalogue of questions covers: every time of the registered contrast, the first of any other."""
    if contrast == study.plan.main:
        levels = [one for one in study.levels(outcome.id) if one.wave == wave]
        sides = [_side(levels, outcome, arms) for arms in (contrast.treated, contrast.other)]
        return [*sides[0], *sides[1], *_effect(study.effect(outcome.id, wave), outcome)]
    if wave != outcome.waves[0]:
        return [text.MISSING] * (len(_SIDES) + len(_EFFECT))
    return [text.MISSING] * len(_SIDES) + _effect(study.effect(outcome.id, wave, contrast=contrast.id), outcome)


def _side(levels: Sequence[Level], outcome: Outcome, arms: Sequence[str]) -> list[str]:
    level = next((one for one in levels if (one.group,) == tuple(arms)), None)
    if level is None:
        return [text.MISSING] * 4
    n = text.count(level.n)
    if outcome.type == "binary":
        return [n, _shown(level.mean), text.MISSING, text.count(level.n * level.mean)]
    return [n, _shown(level.mean), _shown(level.sd), text.MISSING]


def _effect(effect: Effect, outcome: Outcome) -> list[str]:
    inflation = 1 + (effect.n_units / effect.n_clusters - 1) * max(effect.icc, 0.0)
    return [
        text.estimator(effect.estimator, outcome.words),
        text.average(effect.estimand, outcome),
        text.withheld(effect.covariates) if is_withheld(effect.covariates) else ", ".join(effect.covariates) or "none",
        text.count(effect.n_units),
        text.count(effect.n_clusters),
        *map(_shown, (effect.estimate, effect.se, effect.ci_low, effect.ci_high, effect.df)),
        # The square of a withheld number is a plain NaN; the reader should see the rule here too.
        _shown(effect.se if is_withheld(effect.se) else effect.se**2),
        *map(_shown, (effect.icc, inflation, effect.n_units / inflation)),
    ]


def _shown(value: float) -> str:
    """A number to six figures: further digits would belong to no finding, and fewer would spoil a pooled weight."""
    if is_withheld(value):
        return text.withheld(value)
    return text.MISSING if math.isnan(value) else text.figures(value, _FIGURES)
