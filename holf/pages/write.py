"""Pages that are written from data, as plain Markdown: the ledger and the assumptions here, others from their rooms."""

from __future__ import annotations

from dataclasses import replace
from urllib.parse import urlsplit

from myst_parser.mdit_to_docutils.base import default_slugify

from clustertrials.files import write_whole
from holf.confidential.rules.policy import load_policy
from holf.pages.cite import cite_files, cite_page, load_citation, ways_to_reach
from holf.pages.disclosure import current_safety_page, holders_page, own_release
from holf.pages.glossary import glossary_page, load_glossary
from holf.pages.open_questions import reporting_pages
from holf.pages.pictures import write_pictures
from holf.paths import project_root
from holf.record.facts import Assumption, Fact, Ledger, Source, check_leans, load_assumptions, load_ledger, load_sources
from holf.record.links import lacking, read_anchors, read_titles, without_links
from holf.record.parts import Asked
from holf.record.plan import load_registered
from holf.record.reporting import check_anchors, load_reporting
from holf.record.source import CLASSES

_NOTE = "<!-- Written by holf.pages.write from {file}; edit that file, not this page. -->\n\n"


# What the ledger says of a row whose sources do not agree, by how far they are apart.
_AGREEMENT = {
    "cosmetic": "sources differ in a detail",
    "reconcilable": "sources differ, and both can hold",
    "ambiguous": "the source can be read in two ways",
    "conflict": "sources contradict each other",
    "open": "open: no source read explains the difference",
}


def _agreement(fact: Fact) -> str:
    """Whether the sources of a row agree."""
    if fact.status == "contradicted":
        return _AGREEMENT[fact.severity]
    return fact.status.replace("_", " ") + (f" ({fact.severity})" if fact.severity != "none" else "")


def _named(source: Source) -> str:
    """The name of a source, as a link to it where its address is known."""
    return f"[{source.name}]({source.address})" if source.address else f"{source.name} (address not known)"


def _source_line(source: Source) -> str:
    """A source in the list of sources: what it is, where it is, and how it was read."""
    dated = f", {source.dated}" if source.dated else ""
    where = f"Address not known: {source.unknown}" if source.unknown else "Address not recorded"
    if source.address:
        where = f"At [{urlsplit(source.address).netloc}]({source.address})"
    if source.copy:
        where += f", read at [{urlsplit(source.copy).netloc}]({source.copy})"
    if source.doi:
        where += f", [doi {source.doi}](https://doi.org/{source.doi})"
    read = f" Read {source.read}." if source.read else ""
    return f"- **{source.name}**: {source.title}{dated}. {source.what.rstrip('.')}. {where}.{read}"


def _fact_lines(fact: Fact, note: str, sources: dict[str, Source]) -> list[str]:
    named = " and ".join(_named(sources[name]) for name in fact.sources)
    lines = [
        f"### {fact.id}",
        "",
        f"**{fact.fact}:** {fact.said}",
        "",
        f"{CLASSES[fact.kind].shape} {fact.kind} · {named} · {_agreement(fact)}",
        "",
    ]
    if fact.quote:
        lines += [f"> {fact.quote}", ""]
    if note:
        lines += [f"*Note.* {note}", ""]
    return lines


def ledger_page(ledger: Ledger, sources: dict[str, Source]) -> str:
    """Markdown of the ledger: one heading a fact, so that every viewer of Markdown can jump to it."""
    disputed = sum(fact.status == "contradicted" for fact in ledger.values())
    titles = {group: f"{group[0].upper()}{group[1:]}" for group in ledger.groups()}
    lines = [
        "# Ledger of published facts",
        "",
        f"Every published number in this book links here. The ledger has {len(ledger)} rows; in {disputed} of them "
        "the record differs from itself or from another source, and the row says how. Quotes are 15 words at most, in "
        "the language of the source.",
        "",
        ":::{container} holf-index",
        *(f"- [{title}](#{default_slugify(title)})" for title in (*titles.values(), "Sources")),
        ":::",
        "",
    ]
    for group, facts in ledger.groups().items():
        lines += [f"## {titles[group]}", ""]
        for fact in facts:
            lines += _fact_lines(fact, ledger.remark(fact.id), sources)
    lines += ["## Sources", "", *(_source_line(source) for source in sources.values())]
    lines += ["", "A stored copy is a page as a public archive of pages kept it, in most cases its beginning only."]
    return _NOTE.format(file="data/facts.csv") + "\n".join(lines).rstrip() + "\n"


