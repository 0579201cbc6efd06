"""The whole book as one PDF through Chromium: A4, tagged, with an outline, and a mark at the head of every sheet.

Chromium prints the marks from `assets/holf.css`. They are then read back from the first line of each sheet of the
finished file, and without them there is no PDF.
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
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import PyPdfError

from holf.book.binding import bind
from holf.paths import project_root

_BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_HEADS = re.compile(r'content: "([^"\n]*(?:imulated|SIMULATED|REAL DATA)[^"\n]*)"')
_DATE = re.compile(rb"/(CreationDate|ModDate) \(D:\d{14}[^)]*\)")


class PdfError(RuntimeError):
    """The PDF could not be made, or a sheet of it says nothing of what it shows."""


def browser() -> str:
    """Path of Chromium: the variable ``CHROMIUM``, else the first of its usual names.

    Raises
    ------
    PdfError
        If there is none.
    """
    found = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, _BROWSERS)), None)
    if not found:
        raise PdfError("no Chromium found: install it, or name it in the variable CHROMIUM")
    return found


def sheet_heads() -> tuple[str, ...]:
    """What the head of a sheet can say of its numbers, from the style sheet that prints it."""
    style = (project_root() / "assets" / "holf.css").read_text(encoding="utf-8")
    return tuple(head for head in dict.fromkeys(_HEADS.findall(style)) if " " in head)


def page_texts(pdf: bytes) -> list[str]:
    """Text of each page of a PDF, with the letters of a ligature for the ligature.

    Parameters
    ----------
    pdf : bytes

    Raises
    ------
    PdfError
        If it cannot be read.
    """
    try:
        return [unicodedata.normalize("NFKC", page.extract_text()) for page in PdfReader(io.BytesIO(pdf)).pages]
    except PyPdfError as error:
        raise PdfError(f"the PDF cannot be read: {error}") from error


def sheet_faults(texts: list[str], heads: tuple[str, ...]) -> list[str]:
    """Sheets whose first line does not say exactly once of what kind their numbers are, one line each.

    Parameters
    ----------
    texts : list of str
        Text of each sheet.
    heads : tuple of str

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
    """Print a built site as one PDF.

    Parameters
    ----------
    site : Path
        Left as it is.
    target : Path
    title : str
    epoch : int
        Seconds since 1970 that the file names as its date; the same site and date give the same bytes.

    Returns
    -------
    int
        Number of sheets.

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
        browser(), "--headless", "--disable-gpu", "--no-first-run", "--disable-background-networking",
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
