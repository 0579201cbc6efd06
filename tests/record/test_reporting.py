"""What was registered and reported, and the standards, as data: every row holds, and each planted fault is seen."""

import re
import shutil
from dataclasses import replace

import pytest
from edited import edited, setting

from holf.pages.checklists import place_links
from holf.pages.open_questions import reporting_pages, standing
from holf.pages.write import write_pages
from holf.paths import project_root
from holf.record.facts import FactError, load_ledger
from holf.record.links import link_targets, read_anchors, read_titles
from holf.record.plan import load_plan
from holf.record.reporting import VERDICTS, AuditEntry, check_anchors, load_reporting

FOLDER = project_root() / "data" / "reporting"
CHAPTERS = project_root() / "chapters"


@pytest.fixture(scope="module")
def reporting():
    return load_reporting()


@pytest.fixture(scope="module")
def pages(reporting):
    return reporting_pages(reporting, load_ledger(), load_plan())


@pytest.fixture
def altered(tmp_path):
    """A function that gives a copy of the folder in which the rows of one file were changed."""

    def alter(name, change):
        folder = shutil.copytree(FOLDER, tmp_path / "reporting")
        edited(f"reporting/{name}", folder, change)
        return folder

    return alter


def test_every_row_holds_and_every_place_it_names_exists(reporting, pages):
    anchors = read_anchors(CHAPTERS, pages)
    check_anchors(reporting, anchors)
    for name, text in pages.items():
        # A link without a page leads to a label anywhere, or to a heading of its own page.
        assert [one for one in link_targets(text) if one not in anchors and f"{name}{one}" not in anchors] == []


def test_an_outcome_that_no_row_names_counts_as_not_reported(altered, reporting):
    """Each source has its words for that; a statement of the overview still needs the row that it rests on."""
    read = load_reporting(altered("outcome_audit.csv", lambda rows: [row for row in rows if row["wave"] != "m36"]))
    before, after = (
        [row.verdict for row in one.findings if (row.outcome, row.wave) == ("employment", "m36")]
        for one in (reporting, read)
    )
    assert after == before == ["not found"] * 5 + ["not reached"] * 2


def test_nothing_is_called_reported_from_a_source_that_was_not_reached(reporting):
    unread = ("article", "thesis")
    assert {row.verdict for row in reporting.findings if row.source in unread} == {"not reached"}
    late = [row for row in reporting.findings if row.wave in ("m36", "m48") and row.source not in unread]
    assert late and {row.verdict for row in late} == {"not found"}


def test_the_checklists_are_whole(reporting, pages):
    """CONSORT 2025 has 30 items; TIDieR has 12; RoB 2 here has six parts."""
    core = [item for item in reporting.items if item.standard == "core"]
    assert {int(re.match(r"\d+", item.item_2025).group()) for item in core} == set(range(1, 31))
    numbers = {item.item_2025 for item in core}
    assert all(item.item_2025 in numbers for item in reporting.items), "an addition stands below an item of 2025"
    assert [row.item for row in reporting.elements] == [str(number) for number in range(1, 13)]
    assert len({row.domain for row in reporting.questions}) == 6
    rows = [line for line in pages["parts/two_ways.md"].splitlines() if line.startswith("| **")]
    assert len(rows) == 12 and {row.count(" | ") for row in rows} == {3}, "each element of TIDieR, with both arms"


def test_differences_are_ranked_and_rest_on_facts(reporting):
    assert [row.rank for row in reporting.errata] == [str(n + 1) for n in range(len(reporting.errata))]
    named = {fact for row in reporting.errata for fact in row.facts}
    open_rows = {
        key for key, fact in load_ledger().items() if fact.status == "contradicted" and fact.severity == "conflict"
    }
    assert open_rows <= named, "every conflict of the ledger is described"


def test_nothing_judges_the_risk_of_bias(pages):
    told = pages["standards.md"].split("## Risk of bias", 1)[1].split("\n## ", 1)[1]
    words = re.sub(r"\[[^\]]*\]\([^)]*\)", "", told).lower()
    assert not re.search(r"\b(low|high) risk|some concerns|judge", words)


