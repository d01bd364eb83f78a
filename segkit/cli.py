"""The command line: `segkit run`, `check`, `new`, `playbook`, `index`, `compare`."""

from __future__ import annotations

import glob
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from segkit.errors import SegkitError
from segkit.foundation.version import __version__
from segkit.params import NO_CURRENCY, find_root, load_params

if TYPE_CHECKING:
    from segkit.params import Params
    from segkit.run.execute import Outcome

ROOT = click.option(
    "--root",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Project folder; default: the nearest one with notebooks/ and params/.",
)
DEBUG = click.option("--debug", is_flag=True, help="Show tracebacks.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="segkit")
def main() -> None:
    """From a client's order log to customer segments a marketer can act on."""


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--jobs", "-j", type=click.IntRange(1), default=1, help="Clients at the same time.")
@click.option("--force", is_flag=True, help="Run clients whose inputs have not changed, too.")
@ROOT
@DEBUG
def run(files: tuple[str, ...], jobs: int, force: bool, root: Path | None, debug: bool) -> None:
    """Run clients (PARAMS FILES) to finished reports."""
    from segkit.run.clients import run_clients  # heavy: `segkit --help` does without
    from segkit.run.progress import watching  # heavy: `segkit --help` does without

    with _told_in_one_line(debug):
        with watching() as listener:
            outcomes = run_clients(
                _expanded(files), root=root, jobs=jobs, force=force, listener=listener
            )
        for outcome in outcomes:
            _tell(outcome, debug)
        page = (root or find_root()) / "reports" / "index.html"
        if page.is_file():
            click.secho(f"all clients: {_shown(page)}", dim=True)
    if any(outcome.state == "failed" for outcome in outcomes):
        raise SystemExit(1)


def _tell(outcome: Outcome, debug: bool) -> None:
    if outcome.state == "failed":
        click.secho(f"{outcome.client}: failed", fg="red", err=True)
        for line in (
            outcome.details if debug and outcome.details else outcome.problem
        ).splitlines():
            click.echo(f"  {line}", err=True)
        return
    told = f"{outcome.seconds:.1f} s" if outcome.state == "done" else "nothing has changed"
    report = _shown(outcome.folder / "report.html") if outcome.folder else ""
    click.echo(f"{outcome.client}: {outcome.state} ({told})  {report}")
    for remark in outcome.remarks:
        click.secho(f"  {remark}", dim=True)


@main.command()
@click.argument("files", nargs=-1, required=True)
@click.option("--total", type=float, help="Net revenue that the client says: is it the file's?")
@ROOT
@DEBUG
def check(files: tuple[str, ...], total: float | None, root: Path | None, debug: bool) -> None:
    """Check clients' parameters and all lines of their orders, and do nothing else."""
    from segkit.run.examined import told  # heavy: `segkit --help` does without
    from segkit.run.preflight import examine  # heavy: `segkit --help` does without

    root = root or find_root()
    failed = False
    for file in _expanded(files):
        try:
            params = load_params(file)
            found = examine(params, root)
            claimed = _about_claims(params, root)
        except SegkitError as error:
            failed = True
            text = str(error)
            click.echo(text if text.startswith(str(file)) else f"{file}: {text}", err=True)
            if debug:
                traceback.print_exc()
            continue
        dates = _about_dates(found.unread_dates, params)
        for line in [*told(found, params, total), *dates, *claimed]:
            click.echo(f"{file}: {line}")
    if failed:
        raise SystemExit(1)


def _about_claims(params: Params, root: Path) -> list[str]:
    """Name the texts of a client's own playbook that figures of a segment may contradict."""
    if params.report.playbook is None:
        return []
    from segkit.words.playbook_lint import told  # heavy: few clients have a playbook of their own

    return told(params.language, root / params.report.playbook)[1:]


def _about_dates(unread: list[str], params: Params) -> list[str]:
    """Say how dates are written that a client's file does not read."""
    if not unread:
        return []
    from segkit.sniff import other_pattern, trial  # heavy: loaded where dates are not read

    with trial() as tried:
        pattern = other_pattern(unread, tried)
    if pattern is None:
        return []
    now = params.orders.date_format or "ISO"
    return [
        f"dates are written in two ways: {now}, and {pattern} such as {unread[0]!r}: export the log "
        "again in one, or put the lines of each into a file of their own"
    ]


@main.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("--language", help="Of the playbook, such as en; default: FILE's own, else all.")
@DEBUG
def playbook(file: Path | None, language: str | None, debug: bool) -> None:
    """Check what a playbook claims: FILE over the kit's, or the kit's own.

    Told is each text that would also be said of a segment whose figures contradict it.
    """
    from segkit.words.playbook import checked_languages  # heavy: loaded when it is asked for
    from segkit.words.playbook_lint import told  # heavy: loaded when it is asked for

    failed = False
    with _told_in_one_line(debug):
        for each in checked_languages(file, language):
            lines = told(each, file)
            failed |= len(lines) > 1
            for line in lines:
                click.echo(line)
    if failed:
        raise SystemExit(1)


@main.command()
@click.argument("language")
@DEBUG
def translate(language: str, debug: bool) -> None:
    """Bring the texts in LANGUAGE (such as pt) up to the English ones, and say what is left."""
    from segkit.words.translations import update  # heavy: loaded when it is asked for

    with _told_in_one_line(debug):
        left = update(language)
    click.echo(
        f"{language}: {left.messages} texts, {len(left.missing)} to translate, "
        f"{len(left.outdated)} to look at again"
    )
    for context in (*left.missing, *left.outdated):
        click.echo(f"  {context}")


@main.command()
@click.argument("client")
@click.option(
    "--from",
    "files",
    required=True,
    multiple=True,
    type=click.Path(path_type=Path),
    help="The client's order log; again for each other file of it, such as that of the lines.",
)
@click.option("--currency", help="ISO 4217 code, such as EUR, where the file does not say.")
@click.option("--no-amounts", is_flag=True, help="The log has no amounts: units are counted.")
@click.option("--separator", help="Field separator, where the file is ambiguous.")
@click.option("--date-format", help="Such as %d/%m/%Y, where the file is ambiguous.")
@click.option("--decimal", type=click.Choice([".", ","]), help="Decimal mark, likewise.")
@click.option("--sheet", help="Sheet of a workbook that has several.")
@click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="ROLE=NAME",
    help="Which column is which, such as customer=Socio; can be repeated.",
)
@ROOT
@DEBUG
def new(
    client: str,
    files: tuple[Path, ...],
    currency: str | None,
    no_amounts: bool,
    columns: tuple[str, ...],
    root: Path | None,
    debug: bool,
    **given: str | None,
) -> None:
    """Write params/CLIENT.yaml from a look at a file, with every guess explained."""
    from segkit.run.preflight import examine  # heavy: `segkit --help` does without
    from segkit.sniff import write_params  # heavy: loaded when a file is looked at

    root = root or find_root()
    overrides: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    with _told_in_one_line(debug):
        if columns:
            overrides["columns"] = dict(_role_and_name(column) for column in columns)
        out = root / "params" / f"{client}.yaml"
        written = write_params(
            client,
            files[0],
            out,
            currency=NO_CURRENCY if no_amounts else currency,
            root=root,
            check=examine,
            others=files[1:],
            overrides=overrides,
            tell=click.echo,
        )
        click.echo(
            f"{_shown(written)}: look through the guesses, then: segkit run {_shown(written)}"
        )


