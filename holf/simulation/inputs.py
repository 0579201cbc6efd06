"""The project's own simulated studies: what they follow from, and whether their tables are older than that."""

from __future__ import annotations

import hashlib

from holf.paths import project_root
from holf.record.facts import load_assumptions
from holf.record.witness import unnoted

# What the tables follow from. A chapter that asks whether they are current has these hashed, and reads none of them.
INPUTS = (
    "data/facts.csv",
    "data/assumptions.yml",
    "data/plan.yml",
    "holf/record/facts.py",
    "holf/record/plan.py",
    "holf/simulation/worlds.py",
    "holf/simulation/people.py",
    "holf/simulation/measures.py",
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
