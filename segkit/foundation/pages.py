"""HTML pages, where they are shown away from the files beside them."""

from __future__ import annotations

import re

_OUTWARD = re.compile(r'<a href="(?!#)[^"]*"')


def inward(page: str) -> str:
    """Return a page whose links lead only to itself.

    Examples
    --------
    >>> inward('<a href="#here">Here</a> <a href="annex.html#all">All</a>')
    '<a href="#here">Here</a> <a>All</a>'
    """
    return _OUTWARD.sub("<a", page)
