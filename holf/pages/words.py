"""Words that a page cannot do without."""

from __future__ import annotations


class PageError(ValueError):
    """A page cannot be written, since something that it has to explain has no words; the message says what."""


def words(text: object, where: str) -> str:
    """Return `text` if it says something.

    Raises
    ------
    PageError
        If it is missing or empty.

    Examples
    --------
    >>> words(" A sentence. ", "rule x, says")
    'A sentence.'
    """
    if not isinstance(text, str) or not text.strip():
        raise PageError(f"{where}: there are no words for the page")
    return " ".join(text.split())
