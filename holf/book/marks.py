"""The check that no simulated number can pass for a finding: every page, figure and table of a built site.

A page is simulated if its chapter read simulated tables (the build then gives it the banner) or if anything on it says
so. Its banner stands at its top, or, where published parts come first, at the head of the band that shows simulations.
What the cells of such a page show must be a picture or a table of this book that states its class, or words that
begin with the mark. Tables of another trial's data say so too; numbers in tables of the record carry the badge of their
class, or their caption does.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from copy import copy
from pathlib import Path

from bs4 import BeautifulSoup, Tag
from PIL import Image

from holf.display import text
from holf.record.flow import load_flow
from holf.record.plan import load_plan
from holf.record.source import CLASSES, MARK, REAL_MARK

BANNER, REAL_BANNER, BAND = "holf-banner-simulated", "holf-banner-real", "holf-band"
# What the caption of a table begins with, by its class.
_CAPTIONS = {one.name: one.mark for one in CLASSES.values() if one.mark}
# What shows a figure and a table with the class of its numbers; a study knows its `source`, and RECORD is the record's.
TABLE_LINE = '    holf.table(frame, caption="What it shows", source=study.source)'
FIGURE_LINES = """\
    picture = holf.figure(lambda axes: axes.plot(x, y), frame, caption="...", alt="...", source=study.source)
    display(picture, picture.table)"""
_FOREIGN = ["svg", "iframe", "canvas", "script", "video", "object", "embed"]


def pages_of(site: Path) -> list[Path]:
    """Pages of a site, in order."""
    return [page for page in sorted(site.rglob("*.html")) if "_static" not in page.parts]


def drawings_of(image: Tag) -> list[str]:
    """Addresses of an image's drawings: its own, and those for other widths beside it in a `picture`."""
    others = image.parent.find_all("source") if image.parent and image.parent.name == "picture" else []
    return [image["src"], *(other["srcset"] for other in others)]


def _image_fault(page: Path, image: Tag) -> str | None:
    """A picture must be the book's own, carry a text alternative, and say the same in both places."""
    alt = image.get("alt", "")
    for path in (page.parent / name for name in drawings_of(image)):
        kind = Image.open(path).info.get("Comment") if path.suffix == ".png" and path.exists() else None
        if kind not in (MARK, REAL_MARK, "RECORD"):
            return (
                f"figure {path.name} was not drawn by holf.figure, so nothing says whether it is simulated; "
                f"in its cell, write:\n{FIGURE_LINES}"
            )
        if any((kind == mark) != alt.startswith(mark) for mark in (MARK, REAL_MARK)):
            return f"figure {path.name} is {kind}, but its text alternative does not begin so"
    return None


def _number() -> re.Pattern:
    """A cell that is a number, perhaps with sign or a unit of the plan or the flow; "m12" or "+12 months" is none."""
    units = {"%", "points", "percentage points", *(box.unit for box in load_flow())}
    units |= {text.scale(outcome.show)[1] for outcome in load_plan().outcomes.values()}
    return re.compile(rf"[+\u2212-]?[\d.,]+\s*({'|'.join(map(re.escape, sorted(units - {''})))})?")


def _table_fault(table: Tag, number: re.Pattern) -> str | None:
    caption = table.caption.get_text() if table.caption else ""
    kind = table.get("data-holf")
    if kind not in (*_CAPTIONS, "record"):
        return (
            f"table {caption[:40]!r} was not made by holf.table, so nothing says whether it is simulated; "
            f"in its cell, write:\n{TABLE_LINE}"
        )
    if mark := _CAPTIONS.get(kind):
        return None if caption.startswith(mark) else f"table {caption[:40]!r} is {kind}, but does not begin with {mark}"
    # A badge in the caption is that of every number.
    if table.caption and table.caption.find(class_="holf-badge"):
        return None
    for cell in [cell for body in table.find_all("tbody") for cell in body.find_all("td")]:
        if number.fullmatch(cell.get_text().strip()):
            return f"table {caption[:40]!r} of the record shows a number without the badge of its class"
    return None


