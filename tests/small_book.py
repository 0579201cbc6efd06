"""A small book that is built for real: this project with two short chapters in the place of its own."""

import filecmp
import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat

from holf.book.colophon import PLACE
from holf.book.sources import LIST
from holf.paths import code_folders, project_root

CHAPTERS = {
    "plain": [
        "# Plain\n\n## Part",
        "factor = 2",
        "from holf.display.table import Cell, Table\nfrom holf.record.source import RECORD\n"
        "Table('Twice', ('x', 'y'), (('a', Cell(str(21 * factor), 'derived')),), source=RECORD)",
    ],
    "study": [
        "# Study\n\n## Part",
        "wave = 'm12'",
        "import holf\nfrom holf.display import tables\nstudy = holf.open_study('null')\n"
        "tables.effects_table([(study.plan.outcome('income'), 'Income', study.effect('income', wave))], 'Effect')",
    ],
}


class SmallBook:
    """A copy of the project in a folder of its own."""

    def __init__(self, root: Path):
        self.root, self.site = root, root / "_build" / "html"

    def path(self, chapter: str) -> Path:
        return self.root / "chapters" / f"{chapter}.ipynb"

    def write(self, chapter: str, cells: list[str]) -> None:
        prose, parameters, *code = cells
        notebook = nbformat.v4.new_notebook(
            cells=[nbformat.v4.new_markdown_cell(prose), nbformat.v4.new_code_cell(parameters)]
            + [nbformat.v4.new_code_cell(source) for source in code],
            metadata={"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}},
        )
        notebook.cells[1].metadata["tags"] = ["parameters"]
        for number, cell in enumerate(notebook.cells):
            cell["id"] = f"c{number}"
        nbformat.write(notebook, self.path(chapter))

    def edit(self, chapter: str, old: str, new: str) -> None:
        notebook = nbformat.read(self.path(chapter), as_version=4)
        for cell in notebook.cells:
            cell.source = cell.source.replace(old, new)
        nbformat.write(notebook, self.path(chapter))

    def environment(self, **extra: str) -> dict[str, str]:
        return (
            os.environ | {"HOLF_ROOT": str(self.root), "PYTHONPATH": os.pathsep.join(code_folders(self.root))} | extra
        )

    def command(self, *options: str) -> list[str]:
        return [str(Path(sys.executable).with_name("jupyter-book")), "build", str(self.root), *options]

    def build(self, *options: str, **extra: str) -> subprocess.CompletedProcess:
        """Build, by default as `make book` does."""
        return subprocess.run(
            self.command(*(options or ("-W", "-n", "--keep-going"))),
            capture_output=True,
            text=True,
            env=self.environment(**extra),
            cwd=self.root,
        )

    def keep(self, aside: Path) -> None:
        """Keep a copy of every file, for `restore`."""
        self.aside = aside
        shutil.copytree(self.root, aside, symlinks=True)

    def restore(self) -> None:
        """Put every file back, and touch none that is as it was: builds then go on from the caches that were kept."""
        kept = {path.relative_to(self.aside) for path in self.aside.rglob("*")}
        for path in sorted(self.root.rglob("*")):
            # What lay in a folder that is gone is gone with it.
            if path.relative_to(self.root) in kept or "__pycache__" in path.parts or not os.path.lexists(path):
                continue
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        for name in sorted(kept):
            old, new = self.aside / name, self.root / name
            if old.is_dir():
                new.mkdir(exist_ok=True)
            elif not new.is_file() or not filecmp.cmp(old, new, shallow=False):
                shutil.copy2(old, new)

    def snapshot(self, folder: Path | None = None) -> dict[str, bytes]:
        folder = folder or self.site
        return {
            path.relative_to(folder).as_posix(): path.read_bytes()
            for path in sorted(folder.rglob("*"))
            if path.is_file()
        }


def small_book(root: Path) -> SmallBook:
    """Write the small book into a folder; it is not built yet."""
    for name in ("data", "holf", "clustertrials", "assets", "templates"):
        shutil.copytree(project_root() / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("_config.yml", "CITATION.cff", "requirements.lock"):
        shutil.copy2(project_root() / name, root / name)
    (root / "chapters").mkdir()
    (root / "chapters" / "colophon.md").write_text(f"# Colophon\n\n## Made from\n\n{PLACE}\n")
    (root / "index.md").write_text("# Small book\n\n## Part\n\nWords.\n")
    pages = "\n".join(f"  - file: chapters/{name}" for name in (*CHAPTERS, "ledger", "assumptions", "colophon"))
    (root / "_toc.yml").write_text(f"format: jb-book\nroot: index\nchapters:\n{pages}\n")
    book = SmallBook(root)
    for name, cells in CHAPTERS.items():
        book.write(name, cells)
    return book


def whole_book(root: Path) -> SmallBook:
    """A copy of the whole book; it is not built yet."""
    unwanted = ("_build", ".venv", ".git", ".*", "__pycache__", "tests")
    shutil.copytree(project_root(), root, ignore=shutil.ignore_patterns(*unwanted))
    # As an unpacked archive of the sources has it: no Git knows the files of a copy.
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    (root / LIST).write_text("".join(f"{name}\n" for name in names), encoding="utf-8")
    return SmallBook(root)


def whole_site(root: Path) -> Path:
    """The site of the whole book, built if it is not in the folder yet; no chapter runs."""
    site = root / "_build" / "html"
    if not site.exists():
        done = whole_book(root).build(HOLF_PAPERMILL="off")
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return site
