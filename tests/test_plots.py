"""Pictures are compared by what is on them (bars, texts, lines), not by pixels."""

import contextlib
import itertools
import subprocess
import sys
from dataclasses import replace
from io import StringIO
from types import MappingProxyType
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from segkit import plots
from segkit.errors import DataError
from segkit.plots import PICTURE_LABELS, Style, segment_colour
from segkit.plots.canvas import literal, rasterise_heavy

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
MICRO_SEGMENTS = [
    "prospect",
    "prospect_cart_abandoned",
    "returned_all",
    "returned_all_cart_abandoned",
    "churned_cart_abandoned",
    "churned_fast",
    "churned_late",
    "new",
    "new_cart_abandoned",
    "new_high_potential",
    "new_one_timer",
    "returned",
    "returned_cart_abandoned",
    "active",
    "active_cart_abandoned",
    "active_frequent_returns",
    "active_large_order",
    "active_small_order",
]
STEPS = ["earlier", "left", "gained", "up", "down", "later"]
FACTORS = ["active_share", "orders_per_active", "repeat_revenue_share"]
DECILES = ["decile_earlier", "decile_later", "did_not_buy"]
FROM_TABLES = ["orders", "aov", "value", "clv", "reactivated", "one_and_done"]
FROM_TABLES += [*STEPS, *FACTORS, *DECILES, "returns_only"]


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


def years(count, start="2022-01-01"):
    """Months whose revenue tells them apart: 1, 2, 3, …"""
    days = pd.date_range(start, periods=12 * count, freq="MS")
    return pd.DataFrame({"month": days, "revenue": range(1, len(days) + 1), "complete": True})


def bins():
    return pd.DataFrame(
        {"from": [0.0, 30.0, 90.0], "to": [30.0, 90.0, np.nan], "count": [5, 12, 3]}
    )


def matrix():
    return pd.DataFrame(
        {
            "repeats": [0, 1, 2, 0, 1, 2],
            "recency_days": [7, 7, 7, 90, 90, 90],
            "expected_orders": [0.3, 1.25, 2.5, 0.1, 0.5, np.nan],
            "p_order": [0.9, 0.95, 0.99, 0.5, 0.4, np.nan],
        }
    )


def history():
    return pd.DataFrame(
        {
            "day": pd.date_range("2024-01-15", "2024-04-15", freq="7D"),
            "p_order": [1.0, 0.9, 0.8, 0.7, 1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2],
            "purchase": [index in (0, 4) for index in range(14)],
        }
    )


def fit():
    return pd.DataFrame(
        {
            "repeats": [0, 1, 2],
            "open": [False, False, True],
            "customers": [600, 300, 1100],
            "observed": [600, 300, 100],
            "expected": [590.5, 310.0, 99.5],
        }
    )


def weeks():
    return pd.DataFrame(
        {
            "week": pd.date_range("2024-01-01", periods=10, freq="7D"),
            "observed": [10, 12, 9, 14, 11, 10, 13, 9, 8, 7],
            "expected": [10.5, 11.0, 11.5, 12.0, 11.5, 11.0, 10.5, 10.0, 9.5, 9.0],
            "cumulative_observed": [10, 22, 31, 45, 56, 66, 79, 88, 96, 103],
            "cumulative_expected": [10.5, 21.5, 33, 45, 56.5, 67.5, 78, 88, 97.5, 106.5],
            "holdout": [False] * 7 + [True] * 3,
        }
    )


def curves():
    return pd.DataFrame(
        {
            "ranking": ["clv", "clv", "clv", "revenue", "revenue", "revenue"],
            "customers_share": [0.0, 0.2, 1.0] * 2,
            "revenue_share": [0.0, 0.7, 1.0, 0.0, 0.6, 1.0],
        }
    )


def deciles():
    return pd.DataFrame(
        {
            "decile": [1, 2, 3],
            "predicted": [3.1, 1.2, 0.2],
            "actual": [2.9, 1.4, 0.1],
            "actual_low": [2.5, 1.1, 0.0],
            "actual_high": [3.3, 1.7, 0.2],
        }
    )


def evidence():
    return pd.DataFrame(
        {
            "segment": ["reactivated", "one_and_done", "total"],
            "customers": [10, 90, 100],
            "revenue_per_customer": [120.0, 4.0, 15.0],
            "revenue_per_customer_low": [100.0, 3.0, 12.0],
            "revenue_per_customer_high": [150.0, 6.0, 18.0],
        }
    )


def flows():
    return pd.DataFrame(
        {
            "segment_before": ["champions", "champions", "loyal", "loyal", "newcomer"],
            "segment_after": ["champions", "loyal", "loyal", "gone", "loyal"],
            "customers": [50, 10, 25, 5, 20],
        }
    )


def series():
    return pd.DataFrame(
        {
            "as_of": pd.to_datetime(["2024-01-01"] * 2 + ["2024-04-01"] * 2 + ["2024-07-01"] * 2),
            "segment": ["champions", "hibernating"] * 3,
            "customers": [20, 80, 30, 90, 40, 70],
            "revenue": [900.0, 100.0, 950.0, -20.0, 990.0, 40.0],
        }
    )


def waiting():
    return pd.DataFrame(
        {
            "days": [0, 20, 60, 150, 400],
            "waiting": [1.0, 0.8, 0.6, 0.5, 0.45],
            "low": [1.0, 0.75, 0.55, 0.44, 0.38],
            "high": [1.0, 0.85, 0.65, 0.56, 0.52],
        }
    )


def rates():
    return pd.DataFrame(
        {
            "threshold": ["orders", "aov"],
            "above_rate": [0.42, 0.31],
            "above_low": [0.36, 0.25],
            "above_high": [0.48, 0.37],
            "below_rate": [0.21, 0.27],
            "below_low": [0.18, 0.22],
            "below_high": [0.25, 0.32],
        }
    )


def carts():
    return pd.DataFrame(
        {
            "category": ["Shoes", "Home"],
            "recovered": [400, 5],
            "bought_late": [100, 0],
            "abandoned": [734, 4],
            "pending": [0, 1],
        }
    )


def change():
    return pd.DataFrame(
        {
            "step": STEPS,
            "customers": [110, 70, 80, 21, 18, 120],
            "revenue": [900.0, -300.0, 450.0, 100.0, -50.0, 1100.0],
        }
    )


def factors():
    return pd.DataFrame(
        {
            "step": ["earlier", "factor_customers", "factor_aov", "later"],
            "ratio": [np.nan, 1.2, 0.5, 0.6],
            "revenue": [1000.0, 100.0, -500.0, 600.0],
        }
    )


def tenths():
    return pd.DataFrame(
        {
            "spend_decile": ["1", "2", "3", "4", "returns_only", "total"],
            "customers_share": [0.2, 0.25, 0.25, 0.25, 0.05, 1.0],
            "revenue_share": [0.7, 0.2, 0.1, 0.02, -0.02, 1.0],
        }
    )


def switches():
    keys = ["1", "2", "did_not_buy"]
    table = pd.DataFrame(itertools.product(keys, keys), columns=["decile_earlier", "decile_later"])
    return table.assign(customers=[30, 10, 60, 0, 1, 199, 20, 60, 0])[:-1]


def cohort():
    return pd.DataFrame(
        {
            "age": [0, 1, 2, 3],
            "active_share": [1.0, 0.3, 0.2, 0.02],
            "orders_per_active": [1.1, 1.4, 1.2, 1.0],
            "aov": [30.0, 33.0, 31.0, 30.0],
            "revenue": [3300.0, 1386.0, 744.0, 60.0],
            "complete": [True, True, True, False],
        }
    )


def cohorts():
    """Three cohorts, the first at the log's start; nothing was seen of the last month's end."""
    days = pd.date_range("2024-01-01", periods=4, freq="MS")
    rows = [
        (days[old], f"C{old}", days[old + age], f"U{old + age}", age, 0.9**old / (age + 1))
        for old in range(3)
        for age in range(4 - old)
    ]
    columns = ["cohort", "cohort_name", "unit", "unit_name", "age", "active_share"]
    table = pd.DataFrame(rows, columns=columns)
    return table.assign(
        revenue_per_acquired=50 * table["active_share"],
        revenue=[900.0, 300.0, 200.0, 50.0, 800.0, 250.0, 40.0, 700.0, 30.0],
        complete=table["unit"] != days[-1],
        is_truncated=table["cohort"] == days[0],
    )


def again():
    table = cohorts().rename(columns={"age": "days"})
    return table.assign(days=table["days"] * 30, came_back_share=0.5 - 0.5 * table["active_share"])


def base():
    return pd.DataFrame(
        {
            "unit": pd.date_range("2024-01-01", periods=4, freq="MS"),
            "unit_name": ["Jan", "Feb", "Mar", "Apr"],
            "new_customers": [90, 60, 50, 5],
            "repeat_revenue_share": [0.1, 0.3, 0.5, 0.9],
            "complete": [True, True, True, False],
            "is_truncated": [True, False, False, False],
        }
    )


def units():
    return pd.DataFrame(
        {
            "unit": pd.date_range("2024-01-01", periods=4, freq="MS"),
            "unit_name": ["Jan", "Feb", "Mar", "Apr"],
            "revenue": [900.0, 950.0, 100.0, np.nan],
            "complete": [True, True, False, False],
            "is_future": [False, False, True, True],
            "expected_known": [np.nan, np.nan, 800.0, 590.0],
            "expected_new": [np.nan, np.nan, 180.0, 400.0],
            "low": [np.nan, np.nan, 900.0, 800.0],
            "high": [np.nan, np.nan, 1050.0, 1200.0],
        }
    )


def months_ahead():
    """May has begun; of July the forecast ends on its tenth."""
    days = pd.to_datetime(["2024-05-01", "2024-06-01", "2024-07-01"])
    parts = {"existing": [300.0, 500.0, 140.0], "new": [20.0, 100.0, 40.0]}
    parts["everyone"] = [320.0, 600.0, 180.0]
    rows = [
        (day, part, revenue, 0.8 * revenue, 1.25 * revenue)
        for part, revenues in parts.items()
        for day, revenue in zip(days, revenues, strict=True)
    ]
    columns = ["month", "part", "revenue", "revenue_low", "revenue_high"]
    return pd.DataFrame(rows, columns=columns).assign(until=pd.Timestamp("2024-07-11"))


def months_so_far(count=5):
    days = pd.date_range(end="2024-05-01", periods=count, freq="MS")
    whole = days < "2024-05-01"
    revenue = np.where(whole, 550.0, 200.0)
    return pd.DataFrame({"month": days, "revenue": revenue, "complete": whole})


