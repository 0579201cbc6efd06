"""The trial's setting as figures: every date stands in the record, every office on the map."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.collections import PathCollection
from matplotlib.path import Path

import holf
from holf.display import design_figures, office_map
from holf.display.design_figures import load_moments
from holf.paths import data_path
from holf.record.facts import FactError

LEDGER = holf.load_ledger()


def test_every_date_of_the_timeline_stands_in_its_row():
    moments = {one.what: one for one in load_moments(LEDGER)}
    assert (moments["Article online"].start, moments["Press reports"].start) == ("2022-04-01", "2019-09")
    assert (moments["Blog post"].start, moments["Blog post"].end) == (LEDGER["F147"].value, LEDGER["F147"].value)
    assert list(moments) == sorted(moments, key=lambda name: moments[name].start), "in the order of time"


@pytest.mark.parametrize(
    "right, wrong",
    {
        'said: "28-29 Nov 2019"': 'said: "27-29 Nov 2019"',
        'from: "2019-09"': 'from: "2018-09"',
        'said: "2019 evaluation", facts: [F157]': 'said: "2019 evaluation", facts: [F158]',
    }.items(),
)
def test_a_date_that_its_row_does_not_bear_is_refused(right, wrong, tmp_path):
    text = data_path("timeline.yml").read_text(encoding="utf-8")
    assert text.count(right) == 1
    (tmp_path / "timeline.yml").write_text(text.replace(right, wrong), encoding="utf-8")
    with pytest.raises(FactError, match="timeline.yml, .*does not stand in F"):
        load_moments(LEDGER, tmp_path / "timeline.yml")


def test_the_axis_of_the_timeline_ends_where_the_record_ends():
    picture = design_figures.timeline(LEDGER)
    for figure in picture.drawings.values():
        assert [int(label.get_text()) for label in figure.axes[0].get_xticklabels()] == [*range(2016, 2024)]
    assert "Article online 2022-04-01" in picture.alt


def test_each_office_is_named_once_on_the_map_and_lies_in_the_panel_that_names_it():
    offices = pd.read_csv(data_path("offices.csv"))
    picture = office_map.office_map(offices)
    assert picture.alt.startswith("Map of") and picture.table.caption.startswith("Map")
    for figure in picture.drawings.values():
        names = [note.get_text() for axes in figure.axes for note in axes.texts]
        assert sorted(names) == sorted(offices["corrected_name"].str.removeprefix("NAV "))
        points = [dots for axes in figure.axes for dots in axes.collections if isinstance(dots, PathCollection)]
        assert len({tuple(colour) for dots in points for colour in dots.get_facecolors()}) == 1
        for axes in figure.axes:
            (west, east), (south, north) = axes.get_xlim(), axes.get_ylim()
            assert all(west < note.xy[0] < east and south < note.xy[1] < north for note in axes.texts)


def test_the_coast_is_that_of_norway_and_every_office_lies_on_it_or_near():
    coast = office_map.load_coast()
    assert len(coast[0]) > 1000 and all(part.shape[1] == 2 for part in coast)
    mainland = Path(coast[0])
    for office in pd.read_csv(data_path("offices.csv")).itertuples():
        place = (office.lon_approx, office.lat_approx)
        near = min(np.hypot(0.5 * (part[:, 0] - place[0]), part[:, 1] - place[1]).min() for part in coast)
        assert mainland.contains_point(place) or near < 0.1, office.corrected_name
    assert not mainland.contains_point((18.07, 59.33)), "Stockholm is no part of it"
