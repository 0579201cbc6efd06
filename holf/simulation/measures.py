"""What is measured in the simulated study: register, survey, children, staff and delivery.

Truth that is planted: every outcome has a baseline level, a change that all share, and in the worlds `benefit` and
`harm` a difference for those who take part in a HOLF office. Families in ordinary follow-up, those who were drawn but
did not take part, and all families of local offices change alike in every world: coordinators as such do nothing.
Offices, families and persons carry random effects, so that outcomes correlate inside offices (the assumed ICC at each
wave, in expectation; part of it is new at each wave), inside families and over time. Binary outcomes are thresholds
of a latent normal variable whose probability moves with the office.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit
from scipy.stats import norm

from holf.record.plan import Outcome
from holf.simulation.people import Rules


@dataclass(frozen=True)
class Units:
    """Persons to be measured: position of their office and family, and 1 for those who get the HOLF model."""

    office: np.ndarray
    family: np.ndarray
    treated: np.ndarray


def locate(frame: pd.DataFrame, families: pd.DataFrame, offices: pd.DataFrame) -> Units:
    """Find office and family of each row of `frame`, which has a column family_id or office_id."""
    by_code = pd.Index(offices["office_id"])
    if "family_id" not in frame:
        office = by_code.get_indexer(frame["office_id"])
        return Units(office, np.arange(len(frame)), (offices["arm"].to_numpy()[office] == "holf").astype(float))
    place = pd.Index(families["family_id"]).get_indexer(frame["family_id"])
    treated = ((families["followup_group"] == "holf") & (families["enrolled"] == 1)).to_numpy()[place]
    if "participates" in frame:
        treated = treated & (frame["participates"] == 1).to_numpy()
    return Units(by_code.get_indexer(families["office_id"].to_numpy()[place]), place, treated.astype(float))


def draw_outcome(
    rng: np.random.Generator, units: Units, outcome: Outcome, rules: Rules, months: dict[str, int]
) -> dict[str, np.ndarray]:
    """Values of one outcome for each unit at each wave, before rounding and before loss to follow-up.

    `months` are those of each wave since baseline, which is 0. Values are continuous, or 0.0 and 1.0.
    """
    names = outcome.simulated
    base, change, effect = (rules.assumed(names[key]) for key in ("baseline", "change", "effect"))
    icc, share, stability = rules.assumed(names["icc"]), rules.assumed("family_share"), rules.assumed("stability")
    sd = rules.assumed(outcome.assumed_sd) if outcome.assumed_sd else None
    spread = np.sqrt(base * (1 - base)) if sd is None else sd
    new, offices = rules.assumed("office_drift"), units.office.max() + 1
    standing = np.sqrt(1 - new) * rng.standard_normal(offices)
    family = np.sqrt(share) * rng.standard_normal(units.family.max() + 1)[units.family]
    lasting = np.sqrt(max(stability - share, 0)) * rng.standard_normal(len(units.office))
    noise = np.sqrt(1 - max(stability, share))
    drift, first = rules.assumed("later_drift"), min(m for m in months.values() if m > 0)
    values = {}
    for wave, month in months.items():
        person = family + lasting + noise * rng.standard_normal(len(units.office))
        office = np.sqrt(icc) * spread * (standing + np.sqrt(new) * rng.standard_normal(offices))[units.office]
        years_on = max(month - first, 0) / 12
        mean = base + (month > 0) * (change * (1 + drift * years_on) + rules.sign * effect * units.treated) + office
        if sd is None:
            values[wave] = (person < norm.ppf(np.clip(mean, 0.01, 0.99))).astype(float)
        else:
            values[wave] = mean + np.sqrt(1 - icc) * sd * person
    return values


def _as_stored(values: np.ndarray, outcome: Outcome, wave: str, rules: Rules) -> pd.api.extensions.ExtensionArray:
    """Values as their column holds them: whole numbers if binary, else two decimals inside the limits of the scale."""
    if outcome.type == "binary":
        return pd.array(values, dtype="Int64")
    limits = rules.schema.fields(outcome.table)[outcome.column.format(wave=wave)]["constraints"]
    return pd.array(np.clip(values, limits.get("minimum"), limits.get("maximum")).round(2), dtype="Float64")


def draw_register(rng: np.random.Generator, parents: pd.DataFrame, units: Units, rules: Rules) -> pd.DataFrame:
    """Register outcomes by wave for every parent of an eligible family whom the register can follow.

    The participating parents who are not analysed have no rows: that is how 884 become 862 in this simulation.
    """
    outcomes = rules.outcomes("register")
    months = rules.months(outcomes)
    drawn = [(one, draw_outcome(rng, units, one, rules, months)) for one in outcomes]
    followed = ((parents["participates"] == 0) | (parents["analysed"] == 1)).to_numpy()
    waves = []
    for wave in months:
        frame = parents[["parent_id"]].assign(wave=wave)
        for one, values in drawn:
            # Money in whole hundreds, all else in whole numbers.
            digits = -2 if one.unit.startswith("NOK") else 0
            whole = values[wave] if one.type == "binary" else np.maximum(values[wave], 0).round(digits)
            frame[one.column] = whole.astype(int)
        waves.append(frame[followed])
    return pd.concat(waves).sort_values(["parent_id"], kind="stable", ignore_index=True)


def draw_survey(
    rng: np.random.Generator, parents: pd.DataFrame, units: Units, register: pd.DataFrame, rules: Rules
) -> pd.DataFrame:
    """The questionnaire at each wave for the participating parents, some of whom stop answering.

    Housing quality is the mean of two ratings; any other outcome is drawn as it is.
    Loss is random given education and baseline income: missing at random, never given the outcome itself. The
    questionnaire also asks about the children, so it is sent at their waves too.
    """
    takes_part = (parents["participates"] == 1).to_numpy()
    months = rules.months(rules.outcomes("survey", "children"))
    housing = draw_outcome(rng, units, rules.plan.outcomes["housing"], rules, months)
    first = register[register["wave"] == rules.plan.baseline].set_index("parent_id")
    start = first["income"].reindex(parents["parent_id"])
    z = ((start - rules.assumed("income_baseline")) / rules.assumed("income_sd")).fillna(0).to_numpy()
    loss = rules.assumed("survey_loss")
    low = parents["lower_secondary"].to_numpy() - rules.published("F140") / 100
    odds = rules.assumed("loss_log_odds_education") * low + rules.assumed("loss_log_odds_income") * z
    odds += np.log(loss / (1 - loss))
    gone, lost = {}, np.zeros(len(parents), dtype=bool)
    for wave, month in months.items():
        lost = lost | (rng.random(len(parents)) < expit(odds)) if month else lost
        gone[wave] = lost
    others = [one for one in rules.outcomes("survey") if one.id != "housing"]
    drawn = [(one, draw_outcome(rng, units, one, rules, months)) for one in others]
    waves = []
    for wave, is_gone in gone.items():
        gap = rng.normal(0, rules.assumed("housing_gap") * rules.assumed("housing_sd"), len(parents))
        seen, felt = (np.clip(housing[wave] + side * gap, 0, 10).round(1) for side in (1, -1))
        frame = parents[["parent_id"]].assign(wave=wave, answered=1 - is_gone.astype(int))
        quality = ((seen + felt) / 2).round(2)
        frame = frame.assign(housing_objective=seen, housing_subjective=felt, housing_quality=quality)
        for one, values in drawn:
            frame[one.column] = _as_stored(values[wave], one, wave, rules)
        frame.loc[is_gone, frame.columns.drop(["parent_id", "wave", "answered"])] = np.nan
        waves.append(frame[takes_part])
    return pd.concat(waves).sort_values(["parent_id"], kind="stable", ignore_index=True)


def measure_children(
    rng: np.random.Generator,
    children: pd.DataFrame,
    units: Units,
    parents: pd.DataFrame,
    survey: pd.DataFrame,
    rules: Rules,
) -> pd.DataFrame:
    """Children with their outcomes at baseline and, at later waves, where a parent of the family answered."""
    answered = survey.merge(parents, on="parent_id").groupby(["wave", "family_id"])["answered"].max() == 1
    for one in rules.outcomes("children"):
        months = rules.months([one])
        for wave, values in draw_outcome(rng, units, one, rules, months).items():
            known = answered[wave].reindex(children["family_id"], fill_value=False).to_numpy() | (months[wave] == 0)
            stored = pd.Series(_as_stored(values, one, wave, rules), index=children.index)
            children = children.assign(**{one.column.format(wave=wave): stored.where(known)})
    return children


def draw_staff(rng: np.random.Generator, offices: pd.DataFrame, rules: Rules) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leaders (one an office) and coordinators (two an office) with their scales at each wave."""
    per_office = rules.published("F057")
    leader_ids = [f"SYN-L{code[-2:]}" for code in offices["office_id"]]
    leaders = pd.DataFrame({"leader_id": leader_ids, "office_id": offices["office_id"]})
    ids = [f"SYN-K{code[-2:]}{letter}" for code in offices["office_id"] for letter in "abcdefgh"[:per_office]]
    coordinators = pd.DataFrame({"coordinator_id": ids, "office_id": np.repeat(offices["office_id"], per_office)})
    for table, frame in (("leaders", leaders), ("coordinators", coordinators)):
        units = locate(frame, None, offices)
        for one in rules.outcomes(table):
            for wave, values in draw_outcome(rng, units, one, rules, rules.months([one])).items():
                frame[one.column.format(wave=wave)] = _as_stored(values, one, wave, rules)
    holf = coordinators["office_id"].isin(offices.loc[offices["arm"] == "holf", "office_id"])
    seminars = rng.integers(rules.assumed("seminars_least"), rules.published("F096") + 1, len(coordinators))
    return leaders, coordinators.assign(seminars_attended=np.where(holf, seminars, 0))


def draw_delivery(
    rng: np.random.Generator, families: pd.DataFrame, coordinators: pd.DataFrame, rules: Rules
) -> pd.DataFrame:
    """What each enrolled family was given: its coordinator, meetings in 12 months, and whether forms were used."""
    enrolled = families[families["enrolled"] == 1]
    turn = enrolled.groupby("office_id").cumcount().to_numpy()
    by_office = coordinators.groupby("office_id")["coordinator_id"].apply(list)
    staff = [by_office[office][k % len(by_office[office])] for office, k in zip(enrolled["office_id"], turn)]
    in_holf, in_local = rules.assumed("forms_used_shares")
    share = np.where(enrolled["followup_group"] == "holf", in_holf, in_local)
    return pd.DataFrame(
        {
            "family_id": enrolled["family_id"].to_numpy(),
            "coordinator_id": staff,
            "meetings": rng.poisson(rules.assumed("meetings_year"), len(enrolled)),
            "forms_used": (rng.random(len(enrolled)) < share).astype(int),
        }
    )
