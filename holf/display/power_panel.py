"""Controls, results and place of the chart of the page on what the trial could detect, as HTML.

It shows the answers for the trial as reported, so that the page is whole before any script has run; `assets/mind.js`
then follows the controls. Every sentence stands here once: the script fills the same patterns.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from html import escape

from clustertrials.sample_size import moments
from holf.display import text
from holf.display.power_page import Design, Scale, answer
from holf.display.table import badge

# What a page with this panel holds; `book.power_chart` gives such a page the scripts that draw.
PANEL = 'class="holf-mind"'
# The slider of the worthwhile difference goes in tenths of the outcome's margin, to four times the margin.
TENTHS, MOST_TENTHS = 10, 40
ICC_STEP = 0.005
LEVELS = (80, 99)

_SAID = (
    "With {n_clusters} {clusters} ({one} and {other}), {n_units} {units} and an ICC of {icc}, a test at {level} "
    "confidence finds a true difference of {detectable} ({in_sd} SD) with a chance of {target} and one of {margin} "
    "with a chance of {power}; if the arms do not differ at all, the trial rules out a difference of {margin} with a "
    "chance of {excluded}."
)
_VERDICTS = {
    "never": "Hardly: at the standard error to expect, no estimate would be near enough to zero.",
    "seldom": "Not reliably.",
    "usually": "Reliably.",
}
_ESTIMATES = {
    "never": "Beyond ±{found_beyond}: the test finds a difference. Nearer to zero: open. "
    "No estimate rules out {margin}.",
    "some": "Beyond ±{found_beyond}: the test finds a difference. Within ±{excluded_within}: it rules out {margin}. "
    "Between: {between}.",
}
_BETWEEN = {"open": "open", "both": "both, too small to matter"}
_CURVES = (("finds", "Chance to find a difference"), ("excludes", "Chance to rule out the one you care about"))
_POINTS = (("finds", "◆", "smallest usually found"), ("finds", "●", "found"), ("excludes", "■", "ruled out"))


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

    Attributes
    ----------
    start : Design
        The trial as reported, under the first scale's assumptions.
    scales : tuple of Scale
        Outcomes to choose from.
    stops : tuple of Stop
        Numbers of units; the start's own must be among them.
    n_clusters : tuple of int
        Fewest and most clusters.
    most_icc : float
    words : tuple of str
        What the trial calls clusters and units, in the plural.
    """

    start: Design
    scales: tuple[Scale, ...]
    stops: tuple[Stop, ...]
    n_clusters: tuple[int, int]
    most_icc: float
    words: tuple[str, str]

    def __post_init__(self):
        steps = [one.icc / ICC_STEP for one in self.scales]
        if any(abs(step - round(step)) > 1e-9 for step in steps) or self.start.icc not in [s.icc for s in self.scales]:
            raise ValueError(f"intraclass correlations must be multiples of {ICC_STEP}: the slider stops there only")
        if self.start.n_units not in [stop.number for stop in self.stops]:
            raise ValueError("the number of units at the start must be one of the slider's stops")
        if not self.n_clusters[0] <= self.start.n_clusters <= self.n_clusters[1]:
            raise ValueError("the number of clusters at the start must lie on its slider")

    def __repr__(self) -> str:
        return said(self.start, self.words)

    def _repr_html_(self) -> str:
        patterns = {"said": _SAID.replace("{clusters}", self.words[0]).replace("{units}", self.words[1])}
        patterns |= {f"verdict-{name}": words for name, words in _VERDICTS.items()}
        patterns |= {f"estimates-{name}": words for name, words in _ESTIMATES.items()}
        patterns |= {f"between-{name}": words for name, words in _BETWEEN.items()}
        held = {"moments": json.dumps(self._moments()), "target": self.start.target, **patterns}
        data = "".join(f' data-{name}="{escape(str(value))}"' for name, value in held.items())
        return (
            f"<div {PANEL}{data}>\n"
            "<noscript><p>The controls need JavaScript; the tables below need none.</p></noscript>\n"
            f"{self._controls()}\n{_numbers(self.start)}\n{_figure(self.start)}\n{_words(self.start)}\n"
            f'<p class="holf-mind-said" role="status" data-mind="said">{escape(said(self.start, self.words))} '
            f"{badge('assumed')}</p>\n</div>"
        )

    def _moments(self) -> dict[int, list[float]]:
        """What the script needs of each number of clusters: a page cannot average over allocations."""
        numbers = {}
        for n_clusters in range(self.n_clusters[0], self.n_clusters[1] + 1):
            found = moments(replace(self.start, n_clusters=n_clusters).clusters, self.start.size_cv)
            numbers[n_clusters] = [found.between, found.within, found.reported, *found.spread, found.df]
        return numbers

    def _controls(self) -> str:
        start, (clusters, units) = self.start, self.words
        options = "\n".join(_option(scale, scale == start.scale) for scale in self.scales)
        stops = "".join(f"\n<option>{escape(str(stop))}</option>" for stop in self.stops)
        place = [stop.number for stop in self.stops].index(start.n_units)
        one, other = start.clusters
        rows = [
            '<div><label for="mind-outcome">Outcome</label>\n<select id="mind-outcome" autocomplete="off">\n'
            f"{options}\n</select></div>",
            _slider("icc", f"Likeness within {clusters} (ICC)", text.decimal(start.icc, 3), 0, self.most_icc,
                    ICC_STEP, start.icc),
            _slider("units", f"{units.capitalize()} analysed", str(self.stops[place]), 0, len(self.stops) - 1, 1,
                    place),
            _slider("clusters", clusters.capitalize(), f"{start.n_clusters}: {one} and {other}", *self.n_clusters, 1,
                    start.n_clusters),
            _slider("margin", "Smallest difference you would care about",
                    text.amount(start.margin, start.scale.show), 1, MOST_TENTHS, 1,
                    round(TENTHS * start.margin / start.scale.margin)),
            _slider("level", "Confidence", text.chance(start.level), *LEVELS, 1, round(100 * start.level)),
        ]  # fmt: skip
        return (
            "<fieldset>\n<legend>Conditions</legend>\n" + "\n".join(rows) + "\n"
            f'<div><button type="button" data-mind="reset">Back to the trial as reported</button>\n'
            f'<datalist id="mind-stops">{stops}\n</datalist></div>\n</fieldset>'
        )


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
    """One sentence on what a design could see and rule out.

    Parameters
    ----------
    design : Design
    words : tuple of str
        What the trial calls clusters and units, in the plural.
    """
    return _SAID.format(clusters=words[0], units=words[1], **_shown(design))


