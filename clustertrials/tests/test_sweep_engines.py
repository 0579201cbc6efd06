"""Engines: the same numbers from all of them, and sweeps that outlive killed workers, schedulers and clients."""

import signal
import socket
import subprocess
import sys
import time

import psutil
import pyarrow.parquet as pq
import pytest
import yaml

from clustertrials.sweep.plan import load_sweep
from clustertrials.sweep.run import run_sweep
from clustertrials.sweep.trials import tasks_of

pytestmark = pytest.mark.slow
PLAN = {
    "seed": 1,
    "replicates": 16,
    "trials_a_task": 2,
    "estimators": ["cr2", "mixed", "mixed_batched", "randomisation"],
    "factors": {"clusters": 20, "mean_size": 25, "size_cv": 0.4, "icc": [0.02, 0.2], "attrition": [0, 0.2]},
}
PATIENCE = 120


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """The plan, and its partitions as made in this process."""
    folder = tmp_path_factory.mktemp("sweep")
    (folder / "plan.yml").write_text(yaml.safe_dump(PLAN))
    plan = load_sweep(folder / "plan.yml")
    run_sweep(plan, folder / "here")
    return folder / "plan.yml", contents(folder / "here")


def contents(folder):
    return {path.name: path.read_bytes() for path in (folder / "parts").glob("*.parquet")}


def start(*command):
    return subprocess.Popen(
        [sys.executable, *map(str, command)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def sweep(plan, out, *options):
    return start("-m", "clustertrials.cli", "sweep", plan, "--out", out, *options)


def until(condition, process=None):
    """Wait until a condition holds; fail if it never does, or the process ends before."""
    end = time.monotonic() + PATIENCE
    while not (found := condition()):
        assert time.monotonic() < end, "waited too long"
        assert process is None or process.poll() is None, process.communicate()
        time.sleep(0.02)
    return found


def parts_are(out, least):
    return lambda: out.exists() and len(contents(out)) >= least


def assert_complete(plan_path, out, expected):
    """No gap, no duplicate, nothing else, and every byte as in one process."""
    plan = load_sweep(plan_path)
    assert contents(out) == expected
    trials = [
        (task.cell["icc"], task.cell["attrition"], number)
        for task in tasks_of(plan)
        for number in pq.read_table(out / "parts" / f"{task.hash}.parquet", columns=["trial"])["trial"].to_pylist()
    ]
    assert len(trials) == plan.n_trials * len(plan.estimators)
    assert {trials.count(one) for one in set(trials)} == {len(plan.estimators)} and len(set(trials)) == plan.n_trials


def test_a_killed_worker_and_a_killed_client_lose_and_repeat_nothing(reference, tmp_path):
    plan, expected = reference
    out = tmp_path / "out"
    client = sweep(plan, out, "--workers", 2)
    until(parts_are(out, 2), client)
    workers = [one for one in psutil.Process(client.pid).children() if "spawn_main" in " ".join(one.cmdline())]
    assert len(workers) == 2
    workers[0].send_signal(signal.SIGKILL)
    before = len(contents(out))
    until(parts_are(out, before + 5), client)
    workers = psutil.Process(client.pid).children()
    client.kill()
    client.wait()
    assert client.returncode == -signal.SIGKILL and len(contents(out)) < len(expected)
    kept = {path.name: path.stat().st_mtime_ns for path in (out / "parts").glob("*.parquet")}
    until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in workers))
    again = sweep(plan, out, "--workers", 2)
    said, errors = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, errors
    assert f"{len(kept)} done before, {len(expected) - len(kept)} now" in said
    assert kept.items() <= {path.name: path.stat().st_mtime_ns for path in (out / "parts").glob("*.parquet")}.items()
    assert_complete(plan, out, expected)


class Cluster:
    """A Dask scheduler and two workers on the loopback interface."""

    def __init__(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.address = f"tcp://127.0.0.1:{probe.getsockname()[1]}"
        self.processes = []

    def __enter__(self):
        port = self.address.rpartition(":")[2]
        self.scheduler = start("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port,
                               "--no-dashboard", "--no-show")  # fmt: skip
        self.workers = [start("-m", "distributed.cli.dask_worker", self.address, "--host", "127.0.0.1", "--nthreads", 1,
                              "--no-dashboard", "--no-nanny", "--death-timeout", 30) for _ in range(2)]  # fmt: skip
        self.processes += [self.scheduler, *self.workers]
        until(self.workers_there)
        return self

    def workers_there(self):
        from distributed import Client

        try:
            with Client(self.address, timeout=1, set_as_default=False) as client:
                return len(client.scheduler_info(n_workers=-1)["workers"]) == 2
        except OSError:
            return False

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
        for process in self.processes:
            process.communicate()


def test_dask_gives_the_same_and_outlives_a_worker_and_its_scheduler(reference, tmp_path):
    plan, expected = reference
    out = tmp_path / "out"
    with Cluster() as cluster:
        client = sweep(plan, out, "--scheduler", cluster.address)
        until(parts_are(out, 3), client)
        cluster.workers[0].kill()
        before = len(contents(out))
        until(parts_are(out, before + 6), client)
        cluster.scheduler.kill()
        _, errors = client.communicate(timeout=PATIENCE)
    kept = contents(out)
    assert client.returncode == 2 and "connection to the scheduler was lost; the same command goes on" in errors
    assert "Traceback" not in errors and 0 < len(kept) < len(expected) and kept.items() <= expected.items()
    with Cluster() as cluster:
        again = sweep(plan, out, "--scheduler", cluster.address)
        said, errors = again.communicate(timeout=PATIENCE)
    assert again.returncode == 0, errors
    assert (
        f"{len(kept)} done before, {len(expected) - len(kept)} now" in said
        and "on the Dask scheduler at tcp://" in said
    )
    assert_complete(plan, out, expected)


def test_a_scheduler_without_workers_is_refused(tmp_path, reference, monkeypatch):
    monkeypatch.setattr(Cluster, "workers_there", lambda self: True)
    cluster = Cluster()
    port = cluster.address.rpartition(":")[2]
    scheduler = start("-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port, "--no-dashboard")
    try:
        client = sweep(reference[0], tmp_path / "out", "--scheduler", cluster.address)
        assert "has no worker" in client.communicate(timeout=PATIENCE)[1] and client.returncode == 2
    finally:
        scheduler.kill()
        scheduler.communicate()
    assert not (tmp_path / "out").exists()
