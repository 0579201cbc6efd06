"""All pages of a built site bound into one document, in the order of its contents, for printing."""

from __future__ import annotations

from html import escape
from pathlib import Path, PurePosixPath
from posixpath import normpath
from urllib.parse import unquote, urlparse

from bs4 import BeautifulSoup, Tag

from holf.book.marks import BANNER, REAL_BANNER

STYLES = ("_static/pygments.css", "_static/holf.css")
# Controls of a browser, and words that are read out at a link: neither is on paper.
_NOT_PRINTED = (
    "script, style, picture > source, .headerlink, .holf-said, .holf-code, .holf-label, .toctree-wrapper, .copybtn, "
    "input, .holf-mind fieldset, .holf-mind figure"
)
# Columns that a sheet holds; with more, words stand letter below letter.
WIDEST = 12
_UNKNOWN = ("", "—")
_REFERENCES = ("aria-describedby", "aria-details", "aria-labelledby", "aria-controls", "data-said")


def contents(site: Path) -> list[str]:
    """Pages of a site in the order of its contents, the landing page first.

    Raises
    ------
    ValueError
        If the landing page has no contents.
    """
    soup = BeautifulSoup((site / "index.html").read_text(encoding="utf-8"), "html.parser")
    links = [link["href"].partition("#")[0] for link in soup.select("#chapters a.internal[href]")]
    pages = [link for link in dict.fromkeys(links) if link.endswith(".html")]
    if not pages:
        raise ValueError(f"{site.name}/index.html has no contents")
    return list(dict.fromkeys(["index.html", *pages]))


def bind(site: Path, title: str) -> str:
    """HTML of the whole book as one document, to be put beside the landing page.

    Every page is an article that says of what kind its sheets are; links between pages lead to places in the document.

    Parameters
    ----------
    site : Path
    title : str
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
    for table in body.select("table"):
        if len(table.select("thead th")) > WIDEST:
            table.replace_with(_rows(soup, table))
    for tag in body.find_all(True):
        for name in _REFERENCES:
            tag.attrs.pop(name, None)
        if tag.get("id"):
            tag["id"] = _place(page, tag["id"])
        for name in ("href", "src"):
            if tag.get(name):
                _redirect(tag, name, page, bound)
    kind = "simulated" if body.select(f".{BANNER}") else "real" if body.select(f".{REAL_BANNER}") else "record"
    lang = soup.html.get("lang", "en")
    inner = body.decode_contents()
    return f'<article class="holf-sheets-{kind}" id="{_place(page, "")}" lang="{lang}">{inner}</article>'


def _rows(soup: BeautifulSoup, table: Tag) -> Tag:
    """A table as paragraphs, one a row: each value after the name of its column, without what is not known."""
    rows = soup.new_tag("div", attrs={"class": f"holf-rows-{table.get('data-holf', 'other')}"})
    if table.caption:
        caption = soup.new_tag("div", attrs={"class": "holf-rows-caption"})
        caption.extend(list(table.caption.contents))
        rows.append(caption)
    names = [head.get_text(" ", strip=True) for head in table.select("thead th")]
    for row in table.select("tbody > tr"):
        told = soup.new_tag("p", attrs={"class": "holf-row"})
        for name, cell in zip(names, row.find_all(["th", "td"], recursive=False), strict=True):
            if cell.get_text(strip=True) not in _UNKNOWN:
                told.extend([*([", "] if told.contents else []), _strong(soup, name), " ", *list(cell.contents)])
        rows.append(told)
    return rows


def _strong(soup: BeautifulSoup, words: str) -> Tag:
    tag = soup.new_tag("strong")
    tag.string = words
    return tag


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
