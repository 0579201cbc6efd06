"""Two surroundings for a build that have nothing in common: if the sites differ, something of them came into a page."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from holf.paths import code_folders

STRANGE = Path(__file__).resolve().parent / "strange"
THREADS = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")


@dataclass(frozen=True)
class Surroundings:
    """What a machine and its user are to a build."""

    name: str
    days: int
    processors: int
    umask: int
    variables: dict[str, str]
    user: int | None = None

    def environment(self, root: Path, home: Path, **extra: str) -> dict[str, str]:
        """The variables for a build of the project in `root`."""
        home.mkdir(parents=True, exist_ok=True)
        kept = {key: os.environ[key] for key in ("PATH", "VIRTUAL_ENV", "CHROMIUM") if key in os.environ}
        return (
            kept
            | dict.fromkeys(THREADS, str(self.processors))
            | {
                "HOME": str(home),
                "HOLF_ROOT": str(root),
                "PYTHONPATH": os.pathsep.join([*code_folders(root), str(STRANGE)]),
            }
            | {"STRANGE_DAYS": str(self.days), "STRANGE_PROCESSORS": str(self.processors)}
            | self.variables
            | extra
        )

    def run(self, command: list[str], root: Path, home: Path, **extra: str) -> subprocess.CompletedProcess:
        """Run a command there, and keep what it says."""
        other = {} if self.user is None else {"user": self.user, "group": self.user, "extra_groups": []}
        return subprocess.run(
            command,
            cwd=root,
            env=self.environment(root, home, **extra),
            umask=self.umask,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            **other,
        )


ORDINARY = Surroundings(
    "ordinary", 0, 1, 0o022,
    {"LANG": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "1", "USER": "someone", "COLUMNS": "80"},
)  # fmt: skip
# A Python in a folder whose name has other letters than English cannot start without UTF-8.
LOCALE = (
    {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"} if sys.prefix.isascii() else {"LC_ALL": "C.UTF-8"}
)
STRANGER = Surroundings(
    "stranger", 437, 3, 0o077,
    LOCALE | {"LANGUAGE": "nb", "TZ": "XXX-13:45",
     "PYTHONHASHSEED": "4242", "USER": "kari-nordmann", "LOGNAME": "kari-nordmann", "COLUMNS": "200"},
)  # fmt: skip
