"""The solutions of the exercises are true of the trials that the page draws."""

import re

import nbformat
import pytest

import clustertrials
import holf
from holf.paths import project_root


@pytest.fixture(scope="module")
def cells() -> list:
    return nbformat.read(project_root() / "chapters" / "exercises.ipynb", as_version=4).cells


@pytest.fixture(scope="module")
def page(cells) -> dict:
    """What the page has once it drew its trials."""
    names = {}
    for cell in cells[1:4]:
        exec(cell.source, names)
    return names


def effects(page, **asked):
    return {
        name: holf.estimate_effect(frame, "after", **page["roles"], **asked) for name, frame in page["trials"].items()
    }


def changes(frame):
    means = frame.groupby("arm")[["before", "after"]].mean()
    return means["after"] - means["before"]


def test_every_exercise_has_a_folded_solution_with_code_that_was_run(cells):
    assert len(cells[4:]) == 5 * 3, "five exercises: question, words of the solution, code of the solution"
    for question, words, code in zip(cells[4::3], cells[5::3], cells[6::3]):
        assert question.source.startswith("## ")
        assert re.search(r"\*Use\* `(holf|clustertrials|frame)\.", question.source)
        assert words.source.startswith(":::{dropdown} Solution") and words.source.endswith(":::")
        assert code.metadata["tags"] == ["hide-output"] and code.outputs
        for output in code.outputs:
            assert output["data"]["text/plain"].startswith("SIMULATED ")
            assert 'data-holf="simulated"' in output["data"]["text/html"]


def test_both_arms_improve_where_nothing_is_planted(page):
    change, effect = changes(page["trials"]["without effect"]), effects(page)["without effect"]
    assert (change > 0).all() and effect.ci_low < 0 < effect.ci_high and abs(effect.estimate) < change.min() / 5


def test_the_effects_tell_the_trials_apart_and_the_changes_do_not(page):
    found = effects(page)
    assert found["with benefit"].ci_low > 0 > found["with harm"].ci_high
    assert found["without effect"].ci_low < 0 < found["without effect"].ci_high
    assert all(changes(frame)["with the model"] > 0 for frame in page["trials"].values())


def test_ignoring_the_offices_narrows_the_interval(page):
    honest, naive = (effects(page, estimator=name)["with benefit"] for name in ("cr2", "naive"))
    assert naive.ci_high - naive.ci_low < honest.ci_high - honest.ci_low
    assert holf.icc(page["trials"]["with benefit"], "after", cluster="office", arm="arm").estimate > 0


def test_no_difference_is_found_and_the_smallest_margin_is_not_supported(page):
    effect = effects(page)["without effect"]
    tests = [clustertrials.equivalence(effect, margin).is_equivalent for margin in (1 / 5, 1 / 3, 1 / 2)]
    assert effect.p_value > 0.05 and tests == [False, True, True]


def test_six_offices_cannot_be_significant():
    test = holf.randomisation_test([8.0, 9.0, 10.0, 1.0, 2.0, 3.0], [1, 1, 1, 0, 0, 0], interval=False)
    assert test.p_value == 2 / test.n_allocations > 1 / 20


def test_no_solution_states_a_number(cells):
    """What was not computed on the page cannot go stale there."""
    assert not [
        cell.source for cell in cells if cell.source.startswith(":::{dropdown}") and re.search(r"\d", cell.source)
    ]
