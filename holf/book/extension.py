"""The Sphinx extension that makes `jupyter-book build .` the whole job; `setup` lists what happens, in order.

Modes (`papermill_mode` in `_config.yml`, overridden by the variable ``HOLF_PAPERMILL``): ``auto`` runs stale chapters,
``force`` all, ``check`` and ``off`` none. A chapter that is stale nevertheless, such as one that was edited while
others ran, is a warning in every mode but ``off``; its page always says so.
"""

from __future__ import annotations

import gc
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path
from types import ModuleType, TracebackType

from sphinx.application import Sphinx
from sphinx.config import Config
from sphinx.errors import ConfigError, ExtensionError, SphinxError
from sphinx.util import logging

from holf.book import banners, colophon, power_chart, search, staging, tooltips
from holf.book.chapters import list_chapters, start_stale_chapters
from holf.book.downloads import pages as downloads
from holf.book.freshness import ChapterError, in_one_line, why_stale
from holf.book.redirects import redirects
from holf.book.theme.checks import SiteError
from holf.pages.disclosure import own_release
from holf.pages.write import write_pages
from holf.paths import check_book, project_root
from holf.simulation.worlds import refresh_studies

MODES = ("auto", "force", "off", "check")
# New objects until the next look for garbage; 700 is what Python itself takes.
_GARBAGE = 100_000
log = logging.getLogger(__name__)
_CARDS = ModuleType("sphinxext.opengraph._social_cards")
_CARDS.DEFAULT_SOCIAL_CONFIG, _CARDS.create_social_card = {}, None


def setup(app: Sphinx) -> dict:
    """Start the stale chapters, and register what happens during and after Sphinx's own work."""
    # What Sphinx and its extensions loaded stays to the end; to look through it again and again for something to
    # collect took a tenth of a build.
    gc.freeze()
    gc.set_threshold(_GARBAGE)
    app.add_config_value("papermill_mode", "auto", "env")
    # Sphinx reads every page anew when a value of this kind changes.
    app.add_config_value("holf_foundation", "", "env")
    # Social cards are off (`_config.yml`), and what would draw them loads Matplotlib: an eighth of a build.
    sys.modules.setdefault(_CARDS.__name__, _CARDS)
    sys.excepthook = _end_quietly
    if jupyter_book := sys.modules.get("jupyter_book.cli.main"):
        jupyter_book._message_box = _end_briefly
    begin(app)
    # Before the table of contents and the sources are read.
    app.connect("config-inited", prepare, priority=100)
    app.connect("builder-inited", refuse_other_builders)
    app.connect("builder-inited", search.spare_index)
    # While pages are read.
    app.connect("env-get-outdated", staging.reread_replaced)
    app.connect("source-read", colophon.fill_in)
    app.connect("doctree-read", downloads.add_links)
    app.connect("env-updated", staging.date_from_start)
    # While pages are written.
    app.connect("env-updated", banners.choose_banners)
    app.connect("doctree-resolved", downloads.add_list)
    app.connect("doctree-resolved", banners.add_banners)
    app.connect("html-collect-pages", redirects)
    app.connect("html-page-context", tooltips.explain_page)
    app.connect("html-page-context", power_chart.load_chart)
    app.connect("html-page-context", search.give_rows)
    # After every other extension has finished its files.
    app.connect("build-finished", publish, priority=900)
    return {"version": "1", "parallel_read_safe": False, "parallel_write_safe": True}


def begin(app: Sphinx) -> None:
    """Keep other builds out, refresh simulated tables and written pages, and start the chapters that are stale."""
    mode = os.environ.get("HOLF_PAPERMILL", app.config.papermill_mode)
    if mode not in MODES:
        raise ConfigError(f"papermill_mode must be one of {', '.join(MODES)}")
    if Path(app.srcdir).resolve() == project_root() / "chapters":
        raise ExtensionError(
            "papermill: a page is not built alone; `jupyter-book build .` runs and writes what changed"
        )
    app.holf_mode, app.holf_renewed = mode, None
    with _in_one_line():
        check_book(Path(app.srcdir))
        lock = staging.acquire_lock(project_root(), _say)
        app.connect("build-finished", lambda _app, _error: os.close(lock), priority=999)
        refuse_unlisted()
        if mode in ("auto", "force"):
            refresh()
            app.holf_renewed = start_stale_chapters(
                Path(app.outdir).with_name("papermill"), force=mode == "force", jobs=os.cpu_count() or 1, say=_say
            )


