"""What all pages of the kit are made with: templates that escape, one style sheet, one policy."""

from __future__ import annotations

from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from markupsafe import Markup

TEMPLATES = Path(__file__).parent / "templates"

# Styles stay inline and unhashed: some browsers apply the page's policy to SVG pictures too.
POLICY = (
    "default-src 'none'; img-src data:; style-src 'unsafe-inline';"
    " base-uri 'none'; form-action 'none'"
)


def template(name: str) -> Template:
    """Return a page of the kit, which escapes whatever is put into it."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(name)


def style_sheet(*names: str) -> Markup:
    """Return style sheets of the kit, one after the other, as a page holds them."""
    sheets = [(TEMPLATES / name).read_text(encoding="utf-8") for name in names]
    return Markup("\n".join(sheets))
