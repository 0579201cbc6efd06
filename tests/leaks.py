"""Trees that leak: one a channel, each with the rules that must name it. All values in them are made up."""

import base64
import bz2
import gzip
import io
import json
import lzma
import pickle
import struct
import tarfile
import zipfile
import zlib

from holf.gate.known import Known

KNOWN = Known(
    ids=("F-7731",),
    keys=("family_id",),
    offices=("NAV Alpha", "NAV Beta", "NAV Gamma"),
    names=("some.person", "rack-host-9"),
    canaries=("CANARY-7", 31337.77),
)
SECRET = "8123.45"
VALUES = [round(1000 + 37.7 * step, 2) for step in range(40)]


def page(body: str) -> dict[str, bytes]:
    return {"page.html": f"<!doctype html><html><body><h1>A page</h1>{body}</body></html>".encode()}


def dump(value) -> bytes:
    return json.dumps(value).encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def notebook(*outputs, source="1 + 1", cell=None, metadata=None) -> dict[str, bytes]:
    return {
        "_sources/page.ipynb": dump(
            {
                "cells": [
                    {
                        "cell_type": "code",
                        "execution_count": 1,
                        "id": "c1",
                        "metadata": cell or {},
                        "outputs": list(outputs),
                        "source": source,
                    }
                ],
                "metadata": metadata or {},
                "nbformat": 4,
                "nbformat_minor": 5,
            }
        )
    }


def shown(bundle: dict) -> dict:
    return {"output_type": "display_data", "metadata": {}, "data": bundle}


def plain(text: str) -> dict:
    return shown({"text/plain": text})


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


def pdf(content: bytes, *objects: bytes) -> bytes:
    body = zlib.compress(content)
    stream = b"4 0 obj\n<< /Length %d /Filter /FlateDecode >>\nstream\n%s\nendstream\nendobj\n" % (len(body), body)
    return (
        b"%PDF-1.4\n1 0 obj\n<< /Type /Catalog >>\nendobj\n"
        + stream
        + b"\n".join(objects)
        + b"\ntrailer << >>\n%%EOF\n"
    )


def tarred(data: bytes, user: str = "") -> bytes:
    stream, member = io.BytesIO(), tarfile.TarInfo("a")
    member.size, member.uname = len(data), user
    with tarfile.open(fileobj=stream, mode="w") as archive:
        archive.addfile(member, io.BytesIO(data))
    return stream.getvalue()


def named_gzip(name: str) -> bytes:
    stream = io.BytesIO()
    with gzip.GzipFile(name, "wb", fileobj=stream, mtime=0) as archive:
        archive.write(b"words")
    return stream.getvalue()


def index(**terms) -> dict[str, bytes]:
    content = {
        "docnames": ["a", "b"],
        "titles": ["A", "B"],
        "alltitles": {"A": [[0, None]]},
        "terms": terms,
        "titleterms": {},
    }
    return {"searchindex.js": b"Search.setIndex(" + dump(content) + b")"}


def national_number() -> str:
    """A number with valid check digits and a month above 80, as test persons have: no living person can have it."""
    for serial in range(100, 1000):
        digits = [int(digit) for digit in f"018190{serial}"]
        first = -sum(w * d for w, d in zip((3, 7, 6, 1, 8, 9, 4, 5, 2), digits)) % 11
        second = -sum(w * d for w, d in zip((5, 4, 3, 2, 7, 6, 5, 4, 3, 2), [*digits, first])) % 11
        if first < 10 and second < 10:
            return "".join(map(str, [*digits, first, second]))
    raise AssertionError("no serial number gives valid check digits")


RECORDS = [{"x": value, "y": step} for step, value in enumerate(VALUES)]
ALTAIR = {
    "$schema": "https://vega.github.io/schema/vega-lite/v5.json",
    "data": {"name": "d"},
    "datasets": {"d": RECORDS},
}
VEGA = "https://vega.github.io/schema/vega-lite/v6.json"
COUNTED = {"sequence": {"start": 0, "stop": 1, "step": 0.01, "as": "part"}}


def vega(*data) -> dict[str, bytes]:
    """A page with a chart of one layer for each of `data`."""
    layers = [{"data": one, "mark": "line"} for one in data]
    return page(f"<script type='application/json'>{json.dumps({'$schema': VEGA, 'layer': layers})}</script>")


