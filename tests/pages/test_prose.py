"""Prose: every number links to its row or is of a kind that may stand alone, and nothing is called unpublished."""

import re

import nbformat
import pytest
from bs4 import BeautifulSoup
from prose_rules import (
    COMPUTED,
    ROW_LINK,
    arm_faults,
    arms_named,
    bare_numbers,
    beyond_what_was_read,
    language,
    link_faults,
    load_claims,
    load_rules,
    load_wording,
    other_arm,
    prose_pages,
    says,
    texts,
    visible,
    wording_faults,
)

from holf.paths import project_root
from holf.record.facts import FactError, load_assumptions, load_ledger

PAGES, RULES = prose_pages(), load_rules()
LEDGER, ASSUMED = load_ledger(), load_assumptions()
TEXTS, CLAIMS, WORDING = texts(), load_claims(), load_wording()
NB = "---\nlang: nb\n---\n"
SPACE = "\N{NO-BREAK SPACE}"


@pytest.mark.parametrize("name", sorted(PAGES))
def test_no_number_stands_bare(name):
    assert bare_numbers(PAGES[name], RULES) == []


@pytest.mark.parametrize("name", sorted(PAGES))
def test_links_say_what_their_rows_say(name):
    assert link_faults(PAGES[name], LEDGER, ASSUMED) == []


@pytest.mark.parametrize("name", sorted(PAGES))
def test_linked_words_are_those_of_their_rows(name):
    assert wording_faults(PAGES[name], LEDGER, WORDING) == []
    assert arm_faults(PAGES[name], LEDGER) == []


WRONG_WORDS = {
    "[three](ledger.md#f114) areas": "three",
    "[Two](ledger.md#f101) elements of both": "two",
    "[no differences](ledger.md#f044)": "no differences",
    "[improved](ledger.md#f112)": "improved",
    NB + "[tre](ledger.md#f114) områder": "tre",
    NB + "[ingen forskjeller](ledger.md#f044)": "ingen forskjeller",
    NB + "[bedre](ledger.md#f112)": "bedre",
}


@pytest.mark.parametrize("text", WRONG_WORDS)
def test_words_that_link_to_another_row_are_found(text):
    faults = wording_faults(text, LEDGER, WORDING)
    assert len(faults) == 1 and faults[0].startswith(repr(WRONG_WORDS[text]))


def test_every_word_and_exception_of_links_is_used():
    pages = {lang: " ".join(page for page in PAGES.values() if language(page) == lang) for lang in ("en", "nb")}
    linked = {lang: [shown.lower() for shown, _, _ in ROW_LINK.findall(page)] for lang, page in pages.items()}
    for lang, same in WORDING.same.items():
        words = {word for shown in linked[lang] for word in re.findall(r"[^\W\d_]+", shown)}
        assert [begin for begin in same if not any(word.startswith(begin) for word in words)] == []
    for text, reason in WORDING.allowed.items():
        assert text.lower() in linked["en"] + linked["nb"] and len(reason.split()) >= 3


def test_tables_name_the_arm_of_their_ledger_rows():
    """In each table of a chapter, the words beside a linked value name no other arm than its row of the ledger."""
    checked = 0
    for heading, fact in linked_cells():
        assert not other_arm(heading, LEDGER[fact]), f"{heading}: {fact}"
        checked += len(arms_named(heading)) == len(arms_named(LEDGER[fact].fact)) == 1
    assert checked >= 4


def linked_cells():
    """Row heading and ledger row of every linked cell in the chapters' tables."""
    for page in sorted((project_root() / "chapters").glob("*.ipynb")):
        for cell in nbformat.read(page, as_version=4).cells:
            for output in cell.get("outputs", ()):
                soup = BeautifulSoup("".join(output.get("data", {}).get("text/html", "")), "html.parser")
                for link in soup.select('td a[href^="ledger.html#"]'):
                    yield link.find_parent("tr").th.get_text(), link["href"].partition("#")[2].upper()


