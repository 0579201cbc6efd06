"""Banners below the title of a page: simulated numbers, numbers under disclosure control, or a page out of date."""

from __future__ import annotations

import json
from html import escape
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from holf.book.marks import BAND, BANNER, REAL_BANNER
from holf.pages.disclosure import own_release
from holf.record.plan import load_plan
from holf.record.source import MARK, REAL_MARK

_SIMULATED = (
    f'<aside class="holf-banner {BANNER}" aria-label="About the numbers {{where}}"><strong>{MARK}.</strong> '
    "The study results {where} come from simulated people. They show how the analysis works, in worlds whose "
    "truth is known, and are not findings of the trial.</aside>"
)
_ON_PAGE, _IN_PART = "on this page", "in this part"
_REAL = (
    f'<aside class="holf-banner {REAL_BANNER}" aria-label="About the numbers on this page">'
    f"<strong>{REAL_MARK}.</strong> "
    "The study results on this page come from the data of {trial}, under disclosure control ({source}): counts are "
    "rounded, and numbers on few people or {clusters} are withheld and say by which rule.</aside>"
)
_STALE = (
    '<aside class="holf-banner holf-banner-stale" aria-label="State of this page"><strong>OUT OF DATE.</strong> '
    "The results on this page are older than its code or its data; it has not been run again ({why}). "
    "To run it: <code>make book</code>.</aside>"
)


def choose_banners(app: Sphinx, env: BuildEnvironment) -> None:
    """Choose the banners of every page, before any is written."""
    paths = {name: Path(env.doc2path(name)) for name in env.found_docs}
    env.holf_banners = {
        name: banners(path, app.holf_stale.get(path.resolve(), ""))
        for name, path in paths.items()
        if path.suffix == ".ipynb"
    }


def banners(page: Path, why_stale: str) -> str:
    """HTML of the banners of a notebook's page."""
    # Read as JSON: nbformat would check each notebook against its schema, at every build.
    notebook = json.loads(page.read_text(encoding="utf-8"))
    outputs = [str(output) for cell in notebook["cells"] for output in cell.get("outputs", ())]
    # A chapter that read simulated tables is simulated, even if nothing it shows admits it.
    reads = notebook["metadata"].get("holf", {}).get("reads", ())
    found = ""
    if any(MARK in output for output in outputs) or any(name.startswith("simulated/") for name in reads):
        found += _SIMULATED.format(where=_ON_PAGE)
    if any(REAL_MARK in output for output in outputs) and (release := own_release()):
        plan = load_plan()
        trial, clusters = escape(plan.trial["acronym"]), escape(plan.words.clusters)
        found += _REAL.format(source=release.source, trial=trial, clusters=clusters)
    return found + (_STALE.format(why=escape(why_stale)) if why_stale else "")


def add_banners(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Put the banners of a page below its title, or at the head of the band that follows its published parts."""
    html = app.env.holf_banners.get(docname, "")
    bands = simulated_parts(doctree) if BANNER in html else []
    if BANNER in html and not bands:
        # A page that is simulated from its first part on has the banner at its top, and the same tint.
        for part in page_parts(doctree):
            part["classes"] += ["holf-tint"] if simulated_outputs(part) else []
    # Titles and previews of a page that opens with what is published say nothing of simulations.
    app.env.metadata[docname]["holf_bands"] = len(bands)
    for band in bands:
        band["classes"].append(BAND)
        band.insert(1, nodes.raw("", _SIMULATED.format(where=_IN_PART), format="html"))
        # Whoever goes from heading to heading, or sees one alone, is told as well.
        for part in band.findall(nodes.section):
            if part is not band:
                part.next_node(nodes.title).insert(0, nodes.Text("Simulated: "))
    if bands:
        html = html.replace(_SIMULATED.format(where=_ON_PAGE), "")
    title = next(iter(doctree.findall(nodes.title)), None)
    if html and title is not None:
        title.parent.insert(title.parent.index(title) + 1, nodes.raw("", html, format="html"))


def simulated_outputs(tree: nodes.Node) -> list[nodes.container]:
    """Outputs of cells in which a table, a figure or a sentence says that it is simulated."""
    return [
        node
        for node in tree.findall(nodes.container)
        if "cell_output" in node["classes"]
        and (MARK in node.astext() or any(MARK in image.get("alt", "") for image in node.findall(nodes.image)))
    ]


def page_parts(doctree: nodes.document) -> list[nodes.section]:
    """Parts of a page that have a heading of the second level."""
    page = next(iter(doctree.findall(nodes.section)), doctree)
    return [child for child in page.children if isinstance(child, nodes.section)]


def simulated_parts(doctree: nodes.document) -> list[nodes.section]:
    """Parts of a page that show simulations; none if its first part does, for then the whole page is simulated."""
    parts = page_parts(doctree)
    bands = [part for part in parts if simulated_outputs(part)]
    outside = len(simulated_outputs(doctree)) - sum(len(simulated_outputs(part)) for part in bands)
    return [] if outside or bands[:1] == parts[:1] else bands
