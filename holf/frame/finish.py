"""The last work on a site before it is published: one style sheet, no file that no page needs, small pictures, and a
look at every page for whatever would ask another host."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from holf.frame.layout import SHEET, STATIC
from holf.frame.pictures import squeeze_folder
from holf.frame.styles import drop_variables, lean, names_of, tight
from holf.paths import project_root, write_whole
from holf.sums import fingerprint

# The theme's sheets whose rules the book may use, in the order in which the theme links them. The scripts' own are not
# among them, as the frame leaves the scripts out.
_THEME = (
    "basic.css",
    "styles/pydata-sphinx-theme.css",
    "pygments.css",
    "styles/sphinx-book-theme.css",
    "mystnb.*.css",
    "sphinx-design.min.css",
)
# That of the interactive page is one of them: a second sheet would keep a phone waiting longer than its few rules do.
_OWN = ("frame.css", "holf.css", "mind.css", "print.css")
_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|input|track)\b[^>]*?\s(?:src|srcset|poster)=[\"']([^\"']*)"
    r"|<link\b(?![^>]*rel=[\"'](?:canonical|license|author|prev|next|alternate))[^>]*?\shref=[\"']([^\"']*)"
    r"|<(?:form|button)\b[^>]*?\s(?:action|formaction)=[\"']([^\"']*)|<object\b[^>]*?\sdata=[\"']([^\"']*)"
)
_ELSEWHERE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_ASKED = re.compile(r"(?:src|href)=\"(?:\.\./)*_static/([^\"?#]+)")
_INLINE = {
    "a script that stands in the page": re.compile(
        r"<script\b(?![^>]*\ssrc=)(?![^>]*type=\"(?:application|text)/(?:json|ld\+json)\")[^>]*>"
    ),
    "a style that stands in the page": re.compile(r"<style\b|<[a-z][^<>]*\sstyle=\"[^\"]*\"[^<>]*>"),
    "a script in an attribute": re.compile(r"<[a-z][^<>]*\son[a-z]+=\"[^\"]*\"[^<>]*>"),
}


class SiteError(ValueError):
    """A site that may not be published, with the pages and what is wrong with them."""


def pages_of(site: Path) -> list[Path]:
    """Pages of a site, in order."""
    return [page for page in sorted(site.rglob("*.html")) if "_static" not in page.parts]


def page_faults(html: str) -> list[str]:
    """What in a page would ask another host, or what its content-security policy would refuse to run or show.

    Parameters
    ----------
    html : str

    Examples
    --------
    >>> page_faults('<script src="https://example.org/x.js"></script><p onclick="x()">')
    ['asks another host: https://example.org/x.js', 'a script in an attribute']
    """
    found = [next(filter(None, groups), "") for groups in _FETCHED.findall(html)]
    faults = [f"asks another host: {address}" for address in found if _ELSEWHERE.match(address)]
    if any("mathjax" in fault.lower() for fault in faults):
        faults.append("mathematics would be drawn by a script from elsewhere: write it in words and signs (½, ≤, σ²)")
    return faults + [what for what, pattern in _INLINE.items() if pattern.search(html)]


def finish_site(site: Path, cache: Path) -> None:
    """Finish a freshly written site in place.

    Parameters
    ----------
    site : pathlib.Path
        A copy that nobody reads yet.
    cache : pathlib.Path
        Folder for pictures and style sheets that need not be made again.

    Raises
    ------
    SiteError
        If a page asks another host, or holds what the policy refuses.
    """
    pages = {page: page.read_text(encoding="utf-8") for page in pages_of(site)}
    faults = [
        f"{page.relative_to(site).as_posix()}: {fault}" for page, html in pages.items() for fault in page_faults(html)
    ]
    if faults:
        raise SiteError("a page must be whole without other hosts:\n" + "\n".join(faults))
    static = site / "_static"
    (static / SHEET).write_text(_kept_sheet(static, pages.values(), cache / "sheets"), encoding="utf-8")
    asked = {name for html in pages.values() for name in _ASKED.findall(html)}
    own = {
        path.relative_to(folder).as_posix()
        for folder in (project_root() / "assets", STATIC)
        for path in folder.rglob("*")
        if path.is_file()
    }
    _drop_unasked(static, asked | own - set(_OWN))
    # Sphinx's note to itself, which names folders of the machine by their checksum.
    (site / ".buildinfo").unlink(missing_ok=True)
    squeeze_folder(site / "_images", cache / "pictures")


def _kept_sheet(static: Path, pages: Iterable[str], cache: Path) -> str:
    """The style sheet of these pages, made anew only if they have other names or the sheets other rules."""
    names = frozenset().union(*map(names_of, pages))
    key = hashlib.sha256("\0".join([fingerprint(_sheets(static)), *sorted(names)]).encode()).hexdigest()
    kept = cache / f"{key}.css"
    if not kept.exists():
        shutil.rmtree(cache, ignore_errors=True)
        cache.mkdir(parents=True)
        write_whole(kept, site_sheet(static, names))
    return kept.read_text(encoding="utf-8")


def _sheets(static: Path) -> list[Path]:
    """Sheets of the theme and of the book, in the order in which their rules count."""
    theme = [sheet for pattern in _THEME for sheet in sorted(static.glob(pattern))]
    return theme + [static / name for name in _OWN if (static / name).exists()]


def site_sheet(static: Path, names: frozenset[str]) -> str:
    """The one style sheet: the theme's rules that pages with these names meet, then the book's own rules.

    Parameters
    ----------
    static : pathlib.Path
        Folder with the sheets of the theme and of the book.
    names : frozenset of str
        Elements, classes and ids of all pages (`holf.frame.styles.names_of`).
    """
    sheets = [(sheet.name in _OWN, sheet.read_text(encoding="utf-8")) for sheet in _sheets(static)]
    return tight(drop_variables("\n".join(rules if own else lean(rules, names) for own, rules in sheets)))


def _drop_unasked(static: Path, asked: set[str]) -> None:
    """Delete the files that no page names and that the book did not bring: fonts, maps, scripts, 60 languages."""
    for path in sorted(static.rglob("*"), reverse=True):
        if path.is_dir():
            if not any(path.iterdir()):
                path.rmdir()
        elif path.relative_to(static).as_posix() not in asked:
            path.unlink()
