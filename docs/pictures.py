"""Pictures of finished reports, as the documentation shows them: an English one and a Spanish one.

python docs/pictures.py reports/tienda_en/2026-01-01/report.html \
    reports/tienda_demo/2026-01-01/report.html

`tienda_en` is a copy of `params/tienda_demo.yaml` with that `client`, `language: en` and
`locale: en_GB`.
"""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

FOLDER = Path(__file__).parent / "pictures"
COLOURS = 64


@dataclass(frozen=True)
class Shot:
    """One picture: of which report, the window's size, the element at its top, how it is lit."""

    name: str
    language: str
    width: int
    height: int
    top: str = ""
    scheme: str = "light"
    scale: float = 1


SHOTS = (
    Shot("first-screen", "en", 1280, 800),
    Shot("phone", "es", 390, 800, scale=1.5),
    Shot("chapter", "en", 1280, 900, top="#expect"),
    Shot("dark", "en", 1280, 700, top="#act", scheme="dark"),
)


def take(browser: Browser, report: Path, shot: Shot) -> Image.Image:
    """Return what a reader sees of a report."""
    context = browser.new_context(
        viewport={"width": shot.width, "height": shot.height},
        color_scheme=shot.scheme,
        device_scale_factor=shot.scale,
    )
    try:
        page = context.new_page()
        page.goto(report.resolve().as_uri())
        _scroll(page, shot.top)
        return Image.open(io.BytesIO(page.screenshot()))
    finally:
        context.close()


def _scroll(page: Page, top: str) -> None:
    if top:
        page.locator(top).evaluate("element => element.scrollIntoView({block: 'start'})")


def save(picture: Image.Image, file: Path) -> int:
    """Write a picture with few colours, and return its bytes."""
    few = picture.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(file, optimize=True)
    return file.stat().st_size


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser: the machine's own Chromium, or Playwright's where there is none."""
    found = shutil.which("chromium") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found)
        yield browser
        browser.close()


def main(english: str, spanish: str) -> None:
    """Take every picture."""
    reports = {"en": Path(english), "es": Path(spanish)}
    FOLDER.mkdir(exist_ok=True)
    with chromium() as browser:
        for shot in SHOTS:
            file = FOLDER / f"{shot.name}.png"
            size = save(take(browser, reports[shot.language], shot), file)
            print(f"{file.name}: {size:,} bytes")


if __name__ == "__main__":
    main(*sys.argv[1:])
