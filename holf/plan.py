"""The analysis plan as data: arms, waves, contrasts, outcomes, worlds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import yaml

from holf.facts import FactError
from holf.paths import data_path

KINDS = ("primary", "secondary", "other")
_COPIED = (
    "label",
    "kind",
    "level",
    "measure",
    "fact",
    "table",
    "column",
    "type",
    "unit",
    "show",
    "direction",
    "published",
    "simulated",
)


@dataclass(frozen=True)
class Contrast:
    """Which groups are compared, where the group is written, and who belongs to the comparison.

    `population` maps a table to the 0/1 column that must be 1 for its rows to count. `outcomes` are those compared in a
    contrast that is not the registered one.
    """

    id: str
    label: str
    treated: tuple[str, ...]
    other: tuple[str, ...]
    group: tuple[str, str]
    randomised: str
    registered: bool
    population: dict[str, str]
    outcomes: tuple[str, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """One registered outcome: what the registry says, where its values stand, and how this book analyses it.

    `estimator` is the primary one, `beside` names those shown next to it, `also` those that only the
    figure of every method shows. `margin` is the smallest difference, in
    units of the outcome, that this book calls worth having; it is assumed.
    """

    id: str
    label: str
    kind: str
    level: str
    level_class: str
    measure: str
    fact: str
    waves: tuple[str, ...]
    waves_facts: tuple[str, ...]
    table: str
    column: str
    type: str
    unit: str
    show: str
    direction: str
    estimator: str
    covariates: tuple[str, ...]
    beside: tuple[str, ...]
    also: tuple[str, ...]
    margin: float
    margin_reason: str
    published: dict[str, str]
    simulated: dict[str, str]

    @property
    def page(self) -> str:
        """Name of the outcome's page, which sorts by kind."""
        return f"{self.kind}-{self.id.replace('_', '-')}"

    @property
    def is_wide(self) -> bool:
        """True where each wave is a column of its own."""
        return "{wave}" in self.column


@dataclass(frozen=True)
class Plan:
    """The whole of `data/plan.yml`."""

    trial: dict
    arms: dict[str, dict]
    waves: dict[str, int]
    worlds: dict[str, dict]
    contrasts: dict[str, Contrast]
    outcomes: dict[str, Outcome]

    def outcome(self, name: str) -> Outcome:
        """Return the outcome called `name`; ValueError lists the known ones."""
        if name not in self.outcomes:
            raise ValueError(f"no outcome {name!r} in data/plan.yml; known: {', '.join(self.outcomes)}")
        return self.outcomes[name]

    def contrast(self, name: str) -> Contrast:
        """Return the contrast called `name`; ValueError lists the known ones."""
        if name not in self.contrasts:
            raise ValueError(f"no contrast {name!r} in data/plan.yml; known: {', '.join(self.contrasts)}")
        return self.contrasts[name]


def _outcome(name: str, entry: dict, waves: dict[str, int], file: str) -> Outcome:
    where = f"{file}, outcome {name}"
    if entry["kind"] not in KINDS:
        raise FactError(f"{where}: kind must be one of {', '.join(KINDS)}")
    if unknown := [wave for wave in entry["waves"] if wave not in waves]:
        raise FactError(f"{where}: wave {unknown[0]} is not among waves")
    if entry["published"].get("class") not in ("published", "unknown"):
        raise FactError(f"{where}: published needs class published or unknown")
    if len(entry["waves"]) != len(entry["waves_facts"]):
        raise FactError(f"{where}: each wave needs its own row of the ledger in waves_facts")
    margin = entry["margin"]
    if margin.get("class") != "assumed" or not margin.get("reason"):
        raise FactError(f"{where}: margin needs class assumed and a reason")
    return Outcome(
        id=name,
        level_class=entry.get("level_class", "published"),
        waves=tuple(entry["waves"]),
        waves_facts=tuple(entry["waves_facts"]),
        estimator=entry["model"]["estimator"],
        covariates=tuple(entry["model"]["covariates"]),
        beside=tuple(entry["model"]["beside"]),
        also=tuple(entry["model"]["also"]),
        margin=margin["value"],
        margin_reason=margin["reason"],
        **{key: entry[key] for key in _COPIED},
    )


def _contrast(name: str, entry: dict) -> Contrast:
    return Contrast(
        id=name,
        label=entry["label"],
        treated=tuple(entry["treated"]),
        other=tuple(entry["other"]),
        group=(entry["group"]["table"], entry["group"]["column"]),
        randomised=entry["randomised"],
        registered=entry["registered"],
        population=entry["population"],
        outcomes=tuple(entry["outcomes"]),
        facts=tuple(entry["facts"]),
    )


def load_plan(path: Path | None = None) -> Plan:
    """Read the analysis plan.

    Parameters
    ----------
    path : Path, optional
        A YAML file in the form of `data/plan.yml`; that file itself by default.

    Returns
    -------
    Plan

    Raises
    ------
    FactError
        If a part is missing, a wave or kind is unknown, or a margin has no class and reason.

    Examples
    --------
    >>> list(load_plan().worlds)
    ['null', 'benefit', 'harm']
    """
    path = path or data_path("plan.yml")
    raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    try:
        return Plan(
            trial=raw["trial"],
            arms=raw["arms"],
            waves=raw["waves"],
            worlds=raw["worlds"],
            contrasts={name: _contrast(name, entry) for name, entry in raw["contrasts"].items()},
            outcomes={name: _outcome(name, entry, raw["waves"], path.name) for name, entry in raw["outcomes"].items()},
        )
    except KeyError as missing:
        raise FactError(f"{path.name}: {missing.args[0]} is missing") from None
