"""The HTML of parts that Sphinx and MyST-NB write less well for a screen reader, a keyboard or a phone."""

from __future__ import annotations

import re
from html import escape, unescape
from itertools import pairwise
from pathlib import Path

from docutils import nodes
from PIL import Image, UnidentifiedImageError
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

from holf.book.marks import FIGURE_LINES

# Windows that get the narrow drawing of a figure: those whose column is narrower than the wide one was drawn for. Paper
# gets the wide one. The narrow one is shown up to a quarter larger.
_NARROW, _LARGER = "screen and (max-width: 751px)", 1.25
# The table of a figure's numbers, as `holf.display.table` writes it: folded, or in its box.
_NUMBERS = ('class="holf-twin"', 'class="holf-scroll"')
# A table with at least so many columns, or so many letters in a cell beside its first column, is wider than a phone:
# there each row becomes a card.
_MANY_COLUMNS, _LONG_CELL = 5, 25
# A table with more columns is for programs: the page says how large it is, and its file has it.
_MOST_COLUMNS = 20
_BOX = re.compile(r'(<div class="holf-scroll)("[^>]*><table.*?</table>)', re.DOTALL)
_HEAD, _CELL = re.compile(r'<th scope="col">(.*?)</th>'), re.compile(r"<td>(.*?)</td>", re.DOTALL)
_ROW = re.compile(r'<tr><th scope="row">.*?</tr>', re.DOTALL)
_TAG = re.compile(r"<[^>]+>")


class drawings(nodes.General, nodes.Element):
    """Drawings of one figure for windows of different widths: the narrow one, and then the wide one."""


class scroll_box(nodes.container):
    """A box in which a wide table scrolls; ``label`` is its name."""


class Translator(HTML5Translator):
    """Sphinx's writer of HTML, with other pictures, links to headings, controls of code, and boxes of tables."""

    def visit_image(self, node: nodes.image) -> None:
        """Write a picture with its size, so that nothing jumps when it arrives; all but the first load when near."""
        try:
            width, height = _shown_size(node, Path(self.builder.srcdir) / node["uri"])
        except UnidentifiedImageError:
            raise ExtensionError(
                f"{self.builder.current_docname}: {Path(node['uri']).suffix} is no format for a figure; "
                f"in its cell, write:\n{FIGURE_LINES}"
            ) from None
        name = self.builder.images.get(node["uri"])
        source = f"{self.builder.imgpath}/{name}" if name else node["uri"]
        if isinstance(node.parent, drawings) and node is not node.parent[-1]:
            # Where there is room, larger than it was drawn.
            size = {"width": round(_LARGER * width), "height": round(_LARGER * height)}
            self.body.append(self.emptytag(node, "source", "", srcset=source, media=_NARROW, **size))
            return
        attributes = {"src": source, "alt": node.get("alt", ""), "width": width, "height": height}
        if "details" in node:
            attributes["aria-details"] = node["details"]
        first = next(iter(self.document.findall(nodes.image)))
        if node is not first and not (isinstance(node.parent, drawings) and node.parent is first.parent):
            attributes["loading"] = "lazy"
        self.body.append(self.emptytag(node, "img", "\n", **attributes))

    def visit_drawings(self, _node: drawings) -> None:
        """Open the drawings of a figure, of which a browser takes one."""
        self.body.append("<picture>")

    def depart_drawings(self, _node: drawings) -> None:
        """Close them."""
        self.body.append("</picture>\n")

    def add_permalink_ref(self, node: nodes.Element, title: str) -> None:
        """Link a heading for the pointer alone: read aloud, the sign would end every heading."""
        if node["ids"] and self.builder.add_permalinks:
            self.body.append(
                f'<a class="headerlink" href="#{node["ids"][0]}" title="{title}" aria-hidden="true" tabindex="-1">#</a>'
            )

    def visit_literal_block(self, node: nodes.literal_block) -> None:
        """Write code so that the keyboard reaches its box, which scrolls on a narrow screen."""
        try:
            super().visit_literal_block(node)
        finally:
            self.body[-1] = self.body[-1].replace("<pre>", '<pre tabindex="0">', 1)

    def visit_scroll_box(self, node: scroll_box) -> None:
        """Open a box that the keyboard can reach, which therefore needs a name."""
        box = {"class": "table-wrapper container", "tabindex": "0", "role": "group", "aria-label": node["label"]}
        self.body.append(self.starttag(node, "div", **box))

    def depart_scroll_box(self, _node: scroll_box) -> None:
        """Close the box."""
        self.body.append("</div>\n")


