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
    if "family_id" in frame:
        place = pd.Index(families["family_id"]).get_indexer(frame["family_id"])
        office_id = families["office_id"].to_numpy()[place]
        treated = (families["followup_group"] == "holf").to_numpy()[place] & (families["enrolled"] == 1).to_numpy()[
            place
        ]
        if "participates" in frame:
            treated = treated & (frame["participates"] == 1).to_numpy()
    else:
        place, office_id, treated = np.arange(len(frame)), frame["office_id"].to_numpy(), None
    office = pd.Index(offices["office_id"]).get_indexer(office_id)
    if treated is None:
        treated = offices["arm"].to_numpy()[office] == "holf"
    return Units(office, place, treated.astype(float))


def draw_outcome(
    rng: np.random.Generator,
    units: Units,
    outcome: Outcome,
    rules: Rules,
    *,
    sign: int,
    months: dict[str, int],
    sd: float | None = None,
) -> dict[str, np.ndarray]:
    """Values of one outcome at each wave, before rounding and before loss to follow-up.

    Parameters
    ----------
    rng : numpy.random.Generator
    units : Units
        n persons.
    outcome : Outcome
        Names the assumptions for baseline, change, ICC and effect.
    rules : Rules
    sign : int
        Sign of the planted difference, from the world: 0, 1 or -1.
    months : dict
        Wave to months since baseline; baseline is 0.
    sd : float, optional
        Total standard deviation of a continuous outcome; None for a binary one.

    Returns
    -------
    dict of str to ndarray, shape (n,)
        Continuous values, or 0.0 and 1.0.
    """
    names = outcome.simulated
    base, change, effect = (rules.assumed(names[key]) for key in ("baseline", "change", "effect"))
    icc, share, stability = rules.assumed(names["icc"]), rules.assumed("family_share"), rules.assumed("stability")
    spread = sd if sd is not None else np.sqrt(base * (1 - base))
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
        mean = base + (month > 0) * (change * (1 + drift * years_on) + sign * effect * units.treated) + office
        if sd is None:
            values[wave] = (person < norm.ppf(np.clip(mean, 0.01, 0.99))).astype(float)
        else:
            values[wave] = mean + np.sqrt(1 - icc) * sd * person
    return values


def draw_register(
    rng: np.random.Generator,
    parents: pd.DataFrame,
    units: Units,
    outcomes: dict[str, Outcome],
    rules: Rules,
    *,
    sign: int,
    months: dict[str, int],
) -> pd.DataFrame:
    """Employment and monthly income by wave for every parent of an eligible family whom the register can follow.

    The participating parents who are not analysed have no rows: that is how 884 become 862 in this simulation.
    """
    employed = draw_outcome(rng, units, outcomes["employment"], rules, sign=sign, months=months)
    income = draw_outcome(
        rng, units, outcomes["income"], rules, sign=sign, months=months, sd=rules.assumed("income_sd")
    )
    followed = ((parents["participates"] == 0) | (parents["analysed"] == 1)).to_numpy()
    waves = [
        pd.DataFrame(
            {
                "parent_id": parents["parent_id"],
                "wave": wave,
                "employed": employed[wave].astype(int),
                "income": np.maximum(income[wave], 0).round(-2).astype(int),
            }
        )[followed]
        for wave in months
    ]
    return pd.concat(waves).sort_values(["parent_id"], kind="stable", ignore_index=True)


def draw_survey(
    rng: np.random.Generator,
    parents: pd.DataFrame,
    units: Units,
    register: pd.DataFrame,
    outcomes: dict[str, Outcome],
    rules: Rules,
    *,
    sign: int,
) -> pd.DataFrame:
    """Housing quality at baseline and 12 months for the participating parents, some of whom do not answer again.

    Loss is random given education and baseline income: missing at random, never given the outcome itself.
    """
    takes_part = (parents["participates"] == 1).to_numpy()
    sd = rules.assumed("housing_sd")
    housing = draw_outcome(rng, units, outcomes["housing"], rules, sign=sign, months={"m0": 0, "m12": 12}, sd=sd)
    start = register[register["wave"] == "m0"].set_index("parent_id")["income"].reindex(parents["parent_id"])
    z = ((start - rules.assumed("income_baseline")) / rules.assumed("income_sd")).fillna(0).to_numpy()
    loss = rules.assumed("survey_loss")
    low = parents["lower_secondary"].to_numpy() - rules.published("F140") / 100
    odds = rules.assumed("loss_log_odds_education") * low + rules.assumed("loss_log_odds_income") * z
    odds += np.log(loss / (1 - loss))
    lost = rng.random(len(parents)) < expit(odds)
    waves = []
    for wave, gone in (("m0", np.zeros_like(lost)), ("m12", lost)):
        gap = rng.normal(0, rules.assumed("housing_gap") * sd, len(parents))
        seen, felt = (np.clip(housing[wave] + side * gap, 0, 10).round(1) for side in (1, -1))
        frame = pd.DataFrame(
            {
                "parent_id": parents["parent_id"],
                "wave": wave,
                "answered": 1 - gone.astype(int),
                "housing_objective": seen,
                "housing_subjective": felt,
                "housing_quality": ((seen + felt) / 2).round(2),
            }
        )
        frame.loc[gone, [name for name in frame if name.startswith("housing")]] = np.nan
        waves.append(frame[takes_part])
    return pd.concat(waves).sort_values(["parent_id"], kind="stable", ignore_index=True)


def add_participation(
    rng: np.random.Generator,
    children: pd.DataFrame,
    units: Units,
    answered: pd.Series,
    outcomes: dict[str, Outcome],
    rules: Rules,
    *,
    sign: int,
) -> pd.DataFrame:
    """Children with participation at baseline and, where a parent of the family answered again, at 12 months.

    Parameters
    ----------
    answered : Series of bool, indexed by family_id
        Whether any parent of the family answered at 12 months.
    """
    values = draw_outcome(rng, units, outcomes["participation"], rules, sign=sign, months={"m0": 0, "m12": 12})
    known = answered.reindex(children["family_id"]).to_numpy()
    later = pd.array(np.where(known, values["m12"], np.nan), dtype="Int64")
    return children.assign(participates_m0=values["m0"].astype(int), participates_m12=later)


def draw_staff(
    rng: np.random.Generator, offices: pd.DataFrame, outcomes: dict[str, Outcome], rules: Rules, *, sign: int
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leaders (one an office) and coordinators (two an office) with their scales at baseline and 18 months."""
    months = {"m0": 0, "m18": 18}
    per_office = rules.published("F057")
    leaders = pd.DataFrame(
        {"leader_id": [f"SYN-L{code[-2:]}" for code in offices["office_id"]], "office_id": offices["office_id"]}
    )
    ids = [f"SYN-K{code[-2:]}{letter}" for code in offices["office_id"] for letter in "abcdefgh"[:per_office]]
    coordinators = pd.DataFrame({"coordinator_id": ids, "office_id": np.repeat(offices["office_id"], per_office)})
    wanted = (
        (leaders, "leader_competence", "competence", 5),
        (coordinators, "coordinator_competence", "competence", 5),
        (coordinators, "working_alliance", "alliance", 7),
    )
    for frame, name, scale, top in wanted:
        values = draw_outcome(
            rng,
            locate(frame, None, offices),
            outcomes[name],
            rules,
            sign=sign,
            months=months,
            sd=rules.assumed(f"{scale}_sd"),
        )
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
