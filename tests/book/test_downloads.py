"""Downloads: files that hold what is shown, figures that hold what is drawn, and checks that see when they do not."""

import csv
import hashlib
import io
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pandas as pd
import pytest
from bs4 import BeautifulSoup
from IPython.core.interactiveshell import InteractiveShell
from PIL import Image, PngImagePlugin

import holf
from holf.book.chapters import list_chapters
from holf.book.downloads.check import download_faults, shown_digests
from holf.book.downloads.outputs import (
    EMPTY,
    STRANGE,
    TOO_FEW,
    Download,
    OutputError,
    alt_faults,
    downloads_of,
    stem_of,
)
from holf.book.downloads.pages import column_descriptions, line_of_link
from holf.confidential.release.questions import catalogue, key_of
from holf.confidential.scan.known import Known
from holf.confidential.scan.scan import scan
from holf.display import design_figures, flow_diagram, methods, plots, text
from holf.display.effect_sizes import analysed_table, published_table
from holf.display.figure import Picture
from holf.display.table import Cell, Table
from holf.display.text import Value
from holf.display.values import TableValues, slug
from holf.paths import data_path
from holf.record import flow
from holf.record.reading import read_yaml
from holf.record.reporting import load_reporting
from holf.record.source import MARK
from holf.study import truths
from holf.study.answers import Withheld
from holf.study.study import Study

PLAN = holf.load_plan()
DESCRIBED = column_descriptions(PLAN)
NUMBER = re.compile(r"(?<![\w.])[+\u2212-]?\d[\d,]*(?:\.\d+)?")
INCOME = PLAN.outcome("income")


@pytest.fixture(scope="module")
def notebooks() -> dict[str, nbformat.NotebookNode]:
    """Every chapter with its committed outputs."""
    return {chapter.name: nbformat.read(chapter.page, as_version=4) for chapter in list_chapters()}


@pytest.fixture(scope="module")
def book(notebooks) -> list[Download]:
    """Every download of the committed book."""
    found = (downloads_of(notebook, name) for name, notebook in notebooks.items())
    return [one for groups in found for group in groups for one in group]


def plain(number: str) -> str:
    return number.replace(",", "").replace("\N{MINUS SIGN}", "-").lstrip("+")


def rows_of(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(table.values.csv())))


# --- what a file holds -------------------------------------------------------------------------------------------


GONE = Withheld("people")
EXACT = SimpleNamespace(p_value=0.65, n_allocations=77558760, exact=True)


@pytest.mark.parametrize(
    ("value", "shown", "numbers", "unit"),
    [
        (text.with_interval(GONE, GONE, GONE, "points"), "withheld (people)", {"withheld": "people"}, ""),
        (text.interval(GONE, GONE, "points"), "withheld (people)", {"withheld": "people"}, ""),
        (text.interval(-0.4, 0.41, "points"), "\N{MINUS SIGN}0.40 to +0.41 points", {"low": "-0.40", "high": "0.41"}, "points"),
        (text.with_interval(0.055, -0.038, 0.076, "percent"), "+5.5 percentage points (\N{MINUS SIGN}3.8 to +7.6)",
         {"number": "5.5", "low": "-3.8", "high": "7.6"}, "percentage points"),
        (text.p_value_of(SimpleNamespace(p_value=0.0001, df=28.0, n_allocations=None)),
         "<\N{NO-BREAK SPACE}0.001 (28.0 df)", {"relation": "<", "number": "0.001", "df": "28.0"}, ""),
        (text.p_value_of(EXACT), "0.65 (77,558,760 allocations)", {"number": "0.65", "allocations": "77558760"}, ""),
        (text.share(0, 29), "0 of 29", {"number": "0", "of": "29"}, ""),
        (text.chance(0.001), "under 1%", {"relation": "<", "number": "1"}, "%"),
        (text.bound(3e-10), "< 1e\N{MINUS SIGN}9", {"relation": "<", "number": "1e-9"}, ""),
        (text.level(19292.3, "0 NOK"), "19,292 NOK", {"number": "19292"}, "NOK"),
        (text.level(GONE, "0 NOK"), "withheld (people)", {"withheld": "people"}, ""),
        (text.typed("3,201"), "3,201", {"number": "3201"}, ""),
    ],
)  # fmt: skip
def test_a_printed_number_keeps_the_digits_that_are_shown_and_no_more(value, shown, numbers, unit):
    assert (value, value.numbers, value.unit) == (shown, numbers, unit)
    for words in ("m12", "2016-01-01", "+12, +24 months", text.with_interval(0.5, GONE, GONE, "points")):
        assert not isinstance(text.typed(str(words)), Value), "words are no number"


