"""The frame of the pages: nothing from elsewhere, small, described, whole; and each check sees what is planted."""

import io
import re
import shutil
from types import SimpleNamespace

import pytest
from browser import need_site
from bs4 import BeautifulSoup
from docutils import nodes
from docutils.utils import new_document
from PIL import Image, ImageChops, ImageDraw, PngImagePlugin

from holf.chart_runtime import RUNTIME
from holf.frame.body import mend
from holf.frame.finish import SiteError, finish_site, page_faults, pages_of
from holf.frame.head import LONGEST, describe, head_tags, shorten
from holf.frame.layout import POLICY
from holf.frame.links import link_faults
from holf.frame.pictures import squeeze, squeeze_folder
from holf.frame.preview import SIZE, draw_preview, preview_words
from holf.frame.styles import drop_variables, lean, meets, names_of, rules_of, tight
from holf.marks import BANNER
from holf.paths import project_root
from holf.table import MARK

HEAVIEST = 400_000


@pytest.fixture(scope="module")
def site():
    return need_site()


@pytest.fixture(scope="module")
def soups(site):
    return {
        page.relative_to(site).as_posix(): BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
        for page in pages_of(site)
    }


def weight(page) -> int:
    """Bytes of a page with all that it loads, as they lie in the site: uncompressed, pictures included."""
    html = page.read_text(encoding="utf-8")
    loaded = re.findall(
        r"<(?:img|script)\b[^>]*?\ssrc=\"([^\"]+)\"|<link rel=\"(?:stylesheet|icon)\" href=\"([^\"]+)\"", html
    )
    files = {(page.parent / (one or other).partition("?")[0]).resolve() for one, other in loaded}
    return page.stat().st_size + sum(file.stat().st_size for file in files)


def heavy(site) -> dict[str, int]:
    """Pages of the site that weigh too much; the one for searching carries the index of all."""
    weights = {page.relative_to(site).as_posix(): weight(page) for page in pages_of(site) if page.stem != "search"}
    assert min(weights.values()) > 30_000, "the style sheet alone weighs that"
    return {name: grams for name, grams in weights.items() if grams > HEAVIEST}


def test_no_page_is_heavy(site, tmp_path):
    assert heavy(site) == {}
    assert len([page for page in pages_of(site) if RUNTIME in page.read_text(encoding="utf-8")]) == 1
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    interactive = copy / "chapters" / "what_would_change_my_mind.html"
    text = interactive.read_text(encoding="utf-8")
    waiting = f'id="holf-mind-chart" data-src="../_static/{RUNTIME}"'
    assert waiting in text, "fetched when the chart is seen, not with the page"
    interactive.write_text(text.replace(waiting, waiting.replace("data-src", "src")), encoding="utf-8")
    assert list(heavy(copy)) == ["chapters/what_would_change_my_mind.html"]
    picture = next((copy / "_images").glob("*.png"))
    picture.write_bytes(picture.read_bytes() + bytes(HEAVIEST))
    assert len(heavy(copy)) > 1


def test_the_site_holds_no_file_of_the_theme_that_no_page_asks_for(site):
    names = {path.name for path in (site / "_static").rglob("*") if path.is_file()}
    assert {"site.css", "frame.js", "favicon.svg"} <= names
    assert not names & {"fontawesome.js", "bootstrap.js", "sphinx-thebe.js", "pydata-sphinx-theme.css", "frame.css"}
    assert not [name for name in names if name.endswith((".map", ".woff2", ".ttf"))]
    for path in site.rglob("*.*"):
        if path.suffix in (".html", ".css", ".js"):
            assert not re.search(r"unpkg|jsdelivr|cdnjs|googleapis", path.read_text(encoding="utf-8")), path.name


