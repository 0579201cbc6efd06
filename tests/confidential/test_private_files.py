"""Files for their owner alone: whole or not at all, whenever the process is killed."""

import os
import signal
import stat

import pytest

from holf.confidential.read.report import write_private


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