def test_every_number_that_the_book_shows_is_in_its_file_and_no_other(book, notebooks):
    shown = [table for name, notebook in notebooks.items() for table in tables_in(notebook)]
    assert len(shown) == len(book) > 80
    for (caption, rows), one in zip(shown, book):
        assert one.values.caption in caption
        for cells, written in zip(rows, one.values.rows, strict=True):
            said = {plain(number) for cell in cells for number in NUMBER.findall(cell)}
            given = {plain(n) for name, entry in written.items() if name != "data_source" and not name.endswith("_fact")
                     for n in NUMBER.findall(entry)}  # fmt: skip
            assert said == given, f"{one.page}: {one.values.caption}"


def tables_in(notebook) -> Iterator[tuple[str, list[list[str]]]]:
    """Caption and rows of each table in the HTML of a notebook's outputs."""
    for cell in notebook.cells:
        if {"remove-cell", "remove-output"} & set(cell.metadata.get("tags", ())):
            continue
        for output in cell.get("outputs", ()):
            soup = BeautifulSoup(output.get("data", {}).get("text/html", ""), "html.parser")
            for table in soup.find_all("table", class_="holf-table"):
                body = table.tbody.find_all("tr")
                yield table.caption.get_text(), [[one.get_text() for one in row.find_all(["th", "td"])] for row in body]


def test_a_file_has_one_head_and_says_its_class_in_every_row(book):
    for one in book:
        frame = pd.read_csv(io.StringIO(one.values.csv()), dtype=str, keep_default_na=False)
        assert list(frame.columns[:2]) == ["data_class", "data_source"] and len(frame) == len(one.values.rows)
        assert frame.columns.is_unique and all(re.fullmatch(r"[^\W\d]\w*", name) for name in frame.columns)
        is_simulated = one.values.source.startswith("simulated")
        assert is_simulated == one.stem.startswith("simulated-") == one.text.startswith(MARK)
        assert is_simulated == (set(frame["data_class"]) == {"simulated"}) and all(frame["data_source"])


def test_units_and_withheld_numbers_stand_in_columns_of_their_own():
    rows = (("a", text.difference(1200, "0 NOK")), ("b", text.withheld(Withheld("offices"))), ("c", "n/a"))
    table = Table("t", ("x", "y"), rows, source="real data: r")
    assert table.values.csv().splitlines() == [
        "data_class,data_source,x,y,y_withheld,y_unit,y_words",
        "real data,r,a,1200,,NOK,",
        "real data,r,b,,offices,,",
        "real data,r,c,,,,n/a",
    ]
    assert stem_of(table.values, ()) == "real-data-t"


def test_every_column_of_the_book_is_explained_and_no_other(book):
    columns, listed = [column for one in book for column in one.values.columns], read_yaml(data_path("columns.yml"))
    heads = {one.heading for one in columns if one.heading}
    # Headings that hold a name or a number of their own.
    unexplained = {head for head in heads if not DESCRIBED.get(head)}
    assert [head for head in unexplained if not any(re.fullmatch(one, head) for one in listed["patterns"])] == []
    others = {one.part if one.heading else one.name for one in columns} - {"number", "nothing yet"}
    assert others <= {*listed["parts"]}, "say in data/columns.yml what it means"
    assert {*listed["headings"]} - heads <= {"Counted"}, "data/columns.yml explains what no table has"


# --- from the outputs of record ----------------------------------------------------------------------------------


