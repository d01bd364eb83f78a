"""The files that a finished run hands over: the report, the workbook and the slides."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from bs4 import BeautifulSoup

from segkit.errors import SegkitError, nearest
from segkit.report.document import sections
from segkit.report.exports.brief import print_brief, write_brief
from segkit.report.exports.workbook import Contents, sheet_names, write_workbook
from segkit.report.method import in_short, method
from segkit.report.page.chapter import Chapter
from segkit.report.page.html import ANNEX, ReportContext, build_report, names_shown
from segkit.report.page.pdf import print_pdf
from segkit.report.page.provenance import Provenance
from segkit.report.page.theme import theme_of
from segkit.report.summary import summary
from segkit.study.study import Study
from segkit.words.columns import Columns
from segkit.words.format import Formats
from segkit.words.texts import Texts
from segkit.words.wording import Wording

SLIDES = "slides.pptx"
SLIDES_FIX = "install segkit[slides] and run with --force, or set report.slides to false"
NAMES = "take the names of the files in exports/tables"


def build(study: Study, manifest: dict[str, Any], notebooks: list[Path]) -> Path:
    """Write report, annex, brief, their PDFs, `exports/tables.xlsx` and slides of what notebooks left.

    Parameters
    ----------
    study : Study
    manifest : dict
        The run's `run.json`; whether there is a brief, a PDF, are slides, and remarks, are added.
    notebooks : list of Path
        Executed, in the order of the chapters.

    Returns
    -------
    Path
        The report.
    """
    params, texts = study.params, Texts(study.params.language)
    formats = Formats(params.display_locale, params.currency)
    context = ReportContext(
        client=params.title,
        language=params.language,
        formats=formats,
        texts=texts,
        as_of=study.as_of,
        period_start=study.period_start,
        generated=datetime.fromisoformat(manifest["finished"]),
        headline=_headline(study.run_dir),
        summary=None if study.buyers.empty else summary(study),
        sections=sections(study),
        method=method(study, Chapter(study, "method")),
        method_in_short=in_short(study, Chapter(study, "method")),
        theme=theme_of(params, study.root),
        provenance=_provenance(study, manifest),
    )
    report = build_report(notebooks, study.run_dir, context)
    annex = report.with_name(ANNEX)
    sheets = _write_tables(study, context, annex)
    brief = write_brief(study.run_dir, context)
    remarks = _misplaced(params.report.places, notebooks)
    pdf = None
    for page in [report] * params.report.pdf + [annex] * params.report.annex_pdf:
        printed, said = _printed(page)
        pdf, remarks = pdf or printed, remarks + said
    if brief and pdf == report.with_suffix(".pdf").name:  # else there is nothing to print it with
        remarks += _tried(lambda: print_brief(study.run_dir, context))
    slides, said = _slides(study, context, sheets)
    manifest |= {"brief": brief and brief.name, "pdf": pdf, "slides": slides}
    manifest["remarks"] = remarks + said
    return report


def _misplaced(places: Mapping[str, str], notebooks: list[Path]) -> list[str]:
    """Say which names of `report.places` are no table or picture of this run."""
    if not places:  # as for most clients: the notebooks need not be read for it
        return []
    known = names_shown(notebooks)
    return [
        str(
            SegkitError(
                "no table or picture of this run has that name",
                where="report.places",
                values=[name],
                fix=f"write {near}" if (near := nearest(name, sorted(known))) else NAMES,
            )
        )
        for name in places
        if name not in known
    ]


def _printed(page: Path) -> tuple[str | None, list[str]]:
    """Print a page; a machine that cannot still has the page itself."""
    pdf = page.with_suffix(".pdf")
    pdf.unlink(missing_ok=True)
    said = _tried(lambda: print_pdf(page, pdf))
    return None if said else pdf.name, said


def _tried(printing: Callable[[], Path]) -> list[str]:
    """Print, and return what went wrong."""
    try:
        printing()
    except (SegkitError, OSError) as error:
        return [str(error)]
    return []


def _slides(
    study: Study, context: ReportContext, sheets: Mapping[str, str]
) -> tuple[str | None, list[str]]:
    """Write the slides of a client that wants them; a machine that cannot says so."""
    file = study.run_dir / SLIDES
    file.unlink(missing_ok=True)
    if not study.params.report.slides:
        return None, []
    try:
        # An extra that few want, and heavy: loaded only where slides are made.
        from segkit.report.exports.slides import write_slides
        from segkit.report.slides import deck

        return write_slides(deck(study, context, sheets), file).name, []
    except ImportError:
        return None, [str(SegkitError("no slides (no python-pptx)", where=SLIDES, fix=SLIDES_FIX))]
    except (SegkitError, OSError) as error:
        return None, [f"{SLIDES}: {error}"]


def _write_tables(study: Study, context: ReportContext, annex: Path) -> dict[str, str]:
    """Write the workbook, and return the sheet of each table."""
    folder = study.run_dir / "data" / "tables"
    said = headed(annex)
    order = {name: place for place, name in enumerate(said)}
    files = sorted(folder.glob("*.parquet"), key=lambda file: (order.get(file.stem, 10**6), file))
    tables = {file.stem: pd.read_parquet(file) for file in files}
    names = {
        table: study.segment_names[segmentation]
        for table in tables
        for segmentation in study.segment_names
        if table.endswith(f"_{segmentation}")
    }
    clusters = study.segment_names["clusters"]
    names |= {"cluster_profile": clusters, "cluster_relative": clusters}
    wording = Wording(context.texts, Columns(context.language), context.formats)
    if tables:
        out = study.run_dir / "exports" / "tables.xlsx"
        write_workbook(tables, out, wording, names=names, contents=_contents(context, said))
    home = context.texts.text("page.contents")
    return dict(zip(tables, sheet_names([home, *tables])[1:], strict=True))


def headed(page: Path) -> dict[str, tuple[str, str]]:
    """Return title and note of each table and picture of a page, by its name, in its order."""
    soup = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    said: dict[str, tuple[str, str]] = {}
    for heading in soup.select("main :is(h3, h4)[id], footer :is(h3, h4)[id]"):
        after = heading.find_next_sibling()
        is_note = after is not None and "note" in after.get_attribute_list("class")
        note = after if is_note or after is None else after.find("figcaption")
        name = str(heading["id"]).partition("-")[2]
        said.setdefault(name, (heading.get_text(), note.get_text() if note else ""))
    return said


def _contents(context: ReportContext, said: dict[str, tuple[str, str]]) -> Contents:
    date, last_day = context.formats.date, context.as_of - timedelta(days=1)
    facts = {
        "period": f"{date(context.period_start)} – {date(last_day)}",
        "as_of": date(context.as_of),
        "generated": date(context.generated),
    }
    labelled = {context.texts.text(f"page.{key}"): fact for key, fact in facts.items()}
    title = context.texts.text("page.title")
    return Contents(context.client, title, context.generated, labelled, said)


def _headline(run_dir: Path) -> dict[str, float]:
    file = run_dir / "data" / "headline.json"
    held: dict[str, float] = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    return held


def _provenance(study: Study, manifest: dict[str, Any]) -> Provenance:
    counts, quality = manifest["counts"], study.quality
    rules = quality[(quality["source"] == "orders") & (quality["action"] == "reject")]
    return {
        "sources": [
            {"file": file, "sha256": digest}
            for files in manifest["inputs"].values()
            for file, digest in files.items()
        ],
        "rows": {part: counts[f"lines_{part}"] for part in ("read", "kept", "rejected")},
        "data_quality": rules.loc[rules["lines"] > 0, ["rule", "action", "lines", "amount"]],
        "versions": manifest["versions"],
        "parameters": manifest["parameters"],
        "fingerprint": manifest["fingerprint"],
    }
