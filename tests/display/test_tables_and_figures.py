"""What readers see: rounding, tables, sentences and figures, and the marks they carry."""

import math
import re
from dataclasses import replace

import pytest

import holf
from clustertrials.equivalence_tests import equivalence
from holf.display import plots, sensitivity_table, tables, text
from holf.display.published_overview import published_overview
from holf.display.sentences import effect_sentence
from holf.display.table import Cell, Table, invented_arms
from holf.display.widths import PHONE
from holf.record.reporting import load_reporting
from holf.record.source import MARK, RECORD, joint_source
from holf.study.answers import Withheld


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (text.level(0.2345, "percent"), "23.4%"),
        (text.level(26130.4, "0 NOK"), "26,130 NOK"),
        (text.difference(-0.0371, "percent"), "\N{MINUS SIGN}3.7 percentage points"),
        (text.difference(0.0001, "percent"), "0.0 percentage points"),
        (text.difference(60.7, "0 NOK"), "+61 NOK"),
        (text.decimal(math.nan, 1), text.MISSING),
        (text.decimal(-0.001, 2), "0.00"),
        (text.p_value(0.0004), "<\N{NO-BREAK SPACE}0.001"),
        (text.p_value(0.0426), "0.043"),
        (text.p_value(0.287), "0.29"),
        (text.interval(-1.25, 2.5, "points"), "\N{MINUS SIGN}1.25 to +2.50 points"),
        (text.level(math.nan, "0 NOK"), text.MISSING),
    ],
)
def test_rounding(shown, expected):
    assert shown == expected


def table(*rows, columns=("what", "x"), source=RECORD, **options) -> Table:
    return Table("t", columns, rows, source=source, **options)


def test_table_marks_what_is_simulated_and_says_no_other_class_in_its_caption():
    number = Cell(text.count(1), "published", "F001")
    record, simulated = (table(("a", number), source=one) for one in (RECORD, "simulated: null world"))
    assert MARK not in record._repr_html_() + repr(record) and 'data-holf="record"' in record._repr_html_()
    assert repr(simulated).startswith(f"{MARK} (null world)") and 'data-holf="simulated"' in simulated._repr_html_()
    caption, _, rest = simulated._repr_html_().partition("</caption>")
    assert f"{MARK}</strong>" in caption and "published" not in caption and "holf-published" in rest


def test_a_unit_that_a_whole_column_has_stands_in_its_heading_alone():
    shown = table(
        ("a", text.difference(61, "0 NOK"), text.level(0.2, "percent"), text.interval(-5, 1200, "0 NOK"), "words"),
        ("b", text.withheld(Withheld("people")), text.amount(5, "points"), text.MISSING, text.amount(5, "0 NOK")),
        ("c", text.difference(-7, "0 NOK"), "not asked", text.interval(0, 0, "0 NOK"), "words"),
        columns=("what", "x", "mixed", "limits", "few"),
    )
    assert repr(shown).splitlines()[1:] == [
        "what | x (NOK) | mixed | limits (NOK) | few",
        "a | +61 | 20.0% | \N{MINUS SIGN}5 to +1,200 | words",
        "b | withheld (people) | 5.00 points | \N{EM DASH} | 5 NOK",
        "c | \N{MINUS SIGN}7 | not asked | 0 to 0 | words",
    ]
    assert '<th scope="col">x (NOK)</th>' in shown._repr_html_()
    assert [one.unit for one in shown.values.columns if one.name == "x"] == ["NOK"]


def test_a_class_that_every_row_has_stands_in_the_caption_alone():
    one, two = Cell(text.count(1), "assumed", "F001"), Cell(text.count(2), "assumed")
    shown = table(("a", one), ("b", two))
    html = shown._repr_html_()
    assert html.count("holf-badge") == 1 and html.index("holf-assumed") < html.index("</caption>")
    assert repr(shown).splitlines() == ["t [assumed]", "what | x", "a | 1 [F001]", "b | 2"] and "#f001" in html
    assert shown.values.rows[1]["x_class"] == "assumed"


@pytest.mark.parametrize("other", [Cell(text.count(2), "published", "F001"), text.count(2), "words"])
def test_a_class_that_one_row_lacks_stays_with_its_numbers(other):
    shown = table(("a", Cell(text.count(1), "assumed")), ("b", other))
    assert "assumed" not in shown._repr_html_().partition("</caption>")[0] and "1 [assumed]" in repr(shown)


