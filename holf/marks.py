"""The check that no simulated number can pass for a finding: every page, figure and table of a built site."""

from __future__ import annotations

from pathlib import Path

from bs4 import BeautifulSoup, Tag
from PIL import Image

from holf.table import MARK

BANNER = "holf-banner-simulated"


def _image_fault(page: Path, image: Tag) -> str | None:
    """A picture must be the book's own, carry a text alternative, and say the same in both places."""
    path, alt = page.parent / image["src"], image.get("alt", "")
    kind = Image.open(path).info.get("Comment") if path.suffix == ".png" and path.exists() else None
    if kind not in (MARK, "RECORD"):
        return f"figure {path.name} was not drawn by holf.picture, so nothing says whether it is simulated"
    if (kind == MARK) != alt.startswith(MARK):
        return f"figure {path.name} is {kind}, but its text alternative does not begin so"
    return None


def _table_fault(table: Tag) -> str | None:
    caption = table.caption.get_text() if table.caption else ""
    if table.get("data-holf") not in ("simulated", "record"):
        return f"table {caption[:40]!r} was not made by holf.table, so nothing says whether it is simulated"
    if table["data-holf"] == "simulated" and not caption.startswith(MARK):
        return f"table {caption[:40]!r} is simulated, but its caption does not begin with {MARK}"
    return None


def _text_fault(block: Tag, simulated: bool) -> str | None:
    text = block.get_text()
    if simulated and MARK not in text and any(character.isdigit() for character in text):
        return f"output {text.strip()[:40]!r} shows a number on a simulated page without {MARK}"
    return None


def page_faults(page: Path) -> list[str]:
    """Faults of one HTML page: unmarked simulated content in the outputs of its cells, or a missing banner."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    outputs = soup.select(".cell_output")
    images = [image for output in outputs for image in output.find_all("img")]
    tables = [table for output in outputs for table in output.find_all("table")]
    has_banner = bool(soup.select(f".{BANNER}"))
    simulated = has_banner or any(MARK in output.get_text() or any(i.get("alt", "").startswith(MARK) for i in output.find_all("img"))
                    or output.find("table", attrs={"data-holf": "simulated"}) for output in outputs)
    faults = [_image_fault(page, image) for image in images] + [_table_fault(table) for table in tables]
    for output in outputs:
        plain = [block for block in output.find_all(["pre", "p"]) if not block.find_parent("table")]
        faults += [_text_fault(block, simulated) for block in plain]
    if simulated and not has_banner:
        faults.append("simulated results without the banner")
    return [fault for fault in faults if fault]


def site_faults(site: Path) -> list[str]:
    """Faults of a whole built site, each with the page's name; empty if all is well.

    Raises
    ------
    FileNotFoundError
        If there is no page to check.
    """
    pages = [page for page in sorted(site.rglob("*.html")) if "_static" not in page.parts]
    if not pages:
        raise FileNotFoundError(f"no page in {site.name}")
    return [f"{page.relative_to(site).as_posix()}: {fault}" for page in pages for fault in page_faults(page)]
