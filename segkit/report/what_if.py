"""Segments with other edges, in a cell: with sliders where there are any, else as a table."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from itertools import pairwise
from typing import Any

import pandas as pd
from markupsafe import Markup

from segkit.foundation.cached import cached_property
from segkit.report.page.tables import html_table
from segkit.study.study import Study
from segkit.study.what_if import MEASURES, Edges, require_movable
from segkit.words.columns import Columns
from segkit.words.format import Formats
from segkit.words.texts import Texts
from segkit.words.wording import Wording

UNITS = {"recency": "days", "frequency": "orders", "monetary": "money"}
REACH = 2
"""How far a slider goes, in multiples of the highest edge."""
STEPS = 200
DIGITS = 4
HIGHEST, LEAST = 0.99, 0.01
"""Between which a share can be moved."""


class WhatIfCell:
    """What a segmentation would be with other edges; alone in a cell, it shows itself.

    Nothing is computed before it is shown, or asked; and it shows itself only where somebody is
    there to move an edge, not in a notebook that runs unattended.

    Parameters
    ----------
    study : Study
    segmentation : str
    edges : mapping
        See `what_if`.
    """

    def __init__(self, study: Study, segmentation: str, edges: Edges) -> None:
        self.study, self.segmentation = study, segmentation
        self.moved: dict[str, Any] = dict(edges)

    @property
    def edges(self) -> dict[str, float | list[float]]:
        """Where all edges are now that can be moved; see `segkit.study.what_if.WhatIf.edges`."""
        return self.study.what_if.edges(self.segmentation) | self.moved

    @property
    def table(self) -> pd.DataFrame:
        """Sizes, revenue and evidence; see `segkit.study.what_if.WhatIf.table`."""
        return self.study.what_if.table(self.segmentation, self.moved)

    def move(self, name: str, value: float, place: int | None = None) -> None:
        """Move an edge; one that would pass its neighbours stops before them.

        Parameters
        ----------
        name : str
            A measure (`recency`, `frequency`, `monetary`), or a share of the predictive segments.
        value : float
            Days, orders, money or a share.
        place : int, optional
            Which edge of the measure, from 0 for the lowest.
        """
        if place is None:
            self.moved[name] = round(min(value, self._most(name)), DIGITS)
            return
        known = self.edges[name]
        cuts = list(known) if isinstance(known, list) else [float(known)]
        step = _step(name, cuts)
        low = cuts[place - 1] + step if place else value
        high = cuts[place + 1] - step if place + 1 < len(cuts) else value
        # A slider counts up its steps, and 78 days become 77.99….
        cuts[place] = round(min(max(value, low), high), 2 if name == "monetary" else 0)
        if all(one < other for one, other in pairwise(cuts)):
            self.moved[name] = cuts

    def _most(self, name: str) -> float:
        """Return how high a share may be: the best and the next best leave somebody below."""
        other = {"champions_share": "loyal_share", "loyal_share": "champions_share"}.get(name)
        held = self.edges[other] if other else 0.0
        return HIGHEST - (held if isinstance(held, float) else 0.0)

    def to_yaml(self) -> str:
        """Return what to write in the client's file, in place of its section of that name."""
        return self.study.what_if.to_yaml(self.segmentation, self.moved)

    def html(self) -> Markup:
        """Return the table, what its last column is, and the lines for the client's file."""
        table = self.table
        parts = [html_table(table, self._wording, self._say("title"), name="what_if")]
        parts += [Markup("<p>{}</p>").format(sentence) for sentence in self._notes()]
        if lines := self.to_yaml():
            put = self._say("file", client=self.study.params.client)
            parts.append(Markup("<p>{}</p>\n<pre>{}</pre>").format(put, lines))
        frame = '<div class="segkit tex2jax_ignore mathjax_ignore">\n{}\n</div>'
        return Markup(frame).format(Markup("\n").join(parts))

    def _ipython_display_(self) -> None:
        if not is_attended():
            return
        # Only a notebook has it, and only one that somebody looks at needs it.
        from IPython.display import HTML, display

        if find_spec("ipywidgets") is not None:
            display(self.widget())
        else:
            hint = Markup("<p>{}</p>").format(self._say("hint", call=self._call()))
            display(HTML(str(self.html() + hint)))

    def widget(self) -> Any:
        """Return sliders for the edges, and the table below them, which follows.

        Raises
        ------
        ModuleNotFoundError
            Without the extra `lab`.
        """
        # An extra, which a run without a reader does not need.
        import ipywidgets

        shown = ipywidgets.HTML(str(self.html()))
        shown.add_class("jp-RenderedHTMLCommon")  # as tables look below other cells
        sliders = [
            self._slider(ipywidgets, shown, name, place, value)
            for name, held in self.edges.items()
            for place, value in _places(held)
        ]
        return ipywidgets.VBox([ipywidgets.VBox(sliders), shown])

    def _slider(self, widgets: Any, shown: Any, name: str, place: int | None, value: float) -> Any:
        held = self.edges[name]
        cuts = held if isinstance(held, list) else [held]
        is_share = place is None
        slider = widgets.FloatSlider(
            value=value,
            min=LEAST if is_share else min(0.0, value),
            max=HIGHEST if is_share else REACH * max(cuts),
            step=LEAST if is_share else _step(name, cuts),
            description=self._name(name, place),
            readout_format=".0%" if is_share else (".2f" if name == "monetary" else ".0f"),
            continuous_update=False,
            style={"description_width": "20rem"},
            layout=widgets.Layout(width="48rem"),
        )

        def moved(change: Mapping[str, Any]) -> None:
            self.move(name, float(change["new"]), place)
            shown.value = str(self.html())
            now = dict(_places(self.edges[name]))[place]
            if now != change["new"]:
                slider.unobserve(moved, names="value")
                slider.value = now
                slider.observe(moved, names="value")

        slider.observe(moved, names="value")
        return slider

    def _name(self, name: str, place: int | None) -> str:
        if place is None:
            return self._say(f"edge_{name}")
        label = self._texts.label(name)
        unit = self._formats.currency if name == "monetary" else self._say(f"unit_{UNITS[name]}")
        return self._say("edge", measure=label, place=place + 1, unit=unit)

    def _notes(self) -> list[str]:
        """Return what the last column is, or why there is none."""
        if not self.study.what_if.is_tested:
            return [self._say("untested")]
        holdout = self.study.holdout
        fields = {"cut": holdout.cut, "months": holdout.horizon_months}
        return [self._say("next", **fields)]

    def _call(self) -> str:
        """Return a call with an edge, as an example of how to move one."""
        given = dict(list(self.edges.items())[:1])
        values = ", ".join(f"{name}={_written(value)}" for name, value in given.items())
        return f'segkit.what_if(study, "{self.segmentation}", {values})'

    def _say(self, key: str, **fields: object) -> str:
        return self._texts.fill(f"page.what_if_{key}", self._formats, **fields)

    @cached_property
    def _texts(self) -> Texts:
        return Texts(self.study.params.language)

    @cached_property
    def _formats(self) -> Formats:
        params = self.study.params
        return Formats(params.display_locale, params.currency)

    @cached_property
    def _wording(self) -> Wording:
        names = self.study.segment_names
        if self.segmentation not in MEASURES:
            known = names[self.segmentation]
        else:
            keys = self.study.what_if.segments(self.segmentation)
            scores = {key: f"{key[0].upper()} = {key[1:]}" for key in keys}
            known = scores | {key: names["families"][key] for key in keys[-2:]}
        return Wording(self._texts, Columns(self.study.params.language), self._formats, known)


