"""The release archive: site with its sources, PDF, lock, checksums and metadata in one file, the same bytes each time.

It is made of a site that these very sources gave, and in which the release gate finds nothing.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
import time
import tomllib
from datetime import UTC, datetime
from pathlib import Path

from holf.book.checksums import SUMS, verified_sums, write_sums
from holf.book.marks import REAL_BANNER
from holf.book.sources import ARCHIVE, EARLIEST, own_archive, pack
from holf.pages.cite import load_citation
from holf.paths import project_root

PDF, CRATE = "book.pdf", "ro-crate-metadata.json"


def archive_time() -> int:
    """Seconds since 1970 that the archive names as its date: ``SOURCE_DATE_EPOCH``, else that of the last commit.

    A ValueError if there is neither; the clock would make each archive another file.
    """
    if epoch := os.environ.get("SOURCE_DATE_EPOCH"):
        return int(epoch)
    command = ["git", "-C", str(project_root()), "log", "-1", "--format=%ct"]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode or not done.stdout.strip():
        raise ValueError("set SOURCE_DATE_EPOCH: outside a Git checkout nothing else says when this was made")
    return int(done.stdout)


def require_publishable(site: Path) -> None:
    """Refuse a site that is not whole, is on real data, is not of these sources, or may not be published.

    A ValueError with one reason, or a FileNotFoundError if there is no site.
    """
    from holf.book.downloads.check import shown_digests
    from holf.confidential.scan.known import known_here
    from holf.confidential.scan.scan import scan

    pages = [page.read_text(encoding="utf-8") for page in sorted(site.rglob("*.html"))]
    if not pages:
        raise FileNotFoundError(f"no site in {site.name}: build the book first")
    if not verified_sums(site):
        raise ValueError(f"{site.name} is not what its {SUMS} lists: build the book again")
    if any(REAL_BANNER in page for page in pages):
        raise ValueError("a site on real data is not archived: its sources are not part of it")
    if any("holf-banner-stale" in page for page in pages):
        raise ValueError("a page of the site is out of date: build the book again")
    if not own_archive(site):
        raise ValueError(
            "the site does not carry the sources as they are here: build the book again, in a Git checkout"
        )
    if findings := scan(site, shown=shown_digests(site), known=known_here(), beside=own_archive(site)):
        raise ValueError(f"the site may not be published: {findings[0]}")


def make_archive(site: Path, out: Path) -> Path:
    """Make the archive of a site in the folder `out`: the same site, sources and date always give the same bytes.

    Raises
    ------
    ValueError
        If the site may not go out, or there is no date; nothing is written.
    PdfError
        If the PDF cannot be made.
    """
    require_publishable(site)
    epoch = archive_time()
    project = tomllib.loads((project_root() / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    name = f"{project['name']}-compendium-{project['version']}"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / name
        _fill(folder, site, epoch)
        out.mkdir(parents=True, exist_ok=True)
        fresh, target = out / f".{name}.zip.new", out / f"{name}.zip"
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        named = ((path.relative_to(folder.parent).as_posix(), path.read_bytes()) for path in files)
        pack(fresh, named, max(time.gmtime(epoch)[:6], EARLIEST))
        os.replace(fresh, target)
    return target


def _fill(folder: Path, site: Path, epoch: int) -> None:
    from holf.book.pdf import print_book

    citation = load_citation()
    shutil.copytree(site, folder / "site")
    for name in ("LICENSE", "requirements.lock"):
        shutil.copy2(project_root() / name, folder / name)
    print_book(site, folder / PDF, title=citation["title"], epoch=epoch)
    parts = {
        "site/": "The book as a site; open index.html",
        PDF: "The book on paper; every sheet says whether what it shows is simulated",
        "requirements.lock": "The locked environment, with hashes",
        "LICENSE": "Licences",
        f"site/{ARCHIVE}": "All that the book is built from",
    }
    write_crate(folder, parts, citation, epoch)
    write_sums(folder)


def write_crate(folder: Path, parts: dict[str, str], citation: dict, epoch: int) -> None:
    """Write RO-Crate metadata into the folder of an archive, published `epoch` seconds after the start of 1970.

    `parts` says what each file or folder is, by its path; a folder's ends with a slash.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate, day = ROCrate(), datetime.fromtimestamp(epoch, UTC).date().isoformat()
    crate.name, crate.description = citation["title"], "A research compendium: site, sources, environment, checksums."
    crate.root_dataset["datePublished"] = day
    crate.license = "LICENSE"
    crate.root_dataset["author"] = [
        crate.add(ContextEntity(crate, f"#author-{number}", {"@type": "Organization", "name": author["name"]}))
        for number, author in enumerate(citation["authors"], start=1)
    ]
    for path, what in parts.items():
        add = crate.add_dataset if path.endswith("/") else crate.add_file
        add(str(folder / path), path, properties={"name": what, "description": what})
    (folder / CRATE).write_text(json.dumps(crate.metadata.generate(), indent=1) + "\n", encoding="utf-8")
