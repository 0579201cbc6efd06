"""Run one notebook through papermill: the process that a build starts for each stale chapter.

``python -m holf.run INPUT OUTPUT PARAMETERS`` with the parameters as JSON. Exit code 1 and one message on stderr,
naming the cell and its error, if a cell fails.
"""

from __future__ import annotations

import ast
import json
import os
import sys
import threading
import time

# What sets the runner's own message apart from the chatter of the kernel.
SAYS = "holf.run: "


def end_with_parent() -> None:
    """End this process soon after the build that started it, however that ended: nobody waits for the result.

    The kernel of the notebook watches this process in the same way.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


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
    from papermill.translators import PythonTranslator

    text = source.encode()
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    set_here = [node for node in ast.parse(source).body if isinstance(node, ast.Assign | ast.AnnAssign) and node.value]
    # From the end, so that the places of the others hold; `ast` counts bytes.
    for node in reversed(set_here):
        target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
        if isinstance(target, ast.Name) and target.id in parameters:
            first = starts[node.value.lineno - 1] + node.value.col_offset
            last = starts[node.value.end_lineno - 1] + node.value.end_col_offset
            text = text[:first] + PythonTranslator.translate(parameters[target.id]).encode() + text[last:]
    return text.decode()


def main(arguments: list[str]) -> int:
    """Execute the notebook; return the exit code."""
    # The build itself imports this module for its mark, and runs nothing.
    import papermill

    source, target, parameters = arguments[0], arguments[1], json.loads(arguments[2])
    # papermill itself only warns of a parameter that the notebook does not have, and runs without it.
    if unknown := set(parameters) - set(papermill.inspect_notebook(source)):
        print(f"{SAYS}the notebook has no parameter {sorted(unknown)[0]!r}", file=sys.stderr)
        return 1
    try:
        papermill.execute_notebook(
            source,
            target,
            parameters=parameters,
            kernel_name="python3",
            progress_bar=False,
            log_output=False,
            # Whatever the kernel had to say was received; the kind way waits one to three seconds for it to leave.
            shutdown_kernel="immediate",
        )
    except papermill.PapermillExecutionError as error:
        first_line = (error.source.strip().splitlines() or [""])[0]
        print(f"{SAYS}cell [{error.exec_count}] `{first_line}` raised {error.ename}: {error.evalue}", file=sys.stderr)
        return 1
    except Exception as error:  # a kernel that died or would not start: one line, since the reader is a build log
        print(f"{SAYS}the notebook did not run to its end: {type(error).__name__}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    end_with_parent()
    sys.exit(main(sys.argv[1:]))
