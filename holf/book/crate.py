"""What an archive says of itself to machines: RO-Crate metadata, and a bill of materials of the locked environment."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
CRATE, BILL = "ro-crate-metadata.json", "sbom.cdx.json"


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
