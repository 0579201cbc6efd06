"""The project's own simulated studies: what they follow from, and whether their tables are older than that."""

from __future__ import annotations

import hashlib
import json

from holf.facts import load_assumptions
from holf.paths import MARK_FILE, project_root
from holf.plan import load_plan
from holf.witness import unnoted

# What the tables follow from. A chapter that asks whether they are current has these hashed, and reads none of them.
INPUTS = (
    "data/facts.csv",
    "data/assumptions.yml",
    "data/plan.yml",
    "holf/facts.py",
    "holf/plan.py",
    "holf/simulation.py",
    "holf/population.py",
    "holf/measures.py",
)


def default_seed() -> int:
    """Seed of the project's own simulated studies."""
    return load_assumptions()["seed"].value


def inputs_signature() -> str:
    """SHA-256 over everything that the simulated tables follow from."""
    digest = hashlib.sha256()
    with unnoted():
        for name in INPUTS:
            digest.update(name.encode() + b"\0" + (project_root() / name).read_bytes() + b"\0")
    return digest.hexdigest()


def refresh_studies() -> list[str]:
    """Write anew those of the project's own simulated studies whose inputs have changed; return their worlds."""
    worlds = load_plan().worlds
    if not worlds:
        return []
    home, current = project_root() / "data" / "simulated", inputs_signature()
    stale = [
        world
        for world in worlds
        if not (mark := home / world / MARK_FILE).exists()
        or json.loads(mark.read_text(encoding="utf-8"))["inputs_sha256"] != current
    ]
    if stale:
        # Imported here: it brings scipy along, which takes longer to load than this takes to find nothing to do.
        from holf.simulation import write_study

        for world in stale:
            write_study(world, home / world)
    return stale
