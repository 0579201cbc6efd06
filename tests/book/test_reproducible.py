"""The same files give the same site, byte for byte, whatever the folder, clock, locale, user and number of processors."""

import hashlib
import subprocess
import zipfile

import pytest
from small_book import SmallBook, small_book, whole_book
from surroundings import ORDINARY, STRANGER

from holf.book.chapters import start_stale_chapters
from holf.book.checksums import SUMS, digests, verified_sums, write_sums
from holf.book.freshness import Chapter, signature
from holf.book.sources import ARCHIVE
from holf.paths import project_root

pytestmark = pytest.mark.slow


def differences(left, right) -> list[str]:
    """Names of the files that two folders do not share byte for byte."""
    one, other = digests(left), digests(right)
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


def built(book: SmallBook, where, **extra: str) -> SmallBook:
    done = where.run(book.command("-W", "-n", "--keep-going"), book.root, book.root / "home", **extra)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return book


@pytest.fixture(scope="module")
def both(tmp_path_factory) -> tuple[SmallBook, SmallBook]:
    """The small book, from nothing, in two surroundings and two folders."""
    place, books = tmp_path_factory.mktemp("both"), []
    for where, folder in ((ORDINARY, place / "here"), (STRANGER, place / "en annen mappe" / "der borte")):
        folder.mkdir(parents=True)
        books.append(built(small_book(folder), where))
    return books[0], books[1]


def test_two_clean_builds_are_identical(both):
    here, there = both
    assert differences(here.site, there.site) == []
    assert (here.site / SUMS).read_bytes() == (there.site / SUMS).read_bytes()
    assert here.path("study").read_bytes() == there.path("study").read_bytes(), "the outputs of record"


def test_the_archive_of_the_sources_gives_the_same_site(site, tmp_path):
    with zipfile.ZipFile(site / ARCHIVE) as packed:
        packed.extractall(tmp_path)
    again = SmallBook(tmp_path / "holf")
    done = again.build(HOLF_PAPERMILL="off")
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert differences(site, again.site) == []


def test_every_chapter_run_again_gives_the_committed_bytes(tmp_path, monkeypatch):
    """Nbval compares no pictures, and a signature only says what a chapter was made from."""
    committed = {page.name: page.read_bytes() for page in (project_root() / "chapters").glob("*.ipynb")}
    book = whole_book(tmp_path / "book")
    for name in ("HOLF_ROOT", "PYTHONPATH"):
        monkeypatch.setenv(name, book.environment()[name])
    start_stale_chapters(book.root / "_build" / "papermill", force=True, jobs=2, say=[].append)()
    again = {page.name: page.read_bytes() for page in (book.root / "chapters").glob("*.ipynb")}
    assert len(committed) > 10 and again.keys() == committed.keys()
    assert [name for name in committed if again[name] != committed[name]] == []


def test_the_list_of_files_is_whole_and_for_everyone(both):
    site = both[0].site
    files = {path.relative_to(site).as_posix() for path in site.rglob("*") if path.is_file()}
    listed = {line[66:] for line in (site / SUMS).read_text(encoding="utf-8").splitlines()}
    assert listed == files - {SUMS}
    checked = subprocess.run(["sha256sum", "--check", "--strict", SUMS], cwd=site, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_a_changed_site_fits_its_list_no_more(tmp_path):
    (tmp_path / "index.html").write_text("words")
    write_sums(tmp_path)
    assert verified_sums(tmp_path) == {"index.html": hashlib.sha256(b"words").hexdigest()}
    (tmp_path / "more.html").write_text("words")
    assert verified_sums(tmp_path) == {}


def test_the_colophon_says_from_what(both, monkeypatch):
    book = both[0]
    page = (book.site / "chapters" / "colophon.html").read_text(encoding="utf-8")
    assert "Simulated, no finding of the trial" in page and 'href="../SHA256SUMS"' in page
    monkeypatch.setenv("HOLF_ROOT", str(book.root))
    signed = signature(Chapter(book.path("study"), book.path("study")))
    assert len(signed) == 64 and signed in page and "simulated/null" in page


def test_source_date_epoch_sets_the_one_year_that_sphinx_writes(both):
    book = both[0]
    before = digests(book.site)
    assert "2026, CC BY" in (book.site / "index.html").read_text(encoding="utf-8")
    built(book, ORDINARY, SOURCE_DATE_EPOCH="946684800")
    assert "2000, CC BY" in (book.site / "index.html").read_text(encoding="utf-8")
    built(book, STRANGER)
    assert digests(book.site) == before


def plant(book: SmallBook) -> None:
    """A clock in one page, a path in another, and the order of a folder in a third."""
    book.edit("plain", "Table('Twice'", "import time\nTable(time.strftime('Made %Y-%m-%d')")
    book.edit("study", "'Income'", "holf.__file__")
    code = book.root / "holf" / "book" / "chapters.py"
    old, new = 'sorted(home.glob("*.ipynb"))', 'list(home.glob("*.ipynb"))'
    assert old in code.read_text(encoding="utf-8")
    code.write_text(code.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")


def test_a_planted_clock_path_and_order_are_found(both):
    """The last test of both books, which it spoils."""
    for book, where in zip(both, (ORDINARY, STRANGER)):
        plant(book)
        built(book, where)
    found = set(differences(both[0].site, both[1].site))
    assert {"chapters/plain.html", "chapters/study.html", "chapters/colophon.html"} <= found
