"""Pictures are compared by what is on them (bars, texts, lines), not by pixels."""

import itertools
import subprocess
import sys
from io import StringIO
from types import MappingProxyType
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from segkit import plots
from segkit.errors import DataError
from segkit.plots import PICTURE_LABELS, Style, segment_colour
from segkit.plots.canvas import literal

pytestmark = pytest.mark.filterwarnings("error")

CLUSTERS = [
    "champions",
    "big_spenders",
    "loyal",
    "new",
    "promising",
    "occasional",
    "low_value",
    "frequent_low_ticket",
    "need_attention",
    "at_risk",
    "hibernating",
    "lost",
    "prospects",
]
VALUE_GROUPS = [
    "champions",
    "loyal",
    "potential_loyalists",
    "new",
    "promising",
    "need_attention",
    "about_to_sleep",
    "at_risk",
    "cannot_lose",
    "hibernating",
    "prospects",
]


class Recording(dict):
    """Labels that remember which keys were asked for."""

    def get(self, key, default=None):
        self[key] = default
        return default


def cells():
    return pd.DataFrame(
        {
            "r": [5, 5, 1],
            "f": [1, 5, 1],
            "customers": [60, 30, 10],
            "revenue": [600.0, 9000.0, 50.0],
            "revenue_mean": [10.0, 300.0, 5.0],
        }
    )


def kpis():
    return pd.DataFrame(
        {
            "segment": ["champions", "hibernating", "total"],
            "customers_share": [0.2, 0.8, 1.0],
            "revenue_share": [0.63, 0.37, 1.0],
        }
    )


def lorenz():
    return pd.DataFrame({"customers_share": [0.0, 0.2, 1.0], "revenue_share": [0.0, 0.63, 1.0]})


def relative():
    return pd.DataFrame({"segment": ["loyal", "lost"], "orders": [2.0, 0.5], "aov": [1.4, 1.0]})


def selection():
    return pd.DataFrame(
        {
            "k": [2, 3, 4],
            "inertia": [9.0, 5.0, 4.0],
            "silhouette": [0.4, 0.6, 0.5],
            "stability": [0.9, 0.95, 0.7],
            "chosen": [False, True, False],
        }
    )


def months():
    return pd.DataFrame(
        {
            "month": pd.to_datetime(["2024-01-01", "2024-02-01", "2024-04-01"]),
            "orders": [70, 80, 9],
            "customers": [50, 60, 8],
            "new_customers": [20, 15, 3],
            "revenue": [1000.0, 1200.0, 90.0],
            "complete": [True, True, False],
        }
    )


def bins():
    return pd.DataFrame(
        {"from": [0.0, 30.0, 90.0], "to": [30.0, 90.0, np.nan], "count": [5, 12, 3]}
    )


TABLES = {
    "rfm_heatmap": cells,
    "segment_sizes": kpis,
    "lorenz_curve": lorenz,
    "cluster_profile": relative,
    "k_selection": selection,
    "monthly_revenue": months,
    "monthly_customers": months,
    "histogram": bins,
}
PICTURES = pytest.mark.parametrize("name", list(TABLES))


def draw(name, table=None, **options):
    return getattr(plots, name)(TABLES[name]() if table is None else table, **options)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def tick_labels(axis):
    return [text.get_text() for text in axis.get_ticklabels()]


def legend_labels(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()] if ax.get_legend() else []


def svg(ax, fonttype="none"):
    page = StringIO()
    with matplotlib.rc_context({"svg.fonttype": fonttype}):
        ax.figure.savefig(page, format="svg")
    return page.getvalue()


def svg_texts(ax):
    root = ElementTree.fromstring(svg(ax))
    return [
        "".join(node.itertext()).strip() for node in root.iter("{http://www.w3.org/2000/svg}text")
    ]


# What every picture keeps to


