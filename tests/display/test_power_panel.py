"""What a design could see and rule out: tables, controls and chart of the page, and the script that draws it."""

import json
import re
from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

import holf
from holf.book.power_chart import chart
from holf.confidential.scan.chart_runtime import RUNTIME, runtime
from holf.confidential.scan.known import Known, theme_files
from holf.confidential.scan.scan import scan
from holf.display import power_panel
from holf.display.power_panel import PANEL
from holf.display.text import chance
from holf.study import detectable

PLAN, ASSUMED = holf.load_plan(), holf.load_assumptions()
SCALES = tuple(detectable.scale_of(one, ASSUMED) for one in PLAN.outcomes.values() if one.kind == "primary")
START = detectable.Design(SCALES[0], 29, 862, icc=0.02, margin=0.05, level=0.95, size_cv=0.25, target=0.8)
STOPS = tuple(map(power_panel.Stop, (400, 862, 1000)))
WORDS = ("offices", "parents")


def panel(**change) -> power_panel.Panel:
    given = {"start": START, "scales": SCALES, "stops": STOPS, "n_clusters": (8, 60), "most_icc": 0.3, "words": WORDS}
    return power_panel.Panel(**given | change)


def design(scale: detectable.Scale, **change) -> detectable.Design:
    return replace(START, **{"scale": scale, "icc": scale.icc, "margin": scale.margin} | change)


def test_scales_take_spread_and_correlation_from_the_assumptions_and_margins_from_the_plan():
    employment, housing, income, participation = SCALES
    assert employment.sd == pytest.approx(0.4) and participation.sd == pytest.approx(0.24**0.5)
    assert (housing.sd, income.sd) == (ASSUMED["housing_sd"].value, ASSUMED["income_sd"].value)
    assert [one.icc for one in SCALES] == [ASSUMED[f"icc_{name}"].value for name in list(PLAN.outcomes)[:4]]
    assert [one.margin for one in SCALES] == [PLAN.outcome(name).margin for name in list(PLAN.outcomes)[:4]]


