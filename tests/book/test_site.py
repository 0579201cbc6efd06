"""The whole book as a site: every page marked, every link whole; and the check must see what is planted."""

import shutil
import textwrap
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import unquote

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from site_links import link_faults

import holf
from holf.book.chapters import list_chapters
from holf.book.downloads.check import download_faults, shown_digests
from holf.book.marks import page_faults, pages_of, site_faults
from holf.book.sources import ARCHIVE
from holf.confidential.scan.known import known_here
from holf.confidential.scan.scan import scan
from holf.paths import project_root
from holf.record.facts import load_ledger
from holf.record.source import MARK


def test_no_unmarked_simulated_content(site):
    assert site_faults(site) == []


def spoil(page: Path, tmp_path: Path, change) -> list[str]:
    """Faults of a page after `change` was made to its parsed HTML; its pictures are those of the site."""
    target = tmp_path / "chapters" / page.name
    target.parent.mkdir()
    for name in ("_images", "_static"):
        (tmp_path / name).symlink_to(page.parents[1] / name)
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    change(soup)
    target.write_text(str(soup), encoding="utf-8")
    return page_faults(target)


def bare_table(soup):
    soup.select_one(".cell_output").append(
        BeautifulSoup("<table class='dataframe'><tr><td>1</td></tr></table>", "html.parser")
    )


def foreign_image(soup):
    soup.select_one(".cell_output img")["src"] = "../_static/check-solid.svg"


def foreign_narrow_image(soup):
    soup.select_one(".cell_output picture > source")["srcset"] = "../_static/check-solid.svg"


def foreign_image_outside_cells(soup):
    soup.find("article").append(soup.new_tag("img", src="../_static/check-solid.svg", alt="x"))


def plant(soup, html):
    soup.select_one(".cell_output").append(BeautifulSoup(html, "html.parser"))


def unband(soup):
    soup.select_one(".holf-band")["class"] = []


PLANTED = {
    "stands outside every band": lambda soup: soup.h1.insert_after(soup.select_one('table[data-holf="simulated"]')),
    "whose title does not say": lambda soup: unband(soup),
    "without the badge of its class": lambda soup: (
        soup.select_one('table[data-holf="record"] tbody td').string.replace_with("61 NOK")
        if soup.select_one('table[data-holf="record"] tbody td').string
        else soup.select_one('table[data-holf="record"] tbody td').replace_with(
            BeautifulSoup("<td>+61 NOK</td>", "html.parser")
        )
    ),
    "output 'HOLF offices do better.'": lambda soup: plant(soup, "<div><span>HOLF offices do better.</span></div>"),
    "output 'effect 61'": lambda soup: plant(soup, "<ul><li>effect 61</li></ul>"),
    "an output holds svg": lambda soup: plant(soup, "<svg><text>61</text></svg>"),
    "without the banner": lambda soup: soup.select_one(".holf-banner-simulated").decompose(),
    "is simulated, but does not begin with SIMULATED": lambda soup: soup.select_one(
        'table[data-holf="simulated"] .holf-mark'
    ).decompose(),
    "was not made by holf.table": bare_table,
    "text alternative does not begin so": lambda soup: soup.select_one(f'.cell_output img[alt^="{MARK}"]').attrs.update(
        alt="A figure"
    ),
    "was not drawn by holf.figure": foreign_image,
    "was not drawn by holf.figure, so": foreign_narrow_image,
    "check-solid.svg was not drawn by": foreign_image_outside_cells,
    "output '0.61' on a simulated page": lambda soup: plant(soup, "<pre>0.61</pre>"),
}


@pytest.mark.parametrize("fault", PLANTED)
def test_each_missing_mark_is_found(site, tmp_path, fault):
    page = site / "chapters" / "outcome-primary-income.html"
    assert page_faults(page) == []
    assert any(fault in found for found in spoil(page, tmp_path, PLANTED[fault]))


FRAME = pd.DataFrame({"Arm": ["a"], "Mean": [1.5]})


def page_of(cell: str, folder: Path) -> Path:
    page = folder / "page.html"
    page.write_text(f'<h1>Page</h1><div class="cell_output">{cell}</div>', encoding="utf-8")
    return page


def test_the_refusal_of_a_bare_table_tells_what_to_write(tmp_path):
    (told,) = page_faults(page_of("<table><tr><td>1</td></tr></table>", tmp_path))
    known = {"holf": holf, "frame": FRAME, "study": SimpleNamespace(source="another trial: Mbita")}
    shown = eval(told.partition("write:\n")[2].strip(), known)
    assert page_faults(page_of(shown._repr_html_(), tmp_path)) == []


