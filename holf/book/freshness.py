"""Which chapters are stale, and how their prose is brought up to date without a run.

What a chapter's outputs follow from is written down when it ran, part by part: the source of its code, its parameters,
the data that it read, the modules of this project that its kernel loaded, the lock file, and the outputs themselves.
Prose is not among them, nor are tags that only change how a cell is shown: no output follows from them.
"""

from __future__ import annotations

import ast
import copy
import hashlib
import json
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from clustertrials.files import write_whole
from holf.paths import code_file, project_root
from holf.record.parts import LENGTH, digest_of, part_digests

PARAMETERS, INJECTED = "parameters", "injected-parameters"
# Tags that change what a run does with a cell.
_RUNNING = (PARAMETERS, "raises-exception", "skip-execution")
# What injects parameters and cleans outputs, outside the kernel, counts for every chapter.
RUNNER = ("holf/book/execute.py", "holf/book/kernel.py")
# Beside the chapters, one line for each: branches that change the same module do not meet in notebooks.
RUNS = "chapters/runs.jsonl"
NO_RUN = "no run is on record"
# Parts of a run that are no files.
OUTSIDE = ("code cells", "parameters", "outputs")
# Reasons that one line can hold.
_TOLD = 5
# Chapters end side by side.
_writing = threading.Lock()
TEMPLATE = "chapters/templates/outcome.ipynb"


class ChapterError(RuntimeError):
    """A chapter cannot be run; the message names the chapter and, where one failed, the cell and its error."""


@dataclass(frozen=True)
class Chapter:
    """A page that is a notebook: where it is, whose cells it has, and the parameters that papermill injects.

    `title` replaces the first line of the template, where several pages share one.
    """

    page: Path
    template: Path
    parameters: dict = field(default_factory=dict)
    title: str = ""

    @property
    def name(self) -> str:
        """File name without its ending."""
        return self.page.stem


