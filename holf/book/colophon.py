"""The colophon: from what the book in front of the reader was made, so that others can make it again and compare.

It names no commit: the same files in another checkout, or unpacked from an archive, must give the same page.
"""

from __future__ import annotations

import json
from html import escape

from sphinx.application import Sphinx

from holf.book import sources
from holf.book.chapters import list_chapters
from holf.book.checksums import SUMS
from holf.book.freshness import signature
from holf.pages.disclosure import own_release
from holf.paths import MARK_FILE, STAND_IN, project_root

PLACE = "<!-- colophon -->"


def data_mode() -> str:
    """In one sentence, whose numbers the study results of this book are."""
    if release := own_release():
        # It brings the estimators along, and most builds have no release.
        from holf.confidential.release.signature import read_signature

        signed = read_signature(project_root() / "data" / f"{STAND_IN}.json")
        who = f"{signed.name}, {signed.role}, on {signed.date}"
        return f"Real data, under disclosure control: {release.source}. Signed by {who}."
    data = project_root() / "data"
    marks = sorted([*data.glob(f"simulated/*/{MARK_FILE}"), *data.glob(f"{STAND_IN}/{MARK_FILE}")])
    worlds = [json.loads(mark.read_text(encoding="utf-8")) for mark in marks]
    if not worlds:
        return "No study data: the published record alone."
    named = ", ".join(f"{world['world']} (seed {world['seed']})" for world in worlds)
    return f"Simulated, no finding of the trial. Worlds: {named}."


def _code(text: str) -> str:
    return f"<code>{escape(text)}</code>"


def _chapters() -> list[str]:
    """Each chapter with what it was run from: a list, since four columns with a checksum are wider than a phone."""
    items = []
    for chapter in list_chapters():
        # Read as JSON: nbformat would check each notebook against its schema, at every build.
        notebook = json.loads(chapter.page.read_text(encoding="utf-8")) if chapter.page.exists() else {}
        record = notebook.get("metadata", {}).get("holf", {})
        # As code, so that names of files may break anywhere.
        said = {
            "Parameters": ", ".join(_code(f"{name} = {value}") for name, value in chapter.parameters.items()),
            "Data read": ", ".join(map(_code, record.get("reads", ()))),
        }
        lines = "".join(f"<dd>{name}: {words}</dd>\n" for name, words in said.items() if words)
        signed = _code(signature(chapter) or "never run")
        items.append(f"<dt>{escape(chapter.name)}</dt>\n{lines}<dd>Signature of all it follows from: {signed}</dd>")
    return ["### The chapters that were run, and from what", "", "<dl>", *items, "</dl>", ""]


def colophon() -> str:
    """What the build puts into the colophon page, as Markdown with HTML."""
    return "\n".join(
        [
            # As HTML: Markdown would read a name with its marks, such as brackets, as a link.
            f"<p><strong>Data.</strong> {escape(data_mode())}</p>",
            "",
            *_chapters(),
            f'<p>Every file of this site, with its checksum: <a href="../{SUMS}">{SUMS}</a>.</p>',
        ]
    )


def fill_in(app: Sphinx, _docname: str, source: list[str]) -> None:
    """Put the colophon into the page that has a place for it, and have that page read again by every build."""
    if PLACE in source[0]:
        source[0] = sources.fill_in(source[0]).replace(PLACE, colophon())
        app.env.note_reread()
