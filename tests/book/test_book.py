"""The build: what runs, what does not, and what survives a failure."""

import os
import re
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest

from holf.book import chapters
from holf.book.chapters import start_stale_chapters
from holf.book.execute import run_chapter
from holf.book.freshness import Chapter, ChapterError, is_stale, renew_prose
from holf.book.staging import exchange
from holf.paths import project_root
from holf.simulation.worlds import write_study

# Every test builds a small book.
pytestmark = pytest.mark.slow


def ran(done: subprocess.CompletedProcess) -> list[str]:
    """Chapters that a build ran, from its own report."""
    lines = [line for line in done.stdout.splitlines() if line.startswith("papermill: chapter ")]
    return sorted(line.split()[3].rstrip(":") for line in lines)


def page(book, name: str) -> str:
    return (book.site / f"{name}.html").read_text(encoding="utf-8")


def test_a_second_build_runs_no_chapter_and_makes_the_same_site_whatever_became_of_it(book):
    before = book.snapshot(), book.path("study").read_bytes()
    (book.site / "index.html").write_text("Something else.")
    done = book.build("-W", "-n", "--keep-going", "--quiet")
    lines = (done.stdout + done.stderr).splitlines()
    assert done.returncode == 0 and ran(done) == [] and len(lines) <= 10
    assert lines[-1] == "papermill: the book is in _build/html/index.html"
    assert (book.snapshot(), book.path("study").read_bytes()) == before


def test_of_two_edits_that_of_code_runs_its_chapter_and_that_of_prose_none(book):
    book.edit("plain", "21", "22")
    book.edit("study", "## Part", "## Another part")
    done = book.build("--verbose")
    assert done.returncode == 0 and ran(done) == ["plain"]
    assert re.search(r"chapter 1/1 plain: [0-9.]+ s \(changed since it ran: code cells\)", done.stdout)
    assert ">44<" in page(book, "chapters/plain") and "Another part" in page(book, "chapters/study")


def test_a_title_a_row_and_a_page_that_is_gone_change_the_other_pages_too(book):
    toc, facts = book.root / "_toc.yml", book.root / "data" / "facts.csv"
    toc.write_text(toc.read_text().replace("  - file: chapters/plain\n", ""))
    book.path("plain").unlink()
    book.edit("study", "# Study", "# The study")
    text = facts.read_text(encoding="utf-8")
    assert "Offices randomised" in text
    facts.write_text(text.replace("Offices randomised", "Offices drawn"), encoding="utf-8")
    index = book.root / "index.md"
    index.write_text(index.read_text() + "\n[29](chapters/ledger.md#f044)\n")
    assert book.build().returncode == 0
    assert not [name for name in book.snapshot() if "plain" in name]
    assert "The study" in page(book, "chapters/colophon") and "Offices drawn" in page(book, "index")


def test_a_warning_of_sphinx_is_an_error_now_and_after_a_build_that_let_it_pass(book):
    (book.root / "index.md").write_text("# Small book\n\n## Part\n\n[nowhere](chapters/ledger.md#f999)\n")
    before = book.snapshot()
    done = book.build()
    assert done.returncode != 0 and "f999" in done.stderr + done.stdout and book.snapshot() == before
    assert book.build("--quiet").returncode == 0, "published with a warning, for the person who writes"
    before = book.snapshot()
    done = book.build()
    assert done.returncode != 0 and "f999" in done.stderr + done.stdout and book.snapshot() == before


def test_an_assumption_reruns_what_depends_on_it_and_changes_its_outputs(book):
    before = book.path("study").read_text()
    assumptions = book.root / "data" / "assumptions.yml"
    text = assumptions.read_text(encoding="utf-8")
    assert "value: 6000" in text
    assumptions.write_text(text.replace("value: 6000", "value: 6300"), encoding="utf-8")
    done = book.build()
    assert done.returncode == 0 and ran(done) == ["study"], "the chapter without data stays as it is"
    assert "simulated the null world" in done.stdout and "wrote chapters/assumptions.md" in done.stdout
    read = nbformat.reads(book.path("study").read_text(), as_version=4)
    assert read.metadata["holf"]["reads"] == ["datapackage.json", "plan.yml", "simulated/null"]
    old = [cell.get("outputs") for cell in nbformat.reads(before, as_version=4).cells]
    assert [cell.get("outputs") for cell in read.cells] != old, "the simulated study differs, so must the outputs"


