"""What is published, at one look: each area by each source, by arrow and word, under the comparison that was made."""

from __future__ import annotations

from collections.abc import Sequence
from textwrap import fill

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from holf.display import text
from holf.display.figure import INK, QUIET, SMALL, Picture, canvas, finish, name_rows, name_rows_once
from holf.display.table import Cell, Table
from holf.display.widths import COLUMN, PHONE
from holf.record.plan import Plan
from holf.record.reporting import COMPARISONS, NOT_NAMED, OverviewEntry, Reporting
from holf.record.source import RECORD

# Sign and shade of what was found: arrows as in plots of the direction of effects, sideways for no difference. What
# families said of themselves, and what is only called not significant, have no arrow.
ARROWS = {
    "none": ("↔", "#f1f1f1"),
    "somewhat": ("↗", "#e3edf5"),
    "better": ("↑", "#c6dcec"),
    "own account": ("“ ”", "#fbf3df"),
    "not significant": ("n.s.", "#ffffff"),
    "": ("", "#ffffff"),
}
# So many small letters fit in a cell of the wide drawing, and of the narrow one, whose cells are as wide.
_LETTERS = COLUMN // 50
_ABSENT = "not found"
_TITLES = {
    "between the arms": "HOLF model or local practice",
    "before and after": "Before and after",
    "coordinator or ordinary follow-up": "Coordinator or ordinary follow-up",
    "not said which": "Change, or effect? NAV does not say",
}
_SOURCES = {
    "abstract": "Article's abstract",
    "blog": "Authors' blog",
    "nav-register": "NAV, registers",
    "nav-news": "NAV's news",
    "nav-evaluation": "NAV, evaluation",
}


def published_overview(reporting: Reporting, plan: Plan) -> Picture:
    """Draw what every source that could be read found on the primary outcomes, one panel a comparison."""
    areas = {one.id: one.label for one in plan.outcomes.values() if one.kind == "primary"}
    panels = {question: _sources(reporting.overview, question) for question in COMPARISONS}
    said = {(word.question, word.outcome, word.source): word for word in reporting.overview}

    def draw(width: int) -> Figure:
        places, height = ("a;b;c;d", 9.6) if width == PHONE else ("ab;cd", 5.2)
        with canvas(width, height, places=places) as (figure, axes):
            for panel, (question, sources) in zip(axes, panels.items()):
                _draw_panel(panel, [[said.get((question, area, one)) for area in areas] for one in sources],
                            [said.get((question, NOT_NAMED, one)) for one in sources])  # fmt: skip
                panel.set_title(_TITLES[question], weight="bold", loc="left")
                heads = [fill(_SOURCES[one], 12) for one in sources]
                panel.set_xticks(range(len(sources)), heads, fontsize=SMALL, linespacing=1.0)
                panel.set_xlim(-0.5, max(map(len, panels.values())) - 0.5)
                name_rows(panel, list(areas.values()), wrap=_LETTERS)
            name_rows_once(axes)
        return figure

    rows = tuple(
        (name, _TITLES[question], _SOURCES[source], _cell(said.get((question, area, source))))
        for question, sources in panels.items()
        for area, name in {**areas, NOT_NAMED: "No outcome named"}.items()
        for source in sources
        if (area == NOT_NAMED) == ((question, NOT_NAMED, source) in said)
    )
    columns = ("Outcome", "Comparison", "Source", "What it says")
    table = Table("What is published, by outcome and source", columns, rows, source=RECORD, folded=True)
    return finish(draw, _alt(panels, said, areas), table)


def _sources(words: Sequence[OverviewEntry], question: str) -> list[str]:
    """Sources that say something under a comparison."""
    return [source for source in _SOURCES if any((word.question, word.source) == (question, source) for word in words)]


def _cell(word: OverviewEntry | None) -> Cell:
    return Cell(word.says, "published", word.facts[0]) if word else Cell(_ABSENT)


def _draw_panel(axes: Axes, words: list[list[OverviewEntry | None]], not_named: list[OverviewEntry | None]) -> None:
    """A column for each source: a cell for each area, or one cell over all areas if the source names none."""
    for place, (mine, statement) in enumerate(zip(words, not_named)):
        if statement:
            _draw_cell(axes, statement, place, 0, len(mine))
        else:
            for row, word in enumerate(mine):
                _draw_cell(axes, word, place, row, 1)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    for side in axes.spines.values():
        side.set_visible(False)


def _draw_cell(axes: Axes, word: OverviewEntry | None, place: int, row: int, rows: int) -> None:
    """Shade, arrow and word, over so many rows."""
    arrow, shade = ARROWS[word.sign if word else ""]
    low, middle = row - 0.46, row + (rows - 1) / 2
    axes.add_patch(Rectangle((place - 0.48, low), 0.96, rows - 0.08, facecolor=shade, edgecolor="#cfcfcf", lw=0.7))
    style = {"ha": "center", "va": "center"}
    shown = fill(word.says if word else _ABSENT, _LETTERS)
    axes.text(place, middle - (0.22 if rows == 1 else 0.9), arrow, fontsize=12, color=INK, **style)
    height = middle + (0.2 if word else 0)
    axes.text(place, height, shown, fontsize=SMALL, color=INK if word else QUIET, linespacing=1.0, **style)


def _alt(panels: dict[str, list[str]], said: dict, areas: dict[str, str]) -> str:
    """Comparison by comparison: each word, with the outcomes and the sources that it stands for."""
    told = []
    for question, sources in panels.items():
        stands: dict[str, list[OverviewEntry]] = {}
        for word in (said.get((question, area, source)) for area in (*areas, NOT_NAMED) for source in sources):
            if word:
                stands.setdefault(word.says.partition(" (")[0], []).append(word)
        parts = []
        for says, words in stands.items():
            outcomes = dict.fromkeys(word.outcome for word in words)
            named = dict.fromkeys(word.source.replace("nav-", "NAV ") for word in words)
            shown = "all" if outcomes.keys() == areas.keys() else ", ".join(outcomes)
            stated = says if NOT_NAMED in outcomes else f"{says}: {shown}"
            parts.append(f"{stated} ({', '.join(named)})")
        told.append(f"{_TITLES[question]}: {'; '.join(parts)}")
    return f"What is published on {text.count(len(areas))} outcomes. {'. '.join(told)}."
