"""The picture of the landing page, by language, which is written from data.

A picture says in its file which data it shows, and is drawn again when they change.
"""

from __future__ import annotations

import os
from pathlib import Path

from PIL import Image

from holf.display.landing import landing_alt, landing_table, load_landing
from holf.display.widths import COLUMN, PHONE
from holf.paths import data_path, project_root
from holf.record.facts import load_ledger
from holf.record.plan import load_plan
from holf.record.reporting import load_reporting

LANDING = "chapters/landing"
# From the page that shows a language's picture to the ledger.
_LEDGER = {"en": "chapters/ledger.html"}


def write_pictures() -> list[str]:
    """Draw the pictures whose data have changed, write what pages include, and return the names of the files.

    A project without `data/landing.yml` has no such picture.
    """
    if not (project_root() / "data" / "landing.yml").exists():
        return []
    written = []
    for language, words in load_landing(load_ledger(), load_reporting()).items():
        table = landing_table(words)
        names = {width: f"{LANDING}/{language}-{width}.png" for width in (COLUMN, PHONE)}
        if any(_seal(name) != f"sha256 {table.values.digest()}" for name in names.values()):
            # Imported here: pages whose pictures are up to date are written without a drawing library.
            import pandas as pd

            from holf.display.landing_picture import landing_picture

            picture = landing_picture(words, pd.read_csv(data_path("offices.csv")), load_plan())
            written += [_write(name, picture.png(width)) for width, name in names.items()]
        html = table._repr_html_().replace("Show table", words["table"])
        # No cell shows it, so it has no files to download.
        html = html.replace('<table class="holf-table"', '<table class="holf-table holf-written"')
        html = html.replace("ledger.html", _LEDGER.get(language, "ledger.html"))
        alt = f"{landing_alt(words)} {words['ends']}"
        shown = "".join(f"```{{image}} /{name}\n:alt: {alt}\n```\n" for name in names.values())
        page, text = f"{LANDING}/{language}.md", f"{shown}\n```{{raw}} html\n{html}\n```\n"
        if not (project_root() / page).exists() or (project_root() / page).read_text(encoding="utf-8") != text:
            written.append(_write(page, text.encode()))
    return written


def _seal(name: str) -> str:
    """Which data a picture shows, by its file; empty if there is none."""
    path = project_root() / name
    if not path.exists():
        return ""
    with Image.open(path) as picture:
        return picture.info.get("Source", "")


def _write(name: str, content: bytes) -> str:
    """Put a file in its place, whole or not at all."""
    path = project_root() / name
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(f"{path}.new")
    fresh.write_bytes(content)
    os.replace(fresh, path)
    return name
