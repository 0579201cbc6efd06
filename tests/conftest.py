"""Fixtures that several rooms of tests share."""

import shutil

import pytest
from small_book import SmallBook, small_book


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> SmallBook:
    """The small book, built once; take `book` to change it."""
    book = small_book(tmp_path_factory.mktemp("book"))
    done = book.build()
    assert done.returncode == 0 and (book.site / "index.html").exists(), done.stdout + done.stderr
    return book


@pytest.fixture
def book(built, tmp_path) -> SmallBook:
    """A copy of the built small book, free to be changed."""
    shutil.copytree(built.root, tmp_path / "book", symlinks=True)
    return SmallBook(tmp_path / "book")
