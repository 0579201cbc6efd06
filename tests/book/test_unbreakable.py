"""A build that is killed, has no room, may not write, or is not alone: the site is always the former or the right one."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from killing import STATES, Broken, Kill, draw_kill, right_sites, set_state, trial
from small_book import SmallBook

TRIALS = 2
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """The right sites, how long a build takes, and a built book."""
    folder = tmp_path_factory.mktemp("kills")
    sites, taken = right_sites(folder, STATES[:2])
    return sites, taken, SmallBook(folder / "book")


def test_killed_at_random_moments_the_next_build_is_right(ready):
    sites, taken, book = ready
    rng = np.random.default_rng(20170331)
    for number in range(TRIALS):
        trial(book, sites, STATES[(number + 1) % 2], draw_kill(rng, taken))


def test_a_cache_that_lies_is_found_and_one_of_a_broken_build_is_not_believed(ready, tmp_path):
    """What Sphinx kept of a page is put in the place of another; only a build that ended says that its cache is right."""
    sites, _, book = ready
    shutil.copytree(book.root, tmp_path / "book")
    spoiled = SmallBook(tmp_path / "book")
    spoiled.build()
    state = next(state for state in sites if sites[state] != spoiled.snapshot())
    kept = spoiled.root / "_build" / ".doctrees"
    shutil.copy2(kept / "chapters" / "ledger.doctree", kept / "chapters" / "study.doctree")
    with pytest.raises(Broken):
        trial(spoiled, sites, state, Kill(0.0, signal.SIGKILL, False))
    shutil.copy2(kept / "chapters" / "ledger.doctree", kept / "chapters" / "study.doctree")
    (kept / "ended").unlink(missing_ok=True)
    trial(spoiled, sites, state, Kill(0.0, signal.SIGKILL, False))


def bounded(book: SmallBook, size: int, *options: str) -> subprocess.CompletedProcess:
    """Build where no file can grow beyond so many bytes, as on a disk that is full."""
    return subprocess.run(
        book.command(*options),
        capture_output=True,
        text=True,
        env=book.environment(),
        cwd=book.root,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size)),
    )


def test_a_full_disk_ends_the_build_and_leaves_the_site(ready, tmp_path):
    """Without -W too, where Sphinx only warns of files that it could not write; of what is left, nothing is believed."""
    sites, _, book = ready
    shutil.copytree(book.root, tmp_path / "book")
    full = SmallBook(tmp_path / "book")
    former = full.snapshot()
    state = next(state for state in sites if sites[state] != former)
    set_state(full, state)
    largest = max(file.stat().st_size for file in (full.root / "_build").rglob("*") if file.is_file())
    # There is room for all but the largest file.
    done = bounded(full, largest - 1, "--quiet")
    assert done.returncode != 0 and full.snapshot() == former
    assert full.build().returncode == 0
    assert full.snapshot() == sites[state]


def test_a_folder_that_may_not_be_written_is_named(ready, tmp_path):
    book = ready[2]
    shutil.copytree(book.root, tmp_path / "book")
    fixed = SmallBook(tmp_path / "book")
    former = fixed.snapshot()
    folder = fixed.root / "_build"
    # Root may write everywhere, so it builds without the right to overlook modes.
    bound = ["setpriv", "--bounding-set", "-dac_override"] if os.geteuid() == 0 else []
    folder.chmod(0o555)
    done = subprocess.run(
        bound + fixed.command("--quiet"), capture_output=True, text=True, env=fixed.environment(), cwd=fixed.root
    )
    folder.chmod(0o755)
    assert done.returncode != 0 and fixed.snapshot() == former
    assert "cannot write" in done.stderr and "Permission denied; the former site stays as it was" in done.stderr


SLOW = "(__import__('pathlib').Path('started').touch(), __import__('time').sleep(6), str(23 *"


@pytest.mark.parametrize("first_is_killed", [False, True])
def test_of_two_builds_at_once_the_second_waits(ready, tmp_path, first_is_killed):
    book = ready[2]
    shutil.copytree(book.root, tmp_path / "book")
    shared = SmallBook(tmp_path / "book")
    for old in ("str(21 *", "str(22 *"):
        shared.edit("plain", old, SLOW)
    shared.edit("plain", "factor)", "factor))[2]")

    def start() -> subprocess.Popen:
        return subprocess.Popen(
            shared.command(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=shared.environment(PYTHONUNBUFFERED="1"),
            cwd=shared.root,
            start_new_session=True,
        )

    first = start()
    deadline = time.monotonic() + 120
    while not (shared.root / "chapters" / "started").exists():
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.05)
    second = start()
    for line in second.stdout:
        if "another build of this book is running; waiting for it to end" in line:
            break
    else:
        raise AssertionError("the second build never waited")
    if first_is_killed:
        os.killpg(first.pid, signal.SIGKILL)
    told = second.stdout.read()
    assert second.wait() == 0 and (first.communicate()[0], first.returncode)[1] == (-9 if first_is_killed else 0)
    assert ("chapter 1/1 plain: " in told) == first_is_killed, "what the first had run is not run again"
    assert ">46<" in (shared.site / "chapters" / "plain.html").read_text()


def test_a_run_whose_build_is_gone_ends(tmp_path):
    """The process that runs a chapter outlives its build by a moment, and not by the length of the chapter."""
    code = "import holf.book.kernel, time; holf.book.kernel.end_with_parent(); print('up', flush=True); time.sleep(60)"
    parent = subprocess.Popen(
        [sys.executable, "-c", f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {code!r}]).wait()"],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout.readline() == "up\n"
    parent.kill()
    parent.wait()
    start = time.monotonic()
    parent.stdout.read()  # ends when the last process that holds it has ended
    assert time.monotonic() - start < 30
