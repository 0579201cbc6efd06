"""Truth recovery: trials are what they claim, no answer is lost, and the committed file is what the code gives."""

import dataclasses
import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

from clustertrials.estimators import estimate_effect
from clustertrials.simulation_study import Recovery, Scenario, draw, measure, simulate_estimators, tally
from holf.display import recovery
from holf.paths import data_path
from holf.record.facts import FactError, load_ledger
from holf.record.source import MARK
from holf.study.truths import RESULTS, load_recoveries, load_settings, write_recoveries

SETTINGS = load_settings()
FOUND = load_recoveries()
LEVEL = SETTINGS.monte_carlo_level
SMALL = Scenario("small", (5, 8, 11, 14, 17, 20, 9, 12), treated=4, icc=0.1, correlation=0.5, effect=0.2, slope=0.4)


def record(scenario: str, estimator: str) -> Recovery:
    (one,) = [one for one in FOUND if (one.scenario, one.estimator) == (scenario, estimator)]
    return one


# --- the trials ------------------------------------------------------------------------------------------------------


def test_the_two_true_averages_are_those_of_the_offices_effects():
    sizes = np.array(SMALL.sizes)
    effects = 0.2 + 0.4 * (sizes / sizes.mean() - 1)
    assert SMALL.cluster_effect == pytest.approx(effects.mean())
    assert SMALL.individual_effect == pytest.approx(np.repeat(effects, sizes).mean())
    assert SMALL.individual_effect > SMALL.cluster_effect


def test_a_drawn_trial_has_the_offices_and_arms_it_was_told():
    frame = draw(SMALL, np.random.default_rng(1))
    assert tuple(frame.groupby("cluster").size()) == SMALL.sizes
    assert frame.groupby("cluster")["arm"].nunique().eq(1).all()
    assert frame.groupby("cluster")["arm"].first().sum() == SMALL.treated


@pytest.mark.parametrize("share", [None, 0.2])
def test_planted_moments_are_met(share):
    """Level, variance, correlation inside offices, correlation with baseline and effect, in one very large trial."""
    truth = Scenario("big", (30,) * 8000, treated=4000, icc=0.1, correlation=0.6, effect=0.1, share=share)
    frame = draw(truth, np.random.default_rng(2))
    treated = frame["arm"] == 1
    assert frame["outcome"][treated].mean() - frame["outcome"][~treated].mean() == pytest.approx(0.1, abs=0.015)
    variance = 1 if share is None else share * (1 - share)
    for column in ("outcome", "baseline"):
        other = frame[~treated]
        assert other[column].mean() == pytest.approx(share or 0, abs=0.015)
        assert other[column].var() == pytest.approx(variance, rel=0.02)
        offices = other.groupby("cluster")[column]
        between = offices.mean().var() - offices.var().mean() / 30
        assert between / variance == pytest.approx(0.1, abs=0.01)
    inside = frame[~treated] - frame[~treated].groupby("cluster").transform("mean").assign(cluster=0, arm=0)
    assert np.corrcoef(inside["baseline"], inside["outcome"])[0, 1] == pytest.approx(0.6, abs=0.01)


def test_the_effect_goes_with_size_where_it_is_told_to():
    truth = Scenario("slope", (10, 30) * 3000, treated=3000, icc=0.05, correlation=0.5, effect=0.1, slope=0.6)
    frame = draw(truth, np.random.default_rng(3))
    size = frame.groupby("cluster")["arm"].transform("size")
    for value, wanted in ((10, 0.1 - 0.3), (30, 0.1 + 0.3)):
        means = frame[size == value].groupby("arm")["outcome"].mean()
        assert means[1] - means[0] == pytest.approx(wanted, abs=0.05)


@pytest.mark.parametrize(
    "change",
    [{"icc": 1.0}, {"treated": 8}, {"correlation": -0.1}, {"share": 0.2}, {"share": 0.2, "slope": 0, "effect": 0.9}],
)
def test_impossible_truths_are_refused(change):
    with pytest.raises(ValueError, match="scenario 'small'"):
        replace(SMALL, **change)


# --- running and summing up ------------------------------------------------------------------------------------------


