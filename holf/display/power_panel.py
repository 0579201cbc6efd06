"""Controls, results and place of the chart of the page on what the trial could detect, as HTML.

It shows the answers for the trial as reported, so that the page is whole before any script has run; `assets/mind.js`
then follows the controls. Every sentence stands here once: the script fills the same patterns.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, replace
from html import escape
from pathlib import Path

from clustertrials.sample_size import moments
from holf.display import text
from holf.display.table import Cell, Table, badge
from holf.paths import note_file
from holf.record.source import RECORD
from holf.study.detectable import Design, Scale, answer

_FORM = Path(__file__).with_suffix(".html")
# What a page with this panel holds; `book.power_chart` gives such a page the scripts that draw.
PANEL = 'class="holf-mind"'
# The slider of the worthwhile difference goes in tenths of the outcome's margin, to four times the margin.
TENTHS, MOST_TENTHS = 10, 40
# Steps of the slider for the intraclass correlation: the first that reaches what every outcome assumes.
ICC_STEPS = (0.005, 0.001)
LEVELS = (80, 99)

_SAID = (
    "With {n_clusters} {clusters} ({one} and {other}), {n_units} {units} and an ICC of {icc}, a test at {level} "
    "confidence finds a true difference of {detectable} ({in_sd} SD) with a chance of {target} and one of {margin} "
    "with a chance of {power}; if the arms do not differ at all, the trial rules out a difference of {margin} with a "
    "chance of {excluded}."
)
_WORDS = {
    "verdict-never": "Hardly: at the standard error to expect, no estimate would be near enough to zero.",
    "verdict-seldom": "Not reliably.",
    "verdict-usually": "Reliably.",
    "estimates-never": "Beyond ±{found_beyond}: the test finds a difference. A smaller estimate leaves the question "
    "open; none, not even zero, would rule out {margin}.",
    "estimates-some": "Beyond ±{found_beyond}: the test finds a difference. Within ±{excluded_within}: it rules out "
    "{margin}. Between: {between}.",
    "between-open": "open",
    "between-both": "both, too small to matter",
}


@dataclass(frozen=True)
class Stop:
    """A number of units that the slider stops at, and what is known of it."""

    number: int
    said: str = ""

    def __str__(self) -> str:
        return f"{text.count(self.number)}: {self.said}" if self.said else text.count(self.number)


@dataclass(frozen=True)
class Panel:
    """The interactive part of the page.

    It begins with `start`, the trial as reported under the first scale's assumptions. `stops` are numbers of units, the
    start's own among them, `n_clusters` the fewest and most clusters, and `words` what the trial calls clusters and
    units, in the plural.
    """

    start: Design
    scales: tuple[Scale, ...]
    stops: tuple[Stop, ...]
    n_clusters: tuple[int, int]
    most_icc: float
    words: tuple[str, str]

    def __post_init__(self):
        if self.icc_step is None or self.start.icc not in [scale.icc for scale in self.scales]:
            raise ValueError("the start's intraclass correlation must be an outcome's, with three decimals at most")
        if self.start.n_units not in [stop.number for stop in self.stops]:
            raise ValueError("the number of units at the start must be one of the slider's stops")
        if not self.n_clusters[0] <= self.start.n_clusters <= self.n_clusters[1]:
            raise ValueError("the number of clusters at the start must lie on its slider")

    @property
    def icc_step(self) -> float | None:
        """Step of the slider that stops at the intraclass correlation of every outcome; None if no step does."""
        places = [[one.icc / step for one in self.scales] for step in ICC_STEPS]
        reached = [all(abs(place - round(place)) < 1e-9 for place in of_step) for of_step in places]
        return next((step for step, all_are in zip(ICC_STEPS, reached) if all_are), None)

    def __repr__(self) -> str:
        return said(self.start, self.words)

    def _repr_html_(self) -> str:
        start = self.start
        words = {"verdict": verdict(start), "estimates": estimates(start), "said": said(start, self.words)}
        words |= {"unit": text.difference_style(start.scale.show)[2], **_shown(start)}
        note_file("holf/display/power_panel.html")
        return (
            _FORM.read_text(encoding="utf-8")
            .rstrip()
            .format(
                data="".join(f' data-{name}="{escape(str(value))}"' for name, value in self._held().items()),
                options="\n".join(_option(scale, scale == start.scale) for scale in self.scales),
                sliders="\n".join(self._sliders()),
                stops="\n".join(f"<option>{escape(str(stop))}</option>" for stop in self.stops),
                found=answer(start),
                badge=badge("assumed"),
                **{name: escape(shown) for name, shown in words.items()},
            )
        )

    def _held(self) -> dict[str, object]:
        """What the script needs: patterns of the sentences, and moments of each number of clusters."""
        pattern = _SAID.replace("{clusters}", self.words[0]).replace("{units}", self.words[1])
        # A page cannot average over allocations.
        numbers = {}
        for n_clusters in range(self.n_clusters[0], self.n_clusters[1] + 1):
            found = moments(replace(self.start, n_clusters=n_clusters).clusters, self.start.size_cv)
            numbers[n_clusters] = [found.between, found.within, found.reported, *found.spread, found.df]
        return {"moments": json.dumps(numbers), "target": self.start.target, "said": pattern, **_WORDS}

    def _sliders(self) -> list[str]:
        start, (clusters, units) = self.start, self.words
        place = [stop.number for stop in self.stops].index(start.n_units)
        one, other = start.clusters
        tenths = round(TENTHS * start.margin / start.scale.margin)
        margin, level = text.amount(start.margin, start.scale.show), text.chance(start.level)
        sides = f"{start.n_clusters}: {one} and {other}"
        return [
            _slider("icc", f"Likeness within {clusters} (ICC)", text.decimal(start.icc, 3), 0, self.most_icc,
                    self.icc_step, start.icc),
            _slider("units", f"{units.capitalize()} analysed", str(self.stops[place]), 0, len(self.stops) - 1, 1,
                    place),
            _slider("clusters", clusters.capitalize(), sides, *self.n_clusters, 1, start.n_clusters),
            _slider("margin", "Smallest difference you would care about", margin, 1, MOST_TENTHS, 1, tenths),
            _slider("level", "Confidence", level, *LEVELS, 1, round(100 * start.level)),
        ]  # fmt: skip


def _option(scale: Scale, chosen: bool) -> str:
    factor, places, unit = text.difference_style(scale.show)
    held = {"sd": scale.sd, "icc": scale.icc, "margin": scale.margin, "factor": factor, "places": places, "unit": unit}
    data, mark = escape(json.dumps(held)), " selected" if chosen else ""
    return f'<option data-scale="{data}"{mark}>{escape(scale.label)}</option>'


def _slider(name: str, label: str, shown: str, least: float, most: float, step: float, value: float) -> str:
    return (
        f'<div><span><label for="mind-{name}">{escape(label)}</label> '
        f'<output for="mind-{name}" data-mind="{name}-shown">{escape(shown)}</output></span>\n'
        f'<input type="range" id="mind-{name}" autocomplete="off" aria-valuetext="{escape(shown)}" min="{least:g}" '
        f'max="{most:g}" step="{step:g}" value="{value:g}"></div>'
    )


def _shown(design: Design) -> dict[str, str]:
    """Every number of the results as text, by its place in the patterns."""
    found, show = answer(design), design.scale.show
    one, other = design.clusters
    amounts = {"detectable": found.detectable, "margin": design.margin}
    amounts |= {"found_beyond": found.found_beyond, "excluded_within": found.excluded_within}
    return {name: text.amount(value, show) for name, value in amounts.items()} | {
        "n_clusters": text.count(design.n_clusters), "one": text.count(one), "other": text.count(other),
        "n_units": text.count(design.n_units), "icc": text.decimal(design.icc, 3), "level": text.chance(design.level),
        "in_sd": text.decimal(found.detectable / design.scale.sd, 2), "target": text.chance(design.target),
        "power": text.chance(found.power), "excluded": text.chance(found.excluded),
    }  # fmt: skip


def said(design: Design, words: tuple[str, str]) -> str:
    """One sentence on what a design could see and rule out; `words` as for `Panel`."""
    return _SAID.format(clusters=words[0], units=words[1], **_shown(design))


def verdict(design: Design) -> str:
    """Whether a design could rule the worthwhile difference out: hardly, not reliably, or reliably."""
    found = answer(design)
    often = "usually" if found.excluded >= design.target else "seldom"
    return _WORDS[f"verdict-{often if found.excluded_within > 0 else 'never'}"]


def estimates(design: Design) -> str:
    """What an estimate would say, if its standard error came out as planned."""
    found = answer(design)
    between = _WORDS[f"between-{'both' if found.found_beyond < found.excluded_within else 'open'}"]
    pattern = _WORDS[f"estimates-{'some' if found.excluded_within > 0 else 'never'}"]
    return pattern.format(between=between, **_shown(design))


def _cells(design: Design) -> tuple[Cell, ...]:
    found = answer(design)
    shown = text.amount(found.detectable, design.scale.show), text.chance(found.power), text.chance(found.excluded)
    return tuple(Cell(one, "assumed") for one in shown)


_ANSWERS = ("Detectable difference", "Chance to find the worthwhile one", "Chance to rule it out, if there is none")


def _named(scale: Scale) -> str:
    return f"{scale.label}, {text.amount(scale.margin, scale.show)}"


def size_table(start: Design, scales: Iterable[Scale], clusters: str, units: str) -> Table:
    """The trial as reported, and with twice the clusters or units, each outcome under its own correlation.

    `clusters` and `units` are what the trial calls them, in the plural.
    """
    said, rows = {1: "as reported", 2: "twice as many"}, []
    for scale in scales:
        for more_units, more_clusters in ((1, 1), (2, 1), (1, 2), (2, 2)):
            design = replace(
                start, scale=scale, margin=scale.margin, icc=scale.icc,
                n_clusters=more_clusters * start.n_clusters, n_units=more_units * start.n_units,
            )  # fmt: skip
            rows.append((_named(scale), said[more_clusters], said[more_units], *_cells(design)))
    columns = ("Outcome, and worthwhile difference", clusters.capitalize(), units.capitalize(), *_ANSWERS)
    return Table(f"What more {clusters} or {units} would have changed", columns, tuple(rows), source=RECORD)
