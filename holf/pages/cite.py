"""How to cite the trial and this book: text, BibTeX, RIS and CFF, all from `CITATION.cff`."""

from __future__ import annotations

import yaml

from holf.paths import project_root


def load_citation() -> dict:
    """Content of `CITATION.cff`."""
    return yaml.safe_load((project_root() / "CITATION.cff").read_text(encoding="utf-8"))


def _name(author: dict) -> str:
    return author["name"] if "name" in author else f"{author['family-names']}, {author['given-names']}"


def _article(work: dict) -> bool:
    return work["type"] == "article"


def _year(work: dict) -> str:
    return str(work["year"] if _article(work) else work["date-released"])[:4]


def as_text(work: dict) -> str:
    """A work, in the terms of the Citation File Format, as a line of a reference list.

    Examples
    --------
    >>> as_text({"type": "article", "authors": [{"name": "We"}], "title": "On lots", "journal": "J", "year": 2001})
    'We (2001). On lots. *J*.'
    """
    authors = "; ".join(_name(author) for author in work["authors"])
    if _article(work):
        return f"{authors} ({_year(work)}). {work['title']}. *{work['journal']}*."
    return f"{authors} ({_year(work)}). {work['title']}. Version {work['version']}."


def as_bibtex(work: dict, key: str) -> str:
    """A work as a BibTeX entry; an author that is not a person keeps its name whole."""
    authors = " and ".join(f"{{{author['name']}}}" if "name" in author else _name(author) for author in work["authors"])
    fields = {"author": authors, "title": f"{{{work['title']}}}"}
    fields |= (
        {"journal": work["journal"]} if _article(work) else {"version": work["version"], "license": work["license"]}
    )
    fields["year"] = _year(work)
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items()]
    return "\n".join([f"@{'article' if _article(work) else 'software'}{{{key},", *lines, "}"])


def as_ris(work: dict) -> str:
    """A work in the RIS format of reference managers."""
    lines = ["TY  - JOUR" if _article(work) else "TY  - COMP"]
    lines += [f"AU  - {_name(author)}" for author in work["authors"]] + [f"TI  - {work['title']}"]
    lines += [f"T2  - {work['journal']}" if _article(work) else f"ET  - {work['version']}", f"PY  - {_year(work)}"]
    return "\n".join([*lines, "ER  - "])


def ways_to_reach(citation: dict) -> list[tuple[str, str]]:
    """Words and addresses for those who want to answer or to look: what the citation file states, and nothing else.

    Examples
    --------
    >>> ways_to_reach({"contact": [{"name": "The desk", "email": "desk@example.org"}]})
    [('Contact: The desk', 'mailto:desk@example.org')]
    """
    found = [("Source code", citation.get("repository-code")), ("Home page", citation.get("url"))]
    for one in citation.get("contact", ()):
        name = one.get("name") or f"{one['given-names']} {one['family-names']}"
        address = f"mailto:{one['email']}" if "email" in one else one.get("website")
        found.append((f"Contact: {name}", address))
    return [(words, address) for words, address in found if address]


def cite_files(citation: dict) -> dict[str, str]:
    """The files for reference managers, by their place in the book."""
    works = {"holf-article": citation["references"][0], "holf-compendium": citation}
    return {
        f"chapters/cite/{key}.{ending}": form + "\n"
        for key, work in works.items()
        for ending, form in (("bib", as_bibtex(work, key)), ("ris", as_ris(work)))
    }


def _fenced(content: str, kind: str = "text") -> list[str]:
    return [f"```{kind}", content.rstrip(), "```", ""]


def _work(work: dict, key: str) -> list[str]:
    """A work in each form, and the files that hold it."""
    files = f"Files for reference managers: [BibTeX](cite/{key}.bib), [RIS](cite/{key}.ris)."
    return [as_text(work), "", files, "", *_fenced(as_bibtex(work, key), "bibtex"), *_fenced(as_ris(work))]


def cite_page(citation: dict, file: str) -> str:
    """Markdown of the page that says how to cite, from the content of `CITATION.cff` and the file as it stands."""
    article = citation["references"][0]
    lines = [
        "# How to cite",
        "",
        "**For what the trial found, cite the article, not only this site.** This book presents the public record; it "
        "found nothing about the trial itself. No source that we could read shows the article's DOI, so none stands "
        "here: take it, with volume and pages, from the article's own page.",
        "",
        "## The article",
        "",
        *_work(article, "holf-article"),
        "## This book",
        "",
        "For its presentation, code and simulated data. Say which version, and never cite a simulated number as a "
        "result.",
        "",
        *_work(citation, "holf-compendium"),
        "[Its sources](rebuild.md#sources) are one file on this site. [CITATION.cff](../CITATION.cff) is among them:",
        "",
        *_fenced(file, "yaml"),
        "## The documents behind the ledger",
        "",
        "The [ledger](ledger.md) ends with them, each with its address and how it was read. A published number is "
        "best cited with its row, such as [F044](ledger.md#f044): the row names its source and quotes it.",
    ]
    return "\n".join(lines).rstrip() + "\n"
