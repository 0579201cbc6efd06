"""Participant flow: what enters a box leaves it."""

from dataclasses import replace

import pytest

import holf
from holf.display.flow_diagram import flow_diagram
from holf.record.facts import FactError
from holf.record.flow import UNKNOWN, Flow, FlowError, load_flow, published_flow

ARMS = {"holf": "F046", "local": "F047"}


@pytest.fixture(scope="module")
def published():
    return published_flow(holf.load_ledger(), load_flow(), arms=ARMS)


@pytest.fixture(scope="module")
def counted():
    """The flow of the simulated null world."""
    return holf.open_study("null").flow()


def with_total(flow, box, total):
    return tuple(replace(count, total=total) if count.box.id == box else count for count in flow.counts)


def test_classes_of_the_published_flow(published):
    kinds = {count.box.id: count.kind for count in published.counts}
    assert kinds["identified"] == "published" and kinds["eligible"] == "derived" and kinds["drawn"] == "unknown"
    assert published["offices"].by_arm == {"holf": 15, "local": 14}
    assert all(not count.by_arm for count in published.counts if count.box.id != "offices")


def test_a_count_that_does_not_balance_is_refused(published):
    with pytest.raises(FlowError, match=r"box identified \(in all\): 3201 enter and 3202 leave"):
        Flow(with_total(published, "eligible", 2882))


def test_balance_is_checked_by_arm_too(counted):
    spoiled = tuple(
        replace(count, by_arm=count.by_arm | {"holf": count.by_arm["holf"] + 1})
        if count.box.id == "enrolled"
        else count
        for count in counted.counts
    )
    with pytest.raises(FlowError, match=r"box enrolled \(holf\)"):
        Flow(spoiled)


def test_a_box_from_nowhere_is_refused(published):
    with pytest.raises(FlowError, match=r"^data/flow\.yml, box \w+: comes from enrolled, which is not there"):
        Flow(tuple(count for count in published.counts if count.box.id != "enrolled"))


def test_a_box_that_names_no_row_is_refused_with_its_file():
    boxes = (replace(load_flow()[0], fact="F999"),)
    with pytest.raises(FactError, match=r"^data/flow\.yml, box identified: there is no row F999 in data/facts.csv$"):
        published_flow(holf.load_ledger(), boxes, arms={})


def test_simulated_flow_meets_every_published_count(published, counted):
    for record, simulated in zip(published.counts, counted.counts):
        assert record.total in (None, simulated.total)


def test_the_unit_changes_where_the_flow_says_so():
    boxes = {box.id: box for box in load_flow()}
    for box in boxes.values():
        if box.parent:
            assert bool(box.unit_changes) == (box.unit != boxes[box.parent].unit)


LABELS = {"holf": "HOLF model", "local": "Local practice"}
# Every box of the published flow, with its count.
SHOWN = {
    "Families identified before randomisation": "3,201 families",
    "Excluded": "320 families",
    "Eligible": "2,881 families",
    "Offices randomised": "29 offices",
    "Not drawn: ordinary follow-up": UNKNOWN,
    "Drawn at random for a coordinator": UNKNOWN,
    "Did not take part": UNKNOWN,
    "Families that took part": UNKNOWN,
    "Enrolled (registry)": "884 (unit not stated)",
    "884 less 862: unexplained, units may differ": "22 (unit?)",
    "Analysed at 12 months (article abstract)": "862 parents",
}


def written(figure) -> str:
    return " ".join(" ".join(words.get_text().split()) for words in figure.axes[0].texts)


def test_both_drawings_show_every_count_and_leave_the_unknown_open(published):
    for figure in flow_diagram(published, arm_labels=LABELS).drawings.values():
        for label, count in SHOWN.items():
            assert label in written(figure) and count in written(figure)
        assert "15 offices" in written(figure) and "14 offices" in written(figure)
        lines = [patch.get_linestyle() for patch in figure.axes[0].patches]
        dashed = [line for line in lines if line not in ("-", ":", "solid", "dotted")]
        assert len(dashed) == 4 + 2, "four unknown boxes, and the two arms of the analysis"


def test_the_text_alternative_has_every_box(published, counted):
    alt = flow_diagram(published, arm_labels=LABELS).alt
    places = [alt.index(label if count == UNKNOWN else f"{label}: {count}") for label, count in SHOWN.items()]
    assert places == sorted(places), "in the order of the flow"
    assert "29 offices (HOLF model 15, Local practice 14)" in alt and "SIMULATED" not in alt
    assert "320 families (not said to be of these)" in alt and "2,881 families (derived)" in alt
    assert f"Families that took part: {UNKNOWN}; the unit changes here; Enrolled (registry)" in alt
    assert f"By arm: {UNKNOWN}." in alt
    said = flow_diagram(counted, arm_labels=LABELS).alt
    assert all(f"{one.label}: {one.shown}" in said for one in counted.counts)


def test_stages_stand_in_the_order_of_time(published):
    for figure in flow_diagram(published, arm_labels=LABELS).drawings.values():
        texts = {" ".join(words.get_text().split()): words.get_position()[1] for words in figure.axes[0].texts}
        height = {words.removesuffix(": not said to be of these"): place for words, place in texts.items()}
        stages = [label for label in SHOWN if not published_loss(published, label)]
        assert [height[label] for label in stages] == sorted((height[label] for label in stages), reverse=True)
        assert stages.index("Families identified before randomisation") < stages.index("Offices randomised")


def dashed_arrows(flow: Flow) -> int:
    notes = flow_diagram(flow, arm_labels=LABELS).drawings[720].axes[0].texts
    arrows = [note.arrow_patch for note in notes if getattr(note, "arrow_patch", None)]
    return sum(arrow.get_linestyle() not in ("-", "solid") for arrow in arrows)


def test_a_count_that_is_not_said_to_be_of_the_one_before_has_a_dashed_arrow_and_says_so(published, counted):
    assert dashed_arrows(published) == 2, "the excluded, and the analysed"
    for figure in flow_diagram(published, arm_labels=LABELS).drawings.values():
        assert written(figure).count(": not said to be of these") == 2
    assert dashed_arrows(counted) == 0


def published_loss(flow: Flow, label: str) -> bool:
    return next(one.box.is_loss for one in flow.counts if one.label == label)


def arrows(flow) -> int:
    (figure, _) = flow_diagram(flow, arm_labels=LABELS).drawings.values()
    return sum(note.arrow_patch is not None for note in figure.axes[0].texts if hasattr(note, "arrow_patch"))


def test_what_is_no_loss_in_the_record_is_drawn_and_called_as_none(published, counted):
    unexplained, lost = published["not_analysed"], counted["not_analysed"]
    assert unexplained.stage == "884 less 862: unexplained, units may differ" and not unexplained.leave
    assert lost.stage == "Not in the analysis" and lost.leave
    assert "Not in the analysis" not in flow_diagram(published, arm_labels=LABELS).alt
    plain = Flow(tuple(replace(one, box=replace(one.box, published_label="")) for one in published.counts))
    assert arrows(plain) == arrows(published) + 1, "one to what is no loss"
    with pytest.raises(FactError, match="F999"):
        published_flow(
            holf.load_ledger(), [replace(one.box, published_label="{F999}") for one in plain.counts], arms=ARMS
        )
