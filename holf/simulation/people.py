"""Who is in the simulated study: offices, families, parents and children, and the way into the trial.

Published counts (29 offices, 3,201 families, 320 excluded, 884 enrolled, 862 analysed) are reproduced exactly; how
they spread over offices and families is assumed. Nothing here depends on the world: the same people live in all three.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import gamma

from holf.record.facts import Assumption, Ledger
from holf.record.plan import Outcome, Plan
from holf.record.schema import Schema

AGE_BANDS = ("0-5", "6-9", "10-15")


@dataclass(frozen=True)
class Rules:
    """What a world follows from: published numbers by ledger id, assumed ones by name, the plan and the schema.

    `sign` is that of the planted difference: 0, 1 or -1.
    """

    ledger: Ledger
    assumptions: Mapping[str, Assumption]
    plan: Plan
    schema: Schema
    sign: int = 0

    def published(self, fact_id: str) -> float:
        """Number in row `fact_id` of the ledger."""
        return self.ledger.number(fact_id)

    def assumed(self, name: str):
        """Value (a number, or a tuple of them) of the assumption `name`."""
        return self.assumptions[name].value

    def outcomes(self, *tables: str) -> list[Outcome]:
        """The outcomes whose values stand in these tables, in the order of the plan."""
        return [one for one in self.plan.outcomes.values() if one.table in tables]

    def months(self, outcomes: Iterable[Outcome]) -> dict[str, int]:
        """Months since baseline by wave: baseline, and every wave at which one of these outcomes is measured."""
        measured = {wave for one in outcomes for wave in one.waves}
        return {wave: months for wave, months in self.plan.waves.items() if months == 0 or wave in measured}


def codes(prefix: str, count: int, width: int) -> list[str]:
    """Identifiers that are visibly synthetic: ``SYN-F0001`` and so on."""
    return [f"SYN-{prefix}{number:0{width}d}" for number in range(1, count + 1)]


def pick(rng: np.random.Generator, weights: np.ndarray, count: int) -> np.ndarray:
    """Mark exactly `count` of the rows, drawn without replacement with odds given by `weights`.

    Returned is 1 for each drawn row, else 0; a row of weight 0 is never drawn.

    Notes
    -----
    Successive sampling by exponential clocks: the `count` smallest of E/w, with E standard exponential
    (Efraimidis and Spirakis 2006).
    """
    if count > np.count_nonzero(weights):
        raise ValueError(f"cannot draw {count} rows from {np.count_nonzero(weights)} candidates")
    with np.errstate(divide="ignore"):
        clocks = rng.exponential(size=len(weights)) / weights
    chosen = np.zeros(len(weights), dtype=int)
    chosen[np.argsort(clocks, kind="stable")[:count]] = 1
    return chosen


def spread(total: int, weights: np.ndarray, limits: np.ndarray) -> np.ndarray:
    """Divide `total` among offices in proportion to `weights`, in whole numbers and within `limits`.

    Largest remainders first; what a full office cannot take goes to the others.
    """
    shares = np.zeros(len(weights), dtype=int)
    while (left := total - shares.sum()) > 0:
        room = limits - shares
        wanted = left * weights * (room > 0) / weights[room > 0].sum()
        step = np.minimum(np.floor(wanted).astype(int), room)
        if not step.any():
            order = np.argsort(-(wanted * (room > 0)), kind="stable")[:left]
            step = np.zeros_like(room)
            step[order] = np.minimum(1, room[order])
        shares += step
    return shares


def draw_offices(rng: np.random.Generator, rules: Rules) -> pd.DataFrame:
    """Offices with their random arm and the number of families that each identified."""
    count, treated = rules.published("F044"), rules.published("F046")
    arm = np.where(pick(rng, np.ones(count), treated) == 1, "holf", "local")
    least, cv = rules.assumed("office_size_minimum"), rules.assumed("office_size_cv")
    spare = rules.published("F067") - least * count
    mean = rules.published("F067") / count
    # Gamma quantiles in random order give the assumed spread itself, where 29 free draws would miss it by a third.
    # The floor takes part of the spread away; the shape gives it back.
    weights = rng.permutation(gamma.ppf((np.arange(count) + 0.5) / count, (1 - least / mean) ** 2 / cv**2))
    identified = least + spread(spare, weights, np.full(count, spare))
    return pd.DataFrame({"office_id": codes("S", count, 2), "arm": arm, "families_identified": identified})


def draw_families(rng: np.random.Generator, offices: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """All identified families, with eligibility, the draw for a coordinator, and who took part."""
    office = np.repeat(np.arange(len(offices)), offices["families_identified"])
    count = len(office)
    eligible = 1 - pick(rng, np.ones(count), rules.published("F068"))
    eligible_by_office = np.bincount(office, weights=eligible, minlength=len(offices)).astype(int)
    # Two coordinators an office, whatever its size: the drawn numbers vary less than the identified ones.
    pull = eligible_by_office ** float(rules.assumed("office_draw_exponent"))
    drawn_by_office = spread(rules.assumed("families_drawn"), pull, eligible_by_office)
    drawn = np.zeros(count, dtype=int)
    for index, number in enumerate(drawn_by_office):
        drawn += pick(rng, eligible * (office == index), number)
    low_education = rng.random(count) < rules.published("F140") / 100
    odds = np.where(low_education, rules.assumed("enrolment_odds_low_education"), 1.0)
    enrolled = pick(rng, drawn * odds, rules.assumed("families_enrolled"))
    months = np.where(rng.random(count) < rules.assumed("months_assistance_mode_share"), 12, rng.integers(6, 12, count))
    n_children = rng.choice(4, size=count, p=rules.assumed("children_shares")) + 1
    # Exactly the assumed share of the families that take part, so that any seed has second parents enough to enrol.
    two_adults = np.zeros(count, dtype=int)
    for group in (enrolled == 1, enrolled == 0):
        two_adults += pick(rng, group.astype(float), round(rules.assumed("two_adults_share") * group.sum()))
    return pd.DataFrame(
        {
            "family_id": codes("F", count, 4),
            "office_id": offices["office_id"].to_numpy()[office],
            "eligible": eligible,
            "drawn": drawn,
            "enrolled": enrolled,
            "followup_group": _followup(offices["arm"].to_numpy()[office], eligible, drawn),
            "n_adults": 1 + two_adults,
            "n_children_u16": n_children,
            "months_assistance": months,
            "lower_secondary": low_education.astype(int),
            "immigrant_background": (rng.random(count) < rules.published("F138") / 100).astype(int),
        }
    )


def _followup(arm: np.ndarray, eligible: np.ndarray, drawn: np.ndarray) -> np.ndarray:
    group = np.where(drawn == 1, arm.astype(object), "ordinary")
    return np.where(eligible == 1, group, None)


def draw_parents(rng: np.random.Generator, families: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Adults of the eligible families; those who take part, and those of them who can be analysed.

    The change of unit happens here: the enrolled families give 884 participating parents, of whom 862 are analysed.
    """
    eligible = families[families["eligible"] == 1]
    index = np.repeat(np.arange(len(eligible)), eligible["n_adults"])
    first = np.r_[True, index[1:] != index[:-1]]
    enrolled = eligible["enrolled"].to_numpy()[index]
    enrolment = rules.published("F066")
    seconds = pick(rng, (enrolled * ~first).astype(float), enrolment - int(enrolled[first].sum()))
    participates = enrolled * first + seconds
    low = eligible["lower_secondary"].to_numpy()[index]
    odds = np.exp(rules.assumed("loss_log_odds_education") * low)
    lost = pick(rng, participates * odds, enrolment - rules.published("F122"))
    count, (first_share, second_share) = len(index), rules.assumed("female_shares")
    female = rng.random(count) < np.where(first, first_share, second_share)
    years = rng.normal(rules.published("F144"), rules.assumed("years_in_norway_sd"), count)
    years = np.clip(years, 0, rules.assumed("years_in_norway_most"))
    immigrant = eligible["immigrant_background"].to_numpy()[index]
    return pd.DataFrame(
        {
            "parent_id": codes("P", count, 5),
            "family_id": eligible["family_id"].to_numpy()[index],
            "participates": participates,
            "analysed": participates - lost,
            "female": female.astype(int),
            "immigrant_background": immigrant,
            "years_in_norway": pd.array(np.where(immigrant == 1, years.round(), np.nan), dtype="Int64"),
            "lower_secondary": low,
        }
    )


def draw_children(rng: np.random.Generator, families: pd.DataFrame, rules: Rules) -> pd.DataFrame:
    """Children under 16 of the enrolled families: the questionnaire, their only source, reached no others."""
    enrolled = families[families["enrolled"] == 1]
    family = np.repeat(enrolled["family_id"].to_numpy(), enrolled["n_children_u16"])
    bands = rng.choice(len(AGE_BANDS), size=len(family), p=rules.assumed("child_age_shares"))
    return pd.DataFrame(
        {"child_id": codes("C", len(family), 4), "family_id": family, "age_band": np.array(AGE_BANDS)[bands]}
    )
