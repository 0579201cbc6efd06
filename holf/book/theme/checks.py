"""What no page of the site may do: ask another host, or need what its policy refuses."""

from __future__ import annotations

import re
from pathlib import Path

from holf.book.marks import pages_of

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


class SiteError(ValueError):
    """A site that may not be published, with the pages and what is wrong with them."""


def page_faults(html: str) -> list[str]:
    """What in a page would ask another host, or what its content-security policy would refuse to run or show.

    Examples
    --------
    >>> page_faults('<script src="https://example.org/x.js"></script><p onclick="x()">')
    ['asks another host: https://example.org/x.js', 'a script in an attribute']
    """
    found = [next(filter(None, groups), "") for groups in _FETCHED.findall(html)]
    faults = [f"asks another host: {address}" for address in found if _ELSEWHERE.match(address)]
    return faults + [what for what, pattern in _INLINE.items() if pattern.search(html)]


def refuse_faults(site: Path) -> None:
    """Stop the publication of a site with a page that asks another host, or holds what the policy refuses."""
    faults = [
        f"{page.relative_to(site).as_posix()}: {fault}"
        for page in pages_of(site)
        for fault in page_faults(page.read_text(encoding="utf-8"))
    ]
    if faults:
        raise SiteError("a page must be whole without other hosts:\n" + "\n".join(faults))