def test_importing_the_package_loads_no_drawing_library():
    code = (
        "import sys, segkit.plots as plots; plots.Style(); plots.segment_colour('loyal');"
        "sys.exit(any(name in sys.modules for name in ('matplotlib', 'seaborn')))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_every_public_name_can_be_had_and_others_cannot():
    assert set(plots.__all__) <= set(dir(plots))
    assert all(getattr(plots, name) is not None for name in plots.__all__)
    with pytest.raises(AttributeError, match="no_such_picture"):
        plots.no_such_picture  # noqa: B018


@PICTURES
def test_a_picture_is_drawn_on_the_axes_it_is_given(name):
    given = Figure().add_subplot()
    assert draw(name, ax=given) is given
    given.figure.savefig(StringIO(), format="svg")


@PICTURES
def test_a_picture_makes_a_figure_of_its_own_and_leaves_the_current_one_alone(name):
    from matplotlib import pyplot

    pyplot.close("all")
    current = pyplot.figure()
    ax = draw(name)
    assert ax.figure is not current
    assert pyplot.get_fignums() == [current.number]
    assert not current.axes
    pyplot.close(current)


@PICTURES
def test_a_picture_changes_no_global_setting(name):
    with matplotlib.rc_context({"font.size": 5, "text.parse_math": True, "axes.grid": True}):
        before = dict(matplotlib.rcParams)
        draw(name)
        draw(name, ax=Figure().add_subplot())
        assert dict(matplotlib.rcParams) == before


@PICTURES
def test_settings_are_restored_when_a_style_fails(name):
    def fail(_):
        raise ZeroDivisionError

    before = dict(matplotlib.rcParams)
    try:
        draw(name, style=Style(money=fail, number=fail, percent=fail, month=fail))
    except ZeroDivisionError:
        pass
    assert dict(matplotlib.rcParams) == before


@PICTURES
def test_a_picture_looks_the_same_whatever_the_callers_settings(name):
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "figure.dpi": 40}):
        loud = draw(name)
    quiet = draw(name)
    assert loud.get_facecolor() == quiet.get_facecolor()
    assert loud.figure.dpi == quiet.figure.dpi
    assert loud.xaxis.label.get_size() == quiet.xaxis.label.get_size()


@PICTURES
def test_letters_are_large_enough_for_a_phone(name):
    ax = draw(name)
    ax.figure.savefig(StringIO(), format="svg")
    sizes = [text.get_size() for text in ax.findobj(Text) if text.get_text()]
    assert ax.figure.get_figwidth() <= 7
    assert min(sizes) >= 11


@PICTURES
def test_spines_are_removed(name):
    assert not any(spine.get_visible() for spine in draw(name).spines.values())


@PICTURES
def test_the_table_is_not_changed(name):
    table = TABLES[name]()
    draw(name, table)
    pd.testing.assert_frame_equal(table, TABLES[name]())


@PICTURES
def test_a_missing_column_is_named(name):
    table = TABLES[name]()
    first = table.columns[0]
    with pytest.raises(DataError, match=f"{name}: missing columns: '{first}'"):
        draw(name, table.drop(columns=first))


def test_the_listed_labels_are_those_that_pictures_ask_for():
    asked = Recording()
    for name in TABLES:
        draw(name, style=Style(labels=asked))
        draw(name, TABLES[name]()[:0], style=Style(labels=asked))
    draw("rfm_heatmap", value="revenue_mean", style=Style(labels=asked))
    upside_down = pd.DataFrame({"customers_share": [0, 0.8, 1], "revenue_share": [0, 0.3, 1]})
    draw("lorenz_curve", upside_down, style=Style(labels=asked))
    from_data = {"champions", "hibernating", "loyal", "lost", "orders", "aov", "value"}
    assert set(PICTURE_LABELS) == set(asked) - from_data
    assert sorted(PICTURE_LABELS) == list(PICTURE_LABELS)


# Hostile words


@pytest.mark.parametrize("given", [False, True])
@PICTURES
def test_hostile_labels_are_drawn_as_they_are(name, given):
    word = "<script>$x^2$</script>&"
    labels = dict.fromkeys([*PICTURE_LABELS, *CLUSTERS, "orders", "aov", "value"], word)
    style = Style(labels=labels, money=lambda _: "$1$", month=lambda _: "$m$")
    ax = Figure(figsize=(9, 9)).add_subplot() if given else None
    with matplotlib.rc_context({"text.parse_math": True}):
        ax = draw(name, style=style, ax=ax)
        page = svg(ax)
        shown = svg_texts(ax)
    assert "<script" not in page
    assert any(text.startswith("<script>$x^2$") for text in shown)
    assert all(not text.get_parse_math() for text in ax.findobj(Text) if text.get_text())


def test_a_hostile_segment_key_is_drawn_as_it_is():
    table = kpis().replace("champions", "a$b$<i>_key")
    assert tick_labels(plots.segment_sizes(table).yaxis)[0] == "A$b$<i> key"


