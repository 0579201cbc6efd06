"""Files for their owner alone: whole or not at all, whenever the process is killed."""

import os
import signal
import stat

import pytest
from dropin_study import small_study, write_tables
from real_study import only

from holf.cli import main
from holf.confidential.read.report import write_private
from holf.confidential.release import document
from holf.confidential.release.document import ReleaseError, read_release
from holf.confidential.release.history import HISTORY, _alone, read_history


def kill_at(step: str, number: int, act) -> bool:
    """Run `act` in a process of its own that kills itself at one call of `os`; False if it made fewer calls."""
    child = os.fork()
    if not child:
        whole, calls = getattr(os, step), iter(range(number))

        def stop(*arguments, **named):
            if next(calls, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)
            return whole(*arguments, **named)

        setattr(os, step, stop)
        try:
            act()
        finally:
            os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def is_private(path) -> bool:
    return stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("step", ["fsync", "replace"])
@pytest.mark.parametrize("former", [None, b"former"])
def test_a_killed_process_leaves_no_half_file_and_the_next_one_none_at_all(step, former, tmp_path):
    path = tmp_path / "a[b].key"
    if former:
        write_private(path, former)
    assert kill_at(step, 0, lambda: write_private(path, b"fresh" * 10**6, over=True))
    assert (path.read_bytes() if path.exists() else None) == former
    (left,) = set(tmp_path.iterdir()) - {path}
    assert left.name.startswith(".a[b].key.") and is_private(left), "what is left is for its owner alone"
    write_private(path, b"new", over=True)
    assert list(tmp_path.iterdir()) == [path] and path.read_bytes() == b"new" and is_private(path)


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_private(tmp_path / "a", b"x")
    assert list(tmp_path.iterdir()) == []


def test_what_is_there_is_not_written_over_and_no_link_is_followed(tmp_path):
    (tmp_path / "there").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("there", "link"):
        with pytest.raises(FileExistsError, match=f"{name} exists already"):
            write_private(tmp_path / name, b"x")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "there"]
    write_private(tmp_path / "link", b"x", over=True)
    assert not (tmp_path / "elsewhere").exists() and (tmp_path / "link").read_bytes() == b"x"


@pytest.mark.slow
def test_a_release_killed_at_any_step_leaves_whole_files_and_the_next_one_works(tmp_path, monkeypatch):
    monkeypatch.setattr(document, "catalogue", only("flow"))
    data = write_tables(small_study(), tmp_path / "data")
    steps = [("fsync", 3), *(("replace", number) for number in range(4))]
    for step, number in steps:
        home = tmp_path / f"at {step} {number}"
        home.mkdir()
        first, second = (
            ["release", "--data", str(data), "--out", str(home / f"{name}.json"), "--key", str(home / "our.key")]
            for name in ("first", "second")
        )
        assert kill_at(step, number, lambda first=first: main(first)), "it makes four files: key, ids, history, release"
        there = {path.name: path for path in home.iterdir()}
        assert all(map(is_private, there.values()))
        left = {name for name in there if name.startswith(".")}
        assert len(left) == 1 and there.keys() - left == {"our.key", "first.json.ids", HISTORY} & there.keys()
        assert len(there) == number + 1
        assert len(read_history(home / HISTORY)) == (number == 3), "what may have left is in the history"
        main(second)
        assert read_history(home / HISTORY) == [read_release(home / "second.json")]


def test_two_releases_at_once_are_not_made(tmp_path):
    (tmp_path / "our.key").write_bytes(b"k" * 32)
    with _alone(tmp_path / "our.key"), pytest.raises(ReleaseError, match="another release is being made with our.key"):
        with _alone(tmp_path / "our.key"):
            pass
    with _alone(tmp_path / "our.key"):
        pass