def month_weights():
    counts = [0.5, 0.6, 0.9, 0.9, 0.9, 0.9, 0.8, 0.8, 1.6, 1.0, 1.8, 1.5]
    return pd.DataFrame({"month": range(1, 13), "normal_months": counts})


def rolling():
    """Three dates, the latest first; what came after the earliest left its range."""
    table = pd.DataFrame(
        {
            "cut": ["2024-07-01", "2024-04-01", "2024-01-01"],
            "member": "total",
            "measure": "revenue",
            "predicted": [900.0, 800.0, 700.0],
            "low": [800.0, 700.0, 600.0],
            "high": [1010.0, 920.0, 820.0],
            "actual": [950.0, 810.0, 900.0],
        }
    )
    orders = table.assign(measure="orders", predicted=9, low=8, high=11, actual=10)
    clock = table.assign(member="clock", predicted=10_000, low=np.nan, high=np.nan)
    return pd.concat([table, orders, clock], ignore_index=True)


def rolling_segments():
    table = pd.DataFrame(
        {
            "segment": ["lost", "loyal"] * 3,
            "cut": pd.to_datetime(["2024-07-01"] * 2 + ["2024-04-01"] * 2 + ["2024-01-01"] * 2),
            "times_the_base": [0.2, 2.0, 0.4, 3.0, 0.3, 2.5],
        }
    )
    return table.assign(revenue_per_customer=table["times_the_base"] * 50)


def by_channel():
    """Two segments by channel: two cells of too few customers, and one of nobody."""
    rows = [
        ("champions", "shop", 40, 0.3, 90.0),
        ("champions", "web", 60, 0.5, 80.0),
        ("champions", None, np.nan, np.nan, np.nan),
        ("hibernating", "web", 90, 0.15, 5.0),
        ("hibernating", "other", np.nan, np.nan, np.nan),
        ("hibernating", None, 30, 0.05, 1.0),
    ]
    return pd.DataFrame(rows, columns=["segment", "channel", "customers", "revenue_share", "clv"])


def chances():
    return pd.DataFrame(
        {
            "cut": pd.to_datetime(["2024-07-01", "2024-04-01"]),
            "p_order": [0.33, 0.34],
            "ordered": [0.35, 0.31],
        }
    )


TABLES = {
    "period_change": change,
    "deciles": tenths,
    "decile_switching": switches,
    "cohort_factors": cohort,
    "cohorts_compared": cohorts,
    "second_order_curves": again,
    "cohort_revenue": cohorts,
    "acquisition": base,
    "projection": units,
    "forecast_months": months_ahead,
    "month_weights": month_weights,
    "rolling_totals": rolling,
    "rolling_segments": rolling_segments,
    "chances": chances,
    "dimension_heatmap": by_channel,
    "alluvial": flows,
    "segment_series": series,
    "waiting_curve": waiting,
    "two_sides": rates,
    "cart_outcomes": carts,
    "rfm_heatmap": cells,
    "segment_sizes": kpis,
    "lorenz_curve": lorenz,
    "cluster_profile": relative,
    "k_selection": selection,
    "monthly_revenue": months,
    "monthly_customers": months,
    "histogram": bins,
    "frequency_recency": matrix,
    "customer_history": history,
    "repeat_histogram": fit,
    "tracking": weeks,
    "holdout_by_frequency": fit,
    "gain_curves": curves,
    "calibration": deciles,
    "segment_evidence": evidence,
}
PICTURES = pytest.mark.parametrize("name", list(TABLES))


UNITS = ["day", "week", "month", "quarter", "year"]


def draw(name, table=None, **options):
    return getattr(plots, name)(TABLES[name]() if table is None else table, **options)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def words_on(ax):
    """The words that stand beside or above what they name, as one line each."""
    return [text.replace("\n", " ") for text in texts(ax)]


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
    with contextlib.suppress(ZeroDivisionError):
        draw(name, style=Style(money=fail, number=fail, percent=fail, month=fail))
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
    ax = draw(name)
    parts = [ax, *ax.child_axes]
    assert not any(spine.get_visible() for part in parts for spine in part.spines.values())


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
    draw("lorenz_curve", lorenz().assign(clv_share=1.0), value="clv_share", style=Style(asked))
    draw("frequency_recency", value="p_order", style=Style(labels=asked))
    draw("tracking", cumulative=True, style=Style(labels=asked))
    draw("calibration", unit="money", style=Style(labels=asked))
    draw("waiting_curve", usual_days=30, churn_days=150, style=Style(labels=asked))
    draw("deciles", value="customers_share", style=Style(labels=asked))
    draw("monthly_revenue", years(2), style=Style(labels=asked))
    for picture, unit in itertools.product(("cohort_factors", "cohorts_compared"), UNITS):
        draw(picture, unit=unit, style=Style(labels=asked))
    segments = {"champions", "hibernating", "loyal", "lost"}
    assert set(PICTURE_LABELS) == set(asked) - segments - set(FROM_TABLES)
    assert sorted(PICTURE_LABELS) == list(PICTURE_LABELS)


@PICTURES
def test_paper_shows_through_every_picture(name):
    ax = draw(name)
    assert ax.figure.get_facecolor()[3] == 0
    assert not any(part.get_facecolor()[3] for part in (ax, *ax.child_axes))
    assert all(text.get_bbox_patch() is None for text in ax.findobj(Text))


def test_letters_in_cells_name_their_colour_in_a_drawing():
    words = svg(plots.rfm_heatmap(cells())).split("<text")[1:]
    inside = [word for word in words if "fill: #010101" in word or "fill: #fefefe" in word]
    assert len(inside) == 6


def test_ticks_in_whole_money_have_no_cents_and_others_keep_them():
    style = Style(money=lambda value: f"{value:,.2f} €" if value < 100 else f"{value:,.0f} €")
    tall, low = months(), months().assign(revenue=[1.0, 1.2, 0.5])
    ticks = [tick_labels(plots.monthly_revenue(table, style=style).yaxis) for table in (tall, low)]
    assert ticks[0] == ["0 €", "300 €", "600 €", "900 €", "1,200 €"]
    deciles_ = deciles().assign(predicted=[1.5, 1, 0.5], actual=1, actual_low=1, actual_high=1)
    cents = tick_labels(plots.calibration(deciles_, unit="money", style=style).yaxis)
    assert all(tick.endswith((".00 €", ".40 €", ".80 €", ".20 €", ".60 €")) for tick in cents)
    assert ticks[1] == ["0 €", "1 €"]


# Very many points


def test_lines_and_clouds_of_very_many_points_become_pixels_and_light_ones_stay_strokes():
    ax = Figure().add_subplot()
    ax.bar([0, 1], [1, 2])
    long, short = ax.plot(np.zeros(3001))[0], ax.plot(np.zeros(3000))[0]
    cloud = ax.scatter(np.zeros(3001), np.zeros(3001))
    band = ax.fill_between(np.arange(2000), 0, 1)
    assert rasterise_heavy(ax.figure) == 3
    assert [artist.get_rasterized() for artist in (long, cloud, band)] == [True] * 3
    assert not short.get_rasterized()
    assert not any(bar.get_rasterized() for bar in ax.patches)
    assert svg(ax).count("<image") >= 1


def test_heavy_lines_of_panels_become_pixels_too():
    ax = plots.acquisition(base())
    ax.child_axes[1].plot(np.zeros(5000))
    assert rasterise_heavy(ax.figure) == 1


@PICTURES
def test_usual_pictures_have_nothing_heavy(name):
    assert rasterise_heavy(draw(name).figure) == 0


# Hostile words


@pytest.mark.parametrize("given", [False, True])
@PICTURES
def test_hostile_labels_are_drawn_as_they_are(name, given):
    word = "<script>$x^2$</script>&"
    labels = dict.fromkeys([*PICTURE_LABELS, *CLUSTERS, *FROM_TABLES], word)
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
    assert word.endswith("…") and len(word.split("\n")) == 2 and len(word) <= 47


def test_long_names_of_segments_that_begin_alike_can_be_told_apart():
    ends = {"a": "more recent, more spent", "b": "more recent, less spent", "c": "long ago"}
    style = Style(labels={key: f"Cluster: {end}" for key, end in ends.items()})
    table = pd.DataFrame({"segment": list(ends), "customers_share": 0.3, "revenue_share": 0.3})
    shown = tick_labels(plots.segment_sizes(table, style=style).yaxis)
    assert [name.replace("\n", " ") for name in shown] == list(style.labels.values())


def test_narrow_spaces_between_thousands_become_plain_ones():
    assert literal("1\u202f234\u00a0€") == "1 234 €"


@PICTURES
def test_every_text_stays_on_the_page_even_when_labels_are_long(name):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    long = dict.fromkeys([*PICTURE_LABELS, *CLUSTERS, *FROM_TABLES], "Muy larga " * 9)
    ax = draw(name, style=Style(labels=long))
    canvas = FigureCanvasAgg(ax.figure)
    canvas.draw()
    page = ax.figure.bbox
    drawn = ax.get_legend().get_texts() if ax.get_legend() else []
    for part in (ax, *ax.child_axes):
        drawn += [part.xaxis.label, part.yaxis.label, *part.texts]
        drawn += [*part.get_xticklabels(), *part.get_yticklabels()]
    for text in (text for text in drawn if text.get_text()):
        box = text.get_window_extent(canvas.get_renderer())
        assert box.x0 >= page.x0 - 2 and box.x1 <= page.x1 + 2, text
        assert box.y0 >= page.y0 - 2 and box.y1 <= page.y1 + 2, text


