"""Table 1, typed in: a made-up one that is true passes and gives its spread back, and each planted fault is found."""

import csv

import numpy as np
import pytest
from scipy import stats

import holf
from clustertrials.published import between_arms
from holf.display import article_table
from holf.paths import project_root
from holf.record.facts import FactError
from holf.record.published_table import load_published_results, table_one
from holf.record.source import MARK

FILE = project_root() / "data" / "published_results.csv"
MADE_UP = project_root() / "data" / "simulated" / "table_one.csv"
PLAN, LEDGER, ASSUMED = holf.load_plan(), holf.load_ledger(), holf.load_assumptions()
N = 200


def people(arm):
    """Pairs of one arm whose changes are known: incomes, and 0/1 participation."""
    generator = np.random.default_rng({"holf": 1, "local": 2}[arm])
    before = generator.normal(20000, 5000, N)
    takes_part = generator.integers(0, 2, N)
    return {
        "income": (before, before + generator.normal(1500, 4000, N)),
        "participation": (takes_part, np.where(generator.random(N) < 0.25, 1, takes_part)),
    }


def true_table():
    """Values of a Table 1 as it would be printed from those people, by outcome, arm, wave and statistic."""
    typed = {}
    for arm in ("holf", "local"):
        for outcome, waves in people(arm).items():
            shown = (lambda mean: f"{mean:.0f}") if outcome == "income" else lambda mean: f"{100 * mean:.1f}"
            for wave, values in zip(("m0", "m12"), waves):
                typed[outcome, arm, wave, "mean"] = shown(values.mean())
                typed[outcome, arm, wave, "n"] = str(N)
            p_value = stats.ttest_rel(*waves).pvalue
            typed[outcome, arm, "m12", "p_value_change"] = "<0.001" if p_value < 0.001 else f"{p_value:.3f}"
    return typed