def parts(
    chapter: Chapter, files: Iterable[str], page: dict, recorded: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Digests of everything that a chapter's outputs follow from, and of these outputs, part by part.

    Parameters
    ----------
    files : iterable of str
        What its kernel loaded and asked for (`holf.record.used_files`, `holf.record.parts`).
    page : dict
        The executed notebook, as its file has it: outputs, words for figures and code of a template's page that were
        edited are none of the run's.
    recorded : mapping of str to str, optional
        What was found when it ran.

    Raises
    ------
    ChapterError
        If the code of the parameters cannot be read.
    """
    # What the run sets is a part of its own: a page that has run shows it in the place of the template's own values.
    hidden = dict.fromkeys(chapter.parameters, "...")
    code = [(_source(cell), _tags(cell)) for cell in _notebook(chapter.template)["cells"] if _is_code(cell)]
    try:
        cells = [
            (with_values(source, hidden) if PARAMETERS in tags else source, [tag for tag in tags if tag in _RUNNING])
            for source, tags in code
        ]
    except SyntaxError as error:
        raise ChapterError(f"chapters/{chapter.template.name}: `{(error.text or '').strip()}` is no Python") from None
    ran = [cell for cell in page["cells"] if cell["cell_type"] == "code"]
    # With the words that stand for each figure; and, where code comes from a template, with the code that is shown.
    outputs = [[cell.get("outputs", []), cell["metadata"].get("mystnb")] for cell in ran]
    shown = [_source(cell) for cell in ran] if chapter.page != chapter.template else []
    found = {
        "code cells": digest_of(cells),
        "parameters": digest_of(chapter.parameters),
        "outputs": digest_of([outputs, shown, page["metadata"].get("holf", {}).get("reads")]),
    }
    return found | _digests([*RUNNER, "requirements.lock", *files], recorded or {})


def _digests(names: Sequence[str], recorded: Mapping[str, str]) -> dict[str, str]:
    """Digests of parts as they are now; what counts for nothing, such as a comment, leaves the recorded one.

    That of a module is the digest of its syntax and then the digest of its file: a module whose file is the same is not
    parsed, since parsing all of them takes a third of a build.
    """
    files = {}
    for name in names:
        if name.endswith(".py") and code_file(name).exists():
            files[name] = hashlib.sha256(code_file(name).read_bytes()).hexdigest()[:LENGTH]
    now = part_digests(name for name in names if name not in files or recorded.get(name, "")[LENGTH:] != files[name])
    found = {}
    for name in names:
        before = recorded.get(name, "")
        is_same = name not in now or now[name] == before[:LENGTH]
        found[name] = before if is_same else now[name] + files.get(name, "")
    return found


def why_stale(chapter: Chapter) -> list[str]:
    """Name what changed since a chapter ran, part by part; empty if its outputs are what a run would give.

    A chapter without a run on record has `NO_RUN` as its one reason. A page that is no notebook raises ChapterError.
    """
    if not chapter.page.exists():
        return [NO_RUN]
    page, changes = _notebook(chapter.page), []
    for name, run in _runs():
        if name == chapter.name:
            now = parts(chapter, [part for part in run if part not in OUTSIDE], page, run)
            changes.append([part for part in now if now[part] != run.get(part)])
    return min(changes, key=len, default=[NO_RUN])


def is_stale(chapter: Chapter) -> bool:
    """Say whether a chapter's outputs are older than what they follow from."""
    return bool(why_stale(chapter))


def in_one_line(reasons: list[str]) -> str:
    """Reasons of `why_stale` in a line, the first few of many; empty if there are none.

    Examples
    --------
    >>> in_one_line(["code cells", "data/plan.yml"])
    'changed since it ran: code cells, data/plan.yml'
    """
    if not reasons or reasons == [NO_RUN]:
        return "".join(reasons)
    more = f" and {len(reasons) - _TOLD} more" if len(reasons) > _TOLD else ""
    return f"changed since it ran: {', '.join(reasons[:_TOLD])}{more}"


def put_on_record(chapter: Chapter, found: dict[str, str]) -> None:
    """Write down of what a chapter's outputs were made, in the place of what was known of an earlier run."""
    pages = project_root() / "chapters"
    with _writing:
        kept = [(name, run) for name, run in _runs() if name != chapter.name and (pages / f"{name}.ipynb").exists()]
        lines = [
            json.dumps({"chapter": name, "parts": run}, sort_keys=True, ensure_ascii=False)
            for name, run in sorted([*kept, (chapter.name, found)], key=lambda entry: entry[0])
        ]
        write_whole(project_root() / RUNS, "\n".join(lines) + "\n")


def signature(chapter: Chapter) -> str:
    """SHA-256 over all that the run on record was made from, and over its outputs; empty if there is none."""
    found = [run for name, run in _runs() if name == chapter.name]
    return hashlib.sha256(json.dumps(found[-1], sort_keys=True).encode()).hexdigest() if found else ""


def _runs() -> list[tuple[str, dict[str, str]]]:
    """Runs on record, by chapter.

    Where two branches ran a chapter, git keeps the lines of both (``.gitattributes``), and none fits what was merged.
    Any other line, such as the marker of a conflict, is no run.
    """
    path = project_root() / RUNS
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    entries = [json.loads(line) for line in lines if line.startswith("{")]
    return [(entry["chapter"], entry["parts"]) for entry in entries]


def titled(source: str, chapter: Chapter) -> str:
    """Text of a page's first cell: the template's, under the page's own title where it has one."""
    return "\n".join([f"# {chapter.title}", *source.splitlines()[1:]]) if chapter.title else source


def renew_prose(chapter: Chapter) -> bool:
    """Give the page of a template the template's prose and tags as they are now, and say whether anything changed.

    Outputs and code stay; a stale chapter is left as it is, since its run brings the prose along.
    """
    if chapter.page == chapter.template or is_stale(chapter):
        return False
    page, cells = _notebook(chapter.page), []
    code = iter([cell for cell in page["cells"] if cell["cell_type"] == "code"])
    for cell in _notebook(chapter.template)["cells"]:
        if _is_code(cell):
            cells.append(_tagged(next(code), _tags(cell)))
            # Papermill puts its cell behind that of the defaults.
            if PARAMETERS in _tags(cell) and chapter.parameters:
                cells.append(next(code))
        elif cell["cell_type"] != "code":
            cells.append(copy.deepcopy(cell))
    cells[0]["source"] = titled(_source(cells[0]), chapter).splitlines(keepends=True)
    if cells == page["cells"]:
        return False
    write_whole(chapter.page, json.dumps(page | {"cells": cells}, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    return True


def _notebook(path: Path) -> dict:
    # As JSON: nbformat checks each notebook against its schema, at every build.
    text = path.read_text(encoding="utf-8")
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if isinstance(found, dict) and {"cells", "metadata"} <= found.keys():
        return found
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("<<<<<<< "):
            raise ChapterError(
                f"chapters/{path.name} has conflict markers at line {number}: settle prose and code, take either side "
                "of an output, and build again; the chapter then runs"
            )
    raise ChapterError(f"chapters/{path.name} is not a notebook")


def _source(cell: dict) -> str:
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def _tags(cell: dict) -> list[str]:
    return cell.get("metadata", {}).get("tags", [])


def _tagged(cell: dict, tags: list[str]) -> dict:
    """The cell with other tags."""
    others = {key: value for key, value in cell["metadata"].items() if key != "tags"}
    return cell | {"metadata": others | ({"tags": tags} if tags else {})}


def _is_code(cell: dict) -> bool:
    """Whether a cell is code that somebody wrote, and not the one that papermill injected."""
    return cell["cell_type"] == "code" and INJECTED not in _tags(cell)


def with_values(source: str, values: Mapping[str, str]) -> str:
    """Source of a cell with other code, by name, in the place of what it sets names to.

    Examples
    --------
    >>> with_values('a = [1, 2]  # both', {"a": "f()", "b": "3"})
    'a = f()  # both'
    """
    text = source.encode()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    set_here = [node for node in ast.parse(source).body if isinstance(node, ast.Assign | ast.AnnAssign) and node.value]
    # From the end, so that the places of the others hold; `ast` counts bytes.
    for node in reversed(set_here):
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if isinstance(target, ast.Name) and target.id in values:
            first = starts[node.value.lineno - 1] + node.value.col_offset
            last = starts[node.value.end_lineno - 1] + node.value.end_col_offset
            text = text[:first] + values[target.id].encode() + text[last:]
    return text.decode()
