"""Small faults in the HTML that Jupyter Book writes, mended when a page is about to be written, each for a reason."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from html import escape, unescape
from pathlib import Path

from PIL import Image

# A starter for notebook servers, which names one of them, and a script to configure it: the book has no live code.
_STARTER = re.compile(
    r'<script type="text/x-thebe-config">.*?</script>\s*<script>kernelName = [^<]*</script>', re.DOTALL
)
# A name that is not what is written ("Toggle hidden content" on "Show code"), for people who speak to their computer.
# Open or closed is told by the element itself.
_TOGGLE = re.compile(
    r'<summary aria-label="Toggle hidden content">\s*<p class="collapsed admonition-title">(.*?)</p>\s*'
    r'<p class="expanded admonition-title">.*?</p>\s*</summary>',
    re.DOTALL,
)
_SHOW = '<summary class="frame-toggle">Show code</summary>'
# On a phone each row of such a table becomes a card, in which every cell needs the name of its column.
_STACKED = re.compile(r'<div class="holf-stacked docutils container">\s*(.*?</table>)', re.DOTALL)
_ROW = re.compile(r"(<tr\b[^>]*>\s*)<td\b([^>]*)>(.*?)</td>(.*?</tr>)", re.DOTALL)
# Read aloud, the sign would end every heading; the list of contents has the same links, and the pointer this one.
_PERMALINK = re.compile(r'<a class="headerlink"')
# An empty heading of a column names nothing.
_EMPTY_HEAD = re.compile(r"<th\b([^>]*)>(\s|<p>\s*</p>)*</th>")
_HEAD = re.compile(r'<th\b(?![^>]*\bscope=)(?=[^>]*class="[^"]*\bhead\b)')
# Tables of the book are regions, one landmark each; a page has up to twenty, and nobody could find the real ones.
_REGION = re.compile(r'(<div class="holf-scroll" tabindex="0" role=)"region"')
_FRAME = re.compile(r'<div class="pst-scrollable-table-container">(?=(.*?)</table>)', re.DOTALL)
_PICTURE = re.compile(r"<img\b[^>]*>")
_WORDS = re.compile(r"<[^>]+>")
# A figure, and the table of its numbers, which is the next one: folded, or in its frame.
_NUMBERS = re.compile(r'<(?:details class="holf-twin"|div class="holf-scroll")')
_DRAWN = re.compile(rf"<img\b(?=[^>]*>(?:(?!<img\b).)*?{_NUMBERS.pattern})", re.DOTALL)


def mend(body: str, pictures: Mapping[str, Path]) -> str:
    """Mend the HTML of a page's content.

    Parameters
    ----------
    body : str
    pictures : mapping of str to pathlib.Path
        File of each picture by the name that it has in the site.

    Examples
    --------
    >>> mend('<a class="headerlink" href="#x">#</a><th class="head"><p></p></th>', {})
    '<a aria-hidden="true" tabindex="-1" class="headerlink" href="#x">#</a><td class="head"></td>'
    """
    body = _STARTER.sub("", body)
    body = _TOGGLE.sub(r'<summary class="frame-toggle">\1</summary>', body)
    body = _numbered(body)
    body = _PERMALINK.sub('<a aria-hidden="true" tabindex="-1" class="headerlink"', body)
    body = _EMPTY_HEAD.sub(r"<td\1></td>", body)
    body = _HEAD.sub('<th scope="col"', body)
    body = _REGION.sub(r'\1"group"', body)
    body = _FRAME.sub(_framed, body)
    body = _STACKED.sub(_with_names, body)
    body = _with_details(body)
    return _PICTURE.sub(_sized(pictures), body)


def _numbered(body: str) -> str:
    """Tell apart the controls that unfold code: up to a dozen on a page had one name."""
    *parts, last = body.split(_SHOW)
    if len(parts) < 2:
        return body
    shown = (_SHOW.replace("code", f"code {place} of {len(parts)}") for place in range(1, len(parts) + 1))
    return "".join(part + show for part, show in zip(parts, shown)) + last


def _with_names(found: re.Match) -> str:
    """Head each row with its first cell, and tell each other cell the name of its column."""
    heads = [
        escape(" ".join(unescape(_WORDS.sub("", head)).split()))
        for head in re.findall(r"<th\b.*?</th>", found[1], re.DOTALL)
    ]

    def headed(row: re.Match) -> str:
        names = iter(heads[1:])
        rest = re.sub(r"<td\b", lambda _: f'<td data-label="{next(names)}"', row[4])
        return f'{row[1]}<th scope="row"{row[2]}>{row[3]}</th>{rest}'

    return f'<div class="holf-stacked docutils container">{_ROW.sub(headed, found[1])}'


def _with_details(body: str) -> str:
    """Tell a screen reader which table has the numbers of a figure: its text alternative is short, and refers to it."""
    parts, places = [], [found.start() for found in _DRAWN.finditer(body)]
    for number, (start, end) in enumerate(zip([0, *places], [*places, len(body)])):
        part = body[start:end]
        if number:
            name = f"numbers-{number}"
            part = part.replace("<img", f'<img aria-details="{name}"', 1)
            part = _NUMBERS.sub(lambda found, name=name: f'{found[0]} id="{name}"', part, count=1)
        parts.append(part)
    return "".join(parts)


def _framed(found: re.Match) -> str:
    """A table that is wider than a phone scrolls in a frame, which the keyboard must reach and which needs a name."""
    heads = [
        " ".join(unescape(_WORDS.sub("", head)).split()) for head in re.findall(r"<th\b.*?</th>", found[1], re.DOTALL)
    ]
    name = escape("Table: " + ", ".join(filter(None, heads)))
    return f'<div class="pst-scrollable-table-container" tabindex="0" role="group" aria-label="{name}">'


def _sized(pictures: Mapping[str, Path]) -> Callable[[re.Match], str]:
    """Give pictures their width and height, so that nothing jumps when they arrive; those below load when near."""
    seen = []

    def sized(found: re.Match) -> str:
        tag = found[0]
        file = pictures.get(re.search(r'src="(?:[^"]*/)?([^"/]+)"', tag)[1])
        if file is None or not file.exists():
            return tag
        if shown := re.search(r' style="width: (\d+)px;"', tag):
            # The policy of the page forbids styles that stand in it.
            tag = tag.replace(shown[0], "")
        with Image.open(file) as picture:
            width, height = picture.size
        across = int(shown[1]) if shown else width
        tag = re.sub(r' (?:width|height)="[^"]*"', "", tag)
        later = ' loading="lazy"' if seen else ""
        seen.append(file)
        return tag.replace("<img", f'<img width="{across}" height="{round(across * height / width)}"{later}', 1)

    return sized
