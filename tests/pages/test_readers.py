"""What each reader finds: the answer first, the same questions in both languages, words explained, works cited."""

import re
from collections.abc import Iterable
from pathlib import Path

import nbformat
import pytest
import yaml
from prose_rules import ROW_LINK, visible

from holf.display.landing import landing_alt, load_landing
from holf.pages.cite import as_bibtex, as_ris, as_text, cite_files, cite_page, load_citation, ways_to_reach
from holf.pages.glossary import Term, glossary_page, load_glossary
from holf.pages.open_questions import reporting_pages
from holf.paths import data_path, project_root
from holf.record.facts import FactError, Ledger, load_ledger, load_sources
from holf.record.plan import load_plan
from holf.record.reporting import load_reporting

ROOT, LEDGER = project_root(), load_ledger()
WORDS, ANSWER, DESIGN_WORDS = 900, 120, 700
LEVELS = {"high": "høy", "moderate": "moderat", "low": "lav", "very low": "svært lav"}
QUESTION = re.compile(r'^<div id="(q-[a-z-]+)"></div>\n\n## (.+\?)$', re.MULTILINE)


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


ENGLISH, NORWEGIAN = page("chapters/summary_en.md"), page("chapters/summary_nb.md")
DESIGN_NB = page("chapters/design_nb.md")


def words(text: str) -> list[str]:
    """Words that a reader sees; a linked row counts as the word it shows."""
    return re.findall(r"\w[\w'’.,-]*", visible(ROW_LINK.sub(r"\1", text)))


def question_faults(one: str, other: str) -> list[str]:
    """Questions that only one of two pages answers, or that they answer in another order; headings without a key."""
    keys = [[key for key, _ in QUESTION.findall(text)] for text in (one, other)]
    faults = [f"only one page answers {key}" for key in sorted({*keys[0]} ^ {*keys[1]})]
    if not faults and keys[0] != keys[1]:
        faults.append("the order differs")
    return faults + [
        f"{len(QUESTION.findall(text))} of {text.count(chr(10) + '## ')} headings have a key"
        for text in (one, other)
        if len(QUESTION.findall(text)) != text.count("\n## ")
    ]


def test_both_languages_answer_the_same_questions():
    assert question_faults(ENGLISH, NORWEGIAN) == []
    keys = {key for key, _ in QUESTION.findall(ENGLISH)}
    assert {"q-what-was-compared", "q-what-was-found", "q-what-does-it-not-show", "q-how-sure-can-one-be"} <= keys


@pytest.mark.parametrize("text", [ENGLISH, NORWEGIAN], ids=["en", "nb"])
def test_a_coordinator_finds_early_what_to_take_with_them(text):
    """400 words are two screens and a half of a phone."""
    assert len(words(text.split('<div id="q-what-can-i-take-with-me">')[0])) <= 400


def test_a_missing_or_swapped_question_is_found():
    gone = ENGLISH.replace('<div id="q-how-sure-can-one-be"></div>\n\n', "")
    assert "only one page answers q-how-sure-can-one-be" in question_faults(gone, NORWEGIAN)
    swapped = (
        ENGLISH.replace("q-who-took-part", "x")
        .replace("q-what-was-found", "q-who-took-part")
        .replace('"x"', '"q-what-was-found"')
    )
    assert question_faults(swapped, NORWEGIAN) == ["the order differs"]


def rows(text: str) -> list[str]:
    return [anchor for _, where, anchor in ROW_LINK.findall(text) if where == "ledger"]


def test_both_languages_rest_on_the_same_rows_in_the_same_order():
    assert rows(ENGLISH) == rows(NORWEGIAN)
    assert rows(ENGLISH.replace("ledger.md#f122", "ledger.md#f066")) != rows(NORWEGIAN)


