"""Every reader finds what they came for, on the built site, in at most three clicks: the paths are walked as written.

In a browser, the place of every link and answer is measured: nobody turns more than three screens after a click.
"""

from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from browser import chromium, served
from bs4 import BeautifulSoup

PATHS = yaml.safe_load(Path(__file__).with_name("reader_paths.yml").read_text(encoding="utf-8"))
CLICKS, SCREENS = 3, 3
WINDOWS = [(390, 844), (1440, 900)]
# How far below (or above) the top of the window words lie, in pixels; null for words that nobody can see.
DEPTH = """([words, ending]) => {
  const said = [], starts = [];
  const walker = document.createTreeWalker(document.querySelector("[role=main]"), NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const node = walker.currentNode;
    if (node.parentElement.closest("script, style, [hidden]")) continue;
    const link = node.parentElement.closest("a[href]");
    if (ending !== null && !link?.getAttribute("href").endsWith(ending)) continue;
    for (const word of node.textContent.matchAll(/[^\\s¶#]+/g)) said.push([word[0], node, word.index]);
  }
  let length = 0;
  for (const [word] of said) { starts.push(length); length += word.length + 1; }
  const text = said.map((one) => one[0]).join(" ");
  const depths = [];
  for (let at = text.indexOf(words); at >= 0; at = text.indexOf(words, at + 1)) {
    const first = said[starts.findLastIndex((start) => start <= at)];
    const last = said[starts.findLastIndex((start) => start < at + words.length)];
    if (!first[1].parentElement.checkVisibility({contentVisibilityAuto: true})) continue;
    const range = document.createRange();
    range.setStart(first[1], first[2]);
    range.setEnd(last[1], last[2] + last[0].length);
    const box = range.getBoundingClientRect();
    depths.push(Math.max(box.bottom, -box.top));
  }
  return depths.length ? Math.min(...depths) : null;
}"""


def plain(text: str) -> str:
    return " ".join(text.replace("¶", "").replace("#", "").split())


def shown(soup: BeautifulSoup) -> BeautifulSoup:
    """The content that a reader sees, without code, scripts and hidden words."""
    main = soup.find(role="main")
    for hidden in main.select("[hidden], script, style"):
        hidden.decompose()
    return main


def part(soup: BeautifulSoup, anchor: str):
    """The section that an anchor leads to, or all of the page."""
    if not anchor:
        return soup
    found = soup.find(id=anchor)
    assert found, f"the anchor {anchor} is not on the page"
    return found if found.name == "section" else found.find_parent("section") or found


def walk(site: Path, start: str, clicks: list) -> tuple[list[tuple[str, str, str]], str]:
    """Each click as the page it is made on, its words and its address, and the text that is seen after the last."""
    page, anchor, steps = site / start, "", []
    for click in clicks:
        click, ending = next(iter(click.items())) if isinstance(click, dict) else (click, "")
        main = shown(BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser"))
        links = [link["href"] for link in main.find_all("a", href=True) if plain(link.get_text()) == click]
        links = [link for link in links if link.endswith(ending)]
        assert links, f"{page.relative_to(site)} has no link '{click}'"
        steps.append((f"{page.relative_to(site).as_posix()}#{anchor}", click, links[0]))
        address, _, anchor = unquote(links[0]).partition("#")
        page = (page.parent / address).resolve() if address else page
        assert page.is_file(), f"the link '{click}' leads nowhere"
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".html":
        return steps, plain(text)
    steps.append((f"{page.relative_to(site).as_posix()}#{anchor}", "", ""))
    return steps, plain(part(shown(BeautifulSoup(text, "html.parser")), anchor).get_text(" "))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path["question"])
def test_a_reader_finds_the_answer(site, path):
    assert len(path["clicks"]) <= CLICKS and path["sees"]
    _, text = walk(site, path["start"], path["clicks"])
    for words in path["sees"]:
        assert words in text, words


def test_a_path_that_is_no_more_is_noticed(site):
    with pytest.raises(AssertionError, match="has no link 'Conclusions'"):
        walk(site, "index.html", ["Conclusions"])
    assert "Enrolment (actual)" not in walk(site, "index.html", ["in English"])[1]


@pytest.fixture(scope="module")
def browser(site):
    with chromium() as browser, served(site) as home:
        yield browser, home


def far(page, home: str, site: Path, path: dict) -> list[str]:
    """Links and answers of a path that lie more than three screens from where the reader arrives, or out of sight."""
    steps, _ = walk(site, path["start"], path["clicks"])
    height, faults = page.viewport_size["height"], []
    for address, click, link in steps:
        page.goto("about:blank")
        page.goto(home + address.removesuffix("#"))
        for words in [click] if click else path["sees"]:
            depth = page.evaluate(DEPTH, [words, link if click else None])
            if depth is None or depth > SCREENS * height:
                where = "out of sight" if depth is None else f"{depth / height:.1f} screens away"
                faults.append(f"{address}: '{words}' is {where}")
    return faults


@pytest.mark.parametrize("window", WINDOWS, ids=["phone", "desktop"])
def test_nobody_turns_more_than_three_screens(browser, site, window):
    width, height = window
    page = browser[0].new_page(viewport={"width": width, "height": height})
    assert {path["question"]: faults for path in PATHS if (faults := far(page, browser[1], site, path))} == {}
    page.close()


def test_an_answer_far_down_or_folded_is_noticed(browser, site):
    page = browser[0].new_page(viewport={"width": 390, "height": 844})
    down = {"start": "index.html", "clicks": [], "sees": ["Two headlines would be wrong"]}
    assert len(far(page, browser[1], site, down)) == 1
    folded = {"start": "index.html", "clicks": [], "sees": ["A manual, forms and tools"]}
    assert far(page, browser[1], site, folded)[0].endswith("is out of sight")
    page.close()