@main.command()
@click.option("--language", help="Of the page, such as es; default: that of most clients.")
@click.option(
    "--benchmarks/--no-benchmarks", default=None, help="Compare the clients' figures, or no longer."
)
@click.option(
    "--anonymous", is_flag=True, help="Compare them, unnamed, in reports/benchmarks.html."
)
@ROOT
@DEBUG
def index(
    language: str | None, benchmarks: bool | None, anonymous: bool, root: Path | None, debug: bool
) -> None:
    """Write reports/index.html over all clients; every run does so, too.

    Language and benchmarks are remembered for the next time.
    """
    # Heavy: loaded when a page is made.
    from segkit.report.index.index import write_benchmarks, write_index

    root = (root or find_root()).resolve()
    with _told_in_one_line(debug):
        if anonymous:
            click.echo(_shown(write_benchmarks(root, language)))
        else:
            click.echo(_shown(write_index(root, language=language, benchmarks=benchmarks)))


@main.command()
@click.argument("before", type=click.Path(path_type=Path), metavar="RUN")
@click.argument("after", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--html", type=click.Path(path_type=Path), help="Write a page, too.")
@click.option("--exit-code", is_flag=True, help="Exit with 1 if anything differs.")
@DEBUG
def compare(before: Path, after: Path, html: Path | None, exit_code: bool, debug: bool) -> None:
    """Tell what changed between two finished runs, such as reports/acme/2025-12-31."""
    from rich.console import Console  # only a terminal needs it

    from segkit.report.index.compare import compare  # heavy: loaded when a page is made

    # Heavy: loaded when a page is made.
    from segkit.report.index.comparison import print_comparison, write_comparison

    with _told_in_one_line(debug):
        comparison = compare(before, after)
        print_comparison(comparison, Console(highlight=False))
        if html:
            click.echo(_shown(write_comparison(comparison, html)))
    if exit_code and comparison.differs:
        raise SystemExit(1)


def _role_and_name(text: str) -> tuple[str, str]:
    role, equals, name = text.partition("=")
    if not equals:
        raise SegkitError("no '='", where="--column", values=[text], fix="write customer=Socio")
    return role.strip(), name


def _expanded(files: tuple[str, ...]) -> list[Path]:
    """Return the files, with the patterns that a shell has left as they are written out."""
    found: list[Path] = []
    for file in files:
        matches = sorted(glob.glob(file)) if any(mark in file for mark in "*?[") else []
        found += [Path(match) for match in matches or [file]]
    return found


@contextmanager
def _told_in_one_line(debug: bool) -> Iterator[None]:
    try:
        yield
    except SegkitError as error:
        if debug:
            raise
        click.echo(str(error), err=True)
        raise SystemExit(1) from None
    except KeyboardInterrupt:
        click.echo("interrupted; run the same command again to continue", err=True)
        raise SystemExit(130) from None


def _shown(path: Path) -> str:
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


if __name__ == "__main__":
    sys.exit(main())
