"""What the columns of the downloads mean: one list for the whole book, in `data/columns.yml`."""

from __future__ import annotations

import re
from dataclasses import dataclass

from holf.display import text
from holf.paths import project_root
from holf.record.plan import Plan
from holf.record.reading import read_yaml

DESCRIPTIONS = "data/columns.yml"


@dataclass(frozen=True)
class Descriptions:
    """Words for headings and for the parts of what stands below them.

    Attributes
    ----------
    headings : dict of str to str
        By heading.
    patterns : tuple of (re.Pattern, str)
        For headings that hold a name or a number of their own.
    parts : dict of str to str
        By part of a cell, such as ``low``; for the columns that have no heading, by their names.
    """

    headings: dict[str, str]
    patterns: tuple[tuple[re.Pattern, str], ...]
    parts: dict[str, str]

    def of_heading(self, heading: str) -> str:
        """What a heading means; empty if nobody said."""
        if heading in self.headings:
            return self.headings[heading]
        return next((said for pattern, said in self.patterns if pattern.fullmatch(heading)), "")


def load_descriptions(plan: Plan) -> Descriptions:
    """Read `data/columns.yml`, and add the names that the plan gives: arms, worlds, methods.

    Parameters
    ----------
    plan : Plan
    """
    path = project_root() / DESCRIPTIONS
    # Another trial's project may have none.
    raw = read_yaml(path) if path.exists() else {}
    named = raw.get("named", {})
    headings = dict(raw.get("headings", {}))
    headings |= {arm["label"]: named.get("arm", "") for arm in plan.arms.values()}
    headings |= {world["label"]: named.get("world", "") for world in plan.worlds.values()}
    headings |= {name: named.get("estimator", "") for name in text.estimators(plan.words)}
    patterns = tuple((re.compile(pattern), said) for pattern, said in raw.get("patterns", {}).items())
    return Descriptions(headings, patterns, raw.get("parts", {}))