def write(tmp_path, typed, extra=(), unit="percent"):
    """The committed slots with some values typed in, those of participation in `unit`, and further rows behind."""
    with open(FILE, encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    for row in rows:
        key = tuple(row[name] for name in ("outcome", "arm", "wave", "statistic"))
        if key in typed:
            row.update({"value": typed[key], "class": "published", "source": "article", "page": "1"})
        if key[0] == "participation" and key[3] == "mean":
            row["unit"] = unit
    path = tmp_path / "typed.csv"
    with open(path, "w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0])
        writer.writeheader()
        writer.writerows(rows)
        stream.writelines(f"{line}\n" for line in extra)
    return path


def derived(path, **options):
    found = table_one(load_published_results(path), PLAN, LEDGER, ASSUMED, **options)
    return {summary.outcome: summary for summary in found}


def verdicts(summary):
    return {(check.arm, check.wave, check.rule): check.holds for check in summary.checks}


def test_a_true_table_passes_and_gives_its_spread_back(tmp_path):
    found = derived(write(tmp_path, true_table()))
    for outcome in ("income", "participation"):
        for arm in found[outcome].arms:
            before, after = people(arm.arm)[outcome]
            sd, slack = (after - before).std(ddof=1), 1.0 if outcome == "income" else 0.001
            assert arm.change == pytest.approx((after - before).mean(), abs=slack)
            assert arm.implied.sd_low - 1e-9 <= sd <= arm.implied.sd_high + 1e-9
            assert arm.n == N and arm.same_n and not arm.change_needs + arm.sd_needs
            if arm.limits:
                assert arm.limits.low <= sd <= arm.limits.high
    checked = verdicts(found["participation"])
    assert len(checked) == 6 and all(checked.values()), "GRIM twice and the p-value, in each arm"
    assert set(verdicts(found["income"]).values()) == {None}, "no whole numbers and no SD: nothing to check"


def test_between_arms_takes_offices_and_correlation_from_the_record(tmp_path):
    summary = derived(write(tmp_path, true_table()), level=0.9)["income"]
    holf_arm, local = summary.arms
    grid = ASSUMED["icc_grid"].value
    assert tuple(effect.icc for effect in summary.effects) == tuple(grid)
    sides = [(arm.change, arm.implied.sd, N) for arm in (holf_arm, local)]
    offices = {"clusters1": LEDGER.number("F046"), "clusters2": LEDGER.number("F047")}
    cv = ASSUMED["parents_size_cv"].value
    assert summary.effects[1] == between_arms(*sides[0], *sides[1], icc=grid[1], cv=cv, level=0.9, **offices)
    assert summary.effects[1].estimate == holf_arm.change - local.change and summary.effects[1].df == 27


def test_a_planted_mean_fails_grim(tmp_path):
    """Of 200 children, whole ones make steps of half a percent."""
    typed = true_table() | {("participation", "local", "m0", "mean"): "50.3"}
    assert verdicts(derived(write(tmp_path, typed))["participation"])["local", "m0", "GRIM"] is False
    shares = {key: f"{float(value) / 100:.3f}" for key, value in typed.items() if key[3] == "mean"}
    found = verdicts(derived(write(tmp_path, typed | shares, unit="share"))["participation"])
    assert found["local", "m0", "GRIM"] is False and found["holf", "m0", "GRIM"] is True


@pytest.mark.parametrize(
    ("unit", "mean", "n", "expected"),
    [
        ("whole points", "3.45", 20, True),
        ("whole points", "3.46", 20, False),
        # Three whole numbers can have the mean 3.3, and cannot have 3.30.
        ("whole points", "3.3", 3, True),
        ("whole points", "3.30", 3, False),
        ("whole points, mean of 5 items", "3.46", 10, True),
        ("whole points, mean of 5 items", "3.45", 10, False),
        ("whole points, mean of 5 items", "3.45", 20, None),
        ("percent", "45.30", 200, False),
        ("percent", "45.3", 1000, None),
        ("points", "3.46", 20, None),
    ],
)
def test_grim_reads_decimals_as_printed_and_whole_numbers_from_the_unit(tmp_path, unit, mean, n, expected):
    typed = {("participation", "holf", "m0", "mean"): mean, ("participation", "holf", "m0", "n"): str(n)}
    assert verdicts(derived(write(tmp_path, typed, unit=unit))["participation"])["holf", "m0", "GRIM"] is expected


def test_a_planted_p_is_found_and_not_used(tmp_path):
    typed = true_table() | {("participation", "holf", "m12", "p_value_change"): "0.90"}
    summary = derived(write(tmp_path, typed))["participation"]
    assert verdicts(summary)["holf", "m12", "p for change"] is False
    assert summary.effects == () and summary.between_needs == "holf: a p-value that its means allow"
    assert summary.arms[0].implied.sd_low > summary.arms[0].limits.high


def test_typed_sds_of_scores_limit_the_p_value(tmp_path):
    rows = [f"income,holf,{wave},sd,5000,crowns,published,article,1,,," for wave in ("m0", "m12")]
    means = {("income", "holf", "m0", "mean"): "20000", ("income", "holf", "m12", "mean"): "21000"}
    for p_value, expected in (("0.050", True), ("0.500", False)):
        typed = true_table() | means | {("income", "holf", "m12", "p_value_change"): p_value}
        path = write(tmp_path, typed, rows)
        path.write_text(path.read_text().replace("not stated", "crowns"))
        assert verdicts(derived(path)["income"])["holf", "m12", "p for change"] is expected


def test_a_bound_of_p_gives_bounds(tmp_path):
    typed = true_table() | {("income", "holf", "m12", "p_value_change"): "<0.001"}
    summary = derived(write(tmp_path, typed))["income"]
    assert summary.arms[0].implied.is_bound and summary.arms[0].implied.sd_low == 0 and summary.effects
    shown = repr(article_table.changes_table((summary,), PLAN, level=0.95))
    assert "at most" in shown and "or narrower" in shown
    assert "or smaller" in repr(article_table.comparison_table((summary,), PLAN, level=0.95))


def test_partial_rows_say_what_they_lack(tmp_path):
    typed = {
        ("income", "holf", "m0", "mean"): "20000",
        ("income", "holf", "m12", "mean"): "21000",
        ("income", "holf", "m0", "n"): "100",
    }
    summary = derived(write(tmp_path, typed))["income"]
    assert summary.arms[0].change == 1000 and summary.arms[0].implied is None
    assert summary.arms[0].sd_needs == "n at m12, p_value_change at m12"
    assert summary.arms[1].change_needs == "mean at m0, mean at m12"
    assert summary.effects == () and summary.between_needs.startswith("holf: n at m12, p_value_change at m12; local:")


def test_rows_that_are_absent_count_as_empty(tmp_path):
    path = write(tmp_path, true_table())
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *(line for line in lines if line.startswith("income,holf"))]) + "\n")
    found = derived(path)
    assert [*found] == ["income"] and found["income"].arms[0].implied and not found["income"].effects
    assert "slots are filled" in repr(article_table.slots_table(load_published_results(path), PLAN))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({("income", "holf", "m12", "mean"): "20000", ("income", "holf", "m0", "mean"): "20000"}, "finite and differ"),
        ({("income", "holf", "m12", "p_value_change"): "1.00"}, "p must lie between"),
        ({("income", "holf", wave, "n"): "1" for wave in ("m0", "m12")}, "at least 2"),
        ({("income", "holf", wave, "n"): "10" for wave in ("m0", "m12")}, "one unit in each cluster"),
    ],
)
def test_numbers_from_which_nothing_follows_do_not_fail(tmp_path, changes, said):
    summary = derived(write(tmp_path, true_table() | changes))["income"]
    assert summary.effects == () and said in summary.between_needs