@pytest.mark.parametrize(
    ("file", "change", "said"),
    [
        ("consort.csv", setting(2, facts="F999"), "consort-1b: facts names F999"),
        ("consort.csv", setting(2, note="{F999} offices"), "consort-1b: note names F999"),
        ("consort.csv", setting(2, note="[many](ledger.md#f999)"), "consort-1b: note names F999"),
        ("consort.csv", setting(2, note="29 offices"), "consort-1b: note holds a typed number"),
        ("consort.csv", setting(2, status="fully met"), "consort-1b: status must be one of reported, partial"),
        ("consort.csv", setting(2, gist=""), "consort-1b: gist is empty"),
        ("consort.csv", setting(2, gist="word " * 13), "more than 12 words"),
        ("consort.csv", setting(0, facts=""), "consort-1a: reported needs a row of the ledger"),
        ("consort.csv", setting(2, item_2025="1a"), "consort-1a: stands there twice"),
        ("overview.csv", setting(0, facts="F999"), "facts names F999"),
        ("overview.csv", setting(0, facts="F125 F135"), "rests on a fact that outcome_audit.csv does not name at m12"),
        ("overview.csv", setting(0, source="article"), "rests on a fact that outcome_audit.csv does not name at m12"),
        ("overview.csv", setting(0, sign="worse"), "sign must be one of none, somewhat, better"),
        ("overview.csv", setting(0, question="effect"), "question must be one of between the arms, before and after"),
        ("overview.csv", setting(0, says="no difference in 862"), "says holds a typed number"),
        ("tidier.csv", setting(4, local=""), "tidier-5: local is empty"),
        ("errata.csv", setting(0, ask=""), "errata-1: ask is empty"),
        ("outcome_audit.csv", lambda rows: [*rows, rows[0]], "employment, m12, nav-evaluation: stands there twice"),
        ("outcome_audit.csv", setting(0, wave="m18"), "m18, nav-evaluation: is not registered"),
        ("outcome_audit.csv", setting(0, source="rumour"), "rumour: is not registered"),
        ("audit_sources.csv", setting(0, unnamed_verdict="reported"), "unnamed_verdict must be one of not found, not"),
        ("audit_sources.csv", setting(0, unnamed=""), "nav-evaluation: unnamed is empty"),
        ("outcome_audit.csv", setting(0, verdict="switched"), "verdict must be one of"),
        ("outcome_audit.csv", setting(0, facts=""), "reported otherwise needs a row of the ledger"),
        ("conflicts.csv", setting(0, sources="rumour"), "conflict-finances: rumour is not a source of the audit"),
        ("rob2.csv", lambda rows: [row | {"judgement": ""} for row in rows], "unknown column `judgement`"),
    ],
)
def test_a_planted_fault_is_refused_by_file_row_and_rule(altered, file, change, said):
    with pytest.raises(FactError, match=re.escape(said)) as caught:
        load_reporting(altered(file, change))
    assert re.match(rf"(data/reporting/)?{file}[:,]", str(caught.value))


@pytest.mark.parametrize(
    ("file", "change", "place"),
    [
        ("consort.csv", setting(2, where="design.ipynb#nowhere"), "design.ipynb#nowhere"),
        ("consort.csv", setting(2, where="no_page.ipynb#when"), "no_page.ipynb#when"),
        ("rob2.csv", setting(0, where="open_questions.md#conflict-luck"), "open_questions.md#conflict-luck"),
        ("errata.csv", setting(0, done="See [there](#errata-99)."), "#errata-99"),
        ("errata.csv", setting(0, done="See [there](effects.ipynb#luck)."), "effects.ipynb#luck"),
    ],
)
def test_a_dangling_place_is_refused_by_file_row_and_rule(altered, pages, file, change, place):
    found = load_reporting(altered(file, change))
    with pytest.raises(FactError, match=f"^data/reporting/{file}, row [a-z0-9-]+: the book has no place {place}$"):
        check_anchors(found, read_anchors(CHAPTERS, pages))


def test_headings_are_found_outside_code_and_counted_on(tmp_path):
    page = (
        "# One\n\n(own-label)=\n## What's next?\n\n```shell\n# not a heading\n```\n\n## What's next?\n\n#### Too deep\n"
    )
    (tmp_path / "a.md").write_text("# Old\n")
    headings = {f"a.md#{place}" for place in ("one", "whats-next", "whats-next-1", "own-label")}
    assert read_anchors(tmp_path, {"a.md": page}) == headings | {"a.md", "#own-label"}


def test_committed_pages_are_those_of_the_data(reporting, pages):
    titles = read_titles(CHAPTERS, pages)
    for name, text in reporting_pages(replace(reporting, titles=titles), load_ledger(), load_plan()).items():
        assert (CHAPTERS / name).read_text(encoding="utf-8") == text, f"run the build and commit chapters/{name}"
    listed = (project_root() / "_toc.yml").read_text(encoding="utf-8")
    assert all(f"chapters/{name}\n" in listed for name in ("open_questions", "standards"))


