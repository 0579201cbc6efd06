"""Downloads: files that hold what is shown, figures that hold what is drawn, and checks that see when they do not."""

import csv
import hashlib
import io
import re
from base64 import b64encode
from dataclasses import replace
from pathlib import Path

import nbformat
import pandas as pd
import pytest
import yaml
from PIL import Image, PngImagePlugin

import holf
from holf.book.chapters import list_chapters
from holf.book.downloads.check import alt_faults, download_faults, shown_digests
from holf.book.downloads.descriptions import load_descriptions
from holf.cli import main
from holf.confidential.release.questions import catalogue, key_of
from holf.confidential.scan.known import Known
from holf.confidential.scan.scan import scan
from holf.display import design_figures, flow_diagram, plots, recovery
from holf.display.effect_sizes import analysed_table, published_table
from holf.display.figure import Picture
from holf.display.printed_values import read_value
from holf.display.shown_tables import ShownError, downloads_of, seal_of
from holf.display.table import Cell, Table
from holf.display.table_files import Download, columns_of, csv_of, digest_of, slug, stem_of
from holf.pages import changes as changed
from holf.pages.change_log import change_log, load_releases, of_record
from holf.pages.cite import load_citation
from holf.paths import project_root
from holf.record import flow
from holf.record.facts import FactError
from holf.record.reporting import load_reporting
from holf.record.source import MARK, RECORD
from holf.study import truths
from holf.study.study import Study
from holf.study.withheld import Withheld

PLAN = holf.load_plan()
DESCRIPTIONS = load_descriptions(PLAN)
NUMBER = re.compile(r"(?<![\w.])[+\u2212-]?\d[\d,]*(?:\.\d+)?")
INCOME = PLAN.outcome("income")


@pytest.fixture(scope="module")
def book() -> list[Download]:
    """Every download of the committed book."""
    found = []
    for chapter in list_chapters():
        groups = downloads_of(nbformat.read(chapter.page, as_version=4), chapter.name)
        found += [one for group in groups for one in group]
    return found


@pytest.fixture(scope="module")
def studies():
    return [holf.open_study(world) for world in PLAN.worlds]


def texts(table: Table) -> list[list[str]]:
    return [[entry.text if isinstance(entry, Cell) else entry for entry in row] for row in table.rows]


def plain(number: str) -> str:
    return number.replace(",", "").replace("\N{MINUS SIGN}", "-").lstrip("+")


def rows_of(table: Table) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(csv_of(table))))


# --- what a file holds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "parts", "unit"),
    [
        ("\N{MINUS SIGN}0.40 to +0.41 points", {"low": "-0.40", "high": "0.41"}, "points"),
        ("5.5% (3.8% to 7.6%)", {"": "5.5", "low": "3.8", "high": "7.6"}, "%"),
        ("<\N{NO-BREAK SPACE}0.001 (28.0 df)", {"relation": "<", "": "0.001", "df": "28.0"}, ""),
        ("0.65 (77,558,760 allocations)", {"": "0.65", "allocations": "77558760"}, ""),
        ("19,292 NOK (5,814), n = 439", {"": "19292", "brackets": "5814", "n": "439"}, "NOK"),
        ("4,157 in 29", {"": "4157", "in": "29"}, ""),
        ("0 of 29", {"": "0", "of": "29"}, ""),
        ("under 1%", {"relation": "<", "": "1"}, "%"),
        ("10 or more", {"": "10", "relation": ">="}, ""),
        ("3,201 families", {"": "3201"}, "families"),
        ("\N{EM DASH}", {}, ""),
        ("withheld (people)", {"withheld": "people"}, ""),
    ],
)
def test_a_cell_is_read_as_it_was_printed(shown, parts, unit):
    assert (read_value(shown).parts, read_value(shown).unit) == (parts, unit)


@pytest.mark.parametrize("shown", ["m12", "OLS, CR2", "2016-01-01", "not published", "+12, +24 months", "CC0 1.0"])
def test_words_are_no_number(shown):
    assert read_value(shown) is None