def test_every_place_of_prose_is_read():
    assert {"index.md", "README.md", "chapters/rebuild.md", "chapters/summary_nb.md", "chapters/glossary.md"} <= {
        *PAGES
    }
    assert {"chapters/effects.ipynb", "chapters/exercises.ipynb", "chapters/templates/outcome.ipynb"} <= {*PAGES}
    assert not [name for name in PAGES if name.removeprefix("chapters/") in COMPUTED]


BARE = {
    "Of 884 enrolled, few left.": "884",
    "## The 29 offices": "29",
    "- a list with 862 parents": "862",
    "1. An entry with 58 coordinators": "58",
    "| a table | 3,201 |": "3,201",
    "An effect of -0.3 (p = 0.04).": "-0.3",
    "They saved 12 % of it.": "12",
    "Twenty-nine offices took part.": "Twenty-nine",
    "See [15 offices](design.ipynb).": "15",
    "A [29](https://example.org/ledger) that links elsewhere.": "29",
    ":::{note}\nHidden 14 in a box.\n:::": "14",
    "```{note}\nHidden 14 in a box.\n```": "14",
    "**14** and *15* in bold.": "**14**",
    "Chapter T3 and CR9.": "T3",
    "A 97 % interval.": "97",
    "Only five of nine offices improved.": "five of nine",
    "Only nine offices improved.": "nine offices",
    "Eleven families left.": "Eleven families",
    "One office left.": "One office",
    "Two hundred and three single parents.": "hundred",
    "Seven single parents left.": "Seven single parents",
    "A third of the families.": "A third of the families",
    "Half of all offices.": "Half of all offices",
    "By ten percentage points.": "ten percentage",
    "Twelve percent improved.": "Twelve percent",
    "\u00bd of them signed.": "\u00bd",
    "1/2 signed.": "1/2",
    "`884` enrolled.": "`884`",
    "Of `3,201 families` few came.": "`3,201",
    "A gain of `+12 %`.": "`+12",
    NB + "Bare fem kontorer ble bedre.": "fem kontorer",
    NB + "En tredel av familiene.": "En tredel av familiene",
    NB + "Det var 14 kontorer.": "14",
    NB + "Det var tjueni kontorer.": "tjueni",
}  # fmt: skip


@pytest.mark.parametrize("text", BARE)
def test_a_bare_number_is_found(text):
    faults = bare_numbers(text, RULES)
    assert faults and f": {BARE[text]} in" in faults[0]


FINE = (
    "[29](ledger.md#f044) offices, [0.8](assumptions.md#power-target) power.",
    "Run `holf power --icc 0.03`.\n\n```shell\nholf power 12\n```\n",
    "1. First\n2. Second\n   3. Third",
    "---\ntitle: 29 offices\n---\nWords.",
    "<!-- 29 --> <div id='q29'></div> [there](page29.md) https://example.org/29",
    "A 95 % interval, a two-sided test at 5 %, CR2, NCT03102775.",
    "No number, two contrasts, once in twenty.",
    "One of the two arms, in two worlds. `m12`, `pytest -n 4`, `SHA256SUMS` and `income == 12`.",
)


@pytest.mark.parametrize("text", FINE)
def test_what_is_no_bare_number_passes(text):
    assert bare_numbers(text, RULES) == []


def test_the_line_of_a_fault_is_right():
    text = "---\nlang: en\n---\n\n```text\n1\n2\n```\n\nWords\nand 884 of them.\n"
    assert bare_numbers(text, RULES) == ['line 11: 884 in "and 884 of"']
    assert visible(text).count("\n") == text.count("\n")


@pytest.mark.parametrize("kind", RULES.kinds)
def test_every_kind_that_may_stand_alone_is_used(kind):
    assert any(RULES.kinds[kind].search(visible(page)) for page in PAGES.values()), "delete it from data/prose.yml"


def test_a_kind_without_reason_or_with_a_wrong_example_is_refused(tmp_path):
    for entry, message in (
        ("{pattern: 'x', example: x, reason: ''}", "needs a reason"),
        ("{pattern: 'x', example: y, reason: because of it}", "does not find its example"),
    ):
        (tmp_path / "prose.yml").write_text(
            f"kinds:\n  one: {entry}\nwords: {{en: [twenty]}}\nbefore: {{en: [x]}}\n", encoding="utf-8"
        )
        with pytest.raises(FactError, match=f"prose.yml, one: .*{message}"):
            load_rules(tmp_path / "prose.yml")


