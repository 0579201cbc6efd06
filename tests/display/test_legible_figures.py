"""Figures that a phone shows legibly: letters large enough, whole, and none over another; and words short to listen to.

What a browser makes of them on the built site is measured in `test_browser.py`.
"""

import io
import re
import shutil
from base64 import b64decode
from collections.abc import Iterator
from dataclasses import replace

import nbformat
import numpy as np
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image, ImageChops

import holf
from holf.book.chapters import list_chapters
from holf.book.downloads.outputs import TOO_LONG, alt_faults
from holf.display import (
    alt_text,
    design_figures,
    flow_diagram,
    landing,
    landing_picture,
    methods,
    office_map,
    plots,
    published_overview,
)
from holf.display.figure import ALARM, INK, QUIET, Picture, arm_style, canvas, finish
from holf.display.table import Table
from holf.display.widths import COLUMN, PHONE
from holf.pages.pictures import write_pictures
from holf.paths import project_root
from holf.record import flow
from holf.record.facts import FactError
from holf.record.reporting import load_reporting
from holf.record.source import MARK, RECORD
from holf.study import truths
from holf.study.answers import Withheld
from holf.study.truths import load_swept

PLAN = holf.load_plan()
ARMS = ("holf", "local")
# CSS pixels; the smallest letters of common reading apps are as large.
LEAST = 11


@pytest.fixture(scope="module")
def pictures(studies) -> dict[str, Picture]:
    """One figure of every kind that the book draws, with the longest words where there is a choice."""
    return dict(drawn(studies))


def drawn(studies) -> Iterator[tuple[str, Picture]]:
    ledger, work, income = holf.load_ledger(), PLAN.outcome("employment"), PLAN.outcome("income")
    yield "timeline", design_figures.timeline(ledger)
    yield "map", office_map.office_map(pd.read_csv(project_root() / "data" / "offices.csv"))
    grid = [0.0, 0.01, 0.03, 0.05, 0.1]
    yield "precision", design_figures.detectable(grid, [0.2, 0.23, 0.27, 0.32, 0.4], power=0.8, caption="c")
    offices = {arm: PLAN.arms[arm]["offices_fact"] for arm in ARMS}
    labels = {arm: PLAN.arms[arm]["label"] for arm in ARMS}
    published = flow.published_flow(ledger, flow.load_flow(), arms=offices)
    yield "published flow", flow_diagram.flow_diagram(published, arm_labels=labels)
    yield "simulated flow", flow_diagram.flow_diagram(studies[0].flow(), arm_labels=labels)
    yield "levels", plots.outcome_levels({one.source: one.levels("income") for one in studies}, income, PLAN)
    yield "effects", plots.outcome_effects([e for one in studies for e in one.specifications("employment")], work, {})
    yield "overview", plots.overview({s.source: [s.effect(o) for o in PLAN.outcomes] for s in studies}, PLAN.outcomes)
    changes = [one.change("income", arm) for one in studies for arm in ARMS]
    yield "changes", plots.change_and_effect(changes, [s.effect("income") for s in studies], income, PLAN)
    settings, found = truths.load_settings(), truths.load_recoveries()
    nulls = methods.true_nulls(found)
    yield "rejections", methods.rejection_figure(nulls, settings)
    yield "coverage", methods.coverage_figure([one for one in found if one not in nulls], settings)
    reporting = load_reporting()
    yield "published", published_overview.published_overview(reporting, PLAN)
    offices = pd.read_csv(project_root() / "data" / "offices.csv")
    for language, words in landing.load_landing(ledger, reporting).items():
        yield f"landing {language}", landing_picture.landing_picture(words, offices, PLAN)
    _, cells = load_swept()
    yield "power", methods.power_surface(cells, "cr2", PLAN.words)


def words_of(figure: Figure) -> list[Text]:
    """Everything that is written in a figure, but for the mark across its panels."""
    found = [*figure.texts, *(words for legend in figure.legends for words in legend.get_texts())]
    for axes in figure.axes:
        found += [axes.title, *(words for words in axes.texts if words.get_gid() != "holf-mark")]
        for axis, ends in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
            ticks = axis.get_major_ticks() if axes.axison else []
            found += [tick.label1 for tick in ticks if min(ends) <= tick.get_loc() <= max(ends)]
            found += [axis.label] if axes.axison else []
    return [words for words in found if words.get_visible() and words.get_text().strip()]