def all_words(ax):
    """The box of each text on a picture, by what it says."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(ax.figure).draw()
    texts = [
        text
        for part in (ax, *ax.child_axes)
        for text in part.findobj(Text)
        if text.get_text().strip() and text.get_visible()
    ]
    return [(text.get_text(), Text.get_window_extent(text)) for text in dict.fromkeys(texts)]


@pytest.mark.parametrize("long", [False, True])
@PICTURES
def test_no_two_words_of_a_picture_overlap(name, long):
    table = TABLES[name]()
    style = Style(money=lambda value: f"{value * 1e6:,.0f} $") if long else Style()
    if long:
        named = ["segment", "segment_before", "segment_after", "step", "threshold", "category"]
        keys = {str(key) for column in named if column in table for key in table[column]}
        words = dict.fromkeys([*PICTURE_LABELS, *keys], "Clientes que compran de todo")
        style = replace(style, labels=words)
    boxes = all_words(draw(name, table, style=style))
    hit = [
        (one, other)
        for (one, box), (other, second) in itertools.combinations(boxes, 2)
        if box.padded(-1).overlaps(second.padded(-1))
    ]
    assert not hit


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
    assert ax.axison or name == "histogram"
    svg(ax)


@PICTURES
def test_numbers_that_are_all_zero_are_drawn(name):
    table = TABLES[name]()
    places = ["r", "f", "k", "from", "to", "repeats", "recency_days", "days", "age"]
    amounts = table.select_dtypes("number").columns.difference(places)
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
        [*CLUSTERS, "returned_all"],
        [*VALUE_GROUPS, "returned_all"],
        ["prospects", "returned_all", "beginners", "recurrent", "loyal"],
        [f"{family}_r{r}" for family in ("beginners", "recurrent", "loyal") for r in range(1, 6)],
        [
            "reactivated",
            "one_and_done",
            "at_risk",
            "champions",
            "loyal",
            "promising",
            "occasional",
            "returned_all",
        ],
        ["prospect", "returned_all", "churned", "new", "returned", "active"],
        MICRO_SEGMENTS,
        ["one_timer", "high_potential", "undecided"],
        ["frequent", "some", "none"],
        ["large", "small"],
        ["fast", "late"],
        ["recovered", "bought_late", "abandoned", "pending", "none"],
        ["recent", "older"],
        ["newcomer", "gone"],
    ],
)
def test_segments_of_one_segmentation_have_different_colours(keys):
    assert len({segment_colour(key) for key in keys}) == len(keys)


def test_a_segment_wears_one_colour_in_every_picture():
    keys = ["champions", "loyal", "at_risk", "hibernating", "lost", "new"]
    rows = range(1, len(keys) + 1)
    table = pd.DataFrame({"segment": keys, "customers_share": 0.1, "revenue_share": 0.1})
    table = table.assign(customers=rows, as_of=pd.Timestamp("2024-01-01"), cut="2024-01-01")
    money = ["revenue_per_customer", "revenue_per_customer_low", "revenue_per_customer_high"]
    table = table.assign(**dict.fromkeys(money, rows), times_the_base=rows)
    later = table.assign(as_of=pd.Timestamp("2024-04-01"))
    bars = {
        "segment_sizes": draw("segment_sizes", table).patches[len(keys) :],
        "segment_series": draw("segment_series", pd.concat([table, later])).patches[::2],
        "alluvial": [
            block
            for block in draw(
                "alluvial",
                table.rename(columns={"segment": "segment_before"}).assign(segment_after=keys),
            ).patches
            if isinstance(block, Rectangle)
        ][: len(keys)],
    }
    worn = {
        name: [to_hex(bar.get_facecolor()).upper() for bar in found] for name, found in bars.items()
    }
    for name, most_first in (("segment_evidence", False), ("rolling_segments", True)):
        dots = [line for line in draw(name, table).lines if line.get_marker() == "o"]
        colours = [to_hex(line.get_color()).upper() for line in dots]
        worn[name] = colours[::-1] if most_first else colours
    assert worn == dict.fromkeys(worn, [segment_colour(key) for key in keys])


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
    assert texts(ax) == ["20% Of customers", "80%", "63% Of revenue", "37%"]
    assert tick_labels(ax.yaxis) == ["Champions", "Hibernating"]
    assert ax.get_ylim() == (1.5, -0.5)
    assert legend_labels(ax) == []


def test_revenue_bars_wear_the_segments_colour():
    bars = plots.segment_sizes(kpis()).patches
    worn = [to_hex(bar.get_facecolor()).upper() for bar in bars]
    assert worn[2:] == worn[:2] == [segment_colour("champions"), segment_colour("hibernating")]
    assert [bar.get_facecolor()[3] < 0.5 for bar in bars] == [True, True, False, False]


def test_a_missing_share_has_a_dash_and_a_negative_one_stays_on_the_picture():
    table = kpis()[:2].assign(revenue_share=[np.nan, -0.1])
    ax = plots.segment_sizes(table)
    assert texts(ax) == ["20% Of customers", "80%", "– Of revenue", "-10%"]
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


def test_the_curve_can_be_that_of_another_value_which_then_names_the_axis():
    table = lorenz().rename(columns={"revenue_share": "clv_share"})
    ax = plots.lorenz_curve(table, value="clv_share")
    assert texts(ax)[-1] == "20% → 63%"
    assert ax.get_ylabel() == "Clv share"
    with pytest.raises(DataError, match="'revenue_share'"):
        plots.lorenz_curve(table)


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
    assert tick_labels(ax.xaxis) == ["Jan\n2024", "Feb", "Mar", "Apr"]


def test_an_incomplete_month_is_hatched_and_the_picture_says_why():
    ax = plots.monthly_revenue(months())
    assert [bool(bar.get_hatch()) for bar in ax.patches] == [False, False, True]
    assert texts(ax) == ["Incomplete month"]
    assert texts(plots.monthly_revenue(months()[:2])) == []


@pytest.mark.parametrize("count", [2, 14, 26, 40, 75, 150])
@pytest.mark.parametrize("start", ["2019-01-01", "2019-05-01", "2019-12-01"])
def test_months_are_named_all_or_where_a_quarter_half_year_or_year_begins(start, count):
    days = pd.date_range(start, periods=count, freq="MS")
    table = pd.DataFrame({"month": days, "revenue": 1e9, "complete": True})
    ax = plots.monthly_revenue(table)
    shown = [int(place) for place in ax.get_xticks()]
    steps = {later - sooner for sooner, later in itertools.pairwise(shown)}
    assert len(steps) <= 1 <= len(shown)
    if len(shown) < count:
        assert steps <= {3, 6, 12, 24, 60} and all(place % min(steps) == 0 for place in shown)
    assert not any("…" in word for word in tick_labels(ax.xaxis))


def test_a_year_is_said_with_the_first_month_that_is_named_and_where_it_begins():
    days = pd.date_range("2023-05-01", periods=20, freq="MS")
    table = pd.DataFrame({"month": days, "revenue": 1.0, "complete": True})
    words = tick_labels(plots.monthly_revenue(table).xaxis)
    assert words == ["Jul\n2023", "Oct", "Jan\n2024", "Apr", "Jul", "Oct"]


def test_the_last_twelve_months_stand_beside_those_of_the_year_before():
    ax = plots.monthly_revenue(years(3))
    (line,) = dotted(ax)
    assert line.get_ydata().tolist() == list(range(13, 25))
    places = line.get_xdata()
    bars = [bar.get_x() + bar.get_width() / 2 for bar in ax.patches[-12:]]
    np.testing.assert_allclose(places, bars)
    assert words_on(ax) == ["Year before"]


def test_a_year_before_is_drawn_exactly_where_the_log_has_it_whole():
    drawn = {}
    for count in (6, 12, 13, 18, 24):
        lines = dotted(plots.monthly_revenue(years(2)[:count]))
        drawn[count] = [height for line in lines for height in line.get_ydata()]
    assert drawn == {6: [], 12: [], 13: [1], 18: [1, 2, 3, 4, 5, 6], 24: list(range(1, 13))}
    begun = years(2).assign(complete=[False, *[True] * 23])
    assert dotted(plots.monthly_revenue(begun))[0].get_ydata().tolist() == list(range(2, 13))
    gone = years(2).drop(index=range(12))
    assert dotted(plots.monthly_revenue(gone)) == []


def dotted(ax):
    return [line for line in ax.lines if line.get_marker() == "o"]


def test_new_customers_stand_on_the_returning_ones():
    ax = plots.monthly_customers(months())
    returning, new = ax.patches[:3], ax.patches[3:]
    assert [bar.get_height() for bar in returning] == [30, 45, 5]
    assert [bar.get_height() for bar in new] == [20, 15, 3]
    assert [bar.get_y() for bar in new] == [30, 45, 5]
    assert texts(ax) == ["Returning\ncustomers", "New\ncustomers", "Incomplete month"]


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
    assert [text.get_text() for text in labels] == ["2016", "2018", "2020", "2022", "2024"]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(boxes))


def test_a_month_of_unknown_completeness_counts_as_complete():
    table = months().assign(complete=pd.Series([None, True, None], dtype=object))
    assert not any(bar.get_hatch() for bar in plots.monthly_revenue(table).patches)


# Distributions


@pytest.mark.parametrize("given", [False, True])
def test_counts_that_are_all_in_one_bin_are_said_and_not_drawn(given):
    one = pd.DataFrame({"from": [1.0, 2.0], "to": [1.0, 2.0], "count": [1234, 0]})
    ax = plots.histogram(one, x="orders", ax=Figure().add_subplot() if given else None)
    assert (len(ax.patches), ax.axison) == (0, False)
    assert words_on(ax) == ["Orders: 1 · Customers: 1,234"]


def test_an_open_bin_is_named_by_where_it_begins_at_either_end():
    table = pd.DataFrame({"from": [np.nan, 5, 10], "to": [5, 10, np.nan], "count": [1, 2, 3]})
    assert tick_labels(plots.histogram(table).xaxis) == ["≤5", "10+"]


def test_bins_that_touch_have_their_edges_written_between_the_bars():
    ax = plots.histogram(bins(), x="recency_days")
    assert [bar.get_height() for bar in ax.patches] == [5, 12, 3]
    assert list(ax.get_xticks()) == [0, 1, 2.5]
    assert tick_labels(ax.xaxis) == ["0", "30", "90+"]
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


def test_months_are_bars_from_a_normal_one_and_the_largest_and_smallest_are_named():
    ax = plots.month_weights(month_weights()[::-1])
    assert [bar.get_y() for bar in ax.patches] == [1] * 12
    assert [round(float(bar.get_height()), 2) for bar in ax.patches][:2] == [-0.5, -0.4]
    assert texts(ax) == ["×1.8", "×0.5"]
    assert tick_labels(ax.xaxis) == list(plots.style.MONTHS)
    assert len({bar.get_facecolor() for bar in ax.patches}) == 2


def test_factors_on_an_axis_are_said_as_they_are():
    for top in (1.15, 1.3, 1.8, 2.4, 7.0, 30.0):
        weights = month_weights().assign(normal_months=[top, *[0.9] * 11])
        axis = plots.month_weights(weights).yaxis
        said = [float(word.removeprefix("×")) for word in tick_labels(axis)]
        assert said == pytest.approx(list(axis.get_ticklocs()))
        assert 2 <= len(said) <= 6


def test_long_month_names_are_written_as_they_find_room():
    style = Style(month_name=lambda number: f"Month number {number}")
    ax = plots.month_weights(month_weights(), style=style)
    assert 2 <= len(tick_labels(ax.xaxis)) < 12
    assert tick_labels(ax.xaxis)[-1].startswith("Month number")


def test_numbers_that_are_no_calendar_month_are_left_out():
    table = month_weights().assign(month=[0, 13, np.nan, *range(4, 13)])
    assert len(plots.month_weights(table).patches) == 9


# Purchase models


def grid(size):
    sides = itertools.product(range(size), range(0, 30 * size, 30))
    table = pd.DataFrame(sides, columns=["repeats", "recency_days"])
    return table.assign(p_order=np.linspace(0, 1, len(table)), expected_orders=0.25)


def test_few_cells_hold_their_values_with_the_most_recent_customers_on_top():
    ax = plots.frequency_recency(matrix()[::-1])
    assert np.array(texts(ax)).reshape(2, 3).tolist() == [
        ["0.3", "1.2", "2.5"],
        ["0.1", "0.5", "–"],
    ]
    assert tick_labels(ax.yaxis) == ["7", "90"]
    assert tick_labels(ax.xaxis) == ["0", "1", "2"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Repeats", "Recency days")
    assert ax.get_title(loc="left") == "Expected orders"
    assert len(ax.figure.axes) == 1


def test_cells_where_no_customer_can_be_are_hatched_whether_missing_or_left_out():
    for table in (matrix(), matrix()[:5]):
        ax = plots.frequency_recency(table)
        assert [patch.get_xy() for patch in ax.patches if patch.get_hatch()] == [(2.02, 1.02)]


def test_the_chance_of_an_order_is_said_in_percent_on_a_scale_of_its_own():
    ax = plots.frequency_recency(matrix(), value="p_order")
    assert texts(ax)[:3] == ["90%", "95%", "99%"]
    assert ax.collections[0].get_clim() == (0, 1)


def test_many_cells_are_explained_by_a_colour_bar_and_hold_no_words():
    ax = plots.frequency_recency(grid(12), value="p_order")
    assert texts(ax) == []
    bar = ax.figure.axes[1]
    assert bar.get_xlabel() == "P order"
    assert tick_labels(bar.xaxis)[0] == "0%" and tick_labels(bar.xaxis)[-1] == "100%"
    assert len(tick_labels(ax.yaxis)) == 12


def test_words_stay_within_their_cells():
    ax = plots.frequency_recency(grid(8), value="p_order")
    svg(ax)
    boxes = np.array([text.get_window_extent().extents for text in ax.texts]).reshape(8, 8, 4)
    assert (boxes[:, :-1, 2] < boxes[:, 1:, 0]).all()
    assert (boxes[:-1, :, 1] > boxes[1:, :, 3]).all()


def test_a_colour_bar_keeps_a_hostile_label_literal():
    style = Style(labels={"p_order": "<b>$x^2$"}, percent=lambda _: "$1$")
    with matplotlib.rc_context({"text.parse_math": True}):
        given = Figure(figsize=(4, 3)).add_subplot()
        page = svg_texts(plots.frequency_recency(grid(12), value="p_order", style=style, ax=given))
    assert {"<b>$x^2$", "$1$"} <= set(page)


def test_a_cell_of_the_model_that_comes_twice_and_an_unknown_value_are_errors():
    with pytest.raises(DataError, match="twice.*repeats=0 recency_days=7"):
        plots.frequency_recency(pd.concat([matrix(), matrix()[:1]]))
    with pytest.raises(DataError, match="'clv'"):
        plots.frequency_recency(matrix(), value="clv")


def test_a_history_has_a_line_and_a_stroke_below_it_for_each_purchase():
    ax = plots.customer_history(history()[::-1])
    np.testing.assert_allclose(ax.lines[0].get_ydata(), history()["p_order"])
    strokes = ax.collections[0].get_segments()
    starts = [stroke[0][0] for stroke in strokes]
    np.testing.assert_allclose(starts, ax.lines[0].get_xdata()[[0, 4]])
    assert all((stroke[:, 1] < 0).all() for stroke in strokes)
    assert tick_labels(ax.yaxis)[0] == "0%" and tick_labels(ax.yaxis)[-1] == "100%"
    assert tick_labels(ax.xaxis) == ["Feb\n2024", "Mar", "Apr"]
    assert texts(ax) == ["Purchase"]


def test_a_history_of_a_few_days_still_names_its_month():
    ax = plots.customer_history(history()[:2])
    assert tick_labels(ax.xaxis) == ["Jan\n2024"]
    assert ax.get_xlim()[0] < ax.get_xticks()[0] < ax.get_xlim()[1]


def test_days_may_be_in_a_time_zone_and_days_without_a_date_are_left_out():
    zoned = history().assign(day=history()["day"].dt.tz_localize("UTC"))
    assert tick_labels(plots.customer_history(zoned).xaxis)[0] == "Feb\n2024"
    undated = history().assign(day=[pd.NaT, *history()["day"][1:]])
    assert len(plots.customer_history(undated).lines[0].get_xdata()) == 13


def test_observed_customers_are_filled_bars_and_expected_ones_hatched_beside_them():
    ax = plots.repeat_histogram(fit()[::-1])
    observed, expected = ax.patches[:3], ax.patches[3:]
    assert [bar.get_height() for bar in observed] == [600, 300, 100]
    assert [bar.get_height() for bar in expected] == [590.5, 310, 99.5]
    assert not any(bar.get_hatch() for bar in observed)
    assert all(bar.get_hatch() for bar in expected)
    for left, right in zip(observed, expected, strict=True):
        assert left.get_x() + left.get_width() <= right.get_x()
    assert tick_labels(ax.xaxis) == ["0", "1", "2+"]
    assert legend_labels(ax) == ["Observed", "Expected"]


def test_weeks_are_tracked_by_two_lines_and_the_holdout_begins_at_a_named_one():
    ax = plots.tracking(weeks()[::-1])
    observed, expected, start = ax.lines
    np.testing.assert_allclose(observed.get_ydata(), weeks()["observed"])
    np.testing.assert_allclose(expected.get_ydata(), weeks()["expected"])
    assert start.get_xdata()[0] == observed.get_xdata()[7]
    assert texts(ax) == ["Observed", "Expected", "Holdout →"]
    assert observed.get_linestyle() != expected.get_linestyle()
    assert ax.get_ylabel() == "Weekly repeats"


def test_cumulative_tracking_draws_the_cumulative_columns_and_needs_no_others():
    ax = plots.tracking(weeks().drop(columns=["observed", "expected"]), cumulative=True)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), weeks()["cumulative_observed"])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), weeks()["cumulative_expected"])
    assert ax.get_ylabel() == "Cumulative repeats"


def test_weeks_without_a_holdout_have_no_mark():
    ax = plots.tracking(weeks()[:7])
    assert len(ax.lines) == 2
    assert sorted(texts(ax)) == ["Expected", "Observed"]


def test_the_name_of_the_holdout_keeps_clear_of_the_lines():
    early = weeks().assign(holdout=[False] * 3 + [True] * 7)
    for table, words in ((weeks(), "Holdout →"), (early, "Holdout")):
        ax = plots.tracking(table, cumulative=True)
        svg(ax)
        assert texts(ax) == ["Observed", "Expected", words]
        highest = ax.transData.transform((0, 106.5))[1]
        assert ax.texts[-1].get_window_extent().y0 > highest


def test_purchases_in_the_holdout_are_drawn_by_repeats_with_the_customers_below():
    table = fit().assign(observed=[0.2, 0.9, 2.5], expected=[0.25, 0.8, 2.2])
    ax = plots.holdout_by_frequency(table)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [0.2, 0.9, 2.5])
    np.testing.assert_allclose(ax.lines[1].get_ydata(), [0.25, 0.8, 2.2])
    assert tick_labels(ax.xaxis) == ["0\n600", "1\n300", "2+\n1,100"]
    assert ax.get_xlabel() == "Repeats before · Customers"
    assert {line.get_marker() for line in ax.lines} == {"o", "s"}


# Evidence


def test_each_ranking_has_a_line_from_the_origin_and_random_is_the_diagonal():
    random = pd.DataFrame(
        {"ranking": "random", "customers_share": [0.5, 1], "revenue_share": [0.45, 1]}
    )
    ax = plots.gain_curves(pd.concat([random, curves()[1:]]))
    clv, revenue, diagonal, fifth = ax.lines
    np.testing.assert_allclose(clv.get_xydata(), [[0, 0], [0.2, 0.7], [1, 1]])
    np.testing.assert_allclose(revenue.get_xydata(), [[0, 0], [0.2, 0.6], [1, 1]])
    np.testing.assert_allclose(diagonal.get_xydata(), [[0, 0], [1, 1]])
    assert set(fifth.get_xdata()) == {0.2}


def test_rankings_are_named_best_first_with_what_their_best_fifth_made():
    ax = plots.gain_curves(pd.concat([curves()[3:], curves()[:3]]))
    assert legend_labels(ax) == ["70% · Clv", "60% · Revenue", "20% · Random"]
    assert ax.get_legend().get_title().get_text() == "20% →"
    clv, revenue = (line.get_color() for line in ax.get_legend().get_lines()[:2])
    assert (revenue, clv) == tuple(line.get_color() for line in ax.lines[:2])


def test_twelve_rankings_look_different_from_each_other_and_from_the_diagonal():
    table = pd.concat([curves()[:3].assign(ranking=f"ranking_{index}") for index in range(12)])
    lines = plots.gain_curves(table).lines[:-1]
    looks = {(to_hex(line.get_color()), line.get_linestyle()) for line in lines}
    assert len(looks) == 13


def test_rankings_may_be_categories_and_those_without_points_are_left_out():
    table = curves().assign(ranking=pd.Categorical(curves()["ranking"], ["clv", "revenue", "old"]))
    table.loc[3:, "revenue_share"] = np.nan
    assert legend_labels(plots.gain_curves(table)) == ["70% · Clv", "20% · Random"]


def test_deciles_show_what_was_predicted_and_what_happened_with_its_interval():
    ax = plots.calibration(deciles()[::-1])
    predicted, actual = ax.lines
    np.testing.assert_allclose(predicted.get_ydata(), [3.1, 1.2, 0.2])
    np.testing.assert_allclose(actual.get_ydata(), [2.9, 1.4, 0.1])
    intervals = [segment[:, 1].tolist() for segment in ax.collections[0].get_segments()]
    assert intervals == [[2.5, 3.3], [1.1, 1.7], [0.0, 0.2]]
    assert predicted.get_markerfacecolor() == "white"
    assert actual.get_linestyle() == "None"
    assert tick_labels(ax.xaxis) == ["1", "2", "3"]
    assert ax.get_ylabel() == "Purchases per customer"


def test_a_calibration_of_money_says_money():
    ax = plots.calibration(deciles(), unit="money", style=Style(money=lambda v: f"{v:.0f} €"))
    assert all(label.endswith(" €") for label in tick_labels(ax.yaxis))
    assert ax.get_ylabel() == "Revenue per customer"
    assert plots.calibration(deciles(), unit="money", y="clv").get_ylabel() == "Clv"
    with pytest.raises(DataError, match="'percent'"):
        plots.calibration(deciles(), unit="percent")


def test_the_evidence_has_a_dot_a_segment_in_its_colour_with_interval_and_value():
    ax = plots.segment_evidence(evidence(), style=Style(money=lambda v: f"{v:.0f} €"))
    mean, intervals, dots = ax.lines[0], ax.lines[1::2], ax.lines[2::2]
    assert list(mean.get_xdata()) == [15, 15]
    assert [list(line.get_xdata()) for line in intervals] == [[100, 150], [3, 6]]
    assert [list(dot.get_xdata()) for dot in dots] == [[120], [4]]
    worn = [to_hex(dot.get_markerfacecolor()).upper() for dot in dots]
    assert worn == [segment_colour("reactivated"), segment_colour("one_and_done")]
    assert texts(ax) == ["Mean of all: 15 €", "120 €", "4 €"]
    assert texts(plots.segment_evidence(evidence()[:2])) == ["120", "4"]
    assert tick_labels(ax.yaxis) == ["Reactivated", "One and done"]
    assert ax.get_ylim() == (1.5, -0.5)


def test_values_beside_the_evidence_stay_on_the_page_however_long():
    style = Style(money=lambda v: f"ARS {v * 1e6:,.2f}")
    ax = plots.segment_evidence(evidence(), style=style)
    svg(ax)
    assert max(text.get_window_extent().x1 for text in ax.texts) <= ax.figure.bbox.x1


def test_a_segment_without_an_interval_or_a_value_keeps_its_row():
    columns = ["revenue_per_customer", "revenue_per_customer_low", "revenue_per_customer_high"]
    table = evidence()
    table.loc[0, columns[1:]] = np.nan
    table.loc[1, columns] = np.nan
    ax = plots.segment_evidence(table)
    assert texts(ax) == ["Mean of all: 15", "120", "–"]
    assert tick_labels(ax.yaxis) == ["Reactivated", "One and done"]


def test_losses_stay_on_the_picture_of_the_evidence():
    table = evidence().assign(revenue_per_customer_low=-20.0)
    assert plots.segment_evidence(table).get_xlim()[0] <= -20


# Migration

SPANISH = MappingProxyType(
    {
        "champions": "Campeones",
        "loyal": "Clientes fieles",
        "potential_loyalists": "Potenciales fieles",
        "need_attention": "Requieren atención",
        "about_to_sleep": "A punto de dormir",
        "cannot_lose": "No se pueden perder",
    }
)


def uneven_flows(keys):
    """Most customers in one segment, one or two in the others, so that names must move."""
    sides = itertools.product([*keys, "newcomer"], [*keys, "gone"])
    table = pd.DataFrame(sides, columns=["segment_before", "segment_after"])
    large = (table["segment_before"] == keys[0]) & (table["segment_after"] == keys[0])
    return table.assign(customers=np.where(large, 5000, 1))


def blocks(ax):
    return [patch for patch in ax.patches if hasattr(patch, "get_height")]


def bands(ax):
    return [patch for patch in ax.patches if not hasattr(patch, "get_height")]


def inked(ax):
    """The boxes of the words alone, without the lines that join them to something."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(ax.figure).draw()
    return [Text.get_window_extent(text) for text in ax.texts]


