"""The simulated study: nine linked tables in three worlds. The same seed gives the same bytes."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from holf.paths import MARK_FILE, note_file, project_root, unnoted
from holf.record.facts import load_assumptions, load_ledger
from holf.record.parts import part_digests, without_inner
from holf.record.plan import load_plan
from holf.record.schema import load_schema

if TYPE_CHECKING:
    import pandas as pd

# What the tables follow from, beside the parts of the record that they ask for.
INPUTS = (
    "data/datapackage.json",
    "holf/record/facts.py",
    "holf/record/plan.py",
    "holf/record/schema.py",
    "holf/simulation/worlds.py",
    "holf/simulation/people.py",
    "holf/simulation/measures.py",
)


def default_seed() -> int:
    """Seed of the project's own simulated studies."""
    return load_assumptions()["seed"].value


def why_old(mark: dict, world: str) -> str:
    """Why tables with this mark are not what the project's own seed, record and code give for a world; empty if so."""
    parts = mark.get("made_from")
    if not isinstance(parts, dict) or not {*INPUTS} <= parts.keys():
        return "its mark does not say what they were made from"
    with unnoted():
        changed = [name for name, digest in part_digests(parts).items() if parts[name] != digest]
        if changed:
            more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
            return f"{changed[0]}{more} changed since they were drawn"
        return "" if (mark["world"], mark["seed"]) == (world, default_seed()) else "they are of another world or seed"


def simulate(
    world: str, *, seed: int | None = None, note: Callable[[str], None] = note_file
) -> dict[str, pd.DataFrame]:
    """Simulate the study in one world.

    Parameters
    ----------
    world : str
        A world of `data/plan.yml`: ``"null"`` (no difference between the arms), ``"benefit"`` or ``"harm"``.
    seed : int, optional
        Seed; the one of `data/assumptions.yml` by default. With the same seed the three worlds hold the same people,
        who differ only by the planted difference.
    note : callable
        Told each part of the record that the tables follow from (`holf.record.parts`).

    Returns
    -------
    dict of str to DataFrame
        offices, leaders, coordinators, families, parents, children, survey, register, delivery.

    Raises
    ------
    ValueError
        If the world is unknown or the seed is negative.
    """
    # Imported here: they bring scipy along, which who asks only whether the tables are current need not wait for.
    import numpy as np

    from holf.simulation.measures import draw_delivery, draw_register, draw_staff, draw_survey, locate, measure_children
    from holf.simulation.people import Rules, draw_children, draw_families, draw_offices, draw_parents

    def follow(part: str) -> None:
        # How the outcomes are analysed moves nothing in the tables.
        if part != "data/plan.yml#model":
            note(part)

    plan = load_plan(note=follow)
    if world not in plan.worlds:
        raise ValueError(f"no world {world!r}; known: {', '.join(plan.worlds)}")
    with unnoted():
        schema = load_schema()
    rules = Rules(load_ledger(note=note), load_assumptions(note=note), plan, schema, plan.worlds[world]["sign"])
    seed = default_seed() if seed is None else seed
    if seed < 0:
        raise ValueError("the seed must not be negative")
    who, register_rng, survey_rng, child_rng, staff_rng, delivery_rng = (
        np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(6)
    )
    offices = draw_offices(who, rules)
    families = draw_families(who, offices, rules)
    parents = draw_parents(who, families, rules)
    children = draw_children(who, families, rules)
    place = locate(parents, families, offices)
    register = draw_register(register_rng, parents, place, rules)
    survey = draw_survey(survey_rng, parents, place, register, rules)
    children = measure_children(child_rng, children, locate(children, families, offices), parents, survey, rules)
    leaders, coordinators = draw_staff(staff_rng, offices, rules)
    delivery = draw_delivery(delivery_rng, families, coordinators, rules)
    people = {"offices": offices, "leaders": leaders, "coordinators": coordinators, "families": families}
    people |= {"parents": parents, "children": children}
    return people | {"survey": survey, "register": register, "delivery": delivery}


def write_study(world: str, out: Path, *, seed: int | None = None) -> Path:
    """Simulate one world and write its tables as CSV, beside a file that marks them as simulated.

    The folder appears whole or not at all: the tables are written to a neighbouring folder that then takes its place.

    Parameters
    ----------
    world : str
        A world of `data/plan.yml`.
    out : Path
        The folder; an earlier simulated study in it is replaced.
    seed : int, optional
        Seed; the one of `data/assumptions.yml` by default.

    Returns
    -------
    Path
        The folder.

    Raises
    ------
    FileExistsError
        If `out` holds anything but an earlier simulated study; nothing there is touched.
    ValueError
        If the world is unknown or the seed is negative.
    """
    out, asked = Path(out), [*INPUTS]
    tables = simulate(world, seed=seed, note=asked.append)
    known = {f"{name}.csv" for name in tables} | {MARK_FILE}
    if out.exists():
        foreign = {path.name for path in out.iterdir()} - known
        if foreign or (any(out.iterdir()) and not (out / MARK_FILE).exists()):
            raise FileExistsError(f"{out.name} holds something else than a simulated study; choose another folder")
    seed = default_seed() if seed is None else seed
    fresh, old = out.with_name(f".{out.name}.new"), out.with_name(f".{out.name}.old")
    for leftover in (fresh, old):
        shutil.rmtree(leftover, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, table in tables.items():
        table.to_csv(fresh / f"{name}.csv", index=False, lineterminator="\n", encoding="utf-8")
    mark = {
        "simulated": True,
        "world": world,
        "seed": seed,
        "licence": "CC0-1.0",
        "made_from": part_digests(without_inner(asked)),
        "says": "Simulated from published facts and stated assumptions. No row is a person; no number is a finding.",
    }
    (fresh / MARK_FILE).write_text(json.dumps(mark, indent=2) + "\n", encoding="utf-8")
    if out.exists():
        os.replace(out, old)
    os.replace(fresh, out)
    shutil.rmtree(old, ignore_errors=True)
    return out


def refresh_studies() -> list[str]:
    """Write the project's own simulated studies again where their inputs have changed; return the worlds written."""
    worlds = load_plan().worlds
    if not worlds:
        return []
    home = project_root() / "data" / "simulated"
    stale = [
        world
        for world in worlds
        if not (mark := home / world / MARK_FILE).exists()
        or why_old(json.loads(mark.read_text(encoding="utf-8")), world)
    ]
    for world in stale:
        write_study(world, home / world)
    return stale
