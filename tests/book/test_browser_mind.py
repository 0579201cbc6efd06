"""The page "What would change my mind" in a browser: the numbers of `holf`, moved through its controls by keyboard."""

import itertools
import re
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browser import chromium

import holf
from clustertrials.sample_size import moments
from holf.display import power_panel
from holf.study import detectable

pytestmark = pytest.mark.slow
NAME = "detectable"
PLAN, ASSUMED, LEDGER = holf.load_plan(), holf.load_assumptions(), holf.load_ledger()
SCALES = tuple(detectable.scale_of(one, ASSUMED) for one in PLAN.outcomes.values() if one.kind == "primary")
START = detectable.Design(
    SCALES[0], LEDGER.number("F044"), LEDGER.number("F122"), icc=SCALES[0].icc, margin=SCALES[0].margin, level=0.95,
    size_cv=ASSUMED["parents_size_cv"].value, target=ASSUMED["power_target"].value,
)  # fmt: skip
WORDS = ("offices", LEDGER["F122"].unit)
OWN = ("power.js", "mind.js")
DRAWN, RESET = ".holf-mind-chart svg .mark-line", "Back to the trial as reported"


@pytest.fixture(scope="module")
def browser():
    with chromium() as started:
        yield started


class Opener:
    """Opens the page, or another file, under given conditions, and closes what it opened."""

    def __init__(self, browser, page: Path):
        self.browser, self.page, self.contexts = browser, page, []

    def __call__(self, file: Path | None = None, *, drawn=True, width=1000, height=900, **options):
        context = self.browser.new_context(viewport={"width": width, "height": height}, **options)
        self.contexts.append(context)
        page = context.new_page()
        page.asked, page.failed = [], []
        page.on("request", lambda request: page.asked.append(request.url))
        page.on("pageerror", lambda error: page.failed.append(f"{error}\n{error.stack}"))
        page.goto((file or self.page).as_uri())
        if drawn:
            page.locator(".holf-mind-chart").scroll_into_view_if_needed()
            page.wait_for_selector(DRAWN, timeout=30_000)
        return page

    def close(self) -> None:
        for context in self.contexts:
            context.close()


@pytest.fixture(scope="module")
def opened(browser, site):
    opener = Opener(browser, site / "chapters" / f"{NAME}.html")
    yield opener
    opener.close()


@pytest.fixture(scope="module")
def kept(opened):
    """One page for the tests that only move its controls: loading it takes longer than all of them."""
    return opened()


@pytest.fixture
def live(kept):
    """That page, as it was in the beginning."""
    kept.set_viewport_size({"width": 1000, "height": 900})
    press(kept, "outcome", "Home")
    kept.get_by_role("button", name=RESET).press("Enter")
    return kept


def press(page, control: str, *keys: str) -> None:
    page.locator(f"#mind-{control}").focus()
    for key in keys:
        page.keyboard.press(key)


def shown(page) -> dict[str, float]:
    return {
        name: float(page.locator(f'data[data-mind="{name}"]').get_attribute("value"))
        for name in ("detectable", "power", "excluded")
    }


def words_of(page, name: str) -> str:
    return page.locator(f'[data-mind="{name}"]').inner_text().replace("▲ assumed", "").strip()


def check(page, design: detectable.Design) -> None:
    """The page shows for a design what `holf` computes for it: to nine figures, and word for word."""
    asked = {"clusters": design.clusters, "mean_size": design.n_units / design.n_clusters, "icc": design.icc,
             "size_cv": design.size_cv, "level": design.level, "sd": design.scale.sd}  # fmt: skip
    found = shown(page)
    assert found["detectable"] == pytest.approx(
        holf.minimum_detectable_difference(power=design.target, **asked), rel=1e-9
    )
    assert found["power"] == pytest.approx(holf.power(difference=design.margin, **asked), abs=1e-9)
    assert found["excluded"] == pytest.approx(holf.equivalence_power(margin=design.margin, **asked), abs=1e-9)
    assert words_of(page, "said") == power_panel.said(design, WORDS)
    assert words_of(page, "verdict") == power_panel.verdict(design)
    assert words_of(page, "estimates") == power_panel.estimates(design)


def test_the_page_begins_with_the_trial_as_reported(kept):
    check(kept, START)


def test_the_size_counts_what_the_record_counts(kept):
    assert "862 parents" in words_of(kept, "said") and "families" not in words_of(kept, "said")
    stops = kept.locator("#mind-stops option").all_text_contents()
    for key in ("F065", "F122", "F069"):
        fact = LEDGER[key]
        assert [one for one in stops if one.startswith(f"{fact.shown}: {fact.unit} ")], key
    heads = kept.locator("table.holf-table thead").last.inner_text()
    assert LEDGER["F122"].unit.capitalize() in heads and "Families" not in heads