def test_emoji_that_the_font_lacks_and_control_characters_draw_without_a_warning():
    style = Style(labels={"champions": "🚀 Top\x00\x1b\n\u202ecamp\ud800 \U0010ffff"})
    ax = plots.segment_sizes(kpis(), style=style)
    assert tick_labels(ax.yaxis)[0] == "□ Top camp"
    ElementTree.fromstring(svg(ax, "path"))


def test_a_long_label_is_shortened_with_an_ellipsis():
    style = Style(labels={"champions": "very " * 1000})
    word = tick_labels(plots.segment_sizes(kpis(), style=style).yaxis)[0]
    assert word.startswith("very very")
    assert word.endswith("…") and len(word) <= 26


def test_narrow_spaces_between_thousands_become_plain_ones():
    assert literal("1\u202f234\u00a0€") == "1 234 €"


@PICTURES
def test_every_text_stays_on_the_page_even_when_labels_are_long(name):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    long = dict.fromkeys([*PICTURE_LABELS, *CLUSTERS, "orders", "aov", "value"], "Muy larga " * 9)
    ax = draw(name, style=Style(labels=long))
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    page = ax.figure.bbox
    drawn = [
        ax.xaxis.label,
        ax.yaxis.label,
        *ax.texts,
        *ax.get_xticklabels(),
        *ax.get_yticklabels(),
    ]
    for text in (text for text in drawn if text.get_text()):
        box = text.get_window_extent(canvas.get_renderer())
        assert box.x0 >= page.x0 - 2 and box.x1 <= page.x1 + 2, text
        assert box.y0 >= page.y0 - 2 and box.y1 <= page.y1 + 2, text


# Tables with little or nothing in them


@PICTURES
def test_an_empty_table_gives_a_picture_that_says_so(name):
    ax = draw(name, TABLES[name]()[:0], style=Style(labels={"no_data": "Sin datos"}))
    assert texts(ax) == ["Sin datos"]
    assert not ax.axison
    svg(ax)


@PICTURES
def test_one_row_is_drawn(name):
    ax = draw(name, TABLES[name]()[:1])
    assert ax.axison
    svg(ax)


@PICTURES
def test_numbers_that_are_all_zero_are_drawn(name):
    table = TABLES[name]()
    amounts = table.select_dtypes("number").columns.difference(["r", "f", "k", "from", "to"])
    svg(draw(name, table.assign(**dict.fromkeys(amounts, 0))))


@pytest.mark.parametrize("nothing", [np.nan, None, np.inf, pd.NA])
@PICTURES
def test_numbers_that_are_all_missing_are_drawn(name, nothing):
    table = TABLES[name]()
    columns = table.select_dtypes("number").columns
    gone = {column: pd.Series([nothing] * len(table), dtype=object) for column in columns}
    svg(draw(name, table.assign(**gone)))


@PICTURES
def test_nullable_columns_are_drawn_like_plain_ones(name):
    assert texts(draw(name, TABLES[name]().convert_dtypes())) == texts(draw(name))


def test_only_a_total_row_is_no_data():
    assert texts(plots.segment_sizes(kpis()[2:])) == ["No data"]


# Style


def test_a_label_without_a_text_is_its_key_in_plain_words():
    style = Style(labels=MappingProxyType({"at_risk": "En riesgo"}))
    assert [style.label(key) for key in ("at_risk", "big_spenders", "")] == [
        "En riesgo",
        "Big spenders",
        "",
    ]


def test_a_style_cannot_be_changed():
    with pytest.raises(AttributeError):
        Style().labels = {}


@pytest.mark.parametrize(
    ("share", "text"),
    [(0, "0%"), (0.0003, "<0.1%"), (0.054, "5.4%"), (0.0999, "10%"), (0.634, "63%"), (1, "100%")],
)
def test_percents_keep_a_decimal_only_where_it_tells(share, text):
    assert Style().percent(share) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0"),
        (1234567.8, "1,234,568"),
        (20.0, "20"),
        (0.8, "0.8"),
        (-2.25, "-2.2"),
        (0.031, "0.03"),
    ],
)
def test_numbers_keep_the_decimals_that_tell(value, text):
    assert Style().number(value) == text