def test_every_number_that_the_book_shows_is_in_its_file_and_no_other(book):
    assert len(book) > 90
    for one in book:
        for shown, written in zip(texts(one.table), rows_of(one.table)):
            said = {plain(number) for text in shown for number in NUMBER.findall(text)}
            given = {plain(n) for name, text in written.items() if name != "data_source" and not name.endswith("_fact")
                     for n in NUMBER.findall(text)}  # fmt: skip
            assert said == given, f"{one.page}: {one.table.caption}"


def test_a_file_has_one_head_and_says_its_class_in_every_row(book):
    for one in book:
        frame = pd.read_csv(io.StringIO(csv_of(one.table)), dtype=str, keep_default_na=False)
        assert list(frame.columns[:2]) == ["data_class", "data_source"] and len(frame) == len(one.table.rows)
        assert frame.columns.is_unique and all(re.fullmatch(r"[^\W\d]\w*", name) for name in frame.columns)
        assert (
            one.table.is_simulated
            == one.stem.startswith("simulated-")
            == set(frame["data_class"]).issuperset({"simulated"})
        )
        assert not one.table.is_simulated or (set(frame["data_class"]) == {"simulated"} and all(frame["data_source"]))


def test_a_simulated_row_names_its_own_world():
    table = Table("t", ("World", "x"), (("harm world", "1"), ("?", "2")), source="simulated: null world, harm world")
    assert [row["data_source"] for row in rows_of(table)] == ["harm world", "null world, harm world"]


def test_units_and_withheld_numbers_stand_in_columns_of_their_own():
    table = Table(
        "t", ("x", "y"), (("a", "+1,200 NOK"), ("b", "withheld (offices)"), ("c", "n/a")), source="real data: r"
    )
    assert csv_of(table).splitlines() == [
        "data_class,data_source,x,y,y_withheld,y_unit,y_words",
        "real data,r,a,1200,,NOK,",
        "real data,r,b,,offices,,",
        "real data,r,c,,,,n/a",
    ]
    assert stem_of(table, ()) == "real-data-t"


def test_every_column_of_the_book_is_explained(book):
    unexplained = {one.heading or one.name for item in book for one in columns_of(item.table)
                   if not DESCRIPTIONS.of(one.heading, one.part, one.name).strip()}  # fmt: skip
    unexplained |= {one.heading for item in book for one in columns_of(item.table)
                    if one.heading and not DESCRIPTIONS.of_heading(one.heading)}  # fmt: skip
    assert unexplained == set(), "say in data/columns.yml what it means"
    assert DESCRIPTIONS.of_heading("A new heading") == ""


def test_no_explanation_is_left_over(book):
    heads = {heading for one in book for heading in one.table.columns}
    named = {arm["label"] for arm in PLAN.arms.values()} | {world["label"] for world in PLAN.worlds.values()}
    unused = set(DESCRIPTIONS.headings) - heads - named - set(holf.display.text.estimators(PLAN.words)) - {"Counted"}
    assert unused == set(), "data/columns.yml explains what no table has"


# --- from the outputs of record ----------------------------------------------------------------------------------


def notebook_of(*shown: Table | Picture) -> nbformat.NotebookNode:
    outputs = []
    for one in shown:
        data = {"text/plain": repr(one)}
        if isinstance(one, Table):
            data["text/html"] = one._repr_html_()
        else:
            data["image/png"] = b64encode(one._repr_png_()).decode()
        outputs.append(nbformat.v4.new_output("display_data", data=data))
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("x", outputs=outputs)])


@pytest.fixture(scope="module")
def picture() -> Picture:
    return design_figures.detectable([0.0, 0.05], [0.2, 0.315], power=0.8, caption="Smallest detectable difference")


def test_a_table_comes_back_from_its_html_as_it_was():
    rows = (("a & b", Cell("<29>", "published", "F044")), ("c", Cell("3", "assumed")), ("d", Cell("4", "", "F045")))
    table = Table("Counts (two)", ("What", "n"), rows, source="simulated: null world, harm world", folded=True)
    (((found,),),) = [downloads_of(notebook_of(table), "page")]
    assert found.table == table and found.stem == "simulated-counts_two"


