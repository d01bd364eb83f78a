"""What the figures of a page come from: files, lines, versions, parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypedDict

import pandas as pd
from markupsafe import Markup

from segkit.params import flattened
from segkit.report.page.tables import html_pairs, html_table
from segkit.words.wording import Wording


class Provenance(TypedDict, total=False):
    """What the figures of a page come from; each key may be left out.

    Parameters
    ----------
    sources : sequence of mapping
        `file` and `sha256` of each file that was read.
    rows : mapping
        Lines `read`, `kept` and `rejected`.
    data_quality : DataFrame, or sequence of mapping
        `rule`, `action`, `lines`, `amount`.
    versions : mapping
        Of programs.
    parameters : mapping
        The client's; may be nested.
    fingerprint : str
        Digest of everything that the figures depend on.
    """

    sources: Sequence[Mapping[str, str]]
    rows: Mapping[str, int]
    data_quality: pd.DataFrame | Sequence[Mapping[str, Any]]
    versions: Mapping[str, str]
    parameters: Mapping[str, Any]
    fingerprint: str


def told(given: Provenance, wording: Wording) -> dict[str, object]:
    """Return the lines and tables of a page's end, as its template takes them.

    Parameters
    ----------
    given : Provenance
    wording : Wording
        In whose language and formats it is said.
    """
    rows = given.get("rows", {})
    return {
        "rows": {
            wording.texts.text(f"page.rows_{key}"): wording.formats.integer(rows[key])
            for key in ("read", "kept", "rejected")
            if key in rows
        },
        "tables": dict(_tables(given, wording)),
        "fingerprint": str(given.get("fingerprint", ""))[:12],
    }


def _tables(given: Provenance, wording: Wording) -> Iterator[tuple[str, Markup]]:
    say = wording.texts.text
    quality = pd.DataFrame(given.get("data_quality", []))
    if "lines" in quality:
        quality = quality[quality["lines"] > 0]
    if len(quality):
        yield "reasons", html_table(quality, wording, say("page.reasons"), name="data_quality")
    hashes = {str(item["file"]): str(item["sha256"])[:12] for item in given.get("sources", [])}
    pairs = {
        ("source_files", "file", "source_hash"): hashes,
        ("versions", "program", "version"): given.get("versions", {}),
        ("parameters", "parameter", "value"): dict(flattened(given.get("parameters", {}))),
    }
    for (key, *heads), values in pairs.items():
        shown = {name: wording.formats.text(value) for name, value in values.items()}
        if shown:
            first, second = (say(f"page.{head}") for head in heads)
            yield key, html_pairs(shown, (first, second), say(f"page.{key}"))