def test_every_page_says_what_it_is(soups, site):
    descriptions = {}
    for name, soup in soups.items():
        head = {
            tag.get("name") or tag.get("property"): tag["content"] for tag in soup.head.find_all("meta", content=True)
        }
        assert soup.title.get_text().strip() and soup.html["lang"] == ("nb" if name.endswith("_nb.html") else "en")
        assert 25 < len(head["description"]) <= 260, name
        assert head["og:title"] and head["og:description"] and "What this page answers" not in head["og:description"]
        assert soup.select_one('link[rel="icon"]')["href"].endswith("_static/favicon.svg")
        assert soup.select_one('meta[http-equiv="Content-Security-Policy"]')["content"] == POLICY
        simulated = bool(soup.select(".holf-banner-simulated"))
        picture = "preview-simulated.png" if simulated else "preview.png"
        assert head["og:image"].endswith(f"_static/{picture}") and (site / "_static" / picture).exists(), name
        assert head["og:image:alt"].startswith(MARK) == simulated and "og:url" not in head, "no address is configured"
        for said in (soup.title.get_text(), head["description"], head["og:title"], head["og:description"]):
            assert said.startswith(MARK) == simulated, name
        descriptions.setdefault(head["description"], []).append(name)
    assert {words: names for words, names in descriptions.items() if len(names) > 1} == {}


def head_of(base: str) -> str:
    """What a page says of itself in a site at an address, or at none."""
    env = SimpleNamespace(holf_banners={"chapters/x": f'<aside class="{BANNER}">'})
    app = SimpleNamespace(env=env, config=SimpleNamespace(html_baseurl=base))
    context = {"title": "X", "docstitle": "Book", "pathto": lambda *_, **__: "../"}
    return head_tags(app, "chapters/x", context | ({"pageurl": f"{base}chapters/x.html"} if base else {}), None)


def test_previews_name_whole_addresses_where_the_site_has_one():
    head = head_of("https://example.org/book/")
    assert '<meta property="og:url" content="https://example.org/book/chapters/x.html">' in head
    assert '<meta property="og:image" content="https://example.org/book/_static/preview-simulated.png">' in head
    assert 'content="https://example.org/_static/' in head_of("https://example.org"), (
        "with or without a slash at its end"
    )
    assert "og:url" not in head_of("") and 'content="../_static/preview-simulated.png"' in head_of("")


def test_a_site_with_an_address_and_a_contact_says_so_on_every_page(book):
    config, citation = book.root / "_config.yml", book.root / "CITATION.cff"
    config.write_text(config.read_text().replace("\nhtml:\n", "\nhtml:\n  baseurl: https://example.org/book/\n"))
    with citation.open("a") as stream:
        stream.write("repository-code: https://example.org/code\n")
        stream.write("contact: [{name: The desk, email: desk@example.org}]\n")
    done = book.build()
    assert done.returncode == 0, done.stdout + done.stderr
    html = (book.site / "chapters" / "study.html").read_text(encoding="utf-8")
    assert 'property="og:url" content="https://example.org/book/chapters/study.html"' in html
    assert 'property="og:image" content="https://example.org/book/_static/preview-simulated.png"' in html
    for page in pages_of(book.site):
        foot = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser").footer
        links = {link.get_text(): link["href"] for link in foot.find_all("a")}
        assert links == {"Source code": "https://example.org/code", "Contact: The desk": "mailto:desk@example.org"}


def test_titles_repeat_nothing_and_controls_of_code_have_names_of_their_own(soups):
    assert soups["index.html"].title.get_text() == soups["index.html"].h1.find(string=True).strip()
    for name, soup in soups.items():
        controls = [control.get_text() for control in soup.select("summary.frame-toggle")]
        assert len({*controls}) == len(controls), name
    table = soups["index.html"].select_one(".holf-stacked table")
    heads = [head.get_text() for head in table.select("thead th")]
    assert len(table.select('tbody th[scope="row"]')) == len(table.select("tbody tr")) > 2
    for row in table.select("tbody tr"):
        assert [cell["data-label"] for cell in row.select("td")] == heads[1:]


