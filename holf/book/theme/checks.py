"""What no page of the site may do or lack: ask another host, need what its policy refuses, or lead nowhere."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlparse

_FETCHED = re.compile(
    r"<(?:script|img|iframe|source|video|audio|embed|input|track)\b[^>]*?\s(?:src|srcset|poster)=[\"']([^\"']*)"
    r"|<link\b(?![^>]*rel=[\"'](?:canonical|license|author|prev|next|alternate|search))[^>]*?\shref=[\"']([^\"']*)"
    r"|<(?:form|button)\b[^>]*?\s(?:action|formaction)=[\"']([^\"']*)|<object\b[^>]*?\sdata=[\"']([^\"']*)"
)
_ELSEWHERE = re.compile(r"\s*(?:[a-z][a-z0-9+.-]*:)?//", re.IGNORECASE)
_INLINE = {
    "a script that stands in the page": re.compile(
        r"<script\b(?![^>]*\ssrc=)(?![^>]*type=\"(?:application|text)/(?:json|ld\+json)\")[^>]*>"
    ),
    "a style that stands in the page": re.compile(r"<style\b|<[a-z][^<>]*\sstyle=\"[^\"]*\"[^<>]*>"),
    "a script in an attribute": re.compile(r"<[a-z][^<>]*\son[a-z]+=\"[^\"]*\"[^<>]*>"),
}
_HREF = re.compile(r"<(?:a|area|link)\b[^>]*?\shref=\"([^\"]*)\"")
# A name is an anchor in a link only: every page has a `<meta name="description">`.
_TARGET = re.compile(r"<(?:[a-z][^>]*?\sid|a\b[^>]*?\sname)=\"([^\"]+)\"")


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


def refuse_faults(site: Path) -> None:
    """Stop the publication of a site whose pages are not whole by themselves.

    Parameters
    ----------
    site : pathlib.Path

    Raises
    ------
    SiteError
        If a page asks another host, or holds what the policy refuses.
    """
    faults = [
        f"{page.relative_to(site).as_posix()}: {fault}"
        for page in pages_of(site)
        for fault in page_faults(page.read_text(encoding="utf-8"))
    ]
    if faults:
        raise SiteError("a page must be whole without other hosts:\n" + "\n".join(faults))


def inside_links(html: str) -> list[str]:
    """Addresses on a page that stay in the site, in order, each once."""
    found = dict.fromkeys(unescape(address) for address in _HREF.findall(html))
    return [address for address in found if address and not urlparse(address).scheme and not address.startswith("//")]


def link_faults(site: Path) -> list[str]:
    """Links of a site to a page, a file or an anchor that is not there, each with the page it stands on.

    Parameters
    ----------
    site : pathlib.Path

    Raises
    ------
    FileNotFoundError
        If there is no page.
    """
    html = {page.resolve(): page.read_text(encoding="utf-8") for page in pages_of(site)}
    if not html:
        raise FileNotFoundError(f"no page in {site.name}")
    anchors = {page: set(_TARGET.findall(text)) for page, text in html.items()}
    faults = []
    for page, text in html.items():
        for address in inside_links(text):
            url = urlparse(address)
            target = (page.parent / unquote(url.path)).resolve() if url.path else page
            there = target.is_file() and target.is_relative_to(site.resolve())
            named = unquote(url.fragment)
            if not there or (named and target in anchors and named not in anchors[target]):
                faults.append(f"{page.relative_to(site.resolve()).as_posix()}: {address} leads nowhere")
    return faults