@pytest.mark.parametrize("text", [ENGLISH, NORWEGIAN], ids=["en", "nb"])
def test_summaries_are_short_and_say_that_no_reader_has_checked_them(text):
    assert 300 < len(words(text)) <= WORDS
    marks = ("Not yet reviewed by a native reader", "Teksten er ennå ikke språkvasket av noen med norsk som morsmål")
    assert any(mark in text for mark in marks)


def lix(text: str) -> float:
    """Björnsson's readability index: words a sentence, plus long words (over six letters) a hundred words."""
    seen = visible(ROW_LINK.sub(r"\1", text))
    found = re.findall(r"[^\W\d_]+(?:['’-][^\W\d_]+)*", seen)
    sentences = len(re.findall(r"[.!?:](?=\s|$)", seen))
    return len(found) / sentences + 100 * sum(len(word) > 6 for word in found) / len(found)


@pytest.mark.parametrize("text", [ENGLISH, NORWEGIAN], ids=["en", "nb"])
def test_summaries_are_easy_to_read(text):
    """Below 40 a text reads like fiction or a newspaper; official prose lies above 50."""
    heavy = "Municipal administrations systematically operationalise multidimensional interdisciplinary coordination."
    assert lix(text) < 40 < lix(heavy * 3)


def design_faults(text: str) -> list[str]:
    """What the Norwegian page on design and findings may not have: many words, a number that is not of the record."""
    faults = ["too long"] * (len(words(text)) > DESIGN_WORDS)
    faults += ["an assumed number"] * any(where == "assumptions" for _, where, _ in ROW_LINK.findall(text))
    faults += ["a simulated number"] * bool(re.search(r"\(outcome-|SIMULATED|simuler", text))
    return faults + ["no picture"] * (":::{include} landing/nb.md\n:::" not in text)


def test_design_and_findings_in_norwegian_are_short_and_of_the_record_alone():
    assert design_faults(DESIGN_NB) == []
    assert {"f044", "f112", "f136", "f135", "f173", "f190", "f157", "f158"} <= {*rows(DESIGN_NB)}
    assert "(design_nb.md)" in NORWEGIAN and "(summary_nb.md)" in DESIGN_NB
    assert "språkvasket" in DESIGN_NB and lix(re.sub(r"^\|.*", "", DESIGN_NB, flags=re.MULTILINE)) < 40
    assert design_faults(DESIGN_NB + " ord" * DESIGN_WORDS) == ["too long"]
    assert design_faults(DESIGN_NB + "[0,8](assumptions.md#power-target)") == ["an assumed number"]
    assert design_faults(DESIGN_NB + "[resultat](outcome-primary-income.ipynb)") == ["a simulated number"]
    assert design_faults(DESIGN_NB.replace("landing/nb.md", "landing/en.md")) == ["no picture"]


def certainty_faults(text: str) -> list[str]:
    """Whether the level that a page states is high, less one step for each row of its table that lowers it."""
    level = [*LEVELS][min(text.count("| lowers it |"), len(LEVELS) - 1)]
    stated = re.findall(r"\*\*certainty ([\w ]+)\*\*|### Why (.+)", text)
    said = [(one or other).lower() for one, other in stated]
    return [f"{one!r} is not {level!r}" for one in said if one != level] + ["no level"] * (len(said) != 2)


def interpretation() -> str:
    cells = nbformat.read(ROOT / "chapters/interpretation.ipynb", as_version=4).cells
    return "\n".join(cell.source for cell in cells if cell.cell_type == "markdown")


def test_the_certainty_is_what_its_table_counts_and_all_pages_state_the_same():
    text = interpretation()
    assert "starts high" in text and certainty_faults(text) == []
    level = re.search(r"\*\*certainty ([\w ]+)\*\*", text)[1].lower()
    for other, said in (
        (page("index.md"), level),
        (ENGLISH, level),
        (NORWEGIAN, LEVELS[level]),
        (DESIGN_NB, LEVELS[level]),
    ):
        rated = re.findall(r"▲ (?:this book|denne boken) [^.]*?\[\**([^]*]*)\**\]", other, re.IGNORECASE)
        assert rated == [said]


