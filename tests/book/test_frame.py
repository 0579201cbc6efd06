"""What the theme promises of pages: nothing from elsewhere, small, described, whole; checks see what is planted."""

import io
import re
import shutil
from copy import copy
from types import SimpleNamespace

import pytest
import yaml
from browser import pages_to_read
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document
from PIL import Image, ImageChops, PngImagePlugin
from sphinxext.opengraph import get_description

from holf.book.marks import BANNER, REAL_BANNER, pages_of
from holf.book.theme.checks import SiteError, page_faults, refuse_faults
from holf.book.theme.html import name_columns
from holf.book.theme.theme import POLICY, describe
from holf.confidential.scan.chart_runtime import RUNTIME
from holf.display.figure import with_palette
from holf.display.table import Table
from holf.display.widths import COLUMN, PHONE
from holf.paths import project_root
from holf.record.source import MARK, REAL_MARK

HEAVIEST = 400_000


@pytest.fixture(scope="module")
def soups(site):
    return {
        page.relative_to(site).as_posix(): BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        for page in pages_to_read(site)
    }


def weight(page) -> int:
    """Bytes of a page with all that it loads, as they lie in the site: uncompressed, pictures included."""
    html = page.read_text(encoding="utf-8")
    loaded = re.findall(
        r"<(?:img|script)\b[^>]*?\ssrc=\"([^\"]+)\"|<link rel=\"(?:stylesheet|icon)\"[^>]* href=\"([^\"]+)\"", html
    )
    files = {(page.parent / (one or other).partition("?")[0]).resolve() for one, other in loaded}
    return page.stat().st_size + sum(file.stat().st_size for file in files)


def heavy(site) -> dict[str, int]:
    """Pages of the site that weigh too much; the one for searching carries the index of all."""
    weights = {page.relative_to(site).as_posix(): weight(page) for page in pages_to_read(site) if page.stem != "search"}
    assert min(weights.values()) > 90_000, "the style sheets alone weigh that"
    return {name: grams for name, grams in weights.items() if grams > HEAVIEST}


def test_no_page_is_heavy(site, tmp_path):
    assert heavy(site) == {}
    assert len([page for page in pages_of(site) if RUNTIME in page.read_text(encoding="utf-8")]) == 1
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    interactive = copy / "chapters" / "detectable.html"
    text = interactive.read_text(encoding="utf-8")
    waiting = f'id="holf-mind-chart" data-src="../_static/{RUNTIME}"'
    assert waiting in text, "fetched when the chart is seen, not with the page"
    interactive.write_text(text.replace(waiting, waiting.replace("data-src", "src")), encoding="utf-8")
    assert list(heavy(copy)) == ["chapters/detectable.html"]
    design = (copy / "chapters" / "design.html").read_text(encoding="utf-8")
    picture = copy / re.search(r'<img [^>]*src="\.\./(_images/[^"]+)"', design)[1]
    picture.write_bytes(picture.read_bytes() + bytes(HEAVIEST))
    assert len(heavy(copy)) > 1


def head_of(soup) -> dict[str, str]:
    return {tag.get("name") or tag.get("property"): tag["content"] for tag in soup.head.find_all("meta", content=True)}


def test_every_page_says_what_it_is(soups, site):
    descriptions = {}
    for name, soup in soups.items():
        assert soup.title.get_text().strip() and soup.html["lang"] == ("nb" if name.endswith("_nb.html") else "en")
        assert soup.select_one('link[rel="icon"]')["href"].endswith("_static/favicon.svg")
        assert soup.select_one('meta[http-equiv="Content-Security-Policy"]')["content"] == POLICY
        if name == "search.html":
            continue
        head = head_of(soup)
        assert 25 < len(head["description"]) <= 260, name
        assert head["og:title"] and head["og:description"]
        assert not head["og:description"].endswith("..."), "cut in the middle of a word"
        simulated = bool(soup.select(".holf-banner-simulated")) and not soup.select(".holf-band")
        assert head["og:url"] == name.rpartition("/")[2], "no address is configured, so it is the page's own"
        for said in (soup.title.get_text(), head["description"], head["og:title"], head["og:description"]):
            assert said.startswith(MARK) == simulated, name
        assert [len(soup.head.find_all("meta", property=name)) for name in ("og:title", "og:description")] == [1, 1]
        descriptions.setdefault(head["description"], []).append(name)
    assert {words: names for words, names in descriptions.items() if len(names) > 1} == {}