def test_a_number_changed_by_hand_is_refused():
    table = Table("Counts", ("What", "n"), (("a", "12"),), source="simulated: null world")
    for form in ("text/html", "text/plain"):
        notebook = notebook_of(table)
        data = notebook.cells[0].outputs[0].data
        data[form] = data[form].replace("12", "13")
        with pytest.raises(ShownError, match="page: table 'Counts' was changed by hand"):
            downloads_of(notebook, "page")


def test_a_figure_without_its_numbers_is_refused(picture):
    with pytest.raises(ShownError, match="has no table of what it draws"):
        downloads_of(notebook_of(picture), "page")
    ((found,),) = downloads_of(notebook_of(picture, picture.table), "page")
    assert found.alt == picture.alt and found.seal == digest_of(picture.table) == seal_of(picture._repr_png_())


# --- the check of a site -----------------------------------------------------------------------------------------


def site_of(folder: Path, picture: Picture, table: Table) -> Path:
    """A page with a figure, its twin and a table, and their downloads, as a build leaves them."""
    (folder / "chapters").mkdir(parents=True)
    (folder / "figure.png").write_bytes(picture._repr_png_())
    shown = [("c", picture.table, picture.alt), ("t", table, "")]
    lines = []
    for stem, one, alt in shown:
        files = Download("page", stem, one, alt).files(DESCRIPTIONS)
        (folder / "downloads").mkdir(exist_ok=True)
        for name, content in files.items():
            (folder / "downloads" / name).write_text(content, encoding="utf-8", newline="")
        links = "".join(f'<a href="../downloads/{name}">x</a>' for name in files)
        lines.append(f'<p class="holf-downloads">{links}</p>')
    image = f'<img src="../figure.png" alt="{picture.alt}">'
    page = f'<div class="cell_output docutils">{image}{picture.table._repr_html_()}</div>{lines[0]}'
    page += f'<div class="cell_output docutils">{table._repr_html_()}</div>{lines[1]}'
    (folder / "chapters" / "page.html").write_text(f"<html><body>{page}</body></html>", encoding="utf-8")
    return folder


LONG = Table(
    "Many",
    ("What", "x", "y"),
    tuple((f"a{i}", f"{i}.25", f"{i * i}") for i in range(63)),
    source="simulated: null world",
)


@pytest.fixture
def site(tmp_path, picture) -> Path:
    return site_of(tmp_path / "site", picture, LONG)


def swap(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) >= 1
    path.write_text(text.replace(old, new, 1), encoding="utf-8", newline="")


def test_a_site_whose_files_are_what_it_shows_has_no_fault(site):
    assert download_faults(site) == []


