"""The report on one page: for a browser and paper, and as a mail that only needs a sender."""

from __future__ import annotations

import base64
import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from pathlib import Path
from typing import cast

from segkit.foundation.files import replacing
from segkit.report.exports.trend_picture import HEIGHT, WIDTH, trend_picture
from segkit.report.page.first_screen import Action, Figure, Summary
from segkit.report.page.html import DOCUMENT, ReportContext
from segkit.report.page.pdf import page_count, print_page
from segkit.report.web.pages import POLICY, template

PAGE, MAIL, PRINTED = "brief.html", "brief.eml", "brief.pdf"
PAGE_WIDTH = 600  # what the panes of mail programs have room for
NAME, WORDS, SENTENCE = 100, 60, 360
"""Letters of a name, of a figure and its label, and of a sentence: with more of them, a page of paper overflows."""
SCALES = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
"""Sizes of letters on paper: the first that leaves one page is taken."""
ON_PAPER = (
    "<style>@page { size: A4; margin: 12mm 16mm; }"
    " body { -webkit-print-color-adjust: exact; print-color-adjust: exact; }</style>\n"
)
RASTER = re.compile(r"data:image/(png|jpeg);base64,(.+)")
"""Logos that mail programs show; drawings they do not."""
BLANKS = re.compile(r"[ \t\n\r\f\v\x1c-\x1f\x85\u2028\u2029]+")
"""All that parts words, but for the blanks that keep numbers and their units together."""
BRACE = "&#123;"
"""A brace that no program which fills templates takes for one of its own."""


@dataclass(frozen=True)
class Brief:
    """What a brief says of a client, in texts of bounded length.

    Parameters
    ----------
    client, footer : str
    summary : Summary
    """

    client: str
    footer: str
    summary: Summary


@dataclass(frozen=True)
class Medium:
    """Where a brief is read.

    Parameters
    ----------
    pictures : mapping of str to str
        Address of each picture, by its name.
    policy : str, optional
        What a browser lets the page do.
    link : str, optional
        Address of the report.
    style : str, optional
        Of the sheet of paper.
    width : int, optional
        At most, in pixels; by default that of what it is read on.
    margin : str, optional
        Around it.
    scale : float, optional
        Of all letters.
    """

    pictures: Mapping[str, str] = field(default_factory=dict)
    policy: str = ""
    link: str = ""
    style: str = ""
    width: int | None = PAGE_WIDTH
    margin: str = "16px"
    scale: float = 1.0


def write_brief(folder: Path, context: ReportContext) -> Path | None:
    """Write `brief.html` and `brief.eml` into a run's folder, beside its report.

    Parameters
    ----------
    folder : Path
        Of the run. What earlier briefs left in it is removed.
    context : ReportContext
        What the report says around its chapters; its `summary` is what a brief says.

    Returns
    -------
    Path or None
        `brief.html`; without a summary there is nothing to say, and no brief.
    """
    folder = Path(folder)
    made = {} if context.summary is None else {PAGE: brief_page(context), MAIL: mail(context)}
    for name in (PAGE, MAIL, PRINTED):
        (folder / name).unlink(missing_ok=True)
    for name, content in made.items():
        with replacing(folder / name) as beside:
            beside.write_bytes(content)
    return folder / PAGE if made else None


def print_brief(folder: Path, context: ReportContext) -> Path:
    """Print a brief on one page, `brief.pdf`, in the largest letters that leave one.

    Parameters
    ----------
    folder : Path
        Of the run.
    context : ReportContext
        As for `write_brief`.

    Returns
    -------
    Path

    Raises
    ------
    SegkitError
        When nothing on this machine prints it; see `segkit.report.page.pdf.print_page`.
    """
    pictures = _pictures(context)
    with replacing(Path(folder) / PRINTED) as beside:
        for scale in SCALES:
            paper = Medium(pictures, style=ON_PAPER, width=None, margin="0", scale=scale)
            print_page(_rendered(context, paper), beside)
            if page_count(beside) <= 1:
                break
    return Path(folder) / PRINTED


def brief_page(context: ReportContext) -> bytes:
    """Return a brief as a page of its own, in UTF-8, with a link to the report beside it."""
    return _rendered(context, Medium(_pictures(context), policy=POLICY, link=DOCUMENT)).encode()


def mail(context: ReportContext) -> bytes:
    """Return a brief as a mail without sender and recipients: the same bytes for the same run.

    Its parts are a plain text, and a page with its pictures; it links to nothing, and asks for nothing.

    Parameters
    ----------
    context : ReportContext
        As for `write_brief`. `generated` is the mail's date.

    Source
    ------
    RFC 2387 (multipart/related), RFC 2392 (cid).
    """
    pictures = {name: each for name, each in _pictures(context).items() if RASTER.fullmatch(each)}
    message = EmailMessage(policy=SMTP)
    message["Date"] = format_datetime(context.generated)
    message.set_content(plain_text(context), cte="quoted-printable")
    page = _rendered(context, Medium({name: f"cid:{name}@segkit" for name in pictures}))
    message.add_alternative(page, subtype="html", cte="quoted-printable")
    html = cast(EmailMessage, list(message.iter_parts())[-1])
    for name, address in pictures.items():
        kind, content = _decoded(address)
        html.add_related(
            content,
            maintype="image",
            subtype=kind,
            cid=f"<{name}@segkit>",
            filename=f"{name}.{kind}",
            disposition="inline",
        )
    for place, part in enumerate(each for each in message.walk() if each.is_multipart()):
        part.set_boundary(f"=_segkit_{place}")  # neither encoding of the parts makes a "=_"
    # As one run of encoded words: where plain ones stand between, `email.policy` loses blanks.
    line = Header(subject(context), "utf-8", header_name="Subject").encode(linesep=SMTP.linesep)
    return f"Subject: {line}{SMTP.linesep}".encode("ascii") + message.as_bytes()


