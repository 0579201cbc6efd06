"""Pages that are written from data: the ledger of facts and the list of assumptions, as plain Markdown."""

from __future__ import annotations

import yaml

from holf.facts import Assumption, Fact, Ledger, load_assumptions, load_ledger
from holf.paths import data_path, project_root, write_whole
from holf.table import SHAPES

_NOTE = "<!-- Written by holf.pages from {file}; edit that file, not this page. -->\n\n"


def _fact_lines(fact: Fact) -> list[str]:
    unit = f" {fact.unit}" if fact.unit else ""
    lines = [
        f"### {fact.id}",
        "",
        f"**{fact.fact}:** {fact.shown}{unit}",
        "",
        f"{SHAPES[fact.kind]} {fact.kind} · source: {fact.source} · {fact.status.replace('_', ' ')}"
        + (f" ({fact.severity})" if fact.severity != "none" else ""),
        "",
    ]
    if fact.quote:
        lines += [f"> {fact.quote}", ""]
    if fact.note:
        lines += [f"*Note.* {fact.note}", ""]
    return lines


def ledger_page(ledger: Ledger, sources: dict[str, dict]) -> str:
    """Markdown of the ledger: one heading a fact, so that every viewer of Markdown can jump to it."""
    disputed = sum(fact.status == "contradicted" for fact in ledger.values())
    lines = [
        "# Ledger of published facts",
        "",
        f"Every published number in this book links here. The ledger has {len(ledger)} rows; in {disputed} of them "
        "the record contradicts itself or another source, and the row says how.",
        "",
        "## Sources",
        "",
    ]
    lines += [f"- **{name}**: {entry['title']}, {entry['dated']}. *{entry['what']}*" for name, entry in sources.items()]
    lines += [
        "",
        "Facts from elsewhere name their page. Quotes are 15 words at most, in the language of the source.",
        "",
    ]
    for group, facts in ledger.groups().items():
        lines += [f"## {group[0].upper()}{group[1:]}", ""]
        for fact in facts:
            lines += _fact_lines(fact)
    return _NOTE.format(file="data/facts.csv") + "\n".join(lines).rstrip() + "\n"


def _assumption_lines(entry: Assumption) -> list[str]:
    value = ", ".join(f"{v:,}" for v in entry.value) if isinstance(entry.value, tuple) else f"{entry.value:,}"
    leans = ", ".join(f"[{key}](ledger.md#{key.lower()})" for key in entry.facts)
    if entry.id == "seed":
        value = str(entry.value)
    return [
        f"### {entry.id.replace('_', '-')}",
        "",
        f"**{value}** {entry.unit} (range {entry.low:,} to {entry.high:,})",
        "",
        f"{SHAPES['assumed']} assumed" + (f" · leans on {leans}" if leans else ""),
        "",
        entry.reason,
        "",
    ]


def assumptions_page(assumptions: dict[str, Assumption]) -> str:
    """Markdown of the assumptions: one heading each, with value, range, reason and the facts it leans on."""
    lines = [
        "# Assumptions of the simulated study",
        "",
        f"None of these {len(assumptions)} numbers is a result of the trial. They make the simulated tables, so "
        "that the chapters can be shown at work, or are choices of this book's analysis. Change one in "
        "`data/assumptions.yml`, rebuild, and the book follows.",
        "",
        "## All assumptions",
        "",
    ]
    for entry in assumptions.values():
        lines += _assumption_lines(entry)
    return _NOTE.format(file="data/assumptions.yml") + "\n".join(lines).rstrip() + "\n"


def write_pages() -> list[str]:
    """Write the pages whose data have changed; return their names."""
    sources = yaml.safe_load(data_path("sources.yml").read_text(encoding="utf-8"))
    wanted = {"chapters/ledger.md": ledger_page(load_ledger(), sources)}
    # A project that simulates nothing assumes nothing for it.
    if (project_root() / "data" / "assumptions.yml").exists():
        wanted["chapters/assumptions.md"] = assumptions_page(load_assumptions())
    written = []
    for name, content in wanted.items():
        path = project_root() / name
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            write_whole(path, content)
            written.append(name)
    return written
