"""Run one notebook through papermill: the process that a build starts for each stale chapter.

``python -m holf.run INPUT OUTPUT PARAMETERS`` with the parameters as JSON. Exit code 1 and one message on stderr,
naming the cell and its error, if a cell fails.
"""

from __future__ import annotations

import json
import sys

import papermill


def main(arguments: list[str]) -> int:
    """Execute the notebook; return the exit code."""
    source, target, parameters = arguments
    try:
        papermill.execute_notebook(source, target, parameters=json.loads(parameters), kernel_name="python3",
                                   progress_bar=False, log_output=False)
    except papermill.PapermillExecutionError as error:
        first_line = (error.source.strip().splitlines() or [""])[0]
        print(f"cell [{error.exec_count}] `{first_line}` raised {error.ename}: {error.evalue}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