PLOTLY = {"data": [{"type": "bar", "x": {"dtype": "f8", "bdata": b64(struct.pack("<40d", *VALUES))}}], "layout": {}}
BOKEH = (
    "<script type='application/json'>"
    + json.dumps({"k": {"docs_json": {"roots": [{"data": VALUES[:5]}]}}})
    + "</script>"
)
DOTS = "".join(f'<circle cx="{value}" cy="{step}" r="2"/>' for step, value in enumerate(VALUES[:29]))
PATH = "M" + "L".join(f"{value} {step}" for step, value in enumerate(VALUES[:29]))
MARKS = "".join(f'<use xlink:href="#m1" x="{value}" y="{step}"/>' for step, value in enumerate(VALUES))
SVG = '<svg xmlns="http://www.w3.org/2000/svg">{}</svg>'
DESCRIBE = (
    "count    12.00\nmean     55.10\nstd       3.20\nmin      48.00\n25%      52.00\n75%      58.00\nmax      61.00"
)
HEAD = "    income  wave\n0  8123.45    m0\n1  9100.10   m12\n2  7000.00    m0"
INDEXED = "         income wave\noffice              \nA       8123.45   m0\nA       9100.10  m12"
COUNTS = "answer\nyes    9\nno     1\nName: count, dtype: int64"
ERROR = {
    "output_type": "error",
    "ename": "KeyError",
    "evalue": "8123.45",
    "traceback": ["\u001b[0;31mKeyError\u001b[0m"],
}
OFFICES = [("NAV Alpha", "12"), ("NAV Beta", "9"), ("NAV Gamma", "15")]
CSV = "x,y\n" + "".join(f"{value},{step}\n" for step, value in enumerate(VALUES))
LETTERS = "".join(f'<use xlink:href="#DejaVuSans-{n:x}" x="{n}"/>' for n in range(48, 99))
PACKED = b64(zlib.compress(COUNTS.encode()))
OBJECTS = ",".join(f"{{x:{value},w:'m{step}'}}" for step, value in enumerate(VALUES))
INVENTORY = b"# Sphinx inventory version 2\n# Project: a\n# Version: \n# The rest of this file is squeezed.\n"
AUTHOR = b"5 0 obj\n<< /Author (A Name) >>\nendobj"
ATTACHED = b"5 0 obj\n<< /Type /Filespec /EF << /F 6 0 R >> >>\nendobj"
MAP = {"version": 3, "sources": ["chart.ts"], "mappings": "AAAA", "sourcesContent": ["const a = 1"]}

# Small, and far more than any limit once it is open.
BOMB = gzip.compress(bytes(70_000_000), 1, mtime=0)

