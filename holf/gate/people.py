"""People and offices: their identifiers, national identity numbers, and columns that hold them."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator

from holf.gate.known import Known
from holf.gate.markup import parse, rows_of
from holf.gate.piece import PLAIN, Piece
from holf.gate.repeats import is_number
from holf.gate.shapes import LISTED, values_in

_ELEVEN = re.compile(r"(?<![\w.,/-])(\d{6}) ?(\d{5})(?![\w/-])")
_FIRST, _SECOND = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)
# Data columns, in the spelling of data: a heading for readers is a word with a capital.
_TELLING = frozenset(
    "date_of_birth birth_date birthdate dob fodselsdato fødselsdato fnr personnummer country_of_birth birth_country "
    "fodeland fødeland landbakgrunn free_text freetext open_answer fritekst kommentar comment comments remarks "
    "address adresse postcode postnummer phone telefon email epost".split()
)
# Two rows can be an example in prose; three are a table by office.
_FEWEST_OFFICES = 3


def is_national_number(digits: str) -> bool:
    """Say whether 11 digits are a Norwegian national identity number: a day and both check digits fit.

    Days above 40 are those of D numbers, months above 40 or 80 those of test persons. The two check digits are the
    weighted sums modulo 11 that the Norwegian Tax Administration describes.

    Examples
    --------
    >>> is_national_number("01010000000"), is_national_number("12345678901")
    (False, False)
    """
    numbers = [int(digit) for digit in digits]
    day, month = int(digits[:2]), int(digits[2:4])
    dated = 1 <= (day - 40 if day > 40 else day) <= 31 and 1 <= month % 40 <= 12
    first = sum(weight * number for weight, number in zip(_FIRST, numbers)) % 11
    second = sum(weight * number for weight, number in zip(_SECOND, numbers)) % 11
    return dated and first == 0 and second == 0


def holds_national_number(piece: Piece, known: Known) -> bool:
    """A Norwegian national identity number."""
    if piece.kind not in PLAIN | {"name", "json"}:
        return False
    return any(is_national_number(match[1] + match[2]) for match in _ELEVEN.finditer(piece.text))


def holds_id(piece: Piece, known: Known) -> bool:
    """An identifier of the study, real or simulated: pages hold none of either."""
    if piece.kind not in PLAIN | {"name", "json", "pdf-objects"}:
        return False
    if known.id_pattern and re.search(rf"(?<!\w){known.id_pattern}(?!\w)", piece.text, re.IGNORECASE):
        return True
    # A search index breaks an id at its hyphens, and writes it small.
    parts = (part for identifier in known.ids for part in re.split(r"\W+", identifier))
    broken = {part.lower() for part in parts if len(part) > 3 and re.search(r"\d", part)}
    if piece.kind == "terms" and broken & set(piece.text.lower().split("\n")):
        return True
    return any(re.search(rf"(?<![\w-]){re.escape(one)}(?![\w-])", piece.text, re.IGNORECASE) for one in known.ids)


def _text_rows(text: str) -> Iterator[list[str]]:
    """Lines of a text as fields, for each sign that may separate them; None between two readings."""
    lines = text.splitlines()
    for sign in ",;\t|":
        if sign in text:
            try:
                yield from ([field.strip() for field in row] for row in csv.reader(lines, delimiter=sign))
            except csv.Error:
                yield from ([field.strip() for field in line.split(sign)] for line in lines)
    yield from (re.split(r"\s{2,}", line.strip()) for line in lines)


def _table_rows(piece: Piece) -> Iterator[list[str]]:
    if piece.kind == "markup":
        for table in parse(piece.text).find_all("table"):
            yield from rows_of(table)
    elif piece.kind in LISTED:
        yield from _text_rows(piece.text)
    elif piece.kind == "json":
        for value in values_in(piece.value):
            if isinstance(value, dict):
                for key, entry in value.items():
                    yield [key, str(entry)]
                yield [str(entry) for entry in value.values()]
            elif isinstance(value, list):
                yield [str(entry) for entry in value]


def holds_offices(piece: Piece, known: Known) -> bool:
    """A table with numbers by office, in any form: group disclosure, and it tells the arms apart."""
    offices, found = set(known.offices), set()
    for row in _table_rows(piece) if offices else ():
        named = offices.intersection(row)
        if named and any(is_number(cell) for cell in row):
            found |= named
    return len(found) >= _FEWEST_OFFICES


def holds_columns(piece: Piece, known: Known) -> bool:
    """A column of keys, free text, birth dates, countries of birth or contacts."""
    telling = _TELLING | set(known.keys)
    if piece.kind == "markup":
        heads = (row for table in parse(piece.text).find_all("table") for row in rows_of(table)[:1])
        return any(telling.intersection(head) for head in heads)
    if piece.kind == "json":
        return any(isinstance(value, dict) and telling & value.keys() for value in values_in(piece.value))
    if piece.kind in LISTED:
        before: list[str] = []
        for row in _text_rows(piece.text):
            if len(before) > 1 and len(row) == len(before) and telling.intersection(before):
                return True
            before = row
    return False
