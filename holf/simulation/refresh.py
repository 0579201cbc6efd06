"""The project's own simulated studies, written anew where what they follow from has changed."""

from __future__ import annotations

import json

from holf.paths import MARK_FILE, project_root
from holf.record.plan import load_plan
from holf.simulation.inputs import inputs_signature


def refresh_studies() -> list[str]:
    """Write anew those of the project's own simulated studies whose inputs have changed; return their worlds."""
    worlds = load_plan().worlds
    if not worlds:
        return []
    home, current = project_root() / "data" / "simulated", inputs_signature()
    stale = [
        world
        for world in worlds
        if not (mark := home / world / MARK_FILE).exists()
        or json.loads(mark.read_text(encoding="utf-8"))["inputs_sha256"] != current
    ]
    if stale:
        # Imported here: it brings scipy along, which takes longer to load than this takes to find nothing to do.
        from holf.simulation.worlds import write_study

        for world in stale:
            write_study(world, home / world)
    return stale
