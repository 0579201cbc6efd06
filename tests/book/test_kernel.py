"""A chapter's kernel starts, whatever else the machine does."""

import tempfile
from pathlib import Path

from holf.book import kernel


def test_a_kernel_takes_no_port():
    with kernel.kernel() as manager:
        assert manager.transport == "ipc" and Path(manager.ip).parent.is_dir()
    assert not Path(manager.ip).parent.exists()


def test_a_kernel_takes_ports_where_the_path_of_a_socket_would_be_too_long(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    Path(tempfile.tempdir).mkdir()
    with kernel.kernel() as manager:
        assert manager.transport == "tcp"


def test_a_kernel_that_did_not_start_is_tried_once_more(monkeypatch, capsys):
    faults = ["RuntimeError: Kernel died before replying to kernel_info", ""]
    monkeypatch.setattr(kernel, "_run", lambda arguments: faults.pop(0))
    assert kernel.main([]) == 0 and not faults
    faults = ["Kernel didn't respond in 60 seconds", "cell [1] `1/0` raised ZeroDivisionError"]
    assert kernel.main([]) == 1 and not faults
    assert "ZeroDivisionError" in capsys.readouterr().err


def test_a_chapter_that_fails_is_not_run_again(monkeypatch, capsys):
    faults = ["cell [1] `1/0` raised ZeroDivisionError", ""]
    monkeypatch.setattr(kernel, "_run", lambda arguments: faults.pop(0))
    assert kernel.main([]) == 1 and len(faults) == 1
