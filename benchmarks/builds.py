"""Builds of the same few chapters by this project and by stock Jupyter Book with its cache of executed notebooks.

``python -m benchmarks.builds [--rounds 3]``, from the top of the repository: cold build, rebuild of nothing, and one
after an edit of the code or of the prose of one chapter. The two take turns at being first. Machines are noisy: beside
the shortest time of each stands in how many of the pairs ours was faster, and the median of their ratios. Exit code 1
if by that median ours is slower at anything but prose.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median
from time import perf_counter

import nbformat
import yaml

from holf.paths import code_folders, project_root

CHAPTERS = ("design", "sample_flow", "effects", "interpretation")
EDITED = "sample_flow"
KINDS = ("cold", "nothing", "nothing", *["edit of code"] * 4, "edit of prose", "edit of prose")


def small_project(root: Path) -> Path:
    """The project with a handful of chapters, none of them run."""
    for name in ("assets", "data", "holf"):
        shutil.copytree(project_root() / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "CITATION.cff", "requirements.lock"):
        shutil.copy2(project_root() / name, root / name)
    (root / "chapters").mkdir()
    for name in CHAPTERS:
        notebook = nbformat.read(project_root() / "chapters" / f"{name}.ipynb", as_version=4)
        for cell in notebook.cells:
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
        notebook.metadata.pop("holf", None)
        nbformat.write(notebook, root / "chapters" / f"{name}.ipynb")
    shutil.copy2(project_root() / "chapters" / "ledger.md", root / "chapters")
    shutil.copy2(project_root() / "chapters" / "assumptions.md", root / "chapters")
    (root / "index.md").write_text("# A few chapters\n\n## Part\n\nWords.\n")
    pages = [{"file": f"chapters/{name}"} for name in (*CHAPTERS, "ledger", "assumptions")]
    (root / "_toc.yml").write_text(yaml.safe_dump({"format": "jb-book", "root": "index", "chapters": pages}))
    return root


def as_stock(root: Path) -> Path:
    """The same as a stock book: Jupyter Book executes the notebooks and keeps the results in its cache."""
    config = yaml.safe_load((root / "_config.yml").read_text(encoding="utf-8"))
    config["execute"] = {"execute_notebooks": "cache", "timeout": -1}
    del config["sphinx"]["local_extensions"]
    config["sphinx"]["config"] = {
        key: value
        for key, value in config["sphinx"]["config"].items()
        if key != "extensions" and not key.startswith("papermill")
    }
    (root / "_config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
    return root


def build(root: Path) -> float:
    """Seconds of one build."""
    environment = os.environ | {"HOLF_ROOT": str(root), "PYTHONPATH": os.pathsep.join(code_folders(root))}
    command = [str(Path(sys.executable).with_name("jupyter-book")), "build", str(root), "--quiet"]
    start = perf_counter()
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True)
    taken = perf_counter() - start
    if done.returncode:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return taken


def edit(root: Path, number: int, kind: str = "code") -> None:
    """Change the last code or the last prose of one chapter, as an author would."""
    path = root / "chapters" / f"{EDITED}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    last = [cell for cell in notebook.cells if cell.cell_type == ("code" if kind == "code" else "markdown")][-1]
    last.source = f"edit_{number} = 0\n{last.source}" if kind == "code" else f"{last.source}\n\nEdit {number}."
    nbformat.write(notebook, path)


def one_round(folder: Path, number: int) -> list[tuple[str, float, float]]:
    """Kind of each build, and seconds of ours and of stock."""
    roots = []
    for name in ("ours", "stock"):
        (folder / name).mkdir(parents=True)
        roots.append(small_project(folder / name))
    as_stock(roots[1])
    taken = []
    for turn, kind in enumerate(KINDS):
        if kind.startswith("edit"):
            for root in roots:
                edit(root, 100 * number + turn, kind.split()[2])
        seconds = {root: build(root) for root in (roots if (number + turn) % 2 else roots[::-1])}
        taken.append((kind, seconds[roots[0]], seconds[roots[1]]))
    return taken


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    rounds, pairs, slower = parser.parse_args().rounds, {}, []
    with tempfile.TemporaryDirectory() as scratch:
        for number in range(rounds):
            for kind, ours, stock in one_round(Path(scratch) / str(number), number):
                print(f"round {number + 1}, {kind:<14} ours {ours:7.1f} s   stock {stock:7.1f} s", flush=True)
                pairs.setdefault(kind, []).append((ours, stock))
    print(f"{len(CHAPTERS)} chapters; shortest times, pairs in which ours was faster, median of stock / ours:")
    for kind, timed in pairs.items():
        ours, stock = map(min, zip(*timed, strict=True))
        faster, ratio = sum(a < b for a, b in timed), median(b / a for a, b in timed)
        print(f"{kind:<14} ours {ours:6.1f} s   stock {stock:6.1f} s   {faster} of {len(timed)}   {ratio:.2f}")
        slower += [kind] if ratio < 1 and kind != "edit of prose" else []
    return 1 if slower else 0


if __name__ == "__main__":
    sys.exit(main())
