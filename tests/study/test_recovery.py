"""Truth recovery: the committed file is what the settings and the code give, and its figures say what it holds."""

import math
from dataclasses import replace

import pandas as pd
import pytest
from edited import edited, setting

from clustertrials.simulation_study import Recovery, simulate_estimators
from holf.display import methods
from holf.paths import data_path
from holf.record.facts import FactError, load_ledger
from holf.record.source import MARK
from holf.study.truths import RESULTS, load_recoveries, load_settings, write_recoveries

SETTINGS = load_settings()
FOUND = load_recoveries()
LEVEL = SETTINGS.monte_carlo_level


def record(scenario: str, estimator: str) -> Recovery:
    (one,) = [one for one in FOUND if (one.scenario, one.estimator) == (scenario, estimator)]
    return one


# --- the settings ----------------------------------------------------------------------------------------------------


def test_trials_have_the_sizes_of_the_trial():
    number = load_ledger().number
    for truth in SETTINGS.scenarios.values():
        assert (len(truth.sizes), truth.treated, sum(truth.sizes)) == (number("F044"), number("F046"), number("F122"))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (setting("scenarios", "benefit", effect={"value": 0.3, "class": "assumed"}), "benefit, effect"),
        (setting("scenarios", "benefit", effect=0.3), "benefit, effect"),
        (setting(seed={"from": "luck"}), "seed: needs"),
        (setting("replicates", **{"class": "published"}), "replicates: needs"),
        (setting("studies", "study_income", world="benefit"), "must be one without effect"),
    ],
)
def test_a_number_without_class_and_reason_is_refused(tmp_path, change, said):
    with pytest.raises(FactError, match=said):
        load_settings(edited("recovery.yml", tmp_path, change))


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


# One trial of each type of outcome at once, the others in the slow tests.
QUICK = ("independent", "binary")


@pytest.mark.parametrize(
    "one",
    [
        pytest.param(one, id=one.truth.name, marks=() if one.truth.name in QUICK else pytest.mark.slow)
        for one in SETTINGS.trials
    ],
)
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
        ("estimand", "another"),
        ("mean_se", math.nan),
    ):
        assert column in (first_mismatch(replace(head, **{column: value}), path) or "")


# --- what the chapter says of it -------------------------------------------------------------------------------------

NULLS = methods.true_nulls(FOUND)
# Those whose error rate is nominal in trials of this size.
NOMINAL = [*SETTINGS.recommended, "mixed", "gee"]


@pytest.mark.parametrize("estimator", NOMINAL)
def test_estimators_keep_their_error_rate(estimator):
    """But for the mixed model where offices do not matter: its variance between offices cannot fall below zero."""
    off = {one.scenario for one in methods.off_nominal([x for x in NULLS if x.estimator == estimator], LEVEL)}
    assert off == ({"independent"} if estimator == "mixed" else set())
    if estimator == "mixed":
        assert record("independent", "mixed").share(record("independent", "mixed").rejections, LEVEL)[2] < 0.05


def test_the_naive_estimator_visibly_does_not():
    assert all(record(name, "naive").share(record(name, "naive").rejections, LEVEL)[1] > 0.05
               for name in ("alike", "very_alike", "study_income"))  # fmt: skip
    wrong = [record(name, "naive").rejections for name in ("independent", "alike", "very_alike")]
    assert wrong == sorted(wrong)


@pytest.mark.parametrize("estimator", ["cr3", "gee_md"])
def test_conservative_estimators_reject_no_more_than_those_they_correct(estimator):
    for one in [x for x in NULLS if x.estimator == estimator]:
        assert one.rejections <= record(one.scenario, {"cr3": "cr2", "gee_md": "gee"}[estimator]).rejections


@pytest.mark.parametrize("estimator", NOMINAL)
def test_intervals_hold_their_own_truth(estimator):
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


def test_sentences_are_marked_and_the_table_has_every_record():
    assert len(methods.rejection_figure(NULLS, SETTINGS).table.rows) == len(NULLS)
    for words in (methods.error_sentence(FOUND, SETTINGS), methods.refusal_sentence(FOUND, SETTINGS)):
        assert repr(words).startswith(MARK)


def test_the_sentence_names_each_estimator_that_leaves_the_line():
    good = replace(record("alike", "cr2"), failed=0, replicates=1000, rejections=50)
    bad, naive = replace(good, rejections=90), replace(good, estimator="naive", rejections=150)
    said = methods.error_sentence([good, replace(bad, scenario="very_alike"), naive], SETTINGS).words
    assert (
        said.startswith("In 1 of 2 checks without an effect, the recommended estimators (OLS, CR2; ")
        and "exceptions: OLS, CR2 where “No effect, families very alike” (9.0%)" in said
    )
    assert "naive estimator leaves it where “No effect, families alike” (15.0%)." in said
    assert "exceptions" not in methods.error_sentence([good, replace(naive, rejections=50)], SETTINGS).words
    assert "leaves it nowhere" in methods.error_sentence([good, replace(naive, rejections=50)], SETTINGS).words


def test_the_sentence_of_refusals_names_the_estimator_and_the_truth():
    refused = replace(record("alike", "cr2"), replicates=40, failed=12)
    assert f"CR2 where “{SETTINGS.labels['alike']}”, 12." in repr(methods.refusal_sentence([refused], SETTINGS))
    assert "no refusal in 40" in repr(methods.refusal_sentence([replace(refused, failed=0)], SETTINGS))