def misplaced(figure: Figure) -> list[str]:
    """Words that leave the figure, and words that stand on others."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    boxes = [(one.get_text(), Text.get_window_extent(one, canvas.get_renderer())) for one in words_of(figure)]
    whole, faults = figure.bbox, []
    for place, (words, box) in enumerate(boxes):
        if min(box.x0, box.y0, whole.x1 - box.x1, whole.y1 - box.y1) < 0:
            faults.append(f"{words!r} leaves the figure")
        for other, second in boxes[place + 1 :]:
            across, up = (min(a, b) - max(c, d) for a, b, c, d in (
                (box.x1, second.x1, box.x0, second.x0), (box.y1, second.y1, box.y0, second.y0)
            ))  # fmt: skip
            # Boxes have room for letters that reach below the line; 3 of 240 pixels an inch of it may be shared.
            if min(across, up) > 3:
                faults.append(f"{words!r} stands on {other!r}")
    return faults


def drawings(pictures: dict[str, Picture]) -> Iterator[tuple[str, int, Figure]]:
    for name, one in pictures.items():
        yield from ((name, width, figure) for width, figure in one.drawings.items())


def test_no_drawing_has_words_that_are_cut_off_or_stand_on_others(pictures):
    faults = {(name, width): misplaced(figure) for name, width, figure in drawings(pictures)}
    assert {which: found for which, found in faults.items() if found} == {}


def test_words_out_of_place_are_seen():
    with canvas(PHONE, 1.0) as (figure, (axes,)):
        axes.annotate("a long label", (0.5, 0.5), ha="center")
        assert misplaced(figure) == []
        axes.annotate("over it", (0.5, 0.5), ha="center")
        # The layout makes room for whatever it is told of.
        axes.annotate("beyond the edge", (0.9, 0.1)).set_in_layout(False)
    assert misplaced(figure) == ["'a long label' stands on 'over it'", "'beyond the edge' leaves the figure"]


def test_every_drawing_has_large_letters_and_says_their_size_and_its_width_in_its_file(pictures):
    assert {tuple(one.drawings) for one in pictures.values()} == {(PHONE, COLUMN)}
    for name, width, figure in drawings(pictures):
        smallest = min(words.get_fontsize() for words in words_of(figure)) * 96 / 72
        assert smallest >= LEAST and smallest >= pictures[name].letters(width), name
        if name not in ("timeline", "levels", "landing nb"):
            # The file of one is made as that of another.
            continue
        with Image.open(io.BytesIO(pictures[name].png(width))) as image:
            letters, shown = (float(part.removesuffix(" px")) for part in image.info["Letters"].split(" of "))
            # Two pixels of the file a CSS pixel.
            assert image.size[0] == 2 * shown and shown == width, name
        assert LEAST <= letters <= smallest + 0.05, name


def stamps(figure: Figure) -> list[Text]:
    return [words for axes in figure.axes for words in axes.texts if words.get_gid() == "holf-mark"]


def test_every_figure_is_stamped_as_what_it_shows_in_its_pixels_file_text_and_table(pictures, studies):
    simulated = {name for name, one in pictures.items() if one.table.source.startswith("simulated")}
    assert len(simulated) == 8 and len(pictures) == 15
    for name, _, figure in drawings(pictures):
        assert len(stamps(figure)) == (len(figure.axes) if name in simulated else 0), name
        assert (MARK in figure.get_suptitle()) == pictures[name].alt.startswith(MARK) == (name in simulated), name
    with Image.open(io.BytesIO(pictures["timeline"].png(PHONE))) as image:
        assert image.info["Comment"] == "RECORD"
    anew = plots.outcome_effects([studies[0].effect("income")], PLAN.outcome("income"), {})
    image = Image.open(io.BytesIO(anew.png(PHONE)))
    assert image.info["Comment"] == MARK
    for mark in stamps(anew.drawings[PHONE]):
        assert mark.get_text() == MARK
        mark.remove()
    assert Image.open(io.BytesIO(anew.png(PHONE))).tobytes() != image.tobytes(), "burnt in"


def test_a_figure_with_small_letters_is_refused():
    def draw(width: int) -> Figure:
        with canvas(width, 1.0) as (figure, (axes,)):
            axes.annotate("small", (0.5, 0.5), fontsize=8)
        return figure

    with pytest.raises(ValueError, match=r"t: letters of 10\.7 CSS pixels are too small"):
        finish(draw, "x", Table("t", ("a",), (), source=RECORD))


# --- what is said ------------------------------------------------------------------------------------------------


def longest(alt: str) -> int:
    """Letters that a text alternative may have: some figures of the record are words, and theirs has all of them."""
    whole = ("Participant flow", "What is published", "29 NAV offices", "29 Nav-kontorer")
    return 650 if any(words in alt for words in whole) else 420


def test_what_is_said_of_every_figure_is_short_and_of_its_table(pictures):
    for name, one in pictures.items():
        assert alt_faults(one.alt, one.table.values) == [], name
        assert 100 < len(one.alt) <= longest(one.alt), f"{name}: {len(one.alt)}"
        assert one.alt.endswith("Tabellen har hver linje." if name == "landing nb" else "."), name
    rows = "; ".join(f"{row[0]}, {row[1]}: {row[2]} ({row[3]})" for row in pictures["effects"].table.rows)
    assert alt_faults(f"{pictures['effects'].alt} {rows}.", pictures["effects"].table.values) == [TOO_LONG]


def test_the_committed_book_says_little_and_shows_large_letters():
    seen = 0
    for chapter in list_chapters():
        for cell in nbformat.read(chapter.page, as_version=4).cells:
            for data in (out.data for out in cell.get("outputs", ()) if "image/png" in out.get("data", {})):
                with Image.open(io.BytesIO(b64decode(data["image/png"]))) as image:
                    assert float(image.info["Letters"].partition(" ")[0]) >= LEAST, chapter.name
                assert len(data["text/plain"]) <= longest(data["text/plain"]), chapter.name
                seen += 1
    assert seen >= 20


def test_main_message_is_the_first_method_and_the_range_of_all(studies):
    outcome, effects = PLAN.outcome("income"), studies[1].specifications("income")
    said, shown = alt_text.of_effects(effects, outcome), holf.display.text.difference
    ends = effects[0].estimate, *(end(e.estimate for e in effects) for end in (min, max))
    first, low, high = (shown(value, outcome.show, unit=False) for value in ends)
    assert f"{first} (" in said and f"range {low} to {high}." in said and f"{len(effects)} methods" in said
    assert "methods" not in alt_text.of_effects(effects[:1], outcome)


def test_what_is_withheld_is_said_and_never_a_number(studies):
    outcome, gone = PLAN.outcome("income"), Withheld("people")
    shown = studies[0].effect("income")
    hidden = replace(shown, estimate=gone, ci_low=gone, ci_high=gone)
    source = hidden.source
    assert f"null world {gone}, range {gone}." in alt_text.of_effects([hidden, hidden], outcome)
    assert f"{gone}, range " in alt_text.of_effects([hidden, shown], outcome)
    assert f"null world: {gone}." in alt_text.of_overview({source: [hidden]}, [outcome])
    change = replace(studies[0].change("income", "holf"), change=gone)
    assert f"HOLF model {gone}, effect {gone}." in alt_text.of_change([change], [hidden], outcome, PLAN)
    levels = [replace(level, mean=gone) for level in studies[0].levels("income")]
    assert f"HOLF model {gone}, Local practice {gone}." in alt_text.of_levels({source: levels}, outcome, PLAN)


# --- on a dark page ----------------------------------------------------------------------------------------------


def turned(colour: str, share: float, degrees: float) -> tuple[float, ...]:
    """A colour under the filters invert and hue-rotate, as the standard of CSS filters defines them."""
    red, green, blue = (share - (2 * share - 1) * channel for channel in to_rgb(colour))
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    matrix = np.array([[0.213, 0.715, 0.072]] * 3)
    matrix = matrix + cos * np.array([[0.787, -0.715, -0.072], [-0.213, 0.285, -0.072], [-0.213, -0.715, 0.928]])
    matrix = matrix + sin * np.array([[-0.213, -0.715, 0.928], [0.143, 0.140, -0.283], [-0.787, 0.715, 0.072]])
    return tuple(np.clip(matrix @ (red, green, blue), 0, 1))


def contrast(one, other) -> float:
    def light(colour) -> float:
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour]
        return float(np.dot((0.2126, 0.7152, 0.0722), linear))

    low, high = sorted((light(one), light(other)))
    return (high + 0.05) / (low + 0.05)


def test_figures_can_be_read_on_a_light_and_on_a_dark_page():
    sheet = (project_root() / "assets" / "holf.css").read_text(encoding="utf-8")
    filters = set(re.findall(r"img { filter: invert\(([.\d]+)\) hue-rotate\((\d+)deg\)", sheet))
    ((share, degrees),) = filters
    dark = turned("#ffffff", float(share), float(degrees))
    assert contrast(dark, to_rgb("#131416")) < 1.05, "white becomes the ground of a dark page"
    marks = [arm_style(PLAN, arm)[0] for arm in PLAN.arms]
    for colour, least in [(INK, 4.5), (QUIET, 4.5), (ALARM, 4.5), *((mark, 3) for mark in marks)]:
        assert contrast(to_rgb(colour), to_rgb("white")) >= least, colour
        assert contrast(turned(colour, float(share), float(degrees)), dark) >= least, colour
    for _, shade in published_overview.ARROWS.values():
        assert contrast(to_rgb(INK), to_rgb(shade)) >= 4.5
        inverted = [turned(one, float(share), float(degrees)) for one in (INK, shade)]
        assert contrast(*inverted) >= 4.5, shade


# --- the landing page --------------------------------------------------------------------------------------------


def test_the_landing_picture_attaches_no_arm_to_an_office(pictures):
    arms = {to_rgb(arm_style(PLAN, arm)[0]) for arm in PLAN.arms}
    for figure in pictures["landing en"].drawings.values():
        _, country = figure.axes
        (dots,) = (one for one in country.collections if isinstance(one, PathCollection))
        colours = {tuple(colour[:3]) for colour in dots.get_facecolors()}
        assert len(dots.get_offsets()) == 29 and len(colours) == 1 and not colours & arms
        assert not country.texts, "no office is named"


def test_every_line_of_the_landing_picture_is_published_and_drawn(pictures):
    ledger = holf.load_ledger()
    for language in ("en", "nb"):
        picture = pictures[f"landing {language}"]
        for row in picture.table.rows:
            assert ledger[row[1].fact].kind == "published"
        for figure in picture.drawings.values():
            drawn = " ".join(" ".join(words.get_text().split()) for words in figure.axes[0].texts)
            for row in picture.table.rows:
                assert row[1].text in drawn, row[1].text
    stated = landing.load_landing(ledger, load_reporting())
    english, norwegian = ([row[1].fact for row in landing.landing_table(one).rows] for one in stated.values())
    assert english == norwegian, "both languages rest on the same rows"


@pytest.fixture
def own(tmp_path, monkeypatch):
    """The project's data and landing pictures in a folder of their own; gives `landing.yml` there."""
    shutil.copytree(project_root() / "chapters/landing", tmp_path / "chapters/landing")
    shutil.copytree(project_root() / "data", tmp_path / "data", ignore=shutil.ignore_patterns("simulated"))
    monkeypatch.setenv("HOLF_ROOT", str(tmp_path))
    return tmp_path / "data" / "landing.yml"


