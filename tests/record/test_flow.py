"""Participant flow: what enters a box leaves it."""

from dataclasses import replace

import pytest

import holf
from holf.display.flow_diagram import flow_diagram
from holf.record.flow import Flow, FlowError, load_flow, published_flow

ARMS = {"holf": "F046", "local": "F047"}


@pytest.fixture(scope="module")
def published():
    return published_flow(holf.load_ledger(), load_flow(), arms=ARMS)


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


def test_balance_is_checked_by_arm_too():
    flow = holf.open_study("null").flow()
    spoiled = tuple(
        replace(count, by_arm=count.by_arm | {"holf": count.by_arm["holf"] + 1})
        if count.box.id == "enrolled"
        else count
        for count in flow.counts
    )
    with pytest.raises(FlowError, match=r"box enrolled \(holf\)"):
        Flow(spoiled)


def test_a_box_from_nowhere_is_refused(published):
    with pytest.raises(FlowError, match="not in the flow"):
        Flow(tuple(count for count in published.counts if count.box.id != "enrolled"))


def test_simulated_flow_meets_every_published_count(published):
    for world in ("null", "benefit", "harm"):
        for record, counted in zip(published.counts, holf.open_study(world).flow().counts):
            assert record.total in (None, counted.total)


def test_the_unit_changes_where_the_flow_says_so():
    boxes = {box.id: box for box in load_flow()}
    for box in boxes.values():
        if box.parent:
            assert bool(box.unit_changes) == (box.unit != boxes[box.parent].unit)


def test_diagram_shows_every_count_and_leaves_the_unknown_open(published):
    picture = flow_diagram(published, arm_labels={"holf": "HOLF model", "local": "Local practice"})
    words = " ".join(text.get_text() for text in picture.figure.axes[0].texts)
    for shown in (
        "29 offices",
        "15 offices",
        "14 offices",
        "3,201 families",
        "320 families",
        "2,881 families",
        "884 (unit not stated)",
        "862 parents",
        "in no source read",
    ):
        assert shown in words
    dashed = [
        patch for patch in picture.figure.axes[0].patches if patch.get_linestyle() not in ("-", ":", "solid", "dotted")
    ]
    assert len(dashed) == 4 + 2, "four unknown boxes, and the two arms of the analysis"
    assert "3,201" in picture.alt and "SIMULATED" not in picture.alt


def arrows(flow) -> int:
    picture = flow_diagram(flow, arm_labels={"holf": "HOLF model", "local": "Local practice"})
    return sum(note.arrow_patch is not None for note in picture.figure.axes[0].texts if hasattr(note, "arrow_patch"))


def test_what_is_no_loss_in_the_record_is_drawn_and_called_as_none(published):
    unexplained, counted = published["not_analysed"], holf.open_study("null").flow()["not_analysed"]
    assert unexplained.stage == "884 less 862: unexplained, units may differ" and not unexplained.leave
    assert counted.stage == "Not in the analysis (leave)" and counted.leave
    picture = flow_diagram(published, arm_labels={"holf": "HOLF model", "local": "Local practice"})
    assert "884 less 862: unexplained, units may differ: 22" in picture.alt and "Not in the analysis" not in picture.alt
    plain = Flow(tuple(replace(one, box=replace(one.box, published_label="", beside="")) for one in published.counts))
    assert arrows(plain) == arrows(published) + 2, (
        "one to what is no loss, and one from the offices to earlier families"
    )
    with pytest.raises(KeyError, match="F999"):
        published_flow(
            holf.load_ledger(), [replace(one.box, published_label="{F999}") for one in plain.counts], arms=ARMS
        )