def test_words_in_another_language_say_so(soups):
    nb = soups["chapters/summary_nb.html"]
    assert {part["lang"] for part in nb.select("header, footer, #frame-chapters, #frame-contents")} == {"en"}
    assert nb.select_one("#frame-contents ul")["lang"] == "nb"
    assert soups["index.html"].select_one('#frame-chapters a[href$="summary_nb.html"]')["lang"] == "nb"


def test_every_picture_has_its_width_and_height(soups, site):
    pictures = [(name, image) for name, soup in soups.items() for image in soup.find_all("img")]
    assert pictures
    for name, image in pictures:
        with Image.open((site / name).parent / image["src"]) as file:
            width, height = file.size
        assert abs(int(image["height"]) - int(image["width"]) * height / width) <= 1
        assert int(image["width"]) <= width, "a picture is never blown up"


def test_a_comment_parts_no_list(soups):
    """Blocks for one kind of book stand between comments, which end a list unless they are indented."""
    (items,) = soups["index.html"].find(id="where-to-go-next").find_all("ul")
    assert len(items.find_all("li", recursive=False)) >= 8


def test_every_figure_leads_to_the_table_of_its_numbers(soups):
    figures = [(name, image, soup) for name, soup in soups.items() for image in soup.select(".cell_output img")]
    assert len(figures) >= 20
    for name, image, soup in figures:
        (table,) = soup.find_all(id=image["aria-details"])
        assert table is image.find_next(class_=["holf-twin", "holf-scroll"]) and table.find("table"), name
    image, twin = '<a href="q.png"><img src="q.png"/></a>', '<details class="holf-twin"><table></table></details>'
    mended = mend(f'{twin}{image}{twin}{image}<div class="holf-scroll"></div>{twin}<img src="r.png"/>', {})
    soup = BeautifulSoup(mended, "html.parser")
    assert [image.get("aria-details") for image in soup.find_all("img")] == ["numbers-1", "numbers-2", None]
    assert [tag["id"] for tag in soup.find_all(id=True)] == ["numbers-1", "numbers-2"]
    assert soup.find(id="numbers-1") is soup.find_all("details")[1] and soup.find(id="numbers-2").name == "div"


def test_every_link_leads_somewhere(site, tmp_path):
    assert link_faults(site) == []
    shutil.copytree(site, tmp_path / "site")
    page = tmp_path / "site" / "chapters" / "errata.html"
    text = page.read_text(encoding="utf-8")
    planted = {
        '<a href="ledger.html#f999">x</a>': "ledger.html#f999 leads nowhere",
        '<a href="nowhere.html">x</a>': "nowhere.html leads nowhere",
        '<a href="#no-such-part">x</a>': "#no-such-part leads nowhere",
        '<a href="../../../outside.html">x</a>': "outside.html leads nowhere",
    }
    for link, fault in planted.items():
        page.write_text(text.replace("</article>", f"{link}</article>"), encoding="utf-8")
        (found,) = link_faults(tmp_path / "site")
        assert found.startswith("chapters/errata.html: ") and fault in found
    with pytest.raises(FileNotFoundError, match="no page"):
        link_faults(tmp_path / "empty")


FAULTS = {
    '<script src="https://cdn.example.org/x.js"></script>': "asks another host: https://cdn.example.org/x.js",
    '<script async src="//cdn.example.org/x.js"></script>': "asks another host",
    '<link href="https://fonts.example.org/x.css" rel="stylesheet">': "asks another host",
    '<img alt="" src="http://example.org/x.png">': "asks another host",
    '<iframe src="https://example.org"></iframe>': "asks another host",
    '<form action="https://example.org/send"></form>': "asks another host",
    '<script src="https://cdn.example.org/mathjax@3/x.js"></script>': "mathematics would be drawn by a script",
    "<script>let x = 1</script>": "a script that stands in the page",
    "<style>p {}</style>": "a style that stands in the page",
    '<p style="color: red">x</p>': "a style that stands in the page",
    '<button onclick="x()">x</button>': "a script in an attribute",
}
FINE = (
    '<a href="https://example.org">elsewhere, if the reader asks</a>',
    '<link rel="canonical" href="https://example.org/index.html">',
    '<script type="application/json">{"a": 1}</script>',
    '<script src="../_static/vega.js"></script>',
    '<img src="../_images/x.png">',
)