def subject(context: ReportContext) -> str:
    """Return what a brief is about, in one line that nothing in a client's name can end."""
    said = (_short(context.client, NAME), context.texts.text("page.brief_title"), _period(context))
    return " · ".join(" ".join(part.split()) for part in said if part)


def plain_text(context: ReportContext) -> str:
    """Return a brief for programs, and readers, that show no page."""
    brief, texts = _brief(context), context.texts
    said = brief.summary
    figures = [
        f"{figure.label}: {figure.value}" + (f" ({figure.change})" if figure.change else "")
        for figure in said.figures
    ]
    actions = [f"{action.title}\n   {action.sentence}" for action in said.actions]
    parts = [
        ("", [brief.client, texts.text("page.brief_title"), _period(context)]),
        (texts.text("page.key_figures"), [*figures, *filter(None, [said.compared])]),
        (texts.text("chapters.expect.title"), [said.forecast] if said.forecast else []),
        (texts.text("page.findings"), _numbered(said.findings)),
        (texts.text("page.actions"), _numbered(actions)),
        (texts.text("page.brief_campaign"), [said.campaign] if said.campaign else []),
        ("", [*filter(None, [said.loss, _state_of_data(context), brief.footer])]),
    ]
    told = ["\n".join([title.upper()] * bool(title) + lines) for title, lines in parts if lines]
    return "\n\n".join(told) + "\n"


def _rendered(context: ReportContext, medium: Medium) -> str:
    def text(key: str) -> str:
        return context.texts.text(f"page.{key}")

    brief = _brief(context)
    trends = [medium.pictures.get(_trend(place), "") for place in range(len(brief.summary.figures))]
    notes = [brief.summary.compared, text("trend_note") if any(trends) else ""]
    page = template("brief.html.j2").render(
        context=context,
        brief=brief,
        medium=medium,
        subject=subject(context),
        period=_period(context),
        text=text,
        logo=medium.pictures.get("logo", ""),
        trends=trends,
        size=(WIDTH, HEIGHT),
        notes=[note for note in notes if note],
        data=_state_of_data(context),
    )
    return page.replace("{", BRACE).replace("</head>", f"{medium.style}</head>", 1)


def _brief(context: ReportContext) -> Brief:
    given = context.summary or Summary((), "", (), ())
    summary = replace(
        given,
        figures=tuple(map(_short_figure, given.figures)),
        findings=tuple(_short(sentence, SENTENCE) for sentence in given.findings),
        actions=tuple(map(_short_action, given.actions)),
        **{
            name: _short(getattr(given, name), SENTENCE)
            for name in ("compared", "loss", "forecast", "campaign")
        },
    )
    return Brief(_short(context.client, NAME), _short(context.theme.footer, SENTENCE), summary)


def _short_figure(figure: Figure) -> Figure:
    label, value, change = (
        _short(text, WORDS) for text in (figure.label, figure.value, figure.change)
    )
    alt = _short(figure.trend_alt, SENTENCE)
    return replace(figure, label=label, value=value, change=change, trend_alt=alt)


def _short_action(action: Action) -> Action:
    return replace(
        action, title=_short(action.title, NAME), sentence=_short(action.sentence, SENTENCE)
    )


def _short(text: str, most: int) -> str:
    """Return a text in one line without what is no letter, cut after a word where it is too long.

    Examples
    --------
    >>> _short("Acme\\r\\nBcc: all", 60), _short("one two three", 10)
    ('Acme Bcc: all', 'one two…')
    """
    line = BLANKS.sub(" ", text).strip()
    line = "".join(letter for letter in line if unicodedata.category(letter)[0] != "C")
    if len(line) <= most:
        return line
    cut = line[: most - 1]
    end = cut.rfind(" ")
    return f"{cut[:end] if end > most // 2 else cut}…"


def _period(context: ReportContext) -> str:
    date, last_day = context.formats.date, context.as_of - timedelta(days=1)
    return f"{date(context.period_start)} – {date(last_day)}"


def _state_of_data(context: ReportContext) -> str:
    rows = context.provenance.get("rows")
    return context.texts.fill("sentences.data_read", context.formats, **rows) if rows else ""


def _numbered(lines: Iterable[str]) -> list[str]:
    return [f"{number}. {line}" for number, line in enumerate(lines, start=1)]


# Pictures -----------------------------------------------------------------------------


def _trend(place: int) -> str:
    return f"trend-{place + 1}"


def _pictures(context: ReportContext) -> dict[str, str]:
    """Return the data address of each picture, by its name."""
    figures = context.summary.figures if context.summary else ()
    drawn = {
        _trend(place): trend_picture(figure.trend, context.theme.accent)
        for place, figure in enumerate(figures)
        if len(figure.trend) > 1
    }
    logo = {"logo": str(context.theme.logo)} if context.theme.logo else {}
    return logo | {
        name: f"data:image/png;base64,{base64.b64encode(png).decode()}"
        for name, png in drawn.items()
    }


def _decoded(address: str) -> tuple[str, bytes]:
    """Return the kind of a picture and its bytes."""
    head, _, content = address.partition(",")
    return head.removeprefix("data:image/").removesuffix(";base64"), base64.b64decode(content)
