"""The page of what may leave the room of the data and what is refused, written from the rules themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING

from holf.confidential.rules.policy import Policy, Rule, load_profiles, load_rules
from holf.confidential.scan import KINDS, OUT_OF_REACH
from holf.confidential.scan import rules as gate
from holf.pages.data_dictionary import dictionary
from holf.paths import STAND_IN, project_root
from holf.record.schema import load_schema
from holf.record.source import REAL_MARK

if TYPE_CHECKING:
    from holf.confidential.release.document import Release

_NOTE = "<!-- Written by holf.pages.disclosure from data/disclosure.yml and holf/confidential/scan; edit those. -->"
_OPENING = """# Disclosure: what may leave, and which data there are

Which numbers about people may leave the room in which the data are kept, what a finished site may not hold, which
tables this book reads, and who may have data. The steps are in [For those who hold the data](data_holders.md)."""
_CHECKED = "## Checked for this book"
_NO_RELEASE = """No release stands behind this book. Its study results come from simulated people, so there was nobody
to protect, and nothing was withheld. In a book on real data this section says which release it was built from, and
what the rules withheld."""
_RULES = """## Before a number leaves

Every number asked of real data is held against these rules; all of them are in force in every profile. What a rule
refuses is shown as "withheld" with the rule's name. A profile gives the rules their settings, in `data/disclosure.yml`,
and one that is weaker than the weakest allowed value is refused."""
_GATE = """## Before a site is published

`holf release-check` reads every file of a finished site. A file of a kind that a site does not hold is refused by its
name and not opened. A finding names file and rule, never what was found; nobody can sign an exception. A
site that was changed since is checked again.

Ids, national identity numbers and canaries are sought as strings, so that no leading zero is lost, in one spelling:
without tags, entities and invisible characters, whatever stands between the parts."""
_FLOORS = {"least": "at least {}", "most": "at most {}", "within": "only from: {}"}


def own_release() -> Release | None:
    """The release that this copy of the book was built from; None for a simulated book."""
    path = project_root() / "data" / f"{STAND_IN}.json"
    if not path.exists():
        return None
    # Imported where it is needed: it brings the estimators along, and most builds have no release.
    from holf.confidential.release.document import read_release

    return read_release(path)


def safety_page(
    rules: dict[str, Rule], profiles: dict[str, Policy], checks: Iterable[gate.Rule], release: Release | None
) -> str:
    """Markdown of the disclosure page: one heading a rule, so that a withheld number can point to its reason.

    The default profile comes first; `release` is what the book was built from, if anything.
    """
    lines = [_NOTE, "", _OPENING, "", _CHECKED, ""]
    lines += _release_lines(release, profiles) if release else [_NO_RELEASE]
    lines += ["", _RULES, ""]
    for rule in rules.values():
        lines += _rule_lines(rule, profiles)
    lines += [_GATE, "", *_gate_lines(), ""]
    lines += ["", "### The checks of a site", "", "| Check | Refuses | What to do |", "| --- | --- | --- |"]
    lines += [f"| {check.id} | {check.says} | {check.fix} |" for check in checks]
    return "\n".join(lines).rstrip() + "\n"


def current_safety_page() -> str:
    """The rules of this project as they are now, the data dictionary, and who may have data."""
    parts = [safety_page(load_rules(), load_profiles(), gate.ALL, own_release()), dictionary(load_schema())]
    # Another trial's project may have nothing to say of it.
    told = project_root() / "chapters" / "templates" / "availability.md"
    return "\n".join([*parts, *([told.read_text(encoding="utf-8")] if told.exists() else [])])


def holders_page(template: str, policy: Policy) -> str:
    """The page for those who hold the data: a template in which each setting in braces is that of the profile."""
    shown = {name: f"{value:.0%}" if isinstance(value, float) else str(value) for name, value in vars(policy).items()}
    return re.sub(rf"\{{({'|'.join(shown)})\}}", lambda match: shown[match[1]], template)


def _shown(value: object) -> str:
    return ", ".join(sorted(value)) if isinstance(value, list | frozenset) else str(value)


def _rule_lines(rule: Rule, profiles: dict[str, Policy]) -> list[str]:
    lines = [f"### {rule.id}", "", rule.says, ""]
    lines += [f"| Profile | {f'`{rule.setting}`' if rule.setting else 'No setting'} |", "| --- | --- |"]
    for place, (name, policy) in enumerate(profiles.items() if rule.setting else ()):
        lines.append(f"| {name}{' (default)' * (place == 0)} | {_shown(getattr(policy, rule.setting))} |")
    if rule.setting:
        lines.append(f"| weakest allowed | {_FLOORS[rule.floor_is].format(_shown(rule.floor))} |")
    return [*lines, f"| *why* | {rule.reason} |", f"| *where it comes from* | {rule.source} |", ""]


def _gate_lines() -> list[str]:
    """The kinds of file that a site may hold, and what the gate does not see."""
    lines = ["| A site may hold | What it is |", "| --- | --- |"]
    lines += [f"| `{kind}` | {description} |" for kind, description in KINDS.items()]
    lines += ["", "**What it does not see.** A person has to look for:", ""]
    return lines + [f"- {limit}" for limit in OUT_OF_REACH]


def _release_lines(release: Release, profiles: dict[str, Policy]) -> list[str]:
    """The release's own account of itself: profile, how much was asked, what the rules withheld, what was not there."""
    content, tables = release.content, load_schema().tables
    asked, profile = content["summary"], content["profile"]
    known = "" if profile in profiles else ", whose settings are in the file of those who made it and not in this copy"
    absent = [tables[name]["title"] for name in content["absent_tables"]]
    unmeasured = content["absent_outcomes"]
    lines = [
        f"**{REAL_MARK}.** This book was built from release `{release.id}`, made under the profile `{profile}`{known}. "
        "What follows is the release's own summary.",
        "",
        "| Of the release | Number |",
        "| --- | --- |",
        f"| Questions asked | {asked['questions']} |",
        f"| Questions to which the data give no answer | {asked['questions_without_answer']} |",
        f"| Answers | {asked['answers']} |",
        f"| Answers with a part withheld | {asked['answers_with_a_part_withheld']} |",
        f"| A shown count is off by at most | {content['counts_off_by_at_most']} |",
        "",
        content["counts"],
        "",
    ]
    withheld = asked["answers_by_withholding_rule"]
    if withheld:
        lines += ["| Rule that withheld a part | Answers |", "| --- | --- |"]
        lines += [f"| [{rule}](#{rule}) | {number} |" for rule, number in withheld.items()]
        lines += ["", "An answer can have parts withheld by several rules.", ""]
    if repeats := ", ".join(f"`{one}`" for one in content["repeats"]):
        lines += [f"It repeats the answers of {repeats}; its data may lack people who were in those.", ""]
    lines += [f"Tables that the data do not have: {', '.join(absent) or 'none'}.", ""]
    return [*lines, f"Outcomes that the data do not have: {', '.join(unmeasured) or 'none'}."]
