"""Downloads on the site: their files, a link below each table and figure, and the list of all of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.errors import ExtensionError

from holf.book.downloads.check import FOLDER, download_faults
from holf.book.downloads.outputs import Download, OutputError, downloads_of
from holf.display import text
from holf.paths import project_root
from holf.record.plan import Plan, load_plan
from holf.record.reading import read_yaml
from holf.record.source import mark_of

# A page with a list names the place with a container of this class.
LIST = "holf-download-list"
# How a line of links below a table or figure begins.
LINE = '<p class="holf-downloads">'


def _size(content: str) -> str:
    """Size of a file in words.

    Examples
    --------
    >>> _size("x" * 90), _size("x" * 4200)
    ('1 kB', '5 kB')
    """
    return f"{max(1, -(-len(content.encode()) // 1000))} kB"


def _link(download: Download, above: str) -> str:
    """The link to a file, with the SHA-256 of what it holds (`download_faults`)."""
    mark, caption = mark_of(download.values.source)[0], escape(download.values.caption, quote=True)
    name, content = download.file
    target = quote(f"{above}{FOLDER}/{download.page}/{name}")
    digest = hashlib.sha256(content.encode()).hexdigest()
    marked = f'<strong class="holf-mark">{mark}</strong> ' if mark else ""
    spoken = f"{mark} data (CSV): {caption}".strip()
    return (
        f'{marked}<a href="{target}" download data-sha256="{digest}" aria-label="{spoken}">data (CSV)</a>, '
        f"{_size(content)}"
    )


def line_of_link(download: Download, above: str, whose: str = "") -> str:
    """HTML of the line below a table with the link to its file; `above` leads from the page to the top of the site."""
    return f"{LINE}Download {whose}{_link(download, above)}</p>"


def add_links(app: Sphinx, doctree: nodes.document) -> None:
    """Put below what each cell of a notebook shows a line for each file, and note the files for lists and the site."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    try:
        groups = downloads_of(nbformat.read(path, as_version=4), path.stem)
    except OutputError as error:
        raise ExtensionError(str(error)) from None
    # Kept by Sphinx from build to build, with the page.
    app.env.__dict__.setdefault("holf_downloads", {})[app.env.docname] = [one for group in groups for one in group]
    shown = [node for node in doctree.findall(nodes.container) if "cell_output" in node["classes"]]
    if len(shown) != len(groups):
        raise ExtensionError(f"{app.env.docname}: {len(groups)} cells with outputs, but {len(shown)} on the page")
    above = "../" * app.env.docname.count("/")
    for node, group in zip(shown, groups):
        # Where a cell shows several, each line says which it belongs to.
        whose = [f"{escape(one.values.caption)}: " if len(group) > 1 else "" for one in group]
        lines = [line_of_link(one, above, name) for one, name in zip(group, whose)]
        if lines:
            node.parent.insert(node.parent.index(node) + 1, nodes.raw("", "\n".join(lines), format="html"))


def _in_order(env: BuildEnvironment, docname: str) -> Iterator[str]:
    """A page and all below it, as `_toc.yml` lists them."""
    yield docname
    for child in env.toctree_includes.get(docname, ()):
        yield from _in_order(env, child)


def _chapters(app: Sphinx) -> list[tuple[str, list[Download]]]:
    """Every page with downloads, in the order of the book's contents."""
    kept = app.env.__dict__.get("holf_downloads", {})
    # Sphinx names some pages more than once.
    pages = dict.fromkeys(_in_order(app.env, app.config.root_doc))
    return [(name, kept[name]) for name in pages if kept.get(name)]


def _list_html(app: Sphinx) -> str:
    """The downloads of all pages, as HTML."""
    out = []
    for docname, downloads in _chapters(app):
        items = "".join(
            f"<li>{'Figure' if one.is_figure else 'Table'}: {escape(one.values.caption)}<br>{_link(one, '../')}</li>\n"
            for one in downloads
        )
        title = escape(app.env.titles[docname].astext())
        page = f'<p>Page: <a href="{quote(docname.rpartition("/")[2])}.html">{title}</a></p>'
        summary = f"<summary>{title}: {len(downloads)} file{'s' * (len(downloads) != 1)}</summary>"
        out.append(f'<details class="holf-twin">{summary}\n{page}\n<ul>\n{items}</ul></details>\n')
    return "".join(out)


def column_descriptions(plan: Plan) -> dict[str, str]:
    """What the columns of the downloads mean: by heading, else by name or by part of a cell, such as ``low``."""
    path = project_root() / "data" / "columns.yml"
    # Another trial's project may have none.
    raw = read_yaml(path) if path.exists() else {}
    names = {
        "arm": [arm["label"] for arm in plan.arms.values()],
        "world": [world["label"] for world in plan.worlds.values()],
        "estimator": text.estimators(plan.words),
    }
    named = {name: raw.get("named", {}).get(kind, "") for kind, found in names.items() for name in found}
    parts = {name.replace("_", " "): words for name, words in raw.get("parts", {}).items()}
    return parts | raw.get("headings", {}) | named


def _columns_html() -> str:
    """What the columns of the files mean, folded."""
    said = column_descriptions(load_plan()).items()
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>\n" for name, words in said)
    return f'<details class="holf-twin"><summary>What the columns mean</summary><dl>\n{rows}</dl></details>\n'


def add_list(app: Sphinx, doctree: nodes.document, _docname: str) -> None:
    """Fill each place for a list of all downloads."""
    for node in list(doctree.findall(nodes.container)):
        if LIST in node["classes"]:
            node.children = [nodes.raw("", _list_html(app) + _columns_html(), format="html")]


def write_downloads(app: Sphinx, site: Path) -> None:
    """Write the files of every page, and check that they are those that the pages name; else an ExtensionError."""
    for _, downloads in _chapters(app):
        for one in downloads:
            name, content = one.file
            folder = site / FOLDER / one.page
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content.encode())
    if faults := download_faults(site):
        raise ExtensionError("downloads are not what the pages show:\n" + "\n".join(faults))
