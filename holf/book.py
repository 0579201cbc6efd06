"""The Sphinx extension that makes `jupyter-book build .` the whole job.

Before Sphinx reads anything, it refreshes the simulated tables, writes the pages that come from data, and runs stale
chapters through papermill; Sphinx itself executes nothing. Afterwards it checks the marks of the finished site and
puts it in place in one step, so that a build which fails or is killed leaves the former site as it was.

Modes (`papermill_mode` in `_config.yml`, overridden by the variable ``HOLF_PAPERMILL``): ``auto`` runs stale chapters,
``force`` all, ``off`` none (a stale page then says so), ``check`` none, and every stale chapter is a warning.
"""

from __future__ import annotations

import ctypes
import json
import os
import shutil
from html import escape
from logging import getLogger
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError, ExtensionError
from sphinx.util import logging

from holf.chapters import ChapterError, is_stale, list_chapters, run_chapters
from holf.downloads import pages as downloads
from holf.frame.finish import SiteError, finish_site
from holf.frame.head import mark_title
from holf.frame.layout import use_frame
from holf.interactive import load_chart
from holf.marks import BANNER, REAL_BANNER, site_faults
from holf.paths import STAND_IN, project_root, write_whole
from holf.plan import load_plan
from holf.provenance import explain_page, reread_if_rows_changed
from holf.staging import Unwritten, forget_lost_words, hold, open_staging, seal_staging, sources
from holf.sums import SUMS, digests, read_sums, verified_sums, write_sums
from holf.table import MARK, REAL_MARK

MODES = ("auto", "force", "off", "check")
log = logging.getLogger(__name__)

_SIMULATED = (
    f'<aside class="holf-banner {BANNER}" aria-label="About the numbers on this page"><strong>{MARK}.</strong> '
    "The study results on this page come from simulated people. They show how the analysis works, in worlds whose "
    "truth is known, and are not findings of the trial. What is published is marked as published.</aside>"
)
_REAL = (
    f'<aside class="holf-banner {REAL_BANNER}" aria-label="About the numbers on this page">'
    f"<strong>{REAL_MARK}.</strong> "
    "The study results on this page come from the data of {trial}, under disclosure control ({source}): counts are "
    "rounded, and numbers on few people or {clusters} are withheld and say by which rule.</aside>"
)
_STALE = (
    '<aside class="holf-banner holf-banner-stale" aria-label="State of this page"><strong>OUT OF DATE.</strong> '
    "The results on this page are older than its code or its data; it has not been run again.</aside>"
)


def setup(app: Sphinx) -> dict:
    """Register the extension with Sphinx."""
    app.add_config_value("papermill_mode", "auto", "env")
    app.add_config_value("papermill_jobs", os.cpu_count() or 1, "")
    app.add_config_value("holf_frame", "", "html")
    app.add_config_value("holf_ways", [], "html")
    # 100: before the table of contents and the sources are read.
    app.connect("config-inited", prepare, priority=100)
    app.setup_extension("holf.colophon")
    app.connect("env-get-outdated", reread_changed_banners)
    app.connect("env-get-outdated", reread_if_rows_changed)
    app.connect("env-updated", rewrite_if_titles_changed)
    # Emitted right before the index is written.
    app.connect("html-collect-pages", forget_lost_words)
    app.connect("doctree-read", add_banners)
    app.connect("html-page-context", mark_title)
    app.connect("html-page-context", explain_page)
    downloads.setup(app)
    app.connect("html-page-context", load_chart)
    # 900: after every other extension has finished its files.
    app.connect("build-finished", publish, priority=900)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


def prepare(app: Sphinx, config: Config) -> None:
    """Bring everything that Sphinx will read up to date, then send its pages to a place beside the site."""
    mode = os.environ.get("HOLF_PAPERMILL", config.papermill_mode)
    if mode not in MODES:
        raise ConfigError(f"papermill_mode must be one of {', '.join(MODES)}")
    try:
        lock = hold(project_root(), lambda line: log.info("papermill: %s", line))
        app.connect("build-finished", lambda _app, _error: os.close(lock), priority=999)
        if mode in ("auto", "force"):
            bring_up_to_date(Path(app.outdir).parent / "papermill", force=mode == "force", jobs=config.papermill_jobs)
        for chapter in list_chapters() if mode == "check" else ():
            if is_stale(chapter):
                log.warning("chapter %s is stale", chapter.name, type="papermill", subtype="stale")
        if Path(app.outdir).name == "html":
            _redirect(app)
            use_frame(app, config)
    except ChapterError as error:
        raise ExtensionError(f"papermill: {error}") from None
    except OSError as error:
        raise ExtensionError(f"papermill: {_cannot_write(error)}; the former site stays as it was") from None


def _cannot_write(error: OSError) -> str:
    name = Path(error.filename).name if isinstance(error.filename, str | bytes | os.PathLike) else "a file"
    return f"cannot write {name}: {error.strerror or error}"


def bring_up_to_date(work: Path, *, force: bool, jobs: int) -> None:
    """Refresh simulated tables and written pages, and run the chapters that are stale (or all of them)."""
    # Copies of runs that failed or were killed in an earlier build.
    shutil.rmtree(work, ignore_errors=True)
    _refresh(work.with_name(".refreshed"))
    chapters = [chapter for chapter in list_chapters() if force or is_stale(chapter)]
    log.info("papermill: %s chapter(s) to run", len(chapters))
    if chapters:
        run_chapters(chapters, work, jobs=jobs, say=lambda line: log.info("papermill: %s", line))


