"""Words of this book: numbers that need a source, and claims on what exists that nobody could know from what was read.

A number links to its row of the ledger or of the assumptions, or is of a kind that may stand alone. The kinds, with
their reasons, stand in `data/prose.yml`; everything else with a digit is a fault. A link whose text holds a number, in
digits or as a word, has to say what its row says; one of words only has a word of its row, or of the list in the same
file. What stands beside a linked number names no other arm than its row.

This book could not read every document of the trial, so no text may call something unpublished. The words for it, and
the texts in which they are right, stand in the same file.
"""

from __future__ import annotations

import ast
import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import nbformat
import yaml

from holf.paths import data_path, project_root
from holf.record.facts import Assumption, Fact, FactError, Ledger
from holf.record.reading import read_yaml

# Pages that `holf.pages.write` computes from rows that carry their own source and reason.
# People write their templates.
COMPUTED = ("ledger.md", "assumptions.md", "disclosure.md", "data_holders.md")
ROW_LINK = re.compile(r"\[([^\]]*)\]\((?:chapters/)?(ledger|assumptions)\.md#([a-z0-9-]+)\)")
_FRONT = re.compile(r"\A---\n(.*?)\n---\n", re.DOTALL)
# What is not prose. A fence that begins with a brace is a directive, and its words are prose.
_NOT_PROSE = (
    _FRONT,
    re.compile(r"<!--.*?-->", re.DOTALL),
    re.compile(r"^[ \t]*(`{3,}|~{3,})(?!\{)[^\n]*\n.*?^[ \t]*\1[ \t]*$", re.DOTALL | re.MULTILINE),
    # A name or a command; a number alone, perhaps with a word, is prose however it is set.
    re.compile(r"`(?![\d\s.,:/%\u2212+-]+[a-zæøå]*`)[^`\n]+`"),
    re.compile(r"<[^<>]+>"),
    ROW_LINK,
    re.compile(r"(?<=\])\([^)\s]*\)"),
    re.compile(r"https?://\S+"),
    re.compile(r"^[ \t]*\d+\.(?=\s)", re.MULTILINE),
)
_FRACTIONS = "\u00bc-\u00be\u2150-\u215e"


def in_language(shown: str, lang: str) -> str:
    """A number as printed in English, in the style of another language; words and ranges stay as they are."""
    if lang != "nb" or not re.fullmatch(r"\d+(,\d{3})*(\.\d+)?", shown):
        return shown
    return shown.replace(",", "\N{NO-BREAK SPACE}").replace(".", ",")


@dataclass(frozen=True)
class Rules:
    """What `data/prose.yml` says: kinds of number that may stand without a link, and the number words of a language."""

    kinds: dict[str, re.Pattern]
    words: dict[str, re.Pattern]


def load_rules(path: Path | None = None) -> Rules:
    """Read the kinds of number that may stand alone.

    FactError: if a kind has no reason, or does not find its own example.
    """
    path = path or data_path("prose.yml")
    content, kinds = read_yaml(path), {}
    for name, entry in content["kinds"].items():
        kinds[name] = re.compile(entry["pattern"])
        if not entry.get("reason"):
            raise FactError(f"{path.name}, {name}: a number without a link needs a reason")
        if not kinds[name].search(entry["example"]):
            raise FactError(f"{path.name}, {name}: the pattern does not find its example")
    words = {
        lang: re.compile(
            rf"\b[\w-]*(?:{'|'.join(names)})[\w-]*|\b(?:{'|'.join(content['before'][lang])})\b", re.IGNORECASE
        )
        for lang, names in content["words"].items()
    }
    return Rules(kinds, words)


def language(page: str) -> str:
    """Language of a page, from `lang` in its front matter; English by default."""
    front = _FRONT.match(page)
    return (yaml.safe_load(front[1]) or {}).get("lang", "en") if front else "en"


def visible(page: str) -> str:
    """The prose of a Markdown page, line for line: without code, tags, addresses, list numbers and links to rows."""
    for pattern in _NOT_PROSE:
        page = pattern.sub(lambda found: "\n" * found[0].count("\n") or " ", page)
    return page


def bare_numbers(page: str, rules: Rules) -> list[str]:
    """Numbers without a link and of no kind that may stand alone, each with its line and the words around it."""
    prose = visible(page)
    for pattern in rules.kinds.values():
        # A blank, so that what stood on both sides does not become one word.
        prose = pattern.sub(lambda found: re.sub(r"[^\n]", " ", found[0]), prose)
    faults = []
    for number, line in enumerate(prose.splitlines(), start=1):
        found = [
            *re.finditer(rf"[^\s\[\]]*[\d{_FRACTIONS}][^\s\[\]]*", line),
            *rules.words[language(page)].finditer(line),
        ]
        for one in sorted(found, key=lambda one: one.start()):
            around = re.search(r"\S*\s*\Z", line[: one.start()])[0] + one[0] + re.match(r"\s*\S*", line[one.end() :])[0]
            faults.append(f'line {number}: {one[0]} in "{around.strip()}"')
    return faults


