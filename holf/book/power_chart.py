"""The interactive page's chart and scripts: what draws it, and that no other page loads it.

The chart holds formulas, never data: its specification counts off a sequence and asks `assets/power.js`. The scripts
that draw it come from the installed vl-convert-python while the book is built, so they are served from the site itself.
"""

from __future__ import annotations

import json
import shutil
from importlib.metadata import version
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx

from clustertrials.files import write_whole
from holf.confidential.scan.chart_runtime import MAKER, RUNTIME, runtime

# Seen on white and on the dark theme's ground: at least 3 to 1.
_FINDS, _EXCLUDES = "#3b8fd6", "#d0602a"


def chart() -> dict:
    """Specification of the chart: chance to find a true difference, and to exclude the worthwhile one."""
    import altair as alt

    signals = ("error", "reported", "df", "spread", "level", "target", "margin", "detectable", "most")
    params = [alt.param(name=name, value=1) for name in signals]
    x = alt.X("x:Q", title=None, scale=alt.Scale(domain=[0, {"expr": "most"}], nice=False), axis=alt.Axis(tickCount=5))
    y = alt.Y("y:Q", title=None, scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(format=".0%", tickCount=5))
    finds = "chanceToFind({}, error, reported, df, spread, level)"
    excludes = "chanceToExclude(margin, {}, error, reported, df, spread, level)"
    along = alt.Chart(alt.sequence(0, 1.0001, 0.0125, as_="part")).transform_calculate(x="datum.part * most")
    alone = alt.Chart(alt.sequence(0, 1, as_="part"))

    def point(at: str, height: str, shape: str, colour: str) -> alt.Chart:
        placed = alone.transform_calculate(x=at, y=height).transform_filter("datum.x <= most")
        return placed.mark_point(shape=shape, size=110, filled=True, opacity=1, color=colour).encode(x=x, y=y)

    layers = (
        alone.transform_calculate(x="margin").mark_rule(color="currentColor", opacity=0.6, strokeWidth=1).encode(x=x),
        alone.transform_calculate(x="margin")
        .mark_text(text="worthwhile", align={"expr": "margin < most / 2 ? 'left' : 'right'"}, baseline="bottom", y=-3)
        .encode(x=x),
        # The class of all that is drawn, beside the other words above the plot.
        alone.mark_text(
            text="▲ assumed",
            x={"expr": "margin < most / 2 ? width : 0"},
            align={"expr": "margin < most / 2 ? 'right' : 'left'"},
            baseline="bottom",
            y=-3,
        ),
        along.transform_calculate(y=finds.format("datum.x")).mark_line(color=_FINDS, strokeWidth=3).encode(x=x, y=y),
        along.transform_calculate(y=excludes.format("datum.x"))
        .mark_line(color=_EXCLUDES, strokeWidth=3, strokeDash=[7, 4])
        .encode(x=x, y=y),
        point("detectable", "target", "diamond", _FINDS),
        point("margin", finds.format("margin"), "circle", _FINDS),
        point("0", excludes.format("0"), "square", _EXCLUDES),
    )
    look = {"labelColor": "currentColor", "domainColor": "currentColor", "tickColor": "currentColor",
            "gridColor": "currentColor", "gridOpacity": 0.15, "labelFontSize": 12}  # fmt: skip
    # The script sets the width: Vega's own measure of its container was twice the page's after a resize.
    fit = alt.AutoSizeParams(type="fit-x", contains="padding")
    drawn = alt.layer(*layers).add_params(*params).properties(width=350, height=250, autosize=fit)
    drawn = drawn.configure(background="transparent").configure_axis(**look).configure_view(stroke=None)
    return drawn.configure_text(color="currentColor", fontSize=12).to_dict()


def load_chart(app: Sphinx, pagename: str, _template: str, context: dict, _doctree: nodes.document | None) -> None:
    """Give a page that holds the panel its chart and scripts; leave every other page as it is."""
    if 'class="holf-mind"' not in context.get("body", ""):
        return
    # Kept among Sphinx's notes: to make it takes a second. The release gate compares it with one that was made anew.
    kept, target = Path(app.doctreedir) / f"{version(MAKER)}-{RUNTIME}", Path(app.outdir) / "_static" / RUNTIME
    if not kept.exists():
        write_whole(kept, runtime())
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(kept, target)
    # After the book's own, whose priority is 800.
    app.add_css_file("mind.css", priority=900)
    for name in ("power.js", "mind.js"):
        app.add_js_file(name, loading_method="defer")
    # A closing tag inside the text would end the element.
    specification = json.dumps(chart(), sort_keys=True).replace("</", "<\\/")
    # `assets/mind.js` fetches what draws when the chart is about to be seen.
    drawn_by = f'id="holf-mind-chart" data-src="{context["pathto"](f"_static/{RUNTIME}", resource=True)}"'
    context["body"] += f'\n<script type="application/json" {drawn_by}>{specification}</script>\n'
