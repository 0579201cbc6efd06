"""The parameters cell of a notebook, with the values of a run in the place of its own."""

from __future__ import annotations

import ast
from collections.abc import Mapping


def as_run(source: str, parameters: dict) -> str:
    """Source of a parameters cell with the values of a run in the place of its own, as papermill writes them.

    A page shows this cell and not the one that papermill injects: who copies it gets the numbers of the page.

    Parameters
    ----------
    source : str
    parameters : dict
        Values of the run, by name; names that the cell does not set are left out.

    Examples
    --------
    >>> as_run('outcome = "employment"  # of the plan', {"outcome": "income"})
    'outcome = "income"  # of the plan'
    """
    # Imported here: the build, which imports this module, takes longer for papermill than for a look at all chapters.
    from papermill.translators import PythonTranslator

    return with_values(source, {name: PythonTranslator.translate(value) for name, value in parameters.items()})


def with_values(source: str, values: Mapping[str, str]) -> str:
    """Source of a cell with other code in the place of what it sets names to.

    Parameters
    ----------
    source : str
    values : mapping of str to str
        Code by name; names that the cell does not set are left out.

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
