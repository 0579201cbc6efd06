"""The whole book as one PDF through Chromium: A4, tagged, with an outline, and a mark at the head of every sheet.

All pages of the site are bound into one document, in the order of its contents. Chromium prints it, with the marks from
`assets/holf.css`. They are then read back from the first line of each sheet, and without them there is no PDF.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import tempfile
import time
import unicodedata
from html import escape
from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import unquote, urlparse

from bs4 import BeautifulSoup, Tag
from pypdf import PdfReader
from pypdf.errors import PyPdfError

from holf.book.marks import BAND, BANNER, REAL_BANNER
from holf.paths import project_root

STYLES = ("_static/pygments.css", "_static/holf.css")
# Controls of a browser, and words that are read out at a link: neither is on paper.
_NOT_PRINTED = (
    "script, style, picture > source, .headerlink, .holf-said, .holf-code, .holf-label, .toctree-wrapper, .copybtn, "
    "input, .holf-mind fieldset, .holf-mind figure"
)
_REFERENCES = ("aria-describedby", "aria-details", "aria-labelledby", "aria-controls", "data-said")
_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_HEADS = re.compile(r'content: "([^"\n]*(?:imulated|SIMULATED|REAL DATA)[^"\n]*)"')
_DATE = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}[^)]*\)")


class PdfError(RuntimeError):
    """The PDF could not be made, or a sheet of it says nothing of what it shows."""


def find_browser() -> str:
    """Path of Chromium: the variable ``CHROMIUM``, else the first of its usual names; PdfError if there is none."""
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    if not found:
        raise PdfError("no Chromium found: `apt-get install chromium`, or name one in the variable CHROMIUM")
    return found


def sheet_heads() -> tuple[str, ...]:
    """What the head of a sheet can say of its numbers, from the style sheet that prints it."""
    style = (project_root() / "assets" / "holf.css").read_text(encoding="utf-8")
    return tuple(head for head in dict.fromkeys(_HEADS.findall(style)) if " " in head and head[0].isalpha())


def page_texts(pdf: bytes) -> list[str]:
    """Text of each page of a PDF, with the letters of a ligature for the ligature; PdfError if it cannot be read."""
    try:
        return [unicodedata.normalize("NFKC", page.extract_text()) for page in PdfReader(io.BytesIO(pdf)).pages]
    except PyPdfError as error:
        raise PdfError(f"the PDF cannot be read: {error}") from error


def sheet_faults(texts: list[str], heads: tuple[str, ...]) -> list[str]:
    """Sheets whose first line does not say exactly once, by one of `heads`, of what kind their numbers are.

    Examples
    --------
    >>> sheet_faults(["Book SIMULATED\\nWords", "Book\\nSIMULATED"], ("SIMULATED",))
    ['sheet 2 of the PDF has no head that says whether it is simulated']
    """
    faults = []
    for number, text in enumerate(texts, start=1):
        first_line = text.strip().partition("\n")[0]
        if (count := sum(first_line.count(head) for head in heads)) != 1:
            faults.append(f"sheet {number} of the PDF has {count or 'no'} head that says whether it is simulated")
    return faults


def print_book(site: Path, target: Path, *, title: str, epoch: int) -> int:
    """Print a built site, which is left as it is, as one PDF with this title, and return its number of sheets.

    `epoch` is its date in seconds since 1970; the same site and date give the same bytes.

    Raises
    ------
    PdfError
        If Chromium fails, or a sheet lacks its mark; nothing is written then.
    """
    with tempfile.TemporaryDirectory() as scratch:
        copy, printed = Path(scratch) / "site", Path(scratch) / "book.pdf"
        shutil.copytree(site, copy)
        (copy / "book.html").write_text(bind(site, title), encoding="utf-8")
        _print(copy / "book.html", printed, Path(scratch) / "profile")
        pdf = dated(printed.read_bytes(), epoch)
    texts = page_texts(pdf)
    if faults := sheet_faults(texts, sheet_heads()):
        raise PdfError("\n".join(faults))
    target.write_bytes(pdf)
    return len(texts)


def _print(page: Path, target: Path, profile: Path) -> None:
    command = [
        find_browser(), "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        # No sandbox can be made by root, as which containers run; the page is the book's own, and without scripts.
        *(["--no-sandbox"] if os.name == "posix" and os.geteuid() == 0 else []),
        f"--user-data-dir={profile}", "--no-pdf-header-footer", "--generate-pdf-document-outline",
        "--export-tagged-pdf", f"--print-to-pdf={target}", page.as_uri(),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    if done.returncode or not target.exists():
        raise PdfError(f"Chromium printed nothing: {(done.stderr.strip().splitlines() or ['no word'])[-1]}")


def dated(pdf: bytes, epoch: int) -> bytes:
    """Put one date in the place of the clock's; the length of the file stays, and with it its table of offsets.

    Examples
    --------
    >>> dated(b"/CreationDate (D:20310102030405+00'00')", 0)
    b"/CreationDate (D:19700101000000+00'00')"
    """
    when = time.strftime("D:%Y%m%d%H%M%S+00'00'", time.gmtime(epoch)).encode()
    return _DATE.sub(lambda found: b"/" + found[1] + b" (" + when + b")", pdf)


def contents(site: Path) -> list[str]:
    """Pages of a site in the order of its contents, the landing page first; ValueError if that has no contents."""
    soup = BeautifulSoup((site / "index.html").read_text(encoding="utf-8"), "html.parser")
    links = [link["href"].partition("#")[0] for link in soup.select("#chapters a.internal[href]")]
    pages = [link for link in dict.fromkeys(links) if link.endswith(".html")]
    if not pages:
        raise ValueError(f"{site.name}/index.html has no contents")
    return list(dict.fromkeys(["index.html", *pages]))


def bind(site: Path, title: str) -> str:
    """HTML of the whole book as one document, to be put beside the landing page.

    Every page is an article that says of what kind its sheets are; links between pages lead to places in the document.
    """
    pages = contents(site)
    articles = [_article(site, page, set(pages)) for page in pages]
    styles = "".join(f'<link rel="stylesheet" href="{style}">' for style in STYLES if (site / style).exists())
    return (
        f'<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>{escape(title)}</title>{styles}</head>'
        f'<body class="holf-binding">{"".join(articles)}</body></html>'
    )


def _article(site: Path, page: str, bound: set[str]) -> str:
    soup = BeautifulSoup((site / page).read_text(encoding="utf-8"), "html.parser")
    body = soup.select_one("article")
    for tag in body.select(_NOT_PRINTED):
        tag.decompose()
    for tag in body.select("noscript"):
        tag.unwrap()
    for details in body.select("details"):
        details["open"] = ""
    for tag in body.find_all(True):
        for name in _REFERENCES:
            tag.attrs.pop(name, None)
        if tag.get("id"):
            tag["id"] = _place(page, tag["id"])
        for name in ("href", "src"):
            if tag.get(name):
                _redirect(tag, name, page, bound)
    # In a page with bands, each band says what it is.
    simulated = body.select(f".{BANNER}") and not body.select(f".{BAND}")
    kind = "simulated" if simulated else "real" if body.select(f".{REAL_BANNER}") else "record"
    lang = soup.html.get("lang", "en")
    inner = body.decode_contents()
    return f'<article class="holf-sheets-{kind}" id="{_place(page, "")}" lang="{lang}">{inner}</article>'


def _place(page: str, anchor: str) -> str:
    stem = page.removesuffix(".html").replace("/", "-")
    return f"{stem}--{anchor}" if anchor else stem


def _redirect(tag: Tag, name: str, page: str, bound: set[str]) -> None:
    url = urlparse(tag[name])
    if url.scheme or url.netloc:
        return
    target = normpath((PurePosixPath(page).parent / unquote(url.path)).as_posix()) if url.path else page
    if target in bound:
        tag[name] = f"#{_place(target, url.fragment)}"
    elif name == "href":
        # A file of the site that is not on paper: its name stays, and the link goes.
        del tag[name]
    else:
        tag[name] = target
