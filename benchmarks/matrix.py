"""The whole book, every chapter run, in surroundings that share as little as possible: the same bytes, or exit code 1.

``python -m benchmarks.matrix [--chapters all|few] [--plant clock|path]``, from the top of the repository. Four builds
from clean copies of the tracked files cover what could leak, each against the first: folder, clock, locale, time zone,
hash seed, user, home, threads, umask, ``SOURCE_DATE_EPOCH``, order of folders, and the processor that numpy's kernels
are chosen for. With ``--plant``, the copies hold a leak, which the first two builds must show.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter

import yaml

from benchmarks.builds import small_project
from holf.book.checksums import SUMS, digests
from holf.paths import project_root
from tests.surroundings import ORDINARY, STRANGER, Surroundings

# Code at the place where the frame of each page is filled, and what a careless author might write there.
PLACE = "    root = app.config.root_doc\n"
PLANTS = {
    "clock": '    context["author"] = app.config.author + __import__("time").strftime(", made on %Y-%m-%d")\n',
    "path": '    context["author"] = app.config.author + f", made in {Path(__file__).parent}"\n',
}
# Users that no file of the machine need know.
STRANGERS = (65534, 54321)
MOST_NAMED = 20


@dataclass(frozen=True)
class Cell:
    """One build of the matrix: surroundings, and the folder it happens in."""

    where: Surroundings
    folder: str

    def said(self) -> str:
        """Everything that this cell varies, in one line."""
        where = self.where
        who = f"user {os.geteuid() if where.user is None else where.user}"
        values = " ".join(f"{name}={value}" for name, value in where.variables.items())
        return (
            f"clock {where.days:+d} days, {where.processors} processors and threads, umask {where.umask:03o}, {who}, "
            f"folder {self.folder!r}, {values}"
        )


def stated_year() -> int:
    """The year in the book's copyright: Sphinx puts that of ``SOURCE_DATE_EPOCH`` in its place."""
    config = yaml.safe_load((project_root() / "_config.yml").read_text(encoding="utf-8"))
    return int(re.match(r"\d{4}", config["copyright"])[0])


def other_users() -> tuple[int | None, int | None]:
    """Two users to build as, or nobody where this process may not, which is said aloud."""
    why = "only root can build as somebody else"
    if os.name == "posix" and os.geteuid() == 0:
        # Where the library of this Python is closed to them, the system's own may run in its place.
        ask = [sys.executable, "-c", "import sys; print(sys.version)"]
        try:
            if all(
                subprocess.check_output(ask, user=user, group=user, extra_groups=[], text=True).strip() == sys.version
                for user in STRANGERS
            ):
                return STRANGERS
            why = "other users of this machine would run another Python"
        except (OSError, subprocess.CalledProcessError):
            why = "other users of this machine may not run this Python, because of the folder it lies in"
    print(f"NOT VARIED: the user; {why}", file=sys.stderr, flush=True)
    return None, None


def cells() -> list[Cell]:
    """The covering set; each cell differs from the first in nearly everything, and no two share a clock or a folder."""
    first_second = (stated_year() - 1970) * 31_557_600 + 86_400
    back = Surroundings(
        "back in time", -800, 2, 0o027,
        {"LC_ALL": "POSIX", "PYTHONUTF8": "1", "TZ": "WEST+11:30", "PYTHONHASHSEED": "random", "USER": "ola",
         "COLUMNS": "40", "SOURCE_DATE_EPOCH": str(first_second)},
    )  # fmt: skip
    processor = Surroundings(
        "another processor", 31, 4, 0o022,
        {"LANG": "C.UTF-8", "TZ": "EAST-05:45", "PYTHONHASHSEED": "77", "OPENBLAS_CORETYPE": "Prescott",
         "NPY_DISABLE_CPU_FEATURES": "AVX2 FMA3", "SOURCE_DATE_EPOCH": str(first_second + 15_000_000)},
    )  # fmt: skip
    users = other_users()
    return [
        Cell(ORDINARY, "here"),
        Cell(replace(STRANGER, user=users[0]), "en annen mappe/der borte"),
        Cell(replace(back, user=users[1]), "a/much/longer/way/to/the/same/book"),
        Cell(processor, "4"),
    ]


def clean_copy(root: Path, chapters: str) -> None:
    """The tracked files as they are at this moment, or a book of a few of the chapters."""
    root.mkdir(parents=True)
    if chapters == "few":
        small_project(root)
        return
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=project_root(), capture_output=True, check=True).stdout
    for name in filter(None, listed.decode().split("\0")):
        target = root / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(project_root() / name, target)


def plant(root: Path, leak: str) -> None:
    """Put a leak into a copy."""
    code = root / "holf" / "book" / "theme" / "theme.py"
    text = code.read_text(encoding="utf-8")
    if text.count(PLACE) != 1:
        raise RuntimeError("holf/book/theme/theme.py has no such line any more: find another place to plant at")
    code.write_text(text.replace(PLACE, PLANTS[leak] + PLACE), encoding="utf-8")


def build(cell: Cell, root: Path, options: list[str]) -> dict[str, str]:
    """Build a copy with every chapter run anew; checksums of the site and of the notebooks, by path."""
    home = root / "home"
    home.mkdir()
    if cell.where.user is not None:
        for path in (root, *root.rglob("*")):
            os.chown(path, cell.where.user, cell.where.user)
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(root), *options]
    done = cell.where.run(command, root, home, HOLF_PAPERMILL="force")
    if done.returncode:
        raise RuntimeError(f"{cell.where.name}: the build failed\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    found = {f"site/{name}": digest for name, digest in digests(root / "_build" / "html").items()}
    notebooks = digests(root / "chapters")
    return found | {f"chapters/{name}": digest for name, digest in notebooks.items() if name.endswith(".ipynb")}


def run(cell: Cell, source: Path, root: Path, options: list[str]) -> dict[str, str]:
    """Build one cell from a copy of its own, and print what it was."""
    start = perf_counter()
    shutil.copytree(source, root)
    print(f"{cell.where.name}: {cell.said()}", flush=True)
    found = build(cell, root, options)
    sums = hashlib.sha256((root / "_build" / "html" / SUMS).read_bytes()).hexdigest()
    print(f"  {SUMS} {sums}, {len(found)} files, {perf_counter() - start:.0f} s", flush=True)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--chapters", choices=("all", "few"), default="all")
    parser.add_argument("--plant", choices=tuple(PLANTS))
    arguments = parser.parse_args()
    first, faults = None, 0
    with tempfile.TemporaryDirectory() as scratch:
        # The other users must get through to their copies.
        os.chmod(scratch, 0o755)
        # One copy for all: somebody may work on the project meanwhile.
        source = Path(scratch) / "source"
        clean_copy(source, arguments.chapters)
        if arguments.plant:
            plant(source, arguments.plant)
        # Pages of a few chapters link to others, of which Sphinx warns.
        options = ["-W", "-n", "--keep-going"] if arguments.chapters == "all" else []
        for cell in cells()[: 2 if arguments.plant else None]:
            found = run(cell, source, Path(scratch) / cell.folder, options)
            first = first or found
            differing = sorted(name for name in found.keys() | first.keys() if found.get(name) != first.get(name))
            faults += bool(differing)
            for name in differing[:MOST_NAMED]:
                print(f"  DIFFERS: {name}", flush=True)
            if len(differing) > MOST_NAMED:
                print(f"  DIFFERS: {len(differing) - MOST_NAMED} more")
    print(f"{faults} builds differ from the first" if faults else "the same bytes in all")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