def test_a_replicate_depends_neither_on_how_many_are_run_nor_on_their_order():
    asked = ["cr2", "naive"]
    whole = measure(SMALL, asked, seed=1, first=0, last=6)
    parts = [measure(SMALL, asked, seed=1, first=a, last=b) for a, b in ((4, 6), (0, 4))]
    np.testing.assert_array_equal(whole, np.concatenate(parts[::-1]))
    assert not np.array_equal(whole[:, 0], measure(SMALL, asked, seed=2, first=0, last=6)[:, 0])
    other = replace(SMALL, name="another")
    assert not np.array_equal(whole[:, 0], measure(other, asked, seed=1, first=0, last=6)[:, 0])


@dataclasses.dataclass(frozen=True)
class Made:
    """A truth of 1 whose `cr2` refuses on odd trials, is off by `error`, and has intervals and p-values as told."""

    error: float = 0.0
    half: float = 1.0
    p_value: float = 0.5
    raises: type[Exception] = ValueError
    name: str = "made"
    individual_effect: float = 1.0
    cluster_effect: float = 3.0

    def trial(self, rng):
        frame = draw(SMALL, rng)
        refuses = rng.random() < 0.3
        base = estimate_effect(frame, "outcome", arm="arm", cluster="cluster", treated=1)

        def ask(estimator):
            if refuses and estimator == "cr2":
                raise self.raises("planted")
            middle = 1 + self.error
            limits = {"ci_low": middle - self.half, "ci_high": middle + self.half}
            return replace(base, estimate=middle, se=0.5, p_value=self.p_value, **limits)

        return ask


def test_refusals_are_counted_and_the_rest_is_about_the_others():
    one, other = simulate_estimators(Made(), ["cr2", "naive"], replicates=40, seed=1)
    assert 0 < one.failed < 40 and other.failed == 0
    assert one.answered == 40 - one.failed == one.covered and one.mean_estimate == 1 and one.bias == 0
    said = [repr(recovery.refusal_sentence([replace(x, scenario="alike")], SETTINGS)) for x in (one, other)]
    assert f"CR2 where “{SETTINGS.labels['alike']}”, {one.failed}." in said[0] and "no refusal in 40" in said[1]


def test_an_estimator_that_never_answers_has_no_numbers_but_a_count():
    truth = replace(SMALL, sizes=(1,) * 8, slope=0.0)
    (one,) = simulate_estimators(truth, ["mixed"], replicates=3, seed=1)
    assert one.failed == 3 and math.isnan(one.mean_estimate) and one.rejections == 0


def test_a_fault_that_is_no_refusal_stops_the_run():
    with pytest.raises(ZeroDivisionError):
        simulate_estimators(Made(raises=ZeroDivisionError), ["cr2"], replicates=40, seed=1)


@pytest.mark.parametrize(
    ("made", "bias", "covers", "rejects"),
    [
        (Made(error=0.5), 0.5, (1, 0), 0),
        (Made(error=0.5, half=0.4), 0.5, (0, 0), 0),
        (Made(half=2.5, p_value=0.05), 0.0, (1, 1), 1),
        (Made(half=2.5, p_value=0.0501), 0.0, (1, 1), 0),
    ],
)
def test_planted_bias_coverage_and_rejections_are_found(made, bias, covers, rejects):
    (one,) = simulate_estimators(made, ["naive"], replicates=10, seed=1)
    assert one.bias == pytest.approx(bias)
    assert (one.covers_individual, one.covers_cluster) == (
        10 * covers[0],
        10 * covers[1],
    ) and one.rejections == 10 * rejects
    assert (one.covered, one.truth) == (one.covers_individual, 1.0)
    (office,) = simulate_estimators(made, ["cluster_means"], replicates=10, seed=1)
    assert (office.covered, office.truth) == (office.covers_cluster, 3.0)


def test_monte_carlo_errors():
    """Clopper-Pearson by its definition: at each limit, as many or more (fewer) have half of what is left."""
    from scipy.stats import binom

    one = replace(FOUND[0], replicates=200, failed=0)
    rate, low, high = one.share(12, 0.99)
    assert rate == 0.06
    assert binom.sf(11, 200, low) == pytest.approx(0.005) and binom.cdf(12, 200, high) == pytest.approx(0.005)
    answers = np.random.default_rng(1).normal(size=(50, 1, 5))
    (summed,) = tally(SMALL, ["cr2"], answers)
    assert summed.bias_se == pytest.approx(answers[:, 0, 0].std(ddof=1) / 50**0.5)


# --- the settings ----------------------------------------------------------------------------------------------------


