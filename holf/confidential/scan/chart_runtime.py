"""The scripts that draw the interactive page's chart, made from a package while the book is built."""

from __future__ import annotations

from functools import cache
from importlib.metadata import distribution

RUNTIME, MAKER = "vega.js", "vl-convert-python"
_HEAD = "/* Vega, Vega-Lite and Vega-Embed: University of Washington Interactive Data Lab"


@cache
def runtime() -> str:
    """Vega, Vega-Lite and Vega-Embed as one script with their licence, as the installed package makes them."""
    import vl_convert

    licence = next(file for file in distribution(MAKER).files or () if file.name == "LICENSE").read_text(
        encoding="utf-8"
    )
    _, _, conditions = licence.partition("\n\n")
    versions = f"Vega {vl_convert.get_vega_version()}, Vega-Embed {vl_convert.get_vega_embed_version()}"
    head = (
        f"{_HEAD} and contributors (BSD-3-Clause, below), with the modules of D3: Mike Bostock (ISC).\n"
        f"{versions}; bundled by vl-convert-python.\n\n{conditions} */\n"
    )
    # The bundle's own names would else be those of every script of the page.
    return f"{head}(() => {{\n{vl_convert.javascript_bundle()}\n}})();\n"
