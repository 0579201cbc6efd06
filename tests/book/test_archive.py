"""The book on paper and in one file: every sheet marked, the same bytes each time, nothing that was not cleared."""

import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from holf.book.archive import CRATE, PDF, archive_time, make_archive
from holf.book.checksums import SUMS, verified_sums, write_sums
from holf.book.marks import BANNER, REAL_BANNER
from holf.book.pdf import PdfError, bind, contents, page_texts, print_book, sheet_faults, sheet_heads
from holf.book.sources import ARCHIVE, LIST, own_archive, source_files, write_sources
from holf.paths import project_root

ROOT = project_root()
NAV = (
    '<nav id="chapters"><a class="internal" href="#">Home</a><a class="internal" href="a/one.html">1</a>'
    '<a class="internal" href="a/two.html#x">2</a></nav>'
)
LONG = "".join(f"<p>Paragraph {number} of the efficient official offices in Ås.</p>" for number in range(120))


def page(body: str) -> str:
    return f'<html lang="en"><body><main><article>{body}</article></main></body></html>'


def small_site(folder: Path, banner: str = BANNER, *, text: str = "<p>Words.</p>") -> Path:
    """A site of three pages: a record, one with study results, and one with what is not for paper."""
    site = folder / "site"
    (site / "a").mkdir(parents=True)
    shutil.copytree(ROOT / "assets", site / "_static")
    index = page('<h1 id="t">Home</h1><a href="a/two.html#x">on</a><a href="SHA256SUMS">list</a>')
    (site / "index.html").write_text(index.replace("<main>", f"{NAV}<main>"))
    (site / "a" / "one.html").write_text(page(f'<h1 id="t">One</h1><p class="{banner}">Mark.</p>{text}'))
    two = (
        '<h1 id="x">Two</h1><details><summary>More</summary><p id="y">Hidden.</p></details><noscript>Still.</noscript>'
    )
    (site / "a" / "two.html").write_text(page(f'{two}<script>alert(1)</script><a href="one.html">back</a>'))
    if banner == BANNER:
        write_sources(site)
    write_sums(site)
    return site


def test_the_book_is_bound_in_its_order_with_its_links_inside(tmp_path):
    site = small_site(tmp_path)
    assert contents(site) == ["index.html", "a/one.html", "a/two.html"]
    bound = bind(site, "A <book>")
    assert re.findall(r'<article class="holf-sheets-(\w+)" id="([\w-]+)"', bound) == [
        ("record", "index"), ("simulated", "a-one"), ("record", "a-two")
    ]  # fmt: skip
    assert 'href="#a-two--x"' in bound and 'href="#a-one"' in bound and 'id="a-one--t"' in bound
    assert "A &lt;book&gt;" in bound and "SHA256SUMS" not in bound and "alert" not in bound
    assert '<details open="">' in bound and "Still." in bound and "noscript" not in bound


@pytest.mark.parametrize(("banner", "head"), [(BANNER, "SIMULATED: not"), (REAL_BANNER, "REAL DATA, under")])
def test_every_sheet_says_what_it_shows(tmp_path, banner, head):
    sheets = print_book(
        small_site(tmp_path, banner, text=LONG), tmp_path / "book.pdf", title="Book", epoch=1_700_000_000
    )
    pdf = (tmp_path / "book.pdf").read_bytes()
    texts = page_texts(pdf)
    marked = [head in text for text in texts]
    assert len(texts) == sheets >= 5 and marked == [False, *[True] * (sheets - 2), False]
    assert all("No simulated results on this sheet" in text for text, mark in zip(texts, marked) if not mark)
    assert "efficient official offices in Ås." in "".join(texts), "ligatures and letters are read as they are"
    assert b"/CreationDate (D:20231114221320+00'00')" in pdf and b"/StructTreeRoot" in pdf and b"/Outlines" in pdf
    assert b"/MediaBox [0 0 59" in pdf, "A4"


def test_a_sheet_without_its_mark_is_found_and_nothing_is_written(tmp_path):
    site = small_site(tmp_path)
    style = site / "_static" / "holf.css"
    style.write_text(style.read_text().replace("SIMULATED: not findings of the trial", ""))
    with pytest.raises(PdfError, match="sheet 2 of the PDF has no head"):
        print_book(site, tmp_path / "book.pdf", title="Book", epoch=0)
    assert not (tmp_path / "book.pdf").exists()


def test_a_head_counts_once_and_in_the_first_line_only():
    head = "SIMULATED: not findings of the trial"
    assert sheet_faults([f"Book {head}\n{head}"], sheet_heads()) == []
    for text in ("", f"Book\n{head}", f"{head} {head}", f"{head} No simulated results on this sheet\nWords"):
        assert sheet_faults([text], sheet_heads()), text


