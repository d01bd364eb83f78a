"""What to do with each segment: as cards in the report, as Markdown and as JSON."""

from __future__ import annotations

import os
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd
from markupsafe import Markup

from segkit.errors import SegkitError, suggestion
from segkit.report.chapter import Chapter, Fragment
from segkit.report.exports import replacing, write_json
from segkit.report.format import Formats
from segkit.report.playbook import Playbook, languages
from segkit.report.recommendations import Recommendation, recommendations, to_json, to_markdown

if TYPE_CHECKING:
    from segkit.study import Study


def recommend(study: Study, chapter: Chapter, segmentation: str | None = None) -> Fragment:
    """Return the recommendations of a segmentation as cards, and leave them as files.

    Parameters
    ----------
    study : Study
    chapter : Chapter
        Where they are shown.
    segmentation : str, optional
        By default the client's `report.recommendations`.

    Returns
    -------
    Fragment
        One card a segment. The run's folder gets `exports/recommendations.md` in the
        client's language, one more file for each other language that the kit speaks,
        and `exports/recommendations.json` with all segmentations.

    Notes
    -----
    Definitions, section 10.
    """
    names = study.segmentations
    segmentation = segmentation or study.params.report.recommendations
    if segmentation not in names:
        fix = suggestion(segmentation, names)
        raise SegkitError("unknown segmentation", values=[segmentation], fix=fix)
    advice = recommendations(study.kpis(segmentation), segmentation, study.playbook)
    _leave_markdown(study, segmentation, advice)
    _leave_json(study, segmentation)
    return _cards(advice, chapter)


def special_cells(study: Study) -> pd.DataFrame:
    """Return the RFM cells that need their own treatment: who, how much, which rule.

    Returns
    -------
    DataFrame
        `cell`, `customers`, `revenue_all_time`, `discount`, `advice`.

    Notes
    -----
    Definitions, section 4: `555` never gets a discount, `115` gets value added.
    """
    totals = study.rfm.cell_totals(study.scores, study.customers).set_index("cell")
    rows = []
    for cell in study.playbook.cells:
        entry = study.playbook.cell(cell)
        customers, revenue = totals.loc[cell, ["customers", "revenue"]]
        policy = study.playbook.discounts[entry.discount].name
        rows.append((cell, int(customers), float(revenue), policy, entry.discount_note))
    return pd.DataFrame(
        rows, columns=["cell", "customers", "revenue_all_time", "discount", "advice"]
    )


def _leave_markdown(study: Study, segmentation: str, advice: list[Recommendation]) -> None:
    folder = study.run_dir / "exports"
    own = study.params.language
    _write(folder / "recommendations.md", _markdown(study, advice, study.playbook))
    for language in languages():
        if language != own:
            playbook = Playbook.load(language)
            other = recommendations(study.kpis(segmentation), segmentation, playbook)
            _write(folder / f"recommendations.{language}.md", _markdown(study, other, playbook))


def _markdown(study: Study, advice: list[Recommendation], playbook: Playbook) -> str:
    formats = Formats(study.params.display_locale, study.params.currency)
    return to_markdown(
        advice,
        language=playbook.language,
        generated=date.today(),
        money=formats.money,
        decimal=formats.decimal,
        integer=formats.integer,
        document=playbook.document,
    )


def _leave_json(study: Study, segmentation: str) -> None:
    playbook = study.playbook
    written = {
        name: to_json(
            recommendations(study.kpis(name), name, playbook),
            language=playbook.language,
            generated=date.today(),
            document=playbook.document,
        )
        for name in study.segmentations
    }
    others = {name: held["segments"] for name, held in written.items() if name != segmentation}
    head = {"client": study.params.client, "as_of": study.as_of.isoformat()}
    content = head | {"segmentation": segmentation} | written[segmentation]
    write_json(
        content | {"other_segmentations": others},
        study.run_dir / "exports" / "recommendations.json",
    )


def _write(path: os.PathLike, text: str) -> None:
    with replacing(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def _cards(advice: list[Recommendation], chapter: Chapter) -> Fragment:
    cards = [_card(one, chapter) for one in advice]
    html = Markup('<div class="cards">\n{}\n</div>').format(Markup("\n").join(cards))
    plain = "\n".join(f"{one.entry.name}: {one.entry.description}" for one in advice)
    return Fragment(html, plain, "cards")


def _card(one: Recommendation, chapter: Chapter) -> Markup:
    entry, text, formats = one.entry, chapter.texts.text, chapter.formats
    figures = {
        chapter.columns.label("customers"): f"{formats.integer(one.customers)} "
        f"({formats.percent(one.customers_share)})",
        chapter.columns.label("recency_days"): formats.by_kind("days")(one.recency_days),
        chapter.columns.label("orders_per_customer"): formats.decimal(one.orders_per_customer, 1),
        chapter.columns.label("ltv"): formats.money(one.ltv),
        chapter.columns.label("aov_mean"): formats.money(one.aov_mean),
    }
    rows = [
        (text("labels.strategies"), _bullets(entry.strategies)),
        (text("labels.channels"), Markup("<p>{}</p>").format(" · ".join(entry.channels))),
        (text("labels.contact_frequency"), Markup("<p>{}</p>").format(entry.contact_frequency)),
        (
            text("labels.discount"),
            Markup("<p><strong>{}.</strong> {}</p>").format(one.policy.name, entry.discount_note),
        ),
        (text("labels.kpi"), Markup("<p>{}</p>").format(entry.kpi)),
    ]
    return Markup(
        '<section class="card">\n<h3 id="{id}">{name}</h3>\n<dl class="profile">{figures}</dl>\n'
        "<p>{description}</p>\n{rows}\n</section>"
    ).format(
        id=f"{chapter.key}-{one.segment}",
        name=entry.name,
        figures=Markup("").join(
            Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*pair) for pair in figures.items()
        ),
        description=entry.description,
        rows=Markup("\n").join(Markup("<h4>{}</h4>\n{}").format(*row) for row in rows),
    )


def _bullets(items: list[str]) -> Markup:
    return Markup("<ul>{}</ul>").format(
        Markup("").join(Markup("<li>{}</li>").format(item) for item in items)
    )