def collect_code(_app: Sphinx, doctree: nodes.document) -> None:
    """Move the code of a page into one folded part at its end, so that figures and tables follow each other.

    A cell tagged ``hide-output`` shows its output folded: the numbers of a solution. The code of one tagged
    ``show-code`` stays where it is.
    """
    cells = [node for node in doctree.findall(nodes.container) if node.get("nb_element") == "cell_code"]
    code = []
    for cell in cells:
        if "tag_show-code" in cell["classes"]:
            continue
        sources = [child for child in cell.children if child.get("nb_element") == "cell_code_source"]
        code += sources
        for source in sources:
            cell.remove(source)
        if cell.children and cell.get("hide_mode") == "output":
            opened = '<details class="holf-twin"><summary>The numbers of the solution</summary>'
            cell.children = [_html(opened), *cell.children, _html("</details>")]
        if not cell.children:
            cell.parent.remove(cell)
    if code:
        page = next(iter(doctree.findall(nodes.section)), doctree)
        page += [_html('<details class="holf-code"><summary>Code of this page</summary>'), *code, _html("</details>")]


def _html(words: str) -> nodes.raw:
    return nodes.raw("", words, format="html")


def _shown_size(node: nodes.image, file: Path) -> tuple[int, int]:
    """Width and height in CSS pixels: as wide as the page asks, else as it was drawn for, else as the file is."""
    with Image.open(file) as image:
        width, height = image.size
        drawn = image.info.get("Letters", "").partition(" of ")[2].removesuffix(" px")
    across = int(node["width"].removesuffix("px")) if "width" in node else int(drawn or width)
    return across, round(across * height / width)


class BoxTables(SphinxPostTransform):
    """Put each table of a page's text in a box that the keyboard reaches, in the place of Furo's, which it does not."""

    # After Furo's own transform.
    default_priority = 501
    formats = ("html",)

    def run(self, **_kwargs) -> None:
        """Replace the boxes of a page."""
        for box in list(self.document.findall(nodes.container)):
            if "table-wrapper" in box["classes"]:
                heads = [entry.astext() for row in box.findall(nodes.thead) for entry in row.findall(nodes.entry)]
                box.replace_self(scroll_box("", *box.children, label=f"Table: {', '.join(filter(None, heads))}"))


class Rearrange(SphinxPostTransform):
    """Rearrange the figures and tables of a page for a phone and a screen reader."""

    default_priority = 400
    formats = ("html",)

    def run(self, **_kwargs) -> None:
        """Change a page."""
        pair_drawings(self.document, Path(self.env.srcdir))
        stack_tables(self.document)
        link_numbers(self.document)
        # Last, since tables are known by their first class.
        name_columns(self.document)


def pair_drawings(page: nodes.document, folder: Path) -> None:
    """Put the wide and the narrow drawing of one figure, which follow each other, in one `drawings`."""
    for wide, narrow in pairwise(list(page.findall(nodes.image))):
        drawn, other = (_drawn_from(folder / node["uri"]) for node in (wide, narrow))
        if drawn and drawn == other and not isinstance(wide.parent, drawings):
            narrow.parent.remove(narrow)
            wide.replace_self(drawings("", narrow, wide.deepcopy()))


def _drawn_from(file: Path) -> str:
    """What a figure's file says of the data that it was drawn from; empty for other pictures."""
    if file.suffix != ".png" or not file.exists():
        return ""
    with Image.open(file) as image:
        return image.info.get("Source", "")


