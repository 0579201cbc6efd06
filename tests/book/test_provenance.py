"""What a linked number rests on is shown at the link, reachable by keyboard and read aloud, without a script."""

from dataclasses import replace

import pytest
from bs4 import BeautifulSoup

from holf.book.marks import site_faults
from holf.book.tooltips import explain_links, fact_words, row_words, text_of
from holf.record.facts import load_ledger

WORDS = row_words()


def test_words_name_class_source_quote_and_contradictions():
    ledger = load_ledger()
    said = text_of(fact_words(ledger["F066"], ledger.remark("F066")))
    assert said.startswith("● published: ") and "Source: registry" in said and "“Enrollment (Actual) 884”" in said
    assert "Sources differ (open). The unit is not stated" in said
    said = text_of(fact_words(ledger["F069"], ""))
    assert said.startswith("◆ derived: ") and "“" not in said
    for key, fact in ledger.items():
        said = text_of(WORDS["ledger", key.lower()])
        assert fact.source in said and fact.quote in said and ledger.remark(key) in said
        assert ("Sources differ" in said) == (fact.status == "contradicted")


def test_every_assumption_says_that_it_is_one():
    said = [text_of(words) for (page, _), words in WORDS.items() if page == "assumptions"]
    assert said and all(words.startswith("▲ assumed: ") for words in said)


LINKS = {
    '<a class="x" href="chapters/ledger.html#f044">29</a>': "ledger-f044",
    '<a href="ledger.html#f114">improved</a>': "ledger-f114",
    '<a class="x" href="assumptions.html#icc-grid">grid</a>': "assumptions-icc-grid",
}


@pytest.mark.parametrize("link", LINKS)
def test_a_link_to_a_row_gets_its_words(link):
    soup = BeautifulSoup(explain_links(f"<p>{link} and {link}</p>", WORDS), "html.parser")
    page, _, anchor = LINKS[link].partition("-")
    assert len(soup.select("a[data-said][aria-describedby][href]")) == 2
    assert soup.a["data-said"] == text_of(WORDS[page, anchor])
    (described,) = soup.find_all(id=soup.a["aria-describedby"])
    assert described.get_text() == soup.a["data-said"] and described.parent.has_attr("hidden")


def test_other_links_and_pages_stay_as_they_are():
    for body in (
        "<p>29</p>",
        '<a href="design.html#f044">x</a>',
        '<a href="ledger.html">x</a>',
        '<a href="ledger.html#f999">x</a>',
    ):
        assert explain_links(body, WORDS) == body


def test_words_are_escaped():
    fact = replace(load_ledger()["F001"], fact='a "quote" <b>')
    body = explain_links('<a href="ledger.html#f001">x</a>', {("ledger", "f001"): fact_words(fact, "")})
    soup = BeautifulSoup(body, "html.parser")
    assert "&quot;quote&quot; &lt;b&gt;" in body and "&#10;" in body and not soup.b
    assert 'a "quote" <b>' in soup.a["data-said"] and 'a "quote" <b>' in soup.div.get_text()


@pytest.fixture
def reading(book):
    """The small book with a landing page that links to a row, and a Norwegian page."""
    (book.root / "index.md").write_text(
        "# Small book\n\n## Part\n\n[29](chapters/ledger.md#f044) offices.\n", encoding="utf-8"
    )
    (book.root / "chapters" / "norsk.md").write_text("---\nlang: nb\n---\n\n# Norsk\n\nOrd.\n", encoding="utf-8")
    toc = book.root / "_toc.yml"
    toc.write_text(toc.read_text() + "  - file: chapters/norsk\n")
    done = book.build()
    assert done.returncode == 0, done.stdout + done.stderr
    return book


def parsed(book, name):
    return BeautifulSoup((book.site / name).read_text(encoding="utf-8"), "html.parser")


@pytest.mark.slow
def test_a_built_page_explains_its_numbers_and_follows_the_ledger(reading):
    link = parsed(reading, "index.html").select_one('a[href$="ledger.html#f044"]')
    assert "involving 29 labor and welfare offices" in link["data-said"] and link.get_text() == "29"
    assert site_faults(reading.site) == []
    facts = reading.root / "data" / "facts.csv"
    old = '"involving 29 labor and welfare offices, 58 family coordinators",consistent,none,'
    text = facts.read_text(encoding="utf-8")
    assert old in text
    facts.write_text(text.replace(old, old + "A note of later", 1), encoding="utf-8")
    assert reading.build().returncode == 0
    link = parsed(reading, "index.html").select_one('a[href$="ledger.html#f044"]')
    assert link["data-said"].endswith("Note: A note of later"), (
        "the page did not change, but what it says of the row did"
    )


@pytest.mark.parametrize(("lang", "begins"), [("en", "Cluster: A group"), ("nb", "klynge: En gruppe")])
def test_a_term_is_explained_in_the_language_of_its_page(lang, begins):
    links = '<a href="glossary.html#cluster">x</a><a href="ledger.html#f044">29</a>'
    body = explain_links(links, row_words(lang), lang)
    soup = BeautifulSoup(body, "html.parser")
    term, row = soup.find(id="said-glossary-cluster"), soup.find(id="said-ledger-f044")
    assert term.text.startswith(begins) and term["lang"] == lang == row["lang"]
    assert soup.a["data-said"] == term.text


def test_a_row_speaks_the_language_of_the_page_around_words_of_the_record():
    soup = BeautifulSoup(explain_links('<a href="ledger.html#f133">x</a>', row_words("nb"), "nb"), "html.parser")
    row = soup.find(id="said-ledger-f133")
    assert row["lang"] == "nb" and row.get_text() == soup.a["data-said"]
    assert row.get_text().startswith("● publisert: Families drawn") and "\nKilde: NAV" in row.get_text()
    english = [part.get_text() for part in row.find_all("span", lang="en")]
    assert any("Families drawn" in one for one in english) and not any(
        "Familiekoordinatorene" in one for one in english
    )
    row = BeautifulSoup(explain_links('<a href="ledger.html#f133">x</a>', WORDS), "html.parser").find(lang="nb")
    assert row.get_text().startswith("“Familiekoordinatorene"), "on an English page the quote says its language"
    said = text_of(row_words("nb")["ledger", "f066"])
    assert "Kildene spriker (åpent). The unit is not stated" in said and "Sources differ" not in said


def test_words_of_terms_have_no_markup():
    words = [*row_words("en").items(), *row_words("nb").items()]
    said = [text_of(text) for (page, _), text in words if page == "glossary"]
    assert len(said) > 60 and not [text for text in said if set("[]*") & set(text) or ".md" in text]
