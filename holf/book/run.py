"""Run one notebook through papermill: the process that a build starts for each stale chapter.

``python -m holf.book.run INPUT OUTPUT PARAMETERS`` with the parameters as JSON. Exit code 1 and one message on stderr,
naming the cell and its error, if a cell fails.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

# What sets the runner's own message apart from the chatter of the kernel.
SAYS = "holf.book.run: "
KERNEL = (
    # Nobody types commands, and two kernels would get into each other's way in the file of their history.
    "--HistoryManager.enabled=False",
    # Python looks for garbage every 700 new objects, over all that libraries loaded: a tenth of a chapter's time.
    "--IPKernelApp.exec_lines=__import__('gc').set_threshold(100_000)",
    # What the chapter follows from is what its kernel loads and reads.
    "--IPKernelApp.exec_lines=__import__('holf.record.witness').record.witness.watch()",
)


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


@contextmanager
def kernel() -> Iterator[AsyncKernelManager]:
    """A kernel that comes up while papermill is still being imported; it ends with the block.

    Each of the two takes most of a second, and neither waits for the other.
    """
    # The build itself imports this module for its mark, and runs nothing.
    from jupyter_client.manager import AsyncKernelManager

    manager = AsyncKernelManager(kernel_name="python3")
    asyncio.run(manager.start_kernel(extra_arguments=list(KERNEL)))
    try:
        yield manager
    finally:
        # Whatever the kernel had to say was received; the kind way waits one to three seconds for it to leave.
        asyncio.run(manager.shutdown_kernel(now=True))


def noted(target: str | Path) -> Path:
    """File beside an executed copy that says what was around when its run began (`freshness.surroundings`)."""
    return Path(f"{target}.around")


def main(arguments: list[str]) -> int:
    """Execute the notebook; return the exit code."""
    # Imported here: it needs this module.
    from holf.book.freshness import other_files, surroundings

    try:
        with kernel() as manager:
            # Before any cell runs, and here, as the build is busy loading what it needs.
            others = other_files()
            noted(arguments[1]).write_text(json.dumps([others, surroundings(others)]), encoding="utf-8")
            return execute(arguments[0], arguments[1], json.loads(arguments[2]), manager)
    except Exception as error:  # a kernel that died or would not start: one line, since the reader is a build log
        print(f"{SAYS}the notebook did not run to its end: {type(error).__name__}: {error}", file=sys.stderr)
        return 1


def execute(source: str, target: str, parameters: dict, manager: AsyncKernelManager) -> int:
    """Execute the notebook in a kernel; return the exit code.

    Parameters
    ----------
    source, target : str
        Paths of the notebook and of its executed copy.
    parameters : dict
        Values by name.
    manager : jupyter_client.manager.AsyncKernelManager
        Of a kernel that was started.
    """
    import papermill
    from papermill.execute import ERROR_MARKER_TAG

    # papermill itself only warns of a parameter that the notebook does not have, and runs without it.
    if parameters and (unknown := set(parameters) - set(papermill.inspect_notebook(source))):
        print(f"{SAYS}the notebook has no parameter {sorted(unknown)[0]!r}", file=sys.stderr)
        return 1
    # A cell that ends the kernel is no error to papermill, and one that is meant to fail is: judged here instead.
    with suppress(papermill.PapermillExecutionError):
        papermill.execute_notebook(
            source,
            target,
            parameters=parameters,
            kernel_name="python3",
            progress_bar=False,
            log_output=False,
            # Written once, at the end, also of a run that fails; else twice a cell.
            request_save_on_cell_execute=False,
            autosave_cell_every=0,
            km=manager,
        )
    executed = json.loads(Path(target).read_text(encoding="utf-8"))
    # Papermill's own note of an error.
    executed["cells"] = [cell for cell in executed["cells"] if ERROR_MARKER_TAG not in cell["metadata"].get("tags", [])]
    if said := first_failure(executed["cells"]):
        print(f"{SAYS}{said}", file=sys.stderr)
        return 1
    Path(target).write_text(json.dumps(executed), encoding="utf-8")
    return 0


def first_failure(cells: list[dict]) -> str:
    """Say which cell of an executed notebook failed or was not run; empty if all ran to their end.

    A cell with the tag ``raises-exception`` may fail, as elsewhere in Jupyter.

    Parameters
    ----------
    cells : list of dict

    Examples
    --------
    >>> cell = {"cell_type": "code", "source": "1", "outputs": [], "metadata": {}, "execution_count": None}
    >>> first_failure([cell | {"execution_count": 1}, cell])
    'cell [2] `1` did not run to its end: it, or the one before it, ended the kernel'
    """
    number = 0
    for cell in cells:
        source = "".join(cell["source"]).strip()
        # As in Jupyter, an empty cell is not run.
        if cell["cell_type"] != "code" or not source:
            continue
        number += 1
        name = f"cell [{number}] `{source.splitlines()[0]}`"
        tags = cell["metadata"].get("tags", [])
        errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
        if errors and "raises-exception" not in tags:
            return f"{name} raised {errors[0]['ename']}: {errors[0]['evalue']}"
        if cell["execution_count"] is None:
            if "skip-execution" in tags:
                return f"{name} was not run: its tags say so"
            return f"{name} did not run to its end: it, or the one before it, ended the kernel"
    return ""


if __name__ == "__main__":
    end_with_parent()
    # Thousands of objects of libraries stay to the end, and nobody needs them cleared away one by one.
    gc.disable()
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
