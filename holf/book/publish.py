"""How finished pages become the site: checked, finished in a copy, and put in its place in one step."""

from __future__ import annotations

import ctypes
import os
import shutil
from pathlib import Path

from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from holf.book.checksums import write_sums
from holf.book.marks import site_faults
from holf.book.redirects import load_redirects
from holf.book.theme.checks import refuse_faults


def put_in_place(staging: Path, site: Path, before: dict[str, str]) -> None:
    """Check the pages that are not as they were `before`, finish them all, and put them in the site's place."""
    written = write_sums(staging)
    passed = {name for name, digest in written.items() if before.get(name) == digest}
    if faults := site_faults(staging, passed=passed):
        raise ExtensionError("unmarked simulated content:\n" + "\n".join(faults))
    fresh = site.with_name(".html.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        shutil.copytree(staging, fresh)
        refuse_faults(fresh)
        # Sphinx's note to itself, which names folders of the machine by their checksum.
        (fresh / ".buildinfo").unlink(missing_ok=True)
        write_sums(fresh)
        exchange(fresh, site)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def prune(env: BuildEnvironment, staging: Path) -> None:
    """Delete what earlier builds left and this book no longer has: pages, their sources, and images.

    Sphinx never deletes; a figure that was withdrawn would stay in the site for whoever knows its address.
    """
    docs, images = env.found_docs, {name for _, name in env.images.values()}
    own = {"search", "genindex", *load_redirects()}
    for page in staging.rglob("*.html"):
        if "_static" not in page.parts and page.relative_to(staging).with_suffix("").as_posix() not in docs | own:
            page.unlink()
    for source in [path for path in (staging / "_sources").rglob("*") if path.is_file()]:
        if source.relative_to(staging / "_sources").with_suffix("").as_posix() not in docs:
            source.unlink()
    for image in (staging / "_images").glob("*"):
        if image.name not in images:
            image.unlink()


def exchange(fresh: Path, site: Path) -> None:
    """Put `fresh` in the place of `site`; where the system can, in one step without a moment between.

    Afterwards `fresh` may hold the former site.
    """
    if not site.exists():
        os.replace(fresh, site)
        return
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    here, swap = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux
    if rename and rename(here, os.fsencode(fresh), here, os.fsencode(site), swap) == 0:
        return
    former = site.with_name(".html.former")
    shutil.rmtree(former, ignore_errors=True)
    os.replace(site, former)
    os.replace(fresh, site)
    shutil.rmtree(former, ignore_errors=True)
