"""What the built site promises: published first, simulations in bands, few words, and old addresses that lead on."""

import json
import re
import shutil
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from holf.book.marks import BAND, BANNER
from holf.book.redirects import load_redirects
from holf.paths import project_root
from holf.record.links import read_anchors
from holf.record.source import MARK

# Pages to look things up in; all others are for reading.
REFERENCE = {"ledger", "assumptions", "glossary", "standards", "disclosure"}
ALL_WORDS, PAGE_WORDS = 20_000, 1_500
PUBLISHED_FIRST = {"sample_flow", "effects", "extract"}
NOT_COUNTED = "table, pre, script, noscript, dl, [hidden], .headerlink, .holf-code, .holf-downloads, .holf-download-list, .holf-twin"


@pytest.fixture(scope="module")
def site() -> Path:
    built = project_root() / "_build" / "html"
    assert (built / "index.html").exists(), "build the book first: make book"
    return built


def soup_of(page: Path) -> BeautifulSoup:
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


def pages(site: Path) -> dict[str, BeautifulSoup]:
    """Pages that people read, by name: not the search, and not those at old addresses."""
    found = {page.stem: soup_of(page) for page in (site / "index.html", *(site / "chapters").glob("*.html"))}
    return {name: soup for name, soup in found.items() if not soup.select_one('meta[http-equiv="refresh"]')}


def words(soup: BeautifulSoup) -> int:
    """Words outside tables and code."""
    main = BeautifulSoup(str(soup.find(role="main")), "html.parser")
    for part in main.select(NOT_COUNTED):
        part.decompose()
    return len(main.get_text(" ").split())


def too_long(counts: dict[str, int]) -> list[str]:
    """What is beyond the budget: pages, and all of them together."""
    read = {name: count for name, count in counts.items() if name not in REFERENCE}
    faults = [name for name, count in read.items() if count > PAGE_WORDS]
    return faults + ["all pages"] * (sum(read.values()) > ALL_WORDS)


def test_the_book_is_short(site):
    counts = {name: words(soup) for name, soup in pages(site).items()}
    assert len(counts) > 25 and REFERENCE <= {*counts} and min(counts.values()) > 100
    assert too_long(counts) == []
    assert too_long(counts | {"effects": PAGE_WORDS + 1}) == ["effects"]
    assert too_long(dict.fromkeys(map(str, range(15)), PAGE_WORDS)) == ["all pages"]


def test_every_simulated_output_is_in_a_band_or_below_the_banner_of_its_page(site):
    for name, soup in pages(site).items():
        shown = soup.select(f'[data-holf="simulated"], .cell_output img[alt^="{MARK}"]')
        assert not soup.select('.holf-tint [data-holf="elsewhere"]'), f"{name}: data of another trial are not simulated"
        assert bool(shown) == bool(soup.select(f".{BANNER}")), name
        for one in shown:
            band = one.find_parent(class_=BAND)
            if band is None:
                assert one.find_parent(class_="holf-tint"), name
                assert soup.h1.find_next("aside")["class"] == ["holf-banner", BANNER] and MARK in soup.title.string, (
                    name
                )
            else:
                assert band.name == "section" and band.find("h2").find_next_sibling()["class"] == [
                    "holf-banner",
                    BANNER,
                ]


def test_published_parts_come_first_and_their_page_is_not_called_simulated(site):
    found = pages(site)
    banded = {name for name, soup in found.items() if soup.select(f".{BAND}")}
    assert banded == PUBLISHED_FIRST | {name for name in found if name.startswith("outcome-")}
    for name in banded:
        soup = found[name]
        assert MARK not in soup.title.string and len(soup.select(f".{BAND}")) == 1, name
        assert not soup.select_one("section section").find_parent(class_=BAND)
        assert BAND not in soup.select("section section")[0].get("class", []), "the first part is published"


def bare_headings(site: Path) -> list[str]:
    """Headings below the first of a band that do not say that the part is simulated."""
    pages = [soup_of(page) for page in sorted((site / "chapters").glob("*.html"))]
    headings = [one.get_text() for page in pages for one in page.select(f".{BAND} :is(h3, h4)")]
    assert len(headings) > 5
    return [one for one in headings if not one.startswith("Simulated: ")]


def test_a_heading_inside_a_band_says_simulated(site, tmp_path):
    assert bare_headings(site) == []
    shutil.copytree(site / "chapters", tmp_path / "chapters")
    page = tmp_path / "chapters" / "effects.html"
    page.write_text(page.read_text(encoding="utf-8").replace("<h3>Simulated: ", "<h3>"), encoding="utf-8")
    assert len(bare_headings(tmp_path)) > 0


def untitled(site: Path) -> list[str]:
    """Figures of a cell that no bold sentence above them says what they show; of a simulated one, with its mark."""
    found = []
    for page in sorted((site / "chapters").glob("*.html")):
        for image in soup_of(page).select(".cell_output img"):
            above = image.find_previous(
                lambda tag: tag.name in ("p", "h2", "h3") and not tag.find_parent(["table", "details", "aside"])
            )
            title = " ".join(one.get_text() for one in above.find_all("strong", recursive=False))
            invented = title.startswith(f"{MARK} ✖ Invented data: ")
            whole = title and title == above.get_text() and title.endswith(".")
            if not whole or invented != image["alt"].startswith(MARK):
                found.append(f"{page.stem}: {image['alt'][:40]}")
    return found


