"""Editions as a sweep: the whole book built with other assumptions, worlds or seeds, several at once, each marked."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import yaml

from holf.facts import FactError, load_assumptions
from holf.plan import load_plan
from holf.release.edition import copy_project, drop_pages, simulated_only_pages
from holf.simulated import default_seed
from holf.sweep.plan import PlanError, read_kind

_KEYS = {"world", "seed", "assumptions"}


@dataclass(frozen=True)
class Edition:
    """One edition of the book.

    Attributes
    ----------
    name : str
        Name of its folder.
    world : str
        The simulated world that its chapters ask.
    seed : int
    assumptions : tuple of (str, value)
        Assumptions that differ from those of the book.
    """

    name: str
    world: str
    seed: int
    assumptions: tuple[tuple[str, object], ...]


def load_editions(path: Path) -> tuple[Edition, ...]:
    """Read a plan of editions.

    Parameters
    ----------
    path : Path
        YAML with ``kind: editions`` and ``editions``: by name ``world``, and perhaps ``seed`` and ``assumptions``.

    Raises
    ------
    PlanError
        If a key is unknown or missing or a value breaks its rule; named are file, key and rule.
    """
    name, (_, content) = Path(path).name, read_kind(path)
    entries = content.get("editions")
    if set(content) != {"kind", "editions"} or not isinstance(entries, dict) or not entries:
        raise PlanError(f"{name}: needs kind and editions, and no other key")
    return tuple(_edition(f"{name}, editions, {key}", str(key), entry) for key, entry in entries.items())


def _edition(where: str, name: str, entry: object) -> Edition:
    worlds, known = load_plan().worlds, load_assumptions()
    if not re.fullmatch(r"[a-z0-9][a-z0-9-]*", name):
        raise PlanError(f"{where}: names are of small letters, digits and hyphens")
    if not isinstance(entry, dict) or not {"world"} <= set(entry) <= _KEYS:
        raise PlanError(f"{where}: needs world, and may have seed and assumptions")
    if entry["world"] not in worlds:
        raise PlanError(f"{where}, world: must be one of {', '.join(worlds)}")
    seed, changed = entry.get("seed", default_seed()), entry.get("assumptions", {})
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise PlanError(f"{where}, seed: must be a whole number of at least 0")
    if not isinstance(changed, dict) or (unknown := sorted(map(str, set(changed) - set(known)))):
        raise PlanError(f"{where}, assumptions: {unknown[0] if isinstance(changed, dict) else 'what is there'} is none")
    return Edition(name, entry["world"], seed, tuple(changed.items()))


def run_editions(path: Path, out: Path, *, workers: int) -> int:
    """Build the editions that are not there yet.

    Parameters
    ----------
    path : Path
        The plan.
    out : Path
        Folder of the books; each appears in it whole or not at all, and one that is there is left alone.
    workers : int
        Editions at a time; each runs its chapters in processes of its own.

    Returns
    -------
    int
        Exit code: 1 if an edition failed, whose log then lies beside the books.
    """
    editions = load_editions(path)
    out.mkdir(parents=True, exist_ok=True)
    left = [one for one in editions if not (out / one.name).exists()]
    with ThreadPoolExecutor(workers) as pool:
        built = dict(zip((one.name for one in left), pool.map(lambda one: _build(one, out), left)))
    failed = [name for name, fine in built.items() if not fine]
    print(f"{len(editions)} editions: {len(editions) - len(left)} built before, {len(left) - len(failed)} now", end="")
    print(f", {len(failed)} failed: {', '.join(f'{name} (see {name}.log)' for name in failed)}" if failed else "")
    return 1 if failed else 0


def _build(edition: Edition, out: Path) -> bool:
    """Build one edition from a copy of the project in which its assumptions hold; keep the log if that fails."""
    with tempfile.TemporaryDirectory() as scratch:
        copy, study = Path(scratch) / "project", Path(scratch) / "study"
        log = out / f"{edition.name}.log"
        try:
            copy_project(copy)
            _assume(copy, edition)
        except (FactError, OSError) as problem:
            log.write_text(f"{problem}\n", encoding="utf-8")
            return False
        for command in (
            ["simulate", "--world", edition.world, "--seed", str(edition.seed), "--out", str(study)],
            ["build", "--source", str(study), "--out", str((out / edition.name).resolve())],
        ):
            done = subprocess.run(
                [sys.executable, "-m", "holf.cli", *command], cwd=copy, capture_output=True, text=True,
                env=os.environ | {"HOLF_ROOT": str(copy), "PYTHONPATH": str(copy)},
            )  # fmt: skip
            if done.returncode:
                log.write_text((done.stdout + done.stderr).replace(scratch, ""), encoding="utf-8")
                return False
        log.unlink(missing_ok=True)
    return True


def _assume(copy: Path, edition: Edition) -> None:
    """Put other assumptions into a copy, say so where they stand and on the first page, and drop what rests on the old.

    Pages that show committed simulations whatever the study is were drawn under the book's own assumptions.
    """
    path, known = copy / "data" / "assumptions.yml", load_assumptions()
    said = [f"The simulated world is “{edition.world}”, its seed {edition.seed}."]
    if edition.assumptions:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))
        for name, value in edition.assumptions:
            before = known[name].value
            entries[name] |= {
                "value": value,
                "reason": f"For this edition; the book has {before}. {known[name].reason}",
            }
            said.append(f"The assumption {name} is {value}; the book has {before}.")
        path.write_text(yaml.safe_dump(entries, allow_unicode=True, sort_keys=False), encoding="utf-8")
        load_assumptions(path)
        drop_pages(copy, simulated_only_pages(copy))
    _say(copy / "index.md", said)


def _say(page: Path, words: list[str]) -> None:
    """Put a note below the title of the landing page."""
    above, title, rest = re.split(r"^(# .*)\n", page.read_text(encoding="utf-8"), maxsplit=1, flags=re.MULTILINE)
    items = "\n".join(f"- {one}" for one in words)
    note = ":::{admonition} SIMULATED: an edition of a sweep, not the book and not a finding\n:class: warning\n\n"
    page.write_text(f"{above}{title}\n\n{note}{items}\n:::\n{rest}", encoding="utf-8")
