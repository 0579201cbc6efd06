"""Links of a built site that lead nowhere."""

import re
from html import unescape
from pathlib import Path
from urllib.parse import unquote, urlparse

from holf.book.marks import pages_of

_HREF = re.compile(r"<(?:a|area|link)\b[^>]*?\shref=\"([^\"]*)\"")
# A name is an anchor in a link only: every page has a `<meta name="description">`.
_TARGET = re.compile(r"<(?:[a-z][^>]*?\sid|a\b[^>]*?\sname)=\"([^\"]+)\"")


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
