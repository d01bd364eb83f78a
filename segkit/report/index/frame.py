"""What pages over several runs share: their head, and how numbers of no one client are written."""

from __future__ import annotations

import datetime as dt

from segkit.params import NO_CURRENCY, Params
from segkit.report.web.pages import POLICY, style_sheet
from segkit.words.format import Formats
from segkit.words.texts import Texts


def formats_of(language: str, currency: str = NO_CURRENCY) -> Formats:
    """Return how readers of a language write numbers where no client says its country."""
    return Formats(Params.model_construct(language=language).display_locale, currency)


def around(texts: Texts, now: dt.datetime) -> dict[str, object]:
    """Return what every page over several runs needs."""
    formats = formats_of(texts.language)
    return {
        "language": texts.language,
        "policy": POLICY,
        "css": style_sheet("page.css", "index.css"),
        "text": lambda key: texts.text(f"page.{key}"),
        "written": texts.fill("page.index_written", formats, at=now),
    }