@pytest.mark.parametrize(
    "keys",
    [
        CLUSTERS,
        VALUE_GROUPS,
        ["prospects", "beginners", "recurrent", "loyal"],
        [f"{family}_r{r}" for family in ("beginners", "recurrent", "loyal") for r in range(1, 6)],
        ["reactivated", "one_and_done", "at_risk", "champions", "loyal", "promising", "occasional"],
        ["prospect", "churned", "new", "returned", "active"],
    ],
)
def test_segments_of_one_segmentation_have_different_colours(keys):
    assert len({segment_colour(key) for key in keys}) == len(keys)


def test_an_unknown_segment_always_has_the_same_colour():
    assert segment_colour("clients_own") == segment_colour("clients_own")
    assert to_hex(segment_colour("\ud800<b>")).startswith("#")


# RFM


def test_the_grid_writes_customers_and_their_share_with_the_most_recent_on_top():
    ax = plots.rfm_heatmap(cells())
    written = np.array(texts(ax)).reshape(5, 5)
    assert written[0, 0] == "60\n60%"
    assert written[0, 4] == "30\n30%"
    assert written[4, 0] == "10\n10%"
    assert tick_labels(ax.yaxis) == ["5", "4", "3", "2", "1"]
    assert tick_labels(ax.xaxis) == ["1", "2", "3", "4", "5"]
    assert ax.get_ylim() == (5, 0)


def test_the_grid_marks_empty_cells_with_a_dash_and_hatching():
    ax = plots.rfm_heatmap(cells())
    assert texts(ax).count("–") == 22
    assert len([patch for patch in ax.patches if patch.get_hatch()]) == 22
    assert ax.collections[0].get_array().mask.sum() == 22


def test_the_grid_can_be_coloured_by_mean_revenue():
    ax = plots.rfm_heatmap(cells(), value="revenue_mean", style=Style(money=lambda v: f"{v} €"))
    assert texts(ax)[4] == "300.0 €\n30"
    assert ax.collections[0].get_array()[0, 4] == 300
    assert ax.get_title(loc="left") == "Revenue mean · Customers"


def test_a_cell_that_comes_twice_and_an_unknown_value_are_errors():
    with pytest.raises(DataError, match="twice.*r=5 f=1"):
        plots.rfm_heatmap(pd.concat([cells(), cells()[:1]]))
    with pytest.raises(DataError, match="'median'"):
        plots.rfm_heatmap(cells(), value="median")


@pytest.mark.parametrize("value", ["customers", "revenue_mean"])
def test_words_in_cells_contrast_with_the_cell(value):
    full = pd.DataFrame([(r, f) for r in range(1, 6) for f in range(1, 6)], columns=["r", "f"])
    full = full.assign(customers=range(1, 26), revenue_mean=range(25, 0, -1))
    ax = plots.rfm_heatmap(full, value=value)
    svg(ax)
    faces = ax.collections[0].get_facecolors()
    for face, text in zip(faces, ax.texts, strict=True):
        assert contrast(face, text.get_color()) >= 4.5


def contrast(one, other):
    def luminance(colour):
        parts = np.array(matplotlib.colors.to_rgb(colour))
        parts = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
        return parts @ (0.2126, 0.7152, 0.0722)

    low, high = sorted([luminance(one[:3]), luminance(other)])
    return (high + 0.05) / (low + 0.05)


# Sizes


def test_each_segment_has_a_bar_for_customers_and_one_for_revenue_in_the_order_given():
    ax = plots.segment_sizes(kpis())
    assert [bar.get_width() for bar in ax.patches] == [0.2, 0.8, 0.63, 0.37]
    assert texts(ax) == ["20%", "80%", "63%", "37%"]
    assert tick_labels(ax.yaxis) == ["Champions", "Hibernating"]
    assert ax.get_ylim() == (1.5, -0.5)
    assert legend_labels(ax) == ["Customers share", "Revenue share"]


def test_revenue_bars_wear_the_segments_colour():
    bars = plots.segment_sizes(kpis()).patches
    worn = [to_hex(bar.get_facecolor()).upper() for bar in bars]
    assert worn[2:] == [segment_colour("champions"), segment_colour("hibernating")]
    assert len(set(worn)) == 4


def test_a_missing_share_has_a_dash_and_a_negative_one_stays_on_the_picture():
    table = kpis()[:2].assign(revenue_share=[np.nan, -0.1])
    ax = plots.segment_sizes(table)
    assert texts(ax) == ["20%", "80%", "–", "-10%"]
    assert ax.get_xlim()[0] <= -0.1


