"""The committed book: outputs of record that are current, prose that agrees with the ledger, no noise."""

import re

import nbformat
import pytest
import yaml

import holf
from holf.chapters import TEMPLATE, is_stale, list_chapters
from holf.facts import load_assumptions, load_ledger
from holf.pages import assumptions_page, ledger_page
from holf.paths import project_root

ROOT = project_root()
CHAPTERS = list_chapters()
# Pages that the build writes from data, and whose numbers stand there.
FROM_DATA = {f"chapters/{name}.md" for name in ("assumptions", "disclosure", "data_dictionary")}
LINK = re.compile(r"\[([^\]]*)\]\((?:chapters/)?(ledger|assumptions)\.md#([a-z0-9-]+)\)")


def prose() -> dict[str, str]:
    """Prose of every page and notebook, by file name."""
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in [ROOT / "index.md", ROOT / "README.md", *(ROOT / "chapters").glob("*.md")]
        if path.name != "ledger.md"
    }
    for chapter in CHAPTERS:
        cells = nbformat.read(chapter.page, as_version=4).cells
        texts[chapter.page.name] = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return texts


def link_faults(text: str) -> list[str]:
    """Links to a row that does not exist, and link texts with digits that are not the value of their row."""
    ledger, assumed, faults = load_ledger(), {name.replace("_", "-") for name in load_assumptions()}, []
    for shown, page, anchor in LINK.findall(text):
        if page == "assumptions":
            faults += [] if anchor in assumed else [f"no assumption {anchor}"]
        elif anchor.upper() not in ledger:
            faults.append(f"no row {anchor}")
        elif re.search(r"\d", shown) and not is_reference(shown, anchor) and not says(shown, ledger[anchor.upper()]):
            faults.append(f"{shown!r} is not the value of {anchor}")
    return faults


def is_reference(shown: str, anchor: str) -> bool:
    """A link may show the row's own id."""
    return shown == anchor.upper()


def says(shown: str, fact) -> bool:
    """The text is the value, perhaps with a sign for a wave; words may hold the numbers of a value in words."""
    if shown.lstrip("+") == fact.shown:
        return True
    return bool(re.search(r"[a-z]{3}", shown)) and {*re.findall(r"\d+", shown)} <= {
        *re.findall(r"\d+", fact.value + fact.quote)
    }


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_committed_outputs_are_current(chapter):
    """nbval passes a notebook without outputs, so it cannot tell that outputs are missing; the signature can."""
    assert not is_stale(chapter), "run `make book` and commit the chapter"
    code = [cell for cell in nbformat.read(chapter.page, as_version=4).cells if cell.cell_type == "code"]
    assert sum(bool(cell.outputs) for cell in code) >= 3


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_committed_notebooks_hold_no_noise(chapter):
    text = chapter.page.read_text(encoding="utf-8")
    assert not re.search(r'"(papermill|execution|start_time|duration)":', text)
    notebook = nbformat.reads(text, as_version=4)
    for cell in notebook.cells:
        for output in cell.get("outputs", ()):
            assert output.output_type != "error" and output.get("name") != "stderr"
    assert {"plan.yml"} <= {*notebook.metadata["holf"]["reads"]}


def test_every_chapter_has_parameters_and_opens_and_closes_as_promised():
    for chapter in CHAPTERS:
        cells = nbformat.read(chapter.page, as_version=4).cells
        assert "**What this page answers.**" in cells[0].source and cells[0].source.startswith("# ")
        assert "## What follows" in cells[-1].source
        assert any("parameters" in cell.metadata.get("tags", []) for cell in cells)
        for cell in cells:
            if cell.cell_type == "code":
                assert "def " not in cell.source and len(cell.source.splitlines()) <= 12, (
                    "compute in holf, not in a chapter"
                )


def test_outcome_pages_have_the_cells_of_the_template():
    template = [cell.source for cell in nbformat.read(ROOT / TEMPLATE, as_version=4).cells]
    outcomes = [chapter for chapter in CHAPTERS if chapter.title]
    assert len(outcomes) == len(holf.load_plan().outcomes)
    for chapter in outcomes:
        cells = [
            cell for cell in nbformat.read(chapter.page, as_version=4).cells if cell["id"] != "injected-parameters"
        ]
        assert [cell.source for cell in cells[1:]] == template[1:]
        assert cells[0].source.splitlines()[0] == f"# {chapter.title}"
    assert not any(cell.get("outputs") for cell in nbformat.read(ROOT / TEMPLATE, as_version=4).cells)


@pytest.mark.parametrize("name", sorted(prose()))
def test_links_say_what_their_rows_say(name):
    assert link_faults(prose()[name]) == []


def test_a_wrong_number_or_a_dangling_link_is_found():
    assert (
        link_faults("[3,202](ledger.md#f067)")
        and link_faults("[x](ledger.md#f999)")
        and link_faults("[x](assumptions.md#luck)")
    )
    assert link_faults("[3 months](ledger.md#f114)") and link_faults("[4 of 5 areas](ledger.md#f114)")
    assert link_faults("[2019-05-30](ledger.md#f025)") and link_faults("[40.8](chapters/ledger.md#f040)")
    assert not link_faults("[3,201](ledger.md#f067) [no differences](ledger.md#f112) [F067](ledger.md#f067)")


@pytest.mark.parametrize("number", ["3,201", "3201", "2,881", "2881", "884", "862", "320", "58", "29", "15", "14"])
def test_the_counts_of_the_trial_stand_in_prose_as_links_only(number):
    bare = re.compile(rf"(?<![\d\[,.#f]){number}(?![\d,]*\])(?![\d])")
    for name, text in prose().items():
        # Quotes of at most 15 words are a rule of this book, not the number of offices.
        text = text.replace("15 words", "")
        if name not in FROM_DATA:
            assert not bare.search(LINK.sub("", text)), f"{name} has {number} without a link to the ledger"


def test_no_count_of_the_trial_is_written_into_the_code():
    for path in [*(ROOT / "holf").rglob("*.py"), *(chapter.page for chapter in CHAPTERS)]:
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
    sources = yaml.safe_load((ROOT / "data" / "sources.yml").read_text(encoding="utf-8"))
    assert (ROOT / "chapters" / "ledger.md").read_text(encoding="utf-8") == ledger_page(load_ledger(), sources)
    assert (ROOT / "chapters" / "assumptions.md").read_text(encoding="utf-8") == assumptions_page(load_assumptions())