PLANTED = {
    "t.csv is not what the page shows": ("downloads/t.csv", "7.25", "7.26"),
    "t-columns.csv is not what the page shows": ("downloads/t-columns.csv", "simulated (never a finding)", "fine"),
    "c.txt is not what the page shows": ("downloads/c.txt", "0.32", "0.33"),
    "c.csv is not what the page shows": ("downloads/c.csv", "0.315", "0.316"),
    "the figure was drawn from other numbers": ("chapters/page.html", ">0.315 ", ">0.316 "),
    "its text alternative has numbers that are not drawn": ("chapters/page.html", "power of 80.0%", "power of 81.0%"),
    "2 tables, but downloads for 1": ("chapters/page.html", '<p class="holf-downloads">', "<p>"),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_each_planted_fault_of_a_download_is_found(site, fault):
    where, old, new = PLANTED[fault]
    swap(site / where, old, new)
    assert any(fault in found for found in download_faults(site)), download_faults(site)


def test_missing_and_stray_files_are_found(site):
    (site / "downloads" / "t.csv").unlink()
    (site / "downloads" / "rows.csv").write_text("data_class,x\nrecord,1\n")
    assert {"t.csv is not there", "no page shows what it holds"} == {
        one.rpartition(": ")[2] for one in download_faults(site)
    }


# --- text alternatives -------------------------------------------------------------------------------------------


def test_every_figure_of_the_book_says_its_current_numbers(book):
    drawn = [one for one in book if one.alt]
    assert len(drawn) >= 20
    for one in drawn:
        assert alt_faults(one.alt, one.table) == [], f"{one.page}: {one.table.caption}"


def test_a_stale_number_in_any_text_alternative_is_found(book):
    for one in (one for one in book if one.alt):
        first = next(found for found in NUMBER.finditer(one.alt))
        stale = f"{one.alt[: first.start()]}98765.4{one.alt[first.end() :]}"
        assert alt_faults(stale, one.table) == ["its text alternative has numbers that are not drawn"]
        assert alt_faults("A figure.", one.table) in ([], ["its text alternative has no numbers"])
    means = next(one.table for one in book if "means by arm" in one.table.caption)
    assert alt_faults("A figure of the arms.", means) == ["its text alternative has no numbers"]


def test_a_figure_whose_numbers_are_withheld_has_none_to_say():
    rows = (
        ("OLS, CR2", "withheld (people)", "withheld (people)"),
        ("cluster means", "withheld (people)", "\N{EM DASH}"),
    )
    table = Table(
        "Work: difference", ("Estimator", "Difference", "95 % interval"), rows, source="real data: release 1a"
    )
    assert alt_faults("REAL DATA (release 1a). Work: OLS, CR2: withheld (people) (withheld (people)).", table) == []
    assert alt_faults("REAL DATA (release 1a). Work: OLS, CR2: +0.3 (withheld (people)).", table) != []


def test_the_name_of_a_release_is_no_number_of_a_figure():
    rows = (("a", "19.26"), ("b", "20.11"))
    table = Table("Means", ("Arm", "Mean"), rows, source="real data: release 3f9a12b4")
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
    for axes in picture.figure.axes:
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
        (recovery.coverage_figure(found[:6], settings), ["share", "monte_carlo_interval_99_low"]),
        (recovery.averages_figure(found[:6], settings), ["mean_estimate"]),
    ):
        assert undrawn(picture, columns) == [], picture.table.caption
    other = replace(effects[0], estimate=effects[0].estimate + 700)
    spoilt = Picture(compared.figure, "", plots.outcome_effects([other], INCOME, {}).table)
    assert undrawn(spoilt, ["difference"]), "a table of another effect is noticed"


def test_the_map_and_the_flow_draw_what_their_files_name():
    offices = pd.read_csv(project_root() / "data" / "offices.csv")
    picture = design_figures.office_map(offices)
    named = {row["office"].removeprefix("NAV ") for row in rows_of(picture.table)}
    assert named == {words.get_text() for axes in picture.figure.axes for words in axes.texts}
    arms = {arm: PLAN.arms[arm]["label"] for arm in PLAN.main.arms}
    published = flow.published_flow(
        holf.load_ledger(), flow.load_flow(), arms={a: PLAN.arms[a]["offices_fact"] for a in arms}
    )
    picture = flow_diagram.flow_diagram(published, arm_labels=arms)
    assert undrawn(picture, ["in_all", slug(arms["holf"]), slug(arms["local"])]) == []


# --- effect sizes ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def analysed(studies) -> Table:
    return analysed_table(studies)


def test_effect_sizes_have_a_row_for_everything_registered_and_none_is_filled_by_guessing():
    table = published_table(PLAN, holf.load_ledger(), holf.load_published_results(), load_reporting().findings)
    rows = rows_of(table)
    main, beside = (one for one in sorted(PLAN.contrasts.values(), key=lambda one: one != PLAN.main))
    wanted = {(what.label, wave, main.label) for what in PLAN.outcomes.values() for wave in what.waves}
    wanted |= {(PLAN.outcome(name).label, wave, beside.label) for name in beside.outcomes
               for wave in PLAN.outcome(name).waves}  # fmt: skip
    assert {(row["outcome"], row["wave"], row["contrast"]) for row in rows} == wanted and len(rows) == len(wanted)
    assert {row["registered_contrast"] for row in rows if row["contrast"] == beside.label} == {"no"}
    for row in rows:
        assert row["data_class"] == "record"
        assert all(not row[name] for name in ("yi", "vi", "se", "ci_low", "n_treated", "mean_treated", "icc"))
    assert stem_of(table, ()) == "effect_sizes"


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    """The file of what is published, as a program reads it."""
    table = published_table(PLAN, holf.load_ledger(), holf.load_published_results(), load_reporting().findings)
    return pd.DataFrame(rows_of(table))