def verdict(design: Design) -> str:
    """Whether a design could rule the worthwhile difference out: hardly, not reliably, or reliably."""
    found = answer(design)
    if found.excluded_within <= 0:
        return _VERDICTS["never"]
    return _VERDICTS["usually" if found.excluded >= design.target else "seldom"]


def estimates(design: Design) -> str:
    """What an estimate would say, if its standard error came out as planned."""
    found = answer(design)
    between = _BETWEEN["both" if found.found_beyond < found.excluded_within else "open"]
    pattern = _ESTIMATES["some" if found.excluded_within > 0 else "never"]
    return pattern.format(between=between, **_shown(design))


def _numbers(design: Design) -> str:
    found, shown = answer(design), _shown(design)
    cards = (
        ("Smallest difference it would usually find", "detectable", found.detectable,
         f"with a chance of {shown['target']}"),
        ("Chance to find the difference you care about", "power", found.power, "power"),
        ("Chance to rule that difference out", "excluded", found.excluded, "if the arms do not differ at all"),
    )  # fmt: skip
    items = "\n".join(
        f'<div><dt>{title}</dt><dd><data data-mind="{name}" value="{value:.6g}">{escape(shown[name])}</data> '
        f"<small>{escape(note)}</small> {badge('assumed')}</dd></div>"
        for title, name, value, note in cards
    )
    return f'<dl class="holf-mind-numbers">\n{items}\n</dl>'


def _words(design: Design) -> str:
    items = "\n".join(
        f'<div><dt>{title} {badge("assumed")}</dt><dd data-mind="{name}">{escape(words)}</dd></div>'
        for title, name, words in (
            ("Could it rule out the difference you care about?", "verdict", verdict(design)),
            ("What an estimate would say", "estimates", estimates(design)),
        )
    )
    return f'<dl class="holf-mind-words">\n{items}\n</dl>'


def _figure(design: Design) -> str:
    keys = [f'<li><span class="holf-mind-{name}" aria-hidden="true"></span> {words}</li>' for name, words in _CURVES]
    keys += [
        f'<li><span class="holf-mind-at-{name}" aria-hidden="true">{mark}</span> {words}</li>'
        for name, mark, words in _POINTS
    ]
    unit = text.difference_style(design.scale.show)[2]
    return (
        '<figure>\n<ul class="holf-mind-key">\n' + "\n".join(keys) + "\n</ul>\n"
        '<div class="holf-mind-chart" role="img" aria-label="Two curves over the true difference: the chance to find '
        'it rises, the chance to rule out the one you care about falls. The results say their heights in words.">'
        '<div data-mind="chart" aria-hidden="true"></div></div>\n'
        f'<figcaption>True difference, <span data-mind="unit">{escape(unit)}</span></figcaption>\n'
        "</figure>"
    )
