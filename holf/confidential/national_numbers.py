"""Norwegian national identity numbers: never an id of a study, and never in what is published."""

from __future__ import annotations

import re

_NATIONAL = re.compile(r"(?<![^\W_])(?<!\d\.)(?:(\d{6})[ ./_-]{0,2}(\d{5})|(\d{10}))(?![^\W_])")
_FIRST, _SECOND = (3, 7, 6, 1, 8, 9, 4, 5, 2, 1), (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)


def is_national_number(digits: str) -> bool:
    """Say whether 11 digits are a Norwegian national identity number: a day and both check digits fit.

    Days above 40 are those of D numbers, months above 40 or 80 those of test persons. The two check digits are the
    weighted sums modulo 11 that the Norwegian Tax Administration describes.
    """
    numbers = [int(digit) for digit in digits]
    day, month = int(digits[:2]), int(digits[2:4])
    dated = 1 <= (day - 40 if day > 40 else day) <= 31 and 1 <= month % 40 <= 12
    first = sum(weight * number for weight, number in zip(_FIRST, numbers)) % 11
    second = sum(weight * number for weight, number in zip(_SECOND, numbers)) % 11
    return dated and first == 0 and second == 0


def holds_national_number(text: str) -> bool:
    """Say whether a normalised text has a national number, also one whose first zero a spreadsheet has taken."""
    found = _NATIONAL.finditer(text)
    return any(is_national_number(match[1] + match[2] if match[1] else f"0{match[3]}") for match in found)