def link_faults(page: str, ledger: Ledger, assumptions: dict[str, Assumption]) -> list[str]:
    """Links to a row that does not exist, and link texts with a number that is not the value of their row."""
    lang, faults = language(page), []
    assumed = {name.replace("_", "-"): entry for name, entry in assumptions.items()}
    for shown, where, anchor in ROW_LINK.findall(page):
        rows = assumed if where == "assumptions" else {key.lower(): fact for key, fact in ledger.items()}
        if anchor not in rows:
            faults.append(f"no row {anchor} in {where}")
        elif re.search(r"\d", shown) and shown != anchor.upper() and not says(shown, rows[anchor], lang):
            faults.append(f"{shown!r} is not the value of {anchor}")
    return faults


@dataclass(frozen=True)
class Wording:
    """How links of words say what their rows say: words of a page by what stands for them in the ledger, by language.

    `numbers` are number words by their digits, `same` other words by those of the ledger, and `allowed` link texts that
    share no word with their row.
    """

    numbers: dict[str, dict[str, str]]
    same: dict[str, dict[str, str]]
    allowed: dict[str, str]


def load_wording(path: Path | None = None) -> Wording:
    """Read how links of words say what their rows say: `data/prose.yml`."""
    content = read_yaml(path or data_path("prose.yml"))["links"]
    return Wording(content["numbers"], content["same"], {one["text"]: one["reason"] for one in content["allowed"]})


def _row_text(fact: Fact, ledger: Ledger) -> str:
    return f"{fact.fact} {fact.value} {fact.quote} {fact.unit} {ledger.remark(fact.id)}".lower()


def wording_faults(page: str, ledger: Ledger, wording: Wording) -> list[str]:
    """Links of words to the ledger that have no word of their row, or a number word that is not its number."""
    lang, faults = language(page), []
    for shown, where, anchor in ROW_LINK.findall(page):
        key = anchor.upper()
        if where != "ledger" or key not in ledger or re.search(r"\d", shown) or shown in wording.allowed:
            continue
        row = _row_text(ledger[key], ledger)
        words = re.findall(r"[^\W\d_]+", shown.lower())
        numbers = {word: wording.numbers[lang][word] for word in words if word in wording.numbers[lang]}
        if wrong := [word for word, digits in numbers.items() if not re.search(rf"\b({digits}|{word})\b", row)]:
            faults.append(f"{wrong[0]!r} is no number of {key}")
        elif not numbers and not any(_is_in(word, row, wording.same[lang]) for word in _long(words)):
            faults.append(f"{shown!r} has no word of {key}")
    return faults


def _long(words: list[str]) -> list[str]:
    """Words that say more than "of"; all of them where there is none."""
    return [word for word in words if len(word) > 2] or words


def _is_in(word: str, row: str, same: dict[str, str]) -> bool:
    """Whether a word, whatever its ending, or what stands for it in the ledger, is in a row."""
    stems = [other for begin, other in same.items() if word.startswith(begin)] or [word[:5]]
    return any(re.search(rf"\b{re.escape(stem)}", row) for stem in stems)


# How the arms are called.
_ARMS = {"holf": re.compile(r"\bHOLF\b"), "local": re.compile(r"\b(local|lokal|control)", re.IGNORECASE)}


def arms_named(words: str) -> set[str]:
    """Arms that a text names."""
    return {arm for arm, pattern in _ARMS.items() if pattern.search(words)}


def other_arm(words: str, fact: Fact) -> bool:
    """Whether the words beside a value name one arm, and its row the other."""
    said, meant = arms_named(words), arms_named(fact.fact)
    return len(said) == len(meant) == 1 and said != meant


def arm_faults(page: str, ledger: Ledger) -> list[str]:
    """Numbers of one arm in prose that stand with the name of the other: up to the next link or the end of a sentence."""
    faults = []
    for found in ROW_LINK.finditer(page):
        shown, where, anchor = found.groups()
        if where == "ledger" and anchor.upper() in ledger and re.search(r"\d", shown):
            after = re.split(r"\[|[.;:]\s|\n\n|\|", page[found.end() :], maxsplit=1)[0]
            if other_arm(after, ledger[anchor.upper()]):
                faults.append(f"{shown} of {anchor.upper()} stands with the other arm")
    return faults


def says(shown: str, row: Fact | Assumption, lang: str = "en") -> bool:
    """Whether a link text with a number says what its row says.

    It is the value, perhaps with a plus sign for a wave, in the style of the language; or words whose numbers all stand
    in a ledger row's value or quote.
    """
    values = [row.shown] if isinstance(row, Fact) else [f"{value:,}" for value in _listed(row.value)]
    if shown.lstrip("+") in [in_language(value, lang) for value in values]:
        return True
    if not isinstance(row, Fact) or not re.search(r"[a-zæøå]{3}", shown):
        return False
    return {*re.findall(r"\d+", shown)} <= {*re.findall(r"\d+", row.value + " " + row.quote)}


