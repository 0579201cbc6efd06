"""Every page of the built site in a real browser that can reach nobody else.

`make test` therefore needs what `make book` writes, as `.ci/run` does it. Each page is loaded once, and looked at in
both colour schemes at three widths. Rules of axe that colours cannot change are asked once a width. The contrast rules
are asked, in each scheme and width, of one element for each way in which text is coloured on the page that was not
judged before: a page with 600 table cells has about 20 such ways, and asking of every cell takes ten minutes.
"""

import io
import re
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browser import Watched, chromium, pages_to_read, served
from bs4 import BeautifulSoup
from PIL import Image

from holf.paths import project_root

WIDTHS = {1440: 900, 768: 1024, 390: 844}
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
COLOUR_RULES = ["color-contrast", "link-in-text-block"]
MOVING = "chapters/detectable.html"
RESULTS, LEDGER, NORSK = "chapters/outcome-primary-employment.html", "chapters/ledger.html", "chapters/summary_nb.html"

ASK = f"""([picked, rules]) => {{
  const runOnly = picked ? {{type: "rule", values: rules}} : {{type: "tag", values: {TAGS!r}}};
  const off = Object.fromEntries((picked ? [] : rules).map((rule) => [rule, {{enabled: false}}]));
  const where = picked ? {{include: [["[data-picked]"]]}} : document;
  return axe.run(where, {{runOnly, rules: off, resultTypes: ["violations"], iframes: false}}).then((found) =>
    found.violations.flatMap((fault) => fault.nodes.map((node) => `${{fault.id}}: ${{node.html.slice(0, 160)}}`)));
}}"""
# One element for each colour, size and weight of letters on each stack of backgrounds, and links with what is around.
PICK = """(theme) => {
  document.querySelectorAll("[data-picked]").forEach((element) => element.removeAttribute("data-picked"));
  const judged = (window.judged ??= {light: new Set(), dark: new Set()})[theme];
  const before = judged.size;
  for (const element of document.body.querySelectorAll("*")) {
    if (![...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())) continue;
    if (!element.checkVisibility()) continue;
    const own = getComputedStyle(element);
    const key = [own.color, own.fontSize, own.fontWeight, own.textDecorationLine, own.textShadow];
    for (let above = element; above; above = above.parentElement) {
      const style = getComputedStyle(above);
      key.push(style.backgroundColor, style.backgroundImage, style.opacity, style.filter);
    }
    if (element.closest("a")) key.push(getComputedStyle(element.closest("a").parentElement).color);
    const words = [...new Set(key)].join(" ");
    if (!judged.has(words)) { judged.add(words); element.setAttribute("data-picked", ""); }
  }
  return judged.size - before;
}"""
FACTS = """() => ({
  pictures: [...document.images].filter((image) => !image.complete || !image.naturalWidth).map((image) => image.src),
  small: [...document.body.querySelectorAll("*")].filter((element) => element.checkVisibility()
    && [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim())
    && parseFloat(getComputedStyle(element).fontSize) < 11).map((element) => element.outerHTML.slice(0, 90)),
  text: [...document.querySelectorAll("[role=main] :not(.copybtn, .copybtn *, noscript)")].map((element) =>
    [...element.childNodes].filter((node) => node.nodeType === 3).map((node) => node.textContent).join("")).join(" "),
})"""
SHIFT = """() => new Promise((done) => {
  let sum = 0;
  new PerformanceObserver((list) => { for (const entry of list.getEntries()) sum += entry.value; })
    .observe({type: "layout-shift", buffered: true});
  requestAnimationFrame(() => setTimeout(() => done(sum), 20));
})"""
LOAD_ALL = """() => Promise.all([...document.images].map((image) => {
  image.loading = "eager"; return image.decode().catch(() => null); }))"""


@dataclass
class Seen:
    """What one page looked like."""

    facts: dict
    violations: list[str] = field(default_factory=list)
    too_wide: list[int] = field(default_factory=list)
    shift: float = 0.0


