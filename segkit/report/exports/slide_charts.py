"""Native charts of a deck: bars that a reader can edit, with their numbers in the file."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Sequence
from io import BytesIO
from typing import Any

from pptx.chart.data import CategoryChartData
from pptx.dml.color import RGBColor
from pptx.enum.chart import (
    XL_CHART_TYPE,
    XL_LABEL_POSITION,
    XL_LEGEND_POSITION,
    XL_TICK_LABEL_POSITION,
)
from pptx.enum.dml import MSO_THEME_COLOR
from pptx.oxml import parse_xml
from pptx.oxml.ns import nsdecls
from pptx.util import Pt
from xlsxwriter import Workbook
from xlsxwriter.utility import xl_col_to_name

from segkit.report.exports.deck import Chart, Series
from segkit.report.exports.slide_texts import INK, MUTED, Box, legal, shortened
from segkit.report.exports.workbook import NO_GUESSES

LETTERS, NAME = 12, 32
"""Size of a chart's letters in points, and the longest name of a category or series in letters."""
PALE = 0.6
QUIET, LINES = "A6A6A6", "D9D9D9"
STEPS = {1.0: 5, 1.5: 3, 2.0: 4, 2.5: 5, 3.0: 3, 4.0: 4, 5.0: 5, 6.0: 3, 8.0: 4, 10.0: 5}
"""What an axis may end with, in powers of ten, and in how many parts its lines cut it."""
SHEET = "Sheet1"
"""Where python-pptx looks for the numbers of a chart."""
TYPES = {
    (False, False): XL_CHART_TYPE.COLUMN_CLUSTERED,
    (False, True): XL_CHART_TYPE.COLUMN_STACKED,
    (True, False): XL_CHART_TYPE.BAR_CLUSTERED,
    (True, True): XL_CHART_TYPE.BAR_STACKED,
}
ERRORS = """<c:errBars {spaces}>
<c:errBarType val="both"/><c:errValType val="cust"/><c:noEndCap val="0"/>
<c:plus>{plus}</c:plus><c:minus>{minus}</c:minus>
<c:spPr><a:ln w="15875"><a:solidFill><a:srgbClr val="{ink}"/></a:solidFill></a:ln></c:spPr>
</c:errBars>"""


def add_chart(page: Any, box: Box, chart: Chart, made: dt.datetime) -> None:
    """Draw a chart on a slide.

    Parameters
    ----------
    page : pptx.slide.Slide
    box : Box
        Where it stands.
    chart : Chart
    made : datetime
        When the run was made; the workbook of its numbers says so.
    """
    names = [shortened(name, NAME) for name in chart.categories]
    data = CategoryChartData(number_format=chart.pattern)
    data.categories = names
    for series in chart.series:
        data.add_series(shortened(series.name, NAME), series.values)
    frame: Any = page.shapes.add_chart(TYPES[chart.across, chart.stacked], *box.ends, data)
    _describe(frame, chart)
    drawn = frame.chart
    drawn.part.chart_workbook.update_from_xlsx_blob(_numbers(chart, names, made))
    drawn.font.size, drawn.font.color.rgb = Pt(LETTERS), RGBColor.from_string(INK)
    _set_title(drawn, chart)
    _set_axes(drawn, chart)
    _set_bars(drawn.plots[0], chart)
    drawn.has_legend = len(chart.series) > 1
    if drawn.has_legend:
        drawn.legend.position, drawn.legend.include_in_layout = XL_LEGEND_POSITION.BOTTOM, False


def _describe(frame: Any, chart: Chart) -> None:
    frame.name = shortened(chart.title, 80)
    frame._element.nvGraphicFramePr.cNvPr.set("descr", shortened(chart.alt, 1000))


def _set_title(drawn: Any, chart: Chart) -> None:
    drawn.has_title = bool(legal(chart.title))
    if not drawn.has_title:
        return
    drawn.chart_title.include_in_layout = False
    frame = drawn.chart_title.text_frame
    frame.text = shortened(chart.title, 90)
    font = frame.paragraphs[0].runs[0].font
    font.size, font.bold, font.color.rgb = Pt(LETTERS + 1), True, RGBColor.from_string(MUTED)


def _set_axes(drawn: Any, chart: Chart) -> None:
    names, values = drawn.category_axis, drawn.value_axis
    names.tick_label_position = XL_TICK_LABEL_POSITION.LOW
    names.reverse_order = chart.across
    names.format.line.color.rgb = RGBColor.from_string(QUIET)
    values.visible, values.has_major_gridlines = not chart.labelled, not chart.labelled
    values.format.line.fill.background()
    values.tick_labels.number_format, values.tick_labels.number_format_is_linked = (
        chart.pattern,
        False,
    )
    if any(series.low for series in chart.series):
        values.maximum_scale, values.major_unit = round_above(_top(chart))
        if _bottom(chart) >= 0:
            values.minimum_scale = 0
    if not chart.labelled:
        values.major_gridlines.format.line.color.rgb = RGBColor.from_string(LINES)


