"""Table 1, typed in: a made-up one that is true passes and gives its spread back, and each planted fault is found."""

import numpy as np
import pytest
from edited import edited
from scipy import stats

import holf
from clustertrials.published import between_arms
from holf.display import article_table, text
from holf.paths import project_root
from holf.record.facts import FactError
from holf.record.published_table import load_published_results, table_one
from holf.record.source import MARK

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

    def fill(rows):
        for row in rows:
            key = tuple(row[name] for name in ("outcome", "arm", "wave", "statistic"))
            if key in typed:
                row.update({"value": typed[key], "class": "published", "source": "article", "page": "1"})
            if key[0] == "participation" and key[3] == "mean":
                row["unit"] = unit

    path = edited("published_results.csv", tmp_path, fill)
    path.write_text(path.read_text() + "".join(f"{line}\n" for line in extra))
    return path


def derived(path, **options):
    found = table_one(load_published_results(path), PLAN, LEDGER, ASSUMED, **options)
    return {summary.outcome: summary for summary in found}


def verdicts(summary):
    return {(arm.arm, check.wave, check.rule): check.holds for arm in summary.arms for check in arm.checks}


def shown(slots):
    """The four tables of the book: slots, changes, comparison, checks."""
    found = table_one(slots, PLAN, LEDGER, ASSUMED)
    later = (article_table.changes_table, article_table.comparison_table)
    tables = [article_table.slots_table(slots, PLAN), *(one(found, PLAN, level=0.95) for one in later)]
    return [*tables, article_table.checks_table(found, PLAN)]


def test_a_true_table_passes_and_gives_its_spread_back(tmp_path):
    found = derived(write(tmp_path, true_table()))
    for outcome in ("income", "participation"):
        for arm in found[outcome].arms:
            before, after = people(arm.arm)[outcome]
            sd, slack = (after - before).std(ddof=1), 1.0 if outcome == "income" else 0.001
            assert arm.change == pytest.approx((after - before).mean(), abs=slack)
            assert arm.implied.sd_low - 1e-9 <= sd <= arm.implied.sd_high + 1e-9
            assert not arm.limits or arm.limits.low <= sd <= arm.limits.high
    checked = verdicts(found["participation"])
    assert len(checked) == 6 and all(checked.values()), "GRIM twice and the p-value, in each arm"
    assert set(verdicts(found["income"]).values()) == {None}, "no whole numbers and no SD: nothing to check"


def test_between_arms_takes_offices_and_correlation_from_the_record(tmp_path):
    summary = derived(write(tmp_path, true_table()), level=0.9)["income"]
    grid, sides = ASSUMED["icc_grid"].value, [(arm.change, arm.implied.sd, N) for arm in summary.arms]
    assert tuple(effect.icc for effect in summary.effects) == tuple(grid)
    offices = {"clusters1": LEDGER.number("F046"), "clusters2": LEDGER.number("F047")}
    cv = ASSUMED["parents_size_cv"].value
    assert summary.effects[1] == between_arms(*sides[0], *sides[1], icc=grid[1], cv=cv, level=0.9, **offices)


@pytest.mark.parametrize(
    ("unit", "mean", "n", "expected"),
    [
        # Of three, whole ones can have a mean of 33.3 percent, and cannot have 33.30.
        ("percent", "33.3", 3, True),
        ("percent", "33.30", 3, False),
        # Of 200 children, whole ones make steps of half a percent.
        ("percent", "50.3", 200, False),
        ("share", "0.503", 200, False),
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


@pytest.mark.parametrize(("p_value", "expected"), [("0.050", True), ("0.500", False)])
def test_typed_sds_of_scores_limit_the_p_value(tmp_path, p_value, expected):
    rows = [f"income,holf,{wave},sd,5000,crowns,published,article,1,,," for wave in ("m0", "m12")]
    typed = {("income", "holf", "m0", "mean"): "20000", ("income", "holf", "m12", "mean"): "21000"}
    path = write(tmp_path, true_table() | typed | {("income", "holf", "m12", "p_value_change"): p_value}, rows)
    path.write_text(path.read_text().replace("not stated", "crowns"))
    assert verdicts(derived(path)["income"])["holf", "m12", "p for change"] is expected


def test_a_bound_of_p_gives_bounds(tmp_path):
    typed = true_table() | {("income", "holf", "m12", "p_value_change"): "<0.001"}
    path = write(tmp_path, typed)
    assert derived(path)["income"].arms[0].implied.sd_low == 0
    _, changes, comparison, _ = map(repr, shown(load_published_results(path)))
    assert "at most" in changes and "or narrower" in changes and "or smaller" in comparison


def test_partial_rows_say_what_they_lack_and_absent_ones_count_as_empty(tmp_path):
    typed = {("income", "holf", "m0", "mean"): "20000", ("income", "holf", "m12", "mean"): "21000"}
    path = write(tmp_path, typed | {("income", "holf", "m0", "n"): "100"})
    summary = derived(path)["income"]
    assert summary.arms[0].change == 1000 and summary.arms[0].sd_needs == "n at m12, p_value_change at m12"
    assert summary.arms[1].change_needs == "mean at m0, mean at m12"
    assert summary.effects == () and summary.between_needs.startswith("holf: n at m12, p_value_change at m12; local:")
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *(line for line in lines if line.startswith("income,holf"))]) + "\n")
    assert derived(path) == {"income": summary} and "slots are filled" in repr(shown(load_published_results(path))[0])


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
    path = write(tmp_path, true_table() | {("participation", "holf", "m0", "n"): str(N + 10)})
    summary = derived(path)["participation"]
    assert summary.arms[0].n == N and verdicts(summary)["holf", "m12", "p for change"] is None
    assert f"{N}, the smaller of two" in repr(shown(load_published_results(path))[1])