def test_blocks_are_as_tall_as_the_segments_are_large_and_stand_in_the_order_of_the_table():
    ax = plots.alluvial(flows())
    left, right = blocks(ax)[:3], blocks(ax)[3:]
    assert [block.get_height() for block in left] == [60, 30, 20]
    assert [block.get_height() for block in right] == [50, 55, 5]
    assert texts(ax)[:3] == ["Champions (60)", "Loyal (30)", "Newcomer (20)"]
    assert texts(ax)[3:] == ["Champions (50)", "Loyal (55)", "Gone (5)"]
    assert ax.get_ylim()[0] > ax.get_ylim()[1]
    for side in (left, right):
        assert all(
            above.get_y() + above.get_height() < below.get_y()
            for above, below in itertools.pairwise(side)
        )


def test_a_band_leaves_one_block_and_lands_on_another_without_covering_its_neighbours():
    ax = plots.alluvial(flows())
    ends = [
        (band.get_path().vertices[[0, 7], 1], band.get_path().vertices[[3, 4], 1])
        for band in bands(ax)
    ]
    for column, side in enumerate((blocks(ax)[:3], blocks(ax)[3:])):
        filled = sorted(tuple(band[column]) for band in ends)
        edges = [(block.get_y(), block.get_y() + block.get_height()) for block in side]
        for low, high in filled:
            assert any(start - 1e-9 <= low < high <= end + 1e-9 for start, end in edges)
        assert all(one[1] <= other[0] + 1e-9 for one, other in itertools.pairwise(filled))
        assert sum(high - low for low, high in filled) == pytest.approx(110)


