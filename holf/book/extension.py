"""The Sphinx extension that makes `jupyter-book build .` the whole job.

Before Sphinx reads anything, it refreshes the simulated tables, writes the pages that come from data, and runs stale
chapters through papermill; Sphinx itself executes nothing. Afterwards it checks the marks of the finished site and
puts it in place in one step, so that a build which fails or is killed leaves the former site as it was.

Modes (`papermill_mode` in `_config.yml`, overridden by the variable ``HOLF_PAPERMILL``): ``auto`` runs stale chapters,
``force`` all, ``check`` and ``off`` none. A chapter that is stale nevertheless, such as one that was edited while
others ran, is a warning in every mode but ``off``; its page always says so.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from logging import getLogger
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError, ExtensionError
from sphinx.util import logging

from holf.book.chapters import list_chapters
from holf.book.checksums import SUMS, digests, read_sums, verified_sums
from holf.book.downloads import pages as downloads
from holf.book.freshness import ChapterError, told, why_stale
from holf.book.marks import BANNER, REAL_BANNER
from holf.book.power_chart import load_chart
from holf.book.publish import prune, put_in_place
from holf.book.redirects import redirects
from holf.book.renewal import real_source, start_renewal
from holf.book.staging import (
    Unwritten,
    forget_lost_words,
    foundation,
    hold,
    inputs,
    is_unchanged,
    keep_notes,
    note_source,
    open_staging,
    reread_edited,
    seal_staging,
)
from holf.book.theme.checks import SiteError
from holf.book.tooltips import explain_page, reread_if_rows_changed
from holf.paths import check_book, project_root
from holf.record.plan import load_plan
from holf.record.source import MARK, REAL_MARK

MODES = ("auto", "force", "off", "check")
# New objects until the next look for garbage; 700 is what Python itself takes.
_GARBAGE = 100_000
log = logging.getLogger(__name__)

_SIMULATED = (
    f'<aside class="holf-banner {BANNER}" aria-label="About the numbers {{where}}"><strong>{MARK}.</strong> '
    "The study results {where} come from simulated people. They show how the analysis works, in worlds whose "
    "truth is known, and are not findings of the trial.</aside>"
)
_ON_PAGE, _IN_PART = "on this page", "in this part"
_REAL = (
    f'<aside class="holf-banner {REAL_BANNER}" aria-label="About the numbers on this page">'
    f"<strong>{REAL_MARK}.</strong> "
    "The study results on this page come from the data of {trial}, under disclosure control ({source}): counts are "
    "rounded, and numbers on few people or {clusters} are withheld and say by which rule.</aside>"
)
_STALE = (
    '<aside class="holf-banner holf-banner-stale" aria-label="State of this page"><strong>OUT OF DATE.</strong> '
    "The results on this page are older than its code or its data; it has not been run again ({why}).</aside>"
)


def setup(app: Sphinx) -> dict:
    """Register the extension with Sphinx."""
    # What Sphinx and its extensions loaded stays to the end; to look through it again and again for something to
    # collect took a tenth of a build.
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    app.add_config_value("papermill_mode", "auto", "env")
    app.add_config_value("papermill_jobs", os.cpu_count() or 1, "")
    # 100: before the table of contents and the sources are read.
    app.connect("config-inited", prepare, priority=100)
    app.connect("builder-inited", refuse_other_builders)
    app.connect("builder-inited", spare_index)
    app.setup_extension("holf.book.colophon")
    # 1: before any extension changes what was read.
    app.connect("source-read", note_source, priority=1)
    app.connect("env-merge-info", keep_notes)
    app.connect("env-get-outdated", reread_edited)
    app.connect("env-get-outdated", reread_changed_banners)
    app.connect("env-get-outdated", reread_if_rows_changed)
    app.connect("env-updated", rewrite_if_titles_changed)
    # Emitted right before the index is written.
    app.connect("html-collect-pages", forget_lost_words)
    app.connect("html-collect-pages", redirects)
    app.connect("doctree-read", add_banners)
    app.connect("html-page-context", explain_page)
    downloads.setup(app)
    app.connect("html-page-context", load_chart)
    # 900: after every other extension has finished its files.
    app.connect("build-finished", publish, priority=900)
    begin(app)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def begin(app: Sphinx) -> None:
    """Keep other builds out, and start whatever must be done before Sphinx reads anything."""
    mode = os.environ.get("HOLF_PAPERMILL", app.config.papermill_mode)
    if mode not in MODES:
        raise ConfigError(f"papermill_mode must be one of {', '.join(MODES)}")
    try:
        check_book(Path(app.srcdir))
    except ValueError as error:
        raise ExtensionError(f"papermill: {error}") from None
    with _told():
        lock = hold(project_root(), _say)
        app.connect("build-finished", lambda _app, _error: os.close(lock), priority=999)
        app.holf_site = Path(app.outdir) if Path(app.outdir).name == "html" else None
        app.holf_mode, app.holf_strict = mode, app.warningiserror or app.keep_going
        app.holf_settings = json.dumps(app.config.overrides, sort_keys=True, default=str)
        app.holf_inputs, app.holf_renewed = inputs(app.holf_settings), None
        app.holf_unchanged = (
            app.holf_site is not None
            and mode == "auto"
            and is_unchanged(app.holf_site, app.holf_inputs, strict=app.holf_strict)
        )
        if not app.holf_unchanged and mode in ("auto", "force"):
            work, jobs = Path(app.outdir).parent / "papermill", app.config.papermill_jobs
            app.holf_renewed = start_renewal(work, force=mode == "force", jobs=jobs, say=_say)


def prepare(app: Sphinx, config: Config) -> None:
    """Wait until everything that Sphinx will read is up to date, then send its pages to a place beside the site."""
    with _told():
        if app.holf_renewed:
            app.holf_renewed()
        # In this order: a chapter that was edited while others ran is stale, or its edit comes after the inputs.
        made_of = inputs(app.holf_settings)
        app.holf_unchanged = app.holf_unchanged and made_of == app.holf_inputs
        chapters = [] if app.holf_unchanged else list_chapters()
        app.holf_stale = {chapter.page.resolve(): told(why) for chapter in chapters if (why := why_stale(chapter))}
        for page in sorted(app.holf_stale) if app.holf_mode != "off" else ():
            log.warning("chapter %s is stale: %s", page.stem, app.holf_stale[page], type="papermill", subtype="stale")
        if app.holf_site:
            _redirect(app, "" if app.holf_stale else made_of)
            _spare_work(app) if app.holf_unchanged else _open(app)


@contextmanager
def _told() -> Iterator[None]:
    """Say in one line what is wrong, as an error of this extension."""
    try:
        yield
    except ChapterError as error:
        raise ExtensionError(f"papermill: {error}") from None
    except OSError as error:
        raise ExtensionError(f"papermill: {_cannot_write(error)}; the former site stays as it was") from None


def _say(line: str) -> None:
    log.info("papermill: %s", line)


def _cannot_write(error: OSError) -> str:
    name = Path(error.filename).name if isinstance(error.filename, str | bytes | os.PathLike) else "a file"
    return f"cannot {'find' if isinstance(error, FileNotFoundError) else 'write'} {name}: {error.strerror or error}"


def _redirect(app: Sphinx, made_of: str) -> None:
    """Let Sphinx work in `_build/.html`, beside the site."""
    app.holf_made_of = made_of
    app.outdir = type(app.outdir)(app.holf_site.with_name(".html"))


def _open(app: Sphinx) -> None:
    """Make the folder ready in which Sphinx works."""
    app.holf_rests_on = foundation()
    app.holf_trusted = open_staging(Path(app.outdir), Path(app.doctreedir), app.holf_rests_on, strict=app.holf_strict)
    app.holf_unwritten = Unwritten()
    getLogger(logging.NAMESPACE).addHandler(app.holf_unwritten)


def refuse_other_builders(app: Sphinx) -> None:
    """Stop any build but that of the site: only its pages are checked for marks before anybody sees them.

    Raises
    ------
    ExtensionError
        If Sphinx was asked for another kind of output.
    """
    if app.builder.name != "html":
        raise ExtensionError(f"papermill: this book is not made as {app.builder.name}; `holf archive` makes its PDF")


def _spare_work(app: Sphinx) -> None:
    """Let Sphinx end without a look at the pages, which nothing changed, unless it is asked for all (`--all`)."""
    build = app.build

    def build_if_asked(force_all: bool = False, filenames: list[str] | None = None) -> None:
        if force_all or filenames or app.fresh_env_used:
            _open(app)
            build(force_all, filenames)
        else:
            log.info("papermill: nothing changed since the last build; the site stays as it is")

    app.build = build_if_asked


def _banners(app: Sphinx, docname: str) -> str:
    path = Path(app.env.doc2path(docname))
    if path.suffix != ".ipynb":
        return ""
    # Read as JSON: nbformat would check each notebook against its schema, at every build.
    notebook = json.loads(path.read_text(encoding="utf-8"))
    outputs = [str(output) for cell in notebook["cells"] for output in cell.get("outputs", ())]
    # A chapter that read simulated tables is simulated, even if nothing it shows admits it.
    simulated = any(MARK in output for output in outputs) or any(
        name.startswith("simulated/") for name in notebook["metadata"].get("holf", {}).get("reads", ())
    )
    real = real_source() if any(REAL_MARK in output for output in outputs) else ""
    why = app.holf_stale.get(path.resolve(), "")
    stale = _STALE.format(why=escape(why)) if why else ""
    return (_SIMULATED.format(where=_ON_PAGE) if simulated else "") + (_told_real(real) if real else "") + stale


def _told_real(source: str) -> str:
    plan = load_plan()
    return _REAL.format(source=source, trial=escape(plan.trial["acronym"]), clusters=escape(plan.words.clusters))


def reread_changed_banners(app: Sphinx, env, added, changed, removed) -> list[str]:
    """Name the pages whose banner is no longer what it was: a page goes stale without any change to itself."""
    known = getattr(env, "holf_banners", {})
    return [
        docname for docname, banner in known.items() if docname in env.found_docs and _banners(app, docname) != banner
    ]


def add_banners(app: Sphinx, doctree: nodes.document) -> None:
    """Put the banners of a page below its title, or at the head of the band that follows its published parts."""
    name = app.env.docname
    banner = _banners(app, name)
    if not hasattr(app.env, "holf_banners"):
        app.env.holf_banners = {}
    app.env.holf_banners[name] = banner
    bands = simulated_parts(doctree) if BANNER in banner else []
    # Titles and previews of a page that opens with what is published say nothing of simulations.
    app.env.metadata[name]["holf_bands"] = len(bands)
    for band in bands:
        band["classes"].append("holf-band")
        band.insert(1, nodes.raw("", _SIMULATED.format(where=_IN_PART), format="html"))
    if bands:
        banner = banner.replace(_SIMULATED.format(where=_ON_PAGE), "")
    titles = list(doctree.findall(nodes.title))
    if banner and titles:
        titles[0].parent.insert(titles[0].parent.index(titles[0]) + 1, nodes.raw("", banner, format="html"))


def _simulated_outputs(tree: nodes.Node) -> list[nodes.container]:
    """Outputs of cells in which a table, a figure or a sentence says that it is simulated."""
    return [
        node
        for node in tree.findall(nodes.container)
        if "cell_output" in node["classes"]
        and (MARK in node.astext() or any(MARK in image.get("alt", "") for image in node.findall(nodes.image)))
    ]


def simulated_parts(doctree: nodes.document) -> list[nodes.section]:
    """Parts of a page that show simulations; none if its first part does, for then the whole page is simulated."""
    page = next(iter(doctree.findall(nodes.section)), doctree)
    parts = [child for child in page.children if isinstance(child, nodes.section)]
    bands = [part for part in parts if _simulated_outputs(part)]
    outside = len(_simulated_outputs(doctree)) - sum(len(_simulated_outputs(part)) for part in bands)
    return [] if outside or bands[:1] == parts[:1] else bands


def spare_index(app: Sphinx) -> None:
    """Leave simulated outputs out of the search index: among results, a number does not say what it is."""
    index_page = app.builder.index_page

    def index(pagename: str, doctree: nodes.document, title: str) -> None:
        shown = doctree.deepcopy()
        for output in _simulated_outputs(shown):
            output.parent.remove(output)
        index_page(pagename, shown, title)

    app.builder.index_page = index


def rewrite_if_titles_changed(_app: Sphinx, env) -> list[str]:
    """Name all pages if a title changed: every page has them in its contents."""
    titles = {name: title.astext() for name, title in env.titles.items()}
    former, env.holf_titles = getattr(env, "holf_titles", titles), titles
    return [] if former == titles else sorted(env.found_docs)


def publish(app: Sphinx, error: Exception | None) -> None:
    """Check the finished pages and put them in the site's place; after any failure the former site stays."""
    site = getattr(app, "holf_site", None)
    if site is None or error is not None:
        return
    staging = Path(app.outdir)
    if app.holf_unwritten.errors:
        raise ExtensionError(f"{_cannot_write(app.holf_unwritten.errors[0])}; the former site stays as it was")
    # With --keep-going Sphinx clears `warningiserror`, and would fail only after this moment.
    if (app.warningiserror or app.keep_going) and app._warncount:
        log.info("papermill: not published, because warnings are errors")
        return
    prune(app.env, staging)
    before = read_sums(staging / SUMS) if app.holf_trusted else {}
    try:
        # Nothing is made again from the very same pages.
        if not before or digests(staging) != before or not verified_sums(site):
            downloads.write_downloads(app, staging, before)
            put_in_place(staging, site, before)
    except SiteError as fault:
        raise ExtensionError(str(fault)) from None
    except OSError as failure:
        raise ExtensionError(f"{_cannot_write(failure)}; the former site stays as it was") from None
    seal_staging(staging, app.holf_rests_on, app.holf_made_of, warned=bool(app._warncount))
