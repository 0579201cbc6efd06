"""Participant flow: what enters a box leaves it, and the diagram shows every box with what is known of it."""

from dataclasses import replace

import pytest

import holf
from holf.display.flow_diagram import flow_diagram
from holf.record.facts import FactError
from holf.record.flow import UNKNOWN, Flow, FlowError, load_flow, published_flow

ARMS = {"holf": "F046", "local": "F047"}
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


@pytest.fixture(scope="module")
def published():
    return published_flow(holf.load_ledger(), load_flow(), arms=ARMS)


@pytest.fixture(scope="module")
def counted():
    """The flow of the simulated null world."""
    return holf.open_study("null").flow()


def changed(flow, box, **values):
    """The counts of a flow, one of them changed."""
    return tuple(replace(count, **values) if count.box.id == box else count for count in flow.counts)


def test_classes_of_the_published_flow(published):
    kinds = {count.box.id: count.kind for count in published.counts}
    assert kinds["identified"] == "published" and kinds["eligible"] == "derived" and kinds["drawn"] == "unknown"
    assert published["offices"].by_arm == {"holf": 15, "local": 14}
    assert all(not count.by_arm for count in published.counts if count.box.id != "offices")


def test_a_flow_that_does_not_balance_or_comes_from_nowhere_is_refused(published, counted):
    with pytest.raises(FlowError, match=r"box identified \(in all\): 3201 enter and 3202 leave"):
        Flow(changed(published, "eligible", total=2882))
    by_arm = counted["enrolled"].by_arm
    with pytest.raises(FlowError, match=r"box enrolled \(holf\)"):
        Flow(changed(counted, "enrolled", by_arm=by_arm | {"holf": by_arm["holf"] + 1}))
    with pytest.raises(FlowError, match=r"^data/flow\.yml, box \w+: comes from enrolled, which is not there"):
        Flow(tuple(count for count in published.counts if count.box.id != "enrolled"))


@pytest.mark.parametrize("wrong", [{"fact": "F999"}, {"published_label": "{F999}"}])
def test_a_box_that_names_no_row_is_refused_with_its_file(wrong):
    with pytest.raises(FactError, match=r"^data/flow\.yml, box identified: there is no row F999 in data/facts.csv$"):
        published_flow(holf.load_ledger(), (replace(load_flow()[0], **wrong),), arms={})


def test_simulated_flow_meets_every_published_count(published, counted):
    for record, simulated in zip(published.counts, counted.counts):
        assert record.total in (None, simulated.total)


def test_the_unit_changes_where_the_flow_says_so():
    boxes = {box.id: box for box in load_flow()}
    for box in boxes.values():
        assert not box.parent or bool(box.unit_changes) == (box.unit != boxes[box.parent].unit)


def drawn(flow: Flow) -> list[tuple[str, int, int]]:
    """Of each drawing of a flow: what is written, and how many arrows it has, and dashed ones."""
    found = []
    for figure in flow_diagram(flow, arm_labels=LABELS).drawings.values():
        arrows = [note.arrow_patch for note in figure.axes[0].texts if getattr(note, "arrow_patch", None)]
        dashed = sum(arrow.get_linestyle() not in ("-", "solid") for arrow in arrows)
        found.append((" ".join(" ".join(one.get_text().split()) for one in figure.axes[0].texts), len(arrows), dashed))
    return found


def test_both_drawings_show_every_count_in_the_order_of_time_and_leave_the_unknown_open(published):
    losses = {one.label for one in published.counts if one.box.is_loss}
    for figure in flow_diagram(published, arm_labels=LABELS).drawings.values():
        height = {" ".join(one.get_text().split()): one.get_position()[1] for one in figure.axes[0].texts}
        written = " ".join(height)
        assert all(label in written and count in written for label, count in SHOWN.items())
        assert "15 offices" in written and "14 offices" in written
        lines = [patch.get_linestyle() for patch in figure.axes[0].patches]
        dashed = [line for line in lines if line not in ("-", ":", "solid", "dotted")]
        assert len(dashed) == 4 + 2, "four unknown boxes, and the two arms of the analysis"
        height = {words.removesuffix(": not said to be of these"): place for words, place in height.items()}
        stages = [height[label] for label in SHOWN if label not in losses]
        assert stages == sorted(stages, reverse=True)


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


def test_a_count_that_is_not_said_to_be_of_the_one_before_has_a_dashed_arrow_and_says_so(published, counted):
    for written, _, dashed in drawn(published):
        assert dashed == 2 == written.count(": not said to be of these"), "the excluded, and the analysed"
    assert [dashed for _, _, dashed in drawn(counted)] == [0, 0]


def test_what_is_no_loss_in_the_record_is_drawn_and_called_as_none(published, counted):
    assert published["not_analysed"].stage == "884 less 862: unexplained, units may differ"
    assert counted["not_analysed"].stage == "Not in the analysis"
    assert "Not in the analysis" not in flow_diagram(published, arm_labels=LABELS).alt
    as_loss = Flow(tuple(replace(one, box=replace(one.box, published_label="")) for one in published.counts))
    assert [n for _, n, _ in drawn(as_loss)] == [n + 1 for _, n, _ in drawn(published)], "no arrow to what is no loss"
