"""The participant-flow diagram in the manner of CONSORT, with what is unknown left visibly open."""

from __future__ import annotations

from textwrap import fill

from matplotlib.patches import FancyBboxPatch

from holf.display import alt_text, text
from holf.display.figure import INK, QUIET, SMALL, Picture, canvas, finish
from holf.display.table import SHAPES, Cell, Table
from holf.record.flow import COUNTED, UNKNOWN, Flow, FlowCount
from holf.record.source import RECORD, kind_of

# Line style of a box by the class of its number: shape of the line as well as colour.
_LINES = {"published": "-", "derived": ":", "unknown": (0, (5, 3)), "simulated": "-.", "real": "-."}
_STAGE, _LOSS = (0.0, 0.56), (0.62, 0.38)


def _class_of(count: FlowCount, source: str) -> str:
    """Class of a box's number; a counted one has the class of the data that were counted."""
    return kind_of(source) if count.kind == COUNTED else count.kind


def _box(axes, left: float, width: float, top: float, height: float, kind: str, label: str, words: str) -> None:
    axes.add_patch(
        FancyBboxPatch(
            (left, top - height),
            width,
            height,
            boxstyle="round,pad=0,rounding_size=0.012",
            linewidth=1.3,
            linestyle=_LINES[kind],
            edgecolor=INK,
            facecolor="white",
        )
    )
    # Letters that a box takes, measured: 47 across the whole figure.
    lines = fill(label, round(47 * width)), fill(f"{SHAPES[kind]} {words}", round(43 * width))
    style = {"ha": "center", "fontsize": SMALL, "linespacing": 1.0}
    axes.text(left + width / 2, top - height * 0.1, lines[0], va="top", **style)
    axes.text(left + width / 2, top - height * 0.92, lines[1], va="bottom", weight="bold", **style)


def _arrow(axes, start: tuple[float, float], end: tuple[float, float]) -> None:
    axes.annotate("", end, start, arrowprops={"arrowstyle": "-|>", "color": INK, "lw": 1.2, "shrinkA": 0, "shrinkB": 1})


def _arm_boxes(axes, top: float, height: float, count: FlowCount, kind: str, arm_labels: dict[str, str]) -> None:
    """One box an arm, side by side; dashed where the split is in no source read."""
    gap = 0.02
    width = (_STAGE[1] - gap * (len(arm_labels) - 1)) / len(arm_labels)
    for place, (arm, label) in enumerate(arm_labels.items()):
        known = arm in count.by_arm
        words = f"{count.by_arm[arm]:,} {count.box.unit}" if known else UNKNOWN
        _box(axes, _STAGE[0] + place * (width + gap), width, top, height, kind if known else "unknown", label, words)


def flow_diagram(flow: Flow, *, arm_labels: dict[str, str]) -> Picture:
    """Draw a flow: stages down the left, those who leave to the right, a dashed box where no count is published.

    Parameters
    ----------
    flow : Flow
        The published one, or one counted in a study.
    arm_labels : dict
        Arm to its label. The first stage and the last are also split by arm.
    """
    stages = [count for count in flow.counts if not count.box.is_loss]
    # A stage takes one row; the first and the last take another for their arms.
    lines = [(stages[0], False), (stages[0], True), *((stage, False) for stage in stages[1:]), (stages[-1], True)]
    step, height = 1.0 / (len(lines) + 0.1), 0.74 / (len(lines) + 0.1)
    middle = _STAGE[0] + _STAGE[1] / 2
    with canvas(0.86 * len(lines) + 0.4) as (figure, (axes,)):
        axes.set(xlim=(0, 1), ylim=(-0.01, 1.01))
        axes.axis("off")
        for place, (count, by_arm) in enumerate(lines):
            top = 1 - place * step
            if place and not count.box.beside:
                _arrow(axes, (middle, top + step - height), (middle, top))
            if by_arm:
                _arm_boxes(axes, top, height, count, _class_of(count, flow.source), arm_labels)
                continue
            _box(axes, *_STAGE, top, height, _class_of(count, flow.source), count.label, count.shown)
            if note := count.box.beside or (count.box.unit_changes and "the unit changes here"):
                # Beside the arrow into this box, where it happens; or in the place of one.
                left = _STAGE[0] if count.box.beside else middle + 0.02
                place_of_note = (left, top + 0.5 * (step - height))
                axes.text(*place_of_note, note, fontsize=SMALL, color=QUIET, ha="left", va="center", style="italic")
            for loss in (other for other in flow.counts if other.box.is_loss and other.box.parent == count.box.id):
                _box(axes, *_LOSS, top, height, _class_of(loss, flow.source), loss.label, loss.shown)
                if loss.leave:
                    _arrow(axes, (sum(_STAGE), top - height / 2), (_LOSS[0], top - height / 2))
        counted = [_class_of(count, flow.source) for count in flow.counts]
        kinds = dict.fromkeys([*counted, *(("unknown",) if flow.source == RECORD else ())])
        key = "  ".join(f"{SHAPES[kind]} {kind}" for kind in kinds)
        axes.text(0, 0.0, key, fontsize=SMALL, color=QUIET, va="bottom")
    return finish(figure, alt_text.of_flow(flow), flow_table(flow, arm_labels=arm_labels), source=flow.source)


def flow_table(flow: Flow, *, arm_labels: dict[str, str]) -> Table:
    """The table twin of the diagram."""
    rows = []
    for count in flow.counts:
        fact = count.box.fact if count.kind in ("published", "derived") else ""
        kind = _class_of(count, flow.source)
        arms = (text.count(count.by_arm[arm]) if arm in count.by_arm else UNKNOWN for arm in arm_labels)
        rows.append(
            (
                count.stage,
                Cell(text.flow_count(count), kind, fact),
                *(Cell(arm, kind if arm[0].isdigit() else "unknown") for arm in arms),
            )
        )
    columns = ("Stage", "In all", *arm_labels.values())
    return Table("Participant flow", columns, tuple(rows), source=flow.source, folded=True)