@pytest.mark.parametrize("planted", FAULTS)
def test_what_would_ask_elsewhere_is_found(planted):
    assert any(FAULTS[planted] in fault for fault in page_faults(planted))


@pytest.mark.parametrize("html", FINE)
def test_what_stays_inside_is_fine(html):
    assert page_faults(html) == []


def test_a_site_that_asks_elsewhere_is_not_finished(tmp_path):
    site = tmp_path / "site"
    (site / "_static").mkdir(parents=True)
    (site / "index.html").write_text("<p>fine</p>")
    (site / "page.html").write_text('<img src="https://example.org/x.png">')
    with pytest.raises(SiteError, match="page.html: asks another host: https://example.org/x.png"):
        finish_site(site, tmp_path / "cache")


def test_mathematics_ends_a_build_with_clear_words_and_leaves_the_former_site(book):
    (book.root / "index.md").write_text("# Small book\n\n## Part\n\nWords, and $x^2$.\n", encoding="utf-8")
    before = book.snapshot()
    done = book.build()
    assert done.returncode != 0 and book.snapshot() == before
    assert "index.html: mathematics would be drawn by a script from elsewhere" in done.stdout + done.stderr


def test_a_second_build_writes_no_page_and_a_change_of_the_frame_writes_all(book):
    book.build()  # after a move, Sphinx writes every page anew

    def written():
        pages = pages_of(book.root / "_build" / ".html")
        return {page: page.stat().st_mtime_ns for page in pages if page.name != "search.html"}

    before, site = written(), book.snapshot()
    assert book.build().returncode == 0 and written() == before and book.snapshot() == site
    layout = book.root / "holf" / "frame" / "templates" / "layout.html"
    layout.write_text(layout.read_text().replace("Skip to main content", "Skip to the main part"))
    assert book.build().returncode == 0
    assert all(when > before[page] for page, when in written().items())
    assert "Skip to the main part" in (book.site / "index.html").read_text()