WRONG = (
    "[3,202](ledger.md#f067)",
    "[x](ledger.md#f999)",
    "[x](assumptions.md#luck)",
    "[3 months](ledger.md#f114)",
    "[4 of 5 areas](ledger.md#f114)",
    "[2019-05-30](ledger.md#f025)",
    "[40.8](chapters/ledger.md#f040)",
    "[0.9](assumptions.md#power-target)",
    f"[3{SPACE}201](ledger.md#f067)",
    "[10,0](ledger.md#f070)",
    NB + "[3,201](ledger.md#f067)",
    NB + "[3 201](ledger.md#f067)",
    NB + "[10.0](ledger.md#f070)",
    NB + f"[3{SPACE}202](ledger.md#f067)",
)


@pytest.mark.parametrize("text", WRONG)
def test_a_wrong_number_or_style_or_a_dangling_link_is_found(text):
    assert len(link_faults(text, LEDGER, ASSUMED)) == 1


def test_right_links_pass():
    right = "[3,201](ledger.md#f067) [no differences](ledger.md#f112) [F067](ledger.md#f067) [+12](ledger.md#f090)"
    right += " [under 16](ledger.md#f075) [0.8](assumptions.md#power-target) [assumed](assumptions.md#power-target)"
    assert link_faults(right, LEDGER, ASSUMED) == []
    assert link_faults(NB + f"[3{SPACE}201](ledger.md#f067) [10,0](ledger.md#f070)", LEDGER, ASSUMED) == []
    assert says("884", LEDGER["F066"], "nb")


def test_language_is_declared_in_the_front_matter():
    assert {language(page) for name, page in PAGES.items() if re.search("_nb", name)} == {"nb"}
    assert {language(page) for name, page in PAGES.items() if not re.search("_nb", name)} == {"en"}


@pytest.mark.parametrize("name", sorted(TEXTS))
def test_nothing_is_called_unpublished(name):
    assert beyond_what_was_read(TEXTS[name], CLAIMS) == []


@pytest.mark.parametrize("name", sorted({*PAGES, "chapters/open_questions.md"}))
def test_prose_says_which_source_is_silent(name):
    assert beyond_what_was_read(PAGES.get(name) or TEXTS[name], CLAIMS, prose=True) == []


def test_every_place_of_words_is_read():
    pages = {"index.md", "README.md", "chapters/summary_nb.md", "chapters/ledger.md"}
    data = {"data/glossary.yml", "data/plan.yml", "data/landing.yml", "data/facts.csv", "data/reporting/rob2.csv"}
    assert {"chapters/templates/outcome.ipynb", "chapters/design.ipynb"} <= {*TEXTS}
    assert pages | data | {"CITATION.cff", "holf/pages/disclosure.py", "holf/book/downloads/descriptions.py"} <= {
        *TEXTS
    }
    assert (
        "the value is not a single number" in TEXTS["holf/record/facts.py"]
        and "The value as" not in TEXTS["holf/record/facts.py"]
    )
    assert "Smallest detectable difference" in TEXTS["chapters/design.ipynb"], "captions in code cells"


