"""Pictures of pages at three widths, light and dark, for people to look at. Run: python -m benchmarks.screenshots OUT"""

from __future__ import annotations

import sys
from itertools import product
from pathlib import Path

from tests.browser import chromium, need_site, pages_to_read

WIDTHS = {390: 844, 768: 1024, 1440: 900}

# Pictures further down would otherwise wait until somebody scrolls to them, and the page grows when they come.
_LOAD_ALL = """Promise.all([...document.images].map(image => {
    image.loading = "eager";
    return image.complete ? null : new Promise(done => image.onload = image.onerror = done);
}))"""


def main(out: Path, only: list[str]) -> None:
    """Draw every page of the built site, or those named, into a folder."""
    site = need_site()
    out.mkdir(parents=True, exist_ok=True)
    pages = [page for page in pages_to_read(site) if not only or page.stem in only]
    with chromium() as browser:
        for theme, (width, height) in product(("light", "dark"), WIDTHS.items()):
            page = browser.new_page(color_scheme=theme, viewport={"width": width, "height": height})
            for file in pages:
                page.goto(file.as_uri())
                page.evaluate(_LOAD_ALL)
                page.screenshot(path=out / f"{file.stem}-{theme}-{width}.png", full_page=True)
            print(theme, width, flush=True)


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), sys.argv[2:])
