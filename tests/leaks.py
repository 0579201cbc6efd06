"""Trees that leak: one a channel, each with the rules that must name it. All values in them are made up."""

import base64
import html
import io
import json
import struct
import zipfile
import zlib
from itertools import product

from holf.confidential.scan.known import Known

KNOWN = Known(
    ids=("F-7731", "004711", "F00112", "K12"),
    offices=("NAV Alpha", "NAV Beta", "NAV Gamma"),
    canaries=("CANARY-7", "31337.77"),
)
SECRET = "8123.45"
VALUES = [round(1000 + 37.7 * step, 2) for step in range(40)]


def page(body: str) -> dict[str, bytes]:
    return {"page.html": f"<!doctype html><html><body><h1>A page</h1>{body}</body></html>".encode()}


def listing(text: str) -> dict[str, bytes]:
    """An output of a notebook as a page shows it."""
    return page(f'<div class="output"><pre>{html.escape(text)}</pre></div>')


def script(value) -> dict[str, bytes]:
    return page(f"<script type='application/json'>{json.dumps(value)}</script>")


def dump(value) -> bytes:
    return json.dumps(value).encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def table(head, rows, marked="") -> str:
    lines = ["<tr>" + "".join(f"<th>{cell}</th>" for cell in head) + "</tr>"]
    lines += ["<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows]
    return f"<table{marked}>{''.join(lines)}</table>"


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name.replace("__", ".")), data)
    return stream.getvalue()


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(*extra: bytes) -> bytes:
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + head + b"".join(extra) + chunk(b"IDAT", zlib.compress(b"\0\0")) + chunk(b"IEND", b"")


def index(**terms) -> dict[str, bytes]:
    content = {"docnames": ["a", "b"], "titles": ["A", "B"], "alltitles": {"A": [[0, None]]}, "titleterms": {}}
    return {"searchindex.js": b"Search.setIndex(" + dump(content | {"terms": terms}) + b")"}


def national_number() -> str:
    """A number with valid check digits and a month above 80, as test persons have: no living person can have it."""
    for serial in range(100, 1000):
        digits = [int(digit) for digit in f"018190{serial}"]
        for weights in ((3, 7, 6, 1, 8, 9, 4, 5, 2), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)):
            digits.append(-sum(weight * digit for weight, digit in zip(weights, digits)) % 11)
        if max(digits) < 10:
            return "".join(map(str, digits))
    raise AssertionError("no serial number gives valid check digits")


RECORDS = [{"x": value, "y": step} for step, value in enumerate(VALUES)]
SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'
DESCRIBE = (
    "count    12.00\nmean     55.10\nstd       3.20\nmin      48.00\n25%      52.00\n75%      58.00\nmax      61.00"
)
HEAD = "    income  wave\n0  8123.45    m0\n1  9100.10   m12\n2  7000.00    m0"
INDEXED = "         income wave\noffice              \nA       8123.45   m0\nA       9100.10  m12"
COUNTS = "answer\nyes    9\nno     1\nName: count, dtype: int64"
OFFICES = [("NAV Alpha", "12"), ("NAV Beta", "9"), ("NAV Gamma", "15")]
CSV = "x,y\n" + "".join(f"{value},{step}\n" for step, value in enumerate(VALUES))
# Lines of which none is another with other numbers in it.
NAMED = "".join(f"{first}{second},{step}\n" for step, (first, second) in enumerate(product("abcdef", "uvwxyz")))
INVENTORY = b"# Sphinx inventory version 2\n# Project: a\n# Version: \n# The rest of this file is squeezed.\n"

