"""What a page says of itself to search engines, link previews and tabs: description, title, picture."""

from __future__ import annotations

import re
from html import escape
from pathlib import PurePosixPath

from docutils import nodes
from sphinx.application import Sphinx

from holf.marks import BANNER, REAL_BANNER
from holf.paths import project_root
from holf.table import MARK, REAL_MARK

# Search engines cut descriptions at about this length.
LONGEST = 158
PREVIEW = PurePosixPath("_static/preview.png")
_SAID = {
    BANNER: f"{MARK} demonstration, not a finding of the trial. ",
    REAL_BANNER: f"{REAL_MARK}, under disclosure control. ",
}


def shorten(words: str, longest: int = LONGEST) -> str:
    """Words up to a length, cut between two of them.

    Examples
    --------
    >>> shorten("One two three four", 12)
    'One two…'
    """
    words = " ".join(words.split())
    if len(words) <= longest:
        return words
    return words[:longest].rsplit(" ", 1)[0].rstrip(" ,;:.–—") + "…"


def first_words(doctree: nodes.document) -> str:
    """Text of the first paragraph of a page that is running text: in no table, list, box or output of a cell."""
    boxes = (nodes.table, nodes.list_item, nodes.Admonition, nodes.container, nodes.block_quote, nodes.footnote)
    for paragraph in doctree.findall(nodes.paragraph):
        above = paragraph.parent
        while above is not None and not isinstance(above, boxes):
            above = above.parent
        if above is None and len(paragraph.astext().split()) > 3:
            return paragraph.astext()
    return ""


def describe(title: str, doctree: nodes.document | None, banner: str = "") -> str:
    """A description of a page in one or two sentences, after its class where it shows a study's results.

    Parameters
    ----------
    title : str
        The page's title, so that no two descriptions are equal.
    doctree : docutils.nodes.document or None
    banner : str
        HTML of the banners above the page.
    """
    said = next((words for mark, words in _SAID.items() if mark in banner), "")
    words = first_words(doctree) if doctree is not None else ""
    return said + shorten(f"{title}. {words}" if words else title, LONGEST - len(said))


def mark_title(app: Sphinx, pagename: str, _template: str, context: dict, _doctree: nodes.document | None) -> None:
    """Say in a simulated page's title what it is: tabs and bookmarks show nothing else."""
    if BANNER in getattr(app.env, "holf_banners", {}).get(pagename, ""):
        context["title"] = f"{MARK}: {context['title']}"


def head_tags(app: Sphinx, pagename: str, context: dict, doctree: nodes.document | None) -> str:
    """Description and tags for link previews, as far as the page's own front matter does not give them.

    Previews need whole addresses; only a build that knows the site's (`html_baseurl`) can give them.
    """
    given = context.get("metatags", "")
    banner = getattr(app.env, "holf_banners", {}).get(pagename, "")
    title = re.sub(r"<[^>]+>", "", context.get("title") or "")
    found = re.search(r'<meta content="([^"]*)" name="description"|name="description" content="([^"]*)"', given)
    words = next(filter(None, found.groups())) if found else escape(describe(title, doctree, banner))
    base = context["pathto"]("", resource=True) if not app.config.html_baseurl else app.config.html_baseurl
    wanted = {
        'name="description"': words,
        'property="og:type"': "article",
        'property="og:site_name"': escape(context["docstitle"]),
        'property="og:title"': title,
        'property="og:description"': words,
        'property="og:image"': f"{base.removesuffix('#')}{PREVIEW}",
        'property="og:image:alt"': escape(context["docstitle"]),
        'name="twitter:card"': "summary_large_image",
    }
    if not (project_root() / "assets" / PREVIEW.name).exists():
        wanted = {name: value for name, value in wanted.items() if "image" not in name and "card" not in name}
    return "\n".join(f'<meta {name} content="{value}">' for name, value in wanted.items() if name not in given)