def test_those_who_move_wear_the_full_colour_of_where_they_were_and_those_who_stay_a_pale_one():
    drawn = bands(plots.alluvial(flows()))
    worn = [to_hex(band.get_facecolor()).upper() for band in drawn]
    assert worn[2:] == [segment_colour(key) for key in ("newcomer", "champions", "loyal")]
    assert worn[:2] == [segment_colour(key) for key in ("champions", "loyal")]
    assert [band.get_alpha() < 0.3 for band in drawn] == [True, True, False, False, False]


def test_flows_of_the_same_segments_add_up_and_those_of_nobody_are_left_out():
    empty = pd.DataFrame(
        {
            "segment_before": ["lost", "lost", None],
            "segment_after": ["lost", "loyal", "loyal"],
            "customers": [0, np.nan, 7],
        }
    )
    ax = plots.alluvial(pd.concat([flows(), flows(), empty]))
    assert [block.get_height() for block in blocks(ax)] == [120, 60, 40, 100, 110, 10]


def test_names_of_thin_blocks_are_moved_apart_and_joined_to_them():
    ax = plots.alluvial(uneven_flows(VALUE_GROUPS[:10]), style=Style(labels=SPANISH))
    boxes = inked(ax)
    assert len(boxes) == 22
    for side in (boxes[:11], boxes[11:]):
        assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(side))
    joined = [text.arrow_patch is not None for text in ax.texts]
    assert joined[1:10] == [True] * 9
    assert not joined[0]


def test_names_keep_apart_on_given_axes_too():
    given = Figure(figsize=(9, 8)).add_subplot()
    boxes = inked(plots.alluvial(uneven_flows(VALUE_GROUPS[:10]), ax=given))
    for side in (boxes[:11], boxes[11:]):
        assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(side))


def test_a_name_never_loses_its_count():
    style = Style(labels={"champions": "Muy larga " * 9}, number=lambda v: f"{v:.0f} 000")
    assert texts(plots.alluvial(flows(), style=style))[0].endswith("… (60\u00a0000)")


def test_the_dates_stand_over_the_columns_as_they_are():
    ax = plots.alluvial(flows(), before="$1$ <b>ene", after="1 abr 2024")
    assert texts(ax)[-2:] == ["$1$ <b>ene", "1 abr 2024"]
    boxes = inked(ax)
    assert min(box.y0 for box in boxes[-2:]) >= max(box.y1 for box in boxes[:-2])


def test_a_picture_of_flows_is_always_the_same():
    assert svg_texts(plots.alluvial(flows())) == svg_texts(plots.alluvial(flows()))
    one, other = (plots.alluvial(uneven_flows(VALUE_GROUPS)) for _ in range(2))
    for mine, theirs in zip(bands(one), bands(other), strict=True):
        np.testing.assert_array_equal(mine.get_path().vertices, theirs.get_path().vertices)


def test_each_date_has_a_bar_with_the_first_segment_on_top():
    ax = plots.segment_series(series()[::-1].sort_values("segment"))
    champions, hibernating = ax.patches[:3], ax.patches[3:]
    assert [bar.get_height() for bar in champions] == [20, 30, 40]
    assert [bar.get_height() for bar in hibernating] == [80, 90, 70]
    assert [bar.get_y() for bar in champions] == [80, 90, 70]
    assert texts(ax) == ["Champions", "Hibernating"]
    assert tick_labels(ax.xaxis) == ["Jan\n2024", "Apr", "Jul"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("As of", "Customers")


def test_revenue_below_zero_hangs_from_it():
    style = Style(money=lambda v: f"{v:.0f} €")
    ax = plots.segment_series(series(), value="revenue", style=style)
    champions, hibernating = ax.patches[:3], ax.patches[3:]
    assert [bar.get_y() for bar in champions] == [100, 0, 40]
    assert [bar.get_y() for bar in hibernating] == [0, 0, 0]
    assert hibernating[1].get_height() == -20
    assert ax.get_ylim()[0] <= -20
    assert all(label.endswith(" €") for label in tick_labels(ax.yaxis))


def test_a_segment_without_customers_on_the_last_date_is_named_all_the_same():
    table = series()
    table.loc[5, "customers"] = np.nan
    assert texts(plots.segment_series(table)) == ["Champions", "Hibernating"]


def test_a_segment_that_never_has_any_height_is_not_named():
    table = series()
    never = table.assign(segment="lost", customers=0)
    assert texts(plots.segment_series(pd.concat([table, never]))) == ["Champions", "Hibernating"]


@pytest.mark.parametrize("value", ["customers", "revenue"])
def test_names_of_thirteen_segments_beside_the_last_bar_do_not_overlap(value):
    days = pd.date_range("2024-01-01", periods=13, freq="MS")
    rows = itertools.product(days, enumerate(CLUSTERS))
    table = pd.DataFrame(
        [(day, key, 1 + 900 * (index == 0), -1 - index % 2) for day, (index, key) in rows],
        columns=["as_of", "segment", "customers", "revenue"],
    )
    ax = plots.segment_series(table, value=value)
    boxes = sorted(inked(ax), key=lambda box: -box.y0)
    assert len(boxes) == 13
    assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(boxes))
    dates = [text.get_window_extent() for text in ax.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(dates))