def test_what_stands_there_without_scripts_is_what_the_script_says(opened, live):
    plain = opened(drawn=False, java_script_enabled=False)
    for name in ("said", "verdict", "estimates", "detectable", "power", "excluded", "unit"):
        assert words_of(plain, name) == words_of(live, name) != ""
    assert plain.locator(".holf-mind fieldset").is_hidden() and plain.locator(".holf-mind noscript").is_visible()
    assert plain.locator("table.holf-table").count() == 1 and plain.locator("table.holf-table").first.is_visible()


# Keys for each control, and the design that they lead to.
MOVES = {
    "icc up": ({"icc": ["ArrowRight"] * 4}, {"icc": 0.04}),
    "enrolled": ({"units": ["ArrowRight"]}, {"n_units": LEDGER.number("F066")}),
    "eligible, most offices": (
        {"units": ["End"], "clusters": ["End"]}, {"n_units": LEDGER.number("F069"), "n_clusters": 60},
    ),
    "small effect, little confidence": ({"margin": ["Home"], "level": ["Home"]}, {"margin": 0.005, "level": 0.8}),
    "large effect, much confidence": (
        {"margin": ["End"], "level": ["End"], "icc": ["End"]}, {"margin": 0.2, "level": 0.99, "icc": 0.3},
    ),
    "housing": ({"outcome": ["ArrowDown"]}, {"scale": 1}),
    "income": (
        {"outcome": ["ArrowDown"] * 2, "margin": ["ArrowLeft"] * 3, "icc": ["ArrowLeft"] * 3},
        {"scale": 2, "margin": 700.0, "icc": 0.025},
    ),
    "participation": ({"outcome": ["End"], "level": ["ArrowLeft"] * 5}, {"scale": 3, "level": 0.9}),
}  # fmt: skip


@pytest.mark.parametrize("move", MOVES)
def test_the_controls_give_the_numbers_of_holf(live, move):
    keys, change = MOVES[move]
    scale = SCALES[change.get("scale", 0)]
    for control, presses in keys.items():
        press(live, control, *presses)
    check(live, replace(START, **{"icc": scale.icc, "margin": scale.margin} | change | {"scale": scale}))
    live.get_by_role("button", name=RESET).press("Enter")
    # The outcome stays: it is the question, not a condition.
    check(live, replace(START, scale=scale, icc=scale.icc, margin=scale.margin))


def test_the_formulas_agree_over_the_whole_range_of_the_controls(live):
    asked, expected = [], []
    levels, iccs, clusters, units = (0.8, 0.99), (0.0, 0.02, 0.3), (8, 29, 60), (100, 2881)
    for level, icc, count, number in itertools.product(levels, iccs, clusters, units):
        design = replace(START, level=level, icc=icc, n_clusters=count, n_units=number)
        found = detectable.answer(design)
        parts = moments(design.clusters, START.size_cv)
        parts = [parts.between, parts.within, parts.reported, *parts.spread, parts.df]
        asked.append({"clusters": count, "units": number, "icc": icc, "level": level, "moments": parts})
        expected += [found.detectable, found.power, found.excluded, found.found_beyond, found.excluded_within]
    given = live.evaluate(
        """([asked, sd, margin, target]) => asked.flatMap(({ clusters, units, icc, level, moments }) => {
             const test = holfPower.test({ clusters, units, icc, sd, moments });
             return [holfPower.detectable(target, test, level), holfPower.power(margin, test, level),
                     holfPower.excluded(margin, 0, test, level), test.reported * holfPower.quantile(1 - level, test.df),
                     margin - test.reported * holfPower.quantile(2 * (1 - level), test.df)];
           })""",
        [asked, START.scale.sd, START.margin, START.target],
    )
    assert given == pytest.approx(expected, rel=1e-9, abs=1e-9) and len(given) == 5 * 36


def heights(page, place: int) -> list[float]:
    """Chances along one of the chart's lines, read from what is drawn: the plot is 250 pixels high."""
    drawn = page.locator(".holf-mind-chart .mark-line path").nth(place).get_attribute("d")
    return [1 - float(y) / 250 for y in re.findall(r"[ML][-\d.e]+,([-\d.e]+)", drawn)]


def test_the_curves_are_those_of_holf(live):
    for keys, scale in ((), SCALES[0]), (("ArrowDown",), SCALES[1]):
        press(live, "outcome", *keys)
        live.wait_for_timeout(200)
        asked = {"clusters": (15, 14), "mean_size": 862 / 29, "icc": scale.icc, "size_cv": 0.25, "sd": scale.sd}
        finds, excludes = heights(live, 0), heights(live, 1)
        assert len(finds) == len(excludes) == 81
        for place in (0, 20, 33, 80):
            true = 4 * scale.margin * place / 80
            assert finds[place] == pytest.approx(holf.power(difference=true, **asked), abs=1e-4)
            chance = holf.equivalence_power(margin=scale.margin, difference=true, **asked)
            assert excludes[place] == pytest.approx(chance, abs=1e-4)


