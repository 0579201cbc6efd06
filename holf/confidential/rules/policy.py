"""The disclosure rules of `data/disclosure.yml`: profiles of settings, none weaker than the floors of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from pathlib import Path

from holf.paths import data_path
from holf.record.reading import FactError, name_of, nearest, read_yaml, reading

RULES = frozenset(
    "staff people families offices dominance class df extremes rounding digits"
    " complementary linked differencing".split()
)

PROFILE_NAME = r"[a-z0-9]+(-[a-z0-9]+)*"


class PolicyError(FactError):
    """The policy file breaks a rule of its own; the message names file, profile and rule."""


@dataclass(frozen=True)
class Rule:
    """One rule as the policy file words it.

    Profiles give its `setting` a value, of which `floor` is the weakest; `floor_is` says which side is weaker:
    ``"least"``, ``"most"``, or ``"within"`` a list.
    """

    id: str
    says: str
    reason: str
    source: str
    setting: str | None = None
    floor: int | float | list[str] | None = None
    floor_is: str = ""


@dataclass(frozen=True)
class Policy:
    """One profile of the disclosure rules: settings alone, since every rule is in force in every profile.

    What each setting means stands in `data/disclosure.yml`, with the rule that it belongs to.
    """

    profile: str
    min_people: int
    min_families: int
    min_offices: int
    max_office_share: float
    min_residual_df: int
    round_to: int
    significant_digits: int
    min_interval: int
    staff_levels: frozenset[str]
    statistics: frozenset[str]


_SETTINGS = frozenset(field.name for field in fields(Policy)) - {"profile"}
# Each says what is strong enough, so that NaN, which compares with nothing, is not.
_STRONG = {
    "least": lambda value, floor: value >= floor,
    "most": lambda value, floor: 0 < value <= floor,
    "within": lambda value, floor: set(value) <= set(floor),
}


def load_policy(profile: str | None = None, path: Path | None = None) -> Policy:
    """Read one profile of the disclosure rules; the file's `default` where none is named.

    Raises
    ------
    PolicyError
        If there is no such profile, if it lacks a setting or has an unknown one, if one lies below its floor, or if
        two settings cannot both be kept.

    Examples
    --------
    >>> policy = load_policy()
    >>> policy.profile, policy.min_people, policy.round_to
    ('norwegian-strict', 10, 5)
    """
    path = path or data_path("disclosure.yml")
    with reading(name_of(path)):
        raw = _read(path)
        return _policy(raw, profile or raw["default"], name_of(path))


def _policy(raw: dict, profile: str, file: str) -> Policy:
    where = f"{file}, profile {profile}"
    if profile not in raw["profiles"]:
        raise PolicyError(f"{where}: there is none of that name; known: {', '.join(raw['profiles'])}")
    if not re.fullmatch(PROFILE_NAME, profile):
        raise PolicyError(f"{where}: a name has small letters, digits and hyphens, since every page shows it")
    values = raw["profiles"][profile]
    if unknown := sorted(values.keys() - _SETTINGS):
        raise PolicyError(f"{where}: unknown setting `{unknown[0]}`; {nearest(unknown[0], sorted(_SETTINGS))}")
    if lacking := sorted(_SETTINGS - values.keys()):
        raise PolicyError(f"{where}: setting {lacking[0]} is missing")
    for name, rule in raw["rules"].items():
        if (setting := rule.get("setting")) is not None:
            _check_floor(f"{where}, rule {name}", setting, values[setting], rule)
    _check_together(where, values)
    return Policy(
        profile=profile,
        **{name: frozenset(value) if isinstance(value, list) else value for name, value in values.items()},
    )


def load_rules(path: Path | None = None) -> dict[str, Rule]:
    """Read how the policy file words each rule, by id; a PolicyError if a rule is missing or unknown."""
    path = path or data_path("disclosure.yml")
    parts = [part.name for part in fields(Rule) if part.name != "id"]
    with reading(name_of(path)):
        return {
            name: Rule(id=name, **{part: rule[part] for part in parts if part in rule})
            for name, rule in _read(path)["rules"].items()
        }


def load_profiles(path: Path | None = None) -> dict[str, Policy]:
    """Read every profile of the policy file by name, the default one first; a PolicyError as for `load_policy`."""
    path = path or data_path("disclosure.yml")
    with reading(name_of(path)):
        raw = _read(path)
        names = [raw["default"], *(name for name in raw["profiles"] if name != raw["default"])]
        return {name: _policy(raw, name, name_of(path)) for name in names}


def _read(path: Path) -> dict:
    """The file's content, after checking that each rule is there, with its words and a floor for its setting."""
    raw = read_yaml(path)
    if unknown := sorted(raw["rules"].keys() - RULES):
        raise PolicyError(f"{name_of(path)}: unknown rule `{unknown[0]}`; {nearest(unknown[0], sorted(RULES))}")
    if lacking := sorted(RULES - raw["rules"].keys()):
        raise PolicyError(f"{name_of(path)}: rule {lacking[0]} is missing")
    for name, rule in raw["rules"].items():
        where = f"{name_of(path)}, rule {name}"
        if rule.get("setting") and not {"floor", "floor_is"} <= rule.keys():
            raise PolicyError(f"{where}: a rule with a setting needs floor and floor_is")
        if "floor_is" in rule and rule["floor_is"] not in _STRONG:
            raise PolicyError(f"{where}: floor_is must be one of {', '.join(_STRONG)}")
    if without := sorted(_SETTINGS - {rule.get("setting") for rule in raw["rules"].values()}):
        raise PolicyError(f"{name_of(path)}: no rule has the setting {without[0]}, so it has no floor")
    return raw


def _check_floor(where: str, setting: str, value: object, rule: dict) -> None:
    """Refuse a value of another kind than the floor's, or weaker than the floor."""
    floor = rule["floor"]
    same_kind = isinstance(value, (int, float) if isinstance(floor, float) else type(floor))
    if not same_kind or isinstance(value, bool):
        raise PolicyError(f"{where}: {setting} must be of the same kind as its floor, {floor}")
    if not _STRONG[rule["floor_is"]](value, floor):
        raise PolicyError(f"{where}: {setting} {value} is weaker than the floor of {floor}, or senseless")


def _check_together(where: str, values: dict) -> None:
    """Refuse settings that cannot all be kept."""
    if values["min_families"] > values["min_people"]:
        # Families have members, so the rule on people would never speak; what a refusal tells is counted in people.
        raise PolicyError(f"{where}, rule families: min_families is above min_people")
    if not values["round_to"] <= values["min_interval"] <= values["min_people"]:
        raise PolicyError(f"{where}, rule complementary: min_interval must lie between round_to and min_people")