def test_trials_have_the_sizes_of_the_trial():
    number = load_ledger().number
    for truth in SETTINGS.scenarios.values():
        assert (len(truth.sizes), truth.treated, sum(truth.sizes)) == (number("F044"), number("F046"), number("F122"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda file: file["scenarios"]["benefit"].update(effect={"value": 0.3, "class": "assumed"}),
            "benefit, effect",
        ),
        (lambda file: file["scenarios"]["benefit"].update(effect=0.3), "benefit, effect"),
        (lambda file: file.update(seed={"from": "luck"}), "seed: needs"),
        (lambda file: file["replicates"].update({"class": "published"}), "replicates: needs"),
        (lambda file: file["studies"]["study_income"].update(world="benefit"), "must be one without effect"),
    ],
)
def test_a_number_without_class_and_reason_is_refused(tmp_path, change, said):
    file = yaml.safe_load(data_path("recovery.yml").read_text(encoding="utf-8"))
    (tmp_path / "same.yml").write_text(yaml.safe_dump(file, sort_keys=False))
    assert load_settings(tmp_path / "same.yml") == SETTINGS
    change(file)
    (tmp_path / "recovery.yml").write_text(yaml.safe_dump(file, sort_keys=False))
    with pytest.raises(FactError, match=said):
        load_settings(tmp_path / "recovery.yml")


# --- the committed file ----------------------------------------------------------------------------------------------


def first_mismatch(head, path):
    """The first number of a committed file that `head`, a run of the first replicates, does not give again."""
    frame = pd.read_csv(path)
    found = frame[(frame["scenario"] == head.scenario) & (frame["estimator"] == head.estimator)]
    if len(found) != 1:
        return f"{head.scenario}, {head.estimator}: {len(found)} rows"
    firsts = [column for column in frame if column.startswith("first_")]
    for column in ("estimand", "individual_effect", "cluster_effect", *firsts):
        wanted, given = found.iloc[0][column], getattr(head, column.removeprefix("first_"))
        same = abs(wanted - given) <= 1e-9 * head.sd_estimate if isinstance(given, float) else wanted == given
        if not same:
            return f"{head.scenario}, {head.estimator}: column {column}"
    return None


@pytest.mark.parametrize("one", SETTINGS.trials, ids=lambda one: one.truth.name)
def test_the_first_trials_drawn_again_give_the_committed_numbers(one):
    for head in simulate_estimators(one.truth, one.estimators, replicates=one.first, seed=one.seed):
        assert first_mismatch(head, data_path(RESULTS)) is None, (
            "run `python -m benchmarks.recovery` and commit the file"
        )


def test_the_committed_file_has_every_estimator_on_every_truth_with_all_replicates():
    wanted = [(one.truth, name, one.replicates) for one in SETTINGS.trials for name in one.estimators]
    assert [(truth.name, name, count) for truth, name, count in wanted] == [
        (one.scenario, one.estimator, one.replicates) for one in FOUND
    ]
    for (truth, _, _), one in zip(wanted, FOUND):
        # Processors sum in orders of their own: the last digit of a true average differs between them.
        assert (one.individual_effect, one.cluster_effect) == pytest.approx(
            (truth.individual_effect, truth.cluster_effect)
        )


def test_a_number_that_drifted_is_named(tmp_path):
    one = next(one for one in SETTINGS.trials if one.truth.name == "alike")
    heads = simulate_estimators(one.truth, ("cluster_means", "naive"), replicates=one.first, seed=one.seed)
    path = tmp_path / "recovery.csv"
    write_recoveries(path, [(head, head) for head in heads])
    assert all(first_mismatch(head, path) is None for head in heads) and load_recoveries(path) == heads
    head = heads[0]
    for column, value in (
        ("mean_estimate", head.mean_estimate + 1e-6 * head.sd_estimate),
        ("rejections", head.rejections + 1),
        ("failed", 1),
        ("estimand", "another"),
        ("replicates", 24),
        ("mean_se", math.nan),
    ):
        assert column in (first_mismatch(replace(head, **{column: value}), path) or "")
    assert "0 rows" in first_mismatch(replace(head, scenario="elsewhere"), path)


# --- what the chapter says of it -------------------------------------------------------------------------------------

NULLS = recovery.true_nulls(FOUND)