def test_twelve_segments_have_twelve_rows_that_do_not_overlap():
    table = pd.DataFrame(
        {"segment": CLUSTERS[:12], "customers_share": 1 / 12, "revenue_share": 0.1}
    )
    ax = plots.segment_sizes(table)
    svg(ax)
    boxes = [text.get_window_extent() for text in ax.get_yticklabels()]
    assert len(boxes) == 12
    assert all(above.y0 > below.y1 for above, below in itertools.pairwise(boxes))


# Concentration


def test_the_top_fifth_is_marked_by_interpolation():
    table = pd.DataFrame({"customers_share": [0, 0.1, 0.3, 1], "revenue_share": [0, 0.4, 0.6, 1]})
    ax = plots.lorenz_curve(table)
    assert texts(ax)[-1] == "20% → 50%"
    point = ax.lines[-1]
    assert point.get_xdata() == [0.2] and point.get_ydata() == [pytest.approx(0.5)]
    assert ax.get_xlabel() == "Customers best first"


def test_a_curve_below_the_diagonal_is_read_from_its_other_end():
    table = pd.DataFrame({"customers_share": [0, 0.8, 1], "revenue_share": [0, 0.37, 1]})
    ax = plots.lorenz_curve(table)
    assert texts(ax)[-1] == "20% → 63%"
    assert ax.lines[-1].get_xdata() == [0.8]
    assert ax.get_xlabel() == "Customers least first"


def test_the_curve_and_the_diagonal_are_drawn_and_row_order_does_not_matter():
    ax = plots.lorenz_curve(lorenz()[::-1])
    np.testing.assert_allclose(ax.lines[0].get_xydata(), lorenz().to_numpy())
    np.testing.assert_allclose(ax.lines[1].get_xydata(), [[0, 0], [1, 1]])


def test_a_base_without_revenue_has_no_mark():
    ax = plots.lorenz_curve(lorenz().assign(revenue_share=0.0))
    assert texts(ax) == ["Equality"]


def test_a_curve_without_its_origin_starts_there_all_the_same():
    ax = plots.lorenz_curve(pd.DataFrame({"customers_share": [1.0], "revenue_share": [1.0]}))
    assert texts(ax)[-1] == "20% → 20%"


# Clusters


def test_ratios_are_written_and_coloured_by_doublings():
    ax = plots.cluster_profile(relative())
    assert texts(ax) == ["×2", "×1.4", "×0.5", "×1"]
    np.testing.assert_allclose(
        ax.collections[0].get_array(), [[1, np.log2(1.4)], [-1, 0]], atol=1e-12
    )
    assert ax.collections[0].get_clim() == (-2, 2)
    assert tick_labels(ax.yaxis) == ["Loyal", "Lost"]
    assert tick_labels(ax.xaxis) == ["Orders", "Aov"]


def test_zero_is_the_lowest_ratio_and_what_has_no_ratio_is_hatched():
    table = relative().assign(orders=[0.0, np.nan], aov=[np.inf, -1.0])
    ax = plots.cluster_profile(table)
    assert texts(ax) == ["×0", "–", "–", "–"]
    assert ax.collections[0].get_array()[0, 0] == -2
    assert len([patch for patch in ax.patches if patch.get_hatch()]) == 3


def test_a_profile_leaves_the_total_out_and_needs_a_feature():
    table = pd.DataFrame({"segment": ["loyal", "total"], "orders": [2.0, 1.0]})
    assert texts(plots.cluster_profile(table)) == ["×2"]
    assert texts(plots.cluster_profile(table[["segment"]])) == ["No data"]


def test_silhouette_and_stability_are_drawn_from_zero_to_one_with_the_choice_marked():
    ax = plots.k_selection(selection())
    silhouette, stability, choice = ax.lines
    np.testing.assert_allclose(silhouette.get_xydata(), [[2, 0.4], [3, 0.6], [4, 0.5]])
    np.testing.assert_allclose(stability.get_ydata(), [0.9, 0.95, 0.7])
    assert list(choice.get_xdata()) == [3, 3]
    assert ax.get_ylim() == (0, 1)
    assert texts(ax) == ["Silhouette", "Stability", "Chosen: 3"]
    assert tick_labels(ax.xaxis) == ["2", "3", "4"]


