"""Edits at awkward moments, and builds in awkward ways: what readers see follows from what is there, or says so."""

import re
import shutil
import subprocess
import time
from types import SimpleNamespace

import nbformat
import pytest
from small_book import SmallBook
from sphinx.errors import ExtensionError

from holf.book.chapters import run_chapters
from holf.book.execute import run_chapter
from holf.book.extension import refuse_other_builders
from holf.book.freshness import Chapter, ChapterError, is_stale

# Every test builds a small book.
pytestmark = pytest.mark.slow


def with_extension(book: SmallBook, code: str) -> None:
    """Let Sphinx load an extension after those of the book; it acts once, while the file `armed` is there."""
    (book.root / "late.py").write_text(f"{code}\ndef setup(app):\n    act(app)\n    return {{}}\n")
    config = book.root / "_config.yml"
    text = config.read_text(encoding="utf-8")
    assert "holf.book.theme.theme]" in text
    config.write_text(text.replace("holf.book.theme.theme]", "holf.book.theme.theme, late]"), encoding="utf-8")


def page(book: SmallBook, name: str = "index") -> str:
    return (book.site / f"{name}.html").read_text(encoding="utf-8")


def test_a_file_put_back_with_its_former_time_is_read_again(book):
    source, aside = book.root / "index.md", book.root / "aside"
    shutil.copy2(source, aside)
    source.write_text("# Small book\n\n## Part\n\nOther words.\n")
    book.build()
    assert "Other words" in page(book)
    shutil.copy2(aside, source)
    assert book.build().returncode == 0 and "Other words" not in page(book)


def test_what_is_saved_while_sphinx_reads_it_is_read_by_the_next_build(book):
    source = book.root / "index.md"
    with_extension(
        book,
        "from pathlib import Path\n"
        "def act(app):\n"
        "    app.connect('source-read', save, priority=0)\n"
        "def save(app, name, text):\n"
        f"    if name == 'index' and (armed := Path({str(book.root / 'armed')!r})).exists():\n"
        "        armed.unlink()\n"
        f"        Path({str(source)!r}).write_text('# Small book\\n\\nSaved late.\\n')\n",
    )
    (book.root / "armed").touch()
    assert book.build().returncode == 0 and "Saved late" not in page(book)
    assert book.build().returncode == 0 and "Saved late" in page(book)


def test_no_data_are_opened_while_pages_are_read(book):
    """Sphinx reads a page again when its source changes; data must reach it when it is written, in every build."""
    with_extension(
        book,
        "import pathlib, sys\n"
        "from holf.paths import project_root\n"
        "def act(app):\n"
        "    at, found, data = [], set(), str(project_root() / 'data')\n"
        "    def hear(event, arguments):\n"
        "        # The colophon is read by every build.\n"
        "        read = at and app.env.temp_data.get('docname') != 'chapters/colophon'\n"
        "        if read and event == 'open' and str(arguments[0]).startswith(data):\n"
        "            found.add(pathlib.Path(arguments[0]).relative_to(project_root()).as_posix())\n"
        "    sys.addaudithook(hear)\n"
        "    app.connect('env-before-read-docs', lambda *_: at.append(1))\n"
        "    app.connect('env-updated', lambda *_: (at.clear(), print('opened', *sorted(found))) and None)\n",
    )
    # A list of all downloads explains their columns.
    with open(book.root / "index.md", "a", encoding="utf-8") as file:
        file.write("\n:::{container} holf-download-list\nAll.\n:::\n")
    done = book.build()
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line for line in done.stdout.splitlines() if line.startswith("opened")] == ["opened"]


