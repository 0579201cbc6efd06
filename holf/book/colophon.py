"""The colophon: from what the book in front of the reader was made, so that others can make it again and compare.

It names no commit: the same files in another checkout, or unpacked from an archive, must give the same page. It names
the folders by their contents instead, in the way Git names them, and Git finds the commits that hold them.
"""

from __future__ import annotations

import hashlib
import json
from html import escape
from pathlib import Path

from sphinx.application import Sphinx

from holf.book.chapters import list_chapters
from holf.book.checksums import SUMS
from holf.book.freshness import signature
from holf.paths import MARK_FILE, STAND_IN, project_root

PLACE = "<!-- colophon -->"
FOLDERS = ("assets", "chapters", "clustertrials", "data", "holf")


def setup(app: Sphinx) -> None:
    """Register the handlers with Sphinx."""
    app.connect("source-read", fill_in)
    app.connect("env-get-outdated", reread_if_changed)


def git_id(path: Path) -> str:
    """The name that Git gives to a file or folder: SHA-1 of its kind, size and contents.

    Names that begin with a dot, and caches, are left out as if they were ignored.

    Parameters
    ----------
    path : Path

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = (Path(folder) / "a").write_text("words")
    ...     git_id(Path(folder) / "a")
    'f917a2c299cecfd1baa88af5f6e311ee56e529a8'
    """
    return _object(path)[1].hex()


def _object(path: Path) -> tuple[bytes, bytes]:
    """Mode and name of one entry of a Git tree."""
    if path.is_dir():
        inner = [entry for entry in path.iterdir() if not entry.name.startswith(".") and entry.name != "__pycache__"]
        # Git sorts a folder as if its name ended with a slash, and knows no empty one.
        inner = [entry for entry in inner if entry.is_file() or any(entry.iterdir())]
        inner.sort(key=lambda entry: entry.name.encode() + b"/" * entry.is_dir())
        entries = [(entry.name.encode(), *_object(entry)) for entry in inner]
        content = b"".join(mode + b" " + name + b"\0" + digest for name, mode, digest in entries)
        return b"40000", _sha1(b"tree", content)
    mode = b"100755" if path.stat().st_mode & 0o100 else b"100644"
    return mode, _sha1(b"blob", path.read_bytes())


def _sha1(kind: bytes, content: bytes) -> bytes:
    return hashlib.sha1(kind + b" %d\0" % len(content) + content, usedforsecurity=False).digest()


def data_mode() -> str:
    """In one sentence, whose numbers the study results of this book are."""
    data = project_root() / "data"
    if (data / f"{STAND_IN}.json").exists():
        from holf.confidential.release.document import read_release

        return f"Real data, under disclosure control: {read_release(data / f'{STAND_IN}.json').source}."
    marks = sorted([*data.glob(f"simulated/*/{MARK_FILE}"), *data.glob(f"{STAND_IN}/{MARK_FILE}")])
    worlds = [json.loads(mark.read_text(encoding="utf-8")) for mark in marks]
    if not worlds:
        return "No study data: the published record alone."
    named = ", ".join(f"{world['world']} (seed {world['seed']})" for world in worlds)
    return f"Simulated, no finding of the trial. Worlds: {named}."


def _table(caption: str, heads: tuple[str, ...], rows: list[tuple[str, ...]]) -> list[str]:
    top = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    body = [
        f'<tr><th scope="row">{row[0]}</th>' + "".join(f"<td>{cell}</td>" for cell in row[1:]) + "</tr>" for row in rows
    ]
    name = escape(caption)
    return [
        f'<div class="holf-scroll" role="group" tabindex="0" aria-label="{name}">',
        f'<table class="holf-table"><caption>{name}</caption><thead><tr>{top}</tr></thead><tbody>',
        *body,
        "</tbody></table></div>",
        "",
    ]


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
    """What the build puts into the colophon page, as Markdown with tables of HTML."""
    root = project_root()
    lock = root / "requirements.lock"
    made = [(f"{name}/", _code(git_id(root / name))) for name in FOLDERS if (root / name).exists()]
    if lock.exists():
        made.append(("requirements.lock", _code(hashlib.sha256(lock.read_bytes()).hexdigest())))
    return "\n".join(
        [
            f"**Data.** {escape(data_mode())}",
            "",
            *_table("What this book was made from", ("Part", "Its name by content"), made),
            *_chapters(),
            f'<p>Every file of this site, with its checksum: <a href="../{SUMS}">{SUMS}</a>.</p>',
        ]
    )


def fill_in(_app: Sphinx, _docname: str, source: list[str]) -> None:
    """Put the colophon into the page that has a place for it, as that page is read."""
    if PLACE in source[0]:
        source[0] = source[0].replace(PLACE, colophon())


def reread_if_changed(app: Sphinx, env, _added, _changed, _removed) -> list[str]:
    """Name the pages with a place for the colophon, if it is no longer what it was."""
    former, env.holf_colophon = getattr(env, "holf_colophon", None), colophon()
    if former in (None, env.holf_colophon):
        return []
    pages = [(name, Path(env.doc2path(name))) for name in env.found_docs]
    return [name for name, path in pages if path.suffix == ".md" and PLACE in path.read_text(encoding="utf-8")]