def notebook_of(*shown: Table | Picture) -> nbformat.NotebookNode:
    """A notebook whose only cell shows these, as a run leaves it."""
    outputs = []
    for one in shown:
        if isinstance(one, Picture):
            data = [{"image/png": b64encode(one.png(width)).decode(), "text/plain": one.alt} for width in one.drawings]
            outputs += [nbformat.v4.new_output("display_data", data=each) for each in data]
        else:
            data, metadata = InteractiveShell.instance().display_formatter.format(one)
            outputs.append(nbformat.v4.new_output("display_data", data=data, metadata=metadata))
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=outputs)])


@pytest.fixture(scope="module")
def picture() -> Picture:
    return design_figures.detectable([0.0, 0.05], [0.2, 0.315], power=0.8, caption="Smallest detectable difference")


def test_a_notebook_keeps_the_values_of_a_table_beside_its_html_and_text():
    rows = (("a & b", Cell("<29>", "published", "F044")), ("c", Cell(text.count(3), "assumed")))
    table = Table("Counts (two)", ("What", "n"), rows, source="simulated: null world, harm world", folded=True)
    notebook = nbformat.reads(nbformat.writes(notebook_of(table)), as_version=4)
    ((found,),) = downloads_of(notebook, "page")
    assert found == Download("page", "simulated-counts_two", table.values, repr(table))
    assert set(notebook.cells[0].outputs[0].data) == {"text/html", "text/plain"}


def test_a_table_without_values_is_refused():
    notebook = notebook_of(Table("Counts", ("What", "n"), (("a", text.count(12)),), source="simulated: null world"))
    notebook.cells[0].outputs[0].metadata.clear()
    with pytest.raises(OutputError, match="page: a table has no values for its file: run the chapter again"):
        downloads_of(notebook, "page")


def test_a_figure_of_no_or_of_other_numbers_is_refused(picture):
    with pytest.raises(
        OutputError, match=r"has no table of what it draws; in its cell, write:\n *picture = holf.figure\("
    ):
        downloads_of(notebook_of(picture), "page")
    other = design_figures.detectable([0.0, 0.05], [0.2, 0.316], power=0.8, caption="Smallest detectable difference")
    with pytest.raises(OutputError, match="it was drawn from other numbers: run the chapter again"):
        downloads_of(notebook_of(picture, other.table), "page")
    stale = Picture(picture.drawings, picture.alt.replace("power of 80.0%", "power of 81.0%"), picture.table)
    with pytest.raises(OutputError, match="its text alternative has numbers that are not drawn"):
        downloads_of(notebook_of(stale, picture.table), "page")
    mixed = notebook_of(picture, picture.table)
    mixed.cells[0].outputs[1].data["image/png"] = b64encode(other.png(350)).decode()
    with pytest.raises(OutputError, match="it was drawn from other numbers"):
        downloads_of(mixed, "page")
    ((found,),) = downloads_of(notebook_of(picture, picture.table), "page")
    assert found.text == picture.alt and found.is_figure


# --- the check of a site -----------------------------------------------------------------------------------------


def site_of(folder: Path, picture: Picture, table: Table) -> Path:
    """A page with a figure, its table and another table, and their downloads, as a build leaves them."""
    (folder / "chapters").mkdir(parents=True)
    (folder / "downloads" / "page").mkdir(parents=True)
    for width in picture.drawings:
        (folder / f"figure-{width}.png").write_bytes(picture.png(width))
    lines = []
    for one in (Download("page", "c", picture.table.values, picture.alt, True),
                Download("page", "simulated-t", table.values, repr(table))):  # fmt: skip
        name, content = one.file
        (folder / "downloads" / "page" / name).write_text(content, encoding="utf-8", newline="")
        lines.append(line_of_link(one, "../"))
    image = '<picture><source media="screen and (max-width: 751px)" srcset="../figure-350.png">'
    image += f'<img src="../figure-720.png" alt="{picture.alt}"></picture>'
    page = f'<div class="cell_output docutils">{image}{picture.table._repr_html_()}</div>{lines[0]}'
    page += f'<div class="cell_output docutils">{table._repr_html_()}</div>{lines[1]}'
    (folder / "chapters" / "page.html").write_text(f"<html><body>{page}</body></html>", encoding="utf-8")
    return folder


