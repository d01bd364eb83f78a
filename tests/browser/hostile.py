"""A client whose name, products, segments and findings all try to run a script."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path

import nbformat
import yaml
from made_logs import write_rows

CHAPTERS = ("01_explore", "06_segments", "07_recommendations")
HEADER = ("customer", "date", "order", "product", "product_name", "category", "channel", "amount")
ATTACKS = (
    "<script>pwned('script')</script>",
    "<img src=x onerror=\"pwned('onerror')\">",
    "\"><svg onload=pwned('svg')>",
    "'><svg><script>pwned('svg script')</script></svg>",
    "</style></title><script>pwned('style')</script>",
    "' onmouseover='pwned(`hover`)' autofocus onfocus='pwned(`focus`)",
    "<a href=\"javascript:pwned('link')\">sale</a>",
    "<details open ontoggle=pwned('toggle')>",
    "<iframe srcdoc=\"<script>parent.pwned('frame')</script>\"></iframe>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=pwned('mutation')>",
    "[offer](javascript:pwned('markdown'))",
    "{{ pwned.__class__ }} ${pwned('template')} $\\href{javascript:pwned('math')}{x}$",
    "-->]]><body onload=pwned('body')>",
    "=HYPERLINK(\"javascript:pwned('cell')\")",
)
MARKDOWN = """\
### Notes of the *analyst*

A **bold** claim at 5 < 7, ~~not~~ [a link](javascript:pwned('markdown link')).

| channel | share |
|---|---|
| shop | 40 % |

<b onmouseover="pwned('analyst')">raw</b> <script>pwned('analyst script')</script>
"""
CODE = """\
from IPython.display import HTML, display

display(HTML("<p onclick=pwned('html')>A figure of the analyst</p><script>pwned('html')</script>"))
"""


def write_hostile_client(root: Path) -> Path:
    """Write such a client into a project, with a few of its chapters; return its file."""
    _keep_chapters(root / "notebooks")
    log = root / "<img src=x onerror=pwned('file')>.csv"
    write_rows(log, _lines(random.Random(42)), HEADER)
    finding = {"title": ATTACKS[2], "sentence": ATTACKS[3], "action": ATTACKS[4]}
    rule = {"of": "base", "when": ["customers > 0"], "at_stake": "revenue", "share": 1.0}
    _write(root / "playbook.yaml", {"segments": dict(map(_advice, ("champions", "hibernating")))})
    _write(root / "insights.yaml", {"hostile": rule | finding})
    columns = {name: name for name in HEADER}
    params = {
        "client": "hostile",
        "name": ATTACKS[4],
        "language": "en",
        "currency": "USD",
        "orders": {"path": log.name, "columns": columns},
        "clusters": {"k": 2},
        "audiences": {"campaign": ATTACKS[0]},
        "report": {"playbook": "playbook.yaml", "insights": "insights.yaml", "pdf": False},
    }
    return _write(root / "params" / "hostile.yaml", params)


def _advice(segment: str) -> tuple[str, dict]:
    name = f"{ATTACKS[1]} {segment}"
    return segment, {"name": name, "description": ATTACKS[0], "strategies": list(ATTACKS[:5])}


def _write(file: Path, content: dict) -> Path:
    file.write_text(yaml.safe_dump(content, allow_unicode=True), encoding="utf-8")
    return file


def _lines(chance: random.Random) -> list[tuple]:
    names = dict(enumerate(ATTACKS))
    rows = []
    for order in range(400):
        number = chance.randrange(len(ATTACKS))
        day = date(2024, 1, 1) + timedelta(days=chance.randrange(700))
        customer = f"{ATTACKS[1]}{chance.randrange(60)}"
        product, amount = names[number], 10 + 3 * number
        shop = ATTACKS[order % 3]
        rows.append((customer, day, order, f"{product}{number}", product, product, shop, amount))
    return rows


def _keep_chapters(notebooks: Path) -> None:
    """Take the other chapters out, and add an analyst's own cells to the first."""
    for file in notebooks.glob("*.ipynb"):
        if file.stem not in CHAPTERS:
            file.unlink()
    first = notebooks / f"{CHAPTERS[0]}.ipynb"
    notebook = nbformat.read(first, as_version=4)
    shown = {"tags": ["report"]}
    notebook.cells += [
        nbformat.v4.new_markdown_cell(MARKDOWN, id="analyst-00", metadata=shown),
        nbformat.v4.new_code_cell(CODE, id="analyst-01", metadata=shown),
    ]
    nbformat.write(notebook, first)
