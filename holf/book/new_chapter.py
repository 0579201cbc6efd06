"""Write a new chapter to begin with: a notebook that runs, with its line in the table of contents."""

from __future__ import annotations

import re

import nbformat

from clustertrials.files import write_whole
from holf.book.freshness import PARAMETERS
from holf.paths import project_root
from holf.record.plan import load_plan

_NAME = re.compile(r"[a-z][a-z0-9_]*")
_OPENING = """# {title}

**What this page answers.** Say in one or two sentences which question the page answers."""
_PARAMETERS = """\
sources = ["null"]  # simulated worlds; holders of the data name theirs
outcome = "{outcome}"  # of data/plan.yml"""
_TABLE = """\
import pandas as pd
import holf

(study,) = holf.open_studies(sources)
what = study.plan.outcome(outcome)
levels = [one for one in study.levels(outcome) if one.n]
means = pd.DataFrame([(one.group, study.plan.waves[one.wave], one.mean) for one in levels],
                     columns=["Arm", "Months", what.label])
holf.table(means, caption=f"{what.label}: means by arm", source=study.source)"""
_FIGURE = """\
last = means[means["Months"] == means["Months"].max()]
picture = holf.figure(
    lambda axes: [axes.plot(mine["Months"], mine[what.label], marker="o", label=arm)
                  for arm, mine in means.groupby("Arm", sort=False)] and axes.legend(),
    means, caption=f"{what.label}: means by arm and month", source=study.source,
    alt="Lines of the means by month, one for each arm. In the last month: "
        + ", ".join(f"{arm} {mean:,.2f}" for arm, mean in zip(last["Arm"], last[what.label])) + ".")
display(picture, picture.table)"""
_CLOSING = """## What follows

Say what a reader may take from this page, and what not."""


def write_chapter(name: str) -> list[str]:
    """Write `chapters/NAME.ipynb`, which does not exist yet, and its line at the end of `_toc.yml`.

    Parameters
    ----------
    name : str
        Small letters, digits and underscores: the name of the file, and of the page in addresses.

    Returns
    -------
    list of str
        The two files, relative to the project.

    Raises
    ------
    ValueError
        If the name is none.
    FileExistsError
        If there is such a page.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of a chapter: use small letters, digits and underscores")
    root = project_root()
    place = root / "chapters" / f"{name}.ipynb"
    if place.exists() or place.with_suffix(".md").exists():
        raise FileExistsError(f"the page chapters/{name} exists already")
    cells = [
        nbformat.v4.new_markdown_cell(_OPENING.format(title=name.replace("_", " ").capitalize())),
        nbformat.v4.new_code_cell(
            _PARAMETERS.format(outcome=next(iter(load_plan().outcomes))), metadata={"tags": [PARAMETERS]}
        ),
        nbformat.v4.new_code_cell(_TABLE),
        nbformat.v4.new_code_cell(_FIGURE),
        nbformat.v4.new_markdown_cell(_CLOSING),
    ]
    for number, cell in enumerate(cells, start=1):
        cell["id"] = f"c{number}"
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    write_whole(place, nbformat.writes(notebook) + "\n")
    contents = root / "_toc.yml"
    # As text: a reader of YAML would lose comments and layout.
    lines = contents.read_text(encoding="utf-8").rstrip("\n")
    indent = re.findall(r"^( *)- file:", lines, flags=re.MULTILINE)[-1]
    write_whole(contents, f"{lines}\n{indent}- file: chapters/{name}\n")
    return [f"chapters/{name}.ipynb", "_toc.yml"]