def stack_tables(page: nodes.document) -> None:
    """Head the rows of a table in a ``holf-stacked`` container, and name the column in each other cell.

    On a phone each row becomes a card, in which the heads of the columns are out of sight. A table of many columns gets
    such a container here.
    """
    for table in list(page.findall(nodes.table)):
        if len(list(table.findall(nodes.colspec))) >= _MANY_COLUMNS and not _is_stacked(table.parent):
            table.replace_self(nodes.container("", table.deepcopy(), classes=["holf-stacked", "holf-beside"]))
    for container in list(page.findall(nodes.container)):
        if "holf-stacked" not in container["classes"]:
            continue
        for group in container.findall(nodes.tgroup):
            next(iter(group.findall(nodes.colspec)))["stub"] = 1
            head, body = group[-2], group[-1]
            names = [entry.astext() for entry in head.findall(nodes.entry)]
            for row in body:
                for name, entry in zip(names[1:], row[1:]):
                    if entry.astext().strip():
                        entry.insert(0, nodes.paragraph("", name, classes=["holf-label"]))
                    else:
                        # Left out of the card.
                        entry.clear()


def _is_stacked(node: nodes.Node) -> bool:
    return "holf-stacked" in node.get("classes", ()) or (node.parent is not None and _is_stacked(node.parent))


def link_numbers(page: nodes.document) -> None:
    """Tell a screen reader which table has the numbers of a figure: the next one, before another figure."""
    shown = [node for node in page.findall() if isinstance(node, nodes.image) or _has_numbers(node)]
    pairs = [(image, table) for image, table in pairwise(shown) if isinstance(image, nodes.image)]
    for number, (image, table) in enumerate(pairs, start=1):
        if _has_numbers(table):
            image["details"] = f"numbers-{number}"
            table.replace_self(nodes.container("", table.deepcopy(), ids=[image["details"]]))


def _has_numbers(node: nodes.Node) -> bool:
    return isinstance(node, nodes.raw) and any(name in node.astext() for name in _NUMBERS)


def name_columns(page: nodes.document) -> None:
    """Name the column in each cell of a table of answers that is wider than a phone, where each row becomes a card."""
    for node in list(page.findall(nodes.raw)):
        if 'class="holf-scroll"' in node.astext():
            node.replace_self(_html(_without_rows(node.astext()) or _BOX.sub(_with_columns, node.astext())))


def _without_rows(table: str) -> str:
    """A table of very many columns as its caption and its size; empty for any other."""
    columns, rows = len(_HEAD.findall(table)), len(_ROW.findall(table))
    if columns <= _MOST_COLUMNS:
        return ""
    head = re.search(r'<table class="holf-table.*?</caption>', table, re.DOTALL)[0]
    row = f'<tr><th scope="row">{rows} rows in {columns} columns: take the file.</th></tr>'
    return f"{head}\n<tbody>{row}</tbody></table>"


def _with_columns(box: re.Match) -> str:
    names = [unescape(_TAG.sub("", name)) for name in _HEAD.findall(box[2])]
    longest = max((len(unescape(_TAG.sub("", cell))) for cell in _CELL.findall(box[2])), default=0)
    wide = len(names) >= _MANY_COLUMNS or (len(names) > 2 and longest >= _LONG_CELL)
    if not wide:
        return box[0]

    def named(row: re.Match) -> str:
        left = iter(names[1:])
        return _CELL.sub(lambda cell: f'<td data-column="{escape(next(left))}">{cell[1]}</td>', row[0])

    return f"{box[1]} holf-cards-of-rows{_ROW.sub(named, box[2])}"


def add_transforms(app: Sphinx) -> None:
    """Register what this module changes in documents, and how it writes them."""
    # Before the banners are set: a part of code is at the end of a page, outside its parts.
    app.connect("doctree-read", collect_code)
    app.add_post_transform(Rearrange)
    app.add_post_transform(BoxTables)