def test_segments_of_a_bar_that_is_alone_are_explained_above_it():
    ax = plots.segment_series(series()[:2])
    assert texts(ax) == []
    assert legend_labels(ax) == ["Champions", "Hibernating"]
    assert tick_labels(ax.xaxis) == ["Jan 2024"]


def test_a_series_leaves_out_the_total_and_knows_two_values():
    total = series().assign(segment="total")
    assert texts(plots.segment_series(pd.concat([series(), total]))) == ["Champions", "Hibernating"]
    with pytest.raises(DataError, match="'aov'"):
        plots.segment_series(series(), value="aov")


# Lifecycle


def test_the_waiting_curve_falls_in_steps_within_its_band_from_0_to_100_percent():
    ax = plots.waiting_curve(waiting()[::-1])
    line = ax.lines[0]
    np.testing.assert_allclose(line.get_xydata(), waiting()[["days", "waiting"]])
    assert line.get_drawstyle() == "steps-post"
    low, high = ax.dataLim.y0, ax.dataLim.y1
    assert (low, high) == (0.38, 1)
    assert tick_labels(ax.yaxis)[0] == "0%" and tick_labels(ax.yaxis)[-1] == "100%"
    assert ax.get_xlim() == (0, 400)
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Days since purchase", "Waiting")
    assert texts(ax) == []


def test_both_gaps_are_marked_by_named_lines_and_the_axis_ends_a_little_later():
    ax = plots.waiting_curve(waiting(), usual_days=40, churn_days=200)
    assert [list(line.get_xdata()) for line in ax.lines[1:]] == [[40, 40], [200, 200]]
    assert texts(ax) == ["Usual gap: 40", "Churn gap: 200"]
    assert ax.get_xlim() == (0, 250)


@pytest.mark.parametrize(
    ("usual", "churn"),
    [(40, 200), (195, 200), (1, 400), (100, 180), (200, 200), (300, 200), (350, None), (0, 5)],
)
def test_names_of_the_gaps_keep_clear_of_each_other_and_of_the_lines(usual, churn):
    labels = {"usual_gap": "Intervalo habitual", "churn_gap": "Intervalo de abandono"}
    ax = plots.waiting_curve(
        waiting(), usual_days=usual, churn_days=churn, style=Style(labels=labels)
    )
    boxes = inked(ax)
    lines = [line.get_window_extent() for line in ax.lines[1:]]
    assert len(boxes) == len(lines) == (1 if churn is None else 2)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert not any(box.overlaps(line) for box in boxes for line in lines)
    top = ax.transAxes.transform((0, 1))[1]
    assert all(top <= box.y0 and box.x0 >= 0 for box in boxes)
    assert all(box.x1 <= ax.figure.bbox.x1 for box in boxes)


def test_a_churn_gap_beyond_the_curve_is_shown_and_a_missing_one_is_not():
    assert plots.waiting_curve(waiting(), churn_days=900).get_xlim() == (0, 900)
    assert len(plots.waiting_curve(waiting(), usual_days=np.nan).lines) == 1


def test_both_sides_of_a_threshold_have_a_point_an_interval_and_a_value():
    ax = plots.two_sides(rates())
    above, below = ax.lines
    np.testing.assert_allclose(above.get_xdata(), [0.42, 0.31])
    np.testing.assert_allclose(below.get_xdata(), [0.21, 0.27])
    assert below.get_markerfacecolor() == "white"
    assert above.get_markerfacecolor() != "white"
    spans = [segment[:, 0].tolist() for drawn in ax.collections for segment in drawn.get_segments()]
    assert spans == [[0.36, 0.48], [0.25, 0.37], [0.18, 0.25], [0.22, 0.32]]
    assert texts(ax) == ["42%", "31%", "21%", "27%"]
    assert tick_labels(ax.yaxis) == ["Orders", "Aov"]
    assert legend_labels(ax) == ["Above threshold", "Below threshold"]


def test_a_side_without_customers_has_a_dash_and_long_names_take_two_lines():
    style = Style(labels={"orders": "Unidades del primer pedido: 3 o más"})
    table = rates().assign(below_rate=np.nan, below_low=np.nan, below_high=np.nan)
    ax = plots.two_sides(table, style=style)
    assert texts(ax) == ["42%", "31%", "–", "–"]
    assert tick_labels(ax.yaxis)[0] == "Unidades del primer\npedido: 3 o más"


def test_outcomes_of_carts_are_shares_of_each_row_that_fill_it():
    ax = plots.cart_outcomes(carts())
    widths = np.array([bar.get_width() for bar in ax.patches]).reshape(4, 2)
    np.testing.assert_allclose(widths.sum(axis=0), 1)
    np.testing.assert_allclose(widths[:, 1], [0.5, 0, 0.4, 0.1])
    starts = np.array([bar.get_x() for bar in ax.patches]).reshape(4, 2)
    np.testing.assert_allclose(starts[1:], widths.cumsum(axis=0)[:-1])
    assert tick_labels(ax.yaxis) == ["Shoes (1,234)", "Home (10)"]
    assert legend_labels(ax) == ["Recovered", "Bought late", "Abandoned", "Pending"]
    assert texts(ax) == ["59%", "40%"]


def test_a_share_that_does_not_fit_its_part_is_not_written():
    assert texts(plots.cart_outcomes(carts().assign(abandoned=[734, 0], pending=[0, 9]))) == ["59%"]
    assert texts(plots.cart_outcomes(carts().assign(abandoned=[10, 1]))) == ["14%"]


def test_the_twelve_largest_rows_are_drawn_in_their_order_and_empty_ones_left_out():
    table = pd.DataFrame({"category": [f"c{i}" for i in range(20)], "abandoned": range(20)})
    table = table.assign(recovered=0, bought_late=0, pending=0)
    names = tick_labels(plots.cart_outcomes(table).yaxis)
    assert names == [f"c{i} ({i})" for i in range(8, 20)]
    assert tick_labels(plots.cart_outcomes(table[:3]).yaxis) == ["c1 (1)", "c2 (2)"]
    assert texts(plots.cart_outcomes(table[:1])) == ["No data"]


def test_categories_are_drawn_as_they_are_and_segments_by_their_label():
    style = Style(labels={"big_sale": "Rebajas"})
    words = carts().assign(category=["big_sale", "<i>$x^2$\nfoo"])
    shown = tick_labels(plots.cart_outcomes(words, style=style).yaxis)
    assert shown == ["big_sale (1,234)", "<i>$x^2$ foo (10)"]
    keys = words.rename(columns={"category": "segment"})
    shown = tick_labels(plots.cart_outcomes(keys, by="segment", style=style).yaxis)
    assert shown[0] == "Rebajas (1,234)"
    unnamed = carts().assign(category=[None, "Home"])
    assert tick_labels(plots.cart_outcomes(unnamed).yaxis)[0] == "– (1,234)"


# The audit: two periods


def bars(ax):
    return [(bar.get_x(), bar.get_x() + bar.get_width()) for bar in ax.patches]


def hatched(ax):
    return [bool(bar.get_hatch()) for bar in ax.patches]


def test_each_step_begins_where_the_one_above_ends_and_the_last_one_at_zero():
    ax = plots.period_change(change())
    expected = [(0, 900), (900, 600), (600, 1050), (1050, 1150), (1150, 1100), (0, 1100)]
    assert bars(ax) == expected
    assert ax.get_ylim()[0] > ax.get_ylim()[1]


def test_steps_say_their_sign_and_their_customers_and_factors_how_much_more():
    ax = plots.period_change(change())
    assert texts(ax) == ["900", "-300", "+450", "+100", "-50", "1,100"]
    assert tick_labels(ax.yaxis)[:2] == ["Earlier (110)", "Left (70)"]
    words = texts(plots.period_change(factors()))
    assert words == ["1,000", "+100 (+20%)", "-500 (-50%)", "600 (-40%)"]


def test_rises_and_falls_differ_in_colour_and_both_from_the_periods():
    worn = [to_hex(bar.get_facecolor()) for bar in plots.period_change(change()).patches]
    assert worn[0] == worn[-1]
    assert worn[1] == worn[4] and worn[2] == worn[3]
    assert len(set(worn)) == 3


@pytest.mark.parametrize("factor", [1, 1e9, -1])
def test_amounts_beside_steps_and_below_them_stay_apart_and_on_the_page(factor):
    table = change().assign(revenue=change()["revenue"] * factor)
    ax = plots.period_change(table, style=Style(money=lambda value: f"ARS {value:,.2f}"))
    assert max(box.x1 for box in inked(ax)) <= ax.figure.bbox.x1
    ticks = [text.get_window_extent() for text in ax.get_xticklabels()]
    assert all(left.x1 < right.x0 for left, right in itertools.pairwise(ticks))


def test_tenths_of_customers_have_their_share_of_revenue_and_other_rows_none():
    ax = plots.deciles(tenths())
    assert [bar.get_height() for bar in ax.patches] == [0.7, 0.2, 0.1, 0.02]
    assert texts(ax) == ["70%", "20%", "10%", "2%", "Equality"]
    assert tick_labels(ax.xaxis) == ["1", "2", "3", "4"]
    assert ax.lines[-1].get_ydata() == [0.25, 0.25]
    assert ax.get_ylabel() == "Revenue share"


def test_tenths_of_revenue_have_their_share_of_customers():
    ax = plots.deciles(tenths(), value="customers_share")
    assert [bar.get_height() for bar in ax.patches] == [0.2, 0.25, 0.25, 0.25]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Revenue tenth", "Customers share")
    with pytest.raises(DataError, match="'orders'"):
        plots.deciles(tenths(), value="orders")


@pytest.mark.parametrize("turned", [False, True])
def test_the_line_of_equality_crosses_no_share(turned):
    shares = [0.4, 0.17, 0.11, 0.099, 0.08, 0.06, 0.045, 0.025, 0.01, 0.001]
    table = pd.DataFrame({"spend_decile": [str(place) for place in range(1, 11)]})
    table = table.assign(revenue_share=shares[::-1] if turned else shares, customers_share=0.1)
    ax = plots.deciles(table)
    boxes = inked(ax)
    line = ax.transData.transform((0, 0.1))[1]
    assert not any(box.y0 < line < box.y1 for box in boxes)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))


def test_cells_are_shares_of_their_row_and_who_did_not_buy_comes_last():
    ax = plots.decile_switching(switches()[::-1])
    assert tick_labels(ax.yaxis) == ["2", "1", "Did not\nbuy"]
    assert tick_labels(ax.xaxis) == ["2", "1", "Did not\nbuy"]
    words = np.array(texts(ax)).reshape(3, 3).tolist()
    assert words == [["<1", "", "100"], ["10", "30", "60"], ["75", "25", "–"]]


