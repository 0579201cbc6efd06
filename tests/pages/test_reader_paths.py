"""Every reader finds what they came for, on the built site, in at most three clicks: the paths are walked as written."""

from pathlib import Path
from urllib.parse import unquote

import pytest
import yaml
from bs4 import BeautifulSoup

PATHS = yaml.safe_load(Path(__file__).with_name("reader_paths.yml").read_text(encoding="utf-8"))
CLICKS = 3


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


def walk(site: Path, start: str, clicks: list) -> str:
    """Text that is seen after the clicks."""
    page, anchor = site / start, ""
    for click in clicks:
        click, ending = next(iter(click.items())) if isinstance(click, dict) else (click, "")
        main = shown(BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser"))
        links = [link["href"] for link in main.find_all("a", href=True) if plain(link.get_text()) == click]
        links = [link for link in links if link.endswith(ending)]
        assert links, f"{page.relative_to(site)} has no link '{click}'"
        address, _, anchor = unquote(links[0]).partition("#")
        page = (page.parent / address).resolve() if address else page
        assert page.is_file(), f"the link '{click}' leads nowhere"
    text = page.read_text(encoding="utf-8")
    if page.suffix != ".html":
        return plain(text)
    return plain(part(shown(BeautifulSoup(text, "html.parser")), anchor).get_text(" "))


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path["question"])
def test_a_reader_finds_the_answer(site, path):
    assert len(path["clicks"]) <= CLICKS and path["sees"]
    text = walk(site, path["start"], path["clicks"])
    for words in path["sees"]:
        assert words in text, words


def test_a_path_that_is_no_more_is_noticed(site):
    with pytest.raises(AssertionError, match="has no link 'Conclusions'"):
        walk(site, "index.html", ["Conclusions"])
    assert "Enrolment (actual)" not in walk(site, "index.html", ["in English"])