def test_a_level_that_its_table_does_not_count_is_found():
    text = interpretation()
    low = text.replace("**certainty very low**", "**certainty low**")
    assert certainty_faults(low) == ["'low' is not 'very low'"]
    assert len(certainty_faults(text.replace("| lowers it |", "| leaves it |", 1))) == 2
    assert certainty_faults(text.replace("### Why very low", "### Why")) == ["no level"]


def both_faults(results: Iterable[dict], ledger: Ledger = LEDGER) -> list[str]:
    """Lines of the landing picture that say "both groups" where their row does not, or a change without its source."""
    both, blog = re.compile("both|begge"), re.compile("blog")
    faults = [one["area"] for one in results if both.search(one["says"]) and "both" not in ledger[one["fact"]].quote]
    return faults + [
        one["area"] for one in results if one["sign"] in ("somewhat", "better") and not blog.search(one["question"])
    ]


def test_the_landing_picture_says_both_groups_only_where_the_source_does_and_names_it():
    for words_of_picture in load_landing(LEDGER, load_reporting()).values():
        results = words_of_picture["results"]
        assert both_faults(results) == []
        wrong = next(one for one in results if one["fact"] == "F113") | {"says": "improved, both groups"}
        assert both_faults([wrong]) == [wrong["area"]]
        assert re.search("signifi[ck]an", words_of_picture["note"]["says"]), "its limits"


def test_the_landing_picture_is_told_with_its_limits():
    for words_of_picture in load_landing(LEDGER, load_reporting()).values():
        told = landing_alt(words_of_picture)
        assert LEDGER["F122"].value in told and f" {LEDGER['F089'].value} " in told
        assert re.search("does not show an effect.* 2019 .*No source read|viser ikke effekt.* 2019 .*Ingen kilde", told)


def test_landing_page_gives_the_answer_first():
    text = page("index.md")
    opening = text.split("---\n", 2)[2].split(":::{include}", 1)[0]
    title, cards = opening.split("# ", 1)[1].split("\n", 1)[0], opening.split(":::")[1]
    assert re.match("no difference found", title, re.IGNORECASE), "the answer, and not a name"
    assert len(words(opening.replace(cards, "").replace(title, ""))) <= ANSWER
    assert {"f044", "f046", "f047", "f112", "f135"} <= {*rows(opening)}
    for said in ("does not show", "gives an estimate, an interval or a cost", "[does not show an effect]"):
        assert said in " ".join(opening.split()), said
    assert {"f136", "f173", "f190"} <= {*rows(text)}


def test_the_landing_page_has_three_answers_and_four_doors():
    text = page("index.md")
    boxes = {
        name: re.search(rf":::\{{container\}} {name}\n(.*?)\n:::", text, re.DOTALL)[1]
        for name in ("holf-cards", "holf-doors")
    }
    answers = boxes["holf-cards"].split("\n- ")
    assert len(answers) == 3
    for answer in answers:
        assert re.match(r"(- )?[^\n]+\?\n\n  \*\*[^*]+\*\* <span", answer) and "*How sure?*" in answer, (
            "question, answer"
        )
    doors = re.findall(r"^- \*\*\[(I [^\]]+)\]\((chapters/[\w.]+)(?:#[\w-]+)?\)\*\*", boxes["holf-doors"], re.MULTILINE)
    assert [name for name, _ in doors] == ["I decide", "I work with families", "I review evidence", "I hold the data"]
    assert len({target for _, target in doors}) == 4 and all((ROOT / target).exists() for _, target in doors)


def card_faults(text: str) -> list[str]:
    """Cards whose badge is not the class of the row that their number links to."""
    cards = re.search(r":::\{container\} holf-cards\n(.*?)\n:::", text, re.DOTALL)[1].split("\n- ")
    faults = []
    for card in cards:
        kinds = {LEDGER[anchor.upper()].kind for _, _, anchor in ROW_LINK.findall(card)}
        if kinds != {*re.findall(r"holf-badge holf-(\w+)", card)} or not kinds or f"</span> {min(kinds)}<" not in card:
            faults.append(card)
    return faults