def look(page, address: str) -> Seen:
    """Load a page, and look at it in each scheme and width."""
    width, height = next(iter(WIDTHS.items()))
    page.set_viewport_size({"width": width, "height": height})
    page.goto(address)
    shift = page.evaluate(SHIFT)
    page.evaluate(LOAD_ALL)
    seen = Seen(page.evaluate(FACTS), shift=shift)
    page.evaluate(AXE_SCRIPT)
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        seen.violations += [f"{width}: {fault}" for fault in page.evaluate(ASK, [False, COLOUR_RULES])]
        for theme in ("light", "dark"):
            page.evaluate(f"document.body.dataset.theme = '{theme}'")
            if page.evaluate(PICK, theme):
                seen.violations += [f"{width} {theme}: {fault}" for fault in page.evaluate(ASK, [True, COLOUR_RULES])]
    for width in (*WIDTHS, 320):
        page.set_viewport_size({"width": width, "height": 844})
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            seen.too_wide.append(width)
    return seen


@pytest.fixture(scope="module")
def browser():
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def home(site):
    with served(site) as address:
        yield address


@pytest.fixture(scope="module")
def crawl(browser, site, home):
    """Every page, seen once, and what was asked meanwhile."""
    watched = Watched(browser, home, color_scheme="light")
    page = watched.context.new_page()
    seen = {path.relative_to(site).as_posix(): None for path in pages_to_read(site)}
    for name in seen:
        seen[name] = look(page, home + name)
    watched.context.close()
    return seen, watched


@pytest.fixture
def watched(browser, home):
    watched = Watched(browser, home)
    yield watched
    watched.context.close()


@pytest.fixture
def page(watched):
    return watched.context.new_page()


def test_no_page_asks_another_host_fails_or_complains(crawl, home):
    seen, watched = crawl
    assert watched.faults() == []
    assert {home + name for name in seen} <= set(watched.asked)
    assert all(url.startswith(home) for url in watched.asked)


def test_axe_finds_nothing_on_any_page_in_either_scheme_at_any_width(crawl):
    assert {name: seen.violations for name, seen in crawl[0].items() if seen.violations} == {}


