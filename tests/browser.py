"""The built site in a real Chromium, with every other host shut off, and the site served as hosts serve it."""

import functools
import gzip
import http.server
import os
import re
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, BrowserContext, sync_playwright

from holf.book.marks import pages_of
from holf.book.pdf import find_browser
from holf.paths import project_root

# Everything that browsers do by themselves is switched off, so that what is asked is asked by a page.
QUIET = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run", "--disable-sync"]


def need_site() -> Path:
    """The built site: the variable HOLF_SITE, else what `make book` wrote; an error that says how to get it."""
    site = Path(os.environ.get("HOLF_SITE", project_root() / "_build" / "html")).resolve()
    if not (site / "index.html").exists():
        raise FileNotFoundError("there is no built site in _build/html: run `make book` first")
    return site


def pages_to_read(site: Path) -> list[Path]:
    """Pages of a site without those at old addresses, which only lead on."""
    return [page for page in pages_of(site) if 'http-equiv="refresh"' not in page.read_text(encoding="utf-8")]


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=find_browser(), args=QUIET)
        yield started
        started.close()


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format, *args):
        pass


class _Packed(_Quiet):
    """Compresses text where the browser takes it, as hosts of static sites do."""

    def do_GET(self):
        path = Path(self.translate_path(self.path))
        kind = self.guess_type(path)
        if not path.is_file() or not re.match(r"text/|application/(javascript|json)|image/svg", kind):
            super().do_GET()
            return
        content = gzip.compress(path.read_bytes())
        self.send_response(200)
        for name, value in (("Content-Type", kind), ("Content-Encoding", "gzip"), ("Content-Length", len(content))):
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        if not isinstance(sys.exception(), ConnectionError):  # a browser that moved on hangs up
            super().handle_error(request, client_address)


@contextmanager
def served(site: Path, *, packed: bool = False) -> Iterator[str]:
    """Address of a server of the site on this machine; `packed` compresses text."""
    with _Server(("127.0.0.1", 0), functools.partial(_Packed if packed else _Quiet, directory=site)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


class Watched:
    """A browser context that lets nothing out but to `home`, and remembers what pages asked and complained of."""

    def __init__(self, browser: Browser, home: str, **options):
        self.home, self.asked, self.foreign, self.failed, self.said = home, [], [], [], []
        self.context: BrowserContext = browser.new_context(**options)
        self.context.route("**/*", self._judge)
        self.context.on("requestfailed", self._note)
        self.context.on("response", lambda answer: answer.status >= 400 and self.failed.append(answer.url))
        self.context.on("console", lambda line: line.type in ("error", "warning") and self.said.append(line.text))
        self.context.on("weberror", lambda error: self.said.append(str(error.error)))

    def _judge(self, route):
        self.asked.append(route.request.url)
        if route.request.url.startswith((self.home, "data:", "blob:")):
            route.continue_()
        else:
            self.foreign.append(route.request.url)
            route.abort()

    def _note(self, request):
        # What was under way when the next page was opened is no failure of the site.
        if request.failure != "net::ERR_ABORTED":
            self.failed.append(request.url)

    def faults(self) -> list[str]:
        """What went wrong since the context was opened."""
        return [
            *(f"asked another host: {url}" for url in self.foreign),
            *(f"failed: {url}" for url in self.failed),
            *(f"console: {words}" for words in self.said),
        ]
