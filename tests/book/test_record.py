"""The committed book: outputs of record that are current, pages that are those of the data, no noise."""

import copy
import json
import re

import nbformat
import pytest

import holf
from holf.book.chapters import list_chapters
from holf.book.execute import show_values
from holf.book.freshness import RUNS, TEMPLATE, is_stale, renew_prose
from holf.pages.write import wanted_pages
from holf.paths import library_root, project_root

ROOT = project_root()
CHAPTERS = list_chapters()


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_committed_outputs_are_current(chapter):
    """nbval passes a notebook without outputs, so it cannot tell that outputs are missing; the signature can."""
    assert not is_stale(chapter), "run `make book` and commit the chapter"
    code = [cell for cell in nbformat.read(chapter.page, as_version=4).cells if cell.cell_type == "code"]
    assert any(cell.outputs for cell in code)


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_committed_notebooks_hold_no_noise(chapter):
    text = chapter.page.read_text(encoding="utf-8")
    assert not re.search(r'"(papermill|execution|start_time|duration)":', text)
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error" and output.get("name") != "stderr"
        assert cell.metadata.keys() <= {"tags", "mystnb"}, "what an editor keeps of a cell"
    # The exercises draw their own trials.
    assert bool(notebook.metadata["holf"]["reads"]) == (chapter.name != "exercises")
    # nbval starts the kernel that a notebook names, and only this name is known everywhere.
    assert notebook.metadata["kernelspec"]["name"] == "python3"


# Folders of a machine, as they begin on Linux, macOS and Windows.
PATHS = re.compile(r"(?<![\w/.:])/(?:home|root|tmp|work|Users)/|\b[A-Z]:\\\\?Users\b")


def test_everything_that_a_chapter_follows_is_there():
    """What is missing when it is noted could change later without making a chapter stale."""
    runs = [json.loads(line) for line in (ROOT / RUNS).read_text(encoding="utf-8").splitlines()]
    gone = [part for run in runs for part, digest in run["parts"].items() if digest.startswith("missing")]
    assert len(runs) == len(CHAPTERS) and gone == []


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_committed_outputs_name_no_folder_of_a_machine(chapter):
    for cell in nbformat.read(chapter.page, as_version=4).cells:
        assert not PATHS.search(str(cell.get("outputs", ""))), cell.source


def test_a_folder_of_a_machine_is_found():
    for said in ("read /home/kari/data.csv", "'/Users/kari/x'", r"C:\Users\kari"):
        assert PATHS.search(str([{"text": said}])), said
    assert not PATHS.search("https://example.org/home/page and data/tmp/x")


def hidden_from_validation(notebook: dict) -> list[str]:
    """Tags and comments by which nbval or papermill would leave out a cell or its outputs."""
    hides = re.compile(r"NBVAL_\w+|nbval-\w[\w-]*|skip-execution", re.IGNORECASE)
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    return [word for cell in cells for word in hides.findall(f"{cell['source']} {cell['metadata'].get('tags', '')}")]


def test_no_chapter_hides_an_output_from_validation():
    pages = [*(chapter.page for chapter in CHAPTERS), ROOT / TEMPLATE, ROOT / "templates" / "chapter.ipynb"]
    assert {page.name: hidden for page in pages if (hidden := hidden_from_validation(nbformat.read(page, 4)))} == {}


@pytest.mark.parametrize("word", ["NBVAL_IGNORE_OUTPUT", "nbval_skip", "nbval-ignore-output", "skip-execution"])
def test_what_hides_an_output_is_found_in_code_and_in_tags(word):
    in_code = nbformat.v4.new_code_cell(f"# {word}\n1")
    in_tags = nbformat.v4.new_code_cell("1", metadata={"tags": [word]})
    for cell in (in_code, in_tags):
        assert hidden_from_validation(nbformat.v4.new_notebook(cells=[cell])) == [word]


def test_every_chapter_has_parameters_and_opens_with_its_purpose():
    for chapter in CHAPTERS:
        cells = nbformat.read(chapter.page, as_version=4).cells
        # The page of an outcome opens with the published answer instead.
        parts = 0 if chapter.title else 1
        assert cells[0].source.startswith("# ") and cells[0].source.strip().count("\n\n") == parts, "title and purpose"
        assert any("parameters" in cell.metadata.get("tags", []) for cell in cells)
        for cell in cells:
            if cell.cell_type == "code":
                assert "def " not in cell.source and len(cell.source.splitlines()) <= 12, (
                    "compute in holf, not in a chapter"
                )


def test_outcome_pages_have_the_cells_of_the_template():
    template = nbformat.read(ROOT / TEMPLATE, as_version=4).cells
    outcomes = [chapter for chapter in CHAPTERS if chapter.title]
    assert len(outcomes) == len(holf.load_plan().outcomes)
    for chapter in outcomes:
        cells = [
            cell for cell in nbformat.read(chapter.page, as_version=4).cells if cell["id"] != "injected-parameters"
        ]
        expected = copy.deepcopy(template)
        show_values(expected, chapter.parameters)
        assert [cell.source for cell in cells[1:]] == [cell.source for cell in expected[1:]]
        assert cells[0].source.splitlines()[0] == f"# {chapter.title}"
        assert not renew_prose(chapter)
    assert not any(cell.get("outputs") for cell in nbformat.read(ROOT / TEMPLATE, as_version=4).cells)


def test_no_count_of_the_trial_is_written_into_the_code():
    for path in [
        *(ROOT / "holf").rglob("*.py"),
        *library_root().rglob("*.py"),
        *(chapter.page for chapter in CHAPTERS),
    ]:
        source = path.read_text(encoding="utf-8")
        if path.suffix == ".ipynb":
            cells = nbformat.reads(source, as_version=4).cells
            source = "\n".join(cell.source for cell in cells if cell.cell_type == "code")
        code = re.sub(r'""".*?"""', "", source, flags=re.DOTALL)
        assert not re.search(r"3,?201|2,?881|\b884\b|\b862\b", code), path.name
        # Shorter numbers may stand in words and in the rule on the length of quotes.
        code = re.sub(r'"[^"\n]*"|#.*|QUOTE_WORDS = 15', "", code)
        assert not re.search(r"(?<![\w.-])(3_?201|2_?881|884|862|320|58|29|15|14)(?![\w.])", code), path.name


def test_written_pages_are_those_of_the_data():
    pages = wanted_pages()
    names = "ledger assumptions glossary cite data_holders open_questions standards parts/two_ways disclosure"
    files = {f"chapters/cite/holf-{work}.{form}" for work in ("article", "compendium") for form in ("bib", "ris")}
    assert {f"chapters/{name}.md" for name in names.split()} | files == {*pages}
    for name, content in pages.items():
        assert (ROOT / name).read_text(encoding="utf-8") == content, name