def test_a_table_escapes_its_words_and_links_or_places_what_is_published():
    linked, placed = Cell("<i>", "published", "F001"), Cell("29", "published", place="article, page 5")
    shown = table((linked, placed))
    assert "<i>" not in shown._repr_html_() and 'href="ledger.html#f001"' in shown._repr_html_()
    assert "(article, page 5)" in shown._repr_html_() and "| 29 [published article, page 5]" in repr(
        table(("a", placed), ("b", "c"))
    )


@pytest.mark.parametrize(
    ("row", "source", "said"),
    [
        (("a",), RECORD, "a row has 1 entries for 2 columns"),
        (("a", "b"), "", "source must be RECORD or begin with simulated"),
        (("a", Cell("29", "published")), RECORD, 'links to no row of the ledger; write Cell(\'29\', "published", "F'),
    ],
)
def test_a_table_that_hides_where_its_numbers_are_from_is_refused(row, source, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        table(row, source=source)


def test_simulated_and_real_never_share_a_table_or_a_figure(studies):
    assert joint_source(["simulated: null world", "simulated: harm world"]) == "simulated: null world, harm world"
    with pytest.raises(ValueError, match="must not be shown together"):
        joint_source(["simulated: null world", "release 1"])
    outcome = studies[0].plan.outcome("income")
    mixed = [studies[0].effect("income"), replace(studies[1].effect("income"), source="release 1")]
    with pytest.raises(ValueError, match="must not be shown together"):
        plots.outcome_effects(mixed, outcome, {})
    with pytest.raises(ValueError, match="must not be shown together"):
        tables.effects_table([(outcome, "x", effect) for effect in mixed], "c")


@pytest.mark.parametrize(
    ("low", "high", "p_value", "said"),
    [
        (-900, 900, 0.3, "the interval rules out a difference as large as the assumed margin"),
        (100, 900, 0.01, "the interval rules out"),
        (-1500, 200, 0.3, "one as large as the assumed margin of 1,000 NOK stays open"),
        (-200, 1500, 0.3, "one as large as the assumed margin of 1,000 NOK stays open"),
        (200, 1800, 0.01, "lies higher; the interval excludes zero"),
        (-1800, -200, 0.01, "lies lower; the interval excludes zero"),
        # An exact interval is two one-sided tests, which a two-sided p-value need not agree with.
        (0.0, 1800, 0.04, "lies higher; the two-sided test has p = 0.040, though the interval holds zero."),
        (10, 1800, 0.06, "stays open. Zero lies outside the interval, but the two-sided test has p = 0.060."),
    ],
)
def test_a_verdict_is_that_of_the_p_value_and_never_takes_no_difference_for_equality(studies, low, high, p_value, said):
    outcome, effect = studies[0].plan.outcome("income"), studies[0].effect("income")
    effect = replace(effect, estimate=(low + high) / 2, ci_low=low, ci_high=high, p_value=p_value)
    sentence = effect_sentence(effect, outcome)
    assert said in sentence.words and "no effect" not in sentence.words
    assert "In these invented data, " in sentence.words
    assert "invented" not in effect_sentence(replace(effect, source="real data: a"), outcome).words
    assert "ny difference is smaller" not in sentence.words, "an interval rules out, and proves nothing"
    assert repr(sentence).startswith(MARK) and sentence._repr_markdown_().startswith(f"**{MARK}**")


def test_what_the_interpretation_chapter_says_of_the_worlds_holds(studies):
    """Prose there says that both arms improve in every world, and that some null-world intervals leave the margins."""
    for study in studies:
        assert all(
            study.change(name, arm).change > 0 for name in ("income", "participation") for arm in ("holf", "local")
        )
    fits = []
    for outcome in studies[0].plan.outcomes.values():
        if outcome.kind == "primary":
            fits.append(equivalence(studies[0].effect(outcome.id), outcome.margin).is_equivalent)
    assert not all(fits), "otherwise rewrite the sentence that says some"


def test_a_sampled_p_value_is_never_called_exact(studies, monkeypatch):
    study, outcome = studies[0], studies[0].plan.outcome("income")
    sampled = [replace(one, exact=False, n_allocations=2**100) for one in study.exact("income")]
    assert "\nExact p, office means (" in repr(sensitivity_table.robustness_table([study], outcome))
    monkeypatch.setattr(study, "exact", lambda *_: sampled)
    shown = repr(sensitivity_table.robustness_table([study], outcome))
    assert "Exact" not in shown and "\np by Monte Carlo, office means (a sample of 1.3e+30 allocations)" in shown
    found = [replace(one, exact=False) for one in study.recruitment()]
    arms = {arm: study.plan.arms[arm]["label"] for arm in study.plan.main.arms}
    shown = tables.recruitment_table(found, arms, study.plan.words)
    assert shown.columns[-1] == "Randomisation p" and "a sample of " in shown.rows[0][-1]
    assert shown.rows[0][0] == "number in each office", "in words of the trial"


def words_drawn(picture) -> list[str]:
    return [words.get_text() for axes in picture.drawings[PHONE].axes for words in axes.texts
            if words.get_gid() != "holf-mark"]  # fmt: skip


def test_a_figure_says_what_is_withheld_where_it_would_stand(studies):
    study, outcome = studies[0], studies[0].plan.outcome("income")
    shown, gone = study.effect("income"), Withheld("people")
    hidden = replace(shown, estimate=gone, ci_low=gone, ci_high=gone)
    level, *rest = study.levels("income")
    assert words_drawn(plots.outcome_effects([hidden, shown], outcome, {})) == [str(gone)]
    assert words_drawn(plots.overview({study.source: [hidden]}, {"income": outcome})) == [str(gone)]
    change = study.change("income", "holf")
    assert words_drawn(plots.change_and_effect([change], [hidden], outcome, study.plan)) == [str(gone)]
    drawn = words_drawn(plots.outcome_levels({study.source: [replace(level, mean=gone), *rest]}, outcome, study.plan))
    (said,) = (words for words in drawn if str(gone) in words)
    assert level.wave in said
    drawn = words_drawn(plots.outcome_levels({study.source: rest}, outcome, study.plan))
    names = {study.plan.arms[one.group]["label"] for one in rest}
    assert {" ".join(words.split()) for words in drawn} == names, "each line is named at its end, once"


@pytest.mark.parametrize(("name", "unit"), [("employment", "parent"), ("participation", "child")])
def test_an_average_over_rows_is_named_after_those_in_the_rows(studies, name, unit):
    """Registers and questionnaires have a row a parent, or a child: no row is a family."""
    study = studies[0]
    outcome = study.plan.outcome(name)
    shown = repr(tables.effects_table([(outcome, outcome.label, study.effect(name))], "Effect"))
    assert f"({unit} average)" in shown and "individual average" not in shown
    hangs_on = repr(sensitivity_table.robustness_table([study], outcome))
    assert f"\n{unit.capitalize()} average minus office average | " in hangs_on


def test_a_statement_that_names_no_outcome_is_given_to_none():
    picture = published_overview(load_reporting(), holf.load_registered())
    rows = [row for row in picture.table.rows if row[2] == "NAV, registers"]
    assert {row[0] for row in rows} == {"No outcome named"} and {row[3].fact for row in rows} == {"F135"}
    said = "no outcome named: no certain effects"
    assert {row[3].text for row in rows} == {said} and picture.alt.count(f"{said} (NAV register)") == 2
    drawn = [" ".join(words.split()) for words in words_drawn(picture)]
    assert drawn.count(said) == 2, "once in each panel, over all areas"


def test_a_table_of_simulated_people_by_arm_says_that_no_source_gives_such_numbers(studies):
    study = studies[0]
    plan = holf.load_plan()
    arms = {arm: entry["label"] for arm, entry in plan.arms.items() if "offices_fact" in entry}
    levels = {study.source: study.levels("income")}
    for shown in (
        tables.baseline_table(study.baseline(), arms),
        tables.changes_table([study.change("income", arm) for arm in arms], plan.outcome("income"), arms),
        plots.outcome_levels(levels, plan.outcome("income"), plan).table,
    ):
        assert "<tfoot>" in shown._repr_html_() and "no source read gives numbers by arm" in repr(shown).lower()
        assert "<tfoot>" not in replace(shown, note=invented_arms("real data: r"))._repr_html_()