def _top(chart: Chart) -> float:
    """Return how high bars and ranges reach, which no program asks of ranges."""
    ends = [[value or 0.0 for value in series.high or series.values] for series in chart.series]
    reached = map(sum, zip(*ends)) if chart.stacked else (max(each) for each in zip(*ends))
    return max(reached, default=0.0)


def _bottom(chart: Chart) -> float:
    """Return how low bars and ranges reach."""
    ends = (*(series.values for series in chart.series), *(series.low for series in chart.series))
    return min((value for values in ends for value in values if value is not None), default=0.0)


def round_above(value: float) -> tuple[float, float]:
    """Return the next number that an axis can end with, and how far apart its lines are.

    Examples
    --------
    >>> round_above(26_591), round_above(1_000), round_above(0.12), round_above(0)
    ((30000.0, 10000.0), (1000.0, 200.0), (0.15, 0.05), (1.0, 0.2))
    """
    unit = 10.0 ** math.floor(math.log10(value)) if value > 0 else 1.0
    top, lines = next(pair for pair in STEPS.items() if pair[0] * unit >= value * (1 - 1e-9))
    return round(top * unit, 12), round(top * unit / lines, 12)


def _set_bars(plot: Any, chart: Chart) -> None:
    plot.gap_width, plot.overlap = 45, 100 if chart.stacked else -5
    if chart.labelled:
        plot.has_data_labels = True
        labels = plot.data_labels
        labels.number_format, labels.number_format_is_linked = chart.pattern, False
        labels.position = XL_LABEL_POSITION.OUTSIDE_END
        labels.font.size = Pt(LETTERS - 1)
    column = len(chart.series) + 1
    for drawn, series in zip(plot.series, chart.series, strict=True):
        _set_look(drawn, series)
        if series.low:
            _set_range(drawn, series, column)
            column += 2


def _set_look(drawn: Any, series: Series) -> None:
    drawn.invert_if_negative = False
    fill = drawn.format.fill
    fill.solid()
    if series.look == "quiet":
        fill.fore_color.rgb = RGBColor.from_string(QUIET)
        return
    fill.fore_color.theme_color = MSO_THEME_COLOR.ACCENT_1
    if series.look == "pale":
        fill.fore_color.brightness = PALE


def _set_range(drawn: Any, series: Series, column: int) -> None:
    """Draw the range around the top of each bar, as error bars that the sheet holds."""
    sides = zip(("plus", "minus"), _sides(series), strict=True)
    parts = {
        side: _reference(values, xl_col_to_name(column + place))
        for place, (side, values) in enumerate(sides)
    }
    bars = parse_xml(ERRORS.format(spaces=nsdecls("c", "a"), ink=INK, **parts))
    drawn._element.find("c:cat", drawn._element.nsmap).addprevious(bars)


def _sides(series: Series) -> tuple[list[float | None], list[float | None]]:
    """How far the range reaches above and below."""
    tops, lows, highs = (
        [math.nan if value is None else value for value in values]
        for values in (series.values, series.low, series.high)
    )
    return (
        [_length(high - top) for top, high in zip(tops, highs, strict=True)],
        [_length(top - low) for top, low in zip(tops, lows, strict=True)],
    )


def _length(difference: float) -> float | None:
    return None if math.isnan(difference) else max(difference, 0.0)


def _reference(values: Sequence[float | None], column: str) -> str:
    points = "".join(
        f'<c:pt idx="{place}"><c:v>{value!r}</c:v></c:pt>'
        for place, value in enumerate(values)
        if value is not None
    )
    cache = f'<c:formatCode>General</c:formatCode><c:ptCount val="{len(values)}"/>{points}'
    where = f"{SHEET}!${column}$2:${column}${len(values) + 1}"
    return f"<c:numRef><c:f>{where}</c:f><c:numCache>{cache}</c:numCache></c:numRef>"


def _numbers(chart: Chart, names: list[str], made: dt.datetime) -> bytes:
    """Return the workbook behind a chart; no text of it becomes a formula."""
    held = BytesIO()
    with Workbook(held, NO_GUESSES | {"in_memory": True}) as book:
        book.set_properties({"created": made})
        sheet = book.add_worksheet(SHEET)
        look = book.add_format({"num_format": chart.pattern})
        for row, name in enumerate(names, start=1):
            sheet.write_string(row, 0, name)
        for column, (title, values) in enumerate(_columns(chart.series), start=1):
            sheet.write_string(0, column, title)
            for row, value in enumerate(values, start=1):
                if value is not None:
                    sheet.write_number(row, column, value, look)
    return held.getvalue()


def _columns(
    series: Iterable[Series],
) -> list[tuple[str, Sequence[float | None]]]:
    """Return what the sheet holds: the bars, then how far each range reaches up and down."""
    given = list(series)
    bars: list[tuple[str, Sequence[float | None]]] = [
        (shortened(each.name, NAME), each.values) for each in given
    ]
    ranges = [
        (f"{shortened(each.name, NAME)} {sign}", side)
        for each in given
        if each.low
        for sign, side in zip("+−", _sides(each), strict=True)
    ]
    return bars + ranges