def test_stale_pages_say_so_and_check_names_them(book):
    book.edit("plain", "21", "22")
    checked = book.build(HOLF_PAPERMILL="check")
    assert (
        checked.returncode != 0
        and "chapter plain is stale: changed since it ran: code cells" in checked.stderr + checked.stdout
    )
    assert ran(checked) == []
    assert book.build(HOLF_PAPERMILL="off").returncode == 0
    page = (book.site / "chapters" / "plain.html").read_text()
    assert "OUT OF DATE" in page and "(changed since it ran: code cells)" in page
    assert "OUT OF DATE" not in (book.site / "chapters" / "study.html").read_text()
    assert book.build().returncode == 0
    assert "OUT OF DATE" not in (book.site / "chapters" / "plain.html").read_text()


def test_an_unknown_parameter_is_refused(own):
    before = own.path("plain").read_bytes()
    with pytest.raises(ChapterError, match="plain: the notebook has no parameter 'fctor'"):
        run_chapter(Chapter(own.path("plain"), own.path("plain"), {"fctor": 3}), own.root / "_build" / "papermill")
    assert own.path("plain").read_bytes() == before


def test_a_known_parameter_is_injected_without_noise(own):
    run_chapter(
        Chapter(own.path("plain"), own.path("plain"), {"factor": 3}, "A title"), own.root / "_build" / "papermill"
    )
    notebook = nbformat.read(own.path("plain"), as_version=4)
    assert "63" in str(notebook.cells[-1].outputs) and notebook.cells[0].source.startswith("# A title\n")
    injected = [cell for cell in notebook.cells if cell["id"] == "injected-parameters"]
    assert len(injected) == 1 and injected[0].metadata["tags"] == ["injected-parameters", "remove-cell"]
    assert notebook.cells[1].source == "factor = 3", "who copies the cell that the page shows gets the page's numbers"
    assert "papermill" not in notebook.metadata and not any("papermill" in cell.metadata for cell in notebook.cells)
    assert str(own.root) not in own.path("plain").read_text()


def test_sphinx_goes_on_while_chapters_run_and_hears_of_their_faults(own):
    own.write("more", ["# More", "factor = 3", "factor / 0"])
    gate = own.root / "gate"
    os.mkfifo(gate)
    own.edit("plain", "factor = 2", f"factor = open({str(gate)!r}).read()")
    said, before = [], threading.active_count()
    finish = start_stale_chapters(own.root / "_build" / "papermill", force=True, jobs=2, say=said.append)
    assert said == ["3 chapter(s) to run"] and threading.active_count() == before, "it came back, and left no thread"
    gate.write_text("2")
    with pytest.raises(ChapterError, match="more: cell .* raised ZeroDivisionError"):
        finish()
    assert sorted(line.split()[2] for line in said if line.startswith("chapter ")) == ["more:", "plain:", "study:"]
    assert "more: FAILED (every chapter was asked for)" in " ".join(said)
    assert (own.root / "_build" / "papermill" / "more.ipynb").exists(), "left for inspection"


def test_a_chapter_that_takes_long_says_how_far_it_is(own, monkeypatch):
    gate = own.root / "gate"
    os.mkfifo(gate)
    own.write("plain", ["# Plain", "factor = 2", f"open({str(gate)!r}).read()", "factor"])
    monkeypatch.setattr(chapters, "_PATIENCE", 1)
    said = []

    def listen(line: str) -> None:
        said.append(line)
        if line == "plain runs, cell 2 of 3" and "opened" not in said:
            said.append("opened")
            gate.write_text("")

    chapter = Chapter(own.path("plain"), own.path("plain"))
    work = own.root / "_build" / "papermill"
    chapters.run_chapters([], [chapter], work, jobs=1, say=listen, reasons={chapter.page: "new"})
    assert "opened" in said and said[-1].startswith("chapter 1/1 plain: ")


def test_an_edit_made_while_the_chapter_runs_is_not_lost(own):
    page = own.path("plain")
    own.edit("plain", "factor = 2", f"factor = 2\nopen({str(page)!r}, 'a').write(' ')")
    with pytest.raises(ChapterError, match="plain: plain.ipynb was changed while it ran"):
        run_chapter(Chapter(page, page), own.root / "_build" / "papermill")
    assert page.read_text().endswith(" ")