def test_numbers_that_differ_between_waves_are_said(tmp_path):
    typed = true_table() | {("participation", "holf", "m0", "n"): str(N + 10)}
    summary = derived(write(tmp_path, typed))["participation"]
    assert summary.arms[0].n == N and not summary.arms[0].same_n
    assert verdicts(summary)["holf", "m12", "p for change"] is None
    assert "the smaller of two" in repr(article_table.changes_table((summary,), PLAN, level=0.95))


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        (("income", "holf", "m0", "n"), "863", "larger than all that were analysed, 862 in row F122"),
        (("income", "holf", "m12", "n"), "700", "add up to more than were analysed"),
        (("income", "holf", "m12", "n"), "20.5", "n is a whole number"),
        (("income", "holf", "m12", "n"), "0", "n is a whole number"),
        (("income", "holf", "m12", "p_value_change"), "1.2", "between 0 and 1"),
        (("income", "holf", "m12", "p_value_change"), "-0.2", "between 0 and 1"),
        (("income", "holf", "m12", "p_value_change"), "0.000", "type it as one, as in <0.001"),
        (("income", "holf", "m12", "mean"), "<26000", "only a p-value may be a bound"),
        (("income", "holf", "m12", "mean"), "26,000", "no other separator"),
        (("income", "holf", "m12", "mean"), "nan", "must be a number"),
        (("employment", "holf", "m12", "mean"), "100.1", "a mean in percent lies between 0 and 100"),
        (("employment", "holf", "m12", "mean"), "-1", "a mean in percent lies between 0 and 100"),
    ],
)
def test_a_contradiction_names_file_row_and_rule(tmp_path, key, value, said):
    typed = {("income", "local", "m12", "n"): "200", key: value}
    path = write(tmp_path, typed)
    with pytest.raises(FactError, match=said) as caught:
        derived(path)
    assert str(caught.value).startswith(f"typed.csv, {key[0]} ") and f"{key[2]} {key[3]}: " in str(caught.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("income,holf,m0,mean,20000,crowns,published,article,1,,,", "income holf m0 mean: the slot is there twice"),
        ("income,holf,m0,sd,26,130,crowns,published,article,1,,,", "more or fewer cells"),
        ("income,holf,m0,median,20000,crowns,published,article,1,,,", "statistic must be one of mean, sd"),
        ("income,holf,m0,sd,-1,not stated,published,article,1,,,", "a standard deviation is not negative"),
        ("income,holf,m0,sd,5000,euros,published,article,1,,,", "unit must be the same"),
        ("income,holf,m24,mean,20000,crowns,published,article,1,,,", "wave one of m0, m12"),
        ("income,ordinary,m0,mean,20000,crowns,published,article,1,,,", "arm must be one of holf, local"),
        ("luck,holf,m0,mean,20000,crowns,published,article,1,,,", "no such outcome"),
        ("income,holf,m0,sd,5000,crowns,simulated,article,1,,,", "needs class published"),
        ("income,holf,m0,sd,5000,crowns,,,,,,", "needs class published, a source and a page"),
        ("income,holf,m0,sd,5000,crowns,published,article,,,,", "a source and a page"),
    ],
)
def test_a_row_out_of_place_is_refused(tmp_path, row, said):
    with pytest.raises(FactError, match=said):
        derived(write(tmp_path, true_table(), [row]))


