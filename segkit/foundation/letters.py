"""Letters of texts that are compared however they are written."""

from __future__ import annotations

import unicodedata


def without_accents(text: str) -> str:
    """Return a text with its letters' accents taken off.

    Examples
    --------
    >>> without_accents("Número de orden, março")
    'Numero de orden, marco'
    """
    plain = unicodedata.normalize("NFKD", text)
    return "".join(sign for sign in plain if not unicodedata.combining(sign))
