"""Downloads on the site: their files, a link below each table and figure, and the list of all of them."""

from __future__ import annotations

import fnmatch
import hashlib
import shutil
from collections.abc import Collection, Iterable, Iterator
from html import escape
from pathlib import Path
from urllib.parse import quote

import nbformat
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError

from holf.book.downloads.check import FOLDER, download_faults
from holf.book.downloads.descriptions import DESCRIPTIONS, load_descriptions
from holf.book.downloads.outputs import Download, OutputError, downloads_of
from holf.book.freshness import markdown_of
from holf.paths import project_root
from holf.record.plan import load_plan
from holf.record.source import mark_of

# A page with a list names the place with a container of this class.
LIST = "holf-download-list"
# How a line of links below a table or figure begins.
LINE = '<p class="holf-downloads">'


def setup(app: Sphinx) -> None:
    """Connect to Sphinx; `holf.book.extension` calls it."""
    app.connect("env-get-outdated", reread_list)
    app.connect("doctree-read", add_links)
    app.connect("doctree-read", add_list)


def _of_page(app: Sphinx, docname: str) -> list[list[Download]]:
    path = Path(app.env.doc2path(docname))
    if path.suffix != ".ipynb":
        return []
    # Kept with Sphinx's own notes of the page: a build asks four times for every page, and the list needs them all.
    kept = app.env.__dict__.setdefault("holf_downloads", {})
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if kept.get(docname, ("", []))[0] != digest:
        try:
            kept[docname] = digest, downloads_of(nbformat.reads(content.decode(), as_version=4), path.stem)
        except OutputError as error:
            raise ExtensionError(str(error)) from None
    return kept[docname][1]


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
    """HTML of the line below a table: the link to its file.

    Parameters
    ----------
    download : Download
    above : str
        Path from the page to the top of the site.
    whose : str
        What the line belongs to, where a cell shows several tables.
    """
    return f"{LINE}Download {whose}{_link(download, above)}</p>"


def add_links(app: Sphinx, doctree: nodes.document) -> None:
    """Put below what each cell shows a line for each file."""
    groups = _of_page(app, app.env.docname)
    if not any(groups):
        return
    shown = [node for node in doctree.findall(nodes.container) if "cell_output" in node["classes"]]
    if len(shown) != len(groups):
        raise ExtensionError(f"{app.env.docname}: {len(groups)} cells with outputs, but {len(shown)} on the page")
    above = "../" * app.env.docname.count("/")
    for node, group in zip(shown, groups):
        lines = []
        for one in group:
            # Where a cell shows several, each line says which it belongs to.
            whose = f"{escape(one.values.caption)}: " if len(group) > 1 else ""
            lines.append(line_of_link(one, above, whose))
        if lines:
            node.parent.insert(node.parent.index(node) + 1, nodes.raw("", "\n".join(lines), format="html"))


def _titles(app: Sphinx, docname: str) -> str:
    return markdown_of(Path(app.env.doc2path(docname)))[0].splitlines()[0].removeprefix("# ")


def _in_order(app: Sphinx, docname: str) -> Iterator[str]:
    """A page and all below it, as `_toc.yml` lists them."""
    yield docname
    if docname not in app.env.external_site_map:
        return
    entry = app.env.external_site_map[docname]
    for child in entry.child_files():
        yield from _in_order(app, child)
    for pattern in entry.child_globs():
        yield from fnmatch.filter(sorted(app.env.found_docs), pattern)


def _chapters(app: Sphinx) -> list[tuple[str, list[Download]]]:
    """Every page with downloads, in the order of the book's contents."""
    found = []
    for docname in dict.fromkeys(_in_order(app, app.config.root_doc)):
        if groups := [one for group in _of_page(app, docname) for one in group]:
            found.append((docname, groups))
    return found


def _list_html(app: Sphinx, only: Collection[str] = ()) -> str:
    """The downloads of all pages, or of those whose names `only` has, as HTML."""
    out = []
    for docname, downloads in _chapters(app):
        name = docname.rpartition("/")[2]
        # docutils writes classes with hyphens.
        if only and name.replace("_", "-") not in only:
            continue
        items = "".join(
            f"<li>{'Figure' if one.is_figure else 'Table'}: {escape(one.values.caption)}<br>{_link(one, '../')}</li>\n"
            for one in downloads
        )
        page = f'<p>Page: <a href="{quote(name)}.html">{escape(_titles(app, docname))}</a></p>'
        summary = f"<summary>{escape(_titles(app, docname))}: {len(downloads)} files</summary>"
        out.append(f'<details class="holf-twin">{summary}\n{page}\n<ul>\n{items}</ul></details>\n')
    return "".join(out)


def _columns_html() -> str:
    """What the columns of the files mean, folded."""
    found = load_descriptions(load_plan())
    said = {name.replace("_", " "): words for name, words in found.parts.items()} | found.headings
    rows = "".join(f"<dt>{escape(name)}</dt><dd>{escape(words)}</dd>\n" for name, words in said.items())
    return f'<details class="holf-twin"><summary>What the columns mean</summary><dl>\n{rows}</dl></details>\n'


def add_list(app: Sphinx, doctree: nodes.document) -> None:
    """Fill each place for a list: of all downloads, or of the pages that its further classes name."""
    for node in list(doctree.findall(nodes.container)):
        if LIST in node["classes"]:
            only = set(node["classes"]) - {LIST}
            node.children = [nodes.raw("", _list_html(app, only) + _columns_html(), format="html")]
            app.env.note_dependency(str(project_root() / DESCRIPTIONS))


def reread_list(app: Sphinx, env, _added, _changed, _removed) -> Iterable[str]:
    """Name the pages with a list if a notebook changed: the lists are made of all of them."""
    sources = {docname: Path(env.doc2path(docname)) for docname in sorted(env.found_docs)}
    notebooks = b"\0".join(path.read_bytes() for path in sources.values() if path.suffix == ".ipynb")
    former, env.holf_listed = getattr(env, "holf_listed", None), hashlib.sha256(notebooks).hexdigest()
    if former in (None, env.holf_listed):
        return []
    prose = {name: path for name, path in sources.items() if path.suffix == ".md"}
    return [name for name, path in prose.items() if LIST in path.read_text(encoding="utf-8")]


def write_downloads(app: Sphinx, site: Path) -> None:
    """Write the files of every page, and check that they are those that the pages name.

    Raises
    ------
    ExtensionError
        If a file is not what its page says.
    """
    shutil.rmtree(site / FOLDER, ignore_errors=True)
    for _, downloads in _chapters(app):
        for one in downloads:
            name, content = one.file
            folder = site / FOLDER / one.page
            folder.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content.encode())
    if faults := download_faults(site):
        raise ExtensionError("downloads are not what the pages show:\n" + "\n".join(faults))