@pytest.fixture
def small(tmp_path, monkeypatch):
    """The project's data and pages in a folder of their own, where they may be changed."""
    for name in ("assets", "chapters", "data"):
        shutil.copytree(project_root() / name, tmp_path / name, ignore=shutil.ignore_patterns("simulated", "reference"))
    for name in ("_toc.yml", "CITATION.cff"):
        shutil.copy2(project_root() / name, tmp_path)
    monkeypatch.setenv("HOLF_ROOT", str(tmp_path))
    return tmp_path


def test_the_build_writes_changed_pages_and_only_those(small):
    (small / "chapters" / "standards.md").write_text("old")
    (small / "chapters" / "open_questions.md").unlink()
    assert write_pages() == ["chapters/open_questions.md", "chapters/standards.md"] and write_pages() == []


def test_the_build_stops_at_a_dangling_place_and_writes_nothing(small):
    path, page = small / "data" / "reporting" / "rob2.csv", small / "chapters" / "standards.md"
    path.write_text(
        path.read_text(encoding="utf-8").replace("design.ipynb#the-comparison", "design.ipynb#luck"), encoding="utf-8"
    )
    page.write_text("old")
    with pytest.raises(FactError, match=r"rob2\.csv, row rob2-1a-1: the book has no place"):
        write_pages()
    assert page.read_text() == "old"


def test_a_book_without_these_pages_does_not_write_them(small):
    (small / "_toc.yml").write_text("format: jb-book\nroot: index\n")
    (small / "chapters" / "standards.md").unlink()
    assert write_pages() == [] and not (small / "chapters" / "standards.md").exists()


def test_every_item_can_be_linked(reporting, pages):
    for page, rows in (
        ("standards.md", reporting.items),
        ("standards.md", reporting.questions),
        ("open_questions.md", reporting.conflicts),
    ):
        assert all(pages[page].count(f"\n({row.name})=\n") == 1 for row in rows)
    anchors = [f'<span id="{row.name}"></span>' for row in reporting.errata]
    assert all(pages["open_questions.md"].count(anchor) == 1 for anchor in anchors)


def test_every_registered_time_has_a_row_with_what_was_found(pages):
    text, ledger = pages["open_questions.md"], load_ledger()
    glance = [line for line in text.splitlines() if "(registry: " in line]
    assert len(glance) == sum(len(outcome.waves) for outcome in load_plan().outcomes.values())
    for outcome in load_plan().outcomes.values():
        part = text.split(f"\n### {outcome.label}\n")[1].split("\n#")[0]
        for fact in outcome.waves_facts:
            assert f"| {ledger[fact].link()} months |" in part, (outcome.id, fact)


def test_links_are_named_after_headings(reporting, tmp_path):
    page = "# Design: what with what\n\n## When\n\n(label-1)=\n### Item 1: A name\n\n## When\n"
    titles = read_titles(tmp_path, {"design.md": page})
    assert titles == {
        "design.md": "Design",
        "design.md#design-what-with-what": "Design: Design: what with what",
        "design.md#when": "Design: When",
        "design.md#item-1-a-name": "Design: Item 1: A name",
        "design.md#when-1": "Design: When",
        "design.md#label-1": "Design: Item 1: A name",
    }
    named = place_links(["design.md#when", "tidier.md#tidier-3"], replace(reporting, titles=titles))
    assert named == "See [Design: When](design.md#when); [tidier 3](#tidier-3)."


def test_no_link_of_a_page_is_named_after_an_anchor(pages):
    """Every place of the data has a heading, so that the words made from anchors are never seen."""
    written = "\n".join((CHAPTERS / name).read_text(encoding="utf-8") for name in pages)
    see = [link for line in re.findall(r"See (\[.*?\)\.)", written) for link in re.findall(r"\[([^\]]*)\]", line)]
    assert len(see) > 50 and "Design: The comparison" in see
    assert [words for words in see if not re.match(r"[A-Z\u00c5]", words)] == []


def test_the_best_verdict_stands():
    rows = [AuditEntry("o", "m12", str(n), "x", verdict, ()) for n, verdict in enumerate(reversed(VERDICTS))]
    assert standing(rows) == "reported" and standing(rows[:2]) == "not found"