LONG = Table(
    "Many",
    ("What", "x", "y"),
    tuple((f"a{i}", text.decimal(i + 0.25, 2), text.count(i * i)) for i in range(63)),
    source="simulated: null world",
)


@pytest.fixture
def site(tmp_path, picture) -> Path:
    return site_of(tmp_path / "site", picture, LONG)


def swap(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8", newline="")


PAGE, FOLDER = "chapters/page.html", "downloads/page"
PLANTED = {
    "simulated-t.csv is not what the page shows": (f"{FOLDER}/simulated-t.csv", "7.25", "7.26"),
    "0 files below a table instead of one": (PAGE, ' download data-sha256="', ' data-sha256="'),
    "2 tables, but downloads for 1": (PAGE, '<p class="holf-downloads">', "<p>"),
    "c.csv does not say in its name that its numbers are simulated": (PAGE, 'data-holf="record"', 'data-holf="simulated"'),
    "simulated-t.csv does not say in its name that its numbers are record": (PAGE, 'data-holf="simulated"', 'data-holf="record"'),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_each_planted_fault_of_a_download_is_found(site, fault):
    where, old, new = PLANTED[fault]
    assert download_faults(site) == []
    swap(site / where, old, new)
    assert any(fault in found for found in download_faults(site)), download_faults(site)


def test_a_simulated_file_that_does_not_say_so_inside_is_found_though_its_page_links_to_it(site):
    file = site / FOLDER / "simulated-t.csv"
    before = hashlib.sha256(file.read_bytes()).hexdigest()
    swap(file, "simulated,", "record,")
    swap(site / PAGE, before, hashlib.sha256(file.read_bytes()).hexdigest())
    assert download_faults(site) == [f"{PAGE}: simulated-t.csv does not say its class inside"]


def test_missing_and_stray_files_are_found(site):
    (site / FOLDER / "simulated-t.csv").unlink()
    (site / FOLDER / "rows.csv").write_text("data_class,x\nrecord,1\n")
    assert {"simulated-t.csv is not there", "no page shows what it holds"} == {
        one.rpartition(": ")[2] for one in download_faults(site)
    }


# --- text alternatives -------------------------------------------------------------------------------------------


def test_every_figure_of_the_book_says_its_current_numbers(book):
    drawn = [one for one in book if one.is_figure]
    assert len(drawn) >= 20
    for one in drawn:
        assert alt_faults(one.text, one.values) == [], f"{one.page}: {one.values.caption}"


def test_a_stale_number_in_any_text_alternative_is_found(book):
    for one in (one for one in book if one.is_figure):
        first = next(found for found in NUMBER.finditer(one.text))
        stale = f"{one.text[: first.start()]}98765.4{one.text[first.end() :]}"
        assert alt_faults(stale, one.values) == [STRANGE]
        assert alt_faults("A figure.", one.values) in ([], [TOO_FEW])
    means = next(one.values for one in book if "means by arm" in one.values.caption)
    assert alt_faults("A figure of the arms.", means) == [TOO_FEW]
    assert all(alt_faults("", one.values) == [EMPTY] for one in book if one.is_figure)


def values_of(caption: str, columns: tuple[str, ...], rows: tuple, source: str) -> TableValues:
    return Table(caption, columns, rows, source=source).values


def test_a_figure_whose_numbers_are_withheld_has_none_to_say():
    gone = text.withheld(Withheld("people"))
    rows = (("OLS, CR2", gone, gone), ("cluster means", gone, text.MISSING))
    table = values_of("Work: difference", ("Estimator", "Difference", "95 % interval"), rows, "real data: release 1a")
    assert alt_faults("REAL DATA (release 1a). Work: OLS, CR2: withheld (people) (withheld (people)).", table) == []
    assert alt_faults("REAL DATA (release 1a). Work: OLS, CR2: +0.3 (withheld (people)).", table) != []


def test_the_name_of_a_release_is_no_number_of_a_figure():
    rows = (("a", text.decimal(19.26, 2)), ("b", text.decimal(20.11, 2)))
    table = values_of("Means", ("Arm", "Mean"), rows, "real data: release 3f9a12b4")
    assert alt_faults("REAL DATA (release 3f9a12b4). a: 19.3; b: 20.1.", table) == []
    assert alt_faults("REAL DATA (release 3f9a12b4). a: 19.4; b: 20.1.", table) != []


def test_the_page_speaks_the_alternative_that_the_run_wrote():
    for chapter in list_chapters():
        for cell in nbformat.read(chapter.page, as_version=4).cells:
            said = [out.data["text/plain"] for out in cell.get("outputs", ()) if "image/png" in out.get("data", {})]
            assert all(words == cell.metadata["mystnb"]["image"]["alt"] for words in said), chapter.name


# --- the file is what is drawn -----------------------------------------------------------------------------------


def drawn_numbers(picture: Picture) -> list[float]:
    """Every coordinate of a line or mark, and every number that the figure writes."""
    out = []
    for axes in picture.drawings[350].axes:
        for line in axes.lines:
            out += [float(x) for data in (line.get_xdata(), line.get_ydata()) for x in data]
        for words in axes.texts:
            out += [float(plain(number)) for number in NUMBER.findall(words.get_text())]
    return out


def undrawn(picture: Picture, columns: list[str]) -> list[str]:
    """Numbers of these columns of the file that are nowhere in the figure, to the digits of the file."""
    drawn, missing = drawn_numbers(picture), []
    for row in rows_of(picture.table):
        for printed in filter(None, (row[name] for name in columns)):
            half = 0.51 * 10 ** -len(printed.partition(".")[2])
            if not any(abs(x - float(printed)) <= half for x in drawn):
                missing.append(printed)
    return missing


def test_figures_draw_the_numbers_of_their_files(studies):
    effects = [study.effect("income") for study in studies]
    interval, power = (
        ["interval_95_low", "interval_95_high"],
        design_figures.detectable([0.0, 0.05], [0.2, 0.315], power=0.8, caption="c"),
    )
    settings, found = truths.load_settings(), truths.load_recoveries()
    arms = [study.change("income", arm) for study in studies for arm in ("holf", "local")]
    every = {study.source: [study.effect(name) for name in PLAN.outcomes] for study in studies[:1]}
    compared = plots.outcome_effects(effects, INCOME, {})
    for picture, columns in (
        (plots.outcome_levels({one.source: one.levels("income") for one in studies}, INCOME, PLAN), ["mean"]),
        (compared, ["difference", *interval]),
        (plots.overview(every, PLAN.outcomes), ["in_margins"]),
        (plots.change_and_effect(arms, effects, INCOME, PLAN), ["value", *interval]),
        (power, ["intraclass_correlation", "smallest_detectable_difference_sd"]),
        (methods.coverage_figure(found[:6], settings), ["share", "monte_carlo_interval_99_low"]),
    ):
        assert undrawn(picture, columns) == [], picture.table.caption
    other = replace(effects[0], estimate=effects[0].estimate + 700)
    spoilt = Picture(compared.drawings, "", plots.outcome_effects([other], INCOME, {}).table)
    assert undrawn(spoilt, ["difference"]), "a table of another effect is noticed"


def test_the_flow_draws_what_its_file_names():
    arms = {arm: PLAN.arms[arm]["label"] for arm in PLAN.main.arms}
    offices = {arm: PLAN.arms[arm]["offices_fact"] for arm in arms}
    published = flow.published_flow(holf.load_ledger(), flow.load_flow(), arms=offices)
    picture = flow_diagram.flow_diagram(published, arm_labels=arms)
    assert undrawn(picture, ["in_all", slug(arms["holf"]), slug(arms["local"])]) == []


# --- effect sizes ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def analysed(studies) -> Table:
    return analysed_table(studies)


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    """The file of what is published, as a program reads it."""
    table = published_table(PLAN, holf.load_ledger(), holf.load_published_results(), load_reporting().findings)
    assert stem_of(table.values, ()) == "effect_sizes"
    return pd.DataFrame(rows_of(table))


def test_effect_sizes_have_a_row_for_everything_registered_and_none_is_filled_by_guessing(published):
    found = [*zip(published["outcome"], published["wave"], published["contrast"], strict=True)]
    wanted = {(what.label, wave, PLAN.main.label) for what in PLAN.outcomes.values() for wave in what.waves}
    for beside in (one for one in PLAN.contrasts.values() if one != PLAN.main):
        for what in map(PLAN.outcome, beside.outcomes):
            wanted |= {(what.label, wave, beside.label) for wave in what.waves}
    assert {*found} == wanted and len(found) == len(wanted)
    assert ((published["registered_contrast"] == "yes") == (published["contrast"] == PLAN.main.label)).all()
    assert {*published["data_class"]} == {"record"}
    assert {*published[["yi", "vi", "se", "ci_low", "n_treated", "mean_treated", "icc"]].to_numpy().flat} == {""}
    assert {*published["analysed"]} == {""}, "no source gives the parents behind one outcome"


def test_a_row_of_assumptions_does_not_name_the_public_record_as_its_source(book):
    named = {}
    for one in book:
        frame = pd.read_csv(io.StringIO(one.values.csv()), dtype=str, keep_default_na=False)
        classes = [name for name in frame if name.endswith("_class") and name != "data_class"]
        for _, row in frame[frame["data_class"].isin(["record", "assumed"])].iterrows():
            assumed = {row[name] for name in classes} - {""} == {"assumed"}
            assert (row["data_source"] == "assumption of this book") == assumed, one.values.caption
            assert (row["data_class"] == "assumed") == assumed, one.values.caption
            named.setdefault(one.page, set()).add(row["data_source"])
    assert named["detectable"] == {"assumption of this book"} and named["effects"] == {"public record"}


def test_a_contrast_is_told_only_by_documents_that_speak_of_it(published):
    """The article and the blog compare HOLF with local practice alone: they say nothing of the other contrast."""
    other = published[published["registered_contrast"] == "no"]
    said = [name for name in other if name.endswith("_fact") and name not in ("months_fact", "level_fact")]
    cited = {fact for name in said for fact in other[name]} - {""}
    assert cited == {"F135", "F158"}
    assert not {"F111", "F112", "F113", "F114"} & cited
    assert not set(other["clusters_treated"]) - {""}, "families were drawn, not offices"


def test_what_is_assumed_or_as_randomised_says_so(published):
    main = published[published["registered_contrast"] == "yes"]
    assert set(published["scale_class"]) == {"assumed"}
    assert set(main["clusters_treated"]) == {"15"} and set(main["clusters_other"]) == {"14"}
    assert set(main["clusters_treated_fact"]) == {"F046"} and set(main["clusters_other_fact"]) == {"F047"}


def test_a_typed_slot_of_table_one_stands_in_the_file():
    slots = [
        replace(slot, printed="20.0", kind="published") if slot.statistic == "mean" and slot.arm == "holf" else slot
        for slot in holf.load_published_results()
    ]
    rows = rows_of(published_table(PLAN, holf.load_ledger(), slots, ()))
    filled = [row for row in rows if row["mean_treated"]]
    assert {(row["wave"], row["mean_treated_class"]) for row in filled} == {("m12", "published")}
    assert all(row["contrast"] == PLAN.main.label and not row["mean_other"] for row in filled)


def test_simulated_effect_sizes_are_those_of_the_study_and_say_what_they_are(analysed, studies):
    assert stem_of(analysed.values, ()) == "simulated-effect_sizes"
    frame = pd.read_csv(io.StringIO(analysed.values.csv()))
    assert set(frame["data_class"]) == {"simulated"} and set(frame["data_source"]) == {
        "null world",
        "benefit world",
        "harm world",
    }
    assert frame["yi"].dtype == frame["vi"].dtype == "float64", "a program for meta-analysis reads them at once"
    row = frame[(frame["outcome"] == INCOME.label) & (frame["wave"] == "m24") & (frame["data"] == "harm world")].iloc[0]
    effect = studies[2].effect("income", "m24")
    assert row["yi"] == pytest.approx(effect.estimate, rel=1e-5) and row["vi"] == pytest.approx(effect.se**2, rel=1e-5)
    assert row["effective_n"] == pytest.approx(row["analysed"] / row["design_effect_equal_sizes"], rel=1e-4)
    yes = frame[frame["outcome"] == PLAN.outcome("employment").label].iloc[0]
    assert yes["events_treated"] / yes["n_treated"] == pytest.approx(yes["mean_treated"], rel=1e-5)
    later = frame[(frame["registered_contrast"] == "no") & (frame["wave"] != "m12")]
    assert len(later) and later["yi"].isna().all()


def test_effect_sizes_ask_nothing_beyond_the_catalogue(studies):
    asked, known = [], {key_of(question, keywords) for question, keywords in catalogue(PLAN)}

    def ask(question, **keywords):
        asked.append(key_of(question, keywords))
        return studies[0]._ask(question, **keywords)

    analysed_table([Study(PLAN, ask, source=studies[0].source, sign=0)])
    assert len(asked) > 20 and set(asked) <= known


def test_what_disclosure_control_withholds_is_empty_in_the_file_and_names_its_rule(studies):
    """Every number of an answer may be withheld, and whatever follows from it is then withheld or empty too."""

    def withheld(answer):
        numbers = [
            name for name in vars(answer) if name not in ("estimator", "estimand", "source", "group", "wave", "show")
        ]
        return replace(answer, source="real data: r", **dict.fromkeys(numbers, Withheld("people")))

    def ask(question, **keywords):
        return tuple(withheld(answer) for answer in studies[0]._ask(question, **keywords))

    frame = pd.DataFrame(rows_of(analysed_table([Study(PLAN, ask, source="real data: r", sign=None)])))
    assert set(frame["data_class"]) == {"real data"}
    assert not {"yi", "se", "vi", "mean_treated", "events_treated", "effective_n", "analysed"} & {
        name for name in frame if any(re.search(r"\d", text) for text in frame[name])
    }
    asked = (frame["wave"] == "m12") | (frame["registered_contrast"] == "yes")
    assert set(frame.loc[asked, "yi"]) == set(frame.loc[asked, "vi"]) == {"withheld (people)"}


# --- the release gate --------------------------------------------------------------------------------------------


def rules(tree: Path) -> set[tuple[str, str]]:
    return {(finding.path, finding.rule) for finding in scan(tree, shown=shown_digests(tree), known=Known())}


def test_the_gate_lets_a_long_file_pass_only_as_what_a_page_shows(site):
    assert LONG.values.digest() in shown_digests(site)
    assert rules(site) == set()
    swap(site / FOLDER / "simulated-t.csv", "7.25", "7.26")
    assert (f"{FOLDER}/simulated-t.csv", "rows") in rules(site)


def test_a_page_whose_links_stand_below_no_table_vouches_for_nothing(tmp_path):
    (tmp_path / "t.csv").write_text(LONG.values.csv())
    link = f'<a href="t.csv" download data-sha256="{LONG.values.digest()}">'
    (tmp_path / "page.html").write_text(
        f'<html lang="en"><body><p class="holf-downloads">{link}x</a></p></body></html>'
    )
    (tmp_path / "latin.html").write_bytes('class="holf-table" å'.encode("latin-1"))
    assert shown_digests(tmp_path) == frozenset() and ("t.csv", "rows") in rules(tmp_path)


def test_the_gate_takes_the_texts_in_a_drawing_of_the_book_and_no_others(tmp_path, picture):
    png = picture.png()
    (tmp_path / "a.png").write_bytes(png)
    assert rules(tmp_path) == set()
    seal = picture.table.values.digest().encode()
    assert seal in png
    assert b"Letters\x0011.3 of 720 px" in png
    for keyword, words in (("Source", "income 8123.45"), ("Letters", "8123.4 of 350 px"), ("Letters", "income")):
        image, said = Image.open(io.BytesIO(png)), PngImagePlugin.PngInfo()
        said.add_text(keyword, words)
        image.save(tmp_path / "a.png", pnginfo=said)
        assert ("a.png", "unreadable") in rules(tmp_path), keyword
