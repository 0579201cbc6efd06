"""The HTML of parts that Sphinx and MyST-NB write less well for a screen reader, a keyboard or a phone."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

from docutils import nodes
from PIL import Image
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.writers.html5 import HTML5Translator

# Windows that get the narrow drawing of a figure: those whose column is narrower than the wide one was drawn for. Paper
# gets the wide one. The narrow one is shown up to a quarter larger.
_NARROW, _LARGER = "screen and (max-width: 751px)", 1.25
# The table of a figure's numbers, as `holf.display.table` writes it: folded, or in its box.
_NUMBERS = ('class="holf-twin"', 'class="holf-scroll"')


class drawings(nodes.General, nodes.Element):
    """Drawings of one figure for windows of different widths: the narrow one, and then the wide one."""


class scroll_box(nodes.container):
    """A box in which a wide table scrolls; ``label`` is its name."""


class Translator(HTML5Translator):
    """Sphinx's writer of HTML, with other pictures, links to headings, controls of code, and boxes of tables."""

    def visit_image(self, node: nodes.image) -> None:
        """Write a picture with its size, so that nothing jumps when it arrives; all but the first load when near."""
        width, height = _shown_size(node, Path(self.builder.srcdir) / node["uri"])
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

    def visit_scroll_box(self, node: scroll_box) -> None:
        """Open a box that the keyboard can reach, which therefore needs a name."""
        box = {"class": "table-wrapper container", "tabindex": "0", "role": "group", "aria-label": node["label"]}
        self.body.append(self.starttag(node, "div", **box))

    def depart_scroll_box(self, _node: scroll_box) -> None:
        """Close the box."""
        self.body.append("</div>\n")


def collect_code(_app: Sphinx, doctree: nodes.document) -> None:
    """Move the code of a page into one folded part at its end, so that figures and tables follow each other.

    A cell tagged ``hide-output`` shows its output folded: the numbers of a solution.
    """
    cells = [node for node in doctree.findall(nodes.container) if node.get("nb_element") == "cell_code"]
    code = []
    for cell in cells:
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


class StackTables(SphinxPostTransform):
    """Head the rows of a table in a ``holf-stacked`` container, and name the column in each other cell.

    On a phone each row becomes a card, in which the heads of the columns are out of sight.
    """

    default_priority = 400
    formats = ("html",)

    def run(self, **_kwargs) -> None:
        """Change the tables of a page."""
        for container in self.document.findall(nodes.container):
            if "holf-stacked" not in container["classes"]:
                continue
            for group in container.findall(nodes.tgroup):
                next(iter(group.findall(nodes.colspec)))["stub"] = 1
                head, body = group[-2], group[-1]
                names = [entry.astext() for entry in head.findall(nodes.entry)]
                for row in body:
                    for name, entry in zip(names[1:], row[1:]):
                        entry.insert(0, nodes.paragraph("", name, classes=["holf-label"]))


class PairDrawings(SphinxPostTransform):
    """Put the wide and the narrow drawing of one figure, which follow each other, in one `drawings`."""

    # Before `LinkNumbers`.
    default_priority = 390
    formats = ("html",)

    def run(self, **_kwargs) -> None:
        """Change the figures of a page."""
        for wide, narrow in pairwise(list(self.document.findall(nodes.image))):
            drawn, other = (self._drawn_from(node) for node in (wide, narrow))
            if drawn and drawn == other and not isinstance(wide.parent, drawings):
                narrow.parent.remove(narrow)
                wide.replace_self(drawings("", narrow, wide.deepcopy()))

    def _drawn_from(self, node: nodes.image) -> str:
        """What a figure's file says of the data that it was drawn from; empty for other pictures."""
        file = Path(self.env.srcdir) / node["uri"]
        if file.suffix != ".png" or not file.exists():
            return ""
        with Image.open(file) as image:
            return image.info.get("Source", "")


class LinkNumbers(SphinxPostTransform):
    """Tell a screen reader which table has the numbers of a figure: the next one, before another figure."""

    default_priority = 400
    formats = ("html",)

    def run(self, **_kwargs) -> None:
        """Name the tables and refer to them."""
        shown = [node for node in self.document.findall() if isinstance(node, nodes.image) or _has_numbers(node)]
        pairs = [(image, table) for image, table in pairwise(shown) if isinstance(image, nodes.image)]
        for number, (image, table) in enumerate(pairs, start=1):
            if _has_numbers(table):
                image["details"] = f"numbers-{number}"
                table.replace_self(nodes.container("", table.deepcopy(), ids=[image["details"]]))


def _has_numbers(node: nodes.Node) -> bool:
    return isinstance(node, nodes.raw) and any(name in node.astext() for name in _NUMBERS)


def add_transforms(app: Sphinx) -> None:
    """Register what this module changes in documents, and how it writes them."""
    # Before the banners are set: a part of code is at the end of a page, outside its parts.
    app.connect("doctree-read", collect_code)
    for transform in (BoxTables, StackTables, PairDrawings, LinkNumbers):
        app.add_post_transform(transform)
