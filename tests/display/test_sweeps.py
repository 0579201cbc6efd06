"""The committed sweep: its summary is that of the plan and what the code gives, and what is shown of it is marked."""

import math

import pandas as pd
import pytest
import yaml
from edited import edited, setting

import holf
from clustertrials.sweep.plan import PlanError, load_sweep
from clustertrials.sweep.run import run_sweep
from clustertrials.sweep.summary import summarise
from holf.display import methods
from holf.paths import data_path
from holf.record.facts import recorded_numbers
from holf.study.truths import load_swept

PLAN, FOUND = load_swept()
WORDS = holf.load_plan().words


def test_some_cells_run_again_give_the_committed_rows(tmp_path):
    """Two corners of the grid, in full; the batched fits of a cell do not depend on the other cells."""
    raw = yaml.safe_load(data_path("sweep.yml").read_text(encoding="utf-8"))
    ends = {"clusters": (29, 58), "size_cv": (0.25, 0.8), "icc": (0, 0.1), "effect": (0.3, 0)}
    for corner in range(2):
        factors = raw["factors"] | {name: values[corner] for name, values in ends.items()}
        path = tmp_path / f"{corner}.yml"
        path.write_text(yaml.safe_dump(raw | {"factors": factors, "estimators": [*PLAN.estimators[:3], "naive"]}))
        plan = load_sweep(path, look_up=recorded_numbers)
        run_sweep(plan, tmp_path / str(corner))
        summarise(plan, tmp_path / str(corner), tmp_path / "summary.csv")
        again = pd.read_csv(tmp_path / "summary.csv")
        assert len(again) == 4
        keys = ["estimator", *ends]
        committed = again[keys].merge(FOUND, on=keys)
        for name in again.columns.difference(keys):
            wanted, given = committed[name], again[name]
            if given.dtype == float:
                pd.testing.assert_series_equal(given, wanted, rtol=1e-7, check_names=False)
            else:
                assert list(given) == list(wanted), f"{name}: run the sweep again and commit its summary"


def test_every_row_is_simulated_and_of_the_plan(tmp_path):
    assert len(FOUND) == len(PLAN.cells) * len(PLAN.estimators)
    path = tmp_path / "sweep.csv"
    for change, said in (
        (FOUND.assign(data_class="published"), "every row must say simulated"),
        (FOUND.drop(columns="data_class"), "every row must say simulated"),
        (FOUND.iloc[1:], "is not the summary"),
        (FOUND.assign(trials=7), "is not the summary"),
        (FOUND.assign(icc=0.5), "is not the summary"),
    ):
        change.to_csv(path, index=False)
        with pytest.raises(ValueError, match=said):
            load_swept(path)
    FOUND.to_csv(path, index=False)
    load_swept(path)


def test_every_number_of_the_committed_plan_has_a_reason_or_a_source(tmp_path):
    number = holf.load_ledger().number
    assert {cell.scenario.treated for cell in PLAN.cells} == {number("F046"), 2 * number("F046")}
    assert {len(cell.scenario.sizes) for cell in PLAN.cells} == {number("F044"), 2 * number("F044")}
    path = edited("sweep.yml", tmp_path, setting("factors", icc={"values": [0.1]}))
    with pytest.raises(PlanError, match="needs values and a reason"):
        load_sweep(path, look_up=recorded_numbers)


@pytest.mark.parametrize(
    ("entry", "wanted"),
    [
        ({"facts": ["F044"]}, [holf.load_ledger().number("F044")]),
        ({"from": "icc_grid"}, holf.load_assumptions()["icc_grid"].value),
        ({"from": "luck"}, "names no assumption"),
        ({"facts": ["F001"]}, "names no assumption or number"),
        ({"luck": 1}, "needs values and a reason"),
    ],
)
def test_numbers_come_from_the_record_or_are_refused(entry, wanted):
    if not isinstance(wanted, str):
        assert recorded_numbers(entry) == wanted
        return
    with pytest.raises(KeyError, match=wanted):
        recorded_numbers(entry)


def test_power_and_error_rates_are_plausible():
    power = FOUND[(FOUND["estimator"] == "cr2") & (FOUND["size_cv"] == 0.25)].set_index(["clusters", "icc", "effect"])
    shares = power["rejected"].unstack("effect")
    assert (shares.diff(axis=1).iloc[:, 1:] > -0.02).all().all(), "power grows with the effect"
    assert (shares.loc[58, 0.3] >= shares.loc[29, 0.3]).all(), "and with the clusters"
    nulls = FOUND[FOUND["effect"] == 0]
    sound = nulls[~nulls["estimator"].isin(["naive"])]
    assert sound["rejected"].mean() == pytest.approx(0.05, abs=0.01)
    naive = nulls[nulls["estimator"] == "naive"].groupby("icc")["rejected"].mean()
    assert naive.is_monotonic_increasing and naive.iloc[-1] > 0.15
    assert (FOUND["bias"].abs() < 4 * FOUND["bias_se"]).all()


def test_a_share_lies_inside_its_monte_carlo_interval():
    row = methods.power_surface(FOUND, "cr2", WORDS).table.rows[0]
    low, high = (float(end.rstrip("\u00a0%")) for end in row[-1].split(" to "))
    assert low < float(row[-2].rstrip("\u00a0%")) < high


def test_the_unit_of_effects_is_that_of_the_outcome():
    drawn = methods.power_surface(FOUND.assign(share=0.2), "cr2", WORDS)
    assert "difference of shares" in drawn.alt and "True effect, difference of shares" in drawn.table.columns
    assert "True effect, SD" in methods.power_surface(FOUND, "cr2", WORDS).table.columns
    mixed = FOUND.assign(share=[0.2 if row % 2 else math.nan for row in range(len(FOUND))])
    with pytest.raises(ValueError, match="binary and continuous"):
        methods.power_surface(mixed, "cr2", WORDS)