def what_if(
    study: Study,
    segmentation: str = "value_groups",
    **edges: float | Sequence[float],
) -> WhatIfCell:
    """Return a segmentation with other edges, to be looked at in a cell.

    Parameters
    ----------
    study : Study
    segmentation : str, optional
        `value_groups`, `sub_segments`, `families`, `clv_segments`; or `recency`, `frequency`,
        `monetary`, whose segments are the scores.
    **edges : float or sequence of float
        Cuts by measure, all of them, lowest first (`recency=[30, 60, 120, 240]`); or shares of
        the predictive segments (`champions_share=0.05`; also `loyal_share`, `low_share`,
        `falling`). Those left out stay.

    Raises
    ------
    SegkitError
        Where the edges of such a segmentation cannot be moved.

    Examples
    --------
    >>> import tempfile
    >>> study = Study("params/cdnow.yaml", run_dir=tempfile.mkdtemp())
    >>> moved = what_if(study, "recency", recency=[30, 60, 120, 240])
    >>> moved.table[["segment", "customers"]].head(2).values.tolist()
    [['r5', 138], ['r4', 91]]
    >>> print(moved.to_yaml())
    rfm:
      bins:
        recency: [30, 60, 120, 240]
    <BLANKLINE>
    """
    require_movable(segmentation)
    return WhatIfCell(study, segmentation, edges)


def is_attended() -> bool:
    """Tell whether somebody may move an edge: not in a script, nor under papermill or nbconvert.

    A kernel is told with each cell whether its reader can answer a question; programs that run
    notebooks say no.
    """
    loaded = sys.modules.get("IPython")
    shell = loaded.get_ipython() if loaded else None
    kernel = getattr(shell, "kernel", None)
    return bool(getattr(kernel, "_allow_stdin", False))


def _places(held: float | Sequence[float]) -> list[tuple[int | None, float]]:
    """Return each edge of a measure with its place; of a share, itself."""
    return [(None, held)] if isinstance(held, int | float) else [*enumerate(held)]


def _step(name: str, cuts: Sequence[float]) -> float:
    """Return the least step: a day, an order; of money, a small part of the highest edge."""
    if name != "monetary":
        return 1.0
    size = REACH * max(cuts) / STEPS
    steps = [10.0**power * part for power in range(-2, 12) for part in (1, 2, 5)]
    return next(step for step in steps if step >= size)


def _written(value: float | Sequence[float]) -> str:
    if isinstance(value, int | float):
        return f"{value:g}"
    return f"[{', '.join(f'{each:.6g}' for each in value)}]"