def test_nulls_are_the_truths_without_effect_on_either_average():
    scenarios = {one.scenario for one in NULLS}
    assert scenarios == {"independent", "alike", "very_alike", "binary", "study_income", "study_employment"}


@pytest.mark.parametrize("estimator", SETTINGS.recommended)
def test_recommended_estimators_keep_their_error_rate(estimator):
    """But for the mixed model where offices do not matter: its variance between offices cannot fall below zero."""
    off = {one.scenario for one in recovery.off_nominal([x for x in NULLS if x.estimator == estimator], LEVEL)}
    assert off == ({"independent"} if estimator == "mixed" else set())
    if estimator == "mixed":
        assert record("independent", "mixed").share(record("independent", "mixed").rejections, LEVEL)[2] < 0.05


def test_the_naive_estimator_visibly_does_not():
    for scenario in ("alike", "very_alike", "study_income"):
        one = record(scenario, "naive")
        assert one.share(one.rejections, LEVEL)[1] > 0.05
    assert (
        record("very_alike", "naive").rejections
        > record("alike", "naive").rejections
        > record("independent", "naive").rejections
    )


@pytest.mark.parametrize("estimator", ["cr3", "gee_md"])
def test_conservative_estimators_reject_no_more_than_those_they_correct(estimator):
    for one in [x for x in NULLS if x.estimator == estimator]:
        assert one.rejections <= record(one.scenario, {"cr3": "cr2", "gee_md": "gee"}[estimator]).rejections


@pytest.mark.parametrize("estimator", SETTINGS.recommended)
def test_intervals_of_recommended_estimators_hold_their_own_truth(estimator):
    for scenario in ("benefit", "binary_benefit"):
        one = record(scenario, estimator)
        low, high = one.share(one.covered, LEVEL)[1:]
        assert low <= 0.95 <= high


def test_estimators_are_unbiased_for_their_own_average():
    for one in FOUND:
        if one.scenario != "informative" or one.estimand != "precision-weighted average":
            assert abs(one.bias) < 3 * one.bias_se, (one.scenario, one.estimator)


def test_where_the_effect_goes_with_size_each_finds_its_own_average_and_not_the_other():
    for one in [one for one in FOUND if one.scenario == "informative"]:
        gaps = [abs(one.mean_estimate - truth) / one.bias_se for truth in (one.individual_effect, one.cluster_effect)]
        near = {"individual average": (True, False), "cluster average": (False, True)}.get(one.estimand, (False, False))
        assert tuple(gap < 3 for gap in gaps) == near, one.estimator
        if one.estimand == "precision-weighted average":
            assert one.cluster_effect < one.mean_estimate < one.individual_effect


# --- what readers see ------------------------------------------------------------------------------------------------


def test_everything_drawn_is_marked_and_has_its_numbers():
    informative = [one for one in FOUND if one.scenario == "informative"]
    pictures = [recovery.rejection_figure(NULLS, SETTINGS), recovery.coverage_figure(informative, SETTINGS)]
    for picture in pictures:
        assert picture.alt.startswith(MARK) and picture.table.source.startswith("simulated") and picture.kind == MARK
    assert len(pictures[0].table.rows) == len(NULLS)
    for table, found in (
        (recovery.recovery_table(FOUND, SETTINGS), FOUND),
        (recovery.averages_table(informative, SETTINGS), informative),
    ):
        assert table.source.startswith("simulated") and len(table.rows) == len(found)
    for words in (recovery.error_sentence(FOUND, SETTINGS), recovery.refusal_sentence(FOUND, SETTINGS)):
        assert repr(words).startswith(MARK)


def test_the_sentence_names_each_estimator_that_leaves_the_line():
    good = replace(record("alike", "cr2"), failed=0, replicates=1000, rejections=50)
    bad, naive = replace(good, rejections=90), replace(good, estimator="naive", rejections=150)
    said = recovery.error_sentence([good, replace(bad, scenario="very_alike"), naive], SETTINGS).words
    assert (
        said.startswith("For 1 of 2 pairs")
        and "exceptions: OLS, CR2 where “No effect, families very alike” (9.0%)" in said
    )
    assert "naive estimator leaves it where “No effect, families alike” (15.0%)." in said
    assert "exceptions" not in recovery.error_sentence([good, replace(naive, rejections=50)], SETTINGS).words
    assert "leaves it nowhere" in recovery.error_sentence([good, replace(naive, rejections=50)], SETTINGS).words
