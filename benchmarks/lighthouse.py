"""Lighthouse on four pages of the built site, as a phone and as a desktop: 100 in all four categories, or exit code 1.

``python -m benchmarks.lighthouse --lighthouse PATH [--runs 3]``, from the top of the repository, with the path of an
installed Lighthouse. The site is served from this machine, and text is compressed on the way, as hosts of static sites do.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

from holf.book.pdf import find_browser
from tests.browser import QUIET, need_site, served

PAGES = {
    "landing": "index.html",
    "effects": "chapters/effects.html",
    "results": "chapters/outcome-primary-employment.html",
    "interactive": "chapters/detectable.html",
}
FORMS = {"mobile": [], "desktop": ["--preset=desktop"]}
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
TIMES = {"largest-contentful-paint": "largest paint", "total-blocking-time": "blocked"}


def report(lighthouse: str, address: str, form: str) -> dict:
    """What Lighthouse says of a page, as it writes it."""
    with tempfile.TemporaryDirectory() as scratch:
        target = Path(scratch) / "report.json"
        command = [
            lighthouse, address, "--output=json", f"--output-path={target}", "--quiet", *FORMS[form],
            f"--only-categories={','.join(CATEGORIES)}", f"--chrome-flags={' '.join(['--headless=new', *QUIET])}",
        ]  # fmt: skip
        done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"CHROME_PATH": find_browser()})
        if done.returncode or not target.exists():
            raise RuntimeError(f"Lighthouse measured nothing of {address}: {done.stderr[-1000:]}")
        return json.loads(target.read_text(encoding="utf-8"))


def scores(found: dict) -> dict[str, int]:
    """Points out of 100 by category, as Lighthouse shows them; none where it could not tell counts as nought."""
    return {name: round(100 * (found["categories"][name]["score"] or 0)) for name in CATEGORIES}


def measure(lighthouse: str, home: str, page: str, form: str, runs: int) -> dict[str, float]:
    """Median points of a page, which are printed with those of each run."""
    reports = [report(lighthouse, f"{home}{PAGES[page]}", form) for _ in range(runs)]
    points = [scores(found) for found in reports]
    middle = {name: median(one[name] for one in points) for name in CATEGORIES}
    times = {words: median(found["audits"][name]["numericValue"] for found in reports) for name, words in TIMES.items()}
    said = ", ".join(f"{words} {value:.0f} ms" for words, value in times.items())
    each = "/".join(str(one["performance"]) for one in points)
    print(
        f"{page:<12}{form:<9}{'  '.join(f'{name} {value:g}' for name, value in middle.items())}"
        f"   (performance {each}; {said}; load {os.getloadavg()[0]:.1f})",
        flush=True,
    )
    return middle


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lighthouse", required=True, metavar="PATH", help="its command, .../lighthouse")
    parser.add_argument("--runs", type=int, default=3)
    arguments = parser.parse_args()
    with served(need_site(), packed=True) as home:
        below = [
            f"{page}, {form}: {name} {value:g}"
            for page in PAGES
            for form in FORMS
            for name, value in measure(arguments.lighthouse, home, page, form, arguments.runs).items()
            if value < 100
        ]
    print("\n".join(f"below 100: {line}" for line in below) or "100 in all")
    return 1 if below else 0


if __name__ == "__main__":
    sys.exit(main())
