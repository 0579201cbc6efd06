"""Canaries: values that are known to be in the data, sought in every form in which they could come out.

A canary proves that the other rules have a hole, so no exception excuses it.
"""

from __future__ import annotations

import re
import struct
from functools import lru_cache

from holf.gate.known import Known
from holf.gate.piece import Piece

_GROUP = r"[\s.,'’_\u00a0\u202f]?"
# A whole number of fewer digits is common by chance, and so are its bytes.
_FEWEST_DIGITS = 5


def _grouped(number: int) -> str:
    """Regular expression of a whole number, with or without a sign between thousands."""
    return f"{abs(number):,}".replace(",", _GROUP)


def _decimals(value: float) -> str:
    """Regular expression of what stands behind the decimal sign, given or cut after one digit more or less."""
    digits = repr(abs(value)).partition(".")[2] if "e" not in repr(value) else ""
    return rf"[.,]{digits}0*" if digits.strip("0") else r"(?:[.,]0+)?"


@lru_cache(maxsize=256)
def number_pattern(value: float) -> re.Pattern:
    """Find a number as it is written: grouped, with point or comma, rounded, in single precision, as a power of ten.

    Examples
    --------
    >>> pattern = number_pattern(31337.77)
    >>> [bool(pattern.search(text)) for text in ("31 337,77", "31,337.77", "31338", "3.133777e+04", "31339")]
    [True, True, True, True, False]
    """
    whole, single = int(abs(value)), struct.unpack("<f", struct.pack("<f", value))[0]
    forms = [_grouped(whole) + _decimals(value), re.escape(repr(abs(single))), re.escape(str(abs(value)))]
    # The letters behind the point of a scientific number may be cut or go on.
    mantissa, _, power = f"{abs(value):.15e}".partition("e")
    forms.append(rf"{re.escape(mantissa.rstrip('0').rstrip('.'))}0*[eE]\+?{int(power):d}".replace(r"\+?", r"\+?0?"))
    for decimals in (1, 0):
        rounded = round(abs(value), decimals)
        if len(str(whole)) >= _FEWEST_DIGITS:
            forms.append(_grouped(int(rounded)) + _decimals(rounded))
    if len(str(whole)) >= _FEWEST_DIGITS:
        forms.append(_grouped(whole))
    return re.compile(rf"(?<![\d])(?<!\d[.,])(?:{'|'.join(dict.fromkeys(forms))})(?!\d)(?![.,]\d)")


@lru_cache(maxsize=256)
def number_bytes(value: float) -> tuple[bytes, ...]:
    """A number as computers store it: two precisions, and whole numbers in two widths, in either order of bytes."""
    out = [struct.pack(order + code, value) for code in "fd" for order in "<>"]
    if value == int(value) and len(str(int(abs(value)))) >= _FEWEST_DIGITS:
        codes = "iq" if abs(value) < 2**31 else "q"
        out += [struct.pack(order + code, int(value)) for code in codes for order in "<>"]
    return tuple(dict.fromkeys(out))


def _number_in(piece: Piece, value: float) -> bool:
    if piece.text:
        return bool(number_pattern(value).search(piece.text))
    # Everyday numbers are mostly zeros in single precision, and zeros are everywhere.
    return any(form in piece.data for form in number_bytes(value) if len(set(form)) > 2)


def _string_in(piece: Piece, canary: str) -> bool:
    if canary.casefold() in piece.text.casefold():
        return True
    if any(canary.encode(code, "replace") in piece.data for code in ("utf-8", "utf-16-le", "utf-16-be", "cp1252")):
        return True
    # A search index keeps the stems of the words between hyphens, in small letters.
    if piece.kind != "terms":
        return False
    stems = [part.lower()[:-1] for part in re.split(r"\W+", canary) if len(part) > 5]
    return any(term.startswith(stem) for term in piece.text.lower().split("\n") for stem in stems)


def holds_canary(piece: Piece, known: Known) -> bool:
    """One of the values that must not come out, as text or as bytes.

    Examples
    --------
    >>> holds_canary(Piece("a.txt", kind="text", text="an income of 31 337,77"), Known(canaries=(31337.77,)))
    True
    """
    return any(
        _string_in(piece, canary) if isinstance(canary, str) else _number_in(piece, canary) for canary in known.canaries
    )
