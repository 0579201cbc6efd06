"""Sweeps: what a plan may say, numbers that depend on it alone, partitions that are whole, sums that are right."""

import json
import os
import re
import signal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from test_examples import readme

from clustertrials.cli import main
from clustertrials.estimators import CLUSTER, METHODS, estimate_effect
from clustertrials.simulation_study import draw
from clustertrials.sweep.engine import open_engine
from clustertrials.sweep.plan import BATCHED, FACTORS, PlanError, load_sweep
from clustertrials.sweep.run import forecast, run_sweep
from clustertrials.sweep.store import Store, StoreError
from clustertrials.sweep.summary import summarise
from clustertrials.sweep.trials import NUMBERS, code_hash, draw_trial, estimand_of, run_task, tasks_of

CONTENT = {
    "seed": 1,
    "replicates": 6,
    "trials_a_task": 4,
    "estimators": ["cr2", "cluster_means", BATCHED],
    "factors": {"clusters": 10, "mean_size": 12, "size_cv": 0.4, "icc": [0.02, 0.2], "effect": [0, 0.5]},
}


def write(folder, **changes):
    path = folder / "plan.yml"
    path.write_text(yaml.safe_dump(CONTENT | changes), encoding="utf-8")
    return path


@pytest.fixture
def plan(tmp_path):
    return load_sweep(write(tmp_path))


def run(plan, folder, **options):
    return run_sweep(plan, folder, **options)


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted((folder / "parts").iterdir())}


def rows(folder):
    parts = [pq.read_table(path).to_pandas() for path in sorted((folder / "parts").glob("*.parquet"))]
    keys = ["icc", "effect", "trial", "estimator"]
    return pd.concat(parts).sort_values(keys).reset_index(drop=True)


# --- the plan --------------------------------------------------------------------------------------------------------


def test_a_plan_is_the_product_of_its_factors(plan):
    assert [(cell["icc"], cell["effect"]) for cell in plan.cells] == [(0.02, 0), (0.02, 0.5), (0.2, 0), (0.2, 0.5)]
    assert plan.n_trials == 24 and [task.n_trials for task in tasks_of(plan)] == [4, 2] * 4
    assert len({task.hash for task in tasks_of(plan)}) == 8
    sizes = plan.cells[0].scenario.sizes
    assert sum(sizes) == 120 and np.std(sizes) / 12 == pytest.approx(0.4, abs=0.08)


def test_the_plan_of_the_readme_is_read_and_every_factor_is_explained(tmp_path):
    (tmp_path / "plan.yml").write_text(re.search(r"```yaml\n(.*?)```", readme(), re.DOTALL)[1])
    assert len(load_sweep(tmp_path / "plan.yml").cells) == 8
    said = {name: "" if default is None else f"{default:g}" for name, default in FACTORS.items()} | {
        "share": "continuous"
    }
    rows = [[cell.strip(" `") for cell in line.split("|")[1:-1]] for line in readme().splitlines()]
    assert {row[0]: row[3] for row in rows if len(row) == 4 and row[0] in FACTORS} == said


def test_numbers_may_be_looked_up(tmp_path):
    factors = CONTENT["factors"] | {"clusters": {"double": 14}, "effect": {"values": [0], "reason": "none"}}
    cells = load_sweep(write(tmp_path, factors=factors), look_up=lambda entry: 2 * entry["double"]).cells
    assert {cell["clusters"] for cell in cells} == {28} and {cell["effect"] for cell in cells} == {0}
    with pytest.raises(PlanError, match="plan.yml, factors, clusters: needs values and a reason"):
        load_sweep(write(tmp_path, factors=factors))