def refuse_unlisted() -> None:
    """Stop a build with a chapter that no reader would see, since `_toc.yml` does not name it."""
    listed = re.findall(r"(?:file|glob): *(\S+)", (project_root() / "_toc.yml").read_text(encoding="utf-8"))
    for chapter in list_chapters():
        if not any(fnmatch(f"chapters/{chapter.page.stem}", pattern) for pattern in listed):
            raise ChapterError(
                f"chapters/{chapter.page.name} is not in _toc.yml: add `- file: chapters/{chapter.page.stem}`, "
                "or delete the notebook"
            )


def refresh() -> None:
    """Write simulated tables and pages anew whose data have changed."""
    # A book on real data holds no simulated study, so that none can slip into it.
    for world in [] if own_release() else refresh_studies():
        _say(f"simulated the {world} world")
    for page in write_pages():
        _say(f"wrote {page}")


def prepare(app: Sphinx, config: Config) -> None:
    """Wait until everything that Sphinx will read is up to date, then let it work beside the site."""
    with _in_one_line():
        if app.holf_renewed:
            app.holf_renewed()
        app.holf_start = time.time_ns() // 1000
        config.holf_foundation = staging.foundation()
        app.holf_stale = {one.page.resolve(): in_one_line(why) for one in list_chapters() if (why := why_stale(one))}
        for page in sorted(app.holf_stale) if app.holf_mode != "off" else ():
            log.warning("chapter %s is stale: %s", page.stem, app.holf_stale[page], type="papermill", subtype="stale")
        app.holf_site = Path(app.outdir)
        staging.open_staging(app)


def refuse_other_builders(app: Sphinx) -> None:
    """Stop any build but that of the site: only its pages are checked for marks before anybody sees them."""
    if app.builder.name != "html":
        raise ExtensionError(f"papermill: this book is not made as {app.builder.name}; `holf archive` makes its PDF")


def publish(app: Sphinx, error: Exception | None) -> None:
    """Check the site and put it in place, unless something failed before."""
    if error is None:
        with _in_one_line():
            staging.publish(app, _say)


@contextmanager
def _in_one_line() -> Iterator[None]:
    """Turn a fault of the book into an error of this extension, without a traceback."""
    try:
        yield
    except ChapterError as error:
        raise ExtensionError(f"papermill: {error}") from None
    except SiteError as error:
        raise ExtensionError(str(error)) from None
    except ValueError as error:
        # What is wrong with a file of data, which the message begins with; `-v` shows where it was found.
        raise ExtensionError(str(error)) from error
    except OSError as error:
        name = Path(os.fsdecode(error.filename)).name if error.filename else "a file"
        what = f"cannot {'find' if isinstance(error, FileNotFoundError) else 'write'} {name}: {error.strerror or error}"
        raise ExtensionError(f"papermill: {what}; the former site stays as it was") from None


def _end_quietly(kind: type, error: BaseException, trace: TracebackType | None) -> None:
    """End a failed build with what Sphinx said of it, where Jupyter Book adds a traceback of its own."""
    told = error.__cause__ is None or isinstance(error.__cause__, SphinxError)
    if not (told and "error in building your " in str(error)):
        sys.__excepthook__(kind, error, trace)


def _end_briefly(message: str, color: str = "green", doprint: bool = True, print_func: Callable = print) -> str:
    """Say in a line where the book is, in the place of Jupyter Book's thirteen; leave what it says of a failure."""
    if doprint:
        print_func("papermill: the book is in _build/html/index.html" if color == "green" else message)
    return message


def _say(line: str) -> None:
    """Print a line, also where Sphinx is told to be quiet."""
    print(f"papermill: {line}", flush=True)
