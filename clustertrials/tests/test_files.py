"""A file is written completely or not at all."""

import os

import pytest

from clustertrials.files import write_whole


def test_readers_see_the_former_file_or_the_new_one_whole(tmp_path, monkeypatch):
    path, seen, replace = tmp_path / "a.csv", [], os.replace
    path.write_text("old")

    def watched(fresh, target):
        seen.append((path.read_text(), fresh.read_text()))
        replace(fresh, target)

    monkeypatch.setattr("clustertrials.files.os.replace", watched)
    write_whole(path, "new")
    assert seen == [("old", "new")] and path.read_text() == "new" and os.listdir(tmp_path) == ["a.csv"]


def test_a_full_disk_leaves_the_former_file(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    path.write_text("old")

    def full(self, *_words, **_more):
        self.open("w").close()
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, "new")
    assert path.read_text() == "old" and os.listdir(tmp_path) == ["a.csv"]
