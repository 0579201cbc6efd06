"""Ids, national identity numbers and canaries, sought as strings in text that is first brought into one spelling.

A string is never read as a number, so that a leading zero is never lost.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

_WORD = re.compile(r"[^\W_]+")
_RUN = re.compile(r"[^\W\d_]+|\d+")
# A number with decimals is one word: six decimals are no id.
_WORD_OR_DECIMAL = re.compile(r"\d+\.\d+|[^\W_]+")
# Shorter strings, and shorter numbers still more, are common by chance.
_SHORTEST_CANARY = 4
_SHORTEST_ID, _SHORTEST_NUMERIC_ID = 5, 6
# What can stand between two characters of a canary: a separator between thousands, a hyphen and a line break.
_GAP = r"[\W_]{0,4}"


def normalised(text: str) -> str:
    """Text in one spelling: no entities, NFKC, Western digits, one hyphen, small letters, nothing invisible.

    Examples
    --------
    >>> normalised("SYN&#45;F\\u00ad0012 \\uff11\\u0662\\u2013KARI")
    'syn-f0012 12-kari'
    """
    text = html.unescape(text)
    if not text.isascii():
        # What is invisible goes first: it can stand between a letter and its accent.
        text = re.sub(r"[^\x00-\x7f]", lambda match: _plain_letter(match[0]), text)
        text = unicodedata.normalize("NFKC", text)
    return text.casefold()


@lru_cache(maxsize=4096)
def _plain_letter(letter: str) -> str:
    category = unicodedata.category(letter)
    # Soft hyphens, joiners, marks of direction and tags are of the class Cf; variation selectors are not.
    if category == "Cf" or letter == "\u034f" or "\ufe00" <= letter <= "\ufe0f":
        return ""
    if category == "Nd":
        return str(unicodedata.decimal(letter))
    return "-" if category == "Pd" else letter


def folded(text: str) -> str:
    """Letters and digits of a text in one spelling, with nothing between them."""
    return "".join(_WORD.findall(normalised(text)))


def read_values(path: Path) -> tuple[str, ...]:
    """Read ids or canaries, one a line, as strings; a ValueError if the file is not UTF-8 or holds none."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError:
        raise ValueError(f"{path.name} is not UTF-8; save it as UTF-8, with one value a line") from None
    values = tuple(line.strip() for line in lines if folded(line))
    if not values:
        raise ValueError(f"{path.name} holds no value; write one a line")
    return values


def require_canaries(values: Iterable[str]) -> tuple[str, ...]:
    """Canaries that can be sought; a ValueError names by its number one with so few letters that any site holds it."""
    values = tuple(values)
    for number, value in enumerate(values, start=1):
        if len(folded(value)) < _SHORTEST_CANARY:
            raise ValueError(f"canary {number} has fewer than {_SHORTEST_CANARY} letters and digits: any site holds it")
    return values


def is_distinct(identifier: str) -> bool:
    """Say whether an id can be told from other words and numbers: five characters or more, six if all are digits."""
    plain = folded(identifier)
    return len(plain) >= (_SHORTEST_NUMERIC_ID if plain.isdigit() else _SHORTEST_ID)


class IdIndex:
    """Ids, prepared to be sought all at once; those that are not distinct are left out.

    An id is found as one word, or as neighbouring words that end where its own parts end: where it has a separator, or
    where digits follow letters. So "F-7731" is found in "f 7731" and "F7731", and "F00112" not in "F001, 12".

    Examples
    --------
    >>> index = IdIndex(["F-7731", "004711"])
    >>> [index.occurs_in(text) for text in ("f_7731", "f7731.", "f-77312", "id=004711", "0.004711", "4711")]
    [True, True, False, True, False, False]
    """

    def __init__(self, identifiers: Iterable[str]):
        distinct = [normalised(identifier) for identifier in identifiers if is_distinct(identifier)]
        runs = [_RUN.findall(identifier) for identifier in distinct]
        self._whole = frozenset(map("".join, runs))
        self._in_parts = frozenset(map("-".join, runs))
        self._most_parts = max(map(len, runs), default=0)

    def occurs_in(self, text: str) -> bool:
        """Say whether one of the ids stands in a normalised text."""
        if not self._whole:
            return False
        if not self._whole.isdisjoint(_WORD_OR_DECIMAL.findall(text)):
            return True
        words = [word if word.isdigit() else "-".join(_RUN.findall(word)) for word in _WORD.findall(text)]
        return any(
            not self._in_parts.isdisjoint(map("-".join, zip(*(words[start:] for start in range(parts)))))
            for parts in range(2, self._most_parts + 1)
        )


def holds_canary(text: str, canaries: Iterable[str]) -> bool:
    """Say whether one of the canaries stands in a normalised text, whatever separates its characters."""
    plain = "".join(_WORD.findall(text)) if canaries else ""
    # Most texts are done with once the letters alone are compared.
    return any(letters in plain and pattern.search(text) for letters, pattern in map(_sought, canaries))


@lru_cache(maxsize=4096)
def _sought(canary: str) -> tuple[str, re.Pattern]:
    """A canary folded, and as a pattern with gaps between its characters; digits are not sought in a longer number."""
    letters = folded(canary)
    before, after = r"(?<!\d)" * letters[0].isdigit(), r"(?!\d)" * letters[-1].isdigit()
    return letters, re.compile(before + _GAP.join(map(re.escape, letters)) + after)