def test_those_who_stay_in_their_decile_are_framed():
    frames = [box for box in plots.decile_switching(switches()).patches if not box.get_hatch()]
    assert (
        [round(box.get_x()) for box in frames] == [round(box.get_y()) for box in frames] == [0, 1]
    )


def test_a_decile_of_nobody_is_hatched_and_not_a_row_of_zeros():
    table = switches().assign(customers=[0, 0, 0, 0, 1, 199, 20, 60])
    ax = plots.decile_switching(table)
    assert np.array(texts(ax)).reshape(3, 3)[0].tolist() == ["–", "–", "–"]
    assert sum(hatched(ax)) == 4


# The audit: cohorts


def test_a_cohort_has_a_panel_a_factor_from_age_1_on_with_age_0_in_its_name():
    parts = plots.cohort_factors(cohort()).child_axes
    assert [part.get_title("left") for part in parts] == [
        "Active share (at start: 100%)",
        "Orders per active (at start: 1.1)",
        "Aov (at start: 30)",
        "Revenue (at start: 3,300)",
    ]
    assert [list(part.lines[0].get_xdata()) for part in parts] == [[1, 2]] * 4
    assert list(parts[0].lines[0].get_ydata()) == [0.3, 0.2]
    assert len({part.get_xlim() for part in parts}) == 1
    assert all(part.get_ylim()[0] == 0 for part in parts)


def test_an_age_that_was_not_observed_whole_hangs_on_by_a_dotted_line_and_is_hollow():
    ax = plots.cohort_factors(cohort())
    dotted = ax.child_axes[0].lines[1]
    assert list(dotted.get_xdata()) == [2, 3]
    assert (dotted.get_linestyle(), dotted.get_markerfacecolor()) == (":", "white")
    assert dotted.get_markevery() == slice(1, None)
    assert legend_labels(ax) == ["Incomplete unit"]
    assert legend_labels(plots.cohort_factors(cohort()[:3])) == []


def test_ages_are_named_in_their_unit_and_only_once():
    parts = plots.cohort_factors(cohort(), unit="quarter").child_axes
    assert [part.get_xlabel() for part in parts] == ["", "", "", "Age quarter"]
    assert ["".join(tick_labels(part.xaxis)) for part in parts] == ["", "", "", "123"]
    with pytest.raises(DataError, match="'decade'"):
        plots.cohort_factors(cohort(), unit="decade")


def test_a_cohort_of_age_0_alone_is_shown():
    panel = plots.cohort_factors(cohort()[:1]).child_axes[0]
    assert list(panel.lines[0].get_ydata()) == [1]
    assert panel.get_title("left") == "Active share"


def lines_of(panel):
    """The lines of data, without the one at zero."""
    return [line for line in panel.lines if to_hex(line.get_color()).upper() != "#8C8C8C"]


def test_cohorts_are_compared_at_the_same_age_and_without_units_not_observed_whole():
    shares, so_far = plots.cohorts_compared(cohorts()).child_axes
    assert [list(line.get_xdata()) for line in lines_of(shares)] == [[1, 2], [1]]
    assert [list(line.get_xdata()) for line in lines_of(so_far)] == [[0, 1, 2], [0, 1], [0]]
    np.testing.assert_allclose(lines_of(so_far)[0].get_ydata(), [50, 75, 91.6667], atol=1e-3)
    assert shares.get_xlim() == so_far.get_xlim()


def test_a_cohort_whose_first_unit_was_not_observed_whole_is_not_compared():
    table = cohorts().assign(complete=cohorts()["unit"] > cohorts()["unit"].min())
    ax = plots.cohorts_compared(table)
    assert [len(line.get_xdata()) for line in lines_of(ax.child_axes[1])] == [3, 2]
    alone = plots.cohorts_compared(table[:4])
    assert [list(line.get_xdata()) for line in lines_of(alone.child_axes[1])] == [[1, 2, 3]]


def test_older_cohorts_are_fainter_and_those_that_may_hold_earlier_customers_broken():
    ax = plots.cohorts_compared(cohorts())
    lines = lines_of(ax.child_axes[1])
    strengths = [line.get_alpha() for line in lines]
    assert strengths == sorted(strengths) and strengths[0] < strengths[-1] == 1
    assert [line.get_linestyle() for line in lines] == ["--", "-", "-"]
    assert legend_labels(ax) == ["Truncated cohort"]
    assert legend_labels(plots.cohorts_compared(cohorts()[4:])) == []


@pytest.mark.parametrize("name", ["cohorts_compared", "second_order_curves"])
def test_cohorts_of_few_customers_are_left_out_where_there_are_larger_ones(name):
    table = TABLES[name]()
    small = table["cohort_name"] == "C1"
    mixed = draw(name, table.assign(size=np.where(small, 19, 20)))
    tiny = draw(name, table.assign(size=3))
    panel, whole = [(ax.child_axes or [ax])[-1] for ax in (mixed, tiny)]
    assert len(lines_of(panel)) == 2
    assert len(lines_of(whole)) == 3


def many_cohorts(count):
    days = pd.date_range("2022-01-01", periods=count, freq="MS")
    rows = [
        (days[old], f"sept 20{old:02}", 30 * age, 0.6 - 0.6 / (1 + 0.3 * age) + 0.01 * (old % 3))
        for old in range(count)
        for age in range(count - old)
    ]
    table = pd.DataFrame(rows, columns=["cohort", "cohort_name", "days", "came_back_share"])
    return table.assign(is_truncated=False)


@pytest.mark.parametrize("count", [1, 2, 5, 20])
def test_cohorts_are_named_at_the_ends_of_their_lines_without_covering_each_other(count):
    ax = plots.second_order_curves(many_cohorts(count))
    boxes = inked(ax)
    assert 1 <= len(boxes) <= 6
    assert f"sept 20{max(count - 3, 0):02}" in texts(ax)
    assert not any(one.overlaps(other) for one, other in itertools.combinations(boxes, 2))
    assert all(box.x0 >= ax.bbox.x0 and box.x1 <= ax.figure.bbox.x1 for box in boxes)


def test_second_orders_are_a_line_a_cohort_over_days():
    ax = plots.second_order_curves(again())
    assert [list(line.get_xdata()) for line in lines_of(ax)] == [
        [0, 30, 60, 90],
        [0, 30, 60],
        [0, 30],
    ]
    assert list(lines_of(ax)[0].get_ydata()) == [0, 0.25, pytest.approx(1 / 3), 0.375]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Days since first order", "Bought again")


def test_revenue_is_stacked_by_cohort_with_the_oldest_below_and_dark():
    ax = plots.cohort_revenue(cohorts())
    drawn = [(bar.get_y(), bar.get_height()) for bar in ax.patches]
    assert drawn[:4] == [(0, 900), (0, 300), (0, 200), (0, 50)]
    assert drawn[4:] == [(300, 800), (200, 250), (50, 40), (450, 700), (90, 30)]
    light = [sum(ax.patches[place].get_facecolor()[:3]) for place in (0, 4, 7)]
    assert light == sorted(light) and len(set(light)) == 3
    assert tick_labels(ax.xaxis) == ["U0", "U1", "U2", "U3"]
    assert set(texts(ax)) == {"C0", "C1", "C2", "Incomplete unit"}


def test_a_unit_that_was_not_observed_whole_is_hatched_and_explained():
    ax = plots.cohort_revenue(cohorts())
    assert hatched(ax) == [bar.get_x() > 2 for bar in ax.patches]
    assert [bar.get_facecolor()[3] for bar in ax.patches if bar.get_hatch()] == [0, 0, 0]
    assert "Incomplete unit" in texts(ax)
    assert "Incomplete unit" not in texts(plots.cohort_revenue(cohorts().assign(complete=True)))


def test_returns_of_customers_without_an_order_hang_from_zero_in_grey():
    lost = pd.DataFrame({"cohort": [pd.NaT], "cohort_name": ["returns_only"], "revenue": [-60.0]})
    lost = lost.assign(unit=pd.Timestamp("2024-04-01"), unit_name="U3", complete=False)
    style = Style(labels={"returns_only": "Solo devoluciones"})
    ax = plots.cohort_revenue(pd.concat([cohorts(), lost]), style=style)
    assert min(bar.get_height() for bar in ax.patches) == -60
    assert ax.get_ylim()[0] <= -60
    assert "Solo devoluci…" in texts(ax)
    alone = plots.cohort_revenue(lost, style=style)
    assert [bar.get_height() for bar in alone.patches] == [-60]


def test_names_of_forty_cohorts_beside_the_last_bar_do_not_overlap():
    table = many_cohorts(40)
    table["unit"] = table["cohort"] + pd.to_timedelta(table["days"], unit="D")
    table["unit"] = table["unit"].dt.to_period("M").dt.start_time
    table = table.assign(unit_name=table["unit"].dt.strftime("%m %Y"), complete=True)
    ax = plots.cohort_revenue(table.assign(revenue=table["came_back_share"] * 1000 + 5))
    boxes = sorted(inked(ax), key=lambda box: -box.y0)
    assert 2 <= len(boxes) <= 20
    assert all(above.y0 >= below.y1 for above, below in itertools.pairwise(boxes))


# The audit: the whole base


def test_new_customers_are_bars_and_the_share_of_repeat_revenue_a_line_over_the_same_units():
    top, bottom = plots.acquisition(base()).child_axes
    assert [bar.get_height() for bar in top.patches] == [90, 60, 50, 5]
    assert top.get_xlim() == bottom.get_xlim()
    assert (tick_labels(top.xaxis), tick_labels(bottom.xaxis)) == ([], ["Jan", "Feb", "Mar", "Apr"])
    line, apart = lines_of(bottom)
    np.testing.assert_array_equal(line.get_ydata(), [np.nan, 0.3, 0.5, np.nan])
    np.testing.assert_array_equal(apart.get_ydata(), [0.1, np.nan, np.nan, 0.9])
    assert apart.get_markerfacecolor() == "white" and apart.get_linestyle() == "None"


def test_units_cut_by_the_log_are_never_drawn_as_full_bars():
    ax = plots.acquisition(base())
    top = ax.child_axes[0]
    assert hatched(top) == [False, False, False, True]
    assert [round(bar.get_facecolor()[3], 2) for bar in top.patches] == [0.35, 1, 1, 0]
    assert legend_labels(ax) == ["Incomplete unit", "Truncated cohort"]
    assert legend_labels(plots.acquisition(base()[1:3])) == []


