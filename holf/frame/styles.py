"""One style sheet for the whole site: of the theme's rules those that a page of this book can meet, then its own.

The theme brings 520 KB of rules for all that Jupyter Book can show; these pages use about a fifteenth. A rule stays if
the pages have every element, class and id that one of its selectors names, so that a page with something new brings the
rules for it along. What a script adds to a page must be styled in the book's own sheets, which stay whole.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
# Pieces of a style sheet between which nothing can be cut: strings, addresses, signs, and the rest.
_PIECE = re.compile(r'"(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|url\([^)"\']*\)|[{};]|[^{};"\'u]+|u', re.DOTALL)
_ASIDE = re.compile(r":(?:not|is|where|has|host|matches)\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*\)")
_IN_BRACKETS = re.compile(r"\[[^\]]*\]|\([^()]*\)")
_NAME = re.compile(r"([.#])((?:[\w-]|\\.)+)|(?<![\w.#\\:-])()([A-Za-z][\w-]*)")
_PSEUDO = re.compile(r"::?[\w-]+")
_EVERYWHERE = frozenset(("html", "body", "from", "to"))
_CLASSES = re.compile(r'\bclass="([^"]*)"')
_IDS = re.compile(r'\bid="([^"]*)"')
_TAGS = re.compile(r"<([a-z][a-z0-9-]*)\b")
_VARIABLE = re.compile(r"(--[\w-]+)\s*:")
# A string or an address; a sign that needs no spaces about it, or none behind it; spaces.
_LOOSE = re.compile(
    r'("(?:\\.|[^"\\])*"|\'(?:\\.|[^\'\\])*\'|url\([^)"\']*\))'
    r"|[\s;]*(\})\s*|\s*([{,>!])\s*|\s*(;)[\s;]*|(:)\s+|\s+",
    re.DOTALL,
)
# The frame says of every page which theme it is in, before any script does.
_NEVER = ":not([data-theme])"
_USE = re.compile(r"var\(\s*(--[\w-]+)")


def names_of(html: str) -> frozenset[str]:
    """Elements, classes and ids of a page.

    Examples
    --------
    >>> sorted(names_of('<p class="a b" id="c">x</p>'))
    ['#c', '.a', '.b', 'p']
    """
    classes = {f".{name}" for value in _CLASSES.findall(html) for name in value.split()}
    return frozenset(classes | {f"#{name}" for name in _IDS.findall(html)} | set(_TAGS.findall(html)))


def rules_of(sheet: str) -> Iterator[tuple[str, str]]:
    """Rules of a style sheet, as what stands before the braces and what stands in them; statements have no second part.

    Raises
    ------
    ValueError
        If braces do not close.

    Examples
    --------
    >>> list(rules_of("a{b:c}@media x{d{e:f}}"))
    [('a', 'b:c'), ('@media x', 'd{e:f}')]
    """
    head, inside, depth = [], [], 0
    for piece in _PIECE.findall(_COMMENT.sub("", sheet)):
        if piece == "}" and depth == 1:
            yield "".join(head).strip(), "".join(inside).strip()
            head, inside, depth = [], [], 0
            continue
        depth += (piece == "{") - (piece == "}")
        if piece == ";" and depth == 0:
            yield "".join(head).strip(), ""
            head = []
        elif piece != "{" or depth > 1:
            (inside if depth else head).append(piece)
    if depth:
        raise ValueError("a style sheet whose braces do not close")


def meets(selector: str, names: frozenset[str]) -> bool:
    """Whether pages with these names can hold what a selector asks for; conditions in brackets count as met.

    Examples
    --------
    >>> meets("table.a > td:not(.b)", frozenset({"table", ".a", "td"})), meets("p .c", frozenset({"p"}))
    (True, False)
    """
    if _NEVER in selector:
        return False
    bare = _PSEUDO.sub("", _IN_BRACKETS.sub("", _ASIDE.sub("", selector)))
    for sign, name, _, element in _NAME.findall(bare):
        wanted = f"{sign}{name}".replace("\\", "") or element.lower()
        if wanted not in names and wanted not in _EVERYWHERE:
            return False
    return True


def _selectors(head: str) -> list[str]:
    """Selectors of a rule, cut at the commas outside brackets."""
    out, depth = [""], 0
    for sign in head:
        depth += (sign in "([") - (sign in ")]")
        if sign == "," and not depth:
            out.append("")
        else:
            out[-1] += sign
    return [one.strip() for one in out]


def lean(sheet: str, names: frozenset[str]) -> str:
    """The rules of a style sheet that pages with these names can meet, without comments.

    Fonts and pictures that a sheet would fetch are left out with the rules that name them: the frame draws its signs
    with the letters at hand.
    """
    out = []
    for head, inside in rules_of(sheet):
        if head.startswith(("@media", "@supports", "@container")):
            if kept := lean(inside, names):
                out.append(f"{head}{{{kept}}}")
        elif head.startswith("@") or "url(" in inside:
            continue
        elif kept := [one for one in _selectors(head) if meets(one, names)]:
            out.append(f"{','.join(kept)}{{{inside}}}")
    return "\n".join(out)


def drop_variables(sheet: str) -> str:
    """The same sheet without custom properties that nothing uses; what only those used goes with them."""
    while True:
        unused = set(_VARIABLE.findall(sheet)) - set(_USE.findall(sheet))
        if not unused:
            return re.sub(r"[^{}\n]*\{\s*\}\n?", "", sheet)
        names = "|".join(sorted(map(re.escape, unused), key=len, reverse=True))
        sheet = re.sub(rf"(?<![\w-])(?:{names})\s*:[^;{{}}]*(?:;|(?=\}}))", "", sheet)


def tight(sheet: str) -> str:
    """The same sheet without comments and idle spaces: no page shows anything before all of it has arrived.

    Examples
    --------
    >>> tight('a {\\n  b: "c  {d"; /* e */\\n  f: g  h;\\n}')
    'a{b:"c  {d";f:g h}'
    """
    return _LOOSE.sub(lambda found: next(filter(None, found.groups()), " "), _COMMENT.sub("", sheet)).strip()
