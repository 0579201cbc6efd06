"""The release archive: site, sources, PDF, environment, checksums and metadata in one file, the same bytes each time.

It is made of a site that was cleared, and that these very sources gave. An archive of a book on real data holds no data
and no chapters of this project, which show simulated people: the site, the code, and what describes both.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
import tomllib
import uuid
import zipfile
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

import yaml

from holf.book.checksums import SUMS, verified_sums, write_sums
from holf.book.colophon import FOLDERS, content_id
from holf.book.marks import REAL_BANNER
from holf.book.sources import own_archive, source_files
from holf.paths import project_root

# What goes along with a book on real data: no data, and no chapters, which show simulated people.
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
_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
CRATE, BILL = "ro-crate-metadata.json", "sbom.cdx.json"
PDF, MANIFEST = "book.pdf", "release-manifest.json"


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
    if void and (findings := scan(site, shown=shown_digests(site), known=known_here(), beside=own_archive(site))):
        raise ValueError(f"the site may not be published: {findings[0]}")
    if not is_real:
        _require_own(pages)
        if not own_archive(site):
            raise ValueError("the site has not the archive of these sources: build it in a Git checkout")
    return is_real


def _require_own(pages: list[str]) -> None:
    root = project_root()
    if any("holf-banner-stale" in page for page in pages):
        raise ValueError("a page of the site is out of date: build the book again")
    ids = {name: content_id(root / name) for name in FOLDERS if (root / name).exists()}
    other = [name for name, one in ids.items() if not any(one in page for page in pages)]
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
    from holf.book.pdf import print_book

    root, citation = project_root(), yaml.safe_load((project_root() / "CITATION.cff").read_text(encoding="utf-8"))
    title = citation["title"]
    shutil.copytree(site, folder / "site")
    if manifest.exists():
        shutil.copy2(manifest, folder / MANIFEST)
    for name in CODE if is_real else source_files():
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


@dataclass(frozen=True)
class Pin:
    """One locked package.

    Attributes
    ----------
    name, version : str
    hashes : tuple of str
        SHA-256 of the distributions that may be installed.
    """

    name: str
    version: str
    hashes: tuple[str, ...]


def read_lock(path: Path) -> tuple[Pin, ...]:
    """Read a lock file with hashes, as pip and uv write it.

    Raises
    ------
    ValueError
        If a package has no hash, or there is none at all.
    """
    pins: list[Pin] = []
    for line in path.read_text(encoding="utf-8").splitlines():
        if pinned := _PIN.match(line):
            pins.append(Pin(pinned[1], pinned[2], ()))
        elif pins:
            pins[-1] = Pin(pins[-1].name, pins[-1].version, (*pins[-1].hashes, *_HASH.findall(line)))
    if not pins or not all(pin.hashes for pin in pins):
        raise ValueError(f"{path.name} locks nothing, or a package without a hash")
    return tuple(pins)


def licence_of(name: str, version: str) -> str:
    """Licence that an installed package states of itself; empty if it is not installed, or states none in short.

    Examples
    --------
    >>> licence_of("no-such-package", "1")
    ''
    """
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ""
    if about["Version"] != version:
        return ""
    classes = [one.rpartition(" :: ")[2] for one in about.get_all("Classifier", ()) if one.startswith("License :: ")]
    stated = about.get("License-Expression") or (about.get("License") or "").strip()
    return stated if stated and len(stated) < 80 and "\n" not in stated else ", ".join(classes)


def bill_of_materials(pins: tuple[Pin, ...], *, title: str, version: str, epoch: int) -> str:
    """Bill of materials in the JSON of CycloneDX 1.6: every locked package with its hashes, and its licence if known.

    Parameters
    ----------
    pins : tuple of Pin
    title, version : str
        Of what the packages are materials of.
    epoch : int
        Seconds since 1970 that the bill names as its time.
    """
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom, BomMetaData
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.model.license import DisjunctiveLicense
    from cyclonedx.output.json import JsonV1Dot6
    from packageurl import PackageURL

    def component(pin: Pin) -> Component:
        licence = licence_of(pin.name, pin.version)
        purl = PackageURL("pypi", name=pin.name.lower(), version=pin.version)
        return Component(
            name=pin.name,
            version=pin.version,
            type=ComponentType.LIBRARY,
            purl=purl,
            bom_ref=str(purl),
            hashes=[HashType(alg=HashAlgorithm.SHA_256, content=one) for one in pin.hashes],
            licenses=[DisjunctiveLicense(name=licence)] if licence else (),
        )

    root = Component(name=title, version=version, type=ComponentType.APPLICATION, bom_ref="root")
    components = [component(pin) for pin in pins]
    about = BomMetaData(component=root, timestamp=datetime.fromtimestamp(epoch, UTC))
    serial = uuid.uuid5(uuid.NAMESPACE_OID, json.dumps([title, version, [(pin.name, *pin.hashes) for pin in pins]]))
    bom = Bom(metadata=about, components=components, serial_number=serial)
    bom.register_dependency(root, components)
    return JsonV1Dot6(bom).output_as_string(indent=1) + "\n"


def write_crate(folder: Path, parts: dict[str, str], *, title: str, authors: list[str], epoch: int) -> None:
    """Write RO-Crate metadata into the folder of an archive, and read them back.

    Parameters
    ----------
    folder : Path
    parts : dict of str to str
        What each file or folder is, by its path; a folder's ends with a slash.
    title : str
    authors : list of str
    epoch : int
        Seconds since 1970 of the publication.

    Raises
    ------
    ValueError
        If the library does not read back what it wrote.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    crate, day = ROCrate(), datetime.fromtimestamp(epoch, UTC).date().isoformat()
    crate.name, crate.description = title, "A research compendium: site, sources, environment and checksums."
    crate.root_dataset["datePublished"] = day
    crate.license = "LICENSE"
    named = [
        crate.add(ContextEntity(crate, f"#author-{number}", {"@type": "Organization", "name": author}))
        for number, author in enumerate(authors, start=1)
    ]
    crate.root_dataset["author"] = named
    for path, what in parts.items():
        add = crate.add_dataset if path.endswith("/") else crate.add_file
        add(str(folder / path), path, properties={"name": what, "description": what})
    (folder / CRATE).write_text(json.dumps(crate.metadata.generate(), indent=1) + "\n", encoding="utf-8")
    back = {entity.id for entity in ROCrate(folder).data_entities}
    if missing := sorted(set(parts) - back):
        raise ValueError(f"{CRATE} does not list {', '.join(missing)}")