# Name of the leak -> the rules that name it, all of them, and the tree.
LEAKS: dict[str, tuple[set[str], dict[str, bytes]]] = {
    # Drawings and charts.
    "svg scatter": ({"numbers"}, {"a.svg": SVG.format(MARKS).encode()}),
    "svg dots by office": ({"numbers"}, page(SVG.format(DOTS))),
    "svg line": ({"numbers"}, notebook(shown({"image/svg+xml": SVG.format(f'<path d="{PATH}"/>')}))),
    "altair histogram": ({"charts", "rows"}, notebook(shown({"application/vnd.vegalite.v5+json": ALTAIR}))),
    "altair on a page": (
        {"charts", "rows"},
        page(
            f"<script>vegaEmbed('#a', {json.dumps(ALTAIR)})</script>"
            + f"<script type='application/json'>{json.dumps(ALTAIR)}</script>"
        ),
    ),
    "altair, data in a layer": ({"charts"}, vega(COUNTED, {"values": RECORDS[:9]})),
    "altair, data from an address": ({"charts"}, vega({"url": "rows.csv"})),
    "altair, data beside a sequence": ({"charts"}, vega(COUNTED | {"values": RECORDS[:9]})),
    "altair, data inside a sequence": ({"charts"}, vega({"sequence": {"start": 0, "stop": 1, "values": VALUES[:9]}})),
    "altair, data as a sequence's step": ({"charts"}, vega({"sequence": {"start": 0, "stop": 1, "step": VALUES[:9]}})),
    "plotly": ({"charts", "numbers"}, notebook(shown({"application/vnd.plotly.v1+json": PLOTLY}))),
    "bokeh": ({"charts"}, page(BOKEH)),
    "floats in base64": ({"numbers"}, page(f'<div data-x="{b64(struct.pack("<40f", *VALUES))}"></div>')),
    "array in a script": ({"numbers"}, page(f"<script>const a = {VALUES};</script>")),
    "objects in a script": ({"rows"}, page(f"<script>const a = [{OBJECTS}];</script>")),
    "pairs in a script": ({"numbers"}, page(f"<script>const a = {[[v, 1] for v in VALUES]};</script>")),
    "dots made of boxes": ({"numbers"}, page("".join(f'<i style="left: {value}px"></i>' for value in VALUES))),
    "numbers in boxes": (
        {"rows"},
        page("".join(f"<div><span>m0</span><span>{value}</span></div>" for value in VALUES)),
    ),
    "calls in a script": ({"rows"}, page(f"<script>{''.join(f'dot({value});' for value in VALUES)}</script>")),
    "yaml": ({"rows"}, {"a.yml": "".join(f"- income: {value}\n" for value in VALUES).encode()}),
    "quoted csv": ({"rows"}, {"a.csv": "".join(f'"{value}","m12"\n' for value in VALUES).encode()}),
    "hex digits": ({"numbers"}, page(f'<i data-x="{struct.pack("<40d", *VALUES).hex()}"></i>')),
    "short integers": (
        {"unreadable"},
        page(
            f'<i data-x="{b64(struct.pack("<50h", *(round(7 * value) % 30000 for value in VALUES), *range(10)))}"></i>'
        ),
    ),
    "array in json": ({"numbers"}, {"a.json": dump({"x": VALUES})}),
    # Outputs of notebooks.
    "papermill": (
        {"metadata", "paths"},
        notebook(metadata={"papermill": {"parameters": {"data": "/secure/p1234/real"}}}),
    ),
    "papermill times": ({"metadata"}, notebook(cell={"papermill": {"duration": 1.5, "status": "completed"}})),
    "execution times": ({"metadata"}, notebook(cell={"execution": {"iopub.execute_input": "2017"}})),
    "injected path": (
        {"paths"},
        notebook(source="data = '/secure/p1234/real'", cell={"tags": ["injected-parameters"]}),
    ),
    "pandas error": ({"tracebacks"}, notebook(ERROR)),
    "traceback on a page": (
        {"tracebacks"},
        page("<pre><span class='gt'>Traceback</span> <span>(most recent call last)</span>:\n<b>KeyError</b></pre>"),
    ),
    "stderr": ({"stderr"}, notebook({"output_type": "stream", "name": "stderr", "text": ["a warning"]})),
    "stderr on a page": ({"stderr"}, page('<div class="output stderr"><p>a warning</p></div>')),
    "head": ({"frames"}, notebook(plain(HEAD))),
    "head with an index": ({"frames"}, notebook(plain(INDEXED))),
    "minimum and maximum": ({"extremes"}, notebook(plain("          min       max\noffice\nA     8123.45   9000.1"))),
    "head as html": ({"frames"}, page('<table class="dataframe"><tr><td>8123.45</td></tr></table>')),
    "describe": ({"extremes"}, notebook(plain(DESCRIBE))),
    "describe as html": ({"extremes"}, page(table(("", "income"), [("min", "1"), ("50%", "2"), ("max", SECRET)]))),
    "value counts": ({"frames"}, notebook(plain(COUNTS))),
    "widget state": (
        {"widgets"},
        notebook(metadata={"widgets": {"application/vnd.jupyter.widget-state+json": {"state": {}}}}),
    ),
    "free text": ({"columns"}, notebook(plain("wave,free_text\nm0,we moved here in spring"))),
    "birth dates": ({"columns"}, page(table(("date_of_birth", "n"), [("spring", "2")]))),
    # Rows.
    "long table": ({"rows"}, page(table(("a", "b"), [("word", step) for step in range(201)], ' data-holf="record"'))),
    "data in a table": ({"rows"}, page(table(("a", "b"), list(enumerate(VALUES))))),
    "records": ({"rows"}, {"a.json": dump(RECORDS)}),
    "records by column": (
        {"numbers", "rows"},
        {"a.json": dump({"x": {str(step): value for step, value in enumerate(VALUES)}})},
    ),
    "csv": ({"rows", "numbers"}, {"a.csv": CSV.encode()}),
    "csv with words": ({"rows"}, {"_downloads/a.csv": CSV.replace(",", ",m12,").encode()}),
    "table by office": ({"offices"}, page(table(("Office", "Families"), OFFICES))),
    "json by office": ({"offices"}, {"a.json": dump({name: int(count) for name, count in OFFICES})}),
    "key column": ({"columns"}, {"a.json": dump([{"family_id": "x", "n": 2}])}),
    # Identifiers.
    "simulated id": ({"ids"}, page("<p>family SYN-F0012 moved</p>")),
    "known id": ({"ids"}, page('<a title="F-7731">a family</a>')),
    "id in the search index": ({"ids"}, index(**{"7731": 0, "family": [0, 1]})),
    "id in a file name": ({"ids"}, {"pages/F-7731.html": b"<p>words</p>"}),
    "national number": ({"national-ids"}, page(f"<p>{national_number()[:6]} {national_number()[6:]}</p>")),
    "canary": ({"canaries"}, page("<p>an income of 31 337,77</p>")),
    "canary in an attribute": ({"canaries"}, page('<p title="CANARY&#45;7">words</p>')),
    "canary in a URL": ({"canaries"}, {"a.md": b"see a.html?q=CANARY%2D7"}),
    "canary in escapes of a page": ({"canaries"}, {"a.md": b"see CANARY&#45;7"}),
    "canary in escapes of a script": ({"canaries"}, {"a.js": b"const a = 'CANARY\\u002d7'"}),
    "canary in the search index": ({"canaries"}, index(canari=0)),
    # Machines.
    "path": ({"paths"}, page("<p>read from /home/someone/data.csv</p>")),
    "windows path": ({"paths"}, {"a.md": b"read from C:\\Users\\someone\\data.csv"}),
    "network path": ({"paths"}, {"a.md": b"read from \\\\server\\share\\data.csv"}),
    "server link": ({"paths"}, page('<a href="smb://server/share">report</a>')),
    "file link": ({"paths"}, page('<a href="file:///secure/p1/report.html">report</a>')),
    "user": ({"names"}, page("<p>built by some.person</p>")),
    "host": ({"names"}, {"a.json": dump({"host": "RACK-HOST-9"})}),
    # Files that are not for readers.
    "pickle": ({"data-files"}, {"a.bin": pickle.dumps({"a": 1})}),
    "old pickle": ({"data-files"}, {"a.txt": pickle.dumps({"a": 1}, protocol=0)}),
    "parquet": ({"data-files"}, {"a.html": b"PAR1\0\0\0PAR1"}),
    "numpy": ({"data-files"}, {"a": b"\x93NUMPY\x01\x00"}),
    "stata": ({"data-files"}, {"a.dta": b"\x76\x02\x01\x00"}),
    "spss": ({"data-files"}, {"a.x": b"$FL2@(#) SPSS"}),
    "workbook": ({"data-files"}, {"a.zip": zipped(**{"xl/workbook__xml": b"<workbook/>"})}),
    "notebook cache": ({"litter"}, {".jupyter_cache/global.txt": b"words"}),
    "git": ({"litter"}, {".git/HEAD": b"ref: refs/heads/main"}),
    "backup": ({"litter"}, {"index.html~": b"words"}),
    "build log": ({"litter"}, {"reports/page.err.log": b"words"}),
    "source map": ({"source-maps"}, {"_static/chart.js.map": dump(MAP)}),
    "comment": ({"comments"}, page("<!-- mean of the one family: 8123.45 -->")),
    "comment in markdown": ({"comments"}, {"_sources/a.md": b"# Title\n\n<!-- mean 8123.45 -->\n"}),
    # Pictures and PDF.
    "png text": ({"png-text"}, {"a.png": png(chunk(b"tEXt", b"Title\0income 8123.45"))}),
    "png compressed text": ({"png-text"}, {"a.png": png(chunk(b"zTXt", b"Title\0\0" + zlib.compress(b"8123.45")))}),
    "png international text": ({"png-text"}, {"a.png": png(chunk(b"iTXt", b"Title\0\0\0\0\x008123.45"))}),
    "png exif": ({"exif"}, {"a.png": png(chunk(b"eXIf", b"II*\0camera"))}),
    "png tail": ({"unreadable"}, {"a.png": png() + b"\0\1\2more"}),
    "jpeg": ({"image-kinds"}, {"a.png": b"\xff\xd8\xff\xe0\0\x10JFIF\0"}),
    "jpeg exif": ({"image-kinds", "exif"}, {"a.jpg": b"\xff\xd8\xff\xe1\0\x10Exif\0\0"}),
    "pdf text": ({"canaries"}, {"a.pdf": pdf(b"BT [(313) -20 (37.77)] TJ ET")}),
    "pdf scatter": ({"numbers"}, {"a.pdf": pdf(b"".join(b"1 0 0 1 %.2f 3 cm\n/M0 Do\n" % v for v in VALUES))}),
    "pdf line": ({"numbers"}, {"a.pdf": pdf(b"1 2 m\n" + b"".join(b"%.2f 3 l\n" % v for v in VALUES) + b"S\n")}),
    "pdf of glyph numbers": ({"unreadable"}, {"a.pdf": pdf(b"<0012> Tj", b"5 0 obj\n<< /Encoding /Identity-H >>")}),
    "postscript": ({"unreadable"}, {"a.eps": b"%!PS-Adobe-3.0 EPSF-3.0\n"}),
    "pdf author": ({"pdf-extras"}, {"a.pdf": pdf(b"BT (words) Tj ET", AUTHOR)}),
    "pdf attachment": ({"pdf-extras"}, {"a.pdf": pdf(b"BT (words) Tj ET", ATTACHED)}),
    # Wrapped.
    "zip in base64": (
        {"rows", "numbers"},
        page(f'<a href="data:application/zip;base64,{b64(zipped(a__csv=CSV.encode()))}">x</a>'),
    ),
    "gzip": ({"frames"}, {"a.txt.gz": gzip.compress(COUNTS.encode(), mtime=0)}),
    "name in gzip": ({"names"}, {"a.gz": named_gzip("some.person.txt")}),
    "tar": ({"frames"}, {"a.tar": tarred(COUNTS.encode())}),
    "user in tar": ({"names"}, {"a.tar": tarred(b"words", user="some.person")}),
    "bzip2": ({"frames"}, {"a.bz2": bz2.compress(COUNTS.encode())}),
    "xz": ({"frames"}, {"a.xz": lzma.compress(COUNTS.encode())}),
    "zlib in base64": ({"frames"}, {"a.txt": b64(zlib.compress(COUNTS.encode())).encode()}),
    "inventory": ({"ids"}, {"objects.inv": INVENTORY + zlib.compress(b"f-7731 std:label -1 a.html#f-7731 -\n")}),
    "base64 in a table": ({"frames"}, page(table(("a",), [(PACKED,)]))),
    "base64 in a comment": ({"frames"}, page(f"<!-- {PACKED} -->")),
    "base64 in an output": ({"frames"}, notebook(plain(PACKED))),
    "base64 in a picture": ({"frames", "png-text"}, {"a.png": png(chunk(b"tEXt", b"Title\0" + PACKED.encode()))}),
    "base64 in a script": ({"frames"}, page(f"<script>const a = '{PACKED}'</script>")),
    "base64 in a style": ({"frames"}, page(f"<style>a {{b: '{PACKED}'}}</style>")),
    "base64 in the search index": ({"frames"}, index(**{PACKED: 0})),
    "zip of a notebook": (
        {"frames"},
        {"_downloads/a.zip": zipped(a__ipynb=notebook(plain(COUNTS))["_sources/page.ipynb"])},
    ),
    "downloadable notebook": ({"extremes"}, {"_downloads/a.ipynb": notebook(plain(DESCRIBE))["_sources/page.ipynb"]}),
    # What cannot be judged.
    "unknown bytes": ({"unreadable"}, {"a.bin": bytes(range(7)) * 9}),
    "broken zip": ({"unreadable"}, {"a.zip": zipped(a=b"words" * 99)[:60]}),
    "encrypted pdf": ({"unreadable"}, {"a.pdf": pdf(b"", b"5 0 obj\n<< /Encrypt 7 0 R >>\nendobj")}),
    "font": ({"unreadable"}, {"a.woff2": b"wOF2\0\1\0\0"}),
    "bomb": ({"bomb"}, {"a.gz": BOMB}),
}