def heights(ax):
    return [float(bar.get_height()) for bar in ax.patches]


def ranges(ax):
    return [segment[:, 1].tolist() for segment in ax.collections[0].get_segments()]


def test_a_projection_stacks_customers_to_come_on_those_of_today_with_a_range_of_both():
    ax = plots.projection(units())
    assert heights(ax) == [900, 950, 100, 700, 590, 180, 400]
    assert [bar.get_y() for bar in ax.patches[3:]] == [100, 0, 800, 590]
    assert hatched(ax) == [False, False, True, *[False] * 4]
    assert ranges(ax) == [[900, 1050], [800, 1200]]
    assert words_on(ax) == [
        "Expected known",
        "Expected new",
        "Projected range",
        "Observed",
        "Incomplete unit",
    ]
    assert legend_labels(ax) == []
    assert ax.get_ylim()[1] >= 1200


def test_a_history_without_a_projection_is_the_history_alone():
    ax = plots.projection(units()[:2])
    assert words_on(ax) == ["Observed"]
    assert not ax.collections[0].get_segments()


def test_months_ahead_stand_beside_as_many_months_before_and_at_least_twelve():
    for count, shown in ((5, 5), (40, 13)):
        ax = plots.forecast_months(months_ahead(), observed=months_so_far(count))
        assert heights(ax)[:shown] == [*[550] * (shown - 1), 200]
        assert all(place.is_integer() for place in ax.get_xticks())
        assert len(ax.patches) == shown + 6


def test_what_a_month_has_brought_so_far_is_part_of_what_is_expected_of_it():
    ax = plots.forecast_months(months_ahead(), observed=months_so_far())
    known, new = ax.patches[5:8], ax.patches[8:]
    assert [(bar.get_y(), bar.get_height()) for bar in known] == [(200, 300), (0, 500), (0, 140)]
    assert [(bar.get_y(), bar.get_height()) for bar in new] == [(500, 20), (500, 100), (140, 40)]
    assert ranges(ax) == [[456, 600], [480, 750], [144, 225]]


def test_a_month_that_is_not_seen_or_not_forecast_whole_is_hatched():
    ax = plots.forecast_months(months_ahead(), observed=months_so_far())
    assert hatched(ax) == [*[False] * 4, True, False, False, True, False, False, True]
    assert words_on(ax)[-1] == "Incomplete unit"
    whole = months_ahead().assign(until=pd.Timestamp("2024-08-01"))
    plain = plots.forecast_months(whole, observed=months_so_far()[:4])
    assert not any(hatched(plain))
    assert "Incomplete unit" not in words_on(plain)


def test_a_forecast_is_drawn_without_a_past_and_without_a_range():
    ax = plots.forecast_months(months_ahead()[:6])
    assert heights(ax) == [300, 500, 140, 20, 100, 40]
    assert words_on(ax) == ["Expected known", "Expected new", "Incomplete unit"]


def test_a_column_that_observed_months_lack_is_named():
    with pytest.raises(DataError, match=r"\(observed\): missing columns: 'complete'"):
        plots.forecast_months(months_ahead(), observed=months_so_far()[["month", "revenue"]])


# What was forecast at earlier dates


def test_what_came_is_a_dot_on_what_was_said_with_its_range_the_earliest_date_on_the_left():
    ax = plots.rolling_totals(rolling())
    said, came = ax.lines[:2]
    assert list(said.get_ydata()) == [700, 800, 900]
    assert list(came.get_ydata()) == [900, 810, 950]
    assert ranges(ax) == [[600, 820], [700, 920], [800, 1010]]
    assert tick_labels(ax.xaxis) == ["Jan\n2024", "Apr", "Jul"]
    assert words_on(ax) == ["Predicted", "Actual", "Projected range"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("Cut", "Revenue")
    assert ax.get_ylim()[0] == 0 and ax.get_ylim()[1] > 1010


def test_one_measure_of_one_forecast_is_drawn():
    orders = plots.rolling_totals(rolling(), measure="orders")
    assert list(orders.lines[1].get_ydata()) == [10, 10, 10]
    assert orders.get_ylabel() == "Orders"
    clock = plots.rolling_totals(rolling(), member="clock")
    assert list(clock.lines[0].get_ydata()) == [10_000] * 3
    assert words_on(clock) == ["Actual", "Predicted"]
    assert texts(plots.rolling_totals(rolling(), member="everyone")) == ["No data"]
    with pytest.raises(DataError, match="'clv'"):
        plots.rolling_totals(rolling(), measure="clv")


def test_revenue_is_said_as_money_and_orders_as_numbers():
    style = Style(money=lambda value: f"{value:.0f} €", number=lambda value: f"{value:.0f}")
    revenue, orders = (
        tick_labels(plots.rolling_totals(rolling(), measure=measure, style=style).yaxis)
        for measure in ("revenue", "orders")
    )
    assert all(tick.endswith(" €") for tick in revenue)
    assert not any("€" in tick for tick in orders)


def test_expected_and_actual_shares_of_customers_who_ordered_are_two_marks_a_date():
    ax = plots.chances(chances())
    said, came = ax.lines[:2]
    assert (list(said.get_ydata()), list(came.get_ydata())) == ([0.34, 0.33], [0.31, 0.35])
    assert said.get_marker() != came.get_marker()
    assert tick_labels(ax.yaxis)[0] == "0%"
    assert words_on(ax) == ["Predicted", "Actual"]


def test_segments_have_a_dot_a_date_and_their_mean_the_highest_on_top():
    ax = plots.rolling_segments(rolling_segments())
    assert tick_labels(ax.yaxis) == ["Loyal", "Lost"]
    assert texts(ax) == ["×2.5", "×0.3"]
    dots = [list(line.get_xdata()) for line in ax.lines if line.get_marker() == "o"]
    means = [list(line.get_xdata()) for line in ax.lines if line.get_marker() == "|"]
    assert dots == [[2.0, 3.0, 2.5], [0.2, 0.4, 0.3]]
    assert means == [[2.5], [pytest.approx(0.3)]]
    assert legend_labels(ax) == ["One cut", "Mean of cuts"]


def test_only_factors_have_a_line_at_the_mean_customer():
    factors, money = (
        plots.rolling_segments(rolling_segments(), value=value)
        for value in ("times_the_base", "revenue_per_customer")
    )
    drawn = [[list(line.get_xdata()) for line in ax.lines] for ax in (factors, money)]
    assert [lines.count([1, 1]) for lines in drawn] == [1, 0]
    assert texts(money) == ["125", "15"]


def test_a_segment_without_customers_at_a_date_has_no_dot_there():
    table = rolling_segments()
    table.loc[1, "times_the_base"] = np.nan
    assert texts(plots.rolling_segments(table)) == ["×2.8", "×0.3"]


def test_segments_of_several_segmentations_are_not_mixed():
    table = rolling_segments().assign(segmentation=["families", "clusters"] * 3)
    with pytest.raises(DataError, match="several segmentations.*'families', 'clusters'"):
        plots.rolling_segments(table)
    with pytest.raises(DataError, match="'clv'"):
        plots.rolling_segments(table, value="clv")


@pytest.mark.parametrize("name", ["cohort_factors", "cohorts_compared", "acquisition"])
def test_panels_fill_axes_that_are_given_without_touching_each_other(name):
    given = Figure(figsize=(7, 9)).add_subplot()
    draw(name, ax=given)
    svg(given)
    boxes = [part.get_window_extent() for part in given.child_axes]
    assert all(above.y0 > below.y1 for above, below in itertools.pairwise(boxes))
    low, high = given.get_window_extent().y0, given.get_window_extent().y1
    assert all(low <= box.y0 and box.y1 <= high for box in boxes)


@pytest.mark.parametrize("name", ["cohort_factors", "cohorts_compared", "acquisition"])
def test_names_of_panels_keep_clear_of_the_panels_above(name):
    ax = draw(name)
    svg(ax)
    parts = ax.child_axes
    for above, below in itertools.pairwise(parts):
        assert below.title.get_window_extent().y1 <= above.get_window_extent().y0


# A dimension


def test_a_cell_of_a_dimension_holds_its_share_and_its_customers_the_largest_value_first():
    ax = draw("dimension_heatmap")
    assert tick_labels(ax.xaxis) == ["web", "shop", "Other values", "Unknown\nvalue"]
    assert tick_labels(ax.yaxis) == ["Champions", "Hibernating"]
    assert texts(ax) == ["50%\n60", "30%\n40", "–", "", "15%\n90", "–", "", "5%\n30"]


def test_a_cell_of_too_few_customers_is_hatched_and_holds_no_number():
    ax = draw("dimension_heatmap")
    assert sorted(patch.get_xy() for patch in ax.patches) == [(2.02, 1.02), (3.02, 0.02)]
    assert legend_labels(ax) == ["Few customers"]
    whole = by_channel().dropna(subset="customers")
    assert legend_labels(draw("dimension_heatmap", whole)) == []


def test_a_dimension_can_be_coloured_by_customers_or_by_value():
    count = draw("dimension_heatmap", value="customers")
    assert texts(count) == ["60", "40", "–", "", "90", "–", "", "30"]
    worth = draw("dimension_heatmap", value="clv")
    assert texts(worth)[:2] == ["80\n60", "90\n40"]


def test_a_value_called_as_a_segment_is_not_said_as_one():
    renamed = by_channel().replace({"channel": {"web": "hibernating"}})
    style = Style(labels={"hibernating": "Hibernando"})
    assert tick_labels(draw("dimension_heatmap", renamed, style=style).xaxis)[0] == "hibernating"


def test_a_cell_of_a_dimension_that_comes_twice_and_an_unknown_value_are_errors():
    twice = pd.concat([by_channel(), by_channel().tail(1)])
    with pytest.raises(DataError, match="a cell comes twice .*: 'hibernating, nan'"):
        draw("dimension_heatmap", twice)
    with pytest.raises(DataError, match="unknown value: 'aov'. Fix: use one of customers"):
        draw("dimension_heatmap", value="aov")


def test_many_values_of_a_dimension_stay_on_the_page():
    many = pd.DataFrame(
        {"segment": "champions", "shop": [f"Sucursal número {i}" for i in range(10)]}
    )
    many = many.assign(customers=10_000, revenue_share=0.1, clv=1.0)
    ax = draw("dimension_heatmap", many)
    assert {text.get_rotation() for text in ax.get_xticklabels()} == {90.0}
    assert len(texts(ax)) == 10
