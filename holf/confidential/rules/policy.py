"""The disclosure rules of `data/disclosure.yml`: profiles of settings, none weaker than the floors of the file."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from holf.paths import data_path
from holf.record.forms import FORMS
from holf.record.reading import FactError, name_of, read_yaml, reading

RULES = frozenset(FORMS["disclosure.yml"]["rules"])

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
        If there is no such profile, or a profile of the file has a setting below its floor, or two settings that
        cannot both be kept. A FactError if the file or a profile lacks something, or has something unknown.
    """
    path = path or data_path("disclosure.yml")
    with reading(name_of(path)):
        raw = read_yaml(path)
        profiles = {name: _policy(name, values, raw["rules"], path) for name, values in raw["profiles"].items()}
        name = profile or raw["default"]
        if name not in profiles:
            raise PolicyError(
                f"{name_of(path)}, profile {name}: there is none of that name; known: {', '.join(profiles)}"
            )
        return profiles[name]


def load_profiles(path: Path | None = None) -> dict[str, Policy]:
    """Read every profile of the policy file by name, the default one first; errors as for `load_policy`."""
    default = load_policy(path=path)
    names = read_yaml(path or data_path("disclosure.yml"))["profiles"]
    return {default.profile: default} | {name: load_policy(name, path) for name in names}


def load_rules(path: Path | None = None) -> dict[str, Rule]:
    """Read how the policy file words each rule, by id."""
    rules = read_yaml(path or data_path("disclosure.yml"))["rules"]
    return {name: Rule(id=name, **rule) for name, rule in rules.items()}


def _policy(profile: str, values: dict, rules: dict, path: Path) -> Policy:
    where = f"{name_of(path)}, profile {profile}"
    if not re.fullmatch(PROFILE_NAME, profile):
        raise PolicyError(f"{where}: a name has small letters, digits and hyphens, since every page shows it")
    for name, rule in rules.items():
        if setting := rule.get("setting"):
            _check_floor(f"{where}, rule {name}", setting, values[setting], rule)
    if values["min_families"] > values["min_people"]:
        # Families have members, so the rule on people would never speak; what a refusal tells is counted in people.
        raise PolicyError(f"{where}, rule families: min_families is above min_people")
    if not values["round_to"] <= values["min_interval"] <= values["min_people"]:
        raise PolicyError(f"{where}, rule complementary: min_interval must lie between round_to and min_people")
    return Policy(profile, **{name: frozenset(one) if isinstance(one, list) else one for name, one in values.items()})


def _check_floor(where: str, setting: str, value: object, rule: dict) -> None:
    """Refuse a value of another kind than the floor's, or weaker than the floor."""
    floor = rule["floor"]
    same_kind = isinstance(value, (int, float) if isinstance(floor, float) else type(floor))
    if not same_kind or isinstance(value, bool):
        raise PolicyError(f"{where}: {setting} must be of the same kind as its floor, {floor}")
    if not _STRONG[rule["floor_is"]](value, floor):
        raise PolicyError(f"{where}: {setting} {value} is weaker than the floor of {floor}, or senseless")