def test_the_keyboard_reaches_every_control_in_order_and_each_says_what_it_is(live):
    live.locator("#mind-outcome").focus()
    reached = []
    for _ in range(7):
        reached.append(live.evaluate("document.activeElement.id || document.activeElement.dataset.mind"))
        live.keyboard.press("Tab")
    sliders = ["mind-icc", "mind-units", "mind-clusters", "mind-margin", "mind-level"]
    assert reached == ["mind-outcome", *sliders, "reset"]
    press(live, "units", "ArrowRight")
    spoken = live.locator("#mind-units").get_attribute("aria-valuetext")
    assert (
        spoken == "884: enrolled, unit not stated" and live.locator('[data-mind="units-shown"]').inner_text() == spoken
    )


@pytest.mark.parametrize("mode", ["light", "dark"])
def test_it_is_legible_on_a_phone_and_in_the_dark_and_axe_finds_nothing(opened, mode):
    page = opened(width=1440, color_scheme=mode)
    for width in (1440, 768, 390):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        for part in (".holf-mind fieldset", ".holf-mind-numbers", ".holf-mind-chart svg", ".holf-mind-words"):
            box = page.locator(part).bounding_box()
            assert box["x"] >= 0 and box["x"] + box["width"] <= width, part
        drawn, room = (page.locator(f".holf-mind-chart{part}").bounding_box() for part in (" svg", ""))
        assert drawn["height"] <= room["height"] and drawn["width"] == pytest.approx(room["width"], abs=2)
    ink = page.evaluate("getComputedStyle(document.querySelector('.holf-mind-chart svg text')).fill")
    assert ink == page.evaluate("getComputedStyle(document.querySelector('.holf-mind')).color")
    behind = "getComputedStyle(document.querySelector('.holf-mind').parentElement).backgroundColor"
    assert page.evaluate(behind) == "rgba(0, 0, 0, 0)", "the theme puts outputs on a light box in dark mode"
    found = Axe().run(page, context=".holf-mind")
    assert [(one["id"], len(one["nodes"])) for one in found.response["violations"]] == []


@pytest.mark.parametrize("width", [390, 1440])
def test_nothing_jumps(live, width):
    live.set_viewport_size({"width": width, "height": 900})
    end = "document.querySelector('#how-to-read-it').getBoundingClientRect().top + window.scrollY"
    before = live.evaluate(end)
    for control, keys in {"outcome": ["End"], "units": ["End"], "margin": ["End"], "icc": ["Home"]}.items():
        press(live, control, *keys)
        assert live.evaluate(end) == pytest.approx(before, abs=0.5), control


def test_no_other_page_loads_its_scripts_and_it_asks_nobody_else(opened, kept, site):
    names = Counter(Path(url.partition("?")[0]).name for url in kept.asked)
    assert all(names[name] == 1 for name in (*OWN, "vega.js"))
    assert not [url for url in kept.asked if not url.startswith(("file:", "data:"))]
    assert not [error for error in kept.failed if re.search(r"(vega|mind|power)\.js", error)]
    other = opened(site / "index.html", drawn=False)
    assert not {Path(url.partition("?")[0]).name for url in other.asked} & {*OWN, "vega.js"}


def asked_for_runtime(page) -> bool:
    return any("vega.js" in url for url in page.asked)


@pytest.mark.parametrize("want", ["scroll", "keyboard"])
def test_what_draws_is_fetched_when_the_chart_is_wanted_and_not_before(opened, want):
    page = opened(drawn=False, height=500)
    page.wait_for_timeout(1000)
    assert not asked_for_runtime(page) and page.locator(".holf-mind-chart svg").count() == 0
    assert words_of(page, "said") == power_panel.said(START, WORDS)
    if want == "scroll":
        page.locator(".holf-mind-chart").scroll_into_view_if_needed()
    else:
        press(page, "outcome")
    page.wait_for_selector(DRAWN, timeout=30_000, state="attached")
    assert asked_for_runtime(page)


def test_controls_that_a_browser_left_elsewhere_are_followed_from_the_start(opened, site, tmp_path):
    copy = tmp_path / "site"
    shutil.copytree(site, copy)
    script = copy / "_static" / "mind.js"
    kept_by_browser = 'document.getElementById("mind-clusters").value = "8";\n'
    script.write_text(kept_by_browser + script.read_text(encoding="utf-8"), encoding="utf-8")
    page = opened(copy / "chapters" / f"{NAME}.html", drawn=False, height=500)
    assert words_of(page, "said") == power_panel.said(replace(START, n_clusters=8), WORDS)