def test_a_negative_silhouette_stays_on_the_picture():
    ax = plots.k_selection(selection().assign(silhouette=[-0.2, 0.1, 0.2]))
    assert ax.get_ylim()[0] < -0.2


def test_names_of_lines_that_end_together_do_not_overlap():
    ax = plots.k_selection(selection().assign(stability=[0.9, 0.95, 0.5]))
    svg(ax)
    first, second = (text.get_window_extent() for text in ax.texts[:2])
    assert not first.overlaps(second)


def test_a_single_k_without_stability_names_only_what_it_shows():
    ax = plots.k_selection(selection()[1:2].assign(stability=np.nan))
    assert texts(ax) == ["Silhouette", "Chosen: 3"]


# Months


def test_each_month_has_a_bar_at_its_place_and_a_missing_month_leaves_a_gap():
    ax = plots.monthly_revenue(months()[::-1])
    assert [bar.get_height() for bar in ax.patches] == [1000, 1200, 90]
    middles = [bar.get_x() + bar.get_width() / 2 for bar in ax.patches]
    np.testing.assert_allclose(np.diff(middles), [1, 2])
    assert tick_labels(ax.xaxis) == ["Jan 2024", "Feb 2024", "Mar 2024", "Apr 2024"]


def test_an_incomplete_month_is_hatched_and_the_picture_says_why():
    ax = plots.monthly_revenue(months())
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, False, True]
    assert legend_labels(ax) == ["Incomplete month"]
    assert legend_labels(plots.monthly_revenue(months()[:2])) == []


def test_new_customers_stand_on_the_returning_ones():
    ax = plots.monthly_customers(months())
    returning, new = ax.patches[:3], ax.patches[3:]
    assert [bar.get_height() for bar in returning] == [30, 45, 5]
    assert [bar.get_height() for bar in new] == [20, 15, 3]
    assert [bar.get_y() for bar in new] == [30, 45, 5]
    assert legend_labels(ax) == ["Returning customers", "New customers", "Incomplete month"]


def test_money_and_months_are_said_by_the_style():
    style = Style(money=lambda v: f"{v:.0f} €", month=lambda day: f"{day:%m/%y}")
    ax = plots.monthly_revenue(months(), style=style)
    assert tick_labels(ax.xaxis)[0] == "01/24"
    assert all(label.endswith(" €") for label in tick_labels(ax.yaxis))


def test_long_histories_name_only_the_months_that_fit():
    span = pd.date_range("2015-01-01", periods=120, freq="MS")
    ax = plots.monthly_revenue(pd.DataFrame({"month": span, "revenue": 1e7, "complete": True}))
    svg(ax)
    labels = ax.get_xticklabels()
    boxes = [text.get_window_extent() for text in labels]
    assert labels[-1].get_text() == "Dec 2024"
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_a_month_of_unknown_completeness_counts_as_complete():
    table = months().assign(complete=pd.Series([None, True, None], dtype=object))
    assert not any(bar.get_hatch() for bar in plots.monthly_revenue(table).patches)


# Distributions


def test_bins_that_touch_have_their_edges_written_between_the_bars():
    ax = plots.histogram(bins(), x="recency_days")
    assert [bar.get_height() for bar in ax.patches] == [5, 12, 3]
    assert list(ax.get_xticks()) == [0, 1, 2, 3]
    assert tick_labels(ax.xaxis) == ["0", "30", "90", "…"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Recency days", "Customers")


def test_bins_of_whole_numbers_have_their_range_below_each_bar():
    table = pd.DataFrame({"from": [1, 2, 4], "to": [1, 3, None], "count": [9, 4, 1]})
    ax = plots.histogram(table, x="orders")
    assert tick_labels(ax.xaxis) == ["1", "2–3", "4+"]
    assert list(ax.get_xticks()) == [0.5, 1.5, 2.5]


def test_edges_are_said_in_the_unit_asked_for():
    ax = plots.histogram(bins(), unit="money", style=Style(money=lambda v: f"{v:.0f} €"))
    assert tick_labels(ax.xaxis)[:2] == ["0 €", "30 €"]
    with pytest.raises(DataError, match="'dollars'"):
        plots.histogram(bins(), unit="dollars")


def test_counts_have_whole_ticks():
    ax = plots.histogram(bins().assign(count=[1, 2, 1]))
    assert tick_labels(ax.yaxis) == ["0", "1", "2"]
