"""Fixtures that several rooms of tests share."""

import pytest
from small_book import SmallBook, small_book


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
