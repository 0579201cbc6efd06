"""The participant-flow diagram in the manner of CONSORT, with what is unknown left visibly open."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import fill

from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch

from holf.display import alt_text, text
from holf.display.figure import INK, QUIET, SMALL, Picture, canvas, finish
from holf.display.table import Cell, Table, invented_arms
from holf.display.widths import COLUMN, PHONE
from holf.record.flow import COUNTED, UNKNOWN, Flow, FlowCount
from holf.record.source import CLASSES, RECORD, kind_of

# Line style of a box by the class of its number: shape of the line as well as colour.
_LINES = {"published": "-", "derived": ":", "unknown": (0, (5, 3)), "simulated": "-.", "real": "-."}


@dataclass(frozen=True)
class _Grid:
    """Where boxes stand at one width, as shares of it, and how many letters fit across; sizes of rows in inches."""

    stage: tuple[float, float]
    side: tuple[float, float]
    letters: int
    row: float
    gap: float
    arms_beside: bool


_GRIDS = {
    PHONE: _Grid((0.0, 0.56), (0.62, 0.38), 47, 0.66, 0.22, arms_beside=False),
    COLUMN: _Grid((0.0, 0.46), (0.54, 0.46), 100, 0.5, 0.26, arms_beside=True),
}


def _class_of(count: FlowCount, source: str) -> str:
    """Class of a box's number; a counted one has the class of the data that were counted."""
    return kind_of(source) if count.kind == COUNTED else count.kind


def _box(axes, grid: _Grid, left: float, width: float, top: float, kind: str, label: str, words: str) -> None:
    shape = {"boxstyle": "round,pad=0,rounding_size=0.012", "mutation_aspect": 3.6, "linewidth": 1.3}
    colours = {"edgecolor": INK, "facecolor": "white", "linestyle": _LINES[kind]}
    axes.add_patch(FancyBboxPatch((left, top - grid.row), width, grid.row, **shape, **colours))
    style = {"ha": "center", "fontsize": SMALL, "linespacing": 1.0}
    middle, letters = left + width / 2, grid.letters * width
    axes.text(middle, top - grid.row * 0.1, fill(label, round(letters)), va="top", **style)
    count = fill(f"{CLASSES[kind].shape} {words}", round(0.92 * letters))
    axes.text(middle, top - grid.row * 0.92, count, va="bottom", weight="bold", **style)


def _arrow(axes, start: tuple[float, float], end: tuple[float, float], *, stated: bool) -> None:
    """An arrow into a box; dashed where no source read says that its count is part of the one before."""
    style = {"arrowstyle": "-|>", "color": INK, "lw": 1.2, "shrinkA": 0, "shrinkB": 1}
    axes.annotate("", end, start, arrowprops=style | {"linestyle": "-" if stated else (0, (4, 3))})


def _is_stated(flow: Flow, count: FlowCount) -> bool:
    return flow.source != RECORD or not count.box.caveat


def _label(flow: Flow, count: FlowCount) -> str:
    return count.label if _is_stated(flow, count) else f"{count.label}: {count.box.caveat}"


def _arm_boxes(axes, grid: _Grid, top: float, count: FlowCount, kind: str, arm_labels: dict[str, str]) -> None:
    """One box an arm, side by side; dashed where the split is in no source read."""
    (left, whole), gap = grid.side if grid.arms_beside else grid.stage, 0.02
    width = (whole - gap * (len(arm_labels) - 1)) / len(arm_labels)
    for place, (arm, label) in enumerate(arm_labels.items()):
        known = arm in count.by_arm
        words = f"{count.by_arm[arm]:,} {count.box.unit}" if known else UNKNOWN
        _box(axes, grid, left + place * (width + gap), width, top, kind if known else "unknown", label, words)


def _note_of(grid: _Grid, count: FlowCount) -> str:
    """What stands beside the arrow into a box, in lines that end with the figure."""
    note = count.box.note or ("the unit changes here" if count.box.unit_changes else "")
    return fill(note, round(0.95 * grid.letters * (1 - sum(grid.stage) / 2)))