FAULTS = {
    "colour": ({"colour": 1}, "plan.yml, colour: no such key"),
    "seed": ({"seed": -1}, "plan.yml, seed: must be one whole number of at least 0"),
    "replicates": ({"replicates": 1.5}, "replicates: must be one whole"),
    "no replicates": ({"replicates": {"values": 0, "reason": "x"}}, "replicates: must be one whole"),
    "level": ({"level": 95}, "level: must lie between"),
    "estimators": ({"estimators": ["crystal"]}, "estimators: no 'crystal'; there are cr2"),
    "twice": ({"estimators": ["cr2", "cr2"]}, "estimators: must be a list of different names"),
    "no list": ({"estimators": "cr2"}, "estimators: must be a list"),
    "factors": ({"factors": [1]}, "factors: must name factors"),
} | {name: ({"factors": CONTENT["factors"] | changes}, said) for name, changes, said in [
    ("luck", {"luck": 1}, "factors, luck: no such factor"),
    ("factor none", {"icc": []}, "factors, icc: must be a number or a list"),
    ("word", {"icc": "much"}, "factors, icc: must be a number"),
    ("true", {"icc": True}, "factors, icc: must be a number"),
    ("factor missing", {"effect": [None]}, "factors, effect: a number is missing"),
    ("infinite", {"effect": float("inf")}, "factors, effect: a number is missing or infinite"),
    ("equal", {"effect": [0, 0.0]}, "factors, effect: a value is listed twice"),
    ("factor clusters", {"clusters": 4}, "clusters must be a whole number of at least 8 .clusters 4"),
    ("factor share", {"treated_share": 0.1}, "must leave 4 clusters in either arm"),
    ("factor icc", {"icc": 1}, "icc and correlation lie in"),
    ("binary", {"share": 0.9, "effect": 0.5, "icc": 0.1}, "room for effect"),
    ("factor slope", {"attrition_slope": 1}, "attrition_slope needs attrition"),
    ("no reason", {"icc": {"values": [0.1]}}, "factors, icc: needs values and a reason"),
]}  # fmt: skip


