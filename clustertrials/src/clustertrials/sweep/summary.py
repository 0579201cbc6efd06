"""Power, type I error, bias and coverage of every cell, with Monte Carlo errors, from the partitions by DuckDB."""

from __future__ import annotations

from pathlib import Path

import duckdb

from clustertrials.sweep.plan import FACTORS, SweepPlan
from clustertrials.sweep.store import DATA_CLASS, Store, StoreError
from clustertrials.sweep.trials import estimand_of, tasks_of

# One pass over the rows; one thread, so that sums are taken in the order of the files and come out the same each time.
_QUERY = """
WITH answered AS (
  SELECT *, estimate - truth AS error, p_value <= $alpha AS rejects, ci_low <= truth AND truth <= ci_high AS covers
  FROM read_parquet($files)
)
SELECT {factors}, estimator, any_value(truth) AS truth, count(*) AS trials,
  count(*) FILTER (refusal <> '') AS refused,
  avg(estimate) FILTER (refusal = '') AS mean_estimate,
  avg(error) FILTER (refusal = '') AS bias,
  stddev_samp(estimate) FILTER (refusal = '') AS sd_estimate,
  avg(se) FILTER (refusal = '') AS mean_se,
  avg(CAST(rejects AS DOUBLE)) FILTER (refusal = '') AS rejected,
  avg(CAST(covers AS DOUBLE)) FILTER (refusal = '') AS covered
FROM answered GROUP BY ALL
"""
_SHOWN = """
SELECT '{data_class}' AS data_class, {factors}, estimator, {estimand} AS estimand, truth, trials, refused,
  mean_estimate, bias, sd_estimate / sqrt(trials - refused) AS bias_se, sd_estimate, mean_se,
  CASE WHEN truth = 0 THEN 'type-I error' ELSE 'power' END AS rejected_is,
  rejected, sqrt(rejected * (1 - rejected) / (trials - refused)) AS rejected_se,
  covered, sqrt(covered * (1 - covered) / (trials - refused)) AS covered_se
FROM ({query}) ORDER BY ALL
"""


def summarise(plan: SweepPlan, folder: Path, out: Path) -> int:
    """Sum up a finished sweep into one CSV file, without loading its rows; return the number of rows.

    There is one row a cell and estimator. Standard errors are Monte Carlo errors: s / sqrt(n) of the bias, sqrt(p (1 -
    p) / n) of a share. Trials that an estimator refused are counted and are in nothing else. StoreError if the folder
    holds no sweep of this plan, or a task has no partition.

    Morris TP, White IR, Crowther MJ (2019), Statistics in Medicine 38:2074-2102.
    """
    tasks, store = tasks_of(plan), Store.existing(folder, plan.hash)
    with store.opened():
        missing = len(tasks) - len(store.done(tasks))
    if missing:
        raise StoreError(f"{missing:,} of {len(tasks):,} tasks are not done; run the sweep to its end first")
    factors = ", ".join(f'"{name}"' for name in FACTORS)
    estimand = (
        "CASE estimator " + " ".join(f"WHEN '{one}' THEN '{estimand_of(one)}'" for one in plan.estimators) + " END"
    )
    query = _SHOWN.format(
        data_class=DATA_CLASS, factors=factors, estimand=estimand, query=_QUERY.format(factors=factors)
    )
    files = sorted(str(store.parts / f"{task.hash}.parquet") for task in tasks)
    fresh = out.with_name(f".{out.name}.new")
    with duckdb.connect() as database:
        database.execute("SET threads = 1")
        frame = database.execute(query, {"alpha": round(1 - plan.level, 12), "files": files}).df()
    frame.to_csv(fresh, index=False, lineterminator="\n", encoding="utf-8")
    fresh.replace(out)
    return len(frame)
