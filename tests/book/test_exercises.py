"""What the solutions of the exercises say is true of the simulated worlds."""

import re

import nbformat

import holf
from holf.paths import project_root

WORLDS = ("null", "benefit", "harm")


def test_every_exercise_has_a_folded_solution_with_code_that_was_run():
    cells = nbformat.read(project_root() / "chapters" / "exercises.ipynb", as_version=4).cells[3:]
    assert len(cells) == 5 * 3, "five exercises: question, words of the solution, code of the solution"
    for question, words, code in zip(cells[::3], cells[1::3], cells[2::3]):
        assert question.source.startswith("## ")
        assert re.search(r"\*Use\* `(holf|study)\.", question.source)
        assert words.source.startswith(":::{dropdown} Solution") and words.source.endswith(":::")
        assert code.metadata["tags"] == ["hide-output"] and code.outputs
        for output in code.outputs:
            assert output["data"]["text/plain"].startswith("SIMULATED ")
            assert 'data-holf="simulated"' in output["data"]["text/html"]


def test_improved_but_by_what(studies):
    null = studies[0]
    changes = [null.change("income", arm).change for arm in ("holf", "local")]
    effect = null.effect("income")
    assert null.planted("income") == 0 and min(changes) > 0
    assert effect.ci_low < 0 < effect.ci_high and abs(effect.estimate) < min(changes) / 5


def test_which_world_is_which(studies):
    effects = {world: study.effect("income") for world, study in zip(WORLDS, studies)}
    assert effects["benefit"].ci_low > 0 > effects["harm"].ci_high
    assert effects["null"].ci_low < 0 < effects["null"].ci_high
    assert all(study.change("income", "holf").change > 0 for study in studies)


def test_ignoring_the_offices_narrows_the_interval(studies):
    study = studies[1]
    honest, naive = study.effect("housing"), study.effect("housing", estimator="naive")
    assert naive.ci_high - naive.ci_low < honest.ci_high - honest.ci_low
    assert study.icc("housing").estimate > 0


def test_no_difference_and_no_equivalence(studies):
    null, plan = studies[0], holf.load_plan()
    primary = [outcome for outcome in plan.outcomes.values() if outcome.kind == "primary"]
    effects = [null.effect(outcome.id) for outcome in primary]
    assert all(effect.ci_low < 0 < effect.ci_high for effect in effects)
    tests = [null.equivalence(outcome.id) for outcome in primary]
    beyond = [test.ci_low < -test.margin or test.ci_high > test.margin for test in tests]
    assert any(beyond) and not all(beyond)


def test_six_offices_cannot_be_significant():
    test = holf.randomisation_test([8.0, 9.0, 10.0, 1.0, 2.0, 3.0], [1, 1, 1, 0, 0, 0], interval=False)
    assert test.p_value == 2 / test.n_allocations > 1 / 20


def test_no_solution_states_a_number():
    """What was not computed on the page cannot go stale there."""
    cells = nbformat.read(project_root() / "chapters" / "exercises.ipynb", as_version=4).cells
    assert not [
        cell.source for cell in cells if cell.source.startswith(":::{dropdown}") and re.search(r"\d", cell.source)
    ]
