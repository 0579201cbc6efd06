"""What a phone shows: the head of a page in one line that stays in sight, cards that name their columns, short pages."""

import pytest
from browser import chromium, pages_to_read, served

WIDTH, HEIGHT = 390, 844
# The longest page is the ledger, which is read from a link.
MOST_SCREENS = 40
HEAD = """() => {
  const head = document.querySelector(".holf-head");
  scrollTo(0, document.documentElement.scrollHeight);
  const box = head.getBoundingClientRect();
  const parts = [...head.querySelectorAll("button, a")].filter((one) => one.checkVisibility());
  const tops = parts.map((one) => one.getBoundingClientRect()).map((one) => (one.top + one.bottom) / 2);
  const faults = [];
  if (box.top !== 0) faults.push("it leaves the window");
  if (box.height > 48 || Math.max(...tops) - Math.min(...tops) > 8) faults.push("it has more than one line");
  head.querySelector(".holf-top")?.click();
  const title = document.querySelector("h1").getBoundingClientRect();
  if (title.top < Math.max(0, box.bottom) || title.top > 80) faults.push("no link leads to the title");
  return faults;
}"""
# Cards are rows of a table whose heads are out of sight: there each cell has to name its column, and a card spans the page.
CARDS = """() => [...document.querySelectorAll("[role=main] table")].filter((table) => table.checkVisibility()).flatMap((table) => {
  const main = document.querySelector("[role=main]").clientWidth, faults = [];
  if (!table.tHead || getComputedStyle(table.tHead).position !== "absolute") return faults;
  const heads = [...table.tHead.rows[0].cells].map((head) => head.innerText.trim());
  for (const row of table.tBodies[0].rows) {
    if (row.getBoundingClientRect().width < main - 60) faults.push(`narrow: ${row.innerText.slice(0, 40)}`);
    [...row.cells].slice(1).forEach((cell, place) => {
      if (!cell.checkVisibility() || !cell.textContent.trim()) return;
      const said = `${cell.querySelector(".holf-label")?.innerText ?? ""}${getComputedStyle(cell, "::before").content}`;
      if (!said.includes(heads[place + 1])) faults.push(`no ${heads[place + 1]}: ${cell.innerText.slice(0, 40)}`);
    });
  }
  return faults;
})"""
UNFOLD = "document.querySelectorAll('[role=main] details').forEach((one) => { one.open = true; })"


@pytest.fixture(scope="module")
def phone(site):
    with chromium() as browser, served(site) as home:
        yield browser.new_page(viewport={"width": WIDTH, "height": HEIGHT}), home


def names(site) -> list[str]:
    return [page.relative_to(site).as_posix() for page in pages_to_read(site)]


def test_the_head_of_every_page_stays_in_sight_and_leads_to_the_top(phone, site):
    page, home = phone
    faults = {}
    for name in names(site):
        page.goto(home + name)
        faults[name] = page.evaluate(HEAD)
    assert {name: found for name, found in faults.items() if found} == {}


def test_a_head_that_leaves_or_breaks_is_seen(phone):
    page, home = phone
    page.goto(home + "chapters/design.html")
    page.evaluate(
        "document.querySelector('.holf-head').style.cssText = 'position: static; height: auto; flex-wrap: wrap'"
    )
    page.evaluate("document.querySelector('.holf-title').style.flexBasis = '100%'")
    page.evaluate("document.querySelector('.holf-top').remove()")
    assert page.evaluate(HEAD) == ["it leaves the window", "it has more than one line", "no link leads to the title"]


def test_the_list_of_parts_closes_when_a_part_is_chosen(phone):
    page, home = phone
    page.goto(home + "chapters/design.html")
    page.get_by_role("button", name="On this page").click()
    page.locator("#sections a").filter(has_text="Who was eligible").click()
    assert page.locator("#sections").is_hidden()
    top = page.locator("#who-was-eligible").evaluate("part => part.getBoundingClientRect().top")
    assert 44 <= top < 80, "below the head, and not behind it"


def test_every_cell_of_a_card_names_its_column_and_every_card_spans_the_page(phone, site):
    page, home = phone
    faults, cards = {}, 0
    for name in names(site):
        page.goto(home + name)
        page.evaluate(UNFOLD)
        cards += page.locator(":is(.holf-stacked, .holf-cards-of-rows) tbody tr:visible").count()
        faults[name] = page.evaluate(CARDS)
    assert {name: found for name, found in faults.items() if found} == {} and cards > 150


def test_a_cell_without_its_column_and_a_narrow_card_are_seen(phone):
    page, home = phone
    page.goto(home + "chapters/data_holders.html")
    page.evaluate("document.querySelector('.holf-stacked td .holf-label').remove()")
    assert page.evaluate(CARDS) == ["no Where it may be: always inside"]
    page.evaluate("document.querySelector('.holf-stacked tbody tr').style.width = '200px'")
    assert page.evaluate(CARDS)[0].startswith("narrow: Your tables")


BANDS = """() => [...document.querySelectorAll(".holf-band, .holf-tint")].map((band) => band.getBoundingClientRect())
  .filter((box) => box.left < 0 || box.right > innerWidth).length"""


@pytest.mark.parametrize("width", [WIDTH, 768, 820, 1100, 1440])
def test_the_edge_that_says_simulated_is_in_the_window(phone, width):
    page, home = phone
    page.set_viewport_size({"width": width, "height": HEIGHT})
    page.goto(home + "chapters/methods.html")
    assert page.locator(".holf-tint").count() > 3 and page.evaluate(BANDS) == 0
    page.evaluate("document.querySelector('.holf-tint').style.marginLeft = '-700px'")
    assert page.evaluate(BANDS) == 1
    page.set_viewport_size({"width": WIDTH, "height": HEIGHT})


def test_code_scrolls_in_its_box(phone):
    page, home = phone
    page.goto(home + "chapters/data_holders.html")
    yaml = page.locator(".highlight-yaml pre")
    wide, box = yaml.evaluate("code => [code.scrollWidth, code.clientWidth]")
    assert wide > box and page.evaluate("document.documentElement.scrollWidth") == WIDTH
    yaml.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(300)
    assert yaml.evaluate("code => code.scrollLeft") > 0


def test_no_page_is_endless(phone, site):
    page, home = phone
    lengths = {}
    for name in names(site):
        page.goto(home + name)
        lengths[name] = page.evaluate("document.documentElement.scrollHeight") / HEIGHT
    assert {name: length for name, length in lengths.items() if length > MOST_SCREENS} == {}
    assert max(lengths, key=lengths.get) == "chapters/ledger.html"
    page.goto(home + "chapters/ledger.html")
    page.evaluate("document.querySelectorAll('section').forEach((row) => { row.style.paddingBottom = '40px'; })")
    assert page.evaluate("document.documentElement.scrollHeight") / HEIGHT > MOST_SCREENS