def flow_diagram(flow: Flow, *, arm_labels: dict[str, str]) -> Picture:
    """Draw a flow in the order of time: stages down the left, those who leave to the right, unknown counts dashed.

    The flow is the published one, or one counted in a study. The draw of the clusters and the last stage are also split
    by arm; `arm_labels` gives each arm its label.
    """

    def draw(width: int) -> Figure:
        grid = _GRIDS[width]
        stages = [count for count in flow.counts if not count.box.is_loss]
        split = {count.box.id for count in stages if count.box.randomised} | {stages[-1].box.id}
        notes = [_note_of(grid, count) for count in stages]
        # Room above each stage for its arrow and note, and below some for a row of arms.
        gaps = [grid.gap + 0.14 * note.count("\n") for note in notes]
        below = [0.0 if grid.arms_beside or count.box.id not in split else grid.row + 0.08 for count in stages]
        height = sum(gaps) + sum(below) + grid.row * len(stages)
        with canvas(width, height + 0.35) as (figure, (axes,)):
            axes.set(xlim=(-0.004, 1.004), ylim=(-height - 0.15, 0.0))
            axes.axis("off")
            middle, top = grid.stage[0] + grid.stage[1] / 2, 0.0
            for place, (count, note, gap, arms) in enumerate(zip(stages, notes, gaps, below)):
                top -= gap if place else 0.05
                if place:
                    _arrow(axes, (middle, top + gap), (middle, top), stated=_is_stated(flow, count))
                    style = {"fontsize": SMALL, "color": QUIET, "style": "italic", "linespacing": 1.0}
                    axes.text(middle + 0.02, top + gap / 2, note, va="center", **style)
                _box(axes, grid, *grid.stage, top, _class_of(count, flow.source), _label(flow, count), count.shown)
                _draw_losses(axes, grid, top, flow, count)
                if count.box.id in split:
                    _arm_boxes(axes, grid, top - arms, count, _class_of(count, flow.source), arm_labels)
                top -= grid.row + arms
            counted = [_class_of(count, flow.source) for count in flow.counts]
            kinds = dict.fromkeys([*counted, *(("unknown",) if flow.source == RECORD else ())])
            key = "  ".join(f"{CLASSES[kind].shape} {kind}" for kind in kinds)
            axes.text(0, -height - 0.1, key, fontsize=SMALL, color=QUIET, va="bottom")
        return figure

    table = flow_table(flow, arm_labels=arm_labels)
    return finish(draw, alt_text.of_flow(flow, arm_labels), table)


def _draw_losses(axes, grid: _Grid, top: float, flow: Flow, parent: FlowCount) -> None:
    """Those who leave a stage, to its right, with an arrow where they are known to have left."""
    for loss in (other for other in flow.counts if other.box.is_loss and other.box.parent == parent.box.id):
        _box(axes, grid, *grid.side, top, _class_of(loss, flow.source), _label(flow, loss), loss.shown)
        if loss.leave:
            start, end = (sum(grid.stage), top - grid.row / 2), (grid.side[0], top - grid.row / 2)
            _arrow(axes, start, end, stated=_is_stated(flow, loss))


def flow_table(flow: Flow, *, arm_labels: dict[str, str]) -> Table:
    """The table twin of the diagram."""
    rows = []
    for count in flow.counts:
        fact = count.box.fact if count.kind in ("published", "derived") else ""
        kind = _class_of(count, flow.source)
        split = [
            Cell(text.count(count.by_arm[arm]), kind, count.box.arm_facts.get(arm, ""))
            if arm in count.by_arm
            else Cell(UNKNOWN, "unknown")
            for arm in arm_labels
        ]
        rows.append((count.stage, Cell(text.flow_count(count), kind, fact), *split))
    columns = ("Stage", "In all", *arm_labels.values())
    note = invented_arms(flow.source)
    return Table("Participant flow", columns, tuple(rows), source=flow.source, folded=True, note=note)
