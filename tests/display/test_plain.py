"""A table and a figure that an author makes of an own data frame."""

import pandas as pd
import pytest

import holf

SOURCE = "simulated: null world"
MEANS = pd.DataFrame({"Arm": ["HOLF", "local"], "Months": [0, 12], "Mean": [0.125, None], "Sure": [True, False]})


def test_a_table_has_the_mark_of_its_source_and_formatted_numbers():
    shown = holf.table(MEANS, caption="Means", source=SOURCE)
    html = shown._repr_html_()
    assert 'data-holf="simulated"' in html and "SIMULATED" in html and '<th scope="row">HOLF</th>' in html
    assert repr(shown).splitlines()[1:] == [
        "Arm | Months | Mean | Sure",
        "HOLF | 0 | 0.12 | True",
        "local | 12 | — | False",
    ]
    assert shown.values.rows[0]["data_class"] == "simulated" and shown.values.rows[0]["mean"] == "0.12"


def test_numbers_of_the_record_need_a_class():
    for kind in ("", "published", "simulated"):
        with pytest.raises(ValueError, match="'Means'.*kind='derived' or kind='assumed'"):
            holf.table(MEANS, caption="Means", source="record", kind=kind)
    assert "assumed" in repr(holf.table(MEANS[["Arm", "Months"]], caption="Means", source="record", kind="assumed"))
    with pytest.raises(ValueError, match="source must be RECORD or begin with simulated"):
        holf.table(MEANS, caption="Means", source="my laptop")


def test_a_figure_is_drawn_for_both_widths_with_its_mark_alt_text_and_numbers():
    widths = []
    picture = holf.figure(
        lambda axes: widths.append(axes.figure.get_figwidth()) or axes.plot([0, 12], [1, 2]),
        MEANS,
        caption="Means",
        alt="Two lines.",
        source=SOURCE,
    )
    assert len({*widths}) == len(picture.drawings) == 2
    assert picture.alt.startswith("SIMULATED, not a finding. Two lines.") and picture.kind == "SIMULATED"
    assert picture.table.folded and picture.table.rows[0][0] == "HOLF"
    for drawing in picture.drawings.values():
        assert any("SIMULATED" in one.get_text() for axes in drawing.axes for one in axes.texts)
    with pytest.raises(ValueError, match="'Means': alt must say"):
        holf.figure(lambda axes: None, MEANS, caption="Means", alt=" ", source=SOURCE)


@pytest.mark.parametrize(
    ("source", "mark"), [("another trial: schools", "ANOTHER TRIAL, schools"), ("real data: a", "REAL DATA, a")]
)
def test_a_figure_of_data_that_are_not_the_record_says_whose_they_are_in_its_pixels(source, mark):
    picture = holf.figure(lambda axes: axes.plot([0, 1], [1, 2]), MEANS, caption="Means", alt="A line.", source=source)
    assert all(one.get_suptitle() == mark for one in picture.drawings.values())
    assert picture.alt.startswith(mark.replace(", ", " (") + "). A line.")