def _listed(value: float | tuple[float, ...]) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


def prose_pages() -> dict[str, str]:
    """Prose of every page that people write, by path: Markdown pages, and the Markdown cells of notebooks."""
    root = project_root()
    pages = [root / "index.md", root / "README.md", *sorted((root / "chapters").glob("*.md"))]
    pages = [page for page in pages if page.name not in COMPUTED] + sorted((root / "chapters/templates").glob("*.md"))
    texts = {page: page.read_text(encoding="utf-8") for page in pages}
    # There, a typed number stops the build (holf.record.reporting); those left are numbers of items and years of
    # standards.
    found = {page: text for page, text in texts.items() if not text.startswith("<!-- Written by holf.pages from")}
    for page in sorted((root / "chapters").rglob("*.ipynb")):
        cells = nbformat.read(page, as_version=4).cells
        found[page] = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    return {page.relative_to(root).as_posix(): words for page, words in found.items()}


@dataclass(frozen=True)
class Claims:
    """Words that say what exists beyond what was read, and the texts in which they are right, each with its reason.

    `silent` are those of sentences that do not say which source is silent.
    """

    patterns: tuple[re.Pattern, ...]
    silent: tuple[re.Pattern, ...]
    allowed: dict[str, str]


def load_claims(path: Path | None = None) -> Claims:
    """Read the words that say what exists, and the texts that may hold them.

    FactError: if a text has no reason, or holds none of the words.
    """
    path = path or data_path("prose.yml")
    content = read_yaml(path)["beyond_what_was_read"]
    patterns, silent = (
        tuple(re.compile(one.replace(" ", r"\s+"), re.IGNORECASE) for one in content[kind])
        for kind in ("patterns", "silent")
    )
    for entry in content["allowed"]:
        if not entry.get("reason"):
            raise FactError(f"{path.name}, {entry['text']!r}: a text that is allowed needs a reason")
        if not any(pattern.search(entry["text"]) for pattern in patterns + silent):
            raise FactError(f"{path.name}, {entry['text']!r}: there is nothing to allow in it")
    return Claims(patterns, silent, {entry["text"]: entry["reason"] for entry in content["allowed"]})


def beyond_what_was_read(words: str, claims: Claims, *, prose: bool = False) -> list[str]:
    """Claims that something is published nowhere, where only the sources read are known not to have it.

    In prose, a sentence also has to say which source is silent.
    """
    shown = re.sub(r"\*", "", re.sub(r"\[([^\]]*)\]\([^)\s]*\)", r"\1", words))
    for text_allowed in claims.allowed:
        shown = re.sub(r"\s+".join(map(re.escape, text_allowed.split())), " ", shown)
    patterns = claims.patterns + claims.silent * prose
    found = [one[0] for pattern in patterns for one in pattern.finditer(shown)]
    return [" ".join(one.split()) for one in found]


def texts() -> dict[str, str]:
    """All that a reader may see, by path: whole pages, and the strings of notebooks, data files and the package."""
    root = project_root()
    pages = [root / "index.md", root / "README.md", *sorted((root / "chapters").glob("*.md"))]
    found = {page: page.read_text(encoding="utf-8") for page in pages}
    notebooks = [page for page in sorted((root / "chapters").rglob("*.ipynb")) if not page.name.startswith("outcome-")]
    for page in notebooks:  # the prose of outcome pages is that of their template
        cells = nbformat.read(page, as_version=4).cells
        parts = ([cell.source] if cell.cell_type == "markdown" else _strings(cell.source) for cell in cells)
        found[page] = _joined(chain.from_iterable(parts))
    data = root / "data"
    for file in (root / "CITATION.cff", *sorted(data.glob("*.yml"))):
        if file.name != "prose.yml":  # it lists the words that are sought
            found[file] = _joined(_leaves(read_yaml(file)))
    for file in (*sorted(data.glob("*.csv")), *sorted((data / "reporting").glob("*.csv"))):
        with file.open(encoding="utf-8", newline="") as rows:
            found[file] = _joined(cell for row in csv.reader(rows) for cell in row)
    for file in sorted((root / "holf").rglob("*.py")):
        found[file] = _joined(_strings(file.read_text(encoding="utf-8")))
    return {file.relative_to(root).as_posix(): words for file, words in found.items()}


def _joined(parts: Iterable[str]) -> str:
    return "\n|\n".join(parts)  # no claim goes over a bar


def _leaves(value: object) -> Iterator[str]:
    """Every string in a YAML document."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)


def _strings(source: str) -> Iterator[str]:
    """Every string of a Python source that is not its documentation."""
    nodes = list(ast.walk(ast.parse(source)))
    documented = {id(node.value) for node in nodes if isinstance(node, ast.Expr)}
    return (
        node.value
        for node in nodes
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documented
    )