def test_a_contrast_is_told_only_by_documents_that_speak_of_it(published):
    """The article and the blog compare HOLF with local practice alone: they say nothing of the other contrast."""
    other = published[published["registered_contrast"] == "no"]
    cited = {fact for name in other if name.endswith("_fact") and name != "months_fact" for fact in other[name]} - {""}
    assert cited == {"F135", "F158"}
    named = {one.split(": ")[0] for row in other["documents"] for one in row.split("; ")}
    assert named == {"nav-register", "nav-news"}
    told = other.set_index(["outcome", "wave"])["in_words_fact"].to_dict()
    assert {wave for (_, wave), fact in told.items() if fact} == {"m12", "m24"}
    assert set(other.loc[other["wave"].isin(["m36", "m48"]), "in_words"]) == {"not found"}
    assert not {"F111", "F112", "F113", "F114"} & cited
    assert not set(other["clusters_treated"]) - {""}, "families were drawn, not offices"


def test_what_is_said_of_a_contrast_holds_in_the_audit_and_the_ledger():
    sources, ledger = {source.id for source in load_reporting().sources}, holf.load_ledger()
    said = [one for contrast in PLAN.contrasts.values() for one in contrast.published]
    assert said and all(one.source in sources and one.fact in ledger for one in said)


def test_what_is_assumed_or_as_randomised_says_so(published):
    main = published[published["registered_contrast"] == "yes"]
    assert set(published["scale_class"]) == {"assumed"}
    vague = published["outcome"].isin([PLAN.outcome(name).label for name in ("income", "working_alliance")])
    assert set(published.loc[vague, "level_class"]) == {"assumed"}
    assert set(published.loc[~vague, "level_class"]) == {"published"}
    assert set(main["clusters_treated"]) == {"15"} and set(main["clusters_other"]) == {"14"}
    assert set(main["clusters_treated_fact"]) == {"F046"} and set(main["clusters_other_fact"]) == {"F047"}
    assert not set(published["analysed"]) - {""}, "no source gives the parents behind one outcome"


def test_another_report_and_the_measure_that_was_reported_stand_beside(published):
    first = published[published["registered_contrast"] == "yes"].drop_duplicates("outcome").set_index("outcome")
    for name, fact in {"employment": "F190", "housing": "F190", "income": "F190", "participation": "F157"}.items():
        assert first.loc[PLAN.outcome(name).label, "another_report_says_fact"] == fact
    assert "social inclusion" in first.loc[PLAN.outcome("participation").label, "in_words"]
    skills = first.loc[PLAN.outcome("coordinator_competence").label]
    assert (skills["in_words"], skills["in_words_class"]) == ("not found in the sources read", "unknown")
    assert skills["another_report_says_fact"] == "F189"
    assert "not said compared with what" in skills["another_report_says"]


def test_no_cell_of_a_simulated_file_calls_itself_published(analysed):
    frame = pd.DataFrame(rows_of(analysed))
    assert len(frame) and not [name for name in frame if name.endswith("_class") and name != "data_class"]
    assert not frame.isin(["published"]).any().any()


def test_a_typed_slot_of_table_one_stands_in_the_file():
    slots = [
        replace(slot, value=0.2, printed="20.0", kind="published")
        if slot.statistic == "mean" and slot.arm == "holf"
        else slot
        for slot in holf.load_published_results()
    ]
    rows = rows_of(published_table(PLAN, holf.load_ledger(), slots, ()))
    filled = [row for row in rows if row["mean_treated"]]
    assert {(row["wave"], row["mean_treated_class"]) for row in filled} == {("m12", "published")}
    assert all(row["contrast"] == PLAN.main.label and not row["mean_other"] for row in filled)


def test_simulated_effect_sizes_are_those_of_the_study_and_say_what_they_are(analysed, studies):
    assert stem_of(analysed, ()) == "simulated-effect_sizes"
    frame = pd.read_csv(io.StringIO(csv_of(analysed)))
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
    assert hashlib.sha256(csv_of(LONG).encode()).hexdigest() in shown_digests(site)
    assert rules(site) == set()
    swap(site / "downloads" / "t.csv", "7.25", "7.26")
    assert ("downloads/t.csv", "rows") in rules(site)