def test_the_refusal_of_a_bare_figure_tells_what_to_write(tmp_path):
    (told,) = page_faults(page_of('<img src="plot.png" alt="A plot"/>', tmp_path))
    shown = []
    known = {"holf": holf, "frame": FRAME, "study": SimpleNamespace(source="another trial: Mbita"), "x": [1], "y": [2]}
    known["display"] = lambda *outputs: shown.extend(outputs)
    exec(textwrap.dedent(told.partition("write:\n")[2]), known)
    picture, table = shown
    (tmp_path / "plot.png").write_bytes(picture.png())
    cell = f'<img src="plot.png" alt="{picture.alt}"/>{table._repr_html_()}'
    assert page_faults(page_of(cell, tmp_path)) == []


def test_an_image_that_says_simulated_in_its_file_only_is_found(site, tmp_path):
    """A figure whose pixels are stamped but whose page calls it a record is a fault, and the other way round."""
    page = site / "chapters" / "design.html"
    faults = spoil(page, tmp_path, lambda soup: soup.select_one(".cell_output img").attrs.update(alt=f"{MARK}. x"))
    assert any("is RECORD, but its text alternative" in fault for fault in faults)


def test_site_without_pages_is_an_error(tmp_path):
    with pytest.raises(FileNotFoundError, match="no page"):
        site_faults(tmp_path)


# Address and the tag before whose end it is planted: also links of the frame, which stand on every page.
DEAD = {
    "ledger.html#f999": "article",
    "no-such-page.html": "article",
    "../index.html#description": "header",
    "../no-such-page.html": "footer",
    "no-such-folder/": "head",
}


def test_every_internal_link_and_anchor_exists(site):
    assert link_faults(site) == []


def test_dead_links_and_anchors_are_found_wherever_they_stand(site, tmp_path):
    shutil.copytree(site, tmp_path / "site")
    page = tmp_path / "site" / "chapters" / "open_questions.html"
    html = page.read_text(encoding="utf-8")
    for address, place in DEAD.items():
        end, tag = f"</{place}>", "link" if place == "head" else "a"
        assert html.count(end) == 1
        html = html.replace(end, f'<{tag} href="{address}">{end}')
    page.write_text(html, encoding="utf-8")
    found = {f"chapters/open_questions.html: {address} leads nowhere" for address in DEAD}
    assert {*link_faults(tmp_path / "site")} == found
    with pytest.raises(FileNotFoundError, match="no page"):
        link_faults(tmp_path / "empty")


def unmarked_derived(soup) -> list[str]:
    """Links in the text of a page to a number that is worked out from published ones, without what gives them their ◆."""
    derived = {key.lower() for key, fact in load_ledger().items() if fact.kind == "derived"}
    links = [link for link in soup.select("[role=main] a[href*='ledger.html#']") if not link.find_parent("table")]
    return [
        str(link) for link in links if link["href"].partition("#")[2] in derived and not link.has_attr("data-derived")
    ]


def test_a_number_worked_out_from_published_ones_says_so_where_it_stands(site):
    soups = [BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser") for page in pages_of(site)]
    assert [found for soup in soups for found in unmarked_derived(soup)] == []
    links = [link for soup in soups for link in soup.select("a[data-derived]")]
    assert len(links) > 10 and "a[data-derived]::before" in (project_root() / "assets" / "holf.css").read_text()
    del links[0]["data-derived"]
    assert len([found for soup in soups for found in unmarked_derived(soup)]) == 1


def test_every_table_and_figure_has_its_files_and_one_page_lists_them_all(site):
    assert download_faults(site) == []
    files = {f"../{path.relative_to(site).as_posix()}" for path in (site / "downloads").rglob("*.*")}
    listed = BeautifulSoup((site / "chapters" / "extract.html").read_text(encoding="utf-8"), "html.parser")
    (every,) = ([unquote(link["href"]) for link in place.select("a[download]")]
                for place in listed.select(".holf-download-list"))  # fmt: skip
    assert len(every) == len(files) and set(every) == files
    assert "../downloads/extract/effect_sizes.csv" in every
    for chapter in list_chapters():
        soup = BeautifulSoup((site / "chapters" / f"{chapter.name}.html").read_text(encoding="utf-8"), "html.parser")
        assert len(soup.select(".cell_output table.holf-table")) == len(soup.select("p.holf-downloads"))
        for link in soup.select("p.holf-downloads a"):
            # Reached by keyboard, and named for those who hear links one by one.
            assert link["href"] and link.get_text() in link["aria-label"] and ": " in link["aria-label"]


def test_the_release_gate_finds_nothing_in_the_public_site(site):
    """Ids of the forms that registers have: letters and running numbers, and plain numbers."""
    running = [f"{letter}{number:05d}" for letter in "FPC" for number in range(1, 3202)]
    numeric = [f"2016{number:05d}" for number in range(1, 3202)]
    known = known_here(ids=[*running, *numeric], canaries=["Kari Nordmann", "0047 11", "31337.77"])
    # The archive of the sources is held against the sources instead.
    assert scan(site, known=known, shown=shown_digests(site), beside=[site / ARCHIVE]) == ()