@pytest.mark.parametrize("n_clusters", [8, 29, 60])
@pytest.mark.parametrize("level", [0.8, 0.99])
def test_answers_are_those_of_the_formulas(n_clusters, level):
    found = detectable.answer(design(SCALES[2], n_clusters=n_clusters, level=level))
    asked = {"clusters": ((n_clusters + 1) // 2, n_clusters // 2), "mean_size": 862 / n_clusters, "icc": SCALES[2].icc}
    asked |= {"size_cv": 0.25, "level": level, "sd": SCALES[2].sd}
    assert found.detectable == holf.minimum_detectable_difference(power=0.8, **asked)
    assert found.power == holf.power(difference=SCALES[2].margin, **asked)
    assert found.excluded == holf.equivalence_power(margin=SCALES[2].margin, **asked)


def test_the_table_doubles_what_it_says():
    table = power_panel.size_table(START, SCALES[:1], *WORDS)
    assert [row[1:3] for row in table.rows] == [
        ("as reported", "as reported"), ("as reported", "twice as many"),
        ("twice as many", "as reported"), ("twice as many", "twice as many"),
    ]  # fmt: skip
    doubled = detectable.answer(design(SCALES[0], n_clusters=58, n_units=1724))
    assert table.rows[3][4].text == chance(doubled.power) != table.rows[0][4].text


VERDICTS = {
    "Hardly: at the standard error to expect": design(SCALES[0]),
    "Not reliably": design(SCALES[1]),
    "Reliably": design(SCALES[1], icc=0.0),
}


@pytest.mark.parametrize("verdict", VERDICTS)
def test_verdicts(verdict):
    asked = VERDICTS[verdict]
    found = detectable.answer(asked)
    assert power_panel.verdict(asked).startswith(verdict)
    hardly = verdict.startswith("Hardly")
    assert (found.excluded_within > 0, found.excluded >= 0.8) == (not hardly, verdict == "Reliably")
    assert not hardly or found.excluded > 0.005, "the card beside it shows a chance, so the words must not deny one"


def test_what_an_estimate_would_say():
    assert power_panel.estimates(design(SCALES[0])).endswith(
        "none, not even zero, would rule out 5.0 percentage points."
    )
    assert "Between: open" in power_panel.estimates(design(SCALES[1]))
    for said in map(power_panel.estimates, (design(SCALES[0], level=0.8), design(SCALES[1]))):
        assert "the test finds a difference" in said and "there is a difference" not in said
    wide = design(SCALES[1], margin=2.0)
    assert "Between: both" in power_panel.estimates(wide)
    found = detectable.answer(wide)
    assert f"Within ±{found.excluded_within:.2f} points" in power_panel.estimates(wide)


def test_the_panel_holds_the_answers_before_any_script_runs():
    soup, found = BeautifulSoup(panel()._repr_html_(), "html.parser"), detectable.answer(START)
    for name in ("detectable", "power", "excluded"):
        held = float(soup.select_one(f'data[data-mind="{name}"]')["value"])
        assert held == pytest.approx(getattr(found, name), rel=1e-5)
    assert repr(panel()) in soup.select_one('[role="status"]').get_text()
    assert not soup.find(["script", "svg", "canvas", "iframe"]) and not soup.find(style=True)
    for control in soup.select("input, select"):
        assert soup.find("label", attrs={"for": control["id"]}), control["id"]
    assert not re.search(r"\bon\w+=", str(soup)) and PANEL in panel()._repr_html_()


def unmarked(html: str) -> list[str]:
    """Results of the panel without the mark of what is assumed."""
    soup = BeautifulSoup(html, "html.parser")
    results = soup.select(".holf-mind-numbers > div, .holf-mind-words > div, .holf-mind-said")
    assert len(results) == 6
    return [one.get_text(" ", strip=True) for one in results if not one.select_one(".holf-badge.holf-assumed")]


def test_every_result_is_marked_as_assumed():
    html = panel()._repr_html_()
    assert unmarked(html) == []
    bare = re.sub(r'(power</small>) <span class="holf-badge.*?</span> assumed</span>', r"\1", html)
    assert unmarked(bare) == ["Chance to find the difference you care about 29% power"]


@pytest.mark.parametrize(
    "change, message",
    [
        ({"scales": (SCALES[0], detectable.Scale("x", "points", 1.0, 0.0333, 0.1))}, "with three decimals at most"),
        ({"start": design(SCALES[0], icc=0.01)}, "correlation must be an outcome's"),
        ({"start": design(SCALES[0], n_units=863)}, "one of the slider's stops"),
        ({"n_clusters": (30, 60)}, "must lie on its slider"),
    ],
)
def test_a_start_that_the_controls_cannot_reach_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        panel(**change)


def test_the_chart_holds_no_data_and_compiles():
    import vl_convert

    drawn = chart()
    assert "vega-lite/v6" in drawn["$schema"] and "datasets" not in drawn
    assert len(json.dumps(drawn)) < 10_000
    assert [layer["mark"]["text"] for layer in drawn["layer"] if "text" in layer["mark"]] == ["worthwhile", "▲ assumed"]
    compiled = vl_convert.vegalite_to_vega(drawn)
    assert {entry["transform"][0]["type"] for entry in compiled["data"] if "transform" in entry} >= {"sequence"}
    assert not any("values" in entry or "url" in entry for entry in compiled["data"])


def test_only_the_runtime_itself_passes_the_gate(tmp_path):
    target = tmp_path / "_static" / RUNTIME
    target.parent.mkdir()
    target.write_text(runtime(), encoding="utf-8")
    assert scan(tmp_path, known=Known(theme=theme_files())) == ()
    # One that only says it is one.
    target.write_text(f"{runtime()[:200]} */\nconst rows = {[1000 + 37.7 * place for place in range(40)]};")
    assert {finding.rule for finding in scan(tmp_path, known=Known(theme=theme_files()))} == {"rows"}


def test_the_runtime_says_its_licence_and_keeps_its_names_to_itself():
    head, _, code = runtime().partition("*/")
    for words in ("BSD-3-Clause", "University of Washington", "THIS SOFTWARE IS PROVIDED", "Vega 6", "ISC"):
        assert words in head
    assert code.strip().startswith("(() => {") and code.strip().endswith("})();")