def test_the_parents_together_may_be_more_at_baseline_only(tmp_path):
    """Those lost later were counted at baseline; children are not bounded by the number of parents."""
    typed = {("income", arm, "m0", "n"): "442" for arm in ("holf", "local")}
    typed |= {("participation", "holf", "m12", "n"): "900"}
    assert derived(write(tmp_path, typed))["income"].arms[0].n is None


def test_the_committed_slots_are_empty_and_say_so():
    slots = load_published_results()
    found = table_one(slots, PLAN, LEDGER, ASSUMED)
    shown = [
        article_table.slots_table(slots, PLAN),
        article_table.changes_table(found, PLAN, level=0.95),
        article_table.comparison_table(found, PLAN, level=0.95),
        article_table.checks_table(found, PLAN),
    ]
    assert "0 of 40 slots are filled" in shown[0].caption and shown[3].folded
    assert len(found) == 4 and not any(summary.effects for summary in found)
    for table in shown:
        assert table.source == "record"
        assert not any(word in repr(table) for word in ("[published]", "[derived]", "[assumed]"))
        assert "needs" in repr(table) or "not yet entered" in repr(table)


def test_typed_in_is_published_computed_is_derived_and_correlation_assumed(tmp_path):
    slots = load_published_results(write(tmp_path, true_table()))
    found = [summary for summary in table_one(slots, PLAN, LEDGER, ASSUMED) if summary.outcome == "participation"]
    first = article_table.slots_table(slots, PLAN)
    assert {cell.kind for row in first.rows for cell in row[3:]} == {"published", "unknown"}
    assert all(", page " in cell.place for row in first.rows for cell in row[3:] if cell.kind == "published")
    assert {cell.kind for row in article_table.changes_table(found, PLAN, level=0.95).rows for cell in row[3:]} == {
        "derived"
    }
    compared = article_table.comparison_table(found, PLAN, level=0.95)
    assert [cell.kind for cell in compared.rows[0][2:]] == ["derived", "assumed", "assumed", "assumed"]
    assert true_table()["participation", "holf", "m0", "mean"] in [str(row[3].text) for row in first.rows]


def test_the_made_up_example_shows_both_planted_faults_under_the_mark():
    slots = load_published_results(MADE_UP, kind="simulated")
    found = table_one(slots, PLAN, LEDGER, ASSUMED)
    wrong = {key for summary in found for key, holds in verdicts(summary).items() if holds is False}
    assert wrong == {("local", "m12", "GRIM"), ("local", "m12", "p for change")}
    assert all(effect.source == "simulated: made-up example" for effect in found[0].effects) and found[0].effects
    for table in (
        article_table.slots_table(slots, PLAN),
        article_table.changes_table(found, PLAN, level=0.95),
        article_table.comparison_table(found, PLAN, level=0.95),
        article_table.checks_table(found, PLAN),
    ):
        assert repr(table).startswith(MARK) and "[published]" not in repr(table) and "[derived]" not in repr(table)


def test_the_made_up_example_cannot_be_loaded_as_published():
    with pytest.raises(FactError, match="needs class published"):
        load_published_results(MADE_UP)