def _is_known(tag: Tag) -> bool:
    """Whether a tag is looked at on its own: a picture, a table, or what folds or scrolls one."""
    classes = tag.get("class") or ()
    folds = tag.name == "details" and "holf-twin" in classes
    return folds or tag.name in ("table", "img") or "holf-scroll" in classes


def _loose_fault(output: Tag, simulated: bool) -> str | None:
    """What an output holds beside pictures and tables: words, which on a simulated page begin with the mark."""
    if output.find(_FOREIGN):
        return f"an output holds {output.find(_FOREIGN).name}, whose numbers cannot be checked"
    rest = copy(output)
    for known in rest.find_all(_is_known):
        known.decompose()
    for block in rest.find_all(["pre", "p", "li", "h1", "h2", "h3", "h4", "h5", "h6"]):
        if simulated and block.get_text().strip() and not block.get_text().strip().startswith(MARK):
            return f"output {block.get_text().strip()[:40]!r} on a simulated page does not begin with {MARK}"
        block.decompose()
    if simulated and (left := rest.get_text().strip()):
        return f"output {left[:40]!r} on a simulated page does not begin with {MARK}"
    return None


def _heads_page(soup: BeautifulSoup) -> bool:
    """Whether the banner stands for the whole page, above all its outputs, and not for a band of it."""
    return any(banner.find_parent(class_=BAND) is None for banner in soup.find_all(class_=BANNER))


def _place_fault(shown: Tag) -> str | None:
    """A simulated figure or table stands below the banner of its page, or in a band that begins with one."""
    if shown.get("data-holf") != "simulated" and not shown.get("alt", "").startswith(MARK):
        return None
    band = shown.find_parent(class_=BAND)
    banners = [
        banner for banner in shown.find_all_previous(class_=BANNER) if banner.find_parent(class_=BAND) in (None, band)
    ]
    if banners:
        return None
    return f"{shown.name} {(shown.get('alt') or shown.get_text())[:40]!r} is simulated, but stands outside every band"


def page_faults(page: Path) -> list[str]:
    """Faults of one HTML page: unmarked simulated content in the outputs of its cells, or a missing banner."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    # By names, not by selectors: to compile those takes longer than to check a page.
    outputs = soup.find_all(class_="cell_output")
    # On the whole page: figures stand in pages of Markdown too.
    images = soup.find_all("img")
    tables = [table for output in outputs for table in output.find_all("table")]
    number = _number()
    has_banner = soup.find(class_=BANNER) is not None
    says_so = any(MARK in output.get_text() for output in outputs) or any(
        image.get("alt", "").startswith(MARK) for image in images
    )
    faults = [_image_fault(page, image) for image in images] + [_table_fault(table, number) for table in tables]
    faults += [_loose_fault(output, has_banner or says_so) for output in outputs]
    if says_so and not has_banner:
        faults.append("simulated results without the banner")
    # Tables also where no cell showed them.
    simulated = soup.find_all("table", attrs={"data-holf": "simulated"})
    faults += [_place_fault(shown) for shown in (*images, *simulated)]
    if _heads_page(soup) and MARK not in (soup.title.get_text() if soup.title else ""):
        faults.append(f"a simulated page whose title does not say {MARK}")
    return [fault for fault in faults if fault]


def site_faults(site: Path, *, passed: Collection[str] = ()) -> list[str]:
    """Faults of a whole built site, each with the page's name; empty if all is well.

    Files in `passed` passed this check before, byte for byte, and are not opened again on their own. A site without
    pages raises FileNotFoundError.
    """
    pages = pages_of(site)
    if not pages:
        raise FileNotFoundError(f"no page in {site.name}")
    names = {page: page.relative_to(site).as_posix() for page in pages}
    faults = [f"{names[page]}: {fault}" for page in pages if names[page] not in passed for fault in page_faults(page)]
    if any(_holds(page, f".{REAL_BANNER}") for page in pages if REAL_BANNER in page.read_text(encoding="utf-8")):
        shown = f'.{BANNER}, [data-holf="simulated"], img[alt^="{MARK}"]'
        faults += [f"{names[page]}: simulated results in a book on real data" for page in pages if _holds(page, shown)]
    return faults


def _holds(page: Path, selector: str) -> bool:
    return bool(BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").select(selector))