def test_no_word_is_smaller_than_11_pixels(crawl, page, home):
    assert {name: seen.facts["small"] for name, seen in crawl[0].items() if seen.facts["small"]} == {}
    html = "<main role=main><h1>x</h1><p style='font-size: 10px'>small</p>"
    page.route(home + "planted", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(home + "planted")
    assert len(page.evaluate(FACTS)["small"]) == 1


def test_pictures_arrive_nothing_jumps_and_no_page_is_wider_than_its_window(crawl):
    for name, seen in crawl[0].items():
        assert seen.facts["pictures"] == [] and seen.too_wide == [], name
        assert seen.shift < 0.001, name


FIGURES = """() => [...document.querySelectorAll("[role=main] img")].map((image) => {
  const style = getComputedStyle(image);
  const width = image.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return [new URL(image.currentSrc).pathname.split("/").pop(), width, style.objectFit];
})"""
# CSS pixels; what the letters of a figure must at least measure where it is shown.
LEAST_LETTERS = 11


def small_letters(page, folder: Path) -> list[str]:
    """Figures of a page whose letters are too small, or that do not say how large their letters are."""
    faults = []
    for src, width, fit in page.evaluate(FIGURES):
        with Image.open(folder / src) as file:
            said = re.fullmatch(r"([\d.]+) of (\d+) px", file.info.get("Letters", ""))
        shown = float(said[1]) * width / float(said[2]) if said else 0.0
        if shown < LEAST_LETTERS or fit != "fill":
            faults.append(f"{src}: letters of {shown:.1f} CSS pixels")
    return faults


@pytest.mark.parametrize("window", [390, 768])
def test_letters_in_figures_are_legible(page, site, home, window):
    page.set_viewport_size({"width": window, "height": 844})
    shown = [path for path in pages_to_read(site) if "<img" in path.read_text(encoding="utf-8")]
    assert len(shown) >= 10
    for path in shown:
        page.goto(home + path.relative_to(site).as_posix())
        page.evaluate(LOAD_ALL)
        assert small_letters(page, site / "_images") == [], path.name
    page.evaluate("document.querySelectorAll('img').forEach((image) => { image.style.width = '100px'; })")
    assert small_letters(page, site / "_images")


PLANTED = {
    "image-alt": "<img src='favicon.svg' width='9' height='9'>",
    "color-contrast": "<p style='color:#999'>pale in light mode</p>",
    "390 dark: color-contrast": "<p class='shade'>dark in dark mode on a phone</p>",
    "target-size": "<button style='width:9px;height:9px;padding:0'>a</button>" * 2,
    "heading-order": "<h4>after a title</h4>",
    "landmark-no-duplicate-main": "<main>another</main>",
}


@pytest.mark.parametrize("fault", PLANTED)
def test_axe_sees_what_is_planted(fault, page, tmp_path, site, home):
    sheet = "<style>@media (max-width: 400px) { [data-theme=dark] .shade { color: #333; background: #222; } }</style>"
    html = f"<html lang=en><title>x</title>{sheet}<body><main><h1>x</h1>{PLANTED[fault]}</main></html>"
    page.route(home + "planted", lambda route: route.fulfill(body=html, content_type="text/html"))
    found = look(page, home + "planted").violations
    assert any(fault in line for line in found)
    page.route(
        home + "planted", lambda route: route.fulfill(body=html.replace(PLANTED[fault], ""), content_type="text/html")
    )
    assert look(page, home + "planted").violations == []


def test_what_is_asked_elsewhere_or_fails_is_seen(browser, home):
    watched = Watched(browser, home)
    page = watched.context.new_page()
    html = "<img src='https://example.org/x.png'><img src='missing.png'><script>undefinedName()</script>"
    page.route(home + "planted", lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(home + "planted")
    assert watched.foreign == ["https://example.org/x.png"]
    assert home + "missing.png" in watched.failed and any("undefinedName" in line for line in watched.said)
    watched.context.close()


def test_the_policy_stops_a_planted_script_style_and_request(page, watched, home, site):
    html = (site / "index.html").read_text(encoding="utf-8")
    planted = "<script>document.title = 'ran'</script><img src='https://example.org/x.png'><p style='color:red'>x</p>"
    page.route(home + "planted.html", lambda route: route.fulfill(body=html + planted, content_type="text/html"))
    page.goto(home + "planted.html")
    assert page.title() != "ran" and watched.foreign == []
    assert sum("Content Security Policy" in line for line in watched.said) >= 3


def test_without_javascript_every_page_is_whole(crawl, browser, home):
    watched = Watched(browser, home, java_script_enabled=False, viewport={"width": 390, "height": 844})
    page = watched.context.new_page()
    for name, seen in crawl[0].items():
        page.goto(home + name)
        # The interactive page begins to speak with its script; what it says without has a test of its own.
        if name not in ("search.html", MOVING):
            assert page.evaluate(FACTS)["text"] == seen.facts["text"], name
    assert "needs JavaScript" in page.goto(home + "search.html").text()
    page.goto(home + RESULTS)
    chapters = page.get_by_role("navigation", name="Chapters")
    assert not chapters.is_visible() and page.locator(".theme-toggle:visible").count() == 0
    page.get_by_role("button", name="Chapters").click()
    chapters.get_by_role("link", name="Ledger", exact=True).click()
    page.wait_for_url("**/ledger.html")
    assert watched.faults() == []
    watched.context.close()


@pytest.mark.parametrize("name", ["index.html", RESULTS, NORSK, "search.html?q=families"])
def test_pages_open_from_a_folder(browser, site, name):
    watched = Watched(browser, site.as_uri())
    page = watched.context.new_page()
    page.goto(f"{site.as_uri()}/{name}")
    if "?" in name:
        page.get_by_text("Search finished").wait_for()
        assert page.locator("#search-results li a").count() > 0
    assert page.evaluate("getComputedStyle(document.querySelector('.page')).display") == "flex"
    assert page.evaluate(FACTS)["pictures"] == [] or page.evaluate(LOAD_ALL) is not None
    assert watched.faults() == []
    watched.context.close()


def test_search_finds_and_leads_there(page, watched, home, site):
    page.goto(home + RESULTS)
    page.get_by_role("searchbox").fill("risk of bias")
    page.keyboard.press("Enter")
    page.get_by_text("Search finished").wait_for()
    page.locator("#search-results .context").first.wait_for()
    page.locator("#search-results").get_by_role("link", name=re.compile("Reporting standards")).first.click()
    page.wait_for_url("**/standards.html*")
    assert watched.faults() == []


def test_the_words_around_a_hit_leave_out_what_is_simulated(page, home, site):
    page.goto(home + "search.html?q=margin")
    page.get_by_text("Search finished").wait_for()
    html = (site / "chapters" / "effects.html").read_text(encoding="utf-8")
    shown = page.evaluate("html => Search.htmlToText(html)", html)
    simulated = BeautifulSoup(html, "html.parser").select('table[data-holf="simulated"] td')
    numbers = {cell.get_text(" ", strip=True) for cell in simulated if re.search(r"\d{3}", cell.get_text())}
    assert len(numbers) > 10 and not [number for number in numbers if number in shown]
    assert "no differences" in shown, "what is published stays"
    unmarked = page.evaluate("html => Search.htmlToText(html)", html.replace("holf-banner-simulated", "x"))
    assert [number for number in numbers if number in unmarked]


@pytest.mark.parametrize(
    "asked, first",
    {
        "ICC": "Intraclass correlation (ICC), intraklassekorrelasjon (ICC)",
        "klynge": "Cluster, klynge",
        "kostnader": ("Sammendrag på norsk", "Forsøket: design og funn"),
    }.items(),
)
def test_search_puts_what_explains_a_word_first(page, home, asked, first):
    page.goto(home + f"search.html?q={asked}")
    page.get_by_text("Search finished").wait_for()
    assert page.locator("#search-results li a").first.text_content() in first
    page.locator("#search-results li a").first.click()
    page.wait_for_url(re.compile("chapters/"))


@pytest.mark.parametrize(
    "asked, found", {"884": "Ledger", "3,201": "Sample flow", "862 parents": "Sample flow"}.items()
)
def test_search_finds_numbers(page, home, asked, found):
    def results() -> str:
        page.get_by_text("Search finished").wait_for()
        return " ".join(page.locator("#search-results li a").all_text_contents())

    page.goto(home + f"search.html?q={asked}")
    assert found in results()
    if asked == "884":
        assert results().startswith("F066. Enrolment (actual): 884 participants (unit not stated) Sample flow")
        page.locator("#search-results li a").first.click()
        page.wait_for_url("**/ledger.html#f066")
        page.go_back()
    # Without the book's own script, numbers are dropped from what was asked.
    page.route("**/search.js*", lambda route: route.fulfill(body="", content_type="text/javascript"))
    page.goto(home + "search.html?q=884")
    page.get_by_text("did not match any documents").wait_for()
    page.goto(home + "search.html?q=99884")
    page.get_by_text("did not match any documents").wait_for()


SCROLLING = """() => [...document.querySelectorAll("[role=main] *")].filter((one) => {
  const { overflowX, overflowY } = getComputedStyle(one);
  return /auto|scroll/.test(overflowX + overflowY);
}).map((one) => one.className)"""


@pytest.mark.parametrize("name", ["chapters/extract.html", RESULTS, "chapters/disclosure.html"])
def test_nothing_scrolls_on_paper(page, home, name):
    page.goto(home + name)
    assert page.evaluate(SCROLLING), "on a screen wide tables do"
    page.emulate_media(media="print")
    assert page.evaluate(SCROLLING) == []


@pytest.mark.parametrize("name", ["index.html", RESULTS])
def test_on_paper_stands_the_text_and_nothing_else(page, home, name):
    page.goto(home + name)
    page.evaluate("localStorage.setItem('theme', 'dark')")
    page.reload()
    assert page.evaluate("document.body.dataset.theme") == "dark"
    ink = "getComputedStyle(document.querySelector('[role=main] p:not([class])')).color"
    assert page.evaluate(ink) != "rgb(0, 0, 0)"
    page.emulate_media(media="print")
    for part in ("header", "#chapters", "#sections", ".copybtn", ".related-pages", ".holf-code"):
        assert page.locator(f"{part}:visible").count() == 0, part
    assert page.evaluate(ink) == "rgb(0, 0, 0)"
    assert page.locator("[role=main] table").evaluate_all("all => all.every((table) => table.checkVisibility())")
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") in (
        "rgb(255, 255, 255)",
        "rgba(0, 0, 0, 0)",
    )


def test_the_keyboard_reaches_everything_and_shows_where_it_is(page, home):
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(home + RESULTS)
    page.keyboard.press("Tab")
    focused = page.locator(":focus")
    assert focused.text_content() == "Skip to main content" and focused.bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main-content"
    page.get_by_role("button", name="Chapters").focus()
    page.keyboard.press("Enter")
    chapters = page.locator("#chapters")
    assert chapters.is_visible()
    page.keyboard.press("Tab")
    assert page.evaluate("document.querySelector('#chapters').contains(document.activeElement)")
    assert page.locator(":focus").evaluate("element => getComputedStyle(element).outlineWidth") == "3px"
    page.keyboard.press("Escape")
    assert not chapters.is_visible() and focused.text_content() == "Chapters", "focus goes back to the button"
    table = page.locator(".holf-scroll").first
    table.focus()
    assert page.evaluate("document.activeElement.className") == "holf-scroll"


SAID = """element => {
  const words = getComputedStyle(element, "::after");
  return words.display !== "none" && words.content !== "none";
}"""


def test_words_at_a_number_go_away_at_escape(page, home):
    page.goto(home + "index.html")
    first, second = page.locator("a[data-said]").nth(0), page.locator("a[data-said]").nth(1)
    page.keyboard.press("Tab")
    first.focus()
    assert first.evaluate(SAID)
    page.keyboard.press("Escape")
    assert not first.evaluate(SAID) and page.evaluate("document.activeElement.hasAttribute('data-said')")
    second.focus()
    assert second.evaluate(SAID)
    page.evaluate("document.activeElement.blur()")
    first.hover()
    assert first.evaluate(SAID)
    page.keyboard.press("Escape")
    assert not first.evaluate(SAID), "also while the pointer rests on it"


HEIGHT = """element => parseFloat(getComputedStyle(element, "::after").height)"""
UNDER = '([x, y]) => document.elementFromPoint(x, y)?.closest("a")?.getAttribute("href") ?? ""'


def test_words_at_a_number_open_where_they_can_be_read(page, home, site):
    page.set_viewport_size({"width": 1440, "height": 600})
    page.goto(home + "index.html")
    link = page.locator('[role=main] li a[href$="#f136"]')
    link.evaluate("element => scrollTo(0, element.getBoundingClientRect().bottom + scrollY - innerHeight + 40)")
    for show in (link.hover, link.focus):
        show()
        box, height = link.bounding_box(), link.evaluate(HEIGHT)
        assert height > 60 and box["y"] + box["height"] + height > 600, "there is no room below"
        for above in (20, height - 10):
            spot = [box["x"] + 30, box["y"] - above]
            assert spot[1] > 0 and page.evaluate(UNDER, spot).endswith("#f136"), "all of it stands above its link"


UNFOLD = "document.querySelectorAll('[role=main] details').forEach((one) => { one.open = true; })"
# What is wrong with the tables of a page: a caption or a name that is cut, or columns that only who scrolls can see.
TABLES = """() => [...document.querySelectorAll("[role=main] table")].filter((table) => table.checkVisibility()).flatMap((table) => {
  const box = table.closest(".holf-scroll, .table-wrapper"), faults = [];
  const caption = table.querySelector(".holf-caption");
  if (caption && box && caption.getBoundingClientRect().right > box.getBoundingClientRect().right + 1) faults.push("caption");
  if (box && box.scrollWidth > box.clientWidth + 1) faults.push("columns");
  const cut = [...table.querySelectorAll("td:first-child code, th code")].filter((name) => name.getClientRects().length > 1);
  if (cut.some((name) => !/[ -]/.test(name.textContent))) faults.push("name");
  return faults.map((fault) => `${fault}: ${table.textContent.trim().slice(0, 60)}`);
})"""
TABLED = ["effects", "design", "sample_flow", "extract", "disclosure", "interpretation", "methods", "open_questions"]


@pytest.mark.parametrize("width", [390, 1440])
def test_no_table_hides_its_caption_a_name_or_a_column(page, home, width):
    page.set_viewport_size({"width": width, "height": 844})
    found = {}
    for name in (*TABLED, "detectable", "outcome-primary-income"):
        page.goto(f"{home}chapters/{name}.html")
        page.evaluate(UNFOLD)
        # On a desktop one table of the methods is wider than its column.
        found[name] = [fault for fault in page.evaluate(TABLES) if width == 390 or not fault.startswith("columns")]
    assert {name: faults for name, faults in found.items() if faults} == {}


def test_a_hidden_caption_name_or_column_is_seen(page, home):
    page.set_viewport_size({"width": 390, "height": 844})
    head = "".join(f"<th>A long name of column {number}</th>" for number in range(6))
    table = (
        "<div class='holf-scroll' style='overflow: auto'><table><caption><div class='holf-caption' "
        f"style='width: 600px'>x</div></caption><thead><tr>{head}</tr></thead><tbody><tr><td>"
        "<code style='display: inline; overflow-wrap: anywhere; font-size: 60px'>families_identified_in_all</code></td></tr></tbody></table></div>"
    )
    page.route(home + "planted", lambda route: route.fulfill(body=f"<main role=main>{table}", content_type="text/html"))
    page.goto(home + "planted")
    page.evaluate("document.querySelector('td').style.maxWidth = '90px'")
    assert [fault.partition(":")[0] for fault in page.evaluate(TABLES)] == ["caption", "columns", "name"]


# Rows of simulated tables without the word, and simulated parts without it down their whole edge.
MARKS = """() => [
  ...[...document.querySelectorAll('table[data-holf="simulated"] tbody tr')].filter((row) => row.checkVisibility()).filter((row) =>
    !getComputedStyle(row.cells[0], "::after").content.includes("simulated")
    || parseFloat(getComputedStyle(row.cells[0], "::after").fontSize) < 11).map((row) => row.textContent),
  ...[...document.querySelectorAll(".holf-band")].filter((band) => {
    const edge = getComputedStyle(band, "::before");
    return !edge.maskImage.includes("SIMULATED") || !edge.maskRepeat.includes("repeat-y") || parseFloat(edge.width) < 12
      || parseFloat(edge.height) < band.clientHeight - 1;
  }).map((band) => band.querySelector("h2").textContent),
]"""


@pytest.mark.parametrize("width", [390, 1440])
def test_a_photograph_of_some_rows_of_a_simulated_part_says_so(page, home, width):
    page.set_viewport_size({"width": width, "height": 844})
    for name in ("chapters/sample_flow.html", "chapters/effects.html", "chapters/exercises.html", RESULTS):
        page.goto(home + name)
        page.evaluate(UNFOLD)
        assert page.locator('table[data-holf="simulated"] tbody tr:visible').count() > 10
        assert page.evaluate(MARKS) == [], name
    # Without the style sheet that says so, it is seen.
    page.route("**/holf.css*", lambda route: route.fulfill(body="", content_type="text/css"))
    page.reload()
    assert len(page.evaluate(MARKS)) > 10 and "Demonstration on simulated people" in page.evaluate(MARKS)[-1]


def test_colours_follow_the_system_until_the_reader_chooses(browser, home):
    watched = Watched(browser, home, color_scheme="dark")
    page = watched.context.new_page()
    page.goto(home + "index.html")
    ground = "getComputedStyle(document.body).backgroundColor"
    button = page.locator(".theme-toggle:visible")
    dark = page.evaluate(ground)
    assert button.inner_text() == "Colours: auto" and dark != "rgb(255, 255, 255)"
    button.click()
    page.goto(home + RESULTS)
    assert button.inner_text() == "Colours: light" and page.evaluate(ground) == "rgb(255, 255, 255)"
    button.click()
    assert button.inner_text() == "Colours: dark" and page.evaluate(ground) == dark
    button.click()
    assert button.inner_text() == "Colours: auto"
    assert watched.faults() == []
    watched.context.close()


def test_a_browser_that_remembers_nothing_shows_the_page(page, watched, home):
    page.add_init_script("Object.defineProperty(window, 'localStorage', { get() { throw new Error('forbidden'); } })")
    page.goto(home + "index.html")
    assert page.evaluate("document.body.dataset.theme") == "auto" and watched.foreign == watched.failed == []
    first = page.locator("a[data-said]").first
    first.focus()
    assert first.evaluate(SAID), "the rest of the book's own script runs"


def unlike(one: Image.Image, other: Image.Image) -> float:
    """Mean difference in grey (0 to 255) of squares of 10 pixels: what fonts of another machine change little."""
    small = [image.convert("L").resize((image.width // 10, image.height // 10), Image.BOX) for image in (one, other)]
    return float(np.abs(np.subtract(*(np.asarray(image, float) for image in small))).mean())


def test_the_picture_in_the_readme_shows_the_landing_page(page, home):
    """After a change of the page, save a screenshot of this size in its place."""
    shown = Image.open(project_root() / ".github" / "landing-page.png")
    page.set_viewport_size({"width": shown.width, "height": shown.height})
    page.goto(home + "index.html")
    now = Image.open(io.BytesIO(page.screenshot()))
    assert unlike(shown, now) < 5
    page.evaluate("document.querySelector('h1').append(' which takes another line')")
    assert unlike(shown, Image.open(io.BytesIO(page.screenshot()))) > 5
