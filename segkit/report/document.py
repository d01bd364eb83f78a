"""The sections of a study's report: what each comes to, and where the annex says more."""

from __future__ import annotations

from segkit.report.conclusions import conclusion
from segkit.report.page.chapter import Chapter
from segkit.report.page.html import Section
from segkit.report.page.places import SECTIONS
from segkit.study.study import Study

DETAILS = {
    "who": ("explore",),
    "leading": ("segments", "rfm", "clusters", "lifecycle"),
    "expect": ("clv",),
    "act": ("recommendations",),
    "trust": ("clv-foretold", "segments-evidence", "explore-data_quality"),
}
"""Headings of the annex that say more on a section of the report."""


def sections(study: Study) -> list[Section]:
    """Return the sections of a study's report, in the order of reading.

    Of a base without buyers nothing can be said but what was read, and that nobody has bought.

    Parameters
    ----------
    study : Study
    """
    keys = SECTIONS if len(study.buyers) else ["trust"]
    return [_section(study, Chapter(study, key)) for key in keys]


def _section(study: Study, chapter: Chapter) -> Section:
    nothing = "" if len(study.buyers) else chapter.say("no_buyers", customers=len(study.customers))
    return Section(
        chapter.key,
        chapter.texts.text(f"chapters.{chapter.key}.title"),
        conclusion(study, chapter) or str(nothing),
        notes=_state_of_the_data(study, chapter) if chapter.key == "trust" else (),
        details=DETAILS[chapter.key],
    )


def _state_of_the_data(study: Study, chapter: Chapter) -> tuple[str, ...]:
    """How many lines count, and why most of those that do not were rejected."""
    quality = study.quality[study.quality["source"] == "orders"]
    lines = quality.set_index("rule")["lines"]
    read, kept, rejects = (int(lines.get(key, 0)) for key in ("read", "kept", "rejected"))
    said = [str(chapter.say("data_read", read=read, kept=kept, rejected=rejects))]
    rejected = quality[(quality["action"] == "reject") & (quality["lines"] > 0)]
    if len(rejected):
        most = rejected.nlargest(1, "lines").iloc[0]
        name = chapter.texts.text(f"rules.{most['rule']}.name")
        said.append(str(chapter.say("data_rejected", rule=name, lines=int(most["lines"]))))
    return tuple(said)
