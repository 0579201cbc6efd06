"""The theme of the pages: Furo, in a layout that needs no script and asks no other host, and the pages' descriptions.

``_config.yml`` names Furo as the theme. `templates` has the book's layout, `holf.book.theme.html` writes what Sphinx
writes less well for people who use a screen reader or a keyboard, and ``assets/holf.css`` is the one style sheet of the
book.
"""

from __future__ import annotations

import posixpath
from pathlib import Path
from textwrap import shorten

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.environment import BuildEnvironment
from sphinxext.opengraph import get_description

from holf.book.marks import BANNER, REAL_BANNER
from holf.book.theme.html import Translator, add_transforms
from holf.pages.cite import load_citation, ways_to_reach
from holf.paths import project_root
from holf.record.source import MARK, REAL_MARK

# The site itself and nothing else: a page can ask no other host, and a script or style that stands in a page is not
# obeyed. Opened from a folder, files of the folder count as the site. The icons of the theme's style sheet are data.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'"
)
_SAID = {
    BANNER: f"{MARK} demonstration, not a finding of the trial.",
    REAL_BANNER: f"{REAL_MARK}, under disclosure control.",
}
# Words of the layout in each language of the book; `holf_menus` of ``_config.yml`` has those for its pages.
_FRAME = {
    "en": {
        "skip": "Skip to main content",
        "chapters": "Chapters",
        "search": "Search",
        "search_book": "Search this book",
        "sections": "On this page",
        "top": "To the top",
        "below": "pages below",
        "before": "Before",
        "next": "Next",
        "around": "Pages before and after",
        "colours": "Colours",
        "auto": "auto",
        "light": "light",
        "dark": "dark",
    },
    "nb": {
        "skip": "Hopp til innholdet",
        "chapters": "Kapitler",
        "search": "Søk",
        "search_book": "Søk i boken",
        "sections": "På denne siden",
        "top": "Til toppen",
        "below": "sider til",
        "before": "Forrige",
        "next": "Neste",
        "around": "Sidene før og etter",
        "colours": "Farger",
        "auto": "auto",
        "light": "lys",
        "dark": "mørk",
    },
}


def setup(app: Sphinx) -> dict:
    """Register the theme's parts with Sphinx."""
    # Jupyter Book sets it also where its extension for comments is left out.
    app.add_config_value("comments_config", {}, "")
    app.add_config_value("holf_menus", {}, "env")
    app.connect("config-inited", configure)
    app.set_translator("html", Translator)
    add_transforms(app)
    app.connect("doctree-read", shorten_contents)
    app.connect("html-page-context", add_contents)
    app.connect("html-page-context", spare_sheets)
    # 400: before sphinxext-opengraph writes its tags.
    app.connect("html-page-context", mark_title, priority=399)
    app.connect("html-page-context", describe, priority=400)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def configure(_app: Sphinx, config: Config) -> None:
    """Tell Furo and sphinxext-opengraph what they need."""
    # Jupyter Book passes options of its own theme, which Furo does not know.
    config.html_theme_options = {}
    # Furo registers this setting later, when Sphinx loads the theme; in _config.yml it would be unknown.
    config.pygments_dark_style = "a11y-dark"
    # Jupyter Book's extension for LaTeX switches it on; to number figures, Sphinx walks through every page.
    config.numfig = False
    config.templates_path.insert(0, str(Path(__file__).parent / "templates"))
    # Another trial's project may have no citation file.
    ways = ways_to_reach(load_citation()) if (project_root() / "CITATION.cff").exists() else []
    config.html_context |= {"policy": POLICY, "ways": ways, "author": config.author}
    config.ogp_site_name = config.html_title
    config.ogp_site_url = f"{config.html_baseurl.removesuffix('/')}/" if config.html_baseurl else ""