def test_every_card_shows_the_class_of_its_row():
    text = page("index.md")
    assert card_faults(text) == []
    cards = text.replace("[12](chapters/ledger.md#f089)", "[4](chapters/ledger.md#f107)")
    assert len(card_faults(cards)) == 1, "a derived number is not published"
    assert len(card_faults(text.replace("●</span> published", "●</span> derived"))) == 3


FAULTY_TERMS = {
    "betyr is missing": "- {en: A, nb: a, means: x, facts: []}",
    "nb is missing": "- {en: A, nb: '', means: x, betyr: y, facts: []}",
    "no row F999": "- {en: A, nb: a, means: x, betyr: y, facts: [F999]}",
    "out of order": "- {en: B, nb: b, means: x, betyr: y, facts: []}\n- {en: A, nb: a, means: x, betyr: y, facts: []}",
}


@pytest.mark.parametrize("fault", FAULTY_TERMS)
def test_a_faulty_term_is_refused(fault, tmp_path):
    (tmp_path / "glossary.yml").write_text(FAULTY_TERMS[fault], encoding="utf-8")
    with pytest.raises(FactError, match=f"^glossary.yml, ([AB]|entry 1): .*{fault}"):
        load_glossary(LEDGER, tmp_path / "glossary.yml")


def test_the_glossary_has_the_words_that_readers_ask_for():
    terms = load_glossary(LEDGER)
    said = " ".join(f"{term.en} {term.nb} {term.means}" for term in terms)
    names = ("local family projects", "local family intervention practices", "locally developed models")
    asked = ("ICC", "Cluster", "CONSORT", "Estimand", "Before-after", "KVP", "SFO", "sosialhjelp", "Nav", "Manual")
    asked += ("p-value", "Power", "Significant", "interval", "Risk of bias", "Ledger", "Null world", "ekvivalens")
    for word in asked + names:
        assert word in said, word
    assert page("chapters/glossary.md").split("## Terms")[1].count('<div lang="nb">') == len(terms)


def index_faults(text: str) -> list[str]:
    """What is wrong with the index by bokmål of the glossary: a term that it lacks, or the order of the alphabet."""
    index = re.findall(r"\[([^\]]+)\]\(#([\w-]+)\)", text.split("## Terms")[0])
    terms = {(term.nb, term.anchor) for term in load_glossary(LEDGER)}
    letters = "abcdefghijklmnopqrstuvwxyzæøå"
    first = [letters.index(word[0].lower()) for word, _ in index]
    return ["a term is missing"] * ({*index} != terms) + ["out of order"] * (first != sorted(first))


def test_the_glossary_has_an_index_by_bokmaal():
    text = page("chapters/glossary.md")
    assert index_faults(text) == []
    assert index_faults(text.replace("- [klynge](#cluster)\n", "")) == ["a term is missing"]
    moved = text.replace("- [antatt](#assumed)\n", "").replace("\n\n</div>", "\n- [antatt](#assumed)\n\n</div>", 1)
    assert index_faults(moved) == ["out of order"]
    last = [Term("A", word, "x", "y", ()) for word in ("åpen", "østlig", "ærlig", "arm")]
    assert re.findall(r"\[(\w+)\]\(#", glossary_page(last)) == ["arm", "ærlig", "østlig", "åpen"]


def test_citations_come_from_the_citation_file():
    citation, file = load_citation(), page("CITATION.cff")
    text = cite_page(citation, file)
    assert "cite the article, not only this site" in text and file.strip() in text
    article = citation["references"][0]
    for one in (as_text(article), as_bibtex(article, "holf-article"), as_ris(article), as_text(citation)):
        assert one.rstrip() in text
    assert article["title"] == LEDGER["F121"].value
    changed = cite_page(citation | {"version": "9.8.7"}, file)
    assert changed.count("9.8.7") == 3 and "9.8.7" not in text