def test_a_page_of_someone_else_vouches_for_nothing_and_stops_nothing(tmp_path):
    for number, inner in enumerate(("", "<caption>x</caption>", '<thead></thead><tbody><tr><td>1</td></tr></tbody>',
                                    '<caption>x</caption><thead></thead><tbody><tr><th><span class="holf-badge">'
                                    "</span></th></tr></tbody>")):  # fmt: skip
        page = f'<div class="cell_output"><img><table class="holf-table" data-holf="strange">{inner}</table></div>'
        (tmp_path / f"{number}.html").write_text(page)
    (tmp_path / "latin.html").write_bytes('class="holf-table" å'.encode("latin-1"))
    assert shown_digests(tmp_path) == frozenset()


def test_the_gate_takes_no_long_file_at_its_word(tmp_path):
    (tmp_path / "t.csv").write_text(csv_of(LONG))
    assert ("t.csv", "rows") in rules(tmp_path)


def test_the_gate_knows_the_seal_of_a_figure_and_nothing_else_under_its_name(tmp_path, picture):
    png = picture._repr_png_()
    (tmp_path / "a.png").write_bytes(png)
    assert rules(tmp_path) == set()
    seal = digest_of(picture.table).encode()
    assert seal in png
    assert b"Letters\x0011.3 of 350 px" in png
    for keyword, words in (("Source", "income 8123.45"), ("Letters", "8123.4 of 350 px"), ("Letters", "income")):
        image, said = Image.open(io.BytesIO(png)), PngImagePlugin.PngInfo()
        said.add_text(keyword, words)
        image.save(tmp_path / "a.png", pnginfo=said)
        assert ("a.png", "png-text") in rules(tmp_path), keyword


# --- the change log ----------------------------------------------------------------------------------------------


def state_of(*shown: Table, facts: str = "F001,Families,3201") -> dict[str, str]:
    return {
        "chapters/effects.ipynb": nbformat.writes(notebook_of(*shown)),
        "data/facts.csv": f"id,fact,value\n{facts}\n",
    }


def effects_table(value: str, source: str, caption: str = "Effects, 10 rows") -> Table:
    return Table(caption, ("Outcome", "Difference"), (("Income", value), ("Work", "+0.1 points")), source=source)


def test_a_changed_number_is_told_as_a_number_with_its_place():
    old = state_of(effects_table("+61 NOK", "simulated: null world"), facts="F001,Families,3201")
    new = state_of(effects_table("+1,058 NOK", "simulated: null world", "Effects, 12 rows"), facts="F001,Families,3200")
    found = changed.changes(old, new)
    assert [(one.page, one.row, one.column, one.old, one.new, one.moved, one.mark) for one in found] == [
        ("effects", "Income", "Difference", "+61 NOK", "+1,058 NOK", "+997", MARK),
        ("facts", "F001, Families", "Value", "3201", "3200", "\N{MINUS SIGN}1", ""),
    ]
    said = changed.as_markdown(found, "old", "new")
    assert said.index("| facts |") < said.index(f"## {MARK}, not results of the trial") < said.index("+1,058 NOK")
    assert "{" not in said and changed.changes(new, new) == []
    assert "Nothing changed." in changed.as_markdown([], "old", "new")


def test_new_and_withdrawn_tables_are_told_in_a_line():
    one, two = effects_table("+61 NOK", RECORD), effects_table("+61 NOK", RECORD, "Other")
    found = changed.changes(state_of(one), state_of(two))
    assert [(change.table, change.old, change.new) for change in found] == [
        ("Other", "\N{EM DASH}", "table of 2 rows"),
        ("Effects, 10 rows", "table of 2 rows", "\N{EM DASH}"),
    ]


def test_numbers_of_real_data_are_never_set_side_by_side_here():
    state = state_of(effects_table("+61 NOK", "real data: release abc"))
    with pytest.raises(ValueError, match="compared by `holf release --previous` only"):
        changed.changes(state, state)