# Name of the leak -> the rules that name it, all of them, and the tree.
LEAKS: dict[str, tuple[set[str], dict[str, bytes]]] = {
    # Drawings and charts.
    "records in a script": ({"rows"}, script({"datasets": {"d": RECORDS}})),
    "array in a script": ({"rows"}, page(f"<script>const a = {VALUES};</script>")),
    "array in a style": ({"rows"}, {"a.css": f"a {{ --values: {', '.join(map(str, VALUES))}; }}".encode()}),
    "array in json": ({"rows"}, {"a.json": dump({"x": VALUES})}),
    # Outputs of notebooks.
    "pandas error": ({"tracebacks"}, listing("KeyError: 8123.45")),
    "traceback on a page": (
        {"tracebacks"},
        page("<pre><span class='gt'>Traceback</span> <span>(most recent call last)</span>:\n<b>KeyError</b></pre>"),
    ),
    "stderr on a page": ({"tracebacks"}, page('<div class="output stderr"><p>a warning</p></div>')),
    "head": ({"frames"}, listing(HEAD)),
    "head with an index": ({"frames"}, listing(INDEXED)),
    "head as html": ({"frames"}, page('<table class="dataframe"><tr><td>8123.45</td></tr></table>')),
    "value counts": ({"frames"}, listing(COUNTS)),
    "describe": ({"frames"}, listing(DESCRIBE)),
    # Rows.
    "long table": ({"rows"}, page(table(("a", "b"), [("word", step) for step in range(201)], ' data-holf="record"'))),
    "data in a table": ({"rows"}, page(table(("a", "b"), list(enumerate(VALUES))))),
    "records": ({"rows"}, {"a.json": dump(RECORDS)}),
    "lists of one length": ({"rows"}, {"a.json": dump([["m12", value] for value in VALUES])}),
    "records by column": ({"rows"}, {"a.json": dump({"x": {str(step): value for step, value in enumerate(VALUES)}})}),
    "csv": ({"rows"}, {"a.csv": CSV.encode()}),
    **{f"lines with {mark!r}": ({"rows"}, {"a.txt": NAMED.replace(",", mark).encode()}) for mark in ";|\t"},
    "table by office": ({"offices"}, page(table(("Office", "Families"), OFFICES))),
    "csv by office": ({"offices"}, {"a.csv": "".join(f"{name},{count}\n" for name, count in OFFICES).encode()}),
    # Encoded.
    "floats in base64": ({"encoded"}, page(f'<div data-x="{b64(struct.pack("<40f", *VALUES))}"></div>')),
    "picture in a page": ({"encoded"}, page(f'<img src="data:image/png;base64,{b64(png())}">')),
    "base64 in a comment": ({"encoded"}, page(f"<!-- {b64(bytes(range(120)))} -->")),
    "base64 in a table": ({"encoded"}, page(table(("a",), [(b64(bytes(range(120))),)]))),
    "base64 in the search index": ({"encoded"}, index(**{b64(bytes(range(120))): 0})),
    # Identifiers.
    "id in a drawing": ({"ids"}, {"a.svg": SVG.format("<text>F-77<tspan>31</tspan></text>").encode()}),
    "id in a file name": ({"ids"}, {"pages/F-7731.html": b"<p>words</p>"}),
    "id in the search index": ({"ids"}, index(**{"004711": 0, "family": [0, 1]})),
    "id among link targets": ({"ids"}, {"objects.inv": INVENTORY + zlib.compress(b"f-7731 std:label -1 a.html -\n")}),
    "national number": ({"national-ids"}, page(f"<p>{national_number()[:6]} {national_number()[6:]}</p>")),
    "canary": ({"canaries"}, page("<p>an income of 31 337,77</p>")),
    # Machines.
    "path": ({"paths"}, page("<p>read from /home/someone/data.csv</p>")),
    "windows path": ({"paths"}, {"a.txt": b"read from C:\\Users\\someone\\data.csv"}),
    "network path": ({"paths"}, {"a.txt": b"read from \\\\server\\share\\data.csv"}),
    "server link": ({"paths"}, page('<a href="smb://server/share">report</a>')),
    "file link": ({"paths"}, page('<a href="file:///secure/p1/report.html">report</a>')),
    # Pictures.
    "png text": ({"unreadable"}, {"a.png": png(chunk(b"tEXt", b"Title\0income 8123.45"))}),
    "png exif": ({"unreadable"}, {"a.png": png(chunk(b"eXIf", b"II*\0camera"))}),
    "png chunk of nobody": ({"unreadable"}, {"a.png": png(chunk(b"prVt", b"8123.45"))}),
    "png tail": ({"unreadable"}, {"a.png": png() + b"\0\1\2more"}),
    # Files of other kinds, and files that are not what their names say.
    "notebook": ({"kinds"}, {"_sources/page.ipynb": b'{"cells": [], "nbformat": 4}'}),
    "bytes as text": ({"unreadable"}, {"a.txt": b"\0\1words"}),
    "another alphabet": ({"unreadable"}, {"a.csv": "navn;beløp".encode("cp1252")}),
    "two-byte text": ({"unreadable"}, {"a.html": "words".encode("utf-16")}),
    "zip as json": ({"unreadable"}, {"a.json": zipped(a=b"words")}),
    "words as json": ({"unreadable"}, {"a.json": b"income: 8123.45"}),
    "picture cut short": ({"unreadable"}, {"a.png": png()[:40]}),
    "search index of another form": ({"unreadable"}, {"searchindex.js": b"Search.setIndex([8123.45])"}),
    "data among pages of a word": ({"unreadable"}, index(word=[8123, 1])),
    "inventory with a tail": ({"unreadable"}, {"objects.inv": INVENTORY + zlib.compress(b"a") + b"8123.45"}),
    "inventory of no form": ({"unreadable"}, {"objects.inv": b"8123.45"}),
    "inventory without an end": ({"unreadable"}, {"objects.inv": INVENTORY + zlib.compress(b"ab " * 7_000_000, 1)}),
}
# Kinds of file that no site of this book holds, each refused without being opened.
REFUSED = (
    "a.zip a.tar a.gz a.txt.gz a.bz2 a.xz a.7z a.parquet a.feather a.npy a.pkl a.bin a.dta a.sav a.rds a.xlsx a.ods "
    "a.sqlite a.pdf a.docx a.eps a.jpg a.jpeg a.gif a.tif a.webp a.woff2 a.ttf a.ipynb a.md a.yml a.xml a.log a.map a.js.map "
    "a.html~ a.bak a.tsv a.exe a a.HTML.exe .git/HEAD .git/a.txt .jupyter_cache/global.txt .DS_Store Thumbs.db .a.html"
).split()

