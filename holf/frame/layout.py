"""Puts the book's own frame in the place of the theme's, and tells each page what the frame needs.

The theme keeps its looks: the rules of its style sheets that the book uses come along (`holf.frame.styles`). Its
scripts and icon fonts stay behind, 1.8 MB that open menus and draw eleven icons; `templates/layout.html` says what does
that work instead.
"""

from __future__ import annotations

import hashlib
import re
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config

from holf.citation import load_citation, ways_to_reach
from holf.frame.body import mend
from holf.frame.head import head_tags
from holf.paths import project_root

TEMPLATES, STATIC = (Path(__file__).parent / name for name in ("templates", "static"))
# One style sheet for every page, made when the site is published.
SHEET = "site.css"
# The site itself and nothing else: a page can ask no other host, and a script or style that stands in a page is not
# obeyed. Opened from a folder, files of the folder count as the site.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'"
)
_THEMES = ("pydata_sphinx_theme", "sphinx_book_theme")
# Files that extensions of Jupyter Book add to every page and that the frame does without. Others, such as those of one
# interactive page, stay.
_LEFT = frozenset(
    "documentation_options.js doctools.js sphinx_highlight.js clipboard.min.js copybutton.js sphinx-book-theme.js "
    "togglebutton.js design-tabs.js sphinx-thebe.js pygments.css sphinx-book-theme.css togglebutton.css copybutton.css "
    "sphinx-thebe.css sphinx-design.min.css frame.css holf.css print.css".split()
)
_BUNDLED = re.compile(r"mystnb\.[0-9a-f]+\.css")
# Settings in the form of scripts, for the scripts that are left out.
_SETTINGS = re.compile(r"toggleHint|toggleOpenOnPrint|togglebuttonSelector|THEBE_JS_URL|DOCUMENTATION_OPTIONS\.")


def use_frame(app: Sphinx, config: Config) -> None:
    """Prefer the book's templates, and write every page anew after a change of the code that frames it."""
    config.templates_path.insert(0, str(TEMPLATES))
    config.html_static_path.append(str(STATIC))
    code = sorted(path for path in STATIC.parent.rglob("*.*") if path.suffix in (".py", ".html"))
    parts = [path.read_bytes() for path in code]
    config.holf_frame = hashlib.sha256(b"\0".join(parts)).hexdigest()
    # Another trial's project may have no citation file. Set here, so that a change of it writes every page anew.
    config.holf_ways = ways_to_reach(load_citation()) if (project_root() / "CITATION.cff").exists() else []
    app.connect("html-page-context", fill_frame, priority=900)
    app.connect("builder-inited", _spare_themes, priority=900)


def _spare_themes(app: Sphinx) -> None:
    """Leave out what the themes compute for their own templates: a sixth of the time to write a page."""
    for listener in list(app.events.listeners["html-page-context"]):
        if listener.handler.__module__.startswith(_THEMES):
            app.disconnect(listener.id)


def fill_frame(app: Sphinx, pagename: str, _template: str, context: dict, doctree: nodes.document | None) -> None:
    """Give a page that is about to be written its head, its lists of links, and a body that reads well."""
    context["frame_policy"], context["frame_sheet"] = POLICY, SHEET
    context["frame_head"] = head_tags(app, pagename, context, doctree)
    context["frame_chapters"] = _chapters(app, context)
    context["author"], context["root_title"] = app.config.author, app.env.titles[app.config.root_doc].astext()
    context["frame_contents"] = _contents(app, pagename)
    context["frame_ways"] = app.config.holf_ways
    for kind in ("css_files", "script_files"):
        context[kind] = [file for file in context[kind] if _stays(file)]
    if "body" in context:
        context["body"] = mend(context["body"], _sizes(app))


def _stays(file: object) -> bool:
    """Whether a page keeps a style sheet or script that an extension gave it."""
    name = getattr(file, "filename", "")
    if not name:
        return not _SETTINGS.search(file.attributes.get("body", ""))
    last = str(name).rsplit("/", 1)[-1]
    return last not in _LEFT and not _BUNDLED.fullmatch(last)


def _chapters(app: Sphinx, context: dict) -> str:
    """Links to all pages, with their languages; captions are no headings, since they come before the page's own."""
    if "toctree" not in context:
        return ""
    links = context["toctree"](collapse=False, includehidden=True, maxdepth=4, titles_only=True) or ""
    links = re.sub(r"<p [^>]*role=\"heading\"[^>]*>", '<p class="caption">', links)
    links = links.replace('class="current reference internal" href="#"', 'aria-current="page" href="#main-content"')
    for name, meta in app.env.metadata.items():
        if lang := meta.get("lang"):
            target = re.escape(name.rsplit("/", 1)[-1])
            links = re.sub(rf'(href="[^"]*\b{target}\.html")', rf'\1 lang="{lang}" hreflang="{lang}"', links)
    return links


def _contents(app: Sphinx, pagename: str) -> str:
    """Links to the sections of a page, one level deep: the ledger alone has headings for 160 rows."""
    title = next(iter(app.env.tocs[pagename].findall(nodes.list_item)), None) if pagename in app.env.tocs else None
    if title is None:
        return ""
    lists = [child for child in title.children if isinstance(child, nodes.bullet_list)]
    found = [next(iter(item.findall(nodes.reference)), None) for below in lists for item in below.children]
    links = [(link["anchorname"], link.astext()) for link in found if link is not None]
    language = app.env.metadata.get(pagename, {}).get("lang", "en")
    items = "".join(f'<li><a href="{escape(anchor)}">{escape(text)}</a></li>\n' for anchor, text in links)
    return f'<ul lang="{language}">\n{items}</ul>' if links else ""


def _sizes(app: Sphinx) -> dict[str, Path]:
    """File of each picture that the pages of this build show, by its name in the site."""
    return {name: Path(app.srcdir) / place for place, name in app.builder.images.items()}
