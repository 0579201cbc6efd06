"""Fixtures that several rooms of tests share."""

import fcntl
import os
from pathlib import Path

import pytest
from small_book import SmallBook, small_book, whole_site

import holf
from holf.study.study import Study


def pytest_collection_modifyitems(items):
    """Whatever needs the whole book is slow."""
    for item in items:
        if "site" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def studies() -> list[Study]:
    """The study of each simulated world, in the order of the plan: null, benefit, harm."""
    return [holf.open_study(world) for world in holf.load_plan().worlds]


@pytest.fixture(scope="session")
def site(tmp_path_factory) -> Path:
    """The whole book, built once from the committed chapters as they are."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        # One for all workers.
        folder = folder.parent
    with open(folder / "whole.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return whole_site(folder / "whole")


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> SmallBook:
    """The small book, built once; take `book` to change it."""
    book = small_book(tmp_path_factory.mktemp("book"))
    done = book.build()
    assert done.returncode == 0 and (book.site / "index.html").exists(), done.stdout + done.stderr
    book.keep(tmp_path_factory.mktemp("kept") / "book")
    return book


@pytest.fixture
def book(built):
    """The built small book, free to be changed: afterwards every file is put back."""
    yield built
    built.restore()


@pytest.fixture
def own(book, monkeypatch) -> SmallBook:
    """The small book, which is also the one that this process works for."""
    monkeypatch.setenv("HOLF_ROOT", str(book.root))
    return book
