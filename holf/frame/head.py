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
PREVIEW, SIMULATED_PREVIEW = PurePosixPath("_static/preview.png"), PurePosixPath("_static/preview-simulated.png")
# What most pages open with, which says nothing to those who have not come yet.
_OPENING = "What this page answers."
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
    words = first_words(doctree).removeprefix(_OPENING) if doctree is not None else ""
    whole = f"{title}. {words.strip()}" if words else title
    # Whole sentences, where more than the title fits.
    ends = [end.end() for end in re.finditer(r"(?<=[.?!])(?=\s|$)", whole) if end.end() <= LONGEST - len(said)]
    if ends and ends[-1] > len(title) + 30:
        return said + " ".join(whole[: ends[-1]].split())
    return said + shorten(whole, LONGEST - len(said))


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
    title = re.sub(r"<[^>]+>", "", context.get("title") or f"{pagename.capitalize()}: {context['docstitle']}")
    found = re.search(r'<meta content="([^"]*)" name="description"|name="description" content="([^"]*)"', given)
    words = next(filter(None, found.groups())) if found else escape(describe(title, doctree, banner))
    known = app.config.html_baseurl
    base = f"{known.removesuffix('/')}/" if known else context["pathto"]("", resource=True).removesuffix("#")
    picture = SIMULATED_PREVIEW if BANNER in banner else PREVIEW
    wanted = {
        'name="description"': words,
        'property="og:type"': "article",
        'property="og:site_name"': escape(context["docstitle"]),
        'property="og:title"': title,
        'property="og:description"': words,
        'property="og:image"': f"{base}{picture}",
        'property="og:image:alt"': escape(context["docstitle"]) if picture == PREVIEW else _SAID[BANNER].strip(),
        'name="twitter:card"': "summary_large_image",
    }
    if known:
        wanted['property="og:url"'] = escape(context["pageurl"])
    if not (project_root() / "assets" / picture.name).exists():
        wanted = {name: value for name, value in wanted.items() if "image" not in name and "card" not in name}
    return "\n".join(f'<meta {name} content="{value}">' for name, value in wanted.items() if name not in given)