def test_settings_of_the_person_who_builds_reach_no_output(book, monkeypatch, tmp_path):
    home = tmp_path / "home"
    startup, style = home / ".ipython" / "profile_default" / "startup", home / "styles" / "matplotlibrc"
    for path, words in ((startup / "0.py", "early = 1"), (style, "lines.linewidth: 9"), (home / "s.py", "start = 1")):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(words)
    monkeypatch.setenv("IPYTHONDIR", str(home / ".ipython"))
    monkeypatch.setenv("MATPLOTLIBRC", str(style))
    monkeypatch.setenv("PYTHONSTARTUP", str(home / "s.py"))
    monkeypatch.setenv("HOLF_ROOT", str(book.root))
    page = book.path("plain")
    looks = "import matplotlib\nfactor = 2, matplotlib.rcParams['lines.linewidth'], 'early' in dir(), 'start' in dir()"
    book.edit("plain", "factor = 2", looks)
    book.edit("plain", "str(21 * factor)", "str(factor)")
    run_chapter(Chapter(page, page), book.root / "_build" / "papermill")
    assert "(2, 1.5, False, False)" in page.read_text()


@pytest.mark.parametrize(
    "change, name",
    [
        ("open(holf.paths.code_file('holf/display/text.py'), 'a').write('\\n')", "text.py"),
        ("path = holf.data_path('landing.yml')\npath.unlink()", "landing.yml"),
        ("path = holf.data_path('reporting')\nnext(path.glob('*.csv')).unlink()", "reporting"),
    ],
)
def test_outputs_are_not_signed_with_what_changed_while_they_were_made(own, change, name):
    page = own.path("plain")
    own.edit("plain", "factor = 2", f"factor = 2\nimport holf.paths\n{change}")
    before = page.read_bytes()
    with pytest.raises(ChapterError, match=f"plain: {name} was changed while it ran"):
        run_chapter(Chapter(page, page), own.root / "_build" / "papermill")
    assert page.read_bytes() == before


def from_template(book) -> Chapter:
    """A page of a template, run once."""
    template = book.root / "chapters" / "templates" / "outcome.ipynb"
    template.parent.mkdir()
    template.write_bytes(book.path("plain").read_bytes())
    chapter = Chapter(book.path("many"), template, {"factor": 3}, "One of many")
    run_chapter(chapter, book.root / "_build" / "papermill")
    return chapter


def test_new_prose_of_a_template_reaches_its_pages_without_a_run(own):
    chapter = from_template(own)
    assert not is_stale(chapter) and not renew_prose(chapter)
    before = nbformat.read(chapter.page, as_version=4)
    template = nbformat.read(chapter.template, as_version=4)
    template.cells[0].source = "# Plain\n\nOther words.\n\n## Part"
    template.cells.insert(2, nbformat.v4.new_markdown_cell("More words.", id="more"))
    nbformat.write(template, chapter.template)
    assert not is_stale(chapter) and renew_prose(chapter) and not renew_prose(chapter)
    after = nbformat.read(chapter.page, as_version=4)
    assert after.cells[0].source == "# One of many\n\nOther words.\n\n## Part"
    assert [cell.source for cell in after.cells if cell.cell_type == "markdown"][1:] == ["More words."]
    code = [[cell for cell in one.cells if cell.cell_type == "code"] for one in (before, after)]
    assert code[0] == code[1] and "63" in str(code[1])
    run_chapter(chapter, own.root / "_build" / "papermill")
    assert nbformat.read(chapter.page, as_version=4) == after, "a run would have written the same"


def test_a_stale_page_gets_its_prose_from_its_run(own):
    chapter = from_template(own)
    template = nbformat.read(chapter.template, as_version=4)
    template.cells[0].source, template.cells[-1].source = "# Plain\n\nOther words.", "'other code'"
    nbformat.write(template, chapter.template)
    before = chapter.page.read_bytes()
    assert is_stale(chapter) and not renew_prose(chapter) and chapter.page.read_bytes() == before