def drawing(colours: int, mode: str = "RGB") -> bytes:
    picture = Image.new(mode, (64, 64), "white")
    draw = ImageDraw.Draw(picture)
    for number in range(colours - 1):
        draw.point((number % 64, number // 64), fill=(number % 256, (7 * number) % 256, (13 * number) // 256 % 256))
    words = PngImagePlugin.PngInfo()
    words.add_text("Comment", "RECORD")
    stream = io.BytesIO()
    picture.save(stream, format="png", pnginfo=words, compress_level=0)
    return stream.getvalue()


def difference(one: bytes, other: bytes) -> int:
    first, second = (Image.open(io.BytesIO(data)).convert("RGB") for data in (one, other))
    return max(high for _, high in ImageChops.difference(first, second).getextrema())


def test_squeezed_pictures_look_the_same_and_keep_what_they_say():
    few, many = drawing(200, "RGBA"), drawing(2000)
    assert squeeze(few) == squeeze(few) and len(squeeze(few)) < len(few) / 2
    assert difference(few, squeeze(few)) == 0, "up to 256 colours nothing is lost"
    assert 0 < difference(many, squeeze(many)) < 32
    assert Image.open(io.BytesIO(squeeze(few))).info["Comment"] == "RECORD"
    assert squeeze(squeeze(few)) == squeeze(few)


def test_figures_of_the_book_hardly_change(site):
    originals = {path.name: path for path in (site.parent / ".html" / "_images").glob("*.png")}
    shown = sorted((site / "_images").glob("*.png"))
    assert len(shown) > 10
    for path in shown[::5]:
        assert difference(originals[path.name].read_bytes(), path.read_bytes()) <= 8
        assert path.stat().st_size < originals[path.name].stat().st_size / 2


def test_pictures_are_squeezed_once_and_forgotten_when_they_go(tmp_path, monkeypatch):
    images, cache = tmp_path / "images", tmp_path / "cache"
    images.mkdir()
    (images / "a.png").write_bytes(drawing(20))
    squeeze_folder(images, cache)
    small = (images / "a.png").read_bytes()
    (images / "a.png").write_bytes(drawing(20))
    monkeypatch.setattr("holf.frame.pictures.squeeze", lambda data: pytest.fail("made again"))
    squeeze_folder(images, cache)
    assert (images / "a.png").read_bytes() == small and len(list(cache.iterdir())) == 1
    (images / "a.png").unlink()
    squeeze_folder(images, cache)
    assert list(cache.iterdir()) == []


def test_rules_stay_where_a_page_meets_them():
    names = names_of('<div class="a b"><p id="c">x</p></div>')
    sheet = (
        "/* { */ .a .b{c:d} .a,.gone{e:f} #c>p::after{content:'};'} .gone{g:h} @media (x){.b{i:j}.gone{k:l}}"
        "@font-face{src:url(x.woff)} .b{background:url(data:x)} p:not(.gone){m:n} @charset 'x';"
    )
    assert lean(sheet, names) == (
        ".a .b{c:d}\n.a{e:f}\n#c>p::after{content:'};'}\n@media (x){.b{i:j}}\np:not(.gone){m:n}"
    )
    assert meets("html[data-theme=dark] .a", names) and not meets("table", names)
    assert not meets("html:not([data-theme]) .a", names), "every page says its theme"
    with pytest.raises(ValueError, match="braces"):
        list(rules_of("a{b:c"))


def test_variables_stay_while_something_uses_them():
    sheet = ":root{--a:1;--b:var(--a);--c:2}\np{width:var(--c)}"
    assert drop_variables(sheet) == ":root{--c:2}\np{width:var(--c)}"


def test_idle_spaces_go_and_strings_stay(site):
    sheet = (
        "/* x */\np > a:not( .b ) {\n  content: '; }  {' ;;\n  width: calc(1px + 2px);\n}\n\n@media x { q { r: s } }\n"
    )
    assert tight(sheet) == "p>a:not( .b ){content:'; }  {';width:calc(1px + 2px)}@media x{q{r:s}}"
    served = (site / "_static" / "site.css").read_text(encoding="utf-8")
    assert tight(served) == served and len(list(rules_of(served))) > 200
    assert tight(f"{served} /* loose */") == served


def test_what_the_theme_gets_wrong_is_mended():
    body = (
        '<summary aria-label="Toggle hidden content">\n<p class="collapsed admonition-title">Show code</p>\n'
        '<p class="expanded admonition-title">Hide code</p>\n</summary>'
        '<div class="pst-scrollable-table-container"><table><tr><th class="head"><p>A &amp; b</p></th></tr></table>'
        "</div>"
        "<script type=\"text/x-thebe-config\">{}</script>\n<script>kernelName = 'python3'</script>"
        '<div class="holf-scroll" tabindex="0" role="region" aria-label="x">'
    )
    mended = mend(body, {})
    assert '<summary class="frame-toggle">Show code</summary>' in mended and "script" not in mended
    assert 'tabindex="0" role="group" aria-label="Table: A &amp; b"' in mended and '<th scope="col"' in mended
    assert mended.endswith('role="group" aria-label="x">')


def test_controls_are_counted_and_rows_of_stacked_tables_are_headed():
    control = (
        '<summary aria-label="Toggle hidden content"><p class="collapsed admonition-title">Show code</p>'
        '<p class="expanded admonition-title">Hide code</p></summary>'
    )
    assert ">Show code</summary>" in mend(control, {})
    assert re.findall(r">(Show[^<]*)<", mend(control * 2, {})) == ["Show code 1 of 2", "Show code 2 of 2"]
    table = (
        '<table><thead><tr><th class="head">A</th><th class="head">B &amp; c</th></tr></thead><tbody>%s</tbody></table>'
    )
    rows = "<tr><td><p>x</p></td>\n<td>y</td></tr>\n<tr><td>z</td><td>w</td></tr>"
    stacked = mend('<div class="holf-stacked docutils container">\n' + table % rows + "</div>", {})
    assert stacked.count('<th scope="row">') == 2 and stacked.count('<td data-label="B &amp; c">') == 2
    assert 'scope="row"' not in mend(table % rows, {})


def test_pictures_get_their_size(tmp_path):
    (tmp_path / "p.png").write_bytes(drawing(3))
    body = '<img alt="x" src="../_images/q.png" style="width: 32px;" /><img src="q.png" /><img src="other.png" />'
    first, second, third = re.findall("<img[^>]*>", mend(body, {"q.png": tmp_path / "p.png"}))
    assert first == '<img width="32" height="32" alt="x" src="../_images/q.png" />'
    assert second == '<img width="64" height="64" loading="lazy" src="q.png" />' and third == '<img src="other.png" />'


def test_descriptions_are_cut_between_words_and_begin_with_the_class():
    assert shorten("a " * 200).endswith("a…") and len(shorten("word " * 99)) <= LONGEST + 1
    assert describe("Title", None) == "Title"
    page = new_document("x")
    page += nodes.paragraph(
        text="What this page answers. Which offices there were, and where they stood. " + "And much more " * 20
    )
    assert describe("Title", page) == "Title. Which offices there were, and where they stood."
    page.children[0].children[0] = nodes.Text("What this page answers. " + "one long sentence " * 20)
    assert describe("Title", page).endswith("…") and "answers" not in describe("Title", page)
    assert describe("Title", None, '<aside class="holf-banner-simulated">').startswith(f"{MARK} demonstration, not")
    assert describe("Title", None, '<aside class="holf-banner-real">').startswith("REAL DATA")


def test_the_preview_shows_published_facts_and_is_up_to_date(tmp_path, monkeypatch):
    committed = (project_root() / "assets" / "preview.png").read_bytes()
    with Image.open(io.BytesIO(committed)) as picture:
        assert picture.size == SIZE and picture.info["Comment"] == "RECORD"
    assert difference(draw_preview(), committed) <= 8
    simulated = (project_root() / "assets" / "preview-simulated.png").read_bytes()
    with Image.open(io.BytesIO(simulated)) as picture:
        assert picture.size == SIZE and picture.info["Comment"] == MARK
    assert difference(draw_preview(simulated=True), simulated) <= 8
    assert preview_words()["simulated"]["title"] == MARK and not re.search(r"\d", str(preview_words()["simulated"]))
    assert preview_words()["arms"]["holf"].startswith("15 ") and "no differences" in preview_words()["found"]
    data = tmp_path / "data"
    shutil.copytree(project_root() / "data", data, ignore=shutil.ignore_patterns("simulated"))
    monkeypatch.setenv("HOLF_ROOT", str(tmp_path))
    words = data / "preview.yml"
    text = words.read_text(encoding="utf-8")
    words.write_text(text.replace("F112", "F999"), encoding="utf-8")
    with pytest.raises(KeyError, match="F999"):
        preview_words()
    words.write_text(text.replace("F112", "F107"), encoding="utf-8")
    with pytest.raises(ValueError, match="F107 is derived"):
        preview_words()
    words.write_text(text.replace("{F046}", "16"), encoding="utf-8")
    assert difference(draw_preview(), committed) > 100, "a changed number shows"
