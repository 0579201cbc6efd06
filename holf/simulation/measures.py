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
    rng: np.random.Generator, units: Units, name: str, rules: Rules, months: dict[str, int]
) -> dict[str, np.ndarray]:
    """Values of one outcome at each wave, before rounding and before loss to follow-up.

    Parameters
    ----------
    rng : numpy.random.Generator
    units : Units
        n persons.
    name : str
        The outcome, which names the assumptions for baseline, spread, change, ICC and effect.
    rules : Rules
    months : dict
        Wave to months since baseline; baseline is 0.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        Continuous values, or 0.0 and 1.0.
    """
    outcome = rules.outcomes[name]
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


def draw_register(
    rng: np.random.Generator, parents: pd.DataFrame, units: Units, rules: Rules, months: dict[str, int]
) -> pd.DataFrame:
    """Employment and monthly income by wave for every parent of an eligible family whom the register can follow.

    The participating parents who are not analysed have no rows: that is how 884 become 862 in this simulation.
    """
    employed, income = (draw_outcome(rng, units, name, rules, months) for name in ("employment", "income"))
    followed = ((parents["participates"] == 0) | (parents["analysed"] == 1)).to_numpy()
    waves = []
    for wave in months:
        frame = parents[["parent_id"]].assign(wave=wave, employed=employed[wave].astype(int))
        waves.append(frame.assign(income=np.maximum(income[wave], 0).round(-2).astype(int))[followed])
    return pd.concat(waves).sort_values(["parent_id"], kind="stable", ignore_index=True)


def draw_survey(
    rng: np.random.Generator, parents: pd.DataFrame, units: Units, register: pd.DataFrame, rules: Rules
) -> pd.DataFrame:
    """Housing quality at baseline and 12 months for the participating parents, some of whom do not answer again.

    Loss is random given education and baseline income: missing at random, never given the outcome itself.
    """
    takes_part = (parents["participates"] == 1).to_numpy()
    housing = draw_outcome(rng, units, "housing", rules, {"m0": 0, "m12": 12})
    start = register[register["wave"] == "m0"].set_index("parent_id")["income"].reindex(parents["parent_id"])
    z = ((start - rules.assumed("income_baseline")) / rules.assumed("income_sd")).fillna(0).to_numpy()
    loss = rules.assumed("survey_loss")
    low = parents["lower_secondary"].to_numpy() - rules.published("F140") / 100
    odds = rules.assumed("loss_log_odds_education") * low + rules.assumed("loss_log_odds_income") * z
    odds += np.log(loss / (1 - loss))
    lost = rng.random(len(parents)) < expit(odds)
    waves = []
    for wave, gone in (("m0", np.zeros_like(lost)), ("m12", lost)):
        gap = rng.normal(0, rules.assumed("housing_gap") * rules.assumed("housing_sd"), len(parents))
        seen, felt = (np.clip(housing[wave] + side * gap, 0, 10).round(1) for side in (1, -1))
        frame = parents[["parent_id"]].assign(wave=wave, answered=1 - gone.astype(int))
        quality = ((seen + felt) / 2).round(2)
        frame = frame.assign(housing_objective=seen, housing_subjective=felt, housing_quality=quality)
        frame.loc[gone, [name for name in frame if name.startswith("housing")]] = np.nan
        waves.append(frame[takes_part])
    return pd.concat(waves).sort_values(["parent_id"], kind="stable", ignore_index=True)


def add_participation(
    rng: np.random.Generator, children: pd.DataFrame, units: Units, answered: pd.Series, rules: Rules
) -> pd.DataFrame:
    """Children with participation at baseline and, where a parent of the family answered again, at 12 months.

    `answered` says by family_id whether any parent answered at 12 months.
    """
    values = draw_outcome(rng, units, "participation", rules, {"m0": 0, "m12": 12})
    known = answered.reindex(children["family_id"]).to_numpy()
    later = pd.array(np.where(known, values["m12"], np.nan), dtype="Int64")
    return children.assign(participates_m0=values["m0"].astype(int), participates_m12=later)


def draw_staff(rng: np.random.Generator, offices: pd.DataFrame, rules: Rules) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leaders (one an office) and coordinators (two an office) with their scales at baseline and 18 months."""
    months = {"m0": 0, "m18": 18}
    per_office = rules.published("F057")
    leader_ids = [f"SYN-L{code[-2:]}" for code in offices["office_id"]]
    leaders = pd.DataFrame({"leader_id": leader_ids, "office_id": offices["office_id"]})
    ids = [f"SYN-K{code[-2:]}{letter}" for code in offices["office_id"] for letter in "abcdefgh"[:per_office]]
    coordinators = pd.DataFrame({"coordinator_id": ids, "office_id": np.repeat(offices["office_id"], per_office)})
    wanted = (
        (leaders, "leader_competence", "competence", 5),
        (coordinators, "coordinator_competence", "competence", 5),
        (coordinators, "working_alliance", "alliance", 7),
    )
    for frame, name, scale, top in wanted:
        values = draw_outcome(rng, locate(frame, None, offices), name, rules, months)
        for wave in months:
            frame[f"{scale}_{wave}"] = np.clip(values[wave], 1, top).round(2)
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