@pytest.mark.parametrize(("changes", "said"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_a_plan_names_file_key_and_rule(tmp_path, changes, said):
    with pytest.raises(PlanError, match=f"^plan.yml, .*{said.removeprefix('plan.yml, ')}"):
        load_sweep(write(tmp_path, **changes))


@pytest.mark.parametrize("key", ["seed", "replicates", "estimators", "factors"])
def test_what_a_plan_needs_is_named(tmp_path, key):
    (tmp_path / "plan.yml").write_text(yaml.safe_dump({k: v for k, v in CONTENT.items() if k != key}))
    with pytest.raises(PlanError, match=f"plan.yml, {key}"):
        load_sweep(tmp_path / "plan.yml")
    (tmp_path / "plan.yml").write_text("a: [")
    with pytest.raises(PlanError, match="not a YAML file"):
        load_sweep(tmp_path / "plan.yml")


# --- numbers that depend on the plan alone ---------------------------------------------------------------------------


def test_each_estimator_gives_what_it_gives_on_the_frame(tmp_path):
    asked = [*METHODS, BATCHED]
    (task,) = tasks_of(load_sweep(write(tmp_path, replicates=1, estimators=asked, factors=CONTENT["factors"] | {
        "icc": 0.2, "effect": 0.5})))  # fmt: skip
    answer = run_task(task).columns
    frame = draw(task.cell.scenario, np.random.default_rng(task.child(0)))
    for row, estimator in enumerate(METHODS):
        effect = estimate_effect(
            frame, "outcome", arm="arm", cluster="cluster", treated=1, covariates=("baseline",), estimator=estimator
        )
        for name in NUMBERS:
            assert answer[name][row] == pytest.approx(getattr(effect, name), rel=1e-9, nan_ok=True), (estimator, name)
    mixed, batched = (answer["estimate"][asked.index(name)] for name in ("mixed", BATCHED))
    assert batched == pytest.approx(mixed, rel=1e-6) and answer["df"][-1] == 8
    assert set(answer["truth"]) == {0.5} and set(answer["units"]) == {120}


def test_a_trial_depends_neither_on_its_task_nor_on_the_other_cells(tmp_path, plan):
    run(plan, tmp_path / "one")
    factors = CONTENT["factors"] | {"icc": [0.2, 0.1]}
    other = load_sweep(write(tmp_path, trials_a_task=5, factors=factors))
    run(other, tmp_path / "two")
    both = (rows(tmp_path / name) for name in ("one", "two"))
    one, two = (frame[frame["icc"] == 0.2].reset_index(drop=True) for frame in both)
    exact = one["estimator"] != BATCHED
    pd.testing.assert_frame_equal(one[exact], two[exact], check_exact=True)
    # The batched search ends when the last of a batch has settled, so its last digits go with the batch.
    np.testing.assert_allclose(one[list(NUMBERS)].astype(float), two[list(NUMBERS)].astype(float), rtol=1e-9)
    numbers = [run_task(tasks_of(p)[0]).columns["estimate"] for p in (plan, load_sweep(write(tmp_path, seed=2)))]
    assert not np.isclose(*numbers).any()


def test_attrition_loses_the_share_and_those_it_names(tmp_path):
    factors = {"clusters": 40, "mean_size": 200, "icc": 0.05, "attrition": 0.3, "attrition_slope": [0, 1.5]}
    blind, selective = (
        draw_trial(task, 0)[0] for task in tasks_of(load_sweep(write(tmp_path, replicates=1, factors=factors)))
    )
    assert len(blind.y) / 8000 == pytest.approx(0.7, abs=0.02) and blind.origin + blind.y.mean() == pytest.approx(
        0, abs=0.15
    )
    assert selective.origin + selective.y.mean() < blind.origin + blind.y.mean() - 0.2


# --- partitions ------------------------------------------------------------------------------------------------------


def test_every_partition_says_that_it_is_simulated_and_of_which_plan(tmp_path, plan):
    outcome = run(plan, tmp_path / "out")
    assert (outcome.tasks, outcome.before, outcome.done, outcome.failed) == (8, 0, 8, 0)
    for task in tasks_of(plan):
        table = pq.read_table(tmp_path / "out" / "parts" / f"{task.hash}.parquet")
        notes = table.schema.metadata
        assert notes[b"clustertrials_data_class"] == b"simulated" and notes[b"clustertrials_plan"] == plan.hash.encode()
        assert (
            b"no number is a finding" in notes[b"clustertrials_label"]
            and notes[b"clustertrials_task"] == task.hash.encode()
        )
        assert set(table["data_class"].to_pylist()) == {"simulated"} and table.num_rows == task.n_rows
    note = json.loads((tmp_path / "out" / "sweep.json").read_text())
    assert note["data_class"] == "simulated" and note["plan"] == plan.hash


def test_a_finished_sweep_repeats_nothing(tmp_path, plan):
    run(plan, tmp_path / "out")
    before = contents(tmp_path / "out")
    outcome = run(plan, tmp_path / "out", job=None)
    assert (outcome.before, outcome.done) == (8, 0) and contents(tmp_path / "out") == before


@pytest.mark.parametrize("fault", ["cut", "empty", "flipped", "rows"])
def test_a_torn_partition_is_noticed_and_done_again(tmp_path, plan, fault):
    run(plan, tmp_path / "out")
    before, path = contents(tmp_path / "out"), sorted((tmp_path / "out" / "parts").iterdir())[3]
    whole = path.read_bytes()
    if fault == "rows":
        pq.write_table(pq.read_table(path).slice(1), path)
    else:
        middle = len(whole) // 8
        flipped = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
        path.write_bytes({"cut": whole[:-20], "empty": b"", "flipped": flipped}[fault])
    outcome = run(plan, tmp_path / "out")
    assert (outcome.before, outcome.done) == (7, 1) and contents(tmp_path / "out") == before


def test_a_foreign_partition_is_refused(tmp_path, plan):
    run(plan, tmp_path / "out")
    parts = tmp_path / "out" / "parts"
    first, second = sorted(parts.iterdir())[:2]
    pq.write_table(pa.table({"a": [1]}), parts / "mine.parquet")
    with pytest.raises(StoreError, match=r"parts/mine.parquet: no task of this plan"):
        run(plan, tmp_path / "out")
    (parts / "mine.parquet").unlink()
    first.write_bytes(second.read_bytes())
    with pytest.raises(StoreError, match=rf"parts/{first.name}: its notes are not those"):
        run(plan, tmp_path / "out")


def test_a_folder_of_something_else_is_refused(tmp_path, plan):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("precious")
    with pytest.raises(StoreError, match="mine: holds something else"):
        run(plan, tmp_path / "mine")
    run(plan, tmp_path / "out")
    with pytest.raises(StoreError, match="of another plan"):
        run(load_sweep(write(tmp_path, seed=2)), tmp_path / "out")
    other = Store(tmp_path / "out", plan.hash, "0")
    with pytest.raises(StoreError, match="another version of the code"), other.opened():
        pass
    store = Store(tmp_path / "out", plan.hash, code_hash())
    with store.opened(), pytest.raises(StoreError, match="another sweep is writing"), store.opened():
        pass


def test_an_interrupted_write_leaves_nothing_that_counts(tmp_path, plan, monkeypatch):
    def dies(source, target):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("clustertrials.sweep.store.os.fsync", lambda handle: dies(None, None))
        with pytest.raises(KeyboardInterrupt):
            run(plan, tmp_path / "out")
    assert [path.name[0] for path in (tmp_path / "out" / "parts").iterdir()] == ["."]
    assert run(plan, tmp_path / "out").done == 8 and len(contents(tmp_path / "out")) == 8


# --- failures --------------------------------------------------------------------------------------------------------


def breaks(task):
    if task.cell["icc"] == 0.2 and task.first == 4:
        object.__setattr__(task, "estimators", ("cr2", "no such method"))
    return run_task(task)


def kills(task):
    if task.first == 4:
        os.kill(os.getpid(), signal.SIGKILL)
    return run_task(task)


def test_a_failing_task_is_recorded_with_its_seed_and_sinks_nothing(tmp_path, plan):
    outcome = run(plan, tmp_path / "out", job=breaks)
    assert (outcome.done, outcome.failed) == (6, 2)
    for path in (tmp_path / "out" / "failed").iterdir():
        record = json.loads(path.read_text())
        assert (record["error"], record["seed"], record["trial"]) == ("KeyError", 1, 4)
        assert record["cell"]["icc"] == 0.2 and record["cell"]["share"] is None
    again = run(plan, tmp_path / "out")
    assert (again.before, again.done) == (6, 2) and not list((tmp_path / "out" / "failed").iterdir())


def test_a_task_that_kills_its_worker_is_named_and_the_others_are_done(tmp_path):
    plan = load_sweep(write(tmp_path, replicates=9, factors=CONTENT["factors"] | {"icc": 0.2, "effect": 0}))
    with open_engine(workers=2) as engine:
        outcome = run_sweep(plan, tmp_path / "out", engine, job=kills)
    assert (outcome.done, outcome.failed) == (2, 1)
    (record,) = [json.loads(path.read_text()) for path in (tmp_path / "out" / "failed").iterdir()]
    assert (record["error"], record["first"], record["seed"]) == ("KilledWorker", 4, 1)


def test_a_refusal_is_a_row_and_no_failure(tmp_path):
    factors = {"clusters": 8, "mean_size": 2, "icc": 0.1, "attrition": 0.7}
    plan = load_sweep(write(tmp_path, replicates=12, factors=factors))
    assert run(plan, tmp_path / "out").failed == 0
    found = rows(tmp_path / "out")
    refused = found["refusal"] != ""
    assert 0 < refused.sum() and found.loc[refused, "estimate"].isna().all() and len(found) == 36
    summarise(plan, tmp_path / "out", tmp_path / "summary.csv")
    assert pd.read_csv(tmp_path / "summary.csv")["refused"].sum() == refused.sum()


# --- sums and forecast -----------------------------------------------------------------------------------------


def test_the_summary_is_that_of_the_rows(tmp_path, plan):
    run(plan, tmp_path / "out")
    assert summarise(plan, tmp_path / "out", tmp_path / "summary.csv") == 12
    shown, found = pd.read_csv(tmp_path / "summary.csv"), rows(tmp_path / "out")
    assert set(shown["data_class"]) == {"simulated"} and set(shown["trials"]) == {6}
    for one in shown.itertuples():
        mine = found[found[["icc", "effect", "estimator"]].eq([one.icc, one.effect, one.estimator]).all(axis=1)]
        rejected = (mine["p_value"] <= 0.05).mean()
        covered = ((mine["ci_low"] <= one.effect) & (one.effect <= mine["ci_high"])).mean()
        expected = {
            "mean_estimate": mine["estimate"].mean(), "bias": mine["estimate"].mean() - one.effect,
            "bias_se": mine["estimate"].std() / 6**0.5, "mean_se": mine["se"].mean(), "rejected": rejected,
            "rejected_se": (rejected * (1 - rejected) / 6) ** 0.5, "covered": covered,
        }  # fmt: skip
        for name, value in expected.items():
            assert getattr(one, name) == pytest.approx(value), name
        assert one.rejected_is == ("power" if one.effect else "type-I error")
        assert one.estimand == estimand_of(one.estimator)
    assert set(shown.loc[shown["estimator"] == "cluster_means", "estimand"]) == {CLUSTER}


def test_a_summary_of_an_unfinished_sweep_is_refused(tmp_path, plan):
    with pytest.raises(StoreError, match="holds no sweep"):
        summarise(plan, tmp_path / "out", tmp_path / "summary.csv")
    run(plan, tmp_path / "out")
    sorted((tmp_path / "out" / "parts").iterdir())[0].unlink()
    with pytest.raises(StoreError, match="1 of 8 tasks are not done"):
        summarise(plan, tmp_path / "out", tmp_path / "summary.csv")
    assert not (tmp_path / "summary.csv").exists()


def test_the_forecast_says_what_it_rests_on(tmp_path):
    plan = load_sweep(write(tmp_path, replicates=60, trials_a_task=30))
    cost = forecast(plan)
    assert (cost.tasks, cost.trials, cost.pilot) == (8, 240, 40) and cost.seconds > 0
    run(plan, tmp_path / "out")
    size = sum(map(len, contents(tmp_path / "out").values()))
    assert size / 2 < cost.size < size * 2


# --- the command -----------------------------------------------------------------------------------------------------


def command(capsys, *arguments):
    try:
        main(["sweep", *map(str, arguments)])
        code = 0
    except SystemExit as end:
        code = end.code or 0
    output = capsys.readouterr()
    return code, output.out, output.err


def test_the_command_forecasts_runs_resumes_and_sums_up(capsys, tmp_path):
    path, out = write(tmp_path), tmp_path / "out"
    assert "8 tasks, 24 trials in 4 cells" in command(capsys, path, "--out", out, "--dry-run")[1] and not out.exists()
    assert command(capsys, path, "--out", out)[:2] == (0, "8 tasks on this process: 0 done before, 8 now\n")
    assert "8 done before, 0 now" in command(capsys, path, "--out", out)[1]
    assert "12 rows, all simulated" in command(capsys, path, "--out", out, "--summary")[1]
    assert (out / "summary.csv").exists() and os.environ["OPENBLAS_NUM_THREADS"] == "1"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--summary",), "out: holds no sweep"),
        (("--scheduler", "tcp://127.0.0.1:1"), "no Dask scheduler answers"),
        (("--scheduler", "nonsense://x"), "no Dask scheduler answers"),
        (("--workers", "0"), "at least 1, or 'all'"),
        (("--workers", "2", "--scheduler", "x"), "not allowed with"),
    ],
)
def test_wrong_usage_ends_with_one_clear_line(capsys, tmp_path, monkeypatch, options, said):
    monkeypatch.setattr("clustertrials.sweep.engine._SECONDS", 1)
    code, out, err = command(capsys, write(tmp_path), "--out", tmp_path / "out", *options)
    assert code == 2 and out == "" and said in err.splitlines()[-1] and "Traceback" not in err
    assert not (tmp_path / "out").exists()
    assert command(capsys, tmp_path / "nothing.yml", "--out", tmp_path / "out")[0] == 2