def _refresh(note: Path) -> None:
    """Write simulated tables and pages anew, unless the note says that nothing changed from which they follow."""
    if note.exists() and note.read_text(encoding="utf-8") == sources():
        return
    # Imported here: they bring pandas and scipy along, which take longer than the rest of a build without work.
    from holf.pages import write_pages
    from holf.simulation import refresh_studies

    # A book on real data holds no simulated study, so that none can slip into it.
    for world in () if real_source() else refresh_studies():
        log.info("papermill: simulated the %s world", world)
    for page in write_pages():
        log.info("papermill: wrote %s", page)
    write_whole(note, sources())


def _redirect(app: Sphinx) -> None:
    """Let Sphinx work in `_build/.html`, beside the site."""
    app.holf_site = Path(app.outdir)
    staging = app.holf_site.with_name(".html")
    app.holf_trusted = open_staging(staging, Path(app.doctreedir))
    app.outdir = type(app.outdir)(staging)
    app.holf_unwritten = Unwritten()
    getLogger(logging.NAMESPACE).addHandler(app.holf_unwritten)


def real_source() -> str:
    """What the release of a book on real data says of itself; empty for any other book."""
    path = project_root() / "data" / f"{STAND_IN}.json"
    if not path.exists():
        return ""
    # Imported where it is needed: it brings the estimators along, and most builds have no release.
    from holf.release.document import read_release

    return read_release(path).source


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
    # Listed once a build, and not once a page.
    if not hasattr(app, "holf_chapters"):
        app.holf_chapters = {chapter.page.resolve(): chapter for chapter in list_chapters()}
    stale = path.resolve() in app.holf_chapters and is_stale(app.holf_chapters[path.resolve()])
    return (_SIMULATED if simulated else "") + (_told_real(real) if real else "") + (_STALE if stale else "")


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
    """Put the banners of a page below its title."""
    banner = _banners(app, app.env.docname)
    if not hasattr(app.env, "holf_banners"):
        app.env.holf_banners = {}
    app.env.holf_banners[app.env.docname] = banner
    titles = list(doctree.findall(nodes.title))
    if banner and titles:
        titles[0].parent.insert(titles[0].parent.index(titles[0]) + 1, nodes.raw("", banner, format="html"))


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
    prune(app, staging)
    before = read_sums(staging / SUMS) if app.holf_trusted else {}
    try:
        # Nothing is made again from the very same pages.
        if not before or digests(staging) != before or not verified_sums(site):
            downloads.write_downloads(app, staging)
            _put_in_place(staging, site, before)
    except SiteError as fault:
        raise ExtensionError(str(fault)) from None
    except OSError as failure:
        raise ExtensionError(f"{_cannot_write(failure)}; the former site stays as it was") from None
    seal_staging(staging)


def _put_in_place(staging: Path, site: Path, before: dict[str, str]) -> None:
    """Check the pages that are not as they were `before`, finish them all, and put them in the site's place."""
    written = write_sums(staging)
    passed = {name for name, digest in written.items() if before.get(name) == digest}
    if faults := site_faults(staging, passed=passed):
        raise ExtensionError("unmarked simulated content:\n" + "\n".join(faults))
    fresh = site.with_name(".html.new")
    shutil.rmtree(fresh, ignore_errors=True)
    try:
        shutil.copytree(staging, fresh)
        finish_site(fresh, staging.with_name(".pictures"))
        write_sums(fresh)
        exchange(fresh, site)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def prune(app: Sphinx, staging: Path) -> None:
    """Delete what earlier builds left and this book no longer has: pages, their sources, and images.

    Sphinx never deletes; a figure that was withdrawn would stay in the site for whoever knows its address.
    """
    docs, images = app.env.found_docs, {name for _, name in app.env.images.values()}
    own = {"search", "genindex"}
    for page in staging.rglob("*.html"):
        if "_static" not in page.parts and page.relative_to(staging).with_suffix("").as_posix() not in docs | own:
            page.unlink()
    for source in [path for path in (staging / "_sources").rglob("*") if path.is_file()]:
        if source.relative_to(staging / "_sources").with_suffix("").as_posix() not in docs:
            source.unlink()
    for image in (staging / "_images").glob("*"):
        if image.name not in images:
            image.unlink()


def exchange(fresh: Path, site: Path) -> None:
    """Put `fresh` in the place of `site`; where the system can, in one step without a moment between.

    Afterwards `fresh` may hold the former site.
    """
    if not site.exists():
        os.replace(fresh, site)
        return
    rename = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None) if os.name == "posix" else None
    here, swap = -100, 2  # AT_FDCWD and RENAME_EXCHANGE of Linux
    if rename and rename(here, os.fsencode(fresh), here, os.fsencode(site), swap) == 0:
        return
    former = site.with_name(".html.former")
    shutil.rmtree(former, ignore_errors=True)
    os.replace(site, former)
    os.replace(fresh, site)
    shutil.rmtree(former, ignore_errors=True)
