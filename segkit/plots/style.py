"""How a picture speaks (words, numbers, months) and which colour a segment wears."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from types import MappingProxyType
from zlib import crc32

BLUE, SKY, GREEN, YELLOW = "#0072B2", "#56B4E9", "#009E73", "#F0E442"
ORANGE, VERMILLION, PURPLE = "#E69F00", "#D55E00", "#CC79A7"
INK, GREY, PALE = "#333333", "#8C8C8C", "#C0C0C0"

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

PICTURE_LABELS = (
    "abandoned",
    "above_threshold",
    "actual",
    "age_day",
    "age_month",
    "age_quarter",
    "age_week",
    "age_year",
    "as_of",
    "at_start",
    "below_threshold",
    "bought_again",
    "bought_late",
    "calendar_period",
    "chosen",
    "churn_gap",
    "clv_share",
    "cumulative_repeats",
    "customers",
    "customers_best_first",
    "customers_best_ranked",
    "customers_least_first",
    "customers_share",
    "cut",
    "days_since_first_order",
    "days_since_purchase",
    "decile_best_first",
    "equality",
    "expected",
    "expected_known",
    "expected_new",
    "expected_orders",
    "few_customers",
    "frequency_score",
    "gone",
    "holdout",
    "incomplete_month",
    "incomplete_unit",
    "mean_of_all",
    "mean_of_cuts",
    "month",
    "new_customers",
    "newcomer",
    "no_data",
    "normal_months",
    "number_of_clusters",
    "observed",
    "of_customers",
    "of_revenue",
    "one_cut",
    "ordered",
    "other_values",
    "p_order",
    "pending",
    "predicted",
    "projected_range",
    "purchase",
    "purchases_per_customer",
    "random",
    "recency_days",
    "recency_score",
    "recovered",
    "repeats",
    "repeats_before",
    "repeats_per_customer",
    "returning_customers",
    "revenue",
    "revenue_mean",
    "revenue_per_acquired_so_far",
    "revenue_per_customer",
    "revenue_share",
    "revenue_tenth",
    "score",
    "share",
    "share_of_each_row",
    "silhouette",
    "spend_decile_best_first",
    "stability",
    "times_the_base",
    "times_the_base_mean",
    "truncated_cohort",
    "unknown_value",
    "usual_gap",
    "waiting",
    "weekly_repeats",
    "year_before",
)


def tint(colour: str, white: float) -> str:
    """Return `colour` mixed with a share of white.

    Parameters
    ----------
    colour : str
        `#rrggbb`.
    white : float
        Share of white, 0 (as it is) to 1 (white).

    Returns
    -------
    str
        `#rrggbb`.

    Examples
    --------
    >>> tint("#0072B2", 0.5)
    '#80B8D8'
    """
    return _mixed(colour, 255, white)


def shade(colour: str, black: float) -> str:
    """Return `colour` mixed with a share of black.

    Parameters
    ----------
    colour : str
        `#rrggbb`.
    black : float
        Share of black, 0 (as it is) to 1 (black).

    Returns
    -------
    str
        `#rrggbb`.

    Examples
    --------
    >>> shade("#0072B2", 0.5)
    '#003959'
    """
    return _mixed(colour, 0, black)


def _mixed(colour: str, level: int, share: float) -> str:
    """Return a colour mixed with a share of grey of a level, 0 (black) to 255 (white)."""
    parts = (int(colour[start : start + 2], 16) for start in (1, 3, 5))
    return "#" + "".join(f"{round(part + (level - part) * share):02X}" for part in parts)


# Segments of one segmentation differ; segments that never meet may share a colour.
COLOURS = MappingProxyType(
    {
        "champions": BLUE,
        "loyal": GREEN,
        "potential_loyalists": SKY,
        "new": YELLOW,
        "promising": tint(GREEN, 0.5),
        "need_attention": ORANGE,
        "about_to_sleep": tint(ORANGE, 0.55),
        "at_risk": VERMILLION,
        "cannot_lose": PURPLE,
        "hibernating": GREY,
        "lost": INK,
        "prospects": PALE,
        "prospect": PALE,
        "returned_all": tint(PURPLE, 0.75),
        "beginners": ORANGE,
        "recurrent": SKY,
        "big_spenders": PURPLE,
        "occasional": tint(PURPLE, 0.5),
        "low_value": tint(ORANGE, 0.55),
        "frequent_low_ticket": SKY,
        "reactivated": SKY,
        "one_and_done": tint(VERMILLION, 0.5),
        "churned": INK,
        "returned": SKY,
        "active": GREEN,
        "prospect_cart_abandoned": tint(ORANGE, 0.65),
        "returned_all_cart_abandoned": shade(PURPLE, 0.3),
        "churned_cart_abandoned": shade(VERMILLION, 0.4),
        "churned_fast": shade(GREY, 0.2),
        "churned_late": INK,
        "new_cart_abandoned": ORANGE,
        "new_high_potential": shade(YELLOW, 0.35),
        "new_one_timer": tint(YELLOW, 0.55),
        "returned_cart_abandoned": tint(VERMILLION, 0.5),
        "active_cart_abandoned": VERMILLION,
        "active_frequent_returns": tint(GREEN, 0.72),
        "active_large_order": shade(GREEN, 0.4),
        "active_small_order": tint(GREEN, 0.4),
        "one_timer": tint(YELLOW, 0.3),
        "high_potential": BLUE,
        "undecided": GREY,
        "frequent": VERMILLION,
        "some": tint(ORANGE, 0.4),
        "none": GREY,
        "large": BLUE,
        "small": SKY,
        "fast": INK,
        "late": SKY,
        "bought_late": SKY,
        "abandoned": VERMILLION,
        "recovered": GREEN,
        "pending": PALE,
        "recent": BLUE,
        "older": tint(BLUE, 0.6),
        "newcomer": PALE,
        "gone": INK,
    }
)


def segment_colour(key: str) -> str:
    """Return the colour that a segment wears in every picture.

    A sub-segment (`loyal_r3`) wears its family's colour, paler the longer ago it
    bought. A key that the kit does not know gets a colour that depends on nothing
    but its name.

    Parameters
    ----------
    key : str
        Key of a segment.

    Returns
    -------
    str
        `#rrggbb`, from the palette of Okabe and Ito, its tints and shades, and greys.

    Source
    ------
    Okabe and Ito (2008), Color Universal Design.

    Examples
    --------
    >>> segment_colour("champions")
    '#0072B2'
    >>> segment_colour("loyal_r5") == segment_colour("loyal")
    True
    """
    family, mark, score = str(key).rpartition("_r")
    if mark and score in {"1", "2", "3", "4", "5"}:
        return tint(segment_colour(family), (5 - int(score)) * 0.12)
    spare = (BLUE, GREEN, SKY, ORANGE, VERMILLION, PURPLE, GREY)
    return COLOURS.get(str(key)) or spare[crc32(str(key).encode(errors="replace")) % len(spare)]


def english_number(value: float) -> str:
    """Return a number in English: whole from a hundred up, with up to two decimals below.

    Examples
    --------
    >>> english_number(1234.5), english_number(3.0), english_number(1.44), english_number(0.031)
    ('1,234', '3', '1.4', '0.03')
    """
    size = abs(value)
    if size >= 100:
        return f"{value:,.0f}"
    return f"{value:.{1 if size >= 1 else 2}f}".rstrip("0").rstrip(".")


def english_percent(share: float) -> str:
    """Return a share (0..1) in percent, with a decimal below ten percent.

    Examples
    --------
    >>> english_percent(0.634), english_percent(0.054), english_percent(0.0001)
    ('63%', '5.4%', '<0.1%')
    """
    percent = 100 * share
    if 0 < percent < 0.05:
        return "<0.1%"
    decimals = 0 if abs(percent) >= 9.95 or abs(percent - round(percent)) < 0.05 else 1
    return f"{percent:.{decimals}f}%"


def english_month(day: date) -> str:
    """Return the month of a date, in English whatever the process's locale.

    Examples
    --------
    >>> english_month(date(2024, 3, 1))
    'Mar 2024'
    """
    return f"{MONTHS[day.month - 1]} {day.year}"


def english_month_name(number: int) -> str:
    """Return the name of a calendar month, in English whatever the process's locale.

    Examples
    --------
    >>> english_month_name(3)
    'Mar'
    """
    return MONTHS[number - 1]


@dataclass(frozen=True)
class Style:
    """How a picture speaks: its words, and how it says money, numbers, shares and months.

    Parameters
    ----------
    labels : mapping of str to str, optional
        The text of each key (of a segment, a column or one of `PICTURE_LABELS`).
    money, number : callable, optional
        From an amount or a number to its text.
    percent : callable, optional
        From a share (0..1) to its text.
    month : callable, optional
        From the first day of a month to its text.
    month_name : callable, optional
        From a calendar month (1 is January) to its short name.

    Examples
    --------
    >>> style = Style(labels={"at_risk": "En riesgo"})
    >>> style.label("at_risk"), style.label("big_spenders")
    ('En riesgo', 'Big spenders')
    """

    labels: Mapping[str, str] = field(default_factory=dict)
    money: Callable[[float], str] = english_number
    number: Callable[[float], str] = english_number
    percent: Callable[[float], str] = english_percent
    month: Callable[[date], str] = english_month
    month_name: Callable[[int], str] = english_month_name

    def label(self, key: str) -> str:
        """Return the text of a key, or the key itself in plain words.

        Parameters
        ----------
        key : str
            Key of a segment, a column or one of `PICTURE_LABELS`.

        Returns
        -------
        str
            The text, as given (not escaped, not shortened).
        """
        plain = str(key).replace("_", " ")
        return str(self.labels.get(key, plain[:1].upper() + plain[1:]))


ENGLISH = Style()