def test_a_sentence_above_each_figure_says_what_it_shows(site, tmp_path):
    assert untitled(site) == []
    shutil.copytree(site / "chapters", tmp_path / "chapters")
    page = tmp_path / "chapters" / "effects.html"
    text = page.read_text(encoding="utf-8")
    for fault in ("Invented data: ", "<strong>No source this book could read reports"):
        page.write_text(text.replace(fault, ""), encoding="utf-8")
        found = untitled(tmp_path)
        assert found and all(one.startswith("effects: ") for one in found)


def index_of(site: Path) -> dict:
    text = (site / "searchindex.js").read_text(encoding="utf-8")
    return json.loads(text.removeprefix("Search.setIndex(").removesuffix(")"))


def numbers_found_only_in_simulations(site: Path, index: dict) -> dict[str, set[str]]:
    """By page, the indexed numbers that its published text does not have."""
    found = {}
    for place, name in enumerate(index["docnames"]):
        soup = soup_of(site / f"{name}.html")
        for hidden in soup.select(".cell_output, .holf-downloads, .holf-download-list"):
            if "SIMULATED" in str(hidden):
                hidden.decompose()
        published = {*re.findall(r"\w+", soup.get_text(" ")), *re.findall(r"\w+", soup.get_text())}
        terms = {
            word for word, where in index["terms"].items() if place in (where if isinstance(where, list) else [where])
        }
        if simulated := {word for word in terms if re.fullmatch(r"\d{3,}", word)} - published:
            found[name] = simulated
    return found


def test_the_search_finds_no_simulated_number(site):
    index = index_of(site)
    assert index["docnames"].index("chapters/effects") in index["terms"]["evalu"], "what is published is found"
    assert numbers_found_only_in_simulations(site, index) == {}
    # A number of a simulated table that reaches the index is seen.
    index["terms"]["87654"] = index["docnames"].index("chapters/effects")
    assert numbers_found_only_in_simulations(site, index) == {"chapters/effects": {"87654"}}


def redirect_faults(site: Path, old: str) -> list[str]:
    """What is wrong with the page at an old address."""
    page = site / f"{old}.html"
    if not page.is_file():
        return ["no page"]
    soup = soup_of(page)
    refresh = soup.select_one('meta[http-equiv="refresh"]')
    addresses = {
        refresh["content"].partition("url=")[2] if refresh else "",
        (soup.select_one('link[rel="canonical"]') or {}).get("href", ""),
        (soup.a or {}).get("href", ""),
    }
    if len(addresses) != 1:
        return ["its three ways differ"]
    name, _, anchor = addresses.pop().partition("#")
    target = (page.parent / name).resolve()
    if not target.is_file() or soup_of(target).select_one('meta[http-equiv="refresh"]'):
        return ["leads to no page"]
    return ["leads to no part"] * bool(anchor and not soup_of(target).find(id=anchor))


@pytest.mark.parametrize("old", load_redirects())
def test_every_old_address_leads_to_the_new_one_without_a_script(site, old):
    assert redirect_faults(site, old) == []
    assert "<script" not in (site / f"{old}.html").read_text(encoding="utf-8")


def test_every_new_address_is_a_place_of_the_book():
    """Without the site, so that a wrong one is seen before the slow tests."""
    places = read_anchors(project_root() / "chapters", {})
    for old, new in load_redirects().items():
        page, hash_, anchor = new.removeprefix("chapters/").partition("#")
        assert places & {f"{page}{ending}{hash_}{anchor}" for ending in (".md", ".ipynb")}, (old, new)


def test_the_addresses_of_the_first_edition_are_kept():
    first = "agreement audit availability change_log colophon data_dictionary downloads drop_in effect_sizes errata"
    first += " recovery reporting rob2 summary_statistics sweeps tidier what_would_change_my_mind"
    assert {f"chapters/{name}" for name in first.split()} <= {*load_redirects()}


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda text: text.replace("methods.html", "luck.html"), "leads to no page"),
        (lambda text: text.replace("#do-the-numbers", "#luck"), "leads to no part"),
        (lambda text: text.replace('<a href="methods', '<a href="other'), "its three ways differ"),
    ],
)
def test_an_old_address_that_leads_nowhere_is_found(site, tmp_path, change, fault):
    shutil.copytree(site, tmp_path / "site")
    page = tmp_path / "site" / "chapters" / "agreement.html"
    page.write_text(change(page.read_text(encoding="utf-8")), encoding="utf-8")
    assert redirect_faults(tmp_path / "site", "chapters/agreement") == [fault]
    page.unlink()
    assert redirect_faults(tmp_path / "site", "chapters/agreement") == ["no page"]