def contents(env: BuildEnvironment, docname: str, words: dict[str, str], lang: str) -> list[tuple[str, list[dict]]]:
    """Parts of the book below a page: the caption of each, and its pages with name, title, languages and own parts.

    `words` are captions and titles in `lang`, by those of the book or the names of pages; `said` is the language of a
    title, and `lang` that of its page.
    """
    return [
        (
            words.get(toctree.get("caption"), toctree.get("caption") or ""),
            [
                {
                    "name": name,
                    "title": words.get(name, title or env.titles[name].astext()),
                    "said": lang if name in words else env.metadata[name].get("lang", "en"),
                    "lang": env.metadata[name].get("lang", "en"),
                    "parts": contents(env, name, words, lang),
                }
                for title, name in toctree["entries"]
            ],
        )
        for toctree in env.tocs[docname].findall(addnodes.toctree)
    ]


def shorten_contents(app: Sphinx, _doctree: nodes.document) -> None:
    """List on each page its sections one level deep: the ledger alone has headings for 160 rows."""
    app.env.metadata[app.env.docname].setdefault("tocdepth", 2)


def add_contents(app: Sphinx, pagename: str, _template: str, context: dict, _doctree: nodes.document | None) -> None:
    """Give the layout all pages of the book, and its own words in the language of the page."""
    lang = app.env.metadata.get(pagename, {}).get("lang", "en")
    words = app.config.holf_menus.get(lang, {})
    root = app.config.root_doc
    context["frame"] = _FRAME.get(lang, _FRAME["en"])
    # Furo would make its own menu of it, which the layout does not show.
    context.pop("toctree", None)
    # The title of the landing page is the answer, and not what the page is called.
    said = lang if root in words else "en"
    home = {"name": root, "title": words.get(root, "Home"), "said": said, "lang": "en", "parts": []}
    context["parts"] = [("", [home]), *contents(app.env, root, words, lang)]
    context |= {key: words[key] for key in ("author", "copyright") if key in words}
    _, before, after = app.builder.relations.get(pagename, (None, None, None))
    for place, name in (("prev", before), ("next", after)):
        if name in words:
            context[place] |= {"title": words[name], "said": lang}


def spare_sheets(_app: Sphinx, _pagename: str, _template: str, context: dict, _doctree: nodes.document | None) -> None:
    """Leave out 90 KB of styles where a page has nothing for them; ``holf.css`` has what cells need."""
    has_design = 'class="sd-' in context.get("body", "")
    context["css_files"] = [
        sheet
        for sheet in context["css_files"]
        if "mystnb" not in sheet.filename and (has_design or "sphinx-design" not in sheet.filename)
    ]


def _top_banner(app: Sphinx, pagename: str) -> str:
    """The banner of a page, unless it stands further down, at the head of a band."""
    banded = app.env.metadata.get(pagename, {}).get("holf_bands")
    return "" if banded else getattr(app.env, "holf_banners", {}).get(pagename, "")


def mark_title(app: Sphinx, pagename: str, _template: str, context: dict, _doctree: nodes.document | None) -> None:
    """Say in a simulated page's title what it is: tabs and bookmarks show little else."""
    if BANNER in _top_banner(app, pagename):
        context["title"] = f"{MARK}: {context['title']}"


def describe(app: Sphinx, pagename: str, _template: str, context: dict, doctree: nodes.document | None) -> None:
    """Prepare what sphinxext-opengraph reads: it describes a page by its first words, which here begin with the mark.

    The page itself is written already, so that the document may be changed.
    """
    if doctree is None:
        return
    banner = _top_banner(app, pagename)
    said = next((words for mark, words in _SAID.items() if mark in banner), "")
    # Pages made from one template open with the same words.
    title = next(iter(doctree.findall(nodes.title)), None)
    if title is not None:
        doctree.insert(0, nodes.paragraph(text=f"{title.astext()}."))
    if said:
        doctree.insert(0, nodes.paragraph(text=said))
    context["meta"] = given = dict(context["meta"] or {})
    if "og:description" not in given:
        # The extension cuts in the middle of a word; it takes what stands here as it is.
        length = app.config.ogp_description_length
        words = get_description(doctree, 4 * length, {title.astext()} if title is not None else set())
        given["og:description"] = shorten(words, length, placeholder=" …")
    if not app.config.html_baseurl:
        given["og:url"] = posixpath.basename(app.builder.get_target_uri(pagename))
