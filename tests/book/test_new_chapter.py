"""`holf new-chapter`: what it writes builds, and what it must not touch stays."""

import shutil

import nbformat
import pytest
import yaml

from holf.book.extension import refuse_unlisted
from holf.book.freshness import ChapterError
from holf.book.new_chapter import write_chapter
from holf.cli import main


@pytest.mark.slow
def test_a_new_chapter_is_built_and_shown(own):
    written = write_chapter("waves")
    assert written == ["chapters/waves.ipynb", "_toc.yml"]
    done = own.build()
    assert done.returncode == 0, done.stdout + done.stderr
    page = (own.site / "chapters" / "waves.html").read_text(encoding="utf-8")
    assert "Waves" in page and 'data-holf="simulated"' in page and "SIMULATED, not a finding" in page
    notebook = nbformat.read(own.path("waves"), as_version=4)
    assert [bool(cell.get("outputs")) for cell in notebook.cells if cell.cell_type == "code"] == [False, True, True]


def test_the_command_says_what_it_wrote_and_refuses_what_is_there(own, capsys):
    main(["new-chapter", "waves"])
    assert "wrote chapters/waves.ipynb and _toc.yml" in capsys.readouterr().out
    assert nbformat.read(own.path("waves"), as_version=4).cells[0].source.startswith("# Waves\n")
    contents = yaml.safe_load((own.root / "_toc.yml").read_text(encoding="utf-8"))
    assert contents["chapters"][-1] == {"file": "chapters/waves"}
    before = own.path("waves").read_bytes(), (own.root / "_toc.yml").read_bytes()
    for name, said in (("waves", "exists already"), ("ledger", "exists already"), ("../x", "is no name of a chapter")):
        with pytest.raises(SystemExit):
            main(["new-chapter", name])
        assert said in capsys.readouterr().err
    assert before == (own.path("waves").read_bytes(), (own.root / "_toc.yml").read_bytes())


def test_the_contents_name_every_chapter_of_this_book():
    refuse_unlisted()


def test_a_chapter_that_no_reader_would_see_is_refused(own):
    refuse_unlisted()
    shutil.copy(own.path("plain"), own.path("waves"))
    with pytest.raises(ChapterError, match=r"waves.ipynb is not in _toc.yml: add `- file: chapters/waves`"):
        refuse_unlisted()