def test_a_new_row_of_the_ledger_runs_nothing_and_only_its_page_is_read(book):
    # What other tests changed was put back, and so is read anew once.
    book.build()
    with open(book.root / "data" / "facts.csv", "a", encoding="utf-8") as file:
        file.write("F999,other,A new fact,5,families,published,registry,,consistent,none,\n")
    done = book.build("-W", "-n", "--keep-going", "--verbose")
    assert done.returncode == 0 and "chapter(s) to run" not in done.stdout and "F999" in page(book, "chapters/ledger")
    plain = re.sub(r"\x1b\[[0-9;]*m", "", done.stdout)
    assert {*re.findall(r"reading sources\.\.\. \[ *\d+%\] (\S+)", plain)} == {"chapters/ledger", "chapters/colophon"}


def test_a_chapter_saved_while_extensions_load_is_not_called_fresh(book):
    with_extension(
        book,
        "from pathlib import Path\n"
        "def act(app):\n"
        f"    if (armed := Path({str(book.root / 'armed')!r})).exists():\n"
        "        armed.unlink()\n"
        f"        chapter = Path({str(book.path('plain'))!r})\n"
        "        chapter.write_text(chapter.read_text().replace('str(', 'str(1 + '))\n",
    )
    (book.root / "armed").touch()
    done = book.build("--quiet")
    assert done.returncode == 0 and "chapter plain is stale: changed since it ran: code cells" in done.stderr
    assert "OUT OF DATE" in page(book, "chapters/plain")
    assert book.build().returncode == 0 and ">43<" in page(book, "chapters/plain")


# What a build says last, and what was changed: the file, and what stands there in the place of what.
FAULTS = {
    "data/facts.csv, row F001: column class must be one of": ("data/facts.csv", "published", "pubished"),
    "data/plan.yml, outcomes, employment: unknown key `lable`; did you mean `label`?": (
        *("data/plan.yml", "label: Parental employment", "lable: Parental employment"),
    ),
    "data/datapackage.json, line 3: ": ("data/datapackage.json", '"name":', '"name"'),
    "plain: cell [2], line 4 `str(1 // 0)` raised ZeroDivisionError: integer division or modulo by zero": (
        *("chapters/plain.ipynb", "str(21 * factor)", "(\\n    str(1 // 0)\\n)"),
    ),
    "chapters/plain.ipynb: `factor = = 2` is no Python": ("chapters/plain.ipynb", "factor = 2", "factor = = 2"),
    "chapters/plain.ipynb is not a notebook": ("chapters/plain.ipynb", "{", "["),
    "chapters/plain.ipynb has conflict markers at line 2: settle prose and code": (
        *("chapters/plain.ipynb", "\n", "\n<<<<<<< HEAD\n"),
    ),
    "outcome-primary-happiness.ipynb belongs to no outcome": ("chapters/outcome-primary-happiness.ipynb", "", "{}"),
    "unmarked simulated content": (
        "chapters/study.ipynb",
        "'Effect')",
        "'Effect')\\nprint(study.effect('income').estimate)",
    ),
    "chapters/plain: .svg is no format for a figure; in its cell, write:": (
        *("chapters/plain.ipynb", "Table('Twice'"),
        "from IPython.display import SVG, display\\ndisplay(SVG('<svg xmlns=\\\\'http://www.w3.org/2000/svg\\\\'/>'))\\nTable('Twice'",
    ),
    "index.md:5: WARNING": ("index.md", "Words.", "[nowhere](chapters/ledger.md#f999)"),
    "index.html: asks another host: https://cdn.jsdelivr.net": ("index.md", "Words.", "Words, and $x^2$."),
}


@pytest.mark.parametrize("said", FAULTS)
def test_what_is_wrong_ends_the_build_in_few_words_and_leaves_the_site(book, said):
    name, old, new = FAULTS[said]
    path, site = book.root / name, book.snapshot()
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    done = book.build("-W", "-n", "--keep-going", "--quiet")
    told = done.stdout + done.stderr
    assert done.returncode != 0 and said in re.sub(r"\x1b\[[0-9;]*m", "", told), told
    assert "Traceback" not in told and "please report" not in told
    # The error is the last thing that is said, and short.
    before, _, after = re.sub(r"\x1b\[[0-9;]*m", "", told).rpartition(said)
    assert len(before.splitlines()) < 20 and len(after.splitlines()) <= 12
    assert book.snapshot() == site


