"""Several estimators side by side."""

import matplotlib as mpl
import numpy as np
import pytest
from reference_trials import ROLES, read
from test_strata import trial

from clustertrials import compare, estimate_effect


@pytest.fixture(autouse=True)
def no_screen():
    with mpl.rc_context({"backend": "agg"}):
        yield


def test_each_row_is_what_its_estimator_says():
    frame = trial()
    found = compare(frame, "y", covariates=["x"], strata="region", **ROLES)
    assert found.refused == {}
    table = found.to_frame()
    assert len(table) == 10 and table["adjusted"].tolist() == [True, False] * 5
    for row, shown in zip(table.itertuples(), found.effects):
        covariates = ["x"] if row.adjusted else []
        one = estimate_effect(frame, "y", estimator=row.estimator, covariates=covariates, strata="region", **ROLES)
        assert shown == one or (np.isnan(shown.df) and shown.p_value == one.p_value)
        assert (row.estimate, row.ci_low, row.p_value) == (one.estimate, one.ci_low, one.p_value)


def test_without_covariates_each_estimator_has_one_row():
    assert compare(read("tiny"), "y", **ROLES).to_frame()["adjusted"].tolist() == [False] * 5


def test_an_estimator_without_an_answer_is_named_and_the_others_stay():
    frame = trial(rows=1)
    found = compare(frame, "y", estimators=["cr2", "mixed"], **ROLES)
    assert found.to_frame()["estimator"].tolist() == ["cr2"]
    assert "every cluster has one row" in found.refused["mixed"] and "mixed: column 'y'" in str(found)
    with pytest.raises(ValueError, match="every cluster has one row"):
        compare(frame, "y", estimators=["mixed"], **ROLES)
    with pytest.raises(ValueError, match="at least one"):
        compare(frame, "y", estimators=[], **ROLES)
    with pytest.raises(ValueError, match="estimators must be a list of names"):
        compare(frame, "y", estimators="cr2", **ROLES)


def test_the_figure_shows_every_estimate_and_interval():
    found = compare(trial(), "y", covariates=["x"], estimators=["cr2", "mixed"], **ROLES)
    ax = found.plot()
    _, *lines = ax.get_lines()
    for one, interval, point in zip(found.effects, lines[::2], lines[1::2]):
        assert list(interval.get_xdata()) == [one.ci_low, one.ci_high]
        assert list(point.get_xdata()) == [one.estimate]
        assert point.get_markerfacecolor() == ("black" if one.covariates else "white")
    labels = [label.get_text() for label in ax.get_yticklabels()]
    assert [" ".join(label.split()) for label in labels[:2]] == ["OLS, CR2, adjusted", "OLS, CR2, unadjusted"]
    assert ax.get_xlabel() == "y: new minus usual,\n95 % intervals"
    assert found.plot(ax) is ax


def test_a_notebook_shows_the_table():
    assert compare(trial(), "y", estimators=["cr2"], **ROLES)._repr_html_().count("<tr") == 2