# Like the leaks, and none: a gate that refuses these is a gate that people switch off.
HARMLESS: dict[str, dict[str, bytes]] = {
    "a table of the book": page(
        table(("World", "Mean", "n"), [("null", n, n) for n in range(31)], ' data-holf="record"')
    ),
    "offices without numbers": page(table(("Office", "Region"), [(name, "North") for name, _ in OFFICES])),
    "an icon": page(SVG.format('<path d="M3 4L5 6Z"/>')),
    "a chart of a formula": vega(COUNTED, COUNTED),
    "letters of a figure": page(SVG.format(LETTERS)),
    "links of the site": page('<a href="/chapters/design.html">a</a><a href="../root/a.html">b</a>'),
    "a comment of the theme": page("<!-- Loaded before other Sphinx assets -->"),
    "the book's own pictures": {"a.png": png(chunk(b"tEXt", b"Comment\0SIMULATED"), chunk(b"pHYs", bytes(9)))},
    "pages of the search index": index(word=[0, 1], other=0),
    "a notebook of the book": notebook(
        plain("Twice\nx | y"),
        cell={"tags": ["hide-input"], "mystnb": {"image": {"alt": "words"}}},
        metadata={"holf": {"reads": ["facts.csv"]}},
    ),
    "numbers in words": page("<p>Of 29 offices, 15 and 14; 3,201 parents, 62 % of them in Oslo, 2016-2019.</p>"),
    "eleven digits of no person": page("<p>12345678901</p>"),
}