def test_the_command_reads_folders_and_refuses_what_is_neither(tmp_path, capsys):
    for name, value in (("a", "+61 NOK"), ("b", "+62 NOK")):
        (tmp_path / name / "chapters").mkdir(parents=True)
        content = state_of(effects_table(value, "simulated: null world"))["chapters/effects.ipynb"]
        (tmp_path / name / "chapters" / "effects.ipynb").write_text(content)
    main(["changes", str(tmp_path / "a"), str(tmp_path / "b")])
    assert "| effects | Effects, 10 rows | Income | Difference | +61 NOK | +62 NOK | +1 |" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        main(["changes", "no-such-revision"])
    assert end.value.code == 2 and "is no folder, and no revision" in capsys.readouterr().err


def test_the_whole_book_can_be_compared_with_itself():
    state = changed.read_state(str(project_root()))
    some = {name: state[name] for name in ("chapters/effects.ipynb", "chapters/design.ipynb", "data/assumptions.yml")}
    assert len(state) > 15 and len(changed.tables_of(some)) > 10 and changed.changes(some, some) == []


def test_the_change_log_tells_what_changed_in_the_record_between_releases(tmp_path):
    found = [changed.Change("design", "T", "Offices", "In all", "28", "29", "+1", ""),
             changed.Change("effects", "T", "Income", "Effect", "+61", "+62", "+1", MARK)]  # fmt: skip
    (tmp_path / "0.2.0.md").write_text(changed.as_markdown(found, "v0.1.0", "v0.2.0"), encoding="utf-8")
    file = tmp_path / "releases.yml"
    entries = (
        "- {version: 0.2.0, about: Offices counted again., numbers: 0.2.0.md}\n- {version: 0.1.0, about: First.}\n"
    )
    file.write_text(entries, encoding="utf-8")
    page = change_log(load_releases("0.2.0", file))
    assert "| design | T | Offices | In all | 28 | 29 | +1 |" in page and page.index("0.2.0") < page.index("0.1.0")
    assert MARK not in page and "+62" not in page, "no number of simulated people"
    with pytest.raises(FactError, match="newest release is 0.2.0, and CITATION.cff says 0.3.0"):
        load_releases("0.3.0", file)
    file.write_text(entries.replace(", numbers: 0.2.0.md", ""), encoding="utf-8")
    with pytest.raises(FactError, match="0.2.0: a release after the first needs `numbers`"):
        load_releases("0.2.0", file)
    with pytest.raises(FactError, match="no part 'Published, derived and assumed'"):
        of_record("# Numbers that changed\n")


def unreleased(tmp_path, **group):
    entry = {"title": "Planning", "kind": "assumed", "why": "Other degrees of freedom.",
             "changed": [["design.ipynb", "In SD", "0.198", "0.199"]]} | group  # fmt: skip
    file = tmp_path / "releases.yml"
    entries = [{"version": "unreleased", "about": "Not yet released.", "groups": [entry]},
               {"version": "0.1.0", "about": "First."}]  # fmt: skip
    file.write_text(yaml.safe_dump(entries), encoding="utf-8")
    return file


def test_what_changed_after_the_newest_release_stands_with_its_reason_and_class(tmp_path):
    page = change_log(load_releases("0.1.0", unreleased(tmp_path)))
    assert page.index("### After release 0.1.0") < page.index("**Planning.** ▲ assumed. Other degrees of freedom.")
    assert "| [Design](design.ipynb) | In SD | 0.198 | 0.199 |" in page
    bare = change_log(load_releases("0.1.0", unreleased(tmp_path, kind="simulated", changed=[])))
    assert "✖ SIMULATED, not results of the trial" in bare


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"why": ""}, "Planning: every change has a reason"),
        ({"kind": "guessed"}, "guessed is no class of numbers"),
        ({"kind": "simulated"}, "numbers of simulated people are not listed"),
    ],
)
def test_a_change_without_reason_or_class_and_a_simulated_number_are_refused(tmp_path, change, said):
    with pytest.raises(FactError, match=said):
        load_releases("0.1.0", unreleased(tmp_path, **change))


def test_numbers_after_a_change_that_is_not_released_are_those_of_the_book():
    newest = load_releases(load_citation()["version"])[0]
    rows = [row for group in newest.groups for row in group.changed]
    assert rows
    for page, what, _, after in rows:
        assert after in (project_root() / "chapters" / page).read_text(encoding="utf-8"), (page, what)