@pytest.mark.slow
def test_a_site_with_an_address_and_a_contact_says_so_on_every_page(book):
    config, citation = book.root / "_config.yml", book.root / "CITATION.cff"
    config.write_text(config.read_text().replace("\nhtml:\n", "\nhtml:\n  baseurl: https://example.org/book\n"))
    with citation.open("a") as stream:
        stream.write("repository-code: https://example.org/code\n")
        stream.write("contact: [{name: The desk, email: desk@example.org}]\n")
    done = book.build()
    assert done.returncode == 0, done.stdout + done.stderr
    study = head_of(BeautifulSoup((book.site / "chapters" / "study.html").read_text(encoding="utf-8"), "html.parser"))
    assert study["og:url"] == "https://example.org/book/chapters/study.html"
    for page in pages_of(book.site):
        foot = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").select_one(".bottom-of-page")
        links = {link.get_text(): link["href"] for link in foot.find_all("a")}
        assert links == {"Source code": "https://example.org/code", "Contact: The desk": "mailto:desk@example.org"}


def first_words(banner: str, bands: int = 0) -> str:
    """What the description says first of a page with a banner."""
    page = new_document("x")
    page += nodes.paragraph("", "Which offices there were.")
    app = SimpleNamespace(
        env=SimpleNamespace(holf_banners={"x": banner}, metadata={"x": {"holf_bands": bands}}),
        config=SimpleNamespace(html_baseurl="https://example.org/", ogp_description_length=160),
    )
    describe(app, "x", "page.html", {"meta": None, "docstitle": "Book"}, page)
    return get_description(page, 160)


def test_descriptions_begin_with_the_class_of_what_the_page_shows():
    assert first_words("") == "Which offices there were."
    assert first_words(f'<aside class="{BANNER}">').startswith(f"{MARK} demonstration, not a finding")
    assert first_words(f'<aside class="{BANNER}">', bands=1) == "Which offices there were."
    assert first_words(f'<aside class="{REAL_BANNER}">').startswith(f"{REAL_MARK}, under disclosure control. Which")


def test_titles_repeat_nothing_and_the_code_of_a_page_is_one_part_at_its_end(soups):
    assert soups["index.html"].title.get_text() == soups["index.html"].h1.find(string=True).strip()
    for name, soup in soups.items():
        controls = [control.get_text() for control in soup.select(".holf-code > summary")]
        assert controls == ["Code of this page"] * bool(soup.select(".cell_input")), name
        # Code that a page is about stays in its place.
        for code in soup.select(".cell:not(.tag_show-code) .cell_input, .holf-code .cell_input"):
            assert code.find_parent(class_="holf-code") and not code.find_next(class_="cell_output"), name
    assert sum(len(soup.select(".holf-code")) for soup in soups.values()) > 10
    assert soups["chapters/your_trial.html"].select(".tag_show-code .cell_input")
    tables = soups["chapters/design_nb.html"].select(".holf-stacked table")
    assert len(tables) > 1
    for table in tables:
        heads = [head.get_text() for head in table.select("thead th")]
        assert len(table.select("tbody th")) == len(table.select("tbody tr")) > 1
        for row in table.select("tbody tr"):
            assert [cell.select_one(".holf-label").get_text() for cell in row.select("td")] == heads[1:]


def test_every_box_that_scrolls_is_reached_by_the_keyboard_and_has_a_name(soups):
    boxes = [(name, box) for name, soup in soups.items() for box in soup.select(".table-wrapper, .holf-scroll")]
    assert len(boxes) > 50
    for name, box in boxes:
        assert (box["tabindex"], box["role"]) == ("0", "group") and len(box["aria-label"]) > 3, name


def unmarked_words(soup) -> list[str]:
    """Words of the menu and the ways on, on a page in bokmål, that ``_config.yml`` lacks and that do not say so."""
    config = yaml.safe_load((project_root() / "_config.yml").read_text())["sphinx"]["config"]
    words = config["holf_menus"]["nb"].values()
    shown = soup.select(".sidebar-tree a, .sidebar-tree .caption, .related-pages a > span:last-child")
    return [part.get_text() for part in shown if part.get_text() not in words and part.get("lang") != "en"]


def test_words_in_another_language_say_so(soups):
    nb = soups["chapters/summary_nb.html"]
    assert unmarked_words(nb) == [] and nb.select_one(".bottom-of-page").get_text().startswith("Forfatterne av")
    assert {link["hreflang"] for link in nb.select(".sidebar-tree a[hreflang]")} == {"en"}
    # The menu of an English page, on one in bokmål.
    planted = BeautifulSoup(str(nb), "html.parser")
    planted.select_one(".sidebar-tree").replace_with(copy(soups["index.html"].select_one(".sidebar-tree")))
    assert {"The trial", "Sample flow"} <= set(unmarked_words(planted))
    assert nb.select_one(".skip-to-content").get_text() == "Hopp til innholdet"
    assert (
        nb.select_one("#chapters")["aria-label"] == "Kapitler"
        and nb.select_one(".sidebar-search")["placeholder"] == "Søk"
    )
    assert soups["index.html"].select_one("#chapters")["aria-label"] == "Chapters"
    assert soups["index.html"].select_one('#chapters a[href$="summary_nb.html"]')["lang"] == "nb"


