"""The pictures that link previews show: words and published facts only, no simulated number."""

from __future__ import annotations

import hashlib
import io
import json

from matplotlib.figure import Figure

from holf.display.figure import ALARM, INK, arm_style, with_palette
from holf.record.facts import load_ledger, published_words
from holf.record.plan import load_plan
from holf.record.source import MARK

# What most link previews show whole, in pixels.
SIZE, _DENSITY = (1200, 630), 100


def preview_words() -> dict:
    """Words of the picture, with each name of a ledger row replaced by what the row shows.

    Raises
    ------
    FactError
        If the ledger has no such row, or it is not a published one.
    """
    return published_words("preview.yml", load_ledger())


def preview_seal() -> str:
    """Digest of what the pictures say, as their files have it."""
    return f"sha256 {hashlib.sha256(json.dumps(preview_words()).encode()).hexdigest()}"


def draw_preview(*, simulated: bool = False) -> bytes:
    """Draw the preview as a PNG file of 1200 by 630 pixels that says in itself what it shows.

    The one of pages with simulated results shows no fact, and says what they are.
    """
    words, plan = preview_words(), load_plan()
    words = words["simulated"] | {"arms": {}} if simulated else words
    figure = Figure(figsize=(SIZE[0] / _DENSITY, SIZE[1] / _DENSITY), dpi=_DENSITY, facecolor="white")
    write = {"fontfamily": "DejaVu Sans", "color": INK}
    figure.text(0.06, 0.80, words["title"], size=46, weight="bold", **write | ({"color": ALARM} if simulated else {}))
    figure.text(0.06, 0.69, words["subtitle"], size=24, **write)
    for row, (arm, said) in enumerate(words["arms"].items()):
        colour, marker = arm_style(plan, arm)
        height = 0.53 - 0.11 * row
        axes = figure.add_axes((0.055, height - 0.02, 0.05, 0.08))
        axes.plot([0], [0], marker=marker, markersize=20, color=colour)
        axes.axis("off")
        figure.text(0.13, height, said, size=28, **write)
    figure.text(0.06, 0.25, words["found"], size=28, weight="bold", **write)
    figure.text(0.06, 0.16, words["not_shown"], size=26, **write)
    figure.text(0.06, 0.06, words["note"], size=16, **write)
    stream = io.BytesIO()
    said = {"Software": None, "Comment": MARK if simulated else "RECORD", "Source": preview_seal()}
    figure.savefig(stream, format="png", metadata=said)
    return with_palette(stream.getvalue())