def test_a_landing_picture_of_what_is_derived_is_refused(own):
    own.write_text(own.read_text(encoding="utf-8").replace("fact: F057", "fact: F058"), encoding="utf-8")
    with pytest.raises(FactError, match=r"landing\.yml: F058 is derived"):
        landing.load_landing(holf.load_ledger(), load_reporting())


def test_pictures_are_drawn_again_when_their_data_change_and_the_committed_ones_are_current(own):
    assert write_pictures() == []
    own.write_text(own.read_text(encoding="utf-8").replace("No source read gives", "No source read states"), "utf-8")
    assert write_pictures() == [f"chapters/landing/{name}" for name in ("en-720.png", "en-350.png", "en.md")]
    assert "No source read states" in (own.parents[1] / "chapters/landing/en.md").read_text(encoding="utf-8")
    assert write_pictures() == []


def test_the_committed_landing_picture_is_what_the_code_draws(pictures):
    for language in ("en", "nb"):
        for width in (PHONE, COLUMN):
            committed = project_root() / "chapters" / "landing" / f"{language}-{width}.png"
            with (
                Image.open(committed) as file,
                Image.open(io.BytesIO(pictures[f"landing {language}"].png(width))) as now,
            ):
                assert file.size == now.size and file.info["Comment"] == "RECORD"
                bands = ImageChops.difference(file.convert("RGB"), now.convert("RGB")).getextrema()
            assert max(high for _, high in bands) <= 8, "delete it and build again"