def test_build_from_another_source_leaves_the_project_alone(book, tmp_path):
    folder, out = tmp_path / "study", tmp_path / "site"
    write_study("benefit", folder, seed=3)
    command = [str(Path(sys.executable).with_name("holf")), "build", "--source", str(folder), "--out", str(out)]
    book.edit("study", "wave = 'm12'", "wave = 'm12'\nsources = ['null']")
    book.edit("study", "open_study('null')", "open_study(sources[0])")
    before = book.snapshot(book.root / "chapters")
    done = subprocess.run(command, env=book.environment(), cwd=book.root, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    page = (out / "chapters" / "study.html").read_text()
    assert "benefit world" in page and "null world" not in page
    assert "['null']" not in page and "OUT OF DATE" not in page, "the page shows with which study it was run"
    assert book.snapshot(book.root / "chapters") == before
    assert not [name for name, content in book.snapshot(out).items() if str(folder).encode() in content]
    again = subprocess.run(command, env=book.environment(), cwd=book.root, capture_output=True, text=True)
    assert again.returncode == 2 and "exists already" in again.stderr
    wrong = subprocess.run(
        [*command[:3], "benfit", "--out", str(tmp_path / "x")],
        env=book.environment(),
        cwd=book.root,
        capture_output=True,
        text=True,
    )
    assert wrong.returncode == 2 and "no world, folder or release file 'benfit'" in wrong.stderr
    assert "null, benefit" in wrong.stderr and not (tmp_path / "x").exists()


def test_the_code_of_another_checkout_builds_no_book_and_changes_neither(book, tmp_path):
    """An environment has one copy of `holf`; its book and the one that is built are two."""
    other = tmp_path / "other"
    shutil.copytree(book.root, other)
    book.edit("plain", "21", "22")
    before = book.snapshot(book.root), book.snapshot(other)
    environment = book.environment(PYTHONPATH=str(other))
    del environment["HOLF_ROOT"]
    done = subprocess.run(book.command("--quiet"), capture_output=True, text=True, env=environment, cwd=book.root)
    said = f"the book is in {book.root}, and `holf` was loaded from {other}"
    assert done.returncode != 0 and said in done.stderr + done.stdout
    after = book.snapshot(book.root), book.snapshot(other)
    assert [{name for name in one if "__pycache__" not in name} for one in after] == [
        {name for name in one if "__pycache__" not in name} for one in before
    ]
    assert all(now[name] == then[name] for now, then in zip(after, before, strict=True) for name in then)


def test_a_folder_that_is_not_the_one_of_HOLF_ROOT_is_not_built(book, tmp_path):
    shutil.copytree(book.root, tmp_path / "other")
    done = subprocess.run(
        book.command("--quiet"),
        capture_output=True,
        text=True,
        env=book.environment(HOLF_ROOT=str(tmp_path / "other")),
        cwd=book.root,
    )
    assert done.returncode != 0 and f"set `HOLF_ROOT={book.root}`" in done.stderr + done.stdout


def test_exchange_with_and_without_help_of_the_system(tmp_path, monkeypatch):
    for attempt, system in enumerate(("posix", "other")):
        monkeypatch.setattr("holf.book.staging.os.name", system)
        fresh, site = tmp_path / f"fresh{attempt}", tmp_path / f"site{attempt}"
        for folder, word in ((fresh, "new"), (site, "old")):
            folder.mkdir()
            (folder / "index.html").write_text(word)
        exchange(fresh, site)
        assert (site / "index.html").read_text() == "new"
        # In one step the former site lies where the new one was.
        assert fresh.exists() == (system == "posix" and sys.platform == "linux")


def test_nbval_fails_where_a_committed_output_is_another(book):
    page = book.path("study")
    notebook = nbformat.read(page, as_version=4)
    (output,) = [
        one for cell in notebook.cells for one in cell.get("outputs", ()) if "text/html" in one.get("data", {})
    ]
    output.data["text/plain"] += " and another number"
    nbformat.write(notebook, page)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", str(page)]
    done = subprocess.run(command, cwd=book.root, env=book.environment(), capture_output=True, text=True)
    assert done.returncode == 1 and "mismatch" in done.stdout and "1 failed" in done.stdout


def test_papermill_runs_a_chapter_on_one_source(tmp_path):
    papermill = Path(sys.executable).with_name("papermill")
    source = ("-p", "sources", "null", "--no-progress-bar")
    command = [papermill, "chapters/effects.ipynb", tmp_path / "out.ipynb", *source]
    subprocess.run(command, cwd=project_root(), check=True, capture_output=True)
    cells = nbformat.read(tmp_path / "out.ipynb", as_version=4).cells
    shown = str([cell.outputs for cell in cells if cell.cell_type == "code"])
    assert "null world" in shown and "harm world" not in shown
