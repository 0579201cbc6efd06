"""The analysis plan as data: arms, waves, contrasts, outcomes, worlds, and the slots for published results."""

from __future__ import annotations

import csv
import re
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

    Raises
    ------
    FactError
        If a part is missing, a wave or kind is unknown, or a margin has no class and reason.
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


STATISTICS = ("mean", "sd", "n", "p_value_change")
# Units in which a mean has a highest value.
_MOST = {"percent": 100, "share": 1}
_NUMBER = re.compile(r"<? ?(-?\d+(\.\d+)?|\.\d+)")


@dataclass(frozen=True)
class Slot:
    """One place for a number of the article's Table 1; `value` is None until someone types it in from the paper.

    `printed` is the text as typed: it alone knows trailing zeros, and whether a p-value is only a bound. `kind` is the
    class of the number, empty while the slot is.
    """

    outcome: str
    arm: str
    wave: str
    statistic: str
    value: float | None
    unit: str
    source: str
    printed: str = ""
    kind: str = ""
    file: str = ""

    @property
    def where(self) -> str:
        """File and row, for messages."""
        return f"{self.file}, {self.outcome} {self.arm} {self.wave} {self.statistic}"

    @property
    def is_bound(self) -> bool:
        """True for a p-value of which only an upper bound is printed, as in ``<0.001``."""
        return self.printed.startswith("<")

    @property
    def decimals(self) -> int:
        """Decimals as printed, trailing zeros counted."""
        return len(self.printed.partition(".")[2])


def _slot_fault(slot: Slot) -> str:
    """The rule that a filled slot breaks, or an empty string."""
    value, most = slot.value, _MOST.get(slot.unit)
    if value is None:
        return "column value must be a number with a point for decimals and no other separator"
    outside = slot.statistic == "mean" and most is not None and not 0 <= value <= most
    rules = {
        "only a p-value may be a bound": slot.is_bound and slot.statistic != "p_value_change",
        "a p-value lies between 0 and 1": slot.statistic == "p_value_change" and not 0 <= value <= 1,
        "a p printed as 0 is a bound; type it as one, as in <0.001": slot.statistic == "p_value_change" and value == 0,
        "n is a whole number of at least 1": slot.statistic == "n" and (value < 1 or not slot.printed.isdigit()),
        "a standard deviation is not negative": slot.statistic == "sd" and value < 0,
        f"a mean in {slot.unit} lies between 0 and {most}": outside,
    }
    return next((f"column value: {rule}" for rule, broken in rules.items() if broken), "")


def _slot(row: dict[str, str], file: str, kind: str) -> Slot:
    printed = row["value"].strip()
    key = (row["outcome"], row["arm"], row["wave"], row["statistic"])
    value = float(printed.lstrip("< ")) if _NUMBER.fullmatch(printed) else None
    slot = Slot(*key, value, row["unit"], row["source"], printed, row["class"] if printed else "", file)
    if None in row:
        fault = "the row has too many columns; a number has no comma, and a note with one stands in quotes"
    elif slot.statistic not in STATISTICS:
        fault = f"column statistic must be one of {', '.join(STATISTICS)}"
    elif printed and not (slot.kind == kind and slot.source and row["page"]):
        fault = f"a value needs class {kind}, a source and a page"
    else:
        fault = _slot_fault(slot) if printed else ""
    if fault:
        raise FactError(f"{slot.where}: {fault}")
    return slot


def load_published_results(path: Path | None = None, *, kind: str = "published") -> tuple[Slot, ...]:
    """Read the slots for the article's Table 1.

    Parameters
    ----------
    path : Path, optional
        A CSV file in the form of `data/published_results.csv`; that file itself by default. Column ``value`` holds the
        number exactly as printed, trailing zeros included, with a point for decimals and no thousands separator; a
        p-value of which only a bound is printed begins with ``<``, as in ``<0.001``. Column ``unit`` says what the
        values are: ``percent`` or ``share`` of a 0/1 variable, ``whole points`` or ``whole points, mean of K items``
        for scores in whole numbers, or any other words. A row with statistic ``sd`` may be added to each mean.
    kind : str
        Class that every filled slot must carry; a made-up table says ``simulated``.

    Raises
    ------
    FactError
        If a filled slot has another class, no source or no page; if its value is not a number, or is one that its
        statistic or unit cannot have; if a slot stands there twice.
    """
    path = path or data_path("published_results.csv")
    slots = {}
    with open(path, encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            slot = _slot(row, path.name, kind)
            if slot.where in slots:
                raise FactError(f"{slot.where}: the slot stands there twice")
            slots[slot.where] = slot
    return tuple(slots.values())