def typed_row(text):
    """A row typed in behind the others: outcome, arm, wave, statistic, value, unit, class, source, page."""
    return {}, [f"{text},,,"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (({("income", "holf", "m0", "n"): "863"}, ()), "larger than all that were analysed, 862 in row F122"),
        (({("income", "holf", "m12", "n"): "700"}, ()), "add up to more than were analysed"),
        (({("income", "holf", "m12", "n"): "20.5"}, ()), "n is a whole number"),
        (({("income", "holf", "m12", "n"): "0"}, ()), "n is a whole number"),
        (({("income", "holf", "m12", "p_value_change"): "1.2"}, ()), "between 0 and 1"),
        (({("income", "holf", "m12", "p_value_change"): "-0.2"}, ()), "between 0 and 1"),
        (({("income", "holf", "m12", "p_value_change"): "0.000"}, ()), "type it as one, as in <0.001"),
        (({("income", "holf", "m12", "mean"): "<26000"}, ()), "only a p-value may be a bound"),
        (({("income", "holf", "m12", "mean"): "26,000"}, ()), "no other separator"),
        (({("employment", "holf", "m12", "mean"): "100.1"}, ()), "a mean in percent lies between 0 and 100"),
        (({("employment", "holf", "m12", "mean"): "-1"}, ()), "a mean in percent lies between 0 and 100"),
        (typed_row("income,holf,m0,mean,20000,crowns,published,article,1"), "the slot is there twice"),
        (typed_row("income,holf,m0,median,20000,crowns,published,article,1"), "statistic must be one of mean, sd"),
        (typed_row("income,holf,m0,sd,-1,not stated,published,article,1"), "a standard deviation is not negative"),
        (typed_row("income,holf,m0,sd,5000,euros,published,article,1"), "unit must be the same"),
        (typed_row("income,holf,m24,mean,20000,crowns,published,article,1"), "wave one of m0, m12"),
        (typed_row("income,ordinary,m0,mean,20000,crowns,published,article,1"), "arm must be one of holf, local"),
        (typed_row("luck,holf,m0,mean,20000,crowns,published,article,1"), "no such outcome"),
        (typed_row("income,holf,m0,sd,5000,crowns,simulated,article,1"), "needs class published"),
        (typed_row("income,holf,m0,sd,5000,crowns,published,article,"), "needs class published, a source and a page"),
    ],
)
def test_a_contradiction_names_file_row_and_rule(tmp_path, changes, said):
    values, rows = changes
    path = write(tmp_path, true_table() | values, rows)
    with pytest.raises(FactError, match=rf"^published_results.csv, \w+ \w+ m\d+ \w+: .*{said}"):
        derived(path)


def test_the_parents_together_may_be_more_at_baseline_only(tmp_path):
    """Those lost later were counted at baseline; children are not bounded by the number of parents."""
    typed = {("income", arm, "m0", "n"): "442" for arm in ("holf", "local")}
    typed |= {("participation", "holf", "m12", "n"): "900"}
    assert derived(write(tmp_path, typed))["income"].arms[0].n is None


def test_the_committed_slots_are_empty_and_say_so():
    slots, changes, comparison, checks = shown(load_published_results())
    assert "0 of 40 slots are filled" in slots.caption and checks.folded
    for table in (slots, changes, comparison, checks):
        assert table.source == "record"
        assert not any(word in repr(table) for word in ("[published]", "[derived]", "[assumed]"))
        assert "needs" in repr(table) or "not yet entered" in repr(table)


def test_typed_in_is_published_computed_is_derived_and_correlation_assumed(tmp_path):
    first, changes, compared, _ = shown(load_published_results(write(tmp_path, true_table())))
    assert {cell.kind for row in first.rows for cell in row[3:]} == {"published", "unknown"}
    assert all(", page " in cell.place for row in first.rows for cell in row[3:] if cell.kind == "published")
    assert true_table()["participation", "holf", "m0", "mean"] in [str(row[3].text) for row in first.rows]
    label = PLAN.outcome("participation").label
    assert {cell.kind for row in changes.rows if row[0] == label for cell in row[3:]} == {"derived"}
    known = [row for row in compared.rows if row[3] != text.MISSING]
    assert [cell.kind for cell in known[-1][2:]] == ["derived", "assumed", "assumed", "assumed"]


def test_the_made_up_example_shows_both_planted_faults_under_the_mark():
    slots = load_published_results(MADE_UP, kind="simulated")
    found = table_one(slots, PLAN, LEDGER, ASSUMED)
    wrong = {key for summary in found for key, holds in verdicts(summary).items() if holds is False}
    assert wrong == {("local", "m12", "GRIM"), ("local", "m12", "p for change")}
    assert {effect.source for effect in found[0].effects} == {"simulated: made-up example"}
    for table in shown(slots):
        assert repr(table).startswith(MARK) and "[published]" not in repr(table) and "[derived]" not in repr(table)
    with pytest.raises(FactError, match="needs class published"):
        load_published_results(MADE_UP)