def test_no_doi_is_invented():
    """The article's DOI stands in no source that was read."""
    assert not re.search(r"\b10\.\d{4,}/", page("chapters/cite.md") + page("CITATION.cff"))


def test_files_for_reference_managers_hold_what_the_page_shows():
    files = cite_files(load_citation())
    assert len(files) == 4 and {Path(name).suffix for name in files} == {".bib", ".ris"}
    for name, content in files.items():
        assert page(name) == content and content.strip() in page("chapters/cite.md")
        assert f"]({name.removeprefix('chapters/')})" in page("chapters/cite.md")


def test_addresses_are_those_that_are_recorded():
    sources = load_sources(LEDGER)
    registry, protocol = sources["registry"].address, sources[LEDGER["F127"].source]
    assert registry.endswith(f"/{yaml.safe_load(data_path('plan.yml').read_text())['trial']['registry_id']}")
    assert f"]({registry})" in page("index.md") and f"](https://doi.org/{protocol.doi})" in page("index.md")
    recorded = {address for one in sources.values() for address in (one.address, one.copy) if address}
    recorded |= {f"https://doi.org/{one.doi}" for one in sources.values() if one.doi}
    out = {*re.findall(r"\]\((https?://[^)]*)\)", "".join(page(f"chapters/{name}.md") for name in ("ledger", "cite")))}
    assert out == recorded, "every address that is recorded, and no other"


def test_every_source_says_where_it_is_and_when_it_was_read():
    sources = load_sources(LEDGER)
    assert {name for name, one in sources.items() if not one.address} == {
        "SSWR abstract",
        "Fædrelandsvennen, Sept 2019",
    }
    assert all(one.read and bool(one.unknown) != bool(one.address) for one in sources.values())
    assert {*sources} == {name for fact in LEDGER.values() for name in fact.sources}, "and is one that a row rests on"


def test_every_row_of_the_ledger_links_to_its_sources():
    sources, rows = load_sources(LEDGER), page("chapters/ledger.md").split("\n### ")[1:]
    assert [row.split()[0] for row in rows] == [
        key for group in LEDGER.groups().values() for key in (f.id for f in group)
    ]
    for row in rows:
        for name in LEDGER[row.split()[0]].sources:
            assert f"[{name}]({sources[name].address})" in row or f"{name} (address not known)" in row, row[:4]


def test_ways_to_reach_are_those_of_the_citation_file():
    assert ways_to_reach({}) == [] == ways_to_reach({"contact": [{"name": "No address"}]})
    person = {"given-names": "A", "family-names": "B", "website": "https://example.org/b"}
    ways = ways_to_reach({"repository-code": "https://example.org/code", "contact": [person]})
    assert ways == [("Source code", "https://example.org/code"), ("Contact: A B", "https://example.org/b")]
    reporting, plan = load_reporting(), load_plan()
    told = reporting_pages(reporting, LEDGER, plan, ways)["open_questions.md"]
    assert "Where to send one: [Source code](https://example.org/code)" in told
    assert "Where to send one" not in reporting_pages(reporting, LEDGER, plan)["open_questions.md"]


def test_bibtex_and_ris_have_their_form():
    citation = load_citation()
    for work in (citation, citation["references"][0]):
        bibtex, ris = as_bibtex(work, "key"), as_ris(work).splitlines()
        assert bibtex.count("{") == bibtex.count("}") and re.match(r"@(article|software)\{key,\n", bibtex)
        assert all(re.match(r"[A-Z][A-Z0-9]  - ", line) for line in ris) and ris[0][:2] == "TY" and ris[-1][:2] == "ER"
        assert sum(line.startswith("AU") for line in ris) == len(work["authors"])
        assert bibtex.splitlines()[1].count(" and ") + 1 == len(work["authors"])