BEYOND = {
    "No estimate or interval is published.": "No estimate or interval is published",
    "An unpublished number.": "unpublished",
    "Its size is not *yet* [published](ledger.md#f111).": "not yet published",
    "Its size has not\nbeen published.": "not been published",
    "Its size hasn't been made public.": "n't been made public",
    "The data are not public.": "not public",
    "Why they differ, nobody has published.": "nobody has published",
    "Rows that nobody reported.": "nobody reported",
    "The working alliance was never reported.": "never reported",
    "No margin of the trial is public.": "No margin of the trial is public",
    "Only the mean of it is published.": "Only the mean of it is published",
    "There is no published estimate.": "no published",
    "It was published by no one.": "published by no one",
    "Hvor mange som sa ja, er ikke publisert.": "ikke publisert",
    "Det er aldri blitt offentliggjort.": "aldri blitt offentliggjort",
    "Dataene er ikke offentlige.": "ikke offentlige",
    "Ingen anslag er publisert for forsøket.": "Ingen anslag er publisert",
    "Bare gjennomsnittet er publisert.": "Bare gjennomsnittet er publisert",
    "Upubliserte tall.": "Upubliserte",
    "No source explains the difference.": "No source",
    "Ingen kilde oppgir noe anslag.": "Ingen kilde",
    "The authors do not report an estimate.": "do not report",
    "The article gives no interval.": "gives no interval",
    "The trial gives no standard error.": "gives no standard error",
    "No report gives its size.": "No report gives",
    "No paper on it has a number.": "No paper on it has",
    "The data have never been released.": "never been released",
    "They did not report how many left.": "did not report",
    "Only the authors can say why.": "Only the authors",
    "Only the trial's authors know.": "Only the trial's authors",
    "Nobody can say how sure it is.": "Nobody can say",
    "No one knows what it cost.": "No one knows",
    "Artikkelen oppgir ikke hvor mange.": "oppgir ikke",
    "Hvor mange som sa ja, er ikke kjent.": "er ikke kjent",
    "Ingen rapport nevner det.": "Ingen rapport",
    "Det kan ingen si.": "kan ingen si",
    "Bare forskerne kan forklare det.": "Bare forskerne",
}  # fmt: skip


@pytest.mark.parametrize("text", BEYOND)
def test_a_claim_beyond_what_was_read_is_found(text):
    assert BEYOND[text] in beyond_what_was_read(text, CLAIMS)


SILENT = {
    "Who was lost is not known.": "is not known",
    "Offices were randomised; how is not stated.": "is not stated",
    "Why they differ is unknown.": "is unknown",
    "The gap is unexplained.": "is unexplained",
    "Whether it means change was not said.": "was not said",
    "Sammenlignet med hva, står det ikke.": "står det ikke",
    "Hvor mange er ukjent.": "er ukjent",
}


@pytest.mark.parametrize("text", SILENT)
def test_a_sentence_that_does_not_say_which_source_is_silent_is_found(text):
    assert beyond_what_was_read(text, CLAIMS, prose=True) == [SILENT[text]]
    assert beyond_what_was_read(text, CLAIMS) == [], "a table may say so, below its legend"


WITHIN = (
    "No source this book could read gives an estimate.",
    "No source that we could read gives one, and no source read explains why.",
    "Published numbers are linked. No number is shown without its source.",
    "Ingen kilde vi kunne lese, oppgir noe anslag. Publiserte tall har lenke.",
    "Gruppen er ikke nevnt i det offentlige studieregisteret.",
    "The row is not reported in the blog.",
    "The registry does not say how. The blog post gives no numbers.",
    "Studieregisteret sier ikke om det er foreldre eller familier.",
)


@pytest.mark.parametrize("text", WITHIN)
def test_what_was_read_may_be_said(text):
    assert beyond_what_was_read(text, CLAIMS, prose=True) == []


@pytest.mark.parametrize("allowed", CLAIMS.allowed)
def test_every_text_that_is_allowed_stands_somewhere(allowed):
    words = re.compile(r"\s+".join(map(re.escape, allowed.split())))
    assert any(words.search(text) for text in TEXTS.values()), "delete it from data/prose.yml"
    assert len(CLAIMS.allowed[allowed].split()) >= 3


def test_an_allowed_text_without_reason_or_purpose_is_refused(tmp_path):
    for entry, message in (
        ("{text: not published, reason: ''}", "needs a reason"),
        ("{text: published, reason: because of it}", "nothing to allow"),
    ):
        (tmp_path / "prose.yml").write_text(
            f"beyond_what_was_read: {{patterns: [not published], silent: [], allowed: [{entry}]}}\n", encoding="utf-8"
        )
        with pytest.raises(FactError, match=f"prose.yml, .*{message}"):
            load_claims(tmp_path / "prose.yml")
