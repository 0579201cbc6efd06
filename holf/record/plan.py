"""The analysis plan as data: arms, waves, contrasts, outcomes, worlds."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from pathlib import Path

from holf.paths import data_path, project_root
from holf.record.reading import FactError, check_keys, read_yaml, reading

# The plan of record in an edition whose data cannot answer all of it.
REGISTERED = "registered.yml"
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
)


@dataclass(frozen=True)
class Words:
    """What pages call the parts of the trial.

    Attributes
    ----------
    cluster, clusters : str
        A randomised unit, and several.
    minus : str
        The difference between the randomised arms, treated minus other.
    """

    cluster: str
    clusters: str
    minus: str


@dataclass(frozen=True)
class Statement:
    """What one document says of a contrast: its id in the audit, the statement in short, and its ledger row."""

    source: str
    words: str
    fact: str


@dataclass(frozen=True)
class Contrast:
    """Which groups are compared, where the group is written, and who belongs to the comparison.

    `population` maps a table to the 0/1 column that must be 1 for its rows to count. `outcomes` are those compared in a
    contrast that is not the registered one, and `published` is what documents say of such a contrast itself.
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
    published: tuple[Statement, ...]

    @property
    def arms(self) -> tuple[str, ...]:
        """The compared groups, treated first."""
        return (*self.treated, *self.other)


@dataclass(frozen=True)
class Outcome:
    """One registered outcome: what the registry says, where its values stand, and how this book analyses it.

    `estimator` is the primary one, `beside` names those shown next to it, `also` those that only the figure of every
    method shows. A covariate is ``"baseline"``, the outcome's own, or one of the schema's baseline columns.
    `margin` is the smallest difference, in units of the outcome, that this book calls worth having; it is assumed.
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
    words: Words

    @property
    def page(self) -> str:
        """Name of the outcome's page, which sorts by kind."""
        return f"{self.kind}-{self.id.replace('_', '-')}"

    def only_at(self, waves: Collection[str]) -> Outcome:
        """The outcome with only these waves, and the ledger row of each."""
        kept = [(wave, fact) for wave, fact in zip(self.waves, self.waves_facts) if wave in waves]
        return replace(self, waves=tuple(wave for wave, _ in kept), waves_facts=tuple(fact for _, fact in kept))

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
    words: Words

    @property
    def main(self) -> Contrast:
        """The contrast of the randomised clusters: the one whose groups stand in their table."""
        return next(one for one in self.contrasts.values() if one.group[0] == self.trial["cluster"]["table"])

    @property
    def baseline(self) -> str | None:
        """The wave at month 0; None in a trial whose outcomes were not measured then."""
        return next((wave for wave, months in self.waves.items() if months == 0), None)

    @property
    def name(self) -> str:
        """The trial's number in its registry, or its acronym where it has none."""
        return self.trial.get("registry_id") or self.trial["acronym"]

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


def _outcome(where: str, name: str, entry: dict, waves: dict[str, int], words: Words) -> Outcome:
    check_keys(where, entry, (*_COPIED, "waves", "waves_facts", "model", "margin"), ("level_class", "simulated"))
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
        simulated=entry.get("simulated", {}),
        words=words,
        **{key: entry[key] for key in _COPIED},
    )


def _contrast(where: str, name: str, entry: dict) -> Contrast:
    needed = ("label", "treated", "other", "group", "randomised", "population", "outcomes", "facts")
    check_keys(where, entry, needed, ("registered", "published", "difference"))
    return Contrast(
        id=name,
        label=entry["label"],
        treated=tuple(entry["treated"]),
        other=tuple(entry["other"]),
        group=(entry["group"]["table"], entry["group"]["column"]),
        randomised=entry["randomised"],
        registered=entry.get("registered", False),
        population=entry["population"],
        outcomes=tuple(entry["outcomes"]),
        facts=tuple(entry["facts"]),
        published=tuple(Statement(one["source"], one["words"], one["fact"]) for one in entry.get("published", ())),
    )


def _words(trial: dict, arms: dict[str, dict], contrasts: dict[str, dict], file: str) -> Words:
    randomised = [one for one in contrasts.values() if one["group"]["table"] == trial["cluster"]["table"]]
    if len(randomised) != 1:
        raise FactError(f"{file}: exactly one contrast must have its group in the table of the randomised clusters")
    treated, other = (arms[randomised[0][side][0]]["label"] for side in ("treated", "other"))
    minus = randomised[0].get("difference", f"{treated} minus {other}")
    return Words(trial["cluster"]["noun"], trial["cluster"]["plural"], minus)


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
        If a part is missing, a wave or kind is unknown, a margin has no class and reason, or not exactly one contrast
        compares the randomised clusters.

    Examples
    --------
    >>> list(load_plan().worlds)
    ['null', 'benefit', 'harm']
    """
    path = path or data_path("plan.yml")
    contrasts, outcomes = {}, {}
    with reading(path.name):
        raw = read_yaml(path)
        check_keys(path.name, raw, ("trial", "arms", "waves", "contrasts", "outcomes"), ("worlds",))
        words = _words(raw["trial"], raw["arms"], raw["contrasts"], path.name)
        for name, entry in raw["contrasts"].items():
            where = f"{path.name}, contrast {name}"
            with reading(where):
                contrasts[name] = _contrast(where, name, entry)
        for name, entry in raw["outcomes"].items():
            where = f"{path.name}, outcome {name}"
            with reading(where):
                outcomes[name] = _outcome(where, name, entry, raw["waves"], words)
    return Plan(raw["trial"], raw["arms"], raw["waves"], raw.get("worlds", {}), contrasts, outcomes, words)


def load_registered() -> Plan:
    """Read the plan of record: every outcome and time, also those that the data of this edition do not hold.

    A book on partial data answers only what its data can (`load_plan`), but what was registered and published stays
    whole.

    Returns
    -------
    Plan

    Examples
    --------
    >>> list(load_registered().outcomes)[:3]
    ['employment', 'housing', 'income']
    """
    return load_plan(data_path(REGISTERED) if (project_root() / "data" / REGISTERED).exists() else None)