@pytest.fixture
def quick(monkeypatch):
    """Archives without a browser: what is printed is not the matter."""
    monkeypatch.setattr("holf.book.pdf.print_book", lambda _site, target, **_: target.write_bytes(b"%PDF-1.4"))
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")


def names(archive: Path) -> list[str]:
    with zipfile.ZipFile(archive) as packed:
        return [name.partition("/")[2] for name in packed.namelist()]


def test_the_archive_is_whole_the_same_each_time_and_read_back(quick, tmp_path):
    site = small_site(tmp_path)
    one, two = (make_archive(site, tmp_path / name) for name in ("one", "two"))
    assert one.read_bytes() == two.read_bytes()
    kept = {"site/index.html", f"site/{ARCHIVE}", PDF, CRATE, SUMS, "LICENSE", "requirements.lock"}
    assert kept <= set(names(one))
    with zipfile.ZipFile(one) as packed:
        assert {entry.date_time for entry in packed.infolist()} == {(2023, 11, 14, 22, 13, 20)}
        packed.extractall(tmp_path / "out")
    (folder,) = (tmp_path / "out").iterdir()
    assert verified_sums(folder)
    crate = ROCrate(folder)
    assert {"site/", PDF, f"site/{ARCHIVE}"} <= {entity.id for entity in crate.data_entities}
    assert crate.datePublished.isoformat().startswith("2023-11-14") and crate.name and crate.license


# What is put in the place of "Still." on a page, or into the archive of the sources, and why the site may then not go out.
REFUSED = {
    "may not be published: a/two.html": "Traceback (most recent call last)",
    "a page of the site is out of date": '<p class="holf-banner-stale">',
    "on real data is not archived": f'<p class="{REAL_BANNER}">',
    "does not carry the sources as they are here": None,
}


@pytest.mark.parametrize("why", REFUSED)
def test_a_site_that_may_not_go_out_is_refused(quick, tmp_path, why):
    site = small_site(tmp_path)
    page = site / "a" / "two.html"
    if words := REFUSED[why]:
        page.write_text(page.read_text().replace("Still.", words))
    else:
        with zipfile.ZipFile(site / ARCHIVE, "a") as packed:
            packed.writestr("holf/data/more.csv", "x")
    with pytest.raises(ValueError, match="not what its SHA256SUMS lists"):
        make_archive(site, tmp_path / "out")
    write_sums(site)
    with pytest.raises(ValueError, match=re.escape(why)):
        make_archive(site, tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="build the book first"):
        make_archive(tmp_path / "none", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-c", "user.name=a", "-c", "user.email=a@example.org", *words], cwd=folder, check=True)


def test_only_files_that_git_knows_go_into_the_archive_of_the_sources(tmp_path, monkeypatch):
    project, site = tmp_path / "project", tmp_path / "site"
    (project / "data").mkdir(parents=True)
    site.mkdir()
    (project / "index.md").write_text("# Ærlig\n")
    (project / "data" / "æ.csv").write_text("x\n1\n")
    git(project, "init", "-q")
    git(project, "add", ".")
    (project / "data" / "parents.csv").write_text("id\n1\n")
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "more.csv").write_text("id\n1\n")
    (project / "more.csv").symlink_to(tmp_path / "tables" / "more.csv")
    (project / "more").mkdir()
    (project / "more" / "more.csv").write_text("known")
    git(project, "add", "more.csv", "more")
    shutil.rmtree(project / "more")
    (project / "more").symlink_to(tmp_path / "tables")
    monkeypatch.setenv("HOLF_ROOT", str(project))
    assert source_files() == ("data/æ.csv", "index.md")
    write_sources(site)
    with zipfile.ZipFile(site / ARCHIVE) as packed:
        assert packed.namelist() == ["holf/data/æ.csv", "holf/index.md", f"holf/{LIST}"]
        packed.extractall(tmp_path / "out")
    first = (site / ARCHIVE).read_bytes()
    # Unpacked, also inside a checkout of something else, it gives the same archive again.
    monkeypatch.setenv("HOLF_ROOT", str(tmp_path / "out" / "holf"))
    git(tmp_path, "init", "-q")
    write_sources(site)
    assert (site / ARCHIVE).read_bytes() == first and own_archive(site) == [site / ARCHIVE]
    (tmp_path / "out" / "holf" / LIST).unlink()
    assert source_files() == () and own_archive(site) == []


def test_a_book_on_real_data_does_not_carry_its_sources(tmp_path, monkeypatch):
    monkeypatch.setattr("holf.book.sources.own_release", lambda: "release 1")
    write_sources(tmp_path)
    assert not (tmp_path / ARCHIVE).exists()


def test_the_date_is_never_the_clock(monkeypatch, tmp_path):
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    monkeypatch.setenv("HOLF_ROOT", str(tmp_path))
    with pytest.raises(ValueError, match="set SOURCE_DATE_EPOCH"):
        archive_time()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "12")
    assert archive_time() == 12