def _assumption_lines(entry: Assumption, reason: str) -> list[str]:
    value = ", ".join(f"{v:,}" for v in entry.value) if isinstance(entry.value, tuple) else f"{entry.value:,}"
    leans = ", ".join(f"[{key}](ledger.md#{key.lower()})" for key in entry.facts)
    if entry.id == "seed":
        value = str(entry.value)
    return [
        f"### {entry.id.replace('_', '-')}",
        "",
        f"**{value}** {entry.unit} (range {entry.low:,} to {entry.high:,})",
        "",
        f"{CLASSES['assumed'].shape} assumed" + (f" · leans on {leans}" if leans else ""),
        "",
        reason,
        "",
    ]


def assumptions_page(assumptions: Asked[Assumption]) -> str:
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
    for name, entry in assumptions.items():
        lines += _assumption_lines(entry, assumptions.remark(name))
    return _NOTE.format(file="data/assumptions.yml") + "\n".join(lines).rstrip() + "\n"


def wanted_pages() -> dict[str, str]:
    """Every page that is written from data, by its path, as it should be."""
    root, ledger, assumptions = project_root(), load_ledger(), load_assumptions()
    check_leans(assumptions, ledger)
    wanted = {
        "chapters/ledger.md": ledger_page(ledger, load_sources(ledger)),
        "chapters/assumptions.md": assumptions_page(assumptions),
        "chapters/disclosure.md": current_safety_page(),
    }
    # Another trial's project may have no glossary and no citation file.
    if (root / "data" / "glossary.yml").exists():
        page = glossary_page(load_glossary(ledger))
        wanted["chapters/glossary.md"] = _NOTE.format(file="data/glossary.yml") + page
    if (root / "CITATION.cff").exists():
        page = cite_page(load_citation(), (root / "CITATION.cff").read_text(encoding="utf-8"))
        wanted["chapters/cite.md"] = _NOTE.format(file="CITATION.cff") + page
        wanted |= cite_files(load_citation())
    template = root / "chapters" / "templates" / "data_holders.md"
    if template.exists():
        page = holders_page(template.read_text(encoding="utf-8"), load_policy())
        note = _NOTE.format(file="chapters/templates/data_holders.md and data/disclosure.yml")
        wanted["chapters/data_holders.md"] = note + page
    # A book that does not list them, such as a small one for teaching, lacks the chapters that they point to.
    if "chapters/standards" in (project_root() / "_toc.yml").read_text(encoding="utf-8"):
        reporting = load_reporting()
        ways = ways_to_reach(load_citation()) if (root / "CITATION.cff").exists() else []
        others = {name.removeprefix("chapters/"): text for name, text in wanted.items() if name.endswith(".md")}
        # Written twice: their links are named after headings, some of which are their own.
        first = reporting_pages(reporting, ledger, load_registered(), ways)
        titles = read_titles(root / "chapters", others | first)
        pages = reporting_pages(replace(reporting, titles=titles), ledger, load_registered(), ways)
        fresh = others | pages
        if own_release():
            # A book on real data lacks the chapters that show simulations, and the outcomes that the data lack.
            there = {path.name for path in (project_root() / "chapters").iterdir()} | fresh.keys()
            pages = {name: without_links(text, lacking(text, there)) for name, text in fresh.items()}
        else:
            check_anchors(reporting, read_anchors(project_root() / "chapters", fresh))
        wanted |= {f"chapters/{name}": text for name, text in pages.items()}
    return wanted


def write_pages() -> list[str]:
    """Write the pages and pictures whose data have changed, and return their names.

    A row of data that breaks a rule, or points to a place that the book does not have, raises FactError; then nothing
    is written.
    """
    written = []
    for name, content in wanted_pages().items():
        path = project_root() / name
        if not path.exists() or path.read_text(encoding="utf-8") != content:
            path.parent.mkdir(exist_ok=True)
            write_whole(path, content)
            written.append(name)
    return written + write_pictures()
