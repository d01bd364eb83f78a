"""The report as a PDF: the same page, printed by a Chromium or by WeasyPrint."""

from __future__ import annotations

import html as entities
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zlib
from importlib.util import find_spec
from pathlib import Path
from typing import BinaryIO

from segkit.errors import SegkitError
from segkit.foundation.files import replacing
from segkit.foundation.pages import inward

CHROMIUM = "SEGKIT_CHROMIUM"
"""Environment variable: the Chromium to print with; empty, none is used."""
NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "chrome",
    "msedge",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"%ProgramFiles%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Google\Chrome\Application\chrome.exe",
    r"%LocalAppData%\Google\Chrome\Application\chrome.exe",
    r"%ProgramFiles(x86)%\Microsoft\Edge\Application\msedge.exe",
    r"%ProgramFiles%\Microsoft\Edge\Application\msedge.exe",
)
FLAGS = (
    "--headless",
    "--disable-gpu",
    "--disable-dev-shm-usage",  # containers give it too little
    "--disable-extensions",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-breakpad",
    "--no-first-run",
    "--no-default-browser-check",
    "--no-pings",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--user-agent=segkit",  # the document says what made it, and no more
    "--no-pdf-header-footer",
    "--generate-pdf-document-outline",
)
SECONDS = 180  # a browser that hangs must not hold up the other clients
TITLE_LENGTH = 90  # longer, it would not fit on a page's head
FIX = "install Chromium or segkit[pdf] and run with --force, or set report.pdf to false"
PACKED = re.compile(rb"/ObjStm\b.*?stream\r?\n(.*?)endstream", re.DOTALL)
RUNNING = """<style>
@media print {{
  @page {{ @top-left {{ content: {title}; color: #596575; font: 8pt system-ui, sans-serif; }} }}
  @page :first {{ @top-left {{ content: none; }} }}
}}
</style>
"""


def print_pdf(html: Path, out: Path, *, seconds: float = SECONDS) -> Path:
    """Print a report as a PDF, with its title on the head of its pages.

    Parameters
    ----------
    html : Path
        The report.
    out : Path
        The PDF; replaced only when the new one is whole.
    seconds : float, optional
        What each way of printing may take.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    SegkitError
        As `print_page`.
    """
    return print_page(printable(Path(html).read_text(encoding="utf-8")), out, seconds=seconds)


def print_page(text: str, out: Path, *, seconds: float = SECONDS) -> Path:
    """Print a page as it is: by a Chromium if there is one, else by WeasyPrint.

    A Chromium takes a sixth of the time; the pages are the same.

    Parameters
    ----------
    text : str
        The page, which needs no other file.
    out, seconds
        As for `print_pdf`.

    Returns
    -------
    Path
        `out`.

    Raises
    ------
    SegkitError
        When neither is there, or none of them prints the page.
    """
    problems = []
    with (
        replacing(Path(out).resolve()) as beside,
        tempfile.TemporaryDirectory(prefix="pdf-", dir=beside.parent) as folder,
    ):
        page = Path(folder) / "page.html"
        page.write_text(text, encoding="utf-8")
        for route in (_by_chromium, _by_weasyprint):
            problem = route(page, beside, seconds) or _broken(beside)
            if not problem:
                break
            problems.append(problem)
        else:
            raise SegkitError(f"no PDF ({'; '.join(problems)})", where=Path(out).name, fix=FIX)
    return Path(out)


def printable(page: str) -> str:
    """Return a page whose title stands on the head of every printed page but the first.

    It links only to itself: printed links to other files would name folders of this machine.

    Examples
    --------
    >>> page = printable('<head><title>Acme &lt;3</title></head><a href="annex.html">All</a>')
    >>> 'content: "Acme \\\\3c 3"' in page, "<a>All</a>" in page
    (True, True)
    """
    found = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    title = " ".join(entities.unescape(found[1]).split()) if found else ""
    if len(title) > TITLE_LENGTH:
        title = f"{title[: TITLE_LENGTH - 1]}…"
    style = RUNNING.format(title=css_string(title))
    return inward(page.replace("</head>", f"{style}</head>", 1))


def page_count(file: Path) -> int:
    """Return how many pages a PDF has that one of the two programs printed."""
    content = Path(file).read_bytes()
    packed = PACKED.findall(content)  # WeasyPrint's pages are inside of compressed streams
    whole = content + b"".join(zlib.decompressobj().decompress(each) for each in packed)
    return len(re.findall(rb"/Type\s*/Page\b", whole))


def css_string(text: str) -> str:
    """Return a text as a CSS string that nothing in it can end.

    Examples
    --------
    >>> print(css_string('a "b" </style>'))
    "a \\22 b\\22  \\3c \\2f style\\3e "
    """
    safe = (
        letter if letter.isalnum() or letter == " " else f"\\{ord(letter):x} " for letter in text
    )
    return f'"{"".join(safe)}"'


def chromium() -> str:
    """Return the program of a Chromium, or an empty text where there is none.

    Raises
    ------
    SegkitError
        When the environment names one that is not there.
    """
    named = os.environ.get(CHROMIUM)
    if named is not None:
        program = shutil.which(named) or ""
        if named and not program:
            raise SegkitError("no such program", where=CHROMIUM, values=[named])
        return program
    places = [*NAMES, *map(os.path.expandvars, PLACES)]
    return next(filter(None, map(shutil.which, places)), "")


def _by_chromium(page: Path, out: Path, seconds: float) -> str:
    try:
        program = chromium()
    except SegkitError as error:
        return str(error)
    if not program:
        return "no Chromium"
    # Chromium as root runs only without its sandbox; any other user keeps it.
    root = ["--no-sandbox"] if getattr(os, "geteuid", lambda: 1)() == 0 else []
    with tempfile.TemporaryDirectory(prefix="segkit-", ignore_cleanup_errors=True) as profile:
        own = [f"--user-data-dir={profile}", f"--print-to-pdf={out}", page.as_uri()]
        return _ran("Chromium", [program, *FLAGS, *root, *own], seconds)


def _by_weasyprint(page: Path, out: Path, seconds: float) -> str:
    if find_spec("weasyprint") is None:
        return "no WeasyPrint"
    flags = ["--quiet", "--encoding=utf-8", "--pdf-tags", "--allowed-protocols=data"]
    with page.open("rb") as text:
        command = [sys.executable, "-m", "weasyprint", *flags, "-", str(out)]
        return _ran("WeasyPrint", command, seconds, text)


def _ran(
    name: str, command: list[str], seconds: float, given: BinaryIO | int = subprocess.DEVNULL
) -> str:
    """Run a program to its end, and say in one line what went wrong."""
    with tempfile.TemporaryFile() as said:
        try:
            process = subprocess.Popen(
                command,
                stdin=given,
                stdout=subprocess.DEVNULL,
                stderr=said,
                start_new_session=True,  # so that its children end with it
            )
        except OSError as error:
            return f"{name}: {error.strerror}"
        try:
            status = process.wait(seconds)
        except subprocess.TimeoutExpired:
            return f"{name} took more than {seconds:g} s"
        finally:
            _end(process)
        said.seek(0)
        last = said.read().decode(errors="replace").strip().rpartition("\n")[2]
    return f"{name} ended with status {status}: {last[:200]}" if status else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        subprocess.run(
            ["taskkill", "/F", "/T", "/PID", str(process.pid)], check=False, capture_output=True
        )
    process.wait()


def _broken(file: Path) -> str:
    whole = file.is_file() and file.read_bytes().rstrip().endswith(b"%%EOF")
    return "" if whole else "what it wrote is no whole PDF"