def test_a_fault_of_data_that_only_a_chapter_sees_comes_first_too(own):
    own.write("plain", ["# Plain", "factor = 2", "from holf.study.truths import load_settings\nload_settings()"])
    path = own.root / "data" / "recovery.yml"
    path.write_text(path.read_text(encoding="utf-8").replace('world: "null"', "world: harm", 1), encoding="utf-8")
    with pytest.raises(ChapterError) as caught:
        run_chapter(Chapter(own.path("plain"), own.path("plain")), own.root / "_build" / "papermill")
    first, second = str(caught.value).splitlines()
    assert first.startswith("data/recovery.yml, study_income: world must be one without effect")
    assert second == "(read by cell [2], line 2 `load_settings()`)"


def test_no_other_builder_gets_past_the_check_of_marks(book):
    before = book.snapshot()
    for builder in ("singlehtml", "linkcheck"):
        with pytest.raises(ExtensionError, match=f"this book is not made as {builder}"):
            refuse_other_builders(SimpleNamespace(builder=SimpleNamespace(name=builder)))
    done = book.build("--builder", "dirhtml")
    assert done.returncode != 0 and "this book is not made as dirhtml" in done.stderr + done.stdout
    assert book.snapshot() == before


def test_outputs_that_were_cleared_or_edited_are_made_again(book, monkeypatch):
    monkeypatch.setenv("HOLF_ROOT", str(book.root))
    chapter, before = Chapter(book.path("plain"), book.path("plain")), book.path("plain").read_bytes()
    assert not is_stale(chapter)
    notebook = nbformat.read(chapter.page, as_version=4)
    notebook.cells[-1].outputs = []
    nbformat.write(notebook, chapter.page)
    assert is_stale(chapter)
    chapter.page.write_bytes(before.replace(b">42<", b">43<"))
    assert chapter.page.read_bytes() != before and is_stale(chapter)
    assert book.build().returncode == 0 and chapter.page.read_bytes() == before


def run_all(names: str, folder, say=lambda line: None) -> None:
    chapters = [Chapter(folder / f"{name}.ipynb", folder / f"{name}.ipynb") for name in names]
    run_chapters([], chapters, folder, jobs=1, say=say, reasons={chapter.page: "new" for chapter in chapters})


def test_of_many_failures_the_first_is_told_whole_a_line_of_three_and_the_others_named(tmp_path, monkeypatch):
    def fail(chapter, work):
        raise ChapterError(f"{chapter.name}: line 1\n" + "more\n" * 5)

    monkeypatch.setattr("holf.book.chapters.run_chapter", fail)
    with pytest.raises(ChapterError) as caught:
        run_all("abcdef", tmp_path)
    assert [line for line in str(caught.value).splitlines() if line.strip("more")] == [
        *(f"{name}: line 1" for name in "abcd"),
        "failed as well: e, f",
    ]


def test_no_chapter_is_started_after_an_interruption(tmp_path, monkeypatch):
    started = []

    def slow(chapter, work):
        started.append(chapter.name)
        time.sleep(0.5)
        return 0.5

    def interrupt(line):
        raise KeyboardInterrupt(line)

    monkeypatch.setattr("holf.book.chapters.run_chapter", slow)
    with pytest.raises(KeyboardInterrupt):
        run_all("abcd", tmp_path, interrupt)
    assert started[0] == "a" and "d" not in started


def test_a_page_built_alone_is_refused_in_few_words(own):
    command = [*own.command()[:2], "chapters/plain.ipynb"]
    done = subprocess.run(command, capture_output=True, text=True, env=own.environment(), cwd=own.root)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "`jupyter-book build .` runs and writes what changed" in said
    assert "Traceback" not in said and len(said.splitlines()) < 20
