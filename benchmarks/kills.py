"""Kill builds at random moments, and look whether the site is whole at once and right after the next build.

``python -m benchmarks.kills [--kills 50] [--seed 20170331]``, from the top of the repository. A tenth of the trials
change an assumption, so that the simulated studies are written anew as well. A build that ended before its kill is
looked at in the same way, but does not count. Ends with exit code 1 at the first fault.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from holf.paths import project_root


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=20170331)
    arguments = parser.parse_args()
    # The small book and the trials are those of the tests.
    sys.path.insert(0, str(project_root() / "tests"))
    from killing import STATES, Broken, draw_kill, right_sites, set_state, trial
    from small_book import SmallBook

    rng, killed, number, start = np.random.default_rng(arguments.seed), 0, 0, time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        sites, _ = right_sites(Path(scratch))
        book = SmallBook(Path(scratch) / "book")
        # Moments are drawn from the time that the builds to be killed take, which have one chapter to run.
        set_state(book, STATES[1])
        begun = time.monotonic()
        book.build()
        taken = time.monotonic() - begun
        while killed < arguments.kills:
            number += 1
            state = STATES[2] if number % 10 == 5 else STATES[number % 2]
            kill = draw_kill(rng, taken)
            try:
                was_killed = trial(book, sites, state, kill)
            except Broken as error:
                print(f"trial {number}: {error}")
                return 1
            killed += was_killed
            how = "right" if was_killed else "ended before, right"
            print(f"trial {number}: {kill}: {how}, after {time.monotonic() - start:.0f} s", flush=True)
    print(f"{number} trials, {killed} builds killed before their end, {number} right recoveries")
    return 0


if __name__ == "__main__":
    sys.exit(main())
