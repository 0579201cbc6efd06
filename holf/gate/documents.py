"""Opening JSON, notebooks and the search index by what they are made of."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Iterator

from holf.gate.piece import Piece, Unreadable


def leaves(value: object) -> Iterator[object]:
    """Keys and single values of parsed JSON, in order.

    Examples
    --------
    >>> list(leaves({"a": [1, "b"]}))
    ['a', 1, 'b']
    """
    stack = [value]
    while stack:
        value = stack.pop()
        if isinstance(value, dict):
            stack.extend(part for pair in reversed(value.items()) for part in (pair[1], pair[0]))
        elif isinstance(value, list):
            stack.extend(reversed(value))
        else:
            yield value


def open_json(piece: Piece, room: int) -> Iterator[Piece]:
    """Strings of a JSON value as text, and each one that is a document of its own."""
    strings = [value for value in leaves(piece.value) if isinstance(value, str)]
    yield piece.inside("", kind="text", text="\n".join(strings))
    for string in strings:
        if string.lstrip()[:1] in ("<", "{", "[", '"'):
            yield piece.inside("a string", data=string.encode("utf-8", "replace"))


def open_index(piece: Piece, room: int) -> Iterator[Piece]:
    """Words and titles of a search index; lists of page numbers are let through, as nothing but page numbers.

    Raises
    ------
    Unreadable
        If a list of pages holds something else than pages.
    """
    if not isinstance(piece.value, dict):
        raise Unreadable("a search index")
    index, words = dict(piece.value), []
    pages = len(index.get("docnames", ()))
    for part in ("terms", "titleterms"):
        for word, found in index.pop(part, {}).items():
            numbers = found if isinstance(found, list) else [found]
            if not all(type(number) is int and 0 <= number < pages for number in numbers) or len(numbers) > pages:
                raise Unreadable("a search index")
            words.append(word)
    yield piece.inside("terms", kind="terms", text="\n".join(words))
    yield piece.inside("titles", kind="json", value=index)


def _joined(text: object) -> str:
    return "".join(text) if isinstance(text, list) else str(text)


def open_notebook(piece: Piece, room: int) -> Iterator[Piece]:
    """Cells, outputs, attachments and metadata of a notebook.

    Raises
    ------
    Unreadable
        If it is not built like a notebook of the fourth format.
    """
    notebook = piece.value
    try:
        rest = {key: value for key, value in notebook.items() if key not in ("cells", "metadata")}
        yield piece.inside("notebook", kind="json", value=rest)
        yield piece.inside("metadata", kind="notebook-metadata", value=notebook["metadata"])
        yield piece.inside("metadata", kind="json", value=notebook["metadata"])
        for number, cell in enumerate(notebook["cells"], start=1):
            yield from _cell(piece, f"cell {number}", cell)
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise Unreadable("a notebook") from error


def _cell(piece: Piece, step: str, cell: dict) -> Iterator[Piece]:
    yield piece.inside(step, kind="text", text=_joined(cell["source"]))
    yield piece.inside(f"{step}, metadata", kind="cell-metadata", value=cell["metadata"])
    yield piece.inside(f"{step}, metadata", kind="json", value=cell["metadata"])
    rest = {key: value for key, value in cell.items() if key not in ("source", "metadata", "outputs", "attachments")}
    yield piece.inside(step, kind="json", value=rest)
    for bundle in cell.get("attachments", {}).values():
        yield from _bundle(piece, f"{step}, attachment", bundle)
    for place, output in enumerate(cell.get("outputs", ()), start=1):
        yield from _output(piece, f"{step}, output {place}", output)


def _output(piece: Piece, step: str, output: dict) -> Iterator[Piece]:
    kind = output["output_type"]
    if kind == "error" or (kind == "stream" and output.get("name") == "stderr"):
        yield piece.inside(step, kind="error" if kind == "error" else "stderr")
    if kind == "stream":
        yield piece.inside(step, kind="output", text=_joined(output["text"]))
    elif kind == "error":
        yield piece.inside(
            step, kind="output", text="\n".join([output["ename"], output["evalue"], *output["traceback"]])
        )
    else:
        yield from _bundle(piece, step, output["data"])
        yield piece.inside(f"{step}, metadata", kind="json", value=output.get("metadata", {}))


def _bundle(piece: Piece, step: str, bundle: dict) -> Iterator[Piece]:
    """Each form of one output: pictures from base64, structures as JSON, all else as text."""
    for mime, content in bundle.items():
        where = f"{step}, {mime.partition('/')[0]}"
        yield piece.inside(where, kind="mime", text=mime)
        if not isinstance(content, (str, list)) or mime.endswith("json"):
            yield piece.inside(where, kind="json", value=content)
        elif mime.startswith(("image/", "application/pdf")) and "svg" not in mime:
            yield piece.inside(where, data=b64decode(_joined(content)))
        elif mime == "text/plain":
            yield piece.inside(where, kind="output", text=_joined(content))
        else:
            yield piece.inside(where, data=_joined(content).encode("utf-8", "replace"))