# Like the leaks, and none: a gate that refuses these is a gate that people switch off.
HARMLESS: dict[str, dict[str, bytes]] = {
    "a table of the book": page(
        table(("World", "Mean", "n"), [("null", n, n) for n in range(31)], ' data-holf="record"')
    ),
    "offices without numbers": page(table(("Office", "Region"), [(name, "North") for name, _ in OFFICES])),
    "an icon": page(SVG.format('<path d="M3 4L5 6Z"/>')),
    "an icon in a style": {"a.css": b"a { background: url('data:image/svg+xml,%3Csvg/%3E') }"},
    "a style sheet": {"a.css": "".join(f"red, {step}%,\n" for step in range(60)).encode()},
    "words of a legend": {"a.json": dump({"mean": "average", "min": "smallest", "max": "largest"})},
    "a chart of a formula": script({"data": {"sequence": {"start": 0, "stop": 1, "step": 0.01, "as": "part"}}}),
    "links of the site": page('<a href="/chapters/design.html">a</a><a href="/book/chapters/a.html">b</a>'),
    "a comment of the theme": page("<!-- Loaded before other Sphinx assets -->"),
    "the book's own pictures": {"a.png": png(chunk(b"tEXt", b"Comment\0SIMULATED"), chunk(b"pHYs", bytes(9)))},
    "pages of the search index": index(word=[0, 1], other=0),
    "a decimal without its point in the search index": index(**{national_number(): 0}),
    "checksums": {"SHA256SUMS": b"\n".join(bytes([97 + step]) * 64 + b"  a/page.html" for step in range(3))},
    "link targets": {"objects.inv": INVENTORY + zlib.compress(b"design std:label -1 chapters/design.html -\n")},
    "numbers in words": page("<p>Of 29 offices, 15 and 14; 3,201 parents, 62 % of them in Oslo, 2016-2019.</p>"),
    "eleven digits of no person": page("<p>12345678901</p>"),
    "decimals that look like ids": {"a.csv": f"p,0.004711\nq,0.{national_number()}\n".encode()},
    "a longer number, a longer word": page("<p>10047110, 2004711, F-77312, AF-7731b, PARROT-7, 131337.77</p>"),
    "numbers beside each other": {"a.csv": b"0047,11\n004,711\n"},
    "a fact beside a number": page("<table><tr><td>F001</td><td>12</td></tr></table>") | {"a.csv": b"F001,12\n"},
    "an id too short to be sought": page("<p>Table K12</p>"),
}
