"""The process in which one notebook runs in a kernel: ``python -m holf.book.kernel INPUT OUTPUT PARAMETERS``.

What takes long to import is imported inside functions: the kernel is started first, and comes up meanwhile.
"""

from __future__ import annotations

import asyncio
import gc
import json
import os
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jupyter_client.manager import AsyncKernelManager

# Marks the message of this process among what its kernel prints.
MESSAGE = "holf.book.kernel: "
# Ending of the file beside the executed copy that says how far the run is.
PROGRESS = ".progress"
OPTIONS = (
    # Nobody types commands, and two kernels would get into each other's way in the file of their history.
    "--HistoryManager.enabled=False",
    # Python looks for garbage every 700 new objects, over all that libraries loaded: a tenth of a chapter's time.
    "--IPKernelApp.exec_lines=__import__('gc').set_threshold(100_000)",
    # What the chapter follows from is what its kernel loads and reads.
    "--IPKernelApp.exec_lines=__import__('holf.record.used_files').record.used_files.watch()",
)
# What Jupyter says of a kernel that was never ready.
_NOT_STARTED = re.compile("Kernel didn't respond|Kernel died before replying")
# Longest path of a socket: macOS takes 103 bytes, and Jupyter adds a number.
_LONGEST_SOCKET = 100
# Lines of an error that are shown.
_MOST_LINES = 10
_LINE = re.compile(r"Cell In\[\d+\], line (\d+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def main(arguments: list[str]) -> int:
    """Execute ``INPUT OUTPUT PARAMETERS``, the last as JSON; return 1 after one message on stderr if a cell fails."""
    fault = _run(arguments)
    # Where kernels speak over ports (see `kernel`), two that start at the same moment may take the same one.
    if _NOT_STARTED.search(fault):
        fault = _run(arguments)
    if fault:
        print(f"{MESSAGE}{fault}", file=sys.stderr)
    return 1 if fault else 0


def _run(arguments: list[str]) -> str:
    try:
        with kernel() as manager:
            return execute(arguments[0], arguments[1], json.loads(arguments[2]), manager)
    except Exception as error:  # a kernel that died or would not start: one line, since the reader is a build log
        return f"the notebook did not run to its end: {type(error).__name__}: {error}"


@contextmanager
def kernel() -> Iterator[AsyncKernelManager]:
    """A kernel that comes up while papermill is still being imported; it ends with the block.

    Each of the two takes most of a second, and neither waits for the other. The kernel is reached over sockets in a
    private folder: a port may be taken by another program between its choice and its use.
    """
    from jupyter_client.manager import AsyncKernelManager

    with TemporaryDirectory(prefix="holf-") as folder:
        place = str(Path(folder, "kernel"))
        has_sockets = hasattr(socket, "AF_UNIX") and len(os.fsencode(place)) < _LONGEST_SOCKET
        where = {"transport": "ipc", "ip": place} if has_sockets else {}
        manager = AsyncKernelManager(kernel_name="python3", **where)
        asyncio.run(manager.start_kernel(extra_arguments=list(OPTIONS)))
        try:
            yield manager
        finally:
            # Whatever the kernel had to say was received; the kind way waits one to three seconds for it to leave.
            asyncio.run(manager.shutdown_kernel(now=True))


def execute(source: str, target: str, parameters: dict, manager: AsyncKernelManager) -> str:
    """Execute the notebook `source` in a kernel that was started, write it to `target`, and return what failed."""
    import papermill
    from nbclient.exceptions import DeadKernelError
    from papermill.execute import ERROR_MARKER_TAG

    # papermill itself only warns of a parameter that the notebook does not have, and runs without it.
    if parameters and (unknown := set(parameters) - set(papermill.inspect_notebook(source))):
        return f"the notebook has no parameter {sorted(unknown)[0]!r}"
    cells = json.loads(Path(source).read_text(encoding="utf-8"))["cells"]
    # Papermill puts a cell of its own behind the parameters.
    total, begun = sum(map(_is_run, cells)) + bool(parameters), []

    def begin(cell: dict, cell_index: int) -> None:
        if _is_run(cell):
            begun.append(cell["source"].strip())
            Path(target).with_suffix(PROGRESS).write_text(f"cell {len(begun)} of {total}", encoding="utf-8")

    try:
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
            on_cell_start=begin,
        )
    except papermill.PapermillExecutionError:
        # Judged below: to papermill a cell that ends the kernel is no error, and one that is meant to fail is one.
        pass
    except DeadKernelError:
        return f"{_named(len(begun), begun[-1])}: the kernel died while it ran (ended, killed, or out of memory)"
    executed = json.loads(Path(target).read_text(encoding="utf-8"))
    # Papermill's own note of an error.
    executed["cells"] = [cell for cell in executed["cells"] if ERROR_MARKER_TAG not in cell["metadata"].get("tags", [])]
    fault = first_failure(executed["cells"])
    if not fault:
        Path(target).write_text(json.dumps(executed), encoding="utf-8")
    return fault


def first_failure(cells: list[dict]) -> str:
    """Say which cell of an executed notebook failed, at which line, or was not run; empty if all ran to their end.

    A cell with the tag ``raises-exception`` may fail, as elsewhere in Jupyter.

    Examples
    --------
    >>> cell = {"cell_type": "code", "source": "1", "outputs": [], "metadata": {}, "execution_count": None}
    >>> first_failure([cell | {"execution_count": 1}, cell])
    'cell [2] `1` did not run to its end: it, or the one before it, ended the kernel'
    """
    number = 0
    for cell in cells:
        if not _is_run(cell):
            continue
        number += 1
        name = _named(number, "".join(cell["source"]).strip())
        tags = cell["metadata"].get("tags", [])
        errors = [output for output in cell["outputs"] if output["output_type"] == "error"]
        if errors and "raises-exception" not in tags:
            return _error(number, "".join(cell["source"]).splitlines(), errors[0])
        if cell["execution_count"] is None:
            if "skip-execution" in tags:
                return f"{name} was not run: its tags say so"
            return f"{name} did not run to its end: it, or the one before it, ended the kernel"
    return ""


def _is_run(cell: dict) -> bool:
    """As in Jupyter, an empty cell is not run."""
    return cell["cell_type"] == "code" and bool("".join(cell["source"]).strip())


def _named(number: int, source: str) -> str:
    return f"cell [{number}] `{source.splitlines()[0]}`"


def _error(cell: int, lines: list[str], output: dict) -> str:
    """The failing line of a cell with its error, and the place in the project's code where that was raised.

    A fault of a data file comes first, as everywhere: that file is to be mended, and not the cell.
    """
    traceback = _COLOUR.sub("", "\n".join(output.get("traceback", ())))
    found = _LINE.search(traceback)
    number = min(int(found[1]), len(lines)) if found else 1
    place = f"cell [{cell}]{f', line {number}' if found else ''} `{lines[number - 1].strip()}`"
    message = "\n".join(str(output["evalue"]).splitlines()[:_MOST_LINES])
    deeper = re.findall(r"^File (\S+\.py:\d+)", traceback, re.MULTILINE)
    raised = f"\n(raised in {deeper[-1]})" if deeper else ""
    if message.startswith("data/"):
        return f"{message}\n(read by {place})"
    return f"{place} raised {output['ename']}: {message}{raised}"


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


if __name__ == "__main__":
    end_with_parent()
    # Thousands of objects of libraries stay to the end, and nobody needs them cleared away one by one.
    gc.disable()
    code = main(sys.argv[1:])
    sys.stderr.flush()
    os._exit(code)