def test_the_list_of_chapters_holds_every_page_once_and_says_which_one_this_is(soups):
    for name, soup in soups.items():
        (here,) = soup.select("#chapters [aria-current]") or [None]
        assert (here is None) == (name == "search.html") and (here is None or here["aria-current"] == "page"), name
    pages = [link["href"] for link in soups["index.html"].select(".sidebar-tree a")]
    assert len(pages) == len({*pages}) == len(soups) - 1
    assert len(soups["chapters/ledger.html"].select(".toc-tree a")) < 20, "not one for each of 160 rows"


def test_every_figure_leads_to_the_table_of_its_numbers(soups):
    figures = [(name, image, soup) for name, soup in soups.items() for image in soup.select(".cell_output img")]
    assert len(figures) >= 20
    for name, image, soup in figures:
        (table,) = soup.find_all(id=image["aria-details"])
        assert table is image.find_next(id=re.compile("numbers-")) and len(table.select("table")) == 1, name


def raw(html: str) -> nodes.raw:
    return nodes.raw("", html, format="html")


def test_every_figure_of_the_site_has_a_drawing_for_phones(soups, site):
    figures = [(name, image) for name, soup in soups.items() for image in soup.select("article img")]
    assert len(figures) >= 20 and "index.html" in dict(figures)
    for name, image in figures:
        (narrow,) = image.parent.select("picture > source")
        assert narrow["media"] == "screen and (max-width: 751px)"
        for address, width in ((image["src"], COLUMN), (narrow["srcset"], PHONE)):
            with Image.open((site / name).parent / address) as file:
                assert file.info["Letters"].endswith(f" of {width} px"), name
        assert int(image["width"]) == COLUMN and int(narrow["width"]) <= round(1.25 * PHONE)


def test_a_table_of_very_many_columns_is_its_caption_and_its_size():
    page = new_document("x")
    columns = tuple(f"c{number}" for number in range(21))
    page += raw(Table("t", columns, (("a",) * 21,) * 3, source="simulated: x", folded=True)._repr_html_())
    name_columns(page)
    soup = BeautifulSoup(page.astext(), "html.parser")
    assert soup.table.caption.get_text().startswith(MARK) and not soup.find("details")
    assert soup.tbody.get_text() == "3 rows in 21 columns: take the file."


FAULTS = {
    '<script src="https://cdn.example.org/x.js"></script>': "asks another host: https://cdn.example.org/x.js",
    '<script async src="//cdn.example.org/x.js"></script>': "asks another host",
    '<link href="https://fonts.example.org/x.css" rel="stylesheet">': "asks another host",
    '<img alt="" src="http://example.org/x.png">': "asks another host",
    '<iframe src="https://example.org"></iframe>': "asks another host",
    '<form action="https://example.org/send"></form>': "asks another host",
    "<script>let x = 1</script>": "a script that stands in the page",
    "<style>p {}</style>": "a style that stands in the page",
    '<p style="color: red">x</p>': "a style that stands in the page",
    '<button onclick="x()">x</button>': "a script in an attribute",
}
FINE = (
    '<a href="https://example.org">elsewhere, if the reader asks</a><img src="../_images/x.png">'
    '<link rel="canonical" href="https://example.org/index.html"><script src="../_static/vega.js"></script>'
    '<script type="application/json">{"a": 1}</script>'
)


@pytest.mark.parametrize("planted", FAULTS)
def test_what_would_ask_elsewhere_is_found(planted):
    assert any(FAULTS[planted] in fault for fault in page_faults(planted)) and page_faults(FINE) == []


def test_a_site_that_asks_elsewhere_is_refused(tmp_path):
    (tmp_path / "index.html").write_text("<p>fine</p>")
    refuse_faults(tmp_path)
    (tmp_path / "page.html").write_text('<img src="https://example.org/x.png">')
    with pytest.raises(SiteError, match="page.html: asks another host: https://example.org/x.png"):
        refuse_faults(tmp_path)


@pytest.mark.slow
def test_a_change_of_the_layout_reaches_every_page(book):
    layout = book.root / "holf" / "book" / "theme" / "templates" / "page.html"
    layout.write_text(layout.read_text().replace("{{ author|e }} ·", "{{ author|e }}, "))
    assert book.build().returncode == 0
    assert all("authors,  ©" in page.read_text() for page in pages_of(book.site))


def test_pictures_with_a_palette_look_the_same_and_keep_what_they_say():
    first = Image.linear_gradient("L").resize((64, 64)).convert("RGB")
    words, stream = PngImagePlugin.PngInfo(), io.BytesIO()
    words.add_text("Comment", "RECORD")
    first.save(stream, format="png", pnginfo=words, compress_level=0)
    packed = with_palette(stream.getvalue())
    with Image.open(io.BytesIO(packed)) as picture:
        far = max(high for _, high in ImageChops.difference(first, picture.convert("RGB")).getextrema())
        assert far < 48 and picture.info["Comment"] == "RECORD" and len(packed) < len(stream.getvalue()) / 2
