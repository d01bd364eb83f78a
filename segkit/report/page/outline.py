"""Headings of a page: put in order, each with an id of its own, and listed as its contents."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from markupsafe import Markup

from segkit.report.page.clean import parsed, refuse_requests

HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")


@dataclass
class Entry:
    """A line of the table of contents, with the lines below it."""

    id: str
    title: str
    below: list[Entry] = field(default_factory=list)


class Outline:
    """Puts headings in order, gives each an id of its own and collects the contents.

    Attributes
    ----------
    entries : list of Entry
        The table of contents.
    titles : dict of str to str
        Title of every heading, by its id.
    """

    def __init__(self, taken: set[str]) -> None:
        self.entries: list[Entry] = []
        self.titles: dict[str, str] = {}
        self.taken = set(taken)

    def add(self, html: str, below: int = 1) -> Markup:
        """Return a chapter's HTML with its headings mended, under one of a level, and note them."""
        soup = parsed(html)
        refuse_requests(soup)
        level, parts = below, 0
        for heading in soup(HEADINGS):
            is_part = "part" in heading.get_attribute_list("class")
            parts = parts or int(is_part)
            wanted = int(heading.name[1]) + (parts if not is_part else 0)
            level = min(max(wanted, 2), level + 1)  # no level is left out on the way down
            heading.name = f"h{level}"
            name = self._unique(str(heading.get("id") or _slug(heading.get_text())))
            heading["id"] = name
            self.titles[name] = " ".join(heading.get_text().split())
            self._note(level, Entry(name, self.titles[name]))
        return Markup(soup.decode(formatter="minimal").strip())

    def _unique(self, wanted: str) -> str:
        name, count = wanted, 1
        while name in self.taken:
            count += 1
            name = f"{wanted}-{count}"
        self.taken.add(name)
        return name

    def _note(self, level: int, entry: Entry) -> None:
        if level == 2:
            self.entries.append(entry)
        elif level == 3 and self.entries:
            self.entries[-1].below.append(entry)


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60] or "section"
