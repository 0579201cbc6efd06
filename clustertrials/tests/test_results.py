"""How results print, and the frames that they become."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

from clustertrials import Effect, Icc

EFFECT = Effect.from_t(
    0.1234567, 0.05, 12.25, level=0.9, n_units=1200, n_clusters=20, n_dropped=3, icc=0.0451, estimator="cr2",
    estimand="individual average", mean_treated=5.0, mean_other=4.8765433, covariates=("age", "sex"),
)  # fmt: skip


def test_an_effect_prints_as_three_lines():
    assert str(EFFECT).splitlines() == [
        "difference  0.1235 (90 % CI 0.03449 to 0.2124), p = 0.029",
        "data        1,200 units in 20 clusters, 3 rows left out; raw means 5 and 4.877; ICC 0.045",
        "method      cr2, individual average, adjusted for age, sex, t with 12.2 degrees of freedom",
    ]
    assert repr(EFFECT).startswith("Effect(estimate=0.1234567, se=0.05, ")


@pytest.mark.parametrize(
    ("changes", "printed"),
    [
        ({"p_value": 0.00001}, "p < 0.001"),
        ({"estimate": 23456.7}, "difference  23,457 ("),
        ({"n_allocations": 77558760, "exact": True, "df": float("nan")}, "all 77,558,760 allocations"),
        ({"n_allocations": 10**40, "df": float("nan")}, "a sample of 1.0e+40 allocations"),
        ({"source": "simulated: null world"}, "; data: simulated: null world"),
        ({"n_dropped": 0}, "1,200 units in 20 clusters; raw means"),
        ({"outcome": "pain", "treated": "new", "other": "usual"}, "pain    new minus usual: 0.1235 (90 % CI"),
        ({"treated": "new", "other": "usual"}, "raw means 5 (new) and 4.877 (usual); ICC"),
        ({"strata": "region"}, "inside strata of region, adjusted for age, sex, t with"),
    ],
)
def test_what_is_special_is_printed(changes, printed):
    assert printed in str(dataclasses.replace(EFFECT, **changes))


def test_a_notebook_shows_a_table_and_escapes_names():
    html = dataclasses.replace(EFFECT, covariates=("<b>",))._repr_html_()
    assert html.startswith("<table><tr><th>difference</th><td>0.1235 (90 % CI") and html.count("<tr>") == 3
    assert "&lt;b&gt;" in html and "<b>" not in html


def test_a_result_becomes_a_row_at_full_precision():
    frame = pd.concat([EFFECT.to_frame(), dataclasses.replace(EFFECT, estimator="cr3").to_frame()])
    assert frame["estimate"].tolist() == [0.1234567] * 2 and frame["estimator"].tolist() == ["cr2", "cr3"]
    assert list(frame.columns) == [field.name for field in dataclasses.fields(Effect)]


def test_an_icc_prints_as_two_lines():
    found = Icc(0.05, 0.01, 0.2, n_units=60, n_clusters=6, mean_size=10.0, level=0.95)
    assert str(found) == "ICC     0.050 (95 % CI 0.01 to 0.2)\nmethod  anova, 60 units in 6 clusters"
    assert found.to_frame()["mean_size"].item() == 10.0


def test_every_answer_prints_and_becomes_a_row():
    from reference_trials import ROLES, read

    from clustertrials import equivalence, estimand_gap, estimate_effect, ratio

    frame = read("main")
    found = equivalence(estimate_effect(frame, "y", **ROLES), margin=0.5)
    assert str(found).splitlines()[0].startswith("equivalent  yes, within 0.5: 90 % CI ")
    assert "every margin above" in str(found) and "two one-sided tests, cr2, t with" in str(found)
    for one in (found, estimand_gap(frame, "y", **ROLES), ratio(frame, "b", measure="odds", **ROLES)):
        assert len(one.to_frame()) == 1 and one._repr_html_().startswith("<table>")
    assert "cluster_average" in str(estimand_gap(frame, "y", **ROLES))


def test_a_test_of_several_outcomes_prints_and_has_a_row_for_each():
    from clustertrials import randomisation_test

    means = np.array([[5.0, 1.0], [6.0, 3.0], [7.0, 2.0], [1.0, 2.0], [2.0, 1.0], [3.0, 3.0]])
    found = randomisation_test(means, np.array([1, 1, 1, 0, 0, 0]))
    frame = found.to_frame()
    assert list(frame["p_value"]) == list(found.p_value) and len(frame) == 2
    line = next(line for line in str(found).splitlines() if line.startswith("p_value "))
    assert line.split(maxsplit=1)[1] == ", ".join(f"{p:.4g}" for p in found.p_value)
    assert found._repr_html_().startswith("<table>")


@pytest.mark.parametrize("role", ["outcome", "strata"])
def test_a_list_where_one_column_is_wanted_is_named(role):
    from reference_trials import ROLES, read

    from clustertrials import estimate_effect

    asked = {"outcome": "y", "strata": None} | {role: ["x", "z"]}
    with pytest.raises(ValueError, match=r"one column is wanted, not the list \['x', 'z'\]: ask once for each"):
        estimate_effect(read("main"), **asked, **ROLES)


def test_a_ratio_has_no_equivalence_test():
    from reference_trials import ROLES, read

    from clustertrials import equivalence, ratio

    with pytest.raises(TypeError, match="effect must be one of estimate_effect, not a Ratio"):
        equivalence(ratio(read("main"), "b", measure="risk", **ROLES), 0.2)
