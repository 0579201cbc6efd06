"""The release archive: site, sources, PDF, environment, checksums and metadata in one file, the same bytes each time.

It is made of a site that was cleared, and that these very sources gave. An archive of a book on real data holds no data
and no chapters of this project, which show simulated people: the site, the code, and what describes both.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
import tomllib
import zipfile
from pathlib import Path

import yaml

from holf.book.checksums import SUMS, verified_sums, write_sums
from holf.book.colophon import FOLDERS, git_id
from holf.book.marks import REAL_BANNER
from holf.paths import project_root

# What goes along with a simulated book, and what with one on real data.
SOURCES = (
    *("README.md", "LICENSE", "CITATION.cff", "Makefile", "pyproject.toml", "requirements.lock", "environment.yml"),
    *(
        "_config.yml",
        "_toc.yml",
        "index.md",
        "assets",
        "benchmarks",
        "chapters",
        "clustertrials",
        "data",
        "holf",
        "tests",
    ),
)
CODE = (
    "README.md",
    "LICENSE",
    "CITATION.cff",
    "pyproject.toml",
    "requirements.lock",
    "assets",
    "clustertrials",
    "holf",
)
PDF, MANIFEST = "book.pdf", "release-manifest.json"


def add_parser(commands: argparse._SubParsersAction) -> None:
    """Add the command to the command line."""
    parser = commands.add_parser("archive", help="one file with the site, its sources, a PDF, checksums and metadata")
    parser.add_argument("--out", type=Path, required=True, help="folder for the archive")
    parser.add_argument("--site", type=Path, help="a finished site (default: this project's)")
    parser.add_argument("--manifest", type=Path, help=f"of `holf release-check` (default: {MANIFEST} beside the site)")
    parser.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> None:
    site = arguments.site or project_root() / "_build" / "html"
    made = make_archive(site, arguments.out, manifest=arguments.manifest)
    print(f"wrote {made.name}")


def archive_time() -> int:
    """Seconds since 1970 that the archive names as its date: ``SOURCE_DATE_EPOCH``, else that of the last commit.

    Raises
    ------
    ValueError
        If there is neither; the clock would make each archive another file.
    """
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(epoch)
    command = ["git", "-C", str(project_root()), "log", "-1", "--format=%ct"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not done.stdout.strip():
        raise ValueError("set SOURCE_DATE_EPOCH: outside a Git checkout nothing else says when this was made")
    return int(done.stdout)


def require_cleared(site: Path, manifest: Path) -> bool:
    """Refuse a site that is not whole, not cleared, or not of these sources; say whether it is one on real data.

    A site on real data needs a manifest of `holf release-check` that holds; any other is scanned here if it has none.

    Raises
    ------
    ValueError
        With one reason.
    FileNotFoundError
        If there is no site.
    """
    from holf.book.downloads.check import shown_digests
    from holf.confidential.scan.known import known_here
    from holf.confidential.scan.manifest import check_manifest
    from holf.confidential.scan.scan import scan

    pages = [page.read_text(encoding="utf-8") for page in sorted(site.rglob("*.html"))]
    if not pages:
        raise FileNotFoundError(f"no site in {site.name}: build the book first")
    if not verified_sums(site):
        raise ValueError(f"{site.name} is not what its {SUMS} lists: build the book again")
    is_real = any(REAL_BANNER in page for page in pages)
    void = check_manifest(site, manifest) if manifest.exists() else (f"there is no {manifest.name}",)
    if void and is_real:
        raise ValueError(f"`holf release-check` has not cleared this site: {void[0]}")
    if void and (findings := scan(site, shown=shown_digests(site), known=known_here())):
        raise ValueError(f"the site may not be published: {findings[0]}")
    if not is_real:
        _require_own(pages)
    return is_real


def _require_own(pages: list[str]) -> None:
    root = project_root()
    if any("holf-banner-stale" in page for page in pages):
        raise ValueError("a page of the site is out of date: build the book again")
    other = [name for name in FOLDERS if (root / name).exists() and not any(git_id(root / name) in p for p in pages)]
    if other:
        raise ValueError(f"the site was built from another {other[0]}/ than is here: build the book again")


def make_archive(site: Path, out: Path, *, manifest: Path | None = None) -> Path:
    """Make the archive of a site.

    Parameters
    ----------
    site : Path
    out : Path
        Folder; it is made if it is not there.
    manifest : Path, optional
        Manifest that clears the site; beside it by default.

    Returns
    -------
    Path
        The archive. The same site, sources and date always give the same bytes.

    Raises
    ------
    ValueError
        If the site may not go out, or there is no date; nothing is written.
    PdfError
        If the PDF cannot be made.
    """
    manifest = manifest or site.resolve().parent / MANIFEST
    is_real, epoch, root = require_cleared(site, manifest), archive_time(), project_root()
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name = f"{project['name']}-compendium-{project['version']}{'-real-data' if is_real else ''}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / name
        _fill(folder, site, manifest, is_real=is_real, epoch=epoch, version=project["version"])
        out.mkdir(parents=True, exist_ok=True)
        fresh, target = out / f".{name}.zip.new", out / f"{name}.zip"
        _zip(folder, fresh, epoch)
        os.replace(fresh, target)
    return target


def _fill(folder: Path, site: Path, manifest: Path, *, is_real: bool, epoch: int, version: str) -> None:
    from holf.book.book_pdf import print_book
    from holf.book.crate import BILL, bill_of_materials, read_lock, write_crate

    root, citation = project_root(), yaml.safe_load((project_root() / "CITATION.cff").read_text(encoding="utf-8"))
    title = citation["title"]
    shutil.copytree(site, folder / "site")
    if manifest.exists():
        shutil.copy2(manifest, folder / MANIFEST)
    for name in CODE if is_real else SOURCES:
        _copy(root / name, folder / "source" / name)
    shutil.copy2(root / "LICENSE", folder / "LICENSE")
    print_book(site, folder / PDF, title=title, epoch=epoch)
    bill = bill_of_materials(read_lock(root / "requirements.lock"), title=title, version=version, epoch=epoch)
    (folder / BILL).write_text(bill, encoding="utf-8")
    parts = {
        "site/": "The book as a site; open index.html",
        PDF: "The book on paper; every sheet says whether what it shows is simulated",
        "source/": "The code of the book" if is_real else "All that the book is built from",
        "source/requirements.lock": "The locked environment, with hashes",
        BILL: "Bill of materials of the locked environment (CycloneDX)",
        "LICENSE": "Licences",
    }
    if not is_real:
        parts["source/chapters/"] = "The notebooks, with their outputs of record"
        parts["source/data/"] = "The published record, assumptions, and simulated tables (no row is a person)"
    write_crate(folder, parts, title=title, authors=[one["name"] for one in citation["authors"]], epoch=epoch)
    write_sums(folder)


def _copy(origin: Path, target: Path) -> None:
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns(".*", "__pycache__", "*.egg-info"))
    elif origin.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(origin, target)


def _zip(folder: Path, target: Path, epoch: int) -> None:
    """Pack a folder, in order of names and with one time; nothing is compressed, which programs do differently."""
    # The form knows no time before 1980.
    when = max(time.gmtime(epoch)[:6], (1980, 1, 1, 0, 0, 0))
    with zipfile.ZipFile(target, "w") as packed:
        for path in sorted(path for path in folder.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(path.relative_to(folder.parent).as_posix(), when)
            entry.create_system, entry.external_attr = 3, 0o100644 << 16
            packed.writestr(entry, path.read_bytes())
